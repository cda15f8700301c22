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
#[derive(Debug, Clone)]
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

    /// The whole document, again.
    pub(super) fn restarted(&self) -> Self {
        Self::new(self.input)
    }

    /// Bytes in all.
    pub(super) fn len(&self) -> usize {
        self.input.len()
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
                    let length = text_length(rest)?;
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
        if !name.is_ascii() && !is_full_name(name) {
            return Err(ReadErrorKind::NotWellFormed);
        }
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
        let target = rest[..end].split(SPACES).next().unwrap_or_default();
        let first = self.at == 0 || (self.at == 3 && self.input.starts_with('\u{FEFF}'));
        let well_formed = match target {
            "xml" => first && is_declaration(&rest[3..end]),
            target => !target.eq_ignore_ascii_case("xml") && !target.contains(':') && is_full_name(target),
        };
        if !well_formed {
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
        let trimmed = trim_start(self.rest);
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
    let begins = name.bytes().next()?;
    if matches!(begins, b'0'..=b'9' | b'-' | b'.') || (!name.is_ascii() && !is_full_name(name)) {
        return None;
    }
    let rest = trim_start(trim_start(rest).strip_prefix('=')?);
    let quote = rest.bytes().next().filter(|b| matches!(b, b'"' | b'\''))?;
    let end = memchr::memchr(quote, &rest.as_bytes()[1..])?;
    let (value, rest) = (&rest[1..1 + end], &rest[2 + end..]);
    memchr::memchr(b'<', value.as_bytes()).is_none().then_some((name, value, rest))
}

#[inline]
fn trim_start(text: &str) -> &str {
    &text[text.bytes().take_while(|b| is_space(*b)).count()..]
}

#[inline]
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// How long text is, up to the next tag. `]]>` is for the end of a CDATA section alone (XML 1.0, section 2.4).
#[inline]
fn text_length(rest: &[u8]) -> Result<usize, ReadErrorKind> {
    let mut length = 0;
    loop {
        match memchr::memchr2(b'<', b'>', &rest[length..]) {
            None => return Ok(rest.len()),
            Some(found) if rest[length + found] == b'<' => return Ok(length + found),
            Some(found) if rest[..length + found].ends_with(b"]]") => {
                return Err(ReadErrorKind::NotWellFormed);
            }
            Some(found) => length += found + 1,
        }
    }
}

/// What stands in `<?xml ...?>`: a version of XML 1, an encoding perhaps, and whether it stands alone. The encoding is
/// the business of whoever made this text of the bytes.
#[cold]
fn is_declaration(text: &str) -> bool {
    let attributes: Option<Vec<_>> = Attributes { rest: text }.take(4).map(Result::ok).collect();
    let Some([("version", version), rest @ ..]) = attributes.as_deref() else { return false };
    let minor = version.strip_prefix("1.");
    minor.is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit()))
        && match rest {
            [] | [("encoding", _)] => true,
            [("standalone", alone)] | [("encoding", _), ("standalone", alone)] => {
                matches!(*alone, "yes" | "no")
            }
            _ => false,
        }
}

/// Whether every character may stand in a name (XML 1.0, section 2.3), the first at its beginning.
#[cold]
#[inline(never)]
fn is_full_name(name: &str) -> bool {
    let begins = |c: char| {
        matches!(c, ':' | '_' | 'A'..='Z' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}'
            | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}'
            | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}'
            | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
    };
    let goes_on = |c: char| {
        begins(c)
            || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
    };
    name.chars().next().is_some_and(begins) && name.chars().all(goes_on)
}

/// Bytes of a name; characters beyond ASCII are looked at by [`is_full_name`].
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
