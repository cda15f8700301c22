//! The words of COBOL source: text-words, as COPY and REPLACE compare them, and then whole words.
//!
//! IBM Enterprise COBOL for z/OS Language Reference, "COPY statement", "Comparison rules" (what a text-word is); ISO/IEC
//! 1989:2014, 7.2.

use std::rc::Rc;

use portolan_diagnostics::Span;

use super::format::Text;

/// A piece of text that is looked at whole.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// As it is written.
    pub(super) text: Rc<str>,
    pub(super) span: Span,
    /// Nothing stands between it and the one before it.
    pub(super) glued: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a number, a picture; while text-words are compared also a parenthesis or a colon.
    Word,
    /// In quotes, perhaps with letters before them.
    Literal,
    /// A literal whose line ends before it does.
    Unclosed,
    /// The end of an entry.
    Period,
    /// `==`
    Pseudo,
}

impl Token {
    /// Whether it is this word, in any case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether two are the same to COPY and REPLACE.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && match self.kind {
                Kind::Word => self.text.eq_ignore_ascii_case(&other.text),
                _ => self.text == other.text,
            }
    }
}

/// Letters that may stand before the quote of a literal.
const PREFIXES: &[&str] = &["X", "N", "NX", "Z", "G", "GX", "U", "UX", "B", "BX", "H", "L"];

/// Cuts a text into text-words.
pub(super) fn text_words(text: &Text) -> Vec<Token> {
    let bytes = text.text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut glued = false;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        let kind = match byte {
            _ if byte.is_ascii_whitespace() => {
                at += 1;
                glued = false;
                continue;
            }
            b',' | b';' if ends(bytes, at + 1) || matches!(bytes.get(at + 1), Some(b'"' | b'\'')) => {
                at += 1;
                glued = false;
                continue;
            }
            b'.' if ends(bytes, at + 1) || is_pseudo(bytes, at + 1) => {
                at += 1;
                Kind::Period
            }
            b'=' if is_pseudo(bytes, at) => {
                at += 2;
                Kind::Pseudo
            }
            b'"' | b'\'' => literal(bytes, &mut at),
            b'(' | b')' | b':' => {
                at += 1;
                Kind::Word
            }
            _ => {
                at = word_end(bytes, at + 1);
                let quoted = matches!(bytes.get(at), Some(b'"' | b'\''));
                let word = text.text.get(start..at).unwrap_or_default();
                if quoted && PREFIXES.iter().any(|prefix| word.eq_ignore_ascii_case(prefix)) {
                    literal(bytes, &mut at)
                } else {
                    Kind::Word
                }
            }
        };
        let written = text.text.get(start..at).unwrap_or_default();
        tokens.push(Token { kind, text: written.into(), span: text.span(start..at), glued });
        glued = true;
    }
    tokens
}

/// Reads on to the end of a literal that begins with a quote here.
fn literal(bytes: &[u8], at: &mut usize) -> Kind {
    let quote = bytes.get(*at).copied();
    *at += 1;
    loop {
        match bytes.get(*at).copied() {
            None | Some(b'\n') => return Kind::Unclosed,
            byte if byte == quote && bytes.get(*at + 1).copied() == quote => *at += 2,
            byte if byte == quote => {
                *at += 1;
                return Kind::Literal;
            }
            Some(_) => *at += 1,
        }
    }
}

fn word_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        let separates = match byte {
            b'(' | b')' | b':' | b'"' | b'\'' => true,
            b'.' | b',' | b';' => ends(bytes, at + 1) || byte == b'.' && is_pseudo(bytes, at + 1),
            b'=' => is_pseudo(bytes, at),
            _ => byte.is_ascii_whitespace(),
        };
        if separates {
            break;
        }
        at += 1;
    }
    at
}

fn ends(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(u8::is_ascii_whitespace)
}

fn is_pseudo(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..at + 2) == Some(b"==")
}

/// Makes words of text-words: `X`, `(`, `10` and `)` without blanks between them are one picture.
pub(super) fn joined(tokens: Vec<Token>) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut run: Option<(Token, String)> = None;
    for token in tokens {
        match &mut run {
            Some((first, text)) if token.glued && token.kind == Kind::Word => {
                text.push_str(&token.text);
                if first.span.source == token.span.source && first.span.end <= token.span.start {
                    first.span.end = token.span.end;
                }
                continue;
            }
            _ => close(&mut run, &mut out),
        }
        match token.kind {
            Kind::Word => {
                let text = token.text.to_string();
                run = Some((token, text));
            }
            _ => out.push(token),
        }
    }
    close(&mut run, &mut out);
    out
}

fn close(run: &mut Option<(Token, String)>, out: &mut Vec<Token>) {
    if let Some((first, text)) = run.take() {
        let text = if *first.text == *text { first.text.clone() } else { text.into() };
        out.push(Token { text, ..first });
    }
}
