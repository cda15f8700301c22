//! gRPC-Web (PROTOCOL-WEB of the gRPC project): the same calls for browsers, which can neither read trailers nor choose
//! HTTP/2. Trailers stand at the end of the body, and the whole may be Base64. Also what browsers ask before they send
//! (CORS).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
        ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN, VARY,
    },
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;
use portolan_delivery::Failure;

use crate::{
    options::WebOptions,
    refusal,
    reply::{self, Reply},
    status::{GRPC_MESSAGE, GRPC_STATUS, GRPC_STATUS_DETAILS},
};

/// How the messages of a request and of its reply are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// gRPC over HTTP/2.
    Grpc,
    /// gRPC-Web, by either version of HTTP.
    Web,
    /// The same in Base64.
    WebText,
}

impl Framing {
    /// What the content type says: with `+proto` and parameters or without. Other codecs (`+json`) are refused.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let rest = headers.get(CONTENT_TYPE)?.as_bytes().strip_prefix(b"application/grpc")?;
        let (framing, rest) = if let Some(rest) = rest.strip_prefix(b"-web-text") {
            (Self::WebText, rest)
        } else if let Some(rest) = rest.strip_prefix(b"-web") {
            (Self::Web, rest)
        } else {
            (Self::Grpc, rest)
        };
        let rest = rest.strip_prefix(b"+proto").unwrap_or(rest);
        matches!(rest.first(), None | Some(b';')).then_some(framing)
    }
}

/// The flag of the frame that holds trailers.
const TRAILERS: u8 = 0x80;
/// What scripts of another origin may read besides the body.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("grpc-status, grpc-message, grpc-status-details-bin, grpc-encoding");
/// Two hours: browsers take no more.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The frames of a request that came in Base64, no more of them than `limit` bytes and what frames it.
pub(crate) async fn decoded<B>(body: B, limit: usize) -> Result<Bytes, Failure>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    const FRAME: usize = 5;
    let most = limit.saturating_add(FRAME).div_ceil(3).saturating_mul(4).saturating_add(4);
    let text =
        Limited::new(body, most).collect().await.map_err(|error| match error.is::<LengthLimitError>() {
            true => refusal::too_large(limit),
            false => refusal::cut_off(),
        })?;
    from_base64(&text.to_bytes()).ok_or_else(|| refusal::malformed("its body is not Base64"))
}

/// Base64, of which each piece that was encoded by itself may end in padding.
fn from_base64(text: &[u8]) -> Option<Bytes> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut rest = text;
    while !rest.is_empty() {
        let padding = rest.iter().position(|&byte| byte == b'=').unwrap_or(rest.len());
        let after = rest[padding..].iter().position(|&byte| byte != b'=').map_or(rest.len(), |n| padding + n);
        let (piece, next) = rest.split_at(after);
        STANDARD.decode_vec(piece, &mut bytes).ok()?;
        rest = next;
    }
    Some(bytes.into())
}

/// A reply of gRPC as gRPC-Web has it: in one piece, its trailers last.
pub(crate) fn translated(response: Response<Reply>, framing: Framing) -> Response<Reply> {
    let (mut head, body) = response.into_parts();
    let mut whole = BytesMut::new();
    let (trailers, admitted) = match body {
        Reply::Message { frame, admitted, .. } => {
            whole.extend_from_slice(&frame.unwrap_or_default());
            (reply::ok_trailers(), admitted)
        }
        // A failure, which gRPC tells by its headers alone.
        _ => {
            let told = [GRPC_STATUS, GRPC_MESSAGE, GRPC_STATUS_DETAILS];
            (
                told.into_iter()
                    .filter_map(|name| Some((name.clone(), head.headers.remove(name)?)))
                    .collect(),
                None,
            )
        }
    };
    let trailers = block(&trailers);
    whole.put_u8(TRAILERS);
    whole.put_u32(u32::try_from(trailers.len()).unwrap_or(u32::MAX));
    whole.extend_from_slice(&trailers);
    let (content_type, whole) = match framing {
        Framing::WebText => ("application/grpc-web-text+proto", STANDARD.encode(&whole).into()),
        Framing::Web | Framing::Grpc => ("application/grpc-web+proto", whole.freeze()),
    };
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Response::from_parts(head, Reply::Whole { bytes: Some(whole), _admitted: admitted })
}

/// Headers as HTTP/1 writes them.
fn block(headers: &HeaderMap) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.extend_from_slice(name.as_str().as_bytes());
        block.push(b':');
        block.extend_from_slice(value.as_bytes());
        block.extend_from_slice(b"\r\n");
    }
    block
}

/// The answer to a browser that asks whether a script of another origin may call.
pub(crate) fn preflight<B>(options: &WebOptions, request: &Request<B>) -> Option<Response<Reply>> {
    let asked = request.headers();
    if request.method() != Method::OPTIONS || !asked.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let Some(origin) = allowed(options, asked) else { return Some(reply::not_grpc(StatusCode::FORBIDDEN)) };
    let mut response = reply::not_grpc(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    // A caller's metadata may have any name, and who may call may say what it likes.
    if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    headers.insert(VARY, HeaderValue::from_static("origin, access-control-request-headers"));
    Some(response)
}

/// Lets a script of an allowed origin read the reply; `asked` are the headers of its request.
pub(crate) fn expose(options: &WebOptions, asked: &HeaderMap, response: &mut Response<Reply>) {
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed(options, asked) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

fn allowed(options: &WebOptions, asked: &HeaderMap) -> Option<HeaderValue> {
    let origin = asked.get(ORIGIN)?;
    let known =
        options.origins.iter().any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()));
    known.then(|| origin.clone())
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[test]
    fn content_types() {
        let check = |value: &str, expected: Option<Framing>| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            assert_eq!(Framing::of(&headers), expected, "{value}");
        };
        check("application/grpc", Some(Framing::Grpc));
        check("application/grpc+proto;v=1", Some(Framing::Grpc));
        check("application/grpc-web", Some(Framing::Web));
        check("application/grpc-web+proto; charset=x", Some(Framing::Web));
        check("application/grpc-web-text", Some(Framing::WebText));
        check("application/grpc-web-text+proto", Some(Framing::WebText));
        check("application/grpc+json", None);
        check("application/grpc-web+thrift", None);
        check("application/grpc-webby", None);
        check("application/json", None);
        assert_eq!(Framing::of(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn base64_in_one_piece_or_many() {
        let check = async |text: &'static [u8], limit, expected: Result<&'static [u8], &str>| {
            let got = decoded(Full::new(Bytes::from_static(text)), limit).await;
            let got = got.map_err(|failure| failure.reason);
            assert_eq!(got, expected.map(Bytes::from_static).map_err(str::to_owned), "{text:?}");
        };
        check(b"", 9, Ok(b"")).await;
        check(b"AAAAAAF4", 9, Ok(b"\0\0\0\0\x01x")).await;
        check(b"AAAAAAE=eA==", 9, Ok(b"\0\0\0\0\x01x")).await;
        check(b"AA==AA==AA==AA==AQ==eA==", 90, Ok(b"\0\0\0\0\x01x")).await;
        check(b"AAAAAAF", 9, Err("MALFORMED_FRAME")).await;
        check(b"====", 9, Err("MALFORMED_FRAME")).await;
        check(b"AA=A", 9, Err("MALFORMED_FRAME")).await;
        check(b"AAAA\r\nAAF4", 9, Err("MALFORMED_FRAME")).await;
        check(b"AAAAAAF4AAAAAAF4AAAAAAF4", 1, Err("REQUEST_TOO_LARGE")).await;
    }
}
