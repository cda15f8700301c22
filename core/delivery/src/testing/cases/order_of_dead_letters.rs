//! Order by key, where a message of the key is a dead letter: it holds the others or lets them pass, as its route says.

use super::{
    cases, fresh,
    order::{behind, in_line, next, one},
    reopened,
};
use crate::{
    Claim, DeadLetters, Delivery, Envelope, FaultClass, GatewayId, MessageId, Outcome, Start, StateKind,
    testing::{Subject, messages::*},
};

cases![
    a_dead_letter_holds_its_key,
    a_dead_letter_that_is_retried_goes_first,
    a_dead_letter_may_let_its_key_pass,
    a_lost_attempt_holds_its_key_or_lets_it_pass,
    a_passed_dead_letter_takes_its_old_place_again,
    a_passed_dead_letter_waits_for_the_one_at_work,
    a_message_that_is_retried_is_overtaken_by_what_came_before_it,
    a_passed_dead_letter_that_is_resolved_changes_nothing,
];

fn passing() -> Envelope {
    ordered("r", "k", DeadLetters::Pass)
}

async fn bury(delivery: &dyn Delivery, claim: Claim) -> MessageId {
    delivery.bury(claim, letter(FaultClass::Reply), at(1)).await.expect("bury");
    claim.id
}

/// A dead letter that its key passed.
async fn passed(delivery: &dyn Delivery, gateway: GatewayId) -> MessageId {
    bury(delivery, started(delivery, passing(), gateway).await).await
}

async fn a_dead_letter_holds_its_key(subject: &dyn Subject) {
    let mut delivery = fresh(subject).await;
    let mut gateway = GatewayId::generate();
    // Done after all, or discarded.
    for outcome in [reply(), Outcome::Failed(failure(FaultClass::Refused))] {
        let dead = bury(&*delivery, started(&*delivery, in_line(), gateway).await).await;
        let (second, third) = (next(&*delivery).await, next(&*delivery).await);
        delivery = reopened(subject, delivery).await;
        gateway = GatewayId::generate();
        let other = waiting(&*delivery, ordered("r", "other", DeadLetters::Hold), NOW).await;
        let claim = one(&*delivery, gateway, at(9999)).await;
        assert_eq!(claim.id, other, "another key flows");
        delivery.finish(claim, reply(), at(2)).await.expect("finish");
        assert_eq!(behind(&*delivery, third).await, Some(dead));
        delivery.resolve(dead, outcome, at(2)).await.expect("resolve");
        for id in [second, third] {
            let claim = one(&*delivery, gateway, at(2)).await;
            assert_eq!(claim.id, id);
            delivery.finish(claim, reply(), at(2)).await.expect("finish");
        }
    }
}

async fn a_dead_letter_that_is_retried_goes_first(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let dead = bury(&*delivery, started(&*delivery, in_line(), gateway).await).await;
    let second = next(&*delivery).await;
    delivery.retry(dead, None, at(5)).await.expect("retry");
    let claim = one(&*delivery, gateway, at(5)).await;
    assert_eq!((claim.id, claim.attempt), (dead, 2));
    assert_eq!(behind(&*delivery, second).await, Some(dead));
    bury(&*delivery, claim).await;
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(9)).await, []);
    delivery.retry(dead, None, at(6)).await.expect("retry");
    let claim = one(&*delivery, gateway, at(6)).await;
    delivery.finish(claim, reply(), at(6)).await.expect("finish");
    assert_eq!(one(&*delivery, gateway, at(6)).await.id, second);
}

async fn a_dead_letter_may_let_its_key_pass(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let claim = started(&*delivery, passing(), gateway).await;
    let second = parked(&*delivery, passing(), Start::Due(NOW)).await;
    let dead = bury(&*delivery, claim).await;
    let claim = one(&*delivery, gateway, at(1)).await;
    assert_eq!(claim.id, second);
    delivery.finish(claim, reply(), at(1)).await.expect("finish");
    let delivery = reopened(subject, delivery).await;
    assert_eq!(state(&*delivery, dead).await.kind(), StateKind::Dead);
    // Nobody is in line any more.
    started(&*delivery, passing(), gateway).await;
}

async fn a_lost_attempt_holds_its_key_or_lets_it_pass(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gone = GatewayId::generate();
    let holding = started(&*delivery, in_line(), gone).await.id;
    let held = next(&*delivery).await;
    let other = |dead_letters| ordered("r", "other", dead_letters);
    started(&*delivery, other(DeadLetters::Pass), gone).await;
    let passes = parked(&*delivery, other(DeadLetters::Pass), Start::Now(gone)).await;
    let delivery = reopened(subject, delivery).await;
    let gateway = GatewayId::generate();
    assert_eq!(delivery.reconcile(gateway, at(1)).await.expect("reconcile").buried.len(), 2);
    assert_eq!(one(&*delivery, gateway, at(1)).await.id, passes);
    assert_eq!(behind(&*delivery, held).await, Some(holding));
}

async fn a_passed_dead_letter_takes_its_old_place_again(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let dead = passed(&*delivery, gateway).await;
    let second = waiting(&*delivery, passing(), NOW).await;
    let third = parked(&*delivery, passing(), Start::Due(NOW)).await;
    delivery.retry(dead, None, at(5)).await.expect("retry");
    assert_eq!(behind(&*delivery, second).await, Some(dead));
    let delivery = reopened(subject, delivery).await;
    for (id, attempt) in [(dead, 2), (second, 1), (third, 1)] {
        let claim = one(&*delivery, gateway, at(6)).await;
        assert_eq!((claim.id, claim.attempt), (id, attempt));
        delivery.finish(claim, reply(), at(6)).await.expect("finish");
    }
}

async fn a_passed_dead_letter_waits_for_the_one_at_work(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let dead = passed(&*delivery, gateway).await;
    let second = started(&*delivery, passing(), gateway).await;
    let third = parked(&*delivery, passing(), Start::Due(NOW)).await;
    delivery.retry(dead, None, at(5)).await.expect("retry");
    for later in [dead, third] {
        assert_eq!(behind(&*delivery, later).await, Some(second.id));
    }
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(9)).await, []);
    delivery.finish(second, reply(), at(9)).await.expect("finish");
    for id in [dead, third] {
        let claim = one(&*delivery, gateway, at(9)).await;
        assert_eq!(claim.id, id);
        delivery.finish(claim, reply(), at(9)).await.expect("finish");
    }
}

async fn a_message_that_is_retried_is_overtaken_by_what_came_before_it(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let dead = passed(&*delivery, gateway).await;
    let second = started(&*delivery, in_line(), gateway).await;
    delivery.retry(dead, None, at(5)).await.expect("retry");
    delivery.retry_at(second, at(6), failure(FaultClass::Unsent), at(6)).await.expect("retry at");
    let claim = one(&*delivery, gateway, at(7)).await;
    assert_eq!(claim.id, dead);
    delivery.finish(claim, reply(), at(7)).await.expect("finish");
    let claim = one(&*delivery, gateway, at(7)).await;
    assert_eq!(claim, Claim { attempt: 2, ..second });
    // A dead letter that holds does not hold what came before it.
    let dead = bury(&*delivery, claim).await;
    let third = next(&*delivery).await;
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(9)).await, []);
    delivery.resolve(dead, reply(), at(9)).await.expect("resolve");
    assert_eq!(one(&*delivery, gateway, at(9)).await.id, third);
}

async fn a_passed_dead_letter_that_is_resolved_changes_nothing(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let dead = passed(&*delivery, gateway).await;
    let second = started(&*delivery, passing(), gateway).await;
    let third = parked(&*delivery, passing(), Start::Due(NOW)).await;
    delivery.resolve(dead, reply(), at(2)).await.expect("resolve");
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(9)).await, []);
    delivery.finish(second, reply(), at(3)).await.expect("finish");
    assert_eq!(one(&*delivery, gateway, at(3)).await.id, third);
}
