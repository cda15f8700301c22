//! Files whose messages a SOAP service is told, and what an operator sees of files.

use std::fs;

use serde_json::Value;

use crate::harness::{Backend, House, Ledger, Reaction, block_on, until};

const LAYOUT: &str = "layout: lines
file: { framing: delimited, delimiter: \";\" }
records:
  line:
    occurs: 0..
    fields:
      key: { length: 20 }
      customer: { length: 20 }
      amount: { length: 13, type: decimal, scale: 2 }
";

const MAPPING: &str = "route: orders.lines
source: { batch: { system: shops, layout: lines.yaml, each: line } }
target: { soap: { system: orders, wsdl: orders.wsdl, operation: PutOrder } }
delivery: { timeout: 5s, retry: { max-attempts: 20, initial-backoff: 20ms, max-backoff: 100ms } }
request: { body: { Key: key, Customer: customer, Amount: amount } }
response:
  fail: [ { when: body.Number == 1000, status: FAILED_PRECONDITION, message: { const: sold out } } ]
faults:
  - { when: fault.reason == 'BUSY', status: UNAVAILABLE, retry: true }
  - { when: fault.reason == 'NO', status: FAILED_PRECONDITION }
";

fn dropped(house: &House, name: &str, text: &str) {
    let aside = house.path(&format!("drop/{name}.tmp"));
    fs::write(&aside, text).unwrap();
    fs::rename(aside, house.path(&format!("drop/{name}"))).unwrap();
}

fn house(backend: &Backend) -> House {
    let mut house = House::orders(backend.address);
    house.bears("orders", "breaker: off");
    house.party("shops", "batch: { folder: drop, every: 20ms }");
    fs::create_dir(house.path("drop")).unwrap();
    fs::write(house.path("mappings/orders/lines.yaml"), LAYOUT).unwrap();
    fs::write(house.path("mappings/orders/order-lines.yaml"), MAPPING).unwrap();
    house
}

/// What a command prints as JSON.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_soap_service_is_told_each_line_of_a_file_and_its_faults_are_failures() {
    block_on(async {
        let backend = Backend::start(|asked, before| match asked.key.as_str() {
            "busy" if before < 2 => Reaction::Fault("BUSY"),
            "no" => Reaction::Fault("NO"),
            "odd" => Reaction::Fault("ODD"),
            "lost" => Reaction::HangUp,
            "sold" => Reaction::Other(
                200,
                "text/xml; charset=utf-8",
                "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body><PutOrderResponse xmlns='urn:test:orders'>\
                 <Key>sold</Key><Number>1000</Number></PutOrderResponse></e:Body></e:Envelope>"
                    .to_owned(),
            ),
            "html" => Reaction::Other(200, "text/html", "<html>down for maintenance</html>".to_owned()),
            _ => Reaction::Take,
        })
        .await;
        let house = house(&backend);
        let gateway = house.serve();
        let keys = ["one", "busy", "no", "odd", "lost", "sold", "html", "two"];
        let lines: String = keys.iter().map(|key| format!("{key};Jon Smythe;12.50\n")).collect();
        dropped(&house, "lines.csv", &format!("key;customer;amount\n{lines}"));
        let messages = until("all have ended", async || {
            let listed = gateway.operator(&house, &["queue", "list", "--format", "json"]);
            let messages = json(&listed)["messages"].as_array().unwrap().clone();
            let ended = messages.iter().filter(|m| m["state"] == "finished" || m["state"] == "dead").count();
            (ended == keys.len()).then_some(messages)
        })
        .await;
        // The newest first: in the order of the file they stand the other way round.
        let ends: Vec<_> = messages
            .iter()
            .rev()
            .map(|message| {
                let failure = &message["failure"];
                let part = |name: &str| failure[name].as_str().unwrap_or_default().to_owned();
                (message["state"].as_str().unwrap().to_owned(), part("class"), part("reason"))
            })
            .collect();
        let end =
            |state: &str, class: &str, reason: &str| (state.to_owned(), class.to_owned(), reason.to_owned());
        assert_eq!(
            ends,
            [
                end("finished", "", ""),
                end("finished", "", ""),
                end("finished", "REFUSED", "FAULT"),
                end("dead", "REPLY", "UNMAPPED_FAULT"),
                end("dead", "UNKNOWN", "CONNECTION_LOST"),
                end("finished", "REFUSED", "REFUSED_BY_SYSTEM"),
                end("dead", "REPLY", "HTML_REPLY"),
                end("finished", "", ""),
            ]
        );
        assert_eq!((backend.count("busy"), backend.count("lost"), backend.taken("one")), (3, 1, 1));
        let asked = backend.asked().into_iter().find(|asked| asked.key == "two").unwrap();
        assert!(asked.body.contains("Customer>Jon Smythe</"), "{}", asked.body);
        assert!(asked.body.contains("Amount>12.50</"), "{}", asked.body);

        // Once the reason is mended, a dead letter is told again; what the system said settles one, too.
        let id = messages[4]["id"].as_str().unwrap().to_owned();
        fs::write(
            house.path("reply.xml"),
            "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body><PutOrderResponse xmlns='urn:test:orders'>\
             <Key>odd</Key><Number>7</Number></PutOrderResponse></e:Body></e:Envelope>",
        )
        .unwrap();
        gateway.operator(&house, &["queue", "resolve", &id, "--succeeded", "reply.xml"]);
        let shown = json(&gateway.operator(&house, &["queue", "show", &id, "--format", "json"]));
        assert_eq!((&shown["state"], &shown["failure"]), (&"finished".into(), &Value::Null), "{shown}");
    });
}

#[test]
fn an_operator_sees_what_became_of_files() {
    block_on(async {
        let ledger = Ledger::start(None).await;
        let mut house = House::new(&["tests/gateway/routes/wages"]);
        house.party("ledger", &format!("grpc: {{ address: 'http://{}' }}, breaker: off", ledger.address));
        house.party("employers", "batch: { folder: drop, every: 20ms }");
        fs::create_dir(house.path("drop")).unwrap();
        let gateway = house.serve();
        let report = |wages: &str| {
            let line = |text: &str| format!("{text:30}\n");
            let employee = format!("RW{:09}{wages:>09}20260131EE", 1);
            [line("RAPortalen"), line("REA123456782026"), line(&employee), line("RT0000001")].concat()
        };
        dropped(&house, "good.txt", &report("000000100"));
        dropped(&house, "bad.txt", &report("00000x100"));
        let list = ["batch", "list", "--format", "json"];
        let files = until("both have ended", async || {
            let listed = json(&gateway.operator(&house, &list));
            let files = listed["files"].as_array().unwrap().clone();
            (files.len() == 2 && files.iter().all(|file| file["state"] != "open")).then_some(files)
        })
        .await;
        let of = |name: &str| files.iter().find(|file| file["name"] == name).unwrap().clone();
        let (good, bad) = (of("good.txt"), of("bad.txt"));
        assert_eq!((&good["state"], &good["counts"]["messages"]), (&"taken".into(), &1.into()), "{good}");
        assert_eq!((&good["system"], &good["direction"]), (&"employers".into(), &"in".into()));
        assert_eq!((&bad["state"], &bad["counts"]["rejected"]), (&"refused".into(), &0.into()), "{bad}");

        // The place is told once the file is there.
        until("they are set aside", async || house.path("drop/rejected/bad.txt").exists().then_some(()))
            .await;
        let hash = bad["sha256"].as_str().unwrap();
        let shown = gateway.operator(&house, &["batch", "show", &hash[..10]]);
        for part in [
            "bad.txt",
            "refused",
            "rejected      1",
            "employee.wages",
            "drop/rejected/bad.txt",
            "drop/receipts/bad.txt.json",
        ] {
            assert!(shown.contains(part), "{part}:\n{shown}");
        }
        assert!(!shown.contains("00000x100"), "no value is shown:\n{shown}");

        // The same without a gateway, from the database.
        let running = json(&gateway.operator(&house, &["batch", "show", "good.txt", "--format", "json"]));
        until("it is set aside", async || house.path("drop/archive/good.txt").exists().then_some(())).await;
        gateway.kill();
        let mut shown = json(&house.told(&["batch", "show", "good.txt", "--format", "json"]));
        // Which system it is only who reads the mappings knows.
        shown["system"] = "employers".into();
        shown["places"] = running["places"].clone();
        assert_eq!(shown, running);
        assert!(house.told(&["batch", "list"]).contains("good.txt"));
    });
}
