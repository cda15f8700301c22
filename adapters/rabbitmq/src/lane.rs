//! A channel for each route's publications. RabbitMQ works through a channel's commands one after the other: a queue that
//! does not answer holds up its channel, and so holds up no other route.
//!
//! A channel also remembers where a queue's leader was. RabbitMQ 3.10 refuses (`basic.nack`) all that a channel publishes
//! whose first publication fell into the moment when that leader's node was down. So a lane that was refused once is not used again.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::future::join_all;
use lapin::{
    Channel, Connection,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use parking_lot::Mutex;
use portolan_delivery::composite::Parcel;
use tokio::{
    sync::{Semaphore, oneshot},
    task::AbortHandle,
    time::{Instant, timeout_at},
};

use crate::{
    ServeError,
    confirms::{Confirms, Verdict},
    parcel,
    topology::{Topology, away},
};

/// Publications of a route that wait for their confirm, at most; then callers wait.
const UNDER_WAY: usize = 1024;

/// The lanes of one connection.
#[derive(Default)]
pub(crate) struct Lanes(Mutex<HashMap<Arc<str>, Arc<Slot>>>);

/// Fair, so that those who wait for a lane publish in the order in which they came.
type Slot = tokio::sync::Mutex<Option<Arc<Lane>>>;

pub(crate) struct Lane {
    channel: Channel,
    confirms: Arc<Confirms>,
    /// Fair, as nothing else on the way is where some wait and others come.
    turn: tokio::sync::Mutex<()>,
    under_way: Arc<Semaphore>,
    collecting: AbortHandle,
    /// Nothing more is published here. What is under way is answered yet.
    left: AtomicBool,
}

impl Lanes {
    /// The lane of a route. One that was left, or whose channel is closed, is replaced; its queue is declared then.
    pub(crate) async fn lane(
        &self,
        connection: &Connection,
        topology: &Topology,
        route: &Arc<str>,
    ) -> Result<Arc<Lane>, ServeError> {
        let slot = Arc::clone(self.0.lock().entry(route.clone()).or_default());
        let mut slot = slot.lock().await;
        match slot.as_ref().filter(|lane| lane.is_open()) {
            Some(lane) => Ok(Arc::clone(lane)),
            None => {
                let lane = Arc::new(Lane::open(connection, topology, route).await?);
                *slot = Some(Arc::clone(&lane));
                Ok(lane)
            }
        }
    }

    /// The connection is over: who waits is told.
    pub(crate) fn close(&self) {
        for (_, slot) in self.0.lock().drain() {
            // One that is being opened fails by itself.
            if let Some(lane) = slot.try_lock().ok().and_then(|mut slot| slot.take()) {
                lane.fail();
            }
        }
    }
}

/// Fails the lane unless publishing went to its end: else a returned message could be missed.
struct Unfinished<'a>(Option<&'a Lane>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(lane) = self.0 {
            lane.fail();
        }
    }
}

impl Lane {
    async fn open(connection: &Connection, topology: &Topology, route: &str) -> Result<Self, ServeError> {
        topology.declare(connection, route).await?;
        let channel = connection.create_channel().await.map_err(away)?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(away)?;
        let confirms = Arc::new(Confirms::new());
        let collecting = tokio::spawn({
            let confirms = Arc::clone(&confirms);
            async move { confirms.collect().await }
        });
        Ok(Self {
            channel,
            confirms,
            turn: tokio::sync::Mutex::default(),
            under_way: Arc::new(Semaphore::new(UNDER_WAY)),
            collecting: collecting.abort_handle(),
            left: AtomicBool::new(false),
        })
    }

    fn is_open(&self) -> bool {
        !self.left.load(Ordering::Relaxed) && self.channel.status().connected()
    }

    fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    /// Of what is under way nothing can be said any more.
    fn fail(&self) {
        self.leave();
        self.confirms.close();
    }

    /// Until `until`, at most. Where it is not confirmed, the lane is left.
    pub(crate) async fn publish(&self, topology: &Topology, parcel: &Parcel, until: Instant) -> Verdict {
        let verdict = self.publish_now(topology, parcel, until).await;
        if !matches!(verdict, Verdict::Confirmed) {
            self.leave();
        }
        verdict
    }

    /// The same of several of its route.
    pub(crate) async fn publish_all(
        &self,
        topology: &Topology,
        route: &str,
        parcels: &[Parcel],
        until: Instant,
    ) -> Vec<Verdict> {
        let mut verdicts = Vec::with_capacity(parcels.len());
        for parcels in parcels.chunks(UNDER_WAY) {
            match self.send_all(topology, route, parcels).await {
                Ok(sent) => {
                    for verdict in sent {
                        verdicts.push(self.verdict(verdict, until).await);
                    }
                }
                Err(reason) => verdicts.extend(parcels.iter().map(|_| Verdict::Failed(reason.clone()))),
            }
        }
        if !verdicts.iter().all(|verdict| matches!(verdict, Verdict::Confirmed)) {
            self.leave();
        }
        verdicts
    }

    /// Where it fails midway, the lane is of no more use, and of none of them is known what becomes of it.
    async fn send_all(
        &self,
        topology: &Topology,
        route: &str,
        parcels: &[Parcel],
    ) -> Result<Vec<oneshot::Receiver<Verdict>>, String> {
        let queue = topology.queue(route).map_err(|error| error.to_string())?;
        let encoded: Result<Vec<_>, _> = parcels.iter().map(parcel::encode).collect();
        let encoded = encoded.map_err(|error| error.to_string())?;
        let turn = self.turn.lock().await;
        let permits = u32::try_from(parcels.len()).unwrap_or(u32::MAX);
        let permits = Arc::clone(&self.under_way).acquire_many_owned(permits).await;
        let mut permits = permits.map_err(|_| "the channel was closed".to_owned())?;
        let begun = self.confirms.begin().await;
        let mut unfinished = Unfinished(Some(self));
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        // At once: each waits until it is written, and what is written together goes in one piece.
        let sending = encoded.iter().map(|(properties, body)| {
            self.channel.basic_publish("".into(), queue.clone(), options, body, properties.clone())
        });
        let confirms = join_all(sending).await.into_iter().collect::<lapin::Result<Vec<_>>>();
        let confirms = confirms.map_err(|error| error.to_string())?;
        let each = parcels
            .iter()
            .zip(confirms)
            .filter_map(|(parcel, confirm)| permits.split(1).map(|permit| (parcel.clone(), confirm, permit)));
        let verdicts = self.confirms.add_all(begun, each);
        // From here on the collector sees what becomes of them, also if nobody waits.
        unfinished.0 = None;
        drop(turn);
        Ok(verdicts)
    }

    async fn verdict(&self, verdict: oneshot::Receiver<Verdict>, until: Instant) -> Verdict {
        match timeout_at(until, verdict).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(_)) => Verdict::Failed("the connection was lost".to_owned()),
            Err(_) => Verdict::Late,
        }
    }

    async fn publish_now(&self, topology: &Topology, parcel: &Parcel, until: Instant) -> Verdict {
        let failed = |reason: &dyn ToString| Verdict::Failed(reason.to_string());
        let (properties, body) = match parcel::encode(parcel) {
            Ok(encoded) => encoded,
            Err(error) => return failed(&error),
        };
        let queue = match topology.queue(&parcel.route) {
            Ok(queue) => queue,
            Err(error) => return failed(&error),
        };
        let turn = self.turn.lock().await;
        let Ok(permit) = Arc::clone(&self.under_way).acquire_owned().await else {
            return failed(&"the channel was closed");
        };
        let begun = self.confirms.begin().await;
        let mut unfinished = Unfinished(Some(self));
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let sent = self.channel.basic_publish("".into(), queue, options, &body, properties).await;
        let confirm = match sent {
            Ok(confirm) => confirm,
            Err(error) => return failed(&error),
        };
        let verdict = self.confirms.add(begun, parcel.clone(), confirm, permit);
        // From here on the collector sees what becomes of it, also if nobody waits.
        unfinished.0 = None;
        drop(turn);
        self.verdict(verdict, until).await
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.collecting.abort();
    }
}
