//! SQLite, as a queue and as a ledger, beside the composite over stores in memory, through the same random lives of messages: they must tell the same
//! of each step and of every message in the end. What the suite does not think of, this may stumble over.

use std::{fmt::Debug, sync::Arc};

use bytes::Bytes;
use portolan_delivery::{
    Accept, BundleHash, Claim, DeadLetters, Delivery, FaultClass, Filter, GatewayId, MessageId, Reconciled,
    Start, StateKind,
    composite::Composite,
    testing::{FakeBroker, FakeDatabase, FakeLedger, FakeTransport, Fuse, messages::*},
};
use portolan_sqlite::{Durability, Options, SqliteDelivery, SqliteLedger};

/// Numbers that are the same for the same seed (splitmix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(limit.max(1)).expect("small")).expect("small")
    }
}

/// The two, over what they keep.
struct Both {
    as_ledger: bool,
    brokers: [FakeBroker; 2],
    folder: tempfile::TempDir,
    database: FakeDatabase,
    pair: Option<[Box<dyn Delivery>; 2]>,
}

impl Both {
    fn reopen(&mut self) {
        self.pair = None;
        let [transport, other] = self.brokers.each_ref().map(|broker| {
            broker.disconnect();
            FakeTransport::new(broker.clone(), Fuse::never())
        });
        let model = Composite::new(transport, FakeLedger::new(self.database.clone(), Fuse::never()));
        let options = Options { durability: Durability::ProcessOnly, ..Options::default() };
        let path = self.folder.path().join("queue.db");
        let file: Box<dyn Delivery> = if self.as_ledger {
            Box::new(Composite::new(other, SqliteLedger::open(path, options).expect("open")))
        } else {
            Box::new(SqliteDelivery::open(path, options).expect("open"))
        };
        self.pair = Some([file, Box::new(model)]);
    }

    /// Does the same on both, and holds the answers against each other.
    async fn same<T: Debug>(&self, what: &str, ask: impl AsyncFn(&dyn Delivery) -> T) -> T {
        let [file, model] = self.pair.as_ref().expect("open");
        let (told, expected) = (ask(&**file).await, ask(&**model).await);
        assert_eq!(format!("{told:#?}"), format!("{expected:#?}"), "{what}");
        told
    }
}

async fn life(seed: u64, as_ledger: bool) {
    let mut draw = Draw(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let mut both = Both {
        as_ledger,
        brokers: Default::default(),
        folder,
        database: FakeDatabase::default(),
        pair: None,
    };
    let mut gateway = GatewayId::generate();
    let (mut messages, mut claims): (Vec<MessageId>, Vec<Claim>) = (Vec::new(), Vec::new());
    both.reopen();
    for step in 0..250 {
        let now = at(step);
        let when = format!("seed {seed}, step {step}");
        if step == 0 || draw.below(40) == 0 {
            both.reopen();
            gateway = GatewayId::generate();
            for bundle in [BUNDLE, BundleHash([8; 32])] {
                both.same(&when, async |d| d.keep_bundle(bundle, "bundle".into()).await).await.expect("keep");
            }
            // In which order is nobody's business.
            let reconcile = async |d: &dyn Delivery| {
                d.reconcile(gateway, now).await.map(|Reconciled { mut requeued, mut buried }| {
                    for all in [&mut requeued, &mut buried] {
                        all.sort_by_key(|orphan| orphan.id);
                    }
                    Reconciled { requeued, buried }
                })
            };
            both.same(&when, reconcile).await.expect("reconcile");
        }
        let route = ["r", "s"][draw.below(2)];
        let message = messages.get(draw.below(messages.len())).copied().unwrap_or_else(MessageId::generate);
        let claim = claims.get(draw.below(claims.len())).copied();
        match (draw.below(13), claim) {
            (0..3, _) => {
                let mut envelope = if draw.below(2) == 0 { repeatable(route) } else { envelope(route) };
                if draw.below(2) == 0 {
                    let dead_letters = [DeadLetters::Hold, DeadLetters::Pass][draw.below(2)];
                    envelope.order = ordered(route, ["a", "b"][draw.below(2)], dead_letters).order;
                }
                if draw.below(2) == 0 {
                    envelope.request_key = keyed(route, "a", &format!("k{}", draw.below(20))).request_key;
                }
                let start = if draw.below(2) == 0 {
                    Start::Now(gateway)
                } else {
                    Start::Due(at(step + draw.below(5) as i64))
                };
                let accept = Accept { envelope, payload: payload(u8::from(draw.below(8) == 0)), start };
                let id = accept.envelope.id;
                both.same(&when, async |d| d.accept(accept.clone()).await).await.expect("accept");
                messages.push(id);
                claims.extend((start == Start::Now(gateway)).then_some(Claim { id, attempt: 1, gateway }));
            }
            (3, _) => {
                let except: Vec<Arc<str>> = if draw.below(3) == 0 { vec![route.into()] } else { Vec::new() };
                let taken = both.same(&when, async |d| {
                    let mut claimed = d.claim(gateway, 1000, &except, now).await.expect("claim");
                    claimed.sort_by_key(|claimed| claimed.claim.id);
                    claimed
                });
                claims.extend(taken.await.into_iter().map(|claimed| claimed.claim));
            }
            (4, Some(claim)) => {
                drop(both.same(&when, async |d| d.finish(claim, reply(), now).await).await);
            }
            (5, Some(claim)) => {
                let due = at(step + draw.below(9) as i64);
                let why = failure(FaultClass::Unsent);
                drop(both.same(&when, async |d| d.retry_at(claim, due, why.clone(), now).await).await);
            }
            (6, Some(claim)) => {
                let class = [FaultClass::Reply, FaultClass::Unknown][draw.below(2)];
                drop(both.same(&when, async |d| d.bury(claim, letter(class), now).await).await);
            }
            (7, _) => {
                let bundle = [None, Some(BundleHash([8; 32]))][draw.below(2)];
                drop(both.same(&when, async |d| d.retry(message, bundle, now).await).await);
            }
            (8, _) => drop(both.same(&when, async |d| d.resolve(message, reply(), now).await).await),
            (9, _) if draw.below(4) == 0 => {
                let before = at(step - 20);
                drop(both.same(&when, async |d| d.forget(before, 1000).await).await);
            }
            (10, _) => {
                drop(both.same(&when, async |d| d.withdraw(message, reply(), now).await).await);
            }
            (11, Some(claim)) => {
                let due = at(step + draw.below(9) as i64);
                let ticket = [None, Some(Bytes::from_static(b"ticket"))][draw.below(2)].clone();
                drop(both.same(&when, async |d| d.poll_at(claim, due, ticket.clone(), now).await).await);
            }
            (12, _) => {
                let deleted = failure(FaultClass::Request);
                drop(both.same(&when, async |d| d.erase(message, deleted.clone()).await).await);
            }
            _ => {}
        }
        both.same(&when, async |d| format!("{:?}", d.get(message).await)).await;
    }
    let end = format!("seed {seed}, in the end");
    for id in messages {
        both.same(&end, async |d| format!("{:?}", d.get(id).await)).await;
    }
    for state in [
        None,
        Some(StateKind::Waiting),
        Some(StateKind::Claimed),
        Some(StateKind::Finished),
        Some(StateKind::Dead),
    ] {
        let filter = Filter { state, limit: 7, ..Filter::default() };
        let listed = async |d: &dyn Delivery| {
            all(d, filter.clone()).await.into_iter().map(|record| record.envelope).collect::<Vec<_>>()
        };
        both.same(&end, listed).await;
    }
    both.same(&end, async |d| {
        let mut counts = d.counts().await.expect("counts");
        counts.sort_by_key(|count| (count.route.clone(), count.state as u8));
        counts
    })
    .await;
}

#[tokio::test]
async fn tells_the_same_as_the_composite() {
    for seed in 0..24 {
        life(seed, seed % 2 == 1).await;
    }
}
