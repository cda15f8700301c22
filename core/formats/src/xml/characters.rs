//! Which characters XML 1.0 can carry (section 2.2), and how the rest of them is escaped.

use crate::ValueProblem;

/// Whether a character may stand in an XML 1.0 document.
pub(crate) fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Whether every character of a text may stand in an XML 1.0 document.
pub(crate) fn all_legal(text: &str) -> bool {
    let bytes = text.as_bytes();
    let control = |b: &u8| *b < 0x20 && !matches!(*b, b'\t' | b'\n' | b'\r');
    // Without a branch in the loop, so that it is compiled to vector instructions.
    if bytes.iter().fold(false, |found, b| found | control(b)) {
        return false;
    }
    // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
    memchr::memchr_iter(0xEF, bytes).all(|at| !matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])))
}

/// Appends text between tags, or in an attribute's value.
#[inline]
pub(crate) fn escape(text: &str, attribute: bool, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
    let special =
        |b: &u8| (*b < 0x20) | (*b == b'&') | (*b == b'<') | (*b == b'>') | (*b == b'"') | (*b == 0xEF);
    if text.as_bytes().iter().fold(false, |found, b| found | special(b)) {
        return escape_slowly(text, attribute, out);
    }
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn escape_slowly(text: &str, attribute: bool, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
    if !all_legal(text) {
        return Err(ValueProblem::IllegalCharacter);
    }
    let bytes = text.as_bytes();
    let mut start = 0;
    for (i, byte) in bytes.iter().enumerate() {
        let escaped: &[u8] = match byte {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            // A reader turns a bare carriage return into a line feed.
            b'\r' => b"&#13;",
            b'"' if attribute => b"&quot;",
            b'\n' if attribute => b"&#10;",
            b'\t' if attribute => b"&#9;",
            _ => continue,
        };
        out.extend_from_slice(&bytes[start..i]);
        out.extend_from_slice(escaped);
        start = i + 1;
    }
    out.extend_from_slice(&bytes[start..]);
    Ok(())
}
