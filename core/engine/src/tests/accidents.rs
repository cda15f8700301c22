//! What must not happen, and costs no more than it must when it does: a panic over one message.

use std::time::Duration;

use portolan_delivery::{Call, Intake, Operator, Resolution, State, Status, Timestamp, Version};

use super::{
    fakes::{Gateway, Script, call, named, operation, reply, status},
    lost,
};
use crate::{Repeat, RouteMode};

#[tokio::test]
async fn a_panic_costs_one_message() {
    for mode in [RouteMode::RequestReply, RouteMode::Operation] {
        let gateway = Gateway::new().await;
        let engine = gateway.start(mode, Repeat::Never).await;
        gateway.system.answers([Script::Panic, Script::Reply("pong")]);
        let answer = engine.intake.call(call("ping")).await;
        let id = match mode {
            RouteMode::Operation => operation(answer).id,
            _ => {
                assert_eq!(status(answer), (Status::Internal, "GATEWAY_PANIC".to_owned()));
                gateway.only_record(&engine).await.envelope.id
            }
        };
        let dead = loop {
            match engine.operator.show(id).await.unwrap().record.state {
                State::Dead { letter, .. } => break letter,
                _ => tokio::task::yield_now().await,
            }
        };
        assert_eq!(dead.failure.reason, "GATEWAY_PANIC");
        // Nothing of it is left at work, and the next message is served.
        engine.intake.call(named("pang", "id-2")).await;
        gateway.system.until_asked(2).await;
        assert!(engine.intake.0.drain(Duration::from_secs(20)).await);
    }
}

#[tokio::test]
async fn a_panic_of_a_direct_call_is_told() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::Direct, Repeat::Never).await;
    gateway.system.answers([Script::Panic, Script::Reply("pong")]);
    assert_eq!(status(engine.intake.call(call("ping")).await).1, "GATEWAY_PANIC");
    assert_eq!(reply(engine.intake.call(call("ping")).await), "pong");
}

#[tokio::test]
async fn an_unknown_outcome_is_said_in_words() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers([Script::Error(lost())]);
    match engine.intake.call(call("ping")).await {
        portolan_delivery::Answer::Failed(failure) => {
            assert!(failure.message.contains("may have been carried out"), "{}", failure.message);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_reply_is_not_stored_as_one() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers([Script::Error(lost())]);
    status(engine.intake.call(named("ping", "id-1")).await);
    let id = gateway.only_record(&engine).await.envelope.id;
    gateway.next_version();
    engine.operator.reload().await.unwrap();
    for version in [Version::Same, Version::Newest] {
        let garbage = Resolution::CallerReply("garbage".into());
        let refused = engine.operator.resolve(id, garbage, version).await.unwrap_err();
        assert!(refused.to_string().contains("not a test.Reply"), "{refused}");
    }
    let pong = Resolution::CallerReply("pong".into());
    engine.operator.resolve(id, pong, Version::Newest).await.unwrap();
    assert_eq!(reply(engine.intake.call(named("ping", "id-1")).await), "pong");
}

/// Whatever the system, and the wait for one of its connections, take.
#[tokio::test]
async fn a_deadline_cancels_what_may_be_asked_again() {
    for (mode, repeat) in [(RouteMode::Direct, Repeat::Never), (RouteMode::RequestReply, Repeat::Always)] {
        let gateway = Gateway::new().await;
        let engine = gateway.start(mode, repeat).await;
        let _never = gateway.system.answer_when_let("late");
        let deadline = Some(Timestamp::now().plus(Duration::from_millis(30)));
        let answer = engine.intake.call(Call { deadline, ..call("ping") }).await;
        assert_eq!(status(answer), (Status::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    }
}
