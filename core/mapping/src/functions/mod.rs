//! The functions of the language: one table that the checker types, the plan calls, and the reference is made of.
//!
//! A function gets its arguments evaluated, the receiver first. It is never called with an absent or nil first
//! argument unless it says so by [`Function::sees_absent`]: absent in, absent out.

mod dates;
mod numbers;
mod pattern;
mod text;

use std::sync::Arc;

use bumpalo::Bump;
use portolan_formats::{Value, ValueProblem};

/// A function of the library.
#[derive(Debug)]
pub struct Function {
    /// Its name in expressions.
    pub name: &'static str,
    /// Whether it may be called as `x.name(...)`; the first parameter is then the receiver.
    pub receiver: bool,
    /// Whether it wants to see an absent first argument, which otherwise makes the result absent.
    pub sees_absent: bool,
    /// The parameters, the receiver first.
    pub parameters: &'static [Parameter],
    /// What it gives.
    pub result: Outcome,
    /// One or two sentences for the reference, with what it refuses.
    pub doc: &'static str,
    /// Expressions with what they give; they are tests and documentation at once. `error` as a result means refused.
    pub examples: &'static [(&'static str, &'static str)],
    /// Computes it.
    pub eval: for<'a> fn(&mut Call<'_, 'a>, &[Value<'a>]) -> Result<Value<'a>, EvalError>,
}

/// A parameter of a function.
#[derive(Debug)]
pub struct Parameter {
    /// Its name in the reference.
    pub name: &'static str,
    /// The kinds of value that it takes.
    pub kinds: &'static [Kind],
    /// Must be a constant in the mapping, so that it is checked before anything runs.
    pub constant: bool,
    /// May be left out.
    pub optional: bool,
}

/// What a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Always this kind.
    Kind(Kind),
    /// The kind of the argument at this index.
    SameAs(usize),
}

/// The kinds of value in expressions; each is a variant of [`Value`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of Value's variants")]
pub enum Kind {
    Text,
    Bytes,
    Bool,
    Integer,
    Decimal,
    Double,
    Date,
    Time,
    DateTime,
    Duration,
}

/// What a function may use besides its arguments.
#[derive(Debug)]
pub struct Call<'c, 'a> {
    /// Where text that it makes lives until the message is written.
    pub arena: &'a Bump,
    /// The regular expression that was compiled from a constant argument.
    pub regex: Option<&'c regex::Regex>,
    /// When the message was accepted: the only clock there is.
    pub received: jiff::Timestamp,
}

/// Why an expression has no value. Never carries one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// A value is not what its type or its target allows.
    #[error("{0}")]
    Value(#[from] ValueProblem),
    /// A function refuses its arguments; said as `substring: the text is shorter than that`.
    #[error("{function}: {problem}")]
    Refused {
        /// The function.
        function: &'static str,
        /// What it cannot do.
        problem: &'static str,
    },
    /// An operand of an operator is not there.
    #[error("an operand is absent")]
    AbsentOperand,
    /// A key has no row in a table that names no default.
    #[error("the table `{0}` has no row for this key")]
    NoRow(Arc<str>),
    /// The operands are of kinds that the operator does not join; the checker should have said so.
    #[error("the operands are of different kinds")]
    Mismatch,
}

/// Every function, in the order of the reference.
pub static LIBRARY: &[Function] = &[
    text::TRIM,
    text::UPPER,
    text::LOWER,
    text::TRUNCATE,
    text::SUBSTRING,
    text::REPLACE,
    text::STARTS_WITH,
    text::ENDS_WITH,
    text::CONTAINS,
    text::MATCHES,
    text::SIZE,
    text::PAD_LEFT,
    text::PAD_RIGHT,
    text::STRING,
    numbers::INTEGER,
    numbers::DECIMAL,
    numbers::UNSCALED,
    numbers::ROUND,
    numbers::ABS,
    dates::DATE,
    dates::TIMESTAMP,
    dates::EPOCH,
    dates::FORMAT,
    dates::YEAR,
    dates::MONTH,
    dates::DAY,
];

impl Parameter {
    const fn value(name: &'static str, kinds: &'static [Kind]) -> Self {
        Self { name, kinds, constant: false, optional: false }
    }

    const fn constant(name: &'static str, kinds: &'static [Kind]) -> Self {
        Self { name, kinds, constant: true, optional: false }
    }

    const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// What is wrong with a constant text argument, so that it is found when the mapping is checked and not when a
/// message comes.
pub(crate) fn fault_of_constant(function: &str, position: usize, text: &str) -> Option<&'static str> {
    match (function, position) {
        ("round", 2) if portolan_formats::decimal::Rounding::named(text).is_none() => {
            Some("the mode is half-even, half-up, down, up, floor or ceiling")
        }
        ("date", 1) => {
            let known = pattern::Pattern::new(text).is_some_and(|p| p.reads_dates())
                || pattern::offset(text).is_some();
            (!known).then_some("the form is made of yyyy, MM and dd, each once; an offset is written +02:00")
        }
        ("format", 1) if pattern::Pattern::new(text).is_none() => {
            Some("the form is made of yyyy, yy, MM, dd, HH, mm, ss and characters that are no letters")
        }
        ("pad_left" | "pad_right", 2) if text.chars().count() != 1 => {
            Some("it pads with exactly one character")
        }
        ("replace", 1) if text.is_empty() => Some("there is nothing to replace"),
        _ => None,
    }
}

/// The function of a name, with its index for `Expr::Call`.
pub fn find(name: &str) -> Option<(usize, &'static Function)> {
    LIBRARY.iter().enumerate().find(|(_, f)| f.name == name)
}
