//! A status by which the system answers: what it means for the message, how long to wait, and in whose words.

use std::time::Duration;

use base64::Engine as _;
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode;
use portolan_delivery::{
    SendError, Sent, Status as Code,
    rpc::{self, MAX_MESSAGE, RetryInfo},
};
use prost::Message as _;

use super::{error::reason, outgoing::BASE64};
use crate::status::{GRPC_MESSAGE, GRPC_STATUS, GRPC_STATUS_DETAILS};

/// gRFC A6, "Pushback".
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// What the trailers of a call say against it; `None` where all went well.
pub(super) fn error(trailers: &HeaderMap) -> Option<SendError> {
    let number = trailers.get(GRPC_STATUS).and_then(|value| value.to_str().ok()?.parse::<i32>().ok());
    if number == Some(0) {
        return None;
    }
    let code = Code::from_number(number.unwrap_or_default());
    let again = Again::of(trailers);
    let words = words(trailers);
    let message = match &words {
        Some(words) => rpc::cut(words, MAX_MESSAGE).to_owned(),
        None => format!("the system answers {}, and says nothing more", code.name()),
    };
    let reason = if code == Code::DeadlineExceeded { reason::TIMEOUT } else { code.name() };
    let mut error = SendError::new(sent(code, again), reason, message);
    error.personal = words.is_some();
    error.retry_after = match again {
        Again::After(delay) => Some(delay),
        Again::Never | Again::NotSaid => None,
    };
    Some(match code {
        Code::Unauthenticated | Code::PermissionDenied => {
            error.advised("see the system's `metadata` and `tls`: is this gateway known to it?")
        }
        Code::Unimplemented => error.advised("does the system serve this version of the contract?"),
        _ => error,
    })
}

/// What a status means for the message, by `google.rpc.Code`.
///
/// Only `ABORTED` and `RESOURCE_EXHAUSTED` say by themselves that nothing was done: a transaction was rolled back, a quota
/// kept the request out. `UNAVAILABLE` does not ("it is not always safe to retry non-idempotent operations"): proxies say it
/// when the system is lost with the request in it. A system that names a delay invites to call again.
fn sent(code: Code, again: Again) -> Sent {
    match code {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => Sent::Refused(code),
        Code::Aborted | Code::ResourceExhausted if again == Again::Never => Sent::Refused(code),
        Code::Aborted | Code::ResourceExhausted => Sent::NotDone(code),
        Code::Unavailable if matches!(again, Again::After(_)) => Sent::NotDone(code),
        Code::Unavailable
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::DataLoss => Sent::Maybe,
    }
}

/// What the system says of calling again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    NotSaid,
    After(Duration),
    Never,
}

impl Again {
    /// By the pushback, else by `google.rpc.RetryInfo`.
    fn of(trailers: &HeaderMap) -> Self {
        if let Some(pushback) = trailers.get(PUSHBACK) {
            // What is negative or no number says that it is not to be called again.
            let delay = pushback.to_str().ok().and_then(|text| text.trim().parse().ok());
            return delay.map_or(Self::Never, |ms| Self::After(Duration::from_millis(ms)));
        }
        match retry_info(trailers) {
            Some(delay) => Self::After(delay),
            None => Self::NotSaid,
        }
    }
}

fn retry_info(trailers: &HeaderMap) -> Option<Duration> {
    let details = BASE64.decode(trailers.get(GRPC_STATUS_DETAILS)?).ok()?;
    let details = rpc::Status::decode(&*details).ok()?.details;
    let info = details.iter().find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&*info.value).ok()?.retry_delay?;
    Duration::try_from(delay).ok()
}

/// `grpc-message`, if there is anything in it. What is no UTF-8 is read as far as it is ("Status-Message").
fn words(trailers: &HeaderMap) -> Option<String> {
    let message = percent_decode(trailers.get(GRPC_MESSAGE)?.as_bytes()).decode_utf8_lossy();
    (!message.trim().is_empty()).then(|| message.into_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn trailers(entries: &[(&'static str, &str)]) -> HeaderMap {
        entries.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn every_status_means_something() {
        use Code::*;
        assert!(error(&trailers(&[("grpc-status", "0")])).is_none());
        for (code, name) in Code::ALL {
            let expected = match code {
                InvalidArgument | NotFound | AlreadyExists | PermissionDenied | FailedPrecondition
                | OutOfRange | Unimplemented | Unauthenticated => Sent::Refused(code),
                Aborted | ResourceExhausted => Sent::NotDone(code),
                Unavailable | Cancelled | Unknown | DeadlineExceeded | Internal | DataLoss => Sent::Maybe,
            };
            let error = error(&trailers(&[("grpc-status", &(code as i32).to_string())])).unwrap();
            assert_eq!(error.sent, expected, "{name}");
            assert_eq!(error.reason, if code == DeadlineExceeded { "TIMEOUT" } else { name });
            assert!(error.message.contains(name) && !error.personal, "{error:?}");
        }
        for strange in ["17", "-1", "x", ""] {
            let error = error(&trailers(&[("grpc-status", strange)])).unwrap();
            assert_eq!((error.sent, error.reason), (Sent::Maybe, "UNKNOWN"), "{strange:?}");
        }
    }

    #[test]
    fn a_system_says_whether_and_when_it_may_be_asked_again() {
        let retry_info = |seconds| {
            let info = RetryInfo { retry_delay: Some(prost_types::Duration { seconds, nanos: 0 }) };
            let details = vec![rpc::pack("google.rpc.RetryInfo", &info)];
            let status = rpc::Status { code: 14, message: String::new(), details };
            BASE64.encode(status.encode_to_vec())
        };
        let check = |code: &str, name, value: &str, sent, seconds: Option<u64>| {
            let error = error(&trailers(&[("grpc-status", code), (name, value)])).unwrap();
            assert_eq!(error.sent, sent, "{code} {name} {value}");
            assert_eq!(error.retry_after, seconds.map(Duration::from_secs), "{code} {name} {value}");
        };
        let details = "grpc-status-details-bin";
        let pushback = "grpc-retry-pushback-ms";
        let (unavailable, exhausted) = (Code::Unavailable, Code::ResourceExhausted);
        check("14", details, &retry_info(3), Sent::NotDone(unavailable), Some(3));
        check("14", details, retry_info(3).trim_end_matches('='), Sent::NotDone(unavailable), Some(3));
        check("14", details, &retry_info(-3), Sent::Maybe, None);
        check("14", details, "not base64!", Sent::Maybe, None);
        check("14", details, "AAAA", Sent::Maybe, None);
        check("14", pushback, "5000", Sent::NotDone(unavailable), Some(5));
        check("14", pushback, "-1", Sent::Maybe, None);
        check("8", pushback, "5000", Sent::NotDone(exhausted), Some(5));
        check("8", pushback, "-1", Sent::Refused(exhausted), None);
        check("8", pushback, "soon", Sent::Refused(exhausted), None);
        check("13", pushback, "1000", Sent::Maybe, Some(1));
    }

    #[test]
    fn words_are_the_systems_own() {
        let check = |message: &[u8], expected: &str, personal| {
            let mut trailers = trailers(&[("grpc-status", "5")]);
            trailers.insert(GRPC_MESSAGE, HeaderValue::from_bytes(message).unwrap());
            let error = error(&trailers).unwrap();
            assert_eq!((&*error.message, error.personal), (expected, personal));
        };
        check(b"no account 4711", "no account 4711", true);
        check(b"%C3%96l, 100 %25", "\u{d6}l, 100 %", true);
        check(b"%FF %zz", "\u{fffd} %zz", true);
        check(b"", "the system answers NOT_FOUND, and says nothing more", false);
        check(&b"a".repeat(5000), &"a".repeat(MAX_MESSAGE), true);
    }
}
