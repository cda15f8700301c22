//! Order by key: who is parked, and who is next.

use portolan_delivery::Timestamp;

use super::Ledger;
use crate::{error::Trouble, line::Line, row::PARKED};

impl Ledger {
    /// After somebody left a line, came back into it or waits again: the first that is parked may be claimed, unless one is
    /// at work, or comes before it and may be claimed or holds.
    pub(super) fn next_in(&mut self, line: Option<Line>) -> Result<(), Trouble> {
        let Some(line) = line else { return Ok(()) };
        let active = line.active(&self.connection)?;
        if active.is_some_and(|active| active.is_at_work()) {
            return Ok(());
        }
        let Some(next) = line.parked(&self.connection)? else { return Ok(()) };
        let held = line.held(&self.connection)?;
        if [active, held].into_iter().flatten().any(|other| other.seq < next.seq) {
            return Ok(());
        }
        if let Some(overtaken) = active {
            self.set_state(overtaken.seq, PARKED)?;
        }
        self.set_state(next.seq, 0)?;
        self.waits(line.route, Timestamp(next.at));
        Ok(())
    }

    fn set_state(&self, seq: i64, state: i64) -> Result<(), Trouble> {
        self.connection
            .prepare_cached("UPDATE messages SET state = ?2 WHERE seq = ?1")?
            .execute((seq, state))?;
        Ok(())
    }
}
