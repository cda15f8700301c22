//! The suite of `Delivery`, on a file in a folder of its own for each case.

use std::sync::Arc;

use portolan_delivery::{
    BoxFuture, Delivery,
    testing::{SUITE, Subject},
};
use portolan_sqlite::{Options, SqliteDelivery};

struct File(tempfile::TempDir);

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holds_what_every_delivery_holds() {
    for case in SUITE.iter().copied().flatten() {
        println!("{}", case.name);
        let subject = File(tempfile::tempdir().expect("a folder"));
        (case.run)(&subject).await;
    }
}
