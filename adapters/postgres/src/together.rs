//! Intents that share a statement, as [`gather`](crate::gather) brings them. What a shared statement does not settle is
//! carried out alone, by the statements of [`intents`](crate::intents), which know every case: messages with an order key,
//! as lines are locked one at a time; suspects, of which one is claimed at a time; repeated request ids; claims that are not
//! good any more.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use portolan_delivery::{Claim, DeliveryError, GatewayId, Outcome, Timestamp, composite::Parcel};
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use crate::{
    error::{failed, passes},
    gather::Gather,
    intents::{columns, number},
    pool::{Patience, Pool},
};

/// Statements of a kind that are under way at once: fewer gather more.
const LANES: usize = 2;

/// What a shared statement did for one intent.
pub(crate) enum Shared<T> {
    /// All there was to do.
    Done(T),
    /// Nothing that is known of; it is to be carried out alone. `sent_again` where it may have been done all the same.
    Alone { sent_again: bool },
}

/// A message on its way into the table.
pub(crate) struct NewRow {
    pub(crate) id: Uuid,
    pub(crate) state: i16,
    pub(crate) route: Arc<str>,
    pub(crate) bundle: [u8; 32],
    pub(crate) received: i64,
    pub(crate) attempt: i32,
    pub(crate) at: i64,
    pub(crate) started: i64,
    pub(crate) gateway: Option<Uuid>,
    pub(crate) envelope: String,
    pub(crate) caller: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) payload: Bytes,
    pub(crate) announced: bool,
}

/// A parcel that was received.
pub(crate) struct Wanted {
    pub(crate) id: Uuid,
    pub(crate) attempt: i32,
    pub(crate) gateway: GatewayId,
    pub(crate) now: Timestamp,
}

/// An attempt that has an outcome.
pub(crate) struct Ended {
    pub(crate) claim: Claim,
    pub(crate) reply: Option<Bytes>,
    pub(crate) failure: Option<String>,
    pub(crate) now: Timestamp,
}

/// Everything that gathers.
pub(crate) struct Together {
    insert: Gather<NewRow, Shared<()>>,
    mark: Gather<(Uuid, i32), ()>,
    claim: Gather<Wanted, Option<Row>>,
    finish: Gather<Ended, Shared<()>>,
}

impl Together {
    /// Accepts are tried for as long as `soon` says.
    pub(crate) fn new(pool: &Arc<Pool>, hasty: &Arc<Pool>, soon: Patience) -> Self {
        let on = |pool: &Arc<Pool>| pool.clone();
        let (inserts, marks, claims, finishes) = (on(pool), on(hasty), on(pool), on(pool));
        Self {
            insert: Gather::new(LANES, move |rows| insert(inserts.clone(), soon, rows)),
            mark: Gather::new(1, move |parcels| mark(marks.clone(), soon, parcels)),
            claim: Gather::new(LANES, move |wanted| claim(claims.clone(), wanted)),
            finish: Gather::new(LANES, move |ended| finish(finishes.clone(), ended)),
        }
    }

    pub(crate) async fn insert(&self, row: NewRow) -> Result<Shared<()>, DeliveryError> {
        self.insert.carry_out(row).await
    }

    pub(crate) async fn mark_published(&self, parcel: &Parcel) -> Result<(), DeliveryError> {
        self.mark.carry_out((parcel.id.0, number(parcel.attempt) - 1)).await
    }

    /// Envelope and payload of the message, where it was waiting for this attempt.
    pub(crate) async fn claim(&self, wanted: Wanted) -> Result<Option<Row>, DeliveryError> {
        self.claim.carry_out(wanted).await
    }

    pub(crate) async fn finish(
        &self,
        claim: Claim,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Shared<()>, DeliveryError> {
        let (reply, failure) = columns(outcome)?;
        let reply = reply.map(Bytes::copy_from_slice);
        self.finish.carry_out(Ended { claim, reply, failure, now }).await
    }
}

/// A column of a statement's rows.
fn column<'a, I, T>(intents: &'a [I], of: impl Fn(&'a I) -> T) -> Vec<T> {
    intents.iter().map(of).collect()
}

/// A statement for many, which gives `id` and `attempt` of those that it settled. Where it is refused for what stands in it, it
/// has settled none: each is to be tried alone.
async fn shared<'a>(
    pool: &Pool,
    patience: Patience,
    sql: &'static str,
    parameters: impl Fn(&'a bool) -> Vec<&'a (dyn ToSql + Sync)>,
) -> Result<Back, DeliveryError> {
    let sent_again = AtomicBool::new(false);
    let rows = pool.query(patience, sql, |again| {
        sent_again.fetch_or(*again, Ordering::Relaxed);
        parameters(again)
    });
    let rows = match rows.await {
        Ok(rows) => rows,
        Err(error) if !passes(&error) => Vec::new(),
        Err(error) => return Err(failed(error)),
    };
    let settled = rows.iter().filter_map(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?)));
    Ok(Back { settled: settled.collect(), sent_again: sent_again.into_inner() })
}

/// What came back. Each counts once: an intent may be there twice.
struct Back {
    settled: HashSet<(Uuid, i32)>,
    sent_again: bool,
}

impl Back {
    fn of(&mut self, id: Uuid, attempt: i32) -> Shared<()> {
        match self.settled.remove(&(id, attempt)) {
            true => Shared::Done(()),
            false => Shared::Alone { sent_again: self.sent_again },
        }
    }
}

async fn insert(
    pool: Arc<Pool>,
    soon: Patience,
    rows: Vec<NewRow>,
) -> Result<Vec<Shared<()>>, DeliveryError> {
    let ids = column(&rows, |row| row.id);
    let states = column(&rows, |row| row.state);
    let routes = column(&rows, |row| &*row.route);
    let bundles = column(&rows, |row| &row.bundle[..]);
    let received = column(&rows, |row| row.received);
    let attempts = column(&rows, |row| row.attempt);
    let at = column(&rows, |row| row.at);
    let started = column(&rows, |row| row.started);
    let gateways = column(&rows, |row| row.gateway);
    let envelopes = column(&rows, |row| &*row.envelope);
    let callers = column(&rows, |row| row.caller.as_deref());
    let keys = column(&rows, |row| row.key.as_deref());
    let payloads = column(&rows, |row| &row.payload[..]);
    let announced = column(&rows, |row| row.announced);
    let sql = "WITH new AS (
             SELECT * FROM unnest($1::uuid[], $2::int2[], $3::text[], $4::bytea[], $5::int8[], $6::int4[], $7::int8[],
                     $8::int8[], $9::uuid[], $10::text[], $11::text[], $12::text[], $13::bytea[], $14::bool[])
                 AS new (id, state, route, bundle, received, attempt, at, started, gateway, envelope, caller, key, payload,
                     announced)
             WHERE EXISTS (SELECT 1 FROM portolan.bundles b WHERE b.hash = new.bundle)),
         key AS (
             INSERT INTO portolan.request_keys (route, caller, id, message)
             SELECT route, caller, key, id FROM new WHERE key IS NOT NULL
             ON CONFLICT DO NOTHING RETURNING message)
         INSERT INTO portolan.messages
             (id, state, route, bundle, received, attempt, at, started, gateway, taken, envelope, payload, announced)
         SELECT id, state, route, bundle, received, attempt, at, started, gateway,
             CASE WHEN at <= received THEN clock_timestamp() + interval '10 s' END, envelope, payload, announced
         FROM new WHERE key IS NULL OR id IN (SELECT message FROM key)
         ON CONFLICT DO NOTHING RETURNING id, attempt";
    let mut back = shared(&pool, soon, sql, |_| {
        vec![
            &ids, &states, &routes, &bundles, &received, &attempts, &at, &started, &gateways, &envelopes,
            &callers, &keys, &payloads, &announced,
        ]
    })
    .await?;
    Ok(column(&rows, |row| (row.id, row.attempt)).into_iter().map(|(id, n)| back.of(id, n)).collect())
}

/// Rows that are being claimed meanwhile are passed over: of those it is known that they were published.
async fn mark(pool: Arc<Pool>, soon: Patience, parcels: Vec<(Uuid, i32)>) -> Result<Vec<()>, DeliveryError> {
    let (ids, before) = (column(&parcels, |(id, _)| *id), column(&parcels, |(_, before)| *before));
    let marked = pool.query(
        soon,
        "UPDATE portolan.messages m SET published = true, published_at = clock_timestamp()
         FROM (SELECT m.id FROM unnest($1::uuid[], $2::int4[]) AS p (id, before)
               JOIN portolan.messages m ON m.id = p.id AND m.state = 0 AND m.attempt = p.before AND m.taken IS NOT NULL
               FOR UPDATE OF m SKIP LOCKED) p
         WHERE m.id = p.id",
        |_| vec![&ids, &before],
    );
    marked.await.map_err(failed)?;
    Ok(vec![(); parcels.len()])
}

/// For ever: a claim that was committed and given up would be nobody's as long as this gateway lives.
async fn claim(pool: Arc<Pool>, wanted: Vec<Wanted>) -> Result<Vec<Option<Row>>, DeliveryError> {
    // In one order, so that of two gateways with the same parcels one waits for the other and not both.
    let mut sorted: Vec<_> = wanted.iter().collect();
    sorted.sort_by_key(|one| one.id);
    let (ids, attempts) = (column(&sorted, |one| one.id), column(&sorted, |one| one.attempt));
    let (gateways, now) = (column(&sorted, |one| one.gateway.0), column(&sorted, |one| one.now.0));
    let rows = pool.query(
        Patience::Forever,
        "UPDATE portolan.messages m
         SET state = 1, attempt = w.attempt, gateway = w.gateway, started = greatest(w.now, m.received), at = w.now
         FROM unnest($1::uuid[], $2::int4[], $3::uuid[], $4::int8[]) AS w (id, attempt, gateway, now)
         WHERE m.id = w.id AND m.lost < 2 AND ((m.state = 0 AND m.attempt = w.attempt - 1)
             OR ($5 AND m.state = 1 AND m.attempt = w.attempt AND m.gateway = w.gateway AND m.at = w.now))
         RETURNING m.id, m.attempt, m.envelope, m.payload, m.ticket",
        |again| vec![&ids, &attempts, &gateways, &now, again],
    );
    let rows = rows.await.map_err(failed)?.into_iter();
    let mut claimed: HashMap<(Uuid, i32), Row> =
        rows.filter_map(|row| Some(((row.try_get(0).ok()?, row.try_get(1).ok()?), row))).collect();
    Ok(wanted.iter().map(|one| claimed.remove(&(one.id, one.attempt))).collect())
}

async fn finish(pool: Arc<Pool>, ended: Vec<Ended>) -> Result<Vec<Shared<()>>, DeliveryError> {
    let ids = column(&ended, |one| one.claim.id.0);
    let attempts = column(&ended, |one| number(one.claim.attempt));
    let gateways = column(&ended, |one| one.claim.gateway.0);
    let at = column(&ended, |one| one.now.0);
    let replies = column(&ended, |one| one.reply.as_deref());
    let failures = column(&ended, |one| one.failure.as_deref());
    let sql = "UPDATE portolan.messages m SET state = 2, at = e.at, reply = e.reply, failure = e.failure
         FROM unnest($1::uuid[], $2::int4[], $3::uuid[], $4::int8[], $5::bytea[], $6::text[])
             AS e (id, attempt, gateway, at, reply, failure)
         WHERE m.id = e.id AND m.attempt = e.attempt AND m.gateway = e.gateway AND m.order_key IS NULL
             AND m.lost < 2
             AND (m.state = 1 OR ($7 AND m.state = 2 AND m.at = e.at))
         RETURNING m.id, m.attempt";
    let mut back = shared(&pool, Patience::Forever, sql, |again| {
        vec![&ids, &attempts, &gateways, &at, &replies, &failures, again]
    })
    .await?;
    Ok(ids.iter().zip(&attempts).map(|(id, n)| back.of(*id, *n)).collect())
}
