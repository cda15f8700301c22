//! `portolan batch` on a database whose gateway does not run.

use std::path::Path;

use bytes::Bytes;
use portolan_delivery::*;
use portolan_sqlite::{Options, SqliteDelivery};

use crate::{folder, snapshot::check};

const NOW: Timestamp = Timestamp(1_763_900_000_000_000);
const GATEWAY: &str = "019a3f2e-7c1b-7000-8000-000000000001";
const BUNDLE: BundleHash = BundleHash([7; 32]);

fn receipt(name: &str, state: FileState, counts: FileCounts, reason: Option<&str>, errors: u64) -> String {
    let error = |record: u64| FileError {
        record,
        offset: record * 40,
        kind: Some("employee".to_owned()),
        field: Some("employee.wages".to_owned()),
        reason: "it is no number".to_owned(),
    };
    let receipt = FileReceipt {
        name: name.to_owned(),
        route: "wages.record".to_owned(),
        sha256: String::new(),
        bytes: 1200,
        state: state.name().to_owned(),
        received: NOW.to_rfc3339(),
        ended: NOW.to_rfc3339(),
        records: 30,
        counts,
        reason: reason.map(str::to_owned),
        released: None,
        skipped_by_reason: [("nothing paid".to_owned(), counts.skipped)].into(),
        errors: (1..=errors).map(error).collect(),
        acknowledgement: None,
        not_acknowledged: None,
    };
    serde_json::to_string(&receipt).unwrap()
}

/// Files of two routes: one taken, one refused, one of the same name that is under way.
fn with_files(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let delivery = SqliteDelivery::open(folder.join("portolan.db"), Options::default()).unwrap();
    let gateway = GatewayId(GATEWAY.parse::<MessageId>().unwrap().0);
    let at = |seconds: i64| Timestamp(NOW.0 + seconds * 1_000_000);
    let arrival = |hash: u8, route: &str, name: &str, received| Arrival {
        hash: FileHash([hash; 32]),
        route: route.into(),
        bundle: BUNDLE,
        name: name.into(),
        bytes: 1200,
        received,
    };
    runtime.block_on(async {
        delivery.keep_bundle(BUNDLE, Bytes::from_static(b"{}")).await.unwrap();
        let files = Delivery::files(&delivery).unwrap();
        let (taken, refused) = (FileState::Taken, FileState::Refused);
        let counts = FileCounts { messages: 24, skipped: 1, rejected: 3 };
        let first = arrival(0xA1, "wages.record", "wages.txt", at(0));
        files.begin_file(first.clone(), gateway).await.unwrap();
        let block = |of: &Arrival, to, counts| Block {
            route: of.route.clone(),
            file: of.hash,
            from: 0,
            to,
            messages: vec![],
            answers: vec![],
            counts,
            now: at(1),
        };
        let end = |of: &Arrival, state, receipt: String, seconds| FileEnd {
            route: of.route.clone(),
            file: of.hash,
            state,
            receipt: receipt.into(),
            now: at(seconds),
        };
        let block_of_first = block(&first, 30, counts);
        assert!(files.accept_block(block_of_first, gateway).await.unwrap());
        let text = receipt("wages.txt", taken, counts, None, 3);
        assert!(files.end_file(end(&first, taken, text, 2), gateway).await.unwrap());

        let second = arrival(0xA2, "wages.record", "odd\u{1b}[31m.txt", at(60));
        files.begin_file(second.clone(), gateway).await.unwrap();
        let none = FileCounts { messages: 0, skipped: 0, rejected: 26 };
        let text = receipt(
            &second.name,
            refused,
            none,
            Some("26 of 30 messages failed, more than its route allows"),
            26,
        );
        assert!(files.end_file(end(&second, refused, text, 61), gateway).await.unwrap());

        let third = arrival(0xB3, "statements.enter", "wages.txt", at(120));
        files.begin_file(third.clone(), gateway).await.unwrap();
        let counts = FileCounts { messages: 10, skipped: 2, rejected: 0 };
        assert!(files.accept_block(block(&third, 13, counts), gateway).await.unwrap());
    });
}

fn files() -> (tempfile::TempDir, std::path::PathBuf) {
    let configuration = "listen: { http: \"127.0.0.1:1\" }\nroutes: [ m ]\n\
                         systems: { employers: { batch: { folder: drop } } }\n";
    let (kept, folder) =
        folder(&[("portolan.yaml", configuration), ("m/.keep", ""), ("drop/archive/wages.txt", "taken")]);
    with_files(&folder);
    (kept, folder)
}

#[test]
fn files_are_listed() {
    let (_kept, folder) = files();
    check("batch-list", &folder, &["batch", "list"]);
    check("batch-list-open", &folder, &["batch", "list", "--open"]);
    check("batch-list-limit", &folder, &["batch", "list", "--route", "wages.record", "--limit", "1"]);
    check("batch-list-none", &folder, &["batch", "list", "--route", "x"]);
    check("batch-list-json", &folder, &["batch", "list", "--format", "json"]);
}

#[test]
fn a_file_is_shown_by_its_name_or_its_hash() {
    let (_kept, folder) = files();
    check("batch-show-taken", &folder, &["batch", "show", "a1a1"]);
    check("batch-show-taken-json", &folder, &["batch", "show", "A1A1", "--format", "json"]);
    check("batch-show-refused", &folder, &["batch", "show", "a2"]);
    // Two files have the name: the newest is shown, and it is under way.
    check("batch-show-open", &folder, &["batch", "show", "wages.txt"]);
    check(
        "batch-show-route",
        &folder,
        &["batch", "show", "wages.txt", "--route", "wages.record", "--format", "json"],
    );
    check("batch-show-several", &folder, &["batch", "show", "a"]);
    check("batch-show-unknown", &folder, &["batch", "show", "wages"]);
    check("batch-show-unknown-json", &folder, &["batch", "show", "wages", "--format", "json"]);
}

#[test]
fn a_file_that_was_refused_is_released() {
    let (_kept, folder) = files();
    let release = |file| ["batch", "release", file, "--reason", "the sender says that it is right"];
    // One is being taken, one was taken, and one was never there.
    check("batch-release-open", &folder, &release("wages.txt"));
    check("batch-release-taken", &folder, &release("a1a1"));
    check("batch-release-unknown", &folder, &release("wages"));
    check("batch-release-no-reason", &folder, &["batch", "release", "a2"]);
    check("batch-release-empty", &folder, &["batch", "release", "a2", "--reason", " "]);
    check("batch-release", &folder, &release("a2"));
}

#[test]
fn a_file_that_was_released_waits_to_be_found() {
    let (_kept, folder) = files();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let delivery = SqliteDelivery::open(folder.join("portolan.db"), Options::default()).unwrap();
    let release =
        FileRelease { at: Timestamp(NOW.0 + 90_000_000), reason: "the sender says that it is right".into() };
    let files = Delivery::files(&delivery).unwrap();
    let released = files.release_file("wages.record".into(), FileHash([0xA2; 32]), release);
    assert_eq!(runtime.block_on(released), Ok(true));
    drop(delivery);
    check("batch-show-released", &folder, &["batch", "show", "a2"]);
    check("batch-show-released-json", &folder, &["batch", "show", "a2", "--format", "json"]);
    check("batch-list-released", &folder, &["batch", "list", "--open"]);
    check(
        "batch-release-twice",
        &folder,
        &["batch", "release", "a2", "--reason", "once more", "--format", "json"],
    );
}

#[test]
fn a_file_that_is_made_is_not_released() {
    let (_kept, folder) = folder(&[("portolan.yaml", "routes: [ m ]\n"), ("m/.keep", "")]);
    with_made(&folder);
    check("batch-release-made", &folder, &["batch", "release", "CLAIMS.20251123.0002", "--reason", "x"]);
}

/// Of a route whose messages gather: one file that waits for answers, one that is ready, one that is being made, and what gathers.
fn with_made(folder: &Path) -> [String; 3] {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let delivery = SqliteDelivery::open(folder.join("portolan.db"), Options::default()).unwrap();
    let at = |seconds: i64| Timestamp(NOW.0 + seconds * 1_000_000);
    let id = |number: u32| format!("019a3f2e-7c1b-7000-8000-{number:012}");
    let accept = |route: &str, number: u32| Accept {
        envelope: Envelope {
            id: id(number).parse().unwrap(),
            route: route.into(),
            bundle: BUNDLE,
            mode: Mode::Operation,
            received: at(i64::from(number)),
            deadline: None,
            idempotency: Idempotency::No,
            order: None,
            caller: None,
            request_key: None,
            metadata: vec![],
            traceparent: None,
            announced: false,
            group: None,
        },
        payload: Bytes::from_static(b"canary"),
        start: Start::Due(Timestamp::NEVER),
    };
    let built = |name: &str| Built {
        name: name.into(),
        aside: "aside".into(),
        hash: FileHash([0xC1; 32]),
        bytes: 720,
    };
    runtime.block_on(async {
        delivery.keep_bundle(BUNDLE, Bytes::from_static(b"{}")).await.unwrap();
        let cuts = Delivery::cuts(&delivery).unwrap();
        for number in 1..=2 {
            delivery.accept(accept("claims.submit", number)).await.unwrap();
        }
        let first = cuts.cut("claims.submit".into(), 10, at(60)).await.unwrap().unwrap();
        let key = (first.route, first.sequence);
        cuts.cut_ready(key.clone(), built("CLAIMS.20251123.0001")).await.unwrap();
        cuts.cut_delivered(key, at(61)).await.unwrap();
        delivery.accept(accept("claims.submit", 3)).await.unwrap();
        let second = cuts.cut("claims.submit".into(), 10, at(120)).await.unwrap().unwrap();
        cuts.cut_ready((second.route, second.sequence), built("CLAIMS.20251123.0002")).await.unwrap();
        delivery.accept(accept("other.submit", 4)).await.unwrap();
        cuts.cut("other.submit".into(), 10, at(180)).await.unwrap().unwrap();
        for number in 5..=7 {
            delivery.accept(accept("claims.submit", number)).await.unwrap();
        }
    });
    [id(1), id(3), id(5)]
}

#[test]
fn files_that_are_made_are_told() {
    let (_kept, folder) = files();
    let [sent, ready, gathers] = with_made(&folder);
    check("batch-list-made", &folder, &["batch", "list"]);
    check("batch-list-made-json", &folder, &["batch", "list", "--direction", "out", "--format", "json"]);
    check("batch-list-made-open", &folder, &["batch", "list", "--open", "--route", "claims.submit"]);
    check("batch-show-made", &folder, &["batch", "show", "CLAIMS.20251123.0001"]);
    check("batch-show-made-ready", &folder, &["batch", "show", "2", "--route", "claims.submit"]);
    check("batch-show-made-several", &folder, &["batch", "show", "1"]);
    check(
        "batch-show-made-json",
        &folder,
        &["batch", "show", "1", "--route", "other.submit", "--format", "json"],
    );
    check("batch-cut-no-gateway", &folder, &["batch", "cut", "claims.submit"]);
    check("batch-cut-no-gateway-json", &folder, &["batch", "cut", "claims.submit", "--format", "json"]);
    check("queue-list-gathers", &folder, &["queue", "list"]);
    check("queue-show-gathers", &folder, &["queue", "show", &gathers]);
    check("queue-show-gathers-json", &folder, &["queue", "show", &gathers, "--format", "json"]);
    check("queue-show-in-file", &folder, &["queue", "show", &sent]);
    check("queue-show-in-file-json", &folder, &["queue", "show", &sent, "--format", "json"]);
    check("queue-show-in-ready-file", &folder, &["queue", "show", &ready]);
    // None of them waits for a decision.
    check("queue-retry-gathers", &folder, &["queue", "retry", &gathers]);
    check("queue-discard-in-file", &folder, &["queue", "discard", &sent, "--reason", "withdrawn"]);
    check("queue-resolve-in-file", &folder, &["queue", "resolve", &sent, "--failed"]);
}
