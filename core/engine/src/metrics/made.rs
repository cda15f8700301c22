//! What is counted of files that are made of messages: what gathers, as the ledger says when it is asked, and what became of files.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use portolan_delivery::{Delivery, DeliveryError, Gathered, Timestamp};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio::sync::{Mutex, MutexGuard};

use super::{
    Labels,
    queue::{FRESH, PATIENCE},
};
use crate::{cut_now::Cutting, trouble::Trouble};

/// The series of all routes whose messages gather.
pub(super) struct MadeSeries {
    gathered: Family<Labels<1>, Gauge>,
    oldest: Family<Labels<1>, Gauge<f64, std::sync::atomic::AtomicU64>>,
    failing: Family<Labels<1>, Gauge>,
    cut: Family<Labels<1>, Counter>,
    delivered: Family<Labels<1>, Counter>,
    answers: Family<Labels<1>, Counter>,
    overdue: Family<Labels<1>, Counter>,
    said: Mutex<Option<Said>>,
    trouble: Trouble,
}

impl Default for MadeSeries {
    fn default() -> Self {
        Self {
            gathered: Family::default(),
            oldest: Family::default(),
            failing: Family::default(),
            cut: Family::default(),
            delivered: Family::default(),
            answers: Family::default(),
            overdue: Family::default(),
            said: Mutex::default(),
            trouble: Trouble::new("what has gathered for files is not known"),
        }
    }
}

/// An answer of the ledger.
pub(super) struct Said {
    at: Instant,
    gathered: Option<Vec<Gathered>>,
}

impl MadeSeries {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "file_gathered_messages",
            "Messages that gather for the next file",
            self.gathered.clone(),
        );
        registry.register(
            "file_gathered_oldest_age_seconds",
            "Since the oldest of them was accepted; 0 where there is none",
            self.oldest.clone(),
        );
        registry.register(
            "files_failing",
            "Whether a file could not be made or delivered when that was last tried: 1 or 0",
            self.failing.clone(),
        );
        registry.register("files_cut", "Files that were cut", self.cut.clone());
        registry.register("files_delivered", "Files that were delivered", self.delivered.clone());
        registry.register("file_answers", "Answers that were taken from files", self.answers.clone());
        registry.register(
            "file_overdue",
            "Messages in files whose answer did not come in time",
            self.overdue.clone(),
        );
    }

    /// Those of one route.
    pub(super) fn of(&self, route: &Arc<str>) -> MadeMetrics {
        let labels = [("route", route.clone())];
        MadeMetrics {
            cut: self.cut.get_or_create_owned(&labels),
            delivered: self.delivered.get_or_create_owned(&labels),
            answers: self.answers.get_or_create_owned(&labels),
            overdue: self.overdue.get_or_create_owned(&labels),
        }
    }

    /// Sets the gauges of these routes, and of others for which messages gather. They stay as they are while the guard is held.
    pub(super) async fn look(
        &self,
        delivery: &dyn Delivery,
        served: &[Arc<str>],
        cutting: &Cutting,
    ) -> MutexGuard<'_, Option<Said>> {
        let mut said = self.said.lock().await;
        if said.as_ref().is_none_or(|said| said.at.elapsed() >= FRESH) {
            let gathered = ask(delivery).await;
            self.trouble.tell(&gathered);
            *said = Some(Said { at: Instant::now(), gathered: gathered.ok() });
        }
        let gathered = said.as_ref().and_then(|said| said.gathered.as_deref());
        self.set(served, gathered, Timestamp::now());
        self.failing.clear();
        for route in served {
            let failing = i64::from(cutting.trouble(route).is_some());
            self.failing.get_or_create(&[("route", route.clone())]).set(failing);
        }
        said
    }

    fn set(&self, served: &[Arc<str>], gathered: Option<&[Gathered]>, now: Timestamp) {
        self.gathered.clear();
        self.oldest.clear();
        let Some(gathered) = gathered else { return };
        let none = served.iter().map(|route| (route, 0, Duration::ZERO));
        let some = gathered.iter().map(|one| (&one.route, one.messages, now.since(one.oldest)));
        for (route, messages, age) in none.chain(some) {
            let labels = [("route", route.clone())];
            self.gathered.get_or_create(&labels).set(i64::try_from(messages).unwrap_or(i64::MAX));
            self.oldest.get_or_create(&labels).set(age.as_secs_f64());
        }
    }
}

async fn ask(delivery: &dyn Delivery) -> Result<Vec<Gathered>, DeliveryError> {
    let Some(store) = delivery.cuts() else { return Ok(Vec::new()) };
    let late = |_| Err(DeliveryError::Unavailable("the ledger does not answer".to_owned()));
    tokio::time::timeout(PATIENCE, store.gathered()).await.unwrap_or_else(late)
}

/// The series of a route whose messages gather.
pub(crate) struct MadeMetrics {
    cut: Counter,
    delivered: Counter,
    answers: Counter,
    overdue: Counter,
}

impl MadeMetrics {
    /// A file was cut.
    pub(crate) fn cut(&self) {
        self.cut.inc();
    }

    /// A file was given its name.
    pub(crate) fn delivered(&self) {
        self.delivered.inc();
    }

    /// Answers were taken.
    pub(crate) fn answered(&self, answers: usize) {
        self.answers.inc_by(u64::try_from(answers).unwrap_or(u64::MAX));
    }

    /// An answer did not come in time.
    pub(crate) fn overdue(&self) {
        self.overdue.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_has_its_zeros_and_what_is_not_known_is_absent() {
        let (mut registry, made) = (Registry::default(), MadeSeries::default());
        made.register(&mut registry);
        let gathered = Gathered { route: "b".into(), messages: 3, oldest: Timestamp(1_500_000) };
        let text = |gathered: Option<&[Gathered]>| {
            made.set(&["a".into(), "b".into()], gathered, Timestamp(5_000_000));
            let mut text = String::new();
            prometheus_client::encoding::prometheus_text::encode(&mut text, &registry).unwrap();
            text
        };
        let known = text(Some(&[gathered]));
        for line in [
            "file_gathered_messages{route=\"a\"} 0",
            "file_gathered_messages{route=\"b\"} 3",
            "file_gathered_oldest_age_seconds{route=\"a\"} 0.0",
            "file_gathered_oldest_age_seconds{route=\"b\"} 3.5",
        ] {
            assert!(known.lines().any(|found| found == line), "{line}:\n{known}");
        }
        assert!(!text(None).contains("file_gathered_messages{"));
    }
}
