//! The composite over two stores in memory: the suite that every `Delivery` passes, and a kill between any two steps.

use std::sync::Arc;

use portolan_delivery::{
    BoxFuture, Delivery, GatewayId,
    composite::Composite,
    testing::{
        FakeBroker, FakeDatabase, FakeLedger, FakeTransport, Fuse, SUITE, Subject,
        kill::{Stores, at_every_step},
        messages::{BUNDLE, NOW, claimed, envelope, ids, waiting},
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
async fn a_claim_that_fails_strands_neither_its_parcel_nor_the_other_claims() {
    let stores = TwoStores::default();
    let delivery = stores.process(Fuse::never());
    delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    let gateway = GatewayId::generate();
    let mut expected = Vec::new();
    for _ in 0..3 {
        expected.push(waiting(&*delivery, envelope("r"), NOW).await);
    }
    stores.database.refuse_claims(1);
    let mut got = ids(&claimed(&*delivery, gateway, 9, &[], NOW).await);
    assert_eq!(got.len(), 2, "what was claimed is given out, though another claim failed");
    stores.database.refuse_claims(1);
    delivery.claim(gateway, 9, &[], NOW).await.expect_err("nothing was claimed, and that is told");
    got.extend(ids(&claimed(&*delivery, gateway, 9, &[], NOW).await));
    got.sort();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn holds_when_killed_between_any_two_steps() {
    let runs = at_every_step::<TwoStores>().await;
    println!("{runs} runs");
    assert!(runs > 100, "only {runs} runs: the fuse does not burn");
}
