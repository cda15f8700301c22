//! Operations that their callers list and cancel.

use std::time::Duration;

use portolan_delivery::{
    Call, Intake, MessageId, OperationFilter, OperationState, Status, Timestamp, testing::FakeDatabase,
};

use super::fakes::{Gateway, Running, Script, call, named, operation};
use crate::{Repeat, RouteMode};

fn by(caller: &str, payload: &'static str) -> Call {
    Call { caller: Some(caller.into()), ..call(payload) }
}

fn of(caller: &str) -> OperationFilter {
    OperationFilter { caller: caller.into(), route: None, done: None, before: None, limit: 100 }
}

/// The operations that a filter lets through, page by page.
async fn listed(engine: &Running, filter: OperationFilter) -> Vec<MessageId> {
    let (mut filter, mut ids) = (filter, Vec::new());
    loop {
        let page = engine.intake.operations(filter.clone()).await.unwrap();
        assert!(page.operations.len() <= filter.limit);
        ids.extend(page.operations.iter().map(|view| view.id));
        match page.next {
            Some(next) => filter.before = Some(next),
            None => return ids,
        }
    }
}

async fn begin(engine: &Running, call: Call) -> MessageId {
    operation(engine.intake.call(call).await).id
}

#[tokio::test]
async fn callers_list_their_own_operations() {
    let gateways = [Gateway::new().await, Gateway::with_ledger(FakeDatabase::default())];
    for gateway in gateways {
        let engine = gateway.start_with(RouteMode::Operation, Repeat::Never, false).await;
        let (mut mine, mut others) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            mine.push(begin(&engine, by("one", "ping")).await);
            others.push(begin(&engine, by("other", "ping")).await);
            begin(&engine, call("ping")).await;
        }
        mine.reverse();
        others.reverse();
        for limit in [1, 2, 5, 100] {
            assert_eq!(listed(&engine, OperationFilter { limit, ..of("one") }).await, mine, "{limit}");
        }
        assert_eq!(listed(&engine, of("other")).await, others);
        assert_eq!(listed(&engine, of("nobody")).await, []);
        engine.intake.cancel_operation(mine[2], Some("one".into())).await.unwrap();
        let done = |done| OperationFilter { done: Some(done), limit: 2, ..of("one") };
        assert_eq!(listed(&engine, done(true)).await, [mine[2]]);
        assert_eq!(listed(&engine, done(false)).await, [mine[0], mine[1], mine[3], mine[4]]);
        let route = |name: &str| OperationFilter { route: Some(name.to_owned()), ..of("one") };
        assert_eq!(listed(&engine, route("test.route")).await, mine);
        assert_eq!(listed(&engine, route("another")).await, []);
    }
}

/// Whose operation stands behind thousands of others still comes to it, and learns of none of theirs.
#[tokio::test]
async fn a_page_that_looks_no_further_tells_nobodys_name() {
    let gateway = Gateway::with_ledger(FakeDatabase::default());
    let engine = gateway.start_with(RouteMode::Operation, Repeat::Never, false).await;
    let mine = begin(&engine, by("one", "ping")).await;
    let mut others = Vec::new();
    for _ in 0..2_001 {
        others.push(begin(&engine, by("other", "ping")).await);
    }
    let first = engine.intake.operations(of("one")).await.unwrap();
    assert!(first.operations.is_empty());
    let next = first.next.unwrap();
    assert!(!others.contains(&next) && next > mine, "{next}");
    assert_eq!(listed(&engine, of("one")).await, [mine]);
}

#[tokio::test]
async fn an_operation_that_waits_is_cancelled_and_never_sent() {
    for gateway in [Gateway::new().await, Gateway::with_ledger(FakeDatabase::default())] {
        let engine = gateway.start_with(RouteMode::Operation, Repeat::Never, false).await;
        let id = begin(&engine, Call { caller: Some("one".into()), ..named("ping", "id-1") }).await;
        let until = Timestamp::now().plus(Duration::from_secs(30));
        let waiting = engine.intake.wait_operation(id, Some("one".into()), until);
        let cancelling = engine.intake.cancel_operation(id, Some("one".into()));
        let (view, cancelled) = tokio::join!(waiting, cancelling);
        cancelled.unwrap();
        let OperationState::Failed(failure) = view.unwrap().state else { panic!("it is not done") };
        assert_eq!((failure.status, failure.reason.as_str()), (Status::Cancelled, "CANCELLED"));
        assert!(failure.message.ends_with("before the system was asked"), "{}", failure.message);
        // Once more changes nothing, and its request id is taken.
        engine.intake.cancel_operation(id, Some("one".into())).await.unwrap();
        let again = begin(&engine, Call { caller: Some("one".into()), ..named("ping", "id-1") }).await;
        assert_eq!(again, id);
        drop(engine);
        let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
        gateway.system.answers([Script::Reply("pong")]);
        let other = begin(&engine, by("one", "pang")).await;
        let view = engine.intake.wait_operation(other, Some("one".into()), until).await.unwrap();
        assert!(matches!(view.state, OperationState::Succeeded(_)), "{:?}", view.state);
        assert_eq!(gateway.system.requests(), ["v1:pang"]);
    }
}

#[tokio::test]
async fn what_is_at_work_or_done_or_somebody_elses_stays_as_it_is() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    let answer = gateway.system.answer_when_let("pong");
    let id = begin(&engine, by("one", "ping")).await;
    gateway.system.until_asked(1).await;
    for caller in [Some("other".into()), None] {
        let failure = engine.intake.cancel_operation(id, caller).await.unwrap_err();
        assert_eq!((failure.status, failure.reason.as_str()), (Status::NotFound, "OPERATION_NOT_FOUND"));
    }
    engine.intake.cancel_operation(id, Some("one".into())).await.unwrap();
    answer.send(()).unwrap();
    let until = Timestamp::now().plus(Duration::from_secs(30));
    let view = engine.intake.wait_operation(id, Some("one".into()), until).await.unwrap();
    let OperationState::Succeeded(bytes) = view.state else { panic!("{:?}", view.state) };
    assert_eq!(bytes, "pong");
    engine.intake.cancel_operation(id, Some("one".into())).await.unwrap();
    let view = engine.intake.operation(id, Some("one".into())).await.unwrap();
    assert!(matches!(view.state, OperationState::Succeeded(_)));
}
