//! The connection that consumes: which routes are consumed on it, and again when one ended.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use lapin::Connection;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, timeout},
};

use crate::{
    OpenError, ServeError,
    connection::{Live, Seen, Target, Watch, answers},
    consumption::Consumption,
    inbox::Inbox,
    topology::Topology,
};

/// How often a queue that could not be consumed is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// By then a consumer that began is counted among its queue's.
const BEGINS: Duration = Duration::from_secs(2);

type Started = (Arc<str>, Result<Consumption, Failed>);
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
    /// Whose queue is gone, and the consumer with it if it began before this.
    lost: BTreeMap<Arc<str>, Instant>,
    /// Whose queue did not answer.
    suspect: BTreeSet<Arc<str>>,
    /// Whose queue is not consumed, with what the log says of it.
    told: BTreeMap<Arc<str>, String>,
}

/// What there is on one connection.
#[derive(Default)]
struct Running<'a> {
    states: HashMap<Arc<str>, State>,
    starting: FuturesUnordered<BoxFuture<'a, Started>>,
    consuming: FuturesUnordered<BoxFuture<'a, Arc<str>>>,
    /// Who waits until each is started or stopped, or has failed.
    asking: Vec<Answer>,
    failed: Option<ServeError>,
    again: Option<Instant>,
}

enum State {
    Starting,
    Running {
        /// Sent to, it stops; dropped, it ends at once.
        stop: oneshot::Sender<()>,
        since: Instant,
    },
    Ending,
}

/// Why a queue is not consumed.
struct Failed {
    error: ServeError,
    /// The connection is of no more use: what was not answered on it may take effect later, and would take parcels that
    /// nobody receives. Where the queue has no leader for good, RabbitMQ 3.10 would end it a minute later (`INTERNAL_ERROR`).
    spoilt: bool,
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
        if !all.known.contains(route) {
            all.known.insert(route.clone());
            all.wanted.insert(route.clone());
            drop(all);
            self.changed.notify_one();
        }
    }

    /// Its queue was deleted. RabbitMQ 3.10 does not tell the consumers of a quorum queue.
    pub(crate) fn lost(&self, route: &Arc<str>) {
        self.lost_before(route, Instant::now());
    }

    /// Its queue had no consumer at this time. One that had just begun is not meant.
    pub(crate) fn unconsumed(&self, route: &Arc<str>, at: Instant) {
        if let Some(before) = at.checked_sub(BEGINS) {
            self.lost_before(route, before);
        }
    }

    fn lost_before(&self, route: &Arc<str>, before: Instant) {
        self.routes.lock().lost.insert(route.clone(), before);
        self.changed.notify_one();
    }

    /// Keeps a connection, for ever.
    pub(crate) async fn supervise(&self, first: Live, mut asked: mpsc::Receiver<Answer>) {
        let mut first = Some(first);
        loop {
            let Live { connection, mut watch } = match first.take() {
                Some(live) => live,
                None => self.target.reconnect().await,
            };
            self.inbox.connected();
            let reason = self.run(&connection, &mut watch, &mut asked).await;
            self.inbox.disconnected();
            self.target.lost(&reason);
            let _ = timeout(Duration::from_secs(1), connection.close(200, "OK".into())).await;
        }
    }

    /// Until the connection is over, and why.
    async fn run(
        &self,
        connection: &Connection,
        watch: &mut Watch,
        asked: &mut mpsc::Receiver<Answer>,
    ) -> String {
        let mut running = Running::default();
        loop {
            self.arrange(connection, &mut running);
            tokio::select! {
                seen = watch.next() => {
                    if let Seen::Look(error) = seen
                        && let Some(reason) = Live::over(connection, error)
                    {
                        return reason;
                    }
                }
                Some(answer) = asked.recv() => {
                    running.again = None;
                    running.asking.push(answer);
                }
                () = self.changed.notified() => {
                    running.again = None;
                    running.end(&std::mem::take(&mut self.routes.lock().lost));
                }
                Some((route, started)) = running.starting.next() => match started {
                    Ok(consumption) => {
                        if self.routes.lock().told.remove(&route).is_some() {
                            tracing::info!(route = &*route, "the queue of the route is consumed again");
                        }
                        let (stop, stopped) = oneshot::channel();
                        running.states.insert(route, State::Running { stop, since: Instant::now() });
                        running.consuming.push(Box::pin(consumption.run(stopped, self.patience)));
                    }
                    Err(Failed { error, spoilt }) => {
                        self.tell(&route, &error);
                        running.states.remove(&route);
                        running.failed.get_or_insert(error);
                        running.again.get_or_insert(Instant::now() + AGAIN);
                        if spoilt {
                            running.answer();
                            return format!("the queue of route {route} was not consumed in time");
                        }
                    }
                },
                Some(route) = running.consuming.next() => {
                    running.states.remove(&route);
                    if let Some(reason) = Live::over(connection, None) {
                        return reason;
                    }
                }
            }
        }
    }

    /// Once: it is tried again and again.
    fn tell(&self, route: &Arc<str>, error: &ServeError) {
        let said = error.to_string();
        if self.routes.lock().told.insert(route.clone(), said.clone()).as_ref() != Some(&said) {
            tracing::warn!(route = &**route, "{said}");
        }
    }

    /// Begins to consume what is wanted, stops what is not, and tells who waits for that.
    fn arrange<'a>(&'a self, connection: &'a Connection, running: &mut Running<'a>) {
        let wanted = self.routes.lock().wanted.clone();
        for (route, state) in &mut running.states {
            if !wanted.contains(route) {
                state.stop();
            }
        }
        // Those that failed have their time.
        if running.again.is_none_or(|again| again <= Instant::now()) {
            running.again = None;
            for route in wanted {
                if !running.states.contains_key(&route) {
                    running.states.insert(route.clone(), State::Starting);
                    running.starting.push(Box::pin(self.start(connection, route)));
                }
            }
        }
        if running.states.values().all(|state| matches!(state, State::Running { .. })) {
            running.answer();
        }
    }

    async fn start(&self, connection: &Connection, route: Arc<str>) -> Started {
        let started = self.try_start(connection, &route).await;
        match &started {
            Ok(_) => drop(self.routes.lock().suspect.remove(&route)),
            Err(Failed { error: ServeError::NoAnswer { .. }, .. }) => {
                self.routes.lock().suspect.insert(route.clone());
            }
            Err(_) => {}
        }
        (route, started)
    }

    async fn try_start(&self, connection: &Connection, route: &Arc<str>) -> Result<Consumption, Failed> {
        if self.routes.lock().suspect.contains(route) {
            self.try_apart(route).await.map_err(|error| Failed { error, spoilt: false })?;
        }
        self.consume(connection, &self.inbox, route).await
    }

    /// On a connection for this, so that a queue that does not answer yet spoils no other's.
    async fn try_apart(&self, route: &Arc<str>) -> Result<(), ServeError> {
        let apart = self.target.connect().await.map_err(|error| ServeError::Away(error.to_string()))?;
        let consumed = self.consume(&apart.connection, &Arc::default(), route).await.map(drop);
        let _ = timeout(Duration::from_secs(1), apart.connection.close(200, "OK".into())).await;
        consumed.map_err(|failed| failed.error)
    }

    async fn consume(
        &self,
        connection: &Connection,
        inbox: &Arc<Inbox>,
        route: &Arc<str>,
    ) -> Result<Consumption, Failed> {
        let starting = Consumption::start(connection, &self.topology, inbox, route, self.prefetch);
        match timeout(self.patience, starting).await {
            Ok(started) => started.map_err(|error| Failed { error, spoilt: false }),
            Err(_) => {
                let error = match answers(connection).await {
                    true => self.topology.unanswered(route, self.patience),
                    false => ServeError::Away(format!("no answer within {:?}", self.patience)),
                };
                Err(Failed { error, spoilt: true })
            }
        }
    }
}

impl Running<'_> {
    fn answer(&mut self) {
        let failed = self.failed.take();
        for answer in self.asking.drain(..) {
            // Who asked may have gone.
            let _ = answer.send(failed.clone().map_or(Ok(()), Err));
        }
    }

    /// The queues of these are gone. What was delivered of them is never delivered again.
    fn end(&mut self, routes: &BTreeMap<Arc<str>, Instant>) {
        for (route, before) in routes {
            if let Some(state) = self.states.get_mut(route).filter(|state| state.began_before(*before)) {
                *state = State::Ending;
            }
        }
    }
}

impl State {
    fn began_before(&self, time: Instant) -> bool {
        matches!(self, Self::Running { since, .. } if *since <= time)
    }

    fn stop(&mut self) {
        match std::mem::replace(self, Self::Ending) {
            // It may have ended by itself.
            Self::Running { stop, .. } => drop(stop.send(())),
            // It is stopped when it has started.
            Self::Starting => *self = Self::Starting,
            Self::Ending => {}
        }
    }
}
