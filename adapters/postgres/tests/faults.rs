//! A database that is killed under the ledger, and two gateways over one.

use std::{sync::Arc, time::Duration};

use portolan_delivery::{
    Accept, Accepted, GatewayId, Start, StateKind,
    composite::{Ledger, Parcel},
    testing::messages::{BUNDLE, NOW, envelope, payload, repeatable, reply},
};
use portolan_postgres::{Options, PostgresLedger};
use portolan_test_servers::Database;

async fn open(database: &Database) -> Arc<PostgresLedger> {
    let ledger = PostgresLedger::open(Options::new(database.url())).await.expect("open");
    ledger.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    Arc::new(ledger)
}

async fn kind(ledger: &PostgresLedger, id: portolan_delivery::MessageId) -> StateKind {
    ledger.get(id).await.expect("get").expect("the message").state.kind()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_database_loses_nothing_and_outcomes_are_recorded_when_it_is_back() {
    let database = Database::start();
    let ledger = open(&database).await;
    let gateway = GatewayId::generate();
    ledger.reconcile(gateway, NOW).await.expect("reconcile");
    let mut claims = Vec::new();
    for _ in 0..20 {
        let accept = Accept { envelope: envelope("r"), payload: payload(1), start: Start::Now(gateway) };
        match ledger.insert(accept).await.expect("insert") {
            Accepted::New(Some(claim)) => claims.push(claim),
            other => panic!("a claim, not {other:?}"),
        }
    }
    database.kill();
    let settling: Vec<_> = claims
        .iter()
        .map(|claim| {
            let (ledger, claim) = (ledger.clone(), *claim);
            tokio::spawn(async move { ledger.finish(claim, reply(), NOW).await })
        })
        .collect();
    database.restart();
    for settled in settling {
        settled.await.expect("no panic").expect("recorded, once the database is back");
    }
    for claim in claims {
        assert_eq!(kind(&ledger, claim.id).await, StateKind::Finished);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_share_what_is_due_and_leave_each_others_attempts_alone() {
    let database = Database::start();
    let (one, two) = tokio::join!(open(&database), open(&database));
    let (first, second) = (GatewayId::generate(), GatewayId::generate());
    one.reconcile(first, NOW).await.expect("reconcile");
    two.reconcile(second, NOW).await.expect("reconcile");
    for _ in 0..10 {
        let envelope = repeatable("r");
        let soon = NOW.plus(Duration::from_secs(1));
        let accept = Accept { envelope, payload: payload(1), start: Start::Due(soon) };
        one.insert(accept).await.expect("insert");
    }
    let later = NOW.plus(Duration::from_secs(2));
    // Whoever looks at the outbox at the same time: each parcel is published by one.
    let (a, b) = tokio::join!(one.due(10, &[], later), two.due(10, &[], later));
    let mut parcels = a.expect("due");
    parcels.extend(b.expect("due"));
    parcels.extend(one.due(10, &[], later).await.expect("due"));
    let mut ids: Vec<_> = parcels.iter().map(|parcel: &Parcel| parcel.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((parcels.len(), ids.len()), (10, 10), "each parcel to one of them");
    // A claim is one gateway's, however often its parcel comes.
    for parcel in &parcels {
        let (a, b) = tokio::join!(one.claim(parcel, first, later), two.claim(parcel, second, later));
        assert_eq!(a.expect("claim").iter().count() + b.expect("claim").iter().count(), 1);
    }
    // Both are alive, so neither settles the other's attempts.
    assert_eq!(one.reconcile(first, later).await.expect("reconcile"), Default::default());
    assert_eq!(two.reconcile(second, later).await.expect("reconcile"), Default::default());
    for id in ids {
        assert_eq!(kind(&one, id).await, StateKind::Claimed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_cannot_be_read_is_a_dead_letter_and_stops_no_other() {
    let database = Database::start();
    let ledger = open(&database).await;
    let (gone, here) = (GatewayId::generate(), GatewayId::generate());
    let mut ids = Vec::new();
    for start in [Start::Now(gone), Start::Now(gone), Start::Due(NOW), Start::Due(NOW)] {
        let envelope = repeatable("r");
        ids.push(envelope.id);
        ledger.insert(Accept { envelope, payload: payload(1), start }).await.expect("insert");
    }
    let (client, driver) =
        tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.expect("connect");
    let driver = tokio::spawn(driver);
    let damage = "UPDATE portolan.messages SET envelope = 'damaged' WHERE id = ANY($1)";
    client.execute(damage, &[&vec![ids[0].0, ids[2].0]]).await.expect("damage");
    driver.abort();
    let reconciled = ledger.reconcile(here, NOW).await.expect("a gateway starts all the same");
    assert_eq!((reconciled.requeued, reconciled.buried), (1, 1));
    let parcel = |id| Parcel { id, route: "r".into(), attempt: 1 };
    assert!(ledger.claim(&parcel(ids[2]), here, NOW).await.expect("claim").is_none());
    assert!(ledger.claim(&parcel(ids[3]), here, NOW).await.expect("claim").is_some());
    let counts = ledger.counts().await.expect("counts");
    let dead = counts.iter().find(|count| count.state == StateKind::Dead).expect("dead letters");
    assert_eq!(dead.messages, 2);
}
