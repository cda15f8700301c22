//! `kill -9` at random instants under load, in every mode: nothing that was acknowledged is lost, nothing is sent twice
//! where the route does not allow it, and what is not known is said to be unknown.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use tonic::Code;

use crate::harness::{
    Asked, Backend, Client, Details, Gateway, House, OperationState, OrderRequest, Reaction, block_on, until,
};

/// Calls of one mode at a time.
const CALLERS: usize = 4;

/// A way in which a route keeps its promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Mode {
    Direct,
    Once,
    Again,
    Keyed,
    Later,
    LaterAgain,
}

impl Mode {
    const ALL: [Self; 6] =
        [Self::Direct, Self::Once, Self::Again, Self::Keyed, Self::Later, Self::LaterAgain];

    fn method(self) -> String {
        format!("{self:?}")
    }

    fn is_operation(self) -> bool {
        matches!(self, Self::Later | Self::LaterAgain)
    }

    /// Whether the system may see an order twice.
    fn may_repeat(self) -> bool {
        matches!(self, Self::Again | Self::Keyed | Self::LaterAgain)
    }

    /// Whether the ledger has its messages, so that asking again by request id gives the first outcome.
    fn is_recorded(self) -> bool {
        !matches!(self, Self::Direct | Self::Again)
    }
}

/// What a caller knows of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    /// Nothing yet, or the connection broke.
    Nothing,
    /// The order was answered.
    Answered,
    /// An operation was begun.
    Begun(String),
    /// A failure that is an outcome.
    Unknown,
}

#[derive(Default)]
struct Attempts(Mutex<BTreeMap<(Mode, String), Told>>);

impl Attempts {
    fn tell(&self, mode: Mode, key: &str, told: Told) {
        self.0.lock().unwrap().insert((mode, key.to_owned()), told);
    }
}

/// The counts of one mode.
#[derive(Debug, Default)]
struct Row {
    attempted: usize,
    acknowledged: usize,
    lost: usize,
    duplicated: usize,
    unknown: usize,
    recovered: usize,
}

/// A small generator, so that a failing run can be repeated (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}

#[test]
fn killed_at_any_instant_nothing_acknowledged_is_lost_and_nothing_is_doubled() {
    let rounds = if std::env::var_os("PORTOLAN_SOAK").is_some() { 100 } else { 20 };
    let seed = std::env::var("PORTOLAN_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        now.as_nanos() as u64 | 1
    });
    println!("{rounds} rounds, PORTOLAN_SEED={seed}");
    block_on(async {
        let backend = Backend::counting(react).await;
        let house = House::orders(backend.address);
        let attempts = Arc::new(Attempts::default());
        let mut random = Random(seed);
        for round in 0..rounds {
            if random.below(4) == 0 {
                // Also while it starts, and settles what the last one left behind.
                house.serve_for(Duration::from_millis(random.below(60)));
            }
            let gateway = house.serve();

            let callers = load(&gateway, round, &attempts).await;

            tokio::time::sleep(Duration::from_millis(20 + random.below(400))).await;

            gateway.kill();

            for caller in callers {
                caller.await.unwrap();
            }
        }
        let gateway = house.serve();
        let rows = reconcile(&house, &gateway, &backend, &attempts).await;
        print(&rows);
        for (mode, row) in &rows {
            assert!(row.acknowledged > 0, "{mode:?} was not under load: {row:?}");
            assert_eq!(row.lost, 0, "{mode:?} lost messages: {row:?}");
            assert!(mode.may_repeat() || row.duplicated == 0, "{mode:?} sent messages twice: {row:?}");
            assert!(
                !mode.may_repeat() || row.unknown == 0,
                "{mode:?} may ask again and need not wonder: {row:?}"
            );
        }
    });
}

/// An orderly end under the same load leaves nothing that a person would have to look at, and sends nothing twice.
#[test]
fn stopped_in_order_nothing_is_lost_doubled_or_unknown() {
    block_on(async {
        let backend = Backend::counting(react).await;
        let house = House::orders(backend.address);
        let attempts = Arc::new(Attempts::default());
        for round in 0..5 {
            let mut gateway = house.serve();
            let callers = load(&gateway, round, &attempts).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            gateway.signal("TERM");
            for caller in callers {
                caller.await.unwrap();
            }
            let ended = tokio::task::block_in_place(|| gateway.wait(Duration::from_secs(30)));
            assert_eq!(ended.expect("it ends by itself").code(), Some(0));
        }
        let gateway = house.serve();
        let rows = reconcile(&house, &gateway, &backend, &attempts).await;
        print(&rows);
        for (mode, row) in &rows {
            assert!(row.acknowledged > 0, "{mode:?} was not under load: {row:?}");
            assert_eq!((row.lost, row.duplicated, row.unknown), (0, 0, 0), "{mode:?}: {row:?}");
        }
    });
}

/// Some answers take long enough that a kill finds them under way, and some orders have to be sent again.
fn react(asked: &Asked, before: usize) -> Reaction {
    let sum = asked.key.bytes().map(u64::from).sum::<u64>();
    if sum.is_multiple_of(5) && before == 0 && !asked.key.starts_with("Direct") {
        return Reaction::Fault("BUSY");
    }
    match sum % 3 {
        0 => Reaction::Take,
        spread => Reaction::TakeSlowly(Duration::from_millis(spread * 12)),
    }
}

/// Callers of every mode, until the gateway is gone.
async fn load(gateway: &Gateway, round: usize, attempts: &Arc<Attempts>) -> Vec<tokio::task::JoinHandle<()>> {
    let mut callers = Vec::new();
    for mode in Mode::ALL {
        let client = Client::connect(gateway.grpc).await;
        for caller in 0..CALLERS {
            let (client, attempts) = (client.clone(), attempts.clone());
            callers.push(tokio::spawn(async move {
                for n in 0.. {
                    let key = format!("{mode:?}-{round}-{caller}-{n}");
                    attempts.tell(mode, &key, Told::Nothing);
                    match ask(&client, mode, &key).await {
                        Told::Nothing => return,
                        told => attempts.tell(mode, &key, told),
                    }
                }
            }));
        }
    }
    callers
}

/// One call, and what its caller knows afterwards.
async fn ask(client: &Client, mode: Mode, key: &str) -> Told {
    let order = OrderRequest::new(key);
    let failed = |status: tonic::Status| {
        // A broken connection says nothing; what the gateway itself says has details.
        if status.details().is_empty() {
            return Told::Nothing;
        }
        let details = Details::of(&status);
        match (details.code, details.reason.as_str()) {
            (Some(Code::Unavailable), "DRAINING" | "NOT_ACCEPTING" | "STILL_IN_PROGRESS") => {
                return Told::Nothing;
            }
            (Some(Code::Aborted), "OUTCOME_UNKNOWN") => {}
            _ => panic!("{mode:?} {key}: {details:?}"),
        }
        Told::Unknown
    };
    if mode.is_operation() {
        return client
            .begin(&mode.method(), order)
            .await
            .map_or_else(failed, |operation| Told::Begun(operation.name));
    }
    client.order(&mode.method(), order).await.map_or_else(failed, |answer| {
        assert_eq!(answer.key, key, "somebody else's answer");
        Told::Answered
    })
}

/// Compares what callers were told with what the system saw and the ledger knows.
async fn reconcile(
    house: &House,
    gateway: &Gateway,
    backend: &Backend,
    attempts: &Attempts,
) -> BTreeMap<Mode, Row> {
    let client = Client::connect(gateway.grpc).await;
    let told = std::mem::take(&mut *attempts.0.lock().unwrap());
    let mut rows: BTreeMap<Mode, Row> = BTreeMap::new();
    let mut unknown = 0;
    for ((mode, key), mut told) in told {
        let row = rows.entry(mode).or_default();
        row.attempted += 1;
        let acknowledged = told != Told::Nothing;
        row.acknowledged += usize::from(acknowledged);
        if told == Told::Nothing && mode.is_recorded() {
            // The caller does what a caller does: it repeats its request id.
            let repeated = tokio::time::timeout(Duration::from_secs(20), ask(&client, mode, &key)).await;
            told = repeated.unwrap_or_else(|_| {
                panic!(
                    "{mode:?} {key} hangs\n{}",
                    gateway.operator(house, &["queue", "list", "--limit", "30"])
                )
            });
            assert_ne!(told, Told::Nothing, "{mode:?} {key}: no answer to a repeated request id");
            row.recovered += usize::from(told != Told::Unknown);
        }
        let settled = match &told {
            Told::Begun(name) => settled(&client, name).await,
            Told::Unknown => Some(false),
            Told::Answered => Some(true),
            Told::Nothing => None,
        };
        let taken = backend.taken(&key);
        row.duplicated += usize::from(taken > 1);
        row.lost += usize::from(settled == Some(true) && taken == 0);
        row.lost += usize::from(settled.is_none() && acknowledged);
        row.unknown += usize::from(settled == Some(false));
        unknown += usize::from(settled == Some(false));
    }
    let list = gateway.operator(house, &["queue", "list", "--format", "json", "--limit", "1"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let mut left: HashMap<&str, u64> = HashMap::new();
    for count in list["counts"].as_array().unwrap() {
        *left.entry(count["state"].as_str().unwrap()).or_default() += count["messages"].as_u64().unwrap();
    }
    let dead = left.remove("dead").unwrap_or(0);
    assert!(left.is_empty(), "everything is finished or a dead letter: {list}");
    assert_eq!(dead, unknown as u64, "each dead letter is an unknown outcome that its caller is told of");
    rows
}

/// Whether an operation ended with its order (`true`), or waits for a person because its outcome is not known (`false`).
/// `None` where it is gone.
async fn settled(client: &Client, name: &str) -> Option<bool> {
    until(name, async || match client.operation(name).await {
        Ok(operation) if operation.done => {
            assert!(operation.error.is_none(), "{operation:?}");
            Some(Some(true))
        }
        // A dead letter is not done, so there is nothing to wait for.
        Ok(operation) if operation.about().state() == OperationState::NeedsAttention => Some(Some(false)),
        Ok(_) => None,
        Err(_) => Some(None),
    })
    .await
}

fn print(rows: &BTreeMap<Mode, Row>) {
    println!(
        "{:<12}{:>10}{:>14}{:>6}{:>12}{:>9}{:>11}",
        "mode", "attempted", "acknowledged", "lost", "duplicated", "unknown", "recovered"
    );
    for (mode, row) in rows {
        println!(
            "{:<12}{:>10}{:>14}{:>6}{:>12}{:>9}{:>11}",
            format!("{mode:?}"),
            row.attempted,
            row.acknowledged,
            row.lost,
            row.duplicated,
            row.unknown,
            row.recovered
        );
    }
}
