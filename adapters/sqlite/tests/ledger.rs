//! The ledger beside a transport: what becomes of a message whose parcel is lost on its way, and what a restart publishes
//! again.

use std::time::Duration;

use portolan_delivery::{
    Accept, Envelope, GatewayId, MessageId, MessageStore, Start, Timestamp,
    composite::{Composite, Ledger, Parcel},
    testing::{
        FakeBroker, FakeTransport, Fuse,
        messages::{BUNDLE, NOW, claimed, envelope, ids, payload, waiting},
        suspects,
    },
};
use portolan_sqlite::{Durability, Options, SqliteDelivery, SqliteLedger};

async fn open(folder: &tempfile::TempDir) -> SqliteLedger {
    let options = Options { durability: Durability::ProcessOnly, ..Options::default() };
    let ledger = SqliteLedger::open(folder.path().join("ledger.db"), options).expect("open");
    ledger.keep_bundle(BUNDLE, "bundle".into()).await.expect("keep bundle");
    ledger
}

async fn insert(ledger: &SqliteLedger, envelope: Envelope) -> Parcel {
    let parcel = Parcel { id: envelope.id, route: envelope.route.clone(), attempt: 1, due: NOW };
    ledger.insert(Accept { envelope, payload: payload(1), start: Start::Due(NOW) }).await.expect("insert");
    parcel
}

async fn due(ledger: &SqliteLedger, now: Timestamp) -> Vec<MessageId> {
    ledger.due(9999, &[], now).await.expect("due").into_iter().map(|parcel| parcel.id).collect()
}

#[tokio::test]
async fn what_was_not_seen_to_be_published_is_handed_out_again_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = open(&folder).await;
    let lost = insert(&ledger, envelope("r")).await;
    let sent = insert(&ledger, envelope("r")).await;
    ledger.mark_published(&sent).await.expect("mark");
    assert_eq!(due(&ledger, NOW).await, [], "both are on their way");
    let later = NOW.plus(Duration::from_secs(10));
    assert_eq!(due(&ledger, later).await, [lost.id]);
    assert_eq!(due(&ledger, later).await, []);
    // A parcel that comes after all is good.
    let gateway = GatewayId::generate();
    for parcel in [&lost, &sent] {
        assert!(ledger.claim(parcel, gateway, later).await.expect("claim").is_some());
        assert!(ledger.claim(parcel, gateway, later).await.expect("claim").is_none(), "once");
    }
    assert_eq!(due(&ledger, later.plus(Duration::from_secs(60))).await, []);
}

#[tokio::test]
async fn a_restart_publishes_again_what_may_not_have_been_and_few_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = open(&folder).await;
    let mut parcels = Vec::new();
    for _ in 0..2500 {
        let parcel = insert(&ledger, envelope("r")).await;
        ledger.mark_published(&parcel).await.expect("mark");
        parcels.push(parcel);
    }
    let lost = insert(&ledger, envelope("r")).await;
    drop(ledger);
    let ledger = open(&folder).await;
    let again = due(&ledger, NOW).await;
    assert!(again.contains(&lost.id));
    assert!(again.len() <= 1001, "{} of 2501 again", again.len());
    let counts = ledger.counts().await.expect("counts");
    assert_eq!(counts.iter().map(|count| count.messages).sum::<u64>(), 2501);
    let gateway = GatewayId::generate();
    for parcel in parcels.iter().chain([&lost]) {
        assert!(ledger.claim(parcel, gateway, NOW).await.expect("claim").is_some());
    }
}

#[tokio::test]
async fn suspects_take_turns() {
    suspects::take_turns(&open(&tempfile::tempdir().expect("a folder")).await).await;
}

#[tokio::test]
async fn what_the_transport_lost_is_published_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = FakeBroker::default();
    let transport = FakeTransport::new(broker.clone(), Fuse::never());
    let delivery = Composite::new(transport, open(&folder).await);
    let gateway = GatewayId::generate();
    assert_eq!(claimed(&delivery, gateway, 9, &[], NOW).await, [], "and it has looked for lost ones");
    let mut expected = Vec::new();
    for route in ["r", "r", "s"] {
        expected.push(waiting(&delivery, envelope(route), NOW).await);
    }
    broker.purge();
    let later = NOW.plus(Duration::from_secs(40));
    assert_eq!(claimed(&delivery, gateway, 9, &[], NOW).await, []);
    assert_eq!(ids(&claimed(&delivery, gateway, 9, &[], later).await), expected);
    assert_eq!(broker.len(), 3, "each once");
}

#[tokio::test]
async fn a_ledger_may_become_a_queue() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = open(&folder).await;
    let mut ids = Vec::new();
    for _ in 0..1200 {
        let parcel = insert(&ledger, envelope("r")).await;
        ledger.mark_published(&parcel).await.expect("mark");
        ids.push(parcel.id);
    }
    drop(ledger);
    let queue = SqliteDelivery::open(folder.path().join("ledger.db"), Options::default()).expect("open");
    queue.keep_bundle(BUNDLE, "bundle".into()).await.expect("keep bundle");
    let mut taken = Vec::new();
    while taken.len() < ids.len() {
        let claims = claimed(&queue, GatewayId::generate(), 500, &[], NOW).await;
        assert!(!claims.is_empty(), "{} of {}", taken.len(), ids.len());
        taken.extend(claims.into_iter().map(|claim| claim.id));
    }
    taken.sort();
    assert_eq!(taken, ids);
}
