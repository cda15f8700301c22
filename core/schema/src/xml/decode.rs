//! Bytes of an XML file as text: the byte order mark, then the declaration, then UTF-8 (XML 1.0, appendix F).

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// The text of an XML file, without its byte order mark; or why there is none.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, String> {
    let (encoding, rest) = match Encoding::for_bom(bytes) {
        Some((encoding, length)) => (encoding, &bytes[length..]),
        None => (declared(bytes)?, bytes),
    };
    match encoding.decode_without_bom_handling_and_without_replacement(rest) {
        Some(text) => Ok(text.into_owned()),
        None => Err(format!("the file is not valid {}", encoding.name())),
    }
}

/// The encoding that the XML declaration names, or that the first bytes betray.
fn declared(bytes: &[u8]) -> Result<&'static Encoding, String> {
    match bytes {
        [b'<', 0, ..] => return Ok(UTF_16LE),
        [0, b'<', ..] => return Ok(UTF_16BE),
        _ => {}
    }
    let head = &bytes[..bytes.len().min(256)];
    let head = String::from_utf8_lossy(head);
    let declaration = head.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    let label = declaration.and_then(|(text, _)| text.split_once("encoding")).and_then(|(_, rest)| {
        let rest = rest.trim_start().strip_prefix('=')?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..].split(quote).next()
    });
    match label {
        None => Ok(UTF_8),
        Some(label) => match Encoding::for_label_no_replacement(label.as_bytes()) {
            // A file that begins with one byte a character cannot be UTF-16, whatever it says of itself.
            Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => Ok(UTF_8),
            Some(encoding) => Ok(encoding),
            None => Err("the file names an encoding that is not known".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn encodings() {
        let utf16 = |text: &str, mark: bool| {
            let mark = mark.then_some(0xFEFF);
            mark.into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
        };
        let check = |bytes: &[u8], expected: &str| assert_eq!(decode(bytes).as_deref(), Ok(expected));
        check("<ä/>".as_bytes(), "<ä/>");
        check(b"\xEF\xBB\xBF<a/>", "<a/>");
        check(
            b"<?xml version='1.0' encoding = 'ISO-8859-1'?><a b='\xE4'/>",
            "<?xml version='1.0' encoding = 'ISO-8859-1'?><a b='ä'/>",
        );
        check(&utf16("<ä/>", true), "<ä/>");
        check(&utf16("<ä/>", false), "<ä/>");
        check(b"", "");
        assert!(decode(b"<\xE4/>").is_err());
        assert!(decode(b"<?xml version='1.0' encoding='x-none'?><a/>").is_err());
    }
}
