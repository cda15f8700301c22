//! Files that become messages. A subject that takes none passes.

use super::{cases, fresh, reopened};
use crate::{
    Accept, Arrival, Arrived, Block, BundleHash, Delivery, Envelope, FileCounts, FileHash, FileRecord,
    FileState, GatewayId, MessageId, Start, Timestamp,
    testing::{Subject, messages::*},
};

cases![
    a_block_of_a_file_is_accepted_once,
    a_file_is_known_by_its_content,
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
    let files = delivery.files().expect("it takes files");
    let names = |files: Vec<FileRecord>| files.into_iter().map(|file| file.state).collect::<Vec<_>>();
    assert_eq!(files.files(true, 9).await.map(names), Ok(vec![FileState::Open; 2]));
    assert_eq!(files.files(false, 9).await.map(|files| files.len()), Ok(3));
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
