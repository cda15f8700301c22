//! Suspects: messages over which gateways died. One at a time is under way.

use portolan_delivery::{LOST_BEFORE_SUSPECT, Timestamp, is_suspect};

use super::Ledger;
use crate::{outbox::PATIENCE, row::suspects};

// As the statements say.
const _: () = assert!(LOST_BEFORE_SUSPECT == 2);

/// A suspect that was handed out to be published.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    seq: i64,
    route: i64,
    /// It keeps the others waiting no longer: its parcel may be lost, or at the end of a long queue.
    until: Timestamp,
}

impl Ledger {
    /// Whether one is claimed.
    pub(super) fn suspect_is_claimed(&self) -> rusqlite::Result<bool> {
        self.connection.prepare_cached(concat!("SELECT 1 FROM ", suspects!(), " AND state = 1"))?.exists([])
    }

    /// When the one whose turn it is was due, and which it is; nobody while another one is under way. Notes when to look again.
    pub(super) fn next_suspect(&mut self, now: Timestamp) -> rusqlite::Result<Option<(i64, i64)>> {
        self.suspect_due = None;
        if self.suspect_is_claimed()? {
            return Ok(None);
        }
        if let Some(turn) =
            self.turn.filter(|turn| now < turn.until && !self.passed_over.contains(&turn.route))
            && self
                .connection
                .prepare_cached("SELECT 1 FROM messages WHERE seq = ?1 AND state IN (7, 8)")?
                .exists([turn.seq])?
        {
            self.suspect_due = Some(turn.until);
            return Ok(None);
        }
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT at, seq, route FROM ",
            suspects!(),
            " AND state = 0 ORDER BY at, seq"
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if self.passed_over.contains(&row.get(2)?) {
                continue;
            }
            let (at, seq) = (row.get(0)?, row.get(1)?);
            self.suspect_due = Some(Timestamp(at));
            return Ok((at <= now.0).then_some((at, seq)));
        }
        Ok(None)
    }

    /// It was handed out, if it is one.
    pub(super) fn has_its_turn(&mut self, seq: i64, route: i64, lost: u32, now: Timestamp) {
        if is_suspect(lost) {
            self.turn = Some(Turn { seq, route, until: now.plus(PATIENCE) });
        }
    }

    /// After the attempt of what may have been one ended: another one may be claimed.
    pub(super) fn suspect_is_done(&mut self, lost: u32, now: Timestamp) {
        if is_suspect(lost) {
            self.suspect_due = Some(now);
        }
    }
}
