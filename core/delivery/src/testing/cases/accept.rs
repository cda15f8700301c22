//! Accept: durable, byte for byte, once for each request key.

use bytes::Bytes;

use super::{cases, fresh, reopened};
use crate::{
    Accept, Accepted, Attempt, Delivery, Envelope, GatewayId, MessageId, PayloadDigest, Start, State,
    testing::{Subject, messages::*},
};

cases![
    what_was_accepted_is_there_byte_for_byte_after_a_crash,
    an_attempt_begins_in_the_commit_that_accepts,
    a_repeated_request_key_changes_nothing,
    a_request_key_is_of_its_caller_and_route,
    a_repeated_request_gets_the_answer_that_was_given,
    a_key_with_another_payload_is_a_conflict,
    the_same_message_twice_is_one_message,
    simultaneous_repeats_are_one_message,
    empty_and_large_payloads_are_kept,
];

async fn what_was_accepted_is_there_byte_for_byte_after_a_crash(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let envelope = Envelope { caller: None, ..keyed("r", "CN=a", "k-1") };
    let id = waiting(&*delivery, envelope.clone(), at(5)).await;
    let delivery = reopened(subject, delivery).await;
    let record = known(&*delivery, id).await;
    assert_eq!(record.envelope, envelope);
    assert_eq!(record.payload, payload(1));
    assert_eq!(record.digest, Some(PayloadDigest::of(&payload(1))));
    assert_eq!(record.state, State::Waiting { due: at(5) });
    assert_eq!(record.attempts, []);
}

async fn an_attempt_begins_in_the_commit_that_accepts(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let claim = started(&*delivery, envelope("r"), gateway).await;
    let delivery = reopened(subject, delivery).await;
    let record = known(&*delivery, claim.id).await;
    assert_eq!(record.state, State::Claimed { gateway, since: NOW });
    assert_eq!(record.attempts, [Attempt { number: 1, started: NOW, ended: None, failure: None }]);
    assert_eq!(record.digest, None, "only what has a request key has a digest");
}

async fn repeat(delivery: &dyn Delivery, envelope: Envelope, payload: Bytes) -> Accepted {
    delivery.accept(Accept { envelope, payload, start: Start::Due(NOW) }).await.expect("accept")
}

async fn a_repeated_request_key_changes_nothing(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let first = waiting(&*delivery, keyed("r", "", "k"), at(9)).await;
    for _ in 0..2 {
        match repeat(&*delivery, keyed("r", "", "k"), payload(1)).await {
            Accepted::Repeated(record) => {
                assert_eq!(record.envelope.id, first);
                assert_eq!(record.state, State::Waiting { due: at(9) });
                assert_eq!(record.payload, payload(1));
            }
            other => panic!("repeated, not {other:?}"),
        }
    }
    assert_eq!(all(&*delivery, Default::default()).await.len(), 1);
    let delivery = reopened(subject, delivery).await;
    assert!(matches!(repeat(&*delivery, keyed("r", "", "k"), payload(1)).await, Accepted::Repeated(_)));
}

async fn a_request_key_is_of_its_caller_and_route(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    for (route, caller, id) in
        [("r", "a", "k"), ("r", "b", "k"), ("s", "a", "k"), ("r", "a", "l"), ("r", "", "k")]
    {
        waiting(&*delivery, keyed(route, caller, id), NOW).await;
    }
    assert_eq!(all(&*delivery, Default::default()).await.len(), 5);
}

async fn a_repeated_request_gets_the_answer_that_was_given(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let claim = started(&*delivery, keyed("r", "a", "k"), GatewayId::generate()).await;
    delivery.finish(claim, reply(), at(1)).await.expect("finish");
    let delivery = reopened(subject, delivery).await;
    match repeat(&*delivery, keyed("r", "a", "k"), payload(1)).await {
        Accepted::Repeated(record) => {
            assert_eq!(record.state, State::Finished { outcome: reply(), at: at(1) });
        }
        other => panic!("repeated, not {other:?}"),
    }
}

async fn a_key_with_another_payload_is_a_conflict(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let first = waiting(&*delivery, keyed("r", "a", "k"), NOW).await;
    match repeat(&*delivery, keyed("r", "a", "k"), payload(2)).await {
        Accepted::Conflict(id) => assert_eq!(id, first),
        other => panic!("a conflict, not {other:?}"),
    }
    assert_eq!(known(&*delivery, first).await.payload, payload(1));
    assert_eq!(all(&*delivery, Default::default()).await.len(), 1);
}

async fn the_same_message_twice_is_one_message(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let envelope = envelope("r");
    let first = waiting(&*delivery, envelope.clone(), at(1)).await;
    match repeat(&*delivery, envelope, payload(1)).await {
        Accepted::Repeated(record) => assert_eq!(record.envelope.id, first),
        other => panic!("repeated, not {other:?}"),
    }
    assert_eq!(state(&*delivery, first).await, State::Waiting { due: at(1) });
}

async fn simultaneous_repeats_are_one_message(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let accept = |_| repeat(&*delivery, keyed("r", "a", "k"), payload(1));
    let (a, b, c) = tokio::join!(accept(0), accept(1), accept(2));
    let new = [a, b, c].iter().filter(|accepted| matches!(accepted, Accepted::New(_))).count();
    assert_eq!(new, 1);
    assert_eq!(all(&*delivery, Default::default()).await.len(), 1);
}

async fn empty_and_large_payloads_are_kept(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    for payload in [Bytes::new(), vec![0; 1].into(), vec![0xfe; 3 << 20].into()] {
        let envelope = envelope("r");
        let id: MessageId = envelope.id;
        assert!(matches!(repeat(&*delivery, envelope, payload.clone()).await, Accepted::New(None)));
        assert!(known(&*delivery, id).await.payload == payload, "{} bytes", payload.len());
    }
}
