//! Telling replies apart: an envelope at any status is for the reply plan to read; everything else is named.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderName, RETRY_AFTER},
};
use portolan_delivery::{SendError, Sent};

use crate::{
    charset::{self, Unreadable},
    compression::{self, NotInflated},
    envelope::{self, Peek},
    error::{bad_reply, reason},
};

/// The longest wait that a system may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The envelope in UTF-8, from its root element on; or what came instead of it, which is kept with the error.
pub(crate) fn tell_apart(
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
    limit: usize,
) -> Result<Bytes, SendError> {
    let keep = |mut error: SendError, reply: &Bytes| {
        error.reply = (!reply.is_empty()).then(|| reply.clone());
        error.retry_after = retry_after(headers);
        error
    };
    let inflated = compression::inflate(body.clone(), text(headers, CONTENT_ENCODING), limit)
        .map_err(|error| keep(not_inflated(error, limit), &body))?;
    let content_type = text(headers, CONTENT_TYPE);
    let is = |media: &str| content_type.get(..media.len()).is_some_and(|t| t.eq_ignore_ascii_case(media));
    if is("multipart/") {
        let error = bad_reply(
            reason::MULTIPART,
            "the system answered with attachments (SwA or MTOM), which Portolan does not read yet",
        );
        return Err(keep(error, &inflated));
    }
    let readable = charset::to_utf8(inflated.clone(), content_type);
    let peek = readable.as_ref().map(|text| envelope::peek(text));
    let error = match (readable.as_ref(), peek) {
        (Ok(text), Ok(Peek::Envelope(root))) => return Ok(text.slice(root..)),
        (_, Ok(Peek::Cut)) => bad_reply(reason::TRUNCATED_REPLY, "the system's reply breaks off"),
        (_, Ok(Peek::Doctype)) => {
            bad_reply(reason::DOCTYPE_REFUSED, "the system's reply has a DOCTYPE, which SOAP forbids")
        }
        (_, peek) if !status.is_success() => {
            let html = is("text/html") || matches!(peek, Ok(Peek::Html));
            refused_by_http(status, html)
        }
        (_, Ok(Peek::Empty)) => bad_reply(reason::EMPTY_REPLY, "the system answered with nothing"),
        (_, Ok(Peek::Html)) => {
            bad_reply(reason::HTML_REPLY, "the system answered with an HTML page instead of an envelope")
        }
        (_, Err(error)) => bad_reply(reason::CHARSET_UNSUPPORTED, unreadable(error)),
        (_, Ok(_)) if is("text/html") => {
            bad_reply(reason::HTML_REPLY, "the system answered with an HTML page instead of an envelope")
        }
        (_, Ok(_)) => {
            bad_reply(reason::NOT_SOAP, "the system answered with something that is no SOAP envelope")
        }
    };
    Err(keep(error, readable.as_ref().unwrap_or(&inflated)))
}

/// A reply without an envelope whose status says no.
fn refused_by_http(status: StatusCode, html: bool) -> SendError {
    let number = status.as_u16();
    match number {
        // No proof that nothing was done: a proxy may say so after the system began.
        429 | 502 | 503 | 504 => SendError::new(
            Sent::Maybe,
            reason::SERVICE_UNAVAILABLE,
            format!("the system is not available now (HTTP {number}, no envelope)"),
        ),
        300..=399 => {
            bad_reply(reason::REDIRECT, format!("the system answered with a redirection (HTTP {number})"))
        }
        401 | 403 => {
            bad_reply(reason::HTTP_STATUS, format!("the system answered HTTP {number} without an envelope"))
                .advised("the system refused Portolan's credentials; see its `auth` and `tls`")
        }
        500..=599 if html => bad_reply(
            reason::HTML_REPLY,
            format!("the system answered with an HTML page instead of an envelope (HTTP {number})"),
        ),
        _ => bad_reply(reason::HTTP_STATUS, format!("the system answered HTTP {number} without an envelope")),
    }
}

/// A reply over the limit.
pub(crate) fn oversized(limit: usize) -> SendError {
    bad_reply(reason::OVERSIZED_REPLY, format!("the system's reply is greater than {limit} bytes"))
        .advised("see the system's `max-reply-bytes`")
}

fn not_inflated(error: NotInflated, limit: usize) -> SendError {
    match error {
        NotInflated::Oversized => oversized(limit),
        NotInflated::Broken => bad_reply(
            reason::TRUNCATED_REPLY,
            "the system's compressed reply breaks off, or is not what it claims",
        ),
        NotInflated::Unknown => {
            bad_reply(reason::COMPRESSION_UNSUPPORTED, "the system's reply is neither gzip nor deflate")
        }
    }
}

fn unreadable(error: &Unreadable) -> &'static str {
    match error {
        Unreadable::Unknown => "the system's reply is in an encoding that Portolan does not know",
        Unreadable::Malformed => "the system's reply is not in the encoding that it claims",
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or an instant, which is measured by the system's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER).trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let instant = |text: &str| -> Option<SystemTime> { httpdate::parse_http_date(text).ok() };
            instant(value)?.duration_since(instant(text(headers, DATE))?).ok()?
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_that_is_answered_causes_a_panic_or_passes_unread(
            before in "(<\\?xml[ a-z='\"?>]{0,9}|<!--|-->|<!D|<|[ \n])*",
            name in "(s:)?(Envelope|html)?",
            attributes in "( xmlns(:s)?=['\"](http://schemas.xmlsoap.org/soap/envelope/)?['\"]?){0,2}",
            after in proptest::collection::vec(any::<u8>(), 0..20),
            content_type in "text/xml(; charset=[\"a-z0-9-]{0,10})?",
        ) {
            let body = [before.as_bytes(), name.as_bytes(), attributes.as_bytes(), &after].concat();
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
            if let Ok(envelope) = tell_apart(StatusCode::OK, &headers, body.into(), 10_000) {
                prop_assert!(std::str::from_utf8(&envelope).is_ok_and(|text| text.starts_with('<')));
            }
        }
    }
}
