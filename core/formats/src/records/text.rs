//! Text in columns: encoded, padded, trimmed.
//!
//! Padding at a side that is trimmed means nothing: `AB ` and `AB` are the same there, and read back as `AB`. Low values are padding
//! there as well, because programs in C, and COBOL's own MOVE LOW-VALUES, fill fields with them.

use super::codepage::Transcoder;
use crate::{Value, ValueProblem, lexical};
use bumpalo::Bump;
use portolan_schema::layout::{Characters, Encoding, Side, Text, Trim};
use std::borrow::Cow;

/// Reads and writes texts of one form.
#[derive(Debug, Clone)]
pub(super) struct TextCodec {
    transcoder: Transcoder,
    unicode: bool,
    pad: char,
    /// The padding's bytes; none where the encoding does not have it.
    pad_bytes: Vec<u8>,
    /// The padding's byte, where it can be told without decoding.
    pad_byte: Option<u8>,
    justified: Side,
    trim: Trim,
    transliterate: bool,
    class: Option<Box<Class>>,
}

/// Which characters are allowed.
#[derive(Debug, Clone)]
struct Class {
    ascii: [bool; 128],
    others: Vec<char>,
}

impl TextCodec {
    pub(super) fn compile(form: &Text) -> Self {
        let transcoder = Transcoder::new(form.encoding);
        let mut pad_bytes = Vec::new();
        if transcoder.encode(form.pad.encode_utf8(&mut [0; 4]), false, &mut pad_bytes).is_err() {
            pad_bytes.clear();
        }
        Self {
            transcoder,
            unicode: matches!(form.encoding, Encoding::Utf8 | Encoding::Utf16(_)),
            pad: form.pad,
            pad_byte: transcoder.byte(form.pad),
            pad_bytes,
            justified: form.justified,
            trim: form.trim,
            transliterate: form.transliterate,
            class: form.chars.as_ref().map(|characters| Box::new(Class::compile(characters))),
        }
    }

    pub(super) fn transcoder(&self) -> Transcoder {
        self.transcoder
    }

    /// The text without its padding.
    #[inline]
    pub(super) fn read<'a>(&self, bytes: &'a [u8], arena: &'a Bump) -> Result<&'a str, ValueProblem> {
        let text = match self.pad_byte {
            Some(pad) => self.transcoder.decode_in(self.trimmed(bytes, pad), arena)?,
            None => {
                let text = self.transcoder.decode_in(bytes, arena)?;
                let padding = [self.pad, '\0'];
                let text = if self.trim.left { text.trim_start_matches(padding) } else { text };
                if self.trim.right { text.trim_end_matches(padding) } else { text }
            }
        };
        self.test(text)?;
        Ok(text)
    }

    /// Whether not every character is allowed.
    pub(super) fn is_restricted(&self) -> bool {
        self.class.is_some()
    }

    /// The same without copying, where the bytes are its UTF-8.
    #[inline]
    pub(super) fn plain<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        if !self.transcoder.extends_ascii() {
            return None;
        }
        let bytes = self.trimmed(bytes, self.pad_byte?);
        if !bytes.is_ascii() {
            let text = std::str::from_utf8(bytes).ok().filter(|_| self.unicode)?;
            return self.test(text).is_ok().then_some(bytes);
        }
        self.class.as_ref().is_none_or(|class| class.allows_ascii(bytes)).then_some(bytes)
    }

    /// Appends the text without its padding, where all of it is ASCII; tells whether it was.
    #[inline]
    pub(super) fn append_ascii(&self, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(pad) = self.pad_byte else { return false };
        let bytes = self.trimmed(bytes, pad);
        let start = out.len();
        let ascii = self.transcoder.append_ascii(bytes, out)
            && self
                .class
                .as_ref()
                .is_none_or(|class| class.allows_ascii(out.get(start..).unwrap_or_default()));
        if !ascii {
            out.truncate(start);
        }
        ascii
    }

    /// Writes a text so that it fills the field.
    pub(super) fn write(&self, value: Value<'_>, out: &mut [u8]) -> Result<(), ValueProblem> {
        let text = said(value)?;
        self.test(&text)?;
        if let Some(room) = out.len().checked_sub(text.len())
            && let Some(pad) = self.pad_byte
        {
            let (padding, place) = match self.justified {
                Side::Left => {
                    let (place, padding) = out.split_at_mut(text.len());
                    (padding, place)
                }
                Side::Right => out.split_at_mut(room),
            };
            if self.transcoder.encode_ascii(text.as_bytes(), place) {
                padding.fill(pad);
                return Ok(());
            }
        }
        let mut bytes = Vec::with_capacity(out.len());
        self.transcoder.encode(&text, self.transliterate, &mut bytes)?;
        self.pad(&bytes, out)
    }

    /// Writes ASCII so that it fills the field, where each character is one byte and any is allowed; tells whether that is so.
    #[inline]
    pub(super) fn write_ascii(&self, ascii: &[u8], out: &mut [u8]) -> bool {
        let (Some(pad), None) = (self.pad_byte, &self.class) else { return false };
        if self.justified == Side::Right || ascii.len() > out.len() {
            return false;
        }
        let (place, padding) = out.split_at_mut(ascii.len());
        padding.fill(pad);
        self.transcoder.encode_ascii(ascii, place)
    }

    /// Fills the field with bytes and the padding that they need.
    pub(super) fn pad(&self, bytes: &[u8], out: &mut [u8]) -> Result<(), ValueProblem> {
        let room = out.len().checked_sub(bytes.len()).ok_or(ValueProblem::TooLong)?;
        if room > 0 && (self.pad_bytes.is_empty() || room % self.pad_bytes.len() != 0) {
            return Err(ValueProblem::NotEncodable);
        }
        let (padding, place) = match self.justified {
            Side::Left => {
                let (place, padding) = out.split_at_mut(bytes.len());
                (padding, place)
            }
            Side::Right => out.split_at_mut(room),
        };
        place.copy_from_slice(bytes);
        for (to, from) in padding.iter_mut().zip(self.pad_bytes.iter().cycle()) {
            *to = *from;
        }
        Ok(())
    }

    /// Appends a text without padding.
    pub(super) fn append(&self, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        let text = said(value)?;
        self.test(&text)?;
        self.transcoder.encode(&text, self.transliterate, out)
    }

    /// Appends a text and the padding that makes it so many characters.
    pub(super) fn append_characters(
        &self,
        value: Value<'_>,
        count: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueProblem> {
        let mut bytes = Vec::new();
        self.append(value, &mut bytes)?;
        // What was transliterated may have more characters than it had.
        let mut written = String::new();
        self.transcoder.decode(&bytes, &mut written)?;
        let length = u32::try_from(written.chars().count()).unwrap_or(u32::MAX);
        let room = count.checked_sub(length).ok_or(ValueProblem::TooLong)?;
        if room > 0 && self.pad_bytes.is_empty() {
            return Err(ValueProblem::NotEncodable);
        }
        let padding = self.pad_bytes.repeat(room as usize);
        let (first, last) = match self.justified {
            Side::Left => (&bytes, &padding),
            Side::Right => (&padding, &bytes),
        };
        out.extend_from_slice(first);
        out.extend_from_slice(last);
        Ok(())
    }

    #[inline]
    fn test(&self, text: &str) -> Result<(), ValueProblem> {
        match &self.class {
            Some(class) if !class.allows(text) => Err(ValueProblem::CharacterClass),
            _ => Ok(()),
        }
    }

    #[inline]
    fn trimmed<'a>(&self, bytes: &'a [u8], pad: u8) -> &'a [u8] {
        let bytes = if self.trim.right { without_end(bytes, pad) } else { bytes };
        let bytes = if self.trim.left { without_start(bytes, pad) } else { bytes };
        match bytes {
            [.., 0] if self.trim.right => self.without_low_values(bytes, pad),
            [0, ..] if self.trim.left => self.without_low_values(bytes, pad),
            _ => bytes,
        }
    }

    /// Without padding of either kind.
    #[cold]
    fn without_low_values<'a>(&self, mut bytes: &'a [u8], pad: u8) -> &'a [u8] {
        let is_padding = |byte: &u8| *byte == 0 || *byte == pad;
        while let [rest @ .., last] = bytes
            && self.trim.right
            && is_padding(last)
        {
            bytes = rest;
        }
        while let [first, rest @ ..] = bytes
            && self.trim.left
            && is_padding(first)
        {
            bytes = rest;
        }
        bytes
    }
}

/// A value as text: any value has a lexical form.
fn said<'a>(value: Value<'a>) -> Result<Cow<'a, str>, ValueProblem> {
    if let Value::Text(text) = value {
        return Ok(Cow::Borrowed(text));
    }
    let mut text = Vec::new();
    lexical::write_any(value, &mut text)?;
    String::from_utf8(text).map(Cow::Owned).map_err(|_| ValueProblem::Utf8)
}

/// Eight bytes that are all the same.
fn word(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Without such bytes at the end.
#[inline]
fn without_end(mut bytes: &[u8], pad: u8) -> &[u8] {
    let pads = word(pad);
    while let Some((rest, last)) = bytes.split_last_chunk::<8>() {
        let differs = u64::from_le_bytes(*last) ^ pads;
        if differs != 0 {
            let padding = differs.leading_zeros() as usize / 8;
            return bytes.get(..bytes.len() - padding).unwrap_or_default();
        }
        bytes = rest;
    }
    while let Some((last, rest)) = bytes.split_last()
        && *last == pad
    {
        bytes = rest;
    }
    bytes
}

/// Without such bytes at the beginning.
#[inline]
fn without_start(mut bytes: &[u8], pad: u8) -> &[u8] {
    let pads = word(pad);
    while let Some((first, rest)) = bytes.split_first_chunk::<8>() {
        let differs = u64::from_le_bytes(*first) ^ pads;
        if differs != 0 {
            let padding = differs.trailing_zeros() as usize / 8;
            return bytes.get(padding..).unwrap_or_default();
        }
        bytes = rest;
    }
    while let Some((first, rest)) = bytes.split_first()
        && *first == pad
    {
        bytes = rest;
    }
    bytes
}

impl Class {
    fn compile(characters: &Characters) -> Self {
        let mut class = Self { ascii: [false; 128], others: Vec::new() };
        for (code, allowed) in (0u8..).zip(&mut class.ascii) {
            let character = char::from(code);
            *allowed = match characters {
                Characters::Alphabetic => character.is_ascii_alphabetic() || character == ' ',
                Characters::Digits => character.is_ascii_digit(),
                Characters::Alphanumeric => character.is_ascii_alphanumeric() || character == ' ',
                Characters::Printable => character.is_ascii_graphic() || character == ' ',
                Characters::Listed(listed) => listed.contains(character),
            };
        }
        if let Characters::Listed(listed) = characters {
            class.others = listed.chars().filter(|character| !character.is_ascii()).collect();
            class.others.sort_unstable();
        }
        class
    }

    fn allows(&self, text: &str) -> bool {
        text.chars().all(|character| match self.ascii.get(character as usize) {
            Some(allowed) => *allowed,
            None => self.others.binary_search(&character).is_ok(),
        })
    }

    #[inline]
    fn allows_ascii(&self, bytes: &[u8]) -> bool {
        bytes.iter().all(|byte| self.ascii[usize::from(byte & 0x7F)])
    }
}
