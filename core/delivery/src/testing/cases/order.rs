//! Order by key: messages of a key one after the other, while others flow.

use std::{sync::Arc, time::Duration};

use super::{cases, fresh, reopened};
use crate::{
    Accept, Accepted, Claim, DeadLetters, Delivery, Envelope, FaultClass, GatewayId, Idempotency, MessageId,
    Outcome, Start, State, StateKind, Timestamp,
    testing::{Subject, messages::*},
};

cases![
    messages_of_a_key_are_claimed_one_after_the_other,
    other_keys_and_messages_without_one_flow,
    keys_are_of_their_route,
    what_is_due_later_holds_what_is_due_now,
    order_outlasts_a_retry,
    order_outlasts_a_crash,
    any_outcome_lets_the_next_one_go,
    who_is_withdrawn_leaves_the_line,
    an_attempt_that_would_begin_at_once_waits_its_turn,
    a_parked_message_is_known_by_its_request_key,
    the_next_one_is_ready_when_the_one_before_is_settled,
    routes_that_are_passed_over_keep_their_order,
    a_long_line_is_worked_off_in_order,
    simultaneous_accepts_and_claims_keep_one_at_a_time,
    an_accept_that_meets_the_outcome_before_it_is_not_left_waiting,
    forgetting_keeps_the_order,
];

/// Of the key `k` of route `r`.
pub(super) fn in_line() -> Envelope {
    ordered("r", "k", DeadLetters::Hold)
}

/// Parked behind the first.
pub(super) async fn next(delivery: &dyn Delivery) -> MessageId {
    parked(delivery, in_line(), Start::Due(NOW)).await
}

/// The one message that a claim takes.
pub(super) async fn one(delivery: &dyn Delivery, gateway: GatewayId, now: Timestamp) -> Claim {
    let claims = claimed(delivery, gateway, 9, &[], now).await;
    assert_eq!(claims.len(), 1, "one message of a key at a time: {claims:?}");
    claims[0]
}

/// For which message this one waits, as lists say it too.
pub(super) async fn behind(delivery: &dyn Delivery, id: MessageId) -> Option<MessageId> {
    let behind = known(delivery, id).await.behind;
    assert_eq!(listed(delivery, id).await.behind, behind);
    behind
}

async fn messages_of_a_key_are_claimed_one_after_the_other(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let first = waiting(&*delivery, in_line(), NOW).await;
    let (second, third) = (next(&*delivery).await, next(&*delivery).await);
    assert_eq!(behind(&*delivery, first).await, None);
    for later in [second, third] {
        assert_eq!(state(&*delivery, later).await, State::Waiting { due: NOW });
        assert_eq!(behind(&*delivery, later).await, Some(first));
    }
    assert_eq!(count(&*delivery, StateKind::Waiting).await, 3);
    for (place, id) in [first, second, third].into_iter().enumerate() {
        let claim = one(&*delivery, gateway, at(1)).await;
        assert_eq!((claim.id, claim.attempt), (id, 1), "place {place}");
        assert_eq!(claimed(&*delivery, gateway, 9, &[], at(1)).await, [], "place {place}");
        delivery.finish(claim, reply(), at(2)).await.expect("finish");
    }
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(9)).await, []);
    assert_eq!(count(&*delivery, StateKind::Waiting).await, 0);
    waiting(&*delivery, in_line(), NOW).await;
}

async fn other_keys_and_messages_without_one_flow(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let mut expected = vec![waiting(&*delivery, in_line(), NOW).await];
    for _ in 0..20 {
        next(&*delivery).await;
    }
    for n in 0..3 {
        expected.push(waiting(&*delivery, ordered("r", &format!("k{n}"), DeadLetters::Hold), NOW).await);
        expected.push(waiting(&*delivery, envelope("r"), NOW).await);
    }
    assert_eq!(ids(&claimed(&*delivery, gateway, 7, &[], NOW).await), expected);
    assert_eq!(claimed(&*delivery, gateway, 99, &[], at(9)).await, []);
}

async fn keys_are_of_their_route(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let here = waiting(&*delivery, in_line(), NOW).await;
    let there = waiting(&*delivery, ordered("s", "k", DeadLetters::Hold), NOW).await;
    assert_eq!(ids(&claimed(&*delivery, GatewayId::generate(), 9, &[], NOW).await), [here, there]);
}

async fn what_is_due_later_holds_what_is_due_now(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let first = waiting(&*delivery, in_line(), at(10)).await;
    let second = next(&*delivery).await;
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(9)).await, []);
    let claim = one(&*delivery, gateway, at(10)).await;
    assert_eq!(claim.id, first);
    delivery.finish(claim, reply(), at(11)).await.expect("finish");
    assert_eq!(one(&*delivery, gateway, at(11)).await.id, second);
}

async fn order_outlasts_a_retry(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let first = waiting(&*delivery, in_line(), NOW).await;
    let second = next(&*delivery).await;
    for attempt in 1..4 {
        let now = at(i64::from(attempt) * 10);
        let claim = one(&*delivery, gateway, now).await;
        assert_eq!((claim.id, claim.attempt), (first, attempt));
        let due = now.plus(Duration::from_secs(5));
        delivery.retry_at(claim, due, failure(FaultClass::Unsent), now).await.expect("retry at");
        assert_eq!(claimed(&*delivery, gateway, 9, &[], now).await, [], "nobody overtakes");
        assert_eq!(behind(&*delivery, second).await, Some(first));
    }
    let delivery = reopened(subject, delivery).await;
    let gateway = GatewayId::generate();
    let claim = one(&*delivery, gateway, at(99)).await;
    assert_eq!((claim.id, claim.attempt), (first, 4));
    delivery.finish(claim, reply(), at(99)).await.expect("finish");
    let claim = one(&*delivery, gateway, at(99)).await;
    assert_eq!((claim.id, claim.attempt), (second, 1), "waiting for its turn is no attempt");
    assert_eq!(known(&*delivery, second).await.attempts.len(), 1);
}

async fn order_outlasts_a_crash(subject: &dyn Subject) {
    let mut delivery = fresh(subject).await;
    let again = || Envelope { idempotency: Idempotency::Yes, ..in_line() };
    let first = started(&*delivery, again(), GatewayId::generate()).await.id;
    let second = parked(&*delivery, again(), Start::Due(NOW)).await;
    let third = parked(&*delivery, again(), Start::Now(GatewayId::generate())).await;
    for (id, attempt) in [(first, 2), (second, 1), (second, 2), (third, 1)] {
        delivery = reopened(subject, delivery).await;
        let gateway = GatewayId::generate();
        delivery.reconcile(gateway, at(1)).await.expect("reconcile");
        let claim = one(&*delivery, gateway, at(1)).await;
        assert_eq!((claim.id, claim.attempt), (id, attempt));
        assert_eq!(claimed(&*delivery, gateway, 9, &[], at(1)).await, []);
        if attempt == 2 || id == third {
            delivery.finish(claim, reply(), at(1)).await.expect("finish");
        }
    }
    for id in [first, second, third] {
        assert_eq!(state(&*delivery, id).await.kind(), StateKind::Finished);
    }
}

async fn any_outcome_lets_the_next_one_go(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let claim = started(&*delivery, in_line(), gateway).await;
    let second = next(&*delivery).await;
    let refused = Outcome::Failed(failure(FaultClass::Refused));
    delivery.finish(claim, refused, at(1)).await.expect("finish");
    let stale = delivery.finish(claim, reply(), at(1)).await;
    assert!(stale.is_err(), "a claim that is settled settles nothing more");
    assert_eq!(one(&*delivery, gateway, at(1)).await.id, second);
}

async fn who_is_withdrawn_leaves_the_line(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let first = started(&*delivery, in_line(), gateway).await;
    let mut line = Vec::new();
    for _ in 0..3 {
        line.push(next(&*delivery).await);
    }
    // A parked one, while the first is at work and while it waits; and then the first itself.
    assert_eq!(delivery.withdraw(line[0], reply(), at(1)).await, Ok(true));
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(1)).await, []);
    delivery.retry_at(first, at(5), failure(FaultClass::Unsent), at(1)).await.expect("retry at");
    assert_eq!(delivery.withdraw(line[1], reply(), at(2)).await, Ok(true));
    assert_eq!(behind(&*delivery, line[2]).await, Some(first.id));
    assert_eq!(delivery.withdraw(first.id, reply(), at(2)).await, Ok(true));
    let claim = one(&*delivery, gateway, at(2)).await;
    assert_eq!((claim.id, claim.attempt), (line[2], 1));
}

async fn an_attempt_that_would_begin_at_once_waits_its_turn(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let first = started(&*delivery, in_line(), gateway).await;
    let second = parked(&*delivery, in_line(), Start::Now(gateway)).await;
    let record = known(&*delivery, second).await;
    assert_eq!((record.state, record.attempts.len()), (State::Waiting { due: NOW }, 0));
    assert_eq!(record.behind, Some(first.id));
    delivery.finish(first, reply(), at(1)).await.expect("finish");
    assert_eq!(behind(&*delivery, second).await, None);
    let claim = one(&*delivery, gateway, at(1)).await;
    assert_eq!((claim.id, claim.attempt), (second, 1));
    delivery.finish(claim, reply(), at(1)).await.expect("finish");
    // With nobody before it, it begins at once.
    started(&*delivery, in_line(), gateway).await;
}

async fn a_parked_message_is_known_by_its_request_key(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let first = started(&*delivery, in_line(), GatewayId::generate()).await;
    let request = || Envelope { request_key: keyed("r", "a", "id").request_key, ..in_line() };
    let second = parked(&*delivery, request(), Start::Due(NOW)).await;
    let delivery = reopened(subject, delivery).await;
    let again = Accept { envelope: request(), payload: payload(1), start: Start::Due(NOW) };
    match delivery.accept(again).await.expect("accept") {
        Accepted::Repeated(record) => {
            assert_eq!((record.envelope.id, record.behind), (second, Some(first.id)));
        }
        other => panic!("repeated, not {other:?}"),
    }
    assert_eq!(all(&*delivery, Default::default()).await.len(), 2);
}

/// Long enough for a slow machine, and waited for in full only by an implementation that fails.
const PATIENCE: Duration = Duration::from_secs(30);

async fn the_next_one_is_ready_when_the_one_before_is_settled(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let claim = started(&*delivery, in_line(), gateway).await;
    let second = next(&*delivery).await;
    assert_eq!(claimed(&*delivery, gateway, 9, &[], NOW).await, []);
    let waits = tokio::time::timeout(PATIENCE, delivery.ready());
    let (ready, finished) = tokio::join!(waits, delivery.finish(claim, reply(), NOW));
    finished.expect("finish");
    ready.expect("ready after the one before is settled");
    assert_eq!(one(&*delivery, gateway, NOW).await.id, second);
}

async fn routes_that_are_passed_over_keep_their_order(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let first = waiting(&*delivery, in_line(), NOW).await;
    let second = next(&*delivery).await;
    let other = waiting(&*delivery, ordered("s", "k", DeadLetters::Hold), NOW).await;
    let except: [Arc<str>; 1] = ["r".into()];
    assert_eq!(ids(&claimed(&*delivery, gateway, 9, &except, NOW).await), [other]);
    let claim = one(&*delivery, gateway, NOW).await;
    assert_eq!(claim.id, first);
    delivery.finish(claim, reply(), NOW).await.expect("finish");
    assert_eq!(claimed(&*delivery, gateway, 9, &except, NOW).await, []);
    assert_eq!(one(&*delivery, gateway, NOW).await.id, second);
}

async fn a_long_line_is_worked_off_in_order(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let mut line = vec![waiting(&*delivery, in_line(), NOW).await];
    for place in 1..60 {
        // Whatever the order in which they become due.
        line.push(parked(&*delivery, in_line(), Start::Due(at(60 - place))).await);
    }
    let mut done = Vec::new();
    while done.len() < line.len() {
        let claim = one(&*delivery, gateway, at(60)).await;
        done.push(claim.id);
        delivery.finish(claim, reply(), at(61)).await.expect("finish");
    }
    assert_eq!(done, line);
}

/// Messages by each of those who accept them.
const EACH: usize = 12;

async fn simultaneous_accepts_and_claims_keep_one_at_a_time(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let accepting: Vec<_> = (0..4)
        .map(|_| {
            let delivery = delivery.clone();
            tokio::spawn(async move {
                let mut accepted = Vec::new();
                for _ in 0..EACH {
                    let envelope = in_line();
                    accepted.push(envelope.id);
                    let accept = Accept { envelope, payload: payload(1), start: Start::Due(NOW) };
                    delivery.accept(accept).await.expect("accept");
                }
                accepted
            })
        })
        .collect();
    let mut done = Vec::new();
    while done.len() < accepting.len() * EACH {
        tokio::time::timeout(PATIENCE, delivery.ready()).await.expect("the line goes on");
        // By two at a time, as gateways that share the work would.
        let claim = |_| claimed(&*delivery, GatewayId::generate(), 9, &[], at(1));
        let (mut claims, more) = tokio::join!(claim(0), claim(1));
        claims.extend(more);
        assert!(claims.len() <= 1, "one message of a key at a time: {claims:?}");
        for claim in claims {
            delivery.finish(claim, reply(), at(1)).await.expect("finish");
            done.push(claim.id);
        }
    }
    for accepted in accepting {
        let accepted = accepted.await.expect("accept");
        let places: Vec<_> = accepted.iter().map(|id| done.iter().position(|known| known == id)).collect();
        assert!(places.is_sorted() && places[0].is_some(), "accepted earlier, done earlier: {places:?}");
    }
}

async fn an_accept_that_meets_the_outcome_before_it_is_not_left_waiting(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let meetings: Vec<_> = (0..8)
        .map(|lane| {
            let delivery = delivery.clone();
            tokio::spawn(async move {
                for n in 0..25 {
                    let in_line = || ordered("r", &format!("{lane} {n}"), DeadLetters::Hold);
                    let first = started(&*delivery, in_line(), gateway).await;
                    let envelope = in_line();
                    let second = envelope.id;
                    let accept = Accept { envelope, payload: payload(1), start: Start::Due(NOW) };
                    let (finished, accepted) =
                        tokio::join!(delivery.finish(first, reply(), NOW), delivery.accept(accept));
                    finished.expect("finish");
                    assert!(matches!(accepted, Ok(Accepted::New(None) | Accepted::Parked)), "{accepted:?}");
                    assert_eq!(behind(&*delivery, second).await, None);
                }
            })
        })
        .collect();
    for meeting in meetings {
        meeting.await.expect("nobody waits for nothing");
    }
    let mut done = 0;
    while done < 8 * 25 {
        tokio::time::timeout(PATIENCE, delivery.ready()).await.expect("all of them may be claimed");
        for claim in claimed(&*delivery, gateway, 99, &[], NOW).await {
            delivery.finish(claim, reply(), NOW).await.expect("finish");
            done += 1;
        }
    }
}

async fn forgetting_keeps_the_order(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let first = started(&*delivery, in_line(), gateway).await;
    let (second, third) = (next(&*delivery).await, next(&*delivery).await);
    delivery.finish(first, reply(), at(1)).await.expect("finish");
    assert_eq!(delivery.forget(at(2), 9).await, Ok(1));
    let claim = one(&*delivery, gateway, at(1)).await;
    assert_eq!(claim.id, second);
    assert_eq!(delivery.forget(at(9), 9).await, Ok(0));
    assert_eq!(behind(&*delivery, third).await, Some(second));
    let delivery = reopened(subject, delivery).await;
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(9)).await, []);
    delivery.finish(claim, reply(), at(2)).await.expect("finish");
    assert_eq!(delivery.forget(at(9), 9).await, Ok(1));
    let claim = one(&*delivery, gateway, at(9)).await;
    assert_eq!(claim.id, third);
    delivery.finish(claim, reply(), at(9)).await.expect("finish");
    assert_eq!(delivery.forget(at(10), 9).await, Ok(1));
    started(&*delivery, in_line(), gateway).await;
}
