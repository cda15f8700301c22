//! The suite of `Delivery`: this ledger, on a real server, under the composite with a broker in memory.

use std::{sync::Arc, time::Duration};

use portolan_delivery::{
    BoxFuture, Delivery, Event,
    composite::Composite,
    testing::{FakeBroker, FakeTransport, Fuse, SUITE, Subject},
};
use portolan_postgres::{Options, PostgresLedger};
use portolan_test_servers::Database;

struct Server {
    database: Database,
    broker: FakeBroker,
}

impl Server {
    /// A statement of the test's own.
    async fn execute(&self, sql: &str) {
        let (client, driver) =
            tokio_postgres::connect(&self.database.url(), tokio_postgres::NoTls).await.expect("connect");
        let driver = tokio::spawn(driver);
        client.batch_execute(sql).await.expect(sql);
        driver.abort();
    }
}

impl Subject for Server {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Delivery>> {
        Box::pin(async {
            // A machine that is busy with other tests is no finding.
            let patience = Duration::from_secs(60);
            let options = Options { patience, ..Options::new(self.database.url()) };
            let ledger = PostgresLedger::open(options).await.expect("open");
            self.broker.disconnect();
            let transport = FakeTransport::new(self.broker.clone(), Fuse::never());
            Arc::new(Composite::new(transport, ledger)) as Arc<dyn Delivery>
        })
    }

    fn crash(&self, delivery: Arc<dyn Delivery>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            drop(delivery);
            // As if its lease had run out: no test waits for a clock.
            self.execute(
                "UPDATE portolan.leases SET expires = '-infinity';
                 UPDATE portolan.messages SET taken = '-infinity';
                 UPDATE portolan.events SET taken = '-infinity'",
            )
            .await;
        })
    }

    fn announced(&self) -> Option<Vec<Event>> {
        Some(self.broker.announced())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holds_what_every_delivery_holds() {
    let mut server = Server { database: Database::start(), broker: FakeBroker::default() };
    for case in SUITE.iter().copied().flatten() {
        println!("{}", case.name);
        server.broker = FakeBroker::default();
        server.execute("DROP SCHEMA IF EXISTS portolan CASCADE").await;
        (case.run)(&server).await;
    }
}
