//! The outbox and the inbox of the ledger beside a transport: a message that waits is in the outbox, or handed out, or
//! published, and is claimed by the parcel that announces its next attempt.

use std::sync::Arc;

use portolan_delivery::{
    Claimed, DeliveryError, GatewayId, MessageId, Timestamp, composite::Parcel, is_suspect,
};
use rusqlite::OptionalExtension;

use super::Ledger;
use crate::{
    error::Trouble,
    outbox::Announced,
    row::{OUT, PUBLISHED, message_id},
};

impl Ledger {
    /// Takes messages out of the outbox, to be published.
    pub(crate) fn hand_out(
        &mut self,
        limit: usize,
        except: &[Arc<str>],
        now: Timestamp,
    ) -> Result<Vec<Parcel>, Trouble> {
        let (routes, due) = self.due_now(limit, except, now)?;
        let mut parcels = Vec::with_capacity(due.len());
        for seq in due {
            let (id, route, attempt, due, lost) = self
                .connection
                .prepare_cached(
                    "UPDATE messages SET state = ?2 WHERE seq = ?1 RETURNING id, route, attempt, at, lost",
                )?
                .query_row((seq, OUT), |row| {
                    let (route, attempt): (i64, u32) = (row.get(1)?, row.get(2)?);
                    Ok((message_id(row, 0)?, route, attempt, Timestamp(row.get(3)?), row.get(4)?))
                })?;
            self.has_its_turn(seq, route, lost, now);
            let name = self.route_names.get(&route).cloned();
            let route =
                name.ok_or_else(|| DeliveryError::Unavailable(format!("the route of message {id} is gone")))?;
            parcels.push(Parcel { id, route, attempt: attempt.saturating_add(1), due });
        }
        for route in routes {
            self.refresh_due(route)?;
        }
        Ok(parcels)
    }

    /// Back into the outbox, unless somebody has begun to work on them.
    pub(crate) fn take_back(&mut self, overdue: &[Announced]) -> Result<(), Trouble> {
        for (id, attempt) in overdue {
            let back = self
                .connection
                .prepare_cached(
                    "UPDATE messages SET state = 0 WHERE id = ?1 AND state = ?2 AND attempt = ?3 - 1 RETURNING route, at",
                )?
                .query_row((id.0.as_bytes(), OUT, attempt), |row| Ok((row.get(0)?, Timestamp(row.get(1)?))))
                .optional()?;
            if let Some((route, due)) = back {
                self.waits(route, due);
            }
        }
        Ok(())
    }

    /// The transport has them, and keeps them: they are not published again after a crash.
    pub(crate) fn mark_published(&mut self, confirmed: &[Announced]) -> Result<(), Trouble> {
        for (id, attempt) in confirmed {
            self.connection
                .prepare_cached(
                    "UPDATE messages SET state = ?2 WHERE id = ?1 AND state = ?3 AND attempt = ?4 - 1",
                )?
                .execute((id.0.as_bytes(), PUBLISHED, OUT, attempt))?;
        }
        Ok(())
    }

    /// Back into the outbox, so many of a route that were due so early and are published, longest due first.
    pub(crate) fn republish(
        &mut self,
        route: &Arc<str>,
        due_before: Timestamp,
        limit: u64,
    ) -> Result<u64, Trouble> {
        let Some(route) = self.routes.get(route).copied() else { return Ok(0) };
        let back = self
            .connection
            .prepare_cached(
                "UPDATE messages SET state = 0 WHERE seq IN (
                     SELECT seq FROM messages INDEXED BY messages_out
                     WHERE state IN (7, 8) AND state = ?1 AND route = ?2 AND at <= ?3 ORDER BY at, seq LIMIT ?4)",
            )?
            .execute((PUBLISHED, route, due_before.0, i64::try_from(limit).unwrap_or(i64::MAX)))?;
        self.refresh_due(route)?;
        Ok(u64::try_from(back).unwrap_or(u64::MAX))
    }

    /// Records the attempt that a parcel announces, if the message waits for just that one.
    pub(crate) fn claim_announced(
        &mut self,
        id: MessageId,
        attempt: u32,
        gateway: GatewayId,
        now: Timestamp,
    ) -> Result<Option<Claimed>, Trouble> {
        let announced: Option<(i64, u32)> = self
            .connection
            .prepare_cached(
                "SELECT seq, lost FROM messages WHERE id = ?1 AND state IN (0, 7, 8) AND attempt = ?2 - 1",
            )?
            .query_row((id.0.as_bytes(), attempt), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((seq, lost)) = announced else { return Ok(None) };
        if is_suspect(lost) && self.suspect_is_claimed()? {
            // Its parcel is spent; when it is its turn, another one is published.
            self.set_state(seq, 0)?;
            return Ok(None);
        }
        self.take(seq, gateway, now)
    }

    /// What an earlier run handed out, and was not seen to be published; in a queue's file, which has no transport, all.
    pub(super) fn recall(&self, published: bool) -> rusqlite::Result<()> {
        let recall =
            "UPDATE messages INDEXED BY messages_out SET state = 0 WHERE state IN (7, 8) AND state <= ?1";
        self.connection.prepare(recall)?.execute([if published { PUBLISHED } else { OUT }]).map(drop)
    }
}
