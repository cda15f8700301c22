//! The connection that publishes: one channel with confirms, many publications under way at once.

use std::{collections::HashSet, sync::Arc, time::Duration};

use lapin::{
    Channel, Connection,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use parking_lot::Mutex;
use portolan_delivery::{DeliveryError, composite::Parcel};
use tokio::{
    sync::{Notify, Semaphore, watch},
    task::unconstrained,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    OpenError,
    confirms::{Confirms, Verdict},
    connection::{Live, Seen, Target, Watch},
    parcel,
    topology::Topology,
};

/// Publications that wait for their confirm, at most; then callers wait.
const UNDER_WAY: usize = 1024;

pub(crate) struct Publisher {
    target: Target,
    topology: Arc<Topology>,
    patience: Duration,
    /// None while the connection is away.
    link: watch::Sender<Option<Arc<Link>>>,
    under_way: Arc<Semaphore>,
}

/// One connection's life.
struct Link {
    connection: Connection,
    channel: Channel,
    confirms: Confirms,
    declared: Mutex<HashSet<Arc<str>>>,
    /// Fair, so that those who wait for a queue publish in the order in which they came.
    declaring: tokio::sync::Mutex<()>,
    blocked: watch::Sender<bool>,
    /// It is of no more use.
    broken: Notify,
}

/// Tells that the link is broken unless publishing went to its end: else a returned message could be missed.
struct Unfinished<'a>(Option<&'a Link>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(link) = self.0 {
            link.broken.notify_one();
        }
    }
}

impl Publisher {
    pub(crate) fn new(target: Target, topology: Arc<Topology>, patience: Duration) -> Self {
        let link = watch::Sender::new(None);
        Self { target, topology, patience, link, under_way: Arc::new(Semaphore::new(UNDER_WAY)) }
    }

    pub(crate) async fn connect(&self) -> Result<Live, OpenError> {
        self.target.connect().await
    }

    /// When there was a connection, or patience ended.
    pub(crate) async fn begun(&self) {
        let _ = timeout(self.patience, self.link.subscribe().wait_for(Option::is_some)).await;
    }

    pub(crate) fn is_connected(&self) -> bool {
        let link = self.link.borrow();
        link.as_ref().is_some_and(|link| Live::over(&link.connection, &link.channel, None).is_none())
    }

    /// `Ok` when the broker has confirmed.
    /// `lost` is called when the queue is gone.
    pub(crate) async fn publish(
        &self,
        parcel: &Parcel,
        lost: impl FnOnce() + Send,
    ) -> Result<(), DeliveryError> {
        let unavailable = |reason: &str| DeliveryError::Unavailable(format!("RabbitMQ: {reason}"));
        let late = || unavailable(&format!("no confirm within {:?}", self.patience));
        let until = Instant::now() + self.patience;
        // Unconstrained: else tokio makes one of many that are begun at once yield to the next, which overtakes it.
        match timeout_at(until, unconstrained(self.publish_now(parcel, until))).await {
            Ok(Ok(Verdict::Confirmed)) => Ok(()),
            Ok(Ok(Verdict::Returned)) => {
                lost();
                Err(unavailable(&format!("the queue of route {} is gone", parcel.route)))
            }
            Ok(Ok(Verdict::Refused)) => Err(unavailable("it refused the message")),
            Ok(Ok(Verdict::Failed(reason))) => Err(unavailable(&reason)),
            Ok(Err(error)) => Err(error),
            Ok(Ok(Verdict::Late)) | Err(_) => Err(late()),
        }
    }

    async fn publish_now(&self, parcel: &Parcel, until: Instant) -> Result<Verdict, DeliveryError> {
        let fatal = |error: serde_json::Error| DeliveryError::Unavailable(error.to_string());
        let (properties, body) = parcel::encode(parcel).map_err(fatal)?;
        let queue = self.topology.queue(&parcel.route)?;
        let gone = |_| DeliveryError::Unavailable("the transport was closed".to_owned());
        let link = self.link.subscribe().wait_for(Option::is_some).await.map_err(gone)?.clone();
        let Some(link) = link else { return Ok(Verdict::Failed("the connection is away".to_owned())) };
        link.blocked.subscribe().wait_for(|blocked| !blocked).await.map_err(gone)?;
        self.declare(&link, &parcel.route).await?;

        let permit = Arc::clone(&self.under_way).acquire_owned().await;
        let permit = permit.map_err(|_| DeliveryError::Unavailable("the transport was closed".to_owned()))?;
        let begun = link.confirms.begin().await;
        let mut unfinished = Unfinished(Some(&link));
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let sent = link.channel.basic_publish("".into(), queue, options, &body, properties).await;
        let confirm = match sent {
            Ok(confirm) => confirm,
            Err(error) => return Ok(Verdict::Failed(error.to_string())),
        };
        let verdict = link.confirms.add(begun, parcel.clone(), confirm, permit);
        // From here on the collector sees what becomes of it, also if nobody waits.
        unfinished.0 = None;
        let verdict = match timeout_at(until, verdict).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(_)) => Verdict::Failed("the connection was lost".to_owned()),
            // While it is blocked, another connection would be no better.
            Err(_) if *link.blocked.borrow() => return Ok(Verdict::Late),
            Err(_) => {
                link.broken.notify_one();
                return Ok(Verdict::Late);
            }
        };
        match verdict {
            Verdict::Returned => drop(link.declared.lock().remove(&parcel.route)),
            Verdict::Failed(_) => link.broken.notify_one(),
            Verdict::Confirmed | Verdict::Refused | Verdict::Late => {}
        }
        Ok(verdict)
    }

    async fn declare(&self, link: &Link, route: &Arc<str>) -> Result<(), DeliveryError> {
        if link.declared.lock().contains(route) {
            return Ok(());
        }
        let _one_at_a_time = link.declaring.lock().await;
        if link.declared.lock().contains(route) {
            return Ok(());
        }
        self.topology.declare(&link.connection, route).await?;
        link.declared.lock().insert(route.clone());
        Ok(())
    }

    /// Keeps a connection, for ever.
    pub(crate) async fn supervise(&self, first: Live) {
        let mut first = Some(first);
        loop {
            let Live { connection, channel, mut watch } = match first.take() {
                Some(live) => live,
                None => self.target.reconnect().await,
            };
            let confirming = channel.confirm_select(ConfirmSelectOptions::default());
            if !matches!(timeout(self.patience, confirming).await, Ok(Ok(()))) {
                self.target.lost("no confirms");
                continue;
            }
            let link = Arc::new(Link {
                connection,
                channel,
                confirms: Confirms::new(),
                declared: Mutex::default(),
                declaring: tokio::sync::Mutex::default(),
                blocked: watch::Sender::new(false),
                broken: Notify::new(),
            });
            self.link.send_replace(Some(Arc::clone(&link)));
            let reason = tokio::select! {
                reason = until_over(&link, &mut watch) => reason,
                () = link.confirms.collect() => "a message came back that was not sent".to_owned(),
            };
            self.link.send_replace(None);
            // Those who wait hold the link, and are told by this.
            link.confirms.close();
            link.blocked.send_replace(false);
            self.target.lost(&reason);
            // Closes what is still open, within reason.
            let _ = timeout(Duration::from_secs(1), link.connection.close(200, "OK".into())).await;
        }
    }
}

async fn until_over(link: &Link, watch: &mut Watch) -> String {
    loop {
        tokio::select! {
            seen = watch.next() => match seen {
                Seen::Look(error) => {
                    if let Some(reason) = Live::over(&link.connection, &link.channel, error) {
                        return reason;
                    }
                }
                Seen::Blocked(blocked) => {
                    tracing::warn!(blocked, "RabbitMQ blocks publications, or goes on");
                    link.blocked.send_replace(blocked);
                }
            },
            () = link.broken.notified() => return "a publication failed".to_owned(),
        }
    }
}
