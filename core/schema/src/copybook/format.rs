//! The reference format of COBOL source: which columns of a line are text, which lines are comments, and which continue others.
//!
//! IBM Enterprise COBOL for z/OS Language Reference, "Reference format"; ISO/IEC 1989:2014, 6.2 to 6.4.

use std::{collections::BTreeMap, ops::Range};

use portolan_diagnostics::{SourceId, Span};

/// Where the text of a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReferenceFormat {
    /// Columns 8 to 72, with an indicator in column 7.
    Fixed,
    /// Anywhere.
    Free,
}

/// The column of the indicator, from 0.
const INDICATOR: usize = 6;
/// The column after the last one of text, from 0.
const MARGIN: usize = 72;
/// Tabs lead to the next multiple of this.
const TAB: usize = 8;

/// A file's text without what the reference format puts around it.
pub(super) struct Text {
    /// Lines of text; a continued line is one.
    pub(super) text: String,
    /// From which byte of `text` on which byte of the source stands there.
    places: Vec<(usize, usize)>,
    source: SourceId,
    /// What comments say, by the line of the source, from 0.
    pub(super) comments: BTreeMap<usize, Comment>,
}

/// A comment of one line.
pub(super) struct Comment {
    /// What it says, without the signs that adorn it.
    pub(super) text: String,
    /// Nothing else stands in the line.
    pub(super) alone: bool,
}

impl Text {
    /// The place in the source of a range of the text.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        let start = self.place(range.start);
        let end = self.place(range.end.saturating_sub(1)) + 1;
        Span::new(self.source, start..end.max(start))
    }

    fn place(&self, at: usize) -> usize {
        let index = self.places.partition_point(|(text, _)| *text <= at);
        match self.places.get(index.saturating_sub(1)) {
            Some((text, source)) => source + at.saturating_sub(*text),
            None => at,
        }
    }

    fn push(&mut self, c: char, at: usize) {
        let here = self.text.len();
        let expected = self.places.last().map(|(text, source)| source + (here - text));
        if expected != Some(at) {
            self.places.push((here, at));
        }
        self.text.push(c);
    }

    fn trim_end(&mut self) {
        self.text.truncate(self.text.trim_end().len());
        let length = self.text.len();
        while self.places.last().is_some_and(|(text, _)| *text > length) {
            self.places.pop();
        }
    }
}

/// Takes the reference format away.
pub(super) fn read(source: SourceId, text: &str, format: Option<ReferenceFormat>) -> Text {
    let format = format.or_else(|| said(text)).unwrap_or_else(|| guessed(text));
    let mut out = Text { text: String::new(), places: Vec::new(), source, comments: BTreeMap::new() };
    // The quote of a literal that is open, and the column at which the last line ended.
    let mut open: Option<char> = None;
    let mut column = 0;
    let mut start = 0;
    for (number, whole) in text.split('\n').enumerate() {
        let line = Line { text: whole.trim_end_matches(['\r', '\u{1A}']), start };
        start += whole.len() + 1;
        let (kind, body) = line.cut(format);
        match kind {
            Kind::Nothing => continue,
            Kind::Comment => {
                note(&mut out.comments, number, &line.text[body], true);
                continue;
            }
            Kind::Text => {
                open = None;
                out.text.push('\n');
            }
            Kind::Continuation => {}
        }
        let body_text = line.text.get(body.clone()).unwrap_or_default();
        let mut skip = 0;
        if kind == Kind::Continuation {
            skip = body_text.len() - body_text.trim_start().len();
            match open {
                // A literal goes on to the margin, then after the quote of the next line.
                Some(quote) => {
                    let last = line.start.saturating_sub(1);
                    for _ in column..MARGIN {
                        out.push(' ', last);
                    }
                    if body_text[skip..].starts_with(quote) {
                        skip += 1;
                    }
                }
                None => out.trim_end(),
            }
        }
        let mut before = ' ';
        for (index, c) in body_text.char_indices().filter(|(index, _)| *index >= skip) {
            let rest = &body_text[index..];
            if open.is_none() && rest.starts_with("*>") && (before.is_whitespace() || index == skip) {
                note(&mut out.comments, number, &rest[2..], body_text[..index].trim().is_empty());
                break;
            }
            match open {
                Some(quote) if quote == c => open = None,
                None if matches!(c, '"' | '\'') => open = Some(c),
                _ => {}
            }
            let c = if c.is_control() { ' ' } else { c };
            out.push(c, line.start + body.start + index);
            before = c;
        }
        column = line.width(body.end).min(MARGIN);
    }
    out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Continuation,
    Comment,
    Nothing,
}

/// A line of a source.
struct Line<'a> {
    text: &'a str,
    /// Where it begins in the source.
    start: usize,
}

impl Line<'_> {
    /// What it is, and which bytes of it are text.
    fn cut(&self, format: ReferenceFormat) -> (Kind, Range<usize>) {
        let trimmed = self.text.trim_start();
        let first = self.text.len() - trimmed.len();
        let all = first..self.text.len();
        if trimmed.is_empty() || trimmed.starts_with(">>") {
            return (Kind::Nothing, all);
        }
        match format {
            ReferenceFormat::Free => match trimmed.as_bytes() {
                [b'$', ..] if is_directive(trimmed) => (Kind::Nothing, all),
                [b'*', b'>', ..] => (Kind::Comment, all),
                // Micro Focus, in the first column.
                [b'*', ..] if first == 0 => (Kind::Comment, all),
                _ => (Kind::Text, all),
            },
            ReferenceFormat::Fixed => self.fixed(),
        }
    }

    fn fixed(&self) -> (Kind, Range<usize>) {
        let indicator = self.at(INDICATOR);
        let body = self.at(INDICATOR + 1)..self.at(MARGIN);
        let sign = self.text.get(indicator..body.start).and_then(|s| s.chars().next()).unwrap_or(' ');
        let next = self.text.get(body.start..).and_then(|s| s.chars().next()).unwrap_or(' ');
        let empty = self.text.get(body.clone()).unwrap_or_default().trim().is_empty();
        match sign {
            '*' | '/' => (Kind::Comment, body),
            '$' if is_directive(self.text.get(indicator..).unwrap_or_default()) => (Kind::Nothing, body),
            'D' | 'd' if next.is_whitespace() => (Kind::Nothing, body),
            _ if sign.is_whitespace() && empty => (Kind::Nothing, body),
            '-' if !empty => (Kind::Continuation, body),
            _ if sign.is_whitespace() => (Kind::Text, body),
            // Text that begins a column too early is text all the same.
            _ => (Kind::Text, indicator..body.end),
        }
    }

    /// The byte that stands at a column, from 0; one that a tab covers is the byte after the tab.
    fn at(&self, column: usize) -> usize {
        let mut here = 0;
        for (index, c) in self.text.char_indices() {
            if here >= column {
                return index;
            }
            here += step(here, c);
        }
        self.text.len()
    }

    /// The column of a byte.
    fn width(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        before.chars().fold(0, |column, c| column + step(column, c))
    }
}

/// Micro Focus' directives, which begin as pictures of amounts may.
fn is_directive(text: &str) -> bool {
    let word: String = text.chars().skip(1).take_while(char::is_ascii_alphabetic).collect();
    ["SET", "IF", "ELSE", "END", "DISPLAY", "REGION", "ENDREGION"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

fn step(column: usize, c: char) -> usize {
    if c == '\t' { TAB - column % TAB } else { 1 }
}

fn note(comments: &mut BTreeMap<usize, Comment>, line: usize, text: &str, alone: bool) {
    let adorned = |c: char| c.is_whitespace() || matches!(c, '*' | '-' | '=' | '>' | '#' | '/' | '+' | '_');
    let text = text.trim_matches(adorned);
    if !text.is_empty() {
        comments.insert(line, Comment { text: text.to_owned(), alone });
    }
}

/// What a directive says (`>>SOURCE FORMAT IS FREE`, `$SET SOURCEFORMAT"FREE"`).
fn said(text: &str) -> Option<ReferenceFormat> {
    let directive = text.lines().take(200).map(|line| line.trim().to_ascii_uppercase()).find(|line| {
        (line.starts_with(">>") || line.starts_with('$') || line.contains("$SET"))
            && line.contains("SOURCE")
            && line.contains("FORMAT")
    })?;
    if directive.contains("FREE") {
        return Some(ReferenceFormat::Free);
    }
    directive.contains("FIXED").then_some(ReferenceFormat::Fixed)
}

/// By where text stands. Lines whose first columns are text speak for the free form, comments and numbers in the columns of the
/// fixed form against it.
fn guessed(text: &str) -> ReferenceFormat {
    let (mut fixed, mut free) = (0usize, 0usize);
    for line in text.lines().map(|text| Line { text: text.trim_end(), start: 0 }) {
        let sequence = &line.text[..line.at(INDICATOR)];
        let indicator = line.text.get(line.at(INDICATOR)..).and_then(|s| s.chars().next());
        let numbered = sequence.len() == INDICATOR && sequence.bytes().all(|b| b.is_ascii_digit());
        let blank = sequence.trim().is_empty();
        let word = line.text.split_whitespace().next().unwrap_or_default();
        let statement = ["COPY", "REPLACE"].iter().any(|known| word.eq_ignore_ascii_case(known));
        let level = (1..=2).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
        match indicator {
            Some('*' | '/') if blank || numbered => fixed += 1,
            Some(' ') if numbered => fixed += 1,
            _ if blank || numbered => {}
            _ if sequence.trim_start().starts_with("*>") => free += 1,
            // A word that begins in the first six columns.
            _ if level || statement => free += 1,
            _ => {}
        }
    }
    if free > fixed { ReferenceFormat::Free } else { ReferenceFormat::Fixed }
}
