//! Finish, retry later, bury: what settles an attempt, and only the attempt that is claimed.

use portolan_delivery::{Claim, DeadLetter, DeliveryError, Failure, Outcome, Timestamp, unreadable_row};
use rusqlite::{OptionalExtension, Row};

use super::Ledger;
use crate::{
    error::Trouble,
    line::Line,
    row::{class_name, party_name, to_json},
};

/// A claimed row.
pub(super) struct ClaimedRow {
    pub(super) seq: i64,
    pub(super) route: i64,
    pub(super) number: u32,
    pub(super) started: i64,
    pub(super) lost: u32,
    pub(super) line: Option<Line>,
}

impl Ledger {
    pub(crate) fn finish(&mut self, claim: Claim, outcome: &Outcome, now: Timestamp) -> Result<(), Trouble> {
        let (reply, failure) = columns(outcome)?;
        self.taken_out_of_its_file(claim)?;
        let mut statement = self.connection.prepare_cached(
            "UPDATE messages SET state = 2, at = ?4, gateway = NULL, reply = ?5, failure = ?6
             WHERE id = ?1 AND state IN (1, 4) AND attempt = ?2 AND gateway = ?3 RETURNING order_key, route, lost",
        )?;
        let (id, gateway) = (claim.id.0.as_bytes(), claim.gateway.0.as_bytes());
        let mut settled = statement.query((id, claim.attempt, gateway, now.0, reply, failure))?;
        let row = settled.next()?.ok_or(DeliveryError::Superseded(claim))?;
        let (line, lost) = (Line::of(row, 0, 1)?, row.get(2)?);
        // To its end, or the update is not done.
        while settled.next()?.is_some() {}
        drop(settled);
        drop(statement);
        self.suspect_is_done(lost, now);
        self.next_after_it(line)
    }

    pub(crate) fn retry_at(
        &mut self,
        claim: Claim,
        due: Timestamp,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let row = self.claimed(claim)?;
        self.wait_again(&row, due, failure, now, Ended::Reported)
    }

    pub(crate) fn poll_at(
        &mut self,
        claim: Claim,
        due: Timestamp,
        ticket: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let row = self.claimed(claim)?;
        self.end_attempt(&row, None, now, Ended::Reported)?;
        match ticket {
            Some(ticket) => {
                self.connection
                    .prepare_cached("UPDATE messages SET ticket = ?2 WHERE seq = ?1")?
                    .execute((row.seq, ticket))?;
            }
            None => self.forget_question_before(&row)?,
        }
        self.waits_from(&row, due)
    }

    /// Of questions in a row that found no answer, the last is enough; the attempt that brought the ticket stays.
    fn forget_question_before(&self, row: &ClaimedRow) -> Result<(), Trouble> {
        self.connection
            .prepare_cached(
                "DELETE FROM attempts WHERE message = ?1 AND number = ?2 - 1 AND failure = 'null' AND EXISTS (
                     SELECT 1 FROM attempts a WHERE a.message = ?1 AND a.number < ?2 - 1 AND a.failure = 'null')",
            )?
            .execute((row.seq, row.number))?;
        Ok(())
    }

    pub(crate) fn bury(&mut self, claim: Claim, letter: &DeadLetter, now: Timestamp) -> Result<(), Trouble> {
        let row = self.claimed(claim)?;
        self.bury_row(&row, letter, now, Ended::Reported)
    }

    fn claimed(&self, claim: Claim) -> Result<ClaimedRow, Trouble> {
        self.taken_out_of_its_file(claim)?;
        self.connection
            .prepare_cached(
                "SELECT seq, route, attempt, started, order_key, lost FROM messages
                 WHERE id = ?1 AND state IN (1, 4) AND attempt = ?2 AND gateway = ?3",
            )?
            .query_row((claim.id.0.as_bytes(), claim.attempt, claim.gateway.0.as_bytes()), ClaimedRow::read)
            .optional()?
            .ok_or_else(|| DeliveryError::Superseded(claim).into())
    }

    pub(super) fn wait_again(
        &mut self,
        row: &ClaimedRow,
        due: Timestamp,
        failure: &Failure,
        now: Timestamp,
        ended: Ended,
    ) -> Result<(), Trouble> {
        self.end_attempt(row, Some(failure), now, ended)?;
        self.waits_from(row, due)
    }

    fn waits_from(&mut self, row: &ClaimedRow, due: Timestamp) -> Result<(), Trouble> {
        if due == Timestamp::NEVER {
            self.gather(row.seq)?;
        } else {
            self.connection
                .prepare_cached("UPDATE messages SET state = 0, at = ?2, gateway = NULL WHERE seq = ?1")?
                .execute((row.seq, due.0))?;
            self.waits(row.route, due);
        }
        self.next_in(row.line)
    }

    pub(super) fn bury_row(
        &mut self,
        row: &ClaimedRow,
        letter: &DeadLetter,
        now: Timestamp,
        ended: Ended,
    ) -> Result<(), Trouble> {
        self.end_attempt(row, Some(&letter.failure), now, ended)?;
        self.mark_dead(row.seq, letter, now)?;
        self.next_after_it(row.line)
    }

    /// A row that cannot be read lets its key pass, since nobody could decide about it.
    pub(super) fn bury_damaged(
        &mut self,
        seq: i64,
        line: Option<Line>,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        self.mark_dead(seq, &unreadable_row(), now)?;
        self.connection.prepare_cached("UPDATE messages SET passes = 1 WHERE seq = ?1")?.execute([seq])?;
        self.next_after_it(line)
    }

    fn mark_dead(&self, seq: i64, letter: &DeadLetter, now: Timestamp) -> Result<(), Trouble> {
        self.connection
            .prepare_cached(
                "UPDATE messages SET state = 3, at = ?2, gateway = NULL, class = ?3, party = ?4, failure = ?5, reply = ?6
                 WHERE seq = ?1",
            )?
            .execute((
                seq,
                now.0,
                class_name(letter.failure.class)?,
                party_name(letter.at_fault)?,
                to_json(&letter.failure)?,
                letter.reply.as_deref(),
            ))?;
        Ok(())
    }

    /// Records how the attempt ended, and how many in a row ended with their gateway.
    pub(super) fn end_attempt(
        &mut self,
        row: &ClaimedRow,
        failure: Option<&Failure>,
        now: Timestamp,
        ended: Ended,
    ) -> Result<(), Trouble> {
        self.connection
            .prepare_cached(
                "INSERT INTO attempts (message, number, started, ended, failure) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((row.seq, row.number, row.started, now.0, to_json(&failure)?))?;
        let lost = if ended == Ended::Lost { row.lost.saturating_add(1) } else { 0 };
        if lost != row.lost {
            self.connection
                .prepare_cached("UPDATE messages SET lost = ?2 WHERE seq = ?1")?
                .execute((row.seq, lost))?;
        }
        self.suspect_is_done(row.lost, now);
        Ok(())
    }
}

impl ClaimedRow {
    /// Of the columns `seq, route, attempt, started, order_key, lost`.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            route: row.get(1)?,
            number: row.get(2)?,
            started: row.get(3)?,
            line: Line::of(row, 4, 1)?,
            lost: row.get(5)?,
        })
    }
}

/// How an attempt came to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Its gateway said so.
    Reported,
    /// Its gateway is no more.
    Lost,
}

/// An outcome's reply and failure: one of the two.
pub(super) fn columns(outcome: &Outcome) -> Result<(Option<&[u8]>, Option<String>), Trouble> {
    Ok(match outcome {
        Outcome::Reply(reply) => (Some(&reply[..]), None),
        Outcome::Failed(failure) => (None, Some(to_json(failure)?)),
    })
}
