//! Routes at work over a real SQLite file, with a scripted system and a translation that only copies: what the engine
//! does between them, and nothing else.

mod accidents;
mod acknowledge;
mod counted;
mod fakes;
mod files;
mod held;
mod operations;
mod order;
mod polled;
mod released;
mod statuses;
mod systems;
mod traced;

use std::{sync::Arc, time::Duration};

use fakes::{Gateway, Script, call, named, reply, status};
use portolan_delivery::{
    Answer, Call, FaultClass, Intake, OperationState, Operator, Resolution, SendError, Sent, State,
    StateKind, Status, Timestamp, Version,
};

use crate::{EngineOptions, Repeat, RouteMode};

fn lost() -> SendError {
    SendError::new(Sent::Maybe, "TIMEOUT", "no answer")
}

fn unsent() -> SendError {
    SendError::new(Sent::No, "CONNECTION_REFUSED", "not there")
}

#[tokio::test]
async fn a_call_is_answered_and_recorded() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers([Script::Reply("pong")]);
    assert_eq!(reply(engine.intake.call(call("ping")).await), "pong");
    let record = gateway.only_record(&engine).await;
    assert_eq!(record.payload.as_ref(), b"ping");
    assert!(matches!(record.state, State::Finished { .. }));
}

#[tokio::test]
async fn a_request_that_the_mapping_refuses_is_never_stored() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    let (code, reason) = status(engine.intake.call(call("bad")).await);
    assert_eq!((code, reason.as_str()), (Status::InvalidArgument, "BAD"));
    assert!(engine.operator.list(Default::default()).await.unwrap().records.is_empty());
}

#[tokio::test]
async fn what_was_provably_not_sent_is_sent_again_while_the_caller_waits() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers([Script::Error(unsent()), Script::Error(unsent()), Script::Reply("pong")]);
    assert_eq!(reply(engine.intake.call(call("ping")).await), "pong");
    let record = gateway.only_record(&engine).await;
    assert_eq!(record.attempts.len(), 3);
    assert_eq!(record.attempts[0].failure.as_ref().map(|f| f.class), Some(FaultClass::Unsent));
}

#[tokio::test]
async fn an_unknown_outcome_is_a_dead_letter_and_is_never_repeated_by_itself() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers([Script::Error(lost())]);
    for _ in 0..3 {
        match engine.intake.call(named("ping", "id-1")).await {
            Answer::Failed(failure) => {
                assert_eq!((failure.status, failure.reason.as_str()), (Status::Aborted, "OUTCOME_UNKNOWN"));
                assert!(failure.metadata.contains_key("dead_letter"));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(gateway.system.asked(), 1);
    let record = gateway.only_record(&engine).await;
    engine
        .operator
        .resolve(record.envelope.id, Resolution::SystemReply("pong".into()), Version::Same)
        .await
        .unwrap();
    assert_eq!(reply(engine.intake.call(named("ping", "id-1")).await), "pong");
}

#[tokio::test]
async fn with_idempotent_true_an_unknown_outcome_is_asked_again_and_nothing_is_stored() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Always).await;
    gateway.system.answers([Script::Error(lost()), Script::Reply("pong"), Script::Reply("again")]);
    assert_eq!(reply(engine.intake.call(named("ping", "id-1")).await), "pong");
    assert_eq!(reply(engine.intake.call(named("ping", "id-1")).await), "again");
    assert!(engine.operator.list(Default::default()).await.unwrap().records.is_empty());
}

#[tokio::test]
async fn with_a_key_the_system_is_asked_again_with_it_and_the_request_id_answered_once() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::WithKey).await;
    gateway.system.answers([Script::Error(lost()), Script::Reply("pong")]);
    for _ in 0..2 {
        assert_eq!(reply(engine.intake.call(named("ping", "id-1")).await), "pong");
    }
    assert_eq!(gateway.system.keys(), [Some("key of ping".to_owned()), Some("key of ping".to_owned())]);
}

#[tokio::test]
async fn an_empty_key_protects_nothing() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::WithKey).await;
    gateway.system.answers([Script::Error(lost())]);
    let (_, reason) = status(engine.intake.call(call("keyless")).await);
    assert_eq!(reason, "OUTCOME_UNKNOWN");
    assert_eq!(gateway.system.keys(), [None]);
}

#[tokio::test]
async fn what_can_never_be_sent_is_not_tried_again() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    let never = SendError { sent: Sent::Never, reason: "NOT_SENDABLE", ..unsent() };
    gateway.system.answers([Script::Error(never)]);
    let (code, reason) = status(engine.intake.call(call("ping")).await);
    assert_eq!((code, reason.as_str()), (Status::Internal, "NOT_SENDABLE"));
    assert_eq!(gateway.system.asked(), 1);
}

#[tokio::test]
async fn a_request_id_belongs_to_one_payload() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers([Script::Reply("pong")]);
    assert_eq!(reply(engine.intake.call(named("ping", "id-1")).await), "pong");
    let (code, reason) = status(engine.intake.call(named("pang", "id-1")).await);
    assert_eq!((code, reason.as_str()), (Status::InvalidArgument, "REQUEST_ID_REUSED"));
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_kept_for_a_person() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers([Script::Reply("garbage")]);
    let (code, _) = status(engine.intake.call(call("ping")).await);
    assert_eq!(code, Status::Internal);
    let record = gateway.only_record(&engine).await;
    match record.state {
        State::Dead { letter, .. } => {
            assert_eq!(letter.failure.class, FaultClass::Reply);
            assert_eq!(letter.reply.as_deref(), Some(&b"garbage"[..]));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_callers_deadline_does_not_end_what_may_not_be_repeated() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    let gate = gateway.system.answer_when_let("pong");
    let mut hurried = named("ping", "id-1");
    hurried.deadline = Some(Timestamp::now().plus(Duration::from_millis(20)));
    let (code, _) = status(engine.intake.call(hurried).await);
    assert_eq!(code, Status::DeadlineExceeded);
    gate.send(()).unwrap();
    assert_eq!(reply(engine.intake.call(named("ping", "id-1")).await), "pong", "the outcome was recorded");
    assert_eq!(gateway.system.asked(), 1);
}

#[tokio::test]
async fn an_operation_outlives_an_outage_and_is_answered_once() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.answers([Script::Error(unsent()), Script::Reply("pong")]);
    let first = fakes::operation(engine.intake.call(named("ping", "id-1")).await);
    let second = fakes::operation(engine.intake.call(named("ping", "id-1")).await);
    assert_eq!(first.id, second.id);
    let until = Timestamp::now().plus(Duration::from_secs(10));
    let done = engine.intake.wait_operation(first.id, None, until).await.unwrap();
    match done.state {
        OperationState::Succeeded(bytes) => assert_eq!(bytes.as_ref(), b"pong"),
        other => panic!("{other:?}"),
    }
    let strangers = engine.intake.operation(first.id, Some("somebody else".into())).await;
    assert_eq!(strangers.map(|v| v.id).map_err(|f| f.status), Err(Status::NotFound));
}

#[tokio::test]
async fn a_dead_operation_is_not_done_until_an_operator_settles_it() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.answers([Script::Error(lost()), Script::Reply("pong")]);
    let operation = fakes::operation(engine.intake.call(call("ping")).await);
    let until = Timestamp::now().plus(Duration::from_secs(10));
    let dead = engine.intake.wait_operation(operation.id, None, until).await.unwrap();
    assert!(matches!(dead.state, OperationState::NeedsAttention), "{:?}", dead.state);
    engine.operator.retry(operation.id, Version::Newest).await.unwrap();
    let done = engine.intake.wait_operation(operation.id, None, until).await.unwrap();
    assert!(matches!(done.state, OperationState::Succeeded(_)), "{:?}", done.state);
}

#[tokio::test]
async fn a_message_finishes_on_the_version_with_which_it_began() {
    let gateway = Gateway::new().await;
    let engine = gateway.start_with(RouteMode::Operation, Repeat::Never, false).await;
    let operation = fakes::operation(engine.intake.call(call("ping")).await);
    drop(engine);
    gateway.next_version();
    gateway.system.answers([Script::Reply("pong"), Script::Reply("pong")]);
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    let until = Timestamp::now().plus(Duration::from_secs(10));
    engine.intake.wait_operation(operation.id, None, until).await.unwrap();
    let newer = fakes::operation(engine.intake.call(call("pang")).await);
    engine.intake.wait_operation(newer.id, None, until).await.unwrap();
    assert_eq!(gateway.system.requests(), ["v1:ping", "v2:pang"]);
}

#[tokio::test]
async fn an_operators_retry_that_fails_is_a_dead_letter_again() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers([Script::Error(lost())]);
    status(engine.intake.call(named("ping", "id-1")).await);
    let id = gateway.only_record(&engine).await.envelope.id;
    gateway.system.answers((0..4).map(|_| Script::Error(unsent())));
    engine.operator.retry(id, Version::Same).await.unwrap();
    let (_, reason) = status(engine.intake.call(named("ping", "id-1")).await);
    assert_eq!(reason, "CONNECTION_REFUSED");
    let record = gateway.only_record(&engine).await;
    assert_eq!((record.state.kind(), record.attempts.len()), (StateKind::Dead, 5));
}

#[tokio::test]
async fn a_backlog_of_a_route_that_is_gone_is_worked_on_within_the_limit() {
    let gateway = Gateway::new().await;
    let engine = gateway.start_with(RouteMode::Operation, Repeat::Never, false).await;
    let limit = EngineOptions::default().dispatch_concurrency;
    for _ in 0..2 * limit {
        fakes::operation(engine.intake.call(call("ping")).await);
    }
    drop(engine);
    gateway.remove_route();
    let gates: Vec<_> = (0..2 * limit).map(|_| gateway.system.answer_when_let("pong")).collect();
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.until_asked(limit).await;
    let counts = engine.operator.counts().await.unwrap();
    let claimed = counts.iter().find(|c| c.state == StateKind::Claimed).map(|c| c.messages);
    assert_eq!(claimed, Some(limit as u64));
    drop(gates);
    gateway.system.until_asked(2 * limit).await;
}

#[tokio::test]
async fn a_dead_letter_may_be_retried_on_a_version_that_keeps_nothing() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers([Script::Error(lost()), Script::Reply("pong")]);
    status(engine.intake.call(named("ping", "id-1")).await);
    let id = gateway.only_record(&engine).await.envelope.id;
    drop(engine);
    gateway.next_version();
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Always).await;
    engine.operator.retry(id, Version::Newest).await.unwrap();
    gateway.system.until_asked(2).await;
    assert_eq!(gateway.system.requests(), ["v1:ping", "v2:ping"]);
}

#[tokio::test]
async fn a_reload_that_is_not_sound_changes_nothing() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    let before = engine.operator.routes().await.unwrap();
    gateway.break_files();
    assert!(engine.operator.reload().await.is_err());
    assert_eq!(engine.operator.routes().await.unwrap(), before);
    gateway.system.answers([Script::Reply("pong")]);
    assert_eq!(reply(engine.intake.call(call("ping")).await), "pong");
}

#[tokio::test]
async fn a_drain_waits_for_what_is_in_flight_and_takes_nothing_more() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    let gate = gateway.system.answer_when_let("pong");
    let waiting = {
        let intake = engine.intake.clone();
        tokio::spawn(async move { intake.call(call("ping")).await })
    };
    gateway.system.until_asked(1).await;
    let draining = {
        let intake = engine.intake.clone();
        tokio::spawn(async move { intake.0.drain(Duration::from_secs(10)).await })
    };
    while engine.intake.accepting() {
        tokio::task::yield_now().await;
    }
    let (code, reason) = status(engine.intake.call(call("late")).await);
    assert_eq!((code, reason.as_str()), (Status::Unavailable, "NOT_ACCEPTING"));
    gate.send(()).unwrap();
    assert!(draining.await.unwrap());
    assert_eq!(reply(waiting.await.unwrap()), "pong");
}

/// Else the process ends between the claim and the attempt, which is of unknown outcome then.
#[tokio::test]
async fn a_drain_waits_for_what_is_being_claimed() {
    for steps in (0..8).cycle().take(64) {
        let gateway = Gateway::new().await;
        let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
        gateway.system.answers([Script::Reply("pong")]);
        let id = fakes::operation(engine.intake.call(call("ping")).await).id;
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
        assert!(engine.intake.0.drain(Duration::from_secs(20)).await);
        let state = engine.operator.show(id).await.unwrap().record.state;
        assert!(!matches!(state, State::Claimed { .. }), "after {steps} steps: {state:?}");
    }
}

#[tokio::test]
async fn a_drain_does_not_wait_for_retries_of_the_next_run() {
    let gateway = Gateway::new().await;
    // Nothing is dispatched, so the retry stays due as if its time had not come.
    let engine = gateway.start_with(RouteMode::RequestReply, Repeat::Never, false).await;
    gateway.system.answers([Script::Error(unsent())]);
    let waiting = {
        let intake = engine.intake.clone();
        tokio::spawn(async move { intake.call(named("ping", "id-1")).await })
    };
    gateway.system.until_asked(1).await;
    assert!(engine.intake.0.drain(Duration::from_secs(60)).await);
    let (code, reason) = status(waiting.await.unwrap());
    assert_eq!((code, reason.as_str()), (Status::Unavailable, "STILL_IN_PROGRESS"));
    gateway.system.answers([Script::Reply("pong")]);
    let next = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    assert_eq!(reply(next.intake.call(named("ping", "id-1")).await), "pong");
}

#[tokio::test]
async fn a_call_whose_deadline_has_passed_is_neither_kept_nor_sent() {
    let gateway = Gateway::new().await;
    for (mode, repeat) in [(RouteMode::RequestReply, Repeat::Never), (RouteMode::Direct, Repeat::Always)] {
        let engine = gateway.start(mode, repeat).await;
        let late = Call { deadline: Some(Timestamp::now()), ..call("ping") };
        let (code, reason) = status(engine.intake.call(late).await);
        assert_eq!((code, reason.as_str()), (Status::DeadlineExceeded, "EXPIRED"));
        assert!(engine.operator.list(Default::default()).await.unwrap().records.is_empty());
    }
    assert_eq!(gateway.system.asked(), 0);
}

#[tokio::test]
async fn an_attempt_whose_gateway_died_is_a_dead_letter_of_unknown_outcome() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    let _never = gateway.system.answer_when_let("pong");
    let intake = engine.intake.clone();
    let calling = tokio::spawn(async move { intake.call(named("ping", "id-1")).await });
    gateway.system.until_asked(1).await;
    // The next run begins on what the ledger has; the first one never gets to settle its attempt.
    calling.abort();
    let next = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    let dead = portolan_delivery::Filter { state: Some(StateKind::Dead), ..Default::default() };
    let found = next.operator.list(dead).await.unwrap().records;
    assert_eq!(found.len(), 1);
    let (code, reason) = status(next.intake.call(named("ping", "id-1")).await);
    assert_eq!((code, reason.as_str()), (Status::Aborted, "OUTCOME_UNKNOWN"));
    assert_eq!(gateway.system.asked(), 1);
    let _ = Arc::strong_count(&engine.intake.0);
}
