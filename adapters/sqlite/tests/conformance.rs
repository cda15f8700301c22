//! The suite of `Delivery`, on a file in a folder of its own for each case: as queue and ledger in one, and as the ledger
//! under the composite with a broker in memory.

use std::sync::Arc;

use portolan_delivery::{
    BoxFuture, Delivery, Event,
    composite::Composite,
    testing::{FakeBroker, FakeTransport, Fuse, SUITE, Subject},
};
use portolan_sqlite::{Options, SqliteDelivery, SqliteLedger};

struct File(tempfile::TempDir);

struct Beside(tempfile::TempDir, FakeBroker);

impl Subject for File {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Delivery>> {
        let delivery =
            SqliteDelivery::open(self.0.path().join("queue.db"), Options::default()).expect("open");
        Box::pin(async move { Arc::new(delivery) as Arc<dyn Delivery> })
    }

    fn crash(&self, delivery: Arc<dyn Delivery>) -> BoxFuture<'_, ()> {
        assert_eq!(Arc::strong_count(&delivery), 1, "nobody else holds the file");
        Box::pin(async move { drop(delivery) })
    }
}

impl Subject for Beside {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Delivery>> {
        let ledger = SqliteLedger::open(self.0.path().join("ledger.db"), Options::default()).expect("open");
        self.1.disconnect();
        let transport = FakeTransport::new(self.1.clone(), Fuse::never());
        Box::pin(async move { Arc::new(Composite::new(transport, ledger)) as Arc<dyn Delivery> })
    }

    fn crash(&self, delivery: Arc<dyn Delivery>) -> BoxFuture<'_, ()> {
        assert_eq!(Arc::strong_count(&delivery), 1, "nobody else holds the file");
        Box::pin(async move { drop(delivery) })
    }

    fn announced(&self) -> Option<Vec<Event>> {
        Some(self.1.announced())
    }
}

async fn holds_what_every_delivery_holds<S: Subject>(fresh: impl Fn(tempfile::TempDir) -> S) {
    for case in SUITE.iter().copied().flatten() {
        println!("{}", case.name);
        let subject = fresh(tempfile::tempdir().expect("a folder"));
        (case.run)(&subject).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_queue_and_ledger_in_one() {
    holds_what_every_delivery_holds(File).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_the_ledger_beside_a_transport() {
    holds_what_every_delivery_holds(|folder| Beside(folder, FakeBroker::default())).await;
}
