//! What a portal is told when something goes wrong: always a code, a reason and a domain, the caller's own field where it
//! is the caller's fault, and when to come back where that helps.

use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message as _;
use tonic::Code;

use crate::harness::{Asked, Backend, Client, Details, House, OrderRequest, Reaction, block_on, envelope};

/// What the key of an order makes of it.
fn by_key(asked: &Asked, _: usize) -> Reaction {
    let html = "<html><body>Bad gateway</body></html>".to_owned();
    match asked.key.as_str() {
        "no" => Reaction::Fault("NO"),
        "busy" => Reaction::Fault("BUSY"),
        "odd" => Reaction::Fault("the moon is full"),
        "proxy" => Reaction::Other(502, "text/html", html),
        "page" => Reaction::Other(500, "text/html", html),
        "page-200" => Reaction::Other(200, "text/html; charset=utf-8", html),
        "nothing" => Reaction::Other(200, "text/xml", String::new()),
        "half" => Reaction::Other(200, "text/xml", envelope("<x/>").replace("</s:Envelope>", "")),
        "json" => Reaction::Other(200, "application/json", "{}".to_owned()),
        "closed" => Reaction::Other(503, "text/plain", "maintenance".to_owned()),
        "other" => Reaction::Other(200, "text/xml", envelope("<Hello xmlns=\"urn:test:orders\"/>")),
        "word" => {
            let reply = "<PutOrderResponse xmlns=\"urn:test:orders\"><Key>word</Key><Number>seven</Number></PutOrderResponse>";
            Reaction::Other(200, "text/xml", envelope(reply))
        }
        "hang-up" => Reaction::HangUp,
        _ => Reaction::Take,
    }
}

#[test]
fn failures_have_the_shape_that_portals_can_act_on() {
    block_on(async {
        let backend = Backend::start(by_key).await;
        let house = House::orders(backend.address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        for (method, key, code, reason, field, retry) in [
            ("Once", "", Code::InvalidArgument, "", Some("key"), false),
            ("Once", "no", Code::FailedPrecondition, "", None, false),
            ("Direct", "busy", Code::Unavailable, "", None, true),
            ("Once", "busy", Code::Unavailable, "", None, true),
            ("Once", "odd", Code::Internal, "", None, false),
            ("Once", "proxy", Code::Aborted, "OUTCOME_UNKNOWN", None, false),
            ("Once", "page", Code::Internal, "HTML_REPLY", None, false),
            ("Once", "page-200", Code::Internal, "HTML_REPLY", None, false),
            ("Once", "nothing", Code::Internal, "EMPTY_REPLY", None, false),
            ("Once", "half", Code::Internal, "TRUNCATED_REPLY", None, false),
            ("Once", "json", Code::Internal, "NOT_SOAP", None, false),
            ("Direct", "other", Code::Internal, "", None, false),
            ("Once", "word", Code::Internal, "", None, false),
            ("Once", "hang-up", Code::Aborted, "OUTCOME_UNKNOWN", None, false),
            ("Nobody", "x", Code::Unimplemented, "METHOD_NOT_SERVED", None, false),
        ] {
            let case = format!("{method} {key:?}");
            let mut request = OrderRequest::new(key);
            request.request_id = String::new();
            let status = client.order(method, request).await.expect_err(&case);
            assert_eq!(status.code(), code, "{case}: {status:?}");
            let details = Details::of(&status);
            assert_eq!(details.domain, "portolan.dev", "{case}: {details:?}");
            let shape = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            assert!(!details.reason.is_empty() && details.reason.chars().all(shape), "{case}: {details:?}");
            assert!(reason.is_empty() || details.reason == reason, "{case}: {details:?}");
            assert_eq!(details.fields, Vec::from_iter(field), "{case}: {details:?}");
            assert_eq!(details.retry_after.is_some(), retry, "{case}: {details:?}");
            assert!(!details.message.is_empty(), "{case}");
            if method != "Nobody" {
                assert!(details.metadata.contains_key("route"), "{case}: {details:?}");
            }
            let dead = details.metadata.get("dead_letter");
            if ["hang-up", "half", "word"].contains(&key) {
                let shown = gateway.operator(&house, &["queue", "show", dead.expect(&case)]);
                assert!(shown.contains("dead letter since"), "{case}: {shown}");
            }
        }
        assert_eq!(backend.count("busy"), 1 + 5, "a fault that may be retried is, as the route allows");
        assert_eq!(backend.count("hang-up"), 1, "silence is never retried by itself");
        let malformed =
            client.raw("test.orders.v1.Orders/Once", Bytes::from_static(&[0x12, 0x7f, 1]), &[]).await;
        let details = Details::of(&malformed.unwrap_err());
        assert_eq!(details.code, Some(Code::InvalidArgument), "{details:?}");
    });
}

#[test]
fn a_system_that_is_not_there_was_not_asked() {
    block_on(async {
        let address = Backend::start(|_, _| Reaction::Take).await.address;
        let house = House::orders(address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        for method in ["Direct", "Once", "Keyed"] {
            let status = client.order(method, OrderRequest::new(format!("gone-{method}"))).await.unwrap_err();
            let details = Details::of(&status);
            assert_eq!(details.code, Some(Code::Unavailable), "{method}: {details:?}");
            assert_eq!(details.reason, "CONNECTION_REFUSED", "{method}: {details:?}");
            assert!(details.retry_after.is_some(), "{method}: {details:?}");
        }
        let list = gateway.operator(&house, &["queue", "list", "--state", "dead"]);
        assert!(list.contains("no messages"), "what was provably not sent needs nobody's attention: {list}");
    });
}

#[test]
fn a_deadline_is_kept_and_what_was_begun_is_recorded() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::TakeSlowly(Duration::from_millis(1500))).await;
        let house = House::orders(backend.address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let order = OrderRequest::new("late");
        let metadata = [("timeout", "300")];
        let path = "test.orders.v1.Orders/Once";
        let late = client.raw(path, order.encode_to_vec().into(), &metadata).await;
        assert!(matches!(late.unwrap_err().code(), Code::DeadlineExceeded | Code::Cancelled));
        let order = client.order("Once", order).await.expect("the same request id gets the outcome");
        assert_eq!((order.key.as_str(), backend.count("late")), ("late", 1));
    });
}

/// Nagle's algorithm against delayed acknowledgements costs 40 ms; the quickest of several says whether it is at work.
#[test]
fn the_first_call_of_a_connection_waits_for_no_acknowledgement() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Take).await;
        let house = House::orders(backend.address);
        let gateway = house.serve();
        let mut quickest = Duration::MAX;
        for n in 0..20 {
            let client = Client::connect(gateway.grpc).await;
            let begun = Instant::now();
            client.order("Direct", OrderRequest::new(format!("first-{n}"))).await.unwrap();
            quickest = quickest.min(begun.elapsed());
        }
        assert!(quickest < Duration::from_millis(38), "{quickest:?}");
    });
}

#[test]
fn what_a_contract_demands_of_values_is_demanded() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Take).await;
        let house = House::orders(backend.address);
        let proto = house.path("mappings/orders/orders.proto");
        let text = std::fs::read_to_string(&proto).unwrap();
        let rules = [
            ("package ", "import \"buf/validate/validate.proto\";\npackage "),
            ("string key = 2;", "string key = 2 [(buf.validate.field).string.max_len = 9];"),
            ("string key = 1;", "string key = 1 [(buf.validate.field).string.not_in = 'forbidden'];"),
        ];
        let text = rules.iter().fold(text, |text, (from, to)| text.replacen(from, to, 1));
        std::fs::write(&proto, text).unwrap();
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        for (method, key, told) in [
            ("Direct", "fine", None),
            ("Once", "fine", None),
            ("Direct", "much too long", Some((Code::InvalidArgument, "REQUIREMENT_NOT_MET"))),
            ("Once", "much too long", Some((Code::InvalidArgument, "REQUIREMENT_NOT_MET"))),
            ("Once", "forbidden", Some((Code::Internal, "REPLY_UNTRANSLATABLE"))),
        ] {
            let case = format!("{method} {key:?}");
            let answer = client.order(method, OrderRequest::new(key)).await;
            let refused = answer.as_ref().err().map(|status| (status.code(), Details::of(status)));
            let found = refused.as_ref().map(|(code, details)| (*code, details.reason.as_str()));
            assert_eq!(found, told, "{case}: {refused:?}");
            if let Some((Code::InvalidArgument, details)) = &refused {
                assert_eq!(details.fields, ["key"], "{case}: {details:?}");
            }
            if let Some((_, details)) = &refused {
                assert!(!details.message.contains(key), "{case}: {details:?}");
            }
        }
        assert_eq!(backend.count("much too long"), 0, "nothing is sent of what is refused");
    });
}
