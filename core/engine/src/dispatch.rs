//! Work that waits in the queue: operations, retries, and what an earlier run left. One loop claims as much as there is
//! room for; each message is a task of its own, so that a slow system holds up nothing but its own routes. Of a system that
//! is shut nothing is claimed, so that no attempt is wasted on it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
use portolan_delivery::{
    Claimed, Control, DeadLetter, Failure, FaultClass, Outcome, Party, Status, Timestamp, system::Room,
};

use crate::{
    attempt::{self, Brought, Request},
    engine::{Engine, VersionError, Work},
    guarded::{Panicked, guarded},
    route::Route,
    settle,
    systems::Passage,
    trace::Trail,
    translate::{Context, Question},
    trouble::Trouble,
    waiters::Settled,
};

/// When a message is looked at again whose version could not be read from the ledger.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// What attempts share a limit with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Lane {
    /// The system that they ask.
    System(Arc<str>),
    /// Their route, where it is not served any more: its system is known only once its bundle is read.
    Unserved(Arc<str>),
}

/// Attempts at work.
type Busy = Arc<Mutex<HashMap<Lane, usize>>>;

/// Room for one attempt, taken until dropped.
struct Slot {
    engine: Arc<Engine>,
    busy: Busy,
    lane: Lane,
    _work: Work,
}

impl Slot {
    fn take(engine: &Arc<Engine>, busy: &Busy, lane: Lane) -> Self {
        *busy.lock().entry(lane.clone()).or_insert(0) += 1;
        Self { engine: engine.clone(), busy: busy.clone(), lane, _work: engine.work() }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut busy = self.busy.lock();
        if let Some(count) = busy.get_mut(&self.lane) {
            *count -= 1;
            if *count == 0 {
                busy.remove(&self.lane);
            }
        }
        drop(busy);
        self.engine.freed.notify_one();
    }
}

/// Claims and works until the engine stops.
pub(crate) async fn run(engine: Arc<Engine>) {
    const AFTER_AN_ERROR: Duration = Duration::from_secs(1);
    let trouble = Trouble::new("messages cannot be claimed");
    let busy = Busy::default();
    let mut stop = engine.stop.subscribe();
    loop {
        let ready = engine.delivery.ready();
        let freed = engine.freed.notified();
        let claims = claim(&engine, &busy).await;
        // Where nothing was claimed, nothing is known to be over.
        if !matches!(claims, Ok(Claims { count: 0, .. })) {
            trouble.tell(&claims);
        }
        let (failed, look_again) = match claims {
            Ok(Claims { count: 0, look_again }) => (false, look_again),
            Ok(_) => continue,
            Err(_) => (true, None),
        };
        let again = async {
            match failed {
                // Nothing says when it will do: what made it ready may be past. While there is work, others of it may do.
                true => tokio::select! {
                    () = tokio::time::sleep(AFTER_AN_ERROR) => {}
                    () = freed => {}
                },
                false => tokio::select! {
                    () = ready => {}
                    () = freed => {}
                    () = the_time_has_come(look_again) => {}
                },
            }
        };
        tokio::select! {
            () = again => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Resolves by then; before, where that is far off, since the clock that tells it may be set meanwhile.
async fn the_time_has_come(time: Option<Timestamp>) {
    const FAR_OFF: Duration = Duration::from_secs(60);
    match time {
        Some(time) => tokio::time::sleep(time.since(Timestamp::now()).min(FAR_OFF)).await,
        None => std::future::pending().await,
    }
}

/// What was claimed.
#[derive(Debug, Default)]
struct Claims {
    count: usize,
    /// When a route that had no room may have some without anything happening here.
    look_again: Option<Timestamp>,
}

/// Claims what there is room for.
async fn claim(engine: &Arc<Engine>, busy: &Busy) -> Result<Claims, portolan_delivery::DeliveryError> {
    let mut claims = Claims::default();
    // Before it is looked whether the engine stops: a drain waits for what is being claimed, too. Without, it could find nothing
    // at work and let the process end, and what was claimed by then would be of unknown outcome.
    let _work = engine.work();
    if *engine.stop.borrow() {
        return Ok(claims);
    }
    // Those with much room first, in one claim; those that are almost full bound only a claim of their own.
    let (now, _) = rooms(engine, busy);
    let much = now.iter().map(|(_, room)| *room).max().unwrap_or(0).div_ceil(2);
    let almost_full = now.iter().any(|(_, room)| (1..much).contains(room));
    for least in almost_full.then_some(much).into_iter().chain([1]) {
        let (rooms, look_again) = rooms(engine, busy);
        claims.look_again = look_again;
        let (open, shut): (Vec<_>, Vec<_>) = rooms.into_iter().partition(|(_, room)| *room >= least);
        let except: Vec<Arc<str>> = shut.into_iter().map(|(route, _)| route).collect();
        // A system may be claimed for up to its own room, whatever the mix of routes: the least room bounds the claim.
        let room = open.iter().map(|(_, room)| *room).min().unwrap_or(engine.options.dispatch_concurrency);
        let claimed = engine.delivery.claim(engine.gateway, room, &except, Timestamp::now()).await;
        let claimed = claimed.map_err(|e| engine.failed(e))?;
        claims.count += claimed.len();
        for message in claimed {
            let served = engine.table.load().by_name.get(&message.envelope.route).cloned();
            let passage = served.as_ref().map(|route| route.gate.begin(Timestamp::now()));
            let lane = served.map_or_else(
                || Lane::Unserved(message.envelope.route.clone()),
                |route| Lane::System(route.system.clone()),
            );
            let slot = Slot::take(engine, busy, lane);
            tokio::spawn(async move {
                let (claim, route) = (message.claim, message.envelope.route.clone());
                let (id, received) = (claim.id, message.envelope.received);
                let settled = match guarded(work_on(&slot.engine, message, passage)).await {
                    Ok(settled) => settled,
                    Err(Panicked) => {
                        settle::panicked(&slot.engine, &route, received, claim).await.map(|_| ())
                    }
                };
                if let Err(error) = settled {
                    tracing::error!(%id, %error, "an attempt could not be settled");
                }
            });
        }
    }
    Ok(claims)
}

/// How many more attempts of each route may begin: of all that are served, and of others that are at work. And when that
/// changes by itself.
fn rooms(engine: &Engine, busy: &Busy) -> (Vec<(Arc<str>, usize)>, Option<Timestamp>) {
    let now = Timestamp::now();
    let table = engine.table.load();
    let busy = busy.lock();
    let mut of_systems: HashMap<&Arc<str>, Room> = HashMap::new();
    for route in table.by_name.values() {
        of_systems.entry(&route.system).or_insert_with(|| {
            let at_work = busy.get(&Lane::System(route.system.clone())).copied().unwrap_or(0);
            route.gate.gate(|gate| {
                let room = gate.room(now);
                let free = gate.policy().concurrency.saturating_sub(at_work);
                Room { attempts: room.attempts.min(free), ..room }
            })
        });
    }
    let look_again = of_systems.values().filter_map(|room| room.look_again).min();
    let held = engine.held.all();
    let paused = |route: &Arc<str>| held.get(route) == Some(&Control::Paused);
    let served = table.by_name.values().map(|r| {
        let room = of_systems.get(&r.system).map_or(0, |room| room.attempts);
        (r.name.clone(), if paused(&r.name) { 0 } else { room })
    });
    let limit = engine.options.dispatch_concurrency;
    let others = busy.iter().filter_map(|(lane, at_work)| match lane {
        Lane::Unserved(route) if !table.by_name.contains_key(route) && !paused(route) => {
            Some((route.clone(), limit.saturating_sub(*at_work)))
        }
        _ => None,
    });
    let unserved = held.keys().filter(|route| !table.by_name.contains_key(*route) && paused(route));
    let unserved = unserved.map(|route| (route.clone(), 0));
    (served.chain(others).chain(unserved).collect(), look_again)
}

/// One attempt at a claimed message. It was let through to its system, unless that was not known yet.
async fn work_on(
    engine: &Arc<Engine>,
    claimed: Claimed,
    passage: Option<Passage>,
) -> Result<(), portolan_delivery::DeliveryError> {
    let step = Trail::process(engine.options.tracer.as_ref(), &claimed.envelope, claimed.claim);
    let settled = attempt(engine, claimed, passage, step.trail()).await;
    step.settled(&settled);
    settled.map(drop)
}

/// `None`: the message is due again later.
async fn attempt(
    engine: &Arc<Engine>,
    claimed: Claimed,
    passage: Option<Passage>,
    trail: &Trail,
) -> Result<Option<Settled>, portolan_delivery::DeliveryError> {
    let Claimed { claim, envelope, payload, ticket } = claimed;
    let now = Timestamp::now();
    let context = Context::of(&envelope, claim.attempt);
    if ticket.is_none() && envelope.deadline.is_some_and(|deadline| deadline <= now) {
        let why = "the deadline passed before an attempt could begin; nothing was sent by this attempt";
        let expired = Failure::new(Status::DeadlineExceeded, FaultClass::Expired, "EXPIRED", why)
            .with("route", &envelope.route)
            .with("message", claim.id);
        let messages = engine.metrics.messages(&envelope.route);
        let expired = Outcome::Failed(expired);
        return settle::finish(engine, &messages, envelope.received, claim, expired, now).await.map(Some);
    }
    let route = match engine.version(&envelope.route, envelope.bundle).await {
        Ok(route) => route,
        Err(VersionError::Delivery(error)) => {
            let why = "the version of the route could not be read; nothing was sent by this attempt";
            let failure = Failure::new(Status::Unavailable, FaultClass::Unsent, "QUEUE_UNAVAILABLE", why);
            engine.delivery.retry_at(claim, now.plus(READ_AGAIN), failure, now).await?;
            return Err(error);
        }
        Err(error) => {
            let why = "the version of the route with which the message came cannot be served";
            let mut failure =
                Failure::new(Status::Internal, FaultClass::Internal, "VERSION_UNAVAILABLE", why)
                    .with("route", &envelope.route)
                    .with("message", claim.id);
            failure.advice = Some(error.to_string());
            let letter = DeadLetter { failure, at_fault: Party::Gateway, reply: None };
            engine.delivery.bury(claim, letter.clone(), now).await.map_err(|e| engine.failed(e))?;
            let messages = engine.metrics.messages(&envelope.route);
            let settled = Settled::Dead(letter);
            return Ok(Some(settle::told(engine, &messages, envelope.received, claim, settled, now)));
        }
    };
    if route.made.is_some() {
        // An operator had it tried again.
        let why = "the message gathers for the next file; nothing was sent by this attempt";
        let failure = Failure::new(Status::Unavailable, FaultClass::Unsent, "GATHERS", why);
        let gathers = engine.delivery.retry_at(claim, Timestamp::NEVER, failure, now).await;
        return gathers.map(|()| None).map_err(|e| engine.failed(e));
    }
    let question = if ticket.is_some() { Question::Answer } else { Question::Request };
    let brought = match translated(&route, context, &payload, ticket.as_deref()) {
        Ok(document) => {
            let request = Request { document, idempotency: envelope.idempotency.clone(), question };
            // The version with which the message came may be of another system.
            let passage = passage.filter(|passage| passage.leads_to(&route.system));
            let passage = passage.unwrap_or_else(|| route.gate.begin(now));
            let patience = settle::patience(&route, &envelope, question, now);
            attempt::ask(&route, context, &payload, request, patience, trail, passage).await
        }
        Err(failure) => Brought::Unreadable(DeadLetter { failure, at_fault: Party::Gateway, reply: None }),
    };
    settle::attempt(engine, &route, &envelope, claim, question, brought).await
}

/// The request again, from the bytes that came in; or the question for the answer, from those of the ticket. It was translated once at accept, so a failure here means that an
/// operator chose a version that does not take it.
fn translated(
    route: &Route,
    context: Context<'_>,
    payload: &[u8],
    ticket: Option<&[u8]>,
) -> Result<Bytes, Failure> {
    let mut request = Vec::with_capacity(payload.len() * 4 + 1024);
    let written = match ticket {
        None => route.translate.request(payload, context, &mut request).map(drop),
        Some(ticket) => route.translate.poll(ticket, payload, context, &mut request),
    };
    match written {
        Ok(()) => Ok(request.into()),
        Err(failure) => Err(attempt::signed(failure, route, context)),
    }
}
