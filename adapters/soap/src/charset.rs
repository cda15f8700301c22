//! Replies in UTF-8, whatever encoding they came in: byte order mark, then the HTTP header, then the XML declaration
//! (RFC 7303, section 3; XML 1.0, appendix F).

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
    let declared = declared_encoding(&reply);
    match charset(content_type).or(declared) {
        None => decode(reply, encoding_rs::UTF_8),
        // A front-end that stamps every reply as UTF-8 is more common than a service that lies in its own document.
        Some(label) => decode(reply.clone(), named(label)?).or_else(|error| match declared {
            Some(other) if other != label => decode(reply.clone(), named(other)?),
            _ => Err(error),
        }),
    }
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

    #[test]
    fn what_cannot_be_read_is_refused_and_not_replaced() {
        check(b"<a>\xE4</a>", "text/xml; charset=utf-8", Err(Unreadable::Malformed));
        check(b"<a>\xE4</a>", "", Err(Unreadable::Malformed));
        check(b"<a/>", "text/xml; charset=ebcdic-cp-us", Err(Unreadable::Unknown));
        check(b"\xFE\xFF\xD8\0", "text/xml", Err(Unreadable::Malformed));
        check(b"<?xml encoding=", "", Ok("<?xml encoding="));
        check(b"<?xml encoding='?>", "", Err(Unreadable::Unknown));
    }
}
