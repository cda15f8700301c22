//! The worked examples of routes that take files, at work: each sample's file is dropped into a gateway, and its receipt and what the
//! system is told are what the sample says.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use portolan_diagnostics::Sources;
use portolan_schema::{Directory, Reading};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value as Field};
use serde_json::Value;

use crate::{
    harness::{Backend, House, Ledger, Peer, Reaction, block_on, collapsed, envelope, repository, until},
    samples::{folders, records},
};

/// Drops the file of a sample.
fn drop_sample(house: &House, case: &Path) -> String {
    let from = records(case).unwrap();
    let name = format!(
        "{}-{}",
        case.file_name().unwrap().to_str().unwrap(),
        from.file_name().unwrap().to_str().unwrap()
    );
    let aside = house.path(&format!("drop/{name}.tmp"));
    fs::copy(from, &aside).unwrap();
    fs::rename(aside, house.path(&format!("drop/{name}"))).unwrap();
    name
}

/// Waits for the receipt of a file, of which the sample says the parts that matter.
async fn receipt(house: &House, case: &Path, name: &str) {
    let path = house.path(&format!("drop/receipts/{name}.json"));
    let text = until(name, async || fs::read_to_string(&path).ok()).await;
    let receipt: Value = serde_json::from_str(&text).unwrap();
    let expected: Value = serde_json::from_slice(&fs::read(case.join("receipt.json")).unwrap()).unwrap();
    for (part, value) in expected.as_object().unwrap() {
        assert_eq!(receipt[part], *value, "{name}: {part} of {receipt}");
    }
    assert!(receipt["not_acknowledged"].is_null(), "{name}: {receipt}");
    let place = if receipt["state"] == "taken" { "archive" } else { "rejected" };
    let place = house.path(&format!("drop/{place}/{name}"));
    until("it is set aside", async || place.exists().then_some(())).await;
}

fn house(example: &str) -> House {
    let house = House::new(&[example]);
    fs::create_dir(house.path("drop")).unwrap();
    house
}

/// The samples of an example, and of those whose file is taken the messages.
fn samples(example: &str) -> Vec<(PathBuf, bool)> {
    let cases = folders(&repository().join(example).join("samples"));
    let taken = |case: &PathBuf| fs::read_to_string(case.join("receipt.json")).unwrap().contains("\"taken\"");
    cases
        .into_iter()
        .map(|case| {
            let taken = taken(&case);
            (case, taken)
        })
        .collect()
}

fn message_type(proto: &Path, name: &str) -> MessageDescriptor {
    let resolver = Directory::new(proto.parent().unwrap());
    let mut sources = Sources::default();
    let mut reading = Reading { resolver: &resolver, sources: &mut sources };
    let entry = proto.file_name().unwrap().to_str().unwrap();
    let contract = portolan_schema::read_file(entry, &[], &mut reading).value.unwrap();
    let pool = DescriptorPool::decode(contract.descriptor_set.as_deref().unwrap()).unwrap();
    pool.get_message_by_name(name).unwrap()
}

#[test]
fn wages_are_reported_to_the_ledger() {
    block_on(async {
        let example = "mappings/wage-report";
        let ledger = Ledger::start(None).await;
        let mut house = house(example);
        house.party("wage-ledger", &format!("grpc: {{ address: 'http://{}' }}", ledger.address));
        house.party("employers", "batch: { folder: drop, every: 20ms }");
        let _gateway = house.serve();
        let told =
            message_type(&repository().join(example).join("wages.proto"), "civic.wages.v1.RecordWageRequest");
        // Which entry it is the message's own id says.
        let shown = |mut message: DynamicMessage| {
            message.set_field_by_name("report_id", Field::String(String::new()));
            format!("{message}")
        };
        let mut expected = BTreeSet::new();
        for (case, taken) in samples(example) {
            let name = drop_sample(&house, &case);
            receipt(&house, &case, &name).await;
            let messages = fs::read_to_string(case.join("messages.jsonl")).unwrap();
            let read = |line: &str| {
                DynamicMessage::deserialize(told.clone(), &mut serde_json::Deserializer::from_str(line))
                    .unwrap()
            };
            expected.extend(messages.lines().filter(|_| taken).map(|line| shown(read(line))));
        }
        let wanted = expected.len();
        let messages = until("all are told", async || {
            let messages = ledger.told();
            (messages.len() >= wanted).then_some(messages)
        })
        .await;
        assert!(messages.values().all(|times| *times == 1));
        let decoded = messages.keys().map(|bytes| DynamicMessage::decode(told.clone(), &bytes[..]).unwrap());
        let decoded: Vec<_> = decoded.collect();
        let ids: BTreeSet<_> =
            decoded.iter().map(|m| m.get_field_by_name("report_id").unwrap().to_string()).collect();
        assert_eq!(ids.len(), wanted, "each has an id of its own");
        assert_eq!(decoded.into_iter().map(shown).collect::<BTreeSet<_>>(), expected);
    });
}

/// Bookings without their references, of which each is its own.
fn without_references(envelope: &str) -> String {
    let text = collapsed(envelope.rsplit_once("?>").map_or(envelope, |(_, text)| text));
    let (before, rest) = text.split_once("Reference>").unwrap();
    let (_, after) = rest.split_once("</").unwrap();
    format!("{before}{after}")
}

#[test]
fn a_statement_is_entered_by_soap() {
    block_on(async {
        let example = "mappings/statements";
        let answer = envelope(
            "<EnterBookingResponse xmlns=\"http://ledger.example/bookings\"><Entry>1</Entry></EnterBookingResponse>",
        );
        let backend =
            Backend::start(move |_, _| Reaction::Other(200, "text/xml; charset=utf-8", answer.clone())).await;
        let mut house = house(example);
        house.system("bookings", &format!("endpoint: 'http://{}/soap'", backend.address));
        house.party("bank", "batch: { folder: drop, every: 20ms }");
        let _gateway = house.serve();
        let mut expected = BTreeSet::new();
        for (case, taken) in samples(example) {
            let name = drop_sample(&house, &case);
            receipt(&house, &case, &name).await;
            let messages = fs::read_to_string(case.join("messages.xml")).unwrap();
            let each = messages.split("<?xml").filter(|_| taken).filter(|part| !part.is_empty());
            expected.extend(each.map(|part| without_references(&format!("<?xml{part}"))));
        }
        let asked = until("all are entered", async || {
            let asked = backend.asked();
            (asked.len() >= expected.len()).then_some(asked)
        })
        .await;
        assert_eq!(asked.len(), expected.len());
        let told = asked.iter().map(|asked| without_references(&asked.body)).collect::<BTreeSet<_>>();
        assert_eq!(told, expected);
    });
}

/// What the simulator of the example's contract says: the requests are sound, and one that came while the ledger was busy is made again.
#[test]
fn a_statement_is_entered_into_the_simulated_ledger() {
    block_on(async {
        let example = "mappings/statements";
        let file = |name: &str| format!("{example}/{name}");
        let simulator = Peer::simulator(&[
            "--wsdl",
            &file("ledger.wsdl"),
            "--answers",
            &file("answers.yaml"),
            "--listen",
            "127.0.0.1:0",
        ]);
        let mut house = house(example);
        house.system("bookings", &format!("endpoint: 'http://{}/soap'", simulator.address));
        house.bears("bookings", "breaker: off");
        house.party("bank", "batch: { folder: drop, every: 20ms }");
        let gateway = house.serve();
        let case = repository().join(example).join("samples/november");
        let name = drop_sample(&house, &case);
        receipt(&house, &case, &name).await;
        let messages = until("all are entered", async || {
            let listed = gateway.operator(&house, &["queue", "list", "--format", "json"]);
            let listed: Value = serde_json::from_str(&listed).unwrap();
            let messages = listed["messages"].as_array().unwrap().clone();
            let ended = messages.iter().filter(|message| message["state"] == "finished").count();
            (ended == 3).then_some(messages)
        })
        .await;
        assert!(messages.iter().all(|message| message["failure"].is_null()), "{messages:?}");
        let last = |message: &Value| message["attempts"][0]["number"].as_u64().unwrap();
        let attempts: u64 = messages.iter().map(last).sum();
        assert_eq!(attempts, 4, "one was asked while it was busy");
    });
}

/// Payments go out in a file; what the bank returns has failed, what it corrects is done and says how, and both by the trace number of the file.
#[test]
fn payments_go_to_the_bank_and_its_returns_end_them() {
    block_on(async {
        for case in ["returned", "corrected"] {
            let samples = repository().join("mappings/payments/samples");
            let mut house = house("mappings/payments");
            house.party("bank", "batch: { folder: drop, every: 20ms }");
            let mapping = fs::read_to_string(house.path("mappings/payments/send.yaml")).unwrap();
            let cut = mapping.lines().find(|line| line.starts_with("cut:")).unwrap().to_owned();
            fs::write(house.path("mappings/payments/send.yaml"), mapping.replace(&cut, "cut: {}")).unwrap();
            let gateway = house.serve();
            let (request, address) = (samples.join(case).join("request.json"), gateway.grpc.to_string());
            let call = || -> Value {
                let request = request.to_str().unwrap();
                // An operation that has failed is told by the exit code as well.
                let said = house.run(&["call", "payments.send", "--request", request, "--address", &address]);
                serde_json::from_slice(&said.stdout).unwrap()
            };
            let operation = call();
            assert_ne!(operation["done"], true, "{operation}");
            let said = gateway.operator(&house, &["batch", "cut", "payments.send", "--format", "json"]);
            let file: Value = serde_json::from_str(&said).unwrap();
            let name = file["file"]["name"].as_str().unwrap().to_owned();
            assert!(name.starts_with("PAY20") && name.ends_with(".000001.ach"), "{name}");
            let put = house.path(&format!("drop/out/{name}"));
            let records =
                house.told(&["decode", "--layout", "mappings/payments/nacha.yaml", put.to_str().unwrap()]);
            assert!(records.contains("\"PEN-000123\""), "{records}");
            let aside = house.path("drop/RETURN1.ach.tmp");
            fs::copy(samples.join(case).join("answers"), &aside).unwrap();
            fs::rename(&aside, house.path("drop/RETURN1.ach")).unwrap();
            // The same request id again: its operation, as it is by then.
            let done = until("the bank's answer", async || {
                let now = call();
                assert_eq!(now["name"], operation["name"], "it is paid once");
                (now["done"] == true).then_some(now)
            })
            .await;
            let expected = |name: &str| -> Value {
                serde_json::from_slice(&fs::read(samples.join(case).join(name)).unwrap()).unwrap()
            };
            if case == "returned" {
                assert_eq!(done["error"]["message"], expected("failure.json")["message"], "{done}");
            } else {
                for (field, value) in expected("response.json").as_object().unwrap() {
                    assert_eq!(done["response"][field], *value, "{done}");
                }
            }
        }
    });
}
