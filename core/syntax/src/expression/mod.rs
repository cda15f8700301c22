//! Expressions: CEL's syntax, as written in the leaves of a mapping.
//!
//! A parser of our own and not the `cel` crate's: its syntax tree knows where an operator stands but not where an
//! expression begins and ends, reads `1.10` as a binary double, and brings an ANTLR runtime along. The part of CEL
//! that the language has is small, and is parsed here within bounds of length and depth.

mod lexer;
mod parser;

use std::{ops::Range, sync::Arc};

use crate::{Decimal, yaml::Scalar};
use portolan_diagnostics::{Code, Diagnostic, Span};

/// How long an expression may be, in bytes.
pub const MAX_LENGTH: usize = 4096;
/// How deep expressions may nest.
pub const MAX_DEPTH: usize = 32;
/// How high a tree may grow, chains as `a + b + c` counted: what walks it needs no more stack than that.
const MAX_HEIGHT: usize = 64;
/// How many names a path may have.
const MAX_NAMES: usize = 64;

/// An expression as it stands in a mapping file.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Its text.
    pub text: Arc<str>,
    /// Whether it stands without quotes.
    pub plain: bool,
    /// The YAML value.
    pub span: Span,
    /// Where its text begins in the file, if it stands there letter by letter.
    pub verbatim: Option<u32>,
}

impl Leaf {
    /// A YAML value as an expression.
    pub fn new(scalar: &Scalar, span: Span) -> Self {
        Self { text: scalar.text.as_str().into(), plain: scalar.plain, span, verbatim: scalar.verbatim }
    }

    /// The place of a part of the text in the file.
    pub fn place(&self, part: &Range<usize>) -> Span {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        match self.verbatim {
            Some(start) => Span {
                source: self.span.source,
                start: start.saturating_add(clamp(part.start)),
                end: start.saturating_add(clamp(part.end)),
            },
            None => self.span,
        }
    }

    /// The expression, or what is wrong with it.
    pub fn parse(&self) -> Result<Expression, Diagnostic> {
        parse(&self.text).map_err(|error| {
            let mut diagnostic =
                Diagnostic::error(error.code, error.message).at(self.place(&error.place), "");
            diagnostic.help.extend(error.help);
            match (error.cure, self.text.get(error.place.clone())) {
                (Some(cure), Some(old)) => diagnostic.edit(self.place(&error.place), old, cure),
                _ => diagnostic,
            }
        })
    }
}

/// Part of an expression, with its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// What it is.
    pub kind: ExpressionKind,
    /// Bytes of the text.
    pub place: Range<usize>,
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Exact arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Negate,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub enum ExpressionKind {
    /// `body.person.name`
    Path(Vec<Segment>),
    /// `'text'`
    Text(Arc<str>),
    /// `42`
    Integer(i128),
    /// `1.10`, exactly
    Decimal(Decimal),
    /// `true`
    Bool(bool),
    /// `[a, b]`
    List(Vec<Expression>),
    /// `f(x)`, `x.f(y)`
    Call {
        /// The function.
        name: Segment,
        /// What stands before the dot.
        receiver: Option<Box<Expression>>,
        /// What stands in the parentheses.
        arguments: Vec<Expression>,
    },
    /// `!x`
    Not(Box<Expression>),
    /// `-x`
    Negate(Box<Expression>),
    /// `a && b`
    And(Box<Expression>, Box<Expression>),
    /// `a || b`
    Or(Box<Expression>, Box<Expression>),
    /// `a == b`
    Compare(Comparison, Box<Expression>, Box<Expression>),
    /// `a in [b]`
    In(Box<Expression>, Box<Expression>),
    /// `a + b`
    Arithmetic(Arithmetic, Box<Expression>, Box<Expression>),
    /// `a ? b : c`
    Conditional(Box<Expression>, Box<Expression>, Box<Expression>),
}

/// A name of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The name, escapes removed, hyphens turned into underscores.
    pub name: String,
    /// Where it stands.
    pub place: Range<usize>,
}

/// Why a text is not an expression of the language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// `expr/syntax` or `expr/unsupported`.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub place: Range<usize>,
    /// What to do.
    pub help: Option<String>,
    /// What is to stand at the place instead, where there is no other cure.
    pub cure: Option<&'static str>,
}

/// Parses a leaf. One that is only a path never meets the grammar, so every name works there.
pub fn parse(text: &str) -> Result<Expression, SyntaxError> {
    if text.len() > MAX_LENGTH {
        let message = format!("this expression is longer than {MAX_LENGTH} bytes");
        return Err(lexer::wrong(0..text.len(), message));
    }
    let too_deep = |message: &str| lexer::wrong(0..text.len(), message);
    match bare_path(text) {
        Some(path) if path.len() > MAX_NAMES => Err(too_deep("this path has too many names")),
        Some(path) => Ok(Expression { kind: ExpressionKind::Path(path), place: 0..text.len() }),
        None => parser::parse(text).and_then(|e| match height(&e) {
            0..=MAX_HEIGHT => Ok(e),
            _ => Err(too_deep("this expression nests too deep, or is too long a chain")),
        }),
    }
}

/// How high a tree is; that of a path is the number of its names.
fn height(e: &Expression) -> usize {
    use ExpressionKind as Kinds;
    let list = |items: &[Expression]| items.iter().map(height).max().unwrap_or(0);
    1 + match &e.kind {
        Kinds::Path(path) => path.len() - 1,
        Kinds::Text(_) | Kinds::Integer(_) | Kinds::Decimal(_) | Kinds::Bool(_) => 0,
        Kinds::List(items) => list(items),
        Kinds::Call { receiver, arguments, .. } => receiver.as_deref().map_or(0, height).max(list(arguments)),
        Kinds::Not(a) | Kinds::Negate(a) => height(a),
        Kinds::And(a, b)
        | Kinds::Or(a, b)
        | Kinds::Compare(_, a, b)
        | Kinds::In(a, b)
        | Kinds::Arithmetic(_, a, b) => height(a).max(height(b)),
        Kinds::Conditional(a, b, c) => height(a).max(height(b)).max(height(c)),
    }
}

/// A path and nothing else: names of any script joined by dots, hyphens allowed within.
pub fn bare_path(text: &str) -> Option<Vec<Segment>> {
    if matches!(text, "true" | "false" | "null") {
        return None;
    }
    let mut path = Vec::new();
    let mut at = 0;
    for part in text.split('.') {
        let place = at..at + part.len();
        at = place.end + 1;
        let name = match part.strip_prefix('`').and_then(|p| p.strip_suffix('`')) {
            Some(escaped) => escaped,
            None => part,
        };
        let begins = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
        if !begins
            || !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
            || name.ends_with('-')
        {
            return None;
        }
        path.push(Segment { name: name.replace('-', "_"), place });
    }
    Some(path)
}

/// A path as written in messages.
pub fn dotted(path: &[Segment]) -> String {
    path.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests;
