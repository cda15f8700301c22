//! From text to tags: a scanner for XML 1.0 without document type declarations.
//!
//! Written for what a SOAP reply is: a few kilobytes that are already in memory, read once. Tags are slices of the
//! input, names are compared when an element ends, comments and processing instructions are passed over. It stands
//! in place of quick-xml's reader because it halves the time of a translation (`docs/benchmarks.md`).

use crate::ReadErrorKind;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    /// An element begins; one that is empty ends with the next token.
    Start(Tag<'a>),
    /// The innermost element ends.
    End,
    /// Text as it is written, references unresolved.
    Text(&'a str),
    /// Text without references.
    CData(&'a str),
    /// The input ends, with no element open.
    Eof,
}

/// A start tag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tag<'a> {
    /// The name with its prefix.
    pub(super) name: &'a str,
    /// What follows the name, as it is written.
    pub(super) attributes: &'a str,
}

/// A place in a document.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    input: &'a str,
    at: usize,
    /// The names of the elements that are open.
    open: Vec<&'a str>,
    /// The innermost element was written as an empty one.
    ends: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        let at = if input.starts_with('\u{FEFF}') { 3 } else { 0 };
        Self { input, at, open: Vec::with_capacity(16), ends: false }
    }

    /// Bytes from the beginning.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub(super) fn next(&mut self) -> Result<Token<'a>, ReadErrorKind> {
        if self.ends {
            self.ends = false;
            self.open.pop();
            return Ok(Token::End);
        }
        loop {
            let rest = &self.input.as_bytes()[self.at..];
            match rest {
                [] if self.open.is_empty() => return Ok(Token::Eof),
                [] => return Err(ReadErrorKind::Truncated),
                [b'<', b'/', ..] => return self.end(),
                [b'<', b'!', ..] => {
                    if let Some(text) = self.declaration()? {
                        return Ok(Token::CData(text));
                    }
                }
                [b'<', b'?', ..] => self.instruction()?,
                [b'<', ..] => return self.start(),
                _ => {
                    let length = memchr::memchr(b'<', rest).unwrap_or(rest.len());
                    let text = &self.input[self.at..self.at + length];
                    self.at += length;
                    return Ok(Token::Text(text));
                }
            }
        }
    }

    #[inline]
    fn end(&mut self) -> Result<Token<'a>, ReadErrorKind> {
        let open = self.open.pop().ok_or(ReadErrorKind::NotWellFormed)?;
        let rest = &self.input.as_bytes()[self.at + 2..];
        if let Some(after) = rest.strip_prefix(open.as_bytes()) {
            let blank = after.iter().take_while(|b| is_space(**b)).count();
            match after.get(blank) {
                Some(b'>') => {
                    self.at += 2 + open.len() + blank + 1;
                    return Ok(Token::End);
                }
                None => return Err(ReadErrorKind::Truncated),
                Some(_) => {}
            }
        }
        Err(if memchr::memchr(b'>', rest).is_some() {
            ReadErrorKind::NotWellFormed
        } else {
            ReadErrorKind::Truncated
        })
    }

    #[inline]
    fn start(&mut self) -> Result<Token<'a>, ReadErrorKind> {
        let begin = self.at + 1;
        let bytes = &self.input.as_bytes()[begin..];
        let length = bytes.iter().take_while(|b| is_name(**b)).count();
        let starts_well = bytes.first().is_some_and(|b| !matches!(b, b'0'..=b'9' | b'-' | b'.' | b':'));
        match bytes.get(length) {
            None => return Err(ReadErrorKind::Truncated),
            Some(b'>' | b'/' | b' ' | b'\t' | b'\n' | b'\r') if length > 0 && starts_well => {}
            Some(_) => return Err(ReadErrorKind::NotWellFormed),
        }
        let name = &self.input[begin..begin + length];
        let mut end = length;
        // A `>` within quotes does not end the tag.
        while bytes.get(end) != Some(&b'>') {
            let found = memchr::memchr3(b'>', b'"', b'\'', &bytes[end..]).ok_or(ReadErrorKind::Truncated)?;
            end += found;
            let quote = bytes[end];
            if quote != b'>' {
                let close = memchr::memchr(quote, &bytes[end + 1..]).ok_or(ReadErrorKind::Truncated)?;
                end += close + 2;
            }
        }
        let inside = &self.input[begin + length..begin + end];
        let attributes = match inside.strip_suffix('/') {
            Some(attributes) => {
                self.ends = true;
                attributes
            }
            None => inside,
        };
        self.at = begin + end + 1;
        self.open.push(name);
        Ok(Token::Start(Tag { name, attributes }))
    }

    /// A comment, which is passed over, or the text of a CDATA section.
    #[cold]
    fn declaration(&mut self) -> Result<Option<&'a str>, ReadErrorKind> {
        let rest = &self.input[self.at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            let dashes = comment.find("--").ok_or(ReadErrorKind::Truncated)?;
            return match comment.as_bytes().get(dashes + 2) {
                Some(b'>') => {
                    self.at += 4 + dashes + 3;
                    Ok(None)
                }
                Some(_) => Err(ReadErrorKind::NotWellFormed),
                None => Err(ReadErrorKind::Truncated),
            };
        }
        if let Some(text) = rest.strip_prefix("<![CDATA[") {
            if self.open.is_empty() {
                return Err(ReadErrorKind::NotWellFormed);
            }
            let end = text.find("]]>").ok_or(ReadErrorKind::Truncated)?;
            self.at += 9 + end + 3;
            return Ok(Some(&text[..end]));
        }
        let unfinished = ["<!--", "<![CDATA[", "<!DOCTYPE"].iter().any(|whole| whole.starts_with(rest));
        Err(match rest.starts_with("<!DOCTYPE") {
            true => ReadErrorKind::Doctype,
            false if unfinished => ReadErrorKind::Truncated,
            false => ReadErrorKind::NotWellFormed,
        })
    }

    /// The XML declaration, at the beginning only, or a processing instruction.
    #[cold]
    fn instruction(&mut self) -> Result<(), ReadErrorKind> {
        let rest = &self.input[self.at + 2..];
        let end = rest.find("?>").ok_or(ReadErrorKind::Truncated)?;
        let target = rest[..end].split([' ', '\t', '\n', '\r']).next().unwrap_or_default();
        let first = self.at == 0 || (self.at == 3 && self.input.starts_with('\u{FEFF}'));
        if target.is_empty() || (target.eq_ignore_ascii_case("xml") && !(first && target == "xml")) {
            return Err(ReadErrorKind::NotWellFormed);
        }
        self.at += 2 + end + 2;
        Ok(())
    }
}

/// The attributes of a tag, one after another: names and values as they are written.
pub(super) struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Tag<'a> {
    pub(super) fn attributes(&self) -> Attributes<'a> {
        Attributes { rest: self.attributes }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(&'a str, &'a str), ReadErrorKind>;

    fn next(&mut self) -> Option<Self::Item> {
        let trimmed = self.rest.trim_start_matches(SPACES);
        if trimmed.is_empty() {
            return None;
        }
        let spaced = trimmed.len() < self.rest.len();
        let parsed = if spaced { attribute(trimmed) } else { None };
        Some(match parsed {
            Some((name, value, rest)) => {
                self.rest = rest;
                Ok((name, value))
            }
            None => {
                self.rest = "";
                Err(ReadErrorKind::NotWellFormed)
            }
        })
    }
}

const SPACES: [char; 4] = [' ', '\t', '\n', '\r'];

/// A name, a value, and what follows.
fn attribute(text: &str) -> Option<(&str, &str, &str)> {
    let length = text.bytes().take_while(|b| is_name(*b)).count();
    let (name, rest) = text.split_at_checked(length)?;
    if name.is_empty() || name.starts_with(|c: char| matches!(c, '0'..='9' | '-' | '.' | ':')) {
        return None;
    }
    let rest = rest.trim_start_matches(SPACES).strip_prefix('=')?.trim_start_matches(SPACES);
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (value, rest) = rest[1..].split_once(quote)?;
    (!value.contains('<')).then_some((name, value, rest))
}

#[inline]
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Bytes of a name. Beyond ASCII every character is taken for one of a name: a name that no contract has is refused later.
#[inline]
fn is_name(byte: u8) -> bool {
    NAME[usize::from(byte)]
}

const NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':') || b >= 0x80;
        byte += 1;
    }
    table
};
