//! Routes that take files and tell a SOAP service: what its answers mean.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use portolan_diagnostics::{Sources, render};
use portolan_formats::records::Messages;
use portolan_mapping::{
    load::{Standing, load_all},
    run::{Context, Environment, ReplyOutcome, RunError, Scratch},
};
use portolan_schema::Memory;

const LAYOUT: &str =
    "layout: lines\nrecords: { line: { occurs: 0.., fields: { key: 1-4, customer: 5-9 } } }\n";

const WSDL: &str = include_str!("../../../tests/gateway/routes/orders/orders.wsdl");

const PROTO: &str = "syntax = \"proto3\"; package t; service S { rpc Put(Line) returns (Line); } message Line { string key = 1; }";

const MAPPING: &str = r#"
route: orders.lines
source: { batch: { system: shops, layout: lines.yaml, each: line } }
target: { soap: { system: orders, wsdl: orders.wsdl, operation: PutOrder } }
request: { body: { Key: key, Customer: customer, Amount: { const: "1.00" } } }
response:
  fail: [ { when: body.Number < 0, status: FAILED_PRECONDITION, message: { const: sold out } } ]
faults:
  - { when: fault.reason == 'BUSY', status: UNAVAILABLE, retry: true }
  - { when: fault.reason == original.key, status: NOT_FOUND, field: line.key, message: fault.reason }
"#;

fn loaded(mapping: &str) -> (Option<portolan_mapping::load::LoadedBatch>, String) {
    let resolver = Memory::default()
        .with("lines.yaml", LAYOUT)
        .with("orders.wsdl", WSDL)
        .with("lines.proto", PROTO)
        .with("m.yaml", mapping);
    let mut sources = Sources::default();
    let loaded = load_all("m.yaml", &resolver, &mut sources, &Standing::default());
    let shown: Vec<_> = loaded.diagnostics.iter().map(|d| render(d, &sources, false)).collect();
    (loaded.value.and_then(|all| all.batches.into_iter().next()), shown.join("\n"))
}

/// What an answer means to the first message of a file, in a word.
fn answered(envelope_body: &str) -> String {
    let (batch, shown) = loaded(MAPPING);
    let compiled = batch.unwrap_or_else(|| panic!("{shown}")).compile().unwrap();
    let plan = compiled.answer.expect("it is answered in a document");
    let mut messages = Messages::new(&compiled.file, &compiled.excerpt, "A-17Smith\n".as_bytes());
    let message = messages.next().unwrap().0.to_vec();
    let context = Context {
        message_id: "1",
        route: "orders.lines",
        caller: None,
        received: jiff::Timestamp::UNIX_EPOCH,
        attempt: 1,
        request_id: None,
        sequence: None,
    };
    let environment = Environment { context, metadata: &[], original: Some(&message) };
    let reply = format!(
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>{envelope_body}</s:Body></s:Envelope>"
    );
    let mut out = Vec::new();
    let outcome = plan.run(reply.as_bytes(), &environment, &mut Scratch::default(), &mut out);
    assert_eq!(out, b"", "nobody waits for an answer");
    match outcome {
        Ok(ReplyOutcome::Written) => "done".to_owned(),
        Ok(ReplyOutcome::Pending) => "pending".to_owned(),
        Ok(ReplyOutcome::Fault(fault)) => match fault.matched {
            None => format!("fault {}", fault.reason.unwrap_or_default()),
            Some(rule) => format!("status {}, retry {}, personal {}", rule.status, rule.retry, rule.personal),
        },
        Err(RunError::Failed(failure)) => format!("failed, status {}", failure.status),
        Err(_) => "unreadable".to_owned(),
    }
}

fn response(content: &str) -> String {
    format!("<PutOrderResponse xmlns='urn:test:orders'>{content}</PutOrderResponse>")
}

fn fault(reason: &str) -> String {
    format!("<s:Fault><faultcode>s:Server</faultcode><faultstring>{reason}</faultstring></s:Fault>")
}

#[test]
fn an_answer_says_whether_it_was_done() {
    let check = |body: &str, expected: &str| assert_eq!(answered(body), expected, "{body}");
    check(&response("<Key>A-17</Key><Number>1</Number>"), "done");
    // What nobody asks for may be there.
    check(&response("<Key>A-17</Key><Number>1</Number><More>1</More>"), "done");
    check(&response("<Key>A-17</Key><Number>-1</Number>"), "failed, status 9");
    check(&fault("BUSY"), "status 14, retry true, personal false");
    // A rule may hold the fault against the record, and its words may be somebody's.
    check(&fault("A-17"), "status 5, retry false, personal true");
    check(&fault("ODD"), "fault ODD");
    check("", "unreadable");
    check("<Other xmlns='urn:x'/>", "unreadable");
}

#[test]
fn rules_for_answers_are_checked() {
    let check = |old: &str, new: &str, expected: &str| {
        let changed = MAPPING.replacen(old, new, 1);
        assert!(old.is_empty() || changed != MAPPING, "the mapping has no {old}");
        let (_, shown) = loaded(&changed);
        assert!(shown.contains(expected), "{old} -> {new}: no `{expected}` in\n{shown}");
    };
    assert_eq!(loaded(MAPPING).1, "");
    check("body.Number", "body.Numer", "did you mean `Number`?");
    check("original.key", "original.line.kay", "error[map/unknown-path]");
    check("status: UNAVAILABLE", "status: FAILED_PRECONDITION", "warning[map/unsafe-retry]");
    check("status: UNAVAILABLE", "status: UNKNOWN", "it may be done twice");
    check("field: line.key", "field: line.kay", "the request has no field `line.kay`");
    // What gRPC answers with, its status says.
    let soap = "soap: { system: orders, wsdl: orders.wsdl, operation: PutOrder }";
    let grpc = "grpc: { system: orders, proto: lines.proto, method: t.S/Put }";
    let (batch, shown) = loaded(&MAPPING.replace(soap, grpc));
    assert!(batch.is_none(), "it is not served");
    assert_eq!(
        shown.matches("only a SOAP service answers with what such a rule reads").count(),
        1,
        "{shown}"
    );
    assert_eq!(shown.matches("and here").count(), 2, "of three rules: {shown}");
}
