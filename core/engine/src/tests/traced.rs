//! The spans of a message's way, and how they hang together.

use std::{sync::Arc, time::Duration};

use opentelemetry::{
    global::BoxedTracer,
    trace::{SpanId, SpanKind, Status, TracerProvider as _},
};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData};
use portolan_delivery::{Call, Intake, Timestamp};

use super::{
    fakes::{Gateway, Script, call, operation},
    unsent,
};
use crate::{Repeat, RouteMode};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const NOT_SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// Keeps every span that ends; of callers that say nothing, none.
fn recorder() -> (Arc<BoxedTracer>, InMemorySpanExporter) {
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(spans.clone())
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)))
        .build();
    (Arc::new(BoxedTracer::new(Box::new(provider.tracer("test")))), spans)
}

fn from(traceparent: &str, payload: &'static str) -> Call {
    Call { metadata: vec![("traceparent".to_owned(), traceparent.to_owned())], ..call(payload) }
}

fn named<'a>(spans: &'a [SpanData], name: &str) -> Vec<&'a SpanData> {
    let mut found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    found.sort_by_key(|span| span.start_time);
    found
}

fn attribute(span: &SpanData, key: &str) -> String {
    let found = span.attributes.iter().find(|a| a.key.as_str() == key);
    found.map(|a| a.value.to_string()).unwrap_or_default()
}

fn id(text: &str) -> SpanId {
    SpanId::from_hex(text).unwrap()
}

#[tokio::test]
async fn an_operation_is_one_trace_from_its_caller_to_the_system() {
    let gateway = Gateway::new().await;
    let (tracer, recorded) = recorder();
    let engine = gateway.start_traced(RouteMode::Operation, Repeat::Never, tracer).await;
    gateway.system.answers([Script::Error(unsent()), Script::Reply("pong")]);
    let view = operation(engine.intake.call(from(CALLER, "canary")).await);
    let until = Timestamp::now().plus(Duration::from_secs(20));
    engine.intake.wait_operation(view.id, None, until).await.unwrap();
    assert!(engine.intake.0.drain(Duration::from_secs(20)).await);

    let spans = recorded.get_finished_spans().unwrap();
    let [server] = named(&spans, "test.Service/Method")[..] else { panic!("{spans:#?}") };
    let [send] = named(&spans, "send test.route")[..] else { panic!("{spans:#?}") };
    let [first, second] = named(&spans, "process test.route")[..] else { panic!("{spans:#?}") };
    let [refused, answered] = named(&spans, "ask system")[..] else { panic!("{spans:#?}") };
    let kinds = [server, send, first, answered].map(|span| span.span_kind.clone());
    assert_eq!(kinds, [SpanKind::Server, SpanKind::Producer, SpanKind::Consumer, SpanKind::Client]);

    // One trace; each turn in the queue belongs to what was sent, and says so by a link, too.
    assert!(spans.iter().all(|span| span.span_context.trace_id().to_string() == TRACE), "{spans:#?}");
    assert_eq!(server.parent_span_id, id("00f067aa0ba902b7"));
    assert_eq!(send.parent_span_id, server.span_context.span_id());
    for turn in [first, second] {
        assert_eq!(turn.parent_span_id, send.span_context.span_id());
        let linked: Vec<_> = turn.links.iter().map(|link| link.span_context.span_id()).collect();
        assert_eq!(linked, [send.span_context.span_id()]);
    }
    assert_eq!(refused.parent_span_id, first.span_context.span_id());
    assert_eq!(answered.parent_span_id, second.span_context.span_id());
    let sent: Vec<_> = gateway.system.traceparents().into_iter().flatten().collect();
    let expected = [refused, answered].map(|span| format!("00-{TRACE}-{}-01", span.span_context.span_id()));
    assert_eq!(sent, expected, "the system gets the attempt's own");

    let told = |span, key| attribute(span, key);
    assert_eq!(told(server, "rpc.grpc.status_code"), "0");
    assert_eq!(
        (told(first, "portolan.outcome"), told(second, "portolan.outcome")),
        ("retried".into(), "reply".into())
    );
    assert_eq!(
        (told(refused, "portolan.outcome"), told(refused, "error.type")),
        ("unsent".into(), "CONNECTION_REFUSED".into())
    );
    assert_eq!(refused.status, Status::error("CONNECTION_REFUSED"));
    assert_eq!(
        (told(answered, "portolan.attempt"), told(answered, "peer.service")),
        ("2".into(), "system".into())
    );
    for span in [server, send, first, second, refused, answered] {
        assert_eq!(told(span, "portolan.message.id"), view.id.to_string());
    }
    assert!(!format!("{spans:?}").contains("canary"));
}

#[tokio::test]
async fn a_caller_that_waits_sees_the_attempt_beneath_its_call() {
    let gateway = Gateway::new().await;
    let (tracer, recorded) = recorder();
    let engine = gateway.start_traced(RouteMode::RequestReply, Repeat::Never, tracer).await;
    gateway.system.answers([Script::Reply("garbage")]);
    engine.intake.call(from(CALLER, "ping")).await;
    let spans = recorded.get_finished_spans().unwrap();
    let [server] = named(&spans, "test.Service/Method")[..] else { panic!("{spans:#?}") };
    let [asked] = named(&spans, "ask system")[..] else { panic!("{spans:#?}") };
    assert_eq!(asked.parent_span_id, server.span_context.span_id());
    assert_eq!(server.status, Status::error("GARBAGE"));
    assert_eq!(attribute(server, "rpc.grpc.status_code"), "13");
    // What the caller did wrong is its own matter.
    recorded.reset();
    engine.intake.call(from(CALLER, "bad")).await;
    let spans = recorded.get_finished_spans().unwrap();
    assert_eq!((spans.len(), &spans[0].status), (1, &Status::Unset));
    assert_eq!(attribute(&spans[0], "rpc.grpc.status_code"), "3");
}

#[tokio::test]
async fn who_did_not_sample_is_not_recorded_and_is_passed_on() {
    let gateway = Gateway::new().await;
    let (tracer, recorded) = recorder();
    let engine = gateway.start_traced(RouteMode::Direct, Repeat::Always, tracer).await;
    gateway.system.answers([Script::Reply("pong"), Script::Reply("pong")]);
    engine.intake.call(from(NOT_SAMPLED, "ping")).await;
    engine.intake.call(call("ping")).await;
    assert!(recorded.get_finished_spans().unwrap().is_empty());
    let sent = gateway.system.traceparents();
    let first = sent[0].as_deref().unwrap();
    assert!(first.starts_with(&format!("00-{TRACE}-")) && first.ends_with("-00"), "{first}");
}

#[tokio::test]
async fn where_nobody_traces_the_callers_own_goes_on_to_the_system_also_through_the_queue() {
    let gateway = Gateway::new().await;
    let engine = gateway.start(RouteMode::Operation, Repeat::Never).await;
    gateway.system.answers([Script::Reply("pong"), Script::Reply("pong"), Script::Reply("pong")]);
    engine.intake.call(from(CALLER, "one")).await;
    gateway.system.until_asked(1).await;
    engine.intake.call(from("00-not-a-parent", "two")).await;
    gateway.system.until_asked(2).await;
    engine.intake.call(call("three")).await;
    gateway.system.until_asked(3).await;
    assert_eq!(gateway.system.traceparents(), [Some(CALLER.to_owned()), None, None]);
    assert!(engine.intake.0.drain(Duration::from_secs(20)).await);
}
