//! gRPC's own framing (PROTOCOL-HTTP2, "Length-Prefixed-Message"): a flag, four bytes of length, the message. Bytes in,
//! bytes out: a message that came in one HTTP/2 frame is handed on without being copied.

use std::io::{Read as _, Write as _};

use bytes::{BufMut as _, Bytes, BytesMut};
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use http::{HeaderMap, HeaderName};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use portolan_delivery::Failure;

use crate::refusal;

pub(crate) const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
pub(crate) const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// The flag and the length.
pub(crate) const HEADER: usize = 5;
/// How much is set aside for a message on its sender's word alone.
const TRUSTED: usize = 64 << 10;
/// (De)compressing more than this would keep other calls waiting, so it is done on a thread of its own.
const LONG_WORK: usize = 32 << 10;

/// What a request's `grpc-encoding` says.
pub(crate) fn encoding(headers: &HeaderMap) -> Result<Encoding, Failure> {
    match headers.get(GRPC_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity") => Ok(Encoding::Identity),
        Some(b"gzip") => Ok(Encoding::Gzip),
        Some(_) => Err(refusal::unsupported_encoding()),
    }
}

/// Whether the caller takes gzip.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(GRPC_ACCEPT_ENCODING)
        .iter()
        .any(|value| value.as_bytes().split(|&b| b == b',').any(|name| name.trim_ascii() == b"gzip"))
}

/// How messages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
}

/// The messages of a request.
pub(crate) struct Messages<B> {
    body: B,
    buffered: Bytes,
    encoding: Encoding,
    limit: usize,
}

impl<B> Messages<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    /// Of this body, none larger than `limit` bytes, compressed or not.
    pub(crate) fn new(body: B, encoding: Encoding, limit: usize) -> Self {
        Self { body, buffered: Bytes::new(), encoding, limit }
    }

    /// The one message of a unary request, once the request has ended.
    pub(crate) async fn only(mut self) -> Result<Bytes, Failure> {
        let message = self.next().await?.ok_or_else(refusal::cardinality)?;
        let more = !self.buffered.is_empty() || (!self.body.is_end_stream() && self.fill(1).await?);
        if more { Err(refusal::cardinality()) } else { Ok(message) }
    }

    /// The next message; `None` once the request has ended.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if !self.fill(HEADER).await? {
            return if self.buffered.is_empty() { Ok(None) } else { Err(refusal::cut_off()) };
        }
        let length =
            u32::from_be_bytes([self.buffered[1], self.buffered[2], self.buffered[3], self.buffered[4]]);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > self.limit {
            return Err(refusal::too_large(self.limit));
        }
        let compressed = match (self.buffered[0], self.encoding) {
            (0, _) => false,
            (1, Encoding::Gzip) => true,
            (1, Encoding::Identity) => {
                return Err(refusal::malformed("a compressed message without a grpc-encoding"));
            }
            _ => return Err(refusal::malformed("a message flag that is neither 0 nor 1")),
        };
        if !self.fill(HEADER + length).await? {
            return Err(refusal::cut_off());
        }
        let message = self.buffered.split_to(HEADER + length).slice(HEADER..);
        if compressed { decompress(message, self.limit).await.map(Some) } else { Ok(Some(message)) }
    }

    /// Reads until `wanted` bytes are there; false where the request ends before.
    async fn fill(&mut self, wanted: usize) -> Result<bool, Failure> {
        let mut gathered: Option<BytesMut> = None;
        while gathered.as_ref().map_or(self.buffered.len(), BytesMut::len) < wanted {
            let data = match self.body.frame().await {
                None => break,
                Some(Err(_)) => return Err(refusal::cut_off()),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    Err(_trailers) => continue,
                },
            };
            match &mut gathered {
                Some(gathered) => gathered.extend_from_slice(&data),
                None if self.buffered.is_empty() => self.buffered = data,
                None => {
                    let mut first = BytesMut::with_capacity(wanted.min(TRUSTED));
                    first.extend_from_slice(&self.buffered);
                    first.extend_from_slice(&data);
                    gathered = Some(first);
                }
            }
        }
        if let Some(gathered) = gathered {
            self.buffered = gathered.freeze();
        }
        Ok(self.buffered.len() >= wanted)
    }
}

async fn decompress(message: Bytes, limit: usize) -> Result<Bytes, Failure> {
    if message.len() <= LONG_WORK {
        return inflate(&message, limit);
    }
    tokio::task::spawn_blocking(move || inflate(&message, limit)).await.map_err(|_| refusal::internal())?
}

fn inflate(message: &[u8], limit: usize) -> Result<Bytes, Failure> {
    let mut decoder = GzDecoder::new(message);
    let mut plain = Vec::with_capacity(message.len().saturating_mul(4).min(limit).min(TRUSTED));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    (&mut decoder)
        .take(most)
        .read_to_end(&mut plain)
        .map_err(|_| refusal::malformed("its message is not sound gzip"))?;
    if plain.len() > limit {
        return Err(refusal::too_large(limit));
    }
    if !decoder.into_inner().is_empty() {
        return Err(refusal::malformed("bytes follow its gzip message"));
    }
    Ok(plain.into())
}

/// A message with its frame, as it goes out.
pub(crate) fn framed(message: &[u8]) -> Option<Bytes> {
    let length = u32::try_from(message.len()).ok()?;
    let mut frame = BytesMut::with_capacity(HEADER + message.len());
    frame.put_u8(0);
    frame.put_u32(length);
    frame.extend_from_slice(message);
    Some(frame.freeze())
}

/// A compressed message with its frame.
pub(crate) async fn framed_gzip(message: Bytes) -> Option<Bytes> {
    if message.len() <= LONG_WORK {
        return deflate(&message);
    }
    tokio::task::spawn_blocking(move || deflate(&message)).await.ok().flatten()
}

fn deflate(message: &[u8]) -> Option<Bytes> {
    let mut frame = Vec::with_capacity(HEADER + message.len() / 2);
    frame.extend_from_slice(&[1, 0, 0, 0, 0]);
    let mut encoder = GzEncoder::new(frame, Compression::fast());
    encoder.write_all(message).ok()?;
    let mut frame = encoder.finish().ok()?;
    let length = u32::try_from(frame.len() - HEADER).ok()?;
    frame[1..HEADER].copy_from_slice(&length.to_be_bytes());
    Some(frame.into())
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        convert::Infallible,
        pin::Pin,
        task::{Context, Poll},
    };

    use hyper::body::Frame;

    use super::*;

    struct Chunks(VecDeque<Bytes>);

    impl Body for Chunks {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(chunk))))
        }
    }

    const LIMIT: usize = 1000;

    async fn only(wire: &[u8], step: usize, encoding: Encoding) -> Result<Bytes, String> {
        let chunks = wire.chunks(step).map(Bytes::copy_from_slice).collect();
        Messages::new(Chunks(chunks), encoding, LIMIT).only().await.map_err(|failure| failure.reason)
    }

    #[tokio::test]
    async fn one_message_however_it_is_cut() {
        let gzipped = framed_gzip(Bytes::from(vec![7; 900])).await.unwrap();
        let bomb = framed_gzip(Bytes::from(vec![7; 1001])).await.unwrap();
        let plain = framed(&[7; 900]).unwrap();
        let mut trailing = gzipped.to_vec();
        trailing.push(0);
        trailing[4] += 1;
        let failed = |reason: &str| Err(reason.to_owned());
        let whole = || Ok(Bytes::from(vec![7; 900]));
        for step in [1, 3, 5, 6, 400, 4000] {
            let check = async |wire: &[u8], encoding, expected: Result<Bytes, String>| {
                assert_eq!(only(wire, step, encoding).await, expected, "{} bytes by {step}", wire.len());
            };
            check(&plain, Encoding::Identity, whole()).await;
            check(&plain, Encoding::Gzip, whole()).await;
            check(&gzipped, Encoding::Gzip, whole()).await;
            check(&[0; 5], Encoding::Identity, Ok(Bytes::new())).await;
            check(&gzipped, Encoding::Identity, failed("MALFORMED_FRAME")).await;
            check(&trailing, Encoding::Gzip, failed("MALFORMED_FRAME")).await;
            check(&bomb, Encoding::Gzip, failed("REQUEST_TOO_LARGE")).await;
            check(&[0, 0, 0, 3, 233], Encoding::Identity, failed("REQUEST_TOO_LARGE")).await;
            check(&[0, 255, 255, 255, 255], Encoding::Identity, failed("REQUEST_TOO_LARGE")).await;
            check(&[2, 0, 0, 0, 0], Encoding::Identity, failed("MALFORMED_FRAME")).await;
            check(&[1, 0, 0, 0, 1, 9], Encoding::Gzip, failed("MALFORMED_FRAME")).await;
            check(&[0, 0, 0, 0, 2, 9], Encoding::Identity, failed("REQUEST_CUT")).await;
            check(&[0, 0], Encoding::Identity, failed("REQUEST_CUT")).await;
            check(&[], Encoding::Identity, failed("NOT_UNARY")).await;
            check(&[0; 10], Encoding::Identity, failed("NOT_UNARY")).await;
            check(&[0; 6], Encoding::Identity, failed("NOT_UNARY")).await;
        }
    }
}
