//! The gate to a system: what is claimed when, and what callers are told.

use std::time::Duration;

use portolan_delivery::{
    Answer, Failure, Intake, OperationState, OperationView, Operator, State, StateKind, Status, Timestamp,
    Version,
    system::{BreakerPolicy, Maintenance, Rate, SystemPolicy, Window, window},
};

use super::{
    fakes::{Gateway, Running, Script, call, named, operation, reply, status},
    lost, unsent,
};
use crate::{Repeat, RouteMode};

pub(super) fn breaker(failures: u32, open_for: Duration) -> SystemPolicy {
    let breaker = BreakerPolicy::try_new(failures, open_for, open_for * 4).unwrap();
    SystemPolicy { breaker: Some(breaker), ..SystemPolicy::default() }
}

/// Longer than any test.
pub(super) const LONG: Duration = Duration::from_secs(3600);

fn unlimited() -> SystemPolicy {
    SystemPolicy { breaker: None, ..SystemPolicy::default() }
}

pub(super) fn at_all_times() -> SystemPolicy {
    let window = Window {
        zone: window::zone("Europe/Tallinn").unwrap(),
        weekdays: Vec::new(),
        dates: Vec::new(),
        except: Vec::new(),
        from: window::time("00:00").unwrap(),
        to: window::time("24:00").unwrap(),
    };
    SystemPolicy { maintenance: Maintenance(vec![window]), ..unlimited() }
}

pub(super) async fn change(gateway: &Gateway, engine: &Running, policy: SystemPolicy) {
    gateway.set_policy(policy);
    engine.operator.reload().await.unwrap();
}

async fn done(engine: &Running, view: &OperationView) -> OperationView {
    let until = Timestamp::now().plus(Duration::from_secs(30));
    let view = engine.intake.wait_operation(view.id, None, until).await.unwrap();
    assert!(matches!(view.state, OperationState::Succeeded(_)), "{:?}", view.state);
    view
}

fn failure(answer: Answer) -> Failure {
    match answer {
        Answer::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// The only record, once it waits after so many attempts.
async fn waiting_after(gateway: &Gateway, engine: &Running, attempts: usize) {
    loop {
        let record = gateway.only_record(engine).await;
        match record.state {
            State::Waiting { .. } if record.attempts.len() == attempts => return,
            State::Waiting { .. } | State::Claimed { .. } => tokio::task::yield_now().await,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_outage_holds_messages_back_and_wastes_no_attempt() {
    let gateway = Gateway::new().await;
    gateway.set_policy(breaker(2, LONG));
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.answers([Script::Error(unsent()), Script::Error(unsent())]);
    let view = operation(engine.intake.call(call("ping")).await);
    waiting_after(&gateway, &engine, 2).await;
    // As long as the breaker is open the system is not asked, or the script would have no answer.
    assert_eq!(gateway.system.asked(), 2);
    gateway.system.answers([Script::Reply("pong")]);
    change(&gateway, &engine, unlimited()).await;
    assert_eq!(done(&engine, &view).await.attempts, 3);
}

#[tokio::test]
async fn probes_find_the_system_back_and_are_no_attempts_too_many() {
    let gateway = Gateway::new().await;
    gateway.set_policy(breaker(2, Duration::from_millis(10)));
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    // The route has five attempts.
    gateway.system.answers((0..7).map(|_| Script::Error(unsent())));
    gateway.system.answers([Script::Reply("pong")]);
    let view = operation(engine.intake.call(call("ping")).await);
    assert_eq!(done(&engine, &view).await.attempts, 8);
}

#[tokio::test]
async fn silence_is_no_less_unknown_while_the_system_is_away() {
    let gateway = Gateway::new().await;
    gateway.set_policy(breaker(1, LONG));
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.answers([Script::Error(lost())]);
    let view = operation(engine.intake.call(call("ping")).await);
    let until = Timestamp::now().plus(Duration::from_secs(30));
    let view = engine.intake.wait_operation(view.id, None, until).await.unwrap();
    assert!(matches!(view.state, OperationState::NeedsAttention), "{:?}", view.state);
}

#[tokio::test]
async fn callers_of_a_system_that_is_away_are_told_at_once() {
    for (mode, repeat) in [
        (RouteMode::Direct, Repeat::Never),
        (RouteMode::RequestReply, Repeat::Always),
        (RouteMode::RequestReply, Repeat::Never),
    ] {
        let gateway = Gateway::new().await;
        gateway.set_policy(breaker(2, LONG));
        let engine = gateway.start(mode, repeat).await;
        gateway.system.answers([Script::Reply("pong"), Script::Error(unsent()), Script::Error(unsent())]);
        assert_eq!(reply(engine.intake.call(named("ping", "id-1")).await), "pong");
        let first = failure(engine.intake.call(named("pang", "id-2")).await);
        assert_eq!((first.status, &*first.reason), (Status::Unavailable, "CONNECTION_REFUSED"));
        assert!(first.retry_after > Some(LONG / 2), "{first:?}");
        let stored = engine.operator.list(Default::default()).await.unwrap().records.len();
        let second = failure(engine.intake.call(named("pung", "id-3")).await);
        assert_eq!((second.status, &*second.reason), (Status::Unavailable, "SYSTEM_UNAVAILABLE"));
        assert!(second.retry_after > Some(LONG / 2) && second.metadata.contains_key("route"), "{second:?}");
        let page = engine.operator.list(Default::default()).await.unwrap();
        assert_eq!(page.records.len(), stored, "nothing was stored");
        assert!(page.records.iter().all(|r| r.state.kind() == StateKind::Finished), "nothing waits");
        assert_eq!(gateway.system.asked(), 3, "nothing was sent");
    }
}

#[tokio::test]
async fn what_is_known_is_answered_also_while_the_system_is_away() {
    let gateway = Gateway::new().await;
    gateway.set_policy(breaker(1, LONG));
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers([Script::Reply("pong"), Script::Error(lost())]);
    assert_eq!(reply(engine.intake.call(named("ping", "id-1")).await), "pong");
    assert_eq!(status(engine.intake.call(named("pang", "id-2")).await).1, "OUTCOME_UNKNOWN");
    assert_eq!(reply(engine.intake.call(named("ping", "id-1")).await), "pong");
    assert_eq!(status(engine.intake.call(named("pang", "id-2")).await).1, "OUTCOME_UNKNOWN");
    assert_eq!(status(engine.intake.call(named("pung", "id-2")).await).1, "REQUEST_ID_REUSED");
    assert_eq!(status(engine.intake.call(named("pung", "id-3")).await).1, "SYSTEM_UNAVAILABLE");
    assert_eq!(gateway.system.asked(), 2);
}

#[tokio::test]
async fn who_waits_for_an_operators_retry_is_told_and_the_retry_goes_on() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers([Script::Error(lost())]);
    status(engine.intake.call(named("ping", "id-1")).await);
    let id = gateway.only_record(&engine).await.envelope.id;
    change(&gateway, &engine, at_all_times()).await;
    engine.operator.retry(id, Version::Same).await.unwrap();
    let told = failure(engine.intake.call(named("ping", "id-1")).await);
    assert_eq!((told.status, told.retry_after.is_some()), (Status::Unavailable, true));
    gateway.system.answers([Script::Reply("pong")]);
    change(&gateway, &engine, unlimited()).await;
    assert_eq!(reply(engine.intake.call(named("ping", "id-1")).await), "pong");
}

#[tokio::test]
async fn in_maintenance_messages_wait_and_callers_are_told_until_when() {
    let gateway = Gateway::new().await;
    gateway.set_policy(at_all_times());
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    let view = operation(engine.intake.call(call("ping")).await);
    gateway.system.answers([Script::Reply("pong")]);
    change(&gateway, &engine, unlimited()).await;
    assert_eq!(done(&engine, &view).await.attempts, 1);
    drop(engine);
    gateway.set_policy(at_all_times());
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    let told = failure(engine.intake.call(call("ping")).await);
    assert_eq!((told.status, &*told.reason), (Status::Unavailable, "SYSTEM_MAINTENANCE"));
    assert!(told.retry_after > Some(Duration::from_secs(24 * 3600)), "{told:?}");
    assert_eq!(gateway.system.asked(), 1);
}

#[tokio::test]
async fn a_caller_whose_message_waits_hears_when_maintenance_begins() {
    let gateway = Gateway::new().await;
    // Nothing is dispatched, so the retry waits as if its time had not come.
    let engine = gateway.start_with(RouteMode::RequestReply, Repeat::Never, false).await;
    gateway.system.answers([Script::Error(unsent())]);
    let intake = engine.intake.clone();
    let waiting = tokio::spawn(async move { intake.call(named("ping", "id-1")).await });
    gateway.system.until_asked(1).await;
    waiting_after(&gateway, &engine, 1).await;
    change(&gateway, &engine, at_all_times()).await;
    let told = failure(waiting.await.unwrap());
    assert_eq!((told.status, &*told.reason), (Status::Unavailable, "CONNECTION_REFUSED"));
    assert_eq!(gateway.only_record(&engine).await.state.kind(), StateKind::Finished);
}

#[tokio::test]
async fn no_more_begin_than_the_rate_allows() {
    let slow = Rate::try_new(1, Duration::from_secs(24 * 3600), Some(2)).unwrap();
    let policy = SystemPolicy { rate: Some(slow), ..unlimited() };
    for mode in [RouteMode::Operation, RouteMode::RequestReply] {
        let gateway = Gateway::new().await;
        gateway.set_policy(policy.clone());
        let engine = gateway.start(mode, Repeat::Never).await;
        gateway.system.answers([Script::Reply("pong"), Script::Reply("pong"), Script::Reply("pong")]);
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.push(engine.intake.call(call("ping")).await);
        }
        let third = answers.pop().unwrap();
        match mode {
            RouteMode::Operation => {
                for answer in answers {
                    done(&engine, &operation(answer)).await;
                }
                let third = operation(third);
                let view = engine.intake.operation(third.id, None).await.unwrap();
                assert!(matches!(view.state, OperationState::Waiting), "{:?}", view.state);
                assert_eq!(gateway.system.asked(), 2);
                change(&gateway, &engine, unlimited()).await;
                done(&engine, &third).await;
            }
            _ => {
                assert!(answers.into_iter().map(reply).all(|pong| pong == "pong"));
                let told = failure(third);
                assert_eq!((told.status, &*told.reason), (Status::ResourceExhausted, "SYSTEM_BUSY"));
                assert!(told.retry_after > Some(LONG), "{told:?}");
            }
        }
    }
}

#[tokio::test]
async fn callers_wait_for_their_turn() {
    let gateway = Gateway::new().await;
    let rate = Rate::try_new(100, Duration::from_secs(1), Some(1)).unwrap();
    gateway.set_policy(SystemPolicy { rate: Some(rate), max_wait: LONG, ..unlimited() });
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers((0..5).map(|_| Script::Reply("pong")));
    for _ in 0..5 {
        assert_eq!(reply(engine.intake.call(call("ping")).await), "pong");
    }
}

#[tokio::test]
async fn a_system_has_its_own_concurrency() {
    let gateway = Gateway::new().await;
    gateway.set_policy(SystemPolicy { concurrency: 2, ..unlimited() });
    let engine = gateway.start_with(RouteMode::Operation, Repeat::Never, false).await;
    for _ in 0..6 {
        operation(engine.intake.call(call("ping")).await);
    }
    drop(engine);
    let mut gates: Vec<_> = (0..6).map(|_| gateway.system.answer_when_let("pong")).collect();
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    for asked in [2, 3, 4, 5, 6] {
        gateway.system.until_asked(asked).await;
        let counts = engine.operator.counts().await.unwrap();
        let claimed = counts.iter().find(|c| c.state == StateKind::Claimed).map(|c| c.messages);
        assert!(claimed <= Some(2), "{claimed:?} at work");
        gates.remove(0).send(()).unwrap();
    }
}
