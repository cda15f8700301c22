//! A failure as gRPC tells it: `grpc-status`, `grpc-message` and `google.rpc.Status` in `grpc-status-details-bin`.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue};
use portolan_delivery::Failure;
use prost::Message as _;

use crate::rpc::{BadRequest, ErrorInfo, FieldViolation, RequestInfo, RetryInfo, Status, pack};

/// `ErrorInfo.domain` of every failure.
pub const ERROR_DOMAIN: &str = "portolan.dev";

/// The keys of `Failure.metadata` under which a message's id stands; it is told as `RequestInfo.request_id` too. A dead
/// letter has the id of its message.
pub const MESSAGE_ID: [&str; 2] = ["message", "dead_letter"];

pub(crate) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
pub(crate) const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
pub(crate) const GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// Clients take 8 KiB of trailers by default and fail the call with another status when there is more: what is told
/// has to fit, with base64 and the message beside it.
const MAX_DETAILS: usize = 3584;
const MAX_MESSAGE: usize = 768;

/// The trailers of a call that failed.
pub(crate) fn trailers(failure: &Failure) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(3);
    trailers.insert(GRPC_STATUS, HeaderValue::from(failure.status as i32));
    if let Ok(message) = HeaderValue::from_str(&percent_encoded(cut(&failure.message, MAX_MESSAGE))) {
        trailers.insert(GRPC_MESSAGE, message);
    }
    let details = STANDARD_NO_PAD.encode(to_status(failure).encode_to_vec());
    if let Ok(details) = HeaderValue::try_from(details) {
        trailers.insert(GRPC_STATUS_DETAILS, details);
    }
    trailers
}

/// The failure as `google.rpc.Status`. Field violations, then entries of metadata, are left out from the end where all
/// of them would not fit a client's default limit.
pub(crate) fn to_status(failure: &Failure) -> Status {
    let mut info = ErrorInfo {
        reason: failure.reason.clone(),
        domain: ERROR_DOMAIN.to_owned(),
        metadata: failure.metadata.clone(),
    };
    let mut fields: Vec<FieldViolation> = failure
        .fields
        .iter()
        .map(|at| FieldViolation { field: at.field.clone(), description: at.description.clone() })
        .collect();
    loop {
        let status = assemble(failure, &info, &fields);
        if status.encoded_len() <= MAX_DETAILS {
            return status;
        }
        if !fields.is_empty() {
            fields.truncate(fields.len() / 2);
        } else if info.metadata.pop_last().is_none() {
            info.reason = cut(&info.reason, 64).to_owned();
            return assemble(failure, &info, &fields);
        }
    }
}

fn assemble(failure: &Failure, info: &ErrorInfo, fields: &[FieldViolation]) -> Status {
    let mut details = vec![pack("google.rpc.ErrorInfo", info)];
    if !fields.is_empty() {
        details.push(pack("google.rpc.BadRequest", &BadRequest { field_violations: fields.to_vec() }));
    }
    if let Some(delay) = failure.retry_after {
        let retry_delay = prost_types::Duration::try_from(delay).ok();
        details.push(pack("google.rpc.RetryInfo", &RetryInfo { retry_delay }));
    }
    if let Some(id) = MESSAGE_ID.iter().find_map(|key| failure.metadata.get(*key)) {
        details.push(pack("google.rpc.RequestInfo", &RequestInfo { request_id: cut(id, 256).to_owned() }));
    }
    Status { code: failure.status as i32, message: cut(&failure.message, MAX_MESSAGE).to_owned(), details }
}

/// The longest beginning of at most `limit` bytes that ends between characters.
fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// `grpc-message` is ASCII: everything but printable characters, and `%` itself, as `%XX` of its UTF-8.
fn percent_encoded(message: &str) -> String {
    let mut encoded = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            // Writing to a string does not fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use portolan_delivery::{FaultClass, Status as Code};

    use super::*;

    #[test]
    fn messages_are_percent_encoded() {
        let check = |message: &str, expected: &str| assert_eq!(percent_encoded(message), expected);
        check("plain: text ~", "plain: text ~");
        check("100 %", "100 %25");
        check("Ö\n", "%C3%96%0A");
    }

    #[test]
    fn what_would_not_fit_a_client_is_left_out() {
        let mut failure = Failure::new(Code::InvalidArgument, FaultClass::Request, "BAD", "ä".repeat(5000))
            .with("route", "r");
        for n in 0..1000 {
            failure = failure.at_field(format!("items[{n}].value"), "is missing");
        }
        let trailers = trailers(&failure);
        let size: usize = trailers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        assert!(size <= 8 << 10, "{size}");
        let status = to_status(&failure);
        assert!(status.encoded_len() <= MAX_DETAILS);
        assert_eq!(status.details.len(), 2);
        let info = ErrorInfo::decode(&status.details[0].value[..]).unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("BAD", ERROR_DOMAIN));
        assert_eq!(info.metadata["route"], "r");
        let bad = BadRequest::decode(&status.details[1].value[..]).unwrap();
        assert!(bad.field_violations.len() > 10);
    }
}
