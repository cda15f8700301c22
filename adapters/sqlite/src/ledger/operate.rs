//! What an operator decides about a dead letter: once more, or done.

use portolan_delivery::{BundleHash, MessageId, Outcome, Timestamp};

use super::{Ledger, settle::columns};
use crate::error::Trouble;

impl Ledger {
    /// The letter's failure stays with its attempt; the deadline goes, and with it whoever waited.
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
                "UPDATE messages SET state = 0, at = ?2, bundle = ?3, class = NULL, party = NULL, failure = NULL, reply = NULL,
                        envelope = json_set(json_remove(envelope, '$.deadline'), '$.mode', 'operation')
                 WHERE seq = ?1",
            )?
            .execute((dead.seq, now.0, bundle))?;
        *self.uses.entry(dead.bundle).or_default() -= 1;
        *self.uses.entry(bundle).or_default() += 1;
        self.waits(dead.route, now);
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
        Ok(())
    }
}
