//! The facets of a type, compiled: what a value must meet before it is written (XML Schema Part 2, section 4.3).

use super::{Form, members::Members, pattern};
use crate::{Decimal, Value, ValueProblem, value::compare};
use portolan_schema::{Enumeration, Facets};
use regex::Regex;
use std::{cmp::Ordering, collections::HashSet};

/// What bounds the values of one type.
#[derive(Debug, Clone, Default)]
pub struct FacetCheck {
    min_length: Option<u64>,
    max_length: Option<u64>,
    /// A bound and the orders of value to bound that it allows.
    bounds: Vec<(Value<'static>, &'static [Ordering])>,
    total_digits: Option<u32>,
    fraction_digits: Option<u32>,
    listed: Option<Listed>,
    patterns: Vec<Regex>,
    members: Option<Members>,
    skipped: Vec<String>,
}

#[derive(Debug, Clone)]
enum Listed {
    Texts(HashSet<Box<str>>),
    Numbers(Vec<Decimal>),
}

impl FacetCheck {
    /// Compiles facets; `None` where nothing bounds the type. `form` reads the bounds.
    pub(super) fn compile(
        facets: &Facets,
        enumeration: Option<&Enumeration>,
        members: Option<Members>,
        form: &Form,
    ) -> Option<Self> {
        let mut check = Self {
            members,
            min_length: facets.min_length.filter(|least| *least > 0),
            max_length: facets.max_length,
            total_digits: facets.total_digits,
            fraction_digits: facets.fraction_digits,
            ..Self::default()
        };
        let arena = bumpalo::Bump::new();
        let mut bound = |text: &Option<String>, allowed: &'static [Ordering]| {
            let Some(text) = text else { return };
            match form.read(text, &arena).ok().and_then(without_borrow) {
                Some(value) => check.bounds.push((value, allowed)),
                None => check.skipped.push(format!("the bound `{text}` cannot be tested")),
            }
        };
        bound(&facets.min_inclusive, &[Ordering::Greater, Ordering::Equal]);
        bound(&facets.min_exclusive, &[Ordering::Greater]);
        bound(&facets.max_inclusive, &[Ordering::Less, Ordering::Equal]);
        bound(&facets.max_exclusive, &[Ordering::Less]);
        check.listed = enumeration.filter(|e| !e.open && !e.values.is_empty()).map(|e| {
            let numbers: Option<Vec<_>> = e.values.iter().map(|v| Decimal::parse(&v.name)).collect();
            match numbers {
                Some(numbers) if form.is_number() => Listed::Numbers(numbers),
                _ => Listed::Texts(e.values.iter().map(|v| v.name.as_str().into()).collect()),
            }
        });
        for group in &facets.patterns {
            match pattern::compile(group) {
                Ok(regex) => check.patterns.push(regex),
                Err(why) => check.skipped.push(why),
            }
        }
        check.matters().then_some(check)
    }

    fn matters(&self) -> bool {
        self.min_length.is_some()
            || self.max_length.is_some()
            || !self.bounds.is_empty()
            || self.total_digits.is_some()
            || self.fraction_digits.is_some()
            || self.listed.is_some()
            || !self.patterns.is_empty()
            || self.members.is_some()
            || !self.skipped.is_empty()
    }

    /// What the contract demands and nothing here tests, in words for `check`.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// Tests a value together with the text by which it will be written.
    pub(super) fn test(&self, value: Value<'_>, text: &str, items: bool) -> Result<(), ValueProblem> {
        if self.min_length.is_some() || self.max_length.is_some() {
            let length = match value {
                Value::Bytes(bytes) => bytes.len() as u64,
                _ if items => text.split_ascii_whitespace().count() as u64,
                _ => text.chars().count() as u64,
            };
            if self.min_length.is_some_and(|least| length < least) {
                return Err(ValueProblem::TooShort);
            }
            if self.max_length.is_some_and(|most| length > most) {
                return Err(ValueProblem::TooLong);
            }
        }
        for (bound, allowed) in &self.bounds {
            if !compare(value, *bound).is_some_and(|order| allowed.contains(&order)) {
                return Err(ValueProblem::OutOfRange);
            }
        }
        let number = || match value {
            Value::Integer(number) => Decimal::from_integer(number),
            Value::Decimal(number) => Some(number),
            _ => Decimal::parse(text),
        };
        if self.total_digits.is_some() || self.fraction_digits.is_some() {
            let (all, fraction) = number().ok_or(ValueProblem::OutOfRange)?.digits();
            // A fraction's leading zeros count: 0.001 has three fraction digits, and so at least three in all.
            if self.total_digits.is_some_and(|most| all.max(fraction) > most)
                || self.fraction_digits.is_some_and(|most| fraction > most)
            {
                return Err(ValueProblem::TooManyDigits);
            }
        }
        let listed = match &self.listed {
            None => true,
            Some(Listed::Texts(texts)) => texts.contains(text),
            Some(Listed::Numbers(numbers)) => {
                number().is_some_and(|n| numbers.iter().any(|known| known.compare(n).is_eq()))
            }
        };
        if !listed {
            return Err(ValueProblem::NotListed);
        }
        if self.members.as_ref().is_some_and(|members| !members.accept(text)) {
            return Err(ValueProblem::Lexical);
        }
        if self.patterns.iter().all(|p| p.is_match(text)) { Ok(()) } else { Err(ValueProblem::Pattern) }
    }
}

/// Bounds are numbers and moments; text has none.
pub(crate) fn without_borrow(value: Value<'_>) -> Option<Value<'static>> {
    Some(match value {
        Value::Bool(v) => Value::Bool(v),
        Value::Integer(v) => Value::Integer(v),
        Value::Decimal(v) => Value::Decimal(v),
        Value::Double(v) => Value::Double(v),
        Value::Date(v) => Value::Date(v),
        Value::Time(v) => Value::Time(v),
        Value::DateTime(v) => Value::DateTime(v),
        Value::Duration(v) => Value::Duration(v),
        _ => return None,
    })
}
