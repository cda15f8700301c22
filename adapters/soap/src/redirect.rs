//! Redirections: which of them a call follows. Only 307 and 308 ask for the same POST again, and only the server that is
//! configured is given a message and credentials. All others end the attempt, and say what to correct.

use http::{
    HeaderMap, StatusCode, Uri,
    header::LOCATION,
    uri::{Authority, PathAndQuery, Scheme},
};
use portolan_delivery::{SendError, Sent};
use url::Url;

/// Where a redirection leads, seen from the server that gave it.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// Another path of the same server, that is of the same scheme, host and port.
    Same(Uri),
    /// The same host, with TLS where there was none.
    Encrypted,
    /// The same host, without TLS where there was some.
    Readable,
    /// Another host or port.
    Elsewhere,
    /// No place that could be asked.
    Nowhere,
}

/// The address to ask next, or `error`, the redirection, with what is wrong about it.
pub(crate) fn next(
    error: SendError,
    answer: (StatusCode, &HeaderMap),
    asked: &Uri,
    may_follow: bool,
) -> Result<Uri, SendError> {
    let (status, headers) = answer;
    let repeats = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let (to, advice) = match way(headers, asked) {
        Way::Same(uri) if repeats && may_follow => return Ok(uri),
        Way::Same(_) if repeats => (
            "to yet another path of the same server",
            "write the last path into the system's `endpoint`; if they go in a circle, tell its owner; see `max-redirects`",
        ),
        Way::Same(_) => (
            "to another path of the same server",
            "write that path into the system's `endpoint`: only 307 and 308 are followed, others ask for a GET",
        ),
        Way::Encrypted => ("to the same host with TLS", "write https:// into the system's `endpoint`"),
        Way::Readable => (
            "to the same host without TLS",
            "that is never followed: what stands before the system gives its address as http://, tell its owner",
        ),
        Way::Elsewhere => (
            "to another server",
            "that is never followed, since message and credentials would go there; if it is the right one, write it into the system's `endpoint`",
        ),
        Way::Nowhere => ("to no place that can be asked", "tell the system's owner"),
    };
    let message = format!("the system answered with a redirection (HTTP {}) {to}", status.as_u16());
    Err(SendError { message, ..error }.advised(advice))
}

/// A failure at the place to which a redirection led: that nothing was sent can no longer be proved.
pub(crate) fn lost(error: SendError) -> SendError {
    match error.sent {
        Sent::No => SendError {
            message: "the system redirected the call, and could not be reached where it led to".to_owned(),
            ..SendError::new(Sent::Maybe, error.reason, "")
        },
        _ => error,
    }
}

fn way(headers: &HeaderMap, asked: &Uri) -> Way {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).map(str::trim);
    let found = location.filter(|location| !location.is_empty()).and_then(|location| {
        let base = Url::parse(&asked.to_string()).ok()?;
        Some((base.join(location).ok()?, base))
    });
    let Some((leads, base)) = found else { return Way::Nowhere };
    let has_user = !leads.username().is_empty() || leads.password().is_some();
    let same_host = leads.host() == base.host() && !has_user;
    let same_port = leads.port_or_known_default() == base.port_or_known_default();
    match (base.scheme(), leads.scheme()) {
        (from, to) if from == to && same_host && same_port => {
            same_server(asked, &leads).map_or(Way::Nowhere, Way::Same)
        }
        ("http", "https") if same_host => Way::Encrypted,
        ("https", "http") if same_host => Way::Readable,
        (_, "http" | "https") => Way::Elsewhere,
        _ => Way::Nowhere,
    }
}

fn same_server(asked: &Uri, leads: &Url) -> Option<Uri> {
    let path = match leads.query() {
        Some(query) => format!("{}?{query}", leads.path()),
        None => leads.path().to_owned(),
    };
    let parts: (Scheme, Authority) = (asked.scheme()?.clone(), asked.authority()?.clone());
    let path: PathAndQuery = path.parse().ok()?;
    Uri::builder().scheme(parts.0).authority(parts.1).path_and_query(path).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_redirection_leads() {
        let same = |uri: &str| Way::Same(uri.parse().unwrap());
        for (asked, location, expected) in [
            ("http://h/soap", "/soap/v2", same("http://h/soap/v2")),
            ("http://h/a/soap", "v2?x=1", same("http://h/a/v2?x=1")),
            ("http://h/a/soap", "../b#part", same("http://h/b")),
            ("http://h:8080/", "http://H:8080/x", same("http://h:8080/x")),
            ("http://h/", "http://h:80/x", same("http://h/x")),
            ("https://h:443/", "https://h/x", same("https://h:443/x")),
            ("https://[::1]:8443/", "//[::1]:8443/x", same("https://[::1]:8443/x")),
            ("http://h/", "https://h/", Way::Encrypted),
            ("http://h:8080/", "https://h:8443/", Way::Encrypted),
            ("https://h/", "http://h/", Way::Readable),
            ("http://h/", "http://h:81/", Way::Elsewhere),
            ("http://h/", "http://h.evil/", Way::Elsewhere),
            ("http://h/", "//evil/", Way::Elsewhere),
            ("http://h/", "http://h@evil/", Way::Elsewhere),
            ("http://h/", "http://u:p@h/", Way::Elsewhere),
            ("http://h/", "\\\\evil/x", Way::Elsewhere),
            ("http://h/", "ftp://h/", Way::Nowhere),
            ("http://h/", "javascript:1", Way::Nowhere),
            ("http://h/", "http://", Way::Nowhere),
            ("http://h/", " ", Way::Nowhere),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, location.parse().unwrap());
            assert_eq!(way(&headers, &asked.parse().unwrap()), expected, "{asked} {location}");
        }
        assert_eq!(way(&HeaderMap::new(), &"http://h/".parse().unwrap()), Way::Nowhere);
    }
}
