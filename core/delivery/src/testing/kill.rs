//! A portal, a gateway and a system that run one message to its end, killed at every step on the way and started again:
//! what must hold then, for any `Delivery` that runs over stores with a fuse.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Fuse, messages::*};
use crate::{
    Accept, Accepted, Delivery, Envelope, FaultClass, GatewayId, Idempotency, MessageId, Start, State,
    Timestamp,
};

/// Stores that outlive the processes that use them.
pub trait Stores: Send + Sync {
    /// Another process over the same stores, which dies with the fuse. Whatever the last one held is delivered again.
    fn process(&self, fuse: Fuse) -> Arc<dyn Delivery>;
    /// How much is left to be delivered, once everything is settled.
    fn undelivered(&self) -> usize;
    /// Stores that hold nothing.
    fn fresh() -> Self
    where
        Self: Sized;
}

/// What the world outside knows, which no crash of the gateway takes back.
#[derive(Default)]
struct World {
    /// The message that the portal was told of.
    acknowledged: Option<MessageId>,
    /// Attempts with which the system was asked.
    asked: Vec<u32>,
}

/// How a message is accepted and what its system does.
#[derive(Debug, Clone, Copy)]
struct Plot {
    idempotent: bool,
    /// Whether the first attempt begins with the accept.
    at_once: bool,
    /// Whether the system's first answer is that it did nothing.
    reluctant: bool,
}

/// Steps of a process from its start until the message is settled, at most.
const LIFE: u64 = 60;

/// Runs each plot with a kill at every step, and then with two; returns how many runs there were.
pub async fn at_every_step<S: Stores>() -> usize {
    let mut runs = 0;
    for idempotent in [false, true] {
        for at_once in [false, true] {
            for reluctant in [false, true] {
                let plot = Plot { idempotent, at_once, reluctant };
                runs += kills(plot, |first| vec![first], S::fresh).await;
                for second in 0..=LIFE {
                    runs += kills(plot, |first| vec![first, second], S::fresh).await;
                }
            }
        }
    }
    runs
}

/// Kills at step 0, 1, 2, and so on, until a run comes to its end before the first kill.
async fn kills<S: Stores>(plot: Plot, fuses: impl Fn(u64) -> Vec<u64>, fresh: fn() -> S) -> usize {
    for first in 0.. {
        let stores = fresh();
        let world = Mutex::new(World::default());
        let fuses = fuses(first);
        let mut survived = None;
        for (life, step) in fuses.iter().copied().map(Fuse::at).chain([Fuse::never()]).enumerate() {
            let delivery = stores.process(step.clone());
            let ended = tokio::select! {
                biased;
                () = step.burnt() => false,
                () = live(&*delivery, plot, &step, &world) => true,
            };
            if ended {
                survived = Some(life);
                break;
            }
        }
        let world = world.into_inner().unwrap_or_else(PoisonError::into_inner);
        let delivery = stores.process(Fuse::never());
        judge(&*delivery, plot, &world, &format!("{plot:?} killed at {fuses:?}")).await;
        assert_eq!(stores.undelivered(), 0, "{plot:?} killed at {fuses:?}: parcels are left");
        if survived == Some(0) {
            return usize::try_from(first).unwrap_or(usize::MAX) + 1;
        }
    }
    0
}

fn request(plot: Plot) -> Envelope {
    let idempotency = if plot.idempotent { Idempotency::Yes } else { Idempotency::No };
    Envelope { idempotency, ..keyed("r", "CN=portal", "k-1") }
}

/// One process: start, the portal's call with its request id, and work until the message is settled.
async fn live(delivery: &dyn Delivery, plot: Plot, fuse: &Fuse, world: &Mutex<World>) {
    let gateway = GatewayId::generate();
    delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    delivery.reconcile(gateway, NOW).await.expect("reconcile");
    let start = if plot.at_once { Start::Now(gateway) } else { Start::Due(NOW) };
    let envelope = request(plot);
    let new = envelope.id;
    let (id, begun) =
        match delivery.accept(Accept { envelope, payload: payload(1), start }).await.expect("accept") {
            Accepted::New(claim) => (new, claim),
            Accepted::Repeated(record) => (record.envelope.id, None),
            Accepted::Conflict(id) => panic!("the same request is no conflict, message {id}"),
        };
    world.lock().unwrap_or_else(PoisonError::into_inner).acknowledged.get_or_insert(id);
    let mut now = NOW;
    if let Some(claim) = begun {
        attempt(delivery, plot, fuse, world, claim, now).await;
    }
    for _ in 0..10 {
        if matches!(state(delivery, id).await, State::Finished { .. } | State::Dead { .. }) {
            // Once more, as a dispatcher would: what came again is absorbed.
            assert_eq!(claimed(delivery, gateway, 9, &[], now).await, []);
            return;
        }
        now = Timestamp(now.0 + 1_000_000);
        for claim in claimed(delivery, gateway, 9, &[], now).await {
            assert_eq!(claim.id, id);
            attempt(delivery, plot, fuse, world, claim, now).await;
        }
    }
    panic!("the message is stuck: {:?}", state(delivery, id).await);
}

/// Asks the system, which may be killed on either side too, and settles.
async fn attempt(
    delivery: &dyn Delivery,
    plot: Plot,
    fuse: &Fuse,
    world: &Mutex<World>,
    claim: crate::Claim,
    now: Timestamp,
) {
    let ask = || world.lock().unwrap_or_else(PoisonError::into_inner).asked.push(claim.attempt);
    fuse.call(ask).await;
    if plot.reluctant && claim.attempt == 1 {
        let due = Timestamp(now.0 + 500_000);
        delivery.retry_at(claim, due, failure(FaultClass::NotDone), now).await.expect("retry at");
    } else {
        delivery.finish(claim, reply(), now).await.expect("finish");
    }
}

/// What must hold in the end.
async fn judge(delivery: &dyn Delivery, plot: Plot, world: &World, when: &str) {
    let records = all(delivery, Default::default()).await;
    assert_eq!(records.len(), 1, "{when}: one row for one request id");
    let record = known(delivery, records[0].envelope.id).await;
    assert_eq!(world.acknowledged, Some(record.envelope.id), "{when}: what the portal was told of");
    assert_eq!(record.payload, payload(1), "{when}: byte for byte");
    let mut asked = world.asked.clone();
    asked.dedup();
    assert_eq!(asked, world.asked, "{when}: an attempt asks once");
    match &record.state {
        State::Finished { outcome, .. } => assert_eq!(*outcome, reply(), "{when}"),
        State::Dead { letter, .. } => {
            assert!(!plot.idempotent, "{when}: what may be repeated is");
            assert_eq!(letter.failure.class, FaultClass::Unknown, "{when}");
        }
        other => panic!("{when}: not settled: {other:?}"),
    }
    if !plot.idempotent {
        let settled: Vec<u32> = record
            .attempts
            .iter()
            .filter(|a| a.failure.as_ref().is_some_and(|f| f.class == FaultClass::NotDone))
            .map(|a| a.number)
            .collect();
        let unsettled = world.asked.iter().filter(|attempt| !settled.contains(attempt)).count();
        assert!(unsettled <= 1, "{when}: asked again though the outcome was unknown: {:?}", world.asked);
    }
    let again = Accept { envelope: request(plot), payload: payload(1), start: Start::Due(NOW) };
    match delivery.accept(again).await.expect("accept") {
        Accepted::Repeated(repeated) => assert_eq!(repeated.state, record.state, "{when}: answered once"),
        other => panic!("{when}: a repeat, not {other:?}"),
    }
    let other = Accept { envelope: request(plot), payload: payload(2), start: Start::Due(NOW) };
    assert!(matches!(delivery.accept(other).await, Ok(Accepted::Conflict(_))), "{when}: another payload");
}
