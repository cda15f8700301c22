//! Routes that an operator holds up, as this process knows them: read when it starts, when something changes them here, and
//! from time to time, where another gateway may.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use portolan_delivery::{Control, Controls, Failure, FaultClass, Status};
use tokio::sync::Notify;

use crate::route::{Route, RouteMode};

/// The routes that do not simply run.
#[derive(Debug, Default)]
pub(crate) struct Held {
    controls: ArcSwap<Controls>,
    changed: Notify,
}

/// When a caller may come again: nobody knows when a person decides otherwise.
const COME_AGAIN: Duration = Duration::from_secs(5);

impl Held {
    /// What was read; whether anything differs from before.
    pub(crate) fn learn(&self, controls: Controls) -> bool {
        let before = self.controls.swap(Arc::new(controls));
        let differs = *before != **self.controls.load();
        if differs {
            self.changed.notify_waiters();
        }
        differs
    }

    pub(crate) fn all(&self) -> Arc<Controls> {
        self.controls.load_full()
    }

    pub(crate) fn control(&self, route: &str) -> Control {
        self.controls.load().get(route).copied().unwrap_or_default()
    }

    /// Why no new message of the route is accepted. A paused one accepts those that may wait.
    pub(crate) fn refusal(&self, route: &Route) -> Option<Failure> {
        match self.control(&route.name) {
            Control::Paused if route.mode != RouteMode::Operation => Some(paused()),
            Control::Draining => {
                Some(refusal("ROUTE_DRAINING", "the route takes no new requests at present"))
            }
            Control::Paused | Control::Running => None,
        }
    }

    /// Why a message that was accepted is not worked on.
    pub(crate) fn pause(&self, route: &str) -> Option<Failure> {
        (self.control(route) == Control::Paused).then(paused)
    }

    /// Resolves when the route is paused.
    pub(crate) async fn is_paused(&self, route: &str) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.control(route) == Control::Paused {
                return;
            }
            changed.await;
        }
    }
}

fn paused() -> Failure {
    refusal("ROUTE_PAUSED", "the route is held up by its operators at present")
}

fn refusal(reason: &str, why: &str) -> Failure {
    let message = format!("{why}; nothing was done with this request");
    Failure::new(Status::Unavailable, FaultClass::Unsent, reason, message).retry_after(COME_AGAIN)
}
