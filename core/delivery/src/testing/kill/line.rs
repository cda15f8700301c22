//! Two messages of one order key: the second must not overtake the first, whoever dies over it.

use std::sync::{Mutex, PoisonError};

use super::Story;
use crate::{
    Accept, Accepted, Claim, DeadLetters, Delivery, Envelope, FaultClass, GatewayId, Idempotency, MessageId,
    Start, State, StateKind, Timestamp,
    testing::{Fuse, messages::*},
};

/// What the portal and the system know.
#[derive(Default)]
pub(super) struct World {
    /// The messages that the portal was told of, in order.
    acknowledged: Vec<MessageId>,
    /// Attempts with which the system was asked.
    asked: Vec<(MessageId, u32)>,
}

/// How messages are accepted and what their system does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plot {
    idempotent: bool,
    dead_letters: DeadLetters,
    /// Whether first attempts begin with the accept.
    at_once: bool,
    /// Whether the system's first answer to the first message is that it did nothing.
    reluctant: bool,
}

pub(super) fn plots() -> impl Iterator<Item = Plot> {
    let (hold, pass) = (DeadLetters::Hold, DeadLetters::Pass);
    let policies = [(true, hold), (false, hold), (false, pass)];
    policies.into_iter().flat_map(|(idempotent, dead_letters)| {
        (0..4).map(move |n| Plot { idempotent, dead_letters, at_once: n & 1 > 0, reluctant: n & 2 > 0 })
    })
}

const REQUESTS: [&str; 2] = ["first", "second"];

impl Plot {
    fn request(self, name: &str) -> Envelope {
        let idempotency = if self.idempotent { Idempotency::Yes } else { Idempotency::No };
        let Envelope { request_key, .. } = keyed("r", "CN=portal", name);
        Envelope { idempotency, request_key, ..ordered("r", "k", self.dead_letters) }
    }

    /// Asks the system, which may be killed on either side too, and settles.
    async fn attempt(
        self,
        delivery: &dyn Delivery,
        fuse: &Fuse,
        world: &Mutex<World>,
        claim: Claim,
        now: Timestamp,
    ) {
        let ask =
            || world.lock().unwrap_or_else(PoisonError::into_inner).asked.push((claim.id, claim.attempt));
        fuse.call(ask).await;
        let first =
            world.lock().unwrap_or_else(PoisonError::into_inner).acknowledged.first() == Some(&claim.id);
        if self.reluctant && first && claim.attempt == 1 {
            let due = Timestamp(now.0 + 500_000);
            delivery.retry_at(claim, due, failure(FaultClass::NotDone), now).await.expect("retry at");
        } else {
            delivery.finish(claim, reply(), now).await.expect("finish");
        }
    }

    /// The portal's call, which it repeats until it is told of the message.
    async fn call(
        self,
        delivery: &dyn Delivery,
        gateway: GatewayId,
        name: &str,
        world: &Mutex<World>,
    ) -> Option<Claim> {
        let start = if self.at_once { Start::Now(gateway) } else { Start::Due(NOW) };
        let envelope = self.request(name);
        let new = envelope.id;
        let (id, begun) =
            match delivery.accept(Accept { envelope, payload: payload(1), start }).await.expect("accept") {
                Accepted::New(claim) => (new, claim),
                Accepted::Parked => (new, None),
                Accepted::Repeated(record) => (record.envelope.id, None),
                Accepted::Conflict(id) => panic!("the same request is no conflict, message {id}"),
            };
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        if !world.acknowledged.contains(&id) {
            world.acknowledged.push(id);
        }
        begun
    }
}

impl Story for Plot {
    type World = World;

    async fn live(&self, delivery: &dyn Delivery, fuse: &Fuse, world: &Mutex<World>) {
        let gateway = GatewayId::generate();
        delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
        delivery.reconcile(gateway, NOW).await.expect("reconcile");
        let mut at_work = Vec::new();
        for name in REQUESTS {
            at_work.extend(self.call(delivery, gateway, name, world).await);
        }
        assert!(at_work.len() <= 1, "one attempt at a time");
        let mut now = NOW;
        for _ in 0..20 {
            for claim in std::mem::take(&mut at_work) {
                self.attempt(delivery, fuse, world, claim, now).await;
            }
            now = Timestamp(now.0 + 1_000_000);
            at_work = claimed(delivery, gateway, 9, &[], now).await;
            assert!(at_work.len() <= 1, "one attempt at a time");
            if !at_work.is_empty() {
                continue;
            }
            // An operator, who comes when nothing goes on by itself.
            let records = all(delivery, Default::default()).await;
            if records.iter().all(|record| record.state.kind() == StateKind::Finished) {
                return;
            }
            for record in records.iter().filter(|record| record.state.kind() == StateKind::Dead) {
                delivery.resolve(record.envelope.id, reply(), now).await.expect("resolve");
            }
        }
        panic!("a message is stuck: {:?}", all(delivery, Default::default()).await);
    }

    async fn judge(&self, delivery: &dyn Delivery, world: &World, when: &str) {
        let mut records = all(delivery, Default::default()).await;
        records.reverse();
        let ids: Vec<_> = records.iter().map(|record| record.envelope.id).collect();
        assert_eq!(ids, world.acknowledged, "{when}: one row for each request id, in the portal's order");
        for record in &records {
            assert!(matches!(record.state, State::Finished { .. }), "{when}: {:?}", record.state);
        }
        let places: Vec<_> =
            world.asked.iter().map(|(id, _)| ids.iter().position(|known| known == id)).collect();
        assert!(places.is_sorted(), "{when}: the second overtook the first: {places:?}");
        let mut asked = world.asked.clone();
        asked.dedup();
        assert_eq!(asked, world.asked, "{when}: an attempt asks once");
    }
}
