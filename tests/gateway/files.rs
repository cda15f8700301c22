//! Files that are dropped: taken once, whatever happens to the gateway; what is wrong with them set aside, and said.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    harness::{House, Ledger, block_on, until},
    load::Random,
};

/// Without any progress.
const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const ROUTES: &str = "tests/gateway/routes/wages";

/// A report of employees, each with a number and what it was paid.
pub(crate) fn report(employees: impl IntoIterator<Item = (u32, String)>) -> String {
    let mut text = format!("{:30}\n{:30}\n", "RAPortalen", "REA123456782026");
    let mut count = 0;
    for (number, wages) in employees {
        text.push_str(&format!("RW{number:09}{wages:>09}20260131EE\n"));
        count += 1;
    }
    text.push_str(&format!("{:30}\n", format!("RT{count:07}")));
    text
}

pub(crate) fn paid(cents: u32) -> String {
    format!("{cents:09}")
}

pub(crate) fn house(ledger: &Ledger) -> House {
    let mut house = House::new(&[ROUTES]);
    house.party("ledger", &format!("grpc: {{ address: 'http://{}' }}, breaker: off", ledger.address));
    house.party("employers", "batch: { folder: drop, every: 20ms }");
    fs::create_dir(house.path("drop")).unwrap();
    house
}

pub(crate) fn drop_file(house: &House, name: &str, text: &str) {
    drop_into(&house.path("drop"), name, text);
}

pub(crate) fn drop_into(folder: &Path, name: &str, text: &str) {
    let aside = folder.join(format!("{name}.tmp"));
    fs::write(&aside, text).unwrap();
    fs::rename(aside, folder.join(name)).unwrap();
}

/// Waits for a file of the folder.
pub(crate) async fn there(house: &House, name: &str) -> PathBuf {
    let path = house.path(&format!("drop/{name}"));
    until(name, async || path.exists().then(|| path.clone())).await
}

/// Waits until there are so many, as long as there are more and more.
pub(crate) async fn until_all(what: &str, wanted: usize, count: impl Fn() -> usize) {
    let (mut before, mut progress) = (0, Instant::now());
    loop {
        let there = count();
        if there >= wanted {
            return;
        }
        if there > before {
            (before, progress) = (there, Instant::now());
        }
        assert!(progress.elapsed() < PATIENCE, "no more than {there} of {wanted}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn receipt(house: &House, name: &str) -> Value {
    let path = there(house, &format!("receipts/{name}.json")).await;
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_dropped_file_becomes_messages_and_what_is_wrong_with_it_is_set_aside() {
    block_on(async {
        let ledger = Ledger::start(None).await;
        let house = house(&ledger);
        let gateway = house.serve();
        let text = report([(1, paid(100)), (2, paid(0)), (3, "00000x100".to_owned()), (4, paid(400))]);
        drop_file(&house, "a.txt", &text);
        let said = receipt(&house, "a.txt").await;
        assert_eq!((&said["state"], &said["records"]), (&"taken".into(), &7.into()), "{said}");
        assert_eq!(
            (&said["messages"], &said["skipped"], &said["rejected"]),
            (&2.into(), &1.into(), &1.into())
        );
        assert_eq!(said["skipped_by_reason"]["nothing paid"], 1);
        assert_eq!(
            (&said["errors"][0]["record"], &said["errors"][0]["field"]),
            (&5.into(), &"employee.wages".into())
        );
        there(&house, "archive/a.txt").await;
        // Whoever dropped it is told of it in a layout of its own.
        let told = |name: &str| fs::read_to_string(house.path(&format!("drop/out/{name}"))).unwrap();
        assert_eq!(
            told("a.txt.ack"),
            "FILE;Portalen;a.txt;TAKEN;000000002;000000001\nP;000000005;000000003;employee.wages\n"
        );
        assert_eq!(said["acknowledgement"], "a.txt.ack");

        // What was rejected is a file of its own, which is taken once it is corrected.
        let rejected = fs::read_to_string(there(&house, "rejected/a.txt").await).unwrap();
        assert_eq!(rejected, report([(3, "00000x100".to_owned())]));
        drop_file(&house, "a-corrected.txt", &rejected.replace("00000x100", "000000300"));
        assert_eq!(receipt(&house, "a-corrected.txt").await["messages"], 1);

        // The same under another name is known; under the same name it may be something else.
        drop_file(&house, "again.txt", &text);
        there(&house, "duplicate/again.txt").await;
        let said = receipt(&house, "again.txt").await;
        assert_eq!(said["state"], "duplicate", "{said}");
        assert!(said["reason"].as_str().unwrap().contains("was taken as a.txt"), "{said}");
        assert_eq!(told("again.txt.ack"), "FILE;Portalen;again.txt;DUPLICATE;000000000;000000000\n");
        drop_file(&house, "a.txt", &report([(5, paid(500))]));
        until("the other one", async || (ledger.count() == 4).then_some(())).await;

        // What all messages rest on is wrong: none of them is taken.
        let total = report([(6, paid(600)), (7, paid(700))]).replace("RT0000002", "RT0000009");
        drop_file(&house, "total.txt", &total);
        let said = receipt(&house, "total.txt").await;
        assert_eq!((&said["state"], &said["messages"]), (&"refused".into(), &0.into()), "{said}");
        assert!(said["errors"][0]["reason"].as_str().unwrap().contains("2 is computed"), "{said}");
        there(&house, "rejected/total.txt").await;
        assert!(told("total.txt.ack").starts_with("FILE;Portalen;total.txt;REFUSED;000000000;"));
        // Of the other file of that name something else is told, and both stay.
        until("it is told", async || {
            let all = fs::read_dir(house.path("drop/out")).unwrap().map(|entry| entry.unwrap().file_name());
            let all: Vec<_> = all.filter_map(|name| name.into_string().ok()).collect();
            let other = all.iter().find(|name| name.starts_with("a.txt") && *name != "a.txt.ack")?;
            (told(other) == "FILE;Portalen;a.txt;TAKEN;000000001;000000000\n").then_some(())
        })
        .await;
        // Too many of its messages fail.
        drop_file(&house, "most.txt", &report([(8, "x".to_owned()), (9, "y".to_owned()), (10, paid(1))]));
        assert_eq!(receipt(&house, "most.txt").await["state"], "refused");
        assert!(ledger.told().values().all(|times| *times == 1), "{:?}", ledger.told());
        assert_eq!(ledger.count(), 4);
        // What nobody takes is not silent.
        for name in ["e.TXT", "d.csv", "c.csv", "b.csv"] {
            drop_file(&house, name, &text);
        }
        fs::create_dir(house.path("drop/mine")).unwrap();
        let doctor = house.run(&["doctor"]);
        let doctor = String::from_utf8_lossy(&doctor.stdout);
        assert!(
            doctor
                .contains("4 in its folder by names that no route takes: b.csv, c.csv, d.csv, ...; correct"),
            "{doctor}"
        );
        // No value of a message is in the log.
        assert!(!gateway.said().contains("00000x100"), "{}", gateway.said());
    });
}

/// Little that becomes much when it is unpacked, and what was packed and broke off.
#[test]
fn a_bomb_is_refused_whole_and_so_is_what_broke_off() {
    block_on(async {
        let ledger = Ledger::start(None).await;
        let house = house(&ledger);
        let gateway = house.serve();
        let packed = |text: &[u8]| {
            let mut gzip = std::process::Command::new("gzip")
                .arg("-c")
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let mut to = gzip.stdin.take().unwrap();
            let text = text.to_vec();
            let writing = std::thread::spawn(move || std::io::Write::write_all(&mut to, &text).unwrap());
            let packed = gzip.wait_with_output().unwrap().stdout;
            writing.join().unwrap();
            packed
        };
        let drop_bytes = |name: &str, bytes: &[u8]| {
            fs::write(house.path("drop/next.tmp"), bytes).unwrap();
            fs::rename(house.path("drop/next.tmp"), house.path(&format!("drop/{name}"))).unwrap();
        };
        let whole = packed(report((1..=100).map(|number| (number, paid(number)))).as_bytes());
        drop_bytes("broken.txt", &whole[..whole.len() - 40]);
        let said = receipt(&house, "broken.txt").await;
        assert_eq!((&said["state"], &said["messages"]), (&"refused".into(), &0.into()), "{said}");
        // Two gigabytes in as many megabytes, as lines and as none: read no further than is needed to know.
        let lines = format!("{:30}\n", "RAPortalen").repeat(1_000_000);
        for (name, bomb) in [("lines.txt", lines.as_bytes()), ("zeros.txt", &[0; 32 << 20])] {
            drop_bytes(name, &packed(bomb).repeat(64));
            let said = receipt(&house, name).await;
            assert_eq!((&said["state"], &said["messages"]), (&"refused".into(), &0.into()), "{said}");
            assert!(said["records"].as_u64().is_some_and(|records| records < 2000), "{said}");
            there(&house, &format!("rejected/{name}")).await;
        }
        // Packed is no hindrance.
        drop_bytes("whole.txt", &whole);
        assert_eq!(receipt(&house, "whole.txt").await["messages"], 100);
        until_all("messages are told", 100, || ledger.count()).await;
        drop(gateway);
    });
}

/// A gateway that ends between the last block of a file and what there is to say of it says it when it is back.
#[test]
fn what_became_of_a_file_is_said_also_by_the_next_gateway() {
    block_on(async {
        let ledger = Ledger::start(None).await;
        let house = house(&ledger);
        let gateway = house.serve();
        let text = report([(1, paid(100)), (2, "00000x200".to_owned()), (3, paid(300))]);
        drop_file(&house, "a.txt", &text);
        let said = receipt(&house, "a.txt").await;
        let archived = there(&house, "archive/a.txt").await;
        let acknowledgement = house.path("drop/out/a.txt.ack");
        let told = fs::read_to_string(&acknowledgement).unwrap();
        gateway.kill();
        fs::remove_file(&acknowledgement).unwrap();
        // As it stood a moment earlier.
        let taking = house.path("drop/.taking/gateway");
        fs::create_dir_all(&taking).unwrap();
        fs::rename(archived, taking.join("a.txt")).unwrap();
        for gone in ["rejected/a.txt", "receipts/a.txt.json", "receipts/a.txt.txt"] {
            fs::remove_file(house.path(&format!("drop/{gone}"))).unwrap();
        }

        let gateway = house.serve();
        there(&house, "archive/a.txt").await;
        assert_eq!(receipt(&house, "a.txt").await, said);
        let rejected = fs::read_to_string(there(&house, "rejected/a.txt").await).unwrap();
        assert_eq!(rejected, report([(2, "00000x200".to_owned())]));
        assert_eq!(fs::read_to_string(acknowledgement).unwrap(), told);
        until("both messages", async || (ledger.count() == 2).then_some(())).await;
        assert!(ledger.told().values().all(|times| *times == 1), "{:?}", ledger.told());
        drop(gateway);
    });
}

/// Messages go as they are read, and nothing refuses the file any more.
#[test]
fn what_is_released_as_it_is_read_is_taken_whatever_its_totals_say() {
    block_on(async {
        let ledger = Ledger::start(None).await;
        let house = house(&ledger);
        as_read(&house);
        let gateway = house.serve();
        let text = report([(1, paid(100)), (2, "00000x100".to_owned()), (3, paid(0)), (4, paid(400))]);
        drop_file(&house, "a.txt", &text.replace("RT0000004", "RT0000009"));
        let said = receipt(&house, "a.txt").await;
        assert_eq!(
            (&said["state"], &said["messages"], &said["skipped"], &said["rejected"]),
            (&"taken".into(), &2.into(), &1.into(), &1.into()),
            "{said}"
        );
        assert!(said["reason"].as_str().unwrap().contains("what all messages rest on"), "{said}");
        assert!(said["errors"].to_string().contains("4 is computed"), "{said}");
        there(&house, "archive/a.txt").await;
        there(&house, "rejected/a.txt").await;
        until("both messages", async || (ledger.count() == 2).then_some(())).await;
        assert!(gateway.said().contains("its messages went as they were read"), "{}", gateway.said());
        drop_file(&house, "b.txt", &report([(5, paid(500))]));
        assert_eq!(receipt(&house, "b.txt").await["reason"], Value::Null);
        // Of which no message went, that can be refused yet, and dropped again.
        let none = report([(6, paid(0))]).replace("RT0000001", "RT0000009");
        for name in ["c.txt", "d.txt"] {
            drop_file(&house, name, &none);
            assert_eq!(receipt(&house, name).await["state"], "refused");
        }
    });
}

/// Another version of the route does not take back what went by the one with which the file began.
#[test]
fn a_file_that_went_in_part_as_it_was_read_is_not_refused_by_the_next_version() {
    const EMPLOYEES: u32 = 20_000;
    block_on(async {
        let ledger = Ledger::start(None).await;
        let house = house(&ledger);
        let mapping = house.path("mappings/wages/report.yaml");
        let verified = fs::read_to_string(&mapping).unwrap();
        as_read(&house);
        let gateway = house.serve_with(&[], &["--pause-dispatch"]);
        let text = report((1..=EMPLOYEES).map(|number| (number, paid(number))));
        drop_file(&house, "a.txt", &text.replace("RT0020000", "RT0020009"));
        until("some of it went", async || {
            let listed = gateway.operator(&house, &["batch", "list", "--open", "--format", "json"]);
            let listed: Value = serde_json::from_str(&listed).unwrap();
            listed["files"][0]["position"].as_u64().is_some_and(|at| at > 0).then_some(())
        })
        .await;
        gateway.kill();
        assert!(!house.path("drop/archive/a.txt").exists(), "the kill came within the file");
        fs::write(mapping, verified).unwrap();
        let gateway = house.serve();
        let said = receipt(&house, "a.txt").await;
        assert_eq!((&said["state"], &said["messages"]), (&"taken".into(), &EMPLOYEES.into()), "{said}");
        assert!(gateway.said().contains("the file goes on where"), "{}", gateway.said());
        until_all("messages are told", EMPLOYEES as usize, || ledger.count()).await;
        assert!(ledger.told().values().all(|times| *times == 1));
    });
}

fn as_read(house: &House) {
    let mapping = house.path("mappings/wages/report.yaml");
    let text = fs::read_to_string(&mapping).unwrap();
    let limited = "rejects: { limit: \"60%\" }";
    assert!(text.contains(limited));
    fs::write(mapping, text.replace(limited, "release: as-read")).unwrap();
}

#[test]
fn killed_at_any_instant_a_file_is_taken_once_and_whole() {
    let (rounds, employees) = match std::env::var_os("PORTOLAN_SOAK") {
        Some(_) => (300, 4000),
        None => (40, 1000),
    };
    killed(rounds, employees, false);
}

#[test]
fn killed_at_any_instant_a_file_that_goes_as_it_is_read_goes_once_and_whole() {
    let (rounds, employees) = match std::env::var_os("PORTOLAN_SOAK") {
        Some(_) => (100, 20_000),
        None => (10, 3000),
    };
    killed(rounds, employees, true);
}

fn killed(rounds: u32, employees: u32, goes_as_read: bool) {
    let seed = std::env::var("PORTOLAN_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        now.as_nanos() as u64 | 1
    });
    println!("{rounds} rounds, PORTOLAN_SEED={seed}");
    block_on(async {
        let ledger = Ledger::start(None).await;
        let house = house(&ledger);
        if goes_as_read {
            as_read(&house);
        }
        let mut random = Random(seed);
        let (mut interrupted, mut files) = (0, Vec::new());
        let mut next = 1;
        for round in 0..rounds {
            // A file before it starts, and one while it runs.
            let mut drop_one = |size: u32| {
                let name = format!("{round}-{next}.txt");
                let text = report((next..next + size).map(|number| (number, paid(number))));
                next += size;
                drop_file(&house, &name, &text);
                files.push((name, text));
            };
            drop_one(employees / 2);
            // Messages wait: they are counted when every file is whole.
            let gateway = house.serve_with(&[], &["--pause-dispatch"]);
            drop_one(employees / 2);
            tokio::time::sleep(Duration::from_millis(random.below(50))).await;
            gateway.kill();
            let whole = |name: &str| house.path(&format!("drop/archive/{name}")).exists();
            interrupted += u32::from(files.iter().any(|(name, _)| !whole(name)));
        }
        println!("{interrupted} of {rounds} kills came before a file's end");
        let gateway = house.serve();
        let archived = |name: &String| house.path(&format!("drop/archive/{name}")).exists();
        let count = || files.iter().filter(|(name, _)| archived(name)).count();
        until_all("files are archived", files.len(), count).await;
        for (name, text) in &files {
            let archived = there(&house, &format!("archive/{name}")).await;
            assert!(fs::read_to_string(archived).unwrap() == *text);
            assert!(house.path(&format!("drop/out/{name}.ack")).exists(), "{name} is told of");
        }
        let told = fs::read_dir(house.path("drop/out")).unwrap().map(|entry| entry.unwrap().file_name());
        let told: Vec<_> = told.collect();
        assert_eq!(told.len(), files.len(), "each is told of once, and nothing else is left: {told:?}");
        let wanted = rounds as usize * employees as usize;
        until_all("messages are told", wanted, || ledger.count()).await;
        let told = ledger.told();
        assert_eq!((told.len(), told.values().filter(|times| **times != 1).count()), (wanted, 0));
        drop(gateway);
    });
}
