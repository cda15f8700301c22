//! Parcels that were published and that the transport does not have any more: a queue was purged, or deleted and made anew, or
//! a broker was lost. The ledger has their messages, and so they are published again.
//!
//! Which ones those are, no transport says; how many a queue holds, it does. Of a route, the ledger counts `P` parcels that
//! are published and not claimed, and the queue holds `Q` that nobody has received. So `P - Q` are on their way through a gateway,
//! or lost, or the queue holds some twice. The longest published are at the head of the queue: those `P - Q` are
//! published again, once they are old enough for a gateway to have claimed them.
//!
//! So a long backlog is not published again, however old it is, as its queue holds it. What a gateway holds back
//! unclaimed may be, which is no more than its prefetch: the inbox absorbs it. Where a queue holds parcels twice,
//! `P - Q` is too small by as many, until they are received.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::Timestamp;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(30);
/// Parcels of a route that are published again at a time.
pub(super) const CHUNK: u64 = 1000;

/// Some of a route's parcels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclaimed {
    /// The route.
    pub route: std::sync::Arc<str>,
    /// How many are published and not claimed.
    pub parcels: u64,
}

impl Unclaimed {
    /// How many to publish again, where its queue holds so many that nobody has received.
    pub(super) fn missing(&self, there: u64) -> u64 {
        self.parcels.saturating_sub(there).min(CHUNK)
    }
}

/// When it was asked last.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<Option<Timestamp>>);

impl Asked {
    /// Whether it is time to ask; then it counts as asked.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = last.is_some_and(|last| last <= now && now.since(last) < EVERY);
        if !recent {
            *last = Some(now);
        }
        !recent
    }

    /// There may be more.
    pub(super) fn again(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asked_from_time_to_time() {
        let (asked, start) = (Asked::default(), Timestamp(1_000_000));
        assert!(asked.is_due(start));
        assert!(!asked.is_due(start.plus(EVERY / 2)));
        assert!(asked.is_due(start.plus(EVERY)));
        assert!(!asked.is_due(start.plus(EVERY)));
        assert!(asked.is_due(start), "the clock was put back");
        asked.again();
        assert!(asked.is_due(start));
    }

    #[test]
    fn what_the_queue_does_not_hold_is_missing() {
        let of = |parcels| Unclaimed { route: "r".into(), parcels };
        assert_eq!(of(5).missing(3), 2);
        assert_eq!(of(5).missing(7), 0, "some are there twice");
        assert_eq!(of(1_000_000).missing(999_990), 10);
        assert_eq!(of(1_000_000).missing(0), CHUNK);
    }
}
