//! Traces as a collector gets them: from the caller through the queue to the system, in one piece, with nothing personal.

use std::time::Duration;

use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind},
};

use crate::harness::{Backend, Client, Collector, House, Operation, OrderRequest, Reaction, block_on, until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|one| one.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no {name} among {:?}", spans.iter().map(|s| &s.name).collect::<Vec<_>>()))
}

#[test]
fn a_collector_gets_the_whole_way_of_an_operation() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Take).await;
        let (collector, address) = Collector::start().await;
        let mut house = House::orders(backend.address);
        house.setting(&format!(
            "telemetry: {{ otlp: {{ endpoint: 'http://{address}', headers: {{ x-api-key: '${{env:KEY}}' }} }}, sample: 0, service: harbour }}"
        ));
        let mut gateway = house.serve_with(&[("KEY", "canary-key")], &[]);
        let client = Client::connect(gateway.grpc).await;
        let order = OrderRequest { customer: "Canary-Person".into(), ..OrderRequest::new("traced") };
        let begun = client.call("test.orders.v1.Orders/Later", &order, &[("traceparent", CALLER)]).await;
        let begun: Operation = begun.unwrap();
        client.wait(&begun.name, Duration::from_secs(20)).await.unwrap();
        // Whoever asks for no trace gets none, by `sample`.
        client.order("Once", OrderRequest::new("untraced")).await.unwrap();
        gateway.signal("TERM");
        assert!(gateway.wait(Duration::from_secs(20)).unwrap().success());

        let spans =
            until("the spans", async || Some(collector.spans()).filter(|spans| spans.len() >= 4)).await;
        assert_eq!(spans.len(), 4, "{spans:#?}");
        let server = named(&spans, "test.orders.v1.Orders/Later");
        let send = named(&spans, "send orders.later");
        let process = named(&spans, "process orders.later");
        let ask = named(&spans, "ask orders");
        assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE));
        let kinds = [server, send, process, ask].map(|span| span.kind());
        assert_eq!(kinds, [SpanKind::Server, SpanKind::Producer, SpanKind::Consumer, SpanKind::Client]);
        assert_eq!(hex(&server.parent_span_id), "00f067aa0ba902b7");
        assert_eq!(send.parent_span_id, server.span_id);
        assert_eq!(process.parent_span_id, send.span_id);
        let [link] = &process.links[..] else { panic!("{process:#?}") };
        assert_eq!((&link.trace_id, &link.span_id), (&send.trace_id, &send.span_id));
        assert_eq!(ask.parent_span_id, process.span_id);
        let asked = backend.asked();
        let traced = asked.iter().find(|asked| asked.key == "traced").unwrap();
        assert_eq!(traced.headers["traceparent"], format!("00-{TRACE}-{}-01", hex(&ask.span_id)));
        assert!(
            asked.iter().find(|asked| asked.key == "untraced").unwrap().headers["traceparent"]
                .ends_with("-00")
        );

        let got = collector.exports();
        let resource = got[0].resource_spans[0].resource.as_ref().unwrap();
        assert_eq!(text(&resource.attributes, "service.name"), Some("harbour"));
        assert!(collector.keys().iter().all(|key| key == "canary-key"));
        let id = begun.name.strip_prefix("operations/").unwrap();
        for span in &spans {
            assert_eq!(text(&span.attributes, "portolan.message.id"), Some(id), "{span:#?}");
            assert_eq!(text(&span.attributes, "portolan.route"), Some("orders.later"), "{span:#?}");
        }
        assert!(!format!("{got:?}").contains("Canary-Person"), "nothing personal is in a span");
    });
}

#[test]
fn a_collector_that_is_away_costs_spans_and_no_calls() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Take).await;
        let mut house = House::orders(backend.address);
        house.setting("telemetry: { otlp: 'http://127.0.0.1:1' }");
        let mut gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        for key in ["one", "two"] {
            client.order("Once", OrderRequest::new(key)).await.unwrap();
        }
        gateway.signal("TERM");
        assert!(gateway.wait(Duration::from_secs(30)).unwrap().success());
        let said = gateway.said();
        assert_eq!(said.matches("spans cannot be exported").count(), 1, "{said}");
        assert!(!said.contains("127.0.0.1:1\n") && !said.contains("127.0.0.1:1 "), "{said}");
    });
}
