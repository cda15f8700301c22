//! The composite over two stores in memory: the suite that every `Delivery` passes, and a kill between any two steps.

use std::sync::Arc;

use portolan_delivery::{
    BoxFuture, Delivery,
    composite::Composite,
    testing::{
        FakeBroker, FakeDatabase, FakeLedger, FakeTransport, Fuse, SUITE, Subject,
        kill::{Stores, at_every_step},
    },
};

#[derive(Default)]
struct TwoStores {
    broker: FakeBroker,
    database: FakeDatabase,
}

impl Stores for TwoStores {
    fn process(&self, fuse: Fuse) -> Arc<dyn Delivery> {
        self.broker.disconnect();
        let transport = FakeTransport::new(self.broker.clone(), fuse.clone());
        Arc::new(Composite::new(transport, FakeLedger::new(self.database.clone(), fuse)))
    }

    fn undelivered(&self) -> usize {
        self.broker.len()
    }

    fn fresh() -> Self {
        Self::default()
    }
}

impl Subject for TwoStores {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Delivery>> {
        Box::pin(async { self.process(Fuse::never()) })
    }

    fn crash(&self, delivery: Arc<dyn Delivery>) -> BoxFuture<'_, ()> {
        Box::pin(async { drop(delivery) })
    }
}

#[tokio::test]
async fn holds_what_every_delivery_holds() {
    for case in SUITE.iter().copied().flatten() {
        println!("{}", case.name);
        (case.run)(&TwoStores::default()).await;
    }
}

#[tokio::test]
async fn holds_when_killed_between_any_two_steps() {
    let runs = at_every_step::<TwoStores>().await;
    println!("{runs} runs");
    assert!(runs > 100, "only {runs} runs: the fuse does not burn");
}
