//! Suspects: messages over which gateways died. One at a time, so that what is innocent is not buried with what is poison.

use std::sync::Arc;

use super::{cases, fresh, reopened};
use crate::{
    DeadLetters, Delivery, Envelope, FaultClass, GatewayId, Idempotency, MessageId, Start, State, StateKind,
    is_suspect,
    testing::{Subject, messages::*},
};

cases![
    innocents_beside_a_poison_message_are_finished,
    of_suspects_one_at_a_time_is_claimed_and_others_flow,
    simultaneous_claims_take_one_suspect,
    an_attempt_that_ends_clears_a_suspect,
    a_suspect_of_a_route_that_is_passed_over_holds_up_no_other,
    a_suspect_keeps_its_place_in_line_and_holds_up_no_other_key,
    a_suspect_that_is_withdrawn_holds_up_no_other,
    a_poison_message_that_is_retried_is_alone_and_dies_once,
];

/// The gateway dies with all that it was at, and another one begins.
async fn after_a_death(subject: &dyn Subject, delivery: Arc<dyn Delivery>) -> (Arc<dyn Delivery>, GatewayId) {
    let (delivery, gateway) = (reopened(subject, delivery).await, GatewayId::generate());
    delivery.reconcile(gateway, NOW).await.expect("reconcile");
    (delivery, gateway)
}

/// A gateway, before which two died over these messages.
async fn after_two_deaths(
    subject: &dyn Subject,
    envelopes: Vec<Envelope>,
) -> (Arc<dyn Delivery>, GatewayId, Vec<MessageId>) {
    let (mut delivery, mut gateway) = (fresh(subject).await, GatewayId::generate());
    let mut suspects = Vec::new();
    for envelope in envelopes {
        suspects.push(waiting(&*delivery, envelope, NOW).await);
    }
    for _ in 0..2 {
        assert_eq!(claimed(&*delivery, gateway, 99, &[], NOW).await.len(), suspects.len());
        (delivery, gateway) = after_a_death(subject, delivery).await;
    }
    (delivery, gateway, suspects)
}

async fn innocents_beside_a_poison_message_are_finished(subject: &dyn Subject) {
    let (mut delivery, mut gateway) = (fresh(subject).await, GatewayId::generate());
    let poison = waiting(&*delivery, repeatable("r"), NOW).await;
    let mut innocents = Vec::new();
    let mut deaths = 0;
    while state(&*delivery, poison).await.kind() != StateKind::Dead {
        for route in ["r", "s"] {
            innocents.push(waiting(&*delivery, repeatable(route), NOW).await);
        }
        let claims = claimed(&*delivery, gateway, 99, &[], NOW).await;
        if claims.iter().any(|claim| claim.id == poison) {
            deaths += 1;
            assert!(deaths < 100, "a message that kills gateways is stopped some time");
            (delivery, gateway) = after_a_death(subject, delivery).await;
            continue;
        }
        for claim in claims {
            delivery.finish(claim, reply(), NOW).await.expect("finish");
        }
    }
    let State::Dead { letter, .. } = state(&*delivery, poison).await else { panic!("a dead letter") };
    assert_eq!(letter.failure.class, FaultClass::Poison);
    for _ in 0..innocents.len() {
        for claim in claimed(&*delivery, gateway, 99, &[], NOW).await {
            delivery.finish(claim, reply(), NOW).await.expect("finish");
        }
    }
    for id in innocents {
        assert_eq!(state(&*delivery, id).await.kind(), StateKind::Finished);
    }
}

async fn of_suspects_one_at_a_time_is_claimed_and_others_flow(subject: &dyn Subject) {
    let envelopes = vec![repeatable("r"), repeatable("s"), repeatable("r")];
    let (delivery, gateway, suspects) = after_two_deaths(subject, envelopes).await;
    let others =
        [waiting(&*delivery, repeatable("r"), NOW).await, waiting(&*delivery, envelope("s"), NOW).await];
    let claims = claimed(&*delivery, gateway, 99, &[], NOW).await;
    for id in suspects.iter().copied() {
        assert!(
            is_suspect(known(&*delivery, id).await.lost) && is_suspect(listed(&*delivery, id).await.lost)
        );
    }
    assert_eq!(listed(&*delivery, others[0]).await.lost, 0);
    let mut under_way: Vec<_> = claims.iter().copied().filter(|claim| suspects.contains(&claim.id)).collect();
    assert_eq!((claims.len(), under_way.len()), (others.len() + 1, 1), "{claims:?}");
    for left in (0..suspects.len()).rev() {
        assert_eq!(claimed(&*delivery, gateway, 99, &[], NOW).await, [], "one at a time");
        assert_eq!(count(&*delivery, StateKind::Waiting).await, left as u64);
        delivery.finish(under_way[0], reply(), NOW).await.expect("finish");
        under_way = claimed(&*delivery, gateway, 99, &[], NOW).await;
        assert_eq!(under_way.len(), left.min(1));
    }
}

async fn simultaneous_claims_take_one_suspect(subject: &dyn Subject) {
    let (delivery, ..) = after_two_deaths(subject, (0..4).map(|_| repeatable("r")).collect()).await;
    let claim = |_| claimed(&*delivery, GatewayId::generate(), 9, &[], NOW);
    let (a, b, c) = tokio::join!(claim(0), claim(1), claim(2));
    assert_eq!([a, b, c].concat().len(), 1);
}

async fn an_attempt_that_ends_clears_a_suspect(subject: &dyn Subject) {
    let envelopes = vec![repeatable("r"), repeatable("r")];
    let (delivery, gateway, suspects) = after_two_deaths(subject, envelopes).await;
    let [first] = claimed(&*delivery, gateway, 9, &[], NOW).await[..] else { panic!("one at a time") };
    delivery.retry_at(first, at(1), failure(FaultClass::NotDone), NOW).await.expect("retry at");
    let listed = listed(&*delivery, first.id).await;
    let last = listed.attempts.last().expect("attempts");
    assert_eq!((listed.lost, last.number, last.ended), (0, first.attempt, Some(NOW)));
    assert_eq!(
        last.failure.as_ref().map(|failure| failure.class),
        Some(FaultClass::NotDone),
        "what it waits for"
    );
    let mut both = ids(&claimed(&*delivery, gateway, 9, &[], at(1)).await);
    both.sort();
    assert_eq!(both, suspects, "one that is a suspect, and one that is none any more");
    // Whose count begins anew.
    let (delivery, gateway) = after_a_death(subject, delivery).await;
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(1)).await.len(), 2, "one death is chance");
}

async fn a_suspect_of_a_route_that_is_passed_over_holds_up_no_other(subject: &dyn Subject) {
    let envelopes = vec![repeatable("paused"), repeatable("r"), repeatable("paused")];
    let (delivery, gateway, suspects) = after_two_deaths(subject, envelopes).await;
    let except: [Arc<str>; 1] = ["paused".into()];
    let [open] = claimed(&*delivery, gateway, 9, &except, NOW).await[..] else { panic!("one at a time") };
    assert_eq!(open.id, suspects[1]);
    assert_eq!(claimed(&*delivery, gateway, 9, &[], NOW).await, [], "one is claimed");
    delivery.finish(open, reply(), NOW).await.expect("finish");
    assert_eq!(claimed(&*delivery, gateway, 9, &except, NOW).await, []);
    assert_eq!(claimed(&*delivery, gateway, 9, &[], NOW).await.len(), 1, "the route is served again");
}

async fn a_suspect_keeps_its_place_in_line_and_holds_up_no_other_key(subject: &dyn Subject) {
    let of_key = |key| Envelope { idempotency: Idempotency::Yes, ..ordered("r", key, DeadLetters::Hold) };
    let (delivery, gateway, suspects) = after_two_deaths(subject, vec![of_key("a"), of_key("b")]).await;
    let mut behind = Vec::new();
    for key in ["a", "b"] {
        behind.push(parked(&*delivery, of_key(key), Start::Due(NOW)).await);
    }
    let other = waiting(&*delivery, of_key("c"), NOW).await;
    let mut claims = claimed(&*delivery, gateway, 9, &[], NOW).await;
    claims.retain(|claim| claim.id != other);
    let [first] = claims[..] else { panic!("one at a time, and none overtakes it: {claims:?}") };
    delivery.finish(first, reply(), NOW).await.expect("finish");
    let place = suspects.iter().position(|id| *id == first.id).expect("one of them");
    let mut expected = [suspects[1 - place], behind[place]];
    expected.sort();
    let mut next = ids(&claimed(&*delivery, gateway, 9, &[], NOW).await);
    next.sort();
    assert_eq!(next, expected, "the other suspect, and who was behind the first");
}

async fn a_suspect_that_is_withdrawn_holds_up_no_other(subject: &dyn Subject) {
    let envelopes = vec![repeatable("r"), repeatable("r")];
    let (delivery, gateway, suspects) = after_two_deaths(subject, envelopes).await;
    assert_eq!(delivery.withdraw(suspects[0], reply(), NOW).await, Ok(true));
    assert_eq!(ids(&claimed(&*delivery, gateway, 9, &[], NOW).await), [suspects[1]]);
}

async fn a_poison_message_that_is_retried_is_alone_and_dies_once(subject: &dyn Subject) {
    let (mut delivery, mut gateway, poison) = after_two_deaths(subject, vec![repeatable("r")]).await;
    while claimed(&*delivery, gateway, 9, &[], NOW).await.len() == 1 {
        (delivery, gateway) = after_a_death(subject, delivery).await;
    }
    delivery.retry(poison[0], None, NOW).await.expect("retry");
    assert_eq!(ids(&claimed(&*delivery, gateway, 9, &[], NOW).await), poison);
    let delivery = reopened(subject, delivery).await;
    let reconciled = delivery.reconcile(GatewayId::generate(), at(1)).await.expect("reconcile");
    assert_eq!((reconciled.requeued.len(), reconciled.buried.len()), (0, 1));
    let State::Dead { letter, .. } = state(&*delivery, poison[0]).await else { panic!("a dead letter") };
    assert_eq!(letter.failure.class, FaultClass::Poison);
}
