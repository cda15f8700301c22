//! `portolan queue` on a database whose gateway does not run.

use std::path::Path;

use bytes::Bytes;
use portolan_delivery::*;
use portolan_sqlite::{Options, SqliteDelivery};

use crate::{
    folder,
    snapshot::{check, portolan},
};

const ID: &str = "019a3f2e-7c1b-7000-8000-000000000001";
/// Personal: nothing prints it.
const PAYLOAD: &[u8] = b"\x0a\x0bcanary-4711";
const REPLY: &[u8] = b"<html>canary-4712</html>";

const NOW: Timestamp = Timestamp(1_763_900_000_000_000);

fn envelope(id: &str) -> Envelope {
    Envelope {
        id: id.parse().unwrap(),
        route: "shop.price".into(),
        bundle: BundleHash([7; 32]),
        mode: Mode::Operation,
        received: NOW,
        deadline: None,
        idempotency: Idempotency::No,
        order: Some(Order {
            key: OrderKey::of("shop.price", "canary-4714"),
            dead_letters: DeadLetters::Hold,
        }),
        caller: None,
        request_key: Some(RequestKey {
            caller: String::new(),
            id: id.replace("019a3f2e-7c1b-7000-8000-00000000000", "order-"),
        }),
        metadata: vec![("x-client".into(), "canary-4713".into())],
        traceparent: None,
        announced: false,
        group: None,
    }
}

/// A queue with one dead letter, whose attempt answered something that is no answer.
fn with_dead_letter(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let delivery = SqliteDelivery::open(folder.join("portolan.db"), Options::default()).unwrap();
    let gateway = GatewayId(ID.parse::<MessageId>().unwrap().0);
    let envelope = envelope(ID);
    runtime.block_on(async {
        delivery.keep_bundle(envelope.bundle, Bytes::from_static(b"{}")).await.unwrap();
        let payload = Bytes::from_static(PAYLOAD);
        let accepted =
            delivery.accept(Accept { envelope, payload, start: Start::Now(gateway) }).await.unwrap();
        let Accepted::New(Some(claim)) = accepted else { panic!("{accepted:?}") };
        let failure = Failure::new(
            Status::Internal,
            FaultClass::Reply,
            "HTML_REPLY",
            "the system answered with an HTML page",
        );
        let dead = DeadLetter { failure, at_fault: Party::System, reply: Some(Bytes::from_static(REPLY)) };
        delivery.bury(claim, dead, Timestamp(NOW.0 + 1_500_000)).await.unwrap();
    });
}

fn queue() -> (tempfile::TempDir, std::path::PathBuf) {
    let (kept, folder) =
        folder(&[("portolan.yaml", "listen: { http: \"127.0.0.1:1\" }\nroutes: [ m ]\n"), ("m/.keep", "")]);
    with_dead_letter(&folder);
    (kept, folder)
}

#[test]
fn a_dead_letter_is_looked_at() {
    let (_kept, folder) = queue();
    check("queue-list", &folder, &["queue", "list"]);
    check("queue-list-none", &folder, &["queue", "list", "--state", "waiting"]);
    check("queue-list-json", &folder, &["queue", "list", "--format", "json"]);
    check("queue-show", &folder, &["queue", "show", ID, "--payload", "p.bin", "--reply", "r.html"]);
    check("queue-show-json", &folder, &["queue", "show", ID, "--format", "json"]);
    assert_eq!(std::fs::read(folder.join("p.bin")).unwrap(), PAYLOAD);
    assert_eq!(std::fs::read(folder.join("r.html")).unwrap(), REPLY);
    // Both files or none.
    let output = portolan(&folder, &["queue", "show", ID, "--payload", "q.bin", "--reply", "r.html"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!folder.join("q.bin").exists());
    check("queue-show-again", &folder, &["queue", "show", ID, "--payload", "p.bin"]);
    check("queue-show-unknown", &folder, &["queue", "show", "019a3f2e-7c1b-7000-8000-000000000002"]);
    let shown = portolan(&folder, &["queue", "show", ID]).output().unwrap();
    assert!(!String::from_utf8(shown.stdout).unwrap().contains("canary"));
}

#[test]
fn what_a_message_waits_for_is_told() {
    let (_kept, folder) = queue();
    let second = "019a3f2e-7c1b-7000-8000-000000000002";
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let delivery = SqliteDelivery::open(folder.join("portolan.db"), Options::default()).unwrap();
    let accept =
        Accept { envelope: envelope(second), payload: Bytes::from_static(PAYLOAD), start: Start::Due(NOW) };
    let accepted = runtime.block_on(delivery.accept(accept)).unwrap();
    assert!(matches!(accepted, Accepted::Parked), "{accepted:?}");
    drop(delivery);
    check("queue-list-behind", &folder, &["queue", "list", "--state", "waiting"]);
    check("queue-show-behind", &folder, &["queue", "show", second]);
    check("queue-show-behind-json", &folder, &["queue", "show", second, "--format", "json"]);
}

#[test]
fn a_dead_letter_is_decided_once() {
    let (_kept, folder) = queue();
    check(
        "queue-resolve",
        &folder,
        &["queue", "resolve", ID, "--failed", "--status", "NOT_FOUND", "--message", "sold out"],
    );
    check("queue-resolve-again-json", &folder, &["queue", "retry", ID, "--format", "json"]);
    check("queue-resolve-again", &folder, &["queue", "discard", ID, "--reason", "twice"]);
    let shown = portolan(&folder, &["queue", "show", ID]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("with a failure") && shown.contains("NOT_FOUND"), "{shown}");
}

#[test]
fn a_dead_letter_is_due_again() {
    let (_kept, folder) = queue();
    check("queue-retry", &folder, &["queue", "retry", ID]);
    let listed = portolan(&folder, &["queue", "list", "--state", "waiting"]).output().unwrap();
    assert!(String::from_utf8(listed.stdout).unwrap().contains(ID));
}

#[test]
fn a_route_is_held_up_before_its_gateway_starts() {
    let (_kept, folder) = queue();
    check("routes-list", &folder, &["routes", "list"]);
    check("routes-pause", &folder, &["routes", "pause", "shop.price"]);
    check("routes-pause-unknown", &folder, &["routes", "pause", "shop.prize"]);
    check("routes-list-json", &folder, &["routes", "--format", "json"]);
}

#[test]
fn many_dead_letters_are_decided_at_once() {
    let (_kept, folder) = queue();
    check("queue-bulk-none", &folder, &["queue", "retry", "--route", "shop.prize"]);
    check("queue-bulk-preview", &folder, &["queue", "discard", "--all", "--reason", "over"]);
    check(
        "queue-bulk-preview-json",
        &folder,
        &["queue", "resolve", "--failed", "--class", "reply", "--format", "json"],
    );
    check(
        "queue-bulk-younger",
        &folder,
        &["queue", "discard", "--older-than", "36500d", "--reason", "over", "--yes"],
    );
    check(
        "queue-bulk",
        &folder,
        &["queue", "discard", "--route", "shop.price", "--reason", "over", "--yes", "--format", "json"],
    );
    check("queue-bulk-again", &folder, &["queue", "discard", "--all", "--reason", "over", "--yes"]);
    check("queue-bulk-and-one", &folder, &["queue", "retry", ID, "--all"]);
    check("queue-bulk-succeeded", &folder, &["queue", "resolve", "--all", "--succeeded", "p.bin"]);
}
