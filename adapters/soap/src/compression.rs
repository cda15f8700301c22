//! Inflating replies (RFC 9110, section 8.4.1), never further than the limit.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// Why a reply cannot be inflated.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotInflated {
    /// The encoding is not known here.
    Unknown,
    /// It breaks off, or is not what it claims.
    Broken,
    /// It is greater than the limit.
    Oversized,
}

/// The reply as it was before its `Content-Encoding`.
pub(crate) fn inflate(reply: Bytes, encoding: &str, limit: usize) -> Result<Bytes, NotInflated> {
    match encoding.trim() {
        "" | "identity" => Ok(reply),
        e if e.eq_ignore_ascii_case("gzip") || e.eq_ignore_ascii_case("x-gzip") => {
            read_within(MultiGzDecoder::new(&reply[..]), limit)
        }
        // `deflate` is zlib; some servers send the bare stream that the word suggests.
        e if e.eq_ignore_ascii_case("deflate") && has_zlib_header(&reply) => {
            read_within(ZlibDecoder::new(&reply[..]), limit)
        }
        e if e.eq_ignore_ascii_case("deflate") => read_within(DeflateDecoder::new(&reply[..]), limit),
        _ => Err(NotInflated::Unknown),
    }
}

/// RFC 1950, section 2.2: method 8, and the first two bytes a multiple of 31.
fn has_zlib_header(reply: &[u8]) -> bool {
    matches!(reply, [a, b, ..] if a & 0x0F == 8 && u16::from_be_bytes([*a, *b]).is_multiple_of(31))
}

fn read_within(from: impl Read, limit: usize) -> Result<Bytes, NotInflated> {
    let mut inflated = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    from.take(most).read_to_end(&mut inflated).map_err(|_| NotInflated::Broken)?;
    if inflated.len() > limit { Err(NotInflated::Oversized) } else { Ok(inflated.into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };

    use super::*;

    #[test]
    fn inflates_within_the_limit() {
        let text = b"<a>".repeat(1000);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&text).unwrap();
        let gzip = Bytes::from(gzip.finish().unwrap());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&text).unwrap();
        let zlib = Bytes::from(zlib.finish().unwrap());
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        bare.write_all(&text).unwrap();
        let bare = Bytes::from(bare.finish().unwrap());

        for (reply, encoding, limit, expected) in [
            (&gzip, "gzip", 3000, Ok(())),
            (&gzip, " GZIP", 2999, Err(NotInflated::Oversized)),
            (&gzip.slice(..gzip.len() - 4), "gzip", 3000, Err(NotInflated::Broken)),
            (&zlib, "deflate", 3000, Ok(())),
            (&bare, "deflate", 3000, Ok(())),
            (&bare, "gzip", 3000, Err(NotInflated::Broken)),
            (&gzip, "br", 3000, Err(NotInflated::Unknown)),
            (&gzip, "gzip, gzip", 3000, Err(NotInflated::Unknown)),
        ] {
            let got = inflate(reply.clone(), encoding, limit).map(|inflated| assert_eq!(inflated, text));
            assert_eq!(got, expected, "{encoding} {limit}");
        }
    }
}
