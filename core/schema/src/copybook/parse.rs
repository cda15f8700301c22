//! From words to data description entries, within one another by their levels. Whatever is wrong, the rest is read on.

use std::collections::BTreeMap;

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    clauses::{self, CLAUSE_WORDS},
    syntax::{Condition, Described, Item, Named, Renames, Value},
    token::{Kind, Token},
};
use crate::layout::Notation;

/// Entries in all. What is made of each is looked up among the others.
const MAX_ITEMS: usize = 10_000;

/// Words with which parts of a program begin that describe no data: they are passed over up to their period.
const PROGRAM: &[&str] = &[
    "CBL",
    "PROCESS",
    "IDENTIFICATION",
    "ID",
    "PROGRAM-ID",
    "AUTHOR",
    "INSTALLATION",
    "DATE-WRITTEN",
    "DATE-COMPILED",
    "SECURITY",
    "REMARKS",
    "ENVIRONMENT",
    "CONFIGURATION",
    "SOURCE-COMPUTER",
    "OBJECT-COMPUTER",
    "SPECIAL-NAMES",
    "REPOSITORY",
    "INPUT-OUTPUT",
    "FILE-CONTROL",
    "SELECT",
    "I-O-CONTROL",
    "DATA",
    "FILE",
    "FD",
    "SD",
    "WORKING-STORAGE",
    "LOCAL-STORAGE",
    "LINKAGE",
    "COMMUNICATION",
    "REPORT",
    "SCREEN",
    "END",
    "DECIMAL-POINT",
    "CURRENCY",
];

/// What was read.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) records: Vec<Described>,
    pub(super) notation: Notation,
}

/// Words, and where among them we are.
pub(super) struct Parser<'t> {
    tokens: &'t [Token],
    pub(super) at: usize,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Named values: level 78, and `CONSTANT`.
    pub(super) constants: BTreeMap<String, Value>,
    pub(super) notation: Notation,
}

/// Reads all entries. `doc` tells what comments say of the words from one place to another.
pub(super) fn parse(
    tokens: &[Token],
    notation: Notation,
    name: &str,
    doc: &dyn Fn(Span, Span) -> Option<String>,
) -> (Parsed, Vec<Diagnostic>) {
    let mut parser = Parser { tokens, at: 0, diagnostics: Vec::new(), constants: BTreeMap::new(), notation };
    let mut gathered = Gathered::default();
    let mut program = false;
    let mut items = 0;
    while let Some(token) = parser.peek() {
        match token.kind {
            Kind::Period => parser.at += 1,
            Kind::Word if is_number(&token.text) => {
                program = false;
                items += 1;
                if items > MAX_ITEMS {
                    let message = format!("more than {MAX_ITEMS} entries");
                    parser
                        .diagnostics
                        .push(Diagnostic::error(Code::COPYBOOK_REFUSED, message).at(token.span, ""));
                    break;
                }
                entry(&mut parser, &mut gathered, name, doc);
            }
            Kind::Word if ["EJECT", "SKIP1", "SKIP2", "SKIP3"].iter().any(|word| token.is(word)) => {
                parser.at += 1
            }
            Kind::Word if token.is("TITLE") => {
                parser.at += 1;
                parser.at += usize::from(parser.peek().is_some_and(|next| next.kind == Kind::Literal));
            }
            Kind::Word if token.is("PROCEDURE") => break,
            _ => {
                let known = PROGRAM.iter().any(|word| token.is(word));
                program = program && !token.is("DATA") || token.is("IDENTIFICATION") || token.is("ID");
                program = program || token.is("ENVIRONMENT");
                if !known && !program {
                    let found =
                        Diagnostic::error(Code::COPYBOOK_SYNTAX, "an entry begins with a level number");
                    parser.diagnostics.push(found.at(token.span, "this is none"));
                }
                parser.special_names();
            }
        }
    }
    let records = gathered.finish();
    (Parsed { records, notation: parser.notation }, parser.diagnostics)
}

/// The entries so far: the path to the one that is open, outermost first.
#[derive(Default)]
struct Gathered {
    records: Vec<Described>,
    open: Vec<Item>,
    renames: Vec<Renames>,
}

impl Gathered {
    /// Adds an entry within those of lower levels.
    fn add(&mut self, item: Item) {
        self.close(item.level);
        self.open.push(item);
    }

    /// Ends every open entry that cannot hold one of this level.
    fn close(&mut self, level: u8) {
        while self.open.last().is_some_and(|last| last.level >= level || level == 77 || last.level == 77) {
            let Some(done) = self.open.pop() else { break };
            match self.open.last_mut() {
                Some(parent) => parent.children.push(done),
                None => {
                    let renames = std::mem::take(&mut self.renames);
                    self.records.push(Described { item: done, renames });
                }
            }
        }
    }

    fn finish(mut self) -> Vec<Described> {
        self.close(0);
        self.records
    }
}

/// Reads the entry whose level number is here.
fn entry(
    parser: &mut Parser<'_>,
    gathered: &mut Gathered,
    name: &str,
    doc: &dyn Fn(Span, Span) -> Option<String>,
) {
    let Some(first) = parser.next() else { return };
    let level = first.text.parse::<u8>().unwrap_or(0);
    let first = first.span;
    match level {
        66 => renames(parser, gathered),
        78 => constant(parser),
        88 => condition(parser, gathered),
        1..=49 | 77 => {
            let named = parser.name();
            let mut span = first;
            if let Some(name) = &named
                && name.span.source == span.source
                && span.end <= name.span.start
            {
                span.end = name.span.end;
            }
            if parser.peek().is_some_and(|token| token.is("CONSTANT")) {
                parser.constant(named);
                return;
            }
            let named = named.filter(|name| !name.text.eq_ignore_ascii_case("FILLER"));
            let mut item = clauses::read(parser, level, named, span);
            item.doc = doc(first, parser.last().unwrap_or(first));
            if gathered.open.is_empty() && !matches!(level, 1 | 77) {
                gathered.add(whole(name, span));
            }
            gathered.add(item);
        }
        _ => {
            let found = Diagnostic::error(Code::COPYBOOK_SYNTAX, format!("there is no level {level:02}"));
            parser.diagnostics.push(
                found
                    .at(first, "")
                    .help("levels are 01 to 49, 66 (RENAMES), 77, 78 (constants) and 88 (conditions)"),
            );
            parser.skip();
        }
    }
}

/// What holds the entries of a copybook that begins below level 1: a program that copies it says what.
fn whole(name: &str, span: Span) -> Item {
    Item::new(1, Some(Named { text: name.to_owned(), span }), span)
}

/// `66 A RENAMES B [THROUGH C].`
fn renames(parser: &mut Parser<'_>, gathered: &mut Gathered) {
    let name = parser.name();
    let sound = parser.eat(&["RENAMES"]);
    let from = parser.reference();
    let through = if parser.eat(&["THROUGH", "THRU"]) { parser.reference() } else { None };
    match (name, from) {
        (Some(name), Some(from)) if sound && !gathered.open.is_empty() => {
            gathered.renames.push(Renames { name, from, through });
        }
        (name, _) => {
            let at = name.map(|name| name.span).or(parser.last());
            parser.syntax("level 66 says what it renames: `66 A RENAMES B THROUGH C.`", at);
        }
    }
    parser.period();
}

/// `78 A VALUE 5.`
fn constant(parser: &mut Parser<'_>) {
    let name = parser.name();
    parser.constant(name);
}

/// `88 A VALUES ARE "1" THROUGH "3", "5".`
fn condition(parser: &mut Parser<'_>, gathered: &mut Gathered) {
    let name = parser.name();
    let sound = parser.eat(&["VALUE", "VALUES"]);
    parser.eat(&["IS", "ARE"]);
    let ranges = parser.values();
    if parser.eat(&["WHEN"]) {
        parser.eat(&["SET"]);
        parser.eat(&["TO"]);
        parser.eat(&["FALSE"]);
        parser.eat(&["IS"]);
        parser.values();
    }
    let at = name.as_ref().map(|name| name.span).or(parser.last());
    match (name, gathered.open.last_mut()) {
        (Some(name), Some(item)) if sound && !ranges.is_empty() => {
            let values = ranges.into_iter().filter(|(_, range)| !range).map(|(value, _)| value).collect();
            item.conditions.push(Condition { name: name.text, values });
        }
        (_, None) => parser.syntax("level 88 follows the item whose values it names", at),
        _ => parser.syntax("level 88 has a name and its values: `88 A VALUE \"1\".`", at),
    }
    parser.period();
}

fn is_number(text: &str) -> bool {
    (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

impl<'t> Parser<'t> {
    pub(super) fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn next(&mut self) -> Option<&'t Token> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    /// The place of the word before.
    pub(super) fn last(&self) -> Option<Span> {
        Some(self.tokens.get(self.at.checked_sub(1)?)?.span)
    }

    /// Passes one of these words, if it is here.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let here = self.peek().is_some_and(|token| words.iter().any(|word| token.is(word)));
        self.at += usize::from(here);
        here
    }

    pub(super) fn syntax(&mut self, message: &str, at: Option<Span>) {
        let found = Diagnostic::error(Code::COPYBOOK_SYNTAX, message);
        self.diagnostics.push(match at {
            Some(at) => found.at(at, ""),
            None => found,
        });
    }

    /// The name of an entry, if it has one.
    fn name(&mut self) -> Option<Named> {
        let token = self.peek().filter(|token| token.kind == Kind::Word)?;
        if CLAUSE_WORDS.iter().any(|word| token.is(word)) {
            return None;
        }
        self.at += 1;
        if let Some(wrong) = token.text.chars().find(|c| !(c.is_alphanumeric() || "-_#@$".contains(*c))) {
            let found = Diagnostic::error(
                Code::COPYBOOK_SYNTAX,
                format!("`{}` is no name: `{wrong}` stands in it", token.text),
            );
            let found = found.at(token.span, "");
            self.diagnostics.push(match wrong {
                ':' | '(' | ')' => {
                    found.help("a program that copies this says by REPLACING what stands for it")
                }
                _ => found,
            });
        }
        Some(Named { text: token.text.to_string(), span: token.span })
    }

    /// A name that refers to an entry.
    pub(super) fn reference(&mut self) -> Option<Named> {
        let token = self.peek().filter(|token| token.kind == Kind::Word)?;
        self.at += 1;
        Some(Named { text: token.text.to_string(), span: token.span })
    }

    /// A name with what it is in: `A OF B OF C`.
    pub(super) fn qualified(&mut self) -> Vec<Named> {
        let mut names: Vec<Named> = self.reference().into_iter().collect();
        while !names.is_empty() && self.eat(&["OF", "IN"]) {
            names.extend(self.reference());
        }
        names
    }

    /// The end of an entry. A number that begins a line where a period should be is taken for the next entry.
    pub(super) fn period(&mut self) {
        match self.peek() {
            None => {}
            Some(token) if token.kind == Kind::Period => self.at += 1,
            Some(token) => {
                let missing = is_number(&token.text) && token.kind == Kind::Word;
                let at = if missing { self.last() } else { Some(token.span) };
                let message =
                    if missing { "a period is missing after this" } else { "the entry should end here" };
                self.syntax(message, at);
                if !missing {
                    self.skip();
                }
            }
        }
    }

    /// Goes behind the next period.
    pub(super) fn skip(&mut self) {
        while self.next().is_some_and(|token| token.kind != Kind::Period) {}
    }

    /// Passes part of a program, and takes what it says of pictures.
    fn special_names(&mut self) {
        while let Some(token) = self.next() {
            if token.kind == Kind::Period {
                break;
            }
            if token.is("DECIMAL-POINT") {
                self.eat(&["IS"]);
                self.notation.decimal_comma |= self.eat(&["COMMA"]);
            }
            if token.is("CURRENCY") {
                self.eat(&["SIGN"]);
                self.eat(&["IS"]);
                let sign = self.peek().filter(|token| token.kind == Kind::Literal);
                if let Some(sign) = sign.and_then(|token| token.text.trim_matches(['"', '\'']).chars().next())
                {
                    self.notation.currency = sign;
                }
            }
        }
    }
}
