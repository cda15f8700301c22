//! Expressions as tokens.

use std::ops::Range;

use portolan_diagnostics::Code;

use super::SyntaxError;

/// A token with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) place: Range<usize>,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// A name, escaped or not.
    Name { name: String, escaped: bool },
    /// Digits, perhaps with a point.
    Number,
    /// Text in quotes, escapes resolved.
    Text(String),
    /// An operator or a delimiter.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

/// Longer ones first.
const SYMBOLS: &[&str] = &[
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", ".", ",", "(", ")",
    "[", "]", "{", "}",
];

/// Splits a text into tokens; the last one is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let raw = matches!(first, 'r' | 'R') && rest[1..].starts_with(['\'', '"']);
        let (kind, length) = if raw || matches!(first, '\'' | '"') {
            quoted(rest, at, raw)?
        } else if first == '`' {
            let end = rest[1..]
                .find('`')
                .ok_or_else(|| wrong(at..text.len(), "this name is not closed: a ` is missing"))?;
            (TokenKind::Name { name: rest[1..=end].to_owned(), escaped: true }, end + 2)
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            (TokenKind::Name { name: rest[..end].to_owned(), escaped: false }, end)
        } else if first.is_ascii_digit() {
            (TokenKind::Number, number(rest, at)?)
        } else if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            (TokenKind::Symbol(symbol), symbol.len())
        } else {
            let place = at..at + first.len_utf8();
            let (help, cure) = match first {
                '=' => (Some("compare with `==`"), Some("==")),
                '&' => (Some("`and` is `&&`"), Some("&&")),
                '|' => (Some("`or` is `||`"), Some("||")),
                _ => (None, None),
            };
            let error = wrong(place, format!("`{}` has no meaning in an expression", first.escape_debug()));
            let attribute = rest.strip_prefix('@').map(|r| {
                let end =
                    r.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-')).unwrap_or(r.len());
                format!("attributes are plain names: {}", r[..end].replace('-', "_"))
            });
            return Err(SyntaxError { help: attribute.or(help.map(Into::into)), cure, ..error });
        };
        tokens.push(Token { kind, place: at..at + length });
        at += length;
    }
    tokens.push(Token { kind: TokenKind::End, place: text.len()..text.len() });
    Ok(tokens)
}

pub(super) fn wrong(place: Range<usize>, message: impl Into<String>) -> SyntaxError {
    SyntaxError { code: Code::EXPR_SYNTAX, message: message.into(), place, help: None, cure: None }
}

/// The length of a number: digits, and digits after a point.
fn number(rest: &str, at: usize) -> Result<usize, SyntaxError> {
    let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
    let whole = digits(rest);
    let fraction = rest[whole..].strip_prefix('.').map_or(0, digits);
    let length = if fraction == 0 { whole } else { whole + 1 + fraction };
    let tail = rest[length..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len() - length);
    if tail != 0 {
        let error = wrong(at..at + length + tail, "this is not a number of the language");
        return Err(SyntaxError {
            help: Some("write decimal digits; text stands in quotes".into()),
            ..error
        });
    }
    if whole > 1 && rest.starts_with('0') {
        let error = wrong(at..at + length, "a number does not begin with 0");
        return Err(SyntaxError {
            help: Some(format!("a code stands in quotes: '{}'", &rest[..length])),
            ..error
        });
    }
    Ok(length)
}

/// Text in quotes (CEL's escapes; none in raw text), and its length with the quotes.
fn quoted(rest: &str, at: usize, raw: bool) -> Result<(TokenKind, usize), SyntaxError> {
    let begin = usize::from(raw);
    let mut chars = rest[begin..].char_indices();
    let quote = chars.next().map(|(_, c)| c);
    let mut text = String::new();
    while let Some((index, c)) = chars.next() {
        if Some(c) == quote {
            return Ok((TokenKind::Text(text), begin + index + 1));
        }
        if c != '\\' || raw {
            text.push(c);
            continue;
        }
        let bad = || wrong(at + begin + index..at + begin + index + 1, "this escape is not known");
        text.push(match chars.next().map(|(_, c)| c) {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(c @ ('\\' | '\'' | '"' | '`' | '?')) => c,
            Some(c @ ('x' | 'u' | 'U')) => {
                let digits = match c {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let code: String = chars.by_ref().take(digits).map(|(_, c)| c).collect();
                let code = u32::from_str_radix(&code, 16).ok().filter(|_| code.len() == digits);
                code.and_then(char::from_u32).ok_or_else(bad)?
            }
            _ => {
                let help = Some("a backslash itself is `\\\\`, or write r'...', which has no escapes".into());
                return Err(SyntaxError { help, ..bad() });
            }
        });
    }
    Err(wrong(at..at + rest.len(), "this text is not closed: a quote is missing"))
}
