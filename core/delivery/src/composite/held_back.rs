//! Routes whose parcels could not be published a moment ago. They are passed over for a while, else what is due on a route
//! whose queue is broken would keep all others from being published.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{DeliveryError, Timestamp};

/// For so long.
const WHILE: Duration = Duration::from_secs(5);

/// Since when.
#[derive(Debug, Default)]
pub(super) struct HeldBack(Mutex<HashMap<Arc<str>, Timestamp>>);

impl HeldBack {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of a publication.
    pub(super) fn published(&self, route: &Arc<str>, result: &Result<(), DeliveryError>, now: Timestamp) {
        let mut all = self.lock();
        match result {
            Ok(()) => drop(all.remove(route)),
            Err(_) => drop(all.insert(route.clone(), now)),
        }
    }

    /// Those that are held back now.
    pub(super) fn routes(&self, now: Timestamp) -> Vec<Arc<str>> {
        let mut all = self.lock();
        // A clock that was put back holds back nothing.
        all.retain(|_, since| *since <= now && now.since(*since) < WHILE);
        all.keys().cloned().collect()
    }

    /// Whether this one is, or was and nobody has tried it since.
    pub(super) fn holds(&self, route: &Arc<str>) -> bool {
        self.lock().contains_key(route)
    }
}
