//! Files that are made of messages: cut once, without gaps, the same bytes whatever happens to the gateway; and what answers them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::Path,
    time::Duration,
};

use prost::Message;
use serde_json::{Value, json};

use crate::{
    harness::{Client, House, Operation, block_on, until},
    load::Random,
    site::Site,
};

const SUBMIT: &str = "civic.benefits.nightly.v1.NightlyClaims/SubmitClaim";
const ROUTE: &str = "mappings/benefits/submit-claim.yaml";

#[derive(Clone, PartialEq, Message)]
struct Date {
    #[prost(int32, tag = "1")]
    year: i32,
    #[prost(int32, tag = "2")]
    month: i32,
    #[prost(int32, tag = "3")]
    day: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Claim {
    #[prost(string, tag = "1")]
    request_id: String,
    #[prost(string, tag = "2")]
    national_id: String,
    #[prost(int32, tag = "3")]
    benefit: i32,
    #[prost(string, tag = "4")]
    office: String,
    #[prost(message, optional, tag = "5")]
    from: Option<Date>,
    #[prost(int64, tag = "6")]
    monthly_rent_minor: i64,
    #[prost(uint32, tag = "7")]
    dependants: u32,
}

pub(crate) fn claim(number: usize, office: &str) -> Claim {
    Claim {
        request_id: format!("claim-{number}"),
        national_id: format!("{number:011}"),
        benefit: 1,
        office: office.to_owned(),
        from: Some(Date { year: 2026, month: 12, day: 1 }),
        monthly_rent_minor: 65_000 + number as i64,
        dependants: 2,
    }
}

/// The mainframe's folder, and the benefits' route whose files are cut as `cut` says.
pub(crate) fn house(cut: &str) -> House {
    let mut house = House::new(&["mappings/benefits"]);
    fs::create_dir(house.path("drop")).unwrap();
    furnish(&mut house, "drop", cut);
    house
}

fn furnish(house: &mut House, folder: &str, cut: &str) {
    house.party("mainframe", &format!("batch: {{ folder: '{folder}', every: 20ms }}"));
    let mapping = fs::read_to_string(house.path(ROUTE)).unwrap();
    let own = mapping.lines().find(|line| line.starts_with("cut:")).expect("it is cut").to_owned();
    fs::write(house.path(ROUTE), mapping.replace(&own, &format!("cut: {cut}"))).unwrap();
}

pub(crate) async fn submit(client: &Client, claim: &Claim) -> Operation {
    client.call(SUBMIT, claim, &[]).await.unwrap()
}

/// The files that were put, by name.
pub(crate) fn put(house: &House) -> BTreeMap<String, Vec<u8>> {
    put_into(&house.path("drop/out"))
}

fn put_into(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names = names.filter(|name| !name.starts_with('.'));
    names.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

/// The records of a file that was put.
pub(crate) fn records(house: &House, name: &str) -> Vec<Value> {
    decoded(house, &house.path(&format!("drop/out/{name}")))
}

fn decoded(house: &House, path: &Path) -> Vec<Value> {
    let path = path.to_str().unwrap();
    let lines = house.told(&["decode", "--layout", "mappings/benefits/claims.layout.yaml", path]);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The mainframe decides.
fn decide(house: &House, name: &str, decisions: &[(&str, &str, &str)]) {
    drop_answers(house, name, &answers(house, decisions));
}

/// A file of decisions.
pub(crate) fn answers(house: &House, decisions: &[(&str, &str, &str)]) -> Vec<u8> {
    let mut lines: Vec<String> = Vec::new();
    for (reference, decision, reason) in decisions {
        let number = format!("B{:>09}", lines.len() + 1);
        let line = json!({
            "_record": "decision", "record_type": "21", "claim_reference": reference,
            "decision_code": decision, "reason_code": reason, "claim_number": number, "monthly_amount": "412.50",
        });
        lines.push(line.to_string());
    }
    lines.push(json!({ "_record": "trailer", "record_type": "98" }).to_string());
    fs::write(house.path("decisions.jsonl"), lines.join("\n") + "\n").unwrap();
    let layout = "mappings/benefits/decisions.layout.yaml";
    let encoded = house.run(&["encode", "--layout", layout, "decisions.jsonl"]);
    assert!(encoded.status.success(), "{}", String::from_utf8_lossy(&encoded.stderr));
    encoded.stdout
}

pub(crate) fn drop_answers(house: &House, name: &str, bytes: &[u8]) {
    let aside = house.path(&format!("drop/{name}.tmp"));
    fs::write(&aside, bytes).unwrap();
    fs::rename(aside, house.path(&format!("drop/{name}"))).unwrap();
}

pub(crate) async fn receipt(house: &House, name: &str) -> Value {
    let path = house.path(&format!("drop/receipts/{name}.json"));
    until(name, async || path.exists().then_some(())).await;
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn claims_go_out_in_one_file_and_its_answer_completes_them() {
    block_on(async {
        let house = house("{ max-records: 3 }");
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let mut operations = Vec::new();
        for (number, office) in [(1, "TLN"), (2, "PRN"), (3, "TLN")] {
            operations.push(submit(&client, &claim(number, office)).await.name);
        }
        let again = submit(&client, &claim(1, "TLN")).await.name;
        assert_eq!(again, operations[0], "one request id, one claim");
        let name = until("a file", async || put(&house).into_keys().next()).await;
        assert!(name.starts_with("CLAIMS.20") && name.ends_with(".0001"), "{name}");
        let records = records(&house, &name);
        let kinds: Vec<&str> = records.iter().map(|record| record["_record"].as_str().unwrap()).collect();
        let office = |claims: usize| {
            [vec!["office.office_header"], vec!["office.claim"; claims], vec!["office.office_total"]].concat()
        };
        let expected = [vec!["file_header"], office(1), office(2), vec!["file_trailer"]].concat();
        assert_eq!(kinds, expected, "claims of an office stand together");
        let claims: Vec<&Value> =
            records.iter().filter(|record| record["_record"] == "office.claim").collect();
        assert_eq!(
            (&claims[0]["national_id"], &claims[0]["monthly_rent"]),
            (&"00000000002".into(), &650.02.into())
        );
        assert_eq!(records.last().unwrap()["records"], 9, "{records:?}");

        // The mainframe grants one, refuses one, and knows one that nobody sent.
        let reference = |index: usize| claims[index]["claim_reference"].as_str().unwrap();
        decide(
            &house,
            "DECISIONS.1",
            &[
                (reference(0), "A", ""),
                (reference(1), "R", "01"),
                ("019a3f2e-7c1b-7000-8000-000000000001", "A", ""),
            ],
        );
        let said = receipt(&house, "DECISIONS.1").await;
        assert_eq!(
            (&said["state"], &said["messages"], &said["rejected"]),
            (&"taken".into(), &2.into(), &1.into()),
            "{said}"
        );
        assert_eq!(said["errors"][0]["reason"], "no message was sent that it could answer");
        let granted = client.operation(&operations[1]).await.unwrap();
        assert!(granted.done, "{granted:?}");
        let refused = client.operation(&operations[0]).await.unwrap();
        let status = format!("{refused:?}");
        assert!(refused.done && status.contains("the income is above the limit"), "{status}");
        assert!(!client.operation(&operations[2]).await.unwrap().done);

        // What comes twice changes nothing; the third comes late, and another day's file has the next number.
        decide(&house, "DECISIONS.2", &[(reference(1), "A", ""), (reference(2), "A", "")]);
        let said = receipt(&house, "DECISIONS.2").await;
        assert_eq!((&said["messages"], &said["skipped"]), (&1.into(), &1.into()), "{said}");
        assert_eq!(format!("{:?}", client.operation(&operations[0]).await.unwrap()), status);
        assert!(client.wait(&operations[2], Duration::from_secs(5)).await.unwrap().done);
        for number in 4..7 {
            submit(&client, &claim(number, "TLN")).await;
        }
        until("the next file", async || put(&house).into_keys().find(|name| name.ends_with(".0002"))).await;
        let log = gateway.said();
        assert!(!log.contains("00000000002"), "no value of a message is in the log: {log}");
    });
}

#[derive(Clone, PartialEq, Message)]
struct OperationName {
    #[prost(string, tag = "1")]
    name: String,
}

#[test]
fn an_operator_sees_what_gathers_and_has_a_file_made() {
    const NAME: &str = "benefits.nightly-claim";
    block_on(async {
        // By command only.
        let house = house("{}");
        let mapping = fs::read_to_string(house.path(ROUTE)).unwrap();
        fs::write(house.path(ROUTE), mapping.replace("CLAIMS.{date}.", "CLAIMS.")).unwrap();
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let address = gateway.http.to_string();
        let read = |arguments: &[&str]| -> Value {
            let text = gateway.operator(&house, &[arguments, &["--format", "json"]].concat());
            serde_json::from_str(&text).unwrap()
        };
        let refused = |arguments: &[&str]| {
            let output = house.run(&[arguments, &["--admin", &address]].concat());
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            String::from_utf8(output.stderr).unwrap()
        };
        let cut = || read(&["batch", "cut", NAME]);
        assert_eq!(cut(), json!({ "file": null, "left": 0 }), "nothing has gathered");
        assert!(refused(&["batch", "cut", "no.such"]).contains("route no.such is not served"));

        let mut operations = Vec::new();
        for number in 1..=3 {
            let operation = submit(&client, &claim(number, "TLN")).await;
            assert_eq!(operation.about().next_attempt_time, None, "nobody knows when there is a file");
            operations.push(operation.name);
        }
        let gathering = client.operation(&operations[0]).await.unwrap().about();
        assert_eq!(gathering.next_attempt_time, None);
        let id = |index: usize| operations[index].trim_start_matches("operations/").to_owned();
        let listed = read(&["batch", "list", "--direction", "out"]);
        let file = &listed["files"][0];
        assert_eq!((&file["state"], &file["messages"]), (&"gathering".into(), &3.into()), "{listed}");
        assert_eq!(file["system"], "mainframe");
        let shown = read(&["queue", "show", &id(2)]);
        assert_eq!((&shown["waits"], &shown["due"]), (&"gathers for the next file".into(), &Value::Null));
        let said = refused(&["queue", "discard", &id(2), "--reason", "x"]);
        assert!(said.contains("it gathers for the next file"), "{said}");
        let cancel = |index: usize| {
            let name = OperationName { name: operations[index].clone() };
            let client = &client;
            async move { client.call::<()>("google.longrunning.Operations/CancelOperation", &name, &[]).await }
        };
        cancel(2).await.unwrap();

        // What has its name is in the way: nothing is lost, and the operator is told.
        let today = read(&["batch", "list", "--direction", "out"]);
        assert_eq!(today["files"][0]["messages"], 2, "who is cancelled in time is in no file: {today}");
        fs::create_dir_all(house.path("drop/out")).unwrap();
        let name = "CLAIMS.0001".to_owned();
        fs::write(house.path(&format!("drop/out/{name}")), "something else").unwrap();
        let said = refused(&["batch", "cut", NAME]);
        assert!(said.contains("is cut, with 2 messages, but it is not delivered"), "{said}");
        let shown = read(&["batch", "show", &name]);
        assert_eq!((&shown["state"], &shown["number"]), (&"ready".into(), &1.into()), "{shown}");
        assert!(shown["trouble"].as_str().is_some_and(|why| why.contains(&name)), "{shown}");
        let said = refused(&["batch", "cut", NAME]);
        assert!(said.contains("which comes first, is not delivered"), "{said}");
        let metrics = crate::harness::get(gateway.http, "/metrics").await;
        assert!(metrics.contains(&format!("portolan_files_failing{{route=\"{NAME}\"}} 1")), "{metrics}");
        fs::remove_file(house.path(&format!("drop/out/{name}"))).unwrap();
        until("the file is delivered", async || {
            (read(&["batch", "show", &name])["state"] == "delivered").then_some(())
        })
        .await;
        let claims = records(&house, &name);
        assert_eq!(claims.iter().filter(|record| record["_record"] == "office.claim").count(), 2);
        let shown = read(&["queue", "show", &id(0)]);
        assert_eq!(shown["waits"], format!("in file {name}, whose answer is awaited"), "{shown}");
        assert_eq!(shown["file"], json!({ "name": name, "number": 1, "state": "delivered" }));
        let said = refused(&["queue", "retry", &id(0)]);
        assert!(said.contains("it is in a file, and cannot be called back"), "{said}");
        let status = cancel(0).await.unwrap_err();
        assert!(status.message().contains("cannot be called back"), "{status:?}");

        // The loop and several operators at once: one file each, without gaps.
        for number in 4..=6 {
            submit(&client, &claim(number, "TLN")).await;
        }
        let words = ["batch", "cut", NAME, "--format", "json", "--admin", &address];
        let all: Vec<Value> = std::thread::scope(|scope| {
            let cuts: Vec<_> = (0..3).map(|_| scope.spawn(|| house.told(&words))).collect();
            cuts.into_iter().map(|cut| serde_json::from_str(&cut.join().unwrap()).unwrap()).collect()
        });
        let made: Vec<&Value> = all.iter().filter(|said| !said["file"].is_null()).collect();
        assert_eq!(made.len(), 1, "{all:?}");
        let file = &made[0]["file"];
        assert_eq!(
            (&file["number"], &file["messages"], &file["state"], &file["outstanding"]),
            (&2.into(), &3.into(), &"delivered".into(), &3.into()),
            "{file}"
        );
        let metrics = crate::harness::get(gateway.http, "/metrics").await;
        for (name, value) in [
            ("portolan_files_cut_total", 2),
            ("portolan_files_delivered_total", 2),
            ("portolan_files_failing", 0),
            ("portolan_file_gathered_messages", 0),
        ] {
            assert!(metrics.contains(&format!("{name}{{route=\"{NAME}\"}} {value}")), "{name}: {metrics}");
        }
    });
}

#[test]
fn a_file_that_cannot_be_built_is_given_up_and_its_messages_go_with_the_next() {
    const NAME: &str = "benefits.nightly-claim";
    block_on(async {
        let house = house("{}");
        let mapping = fs::read_to_string(house.path(ROUTE)).unwrap();
        let (sound, broken) = ("{ office: group.office }", "{ office: group.office + group.office }");
        assert!(mapping.contains(sound));
        let named = mapping.replace("CLAIMS.{date}.", "CLAIMS.");
        fs::write(house.path(ROUTE), named.replace(sound, broken)).unwrap();
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let address = gateway.http.to_string();
        let mut operations = Vec::new();
        for number in 1..=2 {
            operations.push(submit(&client, &claim(number, "TLN")).await.name);
        }
        let run = |arguments: &[&str]| {
            let output = house.run(&[arguments, &["--admin", &address]].concat());
            let text = [output.stdout, output.stderr].concat();
            (output.status.code(), String::from_utf8(text).unwrap())
        };
        let (code, said) = run(&["batch", "cut", NAME]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("is cut, with 2 messages, but it is not delivered"), "{said}");
        assert!(said.contains("office"), "it says what cannot be written: {said}");
        let (code, said) = run(&["batch", "retry", "1", "--route", NAME]);
        assert!(code == Some(1) && said.contains("file 1 of route"), "{said}");
        assert!(!client.operation(&operations[0]).await.unwrap().done);
        let (code, said) = run(&["batch", "refuse", "7", "--route", NAME, "--reason", "x"]);
        assert!(code == Some(1) && said.contains("no file that is made is called 7"), "{said}");

        let reason = "an office that the layout cannot hold";
        let (code, said) = run(&["batch", "refuse", "1", "--route", NAME, "--reason", reason]);
        assert!(code == Some(0) && said.contains("2 messages in it are dead letters"), "{said}");
        let (_, listed) = run(&["batch", "list", "--direction", "out", "--format", "json"]);
        assert_eq!(serde_json::from_str::<Value>(&listed).unwrap()["files"], json!([]));
        let id = operations[0].trim_start_matches("operations/");
        let (_, shown) = run(&["queue", "show", id, "--format", "json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert!(shown.to_string().contains(reason), "{shown}");

        // The mapping is mended; who waits goes with the next file, which has the number that was free.
        fs::write(house.path(ROUTE), named).unwrap();
        assert_eq!(run(&["reload"]).0, Some(0));
        let ids: Vec<&str> = operations.iter().map(|name| name.trim_start_matches("operations/")).collect();
        let (code, said) = run(&["queue", "retry", "--newest", ids[0], ids[1]]);
        assert_eq!(code, Some(0), "{said}");
        until("they gather", async || {
            run(&["batch", "list", "--direction", "out", "--format", "json"])
                .1
                .contains("gathering")
                .then_some(())
        })
        .await;
        until("both are in a file", async || {
            run(&["batch", "cut", NAME]);
            let claims = |name: &String| {
                records(&house, name).iter().filter(|record| record["_record"] == "office.claim").count()
            };
            (put(&house).keys().map(claims).sum::<usize>() == 2).then_some(())
        })
        .await;
        assert!(put(&house).contains_key("CLAIMS.0001"), "{:?}", put(&house).keys());
        let (code, said) = run(&["batch", "refuse", "CLAIMS.0001", "--reason", "x"]);
        assert!(code == Some(1) && said.contains("is delivered, or there is none"), "{said}");
    });
}

#[test]
fn no_news_is_good_news_where_the_mapping_says_so() {
    block_on(async {
        let house = house("{ max-records: 2 }");
        let mapping = fs::read_to_string(house.path(ROUTE)).unwrap();
        let mapping = mapping.replace("answer-within: 72h", "answer-within: 4s");
        let mapping = mapping.replace("  each: decision\n", "  each: decision\n  silence: done\n");
        fs::write(house.path(ROUTE), mapping).unwrap();
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let mut operations = Vec::new();
        for number in [1, 2] {
            operations.push(submit(&client, &claim(number, "TLN")).await.name);
        }
        let name = until("a file", async || put(&house).into_keys().next()).await;
        let records = records(&house, &name);
        let claims: Vec<&Value> =
            records.iter().filter(|record| record["_record"] == "office.claim").collect();
        let reference = |index: usize| claims[index]["claim_reference"].as_str().unwrap();
        decide(&house, "DECISIONS.1", &[(reference(0), "R", "01")]);
        receipt(&house, "DECISIONS.1").await;
        let refused = client.operation(&operations[0]).await.unwrap();
        assert!(
            refused.done && format!("{refused:?}").contains("the income is above the limit"),
            "{refused:?}"
        );
        let silent = client.wait(&operations[1], Duration::from_secs(30)).await.unwrap();
        assert!(silent.done && !format!("{silent:?}").contains("Error"), "{silent:?}");

        // What comes after that is told to a person: the caller has been told otherwise.
        decide(&house, "DECISIONS.2", &[(reference(1), "R", "02")]);
        let said = receipt(&house, "DECISIONS.2").await;
        assert_eq!((&said["messages"], &said["rejected"]), (&0.into(), &1.into()), "{said}");
        let reason = said["errors"][0]["reason"].as_str().unwrap();
        assert!(reason.starts_with("its message was done before"), "{said}");
        assert!(client.operation(&operations[1]).await.unwrap().done);
    });
}

#[test]
fn killed_at_any_instant_files_have_every_claim_once_and_the_same_bytes() {
    let rounds = if std::env::var_os("PORTOLAN_SOAK").is_some() { 300 } else { 40 };
    let seed = seed();
    println!("{rounds} rounds, PORTOLAN_SEED={seed}");
    block_on(async {
        let house = house("{ every: 1ms, max-records: 40 }");
        let mut random = Random(seed);
        let mut seen: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut accepted = 0;
        for round in 0..rounds {
            let gateway = house.serve();
            accepted += some(gateway.grpc, accepted, 5 + random.below(40) as usize).await;
            tokio::time::sleep(Duration::from_millis(random.below(1200))).await;
            gateway.kill();
            for (name, bytes) in put(&house) {
                let known = seen.entry(name.clone()).or_insert_with(|| bytes.clone());
                assert_eq!(*known, bytes, "round {round}: {name} has changed");
            }
        }
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        submit(&client, &claim(accepted, "END")).await;
        let ids = until("every claim", async || {
            let mut ids = BTreeMap::new();
            for name in put(&house).into_keys() {
                for record in records(&house, &name) {
                    if let Some(id) = record["national_id"].as_str() {
                        *ids.entry(id.to_owned()).or_insert(0) += 1;
                    }
                }
            }
            (ids.len() == accepted + 1).then_some(ids)
        })
        .await;
        assert!(ids.values().all(|times| *times == 1), "no claim is in two files");
        let numbers: BTreeSet<usize> =
            put(&house).into_keys().map(|name| name.rsplit_once('.').unwrap().1.parse().unwrap()).collect();
        assert_eq!(numbers, (1..=numbers.len()).collect(), "numbers without gaps");
        for (name, bytes) in seen {
            assert_eq!(put(&house)[&name], bytes, "{name} has changed");
        }
        println!("{} claims in {} files", ids.len(), numbers.len());
    });
}

pub(crate) fn seed() -> u64 {
    std::env::var("PORTOLAN_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        now.as_nanos() as u64 | 1
    })
}

/// On RabbitMQ and PostgreSQL. The mainframe takes files away as it finds them: what is named twice, it gets twice.
#[test]
fn with_either_of_two_gateways_killed_at_any_instant_every_claim_is_in_one_file() {
    let rounds = if std::env::var_os("PORTOLAN_SOAK").is_some() { 300 } else { 10 };
    let seed = seed();
    println!("{rounds} rounds, PORTOLAN_SEED={seed}");
    block_on(async {
        let site = Site::new(([127, 0, 0, 1], 9).into());
        let folder = tempfile::tempdir().unwrap();
        let houses = [(); 2].map(|()| {
            let mut house = site.house_of(&["mappings/benefits"]);
            furnish(&mut house, folder.path().to_str().unwrap(), "{ every: 1ms, max-records: 40 }");
            house
        });
        let out = folder.path().join("out");
        let mut random = Random(seed);
        let mut gateways = houses.each_ref().map(House::serve).map(Some);
        let (mut accepted, mut took) = (0, BTreeMap::new());
        let mut take = |all: bool| {
            for (at, (name, bytes)) in put_into(&out).into_iter().enumerate() {
                let known = took.entry(name.clone()).or_insert_with(|| (bytes.clone(), false));
                assert_eq!(known.0, bytes, "{name} has changed");
                assert!(!known.1, "{name} was given its name twice");
                if all || at % 2 == 0 {
                    fs::remove_file(out.join(&name)).unwrap();
                    known.1 = true;
                }
            }
            took.clone()
        };
        for _ in 0..rounds {
            let which = random.below(2) as usize;
            let by = gateways[random.below(2) as usize].as_ref().unwrap().grpc;
            accepted += some(by, accepted, 5 + random.below(40) as usize).await;
            tokio::time::sleep(Duration::from_millis(random.below(1500))).await;
            gateways[which].take().unwrap().kill();
            take(false);
            gateways[which] = Some(tokio::task::block_in_place(|| houses[which].serve()));
        }
        let kept = tempfile::tempdir().unwrap();
        let numbers = until("every claim", async || {
            let mut ids = BTreeMap::new();
            let took = take(true);
            for (name, (bytes, _)) in &took {
                let path = kept.path().join(name);
                fs::write(&path, bytes).unwrap();
                for record in decoded(&houses[0], &path) {
                    if let Some(id) = record["national_id"].as_str() {
                        *ids.entry(id.to_owned()).or_insert(0) += 1;
                    }
                }
            }
            assert!(ids.values().all(|times| *times == 1), "no claim is in two files");
            let numbers = took.into_keys().map(|name| name.rsplit_once('.').unwrap().1.parse().unwrap());
            (ids.len() == accepted).then(|| numbers.collect::<BTreeSet<usize>>())
        })
        .await;
        assert_eq!(numbers, (1..=numbers.len()).collect(), "numbers without gaps");
        // What comes late is named no second time.
        tokio::time::sleep(Duration::from_secs(3)).await;
        take(true);
        let left = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), Vec::<std::ffi::OsString>::new(), "nothing is left aside");
        println!("{accepted} claims in {} files", numbers.len());
        drop(gateways);
    });
}

/// Claims that are accepted: as many as there is time for.
async fn some(address: SocketAddr, from: usize, count: usize) -> usize {
    let client = Client::connect(address).await;
    for number in from..from + count {
        submit(&client, &claim(number, ["TLN", "PRN", "TRT"][number % 3])).await;
    }
    count
}
