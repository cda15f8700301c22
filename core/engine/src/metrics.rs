//! What the engine counts, for `/metrics`. Every series of a route is made when the route is loaded, so that a message only
//! moves counters; labels are names of the configuration, so that there are as many series as it has lines. Nothing of a
//! message is ever a label.

mod files;
mod gates;
mod made;
mod queue;
mod route;

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use portolan_delivery::Timestamp;
use prometheus_client::{
    encoding::prometheus_text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::engine::Engine;

use files::FileSeries;
use gates::GateGauges;
use made::MadeSeries;
use queue::QueueGauges;
pub(crate) use route::RouteMetrics;
pub(crate) use route::{End, MessageMetrics};

/// Names of the configuration, and values of the gauges and counters that belong to them.
type Labels<const N: usize> = [(&'static str, Arc<str>); N];
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    calls: Family<Labels<3>, Counter>,
    call_duration: Histograms<2>,
    unrouted: Counter,
    attempts: Family<Labels<3>, Counter>,
    attempt_duration: Histograms<2>,
    in_flight: Family<Labels<1>, Gauge>,
    accepted: Family<Labels<1>, Counter>,
    retried: Family<Labels<1>, Counter>,
    settled: Family<Labels<2>, Counter>,
    message_duration: Histograms<1>,
    ready: Gauge,
    queue: QueueGauges,
    gates: GateGauges,
    files: FileSeries,
    made: MadeSeries,
    messages: Mutex<HashMap<Arc<str>, Arc<MessageMetrics>>>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("portolan"),
            calls: Family::default(),
            call_duration: Family::new_with_constructor(quick),
            unrouted: Counter::default(),
            attempts: Family::default(),
            attempt_duration: Family::new_with_constructor(quick),
            in_flight: Family::default(),
            accepted: Family::default(),
            retried: Family::default(),
            settled: Family::default(),
            message_duration: Family::new_with_constructor(long),
            ready: Gauge::default(),
            queue: QueueGauges::default(),
            gates: GateGauges::default(),
            files: FileSeries::default(),
            made: MadeSeries::default(),
            messages: Mutex::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let Self { registry, queue, gates, files, made, .. } = self;
        registry.register("calls", "Calls answered, by gRPC status", self.calls.clone());
        registry.register(
            "call_duration_seconds",
            "From a call whose message is read to its answer",
            self.call_duration.clone(),
        );
        registry.register("unrouted_calls", "Calls of methods that no route serves", self.unrouted.clone());
        registry.register("attempts", "Attempts at a system, by what they brought", self.attempts.clone());
        registry.register(
            "attempt_duration_seconds",
            "From the start of an attempt to its end, waiting for a free connection included",
            self.attempt_duration.clone(),
        );
        registry.register("in_flight", "Attempts at work", self.in_flight.clone());
        registry.register("messages_accepted", "Messages made durable", self.accepted.clone());
        registry.register(
            "messages_retried",
            "Attempts that failed and are due again later",
            self.retried.clone(),
        );
        registry.register(
            "messages_settled",
            "Messages at their end: with a reply, with a failure, or as a dead letter",
            self.settled.clone(),
        );
        registry.register(
            "message_duration_seconds",
            "From the acceptance of a message to its end, whatever that is",
            self.message_duration.clone(),
        );
        registry.register("ready", "Whether messages can be accepted: 1 or 0", self.ready.clone());
        queue.register(registry);
        gates.register(registry);
        files.register(registry);
        made.register(registry);
    }

    /// A call that belongs to no route.
    pub(crate) fn unrouted(&self) {
        self.unrouted.inc();
    }

    /// What is counted of the messages of a route, served now or not.
    pub(crate) fn messages(&self, route: &Arc<str>) -> Arc<MessageMetrics> {
        let mut messages = self.messages.lock();
        if let Some(known) = messages.get(route) {
            return known.clone();
        }
        let made = Arc::new(MessageMetrics::new(self, route));
        messages.insert(route.clone(), made.clone());
        made
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }
}

impl Engine {
    /// Everything that is counted, in the Prometheus text format 0.0.4. Asks the ledger for the depth of the queue, at
    /// most once a second.
    pub async fn metrics(&self) -> String {
        self.metrics.ready.set(i64::from(self.is_ready()));
        let served: Vec<_> = {
            let table = self.table.load();
            table.by_name.values().filter(|r| r.has_ledger_row()).map(|r| r.name.clone()).collect()
        };
        // Gauges are read while nobody else sets them.
        let _set = self.metrics.queue.look(&*self.delivery, served).await;
        let making: Vec<_> = {
            let table = self.table.load();
            table.by_name.values().filter(|r| r.made.is_some()).map(|r| r.name.clone()).collect()
        };
        let _gathered = self.metrics.made.look(&*self.delivery, &making, &self.cutting).await;
        self.metrics.gates.set(&self.table.load(), &self.held, Timestamp::now());
        self.metrics.text()
    }
}

/// What a caller waits for: from half a millisecond to a minute.
fn quick() -> Histogram {
    Histogram::new([
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    ])
}

/// What an operation may take: from ten milliseconds to a week.
fn long() -> Histogram {
    const HOUR: f64 = 3600.0;
    let hours = [1.0, 4.0, 12.0, 24.0, 72.0, 168.0].map(|hours| hours * HOUR);
    Histogram::new([0.01, 0.1, 1.0, 10.0, 60.0, 300.0, 900.0].into_iter().chain(hours))
}

fn observe(histogram: &Histogram, duration: Duration) {
    histogram.observe(duration.as_secs_f64());
}
