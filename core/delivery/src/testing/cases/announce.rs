//! What those who listen are told: every outcome of an announced message, at least once, and of no other.

use super::{cases, fresh, reopened};
use crate::{
    Claim, Delivery, Event, FaultClass, GatewayId, Happened, MessageId, Outcome, Timestamp,
    testing::{Subject, messages::*},
};

cases![
    an_outcome_is_announced_with_what_it_is_of,
    a_failure_and_a_dead_letter_are_announced_as_such,
    what_an_operator_decides_is_announced,
    what_the_death_of_a_gateway_buries_is_announced,
    a_message_without_listeners_is_not_announced,
    what_was_not_announced_outlives_process_and_message,
    many_outcomes_are_all_announced,
];

/// All that is to be told is told; what was, since the subject began. `None` where it cannot be seen.
async fn told(subject: &dyn Subject, delivery: &dyn Delivery) -> Option<Vec<Event>> {
    while delivery.announce().await.expect("announce") > 0 {}
    subject.announced()
}

/// The messages that these are of, and what happened to them.
fn brief(events: &[Event]) -> Vec<(MessageId, Happened)> {
    events.iter().map(|event| (event.message, event.happened.clone())).collect()
}

async fn finished(delivery: &dyn Delivery, claim: Claim, outcome: Outcome, now: Timestamp) -> Happened {
    delivery.finish(claim, outcome.clone(), now).await.expect("finish");
    match outcome {
        Outcome::Reply(reply) => Happened::Finished(reply),
        Outcome::Failed(failure) => Happened::Failed(failure),
    }
}

async fn an_outcome_is_announced_with_what_it_is_of(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let envelope = announced("r", "k-1");
    let expected = Event {
        message: envelope.id,
        route: "r".into(),
        attempt: 1,
        at: at(3),
        happened: Happened::Finished(Default::default()),
        request_id: Some("k-1".to_owned()),
        traceparent: envelope.traceparent.clone(),
    };
    let claim = started(&*delivery, envelope, GatewayId::generate()).await;
    assert_eq!(delivery.announce().await, Ok(0), "nothing has become of it");
    let happened = finished(&*delivery, claim, reply(), at(3)).await;
    let Some(events) = told(subject, &*delivery).await else { return };
    assert_eq!(events, [Event { happened, ..expected }]);
    assert!(known(&*delivery, claim.id).await.envelope.announced);
    let delivery = reopened(subject, delivery).await;
    assert_eq!(told(subject, &*delivery).await, Some(events), "once was enough");
}

async fn a_failure_and_a_dead_letter_are_announced_as_such(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let failed = started(&*delivery, announced("r", "k-1"), gateway).await;
    let refused = Outcome::Failed(failure(FaultClass::Refused));
    let failed = (failed.id, finished(&*delivery, failed, refused, at(1)).await);
    let again = started(&*delivery, announced("r", "k-2"), gateway).await;
    delivery.retry_at(again, at(2), failure(FaultClass::Unsent), at(1)).await.expect("retry at");
    let dead = claimed(&*delivery, gateway, 9, &[], at(2)).await[0];
    delivery.bury(dead, letter(FaultClass::Reply), at(3)).await.expect("bury");
    let Some(events) = told(subject, &*delivery).await else { return };
    let attention = Happened::NeedsAttention(failure(FaultClass::Reply));
    assert_eq!(brief(&events), [failed, (dead.id, attention)]);
    assert_eq!((events[0].attempt, events[1].attempt), (1, 2));
}

async fn what_an_operator_decides_is_announced(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let claim = started(&*delivery, announced("r", "k-1"), gateway).await;
    delivery.bury(claim, letter(FaultClass::Unknown), at(1)).await.expect("bury");
    delivery.retry(claim.id, None, at(2)).await.expect("retry");
    let again = claimed(&*delivery, gateway, 9, &[], at(3)).await[0];
    delivery.bury(again, letter(FaultClass::Unknown), at(4)).await.expect("bury");
    delivery.resolve(claim.id, reply(), at(5)).await.expect("resolve");
    let withdrawn = waiting(&*delivery, announced("r", "k-2"), NOW).await;
    assert_eq!(delivery.withdraw(withdrawn, reply(), at(6)).await, Ok(true));
    assert_eq!(delivery.withdraw(withdrawn, reply(), at(7)).await, Ok(false));
    let Some(events) = told(subject, &*delivery).await else { return };
    let names: Vec<_> =
        events.iter().map(|event| (event.message, event.attempt, event.happened.name())).collect();
    let expected = [
        (claim.id, 1, "needs-attention"),
        (claim.id, 2, "needs-attention"),
        (claim.id, 2, "finished"),
        (withdrawn, 0, "finished"),
    ];
    assert_eq!(names, expected);
    assert_eq!(events[0].at, at(1));
    // Whatever parcel of it is left finds that it does not wait.
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(9)).await, []);
}

async fn what_the_death_of_a_gateway_buries_is_announced(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let claim = started(&*delivery, announced("r", "k-1"), GatewayId::generate()).await;
    let delivery = reopened(subject, delivery).await;
    delivery.reconcile(GatewayId::generate(), at(7)).await.expect("reconcile");
    let Some(events) = told(subject, &*delivery).await else { return };
    assert_eq!((events.len(), events[0].message, events[0].at), (1, claim.id, at(7)));
    assert!(
        matches!(&events[0].happened, Happened::NeedsAttention(failure) if failure.reason == "OUTCOME_UNKNOWN")
    );
}

async fn a_message_without_listeners_is_not_announced(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let finished = started(&*delivery, envelope("r"), gateway).await;
    delivery.finish(finished, reply(), at(1)).await.expect("finish");
    let dead = started(&*delivery, envelope("r"), gateway).await;
    delivery.bury(dead, letter(FaultClass::Reply), at(1)).await.expect("bury");
    assert_eq!(delivery.announce().await, Ok(0));
    assert_eq!(told(subject, &*delivery).await.unwrap_or_default(), []);
}

async fn what_was_not_announced_outlives_process_and_message(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let claim = started(&*delivery, announced("r", "k-1"), GatewayId::generate()).await;
    let happened = finished(&*delivery, claim, reply(), at(1)).await;
    assert_eq!(delivery.forget(at(100), 9).await, Ok(1));
    let delivery = reopened(subject, delivery).await;
    let Some(events) = told(subject, &*delivery).await else { return };
    assert_eq!(brief(&events), [(claim.id, happened)]);
}

async fn many_outcomes_are_all_announced(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    // At the same time: what comes at once may share a transaction.
    let outcomes: Vec<_> = (0..100)
        .map(|n| {
            let delivery = delivery.clone();
            tokio::spawn(async move {
                let envelope = announced("r", &format!("k-{n}"));
                let claim = started(&*delivery, envelope, GatewayId::generate()).await;
                delivery.finish(claim, reply(), at(n)).await.expect("finish");
                claim.id
            })
        })
        .collect();
    let mut expected = Vec::new();
    for outcome in outcomes {
        expected.push(outcome.await.expect("finish"));
    }
    let Some(events) = told(subject, &*delivery).await else { return };
    let mut heard: Vec<_> = events.iter().map(|event| event.message).collect();
    expected.sort();
    heard.sort();
    assert_eq!(heard, expected);
}
