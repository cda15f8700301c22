//! Depth of the queue and age of its oldest message, as the ledger says when it is asked. Scrapes come as often as anyone
//! likes; the ledger is asked once a second at most, by one of them.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use portolan_delivery::{BrokerState, Count, Delivery, DeliveryError, StateKind, Timestamp};
use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio::sync::{Mutex, MutexGuard};

use super::Labels;
use crate::trouble::Trouble;

/// How long an answer of the ledger holds.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// How long a scrape waits for the ledger: much less than scrapers do.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// The states in which messages gather.
const STATES: [(StateKind, &str); 3] =
    [(StateKind::Waiting, "waiting"), (StateKind::Claimed, "claimed"), (StateKind::Dead, "dead")];

/// The gauges, and what the ledger said last.
pub(super) struct QueueGauges {
    messages: Family<Labels<2>, Gauge>,
    oldest: Family<Labels<2>, Gauge<f64, std::sync::atomic::AtomicU64>>,
    readable: Gauge,
    /// Families of one, or of none where there is no broker.
    broker_connected: Family<Labels<0>, Gauge>,
    broker_blocked: Family<Labels<0>, Gauge>,
    said: Mutex<Option<Said>>,
    trouble: Trouble,
}

impl Default for QueueGauges {
    fn default() -> Self {
        Self {
            messages: Family::default(),
            oldest: Family::default(),
            readable: Gauge::default(),
            broker_connected: Family::default(),
            broker_blocked: Family::default(),
            said: Mutex::default(),
            trouble: Trouble::new("the depth of the queue is not known"),
        }
    }
}

/// An answer of the ledger.
pub(super) struct Said {
    at: Instant,
    counts: Option<Vec<Count>>,
}

impl QueueGauges {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("queue_messages", "Messages in the queue", self.messages.clone());
        registry.register(
            "queue_oldest_age_seconds",
            "Since the oldest of them was accepted; 0 where there is none",
            self.oldest.clone(),
        );
        registry.register(
            "queue_readable",
            "Whether the ledger told its depth: 1, or 0 and the two above are absent",
            self.readable.clone(),
        );
        registry.register(
            "broker_connected",
            "Whether the broker is there: 1 or 0; absent without one",
            self.broker_connected.clone(),
        );
        registry.register(
            "broker_blocked",
            "Whether the broker takes no messages, as its memory or disk is short: 1 or 0; absent without one",
            self.broker_blocked.clone(),
        );
    }

    /// Sets the gauges of these routes, and of others that have messages. They stay as they are while the guard is held.
    pub(super) async fn look(
        &self,
        delivery: &dyn Delivery,
        served: Vec<Arc<str>>,
    ) -> MutexGuard<'_, Option<Said>> {
        let mut said = self.said.lock().await;
        if said.as_ref().is_none_or(|said| said.at.elapsed() >= FRESH) {
            let counts = ask(delivery).await;
            self.trouble.tell(&counts);
            let counts = counts.ok();
            // From the answer on: those who waited for it do not ask again.
            *said = Some(Said { at: Instant::now(), counts });
        }
        let counts = said.as_ref().and_then(|said| said.counts.as_deref());
        self.set(served, counts, Timestamp::now());
        if let Some(BrokerState { connected, blocked }) = delivery.broker() {
            self.broker_connected.get_or_create(&[]).set(i64::from(connected));
            self.broker_blocked.get_or_create(&[]).set(i64::from(blocked));
        }
        said
    }

    fn set(&self, served: Vec<Arc<str>>, counts: Option<&[Count]>, now: Timestamp) {
        self.messages.clear();
        self.oldest.clear();
        self.readable.set(i64::from(counts.is_some()));
        let Some(counts) = counts else { return };
        let none = STATES.map(|_| (0, None));
        let mut routes: HashMap<Arc<str>, _> = served.into_iter().map(|name| (name, none)).collect();
        for count in counts {
            if let Some(state) = STATES.iter().position(|(state, _)| *state == count.state) {
                let of_route = routes.entry(count.route.as_str().into()).or_insert(none);
                of_route[state] = (count.messages, Some(count.oldest));
            }
        }
        for (route, states) in routes {
            for ((messages, oldest), (_, state)) in states.into_iter().zip(STATES) {
                let labels = [("route", route.clone()), ("state", state.into())];
                self.messages.get_or_create(&labels).set(i64::try_from(messages).unwrap_or(i64::MAX));
                let age = oldest.map_or(Duration::ZERO, |oldest| now.since(oldest));
                self.oldest.get_or_create(&labels).set(age.as_secs_f64());
            }
        }
    }
}

async fn ask(delivery: &dyn Delivery) -> Result<Vec<Count>, DeliveryError> {
    let late = |_| Err(DeliveryError::Unavailable("the ledger does not answer".to_owned()));
    tokio::time::timeout(PATIENCE, delivery.counts()).await.unwrap_or_else(late)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_has_its_zeros_and_what_is_not_known_is_absent() {
        let mut registry = Registry::default();
        let gauges = QueueGauges::default();
        gauges.register(&mut registry);
        let text = |counts: Option<&[Count]>| {
            gauges.set(vec!["a".into()], counts, Timestamp(5_000_000));
            let mut text = String::new();
            prometheus_client::encoding::prometheus_text::encode(&mut text, &registry).unwrap();
            text
        };
        let dead =
            Count { route: "b".into(), state: StateKind::Dead, messages: 3, oldest: Timestamp(1_500_000) };
        let both = text(Some(&[dead]));
        for line in [
            "queue_messages{route=\"a\",state=\"waiting\"} 0",
            "queue_oldest_age_seconds{route=\"a\",state=\"dead\"} 0.0",
            "queue_messages{route=\"b\",state=\"dead\"} 3",
            "queue_oldest_age_seconds{route=\"b\",state=\"dead\"} 3.5",
            "queue_readable 1",
        ] {
            assert!(both.lines().any(|found| found == line), "{line}:\n{both}");
        }
        let unknown = text(None);
        assert!(unknown.contains("queue_readable 0") && !unknown.contains("queue_messages{"), "{unknown}");
    }
}
