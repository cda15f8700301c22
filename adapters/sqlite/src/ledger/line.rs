//! Order by key: who is parked, and who is next.

use portolan_delivery::Timestamp;

use super::Ledger;
use crate::{
    error::Trouble,
    line::{Line, Place},
    row::PARKED,
};

impl Ledger {
    /// After the attempt that was at work ended, and with it its message's turn.
    pub(super) fn next_after_it(&mut self, line: Option<Line>) -> Result<(), Trouble> {
        // Nobody else can be at work.
        line.map_or(Ok(()), |line| self.open_next(line, None))
    }

    /// After somebody came back into a line, waits again, or left it while another may be at work.
    pub(super) fn next_in(&mut self, line: Option<Line>) -> Result<(), Trouble> {
        let Some(line) = line else { return Ok(()) };
        match line.active(&self.connection)? {
            Some(active) if active.is_at_work() => Ok(()),
            active => self.open_next(line, active),
        }
    }

    /// The first that is parked may be claimed, unless somebody before it may be or holds.
    fn open_next(&mut self, line: Line, active: Option<Place>) -> Result<(), Trouble> {
        let Some(next) = line.parked(&self.connection)? else { return Ok(()) };
        let held = line.held(&self.connection)?;
        if [active, held].into_iter().flatten().any(|other| other.seq < next.seq) {
            return Ok(());
        }
        if let Some(overtaken) = active {
            self.gathers_no_more(line.route, overtaken.seq)?;
            self.set_state(overtaken.seq, PARKED)?;
        }
        match Timestamp(next.at) {
            Timestamp::NEVER => self.gather(next.seq),
            due => {
                self.set_state(next.seq, 0)?;
                self.waits(line.route, due);
                Ok(())
            }
        }
    }

    pub(super) fn set_state(&self, seq: i64, state: i64) -> Result<(), Trouble> {
        self.connection
            .prepare_cached("UPDATE messages SET state = ?2 WHERE seq = ?1")?
            .execute((seq, state))?;
        Ok(())
    }
}
