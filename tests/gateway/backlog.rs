//! A great many messages wait for a system that is away. When it is back they are drained in the order of their keys and at
//! the system's rate, and the gateway needs no more memory for many than for some.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crate::{
    harness::{Asked, Backend, Client, Gateway, House, OrderRequest, Reaction, block_on, until},
    site::Site,
};

const CUSTOMERS: usize = 1_000;
/// Callers, each with customers of its own.
const CALLERS: usize = 50;
/// What allocators and caches may take beside, in KiB.
const SLACK: u64 = 16 << 10;
/// Without any progress.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many messages, and how many a second the system bears.
fn size() -> (usize, u32) {
    if std::env::var_os("PORTOLAN_SOAK").is_some() { (1_000_000, 4_000) } else { (50_000, 2_500) }
}

#[test]
fn a_backlog_is_drained_in_order_at_the_rate_and_in_little_memory() {
    block_on(async {
        let address = Backend::start(|_, _| Reaction::Take).await.address;
        drained(House::orders(address), address).await;
    });
}

#[test]
fn the_same_with_a_broker_and_a_database() {
    block_on(async {
        let address = Backend::start(|_, _| Reaction::Take).await.address;
        let site = Site::new(address);
        drained(site.house(), address).await;
    });
}

/// Nothing listens at the address of the system.
async fn drained(mut house: House, address: SocketAddr) {
    let (messages, rate) = size();
    house.remap("mode: operation, timeout: 5s", "mode: operation, order: { key: customer }, timeout: 5s");
    house.bears("orders", &format!("limits: {{ rate: {rate}/s }}, breaker: {{ max-open-for: 2s }}"));
    let gateway = house.serve();
    accept(gateway.grpc, 0, messages / 10).await;
    let some = gateway.resident_kib();
    let begun = Instant::now();
    accept(gateway.grpc, messages / 10, messages).await;
    let accepting = begun.elapsed();
    let many = gateway.resident_kib();

    let ledger = Arc::new(Mutex::new(Arrivals::default()));
    let arrivals = ledger.clone();
    let begun = Instant::now();
    let react = move |asked: &Asked, _| arrivals.lock().unwrap().take(&asked.key, rate);
    let back = Backend::forgetful_at(address, react).await;
    let peak = until_all_came(&gateway, &ledger, messages).await;
    let draining = begun.elapsed();
    settled(&gateway, &house).await;
    let after = gateway.resident_kib();
    println!(
        "{messages} messages of {CUSTOMERS} keys: accepted in {accepting:?} (the last nine tenths), drained in {draining:?} at {rate}/s; \
         KiB: {some} with a tenth waiting, {many} with all, {peak} at most while they were drained, {after} after"
    );
    drop(back);
    for (when, resident) in [("with all waiting", many), ("while drained", peak), ("after", after)] {
        assert!(
            resident < some + SLACK,
            "{when}: {resident} KiB, and {some} KiB with a tenth of the messages"
        );
    }
}

/// Begins messages number `from` to `to`: those of a customer one after the other.
async fn accept(gateway: SocketAddr, from: usize, to: usize) {
    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        let client = Client::connect(gateway).await;
        callers.push(tokio::spawn(async move {
            // The nth message is of customer n modulo CUSTOMERS, and each customer of one caller.
            for n in (from..to).filter(|n| n % CUSTOMERS % CALLERS == caller) {
                let (customer, nth) = (n % CUSTOMERS, n / CUSTOMERS);
                let order = OrderRequest {
                    customer: format!("customer-{customer}"),
                    ..OrderRequest::new(format!("{customer}.{nth}"))
                };
                client.begin("Later", order).await.unwrap();
            }
        }));
    }
    for caller in callers {
        caller.await.unwrap();
    }
}

/// What reached the system.
#[derive(Default)]
struct Arrivals {
    /// The next one of each customer.
    next: HashMap<String, usize>,
    all: usize,
    first: Option<Instant>,
    /// What was not as it had to be, first.
    wrong: Option<String>,
}

impl Arrivals {
    fn take(&mut self, key: &str, rate: u32) -> Reaction {
        let (customer, nth) = key.split_once('.').unwrap();
        let next = self.next.entry(customer.to_owned()).or_default();
        if nth.parse() != Ok(*next) {
            self.wrong.get_or_insert_with(|| format!("{key} came where {next} was expected"));
        }
        *next += 1;
        self.all += 1;
        let since = self.first.get_or_insert_with(Instant::now).elapsed();
        // After a pause as many come at once as a second brings; a quarter of a second is for the way.
        let allowed = f64::from(rate) * (since.as_secs_f64() + 1.25);
        if self.all as f64 > allowed {
            let all = self.all;
            self.wrong.get_or_insert_with(|| format!("{all} came within {since:?}, at {rate} a second"));
        }
        Reaction::Take
    }
}

/// The most memory that the gateway had meanwhile.
async fn until_all_came(gateway: &Gateway, arrivals: &Mutex<Arrivals>, messages: usize) -> u64 {
    let (mut peak, mut before, mut progress) = (0, 0, Instant::now());
    loop {
        peak = peak.max(gateway.resident_kib());
        let came = {
            let arrivals = arrivals.lock().unwrap();
            assert_eq!(arrivals.wrong, None);
            arrivals.all
        };
        if came >= messages {
            return peak;
        }
        if came > before {
            (before, progress) = (came, Instant::now());
        }
        assert!(progress.elapsed() < PATIENCE, "no more than {came} of {messages} came");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Nothing waits, nothing is a dead letter.
async fn settled(gateway: &Gateway, house: &House) {
    until("all are finished", async || {
        let list = gateway.operator(house, &["queue", "list", "--format", "json", "--limit", "1"]);
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        list["counts"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
}
