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
    !memchr::memchr_iter(0xEF, bytes).any(|at| is_noncharacter(bytes, at))
}

/// Appends text between tags, or in an attribute's value.
#[inline]
pub(crate) fn escape(text: &str, attribute: bool, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
    if !is_plain(text.as_bytes()) {
        return escape_slowly(text, attribute, out);
    }
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// The same of bytes that nobody has tested to be UTF-8: most are plain ASCII, which one look tells.
#[inline]
pub(crate) fn escape_utf8(bytes: &[u8], attribute: bool, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
    if !is_plain(bytes) {
        let text = std::str::from_utf8(bytes).map_err(|_| ValueProblem::Utf8)?;
        return escape_slowly(text, attribute, out);
    }
    out.extend_from_slice(bytes);
    Ok(())
}

/// Whether bytes are ASCII, without control characters and without what is ever escaped.
///
/// Looks at eight bytes at a time; the last eight overlap those before them.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    if let Some(last) = bytes.last_chunk::<8>() {
        let found = words.iter().fold(suspect(*last), |found, word| found | suspect(*word));
        return found & each(0x80) == 0;
    }
    let mut padded = each(b' ').to_ne_bytes();
    padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    suspect(padded) & each(0x80) == 0
}

/// The highest bit of some byte is set where one of them is not plain.
#[inline]
fn suspect(bytes: [u8; 8]) -> u64 {
    let word = u64::from_ne_bytes(bytes);
    // The highest bit of a byte that is less than another one; borrows only reach bytes above such a byte.
    let below = |word: u64, bound: u8| word.wrapping_sub(each(bound)) & !word;
    // `"` and `&` differ in one bit, and so do `<` and `>`.
    let quote = below((word | each(0x04)) ^ each(b'&'), 1);
    let bracket = below((word | each(0x02)) ^ each(b'>'), 1);
    word | below(word, b' ') | quote | bracket
}

/// A byte, eight times.
#[inline]
const fn each(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * byte as u64
}

/// Whether a byte is to be escaped, is illegal, or may begin a character that is.
const fn needs_care(b: u8) -> bool {
    matches!(b, ..b' ' | b'&' | b'<' | b'>' | b'"' | 0xEF)
}

const CARE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = needs_care(byte as u8);
        byte += 1;
    }
    table
};

fn escape_slowly(text: &str, attribute: bool, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
    let bytes = text.as_bytes();
    let mut start = 0;
    for (i, byte) in bytes.iter().enumerate() {
        if !CARE[usize::from(*byte)] {
            continue;
        }
        let escaped: &[u8] = match byte {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            // A reader turns a bare carriage return into a line feed.
            b'\r' => b"&#13;",
            b'"' if attribute => b"&quot;",
            b'\n' if attribute => b"&#10;",
            b'\t' if attribute => b"&#9;",
            b'"' | b'\n' | b'\t' => continue,
            0xEF if !is_noncharacter(bytes, i) => continue,
            _ => return Err(ValueProblem::IllegalCharacter),
        };
        out.extend_from_slice(&bytes[start..i]);
        out.extend_from_slice(escaped);
        start = i + 1;
    }
    out.extend_from_slice(&bytes[start..]);
    Ok(())
}

/// U+FFFE and U+FFFF are EF BF BE and EF BF BF.
fn is_noncharacter(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF]))
}
