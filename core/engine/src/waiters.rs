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

/// The waiting, by message. A waiter that went away is dropped with the message's settlement or the next registration.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    by_message: Mutex<HashMap<MessageId, Vec<oneshot::Sender<Settled>>>>,
}

impl Waiters {
    /// Resolves when the message is settled by this process.
    pub(crate) fn register(&self, id: MessageId) -> oneshot::Receiver<Settled> {
        let (sender, receiver) = oneshot::channel();
        let mut all = self.by_message.lock();
        let waiting = all.entry(id).or_default();
        waiting.retain(|w| !w.is_closed());
        waiting.push(sender);
        receiver
    }

    /// Tells everybody who waits. Who is told comes from one commit, so all are told the same.
    pub(crate) fn settle(&self, id: MessageId, settled: impl FnOnce() -> Settled) {
        let Some(waiting) = self.by_message.lock().remove(&id) else { return };
        let settled = settled();
        for waiter in waiting {
            let _ = waiter.send(settled.clone());
        }
    }

    /// Forgets waiters that went away without being told.
    pub(crate) fn sweep(&self) {
        self.by_message.lock().retain(|_, waiting| {
            waiting.retain(|w| !w.is_closed());
            !waiting.is_empty()
        });
    }
}
