//! What order by key costs: messages accepted, claimed and finished a second without a key, with a key each, and with a key
//! each while 50,000 are parked behind one more; and how quickly a line of one key is worked off.
//!
//! `cargo bench -p portolan-sqlite --features bench --bench order [-- FOLDER]`

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use portolan_delivery::{
    Accept, BundleHash, DeadLetters, Delivery, Envelope, GatewayId, Idempotency, MessageId, Mode, Order,
    OrderKey, Outcome, Start, Timestamp,
};
use portolan_sqlite::{Options, SqliteDelivery};

const BUNDLE: BundleHash = BundleHash([1; 32]);
const ROUTE: &str = "benefits.submit-claim";
const CALLERS: usize = 64;
const MESSAGES: usize = 12_800;
const PARKED: usize = 50_000;
const LINE: usize = 2_000;
const TURNS: usize = 3;

/// The key of the nth message.
type KeyOf = fn(usize) -> Option<String>;

async fn accept(delivery: &SqliteDelivery, key: Option<&str>) {
    let order = key.map(|key| Order { key: OrderKey::of(ROUTE, key), dead_letters: DeadLetters::Hold });
    let envelope = Envelope {
        id: MessageId::generate(),
        route: ROUTE.into(),
        bundle: BUNDLE,
        mode: Mode::Operation,
        received: Timestamp::now(),
        deadline: None,
        idempotency: Idempotency::No,
        order,
        caller: None,
        request_key: None,
        metadata: Vec::new(),
        traceparent: None,
        announced: false,
    };
    let start = Start::Due(envelope.received);
    let payload = Bytes::from_static(&[b'x'; 512]);
    delivery.accept(Accept { envelope, payload, start }).await.expect("accept");
}

/// So many messages by many callers at once.
async fn load(delivery: &Arc<SqliteDelivery>, messages: usize, key: KeyOf) -> Duration {
    let begun = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let delivery = delivery.clone();
            tokio::spawn(async move {
                for n in 0..messages / CALLERS {
                    accept(&delivery, key(n * CALLERS + caller).as_deref()).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("caller");
    }
    begun.elapsed()
}

/// Claims as many at a time as a dispatcher does, and finishes them, until there are so many; also the longest claim.
async fn work_off(delivery: &Arc<SqliteDelivery>, messages: usize) -> (Duration, Duration) {
    let (begun, gateway) = (Instant::now(), GatewayId::generate());
    let (mut done, mut longest) = (0, Duration::ZERO);
    while done < messages {
        let asked = Instant::now();
        let claimed = delivery.claim(gateway, 32, &[], Timestamp::now()).await.expect("claim");
        longest = longest.max(asked.elapsed());
        let settling: Vec<_> = claimed
            .into_iter()
            .map(|one| {
                let delivery = delivery.clone();
                tokio::spawn(async move {
                    let outcome = Outcome::Reply(Bytes::from_static(&[b'y'; 300]));
                    delivery.finish(one.claim, outcome, Timestamp::now()).await.expect("finish");
                })
            })
            .collect();
        for settled in settling {
            settled.await.expect("settle");
            done += 1;
        }
    }
    (begun.elapsed(), longest)
}

async fn open(path: PathBuf) -> Arc<SqliteDelivery> {
    let delivery = SqliteDelivery::open(path, Options::default()).expect("open");
    delivery.keep_bundle(BUNDLE, Bytes::from_static(b"bundle")).await.expect("keep bundle");
    Arc::new(delivery)
}

#[tokio::main]
async fn main() {
    let folder = std::env::args().nth(1).filter(|argument| !argument.starts_with("--")).map(PathBuf::from);
    let folder = tempfile::tempdir_in(folder.unwrap_or_else(std::env::temp_dir)).expect("a folder");
    let crowded = open(folder.path().join("crowded.db")).await;
    let gateway = GatewayId::generate();
    accept(&crowded, Some("one")).await;
    // The first stays claimed, so that all the others are parked.
    crowded.claim(gateway, 1, &[], Timestamp::now()).await.expect("claim");
    load(&crowded, PARKED, |_| Some("one".to_owned())).await;
    let quiet = open(folder.path().join("quiet.db")).await;
    let contenders: [(&str, _, KeyOf); 3] = [
        ("without a key", &quiet, |_| None),
        ("a key each", &quiet, |n| Some(n.to_string())),
        ("a key each, beside 50,000 parked", &crowded, |n| Some(n.to_string())),
    ];
    let rate = |messages: usize, time: Duration| messages as f64 / time.as_secs_f64();
    for _ in 0..TURNS {
        for (name, delivery, key) in contenders {
            let accepted = load(delivery, MESSAGES, key).await;
            let (settled, longest) = work_off(delivery, MESSAGES).await;
            println!(
                "{name:<34} {:>8.0} accepted/s {:>8.0} claimed and finished/s  longest claim {:>5} us",
                rate(MESSAGES, accepted),
                rate(MESSAGES, settled),
                longest.as_micros()
            );
        }
        load(&quiet, LINE, |_| Some("line".to_owned())).await;
        let (settled, _) = work_off(&quiet, LINE / CALLERS * CALLERS).await;
        println!("{:<34} {:>8.0} one after the other/s", "one key", rate(LINE / CALLERS * CALLERS, settled));
        let begun = Instant::now();
        let counts = crowded.counts().await.expect("counts");
        println!(
            "{:<34} {:>8} us for {} counts",
            "counts, 50,000 parked",
            begun.elapsed().as_micros(),
            counts.len()
        );
    }
}
