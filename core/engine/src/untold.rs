//! Failures that no ledger keeps, of routes whose callers' patience is the only record: told in the log, so that an
//! operator sees that a system is ill; at most a line a second for a route, so that a system that is down for an hour does
//! not fill a disk.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use portolan_delivery::Failure;

use crate::{route::Route, translate::Context};

/// Between two lines of one route.
const BETWEEN: Duration = Duration::from_secs(1);

/// When each route was last spoken of, and how many failures were passed over since.
#[derive(Debug, Default)]
pub(crate) struct Untold {
    by_route: Mutex<HashMap<Arc<str>, (Instant, u64)>>,
}

impl Untold {
    /// Tells of a failed call, without any value of it.
    pub(crate) fn tell(&self, route: &Route, context: Context<'_>, failure: &Failure) {
        if let Some(left_out) = self.due(&route.name, Instant::now()) {
            tracing::warn!(id = %context.message, route = %route.name, attempt = context.attempt, class = ?failure.class,
                reason = %failure.reason, advice = failure.advice.as_deref(), left_out, "a call failed");
        }
    }

    /// Whether it is time for a line; then how many were left out before it.
    fn due(&self, route: &Arc<str>, now: Instant) -> Option<u64> {
        let mut by_route = self.by_route.lock();
        match by_route.get_mut(route) {
            Some((last, left_out)) if now.saturating_duration_since(*last) < BETWEEN => {
                *left_out += 1;
                None
            }
            Some((last, left_out)) => {
                *last = now;
                Some(std::mem::take(left_out))
            }
            None => {
                by_route.insert(route.clone(), (now, 0));
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_for_each_route() {
        let untold = Untold::default();
        let (one, other, start) = (Arc::from("one"), Arc::from("other"), Instant::now());
        let check = |route: &Arc<str>, ms, expected| {
            assert_eq!(untold.due(route, start + Duration::from_millis(ms)), expected);
        };
        check(&one, 0, Some(0));
        check(&one, 10, None);
        check(&other, 20, Some(0));
        check(&one, 999, None);
        check(&one, 1000, Some(2));
        check(&one, 1500, None);
        check(&one, 2000, Some(1));
    }
}
