//! Load in every mode, and the reckoning afterwards: what callers were told against what the system saw and the ledger
//! knows.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tonic::Code;

use crate::harness::{
    Asked, Backend, Client, Details, Gateway, House, OperationState, OrderRequest, Reaction,
};

/// Calls of one mode at a time.
const CALLERS: usize = 4;
/// Orders of a customer that a caller leaves in line at most.
const IN_LINE: usize = 8;
/// How many callers ask afterwards at a time.
const AT_ONCE: usize = 32;
/// Between a call that was not answered and the next.
const A_MOMENT: Duration = Duration::from_millis(50);

/// For the last answers: in the long form many wait before them.
fn patience() -> Duration {
    Duration::from_secs(if std::env::var_os("PORTOLAN_SOAK").is_some() { 600 } else { 60 })
}

/// A way in which a route keeps its promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Mode {
    Direct,
    Once,
    Again,
    Keyed,
    Later,
    LaterAgain,
    InTurn,
}

impl Mode {
    const ALL: [Self; 7] =
        [Self::Direct, Self::Once, Self::Again, Self::Keyed, Self::Later, Self::LaterAgain, Self::InTurn];

    fn method(self) -> String {
        format!("{self:?}")
    }

    fn is_operation(self) -> bool {
        matches!(self, Self::Later | Self::LaterAgain | Self::InTurn)
    }

    /// Whether the system may see an order twice.
    pub(crate) fn may_repeat(self) -> bool {
        matches!(self, Self::Again | Self::Keyed | Self::LaterAgain | Self::InTurn)
    }

    /// Whether the ledger has its messages, so that asking again by request id gives the first outcome.
    fn is_recorded(self) -> bool {
        !matches!(self, Self::Direct | Self::Again)
    }
}

/// What a caller knows of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
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
pub(crate) struct Attempts(Mutex<BTreeMap<(Mode, String), Told>>);

impl Attempts {
    fn tell(&self, mode: Mode, key: &str, told: Told) {
        self.0.lock().unwrap().insert((mode, key.to_owned()), told);
    }
}

/// The counts of one mode.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) attempted: usize,
    pub(crate) acknowledged: usize,
    pub(crate) lost: usize,
    pub(crate) duplicated: usize,
    pub(crate) overtaken: usize,
    pub(crate) unknown: usize,
    pub(crate) recovered: usize,
}

/// A small generator, so that a failing run can be repeated (xorshift64*).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}

/// Some answers take long enough that a kill finds them under way, and some orders have to be sent again.
pub(crate) fn react(asked: &Asked, before: usize) -> Reaction {
    let sum = asked.key.bytes().map(u64::from).sum::<u64>();
    if sum.is_multiple_of(5) && before == 0 && !asked.key.starts_with("Direct") {
        return Reaction::Fault("BUSY");
    }
    match sum % 3 {
        0 => Reaction::Take,
        spread => Reaction::TakeSlowly(Duration::from_millis(spread * 12)),
    }
}

/// When callers stop.
#[derive(Debug, Clone)]
pub(crate) enum Until {
    /// When a call is not answered.
    Unanswered,
    /// When they are told to; a call that is not answered is followed by the next.
    Told(Arc<AtomicBool>),
}

/// Callers of every mode; their keys begin with the mode and `name`.
pub(crate) async fn load(
    address: SocketAddr,
    name: &str,
    attempts: &Arc<Attempts>,
    until: &Until,
) -> Vec<tokio::task::JoinHandle<()>> {
    let mut callers = Vec::new();
    for mode in Mode::ALL {
        let client = Client::connect(address).await;
        for caller in 0..CALLERS {
            let (client, attempts, until) = (client.clone(), attempts.clone(), until.clone());
            let name = name.to_owned();
            callers.push(tokio::spawn(async move {
                for n in 1_usize.. {
                    if matches!(&until, Until::Told(told) if told.load(Ordering::Relaxed)) {
                        return;
                    }
                    let key = format!("{mode:?}-{name}-{caller}-{n}");
                    attempts.tell(mode, &key, Told::Nothing);
                    let told = ask(&client, mode, &key).await;
                    attempts.tell(mode, &key, told.clone());
                    match (told, &until) {
                        (Told::Nothing, Until::Unanswered) => return,
                        // They are asked for afterwards, which takes longest where one waits for the other.
                        (Told::Nothing, Until::Told(_)) if mode == Mode::InTurn => {
                            tokio::time::sleep(10 * A_MOMENT).await;
                        }
                        (Told::Nothing, Until::Told(_)) => tokio::time::sleep(A_MOMENT).await,
                        // What is done one after the other is soon less than what is asked for.
                        (Told::Begun(name), _) if mode == Mode::InTurn && n % IN_LINE == 0 => {
                            let _ = tokio::time::timeout(patience(), settled(&client, &name)).await;
                        }
                        _ => {}
                    }
                }
            }));
        }
    }
    callers
}

/// Each caller is one: of its key, all but the number.
fn customer(key: &str) -> &str {
    key.rsplit_once('-').map_or(key, |(customer, _)| customer)
}

/// One call, and what its caller knows afterwards.
async fn ask(client: &Client, mode: Mode, key: &str) -> Told {
    let order = OrderRequest { customer: customer(key).to_owned(), ..OrderRequest::new(key) };
    let failed = |status: tonic::Status| {
        // A broken connection says nothing; what the gateway itself says has details.
        if status.details().is_empty() {
            return Told::Nothing;
        }
        let details = Details::of(&status);
        match (details.code, details.reason.as_str()) {
            (
                Some(Code::Unavailable),
                "DRAINING" | "NOT_ACCEPTING" | "STILL_IN_PROGRESS" | "QUEUE_UNAVAILABLE",
            ) => {
                return Told::Nothing;
            }
            // The system was busy until the caller's time was over: it was not done, and may be asked for again.
            (Some(Code::Unavailable), "FAULT") => return Told::Nothing,
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

/// Compares what callers were told with what the system saw and the ledger knows. `dead` letters were there before, and are
/// there afterwards.
pub(crate) async fn reconcile(
    house: &House,
    gateway: &Gateway,
    backend: &Backend,
    attempts: &Attempts,
    dead: &mut u64,
) -> BTreeMap<Mode, Row> {
    let client = Client::connect(gateway.grpc).await;
    let told = std::mem::take(&mut *attempts.0.lock().unwrap());
    let mut rows: BTreeMap<Mode, Row> = BTreeMap::new();
    let mut unknown = 0;
    rows.entry(Mode::InTurn).or_default().overtaken = overtaken(backend, &told);
    let mut told = told.into_iter();
    let mut asking = tokio::task::JoinSet::new();
    loop {
        while asking.len() < AT_ONCE
            && let Some(((mode, key), told)) = told.next()
        {
            let client = client.clone();
            asking.spawn(async move { (mode, ending(&client, mode, &key, told.clone()).await, key, told) });
        }
        let Some(ended) = asking.join_next().await else { break };
        let (mode, ending, key, told) = ended.unwrap();
        let Some((known, settled)) = ending else {
            let list = gateway.operator(house, &["queue", "list", "--limit", "30"]);
            panic!("{mode:?} {key} hangs, of which its caller knew {told:?}\n{list}");
        };
        let row = rows.entry(mode).or_default();
        let acknowledged = told != Told::Nothing;
        row.attempted += 1;
        row.acknowledged += usize::from(acknowledged);
        row.recovered += usize::from(!acknowledged && !matches!(known, Told::Nothing | Told::Unknown));
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
    let before = std::mem::replace(dead, left.remove("dead").unwrap_or(0));
    assert!(left.is_empty(), "everything is finished or a dead letter: {list}");
    assert_eq!(
        *dead - before,
        unknown as u64,
        "each dead letter is an unknown outcome that its caller is told of"
    );
    rows
}

/// How many orders the system took before one of the same customer that was accepted before them.
fn overtaken(backend: &Backend, told: &BTreeMap<(Mode, String), Told>) -> usize {
    let mut lines: HashMap<&str, Vec<(usize, usize)>> = HashMap::new();
    for ((mode, key), told) in told {
        // Who was not told that an order is accepted does not know when it was.
        if *mode == Mode::InTurn
            && matches!(told, Told::Begun(_))
            && let Some(turn) = backend.turn(key)
        {
            let number = key.strip_prefix(customer(key)).unwrap().trim_start_matches('-').parse().unwrap();
            lines.entry(customer(key)).or_default().push((number, turn));
        }
    }
    let turns = lines.into_values().map(|mut line| {
        line.sort_unstable();
        line.windows(2).filter(|pair| pair[0].1 > pair[1].1).count()
    });
    turns.sum()
}

/// What a caller knows in the end, and whether that is its order (`true`) or an outcome that is not known (`false`). `None`
/// where it gets no answer.
async fn ending(client: &Client, mode: Mode, key: &str, mut told: Told) -> Option<(Told, Option<bool>)> {
    if told == Told::Nothing && mode.is_recorded() {
        // The caller does what a caller does: it repeats its request id.
        told = tokio::time::timeout(patience(), ask(client, mode, key)).await.ok()?;
        if told == Told::Nothing {
            return None;
        }
    }
    let settled = match &told {
        Told::Begun(name) => tokio::time::timeout(patience(), settled(client, name)).await.ok()?,
        Told::Unknown => Some(false),
        Told::Answered => Some(true),
        Told::Nothing => None,
    };
    Some((told, settled))
}

/// Whether an operation ended with its order (`true`), or waits for a person because its outcome is not known (`false`).
/// `None` where it is gone.
async fn settled(client: &Client, name: &str) -> Option<bool> {
    loop {
        match client.operation(name).await {
            Ok(operation) if operation.done => {
                assert!(operation.error.is_none(), "{operation:?}");
                return Some(true);
            }
            // A dead letter is not done, so there is nothing to wait for.
            Ok(operation) if operation.about().state() == OperationState::NeedsAttention => {
                return Some(false);
            }
            Ok(_) => tokio::time::sleep(A_MOMENT).await,
            Err(_) => return None,
        }
    }
}

pub(crate) fn print(rows: &BTreeMap<Mode, Row>) {
    println!(
        "{:<12}{:>10}{:>14}{:>6}{:>12}{:>11}{:>9}{:>11}",
        "mode", "attempted", "acknowledged", "lost", "duplicated", "overtaken", "unknown", "recovered"
    );
    for (mode, row) in rows {
        println!(
            "{:<12}{:>10}{:>14}{:>6}{:>12}{:>11}{:>9}{:>11}",
            format!("{mode:?}"),
            row.attempted,
            row.acknowledged,
            row.lost,
            row.duplicated,
            row.overtaken,
            row.unknown,
            row.recovered
        );
    }
}
