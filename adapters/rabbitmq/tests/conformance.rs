//! The suite of `Delivery` over this transport and the ledger in PostgreSQL, on real servers: with one node of RabbitMQ, and
//! with a cluster of three.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use portolan_delivery::{
    BoxFuture, Delivery, GatewayId, MessageStore,
    composite::Composite,
    testing::{
        SUITE, Subject,
        messages::{BUNDLE, NOW, at, envelope, reply, waiting},
    },
};
use portolan_postgres::PostgresLedger;
use portolan_rabbitmq::{Options, RabbitTransport};
use portolan_test_servers::{Broker, Cluster, Database};

struct Servers {
    url: String,
    database: Database,
    /// Each has queues of its own, so that nothing is cleared away between them.
    case: AtomicUsize,
}

impl Servers {
    fn new(url: String) -> Self {
        Self { url, database: Database::start(), case: AtomicUsize::new(0) }
    }

    /// A statement of the test's own.
    async fn execute(&self, sql: &str) {
        let (client, driver) =
            tokio_postgres::connect(&self.database.url(), tokio_postgres::NoTls).await.expect("connect");
        let driver = tokio::spawn(driver);
        client.batch_execute(sql).await.expect(sql);
        driver.abort();
    }
}

impl Subject for Servers {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Delivery>> {
        Box::pin(async {
            let ledger = portolan_postgres::Options::new(self.database.url());
            let ledger = PostgresLedger::open(ledger).await.expect("open");
            let queue_prefix = format!("case{}", self.case.load(Ordering::Relaxed));
            // What should come does, however slow the machine is.
            let receive_wait = Duration::from_secs(30);
            let options = Options { queue_prefix, receive_wait, ..Options::new(&self.url) };
            let transport = RabbitTransport::open(options).await.expect("open");
            let delivery = Composite::new(transport, ledger);
            delivery.serve(&[]).await.expect("what waits is listened to");
            Arc::new(delivery) as Arc<dyn Delivery>
        })
    }

    fn crash(&self, delivery: Arc<dyn Delivery>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            drop(delivery);
            // As if its lease had run out: no test waits for a clock.
            self.execute(
                "UPDATE portolan.leases SET expires = '-infinity';
                 UPDATE portolan.messages SET taken = '-infinity'",
            )
            .await;
        })
    }
}

async fn holds_what_every_delivery_holds(servers: &Servers) {
    for case in SUITE.iter().copied().flatten() {
        let begun = std::time::Instant::now();
        servers.execute("DROP SCHEMA IF EXISTS portolan CASCADE").await;
        servers.case.fetch_add(1, Ordering::Relaxed);
        (case.run)(servers).await;
        println!("{}: {:?}", case.name, begun.elapsed());
    }
}

/// An operator purges a queue with messages, and deletes it.
async fn what_the_broker_lost_is_published_again(servers: &Servers, broker: &Broker) {
    servers.execute("DROP SCHEMA IF EXISTS portolan CASCADE").await;
    let ledger = portolan_postgres::Options {
        republish_after: Duration::ZERO,
        ..portolan_postgres::Options::new(servers.database.url())
    };
    let options = Options { queue_prefix: "lost".to_owned(), prefetch: 8, ..Options::new(broker.url()) };
    let delivery = Composite::new(
        RabbitTransport::open(options).await.expect("open"),
        PostgresLedger::open(ledger).await.expect("open"),
    );
    delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    delivery.serve(&["r".into()]).await.expect("serve");
    let gateway = GatewayId::generate();
    let mut minute = 0;
    for loses in ["purge_queue", "delete_queue"] {
        let mut missing = HashSet::new();
        for _ in 0..40 {
            missing.insert(waiting(&delivery, envelope("r"), NOW).await);
        }
        tokio::task::block_in_place(|| broker.ctl(&[loses, "lost.route.r"]));
        while !missing.is_empty() {
            minute += 1;
            assert!(minute < 200, "{loses}: {} are lost", missing.len());
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
    let servers = Servers::new(broker.url());
    holds_what_every_delivery_holds(&servers).await;
    what_the_broker_lost_is_published_again(&servers, &broker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_three_nodes() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(3)).await.expect("start");
    holds_what_every_delivery_holds(&Servers::new(cluster.urls())).await;
}
