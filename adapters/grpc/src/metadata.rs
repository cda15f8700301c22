//! A request's text metadata. Names that belong to the protocol, and binary values, are not the mapping's.

use http::HeaderMap;

/// Custom metadata of a request by lower-case name, in the order of arrival for a name that is repeated. Left out are
/// what gRPC itself uses (`grpc-*`, `te`, `content-type`, `user-agent`), binary values (`-bin`) and values that are not
/// ASCII text, which gRPC does not allow. `max_header_bytes` bounds the whole.
pub(crate) fn text(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut metadata = Vec::new();
    for (name, value) in headers {
        let name = name.as_str();
        if is_custom(name)
            && let Ok(value) = value.to_str()
        {
            metadata.push((name.to_owned(), value.to_owned()));
        }
    }
    metadata
}

fn is_custom(name: &str) -> bool {
    !(matches!(name, "te" | "content-type" | "user-agent" | "content-length" | "host")
        || name.starts_with("grpc-")
        || name.ends_with("-bin"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn custom_text_only() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "x"),
            ("grpc-timeout", "1S"),
            ("trace-bin", "AAEC"),
            ("x-user", "a"),
            ("x-user", "b"),
            ("idempotency-key", "k-1"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers.append("x-latin", HeaderValue::from_bytes(b"\xe4").unwrap());
        let expected = [("x-user", "a"), ("x-user", "b"), ("idempotency-key", "k-1")];
        let mut found = text(&headers);
        found.sort_by_key(|(name, _)| name == "idempotency-key");
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
