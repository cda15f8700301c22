//! Commits a second and the median latency, ours beside bare group commit, in turns on the same disk: it swings from
//! minute to minute, so only what was interleaved compares.
//!
//! `cargo bench -p portolan-sqlite --features bench [-- FOLDER]`

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use portolan_delivery::{
    Accept, Accepted, BoxFuture, BundleHash, Delivery, Envelope, GatewayId, Idempotency, MessageId, Mode,
    Outcome, Start, Timestamp,
};
use portolan_sqlite::{Options, SqliteDelivery, bare::Bare};

const BUNDLE: BundleHash = BundleHash([1; 32]);
const TURN: Duration = Duration::from_millis(1500);
const TURNS: usize = 4;

/// Something that a caller does over and over, and how many intents it is.
struct Contender {
    name: &'static str,
    intents: u32,
    run: Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

fn envelope() -> Envelope {
    Envelope {
        id: MessageId::generate(),
        route: "registry.get-person".into(),
        bundle: BUNDLE,
        mode: Mode::RequestReply,
        received: Timestamp::now(),
        deadline: Some(Timestamp::now()),
        idempotency: Idempotency::No,
        order: None,
        caller: None,
        request_key: None,
        metadata: Vec::new(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        announced: false,
    }
}

fn contenders(bare: Bare, delivery: SqliteDelivery) -> Vec<Contender> {
    let (bare, delivery) = (Arc::new(bare), Arc::new(delivery));
    let payload = Bytes::from(vec![b'x'; 512]);
    let gateway = GatewayId::generate();
    let (accepting, whole, bytes) = (delivery.clone(), delivery, payload.clone());
    vec![
        Contender {
            name: "bare group commit",
            intents: 1,
            run: Arc::new(move || {
                let (bare, payload) = (bare.clone(), payload.clone());
                Box::pin(async move { bare.insert(payload).await.expect("insert") })
            }),
        },
        Contender {
            name: "accept an operation",
            intents: 1,
            run: Arc::new({
                let payload = bytes.clone();
                move || {
                    let (delivery, payload) = (accepting.clone(), payload.clone());
                    Box::pin(async move {
                        let start = Start::Due(Timestamp::now());
                        let envelope = Envelope { mode: Mode::Operation, ..envelope() };
                        delivery.accept(Accept { envelope, payload, start }).await.expect("accept");
                    })
                }
            }),
        },
        Contender {
            name: "request-reply: accept and finish",
            intents: 2,
            run: Arc::new(move || {
                let (delivery, payload) = (whole.clone(), bytes.clone());
                Box::pin(async move {
                    let accept = Accept { envelope: envelope(), payload, start: Start::Now(gateway) };
                    let accepted = delivery.accept(accept).await.expect("accept");
                    let Accepted::New(Some(claim)) = accepted else { return };
                    let outcome = Outcome::Reply(Bytes::from_static(&[b'y'; 300]));
                    delivery.finish(claim, outcome, Timestamp::now()).await.expect("finish");
                })
            }),
        },
    ]
}

/// Runs for a turn; gives the time of each call.
async fn turn(contender: &Contender, callers: usize) -> Vec<Duration> {
    let end = Instant::now() + TURN;
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let run = contender.run.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while Instant::now() < end {
                    let begun = Instant::now();
                    run().await;
                    times.push(begun.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for caller in callers {
        times.extend(caller.await.expect("caller"));
    }
    times
}

/// Pages that calls one after the other write to the log: what a commit costs on a quick disk, and no noise in it.
async fn pages(folder: &Path) {
    const CALLS: u32 = 500;
    let options = Options { checkpoint_after: 1 << 40, checkpoint_hold: 2 << 40, ..Options::default() };
    let bare = Bare::open(folder.join("bare-pages.db"), &options).expect("bare");
    let delivery = SqliteDelivery::open(folder.join("queue-pages.db"), options).expect("open");
    delivery.keep_bundle(BUNDLE, Bytes::from_static(b"bundle")).await.expect("keep bundle");
    // How many pages the log has; all of them are copied then, so that the next commit begins anew.
    let log = |name: &str| -> u32 {
        let file = rusqlite::Connection::open(folder.join(format!("{name}-pages.db"))).expect("the file");
        file.query_row("PRAGMA wal_checkpoint", [], |row| row.get(1)).expect("a checkpoint")
    };
    for (contender, file) in contenders(bare, delivery).iter().zip(["bare", "queue", "queue"]) {
        log(file);
        for _ in 0..CALLS {
            (contender.run)().await;
        }
        let pages = f64::from(log(file)) / f64::from(CALLS * contender.intents);
        println!("{:<34} {pages:.2} pages a commit", contender.name);
    }
}

#[tokio::main]
async fn main() {
    let folder = std::env::args().nth(1).filter(|argument| !argument.starts_with("--")).map(PathBuf::from);
    let folder = tempfile::tempdir_in(folder.unwrap_or_else(std::env::temp_dir)).expect("a folder");
    pages(folder.path()).await;
    let options = Options::default();
    let bare = Bare::open(folder.path().join("bare.db"), &options).expect("bare");
    let delivery = SqliteDelivery::open(folder.path().join("queue.db"), options).expect("open");
    delivery.keep_bundle(BUNDLE, Bytes::from_static(b"bundle")).await.expect("keep bundle");
    let contenders = contenders(bare, delivery);
    for callers in [64, 1] {
        let mut times: Vec<Vec<Duration>> = contenders.iter().map(|_| Vec::new()).collect();
        for _ in 0..TURNS {
            for (contender, times) in contenders.iter().zip(&mut times) {
                times.extend(turn(contender, callers).await);
            }
        }
        for (contender, times) in contenders.iter().zip(&mut times) {
            times.sort_unstable();
            let calls = times.len() as f64 / (TURN.as_secs_f64() * TURNS as f64);
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            println!(
                "{callers:>3} callers  {:<34} {calls:>8.0} calls/s {:>8.0} intents/s  p50 {:>5} us",
                contender.name,
                calls * f64::from(contender.intents),
                median.as_micros()
            );
        }
    }
}
