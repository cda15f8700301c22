//! Messages that are to be in a file: they gather, or wait in one for what becomes of them. Their rows are not written meanwhile (see
//! `gathering.sql`).

use portolan_delivery::{Claim, GatewayId, Timestamp};
use rusqlite::OptionalExtension;

use super::Ledger;
use crate::{error::Trouble, row::FILED};

impl Ledger {
    /// A message whose row is there gathers from here on.
    pub(super) fn gather(&self, seq: i64) -> Result<(), Trouble> {
        self.connection
            .prepare_cached("UPDATE messages SET state = ?2, at = ?3, gateway = NULL WHERE seq = ?1")?
            .execute((seq, FILED, Timestamp::NEVER.0))?;
        self.connection
            .prepare_cached(
                "INSERT INTO gathering
                 SELECT route, seq, bundle, iif(json_valid(envelope), coalesce(envelope ->> '$.group', ''), '')
                 FROM messages WHERE seq = ?1",
            )?
            .execute([seq])?;
        Ok(())
    }

    /// One that was just accepted.
    pub(super) fn gathers(&self, route: i64, seq: i64, bundle: i64, group: &str) -> Result<(), Trouble> {
        self.connection
            .prepare_cached("INSERT INTO gathering (route, message, bundle, grp) VALUES (?1, ?2, ?3, ?4)")?
            .execute((route, seq, bundle, group))?;
        Ok(())
    }

    /// A message gathers no more, if it did.
    pub(super) fn gathers_no_more(&self, route: i64, seq: i64) -> rusqlite::Result<()> {
        let mut gone =
            self.connection.prepare_cached("DELETE FROM gathering WHERE route = ?1 AND message = ?2")?;
        gone.execute((route, seq)).map(drop)
    }

    /// Before the attempt of a message that is in a file is settled as any other: its row says from here on what its place in the file did.
    pub(super) fn taken_out_of_its_file(&self, claim: Claim) -> Result<(), Trouble> {
        if claim.gateway != GatewayId::FILE {
            return Ok(());
        }
        let seq: Option<i64> = self
            .connection
            .prepare_cached("SELECT seq FROM messages WHERE id = ?1 AND state = ?2 AND attempt = ?3 - 1")?
            .query_row((claim.id.0.as_bytes(), FILED, claim.attempt), |row| row.get(0))
            .optional()?;
        let Some(seq) = seq else { return Ok(()) };
        let Some(since) = self.leaves_its_file(seq)? else { return Ok(()) };
        self.connection
            .prepare_cached(
                "UPDATE messages SET state = 1, attempt = attempt + 1, at = ?2, started = max(?2, received), gateway = ?3
                 WHERE seq = ?1",
            )?
            .execute((seq, since.0, claim.gateway.0.as_bytes()))?;
        Ok(())
    }

    /// It is known what became of a message that was in a file. When that was cut; `None` where it was in none.
    pub(super) fn leaves_its_file(&self, seq: i64) -> rusqlite::Result<Option<Timestamp>> {
        let cut: Option<i64> = self
            .connection
            .prepare_cached("DELETE FROM in_file WHERE message = ?1 RETURNING cut")?
            .query_row([seq], |row| row.get(0))
            .optional()?;
        let Some(cut) = cut else { return Ok(None) };
        let mut at = self.connection.prepare_cached("SELECT at FROM cuts WHERE number = ?1")?;
        at.query_row([cut], |row| row.get(0).map(Timestamp)).optional()
    }
}
