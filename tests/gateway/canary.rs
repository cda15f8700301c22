//! Nothing that must stay inside gets out: a password, an internal address, personal values are sent through every kind of
//! failure, and looked for in every output.

use std::{fs, time::Duration};

use prost::Message as _;

use crate::harness::{
    Asked, Backend, Client, Collector, House, OperationState, OrderRequest, Reaction, block_on, envelope,
    get, until,
};

const PASSWORD: &str = "canary-password-5d1c";
const PERSON: &str = "Canary-Person-77af";
const HOST_PATH: &str = "canary-internal-path";
const HEADER: &str = "canary-api-key-9e02";

/// The system echoes what it was sent wherever it can, and tells of its own insides.
fn talkative(asked: &Asked, _: usize) -> Reaction {
    let person = PERSON;
    let inside = format!("host {} is upset about {person}", asked.headers["host"]);
    let other = |body: String| Reaction::Other(200, "text/xml", body);
    match asked.key.as_str() {
        "fault" => {
            let fault = format!(
                "<s:Fault><faultcode>s:Server</faultcode><faultstring>{inside}</faultstring><detail><x>{person}</x></detail></s:Fault>"
            );
            Reaction::Other(500, "text/xml", envelope(&fault))
        }
        "page" => Reaction::Other(500, "text/html", format!("<html>{inside}</html>")),
        "refused" => Reaction::Other(401, "text/plain", inside),
        "word" => other(envelope(&format!(
            "<PutOrderResponse xmlns=\"urn:test:orders\"><Key>k</Key><Number>{person}</Number></PutOrderResponse>"
        ))),
        "extra" => other(envelope(&format!(
            "<PutOrderResponse xmlns=\"urn:test:orders\"><Key>k</Key><Number>1</Number><Extra>{person}</Extra></PutOrderResponse>"
        ))),
        "half" => other(format!("{person}<a")),
        "broken" => other(envelope(&format!("<{person} <a>"))),
        "hang-up" => Reaction::HangUp,
        "slow" => Reaction::TakeSlowly(Duration::from_secs(30)),
        "moved" => Reaction::Other(302, "text/plain", inside),
        _ => Reaction::Take,
    }
}

#[test]
fn no_output_shows_a_secret_an_address_or_a_personal_value() {
    block_on(async {
        let backend = Backend::start(talkative).await;
        let address = backend.address;
        let mut house = House::orders(address);
        fs::write(house.path("password"), PASSWORD).unwrap();
        let secrets = "auth: { username: portal, password: '${file:password}' }, headers: { x-api-key: '${env:CANARY}' }";
        house.system("orders", &format!("endpoint: 'http://{address}/{HOST_PATH}', {secrets}"));
        house.remap("timeout: 5s", "timeout: 1s");

        let (collector, collects) = Collector::start().await;
        house.setting(&format!("telemetry: {{ otlp: 'http://{collects}' }}"));

        let mut outputs = Vec::new();
        let mut gateway =
            house.serve_with(&[("CANARY", HEADER)], &["--log-level", "debug", "--log-format", "json"]);
        let client = Client::connect(gateway.grpc).await;
        let order = |key: &str| OrderRequest { customer: PERSON.into(), ..OrderRequest::new(key) };
        for key in [
            "", "fine", "fault", "page", "refused", "word", "extra", "half", "broken", "hang-up", "slow",
            "moved",
        ] {
            for method in ["Once", "Direct"] {
                let answer = client.order(method, order(key)).await;
                outputs.push((format!("{method} {key}"), told(answer.map(drop))));
            }
            if let Ok(begun) = client.begin("Later", order(key)).await {
                let settled = until("the operation is settled", async || {
                    let now = client.operation(&begun.name).await.unwrap();
                    (now.done || now.about().state() == OperationState::NeedsAttention).then_some(now)
                })
                .await;
                let error = settled.error.map(|e| String::from_utf8_lossy(&e.encode_to_vec()).into_owned());
                outputs.push((format!("operation {key}"), error.unwrap_or_default()));
            }
        }
        // What is wrong with a value is said without the value.
        let mut amount = order("amount");
        amount.amount_minor = i64::MAX;
        outputs.push(("too large".into(), told(client.order("Once", amount).await.map(drop))));
        let mut unwritable = order("unwritable");
        unwritable.customer = format!("{PERSON}\u{0}");
        outputs.push(("unwritable".into(), told(client.order("Once", unwritable).await.map(drop))));
        assert_eq!(backend.asked()[0].headers["x-api-key"], HEADER, "the canaries are at work");
        assert!(
            backend
                .asked()
                .iter()
                .all(|a| a.body.contains(PERSON) && a.headers.contains_key("authorization"))
        );

        let json: serde_json::Value = serde_json::from_str(
            &gateway.operator(&house, &["queue", "list", "--format", "json", "--limit", "100"]),
        )
        .unwrap();
        let messages = json["messages"].as_array().unwrap();
        assert!(messages.len() >= 20, "{json}");
        outputs.push(("queue list, json".into(), json.to_string()));
        for id in messages.iter().map(|m| m["id"].as_str().unwrap()) {
            for format in ["text", "json"] {
                outputs.push((
                    format!("queue show {id}"),
                    gateway.operator(&house, &["queue", "show", id, "--format", format]),
                ));
            }
        }
        for command in [
            &["queue", "list", "--limit", "100"][..],
            &["routes"],
            &["routes", "--format", "json"],
            &["reload"],
        ] {
            outputs.push((
                command.join(" "),
                said(&house, &[command, &["--admin", &gateway.http.to_string()]].concat()),
            ));
        }
        for command in [&["check", "mappings"][..], &["check", "mappings", "--config", "portolan.yaml"]] {
            outputs.push((command.join(" "), said(&house, command)));
        }
        for path in ["/livez", "/readyz", "/metrics", "/"] {
            outputs.push((path.into(), get(gateway.http, path).await));
        }
        // The system goes away.
        drop(backend);
        outputs.push(("gone".into(), told(client.order("Once", order("gone")).await.map(drop))));
        gateway.signal("TERM");
        assert!(gateway.wait(Duration::from_secs(60)).is_some_and(|status| status.success()));
        outputs.push(("the log".into(), gateway.said()));
        let spans = collector.spans();
        assert!(spans.len() > 60, "{}", spans.len());
        outputs.extend(spans.iter().map(|span| ("a trace".into(), format!("{span:?}"))));

        // A configuration that is wrong is shown with its secrets masked.
        house.system("wrong", &format!("endpoint: 'http://x/', auth: {{ username: portal, pasword: {PASSWORD} }}, headers: {{ x-api-key: {HEADER} }}, timout: 5s"));
        outputs.push(("a wrong configuration".into(), house.refuses_to_serve().1));

        let addresses = [address.to_string(), format!(":{}", address.port())];
        let basic = "cG9ydGFsOmNhbmFyeS1wYXNzd29yZC01ZDFj";
        for (from, text) in &outputs {
            let canaries = [PASSWORD, PERSON, HOST_PATH, HEADER, basic, &addresses[0], &addresses[1]];
            for canary in canaries {
                let found = text.lines().find(|line| line.contains(canary));
                assert!(found.is_none(), "{canary} in the output of {from}: {}", found.unwrap_or_default());
            }
        }
    });
}

/// Everything of a status that travels.
fn told(answer: Result<(), tonic::Status>) -> String {
    match answer {
        Ok(()) => String::new(),
        Err(status) => format!("{status:?}\n{}", String::from_utf8_lossy(status.details())),
    }
}

fn said(house: &House, arguments: &[&str]) -> String {
    let output = house.run(arguments);
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
