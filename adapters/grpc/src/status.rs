//! A failure as gRPC tells it: `grpc-status`, `grpc-message` and `google.rpc.Status` in `grpc-status-details-bin`.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue};
use portolan_delivery::{
    Failure,
    rpc::{MAX_MESSAGE, cut, to_status},
};
use prost::Message as _;

pub(crate) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
pub(crate) const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
pub(crate) const GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

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
    use portolan_delivery::{
        FaultClass, Status as Code,
        rpc::{BadRequest, ERROR_DOMAIN, ErrorInfo, MAX_DETAILS},
    };

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
