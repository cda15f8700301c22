//! A stranger's message as a call: which of its properties and headers mean what.

use std::sync::Arc;

use lapin::{
    BasicProperties,
    types::{AMQPValue, ShortString},
};
use portolan_delivery::{Failure, FaultClass, Status};

/// What stands beside the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// As of a gRPC call, by lower-case name.
    pub(super) metadata: Vec<(String, String)>,
    /// `amqp:USER`, where RabbitMQ has verified who that is.
    pub(super) caller: Option<Arc<str>>,
}

/// By which a request is known when it comes again, as gRPC's callers write it.
const REQUEST_ID: &str = "idempotency-key";
/// By rising weight: CloudEvents' names for AMQP, then W3C's.
const TRACEPARENT: [&str; 3] = ["cloudevents_traceparent", "cloudevents:traceparent", "traceparent"];

/// Reads them; an error where the message can never be taken.
pub(super) fn read(properties: &BasicProperties, body: usize, max_body: usize) -> Result<Request, Failure> {
    let content_type = text(properties.content_type());
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches!(media_type.as_str(), "application/protobuf" | "application/x-protobuf") {
        let why = "the content-type must be application/protobuf";
        return Err(refused("CONTENT_TYPE_REFUSED", "content-type", why));
    }
    if !matches!(text(properties.content_encoding()), "" | "identity") {
        return Err(refused("CONTENT_ENCODING_REFUSED", "content-encoding", "the body must not be encoded"));
    }
    let id = text(properties.message_id());
    if id.is_empty() {
        let why = "a message-id is needed, by which a repeated request is known";
        return Err(refused("MESSAGE_ID_MISSING", "message-id", why));
    }
    if body > max_body {
        let why = format!("the body has more than {max_body} bytes");
        return Err(refused("REQUEST_TOO_LARGE", "body", &why));
    }
    let mut metadata = vec![(REQUEST_ID.to_owned(), id.to_owned())];
    let mut traceparent = None;
    let headers = properties.headers().iter().flat_map(|headers| headers.inner());
    for (name, value) in headers.filter_map(|(name, value)| Some((name, as_text(value)?))) {
        let name = name.as_str().to_lowercase();
        match TRACEPARENT.iter().position(|known| *known == name) {
            Some(weight) => traceparent = traceparent.max(Some((weight, value.to_owned()))),
            None if name == REQUEST_ID => {}
            None => metadata.push((name, value.to_owned())),
        }
    }
    metadata.extend(traceparent.map(|(_, value)| ("traceparent".to_owned(), value)));
    let caller = Some(text(properties.user_id())).filter(|user| !user.is_empty());
    Ok(Request { metadata, caller: caller.map(|user| format!("amqp:{user}").into()) })
}

fn refused(reason: &str, field: &str, why: &str) -> Failure {
    Failure::new(Status::InvalidArgument, FaultClass::Request, reason, why).at_field(field, why)
}

fn text(property: &Option<ShortString>) -> &str {
    property.as_ref().map_or("", ShortString::as_str)
}

/// A header's value, where it is text.
fn as_text(value: &AMQPValue) -> Option<&str> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lapin::types::FieldTable;

    use super::*;

    fn properties() -> BasicProperties {
        BasicProperties::default()
            .with_content_type("Application/X-Protobuf; x=y".into())
            .with_message_id("claim-1".into())
    }

    fn with_headers(headers: &[(&str, &str)]) -> BasicProperties {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), AMQPValue::LongString((*value).into()));
        }
        table.insert("number".into(), AMQPValue::LongInt(7));
        table.insert("latin".into(), AMQPValue::LongString(b"\xe4".as_slice().into()));
        properties().with_headers(table)
    }

    fn metadata(properties: &BasicProperties) -> Vec<(String, String)> {
        read(properties, 1, 1).unwrap().metadata
    }

    #[test]
    fn what_is_a_call() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read(&properties(), 1, 1).unwrap().caller, None);
        let verified = read(&properties().with_user_id("portal".into()), 1, 1).unwrap();
        assert_eq!(verified.caller.as_deref(), Some("amqp:portal"));
        let id = pair("idempotency-key", "claim-1");
        assert_eq!(metadata(&with_headers(&[("Idempotency-Key", "another")])), std::slice::from_ref(&id));
        let all = with_headers(&[
            ("X-Purpose", "ü"),
            ("cloudEvents:traceparent", "00-1"),
            ("cloudEvents_traceparent", "00-2"),
        ]);
        assert_eq!(metadata(&all), [id.clone(), pair("x-purpose", "ü"), pair("traceparent", "00-1")]);
        let w3c = with_headers(&[("traceparent", "00-0"), ("cloudEvents:traceparent", "00-1")]);
        assert_eq!(metadata(&w3c), [id, pair("traceparent", "00-0")]);
    }

    #[test]
    fn what_can_never_be_one() {
        let check = |properties: BasicProperties, body: usize, reason: &str, field: &str| {
            let failure = read(&properties, body, 1).unwrap_err();
            assert_eq!((failure.reason.as_str(), failure.fields[0].field.as_str()), (reason, field));
        };
        let json = properties().with_content_type("application/json".into());
        check(json, 1, "CONTENT_TYPE_REFUSED", "content-type");
        check(BasicProperties::default(), 1, "CONTENT_TYPE_REFUSED", "content-type");
        check(
            properties().with_content_encoding("gzip".into()),
            1,
            "CONTENT_ENCODING_REFUSED",
            "content-encoding",
        );
        check(properties().with_message_id("".into()), 1, "MESSAGE_ID_MISSING", "message-id");
        check(properties(), 2, "REQUEST_TOO_LARGE", "body");
    }
}
