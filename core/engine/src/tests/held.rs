//! Routes that are paused or draining.

use std::time::Duration;

use portolan_delivery::{
    Control, Intake, OperationState, OperationView, Operator, RouteStatus, StateKind, Status, Timestamp,
};

use super::{
    fakes::{Gateway, Running, Script, call, named, operation, reply, status},
    unsent,
};
use crate::{Repeat, RouteMode};

async fn say(engine: &Running, control: Control) {
    engine.operator.control("test.route".into(), control).await.unwrap();
}

async fn only_status(engine: &Running) -> RouteStatus {
    let mut statuses = engine.operator.route_statuses().await.unwrap();
    assert_eq!(statuses.len(), 1);
    statuses.remove(0)
}

async fn succeeded(engine: &Running, view: &OperationView) {
    let until = Timestamp::now().plus(Duration::from_secs(30));
    let view = engine.intake.wait_operation(view.id, None, until).await.unwrap();
    assert!(matches!(view.state, OperationState::Succeeded(_)), "{:?}", view.state);
}

#[tokio::test]
async fn a_paused_route_accepts_what_may_wait() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    say(&engine, Control::Paused).await;
    let view = operation(engine.intake.call(call("ping")).await);
    // Paused it stays through the end of the process.
    drop(engine);
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    let fares = only_status(&engine).await;
    assert_eq!((fares.control, fares.waiting, fares.at_work), (Control::Paused, 1, 0));
    assert!(fares.oldest.is_some());
    gateway.system.answers([Script::Reply("pong")]);
    say(&engine, Control::Running).await;
    succeeded(&engine, &view).await;
    let fares = only_status(&engine).await;
    assert_eq!((fares.control, fares.waiting, fares.oldest), (Control::Running, 0, None));
}

#[tokio::test]
async fn callers_of_a_paused_route_are_told_at_once() {
    for (mode, repeat) in [(RouteMode::Direct, Repeat::Never), (RouteMode::RequestReply, Repeat::Never)] {
        let gateway = Gateway::new().await;
        let engine = gateway.start(mode, repeat).await;
        gateway.system.answers([Script::Reply("pong"), Script::Reply("pong")]);
        assert_eq!(reply(engine.intake.call(named("ping", "id-1")).await), "pong");
        say(&engine, Control::Paused).await;
        let (code, reason) = status(engine.intake.call(named("pang", "id-2")).await);
        assert_eq!((code, reason.as_str()), (Status::Unavailable, "ROUTE_PAUSED"));
        if mode == RouteMode::RequestReply {
            assert_eq!(reply(engine.intake.call(named("ping", "id-1")).await), "pong", "it is known");
        }
        assert_eq!(gateway.system.asked(), 1);
        say(&engine, Control::Running).await;
        assert_eq!(reply(engine.intake.call(named("pang", "id-2")).await), "pong");
    }
}

#[tokio::test]
async fn a_caller_whose_message_waits_hears_of_the_pause() {
    let gateway = Gateway::new().await;
    // Nothing is dispatched, so the retry waits as if its time had not come.
    let engine = gateway.start_with(RouteMode::RequestReply, Repeat::Never, false).await;
    gateway.system.answers([Script::Error(unsent())]);
    let intake = engine.intake.clone();
    let waiting = tokio::spawn(async move { intake.call(named("ping", "id-1")).await });
    gateway.system.until_asked(1).await;
    say(&engine, Control::Paused).await;
    let (code, reason) = status(waiting.await.unwrap());
    assert_eq!((code, reason.as_str()), (Status::Unavailable, "CONNECTION_REFUSED"));
    assert_eq!(gateway.only_record(&engine).await.state.kind(), StateKind::Finished);
}

#[tokio::test]
async fn a_draining_route_takes_nothing_new_and_finishes_what_it_has() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    say(&engine, Control::Paused).await;
    let view = operation(engine.intake.call(named("ping", "id-1")).await);
    gateway.system.answers([Script::Reply("pong")]);
    say(&engine, Control::Draining).await;
    succeeded(&engine, &view).await;
    let (code, reason) = status(engine.intake.call(named("pang", "id-2")).await);
    assert_eq!((code, reason.as_str()), (Status::Unavailable, "ROUTE_DRAINING"));
    let known = operation(engine.intake.call(named("ping", "id-1")).await);
    assert_eq!(known.id, view.id, "what was accepted is known");
    let (_, reason) = status(engine.intake.call(named("pung", "id-1")).await);
    assert_eq!(reason, "REQUEST_ID_REUSED");
    assert_eq!(engine.operator.list(Default::default()).await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn only_routes_that_there_are_can_be_held_up() {
    let gateway = Gateway::new().await;
    let engine = gateway.start_with(RouteMode::Operation, Repeat::Never, false).await;
    let refused = engine.operator.control("test.rout".into(), Control::Paused).await.unwrap_err();
    assert!(refused.to_string().contains("there is no route test.rout"), "{refused}");
    let view = operation(engine.intake.call(call("ping")).await);
    drop(engine);
    // One that is not served any more, but has messages left, is worked on, and so can be held up.
    gateway.remove_route();
    let engine = gateway.start_with(RouteMode::Operation, Repeat::Never, false).await;
    let fares = only_status(&engine).await;
    assert_eq!((&*fares.view.route, &*fares.view.method, fares.waiting), ("test.route", "", 1));
    say(&engine, Control::Paused).await;
    drop(engine);
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.answers([Script::Reply("pong")]);
    say(&engine, Control::Running).await;
    succeeded(&engine, &view).await;
}
