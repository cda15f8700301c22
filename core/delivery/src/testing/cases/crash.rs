//! Reconcile: what the death of a gateway means for its attempts.

use super::{cases, fresh, reopened};
use crate::{
    Attempt, Claim, DeliveryError, Envelope, FaultClass, GatewayId, Idempotency, Orphan, Reconciled, State,
    StateKind,
    testing::{Subject, messages::*},
};

cases![
    an_attempt_that_may_not_be_repeated_becomes_a_dead_letter,
    an_attempt_that_may_be_repeated_is_due_again,
    what_waited_or_was_settled_is_left_alone,
    a_gateway_keeps_its_own_claims,
    the_dead_gateways_claim_is_superseded,
    gateways_that_keep_dying_over_a_message_bury_it,
    many_lost_attempts_are_all_settled,
];

async fn an_attempt_that_may_not_be_repeated_becomes_a_dead_letter(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let (one, other) = (GatewayId::generate(), GatewayId::generate());
    let at_accept = started(&*delivery, keyed("r", "a", "k"), one).await;
    let by_claim = waiting(&*delivery, envelope("r"), NOW).await;
    assert_eq!(claimed(&*delivery, other, 9, &[], NOW).await.len(), 1);
    let delivery = reopened(subject, delivery).await;
    let mut reconciled = delivery.reconcile(GatewayId::generate(), at(7)).await.expect("reconcile");
    reconciled.buried.sort_by_key(|orphan| orphan.id);
    let orphan = |id, gateway| Orphan { id, route: "r".into(), received: NOW, gateway };
    let expected = vec![orphan(at_accept.id, one), orphan(by_claim, other)];
    assert_eq!(reconciled, Reconciled { requeued: Vec::new(), buried: expected });
    for id in [at_accept.id, by_claim] {
        let record = known(&*delivery, id).await;
        let State::Dead { letter, at: since } = record.state else {
            panic!("a dead letter: {:?}", record.state)
        };
        assert_eq!((letter.failure.class, since), (FaultClass::Unknown, at(7)));
        assert_eq!(letter.failure.reason, "OUTCOME_UNKNOWN");
        let attempt = Attempt { number: 1, started: NOW, ended: Some(at(7)), failure: Some(letter.failure) };
        assert_eq!(record.attempts, [attempt]);
        assert_eq!(record.payload, payload(1));
    }
    assert_eq!(claimed(&*delivery, GatewayId::generate(), 9, &[], at(9999)).await, []);
}

async fn an_attempt_that_may_be_repeated_is_due_again(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let key = Envelope { idempotency: Idempotency::Key("key".to_owned()), ..envelope("r") };
    let expected = [
        started(&*delivery, repeatable("r"), GatewayId::generate()).await.id,
        started(&*delivery, key, GatewayId::generate()).await.id,
    ];
    let delivery = reopened(subject, delivery).await;
    let gateway = GatewayId::generate();
    let reconciled = delivery.reconcile(gateway, at(7)).await.expect("reconcile");
    assert_eq!((reconciled.requeued.len(), reconciled.buried.len()), (2, 0));
    let again = claimed(&*delivery, gateway, 9, &[], at(7)).await;
    assert_eq!(ids(&again), expected);
    assert!(again.iter().all(|claim| claim.attempt == 2));
    let attempts = known(&*delivery, expected[0]).await.attempts;
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[0].ended, Some(at(7)));
    assert!(attempts[0].failure.is_some(), "a lost attempt says that it was lost");
}

async fn what_waited_or_was_settled_is_left_alone(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let waits = waiting(&*delivery, envelope("r"), at(10)).await;
    let finished = started(&*delivery, envelope("r"), gateway).await;
    delivery.finish(finished, reply(), at(1)).await.expect("finish");
    let dead = started(&*delivery, envelope("r"), gateway).await;
    delivery.bury(dead, letter(FaultClass::Reply), at(1)).await.expect("bury");
    let delivery = reopened(subject, delivery).await;
    let reconciled = delivery.reconcile(GatewayId::generate(), at(7)).await.expect("reconcile");
    assert_eq!(reconciled, Reconciled::default());
    assert_eq!(state(&*delivery, waits).await, State::Waiting { due: at(10) });
    assert_eq!(state(&*delivery, finished.id).await.kind(), StateKind::Finished);
    assert_eq!(
        state(&*delivery, dead.id).await,
        State::Dead { letter: letter(FaultClass::Reply), at: at(1) }
    );
}

async fn a_gateway_keeps_its_own_claims(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let claim = started(&*delivery, envelope("r"), gateway).await;
    assert_eq!(delivery.reconcile(gateway, at(7)).await, Ok(Reconciled::default()));
    delivery.finish(claim, reply(), at(8)).await.expect("finish");
}

async fn the_dead_gateways_claim_is_superseded(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let claim = started(&*delivery, repeatable("r"), GatewayId::generate()).await;
    let delivery = reopened(subject, delivery).await;
    delivery.reconcile(GatewayId::generate(), at(7)).await.expect("reconcile");
    assert_eq!(delivery.finish(claim, reply(), at(8)).await, Err(DeliveryError::Superseded(claim)));
}

async fn gateways_that_keep_dying_over_a_message_bury_it(subject: &dyn Subject) {
    let mut delivery = fresh(subject).await;
    let mut claim: Claim = started(&*delivery, repeatable("r"), GatewayId::generate()).await;
    for death in 1.. {
        assert!(death < 100, "a message that kills gateways is stopped some time");
        delivery = reopened(subject, delivery).await;
        let gateway = GatewayId::generate();
        delivery.reconcile(gateway, at(death)).await.expect("reconcile");
        match claimed(&*delivery, gateway, 1, &[], at(death)).await[..] {
            [next] => claim = next,
            _ => break,
        }
    }
    let State::Dead { letter, .. } = state(&*delivery, claim.id).await else { panic!("a dead letter") };
    assert_eq!(letter.failure.class, FaultClass::Poison);
    assert!(claim.attempt > 2, "one death, or two, may be chance");
}

async fn many_lost_attempts_are_all_settled(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    // At the same time, or each would pay for a commit of its own.
    let accepts: Vec<_> = (0..1200)
        .map(|_| {
            let delivery = delivery.clone();
            tokio::spawn(async move { started(&*delivery, envelope("r"), gateway).await })
        })
        .collect();
    for accept in accepts {
        accept.await.expect("accept");
    }
    let delivery = reopened(subject, delivery).await;
    let reconciled = delivery.reconcile(GatewayId::generate(), at(1)).await.expect("reconcile");
    assert_eq!((reconciled.requeued.len(), reconciled.buried.len()), (0, 1200));
    assert_eq!(count(&*delivery, StateKind::Dead).await, 1200);
    assert_eq!(count(&*delivery, StateKind::Claimed).await, 0);
}
