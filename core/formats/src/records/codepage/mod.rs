//! Bytes as characters, by the encodings that layouts name: ASCII, Unicode, and code pages of one byte or of mixed width.
//!
//! Tables are iconv's (see `codepages/README.md`). In EBCDIC pages the byte `15` is `U+0085` and `25` is the line feed, as iconv has them.
//! Mixed pages begin with characters of one byte; shift-out (`0E`) begins characters of two bytes, shift-in (`0F`) ends them.

mod table;

use self::table::{NONE, NOT_ASCII, Table};
use crate::ValueProblem;
use bumpalo::{Bump, collections::String as BumpString};
use portolan_schema::layout::{ByteOrder, Encoding};

const SHIFT_OUT: u8 = 0x0E;
const SHIFT_IN: u8 = 0x0F;

/// Decodes and encodes by one encoding.
#[derive(Debug, Clone, Copy)]
pub struct Transcoder(Kind);

#[derive(Debug, Clone, Copy)]
enum Kind {
    Ascii,
    Utf8,
    Utf16(ByteOrder),
    Single(&'static Table),
    Mixed(&'static Table),
}

impl Transcoder {
    /// For an encoding.
    pub fn new(encoding: Encoding) -> Self {
        Self(match encoding {
            Encoding::Ascii => Kind::Ascii,
            Encoding::Utf8 => Kind::Utf8,
            Encoding::Utf16(order) => Kind::Utf16(order),
            Encoding::Page(page) if page.named().mixed => Kind::Mixed(Table::of(page)),
            Encoding::Page(page) => Kind::Single(Table::of(page)),
        })
    }

    /// Whether bytes below `80` are always characters of ASCII.
    pub fn extends_ascii(self) -> bool {
        match self.0 {
            Kind::Ascii | Kind::Utf8 => true,
            Kind::Utf16(_) | Kind::Mixed(_) => false,
            Kind::Single(table) => table.extends_ascii,
        }
    }

    /// Whether every byte is a character.
    pub fn is_single(self) -> bool {
        matches!(self.0, Kind::Ascii | Kind::Single(_))
    }

    /// The one byte that a character is, where it is one byte that can stand for nothing else.
    pub fn byte(self, character: char) -> Option<u8> {
        match self.0 {
            Kind::Ascii | Kind::Utf8 => character.is_ascii().then_some(character as u8),
            Kind::Single(table) => table.code(character).and_then(|code| u8::try_from(code).ok()),
            Kind::Utf16(_) | Kind::Mixed(_) => None,
        }
    }

    /// Translates to ASCII, where every byte is a character and each is of ASCII; tells whether that is so. Both have the same length.
    pub(super) fn decode_ascii(self, bytes: &[u8], out: &mut [u8]) -> bool {
        out.copy_from_slice(bytes);
        match self.0 {
            Kind::Single(table) => translate(table, out),
            _ => self.extends_ascii() && bytes.is_ascii(),
        }
    }

    /// Appends ASCII, where every byte is a character and each is of ASCII; tells whether that is so. What is appended means nothing otherwise.
    #[inline]
    pub(super) fn append_ascii(self, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        match self.0 {
            Kind::Single(table) if !table.extends_ascii => {
                let start = out.len();
                out.extend_from_slice(bytes);
                translate(table, out.get_mut(start..).unwrap_or_default())
            }
            _ if self.extends_ascii() && bytes.is_ascii() => {
                out.extend_from_slice(bytes);
                true
            }
            _ => false,
        }
    }

    /// Translates from ASCII, where each character is one byte; tells whether that is so. Both have the same length.
    pub(super) fn encode_ascii(self, text: &[u8], out: &mut [u8]) -> bool {
        out.copy_from_slice(text);
        match self.0 {
            Kind::Single(table) if !table.extends_ascii => text.is_ascii() && table.encode_ascii(out),
            _ => self.extends_ascii() && text.is_ascii(),
        }
    }

    /// Appends the text that bytes are.
    ///
    /// # Errors
    /// Bytes that are no characters of the encoding: [`ValueProblem::NoCharacter`], or [`ValueProblem::Utf8`]. Nothing is appended then.
    pub fn decode(self, bytes: &[u8], out: &mut String) -> Result<(), ValueProblem> {
        let before = out.len();
        let done = self.decode_into(bytes, &mut |piece| out.push_str(piece));
        if done.is_err() {
            out.truncate(before);
        }
        done
    }

    /// The text that bytes are: themselves, where they are its UTF-8, or in the arena.
    ///
    /// # Errors
    /// As [`Transcoder::decode`].
    #[inline]
    pub fn decode_in<'a>(self, bytes: &'a [u8], arena: &'a Bump) -> Result<&'a str, ValueProblem> {
        match self.0 {
            Kind::Utf8 => return std::str::from_utf8(bytes).map_err(|_| ValueProblem::Utf8),
            Kind::Ascii => return ascii(bytes).ok_or(ValueProblem::NoCharacter),
            Kind::Single(table) if table.extends_ascii => {
                if let Some(text) = ascii(bytes) {
                    return Ok(text);
                }
            }
            Kind::Single(table) => {
                let mut seen = 0;
                let translated = arena.alloc_slice_fill_iter(bytes.iter().map(|byte| {
                    let character = table.ascii[usize::from(*byte)];
                    seen |= character;
                    character
                }));
                if seen & NOT_ASCII == 0 {
                    return std::str::from_utf8(translated).map_err(|_| ValueProblem::Utf8);
                }
            }
            Kind::Mixed(_) | Kind::Utf16(_) => {}
        }
        let mut out = BumpString::with_capacity_in(bytes.len(), arena);
        self.decode_into(bytes, &mut |piece| out.push_str(piece))?;
        Ok(out.into_bump_str())
    }

    /// Appends the bytes of a text. Where `transliterate` is set, a character that the encoding does not have is written by one that looks
    /// the same, as iconv does it, or by its nearest ones of ASCII (`ž` as `z`), by the tables of `any_ascii`.
    ///
    /// # Errors
    /// [`ValueProblem::NotEncodable`]; the caller takes back what was appended.
    pub fn encode(self, text: &str, transliterate: bool, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        match self.0 {
            Kind::Utf8 => out.extend_from_slice(text.as_bytes()),
            Kind::Utf16(ByteOrder::Big) => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Kind::Utf16(ByteOrder::Little) => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            Kind::Ascii if text.is_ascii() => out.extend_from_slice(text.as_bytes()),
            Kind::Single(table) if table.extends_ascii && text.is_ascii() => {
                out.extend_from_slice(text.as_bytes());
            }
            Kind::Ascii => {
                encode_with(text, transliterate, None, &mut |code| {
                    push(code.filter(|code| *code < 0x80), out)
                })?;
            }
            Kind::Single(table) => {
                encode_with(text, transliterate, Some(table), &mut |code| push(code, out))?
            }
            Kind::Mixed(table) => {
                let mut shifted = false;
                encode_with(text, transliterate, Some(table), &mut |code| {
                    push_shifted(code, &mut shifted, out)
                })?;
                if shifted {
                    out.push(SHIFT_IN);
                }
            }
        }
        Ok(())
    }

    /// Hands the text on in pieces.
    fn decode_into(self, bytes: &[u8], out: &mut dyn FnMut(&str)) -> Result<(), ValueProblem> {
        match self.0 {
            Kind::Utf8 => out(std::str::from_utf8(bytes).map_err(|_| ValueProblem::Utf8)?),
            Kind::Ascii => out(ascii(bytes).ok_or(ValueProblem::NoCharacter)?),
            Kind::Utf16(order) => {
                let (pairs, rest) = bytes.as_chunks::<2>();
                let unit = |pair: &[u8; 2]| match order {
                    ByteOrder::Big => u16::from_be_bytes(*pair),
                    ByteOrder::Little => u16::from_le_bytes(*pair),
                };
                for character in char::decode_utf16(pairs.iter().map(unit)) {
                    out(character.map_err(|_| ValueProblem::NoCharacter)?.encode_utf8(&mut [0; 4]));
                }
                if !rest.is_empty() {
                    return Err(ValueProblem::NoCharacter);
                }
            }
            Kind::Single(table) => {
                for bytes in bytes.chunks(64) {
                    single(table, bytes, out)?;
                }
            }
            Kind::Mixed(table) => mixed(table, bytes, out)?,
        }
        Ok(())
    }
}

/// The text of bytes that are all ASCII.
#[inline]
fn ascii(bytes: &[u8]) -> Option<&str> {
    bytes.is_ascii().then(|| std::str::from_utf8(bytes).ok()).flatten()
}

/// Translates to ASCII in place; tells whether all of it is.
#[inline]
fn translate(table: &Table, bytes: &mut [u8]) -> bool {
    let (words, rest) = bytes.as_chunks_mut::<8>();
    let mut seen = 0;
    for word in words {
        *word = word.map(|byte| table.ascii[usize::from(byte)]);
        seen |= u64::from_ne_bytes(*word);
    }
    let mut last = 0;
    for byte in rest {
        *byte = table.ascii[usize::from(*byte)];
        last |= *byte;
    }
    (seen | u64::from(last)) & u64::from_ne_bytes([NOT_ASCII; 8]) == 0
}

/// At most 64 bytes of one byte a character.
fn single(table: &Table, bytes: &[u8], out: &mut dyn FnMut(&str)) -> Result<(), ValueProblem> {
    let (mut text, mut length) = ([0; 64 * 3], 0);
    for byte in bytes {
        let [a, b, c, count] = table.utf8[usize::from(*byte)];
        let room = text.get_mut(length..length + 3).ok_or(ValueProblem::NoCharacter)?;
        room.copy_from_slice(&[a, b, c]);
        if count == 0 {
            return Err(ValueProblem::NoCharacter);
        }
        length += usize::from(count);
    }
    out(std::str::from_utf8(&text[..length]).map_err(|_| ValueProblem::Utf8)?);
    Ok(())
}

/// Shifts that change nothing are passed over; text that ends between characters of two bytes is taken as ended there: a field that was cut
/// off by its width looks like that.
fn mixed(table: &Table, mut bytes: &[u8], out: &mut dyn FnMut(&str)) -> Result<(), ValueProblem> {
    let mut shifted = false;
    loop {
        bytes = match *bytes {
            [] => return Ok(()),
            [SHIFT_OUT, ref rest @ ..] => {
                shifted = true;
                rest
            }
            [SHIFT_IN, ref rest @ ..] => {
                shifted = false;
                rest
            }
            [lead, trail, ref rest @ ..] if shifted => {
                let code = usize::from(u16::from_be_bytes([lead, trail]));
                let point = table.double.get(code).copied().unwrap_or(NONE);
                let character = char::from_u32(u32::from(point)).filter(|_| point != NONE);
                out(character.ok_or(ValueProblem::NoCharacter)?.encode_utf8(&mut [0; 4]));
                rest
            }
            [_] if shifted => return Err(ValueProblem::NoCharacter),
            [byte, ref rest @ ..] => {
                single(table, &[byte], out)?;
                rest
            }
        };
    }
}

/// Hands on the code of each character, its own without a table; those that have none are transliterated, where that is wanted.
fn encode_with(
    text: &str,
    transliterate: bool,
    table: Option<&Table>,
    push: &mut dyn FnMut(Option<u16>) -> bool,
) -> Result<(), ValueProblem> {
    let code = |character| match table {
        Some(table) => table.code(character),
        None => u16::try_from(u32::from(character)).ok(),
    };
    for character in text.chars() {
        if push(code(character)) {
            continue;
        }
        if !transliterate {
            return Err(ValueProblem::NotEncodable);
        }
        if push(table.and_then(|table| table.similar(character))) {
            continue;
        }
        let nearest = any_ascii::any_ascii_char(character);
        if nearest.is_empty() || !nearest.chars().all(|character| push(code(character))) {
            return Err(ValueProblem::NotEncodable);
        }
    }
    Ok(())
}

#[inline]
fn push(code: Option<u16>, out: &mut Vec<u8>) -> bool {
    let byte = code.and_then(|code| u8::try_from(code).ok());
    out.extend(byte);
    byte.is_some()
}

fn push_shifted(code: Option<u16>, shifted: &mut bool, out: &mut Vec<u8>) -> bool {
    let Some(code) = code else { return false };
    let double = code > 0xFF;
    if double != *shifted {
        out.push(if double { SHIFT_OUT } else { SHIFT_IN });
        *shifted = double;
    }
    let [lead, byte] = code.to_be_bytes();
    if double {
        out.push(lead);
    }
    out.push(byte);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcoder(name: &str) -> Transcoder {
        Transcoder::new(Encoding::find(name).unwrap())
    }

    #[test]
    fn bytes_mean_what_their_page_says() {
        for (page, bytes, text) in [
            ("ascii", &b"Mets\xC3"[..], Err(ValueProblem::NoCharacter)),
            ("utf-8", b"M\xC3\xA4ge", Ok("Mäge")),
            ("utf-8", b"M\xE4ge", Err(ValueProblem::Utf8)),
            ("utf-16le", b"M\0\xE4\0\x3D\xD8\0\xDE", Ok("Mä😀")),
            ("utf-16be", b"\0M\0", Err(ValueProblem::NoCharacter)),
            ("utf-16be", b"\xD8\x3D\0M", Err(ValueProblem::NoCharacter)),
            ("iso-8859-15", b"5 \xA4", Ok("5 €")),
            ("windows-1252", b"\x80 \x81", Err(ValueProblem::NoCharacter)),
            ("cp037", b"\xC8\x85\x93\x93\x96\x40\x5A", Ok("Hello !")),
            ("cp273", b"\xC8\x85\x93\x93\x96\x40\x5A", Ok("Hello Ü")),
            ("cp1140", b"\x9F\xF5", Ok("€5")),
            ("cp037", b"\x15\x25", Ok("\u{85}\n")),
            ("cp1364", b"\xC1\x0E\x88\x61\x0F\xF1", Ok("A가1")),
            ("cp1388", b"\xC1\x0E\x48\xA0\x5B\xCF\x0F\x40", Ok("A啊中 ")),
            ("cp1388", b"\x0E\x48", Err(ValueProblem::NoCharacter)),
        ] {
            let arena = Bump::new();
            let mut out = String::from("-");
            let read = transcoder(page).decode(bytes, &mut out);
            assert_eq!(transcoder(page).decode_in(bytes, &arena), text, "{page} {bytes:x?}");
            assert_eq!(read.map(|()| &out[1..]), text, "{page} {bytes:x?}");
            if let Ok(text) = text {
                let mut again = Vec::new();
                transcoder(page).encode(text, false, &mut again).unwrap();
                assert_eq!(again, bytes, "{page} {text}");
            } else {
                assert_eq!(out, "-");
            }
        }
    }

    #[test]
    fn ascii_is_not_copied() {
        let arena = Bump::new();
        let bytes = b"Kalju Kask";
        for page in ["ascii", "utf-8", "iso-8859-1", "windows-1257", "cp850"] {
            let text = transcoder(page).decode_in(bytes, &arena).unwrap();
            assert!(std::ptr::eq(text.as_bytes(), bytes.as_slice()), "{page}");
        }
    }

    #[test]
    fn what_a_page_lacks_is_refused_or_written_by_its_nearest() {
        for (page, text, transliterated) in [
            ("iso-8859-1", "Žižek", Some("Zizek")),
            ("cp037", "Łódź", Some("Lódz")),
            ("cp1388", "ž中", Some("z中")),
            ("ascii", "\u{E000}", None),
        ] {
            let mut out = Vec::new();
            let strict = transcoder(page).encode(text, false, &mut Vec::new());
            assert_eq!(strict, Err(ValueProblem::NotEncodable), "{page} {text}");
            let done = transcoder(page).encode(text, true, &mut out);
            let mut read = String::new();
            transcoder(page).decode(&out, &mut read).unwrap();
            assert_eq!(done.ok().map(|()| read.as_str()), transliterated, "{page} {text}");
        }
    }
}
