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
        skipped_by_reason: [("nothing paid".to_owned(), counts.skipped)].into(),
        errors: (1..=errors).map(error).collect(),
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
