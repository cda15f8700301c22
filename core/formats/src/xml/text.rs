//! Text with its references resolved: borrowed while it is one piece without any, in the arena otherwise.

use super::characters::is_legal;
use crate::ReadErrorKind;
use bumpalo::{Bump, collections::String as BumpString};

/// The text of one element.
pub(super) struct Pieces<'a> {
    arena: &'a Bump,
    only: &'a str,
    joined: Option<BumpString<'a>>,
}

impl<'a> Pieces<'a> {
    #[inline]
    pub(super) fn new(arena: &'a Bump) -> Self {
        Self { arena, only: "", joined: None }
    }

    /// Adds text as it is written.
    #[inline]
    pub(super) fn text(&mut self, raw: &'a str) -> Result<(), ReadErrorKind> {
        if memchr::memchr2(b'&', b'\r', raw.as_bytes()).is_none() {
            self.whole(raw);
            return Ok(());
        }
        resolve(raw, false, self.join())
    }

    /// Adds a CDATA section.
    pub(super) fn cdata(&mut self, raw: &'a str) {
        if raw.contains('\r') {
            push_lines(raw, self.join());
        } else {
            self.whole(raw);
        }
    }

    #[inline]
    fn whole(&mut self, piece: &'a str) {
        if self.only.is_empty() && self.joined.is_none() {
            self.only = piece;
        } else {
            self.join().push_str(piece);
        }
    }

    fn join(&mut self) -> &mut BumpString<'a> {
        let (only, arena) = (self.only, self.arena);
        self.joined.get_or_insert_with(|| BumpString::from_str_in(only, arena))
    }

    #[inline]
    pub(super) fn finish(self) -> &'a str {
        match self.joined {
            None => self.only,
            Some(joined) => joined.into_bump_str(),
        }
    }
}

/// An attribute's value, with references resolved and white space normalized (XML 1.0, section 3.3.3).
pub(super) fn attribute_value<'a>(raw: &'a str, arena: &'a Bump) -> Result<&'a str, ReadErrorKind> {
    let special = |b: u8| (b == b'&') | (b == b'\t') | (b == b'\n') | (b == b'\r');
    // Without a branch in the loop, so that it is compiled to vector instructions.
    if !raw.bytes().fold(false, |found, b| found | special(b)) {
        return Ok(raw);
    }
    let mut value = BumpString::with_capacity_in(raw.len(), arena);
    resolve(raw, true, &mut value)?;
    Ok(value.into_bump_str())
}

/// Whether text is white space only, references to it included; anything that is no text at all is an error.
pub(super) fn is_blank(raw: &str) -> Result<bool, ReadErrorKind> {
    if raw.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')) {
        return Ok(true);
    }
    check(raw)?;
    Ok(false)
}

/// Tests the references of text that nobody wants.
pub(super) fn check(raw: &str) -> Result<(), ReadErrorKind> {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
        let (name, after) = rest[at + 1..].split_once(';').ok_or(ReadErrorKind::NotWellFormed)?;
        reference(name)?;
        rest = after;
    }
    Ok(())
}

fn resolve(raw: &str, attribute: bool, out: &mut BumpString<'_>) -> Result<(), ReadErrorKind> {
    let literal = |text: &str, out: &mut BumpString<'_>| {
        if attribute {
            let text = text.split("\r\n");
            for (i, line) in text.enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                out.extend(line.chars().map(|c| if matches!(c, '\t' | '\n' | '\r') { ' ' } else { c }));
            }
        } else {
            push_lines(text, out);
        }
    };
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        literal(before, out);
        let (name, after) = after.split_once(';').ok_or(ReadErrorKind::NotWellFormed)?;
        out.push(reference(name)?);
        rest = after;
    }
    literal(rest, out);
    Ok(())
}

/// Line ends as XML sees them (section 2.11): a carriage return, with its line feed or without, is a line feed.
fn push_lines(text: &str, out: &mut BumpString<'_>) {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                out.push('\n');
            }
            c => out.push(c),
        }
    }
}

/// The character of `&name;` or `&#10;`.
fn reference(name: &str) -> Result<char, ReadErrorKind> {
    let number = match name {
        "amp" => return Ok('&'),
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        name => match (name.strip_prefix("#x"), name.strip_prefix('#')) {
            (Some(digits), _) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
                u32::from_str_radix(digits, 16)
            }
            (None, Some(digits)) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse(),
            (_, Some(_)) => return Err(ReadErrorKind::NotWellFormed),
            (_, None) => return Err(ReadErrorKind::Entity),
        },
    };
    let found = number.ok().and_then(char::from_u32).filter(|c| is_legal(*c));
    found.ok_or(ReadErrorKind::IllegalCharacter)
}
