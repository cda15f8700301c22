//! A connection, that it ended, and when to try again. lapin's own recovery is not used: what is to be done after one is
//! this crate's to know.

use std::{
    ops::Deref,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{Stream, StreamExt};
use lapin::{Connection, ConnectionProperties, ErrorKind, Event, uri::AMQPUri};
use portolan_delivery::Outage;
use portolan_tls::Refusal;
use tokio::{
    runtime::Handle,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    OpenError,
    brokers::{Brokers, server},
    tls::Tls,
};

const HEARTBEAT: u16 = 10;
/// An error that is told by no event is seen after this.
const TICK: Duration = Duration::from_millis(250);
/// What the broker may take to answer a question that waits for nothing.
const ANSWER: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where to connect, and by what name.
pub(crate) struct Target {
    brokers: Brokers,
    tls: Tls,
    name: &'static str,
    timeout: Duration,
    outage: Outage,
    /// Which of them is or was connected; counted round and round.
    at: AtomicUsize,
}

/// A connection that was made.
pub(crate) struct Live {
    pub(crate) connection: Open,
    pub(crate) watch: Watch,
}

/// A connection that is closed at the latest when it is dropped. By itself lapin leaves one open on which an answer is
/// outstanding: a consumer that began meanwhile would take parcels, with nobody at its end.
pub(crate) struct Open(Arc<Connection>);

impl Deref for Open {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.status().connected() {
            return;
        }
        // Without a runtime it ends with the process.
        if let Ok(runtime) = Handle::try_current() {
            let connection = Arc::clone(&self.0);
            runtime.spawn(async move { drop(connection.close(200, "OK".into()).await) });
        }
    }
}

/// What tells that a connection ended or is blocked.
pub(crate) struct Watch {
    events: Pin<Box<dyn Stream<Item = Event> + Send>>,
    tick: tokio::time::Interval,
}

/// What a [`Watch`] saw.
pub(crate) enum Seen {
    /// An error, of the connection or of one channel, or time passed: look whether the connection is alive.
    Look(Option<String>),
    Blocked(bool),
}

impl Live {
    /// Why it is over, if it is.
    pub(crate) fn over(connection: &Connection, error: Option<String>) -> Option<String> {
        let alive = connection.status().connected();
        (!alive).then(|| error.unwrap_or_else(|| "the connection was closed".to_owned()))
    }
}

/// Whether the broker answers at all, where it did not answer for a queue.
pub(crate) async fn answers(connection: &Connection) -> bool {
    matches!(timeout(ANSWER, connection.create_channel()).await, Ok(Ok(_)))
}

impl Target {
    pub(crate) fn new(brokers: Brokers, tls: Tls, name: &'static str, timeout: Duration) -> Self {
        Self { brokers, tls, name, timeout, outage: Outage::default(), at: AtomicUsize::new(0) }
    }

    /// To one of the brokers, tried in turn.
    pub(crate) async fn connect(&self) -> Result<Live, OpenError> {
        let first = self.at.load(Ordering::Relaxed);
        let (mut tried, mut away) = (Vec::new(), true);
        for index in first..first + self.brokers.len() {
            let Some(uri) = self.brokers.get(index) else { continue };
            match self.connect_to(uri.clone()).await {
                Ok(live) => {
                    self.at.store(index % self.brokers.len(), Ordering::Relaxed);
                    return Ok(live);
                }
                Err(Unconnected { reason, refused }) => {
                    tried.push(format!("{} ({reason})", server(uri)));
                    away &= !refused;
                }
            }
        }
        Err(OpenError::Connect { tried: tried.join(", "), away })
    }

    async fn connect_to(&self, mut uri: AMQPUri) -> Result<Live, Unconnected> {
        uri.query.heartbeat = Some(HEARTBEAT);
        let properties = ConnectionProperties::default().with_connection_name(self.name.into());
        let connecting = async {
            let connection = self.tls.connect(uri, properties).await?;
            let events = Box::pin(connection.events_listener());
            let mut tick = interval(TICK);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            Ok::<_, lapin::Error>(Live {
                connection: Open(Arc::new(connection)),
                watch: Watch { events, tick },
            })
        };
        match timeout(self.timeout, connecting).await {
            Ok(Ok(live)) => Ok(live),
            Ok(Err(error)) => Err(Unconnected::by(&error, !self.tls.shown.certificates().is_empty())),
            Err(_) => {
                Err(Unconnected { reason: format!("no answer within {:?}", self.timeout), refused: false })
            }
        }
    }

    /// Until there is one. The broker that was connected is tried last.
    pub(crate) async fn reconnect(&self) -> Live {
        self.at.fetch_add(1, Ordering::Relaxed);
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::time::sleep(jittered(pause)).await;
            match self.connect().await {
                Ok(live) => {
                    let after_s = self.outage.is_over(Instant::now()).map(|lasted| lasted.as_secs());
                    tracing::info!(
                        server = self.server(),
                        connection = self.name,
                        after_s,
                        "RabbitMQ is back"
                    );
                    return live;
                }
                Err(error) if self.outage.is_news(&error.to_string(), Instant::now()) => {
                    tracing::warn!(connection = self.name, "{error}; it is tried again and again");
                }
                Err(error) => tracing::debug!(connection = self.name, "{error}"),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The one that is or was connected.
    fn server(&self) -> String {
        self.brokers.get(self.at.load(Ordering::Relaxed)).map(server).unwrap_or_default()
    }

    pub(crate) fn lost(&self, reason: &str) {
        if self.outage.is_news(reason, Instant::now()) {
            tracing::warn!(server = self.server(), connection = self.name, reason, "RabbitMQ is away");
        }
    }
}

impl Watch {
    pub(crate) async fn next(&mut self) -> Seen {
        loop {
            tokio::select! {
                event = self.events.next() => match event {
                    Some(Event::Error(error)) => return Seen::Look(Some(error.to_string())),
                    Some(Event::ConnectionBlocked(_)) => return Seen::Blocked(true),
                    Some(Event::ConnectionUnblocked) => return Seen::Blocked(false),
                    Some(_) => {}
                    // Nothing more will be told; the tick remains.
                    None => self.events = Box::pin(futures_util::stream::pending()),
                },
                _ = self.tick.tick() => return Seen::Look(None),
            }
        }
    }
}

/// Why there is no connection.
struct Unconnected {
    /// In words that say what to do where TLS is the reason.
    reason: String,
    /// Whether somebody is there, and refuses.
    refused: bool,
}

impl Unconnected {
    /// A broker that refuses a certificate may be gone before its alert arrives, once this side has its own half of the
    /// handshake (`encrypted`).
    fn by(error: &lapin::Error, encrypted: bool) -> Self {
        let ErrorKind::IOError(io) = error.kind() else {
            return Self { reason: error.to_string(), refused: true };
        };
        match Refusal::of(&**io) {
            Some(refusal) => Self { reason: refusal.to_string(), refused: true },
            None if encrypted => {
                let reason = format!("{error}, right after TLS; {}", Refusal::RefusesUs.todo());
                Self { reason, refused: true }
            }
            None => Self { reason: error.to_string(), refused: false },
        }
    }
}

/// Half of it and up to as much again, so that gateways do not all come back at once.
fn jittered(pause: Duration) -> Duration {
    let random = f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX);
    pause.mul_f64(0.5 + 0.5 * random)
}
