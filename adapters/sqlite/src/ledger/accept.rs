//! Accept: the message's row, and the key's where it has one.

use portolan_delivery::{
    Accept, Accepted, Claim, DeadLetters, DeliveryError, Envelope, MessageId, Start, Timestamp,
};
use rusqlite::OptionalExtension;

use super::Ledger;
use crate::{
    error::Trouble,
    line::Line,
    row::{BEGUN, Detail, FILED, PARKED, Rest, record, select, to_json},
};

/// SQLite keeps a row below 1 GB; far above what any edge lets in.
const PAYLOAD_LIMIT: usize = 512 << 20;

impl Ledger {
    /// A request key, or an id, that is known already changes nothing. `waiting` is the state of a message that waits and is
    /// not parked: in the outbox of claims, or handed out already.
    pub(crate) fn accept(&mut self, accept: Accept, waiting: i64) -> Result<Accepted, Trouble> {
        let Accept { envelope, payload, start } = accept;
        if payload.len() > PAYLOAD_LIMIT {
            return Err(DeliveryError::Unavailable("a payload above 512 MiB".to_owned()).into());
        }
        let bundle = self.kept(envelope.bundle)?;
        let route = self.route(&envelope.route)?;
        if let Some(known) = self.known_key(route, &envelope)? {
            return self.repeated("WHERE m.seq = ?1", known, &payload);
        }
        let (id, received, key) = (envelope.id, envelope.received, envelope.request_key.clone());
        let (order, announced, group) = (envelope.order, envelope.announced, envelope.group.clone());
        let rest = to_json(&Rest::of(envelope))?;
        let line = order.map(|order| Line::new(order.key, route));
        let parked = match &line {
            Some(line) => line.is_taken(&self.connection)?,
            None => false,
        };
        let (state, attempt, at, started, gateway) = match &start {
            Start::Now(_) if parked => (PARKED, 0, received, 0, None),
            Start::Now(gateway) => (BEGUN, 1, received, received.0, Some(gateway.0.as_bytes())),
            Start::Due(due) if parked => (PARKED, 0, *due, 0, None),
            Start::Due(Timestamp::NEVER) => (FILED, 0, Timestamp::NEVER, 0, None),
            Start::Due(due) => (waiting, 0, *due, 0, None),
        };
        let inserted = self
            .connection
            .prepare_cached(
                "INSERT INTO messages
                     (id, state, route, bundle, received, attempt, at, started, gateway, envelope, payload, order_key, passes,
                      announced)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (id) DO NOTHING",
            )?
            .execute(rusqlite::params![
                id.0.as_bytes(), state, route, bundle, received.0, attempt, at.0, started, gateway, rest, &payload[..],
                line.map(|line| line.key.0), order.is_some_and(|order| order.dead_letters == DeadLetters::Pass),
                announced
            ])?;
        if inserted == 0 {
            return self.repeated("WHERE m.id = ?1", id.0.as_bytes(), &payload);
        }
        self.newest = self.connection.last_insert_rowid();
        if let Some(key) = key {
            self.connection
                .prepare_cached(
                    "INSERT INTO request_keys (route, caller, id, message) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute((route, key.caller, key.id, self.newest))?;
        }
        if parked {
            return Ok(Accepted::Parked);
        }
        if state == FILED {
            self.gathers(route, self.newest, bundle, group.as_deref().unwrap_or_default())?;
        }
        Ok(Accepted::New(match start {
            Start::Now(gateway) => Some(Claim { id, attempt: 1, gateway }),
            Start::Due(_) if waiting != 0 => None,
            Start::Due(due) => {
                self.waits(route, due);
                // It may be of a route that the last claim passed over; the next claim says whether it still is.
                None
            }
        }))
    }

    fn known_key(&self, route: i64, envelope: &Envelope) -> Result<Option<i64>, Trouble> {
        let Some(key) = &envelope.request_key else { return Ok(None) };
        Ok(self
            .connection
            .prepare_cached("SELECT message FROM request_keys WHERE route = ?1 AND caller = ?2 AND id = ?3")?
            .query_row((route, &key.caller, &key.id), |row| row.get(0))
            .optional()?)
    }

    fn repeated(
        &self,
        condition: &str,
        parameter: impl rusqlite::ToSql,
        payload: &[u8],
    ) -> Result<Accepted, Trouble> {
        let mut statement = self.connection.prepare_cached(&select(condition))?;
        let mut rows = statement.query([parameter])?;
        let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let known = record(&self.connection, row, Detail::Whole)?;
        let id: MessageId = known.envelope.id;
        let same = known.payload == payload;
        Ok(if same { Accepted::Repeated(Box::new(known)) } else { Accepted::Conflict(id) })
    }
}
