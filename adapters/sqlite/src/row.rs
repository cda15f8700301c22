//! A message as a row: what is a column, what is in the envelope's JSON, and back.

use std::sync::Arc;

use bytes::Bytes;
use portolan_delivery::{
    Attempt, BundleHash, DeadLetter, DeliveryError, Envelope, Failure, FaultClass, GatewayId, Idempotency,
    MessageId, Mode, Order, Outcome, Party, PayloadDigest, Record, RequestKey, Sender, State, StateKind,
    Timestamp,
};
use rusqlite::{Connection, Row};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    error::Trouble,
    ledger::cuts,
    line::{self, Line},
};

/// `messages.state` of a claim that began with its accept, as long as it is after the tally: in no index.
pub(crate) const BEGUN: i64 = 4;

/// `messages.state` of a message that waits behind another of its order key: in no index of what may be claimed.
pub(crate) const PARKED: i64 = 5;

/// `messages.state` of a message that waits and was handed out to be published.
pub(crate) const OUT: i64 = 7;
/// The same, and the transport is known to have it.
pub(crate) const PUBLISHED: i64 = 8;

/// `messages.state` of a message that is to be in a file: it gathers, or is in one (`gathering.sql`); in no index of this table.
pub(crate) const FILED: i64 = 9;

/// What leads to the index `messages_suspects`, and is its condition.
macro_rules! suspects {
    () => {
        "messages INDEXED BY messages_suspects WHERE lost >= 2 AND state IN (0, 1, 7, 8)"
    };
}
pub(crate) use suspects;

/// What of an envelope no question is about.
#[derive(Serialize, serde::Deserialize)]
pub(crate) struct Rest {
    mode: Mode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<Timestamp>,
    pub(crate) idempotency: Idempotency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caller: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_key: Option<RequestKey>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    metadata: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    announced: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<Arc<str>>,
}

impl Rest {
    pub(crate) fn of(envelope: Envelope) -> Self {
        let Envelope {
            mode,
            deadline,
            idempotency,
            order,
            caller,
            request_key,
            metadata,
            traceparent,
            announced,
            group,
            ..
        } = envelope;
        Self {
            mode,
            deadline,
            idempotency,
            order,
            caller,
            request_key,
            metadata,
            traceparent,
            announced,
            group,
        }
    }

    pub(crate) fn sender(self) -> Sender {
        let Self { caller, request_key, metadata, .. } = self;
        Sender { caller, request_id: request_key.map(|key| key.id), metadata }
    }

    pub(crate) fn envelope(
        self,
        id: MessageId,
        route: Arc<str>,
        bundle: BundleHash,
        received: Timestamp,
    ) -> Envelope {
        let Self {
            mode,
            deadline,
            idempotency,
            order,
            caller,
            request_key,
            metadata,
            traceparent,
            announced,
            group,
        } = self;
        Envelope {
            id,
            route,
            bundle,
            mode,
            received,
            deadline,
            idempotency,
            order,
            caller,
            request_key,
            metadata,
            traceparent,
            announced,
            group,
        }
    }
}

/// As JSON text.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String, Trouble> {
    serde_json::to_string(value)
        .map_err(|_| DeliveryError::Unavailable("a message that cannot be written as JSON".to_owned()).into())
}

/// From JSON text. The error names the message only: the text may hold personal data.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str, id: MessageId) -> Result<T, Trouble> {
    serde_json::from_str(text).map_err(|_| damaged(id))
}

pub(crate) fn damaged(id: MessageId) -> Trouble {
    DeliveryError::Unavailable(format!("the row of message {id} is damaged and cannot be read")).into()
}

/// The name of a class, as it is stored and shown: `UNKNOWN`.
pub(crate) fn class_name(class: FaultClass) -> Result<String, Trouble> {
    name(&class)
}

pub(crate) fn party_name(party: Party) -> Result<String, Trouble> {
    name(&party)
}

fn name<T: Serialize>(value: &T) -> Result<String, Trouble> {
    Ok(to_json(value)?.trim_matches('"').to_owned())
}

/// The columns that [`record`] reads.
const COLUMNS: &str = "m.id, r.name, b.hash, m.state, m.received, m.attempt, m.at, m.started, m.gateway, m.party, \
    m.envelope, m.seq, m.failure, m.reply, m.payload, m.route, m.lost, m.ticket FROM messages m \
    JOIN routes r ON r.number = m.route JOIN bundles b ON b.number = m.bundle";

/// A `SELECT` of whole records.
pub(crate) fn select(condition: &str) -> String {
    format!("SELECT {COLUMNS} {condition}")
}

/// How much of a message to read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// All of it.
    Whole,
    /// No payload, no digest, no answers, and of the attempts only the last.
    Listed,
}

/// Reads a row of [`select`].
pub(crate) fn record(connection: &Connection, row: &Row<'_>, detail: Detail) -> Result<Record, Trouble> {
    let id = message_id(row, 0)?;
    let route: Arc<str> = row.get_ref(1)?.as_str().map_err(|_| damaged(id))?.into();
    let bundle = BundleHash(row.get(2)?);
    let mut attempt: u32 = row.get(5)?;
    let at = Timestamp(row.get(6)?);
    let mut started = Timestamp(row.get(7)?);
    let seq: i64 = row.get(11)?;
    let rest: Rest = from_json(row.get_ref(10)?.as_str().map_err(|_| damaged(id))?, id)?;
    let envelope = rest.envelope(id, route, bundle, Timestamp(row.get(4)?));
    let failure = match row.get_ref(12)?.as_str_or_null().map_err(|_| damaged(id))? {
        Some(text) => Some(from_json::<Failure>(text, id)?),
        None => None,
    };
    let whole = detail == Detail::Whole;
    let reply = if whole { bytes(row, 13)? } else { None };
    let state = match (row.get::<_, i64>(3)?, failure.clone()) {
        (0 | PARKED | OUT | PUBLISHED, _) => State::Waiting { due: at },
        (FILED, _) => match cuts::in_file_since(connection, seq)? {
            Some(since) => {
                attempt = attempt.saturating_add(1);
                started = since.max(envelope.received);
                State::Claimed { gateway: GatewayId::FILE, since }
            }
            None => State::Waiting { due: at },
        },
        (1 | BEGUN, _) => State::Claimed { gateway: GatewayId(Uuid::from_bytes(row.get(8)?)), since: at },
        (2, Some(failure)) => State::Finished { outcome: Outcome::Failed(failure), at },
        (2, None) => State::Finished { outcome: Outcome::Reply(reply.unwrap_or_default()), at },
        (3, Some(failure)) => {
            let party = row.get_ref(9)?.as_str().map_err(|_| damaged(id))?;
            let at_fault = from_json(&format!("\"{party}\""), id)?;
            State::Dead { letter: DeadLetter { failure, at_fault, reply }, at }
        }
        _ => return Err(damaged(id)),
    };
    let behind = match (row.get(3)?, &envelope.order) {
        (PARKED, Some(order)) => line::ahead(connection, &Line::new(order.key, row.get(15)?))?,
        _ => None,
    };
    let mut attempts = attempts(connection, seq, id, detail)?;
    if attempt > 0 && attempts.last().is_none_or(|last| last.number < attempt) {
        let ended = (state.kind() != StateKind::Claimed).then_some(at);
        let last = Attempt { number: attempt, started, ended, failure };
        if !whole {
            attempts.clear();
        }
        attempts.push(last);
    }
    let payload = if whole { bytes(row, 14)?.unwrap_or_default() } else { Bytes::new() };
    let ticket = bytes(row, 17)?.map(|ticket| if whole { ticket } else { Bytes::new() });
    let digest = (whole && envelope.request_key.is_some()).then(|| PayloadDigest::of(&payload));
    Ok(Record { envelope, payload, digest, ticket, state, behind, lost: row.get(16)?, attempts })
}

/// Attempts that an answer shows, at most: those of a message retried for a very long time are cut at the front.
const ATTEMPTS_SHOWN: i64 = 1000;

fn attempts(
    connection: &Connection,
    seq: i64,
    id: MessageId,
    detail: Detail,
) -> Result<Vec<Attempt>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT number, started, ended, failure FROM attempts WHERE message = ?1 ORDER BY number DESC LIMIT ?2",
    )?;
    let limit = if detail == Detail::Whole { ATTEMPTS_SHOWN } else { 1 };
    let mut rows = statement.query((seq, limit))?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        attempts.push(Attempt {
            number: row.get(0)?,
            started: Timestamp(row.get(1)?),
            ended: Some(Timestamp(row.get(2)?)),
            failure: from_json(row.get_ref(3)?.as_str().map_err(|_| damaged(id))?, id)?,
        });
    }
    attempts.reverse();
    Ok(attempts)
}

pub(crate) fn message_id(row: &Row<'_>, column: usize) -> rusqlite::Result<MessageId> {
    Ok(MessageId(Uuid::from_bytes(row.get(column)?)))
}

pub(crate) fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Bytes>> {
    let value = row.get_ref(column)?;
    Ok(value.as_blob_or_null().ok().flatten().map(Bytes::copy_from_slice))
}
