//! How an [`Event`] travels: a CloudEvent in binary mode.
//!
//! | | |
//! | --- | --- |
//! | routing key | `ROUTE.finished`, `ROUTE.failed`, `ROUTE.needs-attention` |
//! | `message-id` | the event's own id, the same each time |
//! | `correlation-id` | the caller's id for the message: a stranger's `message-id` |
//! | `timestamp` | when it happened, in seconds |
//! | `type`, `app-id` | `portolan.message.finished` and so on; `portolan` |
//! | `content-type` | `application/protobuf` |
//! | `delivery-mode` | 2, persistent |
//! | `cloudEvents:specversion`, `:type`, `:source`, `:id`, `:subject`, `:time` | 1.0; `type`; `/portolan/routes/ROUTE`; `message-id`; `operations/ID`; RFC 3339 |
//! | `traceparent`, `cloudEvents:traceparent` | of the message's acceptance |
//! | body | finished: the reply; else a `google.rpc.Status` |

use bytes::Bytes;
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, ShortString},
};
use portolan_delivery::{Event, Happened, rpc};
use prost::Message;

/// What is published.
pub(crate) struct Published {
    pub(crate) routing_key: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Bytes,
}

pub(crate) fn encode(event: &Event) -> Published {
    let name = event.happened.name();
    let (id, kind) = (event.id(), format!("portolan.message.{name}"));
    let mut headers = FieldTable::default();
    let mut header = |name: &str, value: &str| {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    };
    header("cloudEvents:specversion", "1.0");
    header("cloudEvents:type", &kind);
    header("cloudEvents:source", &format!("/portolan/routes/{}", event.route));
    header("cloudEvents:id", &id);
    header("cloudEvents:subject", &format!("operations/{}", event.message));
    header("cloudEvents:time", &event.at.to_rfc3339());
    if let Some(traceparent) = &event.traceparent {
        header("traceparent", traceparent);
        header("cloudEvents:traceparent", traceparent);
    }
    let mut properties = BasicProperties::default()
        .with_message_id(id.into())
        .with_timestamp(seconds(event.at))
        .with_type(kind.into())
        .with_app_id("portolan".into())
        .with_content_type("application/protobuf".into())
        .with_delivery_mode(2)
        .with_headers(headers);
    // A request id of gRPC may be longer than a property.
    if let Some(id) = event.request_id.as_ref().and_then(|id| ShortString::try_new(id.as_str()).ok()) {
        properties = properties.with_correlation_id(id);
    }
    let body = match &event.happened {
        Happened::Finished(reply) => reply.clone(),
        Happened::Failed(failure) | Happened::NeedsAttention(failure) => {
            rpc::to_status(failure).encode_to_vec().into()
        }
    };
    Published { routing_key: format!("{}.{name}", event.route).into(), properties, body }
}

/// AMQP's timestamp.
pub(crate) fn seconds(at: portolan_delivery::Timestamp) -> u64 {
    u64::try_from(at.0 / 1_000_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use portolan_delivery::{Failure, FaultClass, MessageId, Status, Timestamp};

    use super::*;

    fn event(happened: Happened) -> Event {
        Event {
            message: MessageId::generate(),
            route: "civic.claims".into(),
            attempt: 2,
            at: Timestamp(1_795_600_910_500_000),
            happened,
            request_id: Some("claim-1".to_owned()),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        }
    }

    #[test]
    fn a_reply_is_a_cloud_event() {
        let event = event(Happened::Finished("reply".into()));
        let Published { routing_key, properties, body } = encode(&event);
        assert_eq!((routing_key.as_str(), &body[..]), ("civic.claims.finished", &b"reply"[..]));
        assert_eq!(properties.correlation_id().as_ref().map(ShortString::as_str), Some("claim-1"));
        assert_eq!(*properties.timestamp(), Some(1_795_600_910));
        let headers = properties.headers().clone().unwrap();
        let header = |name: &str| match headers.inner().get(name) {
            Some(AMQPValue::LongString(text)) => text.to_string(),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(header("cloudEvents:type"), "portolan.message.finished");
        assert_eq!(header("cloudEvents:source"), "/portolan/routes/civic.claims");
        assert_eq!(header("cloudEvents:id"), event.id());
        assert_eq!(header("cloudEvents:subject"), format!("operations/{}", event.message));
        assert_eq!(header("cloudEvents:time"), "2026-11-25T10:01:50.5Z");
        assert_eq!(header("traceparent"), header("cloudEvents:traceparent"));
    }

    #[test]
    fn a_failure_is_a_status() {
        let failure = Failure::new(Status::FailedPrecondition, FaultClass::Refused, "NO", "no");
        let mut event = event(Happened::NeedsAttention(failure));
        event.request_id = Some("k".repeat(256));
        let Published { routing_key, properties, body } = encode(&event);
        assert_eq!(routing_key.as_str(), "civic.claims.needs-attention");
        assert_eq!(*properties.correlation_id(), None);
        assert_eq!(rpc::Status::decode(&body[..]).unwrap().code, 9);
    }
}
