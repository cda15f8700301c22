//! What came back: the message of an answer, the status of a no, or something that is not gRPC at all.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
    response::Parts,
};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use portolan_delivery::{SendError, Sent};

use super::{
    error::{bad_reply, reason},
    status,
};
use crate::{codec::HEADER, status::GRPC_STATUS};

/// How much is kept of what is not gRPC.
const KEPT: usize = 64 << 10;

/// Reads the answer to a unary call, with a message of at most so many bytes.
pub(super) async fn read<B>(head: &Parts, mut body: B, limit: usize) -> Result<Bytes, SendError>
where
    B: Body<Data = Bytes> + Unpin,
{
    if !is_grpc(&head.headers) {
        let (kept, _) = gather(&mut body, KEPT).await.unwrap_or_else(|end| end.so_far());
        return Err(SendError { reply: Some(kept), ..not_grpc(head.status, &head.headers) });
    }
    // A call that failed may have nothing but a head ("Trailers-Only").
    if head.headers.contains_key(GRPC_STATUS) {
        return match status::error(&head.headers) {
            Some(error) => Err(error),
            None => Err(empty()),
        };
    }
    let (framed, trailers) = match gather(&mut body, limit.saturating_add(HEADER)).await {
        Ok(whole) => whole,
        Err(Ended::TooLarge(_)) => {
            let error = bad_reply(reason::OVERSIZED_REPLY, format!("the reply is larger than {limit} bytes"));
            return Err(error.advised("see the system's `max-reply-bytes`"));
        }
        Err(Ended::Lost(_)) => {
            let message =
                "the connection was lost before the answer was whole; what the system has done is not known";
            return Err(SendError::new(Sent::Maybe, reason::CONNECTION_LOST, message));
        }
    };
    let Some(trailers) = trailers.filter(|trailers| trailers.contains_key(GRPC_STATUS)) else {
        let error = bad_reply(reason::TRUNCATED_REPLY, "the system's reply ends without a status");
        return Err(SendError { reply: Some(framed), ..error });
    };
    if let Some(error) = status::error(&trailers) {
        return Err(error);
    }
    message(&framed)
}

/// By its content type; or by a status, which nothing else has.
fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let rest = kind.to_ascii_lowercase();
    let rest = rest.strip_prefix("application/grpc");
    headers.contains_key(GRPC_STATUS)
        || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

/// Why a body was not read to its end, and what was read of it.
enum Ended {
    TooLarge(Bytes),
    Lost(Bytes),
}

impl Ended {
    fn so_far(self) -> (Bytes, Option<HeaderMap>) {
        let (Self::TooLarge(read) | Self::Lost(read)) = self;
        (read, None)
    }
}

/// The whole body; mostly one piece, which is then not copied.
async fn gather<B>(body: &mut B, limit: usize) -> Result<(Bytes, Option<HeaderMap>), Ended>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    let mut trailers = None;
    let whole = |first: Bytes, more: BytesMut| if more.is_empty() { first } else { more.freeze() };
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Ended::Lost(whole(first, more))) };
        let mut piece = match frame.into_data() {
            Ok(piece) => piece,
            Err(frame) => {
                trailers = frame.into_trailers().ok();
                continue;
            }
        };
        let left = limit.saturating_sub(first.len().max(more.len()));
        let too_large = piece.len() > left;
        piece.truncate(left);
        if first.is_empty() {
            first = piece;
        } else {
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&piece);
        }
        if too_large {
            return Err(Ended::TooLarge(whole(first, more)));
        }
    }
    Ok((whole(first, more), trailers))
}

/// The one message of a unary answer.
fn message(framed: &Bytes) -> Result<Bytes, SendError> {
    let refused =
        |reason, message: &str| SendError { reply: Some(framed.clone()), ..bad_reply(reason, message) };
    let Some((head, rest)) = framed.split_first_chunk::<HEADER>() else {
        return if framed.is_empty() {
            Err(empty())
        } else {
            Err(refused(reason::TRUNCATED_REPLY, "the system's message breaks off"))
        };
    };
    let [flag, length @ ..] = *head;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    match flag {
        0 if rest.len() == length => Ok(framed.slice(HEADER..)),
        0 | 1 if rest.len() < length => {
            Err(refused(reason::TRUNCATED_REPLY, "the system's message breaks off"))
        }
        0 => Err(refused(reason::MALFORMED_REPLY, "the system answers a unary call with several messages")),
        1 => Err(refused(reason::COMPRESSION_UNSUPPORTED, "the system's message is compressed")),
        _ => Err(refused(reason::MALFORMED_REPLY, "the system's message has a frame that is none of gRPC's")),
    }
}

fn empty() -> SendError {
    bad_reply(reason::EMPTY_REPLY, "the system reports success without a message")
}

/// What is not gRPC comes of what stands before the system, or of another address.
fn not_grpc(status: StatusCode, headers: &HeaderMap) -> SendError {
    let number = status.as_u16();
    match number {
        200 => bad_reply(reason::NOT_GRPC, "the system's reply is not gRPC")
            .advised("see the system's `address`: something else answers there"),
        429 | 502 | 503 | 504 => {
            let message = format!("HTTP {number}; the service is not available now");
            let wait = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse().ok());
            let error = SendError::new(Sent::Maybe, reason::SERVICE_UNAVAILABLE, message);
            SendError { retry_after: wait.map(Duration::from_secs), ..error }
        }
        401 | 403 => bad_reply(reason::HTTP_STATUS, format!("HTTP {number} without gRPC"))
            .advised("see the system's `metadata` and `tls`"),
        _ => bad_reply(reason::HTTP_STATUS, format!("HTTP {number} without gRPC"))
            .advised("see the system's `address`, and what stands before the system"),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{HeaderValue, Response};
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use tokio_stream::iter;

    use super::*;

    const LIMIT: usize = 20;

    /// What is made of an answer with these headers, this body cut into pieces, and these trailers.
    async fn told(
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &[u8],
        step: usize,
        trailers: &[(&'static str, &'static str)],
    ) -> Result<Bytes, (&'static str, Sent)> {
        let map = |entries: &[(&'static str, &'static str)]| {
            entries
                .iter()
                .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_static(value)))
                .collect::<HeaderMap>()
        };
        let (mut head, ()) = Response::new(()).into_parts();
        head.status = StatusCode::from_u16(status).unwrap();
        head.headers = map(headers);
        let pieces = body.chunks(step).map(|piece| Frame::data(Bytes::copy_from_slice(piece)));
        let end = (!trailers.is_empty()).then(|| Frame::trailers(map(trailers)));
        let frames: Vec<Result<_, Infallible>> = pieces.chain(end).map(Ok).collect();
        read(&head, StreamBody::new(iter(frames)), LIMIT).await.map_err(|error| (error.reason, error.sent))
    }

    #[tokio::test]
    async fn an_answer_is_one_message_and_ok() {
        use Sent::Answered;
        const GRPC: &[(&str, &str)] = &[("content-type", "application/grpc+proto")];
        const OK: &[(&str, &str)] = &[("grpc-status", "0")];
        let whole = b"\0\0\0\0\x03abc";
        let mut largest = b"\0\0\0\0\x14".to_vec();
        largest.extend_from_slice(&[7; LIMIT]);
        for step in [1, 2, 5, 6, 100] {
            let check = async |body: &[u8], trailers, expected: Result<&[u8], (&'static str, Sent)>| {
                let told = told(200, GRPC, body, step, trailers).await;
                assert_eq!(told, expected.map(Bytes::copy_from_slice), "{body:?} by {step}");
            };
            check(whole, OK, Ok(b"abc")).await;
            check(b"\0\0\0\0\0", OK, Ok(b"")).await;
            check(&largest, OK, Ok(&[7; LIMIT])).await;
            check(&[&largest[..], b"x"].concat(), OK, Err(("OVERSIZED_REPLY", Answered))).await;
            check(b"", OK, Err(("EMPTY_REPLY", Answered))).await;
            check(b"\0\0", OK, Err(("TRUNCATED_REPLY", Answered))).await;
            check(&whole[..7], OK, Err(("TRUNCATED_REPLY", Answered))).await;
            check(b"\0\0\0\0\0\0\0\0\0\0", OK, Err(("MALFORMED_REPLY", Answered))).await;
            check(b"\x02\0\0\0\0", OK, Err(("MALFORMED_REPLY", Answered))).await;
            check(b"\x01\0\0\0\0", OK, Err(("COMPRESSION_UNSUPPORTED", Answered))).await;
            check(whole, &[], Err(("TRUNCATED_REPLY", Answered))).await;
            check(whole, &[("grpc-status", "13")], Err(("INTERNAL", Sent::Maybe))).await;
        }
    }

    #[tokio::test]
    async fn everything_else_is_told_apart() {
        const HTML: &[(&str, &str)] = &[("content-type", "text/html")];
        let check = async |status, headers, expected| {
            let told = told(status, headers, b"<html>canary</html> and more", 7, &[]).await;
            assert_eq!(told, Err(expected), "{status} {headers:?}");
        };
        check(200, HTML, ("NOT_GRPC", Sent::Answered)).await;
        check(200, &[], ("NOT_GRPC", Sent::Answered)).await;
        check(200, &[("content-type", "application/grpc-web")], ("NOT_GRPC", Sent::Answered)).await;
        check(401, HTML, ("HTTP_STATUS", Sent::Answered)).await;
        check(404, HTML, ("HTTP_STATUS", Sent::Answered)).await;
        check(503, HTML, ("SERVICE_UNAVAILABLE", Sent::Maybe)).await;
        let unavailable = [("content-type", "application/grpc"), ("grpc-status", "8")];
        let exhausted = Sent::NotDone(portolan_delivery::Status::ResourceExhausted);
        check(503, &unavailable, ("RESOURCE_EXHAUSTED", exhausted)).await;
        check(200, &[("grpc-status", "0")], ("EMPTY_REPLY", Sent::Answered)).await;
    }
}
