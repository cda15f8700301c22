//! Who waits for whom, said as the port says it and not as an implementation would find it quickly.

use super::{Row, Store};
use crate::{DeadLetters, MessageId, OrderKey, State, StateKind};

impl Store {
    /// The messages of a key that others wait for, in order of acceptance.
    pub(super) fn line(&self, key: OrderKey) -> impl Iterator<Item = (u64, &Row)> {
        self.rows.iter().map(|(seq, row)| (*seq, row)).filter(move |(_, row)| row.in_line(key))
    }

    /// The message that must end before this one, which waits, may be claimed.
    pub(super) fn behind(&self, seq: u64, row: &Row) -> Option<MessageId> {
        let key = row.record.envelope.order?.key;
        if row.record.state.kind() != StateKind::Waiting {
            return None;
        }
        let at_work = self.line(key).find(|(_, other)| other.record.state.kind() == StateKind::Claimed);
        let first = at_work.or_else(|| self.line(key).next().filter(|(first, _)| *first < seq));
        first.map(|(_, other)| other.record.envelope.id)
    }
}

impl Row {
    fn in_line(&self, key: OrderKey) -> bool {
        let holds = |dead_letters| dead_letters == DeadLetters::Hold;
        self.record.envelope.order.is_some_and(|order| {
            order.key == key
                && match self.record.state {
                    State::Waiting { .. } | State::Claimed { .. } => true,
                    State::Dead { .. } => holds(order.dead_letters),
                    State::Finished { .. } => false,
                }
        })
    }
}
