//! The connection that publishes: many publications under way at once, in a lane for each route.

use std::{sync::Arc, time::Duration};

use portolan_delivery::{DeliveryError, Event, composite::Parcel};
use tokio::{
    sync::{Notify, watch},
    task::unconstrained,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    OpenError, ServeError,
    announcer::Announcer,
    confirms::Verdict,
    connection::{Live, Open, Seen, Target, Watch, answers},
    consumer::Consumers,
    lane::Lanes,
    shut::{Shut, Way},
    topology::Topology,
};

/// What a publication waits for a connection, or for a broker that takes no messages now. The ledger publishes it later.
const PROMPT: Duration = Duration::from_secs(1);
/// When a queue that did not answer is tried again. A try that is not answered lasts as long as a publication waits, and nobody waits for it.
const AGAIN: Duration = Duration::from_secs(1);
/// When a queue that refused is tried again: while it has no leader it refuses, and finds one in a moment.
const REFUSED_AGAIN: Duration = Duration::from_millis(500);

pub(crate) struct Publisher {
    target: Target,
    topology: Arc<Topology>,
    consumers: Arc<Consumers>,
    patience: Duration,
    /// None while the connection is away.
    link: watch::Sender<Option<Arc<Link>>>,
    shut: Shut,
}

/// One connection's life.
struct Link {
    connection: Open,
    lanes: Lanes,
    announcer: Announcer,
    blocked: watch::Sender<bool>,
    /// It is of no more use.
    broken: Notify,
}

/// Why a parcel is not known to be in its queue.
enum Problem {
    /// Nothing is wrong with the queue.
    Elsewhere(String),
    /// It is gone.
    Gone,
    /// It cannot be declared.
    Queue(ServeError),
    /// The broker said no.
    Refused,
    /// Nothing was said.
    Unanswered,
}

impl Publisher {
    pub(crate) fn new(
        target: Target,
        topology: Arc<Topology>,
        consumers: Arc<Consumers>,
        patience: Duration,
    ) -> Self {
        let link = watch::Sender::new(None);
        Self { target, topology, consumers, patience, link, shut: Shut::default() }
    }

    pub(crate) async fn connect(&self) -> Result<Live, OpenError> {
        self.target.connect().await
    }

    /// When there was a connection, or patience ended.
    pub(crate) async fn begun(&self) {
        let _ = timeout(self.patience, self.link.subscribe().wait_for(Option::is_some)).await;
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.link.borrow().as_ref().is_some_and(|link| link.connection.status().connected())
    }

    /// Whether the broker takes no messages now.
    pub(crate) fn is_blocked(&self) -> bool {
        self.link.borrow().as_ref().is_some_and(|link| *link.blocked.borrow())
    }

    /// Whether the broker is there: one that takes no messages now is.
    pub(crate) async fn answers(&self) -> bool {
        let link = self.link.borrow().clone();
        match link {
            Some(link) => *link.blocked.borrow() || answers(&link.connection).await,
            None => false,
        }
    }

    /// `Ok` when the broker has confirmed.
    pub(crate) async fn publish(self: &Arc<Self>, parcel: &Parcel) -> Result<(), DeliveryError> {
        let shut = |why| Err(DeliveryError::Unavailable(format!("RabbitMQ: {why}")));
        match self.shut.way(&parcel.route, Instant::now()) {
            Way::Open => self.attempt(parcel).await,
            Way::Shut(why) => {
                // Who asks again at once lets others work.
                tokio::task::yield_now().await;
                shut(why)
            }
            Way::Try(why) => {
                let (publisher, parcel) = (Arc::clone(self), parcel.clone());
                tokio::spawn(async move {
                    let _ = publisher.attempt(&parcel).await;
                    publisher.shut.try_again(&parcel.route, AGAIN);
                });
                shut(why)
            }
        }
    }

    /// Several of one route, begun in order: what became of each.
    pub(crate) async fn publish_all(self: &Arc<Self>, parcels: &[Parcel]) -> Vec<Result<(), DeliveryError>> {
        let Some(Parcel { route, .. }) = parcels.first() else { return Vec::new() };
        if !matches!(self.shut.way(route, Instant::now()), Way::Open) {
            let mut results = Vec::with_capacity(parcels.len());
            for parcel in parcels {
                results.push(self.publish(parcel).await);
            }
            return results;
        }
        let until = Instant::now() + self.patience;
        let (link, verdicts) = match unconstrained(self.publish_all_now(route, parcels, until)).await {
            Ok(published) => published,
            Err(problem) => {
                let error = self.told(route, problem);
                return parcels.iter().map(|_| Err(error.clone())).collect();
            }
        };
        let mut results = Vec::with_capacity(parcels.len());
        // Whether the broker answers at all is asked once for all that it said nothing of.
        let mut late = None;
        for verdict in verdicts {
            let is_late = matches!(verdict, Verdict::Late);
            let result = match (verdict, &late) {
                (Verdict::Confirmed, _) => Ok(()),
                (Verdict::Late, Some(error)) => Err(DeliveryError::clone(error)),
                (verdict, _) => match self.judged(&link, Some(Ok(verdict))).await {
                    Ok(()) => Ok(()),
                    Err(problem) => Err(self.told(route, problem)),
                },
            };
            if is_late && let Err(error) = &result {
                late = Some(error.clone());
            }
            results.push(result);
        }
        if results.iter().any(Result::is_ok) {
            self.met(route);
        }
        results
    }

    async fn attempt(&self, parcel: &Parcel) -> Result<(), DeliveryError> {
        let until = Instant::now() + self.patience;
        // Unconstrained: else tokio makes one of many that are begun at once yield to the next, which overtakes it.
        match unconstrained(self.publish_now(parcel, until)).await {
            Ok(()) => {
                self.met(&parcel.route);
                Ok(())
            }
            Err(problem) => Err(self.told(&parcel.route, problem)),
        }
    }

    /// The queue of a route takes parcels.
    fn met(&self, route: &Arc<str>) {
        if self.shut.open(route) {
            tracing::info!(route = &**route, "RabbitMQ takes parcels of the route again");
        }
        self.consumers.meet(route);
    }

    /// Does what is to be done about a problem, and says it.
    fn told(&self, route: &Arc<str>, problem: Problem) -> DeliveryError {
        let unavailable = |reason: &str| DeliveryError::Unavailable(format!("RabbitMQ: {reason}"));
        match problem {
            Problem::Elsewhere(reason) => unavailable(&reason),
            Problem::Queue(error) => error.into(),
            Problem::Gone => {
                self.consumers.lost(route);
                unavailable(&format!("the queue of route {route} is gone"))
            }
            Problem::Refused => {
                let why = format!("it refused a message of route {route}");
                self.shut(route, REFUSED_AGAIN, &why);
                unavailable(&why)
            }
            Problem::Unanswered => {
                let error = self.topology.unanswered(route, self.patience);
                self.shut(route, AGAIN, &error.to_string());
                error.into()
            }
        }
    }

    fn shut(&self, route: &Arc<str>, again: Duration, why: &str) {
        if self.shut.shut(route, Instant::now() + again, why.to_owned()) {
            tracing::warn!(route = &**route, "RabbitMQ takes no parcels of the route now: {why}");
        }
    }

    /// Parcels in the queue that nobody has received. A queue that is gone, or has no consumer, is looked after.
    pub(crate) async fn depth(&self, route: &Arc<str>) -> Result<u64, DeliveryError> {
        let away = || DeliveryError::Unavailable("RabbitMQ: it is away".to_owned());
        // What it says of a queue that does not answer is that it is empty.
        if let Some(why) = self.shut.why(route) {
            return Err(DeliveryError::Unavailable(format!("RabbitMQ: {why}")));
        }
        let link = self.link.borrow().clone().ok_or_else(away)?;
        let asked = Instant::now();
        let looked = timeout(self.patience, self.topology.look(&link.connection, route)).await;
        let queue = looked.map_err(|_| away())??;
        if queue.as_ref().is_none_or(|queue| queue.consumer_count() == 0) {
            self.consumers.unconsumed(route, asked);
        }
        Ok(queue.map_or(0, |queue| u64::from(queue.message_count())))
    }

    /// Publishes to whoever listens. `Ok` when the broker has confirmed.
    pub(crate) async fn announce(&self, event: &Event) -> Result<(), DeliveryError> {
        let unavailable = |reason: String| DeliveryError::Unavailable(format!("RabbitMQ: {reason}"));
        let link = self.link(Instant::now() + PROMPT).await.map_err(unavailable)?;
        // Unconstrained: as parcels, so that one that is begun first is first.
        let announcing = unconstrained(link.announcer.announce(&link.connection, &self.topology, event));
        match timeout(self.patience, announcing).await {
            Ok(announced) => announced.map_err(DeliveryError::from),
            Err(_) => {
                if !*link.blocked.borrow() && !answers(&link.connection).await {
                    link.broken.notify_one();
                }
                Err(unavailable(format!("no confirm within {:?}", self.patience)))
            }
        }
    }

    /// The connection, once there is one that takes messages; or why there is none by then.
    async fn link(&self, prompt: Instant) -> Result<Arc<Link>, String> {
        let closed = |_| "the transport was closed".to_owned();
        let away = || "it is away".to_owned();
        let mut links = self.link.subscribe();
        let link = timeout_at(prompt, links.wait_for(Option::is_some)).await;
        let link = link.map_err(|_| away())?.map_err(closed)?.clone().ok_or_else(away)?;
        let mut blocked = link.blocked.subscribe();
        let taken = timeout_at(prompt, blocked.wait_for(|blocked| !blocked)).await;
        taken
            .map_err(|_| "it takes no messages now, as memory or disk is short".to_owned())?
            .map_err(closed)?;
        drop(blocked);
        Ok(link)
    }

    async fn publish_now(&self, parcel: &Parcel, until: Instant) -> Result<(), Problem> {
        let prompt = until.min(Instant::now() + PROMPT);
        let link = self.link(prompt).await.map_err(Problem::Elsewhere)?;
        let publishing = async {
            match link.lanes.lane(&link.connection, &self.topology, &parcel.route).await {
                Ok(lane) => Ok(lane.publish(&self.topology, parcel, until).await),
                Err(error) => Err(error),
            }
        };
        let published = timeout_at(until, publishing).await;
        self.judged(&link, published.ok()).await
    }

    /// The same for several of one route.
    async fn publish_all_now(
        &self,
        route: &Arc<str>,
        parcels: &[Parcel],
        until: Instant,
    ) -> Result<(Arc<Link>, Vec<Verdict>), Problem> {
        let prompt = until.min(Instant::now() + PROMPT);
        let link = self.link(prompt).await.map_err(Problem::Elsewhere)?;
        let publishing = async {
            match link.lanes.lane(&link.connection, &self.topology, route).await {
                Ok(lane) => Ok(lane.publish_all(&self.topology, route, parcels, until).await),
                Err(error) => Err(error),
            }
        };
        let problem = match timeout_at(until, publishing).await {
            Ok(Ok(verdicts)) => return Ok((Arc::clone(&link), verdicts)),
            Ok(Err(error)) => self.judged(&link, Some(Err(error))).await,
            Err(_) => self.judged(&link, None).await,
        };
        match problem {
            Err(problem) => Err(problem),
            Ok(()) => Ok((link, Vec::new())),
        }
    }

    /// What is wrong where a parcel is not confirmed; nothing was said at all where that is `None`.
    async fn judged(
        &self,
        link: &Link,
        published: Option<Result<Verdict, ServeError>>,
    ) -> Result<(), Problem> {
        let late = match published {
            Some(Ok(Verdict::Confirmed)) => return Ok(()),
            Some(Ok(Verdict::Returned)) => return Err(Problem::Gone),
            Some(Ok(Verdict::Refused)) => return Err(Problem::Refused),
            Some(Ok(Verdict::Failed(reason)) | Err(ServeError::Away(reason))) => reason,
            Some(Err(error)) => return Err(Problem::Queue(error)),
            // While it is blocked nothing is wrong with the queue, and another connection would be no better.
            Some(Ok(Verdict::Late)) | None if *link.blocked.borrow() => {
                return Err(Problem::Elsewhere(format!("no confirm within {:?}", self.patience)));
            }
            Some(Ok(Verdict::Late)) | None if answers(&link.connection).await => {
                return Err(Problem::Unanswered);
            }
            Some(Ok(Verdict::Late)) | None => {
                link.broken.notify_one();
                format!("no confirm within {:?}", self.patience)
            }
        };
        Err(Problem::Elsewhere(late))
    }

    /// Keeps a connection, for ever.
    pub(crate) async fn supervise(&self, first: Live) {
        let mut first = Some(first);
        loop {
            let Live { connection, mut watch } = match first.take() {
                Some(live) => live,
                None => self.target.reconnect().await,
            };
            let link = Arc::new(Link {
                connection,
                lanes: Lanes::default(),
                announcer: Announcer::default(),
                blocked: watch::Sender::new(false),
                broken: Notify::new(),
            });
            self.link.send_replace(Some(Arc::clone(&link)));
            let reason = until_over(&link, &mut watch).await;
            self.link.send_replace(None);
            // Those who wait hold the link, and are told by this.
            link.lanes.close();
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
                    if let Some(reason) = Live::over(&link.connection, error) {
                        return reason;
                    }
                }
                Seen::Blocked(blocked) => {
                    match blocked {
                        true => tracing::warn!("RabbitMQ takes no messages now, as its memory or disk is short; they wait in the ledger"),
                        false => tracing::info!("RabbitMQ takes messages again"),
                    }
                    link.blocked.send_replace(blocked);
                }
            },
            () = link.broken.notified() => return "a publication was not answered".to_owned(),
        }
    }
}
