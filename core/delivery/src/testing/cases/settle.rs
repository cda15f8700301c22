//! Finish, retry later, bury: one outcome for each attempt.

use bytes::Bytes;

use super::{cases, fresh, reopened};
use crate::{
    Attempt, Claim, Delivery, DeliveryError, FaultClass, GatewayId, MessageId, Outcome, State, StateKind,
    testing::{Subject, messages::*},
};

cases![
    a_finished_message_keeps_its_outcome,
    a_failure_is_an_outcome_too,
    a_retried_message_is_due_again_with_its_attempts,
    a_request_that_was_taken_keeps_its_ticket,
    of_questions_in_a_row_the_last_is_remembered,
    a_question_that_is_lost_is_asked_again,
    a_dead_letter_keeps_payload_reason_and_reply,
    a_claim_settles_once,
    only_the_attempt_that_runs_can_be_settled,
    one_refusal_does_not_touch_the_others,
];

async fn a_finished_message_keeps_its_outcome(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let claim = started(&*delivery, envelope("r"), GatewayId::generate()).await;
    delivery.finish(claim, reply(), at(3)).await.expect("finish");
    let delivery = reopened(subject, delivery).await;
    let record = known(&*delivery, claim.id).await;
    assert_eq!(record.state, State::Finished { outcome: reply(), at: at(3) });
    assert_eq!(record.payload, payload(1));
    assert_eq!(record.attempts, [Attempt { number: 1, started: NOW, ended: Some(at(3)), failure: None }]);
    assert_eq!(claimed(&*delivery, GatewayId::generate(), 9, &[], at(9)).await, []);
    let empty = started(&*delivery, envelope("r"), GatewayId::generate()).await;
    delivery.finish(empty, Outcome::Reply(Default::default()), at(3)).await.expect("finish");
    assert_eq!(
        state(&*delivery, empty.id).await,
        State::Finished { outcome: Outcome::Reply(Default::default()), at: at(3) },
        "an empty reply is a reply"
    );
}

async fn a_failure_is_an_outcome_too(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let claim = started(&*delivery, envelope("r"), GatewayId::generate()).await;
    let refused = failure(FaultClass::Refused);
    delivery.finish(claim, Outcome::Failed(refused.clone()), at(3)).await.expect("finish");
    let record = known(&*delivery, claim.id).await;
    assert_eq!(record.state, State::Finished { outcome: Outcome::Failed(refused.clone()), at: at(3) });
    assert_eq!(record.attempts.len(), 1);
    assert_eq!(record.attempts[0].failure, Some(refused));
}

async fn a_retried_message_is_due_again_with_its_attempts(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let claim = started(&*delivery, envelope("r"), gateway).await;
    let unsent = failure(FaultClass::Unsent);
    delivery.retry_at(claim, at(10), unsent.clone(), at(1)).await.expect("retry at");
    assert_eq!(state(&*delivery, claim.id).await, State::Waiting { due: at(10) });
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(9)).await, []);
    let delivery = reopened(subject, delivery).await;
    let gateway = GatewayId::generate();
    let again = claimed(&*delivery, gateway, 9, &[], at(11)).await;
    assert_eq!(again, [Claim { id: claim.id, attempt: 2, gateway }]);
    delivery.finish(again[0], reply(), at(12)).await.expect("finish");
    let record = known(&*delivery, claim.id).await;
    assert_eq!(record.payload, payload(1));
    assert_eq!(
        record.attempts,
        [
            Attempt { number: 1, started: NOW, ended: Some(at(1)), failure: Some(unsent) },
            Attempt { number: 2, started: at(11), ended: Some(at(12)), failure: None },
        ]
    );
}

async fn a_request_that_was_taken_keeps_its_ticket(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let ticket = Some(Bytes::from_static(b"ticket"));
    let gateway = GatewayId::generate();
    let claim = started(&*delivery, envelope("r"), gateway).await;
    assert_eq!(known(&*delivery, claim.id).await.ticket, None);
    delivery.poll_at(claim, at(10), ticket.clone(), at(1)).await.expect("poll at");
    let twice = delivery.poll_at(claim, at(20), None, at(2)).await;
    assert_eq!(twice, Err(DeliveryError::Superseded(claim)));
    assert_eq!(state(&*delivery, claim.id).await, State::Waiting { due: at(10) });
    assert_eq!(listed(&*delivery, claim.id).await.ticket, Some(Bytes::new()), "lists hold no payloads");
    assert!(taken(&*delivery, gateway, at(9)).await.is_empty());
    let delivery = reopened(subject, delivery).await;
    let asked = taken(&*delivery, GatewayId::generate(), at(11)).await;
    let [asked] = asked.as_slice() else { panic!("{} claimed", asked.len()) };
    assert_eq!((asked.claim.id, asked.claim.attempt, &asked.ticket), (claim.id, 2, &ticket));
    // Also when it was a dead letter in between: the request is not made twice.
    delivery.bury(asked.claim, letter(FaultClass::Reply), at(12)).await.expect("bury");
    delivery.retry(claim.id, None, at(13)).await.expect("retry");
    let asked = taken(&*delivery, GatewayId::generate(), at(14)).await;
    let [asked] = asked.as_slice() else { panic!("{} claimed", asked.len()) };
    assert_eq!(asked.ticket, ticket);
    delivery.finish(asked.claim, reply(), at(15)).await.expect("finish");
    assert_eq!(known(&*delivery, claim.id).await.attempts.len(), 3);
}

async fn of_questions_in_a_row_the_last_is_remembered(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let claim = started(&*delivery, envelope("r"), gateway).await;
    delivery.poll_at(claim, at(10), Some(Bytes::from_static(b"ticket")), at(1)).await.expect("poll at");
    for number in 2..7 {
        let now = at(i64::from(number) * 10);
        let [asked] = claimed(&*delivery, gateway, 9, &[], now).await[..] else { panic!("nothing is due") };
        assert_eq!(asked.attempt, number);
        match number {
            4 => delivery.retry_at(asked, now, failure(FaultClass::Unsent), now).await.expect("retry at"),
            _ => delivery.poll_at(asked, now, None, now).await.expect("poll at"),
        }
    }
    let attempts = known(&*delivery, claim.id).await.attempts;
    let attempts: Vec<_> =
        attempts.iter().map(|a| (a.number, a.ended.is_some(), a.failure.is_some())).collect();
    assert_eq!(attempts, [(1, true, false), (3, true, false), (4, true, true), (6, true, false)]);
    let last = listed(&*delivery, claim.id).await.attempts;
    assert_eq!(last.last().map(|a| (a.number, a.ended)), Some((6, Some(at(60)))));
}

async fn a_question_that_is_lost_is_asked_again(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let claim = started(&*delivery, envelope("r"), gateway).await;
    delivery.poll_at(claim, at(1), Some(Bytes::from_static(b"ticket")), at(1)).await.expect("poll at");
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(2)).await.len(), 1);
    let delivery = reopened(subject, delivery).await;
    let settled = delivery.reconcile(GatewayId::generate(), at(3)).await.expect("reconcile");
    assert_eq!((settled.requeued.len(), settled.buried.len()), (1, 0), "it may be asked twice");
}

async fn a_dead_letter_keeps_payload_reason_and_reply(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let claim = started(&*delivery, envelope("r"), GatewayId::generate()).await;
    let letter = letter(FaultClass::Reply);
    delivery.bury(claim, letter.clone(), at(2)).await.expect("bury");
    let delivery = reopened(subject, delivery).await;
    let record = known(&*delivery, claim.id).await;
    assert_eq!(record.state, State::Dead { letter: letter.clone(), at: at(2) });
    assert_eq!(record.payload, payload(1));
    let attempt = Attempt { number: 1, started: NOW, ended: Some(at(2)), failure: Some(letter.failure) };
    assert_eq!(record.attempts, [attempt]);
    assert_eq!(claimed(&*delivery, GatewayId::generate(), 9, &[], at(9999)).await, []);
}

/// Every way to settle this claim is refused, and changes nothing.
async fn superseded(delivery: &dyn Delivery, claim: Claim) {
    let before = format!("{:?}", delivery.get(claim.id).await.expect("get"));
    let refused = Err(DeliveryError::Superseded(claim));
    assert_eq!(delivery.finish(claim, reply(), at(50)).await, refused);
    assert_eq!(delivery.retry_at(claim, at(60), failure(FaultClass::Unsent), at(50)).await, refused);
    assert_eq!(delivery.bury(claim, letter(FaultClass::Reply), at(50)).await, refused);
    assert_eq!(format!("{:?}", delivery.get(claim.id).await.expect("get")), before);
}

async fn a_claim_settles_once(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let finished = started(&*delivery, envelope("r"), gateway).await;
    delivery.finish(finished, reply(), at(1)).await.expect("finish");
    superseded(&*delivery, finished).await;
    let buried = started(&*delivery, envelope("r"), gateway).await;
    delivery.bury(buried, letter(FaultClass::Reply), at(1)).await.expect("bury");
    superseded(&*delivery, buried).await;
    let retried = started(&*delivery, envelope("r"), gateway).await;
    delivery.retry_at(retried, at(9), failure(FaultClass::Unsent), at(1)).await.expect("retry at");
    superseded(&*delivery, retried).await;
}

async fn only_the_attempt_that_runs_can_be_settled(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let claim = started(&*delivery, envelope("r"), gateway).await;
    superseded(&*delivery, Claim { attempt: 2, ..claim }).await;
    superseded(&*delivery, Claim { attempt: 0, ..claim }).await;
    superseded(&*delivery, Claim { gateway: GatewayId::generate(), ..claim }).await;
    superseded(&*delivery, Claim { id: MessageId::generate(), ..claim }).await;
    delivery.retry_at(claim, NOW, failure(FaultClass::Unsent), NOW).await.expect("retry at");
    let second = claimed(&*delivery, gateway, 1, &[], NOW).await;
    superseded(&*delivery, claim).await;
    delivery.finish(second[0], reply(), at(1)).await.expect("finish");
}

async fn one_refusal_does_not_touch_the_others(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let gateway = GatewayId::generate();
    let mut claims = Vec::new();
    for _ in 0..4 {
        claims.push(started(&*delivery, envelope("r"), gateway).await);
    }
    let stale = Claim { attempt: 7, ..claims[3] };
    let (a, b, c, d) = tokio::join!(
        delivery.finish(claims[0], reply(), at(1)),
        delivery.finish(stale, reply(), at(1)),
        delivery.bury(claims[1], letter(FaultClass::Reply), at(1)),
        delivery.finish(claims[2], reply(), at(1)),
    );
    assert_eq!((a, b, c, d), (Ok(()), Err(DeliveryError::Superseded(stale)), Ok(()), Ok(())));
    let delivery = reopened(subject, delivery).await;
    let mut kinds = Vec::new();
    for claim in claims {
        kinds.push(state(&*delivery, claim.id).await.kind());
    }
    use StateKind::{Claimed, Dead, Finished};
    assert_eq!(kinds, [Finished, Dead, Finished, Claimed]);
}
