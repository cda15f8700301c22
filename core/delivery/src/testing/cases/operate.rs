//! What an operator decides, and what is forgotten.

use bytes::Bytes;

use super::{cases, fresh, reopened};
use crate::{
    Accept, Accepted, BundleHash, Claim, Delivery, DeliveryError, Envelope, Failure, FaultClass, GatewayId,
    MessageId, Mode, Outcome, Start, State, StateKind,
    testing::{Subject, messages::*},
};

cases![
    a_retried_dead_letter_is_due_again,
    a_dead_letter_can_be_retried_on_a_newer_bundle,
    a_resolved_dead_letter_is_finished,
    only_dead_letters_are_decided,
    what_is_erased_is_accounted_for_without_its_contents,
    forgetting_removes_what_was_finished_before,
    forgetting_frees_the_request_key,
    bundles_are_kept_while_messages_refer_to_them,
    a_bundle_that_is_not_kept_serves_no_message,
];

async fn dead(delivery: &dyn Delivery, envelope: Envelope) -> MessageId {
    let claim = started(delivery, envelope, GatewayId::generate()).await;
    delivery.bury(claim, letter(FaultClass::Unknown), at(1)).await.expect("bury");
    claim.id
}

async fn a_retried_dead_letter_is_due_again(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let id = dead(&*delivery, Envelope { mode: Mode::RequestReply, ..envelope("r") }).await;
    delivery.retry(id, None, at(5)).await.expect("retry");
    let delivery = reopened(subject, delivery).await;
    let gateway = GatewayId::generate();
    assert_eq!(state(&*delivery, id).await, State::Waiting { due: at(5) });
    let taken = delivery.claim(gateway, 9, &[], at(5)).await.expect("claim");
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].claim, Claim { id, attempt: 2, gateway });
    assert_eq!((taken[0].envelope.bundle, &taken[0].payload), (BUNDLE, &payload(1)));
    let Envelope { deadline, mode, .. } = &taken[0].envelope;
    assert_eq!((*deadline, *mode), (None, Mode::Operation), "the caller does not wait any more");
    delivery.finish(taken[0].claim, reply(), at(6)).await.expect("finish");
    let record = known(&*delivery, id).await;
    assert_eq!(record.attempts[0].failure, Some(letter(FaultClass::Unknown).failure));
    assert_eq!(record.state, State::Finished { outcome: reply(), at: at(6) });
}

async fn a_dead_letter_can_be_retried_on_a_newer_bundle(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let id = dead(&*delivery, envelope("r")).await;
    let newer = BundleHash([8; 32]);
    assert!(delivery.retry(id, Some(newer), at(5)).await.is_err(), "a bundle that is not kept");
    assert_eq!(state(&*delivery, id).await.kind(), StateKind::Dead);
    delivery.keep_bundle(newer, Bytes::from_static(b"newer")).await.expect("keep");
    delivery.retry(id, Some(newer), at(5)).await.expect("retry");
    let taken = delivery.claim(GatewayId::generate(), 9, &[], at(5)).await.expect("claim");
    assert_eq!(taken[0].envelope, Envelope { bundle: newer, id, ..taken[0].envelope.clone() });
}

async fn a_resolved_dead_letter_is_finished(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    for outcome in [reply(), Outcome::Failed(failure(FaultClass::Refused))] {
        let id = dead(&*delivery, envelope("r")).await;
        delivery.resolve(id, outcome.clone(), at(5)).await.expect("resolve");
        let record = known(&*delivery, id).await;
        assert_eq!(record.state, State::Finished { outcome, at: at(5) });
        assert_eq!(record.attempts.len(), 1);
        assert_eq!(record.attempts[0].failure, Some(letter(FaultClass::Unknown).failure));
    }
    assert_eq!(count(&*delivery, StateKind::Dead).await, 0);
}

async fn only_dead_letters_are_decided(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let nobody = MessageId::generate();
    assert_eq!(delivery.retry(nobody, None, at(1)).await, Err(DeliveryError::NotFound(nobody)));
    assert_eq!(delivery.resolve(nobody, reply(), at(1)).await, Err(DeliveryError::NotFound(nobody)));
    let waits = waiting(&*delivery, envelope("r"), at(10)).await;
    let runs = started(&*delivery, envelope("r"), GatewayId::generate()).await;
    let done = started(&*delivery, envelope("r"), GatewayId::generate()).await;
    delivery.finish(done, reply(), at(1)).await.expect("finish");
    for id in [waits, runs.id, done.id] {
        let before = state(&*delivery, id).await;
        assert_eq!(delivery.retry(id, None, at(2)).await, Err(DeliveryError::NotDead(id)));
        assert_eq!(delivery.resolve(id, reply(), at(2)).await, Err(DeliveryError::NotDead(id)));
        assert_eq!(state(&*delivery, id).await, before);
    }
}

async fn what_is_erased_is_accounted_for_without_its_contents(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let deleted = failure(FaultClass::Request);
    assert_eq!(delivery.erase(MessageId::generate(), deleted.clone()).await, Ok(false));
    let claim = started(&*delivery, keyed("r", "c", "key"), GatewayId::generate()).await;
    assert_eq!(delivery.erase(claim.id, deleted.clone()).await, Ok(false), "it is at work");
    let personal = Failure { personal: true, ..failure(FaultClass::NotDone) };
    delivery.retry_at(claim, at(2), personal.clone(), at(2)).await.expect("retry at");
    let [claim] = claimed(&*delivery, GatewayId::generate(), 9, &[], at(2)).await[..] else {
        panic!("it is due")
    };
    delivery.finish(claim, Outcome::Failed(personal.clone()), at(3)).await.expect("finish");
    assert_eq!(delivery.erase(claim.id, deleted.clone()).await, Ok(true));
    let delivery = reopened(subject, delivery).await;
    let record = known(&*delivery, claim.id).await;
    assert_eq!((record.payload.len(), record.ticket), (0, None));
    assert_eq!(record.state, State::Finished { outcome: Outcome::Failed(deleted), at: at(3) });
    assert!(record.envelope.request_key.is_some());
    let failures: Vec<_> = record.attempts.into_iter().map(|attempt| attempt.failure).collect();
    let wordless = Failure { message: String::new(), fields: Vec::new(), ..personal };
    assert_eq!(
        failures,
        [Some(wordless.clone()), Some(wordless)],
        "why it failed, without the system's words"
    );
    let again = Accept { envelope: keyed("r", "c", "key"), payload: payload(1), start: Start::Due(at(4)) };
    let again = delivery.accept(again).await.expect("accept");
    assert!(matches!(again, Accepted::Conflict(id) if id == claim.id), "its request key is taken: {again:?}");
    assert_eq!(delivery.forget(at(4), 9).await, Ok(1), "for as long as it would have been remembered");
}

async fn forgetting_removes_what_was_finished_before(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let mut finished = Vec::new();
    for second in 0..5 {
        let claim = started(&*delivery, envelope("r"), GatewayId::generate()).await;
        delivery.finish(claim, reply(), at(second)).await.expect("finish");
        finished.push(claim.id);
    }
    let waits = waiting(&*delivery, envelope("r"), NOW).await;
    let buried = dead(&*delivery, envelope("r")).await;
    assert_eq!(delivery.forget(at(3), 2).await, Ok(2));
    assert_eq!(delivery.forget(at(3), 9).await, Ok(1));
    assert_eq!(delivery.forget(at(3), 9).await, Ok(0));
    let delivery = reopened(subject, delivery).await;
    for (second, id) in finished.into_iter().enumerate() {
        assert_eq!(
            delivery.get(id).await.expect("get").is_some(),
            second >= 3,
            "finished at second {second}"
        );
    }
    for id in [waits, buried] {
        known(&*delivery, id).await;
    }
}

async fn forgetting_frees_the_request_key(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let claim = started(&*delivery, keyed("r", "a", "k"), GatewayId::generate()).await;
    delivery.finish(claim, reply(), at(1)).await.expect("finish");
    assert_eq!(delivery.forget(at(2), 9).await, Ok(1));
    let accept = Accept { envelope: keyed("r", "a", "k"), payload: payload(1), start: Start::Due(NOW) };
    assert!(matches!(delivery.accept(accept).await, Ok(Accepted::New(None))));
}

async fn bundles_are_kept_while_messages_refer_to_them(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let [used, unused, never] = [BundleHash([1; 32]), BundleHash([2; 32]), BundleHash([3; 32])];
    for (hash, content) in [(used, "used"), (unused, "unused"), (used, "used")] {
        delivery.keep_bundle(hash, Bytes::from_static(content.as_bytes())).await.expect("keep");
    }
    let claim = started(&*delivery, Envelope { bundle: used, ..envelope("r") }, GatewayId::generate()).await;
    assert_eq!(delivery.bundle(never).await, Ok(None));
    assert_eq!(delivery.forget(at(9), 9).await, Ok(0));
    assert_eq!(
        delivery.bundle(unused).await,
        Ok(Some(Bytes::from_static(b"unused"))),
        "a bundle that this process keeps may be about to serve its first message"
    );
    let delivery = reopened(subject, delivery).await;
    delivery.forget(at(9), 9).await.expect("forget");
    assert_eq!(delivery.bundle(unused).await, Ok(None));
    assert_eq!(delivery.bundle(used).await, Ok(Some(Bytes::from_static(b"used"))));
    delivery.finish(claim, reply(), at(1)).await.expect("finish");
    assert_eq!(delivery.forget(at(9), 9).await, Ok(1));
    delivery.forget(at(9), 9).await.expect("forget");
    assert_eq!(delivery.bundle(used).await, Ok(None));
}

async fn a_bundle_that_is_not_kept_serves_no_message(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let envelope = Envelope { bundle: BundleHash([9; 32]), ..envelope("r") };
    let accept = Accept { envelope, payload: payload(1), start: Start::Due(NOW) };
    assert!(matches!(delivery.accept(accept).await, Err(DeliveryError::Unavailable(_))));
    assert_eq!(all(&*delivery, Default::default()).await.len(), 0);
}
