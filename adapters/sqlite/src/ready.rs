//! When a claim may find something: a time, and a bell for when it changes.

use std::sync::atomic::{AtomicI64, Ordering};

use portolan_delivery::Timestamp;
use tokio::sync::Notify;

/// The time of the next message that is due, as of the last commit.
pub(crate) struct Ready {
    due: AtomicI64,
    changed: Notify,
}

const NEVER: i64 = i64::MAX;
const FAILED: i64 = i64::MIN;

impl Ready {
    pub(crate) fn new(due: Option<Timestamp>) -> Self {
        Self { due: AtomicI64::new(due.map_or(NEVER, |t| t.0)), changed: Notify::new() }
    }

    /// After each commit.
    pub(crate) fn publish(&self, due: Option<Timestamp>) {
        let due = due.map_or(NEVER, |t| t.0);
        let before = self.due.swap(due, Ordering::AcqRel);
        if due < before {
            self.changed.notify_waiters();
        }
    }

    /// The queue failed: whoever waits is to claim, and to be told so.
    pub(crate) fn fail(&self) {
        self.due.store(FAILED, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Resolves once the time has come.
    pub(crate) async fn wait(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let due = self.due.load(Ordering::Acquire);
            let now = Timestamp::now();
            if due <= now.0 {
                return;
            }
            if due == NEVER {
                changed.await;
            } else {
                // A clock that is set back meanwhile only makes the loop go round again.
                let rest = Timestamp(due).since(now);
                let _ = tokio::time::timeout(rest, changed).await;
            }
        }
    }
}
