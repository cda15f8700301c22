//! What was handed out to be published by this process, and has not been claimed yet. The file knows that it is out; this
//! knows for how long, and what the transport has confirmed.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use portolan_delivery::{MessageId, Timestamp};
use tokio::sync::Notify;

/// A message and the attempt that its parcel announces.
pub(crate) type Announced = (MessageId, u32);

/// Whoever publishes has this long; then the message goes back into the outbox. It may be published twice.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Confirmed parcels that are remembered here and not in the file: so many may be published again after a crash.
const CONFIRMED: usize = 1000;
/// Parcels without a confirm, at most, that an accept adds to: while the transport is away, the file alone remembers.
const UNCONFIRMED: usize = 10_000;

#[derive(Default)]
pub(crate) struct Outbox {
    out: Mutex<Out>,
    earlier: Notify,
}

#[derive(Default)]
struct Out {
    unconfirmed: HashMap<Announced, Timestamp>,
    by_time: BTreeSet<(Timestamp, Announced)>,
    confirmed: HashSet<Announced>,
}

impl Out {
    fn forget(&mut self, announced: Announced) -> bool {
        let until = self.unconfirmed.remove(&announced);
        until.is_some_and(|until| self.by_time.remove(&(until, announced)))
    }
}

impl Outbox {
    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an accept may hand out its message itself.
    pub(crate) fn has_room(&self) -> bool {
        self.out().unconfirmed.len() < UNCONFIRMED
    }

    /// Somebody is about to publish it.
    pub(crate) fn hand_out(&self, announced: Announced, now: Timestamp) {
        let mut out = self.out();
        out.confirmed.remove(&announced);
        out.forget(announced);
        let until = now.plus(PATIENCE);
        out.unconfirmed.insert(announced, until);
        out.by_time.insert((until, announced));
        let first = out.by_time.first() == Some(&(until, announced));
        drop(out);
        if first {
            self.earlier.notify_waiters();
        }
    }

    /// The transport has it.
    pub(crate) fn confirm(&self, announced: Announced) {
        let mut out = self.out();
        if out.forget(announced) {
            out.confirmed.insert(announced);
        }
    }

    /// Its parcel came.
    pub(crate) fn spent(&self, announced: Announced) {
        let mut out = self.out();
        out.forget(announced);
        out.confirmed.remove(&announced);
    }

    /// What was confirmed, once that is more than is to be remembered.
    pub(crate) fn many_confirmed(&self) -> Vec<Announced> {
        if self.out().confirmed.len() < CONFIRMED { Vec::new() } else { self.confirmed() }
    }

    /// What was confirmed. It is not remembered any more.
    pub(crate) fn confirmed(&self) -> Vec<Announced> {
        self.out().confirmed.drain().collect()
    }

    /// What nobody seems to publish any more.
    pub(crate) fn overdue(&self, now: Timestamp) -> Vec<Announced> {
        let mut out = self.out();
        let mut overdue = Vec::new();
        while let Some((_, announced)) = out.by_time.first().copied().filter(|(until, _)| *until <= now) {
            out.forget(announced);
            overdue.push(announced);
        }
        overdue
    }

    /// Resolves when something is overdue.
    pub(crate) async fn until_overdue(&self) {
        loop {
            let earlier = self.earlier.notified();
            tokio::pin!(earlier);
            earlier.as_mut().enable();
            let first = self.out().by_time.first().map(|(until, _)| *until);
            let now = Timestamp::now();
            match first {
                Some(until) if until <= now => return,
                Some(until) => drop(tokio::time::timeout(until.since(now), earlier).await),
                None => earlier.await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    fn announced() -> Announced {
        (MessageId::generate(), 1)
    }

    #[test]
    fn what_is_not_confirmed_in_time_comes_back() {
        let outbox = Outbox::default();
        let [lost, sent, came] = [announced(), announced(), announced()];
        for one in [lost, sent, came] {
            outbox.hand_out(one, NOW);
        }
        outbox.confirm(sent);
        outbox.spent(came);
        assert_eq!(outbox.overdue(NOW), []);
        assert_eq!(outbox.overdue(NOW.plus(PATIENCE)), [lost]);
        assert_eq!(outbox.overdue(NOW.plus(PATIENCE)), []);
        // Handed out again, it has as long again.
        outbox.hand_out(lost, NOW);
        outbox.hand_out(lost, NOW.plus(PATIENCE));
        assert_eq!(outbox.overdue(NOW.plus(PATIENCE)), []);
    }

    #[test]
    fn memory_is_bounded() {
        let outbox = Outbox::default();
        for _ in 1..CONFIRMED {
            let one = announced();
            outbox.hand_out(one, NOW);
            outbox.confirm(one);
        }
        assert_eq!(outbox.many_confirmed(), []);
        let last = announced();
        outbox.hand_out(last, NOW);
        outbox.confirm(last);
        assert_eq!(outbox.many_confirmed().len(), CONFIRMED);
        assert_eq!(outbox.many_confirmed(), []);
        for _ in 0..UNCONFIRMED {
            assert!(outbox.has_room());
            outbox.hand_out(announced(), NOW);
        }
        assert!(!outbox.has_room());
    }
}
