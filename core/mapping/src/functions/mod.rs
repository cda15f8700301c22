//! The functions of the language: one table that the checker types, the plan calls, and the reference is made of.
//!
//! A function gets its arguments evaluated, the receiver first. It is never called with an absent or nil first
//! argument unless it says so by [`Function::sees_absent`]: absent in, absent out.

mod calendar;
mod codes;
mod dates;
mod numbers;
mod pattern;
mod pieces;
mod text;

use std::sync::Arc;

use bumpalo::Bump;
use portolan_formats::{Value, ValueProblem, check_digit};

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
    /// What may stand there.
    pub form: Form,
    /// May be left out.
    pub optional: bool,
}

/// What may stand for a parameter. All but values are constants in the mapping, checked before anything runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Any expression.
    Value,
    /// A constant.
    Constant,
    /// A regular expression.
    Pattern,
    /// A time zone, by the name that IANA gives it.
    Zone,
}

/// What a constant argument became when the mapping was loaded.
#[derive(Debug, Clone)]
pub enum Prepared {
    /// A regular expression.
    Pattern(regex::Regex),
    /// A time zone.
    Zone(jiff::tz::TimeZone),
}

impl Prepared {
    /// Of a constant; `None` where there is nothing to prepare, an error where it is not what it is to be.
    pub(crate) fn of(form: Form, text: &str) -> Result<Option<Self>, String> {
        match form {
            Form::Value | Form::Constant => Ok(None),
            Form::Pattern => match regex::RegexBuilder::new(text).size_limit(1 << 20).build() {
                Ok(built) => Ok(Some(Self::Pattern(built))),
                Err(error) => Err(format!("this is not a regular expression: {}", last_line(&error))),
            },
            Form::Zone => match jiff::tz::TimeZone::get(text) {
                Ok(zone) => Ok(Some(Self::Zone(zone))),
                Err(_) => Err("there is no such time zone; write it as Europe/Tallinn".to_owned()),
            },
        }
    }
}

/// What the regex crate says in the end; before, it draws the pattern again.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// What a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Always this kind.
    Kind(Kind),
    /// This kind, or nothing.
    Perhaps(Kind),
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
    /// What was made of a constant argument.
    pub prepared: Option<&'c Prepared>,
    /// When the message was accepted: the only clock there is.
    pub received: jiff::Timestamp,
}

impl<'c> Call<'c, '_> {
    fn pattern(&self) -> Result<&'c regex::Regex, EvalError> {
        match self.prepared {
            Some(Prepared::Pattern(pattern)) => Ok(pattern),
            _ => Err(EvalError::Mismatch),
        }
    }

    fn zone(&self) -> Result<&'c jiff::tz::TimeZone, EvalError> {
        match self.prepared {
            Some(Prepared::Zone(zone)) => Ok(zone),
            _ => Err(EvalError::Mismatch),
        }
    }
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
    pieces::EXTRACT,
    pieces::REPLACE_MATCHES,
    pieces::BEFORE,
    pieces::AFTER,
    pieces::PART,
    pieces::CHUNK,
    pieces::COLLAPSE,
    pieces::ASCII,
    text::SIZE,
    text::PAD_LEFT,
    text::PAD_RIGHT,
    text::STRING,
    numbers::INTEGER,
    numbers::DECIMAL,
    numbers::UNSCALED,
    numbers::ROUND,
    numbers::ABS,
    numbers::MIN,
    numbers::MAX,
    dates::DATE,
    dates::TIMESTAMP,
    dates::EPOCH,
    dates::FORMAT,
    dates::YEAR,
    dates::MONTH,
    dates::DAY,
    calendar::WEEKDAY,
    calendar::DAY_OF_YEAR,
    calendar::END_OF_MONTH,
    calendar::ADD_DAYS,
    calendar::ADD_MONTHS,
    calendar::DAYS_BETWEEN,
    calendar::MONTHS_BETWEEN,
    calendar::YEARS_BETWEEN,
    calendar::IN_ZONE,
    codes::CHECK_DIGIT,
    codes::HAS_CHECK_DIGIT,
    codes::SHA256,
    codes::UUID5,
];

impl Parameter {
    const fn value(name: &'static str, kinds: &'static [Kind]) -> Self {
        Self { name, kinds, form: Form::Value, optional: false }
    }

    const fn constant(name: &'static str, kinds: &'static [Kind]) -> Self {
        Self { name, kinds, form: Form::Constant, optional: false }
    }

    const PATTERN: Self =
        Self { name: "pattern", kinds: &[Kind::Text], form: Form::Pattern, optional: false };
    const ZONE: Self = Self { name: "zone", kinds: &[Kind::Text], form: Form::Zone, optional: false };

    const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// What is wrong with a constant text argument, so that it is found when the mapping is checked and not when a
/// message comes.
pub(crate) fn fault_of_constant(function: &str, position: usize, text: &str) -> Option<&'static str> {
    match (function, position) {
        ("check_digit" | "has_check_digit", 1) if check_digit::Scheme::named(text).is_none() => {
            Some("the scheme is luhn, gs1, aba, mod-11, iso7064-mod-97-10 or iso7064-mod-11-2")
        }
        ("uuid5", 0) if codes::namespace(text).is_none() => {
            Some("the namespace is dns, url, oid, x500, or a UUID")
        }
        ("before" | "after" | "part", 1) if text.is_empty() => Some("there is nothing to look for"),
        ("round", 2) if portolan_formats::decimal::Rounding::named(text).is_none() => {
            Some("the mode is half-even, half-up, down, up, floor or ceiling")
        }
        ("date", 1) => {
            let known = pattern::Pattern::new(text).is_some_and(|p| p.reads_dates())
                || pattern::offset(text).is_some();
            (!known).then_some(
                "the form is made of yyyy or yy, MM and dd or DDD, each once; an offset is written +02:00",
            )
        }
        ("timestamp", 1) if !pattern::Pattern::new(text).is_some_and(|p| p.reads_moments()) => {
            Some("the form is made of yyyy, MM and dd or DDD, HH, mm and ss, each once")
        }
        ("format", 1) if pattern::Pattern::new(text).is_none() => {
            Some("the form is made of yyyy, yy, MM, dd, DDD, HH, mm, ss and characters that are no letters")
        }
        ("pad_left" | "pad_right", 2) if text.chars().count() != 1 => {
            Some("it pads with exactly one character")
        }
        ("replace", 1) if text.is_empty() => Some("there is nothing to replace"),
        _ => None,
    }
}

/// What is wrong with constants together, each of which is right by itself. `texts` has those that are text.
pub(crate) fn fault_of_constants(function: &str, texts: &[Option<&str>]) -> Option<&'static str> {
    let short = |form: Option<&str>| form.and_then(pattern::Pattern::new).is_some_and(|p| p.is_short());
    match (function, texts) {
        ("date", [_, form]) if short(*form) => {
            Some("a year of two digits needs the first year of its century window: date(x, 'yyMMdd', 1950)")
        }
        ("timestamp", [_, form, ..]) if short(*form) => Some("a moment's year has four digits"),
        _ => None,
    }
}

/// The function of a name, with its index for `Expr::Call`.
pub fn find(name: &str) -> Option<(usize, &'static Function)> {
    LIBRARY.iter().enumerate().find(|(_, f)| f.name == name)
}
