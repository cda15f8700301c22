//! The intents, a statement each. `$again` tells a statement that an earlier sending may have taken effect already: then
//! what it would have done counts as done.

use bytes::Bytes;
use portolan_delivery::{
    BundleHash, Claim, Claimed, DeadLetter, DeliveryError, Envelope, Failure, GatewayId, Lost, MessageId,
    Mode, Orphan, Outcome, Reconciled, Timestamp, composite::Parcel, is_suspect, settle_lost, unreadable_row,
};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    error::{damaged, failed},
    ledger::Inner,
    pool::Patience,
    row::{attempt_number, class_name, from_json, to_json},
    schema,
    together::{Shared, Wanted},
};

/// Claims of the dead that are settled at a time, so that memory does not grow with their number.
const CHUNK: i64 = 200;

pub(crate) fn number(attempt: u32) -> i32 {
    i32::try_from(attempt).unwrap_or(i32::MAX)
}

pub(crate) fn count(rows: &[Row]) -> i64 {
    rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or(0)
}

impl Inner {
    /// Whether the statement settled its message; and whom it let go in the message's line is looked for when due.
    pub(crate) fn opened(&self, rows: &[Row]) -> bool {
        if let Some(due) = rows.first().and_then(|row| row.try_get(1).ok()) {
            self.waits(Timestamp(due));
        }
        count(rows) == 1
    }

    pub(crate) async fn claim(
        &self,
        parcel: &Parcel,
        gateway: GatewayId,
        now: Timestamp,
    ) -> Result<Option<Claimed>, DeliveryError> {
        let wanted = Wanted { id: parcel.id.0, attempt: number(parcel.attempt), gateway, now };
        let claimed = match self.together.claim(wanted).await? {
            None => self.claim_suspect(parcel, gateway, now).await?,
            claimed => claimed,
        };
        let Some(row) = claimed else { return Ok(None) };
        let claim = Claim { id: parcel.id, attempt: parcel.attempt, gateway };
        match message(&row, parcel.id) {
            Ok(claimed) => {
                let (envelope, payload, ticket) = claimed;
                Ok(Some(Claimed { claim, envelope, payload, ticket }))
            }
            Err(_) => {
                self.bury(claim, &unreadable_row(), now, 0).await?;
                Ok(None)
            }
        }
    }

    pub(crate) async fn finish(
        &self,
        claim: Claim,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        if matches!(self.together.finish(claim, &outcome, now).await?, Shared::Done(())) {
            return Ok(());
        }
        let (reply, failure) = columns(&outcome)?;
        let attempt = number(claim.attempt);
        let rows = self.pool.query(
            Patience::Forever,
            "WITH finished AS (
                 UPDATE portolan.messages SET state = 2, at = $4, reply = $5, failure = $6
                 WHERE id = $1 AND attempt = $2 AND gateway = $3 AND (state = 1 OR ($7 AND state = 2 AND at = $4))
                 RETURNING order_key, lost)
             SELECT count(*), min(portolan.next_in_line(order_key)), max(lost) FROM finished",
            |again| vec![&claim.id.0, &attempt, &claim.gateway.0, &now.0, &reply, &failure, again],
        );
        let rows = rows.await.map_err(failed)?;
        if rows
            .first()
            .and_then(|row| row.try_get(2).ok())
            .is_some_and(|lost| is_suspect(attempt_number(lost)))
        {
            // Another one may be claimed.
            self.waits(now);
        }
        if self.opened(&rows) { Ok(()) } else { Err(DeliveryError::Superseded(claim)) }
    }

    /// Waits again, if the claim is still good; `lost` counts the attempts in a row whose gateway died, this one included.
    pub(crate) async fn wait_again(
        &self,
        claim: Claim,
        due: Timestamp,
        failure: &Failure,
        now: Timestamp,
        lost: i32,
    ) -> Result<bool, DeliveryError> {
        let (attempt, failure) = (number(claim.attempt), to_json(failure)?);
        let rows = self.pool.query(
            Patience::Forever,
            "WITH settled AS (
                 UPDATE portolan.messages SET state = 0, at = $4, published = false, taken = NULL, lost = $7
                 WHERE id = $1 AND attempt = $2 AND gateway = $3 AND (state = 1 OR ($8 AND state = 0 AND at = $4))
                 RETURNING id, attempt, started, order_key),
             noted AS (
                 INSERT INTO portolan.attempts (message, number, started, ended, failure)
                 SELECT id, attempt, started, $5, $6 FROM settled ON CONFLICT DO NOTHING)
             SELECT count(*), min(portolan.next_in_line(order_key)) FROM settled",
            |again| vec![&claim.id.0, &attempt, &claim.gateway.0, &due.0, &now.0, &failure, &lost, again],
        );
        let settled = self.opened(&rows.await.map_err(failed)?);
        if settled {
            self.waits(due);
        }
        Ok(settled)
    }

    /// Waits until its system is asked for the answer.
    pub(crate) async fn poll_at(
        &self,
        claim: Claim,
        due: Timestamp,
        ticket: Option<Bytes>,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let (attempt, ticket) = (number(claim.attempt), ticket.as_deref());
        let rows = self.pool.query(
            Patience::Forever,
            "WITH settled AS (
                 UPDATE portolan.messages SET state = 0, at = $4, published = false, taken = NULL, lost = 0,
                     ticket = coalesce($6, ticket)
                 WHERE id = $1 AND attempt = $2 AND gateway = $3 AND (state = 1 OR ($7 AND state = 0 AND at = $4))
                 RETURNING id, attempt, started, order_key),
             noted AS (
                 INSERT INTO portolan.attempts (message, number, started, ended, failure)
                 SELECT id, attempt, started, $5, 'null' FROM settled ON CONFLICT DO NOTHING),
             -- Of questions in a row that found no answer, the last is enough; the attempt that brought the ticket stays.
             forgotten AS (
                 DELETE FROM portolan.attempts a USING settled s
                 WHERE $6::bytea IS NULL AND a.message = s.id AND a.number = s.attempt - 1 AND a.failure = 'null'
                     AND EXISTS (SELECT FROM portolan.attempts before WHERE before.message = s.id
                         AND before.number < s.attempt - 1 AND before.failure = 'null'))
             SELECT count(*), min(portolan.next_in_line(order_key)) FROM settled",
            |again| vec![&claim.id.0, &attempt, &claim.gateway.0, &due.0, &now.0, &ticket, again],
        );
        if !self.opened(&rows.await.map_err(failed)?) {
            return Err(DeliveryError::Superseded(claim));
        }
        self.waits(due);
        Ok(())
    }

    /// Dead, if the claim is still good; `lost` as above. A row that cannot be read lets its key pass, since nobody could decide
    /// about it.
    pub(crate) async fn bury(
        &self,
        claim: Claim,
        letter: &DeadLetter,
        now: Timestamp,
        lost: i32,
    ) -> Result<bool, DeliveryError> {
        let (attempt, failure) = (number(claim.attempt), to_json(&letter.failure)?);
        let (class, party) = (class_name(letter.failure.class)?, to_json(&letter.at_fault)?);
        let reply = letter.reply.as_deref();
        let damaged = *letter == unreadable_row();
        let rows = self.pool.query(
            Patience::Forever,
            "WITH settled AS (
                 UPDATE portolan.messages
                 SET state = 3, at = $4, failure = $5, class = $6, party = $7, reply = $8, lost = $9,
                     passes = passes OR $11
                 WHERE id = $1 AND attempt = $2 AND gateway = $3 AND (state = 1 OR ($10 AND state = 3 AND at = $4))
                 RETURNING id, attempt, started, order_key),
             noted AS (
                 INSERT INTO portolan.attempts (message, number, started, ended, failure)
                 SELECT id, attempt, started, $4, $5 FROM settled ON CONFLICT DO NOTHING)
             SELECT count(*), min(portolan.next_in_line(order_key)) FROM settled",
            |again| {
                vec![
                    &claim.id.0, &attempt, &claim.gateway.0, &now.0, &failure, &class, &party, &reply, &lost, again,
                    &damaged,
                ]
            },
        );
        Ok(self.opened(&rows.await.map_err(failed)?))
    }

    pub(crate) async fn reconcile(
        &self,
        gateway: GatewayId,
        now: Timestamp,
    ) -> Result<Reconciled, DeliveryError> {
        self.leases.take(gateway.0, Some(&self.host), self.soon()).await.map_err(failed)?;
        let mut reconciled = Reconciled::default();
        let mut after = Uuid::nil();
        let grace = self.leases.length().as_secs_f64();
        loop {
            let rows = self.pool.query(
                self.soon(),
                "SELECT m.id, m.attempt, m.gateway, m.lost, m.envelope, m.route, m.received, m.ticket IS NOT NULL FROM portolan.messages m
                 WHERE m.state = 1 AND m.gateway NOT IN ($1, $5) AND m.id > $2 AND NOT EXISTS (
                     SELECT 1 FROM portolan.leases l WHERE l.id = m.gateway AND (l.expires > clock_timestamp()
                         -- While the server was away nobody could renew: whoever lived until then has a lease's length to.
                         OR (clock_timestamp() < pg_postmaster_start_time() + make_interval(secs => $4)
                             AND l.expires > pg_postmaster_start_time() - interval '1 h')))
                 ORDER BY m.id LIMIT $3",
                |_| vec![&gateway.0, &after, &CHUNK, &grace, &GatewayId::FILE.0],
            );
            let rows = rows.await.map_err(failed)?;
            let Some(last) = rows.last() else { return Ok(reconciled) };
            after = last.try_get(0).unwrap_or(Uuid::max());
            let settled = futures_util::future::join_all(rows.iter().map(|row| self.settle(row, now))).await;
            for one in settled {
                let Reconciled { requeued, buried } = one?;
                reconciled.requeued.extend(requeued);
                reconciled.buried.extend(buried);
            }
        }
    }

    /// Settles one attempt of a gateway that is no more; nothing, where another gateway just did.
    async fn settle(&self, row: &Row, now: Timestamp) -> Result<Reconciled, DeliveryError> {
        let id = MessageId(row.try_get(0).map_err(|_| damaged(MessageId(Uuid::nil())))?);
        let bad = |_| damaged(id);
        let attempt = attempt_number(row.try_get(1).map_err(bad)?);
        let claim = Claim { id, attempt, gateway: GatewayId(row.try_get(2).map_err(bad)?) };
        let lost = attempt_number(row.try_get(3).map_err(bad)?).saturating_add(1);
        let envelope = row.try_get(4).map_err(bad).and_then(|text| from_json::<Envelope>(text, id));
        let settled = match envelope {
            Ok(envelope) => settle_lost(&envelope, row.try_get(7).map_err(bad)?, lost, claim.gateway),
            Err(_) => Lost::Bury(unreadable_row()),
        };
        let orphan = Orphan {
            id,
            route: row.try_get::<_, &str>(5).map_err(bad)?.into(),
            received: Timestamp(row.try_get(6).map_err(bad)?),
            gateway: claim.gateway,
        };
        let mut reconciled = Reconciled::default();
        let (done, orphans) = match settled {
            Lost::Again(failure) => {
                (self.wait_again(claim, now, &failure, now, number(lost)).await?, &mut reconciled.requeued)
            }
            Lost::Bury(letter) => {
                (self.bury(claim, &letter, now, number(lost)).await?, &mut reconciled.buried)
            }
        };
        orphans.extend(done.then_some(orphan));
        Ok(reconciled)
    }

    pub(crate) async fn retry(
        &self,
        id: MessageId,
        bundle: Option<BundleHash>,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        if let Some(hash) = bundle
            && self.bundle(hash).await?.is_none()
        {
            return Err(DeliveryError::Unavailable(format!("bundle {hash} is not kept")));
        }
        let record = self.get(id).await?.ok_or(DeliveryError::NotFound(id))?;
        let mut envelope = record.envelope;
        envelope.bundle = bundle.unwrap_or(envelope.bundle);
        envelope.deadline = None;
        envelope.mode = Mode::Operation;
        let (json, hash) = (to_json(&envelope)?, envelope.bundle.0.to_vec());
        let rows = self.pool.query(
            self.soon(),
            "WITH retried AS (
                 UPDATE portolan.messages SET state = CASE WHEN order_key IS NULL THEN 0 ELSE 4 END, at = $2,
                     published = false, taken = NULL, class = NULL, party = NULL, failure = NULL, reply = NULL,
                     envelope = $3, bundle = $4
                 WHERE id = $1 AND (state = 3 OR ($5 AND state IN (0, 4) AND at = $2)) RETURNING order_key)
             SELECT count(*), min(portolan.next_in_line(order_key)) FROM retried",
            |again| vec![&id.0, &now.0, &json, &hash, again],
        );
        if !self.opened(&rows.await.map_err(failed)?) {
            return Err(DeliveryError::NotDead(id));
        }
        self.waits(now);
        Ok(())
    }

    pub(crate) async fn resolve(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let (reply, failure) = columns(&outcome)?;
        let rows = self.pool.query(
            self.soon(),
            "WITH resolved AS (
                 UPDATE portolan.messages SET state = 2, at = $2, class = NULL, party = NULL, reply = $3, failure = $4
                 WHERE id = $1 AND (state = 3 OR ($5 AND state = 2 AND at = $2)) RETURNING order_key)
             SELECT count(*), min(portolan.next_in_line(order_key)) FROM resolved",
            |again| vec![&id.0, &now.0, &reply, &failure, again],
        );
        if self.opened(&rows.await.map_err(failed)?) {
            return Ok(());
        }
        let known = self.get(id).await?.is_some();
        Err(if known { DeliveryError::NotDead(id) } else { DeliveryError::NotFound(id) })
    }

    /// When it was finished stays, and with it how long it is remembered.
    pub(crate) async fn erase(&self, id: MessageId, outcome: Failure) -> Result<bool, DeliveryError> {
        let failure = to_json(&outcome)?;
        let rows = self.pool.query(
            self.soon(),
            // How its last attempt ended stands in its own row, where it ended well or for good. All parts see what was before.
            "WITH wordless AS (
                 SELECT id, attempt, started, at,
                     CASE WHEN failure::jsonb -> 'personal' = 'true'
                         THEN (failure::jsonb - 'fields' || '{\"message\": \"\"}')::text ELSE failure END AS failure
                 FROM portolan.messages WHERE id = $1 AND state = 2),
             last AS (
                 INSERT INTO portolan.attempts (message, number, started, ended, failure)
                 SELECT id, attempt, started, at, coalesce(failure, 'null') FROM wordless WHERE attempt > 0
                 ON CONFLICT DO NOTHING),
             words AS (
                 UPDATE portolan.attempts SET failure = (failure::jsonb - 'fields' || '{\"message\": \"\"}')::text
                 WHERE message IN (SELECT id FROM wordless) AND failure::jsonb -> 'personal' = 'true'),
             erased AS (
                 UPDATE portolan.messages SET payload = '', reply = NULL, ticket = NULL, failure = $2
                 WHERE id IN (SELECT id FROM wordless) RETURNING id)
             SELECT count(*) FROM erased",
            |_| vec![&id.0, &failure],
        );
        Ok(count(&rows.await.map_err(failed)?) == 1)
    }

    pub(crate) async fn keep_bundle(&self, hash: BundleHash, content: Bytes) -> Result<(), DeliveryError> {
        let (hash, content) = (hash.0.to_vec(), &content[..]);
        // Not while bundles are removed: those who remove look for holders with the lock in their hands.
        let kept = self.pool.query(
            self.soon(),
            "WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared($4)),
             holder AS (INSERT INTO portolan.bundle_holders SELECT $3, $1 FROM lock ON CONFLICT DO NOTHING)
             INSERT INTO portolan.bundles SELECT $1, $2 FROM lock ON CONFLICT DO NOTHING",
            |_| vec![&hash, &content, &self.process, &schema::LOCK],
        );
        kept.await.map(drop).map_err(failed)
    }

    pub(crate) async fn forget(&self, before: Timestamp, limit: usize) -> Result<usize, DeliveryError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.pool.query(
            self.soon(),
            "WITH old AS (
                 DELETE FROM portolan.messages WHERE id IN (
                     SELECT id FROM portolan.messages WHERE state = 2 AND at < $1
                     ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)
                 RETURNING id),
             keys AS (DELETE FROM portolan.request_keys k USING old WHERE k.message = old.id)
             SELECT count(*) FROM old",
            |_| vec![&before.0, &limit],
        );
        let removed = count(&rows.await.map_err(failed)?);
        // In a block each statement sees what was committed before it, and so, with the lock, every holder.
        let cleared = self.pool.query(
            self.soon(),
            "DO $$ BEGIN
                 PERFORM pg_advisory_xact_lock(8101820099073958254);
                 DELETE FROM portolan.leases WHERE expires < clock_timestamp() - interval '1 day';
                 DELETE FROM portolan.bundle_holders h WHERE NOT EXISTS (
                     SELECT 1 FROM portolan.leases l WHERE l.id = h.holder AND l.expires > clock_timestamp());
                 DELETE FROM portolan.bundles b
                 WHERE NOT EXISTS (SELECT 1 FROM portolan.messages m WHERE m.bundle = b.hash)
                   AND NOT EXISTS (SELECT 1 FROM portolan.bundle_holders h WHERE h.bundle = b.hash)
                   AND NOT EXISTS (SELECT 1 FROM portolan.files f WHERE f.bundle = b.hash AND f.state = 0)
                   AND NOT EXISTS (SELECT 1 FROM portolan.cuts c WHERE c.bundle = b.hash AND c.state < 2);
             END $$",
            |_| Vec::new(),
        );
        cleared.await.map_err(failed)?;
        Ok(usize::try_from(removed).unwrap_or(0))
    }
}

/// A claimed row's envelope, payload and ticket.
fn message(row: &Row, id: MessageId) -> Result<(Envelope, Bytes, Option<Bytes>), DeliveryError> {
    let bad = |_| damaged(id);
    let envelope = from_json(row.try_get(2).map_err(bad)?, id)?;
    let ticket: Option<&[u8]> = row.try_get(4).map_err(bad)?;
    let payload = Bytes::copy_from_slice(row.try_get(3).map_err(bad)?);
    Ok((envelope, payload, ticket.map(Bytes::copy_from_slice)))
}

/// An outcome's reply and failure: one of the two.
pub(crate) fn columns(outcome: &Outcome) -> Result<(Option<&[u8]>, Option<String>), DeliveryError> {
    Ok(match outcome {
        Outcome::Reply(reply) => (Some(&reply[..]), None),
        Outcome::Failed(failure) => (None, Some(to_json(failure)?)),
    })
}
