//! Pieces of text put together: borrowed while there is one, in the arena from the second on.

use super::characters::is_legal;
use crate::ReadErrorKind;
use bumpalo::{Bump, collections::String as BumpString};
use quick_xml::{XmlVersion, events::attributes::Attribute};
use std::borrow::Cow;

/// The text of one element.
pub(super) struct Pieces<'a> {
    arena: &'a Bump,
    only: &'a str,
    joined: Option<BumpString<'a>>,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(arena: &'a Bump) -> Self {
        Self { arena, only: "", joined: None }
    }

    #[inline]
    pub(super) fn push(&mut self, piece: Cow<'a, str>) {
        match piece {
            Cow::Borrowed(piece) if self.only.is_empty() && self.joined.is_none() => self.only = piece,
            piece => self.join().push_str(&piece),
        }
    }

    pub(super) fn push_char(&mut self, c: char) {
        self.join().push(c);
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

/// The character of `&name;` or `&#10;`.
pub(super) fn reference(name: &str) -> Result<char, ReadErrorKind> {
    let number = match name {
        "amp" => return Ok('&'),
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        name => match (name.strip_prefix("#x"), name.strip_prefix('#')) {
            (Some(digits), _) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => u32::from_str_radix(digits, 16),
            (None, Some(digits)) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse(),
            (_, Some(_)) => return Err(ReadErrorKind::NotWellFormed),
            (_, None) => return Err(ReadErrorKind::Entity),
        },
    };
    let found = number.ok().and_then(char::from_u32).filter(|c| is_legal(*c));
    found.ok_or(ReadErrorKind::IllegalCharacter)
}

/// An attribute's value, with references resolved and white space normalized.
pub(super) fn attribute_value<'a>(
    attribute: &Attribute<'_>,
    input: &'a str,
    arena: &'a Bump,
) -> Result<&'a str, ReadErrorKind> {
    let raw: &str = &attribute.value;
    if raw.contains('<') {
        return Err(ReadErrorKind::NotWellFormed);
    }
    if !raw.contains(['&', '\t', '\n', '\r']) {
        return Ok(within(input, raw).unwrap_or_else(|| arena.alloc_str(raw)));
    }
    let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| ReadErrorKind::Entity)?;
    if value.chars().all(is_legal) { Ok(arena.alloc_str(&value)) } else { Err(ReadErrorKind::IllegalCharacter) }
}

/// The same text as a slice of the input, which outlives the event that it came in.
pub(super) fn within<'a>(input: &'a str, part: &str) -> Option<&'a str> {
    let start = (part.as_ptr() as usize).checked_sub(input.as_ptr() as usize)?;
    input.get(start..start.checked_add(part.len())?)
}
