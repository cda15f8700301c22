//! What is counted of calls, attempts and messages.

use std::time::Duration;

use portolan_delivery::{
    Control, Failure, FaultClass, Intake, Operator, Status, Timestamp, testing::FakeDatabase,
};

use super::{
    fakes::{Gateway, Running, Script, call, named, operation, reply},
    lost,
    systems::{LONG, at_all_times, breaker, change},
    unsent,
};
use crate::{Repeat, RouteMode};

/// The value of a series, by its name and labels as they are written.
async fn value(running: &Running, series: &str) -> f64 {
    let text = running.intake.0.metrics().await;
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
}

async fn check(running: &Running, expected: &[(&str, f64)]) {
    for (series, wanted) in expected {
        assert_eq!(value(running, series).await, *wanted, "{series}");
    }
}

#[tokio::test]
async fn calls_attempts_and_messages_of_request_reply() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    gateway.system.answers([
        Script::Reply("pong"),
        Script::Error(unsent()),
        Script::Reply("pong"),
        Script::Error(lost()),
        Script::Reply("garbage"),
    ]);
    for payload in ["one", "two, at the second attempt", "three, lost", "four, unreadable", "bad"] {
        engine.intake.call(call(payload)).await;
    }
    let calls = |status| {
        format!("portolan_calls_total{{route=\"test.route\",mode=\"request-reply\",status=\"{status}\"}}")
    };
    let attempts =
        |end| format!("portolan_attempts_total{{route=\"test.route\",system=\"system\",outcome=\"{end}\"}}");
    let settled = |end| format!("portolan_messages_settled_total{{route=\"test.route\",outcome=\"{end}\"}}");
    check(
        &engine,
        &[
            (&calls("OK"), 2.0),
            (&calls("ABORTED"), 1.0),
            (&calls("INTERNAL"), 1.0),
            (&calls("INVALID_ARGUMENT"), 1.0),
            (&calls("UNAVAILABLE"), 0.0),
            ("portolan_call_duration_seconds_count{route=\"test.route\",mode=\"request-reply\"}", 5.0),
            (&attempts("success"), 2.0),
            (&attempts("unsent"), 1.0),
            (&attempts("unknown"), 1.0),
            (&attempts("reply"), 1.0),
            (&attempts("cancelled"), 0.0),
            ("portolan_attempt_duration_seconds_count{route=\"test.route\",system=\"system\"}", 5.0),
            ("portolan_in_flight{system=\"system\"}", 0.0),
            ("portolan_messages_accepted_total{route=\"test.route\"}", 4.0),
            ("portolan_messages_retried_total{route=\"test.route\"}", 1.0),
            (&settled("reply"), 2.0),
            (&settled("failed"), 0.0),
            (&settled("dead"), 2.0),
            ("portolan_message_duration_seconds_count{route=\"test.route\"}", 4.0),
            ("portolan_queue_messages{route=\"test.route\",state=\"dead\"}", 2.0),
            ("portolan_queue_messages{route=\"test.route\",state=\"waiting\"}", 0.0),
            ("portolan_queue_oldest_age_seconds{route=\"test.route\",state=\"waiting\"}", 0.0),
            ("portolan_queue_readable", 1.0),
            ("portolan_ready", 1.0),
        ],
    )
    .await;
    assert!(
        value(&engine, "portolan_queue_oldest_age_seconds{route=\"test.route\",state=\"dead\"}").await > 0.0
    );
    assert!(engine.intake.0.drain(Duration::from_secs(5)).await);
    check(&engine, &[("portolan_ready", 0.0)]).await;
}

#[tokio::test]
async fn readiness_follows_the_ledger_and_calls_that_need_none_are_answered() {
    let database = FakeDatabase::default();
    let gateway = Gateway::with_ledger(database.clone());
    let engine = gateway.start(RouteMode::Direct, Repeat::Always).await;
    gateway.system.answers([Script::Reply("pong")]);
    assert!(engine.intake.accepting());
    database.set_away(true);
    assert!(!engine.intake.accepting());
    check(&engine, &[("portolan_ready", 0.0)]).await;
    assert_eq!(reply(engine.intake.call(call("ping")).await), "pong");
    database.set_away(false);
    let broker = [("portolan_broker_connected", 1.0), ("portolan_broker_blocked", 0.0)];
    check(&engine, &[&[("portolan_ready", 1.0)], &broker[..]].concat()).await;
    let alone = Gateway::new().await.start(RouteMode::Direct, Repeat::Always).await;
    let text = alone.intake.0.metrics().await;
    assert!(!text.contains("\nportolan_broker_connected"), "{text}");
}

#[tokio::test]
async fn what_is_under_way_and_what_was_given_up() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::Direct, Repeat::Always).await;
    let _let_it = gateway.system.answer_when_let("pong");
    let mut asked = engine.intake.call(call("ping"));
    tokio::select! {
        _ = &mut asked => panic!("it waits for the system"),
        () = gateway.system.until_asked(1) => {}
    }
    check(&engine, &[("portolan_in_flight{system=\"system\"}", 1.0)]).await;
    drop(asked);
    let unserved = portolan_delivery::Call { method: "/test.Service/Other".into(), ..call("ping") };
    engine.intake.call(unserved).await;
    let refusal = Failure::new(Status::ResourceExhausted, FaultClass::Unsent, "TOO_MANY_CALLS", "full");
    engine.intake.refused("/test.Service/Method", &refusal);
    engine.intake.refused("/test.Service/Other", &refusal);
    check(
        &engine,
        &[
            ("portolan_in_flight{system=\"system\"}", 0.0),
            ("portolan_calls_total{route=\"test.route\",mode=\"direct\",status=\"CANCELLED\"}", 1.0),
            ("portolan_calls_total{route=\"test.route\",mode=\"direct\",status=\"RESOURCE_EXHAUSTED\"}", 1.0),
            ("portolan_attempts_total{route=\"test.route\",system=\"system\",outcome=\"cancelled\"}", 1.0),
            ("portolan_unrouted_calls_total", 2.0),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_operation_is_counted_when_it_ends_also_where_its_route_is_gone() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.answers([Script::Reply("pong")]);
    let view = operation(engine.intake.call(named("ping", "id-1")).await);
    let until = Timestamp::now().plus(Duration::from_secs(20));
    engine.intake.wait_operation(view.id, None, until).await.unwrap();
    // Repeated: a call, and no other message.
    engine.intake.call(named("ping", "id-1")).await;
    let series = [
        ("portolan_calls_total{route=\"test.route\",mode=\"operation\",status=\"OK\"}", 2.0),
        ("portolan_messages_accepted_total{route=\"test.route\"}", 1.0),
        ("portolan_messages_settled_total{route=\"test.route\",outcome=\"reply\"}", 1.0),
    ];
    check(&engine, &series).await;
    gateway.remove_route();
    engine.operator.reload().await.unwrap();
    check(&engine, &series).await;
}

#[tokio::test]
async fn what_holds_attempts_up() {
    let gateway = Gateway::new().await;
    gateway.set_policy(breaker(1, LONG));
    let engine = gateway.start(RouteMode::Direct, Repeat::Always).await;
    let away = "portolan_breaker_open{system=\"system\"}";
    let maintenance = "portolan_maintenance{system=\"system\"}";
    let paused = "portolan_route_held{route=\"test.route\",control=\"paused\"}";
    let draining = "portolan_route_held{route=\"test.route\",control=\"draining\"}";
    check(&engine, &[(away, 0.0), (maintenance, 0.0), (paused, 0.0), (draining, 0.0)]).await;
    gateway.system.answers([Script::Error(unsent())]);
    engine.intake.call(call("ping")).await;
    engine.operator.control("test.route".into(), Control::Draining).await.unwrap();
    check(&engine, &[(away, 1.0), (maintenance, 0.0), (paused, 0.0), (draining, 1.0)]).await;
    change(&gateway, &engine, at_all_times()).await;
    check(&engine, &[(away, 0.0), (maintenance, 1.0)]).await;
}

#[tokio::test]
async fn dead_letters_of_a_gateway_that_ended_are_counted_by_the_one_that_makes_them() {
    let gateway = Gateway::new().await;
    let first = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    let _never = gateway.system.answer_when_let("pong");
    let lost = tokio::spawn(async move { first.intake.call(call("ping")).await });
    gateway.system.until_asked(1).await;
    let second = gateway.start(RouteMode::RequestReply, Repeat::Never).await;
    check(
        &second,
        &[
            ("portolan_messages_settled_total{route=\"test.route\",outcome=\"dead\"}", 1.0),
            ("portolan_messages_retried_total{route=\"test.route\"}", 0.0),
            ("portolan_message_duration_seconds_count{route=\"test.route\"}", 1.0),
        ],
    )
    .await;
    lost.abort();
}
