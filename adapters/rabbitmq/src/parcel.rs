//! How a [`Parcel`] travels.
//!
//! | | |
//! | --- | --- |
//! | `message-id` | the message's UUID |
//! | `timestamp` | when it was published, in seconds |
//! | `type` | `portolan.parcel` |
//! | `content-type` | `application/json` |
//! | `delivery-mode` | 2, persistent |
//! | body | `{"route": "orders", "attempt": 1, "due": 1795600910961713}`, microseconds since 1970 |
//!
//! Whoever may write to the queue may write anything: what does not parse is an error.

use std::sync::Arc;

use lapin::BasicProperties;
use portolan_delivery::{MessageId, Timestamp, composite::Parcel};

use crate::event::seconds;

const KIND: &str = "portolan.parcel";
/// A route's name fits into a queue's; a body beyond this is no parcel.
const LIMIT: usize = 4096;

#[derive(serde::Serialize, serde::Deserialize)]
struct Body {
    route: Arc<str>,
    attempt: u32,
    due: Timestamp,
}

/// Why a delivery is no parcel. Says nothing of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoParcel {
    #[error("its type is not {KIND}")]
    Kind,
    #[error("its message-id is not a UUID")]
    Id,
    #[error("its body is not a parcel's")]
    Body,
    #[error("its attempt is not from 1")]
    Attempt,
}

pub(crate) fn encode(parcel: &Parcel) -> Result<(BasicProperties, Vec<u8>), serde_json::Error> {
    let body =
        serde_json::to_vec(&Body { route: parcel.route.clone(), attempt: parcel.attempt, due: parcel.due })?;
    let properties = BasicProperties::default()
        .with_message_id(parcel.id.to_string().into())
        .with_timestamp(seconds(Timestamp::now()))
        .with_type(KIND.into())
        .with_content_type("application/json".into())
        .with_delivery_mode(2);
    Ok((properties, body))
}

pub(crate) fn decode(properties: &BasicProperties, body: &[u8]) -> Result<Parcel, NoParcel> {
    if properties.kind().as_ref().is_none_or(|kind| kind.as_str() != KIND) {
        return Err(NoParcel::Kind);
    }
    let id = properties.message_id().as_ref().ok_or(NoParcel::Id)?;
    let id: MessageId = id.as_str().parse().map_err(|_| NoParcel::Id)?;
    if body.len() > LIMIT {
        return Err(NoParcel::Body);
    }
    let Body { route, attempt, due } = serde_json::from_slice(body).map_err(|_| NoParcel::Body)?;
    if attempt == 0 {
        return Err(NoParcel::Attempt);
    }
    Ok(Parcel { id, route, attempt, due })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was() {
        let parcel =
            Parcel {
                id: MessageId::generate(), route: "grüße \"1\"".into(), attempt: 7, due: Timestamp(-1)
            };
        let (properties, body) = encode(&parcel).unwrap();
        assert_eq!(decode(&properties, &body), Ok(parcel));
    }

    #[test]
    fn what_is_no_parcel_is_an_error() {
        let parcel = Parcel { id: MessageId::generate(), route: "r".into(), attempt: 1, due: Timestamp(0) };
        let (properties, body) = encode(&parcel).unwrap();
        assert_eq!(decode(&BasicProperties::default(), &body), Err(NoParcel::Kind));
        assert_eq!(decode(&properties.clone().with_message_id("1".into()), &body), Err(NoParcel::Id));
        let deep = "[".repeat(LIMIT);
        for hostile in [
            "",
            "{",
            "null",
            "\u{0}",
            r#"{"route":"r"}"#,
            r#"{"route":"r","attempt":-1,"due":0}"#,
            r#"{"route":"r","attempt":1}"#,
            &deep,
        ] {
            assert_eq!(decode(&properties, hostile.as_bytes()), Err(NoParcel::Body), "{hostile}");
        }
        assert_eq!(decode(&properties, &[b' '; LIMIT + 1]), Err(NoParcel::Body));
        assert_eq!(decode(&properties, br#"{"route":"r","attempt":0,"due":0}"#), Err(NoParcel::Attempt));
    }
}
