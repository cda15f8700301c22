//! The functions of the language: one table that the checker types, the plan calls, and the reference is made of.
//!
//! A function gets its arguments evaluated, the receiver first. It is never called with an absent or nil first
//! argument unless it says so by [`Function::sees_absent`]: absent in, absent out.

mod business_days;
mod calendar;
mod codes;
mod dates;
pub mod forms;
mod hashes;
pub mod lists;
mod money;
mod numbers;
mod pattern;
mod pieces;
mod text;

use std::sync::Arc;

use bumpalo::Bump;
use jiff::{
    civil::Date,
    tz::{Offset, TimeZone},
};
use portolan_formats::{Value, ValueProblem, check_digit::Scheme};
use uuid::Uuid;

pub(crate) use text::MAX_RESULT;

use crate::{
    calendar::{Convention, Named},
    secret::Key,
};

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
    /// The form of a date that is read, or the offset of a moment whose day is asked for.
    Day,
    /// The form of a date and time that is read.
    Moment,
    /// The form of a date and time that is written.
    Written,
    /// A scheme of check digits.
    Scheme,
    /// A namespace of UUIDs.
    Namespace,
    /// Where a day goes that is no business day.
    Convention,
    /// A calendar of the mapping, by its name.
    Calendar,
    /// A secret of the configuration, by its name.
    Secret,
}

/// What a constant argument became when the mapping was loaded.
#[derive(Debug, Clone)]
pub enum Prepared {
    /// A regular expression.
    Pattern(regex::Regex),
    /// A time zone.
    Zone(TimeZone),
    /// The form of dates.
    Form(pattern::Pattern),
    /// An offset from UTC.
    Offset(Offset),
    /// A scheme of check digits.
    Scheme(Scheme),
    /// A namespace of UUIDs.
    Namespace(Uuid),
    /// Where a day goes that is no business day.
    Convention(Convention),
    /// A calendar.
    Calendar(Named),
    /// The name of a secret, and what was made of it, if it is at hand.
    Secret(Arc<str>, Option<Key>),
}

impl Prepared {
    /// Of a constant; `None` where there is nothing to prepare, an error where it is not what it is to be.
    pub(crate) fn of(form: Form, text: &str) -> Result<Option<Self>, String> {
        let read = |reads: fn(&pattern::Pattern) -> bool| pattern::Pattern::new(text).filter(reads);
        let (prepared, otherwise) = match form {
            // What has a name is looked up by the checker, which knows the names.
            Form::Value | Form::Constant | Form::Calendar | Form::Secret => return Ok(None),
            Form::Pattern => match regex::RegexBuilder::new(text).size_limit(1 << 20).build() {
                Ok(built) => (Some(Self::Pattern(built)), ""),
                Err(error) => {
                    return Err(format!("this is not a regular expression: {}", last_line(&error)));
                }
            },
            Form::Zone => (
                TimeZone::get(text).ok().map(Self::Zone),
                "there is no such time zone; write it as Europe/Tallinn",
            ),
            Form::Day => (
                read(pattern::Pattern::reads_dates)
                    .map(Self::Form)
                    .or_else(|| pattern::offset(text).map(Self::Offset)),
                "the form is made of yyyy or yy, MM and dd or DDD, each once; an offset is written +02:00",
            ),
            Form::Moment => (
                read(pattern::Pattern::reads_moments).map(Self::Form),
                "the form is made of yyyy, MM and dd or DDD, HH, mm and ss, each once",
            ),
            Form::Written => (
                read(|_| true).map(Self::Form),
                "the form is made of yyyy, yy, MM, dd, DDD, HH, mm, ss and characters that are no letters",
            ),
            Form::Scheme => (
                Scheme::named(text).map(Self::Scheme),
                "the scheme is luhn, gs1, aba, mod-11, iso7064-mod-97-10 or iso7064-mod-11-2",
            ),
            Form::Namespace => (
                codes::namespace(text).map(Self::Namespace),
                "the namespace is dns, url, oid, x500, or a UUID",
            ),
            Form::Convention => (
                Convention::named(text).map(Self::Convention),
                "the convention is following, preceding, modified-following or modified-preceding",
            ),
        };
        prepared.map(Some).ok_or_else(|| otherwise.to_owned())
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
    /// The kind of the arguments, which are of one; a decimal where one of two numbers is.
    Either,
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

impl Kind {
    /// Whether it is one of the exact numbers, which compare with one another.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal)
    }
}

/// What a function may use besides its arguments.
#[derive(Debug)]
pub struct Call<'c, 'a> {
    /// Where text that it makes lives until the message is written.
    pub arena: &'a Bump,
    /// What was made of constant arguments.
    pub prepared: &'c [Prepared],
    /// When the message was accepted: the only clock there is.
    pub received: jiff::Timestamp,
}

impl<'c> Call<'c, '_> {
    /// Of the one constant that became such a thing.
    fn prepared<T>(&self, is: impl Fn(&'c Prepared) -> Option<T>) -> Result<T, EvalError> {
        self.prepared.iter().find_map(is).ok_or(EvalError::Mismatch)
    }

    fn pattern(&self) -> Result<&'c regex::Regex, EvalError> {
        self.prepared(|one| if let Prepared::Pattern(pattern) = one { Some(pattern) } else { None })
    }

    fn zone(&self) -> Result<&'c TimeZone, EvalError> {
        self.prepared(|one| if let Prepared::Zone(zone) = one { Some(zone) } else { None })
    }

    fn form(&self) -> Result<&'c pattern::Pattern, EvalError> {
        self.prepared(|one| if let Prepared::Form(form) = one { Some(form) } else { None })
    }

    fn offset(&self) -> Result<Offset, EvalError> {
        self.prepared(|one| if let Prepared::Offset(offset) = one { Some(*offset) } else { None })
    }

    fn scheme(&self) -> Result<Scheme, EvalError> {
        self.prepared(|one| if let Prepared::Scheme(scheme) = one { Some(*scheme) } else { None })
    }

    fn convention(&self) -> Result<Convention, EvalError> {
        self.prepared(|one| if let Prepared::Convention(convention) = one { Some(*convention) } else { None })
    }

    fn calendar(&self) -> Result<&'c Named, EvalError> {
        self.prepared(|one| if let Prepared::Calendar(calendar) = one { Some(calendar) } else { None })
    }

    fn secret(&self) -> Result<&'c Key, EvalError> {
        let (name, key) = self
            .prepared(|one| if let Prepared::Secret(name, key) = one { Some((name, key)) } else { None })?;
        key.as_ref().ok_or_else(|| EvalError::NoSecret(name.clone()))
    }

    fn namespace(&self) -> Result<&'c Uuid, EvalError> {
        self.prepared(|one| if let Prepared::Namespace(space) = one { Some(space) } else { None })
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
    /// A date beyond the days that a calendar knows.
    #[error("the calendar `{calendar}` knows the days from {from} to {to} only; extend its file")]
    Beyond {
        /// The calendar, as the mapping names it.
        calendar: Arc<str>,
        /// The first day that it knows.
        from: Date,
        /// The last one.
        to: Date,
    },
    /// A secret that no configuration gives.
    #[error(
        "the secret `{0}` is not at hand: it stands under `secrets:` in portolan.yaml, or is given by --secret"
    )]
    NoSecret(Arc<str>),
    /// An item of a list is nil where its value is wanted.
    #[error("an item of the list is nil: leave such items out by a filter")]
    NilItem,
    /// Lists within lists.
    #[error("the rules look at more than five million items for this message")]
    TooMuch,
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
    money::UNITS,
    money::NANOS,
    money::AMOUNT_OF,
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
    business_days::IS_BUSINESS_DAY,
    business_days::ADD_BUSINESS_DAYS,
    business_days::ADJUST_BUSINESS_DAY,
    business_days::BUSINESS_DAYS_BETWEEN,
    codes::CHECK_DIGIT,
    codes::HAS_CHECK_DIGIT,
    hashes::SHA256,
    hashes::HMAC_SHA256,
    hashes::HEX,
    hashes::BASE64,
    codes::UUID5,
];

impl Parameter {
    const fn value(name: &'static str, kinds: &'static [Kind]) -> Self {
        Self { name, kinds, form: Form::Value, optional: false }
    }

    const fn constant(name: &'static str, kinds: &'static [Kind]) -> Self {
        Self { name, kinds, form: Form::Constant, optional: false }
    }

    const fn prepared(name: &'static str, form: Form) -> Self {
        Self { name, kinds: &[Kind::Text], form, optional: false }
    }

    const PATTERN: Self = Self::prepared("pattern", Form::Pattern);
    const ZONE: Self = Self::prepared("zone", Form::Zone);

    const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// What is wrong with a constant text argument, so that it is found when the mapping is checked and not when a
/// message comes.
pub(crate) fn fault_of_constant(function: &str, position: usize, text: &str) -> Option<&'static str> {
    match (function, position) {
        ("before" | "after" | "part", 1) if text.is_empty() => Some("there is nothing to look for"),
        ("round", 2) if portolan_formats::decimal::Rounding::named(text).is_none() => {
            Some("the mode is half-even, half-up, down, up, floor or ceiling")
        }
        ("pad_left" | "pad_right", 2) if text.chars().count() != 1 => {
            Some("it pads with exactly one character")
        }
        ("replace", 1) if text.is_empty() => Some("there is nothing to replace"),
        _ => None,
    }
}

/// What is wrong with arguments of these kinds together, each of which is right by itself.
pub(crate) fn fault_of_arguments(
    function: &str,
    kinds: &[Kind],
    prepared: &[Prepared],
) -> Option<&'static str> {
    let short = prepared.iter().any(|one| matches!(one, Prepared::Form(form) if form.is_short()));
    let form = prepared.iter().any(|one| matches!(one, Prepared::Form(_)));
    match (function, kinds) {
        ("date", [_, _]) if short => {
            Some("a year of two digits needs the first year of its century window: date(x, 'yyMMdd', 1950)")
        }
        ("timestamp", _) if short => Some("a moment's year has four digits"),
        ("date", [Kind::Text, _, ..]) if !form => {
            Some("a text has no offset: give the form in which it is written, date(x, 'dd.MM.yyyy')")
        }
        ("date", [Kind::DateTime, _, ..]) if form => {
            Some("a date and time is read already: give an offset, date(x, '+02:00'), or nothing")
        }
        ("date", [Kind::Date, _, ..]) => Some("this is a date already: leave the call out"),
        ("timestamp", [Kind::Integer, _, ..]) => Some("seconds have no form: timestamp(x)"),
        ("timestamp", [Kind::DateTime, _, ..]) => Some(
            "this is a date and time already: leave the call out; for another zone, in_zone(x, 'Europe/Tallinn')",
        ),
        ("decimal", [Kind::Text | Kind::Decimal, _]) => Some(
            "only a whole number counts minor units: decimal(integer(x), 2) of a text, decimal(x) of a decimal",
        ),
        ("min" | "max", [a, b]) if a != b && !(a.is_number() && b.is_number()) => {
            Some("only what is of one kind has a smaller and a larger")
        }
        _ => None,
    }
}

/// The function of a name, with its index for `Expr::Call`.
pub fn find(name: &str) -> Option<(usize, &'static Function)> {
    LIBRARY.iter().enumerate().find(|(_, f)| f.name == name)
}
