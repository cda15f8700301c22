//! Systems that take a request at once and answer it later.

use std::time::Duration;

use portolan_delivery::{
    FaultClass, Intake, OperationState, OperationView, Operator, State, Timestamp, testing::FakeDatabase,
};

use super::{
    fakes::{Gateway, Running, Script, call, operation},
    lost, unsent,
};
use crate::{Repeat, RouteMode};

async fn settled(engine: &Running, view: &OperationView) -> OperationState {
    let until = Timestamp::now().plus(Duration::from_secs(30));
    engine.intake.wait_operation(view.id, None, until).await.unwrap().state
}

async fn succeeded(engine: &Running, view: &OperationView) {
    let state = settled(engine, view).await;
    assert!(matches!(&state, OperationState::Succeeded(reply) if &**reply == b"pong"), "{state:?}");
}

#[tokio::test]
async fn a_system_is_asked_until_its_answer_is_there() {
    for gateway in [Gateway::new().await, Gateway::with_ledger(FakeDatabase::default())] {
        let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
        // However the questions end, they are asked again: the request itself is not.
        let questions = [
            Script::Reply("not yet"),
            Script::Error(unsent()),
            Script::Error(lost()),
            Script::Reply("garbage"),
            Script::Reply("not yet"),
            Script::Reply("pong"),
        ];
        gateway.system.answers([Script::Reply("t")].into_iter().chain(questions));
        let view = operation(engine.intake.call(call("later")).await);
        succeeded(&engine, &view).await;
        let mut expected = vec!["v1:later"];
        expected.extend(["t? of later"; 6]);
        assert_eq!(gateway.system.requests(), expected);
        let keys = gateway.system.keys();
        assert!(keys[1..].iter().all(Option::is_none), "a question has no idempotency key: {keys:?}");
    }
}

#[tokio::test]
async fn a_request_is_not_made_twice_for_its_answer_is_late() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    let _never = gateway.system.answer_when_let("t");
    gateway.system.answers([Script::Reply("pong")]);
    let view = operation(engine.intake.call(call("later")).await);
    gateway.system.until_asked(1).await;
    drop(engine);
    // The gateway died over the request: whether it was taken is not known, and nothing else may happen by itself.
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    let record = gateway.only_record(&engine).await;
    let State::Dead { letter, .. } = record.state else { panic!("{:?}", record.state) };
    assert_eq!((letter.failure.class, record.ticket), (FaultClass::Unknown, None));
    assert_eq!(record.envelope.id, view.id);
}

#[tokio::test]
async fn a_question_that_dies_with_its_gateway_is_asked_again() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.answers([Script::Reply("t")]);
    let _never = gateway.system.answer_when_let("lost");
    gateway.system.answers([Script::Reply("pong")]);
    let view = operation(engine.intake.call(call("later")).await);
    gateway.system.until_asked(2).await;
    drop(engine);
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    succeeded(&engine, &view).await;
    assert_eq!(gateway.system.requests(), ["v1:later", "t? of later", "t? of later"]);
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_for_a_person() {
    let gateway = Gateway::new().await;
    gateway.answers_within(Duration::ZERO);
    let engine = gateway.start_with(RouteMode::Operation, Repeat::Never, false).await;
    let view = operation(engine.intake.call(call("later")).await);
    drop(engine);
    // Before it was sent, nothing is to be settled.
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    let OperationState::Failed(failure) = settled(&engine, &view).await else { panic!("it was sent") };
    assert_eq!(failure.class, FaultClass::Expired);
    drop(engine);

    let gateway = Gateway::new().await;
    gateway.answers_within(Duration::from_millis(300));
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.answers([Script::Reply("t")]);
    let answer = gateway.system.answer_when_let("not yet");
    let view = operation(engine.intake.call(call("later")).await);
    gateway.system.until_asked(2).await;
    let deadline = gateway.only_record(&engine).await.envelope.deadline.unwrap();
    tokio::time::sleep(deadline.since(Timestamp::now())).await;
    answer.send(()).unwrap();
    let dead = loop {
        let record = gateway.only_record(&engine).await;
        if let State::Dead { letter, .. } = record.state {
            break letter;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((&*dead.failure.reason, dead.failure.class), ("OVERDUE", FaultClass::Unknown));
    assert!(
        dead.failure.advice.is_some() && dead.failure.metadata.contains_key("route"),
        "{:?}",
        dead.failure
    );
    // A person has it asked again, without a deadline; the request is not made again.
    gateway.system.answers([Script::Reply("not yet"), Script::Reply("pong")]);
    engine.operator.retry(view.id, portolan_delivery::Version::Same).await.unwrap();
    succeeded(&engine, &view).await;
    assert_eq!(gateway.system.requests().iter().filter(|r| *r == "v1:later").count(), 1);
}

#[tokio::test]
async fn a_ticket_that_comes_after_the_deadline_is_kept() {
    let gateway = Gateway::new().await;
    gateway.answers_within(Duration::from_millis(100));
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    let taken = gateway.system.answer_when_let("t");
    gateway.system.answers([Script::Reply("not yet")]);
    let view = operation(engine.intake.call(call("later")).await);
    gateway.system.until_asked(1).await;
    let deadline = gateway.only_record(&engine).await.envelope.deadline.unwrap();
    tokio::time::sleep(deadline.since(Timestamp::now())).await;
    taken.send(()).unwrap();
    let record = loop {
        let record = gateway.only_record(&engine).await;
        if matches!(record.state, State::Dead { .. }) {
            break record;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(record.ticket.as_deref(), Some(&b"t"[..]));
    gateway.system.answers([Script::Reply("pong")]);
    engine.operator.retry(view.id, portolan_delivery::Version::Same).await.unwrap();
    succeeded(&engine, &view).await;
    assert_eq!(
        gateway.system.requests(),
        ["v1:later", "t? of later", "t? of later"],
        "the request is made once"
    );
}

#[tokio::test]
async fn who_cancels_is_told_that_the_system_has_the_request() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.answers([Script::Reply("t")]);
    let answer = gateway.system.answer_when_let("not yet");
    let view = operation(engine.intake.call(call("later")).await);
    gateway.system.until_asked(2).await;
    engine.operator.control("test.route".into(), portolan_delivery::Control::Paused).await.unwrap();
    answer.send(()).unwrap();
    while !matches!(gateway.only_record(&engine).await.state, State::Waiting { .. }) {
        tokio::task::yield_now().await;
    }
    engine.intake.cancel_operation(view.id, None).await.unwrap();
    let OperationState::Failed(failure) = settled(&engine, &view).await else { panic!("not cancelled") };
    assert!(failure.message.contains("the system has taken the request"), "{}", failure.message);
}
