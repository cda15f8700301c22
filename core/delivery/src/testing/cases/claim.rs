//! Claim and ready: what is due, oldest first, each to one claimant.

use std::{sync::Arc, time::Duration};

use super::{cases, fresh, reopened};
use crate::{
    Attempt, GatewayId, State, Timestamp,
    testing::{Subject, messages::*},
};

cases![
    what_is_due_is_claimed_oldest_due_first,
    what_is_not_due_waits,
    a_claim_records_an_attempt_and_gives_the_message_whole,
    nothing_is_claimed_twice,
    simultaneous_claims_share_what_is_due,
    routes_that_are_passed_over_wait_and_hold_up_nobody,
    ready_when_something_is_due,
    ready_in_a_new_process_when_something_is_due,
];

async fn what_is_due_is_claimed_oldest_due_first(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let mut expected = Vec::new();
    for (route, due) in [("r", 3), ("s", 1), ("r", 2), ("t", 0), ("r", 3)] {
        expected.push((due, waiting(&*delivery, envelope(route), at(due)).await));
    }
    expected.sort_by_key(|(due, _)| *due);
    let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids(&claimed(&*delivery, gateway, 2, &[], at(3)).await), expected[..2]);
    assert_eq!(ids(&claimed(&*delivery, gateway, 10, &[], at(3)).await), expected[2..]);
}

async fn what_is_not_due_waits(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let id = waiting(&*delivery, envelope("r"), at(10)).await;
    let before = Timestamp(at(10).0 - 1);
    assert_eq!(claimed(&*delivery, GatewayId::generate(), 10, &[], before).await, []);
    assert_eq!(ids(&claimed(&*delivery, GatewayId::generate(), 10, &[], at(10)).await), [id]);
}

async fn a_claim_records_an_attempt_and_gives_the_message_whole(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let envelope = keyed("r", "a", "k");
    let id = waiting(&*delivery, envelope.clone(), NOW).await;
    let gateway = GatewayId::generate();
    let claimed = delivery.claim(gateway, 1, &[], at(2)).await.expect("claim");
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].envelope, envelope);
    assert_eq!(claimed[0].payload, payload(1));
    assert_eq!((claimed[0].claim.id, claimed[0].claim.attempt, claimed[0].claim.gateway), (id, 1, gateway));
    let delivery = reopened(subject, delivery).await;
    let record = known(&*delivery, id).await;
    assert_eq!(record.state, State::Claimed { gateway, since: at(2) });
    assert_eq!(record.attempts, [Attempt { number: 1, started: at(2), ended: None, failure: None }]);
}

async fn nothing_is_claimed_twice(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    waiting(&*delivery, envelope("r"), NOW).await;
    assert_eq!(claimed(&*delivery, GatewayId::generate(), 10, &[], NOW).await.len(), 1);
    assert_eq!(claimed(&*delivery, GatewayId::generate(), 10, &[], at(9999)).await, []);
}

async fn simultaneous_claims_share_what_is_due(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let mut expected = Vec::new();
    for _ in 0..10 {
        expected.push(waiting(&*delivery, envelope("r"), NOW).await);
    }
    let claim = |_| claimed(&*delivery, GatewayId::generate(), 4, &[], NOW);
    let (a, b, c) = tokio::join!(claim(0), claim(1), claim(2));
    let mut all = ids(&[a, b, c].concat());
    all.sort();
    expected.sort();
    assert_eq!(all, expected);
}

async fn routes_that_are_passed_over_wait_and_hold_up_nobody(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let mut paused = Vec::new();
    for _ in 0..5 {
        paused.push(waiting(&*delivery, envelope("paused"), at(-10)).await);
    }
    let other = waiting(&*delivery, envelope("r"), NOW).await;
    let except: [Arc<str>; 2] = ["paused".into(), "unheard-of".into()];
    assert_eq!(ids(&claimed(&*delivery, gateway, 3, &except, NOW).await), [other]);
    assert_eq!(claimed(&*delivery, gateway, 3, &except, NOW).await, []);
    assert_eq!(ids(&claimed(&*delivery, gateway, 9, &[], NOW).await), paused);
}

/// Long enough for a slow machine, and waited for in full only by an implementation that fails.
const PATIENCE: Duration = Duration::from_secs(30);

async fn ready_when_something_is_due(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let waits = tokio::time::timeout(PATIENCE, delivery.ready());
    let (ready, _) = tokio::join!(waits, waiting(&*delivery, envelope("r"), Timestamp::now()));
    ready.expect("ready after an accept that is due");
    let soon = Timestamp::now().plus(Duration::from_millis(20));
    assert_eq!(claimed(&*delivery, GatewayId::generate(), 9, &[], soon).await.len(), 1);
    waiting(&*delivery, envelope("r"), soon).await;
    while Timestamp::now() < soon {
        tokio::time::timeout(PATIENCE, delivery.ready()).await.expect("ready when the time has come");
    }
    assert_eq!(claimed(&*delivery, GatewayId::generate(), 9, &[], Timestamp::now()).await.len(), 1);
}

async fn ready_in_a_new_process_when_something_is_due(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    waiting(&*delivery, envelope("r"), NOW).await;
    let delivery = reopened(subject, delivery).await;
    tokio::time::timeout(PATIENCE, delivery.ready()).await.expect("ready");
}
