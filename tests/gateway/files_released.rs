//! Files that were refused, and that an operator has taken all the same: by the command, and by what the gateway does then, whatever happens
//! to it.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    files::{ROUTES, drop_file, drop_into, house, paid, receipt, report, there, until_all},
    files_out,
    harness::{Client, Gateway, House, Ledger, block_on, until},
    load::Random,
    site::Site,
};

const WHY: &str = "the count is of last month";

/// Three employees, of whom one cannot be read, and a total that says nine.
fn wrong() -> String {
    report([(1, paid(100)), (2, "00000x200".to_owned()), (3, paid(300))]).replace("RT0000003", "RT0000009")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What `batch show` says.
fn shown(gateway: &Gateway, house: &House, file: &str) -> Value {
    json(&gateway.operator(house, &["batch", "show", file, "--format", "json"]))
}

/// The receipt of a file that was refused before: it has the time behind its name.
async fn next_receipt(folder: &Path, name: &str) -> Value {
    until("the next receipt", async || {
        let entries = fs::read_dir(folder.join("receipts")).unwrap().map(|entry| entry.unwrap());
        let begins = format!("{name}.json.");
        let of_it = |entry: &fs::DirEntry| entry.file_name().to_str().unwrap().starts_with(&begins);
        let entry = entries.into_iter().find(of_it)?;
        Some(json(&fs::read_to_string(entry.path()).unwrap()))
    })
    .await
}

fn taken_as_released(said: &Value, messages: u64, rejected: u64) {
    assert_eq!(
        (&said["state"], &said["messages"], &said["rejected"]),
        (&"taken".into(), &messages.into(), &rejected.into()),
        "{said}"
    );
    assert_eq!(said["released"]["reason"], WHY, "{said}");
    assert!(said["reason"].as_str().unwrap().contains("what all messages rest on"), "{said}");
}

async fn told_once(ledger: &Ledger, wanted: usize) {
    until_all("messages are told", wanted, || ledger.count()).await;
    let told = ledger.told();
    assert!(told.len() == wanted && told.values().all(|times| *times == 1), "{told:?}");
}

#[test]
fn a_file_with_a_wrong_total_is_taken_once_an_operator_releases_it() {
    block_on(async {
        let ledger = Ledger::start(None).await;
        let house = house(&ledger);
        let gateway = house.serve();
        drop_file(&house, "a.txt", &wrong());
        assert_eq!(receipt(&house, "a.txt").await["state"], "refused");
        there(&house, "rejected/a.txt").await;
        let before = shown(&gateway, &house, "a.txt");
        assert_eq!((&before["state"], &before["released"]), (&"refused".into(), &Value::Null), "{before}");

        let said = gateway.operator(&house, &["batch", "release", "a.txt", "--reason", WHY]);
        assert!(said.contains("file a.txt of route wages.report is released"), "{said}");
        taken_as_released(&next_receipt(&house.path("drop"), "a.txt").await, 2, 1);
        told_once(&ledger, 2).await;
        assert_eq!(fs::read_to_string(there(&house, "archive/a.txt").await).unwrap(), wrong());
        // What was rejected is a file of its own, whose total is right.
        let rejected = fs::read_to_string(there(&house, "rejected/a.txt").await).unwrap();
        assert_eq!(rejected, report([(2, "00000x200".to_owned())]));
        let after = shown(&gateway, &house, "a.txt");
        assert_eq!(
            (&after["state"], &after["released"]["reason"]),
            (&"taken".into(), &WHY.into()),
            "{after}"
        );
        assert_eq!(after["receipt"]["released"]["reason"], WHY);
        let acknowledged = fs::read_to_string(house.path("drop/out/a.txt.ack")).unwrap();
        assert!(acknowledged.starts_with("FILE;Portalen;a.txt;REFUSED;"), "{acknowledged}");
        let acknowledgements =
            fs::read_dir(house.path("drop/out")).unwrap().map(|entry| entry.unwrap().path());
        let taken = |path| {
            fs::read_to_string(path).unwrap().starts_with("FILE;Portalen;a.txt;TAKEN;000000002;000000001")
        };
        assert_eq!(acknowledgements.filter(|path| taken(path.clone())).count(), 1);
        let log = gateway.said();
        assert!(
            log.contains("an operator decided of a file") && log.contains("decision=\"release\""),
            "{log}"
        );
        assert!(log.contains("is taken as an operator released it"), "{log}");
        assert!(!log.contains(WHY), "a reason may name somebody: {log}");

        // It is known now, and what is over is not released.
        drop_file(&house, "again.txt", &wrong());
        there(&house, "duplicate/again.txt").await;
        let refused =
            house.run(&["batch", "release", "a.txt", "--reason", WHY, "--admin", &gateway.http.to_string()]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains("there is nothing to release"), "{said}");
        drop_file(&house, "corrected.txt", &rejected.replace("00000x200", "000000200"));
        told_once(&ledger, 3).await;
    });
}

/// It was carried away, and another of its name has come since.
#[test]
fn what_is_not_there_any_more_is_taken_when_it_is_dropped_again() {
    block_on(async {
        let ledger = Ledger::start(None).await;
        let house = house(&ledger);
        let gateway = house.serve();
        drop_file(&house, "a.txt", &wrong());
        fs::remove_file(there(&house, "rejected/a.txt").await).unwrap();
        let hash = shown(&gateway, &house, "a.txt")["sha256"].as_str().unwrap().to_owned();
        let said = gateway.operator(&house, &["batch", "release", &hash, "--reason", WHY]);
        assert!(said.contains("rejected/a.txt (not there now"), "{said}");
        let told = "a file that was released is not taken: a.txt: it is not where it was set aside";
        until("the log says it", async || gateway.said().contains(told).then_some(())).await;
        let listed = json(&gateway.operator(&house, &["batch", "list", "--open", "--format", "json"]));
        assert_eq!(listed["files"][0]["state"], "released", "{listed}");
        // Others go on, also by its name.
        let other = report([(7, "00000x700".to_owned()), (8, paid(800))]).replace("RT0000002", "RT0000009");
        drop_file(&house, "a.txt", &other);
        until("it is refused", async || fs::read_to_string(house.path("drop/rejected/a.txt")).ok()).await;
        assert_eq!(ledger.count(), 0);

        drop_file(&house, "by-another-name.txt", &wrong());
        taken_as_released(&receipt(&house, "by-another-name.txt").await, 2, 1);
        told_once(&ledger, 2).await;
        assert_eq!(fs::read_to_string(house.path("drop/rejected/a.txt")).unwrap(), other);
    });
}

/// The gateway is killed as soon as the command has answered, or it is not there when the command is given.
#[test]
fn a_release_outlives_the_gateway() {
    block_on(async {
        let ledger = Ledger::start(None).await;
        let house = house(&ledger);
        // What dies over a message is for a person to decide, and not what this is of.
        let gateway = house.serve_with(&[], &["--pause-dispatch"]);
        let files = ["a.txt", "b.txt", "c.txt"];
        let text = |name: &str| {
            wrong().replace("EA12345678", &format!("EA1234567{}", u32::from(name.as_bytes()[0]) % 10))
        };
        for name in files {
            drop_file(&house, name, &text(name));
            there(&house, &format!("rejected/{name}")).await;
        }
        gateway.operator(&house, &["batch", "release", "a.txt", "--reason", WHY]);
        gateway.kill();
        house.told(&["batch", "release", "b.txt", "--reason", WHY]);
        // As it stands when a gateway dies between finding it and beginning it.
        house.told(&["batch", "release", "c.txt", "--reason", WHY]);
        let taking = house.path("drop/.taking/gateway");
        fs::create_dir_all(&taking).unwrap();
        fs::rename(house.path("drop/rejected/c.txt"), taking.join("c.txt")).unwrap();

        let gateway = house.serve();
        for name in files {
            taken_as_released(&next_receipt(&house.path("drop"), name).await, 2, 1);
            there(&house, &format!("archive/{name}")).await;
        }
        told_once(&ledger, 2 * files.len()).await;
        let listed = json(&gateway.operator(&house, &["batch", "list", "--open", "--format", "json"]));
        assert_eq!(listed["files"], Value::Array(Vec::new()));
    });
}

/// A whole example: one of its totals is wrong.
#[test]
fn the_wage_report_with_a_wrong_total_is_recorded_once_it_is_released() {
    block_on(async {
        let ledger = Ledger::start(None).await;
        let mut house = House::new(&["mappings/wage-report"]);
        house.party("wage-ledger", &format!("grpc: {{ address: 'http://{}' }}", ledger.address));
        house.party("employers", "batch: { folder: drop, every: 20ms }");
        fs::create_dir(house.path("drop")).unwrap();
        let gateway = house.serve();
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/wage-report/samples/wrong-total");
        let text = fs::read_to_string(sample.join("report.efw2")).unwrap();
        let employees = text.lines().filter(|line| line.starts_with("RW")).count();
        drop_file(&house, "report.efw2", &text);
        there(&house, "rejected/report.efw2").await;
        gateway.operator(&house, &["batch", "release", "report.efw2", "--reason", WHY]);
        let said = next_receipt(&house.path("drop"), "report.efw2").await;
        taken_as_released(&said, employees as u64, 0);
        told_once(&ledger, employees).await;
    });
}

/// What stands around its messages is not to be read, either; the file goes, and so do its rejects.
#[test]
fn values_around_messages_that_cannot_be_read_hold_nothing_up() {
    block_on(async {
        let ledger = Ledger::start(None).await;
        let house = house(&ledger);
        let gateway = house.serve();
        let text = wrong().replace("2026 ", "20x6 ").replace("RT0000009", "RT00000x9");
        assert!(text.contains("67820x6"), "{text}");
        drop_file(&house, "a.txt", &text);
        there(&house, "rejected/a.txt").await;
        gateway.operator(&house, &["batch", "release", "a.txt", "--reason", WHY]);
        let said = next_receipt(&house.path("drop"), "a.txt").await;
        taken_as_released(&said, 2, 1);
        there(&house, "archive/a.txt").await;
        let rejected = fs::read_to_string(there(&house, "rejected/a.txt").await).unwrap();
        assert!(rejected.contains("00000x200") && rejected.contains("RT0000001"), "{rejected}");
        told_once(&ledger, 2).await;
    });
}

/// Of a file that answers messages the same holds.
#[test]
fn answers_with_a_wrong_total_complete_what_they_answer_once_they_are_released() {
    block_on(async {
        let house = files_out::house("{ max-records: 2 }");
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let mut operations = Vec::new();
        for number in 1..=2 {
            operations.push(files_out::submit(&client, &files_out::claim(number, "TLN")).await.name);
        }
        let name = until("a file", async || files_out::put(&house).into_keys().next()).await;
        let mut records = files_out::records(&house, &name);
        records.retain(|record| record["_record"] == "office.claim");
        let decisions: Vec<_> =
            records.iter().map(|claim| (claim["claim_reference"].as_str().unwrap(), "A", "")).collect();
        let mut answers = files_out::answers(&house, &decisions);
        // A digit of its trailer, of 80 bytes, in EBCDIC.
        let digit = answers.len() - 80 + 9;
        answers[digit] = 0xF9;
        files_out::drop_answers(&house, "DECISIONS.1", &answers);
        assert_eq!(files_out::receipt(&house, "DECISIONS.1").await["state"], "refused");
        there(&house, "rejected/DECISIONS.1").await;
        assert!(!client.operation(&operations[0]).await.unwrap().done);
        gateway.operator(&house, &["batch", "release", "DECISIONS.1", "--reason", WHY]);
        let said = next_receipt(&house.path("drop"), "DECISIONS.1").await;
        taken_as_released(&said, 2, 0);
        for operation in &operations {
            assert!(client.wait(operation, std::time::Duration::from_secs(5)).await.unwrap().done);
        }
    });
}

/// Two gateways on PostgreSQL and RabbitMQ, of which the one dies that was told, at any instant.
#[test]
fn of_two_gateways_one_takes_it_whichever_dies() {
    const ROUNDS: u32 = 8;
    block_on(async {
        let ledger = Ledger::start(None).await;
        let site = Site::new(ledger.address);
        let folder = tempfile::tempdir().unwrap();
        let houses = [(); 2].map(|()| {
            let mut house = site.house_of(&[ROUTES]);
            house.party("ledger", &format!("grpc: {{ address: 'http://{}' }}, breaker: off", ledger.address));
            let folder = folder.path().display();
            house.party("employers", &format!("batch: {{ folder: '{folder}', every: 20ms }}"));
            house
        });
        // What dies over a message is for a person to decide, and not what this is of.
        let without_dispatch = |house: &House| house.serve_with(&[], &["--pause-dispatch"]);
        let mut gateways = houses.each_ref().map(|house| Some(without_dispatch(house)));
        let mut random = Random(u64::from(std::process::id()) | 1);
        for round in 0..ROUNDS {
            let name = format!("{round}.txt");
            let employees = (1..=300).map(|number| (round * 1000 + number, paid(number)));
            drop_into(folder.path(), &name, &report(employees).replace("RT0000300", "RT0000009"));
            let rejected = folder.path().join("rejected").join(&name);
            until("it is refused", async || rejected.exists().then_some(())).await;
            let one = round as usize % 2;
            let gateway = gateways[one].take().unwrap();
            gateway.operator(&houses[one], &["batch", "release", &name, "--reason", WHY]);
            tokio::time::sleep(std::time::Duration::from_millis(random.below(150))).await;
            gateway.kill();
            gateways[one] = Some(without_dispatch(&houses[one]));
            let archived = folder.path().join("archive").join(&name);
            until("it is taken", async || archived.exists().then_some(())).await;
        }
        drop(gateways);
        let _gateway = houses[0].serve();
        told_once(&ledger, 300 * ROUNDS as usize).await;
        let left = fs::read_dir(folder.path().join("rejected")).unwrap().count();
        assert_eq!(left, 0, "nothing is left where it was refused");
    });
}
