//! Operations: accepted at once, answered when the system is back, and dead letters that a person settles.

use std::{fs, time::Duration};

use bytes::Bytes;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::Code;

use crate::harness::{
    Backend, Client, Details, House, OperationState, OrderRequest, Peer, Reaction, block_on, python_portal,
    until,
};

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn an_operation_outlives_the_outage_of_its_system() {
    block_on(async {
        let address = Backend::start(|_, _| Reaction::Take).await.address;
        let house = House::orders(address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let begun = client.begin("LaterAgain", OrderRequest::new("night")).await.unwrap();
        assert!(!begun.done && begun.name.starts_with("operations/"), "{begun:?}");
        assert_eq!(begun.about().route, "orders.later-again");
        let repeated = client.begin("LaterAgain", OrderRequest::new("night")).await.unwrap();
        assert_eq!(repeated.name, begun.name, "one request id, one operation");
        until("an attempt at the system that is down", async || {
            let now = client.operation(&begun.name).await.unwrap();
            assert!(!now.done, "{now:?}");
            (now.about().attempts > 0).then_some(())
        })
        .await;
        // Whoever follows it may have had enough of it.
        fs::write(house.path("night.json"), r#"{ "key": "vigil" }"#).unwrap();
        let address_of_gateway = gateway.grpc.to_string();
        let words = ["call", "orders.later-again", "--request", "night.json", "--wait=50ms", "--address"];
        let followed = house.run(&[&words[..], &[&address_of_gateway]].concat());
        let told: Value = serde_json::from_slice(&followed.stdout).unwrap();
        assert_eq!(followed.status.code(), Some(1), "{followed:?}");
        assert!(told["name"].is_string() && told["done"] != true, "{told}");
        // Also through the death of the gateway.
        gateway.kill();
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let backend = Backend::back_at(address).await;
        let ended = client.wait(&begun.name, PATIENCE).await.unwrap();
        assert!(ended.done, "{ended:?}");
        assert_eq!(ended.order().key, "night");
        assert_eq!(ended.about().state(), OperationState::Succeeded);
        assert_eq!(backend.count("night"), 1);
        let same = client.begin("LaterAgain", OrderRequest::new("night")).await.unwrap();
        assert_eq!((same.done, same.order()), (true, ended.order()), "the answer is remembered");
    });
}

#[test]
fn an_operation_ends_with_the_systems_no() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Fault("NO")).await;
        let house = House::orders(backend.address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let begun = client.begin("Later", OrderRequest::new("no")).await.unwrap();
        let ended = client.wait(&begun.name, PATIENCE).await.unwrap();
        assert!(ended.done && ended.response.is_none(), "{ended:?}");
        let details = Details::of_rpc(ended.error.as_ref().unwrap());
        assert_eq!(details.code, Some(Code::FailedPrecondition), "{details:?}");
        assert_eq!(details.domain, "portolan.dev", "{details:?}");
        assert_eq!(ended.about().state(), OperationState::Failed);

        let refused = Details::of(&client.begin("Later", OrderRequest::new("")).await.unwrap_err());
        assert_eq!(refused.fields, ["key"], "a bad request is refused, not accepted");
        for name in ["operations/01234567-89ab-7cde-8f01-23456789abcd", "operations/x", ""] {
            let details = Details::of(&client.operation(name).await.unwrap_err());
            assert!(
                matches!(details.code, Some(Code::NotFound | Code::InvalidArgument)),
                "{name:?}: {details:?}"
            );
        }
    });
}

#[test]
fn a_dead_letter_says_over_which_gateway_it_died() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::TakeSlowly(Duration::from_secs(60))).await;
        let house = House::orders(backend.address);
        house.remap(
            "route: orders.later\n",
            "route: orders.later\nvisible: { request: [ key, amount_minor ] }\n",
        );
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let begun = client.begin("Later", OrderRequest::new("slow")).await.unwrap();
        let id = begun.name.strip_prefix("operations/").unwrap();
        let show = ["queue", "show", id, "--format", "json"];
        let which = until("an attempt", async || {
            let shown: Value = serde_json::from_str(&gateway.operator(&house, &show)).unwrap();
            shown["gateway"].as_str().map(str::to_owned)
        })
        .await;
        gateway.kill();
        let gateway = house.serve();
        let shown: Value = serde_json::from_str(&gateway.operator(&house, &show)).unwrap();
        assert_eq!(shown["failure"]["reason"], "OUTCOME_UNKNOWN", "{shown}");
        // What the mapping lets people see, and nothing else of the message.
        assert_eq!(shown["visible"], json!({ "key": "slow", "amount_minor": "1999" }), "{shown}");
        assert!(!shown.to_string().contains("canary") && !shown["visible"].to_string().contains("customer"));
        assert!(shown["failure"]["advice"].as_str().unwrap().contains(&which), "{which}: {shown}");
        let told = Client::connect(gateway.grpc).await.operation(&begun.name).await.unwrap();
        assert!(!format!("{told:?}").contains(&which), "callers are not told: {told:?}");
    });
}

#[test]
fn a_dead_letter_keeps_what_the_caller_sent_byte_for_byte() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::HangUp).await;
        let house = House::orders(backend.address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        // Fields out of order, an overlong number, a field given twice: no encoder would write it back like this.
        let mut payload = b"\x20\xcf\x8f\x80\x00\x12\x01k\x1a\x01x\x1a\x02\xc3\x96".to_vec();
        payload.extend_from_slice(b"\x0a\x03odd\x12\x03odd");
        let sent = OrderRequest::decode(&payload[..]).unwrap();
        assert_eq!((sent.key.as_str(), sent.customer.as_str(), sent.amount_minor), ("odd", "Ö", 1999));
        let begun =
            client.raw("test.orders.v1.Orders/Later", Bytes::from(payload.clone()), &[]).await.unwrap();
        let name = crate::harness::Operation::decode(begun).unwrap().name;
        let id = name.strip_prefix("operations/").unwrap().to_owned();
        let attention = async |client: &Client, attempts: i32| {
            until("the dead letter", async || {
                let now = client.operation(&name).await.unwrap();
                assert!(!now.done, "a dead letter is not done: {now:?}");
                let about = now.about();
                (about.state() == OperationState::NeedsAttention && about.attempts == attempts).then_some(())
            })
            .await;
        };
        attention(&client, 1).await;
        for attempt in 2..=4 {
            gateway.operator(&house, &["queue", "retry", &id]);
            attention(&client, attempt).await;
        }
        gateway.kill();
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        attention(&client, 4).await;
        gateway.operator(&house, &["queue", "show", &id, "--payload", "kept.pb"]);
        assert_eq!(fs::read(house.path("kept.pb")).unwrap(), payload);
        let shown: Value =
            serde_json::from_str(&gateway.operator(&house, &["queue", "show", &id, "--format", "json"]))
                .unwrap();
        assert_eq!(shown["attempts"].as_array().unwrap().len(), 4, "{shown}");
        assert_eq!(shown["failure"]["class"], "UNKNOWN", "{shown}");
        let told = gateway.operator(&house, &["queue", "show", &id]);
        assert!(told.contains(&format!("`portolan queue resolve {id} --succeeded")), "{told}");
        let told = gateway.operator(&house, &["queue", "retry", "--all"]);
        assert_eq!(told, "no other dead letters than these:\n");
        assert_eq!(backend.count("odd"), 4, "once by itself, three times because a person said so");
        let bodies: Vec<_> = backend.asked().into_iter().map(|a| a.body).collect();
        assert!(bodies.iter().all(|b| *b == bodies[0]), "each attempt sends the same message");
        let examined = house.run(&["doctor", "--admin", &gateway.http.to_string()]);
        let told = String::from_utf8_lossy(&examined.stdout);
        assert!(told.contains("waiting for a decision: 1 dead letter of 1 route"), "{told}");

        // Without a gateway the command works on the database itself.
        gateway.kill();
        house.told(&["queue", "resolve", &id, "--failed", "--message", "not taken"]);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let ended = client.operation(&name).await.unwrap();
        assert!(ended.done, "{ended:?}");
        assert_eq!(Details::of_rpc(&ended.error.unwrap()).message, "not taken");
    });
}

#[test]
fn when_its_attempts_are_used_up_a_person_decides() {
    block_on(async {
        let address = Backend::start(|_, _| Reaction::Take).await.address;
        let mut house = House::orders(address);
        // With one they would wait for the system.
        house.bears("orders", "breaker: off");
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let mut names = Vec::new();
        for key in ["same", "newest"] {
            names.push(client.begin("Later", OrderRequest::new(key)).await.unwrap().name);
        }
        for name in &names {
            until("the attempts are used up", async || {
                let about = client.operation(name).await.unwrap().about();
                (about.state() == OperationState::NeedsAttention).then(|| assert_eq!(about.attempts, 5))
            })
            .await;
        }
        let backend = Backend::back_at(address).await;
        house.remap("Customer: customer,", "Customer: \"customer + ' (new)'\",");
        gateway.operator(&house, &["reload"]);
        let id = |name: &str| name.strip_prefix("operations/").unwrap().to_owned();
        gateway.operator(&house, &["queue", "retry", &id(&names[0])]);
        gateway.operator(&house, &["queue", "retry", "--newest", &id(&names[1])]);
        for name in &names {
            assert_eq!(client.wait(name, PATIENCE).await.unwrap().about().state(), OperationState::Succeeded);
        }
        for (key, new) in [("same", false), ("newest", true)] {
            let asked = backend.asked().into_iter().find(|a| a.key == key).unwrap();
            assert_eq!(asked.body.contains("(new)"), new, "{key}: {}", asked.body);
        }
    });
}

#[test]
fn an_operation_whose_time_is_over_ends_without_being_sent() {
    block_on(async {
        let address = Backend::start(|_, _| Reaction::Take).await.address;
        let house = House::orders(address);
        house.remap("mode: operation, idempotent: true,", "mode: operation, idempotent: true, deadline: 1s,");
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let begun = client.begin("LaterAgain", OrderRequest::new("late")).await.unwrap();
        let ended = client.wait(&begun.name, PATIENCE).await.unwrap();
        assert!(ended.done, "{ended:?}");
        let details = Details::of_rpc(ended.error.as_ref().unwrap());
        assert!(matches!(details.code, Some(Code::DeadlineExceeded | Code::Unavailable)), "{details:?}");
        let backend = Backend::back_at(address).await;
        let repeated = client.begin("LaterAgain", OrderRequest::new("late")).await.unwrap();
        assert!(repeated.done && repeated.error == ended.error, "the outcome stands: {repeated:?}");
        assert_eq!(backend.count("late"), 0);
    });
}

#[test]
fn a_system_that_hangs_stops_nobody_else() {
    block_on(async {
        let hanging = Backend::start(|_, _| Reaction::TakeSlowly(Duration::from_secs(600))).await;
        let sound = Backend::start(|_, _| Reaction::Take).await;
        let mut house = House::orders(hanging.address);
        house.orders_too("sound", sound.address);
        house.remap("timeout: 5s", "timeout: 60s");
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let mut stuck = Vec::new();
        for n in 0..300 {
            stuck.push(client.begin("Later", OrderRequest::new(format!("stuck-{n}"))).await.unwrap().name);
        }
        for n in 0..20 {
            let order = OrderRequest::new(format!("sound-{n}"));
            let begun: crate::harness::Operation =
                client.call("test.sound.v1.Orders/Later", &order, &[]).await.unwrap();
            let ended = client.wait(&begun.name, PATIENCE).await.unwrap();
            assert!(ended.done, "{ended:?}");
        }
        let waiting = client.operation(stuck.last().unwrap()).await.unwrap();
        assert!(!waiting.done, "the other system hangs still: {waiting:?}");
    });
}

#[test]
fn a_python_portal_claims_a_benefit_and_waits_for_the_answer() {
    let wsdl = "mappings/benefits-claim/benefits.wsdl";
    let simulator = Peer::simulator(&["--wsdl", wsdl, "--listen", "127.0.0.1:0", "--seed", "1"]);
    let mut house = House::new(&["mappings/benefits-claim"]);
    house.system("benefits", &format!("endpoint: 'http://{}/soap'", simulator.address));
    let gateway = house.serve();
    let claim = json!({
        "request_id": "claim-1",
        "national_id": "38502281234",
        "benefit": "BENEFIT_HOUSING",
        "from": { "year": 2026, "month": 12, "day": 1 },
        "monthly_rent_minor": 65000,
        "dependants": ["61001010001"],
    });
    let told = python_portal(
        gateway.grpc,
        &["civic.benefits.v1.Claims/SubmitClaim", &claim.to_string(), "--wait", "20", "--repeat", "2"],
    );
    for answer in &told {
        assert_eq!(answer["reply"]["done"], true, "{answer}");
        assert_eq!(
            answer["reply"]["response"]["@type"], "type.googleapis.com/civic.benefits.v1.Claim",
            "{answer}"
        );
        assert_eq!(answer["reply"]["metadata"]["state"], "SUCCEEDED", "{answer}");
    }
    assert_eq!(told[0]["reply"]["name"], told[1]["reply"]["name"], "one request id, one claim");
}

#[test]
fn an_operation_that_waits_is_cancelled_by_its_caller_and_never_sent() {
    block_on(async {
        let address = Backend::start(|_, _| Reaction::Take).await.address;
        let house = House::orders(address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let begun = client.begin("LaterAgain", OrderRequest::new("regret")).await.unwrap();
        let name = json!({ "name": begun.name }).to_string();
        let portal = |method: &str| {
            let method = format!("google.longrunning.Operations/{method}");
            python_portal(gateway.grpc, &[&method, &name]).remove(0)
        };
        let ended = until("the operation does not happen to be at work", async || {
            let cancelled = portal("CancelOperation");
            assert_eq!((&cancelled["ok"], &cancelled["reply"]), (&json!(true), &json!({})), "{cancelled}");
            let now = client.operation(&begun.name).await.unwrap();
            now.done.then_some(now)
        })
        .await;
        let details = Details::of_rpc(ended.error.as_ref().unwrap());
        assert_eq!(
            (details.code, details.reason.as_str()),
            (Some(Code::Cancelled), "CANCELLED"),
            "{details:?}"
        );
        assert_eq!(ended.about().state(), OperationState::Failed);
        let backend = Backend::back_at(address).await;
        let other = client.begin("LaterAgain", OrderRequest::new("keep")).await.unwrap();
        assert!(client.wait(&other.name, PATIENCE).await.unwrap().done);
        let same = client.begin("LaterAgain", OrderRequest::new("regret")).await.unwrap();
        assert_eq!((same.name, same.done), (begun.name.clone(), true), "its request id is taken");
        assert_eq!((backend.count("keep"), backend.count("regret")), (1, 0));
        // What was cancelled is done, and can be deleted with all that it holds; its request id stays taken.
        let deleted = portal("DeleteOperation");
        assert_eq!((&deleted["ok"], &deleted["reply"]), (&json!(true), &json!({})), "{deleted}");
        assert_eq!(portal("GetOperation")["code"], "NOT_FOUND");
        assert_eq!(portal("DeleteOperation")["code"], "NOT_FOUND");
        let again = Details::of(&client.begin("LaterAgain", OrderRequest::new("regret")).await.unwrap_err());
        assert_eq!(again.reason, "OPERATION_DELETED", "{again:?}");
        assert_eq!(backend.count("regret"), 0);
        let id = begun.name.strip_prefix("operations/").unwrap();
        let shown = gateway.operator(&house, &["queue", "show", id]);
        assert!(shown.contains("deleted by its caller") && shown.contains("0 bytes"), "{shown}");
        let anybody = python_portal(gateway.grpc, &["google.longrunning.Operations/ListOperations", "{}"]);
        assert_eq!(anybody[0]["code"], "UNAUTHENTICATED", "strangers have no list: {anybody:?}");
    });
}
