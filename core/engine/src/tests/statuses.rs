//! Systems that answer by a status alone, as gRPC does: what is final, what is tried again, and what was done before.

use std::time::{Duration, Instant};

use portolan_delivery::{
    Answer, FaultClass, Intake, Outcome, SendError, Sent, State, Status, system::BreakerPolicy,
};

use super::{
    fakes::{Gateway, Script, call, reply},
    systems::breaker,
};
use crate::{Repeat, RouteMode};

fn says(sent: Sent) -> Script {
    Script::Error(SendError { personal: true, ..SendError::new(sent, "REASON", "the system's own words") })
}

#[tokio::test]
async fn a_no_is_an_outcome_with_the_systems_status_and_words() {
    for (status, repeat) in [
        (Status::InvalidArgument, Repeat::Always),
        (Status::NotFound, Repeat::Never),
        (Status::PermissionDenied, Repeat::WithKey),
        (Status::AlreadyExists, Repeat::Never),
    ] {
        let gateway = Gateway::new().await;
        let engine = gateway.start(RouteMode::RequestReply, repeat).await;
        gateway.system.answers([says(Sent::Refused(status))]);
        let Answer::Failed(failure) = engine.intake.call(call("ping")).await else { panic!("{status:?}") };
        assert_eq!((failure.status, failure.class, failure.personal), (status, FaultClass::Refused, true));
        assert_eq!((&*failure.reason, &*failure.message), ("REASON", "the system's own words"));
        assert_eq!(gateway.system.asked(), 1, "{status:?}");
        if repeat == Repeat::Always {
            continue; // of such a call nothing is stored
        }
        let record = gateway.only_record(&engine).await;
        let State::Finished { outcome: Outcome::Failed(kept), .. } = record.state else {
            panic!("{status:?}")
        };
        assert_eq!((kept.status, kept.personal), (status, true));
    }
}

#[tokio::test]
async fn what_a_system_says_it_did_not_do_is_asked_again_when_it_likes() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    let later = SendError {
        retry_after: Some(Duration::from_millis(120)),
        ..SendError::new(Sent::NotDone(Status::Unavailable), "UNAVAILABLE", "not now")
    };
    let begun = Instant::now();
    gateway.system.answers([
        says(Sent::NotDone(Status::ResourceExhausted)),
        Script::Error(later),
        Script::Reply("pong"),
    ]);
    assert_eq!(reply(engine.intake.call(call("ping")).await), "pong");
    assert!(begun.elapsed() >= Duration::from_millis(120), "{:?}", begun.elapsed());
    let attempts = gateway.only_record(&engine).await.attempts;
    let failed: Vec<_> = attempts.iter().filter_map(|a| a.failure.as_ref()).collect();
    assert_eq!(failed.iter().map(|f| f.class).collect::<Vec<_>>(), [FaultClass::NotDone; 2]);
}

#[tokio::test]
async fn one_that_says_so_to_the_last_tells_its_status() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers((0..12).map(|_| says(Sent::NotDone(Status::Aborted))));
    let Answer::Failed(failure) = engine.intake.call(call("ping")).await else { panic!() };
    assert_eq!((failure.status, failure.class), (Status::Aborted, FaultClass::NotDone));
    assert!(failure.retry_after.is_some());
}

#[tokio::test]
async fn what_was_done_before_is_done_where_it_may_be_repeated() {
    for repeat in [Repeat::Always, Repeat::WithKey] {
        let gateway = Gateway::new().await;
        let engine = gateway.start(RouteMode::RequestReply, repeat).await;
        gateway.system.answers([
            Script::Error(SendError::new(Sent::Maybe, "TIMEOUT", "no answer")),
            says(Sent::Refused(Status::AlreadyExists)),
        ]);
        assert_eq!(reply(engine.intake.call(call("ping")).await), "", "a message with nothing set");
        assert_eq!(gateway.system.asked(), 2);
    }
}

#[tokio::test]
async fn a_no_shows_that_the_system_is_there_and_an_exhausted_one_is_left_alone() {
    for (sent, asked) in [
        (Sent::Refused(Status::NotFound), 4),
        (Sent::NotDone(Status::Aborted), 4),
        (Sent::NotDone(Status::ResourceExhausted), 2),
    ] {
        let gateway = Gateway::new().await;
        gateway.set_policy(breaker(2, BreakerPolicy::MAX_OPEN_FOR));
        let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
        gateway.system.answers((0..12).map(|_| says(sent)));
        for _ in 0..4 {
            engine.intake.call(call("ping")).await;
        }
        let least = gateway.system.asked();
        assert!(if asked == 2 { least == 2 } else { least >= asked }, "{sent:?}: {least}");
    }
}
