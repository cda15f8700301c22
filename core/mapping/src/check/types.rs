//! The types of expressions, and what goes into which field: lossless conversions happen by themselves, everything
//! else is a finding that names the function to call.

use std::sync::Arc;

use portolan_schema::{Scalar, ScalarKind, Schema};

use crate::functions::Kind;

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Type {
    /// Its kind.
    pub(super) kind: Kind,
    /// What is known of its values.
    pub(super) values: Values,
}

/// What is known of the values of a type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    /// Anything of the kind.
    Any,
    /// Written in the mapping: constants, rows of a table.
    Written(Vec<Arc<str>>),
    /// Declared by the contract; with the name that stands for "nothing" in a proto3 enum.
    Declared(Vec<Arc<str>>, Option<Arc<str>>),
    /// Qualified names, which are read without their prefix: there is no colon in them.
    Names,
}

impl Type {
    pub(super) fn any(kind: Kind) -> Self {
        Self { kind, values: Values::Any }
    }

    /// The type of a field.
    pub(super) fn of(schema: &Schema, scalar: &Scalar) -> Self {
        let values = match &scalar.enumeration {
            Some(e) => {
                let read = |name: &str| match (&scalar.kind, name.split_once(':')) {
                    (ScalarKind::QName, Some((_, local))) => local.into(),
                    _ => name.into(),
                };
                let names = e.values.iter().map(|v| read(&v.name)).collect();
                let zero = e.values.iter().find(|v| v.number == Some(0)).map(|v| v.name.as_str().into());
                Values::Declared(names, zero)
            }
            None if scalar.kind == ScalarKind::QName => Values::Names,
            None => Values::Any,
        };
        Self { kind: kind_of(schema, &scalar.kind), values }
    }

    /// Whether its values are codes of a contract that are no numbers.
    pub(super) fn is_of_names(&self) -> bool {
        matches!(&self.values, Values::Declared(known, _) if known.iter().all(|code| parse_decimal(code).is_none()))
    }

    /// The type of either of two values, where there is one.
    pub(super) fn either(&self, other: &Self) -> Option<Self> {
        use Kind::{Decimal, Integer};
        let kind = match (self.kind, other.kind) {
            (a, b) if a == b => a,
            (Integer, Decimal) | (Decimal, Integer) => Decimal,
            _ => return None,
        };
        let values = match (&self.values, &other.values) {
            (Values::Written(a), Values::Written(b)) => Values::Written(a.iter().chain(b).cloned().collect()),
            (a, b) if a == b => a.clone(),
            (Values::Declared(known, zero), Values::Written(more))
            | (Values::Written(more), Values::Declared(known, zero)) => {
                let more = more.iter().filter(|text| !known.contains(text));
                Values::Declared(known.iter().chain(more).cloned().collect(), zero.clone())
            }
            _ => Values::Any,
        };
        Some(Self { kind, values })
    }
}

/// The kind of value that a scalar gives.
pub(super) fn kind_of(schema: &Schema, kind: &ScalarKind) -> Kind {
    match kind {
        ScalarKind::Bool => Kind::Bool,
        ScalarKind::Integer { .. } => Kind::Integer,
        ScalarKind::Decimal => Kind::Decimal,
        ScalarKind::Float | ScalarKind::Double => Kind::Double,
        ScalarKind::Base64 | ScalarKind::Hex | ScalarKind::Bytes => Kind::Bytes,
        ScalarKind::Date => Kind::Date,
        ScalarKind::Time => Kind::Time,
        ScalarKind::DateTime => Kind::DateTime,
        ScalarKind::Duration => Kind::Duration,
        ScalarKind::Union(members) => {
            let mut kinds = members.iter().map(|m| kind_of(schema, &schema.scalar(*m).kind));
            let first = kinds.next().unwrap_or(Kind::Text);
            if kinds.all(|k| k == first) { first } else { Kind::Text }
        }
        ScalarKind::String
        | ScalarKind::CalendarPart
        | ScalarKind::QName
        | ScalarKind::Enum
        | ScalarKind::List(_) => Kind::Text,
    }
}

/// What to call a kind in messages.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Bytes => "bytes",
        Kind::Bool => "true or false",
        Kind::Integer => "a whole number",
        Kind::Decimal => "a decimal",
        Kind::Double => "a floating-point number",
        Kind::Date => "a date",
        Kind::Time => "a time of day",
        Kind::DateTime => "a date and time",
        Kind::Duration => "a span of time",
    }
}

/// Whether a value of one kind becomes one of another without a word; else what to do.
pub(super) fn converts(from: Kind, to: Kind, written: &str) -> Result<(), Option<String>> {
    use Kind::{Bool, Bytes, Date, DateTime, Decimal, Double, Duration, Integer, Text, Time};
    let say = |text: String| Err(Some(text));
    match (from, to) {
        (a, b) if a == b => Ok(()),
        (Bytes, Text) => say(format!("write them as text: hex({written}) or base64({written})")),
        (Bool | Integer | Decimal | Double | Date | Time | DateTime | Duration, Text)
        | (Integer, Decimal)
        | (Integer | Decimal, Double) => Ok(()),
        (Text, Integer) => say(format!("convert it: integer({written})")),
        (Text | Double, Decimal) => say(format!("convert it: decimal({written})")),
        (Decimal, Integer) => say(format!("say how to round: integer(round({written}, 0, 'half-even'))")),
        (Text, Date) => say(format!("convert it: date({written}), or date({written}, 'dd.MM.yyyy')")),
        (DateTime, Date) => say(format!("take the day: date({written})")),
        (Text, DateTime) => say(format!("convert it: timestamp({written})")),
        (Date, DateTime) => say(format!("say at which hour: timestamp(string({written}) + 'T00:00:00Z')")),
        (Integer, Bool) => say(format!("compare it: {written} != 0")),
        (Text, Bool) => say(format!("compare it: {written} == 'true'")),
        _ => Err(None),
    }
}

/// What can be said against a text, written in the mapping, as value of a scalar.
pub(super) fn never_fits(schema: &Schema, scalar: &Scalar, text: &str) -> Option<String> {
    if let ScalarKind::Union(members) = &scalar.kind {
        let mut faults = members.iter().map(|m| never_fits(schema, schema.scalar(*m), text));
        return faults.try_fold(String::new(), |_, fault| fault);
    }
    if let Some(e) = &scalar.enumeration
        && !e.values.iter().any(|v| v.name == text)
    {
        let known: Vec<&str> = e.values.iter().take(12).map(|v| v.name.as_str()).collect();
        return Some(format!("`{text}` is not one of its values: {}", known.join(", ")));
    }
    let facets = &scalar.facets;
    if matches!(kind_of(schema, &scalar.kind), Kind::Text) {
        let length = text.chars().count() as u64;
        if facets.max_length.is_some_and(|max| length > max) {
            return Some(format!(
                "`{text}` has {length} characters, and at most {} fit",
                facets.max_length.unwrap_or_default()
            ));
        }
        if facets.min_length.is_some_and(|min| length < min) {
            return Some(format!(
                "`{text}` has {length} characters, and at least {} are wanted",
                facets.min_length.unwrap_or_default()
            ));
        }
    }
    bounds(scalar, text)
}

/// Bounds of numbers.
fn bounds(scalar: &Scalar, text: &str) -> Option<String> {
    let facets = &scalar.facets;
    if let ScalarKind::Integer { signed, bits } = scalar.kind {
        let number: i128 = text.parse().ok()?;
        let (low, high) = match (signed, bits) {
            (_, 0 | 65..) => (i128::MIN, i128::MAX),
            (true, bits) => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
            (false, bits) => (0, (1i128 << bits) - 1),
        };
        if number < low || number > high {
            return Some(format!("{number} lies outside {low} to {high}"));
        }
    }
    if !matches!(scalar.kind, ScalarKind::Integer { .. } | ScalarKind::Decimal) {
        return None;
    }
    let compare = |bound: &Option<String>| bound.as_deref().and_then(|b| compare_decimals(text, b));
    use std::cmp::Ordering::{Equal, Greater, Less};
    let outside = matches!(compare(&facets.min_inclusive), Some(Less))
        || matches!(compare(&facets.max_inclusive), Some(Greater))
        || matches!(compare(&facets.min_exclusive), Some(Less | Equal))
        || matches!(compare(&facets.max_exclusive), Some(Greater | Equal));
    outside.then(|| format!("{text} lies outside the bounds that the contract gives"))
}

/// Compares two decimals by their text, where both are plain decimals of a size that fits.
fn compare_decimals(a: &str, b: &str) -> Option<std::cmp::Ordering> {
    let (a, b) = (parse_decimal(a)?, parse_decimal(b)?);
    let scale = a.1.max(b.1);
    let widen = |(mantissa, from): (i128, u32)| {
        10i128.checked_pow(scale - from).and_then(|f| mantissa.checked_mul(f))
    };
    Some(widen(a)?.cmp(&widen(b)?))
}

/// A plain decimal as mantissa and scale.
pub(super) fn parse_decimal(text: &str) -> Option<(i128, u32)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || all.len() > 38 || !all.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((sign * all.parse::<i128>().ok()?, fraction.len() as u32))
}
