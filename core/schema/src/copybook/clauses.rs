//! The clauses of a data description entry.
//!
//! IBM Enterprise COBOL for z/OS Language Reference, "Data division--data description entry".

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    parse::Parser,
    syntax::{Item, Named, Occurs, Value},
    token::{Kind, Token},
};
use crate::layout::{Picture, Side, Usage};

/// Words that begin a clause and are no names.
pub(super) const CLAUSE_WORDS: &[&str] = &[
    "PIC",
    "PICTURE",
    "USAGE",
    "OCCURS",
    "VALUE",
    "VALUES",
    "REDEFINES",
    "RENAMES",
    "SYNC",
    "SYNCHRONIZED",
    "SYNCHRONISED",
    "JUST",
    "JUSTIFIED",
    "BLANK",
    "COMP",
    "COMP-1",
    "COMP-2",
    "COMP-3",
    "COMP-4",
    "COMP-5",
    "COMP-6",
    "COMP-X",
    "COMPUTATIONAL",
    "COMPUTATIONAL-1",
    "COMPUTATIONAL-2",
    "COMPUTATIONAL-3",
    "COMPUTATIONAL-4",
    "COMPUTATIONAL-5",
    "BINARY",
    "PACKED-DECIMAL",
    "DISPLAY",
    "CONSTANT",
];

/// Words by which clauses begin, as messages suggest them.
const SUGGESTED: &[&str] = &[
    "PIC",
    "PICTURE",
    "USAGE",
    "OCCURS",
    "VALUE",
    "REDEFINES",
    "SIGN",
    "SYNCHRONIZED",
    "JUSTIFIED",
    "BLANK",
    "GLOBAL",
    "EXTERNAL",
    "DEPENDING",
    "INDEXED",
    "COMP",
    "COMP-3",
    "BINARY",
    "PACKED-DECIMAL",
];

/// Usages and clauses of which nothing can be read in a record.
const UNSUPPORTED: &[&str] = &[
    "OBJECT",
    "DYNAMIC",
    "ANY",
    "TYPE",
    "TYPEDEF",
    "SAME",
    "LIKE",
    "BIT",
    "UTF-8",
    "FLOAT-DECIMAL-16",
    "FLOAT-DECIMAL-34",
    "FLOAT-BINARY-128",
    "FLOAT-EXTENDED",
    "PROPERTY",
];

/// Reads the clauses of an entry up to its period.
pub(super) fn read(parser: &mut Parser<'_>, level: u8, name: Option<Named>, span: Span) -> Item {
    let mut item = Item::new(level, name, span);
    while let Some(token) = parser.peek() {
        if token.kind == Kind::Period {
            break;
        }
        // The next entry, where a period was forgotten.
        if token.text.len() <= 2 && token.text.bytes().all(|b| b.is_ascii_digit()) {
            break;
        }
        parser.next();
        if !clause(parser, &mut item, token) {
            unknown(parser, token);
        }
    }
    parser.period();
    item
}

/// Reads the clause that begins with this word; `false` where none does.
fn clause(parser: &mut Parser<'_>, item: &mut Item, token: &Token) -> bool {
    if token.kind != Kind::Word {
        return false;
    }
    match token.text.to_ascii_uppercase().as_str() {
        "PIC" | "PICTURE" => {
            parser.eat(&["IS"]);
            picture(parser, item, token.span);
        }
        "REDEFINES" => match parser.reference() {
            Some(name) => item.redefines = Some(name),
            None => parser.syntax("REDEFINES names the item whose bytes these are", Some(token.span)),
        },
        "USAGE" => {
            parser.eat(&["IS"]);
            match parser.next() {
                Some(next) if usage(parser, item, next) => {}
                Some(next) => not_a_usage(parser, next),
                None => parser.syntax("USAGE says how the item is stored", Some(token.span)),
            }
        }
        "OCCURS" => occurs(parser, item, token.span),
        "VALUE" | "VALUES" => {
            parser.eat(&["IS", "ARE"]);
            match parser.values().into_iter().next() {
                Some((value, _)) => item.value = Some(value),
                None => parser.syntax("VALUE has a literal or a figurative constant", Some(token.span)),
            }
        }
        "SIGN" => {
            parser.eat(&["IS"]);
            match parser.next() {
                Some(next) if sign(parser, item, next) => {}
                _ => parser.syntax("SIGN is LEADING or TRAILING", Some(token.span)),
            }
        }
        "LEADING" | "TRAILING" => {
            sign(parser, item, token);
        }
        "SYNC" | "SYNCHRONIZED" | "SYNCHRONISED" => {
            item.synchronized = true;
            parser.eat(&["LEFT", "RIGHT"]);
        }
        "JUST" | "JUSTIFIED" => {
            item.justified = true;
            parser.eat(&["RIGHT"]);
        }
        "BLANK" => {
            parser.eat(&["WHEN"]);
            item.blank_when_zero = parser.eat(&["ZERO", "ZEROS", "ZEROES"]);
            if !item.blank_when_zero {
                parser.syntax("BLANK is WHEN ZERO", Some(token.span));
            }
        }
        "GROUP-USAGE" => {
            parser.eat(&["IS"]);
            match parser.next() {
                Some(next) if next.is("NATIONAL") => item.usage = Some((Usage::National, next.span)),
                Some(next) => not_a_usage(parser, next),
                None => parser.syntax("GROUP-USAGE says how the items are stored", Some(token.span)),
            }
        }
        "IS" | "GLOBAL" | "VOLATILE" => {}
        "EXTERNAL" => {
            if parser.eat(&["AS"]) {
                parser.next();
            }
        }
        // Dates of the years around 2000, which IBM's compilers knew.
        "DATE" => {
            parser.eat(&["FORMAT"]);
            parser.eat(&["IS"]);
            parser.next();
        }
        // An old compiler's word between level and clauses.
        "INDEXED" => names(parser, &["BY"]),
        _ => return usage(parser, item, token),
    }
    true
}

fn unknown(parser: &mut Parser<'_>, token: &Token) {
    let span = token.span;
    let shown = &token.text;
    let found = match token.kind {
        Kind::Unclosed => {
            Diagnostic::error(Code::COPYBOOK_SYNTAX, "the literal is not closed in its line").at(span, "")
        }
        Kind::Word if UNSUPPORTED.iter().any(|word| token.is(word)) => {
            let message = format!("`{shown}` is not read: such an item has no place of its own in a record");
            Diagnostic::error(Code::COPYBOOK_UNSUPPORTED, message).at(span, "")
        }
        Kind::Word => {
            let found = Diagnostic::error(Code::COPYBOOK_SYNTAX, format!("no clause begins with `{shown}`"));
            found.at(span, "").did_you_mean(shown, SUGGESTED.iter().copied())
        }
        _ => Diagnostic::error(Code::COPYBOOK_SYNTAX, "a clause or a period is expected").at(span, ""),
    };
    parser.diagnostics.push(found);
    // What belongs to the unknown clause is passed over up to a word that is known.
    while let Some(next) = parser.peek() {
        let known = |words: &[&str]| words.iter().any(|word| next.is(word));
        let number = next.text.len() <= 2 && next.text.bytes().all(|b| b.is_ascii_digit());
        if next.kind == Kind::Period || number || known(CLAUSE_WORDS) || known(SUGGESTED) {
            break;
        }
        parser.next();
    }
}

fn not_a_usage(parser: &mut Parser<'_>, token: &Token) {
    let unsupported = UNSUPPORTED.iter().any(|word| token.is(word));
    let (code, message) = match unsupported {
        true => (Code::COPYBOOK_UNSUPPORTED, format!("the usage `{}` is not read", token.text)),
        false => (Code::COPYBOOK_SYNTAX, format!("there is no usage `{}`", token.text)),
    };
    let found = Diagnostic::error(code, message).at(token.span, "");
    let names: Vec<String> = Usage::NAMES.iter().map(|name| name.to_ascii_uppercase()).collect();
    parser.diagnostics.push(match unsupported {
        true => found,
        false => found.did_you_mean(&token.text, names.iter().map(String::as_str)),
    });
    if token.is("OBJECT") {
        parser.eat(&["REFERENCE"]);
        parser.reference();
    }
}

/// The usage of a word, with what may follow it.
fn usage(parser: &mut Parser<'_>, item: &mut Item, token: &Token) -> bool {
    let Some(mut usage) = Usage::parse(&token.text).filter(|_| token.kind == Kind::Word) else {
        return false;
    };
    match &mut usage {
        Usage::Bytes(_, signed) => {
            *signed = !parser.eat(&["UNSIGNED"]);
            parser.eat(&["SIGNED"]);
        }
        Usage::Packed if parser.peek().is_some_and(|next| next.is("WITH") || next.is("NO")) => {
            parser.eat(&["WITH"]);
            if parser.eat(&["NO"]) && parser.eat(&["SIGN"]) {
                usage = Usage::PackedUnsigned;
            }
        }
        Usage::Pointer if parser.eat(&["TO"]) => {
            parser.reference();
        }
        _ => {}
    }
    item.usage = Some((usage, token.span));
    true
}

fn sign(parser: &mut Parser<'_>, item: &mut Item, token: &Token) -> bool {
    let side = match () {
        () if token.is("LEADING") => Side::Left,
        () if token.is("TRAILING") => Side::Right,
        () => return false,
    };
    let separate = parser.eat(&["SEPARATE"]);
    parser.eat(&["CHARACTER"]);
    item.sign = Some((side, separate));
    true
}

/// `OCCURS n [TO m] [TIMES] [DEPENDING ON x] [ASCENDING KEY IS a] [INDEXED BY i]`
fn occurs(parser: &mut Parser<'_>, item: &mut Item, at: Span) {
    let Some(first) = parser.number() else {
        parser.syntax("OCCURS says how often, as a whole number", Some(at));
        return;
    };
    let mut last = None;
    if parser.eat(&["TO"]) {
        last = parser.number();
        if last.is_none() {
            let at = parser.peek().map_or(at, |token| token.span);
            let what = "how often an item stands there at most is a whole number";
            parser.diagnostics.push(Diagnostic::error(Code::COPYBOOK_UNSUPPORTED, what).at(at, ""));
            parser.eat(&["UNBOUNDED"]);
        }
    }
    parser.eat(&["TIMES"]);
    let mut depending = Vec::new();
    loop {
        match () {
            () if parser.eat(&["DEPENDING"]) => {
                parser.eat(&["ON"]);
                depending = parser.qualified();
                if depending.is_empty() {
                    parser.syntax("DEPENDING ON names the item that says how often", Some(at));
                }
            }
            () if parser.eat(&["ASCENDING", "DESCENDING"]) => {
                parser.eat(&["KEY"]);
                names(parser, &["IS"]);
            }
            () if parser.eat(&["INDEXED"]) => names(parser, &["BY"]),
            () => break,
        }
    }
    let most = last.unwrap_or(first);
    // Without TO the number is the most: at least none.
    let least = match (last, depending.is_empty()) {
        (Some(_), _) => first,
        (None, true) => first,
        (None, false) => 0,
    };
    if least > most || most == 0 {
        parser.diagnostics.push(Diagnostic::error(Code::COPYBOOK_INVALID, "it never occurs").at(at, ""));
        return;
    }
    if depending.is_empty() && least != most {
        let found = Diagnostic::error(Code::COPYBOOK_INVALID, "nothing says how often it occurs").at(at, "");
        parser
            .diagnostics
            .push(found.help("OCCURS n TO m is followed by DEPENDING ON the item that says it"));
    }
    item.occurs = Some(Occurs { least, most, depending });
}

/// Passes names: of indexes, of keys.
fn names(parser: &mut Parser<'_>, before: &[&str]) {
    parser.eat(before);
    let ends = [
        "DEPENDING",
        "ASCENDING",
        "DESCENDING",
        "INDEXED",
        "SIGN",
        "IS",
        "LEADING",
        "TRAILING",
        "GLOBAL",
        "EXTERNAL",
    ];
    while let Some(token) = parser.peek() {
        let known = |words: &[&str]| words.iter().any(|word| token.is(word));
        let number = token.text.bytes().all(|b| b.is_ascii_digit());
        if token.kind != Kind::Word || number || known(&ends) || known(CLAUSE_WORDS) {
            break;
        }
        parser.next();
    }
}

fn picture(parser: &mut Parser<'_>, item: &mut Item, at: Span) {
    let Some(token) = parser.peek().filter(|token| token.kind == Kind::Word) else {
        parser.syntax("a picture is missing", Some(at));
        return;
    };
    parser.next();
    let text = with_constants(parser, &token.text);
    match Picture::parse_in(&text, parser.notation) {
        Ok(picture) => item.picture = Some((picture, token.span)),
        Err(error) => {
            let span = token.span;
            // Where the picture stands there as it was compared, the place within it is known.
            let exact = (span.end - span.start) as usize == text.len();
            let mut place = span;
            if exact && error.range.end <= text.len() {
                place.end = span.start + error.range.end as u32;
                place.start = span.start + error.range.start as u32;
            }
            let found = Diagnostic::error(Code::COPYBOOK_PICTURE, format!("`{text}`: {}", error.message));
            parser.diagnostics.push(found.at(place, ""));
            // Something stands there: the group around it is no less a group.
            item.picture = Picture::parse("X").ok().map(|picture| (picture, span));
        }
    }
}

/// A picture with its constants: `X(LENGTH-OF-NAME)`.
fn with_constants(parser: &Parser<'_>, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('(') {
        let (inside, behind) = after.split_once(')').unwrap_or((after, ""));
        let value = match parser.constants.get(&inside.to_ascii_uppercase()) {
            Some(Value::Number(number)) => number,
            _ => inside,
        };
        out.push_str(before);
        out.push('(');
        out.push_str(value);
        if after.contains(')') {
            out.push(')');
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}
