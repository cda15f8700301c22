//! The tally: what would cost every accept a page is done for many at once. Messages after it are not counted by bundle,
//! and those whose attempt began with their accept are in no index of claims; both are settled by looking at these rows.

use rusqlite::OptionalExtension;

use super::Ledger;
use crate::row::BEGUN;

/// Messages after the tally, about at most: so many rows are looked at when a file is opened, or claims are asked for.
const LOOKED_AT: i64 = 1000;

impl Ledger {
    /// At the start: what an earlier run left after its tally.
    pub(super) fn catch_up(&mut self) -> rusqlite::Result<()> {
        self.counted = self.connection.query_row("SELECT seq FROM tally", [], |row| row.get(0))?;
        self.newest = self.last()?;
        if self.newest > self.counted {
            self.begin()?;
            self.tally()?;
            self.commit()?;
        }
        Ok(())
    }

    pub(super) fn tally_in_time(&mut self) -> rusqlite::Result<()> {
        if self.newest - self.counted >= LOOKED_AT { self.tally() } else { Ok(()) }
    }

    /// Counts all messages there are, and leads the index of claims to them.
    pub(super) fn tally(&mut self) -> rusqlite::Result<()> {
        if self.newest == self.counted {
            return Ok(());
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT bundle, count(*) FROM messages WHERE seq > ?1 GROUP BY bundle")?;
        let mut rows = statement.query([self.counted])?;
        while let Some(row) = rows.next()? {
            *self.uses.entry(row.get(0)?).or_default() += row.get::<_, i64>(1)?;
        }
        drop(rows);
        drop(statement);
        self.connection
            .prepare_cached("UPDATE messages SET state = 1 WHERE seq > ?1 AND state = ?2")?
            .execute((self.counted, BEGUN))?;
        self.counted_up_to(self.newest)
    }

    /// After messages were removed: SQLite gives the numbers of the last ones again.
    pub(super) fn tally_back(&mut self) -> rusqlite::Result<()> {
        self.newest = self.last()?;
        if self.newest < self.counted { self.counted_up_to(self.newest) } else { Ok(()) }
    }

    fn counted_up_to(&mut self, seq: i64) -> rusqlite::Result<()> {
        self.counted = seq;
        self.connection.prepare_cached("UPDATE tally SET seq = ?1")?.execute([seq]).map(drop)
    }

    fn last(&self) -> rusqlite::Result<i64> {
        let last = self
            .connection
            .prepare_cached("SELECT seq FROM messages ORDER BY seq DESC LIMIT 1")?
            .query_row([], |row| row.get(0));
        Ok(last.optional()?.unwrap_or(0))
    }
}
