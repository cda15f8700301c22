//! One message, from the portal's call to the system's answer.

use std::sync::{Mutex, PoisonError};

use super::Story;
use crate::{
    Accept, Accepted, Claim, Claimed, Delivery, Envelope, Event, FaultClass, GatewayId, Idempotency,
    MessageId, Start, State, Timestamp,
    testing::{Fuse, messages::*},
};

/// What the portal and the system know.
#[derive(Default)]
pub(super) struct World {
    /// The message that the portal was told of.
    acknowledged: Option<MessageId>,
    /// Attempts with which the system was asked.
    asked: Vec<u32>,
    /// Those of them that asked for the answer to what it had taken.
    questions: Vec<u32>,
}

/// How a message is accepted and what its system does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plot {
    idempotent: bool,
    /// Whether the first attempt begins with the accept.
    at_once: bool,
    /// Whether the system's first answer is that it did nothing.
    reluctant: bool,
    /// Whether the system takes the request at first, and has an answer to the second question.
    late: bool,
}

pub(super) fn plots() -> impl Iterator<Item = Plot> {
    (0..16).map(|n| Plot { idempotent: n & 1 > 0, at_once: n & 2 > 0, reluctant: n & 4 > 0, late: n & 8 > 0 })
}

impl Plot {
    fn request(self) -> Envelope {
        let idempotency = if self.idempotent { Idempotency::Yes } else { Idempotency::No };
        Envelope { idempotency, ..announced("r", "k-1") }
    }

    /// Asks the system, which may be killed on either side too, and settles.
    async fn attempt(
        self,
        delivery: &dyn Delivery,
        fuse: &Fuse,
        world: &Mutex<World>,
        claim: Claim,
        taken: bool,
        now: Timestamp,
    ) {
        let questions = || {
            let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
            world.asked.push(claim.attempt);
            if taken {
                world.questions.push(claim.attempt);
            }
            world.questions.len()
        };
        let questions = fuse.call(questions).await;
        if self.late && !(self.reluctant && claim.attempt == 1) && questions < 2 {
            let ticket = (!taken).then(|| bytes::Bytes::from_static(b"the ticket"));
            let due = Timestamp(now.0 + 500_000);
            delivery.poll_at(claim, due, ticket, now).await.expect("poll at");
        } else if self.reluctant && claim.attempt == 1 {
            let due = Timestamp(now.0 + 500_000);
            delivery.retry_at(claim, due, failure(FaultClass::NotDone), now).await.expect("retry at");
        } else {
            delivery.finish(claim, reply(), now).await.expect("finish");
        }
    }
}

impl Story for Plot {
    type World = World;

    async fn live(&self, delivery: &dyn Delivery, fuse: &Fuse, world: &Mutex<World>) {
        let gateway = GatewayId::generate();
        delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
        delivery.reconcile(gateway, NOW).await.expect("reconcile");
        let start = if self.at_once { Start::Now(gateway) } else { Start::Due(NOW) };
        let envelope = self.request();
        let new = envelope.id;
        let (id, begun) =
            match delivery.accept(Accept { envelope, payload: payload(1), start }).await.expect("accept") {
                Accepted::New(claim) => (new, claim),
                Accepted::Repeated(record) => (record.envelope.id, None),
                Accepted::Parked => panic!("there is nothing to wait for"),
                Accepted::Conflict(id) => panic!("the same request is no conflict, message {id}"),
            };
        world.lock().unwrap_or_else(PoisonError::into_inner).acknowledged.get_or_insert(id);
        let mut now = NOW;
        if let Some(claim) = begun {
            self.attempt(delivery, fuse, world, claim, false, now).await;
        }
        for _ in 0..10 {
            if matches!(state(delivery, id).await, State::Finished { .. } | State::Dead { .. }) {
                // Once more, as a dispatcher would: what came again is absorbed.
                assert_eq!(claimed(delivery, gateway, 9, &[], now).await, []);
                while delivery.announce().await.expect("announce") > 0 {}
                return;
            }
            now = Timestamp(now.0 + 1_000_000);
            for Claimed { claim, ticket, .. } in taken(delivery, gateway, now).await {
                assert_eq!(claim.id, id);
                self.attempt(delivery, fuse, world, claim, ticket.is_some(), now).await;
            }
        }
        panic!("the message is stuck: {:?}", state(delivery, id).await);
    }

    async fn judge(&self, delivery: &dyn Delivery, world: &World, when: &str) {
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
                assert!(!self.idempotent, "{when}: what may be repeated is");
                assert_eq!(letter.failure.class, FaultClass::Unknown, "{when}");
            }
            other => panic!("{when}: not settled: {other:?}"),
        }
        if !self.idempotent {
            let settled: Vec<u32> = record
                .attempts
                .iter()
                .filter(|a| a.failure.as_ref().is_some_and(|f| f.class == FaultClass::NotDone))
                .map(|a| a.number)
                .collect();
            let may_not = |attempt: &&u32| !settled.contains(attempt) && !world.questions.contains(attempt);
            let unsettled = world.asked.iter().filter(may_not).count();
            assert!(unsettled <= 1, "{when}: asked again though the outcome was unknown: {:?}", world.asked);
        }
        let again = Accept { envelope: self.request(), payload: payload(1), start: Start::Due(NOW) };
        match delivery.accept(again).await.expect("accept") {
            Accepted::Repeated(repeated) => assert_eq!(repeated.state, record.state, "{when}: answered once"),
            other => panic!("{when}: a repeat, not {other:?}"),
        }
        let other = Accept { envelope: self.request(), payload: payload(2), start: Start::Due(NOW) };
        let other = delivery.accept(other).await;
        assert!(matches!(other, Ok(Accepted::Conflict(_))), "{when}: another payload");
    }
    async fn listen(&self, delivery: &dyn Delivery, announced: &[Event], when: &str) {
        assert_eq!(delivery.announce().await, Ok(0), "{when}: nothing is left to be told");
        let records = all(delivery, Default::default()).await;
        let record = known(delivery, records[0].envelope.id).await;
        let expected = match record.state {
            State::Finished { .. } => "finished",
            _ => "needs-attention",
        };
        let Some(first) = announced.first() else { panic!("{when}: nobody was told") };
        assert_eq!((first.message, first.happened.name()), (record.envelope.id, expected), "{when}");
        assert!(announced.iter().all(|again| again == first), "{when}: a repeat is the same: {announced:?}");
    }
}
