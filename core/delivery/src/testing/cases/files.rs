//! Files that become messages. A subject that takes none passes.

use futures_util::future::join_all;

use super::{cases, fresh, reopened};
use crate::{
    Accept, Arrival, Arrived, Block, BundleHash, DeadLetters, Delivery, Envelope, FileCounts, FileEnd,
    FileFilter, FileHash, FileRecord, FileRelease, FileState, GatewayId, MessageId, Start, StateKind,
    Timestamp,
    testing::{Subject, messages::*},
};

cases![
    a_block_of_a_file_is_accepted_once,
    a_file_is_known_by_its_content,
    a_file_is_found_by_its_name_and_by_its_hash,
    a_refused_file_begins_anew,
    a_file_that_was_released_begins_with_its_release,
    a_file_that_was_not_refused_is_not_released,
    the_bundle_of_a_file_is_kept_while_it_is_taken,
    a_file_of_a_gateway_that_lives_is_elsewhere,
    a_file_of_a_gateway_that_is_no_more_is_taken_over,
    a_block_is_accepted_whole,
    messages_of_a_block_keep_the_order_of_their_key,
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
        now: at(1),
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

async fn end(delivery: &dyn Delivery, state: FileState, gateway: GatewayId) -> bool {
    let files = delivery.files().expect("it takes files");
    let end = FileEnd { route: "r".into(), file: FILE, state, receipt: "{}".into(), now: at(3) };
    files.end_file(end, gateway).await.expect("end")
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
    assert!(end(&*delivery, FileState::Taken, gateway).await);
    assert!(!end(&*delivery, FileState::Refused, gateway).await, "it is over");
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
    assert!(end(&*delivery, FileState::Taken, gateway).await);
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
    assert!(end(&*delivery, FileState::Refused, gateway).await);
    assert_eq!(files.accept_block(block(0, 3), gateway).await, Ok(false), "it is over");
    let record = opened(begun(&*delivery, arrival("b", at(4)), gateway).await);
    assert_eq!((&*record.arrival.name, record.position, record.ended), ("b", 0, None));
    assert_eq!(files.accept_block(block(0, 3), gateway).await, Ok(true));
}

fn release(reason: &str) -> FileRelease {
    FileRelease { at: at(5), reason: reason.into() }
}

async fn a_file_that_was_released_begins_with_its_release(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(files) = delivery.files() else { return };
    let [first, second] = [GatewayId::generate(), GatewayId::generate()];
    opened(begun(&*delivery, arrival("a", NOW), first).await);
    assert!(end(&*delivery, FileState::Refused, first).await);
    assert_eq!(files.released().await, Ok(Vec::new()));
    assert_eq!(files.release_file("r".into(), FILE, release("it is right")).await, Ok(true));
    assert_eq!(files.release_file("r".into(), FILE, release("once more")).await, Ok(false), "it is released");
    assert_eq!(files.accept_block(block(0, 3), first).await, Ok(false), "it is not begun");
    assert!(!end(&*delivery, FileState::Taken, first).await, "it is not begun");

    let delivery = reopened(subject, delivery).await;
    let files = delivery.files().expect("it takes files");
    let of_it = |file: &FileRecord| (file.arrival.name.to_string(), file.state, file.release.clone());
    let expected = ("a".to_owned(), FileState::Released, Some(release("it is right")));
    for filter in [FileFilter::default(), FileFilter { open: true, ..FileFilter::default() }] {
        let listed = files.files(filter).await.expect("files");
        assert_eq!(listed.iter().map(of_it).collect::<Vec<_>>(), std::slice::from_ref(&expected));
    }
    let released = files.released().await.expect("released");
    assert_eq!(released.iter().map(of_it).collect::<Vec<_>>(), std::slice::from_ref(&expected));
    assert!(released.iter().all(|file| file.receipt.is_none()), "lists are without receipts");
    let known = files.file("r".into(), FILE).await.expect("file").expect("it is there");
    assert_eq!((of_it(&known), known.ended, known.receipt.as_deref()), (expected, Some(at(3)), Some("{}")));

    let record = opened(begun(&*delivery, arrival("b", at(7)), second).await);
    assert_eq!(of_it(&record), ("b".to_owned(), FileState::Open, Some(release("it is right"))));
    assert_eq!(
        (record.position, record.ended, record.receipt, record.arrival.received),
        (0, None, None, at(7))
    );
    // Begun, it may still have to be found where it was set aside.
    let begun_with = files.released().await.expect("released");
    assert_eq!(begun_with.iter().map(|file| file.state).collect::<Vec<_>>(), [FileState::Open]);
    let from = |accept: Accept| Accept {
        envelope: Envelope { id: MessageId::of_record("r", FILE, at(7), 1), ..accept.envelope },
        ..accept
    };
    let mut first_block = block(0, 1);
    first_block.messages = first_block.messages.into_iter().map(from).collect();
    assert_eq!(files.accept_block(first_block, second).await, Ok(true));
    // It goes on with it, and ends with it.
    let delivery = reopened(subject, delivery).await;
    let files = delivery.files().expect("it takes files");
    let record = opened(begun(&*delivery, arrival("b", at(8)), second).await);
    assert_eq!((record.position, record.release), (1, Some(release("it is right"))));
    assert!(end(&*delivery, FileState::Taken, second).await);
    let known = files.file("r".into(), FILE).await.expect("file").expect("it is there");
    assert_eq!((known.state, known.release), (FileState::Taken, Some(release("it is right"))));
    assert_eq!(files.released().await, Ok(Vec::new()));
    assert_eq!(files.release_file("r".into(), FILE, release("again")).await, Ok(false), "it is taken");
}

async fn a_file_that_was_not_refused_is_not_released(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(files) = delivery.files() else { return };
    let gateway = GatewayId::generate();
    let released = async |route: &str, reason: &str| {
        files.release_file(route.into(), FILE, release(reason)).await.expect("release")
    };
    assert!(!released("r", "there is none").await);
    opened(begun(&*delivery, arrival("a", NOW), gateway).await);
    assert!(!released("r", "it is being taken").await);
    assert!(end(&*delivery, FileState::Refused, gateway).await);
    assert!(!released("s", "that of another route").await);
    assert!(released("r", "it is right").await);
    // Refused again, it is spent: dropped once more it begins without, and may be released once more.
    assert!(opened(begun(&*delivery, arrival("a", at(6)), gateway).await).release.is_some());
    assert!(end(&*delivery, FileState::Refused, gateway).await);
    let known = files.file("r".into(), FILE).await.expect("file").expect("it is there");
    assert_eq!((known.state, known.release), (FileState::Refused, Some(release("it is right"))));
    assert_eq!(opened(begun(&*delivery, arrival("a", at(7)), gateway).await).release, None);
    assert!(end(&*delivery, FileState::Refused, gateway).await);
    assert!(released("r", "a better word").await);
    let begun = opened(begun(&*delivery, arrival("a", at(8)), gateway).await);
    assert_eq!(begun.release, Some(release("a better word")));
}

async fn the_bundle_of_a_file_is_kept_while_it_is_taken(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    if delivery.files().is_none() {
        return;
    }
    let older = BundleHash([2; 32]);
    delivery.keep_bundle(older, bytes::Bytes::from_static(b"older")).await.expect("keep");
    let gateway = GatewayId::generate();
    opened(begun(&*delivery, Arrival { bundle: older, ..arrival("a", NOW) }, gateway).await);
    let delivery = reopened(subject, delivery).await;
    delivery.forget(at(9), 9).await.expect("forget");
    assert!(delivery.bundle(older).await.expect("bundle").is_some(), "a file goes on with it");
    assert!(end(&*delivery, FileState::Taken, gateway).await);
    delivery.forget(at(9), 9).await.expect("forget");
    assert_eq!(delivery.bundle(older).await, Ok(None));
}

async fn a_file_of_a_gateway_that_lives_is_elsewhere(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(files) = delivery.files() else { return };
    if !delivery.is_shared() {
        return;
    }
    let [first, second] = [GatewayId::generate(), GatewayId::generate()];
    for gateway in [first, second] {
        delivery.reconcile(gateway, NOW).await.expect("reconcile");
    }
    opened(begun(&*delivery, arrival("a", NOW), first).await);
    assert_eq!(files.accept_block(block(0, 3), first).await, Ok(true));
    let Arrived::Elsewhere(record) = begun(&*delivery, arrival("b", at(4)), second).await else {
        panic!("the first one is at it")
    };
    assert_eq!((record.gateway, record.position, &*record.arrival.name), (first, 3, "a"));
    assert_eq!(files.accept_block(block(3, 5), second).await, Ok(false));
    assert!(!end(&*delivery, FileState::Refused, second).await, "it is not the second one's");
    assert_eq!(opened(begun(&*delivery, arrival("a", NOW), first).await).position, 3);
    let never = GatewayId::generate();
    assert_eq!(files.gone(vec![never, first]).await, Ok(vec![never]));
    assert_eq!(files.accept_block(block(3, 5), first).await, Ok(true));
    assert!(end(&*delivery, FileState::Taken, first).await);
    assert!(matches!(begun(&*delivery, arrival("b", at(4)), second).await, Arrived::Known(_)));
}

async fn a_file_of_a_gateway_that_is_no_more_is_taken_over(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    if delivery.files().is_none() {
        return;
    }
    let [first, second] = [GatewayId::generate(), GatewayId::generate()];
    delivery.reconcile(first, NOW).await.expect("reconcile");
    let files = delivery.files().expect("it takes files");
    opened(begun(&*delivery, arrival("a", NOW), first).await);
    assert_eq!(files.accept_block(block(0, 3), first).await, Ok(true));

    let delivery = reopened(subject, delivery).await;
    delivery.reconcile(second, at(2)).await.expect("reconcile");
    let files = delivery.files().expect("it takes files");
    assert_eq!(files.gone(vec![first]).await, Ok(vec![first]));
    let record = opened(begun(&*delivery, arrival("a", at(4)), second).await);
    assert_eq!((record.gateway, record.position, record.arrival.received), (second, 3, NOW));
    // The first one lives after all, and does not know.
    assert_eq!(files.accept_block(block(3, 5), first).await, Ok(false));
    assert!(!end(&*delivery, FileState::Refused, first).await);
    assert_eq!(files.accept_block(block(3, 6), second).await, Ok(true));
    assert!(end(&*delivery, FileState::Taken, second).await);
    assert_eq!(ids(&claimed(&*delivery, second, 9, &[], at(2)).await).len(), 6);
}

/// With all that there is of it, and in its order.
async fn a_block_is_accepted_whole(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(files) = delivery.files() else { return };
    let gateway = GatewayId::generate();
    opened(begun(&*delivery, arrival("a", NOW), gateway).await);
    let mut whole = block(0, 1000);
    for (accept, mark) in whole.messages.iter_mut().zip((0..=250).cycle()) {
        accept.payload = payload(mark);
    }
    // Some messages wait a while.
    whole.messages[7].start = Start::Due(at(60));
    let messages = whole.messages.clone();
    // One whose bundle is not kept.
    let mut loose = whole.clone();
    loose.messages[999].envelope.bundle = BundleHash([9; 32]);
    files.accept_block(loose, gateway).await.expect_err("it could not be worked on");
    assert_eq!(count(&*delivery, StateKind::Waiting).await, 0, "all of a block or nothing");

    assert_eq!(files.accept_block(whole, gateway).await, Ok(true));
    let counts = FileCounts { messages: 1003, skipped: 2, rejected: 1 };
    let nothing = Block { from: 1000, to: 1006, messages: Vec::new(), counts, ..block(0, 0) };
    assert_eq!(files.accept_block(nothing, gateway).await, Ok(true), "records that became no messages");
    let record = opened(begun(&*delivery, arrival("a", NOW), gateway).await);
    assert_eq!((record.position, record.counts), (1006, counts));
    assert_eq!(count(&*delivery, StateKind::Waiting).await, 1000);
    let accept = &messages[7];
    let kept = known(&*delivery, accept.envelope.id).await;
    assert_eq!((&kept.envelope, &kept.payload), (&accept.envelope, &accept.payload));
    let (mut got, mut tries) = (Vec::new(), 0);
    while got.len() < 999 {
        let more = delivery.claim(gateway, 100, &[], at(2)).await.expect("claim");
        // A transport gives out no more than so many that are not settled.
        let finished = more.iter().map(|message| delivery.finish(message.claim, reply(), at(2)));
        join_all(finished).await.into_iter().for_each(|finished| finished.expect("finish"));
        if more.is_empty() {
            tries += 1;
            assert!(tries < 1000, "only {} were claimed", got.len());
            delivery.ready().await;
        }
        got.extend(more);
    }
    got.sort_by_key(|message| message.claim.id);
    let due = messages.iter().filter(|accept| accept.start == Start::Due(NOW));
    for (message, accept) in got.iter().zip(due) {
        assert_eq!((&message.envelope, &message.payload), (&accept.envelope, &accept.payload));
    }
    assert_eq!(claimed(&*delivery, gateway, 9, &[], at(2)).await, []);
    assert_eq!(ids(&claimed(&*delivery, gateway, 9, &[], at(61)).await), [accept.envelope.id]);
}

async fn messages_of_a_block_keep_the_order_of_their_key(subject: &dyn Subject) {
    let delivery = fresh(subject).await;
    let Some(files) = delivery.files() else { return };
    let gateway = GatewayId::generate();
    let before = waiting(&*delivery, ordered("r", "a", DeadLetters::Hold), NOW).await;
    opened(begun(&*delivery, arrival("a", NOW), gateway).await);
    let mut all = block(0, 6);
    for (accept, key) in all.messages.iter_mut().zip(["a", "b", "a", "b", "c", "b"]) {
        accept.envelope.order = ordered("r", key, DeadLetters::Hold).order;
    }
    let id: Vec<_> = all.messages.iter().map(|accept| accept.envelope.id).collect();
    assert_eq!(files.accept_block(all, gateway).await, Ok(true));
    let mut rounds = Vec::new();
    for second in 1..5 {
        let mut claims = claimed(&*delivery, gateway, 9, &[], at(second)).await;
        claims.sort_by_key(|claim| claim.id);
        for claim in &claims {
            delivery.finish(*claim, reply(), at(second)).await.expect("finish");
        }
        rounds.push(ids(&claims));
    }
    rounds[0].retain(|one| *one != before);
    assert_eq!(rounds, [vec![id[1], id[4]], vec![id[0], id[3]], vec![id[2], id[5]], vec![]]);
}
