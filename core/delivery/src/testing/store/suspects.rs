//! Whose turn it is among the messages over which gateways died.

use std::sync::Arc;

use super::{Row, Store};
use crate::{State, StateKind, is_suspect};

impl Store {
    fn suspects(&self) -> impl Iterator<Item = (u64, &Row)> {
        self.rows.iter().map(|(seq, row)| (*seq, row)).filter(|(_, row)| row.is_suspect())
    }

    /// Whether one is claimed.
    pub(super) fn suspect_at_work(&self) -> bool {
        self.suspects().any(|(_, row)| row.record.state.kind() == StateKind::Claimed)
    }

    /// The one that may be published, once it is due; nobody, while another one is under way.
    pub(super) fn next_suspect(&self, except: &[Arc<str>]) -> Option<u64> {
        let open = || self.suspects().filter(|(_, row)| !except.contains(&row.record.envelope.route));
        if self.suspect_at_work() || open().any(|(_, row)| row.is_unclaimed()) {
            return None;
        }
        let waiting = open().filter_map(|(seq, row)| match row.record.state {
            State::Waiting { due } if self.behind(seq, row).is_none() => Some((due, seq)),
            _ => None,
        });
        waiting.min().map(|(_, seq)| seq)
    }
}

impl Row {
    pub(super) fn is_suspect(&self) -> bool {
        let open = matches!(self.record.state.kind(), StateKind::Waiting | StateKind::Claimed);
        open && is_suspect(self.lost)
    }
}
