//! Events that wait to be announced.

use portolan_delivery::{Event, KeptEvent, Timestamp, composite::Unannounced};
use rusqlite::Connection;

use super::Ledger;
use crate::{
    error::Trouble,
    row::{bytes, message_id},
};

/// Whatever finishes an announced message, or makes it a dead letter, leaves its event in the same transaction. Of this
/// connection alone: who has no transport has nobody to tell, and does not pay.
const LEAVE: &str = "CREATE TEMP TRIGGER leave_event AFTER UPDATE OF state ON main.messages
    WHEN NEW.announced AND NEW.state IN (2, 3) AND OLD.state <> NEW.state BEGIN
        INSERT INTO events (message, route, attempt, at, dead, envelope, failure, reply)
        VALUES (NEW.id, NEW.route, NEW.attempt, NEW.at, NEW.state = 3, NEW.envelope, NEW.failure,
                CASE WHEN NEW.state = 2 THEN NEW.reply END);
    END";

impl Ledger {
    /// From here on events are left.
    pub(super) fn leave_events(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch(LEAVE)
    }

    pub(crate) fn mark_announced(&mut self, numbers: &[i64]) -> Result<(), Trouble> {
        for number in numbers {
            self.connection.prepare_cached("DELETE FROM events WHERE number = ?1")?.execute([number])?;
        }
        Ok(())
    }
}

pub(crate) fn unannounced(connection: &Connection, limit: usize) -> Result<Vec<Unannounced>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT e.number, e.message, r.name, e.attempt, e.at, e.dead, e.envelope, e.failure, e.reply
         FROM events e JOIN routes r ON r.number = e.route ORDER BY e.number LIMIT ?1",
    )?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let kept = KeptEvent {
            message: message_id(row, 1)?,
            route: row.get::<_, String>(2)?.into(),
            attempt: row.get(3)?,
            at: Timestamp(row.get(4)?),
            dead: row.get(5)?,
            // Where these are no text, nothing can be told of them.
            envelope: row.get_ref(6)?.as_str().unwrap_or_default(),
            failure: row.get_ref(7)?.as_str_or_null().unwrap_or(Some("")),
            reply: bytes(row, 8)?,
        };
        events.push(Unannounced { number: row.get(0)?, event: Event::from(kept) });
    }
    Ok(events)
}
