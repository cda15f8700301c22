//! A message as a row.

use bytes::Bytes;
use portolan_delivery::{
    Attempt, DeadLetter, DeliveryError, Envelope, Failure, FaultClass, GatewayId, MessageId, Outcome, Party,
    PayloadDigest, Record, State, StateKind, Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::{damaged, unwritable};

/// `messages.state` of a message that waits behind another of its order key.
pub(crate) const PARKED: i16 = 4;

/// Every `messages.state` of a kind.
pub(crate) fn numbers(kind: StateKind) -> Vec<i16> {
    match kind {
        StateKind::Waiting => vec![0, PARKED],
        StateKind::Claimed => vec![1],
        StateKind::Finished => vec![2],
        StateKind::Dead => vec![3],
    }
}

/// The kind of a `messages.state`.
pub(crate) const fn kind(number: i16) -> Option<StateKind> {
    Some(match number {
        0 | PARKED => StateKind::Waiting,
        1 => StateKind::Claimed,
        2 => StateKind::Finished,
        3 => StateKind::Dead,
        _ => return None,
    })
}

/// The columns of [`record`], but `payload`, `reply` and `ticket`. For whom a parked message waits: for the one of its key that is at
/// work, or for the first.
macro_rules! columns {
    () => {
        "m.id, m.state, m.envelope, m.attempt, m.at, m.started, m.gateway, m.failure, m.party, m.lost,
         CASE WHEN m.state = 4 THEN (
             SELECT ahead.id FROM unnest('{0,1,3,4}'::int2[]) AS of (state) CROSS JOIN LATERAL (
                 SELECT l.id, l.seq, l.state FROM portolan.messages l
                 WHERE l.order_key = m.order_key AND l.state = of.state AND l.state <> 2 AND NOT (l.state = 3 AND l.passes)
                 ORDER BY l.seq LIMIT 1) ahead
             ORDER BY ahead.state <> 1, ahead.seq LIMIT 1) END"
    };
}
pub(crate) use columns;

pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String, DeliveryError> {
    serde_json::to_string(value).map_err(|_| unwritable())
}

/// From JSON text. The error names the message only: the text may hold personal data.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str, id: MessageId) -> Result<T, DeliveryError> {
    serde_json::from_str(text).map_err(|_| damaged(id))
}

/// The name of a class, as it is stored: `UNKNOWN`.
pub(crate) fn class_name(class: FaultClass) -> Result<String, DeliveryError> {
    Ok(to_json(&class)?.trim_matches('"').to_owned())
}

/// A row's number as an attempt's.
pub(crate) fn attempt_number(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// A message's record; `attempts` are those of its rows. Without payload, reply and ticket for lists.
pub(crate) fn record(row: &Row, mut attempts: Vec<Attempt>, whole: bool) -> Result<Record, DeliveryError> {
    let id = MessageId(row.try_get(0).map_err(|_| damaged(MessageId(Uuid::nil())))?);
    let bad = |_| damaged(id);
    let state: i16 = row.try_get(1).map_err(bad)?;
    let envelope: Envelope = from_json(row.try_get(2).map_err(bad)?, id)?;
    let attempt = attempt_number(row.try_get(3).map_err(bad)?);
    let at = Timestamp(row.try_get(4).map_err(bad)?);
    let started = Timestamp(row.try_get(5).map_err(bad)?);
    let gateway: Option<Uuid> = row.try_get(6).map_err(bad)?;
    let failure: Option<Failure> = match row.try_get::<_, Option<&str>>(7).map_err(bad)? {
        Some(text) => Some(from_json(text, id)?),
        None => None,
    };
    let party: Option<&str> = row.try_get(8).map_err(bad)?;
    let bytes = |index: usize| -> Result<Option<Bytes>, DeliveryError> {
        if !whole {
            return Ok(None);
        }
        Ok(row.try_get::<_, Option<&[u8]>>(index).map_err(bad)?.map(Bytes::copy_from_slice))
    };
    let lost = attempt_number(row.try_get(9).map_err(bad)?);
    let behind = row.try_get::<_, Option<Uuid>>(10).map_err(bad)?.map(MessageId);
    let payload = bytes(11)?.unwrap_or_default();
    let (reply, ticket) = (bytes(12)?, bytes(13)?);
    let state = match (kind(state), failure.clone()) {
        (Some(StateKind::Waiting), _) => State::Waiting { due: at },
        (Some(StateKind::Claimed), _) => {
            State::Claimed { gateway: GatewayId(gateway.ok_or_else(|| damaged(id))?), since: at }
        }
        (Some(StateKind::Finished), Some(failure)) => {
            State::Finished { outcome: Outcome::Failed(failure), at }
        }
        (Some(StateKind::Finished), None) => {
            State::Finished { outcome: Outcome::Reply(reply.unwrap_or_default()), at }
        }
        (Some(StateKind::Dead), Some(failure)) => {
            let at_fault: Party = from_json(party.ok_or_else(|| damaged(id))?, id)?;
            State::Dead { letter: DeadLetter { failure, at_fault, reply }, at }
        }
        _ => return Err(damaged(id)),
    };
    if attempt > 0 && attempts.last().is_none_or(|last| last.number < attempt) {
        let ended = (state.kind() != StateKind::Claimed).then_some(at);
        attempts.push(Attempt { number: attempt, started, ended, failure });
    }
    let digest = (whole && envelope.request_key.is_some()).then(|| PayloadDigest::of(&payload));
    Ok(Record { envelope, payload, digest, ticket, state, behind, lost, attempts })
}
