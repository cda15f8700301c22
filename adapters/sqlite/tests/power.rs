//! Power cuts and full disks, under load: whatever was acknowledged is there afterwards. And the proof that the harness
//! would notice: without syncs, it finds messages lost.

#![allow(clippy::panic, reason = "a test says by a panic what does not hold")]

mod disk;

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use disk::{Cut, Disk, Draw};
use portolan_delivery::{
    Accept, Accepted, BundleHash, Delivery, DeliveryError, Envelope, GatewayId, Idempotency, MessageId,
    MessageStore, Mode, Outcome, Start, State, Timestamp,
};
use portolan_sqlite::{Durability, Options, SqliteDelivery};

const BUNDLE: BundleHash = BundleHash([1; 32]);

/// Small logs, so that checkpoints and new beginnings of the log happen within the test.
fn options(vfs: Option<String>, durability: Durability) -> Options {
    Options { checkpoint_after: 32 << 10, checkpoint_hold: 128 << 10, vfs, durability, ..Options::default() }
}

/// What callers were told.
#[derive(Default)]
struct Told {
    accepted: Mutex<Vec<MessageId>>,
    finished: Mutex<Vec<MessageId>>,
    intents: AtomicUsize,
}

fn payload(id: MessageId) -> Bytes {
    let mut draw = Draw(u64::from_be_bytes(id.0.as_bytes()[8..].try_into().expect("8 bytes")) | 1);
    (0..512).map(|_| u8::try_from(draw.next() % 256).expect("a byte")).collect::<Vec<u8>>().into()
}

fn reply(id: MessageId) -> Outcome {
    Outcome::Reply(Bytes::copy_from_slice(id.0.as_bytes()))
}

/// One caller: accepts and finishes until it is refused, or has done its share.
async fn call(delivery: &dyn Delivery, told: &Told, share: usize) -> Result<(), DeliveryError> {
    let gateway = GatewayId::generate();
    for _ in 0..share {
        let id = MessageId::generate();
        let envelope = Envelope {
            id,
            route: "r".into(),
            bundle: BUNDLE,
            mode: Mode::RequestReply,
            received: Timestamp(1),
            deadline: None,
            idempotency: Idempotency::No,
            order: None,
            caller: None,
            request_key: None,
            metadata: Vec::new(),
            traceparent: None,
            announced: false,
            group: None,
        };
        let accepted =
            delivery.accept(Accept { envelope, payload: payload(id), start: Start::Now(gateway) }).await?;
        told.accepted.lock().expect("told").push(id);
        told.intents.fetch_add(1, Ordering::SeqCst);
        let Accepted::New(Some(claim)) = accepted else { panic!("a new message with a claim") };
        delivery.finish(claim, reply(id), Timestamp(2)).await?;
        told.finished.lock().expect("told").push(id);
        told.intents.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

/// How many of what callers were told is not so, in the file that was left.
async fn lost(file: &Path, accepted: &[MessageId], finished: &[MessageId]) -> usize {
    let Ok(delivery) = SqliteDelivery::open(file, options(None, Durability::PowerCut)) else {
        return accepted.len();
    };
    let mut lost = 0;
    for id in accepted {
        match delivery.get(*id).await {
            Ok(Some(record)) => lost += usize::from(record.payload != payload(*id)),
            _ => lost += 1,
        }
    }
    for id in finished {
        let outcome = delivery.get(*id).await.ok().flatten().map(|record| record.state);
        lost += usize::from(outcome != Some(State::Finished { outcome: reply(*id), at: Timestamp(2) }));
    }
    lost
}

const CALLERS: usize = 16;
const SHARE: usize = 60;
const CUTS: u64 = 10;

/// Runs callers, cuts the power at many instants on the way, and counts what was lost over all of them.
async fn cuts(name: &str, durability: Durability) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let (disk, vfs) = Disk::mount(name);
    let file = folder.path().join("queue.db");
    let delivery = Arc::new(SqliteDelivery::open(&file, options(Some(vfs), durability)).expect("open"));
    delivery.keep_bundle(BUNDLE, Bytes::from_static(b"bundle")).await.expect("keep bundle");
    let told = Arc::new(Told::default());
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (delivery, told) = (delivery.clone(), told.clone());
            tokio::spawn(async move { call(&*delivery, &told, SHARE).await })
        })
        .collect();
    let mut total = 0;
    let all = CALLERS * SHARE * 2;
    for cut in 0..CUTS {
        let until = all * usize::try_from(cut).expect("small") / usize::try_from(CUTS).expect("small");
        while told.intents.load(Ordering::SeqCst) < until {
            tokio::task::yield_now().await;
        }
        // First what was told, then the cut: whatever was told by then must have been synced.
        let accepted = told.accepted.lock().expect("told").clone();
        let finished = told.finished.lock().expect("told").clone();
        let left = tempfile::tempdir().expect("a folder");
        disk.cut(left.path(), if cut % 3 == 0 { Cut::Nothing } else { Cut::Some(cut) });
        total += lost(&left.path().join("queue.db"), &accepted, &finished).await;
    }
    for caller in callers {
        caller.await.expect("caller").expect("no refusal");
    }
    total
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_a_power_cut() {
    assert_eq!(cuts("forgetful", Durability::PowerCut).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_syncs_the_harness_finds_losses() {
    assert_ne!(cuts("forgetful-unsynced", Durability::ProcessOnly).await, 0);
}

/// Breaks the disk under load: everybody is refused from then on, and what was acknowledged is there after a restart.
async fn broken(name: &str, break_it: fn(&Disk)) {
    let folder = tempfile::tempdir().expect("a folder");
    let (disk, vfs) = Disk::mount(name);
    let file = folder.path().join("queue.db");
    let delivery =
        Arc::new(SqliteDelivery::open(&file, options(Some(vfs), Durability::PowerCut)).expect("open"));
    delivery.keep_bundle(BUNDLE, Bytes::from_static(b"bundle")).await.expect("keep bundle");
    let told = Arc::new(Told::default());
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (delivery, told) = (delivery.clone(), told.clone());
            tokio::spawn(async move { call(&*delivery, &told, usize::MAX).await })
        })
        .collect();
    while told.intents.load(Ordering::SeqCst) < 300 {
        tokio::task::yield_now().await;
    }
    break_it(disk);
    for caller in callers {
        let refused = caller.await.expect("caller");
        assert!(matches!(refused, Err(DeliveryError::Fatal(_))), "{refused:?}");
    }
    disk.full.store(false, Ordering::SeqCst);
    disk.broken.store(false, Ordering::SeqCst);
    let later = call(&*delivery, &told, 1).await;
    assert!(
        matches!(later, Err(DeliveryError::Fatal(_))),
        "a disk that recovered does not undo it: {later:?}"
    );
    delivery.ready().await;
    let accepted = told.accepted.lock().expect("told").clone();
    let finished = told.finished.lock().expect("told").clone();
    let left = tempfile::tempdir().expect("a folder");
    disk.cut(left.path(), Cut::Nothing);
    assert_eq!(lost(&left.path().join("queue.db"), &accepted, &finished).await, 0, "after a power cut");
    drop(delivery);
    assert_eq!(lost(&file, &accepted, &finished).await, 0, "after a restart");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_loses_nothing() {
    broken("full", |disk| disk.full.store(true, Ordering::SeqCst)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_refuses_and_loses_nothing() {
    broken("broken", |disk| disk.broken.store(true, Ordering::SeqCst)).await;
}
