//! The composite over two stores in memory: the suite that every `Delivery` passes, and a kill between any two steps.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use portolan_delivery::{
    Accept, Arrival, Arrived, Block, BoxFuture, Delivery, Envelope, Event, FileCounts, FileEnd, FileHash,
    FileState, GatewayId, MessageId, Start,
    composite::Composite,
    testing::{
        FakeBroker, FakeDatabase, FakeLedger, FakeTransport, Fuse, SUITE, Subject,
        kill::{Stores, at_every_step},
        messages::{BUNDLE, NOW, at, claimed, envelope, ids, payload, reply, waiting},
        suspects,
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

    fn announced(&self) -> Vec<Event> {
        self.broker.announced()
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

    fn announced(&self) -> Option<Vec<Event>> {
        Some(self.broker.announced())
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
async fn suspects_take_turns() {
    suspects::take_turns(&FakeLedger::new(FakeDatabase::default(), Fuse::never())).await;
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
async fn what_the_transport_lost_is_published_again_and_what_it_holds_is_not() {
    let stores = TwoStores::default();
    let delivery = stores.process(Fuse::never());
    delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    let gateway = GatewayId::generate();
    let mut expected = Vec::new();
    for _ in 0..3 {
        expected.push(waiting(&*delivery, envelope("r"), NOW).await);
    }
    stores.broker.purge();
    for _ in 0..2 {
        expected.push(waiting(&*delivery, envelope("r"), NOW).await);
    }
    let none: [Arc<str>; 1] = ["r".into()];
    assert_eq!(claimed(&*delivery, gateway, 9, &none, NOW).await, []);
    assert_eq!(stores.broker.len(), 2, "a route that is passed over is published to later");
    let mut got = ids(&claimed(&*delivery, gateway, 9, &[], NOW).await);
    got.sort();
    assert_eq!(got, expected);
    let backlog = waiting(&*delivery, envelope("s"), NOW).await;
    for minute in 1..5 {
        let except = ["s".into()];
        assert_eq!(claimed(&*delivery, gateway, 9, &except, at(60 * minute)).await, []);
    }
    assert_eq!(stores.broker.len(), 5 + 1, "five that are worked on, and one that waits, once");
    assert_eq!(ids(&claimed(&*delivery, gateway, 9, &[], NOW).await), [backlog]);
}

#[tokio::test]
async fn a_route_whose_queue_takes_nothing_holds_up_no_other() {
    let stores = TwoStores::default();
    let delivery = stores.process(Fuse::never());
    delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    let gateway = GatewayId::generate();
    stores.broker.refuse(Some("broken"));
    let mut broken = Vec::new();
    // More than are published at a time.
    for _ in 0..300 {
        broken.push(waiting(&*delivery, envelope("broken"), at(-10)).await);
    }
    let other = waiting(&*delivery, envelope("r"), at(5)).await;
    let got = delivery.claim(gateway, 2, &[], at(5)).await;
    got.expect_err("the oldest that is due cannot be published, and that is told");
    assert_eq!(ids(&claimed(&*delivery, gateway, 2, &[], at(5)).await), [other]);
    stores.broker.refuse(None);
    let mut got = Vec::new();
    for second in 6..30 {
        let claimed = delivery.claim(gateway, 20, &[], at(second)).await;
        got.extend(claimed.iter().flatten().map(|message| message.claim.id));
    }
    assert_eq!(got, broken);
}

#[tokio::test]
async fn a_backlog_is_published_in_blocks_and_what_becomes_due_meanwhile_is_not_forgotten() {
    let stores = TwoStores::default();
    let delivery = stores.process(Fuse::never());
    delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    let gateway = GatewayId::generate();
    let mut backlog = Vec::new();
    for _ in 0..1000 {
        let later = Start::Due(at(1));
        let accept = Accept { envelope: envelope("r"), payload: "x".into(), start: later };
        backlog.push(accept.envelope.id);
        delivery.accept(accept).await.expect("accepted");
    }
    let mut got = ids(&claimed(&*delivery, gateway, 2, &[], at(2)).await);
    let published = stores.broker.len();
    assert!((200..500).contains(&published), "{published} were published for a claim of two");
    while got.len() < 1000 {
        // As it comes, it is published at once: others come before what waits in the ledger.
        backlog.push(waiting(&*delivery, envelope("r"), at(2)).await);
        let more = ids(&claimed(&*delivery, gateway, 2, &[], at(2)).await);
        assert_eq!(more.len(), 2);
        got.extend(more);
        let held = stores.broker.len() - got.len();
        assert!(held < 1000, "{held} are published ahead");
    }
    for _ in 0..9 {
        got.extend(ids(&claimed(&*delivery, gateway, 1000, &[], at(2)).await));
    }
    got.sort();
    backlog.sort();
    assert_eq!(got, backlog);
}

#[tokio::test]
async fn what_others_received_of_a_block_is_not_waited_for() {
    let stores = TwoStores::default();
    let delivery = stores.process(Fuse::never());
    delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    let gateway = GatewayId::generate();
    for _ in 0..600 {
        let accept = Accept { envelope: envelope("r"), payload: "x".into(), start: Start::Due(at(1)) };
        delivery.accept(accept).await.expect("accepted");
    }
    assert_eq!(claimed(&*delivery, gateway, 1, &[], at(2)).await.len(), 1);
    stores.broker.purge();
    assert_eq!(claimed(&*delivery, gateway, 1, &[], at(2)).await, [], "enough was published a moment ago");
    assert_eq!(claimed(&*delivery, gateway, 1, &[], at(3)).await.len(), 1);
}

#[tokio::test]
async fn holds_when_killed_between_any_two_steps() {
    let runs = at_every_step::<TwoStores>().await;
    println!("{runs} runs");
    assert!(runs > 100, "only {runs} runs: the fuse does not burn");
}

const FILE: FileHash = FileHash([5; 32]);

fn of_record(record: u64) -> MessageId {
    MessageId::of_record("r", FILE, NOW, record)
}

/// The messages of the records from behind one to another.
fn block(from: u64, to: u64) -> Block {
    let accept = |record| Accept {
        envelope: Envelope { id: of_record(record), ..envelope("r") },
        payload: payload(1),
        start: Start::Due(NOW),
    };
    let messages = (from + 1..=to).map(accept).collect();
    let counts = FileCounts { messages: to, ..FileCounts::default() };
    Block { route: "r".into(), file: FILE, from, to, messages, answers: Vec::new(), counts, now: NOW }
}

/// Takes a file of so many records, from where it is, in blocks of so many.
async fn take(delivery: &dyn Delivery, gateway: GatewayId, records: u64, size: usize) {
    delivery.keep_bundle(BUNDLE, bytes::Bytes::from_static(b"the bundle")).await.expect("keep bundle");
    let files = delivery.files().expect("it takes files");
    let route: Arc<str> = "r".into();
    let arrival = Arrival {
        hash: FILE,
        route: route.clone(),
        bundle: BUNDLE,
        name: "a".into(),
        bytes: 9,
        received: NOW,
    };
    let position = match files.begin_file(arrival, gateway).await.expect("begin") {
        Arrived::Open(record) => record.position,
        Arrived::Known(_) => return,
        Arrived::Elsewhere(record) => panic!("nobody else lives: {record:?}"),
    };
    for from in (position..records).step_by(size) {
        assert_eq!(files.accept_block(block(from, from + size as u64), gateway).await, Ok(true));
    }
    let end = FileEnd { route, file: FILE, state: FileState::Taken, receipt: "{}".into(), now: NOW };
    assert_eq!(files.end_file(end, gateway).await, Ok(true));
}

#[tokio::test]
async fn a_file_goes_on_when_its_gateway_is_killed_between_any_two_steps() {
    let wanted: Vec<_> = (1..=6).map(of_record).collect();
    for step in 0.. {
        let stores = TwoStores::default();
        let fuse = Fuse::at(step);
        let first = stores.process(fuse.clone());
        let survived = tokio::select! {
            biased;
            () = fuse.burnt() => false,
            () = take(&*first, GatewayId::generate(), 6, 2) => true,
        };
        let (delivery, second) = (stores.process(Fuse::never()), GatewayId::generate());
        take(&*delivery, second, 6, 2).await;
        let mut finished = Vec::new();
        for now in (1..5).map(at) {
            for claim in claimed(&*delivery, second, 9, &[], now).await {
                delivery.finish(claim, reply(), now).await.expect("finish");
                finished.push(claim.id);
            }
        }
        finished.sort();
        assert_eq!(finished, wanted, "killed at step {step}");
        assert_eq!(stores.broker.len(), 0, "killed at step {step}: parcels are left");
        if survived {
            assert!(step > 20, "only {step} steps: the fuse does not burn");
            return;
        }
    }
}

#[tokio::test]
async fn a_block_is_published_at_once_and_what_cannot_be_is_not_forgotten() {
    let stores = TwoStores::default();
    let (delivery, gateway) = (stores.process(Fuse::never()), GatewayId::generate());
    stores.broker.refuse(Some("r"));
    take(&*delivery, gateway, 600, 300).await;
    assert_eq!(stores.broker.len(), 0);
    stores.broker.refuse(None);
    let mut got = Vec::new();
    for second in 6..30 {
        got.extend(ids(&claimed(&*delivery, gateway, 100, &[], at(second)).await));
    }
    got.sort();
    assert_eq!(got, (1..=600).map(of_record).collect::<Vec<_>>());

    let stores = TwoStores::default();
    let delivery = stores.process(Fuse::never());
    take(&*delivery, gateway, 600, 300).await;
    assert_eq!(stores.broker.len(), 600, "no claim had to ask for them");
}
