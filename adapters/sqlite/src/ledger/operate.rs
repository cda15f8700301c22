//! What an operator decides: about a dead letter, once more or done; about a route, whether it is worked on. And a message
//! that nobody waits for any more.

use std::sync::Arc;

use portolan_delivery::{BundleHash, Control, Failure, MessageId, Outcome, Timestamp};

use super::{Ledger, settle::columns};
use crate::{
    error::Trouble,
    line::Line,
    row::{PARKED, to_json},
};

impl Ledger {
    /// The letter's failure stays with its attempt; the deadline goes, and with it whoever waited. In a line it takes its old
    /// place.
    pub(crate) fn retry(
        &mut self,
        id: MessageId,
        bundle: Option<BundleHash>,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let dead = self.dead(id)?;
        let bundle = bundle.map_or(Ok(dead.bundle), |hash| self.kept(hash))?;
        if dead.seq > self.counted {
            self.tally()?;
        }
        self.connection
            .prepare_cached(
                "UPDATE messages SET state = ?4, at = ?2, bundle = ?3, class = NULL, party = NULL, failure = NULL, reply = NULL,
                        envelope = json_set(json_remove(envelope, '$.deadline'), '$.mode', 'operation')
                 WHERE seq = ?1",
            )?
            .execute((dead.seq, now.0, bundle, if dead.line.is_some() { PARKED } else { 0 }))?;
        *self.uses.entry(dead.bundle).or_default() -= 1;
        *self.uses.entry(bundle).or_default() += 1;
        match dead.line {
            Some(line) => self.next_in(Some(line))?,
            None => self.waits(dead.route, now),
        }
        Ok(())
    }

    pub(crate) fn resolve(
        &mut self,
        id: MessageId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let dead = self.dead(id)?;
        let (reply, failure) = columns(outcome)?;
        self.connection
            .prepare_cached(
                "UPDATE messages SET state = 2, at = ?2, class = NULL, party = NULL, reply = ?3, failure = ?4 WHERE seq = ?1",
            )?
            .execute((dead.seq, now.0, reply, failure))?;
        self.next_in(dead.line)
    }

    /// Its place in the index of those that wait goes with its state, and its place in a line, too.
    pub(crate) fn withdraw(
        &mut self,
        id: MessageId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, Trouble> {
        let (reply, failure) = columns(outcome)?;
        let mut statement = self.connection.prepare_cached(
            "UPDATE messages SET state = 2, at = ?2, reply = ?3, failure = ?4
             WHERE id = ?1 AND (state IN (0, 5, 7, 8)
                 OR state = 9 AND EXISTS (SELECT 1 FROM gathering g WHERE g.route = messages.route AND g.message = seq))
             RETURNING order_key, route, seq",
        )?;
        let mut withdrawn = statement.query((id.0.as_bytes(), now.0, reply, failure))?;
        let Some(row) = withdrawn.next()? else { return Ok(false) };
        let (line, route, seq) = (Line::of(row, 0, 1)?, row.get(1)?, row.get(2)?);
        // To its end, or the update is not done.
        while withdrawn.next()?.is_some() {}
        drop(withdrawn);
        drop(statement);
        self.gathers_no_more(route, seq)?;
        self.next_in(line)?;
        Ok(true)
    }

    /// When it was finished stays, and with it how long it is remembered.
    pub(crate) fn erase(&mut self, id: MessageId, outcome: &Failure) -> Result<bool, Trouble> {
        // How its last attempt ended stands in its own row, where it ended well or for good.
        let attempt = "INSERT OR IGNORE INTO attempts (message, number, started, ended, failure)
             SELECT seq, attempt, started, at, coalesce(failure, 'null') FROM messages WHERE id = ?1 AND state = 2 AND attempt > 0";
        let words = "UPDATE attempts SET failure = json_set(json_remove(failure, '$.fields'), '$.message', '')
             WHERE message = (SELECT seq FROM messages WHERE id = ?1 AND state = 2) AND json_extract(failure, '$.personal')";
        for statement in [attempt, words] {
            self.connection.prepare_cached(statement)?.execute([id.0.as_bytes()])?;
        }
        let erased = self
            .connection
            .prepare_cached(
                "UPDATE messages SET payload = x'', reply = NULL, ticket = NULL, failure = ?2 WHERE id = ?1 AND state = 2",
            )?
            .execute((id.0.as_bytes(), to_json(outcome)?))?;
        Ok(erased > 0)
    }

    pub(crate) fn control(&mut self, route: &Arc<str>, control: Control) -> Result<(), Trouble> {
        let sql = match control {
            Control::Running => "DELETE FROM controls WHERE route = ?1",
            Control::Paused | Control::Draining => {
                "INSERT OR REPLACE INTO controls (route, control) VALUES (?1, ?2)"
            }
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        match control {
            Control::Running => statement.execute([&**route])?,
            Control::Paused | Control::Draining => statement.execute((&**route, control.name()))?,
        };
        Ok(())
    }
}
