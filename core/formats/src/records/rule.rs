//! Conditions on a record's bytes, compiled: texts are bytes already.

use bumpalo::Bump;
use portolan_schema::layout::{self, Characters, Layout, NodeId};

use super::{
    codepage::Transcoder,
    formula::{Facts, Formula, Place},
    part::blank,
};
use crate::Value;

/// Any of these, each of which is all of its tests.
#[derive(Debug)]
pub(super) struct Rule {
    any: Vec<Vec<Test>>,
}

#[derive(Debug)]
enum Test {
    Columns { from: usize, to: Option<usize>, matches: Matches },
    Value(Place, Matches),
    Length(u32, u32),
    Number(u64, u64),
    Last,
    Formula(Formula),
}

#[derive(Debug)]
enum Matches {
    /// One of these, as bytes and as text.
    Literals(Vec<(Box<[u8]>, Box<str>)>),
    /// Most literals are one byte.
    Byte(u8, Box<str>),
    Range(Box<str>, Box<str>),
    Pattern(Box<regex::Regex>),
    Characters(Characters),
    Blank(u8),
    Not(Box<Matches>),
}

impl Rule {
    /// Compiles a rule of a node.
    pub(super) fn compile(layout: &Layout, node: NodeId, rule: &layout::Rule) -> Self {
        let test = |test: &layout::Test| match test {
            layout::Test::Columns { from, to, matches } => Test::Columns {
                from: *from as usize,
                to: to.map(|to| to as usize),
                matches: Matches::compile(layout, matches),
            },
            layout::Test::Value(reference, matches) => {
                Test::Value(Place::compile(layout, node, reference), Matches::compile(layout, matches))
            }
            layout::Test::Length(from, to) => Test::Length(*from, *to),
            layout::Test::Number(from, to) => Test::Number(*from, *to),
            layout::Test::Last => Test::Last,
            layout::Test::Formula(formula) => Test::Formula(Formula::compile(layout, node, formula)),
        };
        Self { any: rule.any.iter().map(|all| all.iter().map(test).collect()).collect() }
    }

    /// Bytes that must stand in certain columns, where there is but one way to satisfy it.
    pub(super) fn columns(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.only().filter_map(|test| match test {
            Test::Columns { from, matches, .. } => Some((*from, matches.only()?.0)),
            _ => None,
        })
    }

    /// Texts that fields must have, in the same case.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&Place, &str)> {
        self.only().filter_map(|test| match test {
            Test::Value(place, matches) => Some((place, matches.only()?.1)),
            _ => None,
        })
    }

    fn only(&self) -> impl Iterator<Item = &Test> {
        self.any.first().filter(|_| self.any.len() == 1).into_iter().flatten()
    }

    /// What its formulas and places ask of other records.
    pub(super) fn each_place(&self, see: &mut dyn FnMut(&Place)) {
        for test in self.any.iter().flatten() {
            match test {
                Test::Value(place, _) => see(place),
                Test::Formula(formula) => formula.each_place(see),
                _ => {}
            }
        }
    }

    /// Whether it asks for nothing but the record that it is tested on.
    pub(super) fn is_own(&self, node: NodeId) -> bool {
        self.any.iter().flatten().all(|test| match test {
            Test::Value(place, _) => place.record == node && !place.previous,
            Test::Formula(formula) => formula.is_own(node),
            Test::Columns { .. } | Test::Length(..) => true,
            Test::Number(..) | Test::Last => false,
        })
    }

    /// Whether it asks for the end of the file.
    pub(super) fn asks_for_last(&self) -> bool {
        self.any.iter().flatten().any(|test| matches!(test, Test::Last))
    }

    /// Whether a record satisfies it.
    pub(super) fn holds(&self, facts: &Facts<'_>, arena: &Bump) -> bool {
        self.any.iter().any(|all| all.iter().all(|test| test.holds(facts, arena)))
    }
}

impl Test {
    #[inline]
    fn holds(&self, facts: &Facts<'_>, arena: &Bump) -> bool {
        match self {
            Self::Columns { from, to, matches } => {
                let (from, to) = match facts.columns {
                    None => (
                        facts.from.saturating_add(*from),
                        to.map_or(facts.record.len(), |to| facts.from.saturating_add(to)),
                    ),
                    // Of delimited values columns are counted, not bytes.
                    Some(columns) => {
                        let at = |column: usize| columns.get(facts.from.saturating_add(column));
                        let first = at(*from).map_or(facts.record.len(), |column| column.start);
                        let last = to.and_then(|to| at(to - 1)).or(columns.last());
                        (first, last.map_or(facts.record.len(), |column| column.end))
                    }
                };
                let bytes = facts.record.get(from..to.max(from));
                bytes.is_some_and(|bytes| matches.bytes(bytes, facts, arena))
            }
            Self::Value(place, matches) => match place.value(facts, arena) {
                Some(value) => matches.value(value),
                None => false,
            },
            Self::Length(from, to) => (*from as usize..=*to as usize).contains(&facts.record.len()),
            Self::Number(from, to) => (*from..=*to).contains(&facts.number),
            Self::Last => facts.last,
            Self::Formula(formula) => formula.holds(facts, arena),
        }
    }
}

impl Matches {
    fn compile(layout: &Layout, matches: &layout::Matches) -> Self {
        let encoding = layout.file.encoding;
        match matches {
            layout::Matches::Literals(texts) => {
                let transcoder = Transcoder::new(encoding);
                let encoded = texts.iter().map(|text| {
                    let mut bytes = Vec::new();
                    // A text that the encoding does not have matches nothing.
                    let known = transcoder.encode(text, false, &mut bytes).is_ok();
                    (if known { bytes.into() } else { Box::default() }, text.clone())
                });
                let encoded: Vec<(Box<[u8]>, Box<str>)> = encoded.collect();
                match encoded.as_slice() {
                    [(bytes, text)] if bytes.len() == 1 => Self::Byte(bytes[0], text.clone()),
                    _ => Self::Literals(encoded),
                }
            }
            layout::Matches::Range(from, to) => Self::Range(from.clone(), to.clone()),
            layout::Matches::Pattern(pattern) => {
                match regex::Regex::new(&format!("^(?:{pattern})$")) {
                    Ok(regex) => Self::Pattern(Box::new(regex)),
                    // The layout's reader has refused it before.
                    Err(_) => Self::Literals(Vec::new()),
                }
            }
            layout::Matches::Characters(characters) => Self::Characters(characters.clone()),
            layout::Matches::Blank => Self::Blank(blank(encoding)),
            layout::Matches::Not(inner) => Self::Not(Box::new(Self::compile(layout, inner))),
        }
    }

    /// What must stand there, where it is one thing.
    fn only(&self) -> Option<(&[u8], &str)> {
        match self {
            Self::Byte(byte, text) => Some((std::slice::from_ref(byte), text)),
            Self::Literals(literals) => match literals.as_slice() {
                [(bytes, text)] => Some((bytes, text)),
                _ => None,
            },
            _ => None,
        }
    }

    #[inline]
    fn bytes(&self, bytes: &[u8], facts: &Facts<'_>, arena: &Bump) -> bool {
        match self {
            Self::Byte(byte, _) => bytes == [*byte],
            Self::Literals(literals) => {
                literals.iter().any(|(literal, _)| bytes == &**literal && !bytes.is_empty())
            }
            Self::Blank(blank) => bytes.iter().all(|byte| byte == blank),
            Self::Not(inner) => !inner.bytes(bytes, facts, arena),
            _ => match facts.text.decode_in(bytes, arena) {
                Ok(text) => self.text(text),
                Err(_) => false,
            },
        }
    }

    fn value(&self, value: Value<'_>) -> bool {
        match value {
            Value::Absent | Value::Nil => match self {
                Self::Blank(_) => true,
                Self::Not(inner) => !inner.value(value),
                _ => false,
            },
            Value::Text(text) => self.text(text),
            value => {
                let mut written = Vec::new();
                if crate::lexical::write_any(value, &mut written).is_err() {
                    return false;
                }
                std::str::from_utf8(&written).is_ok_and(|text| self.text(text) || self.number(value))
            }
        }
    }

    /// A number is the same however many zeros stand before it.
    fn number(&self, value: Value<'_>) -> bool {
        let same = |text: &str| {
            let parsed = crate::lexical::parse_decimal(text).map(Value::Decimal);
            parsed
                .is_ok_and(|literal| crate::value::compare(literal, value) == Some(std::cmp::Ordering::Equal))
        };
        match self {
            Self::Byte(_, text) => same(text),
            Self::Literals(literals) => literals.iter().any(|(_, text)| same(text)),
            _ => false,
        }
    }

    fn text(&self, text: &str) -> bool {
        match self {
            Self::Byte(_, literal) => text == &**literal,
            Self::Literals(literals) => literals.iter().any(|(_, literal)| text == &**literal),
            Self::Range(from, to) => &**from <= text && text <= &**to,
            Self::Pattern(pattern) => pattern.is_match(text),
            Self::Characters(characters) => !text.is_empty() && text.chars().all(|c| of(characters, c)),
            Self::Blank(_) => text.chars().all(|c| c == ' '),
            Self::Not(inner) => !inner.text(text),
        }
    }
}

/// Whether a character is one of a class.
fn of(characters: &Characters, c: char) -> bool {
    match characters {
        Characters::Alphabetic => c.is_ascii_alphabetic() || c == ' ',
        Characters::Digits => c.is_ascii_digit(),
        Characters::Alphanumeric => c.is_ascii_alphanumeric() || c == ' ',
        Characters::Printable => c.is_ascii_graphic() || c == ' ',
        Characters::Listed(listed) => listed.contains(c),
    }
}
