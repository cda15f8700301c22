//! The suite of `Delivery` over this transport on real servers: with the ledger in PostgreSQL, on one node of RabbitMQ and on
//! a cluster of three; and with the ledger in a file, on one.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use portolan_delivery::{
    BoxFuture, Delivery, GatewayId, MessageStore,
    composite::{Composite, Ledger},
    testing::{
        SUITE, Subject,
        messages::{BUNDLE, NOW, at, envelope, reply, waiting},
    },
};
use portolan_postgres::PostgresLedger;
use portolan_rabbitmq::{Options, RabbitTransport};
use portolan_sqlite::SqliteLedger;
use portolan_test_servers::{Broker, Cluster, Database};
use tempfile::TempDir;

/// What remembers messages beside the broker.
enum Beside {
    Postgres(Database),
    /// A file in a folder of its own for each case.
    Sqlite(Mutex<TempDir>),
}

struct Servers {
    url: String,
    ledger: Beside,
    /// Each has queues of its own, so that nothing is cleared away between them.
    case: AtomicUsize,
}

impl Servers {
    fn new(url: String, ledger: Beside) -> Self {
        Self { url, ledger, case: AtomicUsize::new(0) }
    }

    fn postgres(url: String) -> Self {
        Self::new(url, Beside::Postgres(Database::start()))
    }

    async fn transport(&self) -> RabbitTransport {
        let ledger = if matches!(self.ledger, Beside::Postgres(_)) { "postgres" } else { "sqlite" };
        let queue_prefix = format!("{ledger}{}", self.case.load(Ordering::Relaxed));
        // What should come does, however slow the machine is.
        let receive_wait = Duration::from_secs(30);
        let options = Options { queue_prefix, receive_wait, ..Options::new(&self.url) };
        RabbitTransport::open(options).await.expect("open")
    }

    /// For the next case, with nothing in the ledger.
    async fn clear(&self) {
        match &self.ledger {
            Beside::Postgres(database) => execute(database, "DROP SCHEMA IF EXISTS portolan CASCADE").await,
            Beside::Sqlite(folder) => {
                *folder.lock().expect("nobody panics") = tempfile::tempdir().expect("a folder")
            }
        }
        self.case.fetch_add(1, Ordering::Relaxed);
    }
}

/// A statement of the test's own.
async fn execute(database: &Database, sql: &str) {
    let (client, driver) =
        tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.expect("connect");
    let driver = tokio::spawn(driver);
    client.batch_execute(sql).await.expect(sql);
    driver.abort();
}

async fn over(transport: RabbitTransport, ledger: impl Ledger) -> Arc<dyn Delivery> {
    let delivery = Composite::new(transport, ledger);
    delivery.serve(&[]).await.expect("what waits is listened to");
    Arc::new(delivery)
}

impl Subject for Servers {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Delivery>> {
        Box::pin(async {
            let transport = self.transport().await;
            match &self.ledger {
                Beside::Postgres(database) => {
                    // A machine that is busy with other tests is no finding.
                    let patience = Duration::from_secs(60);
                    let options = portolan_postgres::Options {
                        patience,
                        ..portolan_postgres::Options::new(database.url())
                    };
                    over(transport, PostgresLedger::open(options).await.expect("open")).await
                }
                Beside::Sqlite(folder) => {
                    let file = folder.lock().expect("nobody panics").path().join("ledger.db");
                    let ledger = SqliteLedger::open(&file, portolan_sqlite::Options::default());
                    over(transport, ledger.expect("open")).await
                }
            }
        })
    }

    fn crash(&self, delivery: Arc<dyn Delivery>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            drop(delivery);
            if let Beside::Postgres(database) = &self.ledger {
                // As if its lease had run out: no test waits for a clock.
                let sql = "UPDATE portolan.leases SET expires = '-infinity';
                           UPDATE portolan.messages SET taken = '-infinity';
                           UPDATE portolan.events SET taken = '-infinity'";
                execute(database, sql).await;
            }
        })
    }
}

/// Only cases whose name has `PORTOLAN_CASE` in it, where that is set.
async fn holds_what_every_delivery_holds(servers: &Servers) {
    let only = std::env::var("PORTOLAN_CASE").unwrap_or_default();
    for case in SUITE.iter().copied().flatten().filter(|case| case.name.contains(&only)) {
        let begun = std::time::Instant::now();
        servers.clear().await;
        (case.run)(servers).await;
        println!("{}: {:?}", case.name, begun.elapsed());
    }
}

/// An operator purges a queue with messages, and deletes it.
async fn what_the_broker_lost_is_published_again(servers: &Servers, broker: &Broker) {
    let Beside::Postgres(database) = &servers.ledger else { return };
    servers.clear().await;
    let ledger = portolan_postgres::Options {
        republish_after: Duration::ZERO,
        ..portolan_postgres::Options::new(database.url())
    };
    let options = Options { queue_prefix: "lost".to_owned(), prefetch: 8, ..Options::new(broker.url()) };
    let delivery = Composite::new(
        RabbitTransport::open(options).await.expect("open"),
        PostgresLedger::open(ledger).await.expect("open"),
    );
    delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    delivery.serve(&["r".into()]).await.expect("serve");
    let gateway = GatewayId::generate();
    let (mut minute, begun) = (0, std::time::Instant::now());
    for loses in ["purge_queue", "delete_queue"] {
        let mut missing = HashSet::new();
        for _ in 0..40 {
            missing.insert(waiting(&delivery, envelope("r"), NOW).await);
        }
        tokio::task::block_in_place(|| broker.ctl(&[loses, "lost.route.r"]));
        while !missing.is_empty() {
            minute += 1;
            assert!(begun.elapsed() < Duration::from_secs(120), "{loses}: {} are lost", missing.len());
            // That the queue is gone is an error once.
            for message in delivery.claim(gateway, 10, &[], at(60 * minute)).await.unwrap_or_default() {
                assert!(missing.remove(&message.claim.id), "claimed twice");
                delivery.finish(message.claim, reply(), at(60 * minute)).await.expect("finish");
            }
        }
        println!("{loses}: all are back, at minute {minute}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_one_node() {
    let broker = tokio::task::spawn_blocking(Broker::start).await.expect("start");
    let servers = Servers::postgres(broker.url());
    holds_what_every_delivery_holds(&servers).await;
    what_the_broker_lost_is_published_again(&servers, &broker).await;
    let beside_a_file = Beside::Sqlite(Mutex::new(tempfile::tempdir().expect("a folder")));
    holds_what_every_delivery_holds(&Servers::new(broker.url(), beside_a_file)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_three_nodes() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(3)).await.expect("start");
    holds_what_every_delivery_holds(&Servers::postgres(cluster.urls())).await;
}
