//! Replies in UTF-8, whatever encoding they came in: byte order mark, or the zeros of UTF-16, then the HTTP header, then the
//! XML declaration (RFC 7303, section 3; XML 1.0, appendix F).

use bytes::Bytes;
use encoding_rs::Encoding;

/// Why a reply's text cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Nobody knows this encoding.
    Unknown,
    /// The text is not in the encoding that it claims.
    Malformed,
}

/// The reply in UTF-8, without a byte order mark.
pub(crate) fn to_utf8(reply: Bytes, content_type: &str) -> Result<Bytes, Unreadable> {
    if let Some((encoding, mark)) = Encoding::for_bom(&reply) {
        return decode(reply.slice(mark..), encoding);
    }
    if let Some(encoding) = unmarked_utf16(&reply) {
        return decode(reply, encoding);
    }
    // What could be read as ASCII up to here is not in UTF-16, whatever is said.
    let declared = declared_encoding(&reply).filter(|label| !is_utf16(label));
    match charset(content_type).filter(|label| !is_utf16(label)).or(declared) {
        None => decode(reply, encoding_rs::UTF_8),
        // A front-end that stamps every reply as UTF-8 is more common than a service that lies in its own document.
        Some(label) => decode(reply.clone(), named(label)?).or_else(|error| match declared {
            Some(other) if other != label => decode(reply.clone(), named(other)?),
            _ => Err(error),
        }),
    }
}

/// UTF-16 without a mark, which a `<` or a blank gives away: an XML document has no zero character.
fn unmarked_utf16(text: &[u8]) -> Option<&'static Encoding> {
    let starts = |byte: u8| byte == b'<' || byte.is_ascii_whitespace();
    match *text.first_chunk::<2>()? {
        [first, 0] if starts(first) => Some(encoding_rs::UTF_16LE),
        [0, second] if starts(second) => Some(encoding_rs::UTF_16BE),
        _ => None,
    }
}

fn is_utf16(label: &str) -> bool {
    Encoding::for_label(label.as_bytes())
        .is_some_and(|encoding| encoding == encoding_rs::UTF_16LE || encoding == encoding_rs::UTF_16BE)
}

fn named(label: &str) -> Result<&'static Encoding, Unreadable> {
    // US-ASCII is read as UTF-8, of which it is a part; the web's table would make it windows-1252.
    if label.eq_ignore_ascii_case("us-ascii") {
        return Ok(encoding_rs::UTF_8);
    }
    Encoding::for_label_no_replacement(label.as_bytes()).ok_or(Unreadable::Unknown)
}

fn decode(text: Bytes, encoding: &'static Encoding) -> Result<Bytes, Unreadable> {
    if encoding == encoding_rs::UTF_8 {
        return if std::str::from_utf8(&text).is_ok() { Ok(text) } else { Err(Unreadable::Malformed) };
    }
    match encoding.decode_without_bom_handling_and_without_replacement(&text) {
        Some(decoded) => Ok(Bytes::from(decoded.into_owned())),
        None => Err(Unreadable::Malformed),
    }
}

/// The `charset` parameter of a media type.
fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then_some(value)
    })
}

/// The encoding of an XML declaration, where the text's own encoding is close enough to ASCII to read it.
fn declared_encoding(text: &[u8]) -> Option<&str> {
    let declaration = text.trim_ascii_start().strip_prefix(b"<?xml")?;
    let declaration = &declaration[..declaration.len().min(256)];
    let end = declaration.windows(2).position(|w| w == b"?>")?;
    let declaration = std::str::from_utf8(&declaration[..end]).ok()?;
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split(quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reply: &[u8], content_type: &str, expected: Result<&str, Unreadable>) {
        let got = to_utf8(Bytes::copy_from_slice(reply), content_type);
        let expected = expected.map(|text| Bytes::copy_from_slice(text.as_bytes()));
        assert_eq!(got, expected, "{content_type} {}", String::from_utf8_lossy(reply));
    }

    #[test]
    fn the_mark_then_the_header_then_the_declaration_decide() {
        check("<a>ä</a>".as_bytes(), "text/xml", Ok("<a>ä</a>"));
        check(b"\xEF\xBB\xBF<a>\xC3\xA4</a>", "text/xml; charset=iso-8859-1", Ok("<a>ä</a>"));
        check(b"\xFE\xFF\0<\0a\0/\0>", "text/xml", Ok("<a/>"));
        check(b"<a>\xE4</a>", "text/xml; Charset=\"ISO-8859-1\"", Ok("<a>ä</a>"));
        check(b"<a>\x80</a>", "text/xml; charset=windows-1252", Ok("<a>€</a>"));
        check(
            b"<?xml version='1.0' encoding='iso-8859-15'?><a>\xA4</a>",
            "text/xml",
            Ok("<?xml version='1.0' encoding='iso-8859-15'?><a>€</a>"),
        );
        check(
            b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\xE4",
            "text/xml; charset=utf-8",
            Ok("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>ä"),
        );
        check("ä".as_bytes(), "text/xml; charset=us-ascii", Ok("ä"));
    }

    /// A text in UTF-16, of either byte order.
    fn utf16(text: &str, big_endian: bool, mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        let bytes = |unit: u16| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
        mark.into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    #[test]
    fn utf16_is_read_in_both_orders_with_and_without_a_mark() {
        for document in ["<a>ä€😀</a>", "<?xml version='1.0' encoding='UTF-16'?><a>ä😀</a>", "\r\n <a>ä</a>"]
        {
            for big_endian in [false, true] {
                for mark in [false, true] {
                    let reply = utf16(document, big_endian, mark);
                    for content_type in [
                        "text/xml",
                        "text/xml; charset=utf-16",
                        "text/xml; charset=\"UTF-16LE\"",
                        "application/soap+xml; charset=utf-16be",
                        "text/xml; charset=utf-8",
                    ] {
                        check(&reply, content_type, Ok(document));
                    }
                }
            }
        }
    }

    #[test]
    fn what_claims_to_be_utf16_and_is_not_is_read_as_it_is() {
        // As a .NET StringWriter declares what is then sent in UTF-8.
        let declared = "<?xml version=\"1.0\" encoding=\"utf-16\"?><a>ä</a>";
        check(declared.as_bytes(), "text/xml", Ok(declared));
        check(declared.as_bytes(), "text/xml; charset=utf-16", Ok(declared));
        check("<a>ä</a>".as_bytes(), "text/xml; charset=unicode", Ok("<a>ä</a>"));
        check(
            b"<?xml version='1.0' encoding='iso-8859-1'?>\xE4",
            "text/xml; charset=utf-16",
            Ok("<?xml version='1.0' encoding='iso-8859-1'?>ä"),
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_not_replaced() {
        check(b"<a>\xE4</a>", "text/xml; charset=utf-8", Err(Unreadable::Malformed));
        check(b"<a>\xE4</a>", "", Err(Unreadable::Malformed));
        check(b"<a/>", "text/xml; charset=ebcdic-cp-us", Err(Unreadable::Unknown));
        check(b"\xFE\xFF\xD8\0", "text/xml", Err(Unreadable::Malformed));
        check(b"<\0a\0>", "text/xml", Err(Unreadable::Malformed));
        check(b"<\0\0\xD8>\0", "text/xml", Err(Unreadable::Malformed));
        check(b"<\0>\0\0\xDC", "text/xml; charset=utf-16le", Err(Unreadable::Malformed));
        check(b"<", "text/xml; charset=utf-16", Ok("<"));
        check(b"<?xml encoding=", "", Ok("<?xml encoding="));
        check(b"<?xml encoding='?>", "", Err(Unreadable::Unknown));
    }
}
