//! Octets as text: base64 (RFC 4648, section 4) and hexadecimal.

use crate::ValueProblem;
use bumpalo::{Bump, collections::Vec as BumpVec};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const VALUES: [u8; 256] = {
    let mut values = [255u8; 256];
    let mut i = 0;
    while i < 64 {
        values[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    values
};

/// Decodes base64; blanks between the characters are allowed, padding is demanded.
pub(super) fn parse_base64<'a>(text: &str, arena: &'a Bump) -> Result<&'a [u8], ValueProblem> {
    let mut out = BumpVec::with_capacity_in(text.len() / 4 * 3 + 3, arena);
    let (mut bits, mut count, mut padding) = (0u32, 0u32, 0u32);
    for byte in text.bytes().filter(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r')) {
        let value = VALUES[usize::from(byte)];
        match (value, byte) {
            (255, b'=') if count % 4 + padding >= 2 && count % 4 + padding < 4 => padding += 1,
            (255, _) => return Err(ValueProblem::Lexical),
            _ if padding > 0 => return Err(ValueProblem::Lexical),
            _ => {
                bits = bits << 6 | u32::from(value);
                count += 1;
                if count % 4 == 0 {
                    out.extend_from_slice(&bits.to_be_bytes()[1..]);
                }
            }
        }
    }
    match (count % 4, padding) {
        (0, 0) => {}
        (2, 2) if bits & 0xf == 0 => out.push((bits >> 4) as u8),
        (3, 1) if bits & 0x3 == 0 => out.extend_from_slice(&[(bits >> 10) as u8, (bits >> 2) as u8]),
        _ => return Err(ValueProblem::Lexical),
    }
    Ok(out.into_bump_slice())
}

/// Appends base64 with padding.
pub(super) fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let letter = |bits: u32| ALPHABET[(bits & 63) as usize];
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        out.extend_from_slice(&[
            letter(bits >> 18),
            letter(bits >> 12),
            if chunk.len() > 1 { letter(bits >> 6) } else { b'=' },
            if chunk.len() > 2 { letter(bits) } else { b'=' },
        ]);
    }
}

/// Decodes pairs of hexadecimal digits.
pub(super) fn parse_hex<'a>(text: &str, arena: &'a Bump) -> Result<&'a [u8], ValueProblem> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|d| d as u8).ok_or(ValueProblem::Lexical);
    let mut out = BumpVec::with_capacity_in(text.len() / 2, arena);
    for pair in text.as_bytes().chunks(2) {
        let [high, low] = pair else { return Err(ValueProblem::Lexical) };
        out.push(digit(*high)? << 4 | digit(*low)?);
    }
    Ok(out.into_bump_slice())
}

/// Appends upper-case hexadecimal, the canonical form of `xs:hexBinary`.
pub(super) fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(b"0123456789ABCDEF"[usize::from(digit)]);
        }
    }
}
