//! Who in this process waits for a message to be settled: callers of request-reply, and `WaitOperation`.

use std::collections::HashMap;

use parking_lot::Mutex;
use portolan_delivery::{DeadLetter, MessageId, Outcome};
use tokio::sync::oneshot;

/// How a message was settled.
#[derive(Debug, Clone)]
pub(crate) enum Settled {
    /// It ended.
    Finished(Outcome),
    /// It became a dead letter.
    Dead(DeadLetter),
}

/// The waiting, by message.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    by_message: Mutex<HashMap<MessageId, Vec<oneshot::Sender<Settled>>>>,
}

/// Somebody who waits, until dropped.
pub(crate) struct Waiting<'a> {
    waiters: &'a Waiters,
    id: MessageId,
    told: oneshot::Receiver<Settled>,
}

impl Waiters {
    /// Waits from now on. Whoever looks at the ledger after this misses nothing.
    pub(crate) fn register(&self, id: MessageId) -> Waiting<'_> {
        let (sender, told) = oneshot::channel();
        self.by_message.lock().entry(id).or_default().push(sender);
        Waiting { waiters: self, id, told }
    }

    /// Tells everybody who waits. Who is told comes from one commit, so all are told the same.
    pub(crate) fn settle(&self, id: MessageId, settled: impl FnOnce() -> Settled) {
        let Some(waiting) = self.by_message.lock().remove(&id) else { return };
        let settled = settled();
        for waiter in waiting {
            let _ = waiter.send(settled.clone());
        }
    }

    /// The messages that somebody waits for.
    pub(crate) fn awaited(&self) -> Vec<MessageId> {
        self.by_message.lock().keys().copied().collect()
    }

    /// Sends everybody who waits to the ledger: the message will not be settled by this run.
    pub(crate) fn dismiss(&self, id: MessageId) {
        self.by_message.lock().remove(&id);
    }
}

impl Waiting<'_> {
    /// How the message was settled; `None` when that will not be told, and the ledger is to be asked.
    pub(crate) async fn settled(&mut self) -> Option<Settled> {
        (&mut self.told).await.ok()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.told.close();
        let mut all = self.waiters.by_message.lock();
        if let Some(waiting) = all.get_mut(&self.id) {
            waiting.retain(|waiter| !waiter.is_closed());
            if waiting.is_empty() {
                all.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_stops_waiting_leaves_nothing_behind() {
        let waiters = Waiters::default();
        let id = MessageId::generate();
        let (first, mut second) = (waiters.register(id), waiters.register(id));
        drop(first);
        waiters.dismiss(id);
        assert!(second.settled().await.is_none());
        drop((waiters.register(id), second));
        assert!(waiters.by_message.lock().is_empty());
    }
}
