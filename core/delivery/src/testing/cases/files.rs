//! Files that become messages. A subject that takes none passes.

use super::{cases, fresh, reopened};
use crate::{
    Accept, Arrival, Arrived, Block, BundleHash, Delivery, Envelope, FileCounts, FileFilter, FileHash,
    FileRecord, FileState, GatewayId, MessageId, Start, Timestamp,
    testing::{Subject, messages::*},
};

cases![
    a_block_of_a_file_is_accepted_once,
    a_file_is_known_by_its_content,
    a_file_is_found_by_its_name_and_by_its_hash,
    a_refused_file_begins_anew,
    the_bundle_of_a_file_is_kept_while_it_is_taken,
];

const FILE: FileHash = FileHash([5; 32]);

fn arrival(name: &str, received: Timestamp) -> Arrival {
    Arrival { hash: FILE, route: "r".into(), bundle: BUNDLE, name: name.into(), bytes: 9, received }
}

/// The messages of the records from behind one to another.
fn block(from: u64, to: u64) -> Block {
    let accept = |record: u64| Accept {
        envelope: Envelope { id: MessageId::of_record("r", FILE, NOW, record), ..envelope("r") },
        payload: payload(1),
        start: Start::Due(NOW),
    };
    let messages = (from + 1..=to).map(accept).collect();
    Block {
        route: "r".into(),
        file: FILE,
        from,
        to,
        messages,
        answers: Vec::new(),
        counts: FileCounts { messages: to, ..Default::default() },
        now: NOW,
    }
}

async fn begun(delivery: &dyn Delivery, arrival: Arrival, gateway: GatewayId) -> Arrived {
    let files = delivery.files().expect("it takes files");
    files.begin_file(arrival, gateway).await.expect("begin")
}

fn opened(arrived: Arrived) -> FileRecord {
    match arrived {
        Arrived::Open(record) => *record,
        other => panic!("it is not open: {other:?}"),
    }
}

async fn end(delivery: &dyn Delivery, state: FileState) {
    let files = delivery.files().expect("it takes files");
    files.end_file("r".into(), FILE, state, "{}".into(), at(3)).await.expect("end");
}

async fn a_block_of_a_file_is_accepted_once(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(files) = delivery.files() else { return };
    let [first, second] = [GatewayId::generate(), GatewayId::generate()];
    opened(begun(&*delivery, arrival("a", NOW), first).await);
    assert_eq!(files.accept_block(block(0, 3), first).await, Ok(true));
    assert_eq!(files.accept_block(block(0, 3), first).await, Ok(false), "it was accepted");
    assert_eq!(files.accept_block(block(4, 5), first).await, Ok(false), "it leaves a record out");
    assert_eq!(files.accept_block(block(3, 5), second).await, Ok(false), "another gateway is at it");
    let delivery = reopened(subject, delivery).await;
    let files = delivery.files().expect("it takes files");
    let record = opened(begun(&*delivery, arrival("a", at(7)), second).await);
    assert_eq!((record.position, record.counts.messages, record.arrival.received), (3, 3, NOW));
    assert_eq!(files.accept_block(block(3, 5), first).await, Ok(false), "it was taken over");
    assert_eq!(files.accept_block(block(3, 5), second).await, Ok(true));
    assert_eq!(ids(&claimed(&*delivery, second, 9, &[], at(1)).await).len(), 5);
}

async fn a_file_is_known_by_its_content(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    if delivery.files().is_none() {
        return;
    }
    let gateway = GatewayId::generate();
    opened(begun(&*delivery, arrival("a", NOW), gateway).await);
    end(&*delivery, FileState::Taken).await;
    let delivery = reopened(subject, delivery).await;
    let Arrived::Known(known) = begun(&*delivery, arrival("b", at(4)), gateway).await else {
        panic!("it was taken")
    };
    assert_eq!((&*known.arrival.name, known.ended, known.receipt.as_deref()), ("a", Some(at(3)), Some("{}")));
    opened(begun(&*delivery, Arrival { hash: FileHash([6; 32]), ..arrival("a", NOW) }, gateway).await);
    opened(begun(&*delivery, Arrival { route: "s".into(), ..arrival("a", NOW) }, gateway).await);
}

async fn a_file_is_found_by_its_name_and_by_its_hash(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(files) = delivery.files() else { return };
    let gateway = GatewayId::generate();
    opened(begun(&*delivery, arrival("a", NOW), gateway).await);
    end(&*delivery, FileState::Taken).await;
    let other = Arrival { hash: FileHash([6; 32]), ..arrival("b", at(1)) };
    opened(begun(&*delivery, other.clone(), gateway).await);
    opened(begun(&*delivery, Arrival { route: "s".into(), ..arrival("a", at(2)) }, gateway).await);
    let found = async |filter: FileFilter| {
        let found = files.files(filter).await.expect("files");
        assert!(found.iter().all(|file| file.receipt.is_none()), "lists are without receipts");
        let told = |file: FileRecord| format!("{} {}", file.arrival.route, file.arrival.name);
        found.into_iter().map(told).collect::<Vec<_>>()
    };
    let all = FileFilter::default;
    assert_eq!(found(all()).await, ["s a", "r b", "r a"], "the newest first");
    assert_eq!(found(FileFilter { limit: 2, ..all() }).await, ["s a", "r b"]);
    assert_eq!(found(FileFilter { open: true, ..all() }).await, ["s a", "r b"]);
    assert_eq!(found(FileFilter { route: Some("r".into()), ..all() }).await, ["r b", "r a"]);
    let called = |text: &str| FileFilter { called: Some(text.to_owned()), ..FileFilter::default() };
    assert_eq!(found(called("b")).await, ["r b"]);
    assert_eq!(found(called("0505")).await, ["s a", "r a"]);
    assert_eq!(found(called(&other.hash.to_string())).await, ["r b"]);
    assert_eq!(found(FileFilter { open: true, route: Some("r".into()), ..called("05") }).await, [""; 0]);
    for nothing in ["c", "A", "07", "0506", "%", "'"] {
        assert_eq!(found(called(nothing)).await, [""; 0], "{nothing}");
    }
    let taken = files.file("r".into(), FILE).await.expect("file").expect("it is there");
    assert_eq!((taken.state, taken.receipt.as_deref()), (FileState::Taken, Some("{}")));
    assert_eq!(files.file("x".into(), FILE).await, Ok(None));
}

async fn a_refused_file_begins_anew(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(files) = delivery.files() else { return };
    let gateway = GatewayId::generate();
    opened(begun(&*delivery, arrival("a", NOW), gateway).await);
    end(&*delivery, FileState::Refused).await;
    assert_eq!(files.accept_block(block(0, 3), gateway).await, Ok(false), "it is over");
    let record = opened(begun(&*delivery, arrival("b", at(4)), gateway).await);
    assert_eq!((&*record.arrival.name, record.position, record.ended), ("b", 0, None));
    assert_eq!(files.accept_block(block(0, 3), gateway).await, Ok(true));
}

async fn the_bundle_of_a_file_is_kept_while_it_is_taken(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    if delivery.files().is_none() {
        return;
    }
    let older = BundleHash([2; 32]);
    delivery.keep_bundle(older, bytes::Bytes::from_static(b"older")).await.expect("keep");
    opened(begun(&*delivery, Arrival { bundle: older, ..arrival("a", NOW) }, GatewayId::generate()).await);
    let delivery = reopened(subject, delivery).await;
    delivery.forget(at(9), 9).await.expect("forget");
    assert!(delivery.bundle(older).await.expect("bundle").is_some(), "a file goes on with it");
    end(&*delivery, FileState::Taken).await;
    delivery.forget(at(9), 9).await.expect("forget");
    assert_eq!(delivery.bundle(older).await, Ok(None));
}
