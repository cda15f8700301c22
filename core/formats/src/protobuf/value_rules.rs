//! What a contract's rules demand of one value, compiled.

use crate::{Value, ValueProblem, lexical::Form, value::compare};
use bumpalo::Bump;
use portolan_schema::{Limit, ScalarKind, ValueRules};
use regex::Regex;
use std::cmp::Ordering;

/// The rules of one value.
#[derive(Debug, Clone)]
pub(super) struct ValueCheck {
    length: (u64, u64),
    octets: (u64, u64),
    patterns: Vec<Regex>,
    prefix: Option<Box<str>>,
    suffix: Option<Box<str>>,
    contains: Option<Box<str>>,
    not_contains: Option<Box<str>>,
    lower: Option<Bound>,
    upper: Option<Bound>,
    /// The range is what lies outside of both ends.
    reversed: bool,
    finite: bool,
    one_of: Option<Known>,
    none_of: Known,
    codes: bool,
}

#[derive(Debug, Clone)]
struct Bound {
    value: Value<'static>,
    inclusive: bool,
}

/// Values to compare with.
#[derive(Debug, Clone, Default)]
struct Known {
    texts: Vec<Box<str>>,
    values: Vec<Value<'static>>,
    codes: Vec<i32>,
}

impl ValueCheck {
    /// Compiles rules for values of a kind; `None` where there are none.
    pub(super) fn compile(rules: &ValueRules, kind: &ScalarKind) -> Option<Self> {
        if rules.is_empty() {
            return None;
        }
        let bound = |limit: &Option<Limit>| {
            let limit = limit.as_ref()?;
            Some(Bound { value: literal(&limit.value, kind)?, inclusive: limit.inclusive })
        };
        let (lower, upper) = (bound(&rules.lower), bound(&rules.upper));
        let ends = lower.as_ref().zip(upper.as_ref());
        let reversed =
            ends.is_some_and(|(lower, upper)| compare(upper.value, lower.value) == Some(Ordering::Less));
        let text = |text: &Option<String>| text.as_deref().map(Into::into);
        Some(Self {
            length: (rules.min_length.unwrap_or(0), rules.max_length.unwrap_or(u64::MAX)),
            octets: (rules.min_octets.unwrap_or(0), rules.max_octets.unwrap_or(u64::MAX)),
            // The contract's reader has tried them.
            patterns: rules.patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect(),
            prefix: text(&rules.prefix),
            suffix: text(&rules.suffix),
            contains: text(&rules.contains),
            not_contains: text(&rules.not_contains),
            lower,
            upper,
            reversed,
            finite: rules.finite,
            one_of: rules.one_of.as_ref().map(|values| Known::compile(values, kind)),
            none_of: Known::compile(&rules.none_of, kind),
            codes: *kind == ScalarKind::Enum,
        })
    }

    /// Whether the values are numbers of an enum.
    pub(super) fn is_of_codes(&self) -> bool {
        self.codes
    }

    /// Tests the number of an enum.
    pub(super) fn code(&self, code: i32) -> Result<(), ValueProblem> {
        if self.one_of.as_ref().is_some_and(|known| !known.codes.contains(&code)) {
            return Err(ValueProblem::NotListed);
        }
        if self.none_of.codes.contains(&code) { Err(ValueProblem::Excluded) } else { Ok(()) }
    }

    /// Tests a value.
    pub(super) fn test(&self, value: Value<'_>) -> Result<(), ValueProblem> {
        if self.one_of.as_ref().is_some_and(|known| !known.has(value)) {
            return Err(ValueProblem::NotListed);
        }
        if self.none_of.has(value) {
            return Err(ValueProblem::Excluded);
        }
        match value {
            Value::Text(text) => self.text(text),
            Value::Bytes(bytes) => within(bytes.len() as u64, self.length),
            Value::Double(number) if self.finite && !number.is_finite() => Err(ValueProblem::OutOfRange),
            value => self.range(value),
        }
    }

    fn text(&self, text: &str) -> Result<(), ValueProblem> {
        // As many octets are at least as many characters: most texts need not be counted.
        let octets = text.len() as u64;
        if self.length.0 > 0 || self.length.1 < octets {
            within(text.chars().count() as u64, self.length)?;
        }
        within(octets, self.octets)?;
        let is = |part: &Option<Box<str>>, test: fn(&str, &str) -> bool| {
            part.as_ref().is_none_or(|part| test(text, part))
        };
        let holds = is(&self.prefix, |text, part| text.starts_with(part))
            && is(&self.suffix, |text, part| text.ends_with(part))
            && is(&self.contains, |text, part| text.contains(part))
            && is(&self.not_contains, |text, part| !text.contains(part))
            && self.patterns.iter().all(|pattern| pattern.is_match(text));
        if holds { Ok(()) } else { Err(ValueProblem::Pattern) }
    }

    fn range(&self, value: Value<'_>) -> Result<(), ValueProblem> {
        let holds = |bound: &Option<Bound>, side: Ordering| {
            bound.as_ref().map(|bound| match compare(value, bound.value) {
                Some(Ordering::Equal) => bound.inclusive,
                Some(order) => order == side,
                None => false,
            })
        };
        let (above, under) = (holds(&self.lower, Ordering::Greater), holds(&self.upper, Ordering::Less));
        let within = match (above, under) {
            (Some(above), Some(under)) if self.reversed => above || under,
            (above, under) => above.unwrap_or(true) && under.unwrap_or(true),
        };
        if within { Ok(()) } else { Err(ValueProblem::OutOfRange) }
    }
}

impl Known {
    fn compile(values: &[String], kind: &ScalarKind) -> Self {
        let mut known = Self::default();
        match kind {
            ScalarKind::String => known.texts = values.iter().map(|v| v.as_str().into()).collect(),
            ScalarKind::Enum => known.codes = values.iter().filter_map(|v| v.parse().ok()).collect(),
            kind => known.values = values.iter().filter_map(|v| literal(v, kind)).collect(),
        }
        known
    }

    fn has(&self, value: Value<'_>) -> bool {
        match value {
            Value::Text(text) => self.texts.iter().any(|known| **known == *text),
            value => self.values.iter().any(|known| compare(value, *known) == Some(Ordering::Equal)),
        }
    }
}

/// A number or a moment by its lexical form.
fn literal(text: &str, kind: &ScalarKind) -> Option<Value<'static>> {
    let arena = Bump::new();
    crate::lexical::without_borrow(Form::of_kind(kind)?.read(text, &arena).ok()?)
}

fn within(length: u64, (least, most): (u64, u64)) -> Result<(), ValueProblem> {
    match length {
        length if length < least => Err(ValueProblem::TooShort),
        length if length > most => Err(ValueProblem::TooLong),
        _ => Ok(()),
    }
}
