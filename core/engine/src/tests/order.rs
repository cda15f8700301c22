//! Order by key: what callers see of it, and what operators can do about it.

use std::time::Duration;

use portolan_delivery::{
    Call, DeadLetters, FaultClass, Intake, MessageId, OperationState, OperationView, Operator, Outcome,
    Resolution, State, StateKind, Status, Timestamp, Version,
};

use super::{
    fakes::{Gateway, Running, Script, call, named, operation, reply, status},
    lost, unsent,
};
use crate::{Repeat, RouteMode};

async fn done(engine: &Running, id: MessageId) -> OperationView {
    let until = Timestamp::now().plus(Duration::from_secs(20));
    engine.intake.wait_operation(id, None, until).await.unwrap()
}

/// Begins operations, one after the other.
async fn begin<const N: usize>(engine: &Running, payloads: [&'static str; N]) -> [MessageId; N] {
    let mut ids = Vec::new();
    for payload in payloads {
        ids.push(operation(engine.intake.call(call(payload)).await).id);
    }
    ids.try_into().unwrap()
}

#[tokio::test]
async fn callers_of_a_key_wait_for_each_other_and_for_nobody_else() {
    for repeat in [Repeat::Never, Repeat::Always] {
        let gateway = Gateway::in_order(DeadLetters::Hold).await;
        let engine = gateway.start(RouteMode::RequestReply, repeat).await;
        let gate = gateway.system.answer_when_let("first");
        gateway.system.answers([Script::Reply("other"), Script::Reply("keyless"), Script::Reply("second")]);
        let caller = |payload| {
            let intake = engine.intake.clone();
            tokio::spawn(async move { intake.call(call(payload)).await })
        };
        let first = caller("a/1");
        gateway.system.until_asked(1).await;
        let second = caller("a/2");
        let waiting = portolan_delivery::Filter { state: Some(StateKind::Waiting), ..Default::default() };
        while engine.operator.list(waiting.clone()).await.unwrap().records.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(reply(engine.intake.call(call("b/1")).await), "other");
        assert_eq!(reply(engine.intake.call(call("/1")).await), "keyless");
        gate.send(()).unwrap();
        assert_eq!(reply(first.await.unwrap()), "first");
        assert_eq!(reply(second.await.unwrap()), "second");
        assert_eq!(gateway.system.requests(), ["v1:a/1", "v1:b/1", "v1:/1", "v1:a/2"]);
    }
}

#[tokio::test]
async fn nobody_overtakes_a_retry() {
    let gateway = Gateway::in_order(DeadLetters::Hold).await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.answers([Script::Error(unsent()), Script::Error(unsent())]);
    gateway.system.answers((0..3).map(|_| Script::Reply("pong")));
    let [.., last] = begin(&engine, ["a/1", "a/2", "a/3"]).await;
    assert!(matches!(done(&engine, last).await.state, OperationState::Succeeded(_)));
    assert_eq!(gateway.system.requests(), ["v1:a/1", "v1:a/1", "v1:a/1", "v1:a/2", "v1:a/3"]);
}

#[tokio::test]
async fn a_dead_letter_holds_its_key_until_an_operator_decides() {
    let gateway = Gateway::in_order(DeadLetters::Hold).await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.answers([Script::Error(lost()), Script::Reply("other")]);
    let [dead, second] = begin(&engine, ["a/1", "a/2"]).await;
    assert!(matches!(done(&engine, dead).await.state, OperationState::NeedsAttention));
    let [other] = begin(&engine, ["b/1"]).await;
    assert!(matches!(done(&engine, other).await.state, OperationState::Succeeded(_)));
    assert_eq!(engine.intake.operation(second, None).await.unwrap().next_attempt, None);
    let held = engine.operator.show(second).await.unwrap();
    assert_eq!((held.record.state.kind(), held.record.behind), (StateKind::Waiting, Some(dead)));
    gateway.system.answers([Script::Error(lost())]);
    engine.operator.retry(dead, Version::Same).await.unwrap();
    while engine
        .operator
        .show(dead)
        .await
        .unwrap()
        .record
        .attempts
        .iter()
        .filter(|a| a.ended.is_some())
        .count()
        < 2
    {
        tokio::task::yield_now().await;
    }
    gateway.system.answers([Script::Reply("pong")]);
    engine.operator.resolve(dead, Resolution::SystemReply("done".into()), Version::Same).await.unwrap();
    assert!(matches!(done(&engine, second).await.state, OperationState::Succeeded(_)));
    let mut requests = gateway.system.requests();
    requests.retain(|request| request.contains("a/"));
    assert_eq!(requests, ["v1:a/1", "v1:a/1", "v1:a/2"]);
}

#[tokio::test]
async fn a_dead_letter_may_let_its_key_pass() {
    let gateway = Gateway::in_order(DeadLetters::Pass).await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.answers([Script::Error(lost()), Script::Reply("pong")]);
    let [dead, second] = begin(&engine, ["a/1", "a/2"]).await;
    assert!(matches!(done(&engine, second).await.state, OperationState::Succeeded(_)));
    assert!(matches!(done(&engine, dead).await.state, OperationState::NeedsAttention));
}

#[tokio::test]
async fn whose_deadline_passes_in_the_line_is_never_sent() {
    let gateway = Gateway::in_order(DeadLetters::Hold).await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    let gate = gateway.system.answer_when_let("first");
    let first = {
        let intake = engine.intake.clone();
        tokio::spawn(async move { intake.call(call("a/1")).await })
    };
    gateway.system.until_asked(1).await;
    let deadline = Some(Timestamp::now().plus(Duration::from_millis(30)));
    let (code, _) = status(engine.intake.call(Call { deadline, ..named("a/2", "id-2") }).await);
    assert_eq!(code, Status::DeadlineExceeded);
    gateway.system.answers([Script::Reply("third")]);
    gate.send(()).unwrap();
    assert_eq!(reply(first.await.unwrap()), "first");
    assert_eq!(reply(engine.intake.call(call("a/3")).await), "third");
    assert_eq!(gateway.system.requests(), ["v1:a/1", "v1:a/3"]);
    let records = engine.operator.list(Default::default()).await.unwrap().records;
    match &records[1].state {
        State::Finished { outcome: Outcome::Failed(failure), .. } => {
            assert_eq!(failure.class, FaultClass::Expired);
        }
        other => panic!("{other:?}"),
    }
}
