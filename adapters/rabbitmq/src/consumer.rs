//! The connection that consumes: a consumer for each route, on one channel.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use futures_util::StreamExt;
use lapin::{
    Channel, Connection,
    message::Delivery,
    options::{
        BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions, BasicRejectOptions,
    },
    types::{FieldTable, ShortString},
};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::{AbortHandle, JoinSet},
    time::{Instant, timeout},
};

use crate::{
    OpenError, ServeError,
    connection::{Live, Seen, Target, Watch},
    inbox::Inbox,
    parcel,
    topology::{Topology, away},
};

/// How often a queue that could not be consumed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

type Answer = oneshot::Sender<Result<(), ServeError>>;

pub(crate) struct Consumers {
    target: Target,
    topology: Arc<Topology>,
    inbox: Arc<Inbox>,
    prefetch: u16,
    patience: Duration,
    routes: Mutex<Routes>,
    /// Routes were added.
    changed: Notify,
}

#[derive(Default)]
struct Routes {
    wanted: BTreeSet<Arc<str>>,
    /// Ever served or published to: one that is gone does not come back by a publication.
    known: BTreeSet<Arc<str>>,
    /// Whose queue is gone, and the consumer with it.
    lost: BTreeSet<Arc<str>>,
}

/// What there is on one connection.
struct Running<'a> {
    connection: &'a Connection,
    channel: &'a Channel,
    generation: u64,
    consumers: HashMap<Arc<str>, (ShortString, AbortHandle)>,
    /// Each ends when its consumer does.
    tasks: JoinSet<Arc<str>>,
}

impl Consumers {
    pub(crate) fn new(
        target: Target,
        topology: Arc<Topology>,
        inbox: Arc<Inbox>,
        prefetch: u16,
        patience: Duration,
    ) -> Self {
        let (routes, changed) = Default::default();
        Self { target, topology, inbox, prefetch, patience, routes, changed }
    }

    pub(crate) async fn connect(&self) -> Result<Live, OpenError> {
        self.target.connect().await
    }

    /// These and no others.
    pub(crate) fn want(&self, routes: &[Arc<str>]) {
        let mut all = self.routes.lock();
        all.wanted = routes.iter().cloned().collect();
        all.known.extend(routes.iter().cloned());
    }

    /// This too, if it is new.
    pub(crate) fn meet(&self, route: &Arc<str>) {
        let mut all = self.routes.lock();
        if all.known.insert(route.clone()) {
            all.wanted.insert(route.clone());
            drop(all);
            self.changed.notify_one();
        }
    }

    /// Its queue was deleted. RabbitMQ 3.10 does not tell the consumers of a quorum queue.
    pub(crate) fn lost(&self, route: &Arc<str>) {
        self.routes.lock().lost.insert(route.clone());
        self.changed.notify_one();
    }

    /// Keeps a connection, for ever.
    pub(crate) async fn supervise(&self, first: Live, mut asked: mpsc::Receiver<Answer>) {
        let mut first = Some(first);
        loop {
            let Live { connection, channel, mut watch } = match first.take() {
                Some(live) => live,
                None => self.target.reconnect().await,
            };
            let generation = self.inbox.connected(channel.clone());
            let mut running = Running {
                connection: &connection,
                channel: &channel,
                generation,
                consumers: HashMap::new(),
                tasks: JoinSet::new(),
            };
            let reason = self.run(&mut running, &mut watch, &mut asked).await;
            drop(running);
            self.inbox.disconnected();
            self.target.lost(&reason);
            let _ = timeout(Duration::from_secs(1), connection.close(200, "OK".into())).await;
        }
    }

    /// Until the connection is over, and why.
    async fn run(
        &self,
        running: &mut Running<'_>,
        watch: &mut Watch,
        asked: &mut mpsc::Receiver<Answer>,
    ) -> String {
        let qos = running.channel.basic_qos(self.prefetch.max(1), BasicQosOptions::default());
        if !matches!(timeout(self.patience, qos).await, Ok(Ok(()))) {
            return "the prefetch was not accepted".to_owned();
        }
        let mut again = self.arrange_or_warn(running).await;
        loop {
            tokio::select! {
                seen = watch.next() => {
                    if let Seen::Look(error) = seen
                        && let Some(reason) = Live::over(running.connection, running.channel, error)
                    {
                        return reason;
                    }
                    if again.is_some_and(|again| again <= Instant::now()) {
                        again = self.arrange_or_warn(running).await;
                    }
                }
                Some(answer) = asked.recv() => {
                    let result = self.arrange(running).await;
                    again = result.is_err().then(|| Instant::now() + AGAIN);
                    // Who asked may have gone.
                    let _ = answer.send(result);
                }
                () = self.changed.notified() => {
                    let lost = std::mem::take(&mut self.routes.lock().lost);
                    // Cancelling it would block the channel: start over instead. What was delivered comes again.
                    if let Some(route) = lost.iter().find(|route| running.consumers.contains_key(*route)) {
                        return format!("the queue of route {route} was deleted");
                    }
                    again = self.arrange_or_warn(running).await;
                }
                Some(ended) = running.tasks.join_next() => {
                    // One that was aborted was cancelled by us.
                    let Ok(route) = ended else { continue };
                    if let Some(reason) = Live::over(running.connection, running.channel, None) {
                        return reason;
                    }
                    // The queue was deleted. What was delivered of it is never delivered again.
                    running.consumers.remove(&route);
                    again = self.arrange_or_warn(running).await;
                }
            }
        }
    }

    /// When to try again, if that is needed.
    async fn arrange_or_warn(&self, running: &mut Running<'_>) -> Option<Instant> {
        let error = self.arrange(running).await.err()?;
        tracing::warn!("{error}");
        Some(Instant::now() + AGAIN)
    }

    /// Consumes what is wanted and nothing else. One queue that fails stops no other; the first failure is told.
    async fn arrange(&self, running: &mut Running<'_>) -> Result<(), ServeError> {
        let wanted = self.routes.lock().wanted.clone();
        let mut failed = Ok(());
        let gone: Vec<_> =
            running.consumers.keys().filter(|route| !wanted.contains(*route)).cloned().collect();
        for route in gone {
            let result = self.in_time(self.cancel(running, &route)).await;
            failed = failed.and(result);
        }
        for route in wanted {
            if !running.consumers.contains_key(&route) {
                let result = self.in_time(self.consume(running, &route)).await;
                failed = failed.and(result);
            }
        }
        failed
    }

    async fn in_time(&self, call: impl Future<Output = Result<(), ServeError>>) -> Result<(), ServeError> {
        let late = |_| Err(ServeError::Away(format!("no answer within {:?}", self.patience)));
        timeout(self.patience, call).await.unwrap_or_else(late)
    }

    async fn consume(&self, running: &mut Running<'_>, route: &Arc<str>) -> Result<(), ServeError> {
        let queue = self.topology.declare(running.connection, route).await?;
        // Before the first arrives.
        self.inbox.consuming(route, queue.message_count());
        let (name, options) = (queue.name().clone(), BasicConsumeOptions::default());
        let consumer = running.channel.basic_consume(name, "".into(), options, FieldTable::default());
        let mut consumer = consumer.await.map_err(away)?;
        let tag = consumer.tag();
        let (inbox, route, generation) = (Arc::clone(&self.inbox), route.clone(), running.generation);
        let consumed = route.clone();
        let task = running.tasks.spawn(async move {
            while let Some(Ok(delivery)) = consumer.next().await {
                deliver(&inbox, &consumed, generation, delivery).await;
            }
            consumed
        });
        running.consumers.insert(route, (tag, task));
        Ok(())
    }

    async fn cancel(&self, running: &mut Running<'_>, route: &Arc<str>) -> Result<(), ServeError> {
        let Some((tag, task)) = running.consumers.remove(route) else { return Ok(()) };
        running.channel.basic_cancel(tag, BasicCancelOptions::default()).await.map_err(away)?;
        task.abort();
        let options = BasicNackOptions { multiple: false, requeue: true };
        for delivery_tag in self.inbox.dropped(route) {
            running.channel.basic_nack(delivery_tag, options).await.map_err(away)?;
        }
        Ok(())
    }
}

async fn deliver(inbox: &Inbox, route: &Arc<str>, generation: u64, delivery: Delivery) {
    let reason = match parcel::decode(&delivery.properties, &delivery.data) {
        Ok(parcel) if parcel.route == *route => {
            return inbox.arrived(generation, delivery.delivery_tag, parcel);
        }
        Ok(_) => "it is another route's".to_owned(),
        Err(reason) => reason.to_string(),
    };
    tracing::warn!(route = &**route, reason, "a message in the queue is no parcel, and is rejected");
    inbox.rejected(route);
    // That this fails is seen by the supervisor, and then it comes again.
    let _ = delivery.reject(BasicRejectOptions { requeue: false }).await;
}
