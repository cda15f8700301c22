//! What `ListOperations` is asked: whose operations, which of them, which page.

use std::sync::Arc;

use portolan_delivery::{Failure, OperationFilter};
use prost::Message as _;

use crate::refusal;

/// Where the caller does not say how many.
const PAGE_SIZE: usize = 50;

#[derive(Clone, PartialEq, prost::Message)]
struct ListRequest {
    #[prost(string, tag = "1")]
    filter: String,
    #[prost(int32, tag = "2")]
    page_size: i32,
    #[prost(string, tag = "3")]
    page_token: String,
    #[prost(string, tag = "4")]
    name: String,
}

/// Reads a `ListOperationsRequest`. Only a caller who is known has a list: strangers know their operations by name, and
/// nobody else's.
pub(crate) fn asked(payload: &[u8], caller: Option<Arc<str>>) -> Result<OperationFilter, Failure> {
    let caller = caller.ok_or_else(refusal::caller_unknown)?;
    let request = ListRequest::decode(payload)
        .map_err(|_| refusal::malformed_message("google.longrunning.ListOperationsRequest"))?;
    if !matches!(request.name.trim_end_matches('/'), "" | "operations") {
        return Err(refusal::malformed_list("name", "must be empty, or `operations`"));
    }
    let limit = match usize::try_from(request.page_size) {
        Ok(0) => PAGE_SIZE,
        Ok(size) => size,
        Err(_) => return Err(refusal::malformed_list("page_size", "must not be less than 0")),
    };
    let token = request.page_token.as_str();
    let before = (!token.is_empty()).then(|| token.parse());
    let before = before
        .transpose()
        .map_err(|_| refusal::malformed_list("page_token", "is not one of this service"))?;
    let (route, done) = restrictions(&request.filter).ok_or_else(|| {
        let expected =
            "must be `done = true`, `done = false`, `metadata.route = \"ROUTE\"`, or two of them with AND";
        refusal::malformed_list("filter", expected)
    })?;
    Ok(OperationFilter { caller, route, done, before, limit })
}

/// The part of the filter language (AIP-160) that operations have a use for. `None` where it is another, or says one thing
/// twice.
fn restrictions(filter: &str) -> Option<(Option<String>, Option<bool>)> {
    let (mut route, mut done) = (None, None);
    if filter.trim().is_empty() {
        return Some((route, done));
    }
    for restriction in filter.split(" AND ") {
        let (field, value) = restriction.split_once('=')?;
        let value = value.trim();
        match field.trim() {
            "done" if done.is_none() => done = Some(value.parse().ok()?),
            "metadata.route" if route.is_none() => {
                let quoted = ['"', '\''].iter().find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q));
                let name = quoted.unwrap_or(value);
                let of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
                if name.is_empty() || !name.chars().all(of_a_name) {
                    return None;
                }
                route = Some(name.to_owned());
            }
            _ => return None,
        }
    }
    Some((route, done))
}

#[cfg(test)]
mod tests {
    use portolan_delivery::{MessageId, Status};

    use super::*;

    fn read(request: &ListRequest) -> Result<OperationFilter, String> {
        let asked = asked(&request.encode_to_vec(), Some("portal".into()));
        asked.map_err(|failure| failure.fields.first().map_or(failure.reason, |field| field.field.clone()))
    }

    #[test]
    fn filters() {
        let check = |filter: &str, expected: Option<(Option<&str>, Option<bool>)>| {
            let got = read(&ListRequest { filter: filter.to_owned(), ..ListRequest::default() });
            let got = got.map(|asked| (asked.route, asked.done));
            let expected = expected.map(|(route, done)| (route.map(str::to_owned), done));
            assert_eq!(got, expected.ok_or_else(|| "filter".to_owned()), "{filter:?}");
        };
        check("", Some((None, None)));
        check(" ", Some((None, None)));
        check("done=true", Some((None, Some(true))));
        check("done = false", Some((None, Some(false))));
        check("metadata.route = \"claims.file\"", Some((Some("claims.file"), None)));
        check("metadata.route='a' AND done=true", Some((Some("a"), Some(true))));
        check("done = true AND metadata.route = a", Some((Some("a"), Some(true))));
        check("done", None);
        check("done = 1", None);
        check("done = true AND done = false", None);
        check("done = true OR done = false", None);
        check("-done = true", None);
        check("name = x", None);
        check("metadata.route = \"a", None);
        check("metadata.route = ", None);
    }

    #[test]
    fn pages_and_names() {
        let id = MessageId::generate();
        let check = |request: ListRequest, expected: Result<(usize, Option<MessageId>), &str>| {
            let got = read(&request).map(|asked| (asked.limit, asked.before));
            assert_eq!(got, expected.map_err(str::to_owned), "{request:?}");
        };
        let request = ListRequest::default;
        check(request(), Ok((50, None)));
        check(ListRequest { name: "operations".into(), page_size: 7, ..request() }, Ok((7, None)));
        check(ListRequest { name: "operations/".into(), ..request() }, Ok((50, None)));
        check(ListRequest { page_token: id.to_string(), ..request() }, Ok((50, Some(id))));
        check(ListRequest { name: "projects/p".into(), ..request() }, Err("name"));
        check(ListRequest { page_size: -1, ..request() }, Err("page_size"));
        check(ListRequest { page_token: "x".into(), ..request() }, Err("page_token"));
        assert_eq!(asked(b"\xff", Some("portal".into())).unwrap_err().reason, "MALFORMED_MESSAGE");
        assert_eq!(asked(b"", None).unwrap_err().status, Status::Unauthenticated);
    }
}
