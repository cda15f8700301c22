//! Values as text: the lexical forms of XML Schema Part 2, both ways, for every kind of scalar.

mod binary;
mod calendar;
mod facets;
mod members;
mod pattern;

pub use calendar::{
    parse_date, parse_date_time, parse_duration, parse_time, write_date_time, write_duration,
};
pub use facets::FacetCheck;
pub(crate) use facets::without_borrow;

use self::members::Members;
use crate::{Compact, DateTime, Decimal, Value, ValueProblem};
use bumpalo::{Bump, collections::String as BumpString};
use portolan_schema::{ScalarId, ScalarKind, Schema, WhiteSpace};

/// How the values of one type are read from text and written as text.
#[derive(Debug, Clone)]
pub struct Form {
    kind: Kind,
    white_space: Option<WhiteSpace>,
    check: Option<Box<FacetCheck>>,
}

/// A [`ScalarKind`] reduced to what reading and writing need.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    /// A name with a prefix, which is read without it: the prefix is whatever the sender likes.
    Name,
    /// Blanks between items, none at the ends.
    Items,
    Bool,
    Integer {
        min: i128,
        max: i128,
    },
    Decimal,
    Float,
    Double,
    Base64,
    Hex,
    Date,
    Time,
    DateTime,
    Duration,
}

impl Form {
    /// Compiles a scalar of a schema, with its facets.
    pub fn compile(schema: &Schema, id: ScalarId) -> Self {
        Self::within(schema, id, 0)
    }

    /// The form of a type that stands so deep within lists and unions.
    fn within(schema: &Schema, id: ScalarId, depth: usize) -> Self {
        let scalar = schema.scalar(id);
        let mut form = Self::plain(&scalar.kind, scalar.facets.white_space);
        let members = Members::compile(schema, &scalar.kind, depth);
        form.check =
            FacetCheck::compile(&scalar.facets, scalar.enumeration.as_ref(), members, &form).map(Box::new);
        form
    }

    /// The form of a kind that needs no schema, without facets.
    pub(crate) fn of_kind(kind: &ScalarKind) -> Option<Self> {
        let needs_schema = matches!(kind, ScalarKind::List(_) | ScalarKind::Union(_));
        (!needs_schema).then(|| Self::plain(kind, None))
    }

    /// The form of a kind, without facets.
    fn plain(kind: &ScalarKind, white_space: Option<WhiteSpace>) -> Self {
        let collapse = Some(WhiteSpace::Collapse);
        let (kind, white_space) = match kind {
            ScalarKind::String => (Kind::Text, white_space),
            ScalarKind::CalendarPart | ScalarKind::Enum => (Kind::Text, collapse),
            ScalarKind::QName => (Kind::Name, collapse),
            ScalarKind::Union(_) => (Kind::Text, white_space),
            ScalarKind::List(_) => (Kind::Items, collapse),
            ScalarKind::Bool => (Kind::Bool, collapse),
            ScalarKind::Integer { signed, bits } => {
                let (min, max) = integer_bounds(*signed, *bits);
                (Kind::Integer { min, max }, collapse)
            }
            ScalarKind::Decimal => (Kind::Decimal, collapse),
            ScalarKind::Float => (Kind::Float, collapse),
            ScalarKind::Double => (Kind::Double, collapse),
            ScalarKind::Base64 | ScalarKind::Bytes => (Kind::Base64, collapse),
            ScalarKind::Hex => (Kind::Hex, collapse),
            ScalarKind::Date => (Kind::Date, collapse),
            ScalarKind::Time => (Kind::Time, collapse),
            ScalarKind::DateTime => (Kind::DateTime, collapse),
            ScalarKind::Duration => (Kind::Duration, collapse),
        };
        Self { kind, white_space, check: None }
    }

    /// The facets, where there are any.
    pub fn facets(&self) -> Option<&FacetCheck> {
        self.check.as_deref()
    }

    fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Integer { .. } | Kind::Decimal)
    }

    /// Whether text is copied as it is, without white space rules or facets.
    pub(crate) fn is_plain_text(&self) -> bool {
        self.kind == Kind::Text && self.white_space.is_none() && self.check.is_none()
    }

    /// Whether text is copied as it is, once its facets are tested.
    pub(crate) fn is_text(&self) -> bool {
        self.kind == Kind::Text
    }

    /// Tests the facets of text that will be written as it is.
    pub(crate) fn test_text(&self, text: &str) -> Result<(), ValueProblem> {
        self.check.as_ref().map_or(Ok(()), |check| check.test(Value::Text(text), text, false))
    }

    /// Reads a value. Facets are not tested: what a system sends is judged by the target's contract.
    #[inline]
    pub fn read<'a>(&self, text: &'a str, arena: &'a Bump) -> Result<Value<'a>, ValueProblem> {
        if self.kind == Kind::Text {
            return Ok(Value::Text(match self.white_space {
                None => text,
                Some(white_space) => apply(white_space, text, arena),
            }));
        }
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        Ok(match self.kind {
            Kind::Text | Kind::Items => Value::Text(apply(WhiteSpace::Collapse, text, arena)),
            Kind::Name => Value::Text(text.split_once(':').map_or(text, |(_, local)| local)),
            Kind::Bool => Value::Bool(parse_bool(text)?),
            Kind::Integer { min, max } => {
                let value = parse_integer(text)?;
                if value < min || value > max {
                    return Err(ValueProblem::OutOfRange);
                }
                Value::Integer(value)
            }
            Kind::Decimal => Value::Decimal(parse_decimal(text)?),
            Kind::Float => Value::Double(parse_double(text, true)?),
            Kind::Double => Value::Double(parse_double(text, false)?),
            Kind::Base64 => Value::Bytes(binary::parse_base64(text, arena)?),
            Kind::Hex => Value::Bytes(binary::parse_hex(text, arena)?),
            Kind::Date => Value::Date(parse_date(text)?),
            Kind::Time => Value::Time(parse_time(text)?),
            Kind::DateTime => Value::DateTime(parse_date_time(text)?),
            Kind::Duration => Value::Duration(parse_duration(text)?),
        })
    }

    /// Appends a value as text, converted where that loses nothing, tested by the facets. Text is not escaped.
    /// On an error, what was appended is to be taken back by the caller.
    #[inline]
    pub fn write(&self, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        let start = out.len();
        match (self.kind, value) {
            (_, Value::Absent) => return Err(ValueProblem::WrongKind),
            (_, Value::Nil) => return Err(ValueProblem::Nil),
            (Kind::Text | Kind::Name | Kind::Items, value) => write_any(value, out)?,
            (_, Value::Text(text)) => return self.write_parsed(text, out),
            (Kind::Bool, Value::Bool(value)) => out.extend_from_slice(if value { b"true" } else { b"false" }),
            (Kind::Integer { min, max }, value) => {
                let value = whole(value)?;
                if value < min || value > max {
                    return Err(ValueProblem::OutOfRange);
                }
                write_integer(value, out);
            }
            (Kind::Decimal, Value::Integer(value)) => write_integer(value, out),
            (Kind::Decimal, Value::Decimal(value)) => value.write(out),
            (Kind::Float, Value::Double(value)) => write_float(to_float(value)?, out),
            (Kind::Double, Value::Double(value)) => write_double(value, out),
            (Kind::Base64, Value::Bytes(bytes)) => binary::write_base64(bytes, out),
            (Kind::Hex, Value::Bytes(bytes)) => binary::write_hex(bytes, out),
            (Kind::Date, Value::Date(date)) => calendar::write_date(date, out)?,
            (Kind::Time, Value::Time(time)) => calendar::write_time(time, out),
            (Kind::DateTime, Value::DateTime(value)) => write_date_time(value, out)?,
            (Kind::Duration, Value::Duration(value)) => write_duration(value, out),
            _ => return Err(ValueProblem::WrongKind),
        }
        match &self.check {
            None => Ok(()),
            Some(check) => {
                let text = std::str::from_utf8(&out[start..]).map_err(|_| ValueProblem::Utf8)?;
                check.test(value, text, self.kind == Kind::Items)
            }
        }
    }

    /// Appends a value that fits a word. Tells whether it did; what is not plainly of this form goes by [`Form::write`].
    #[inline]
    pub(crate) fn write_compact(&self, value: Compact, out: &mut Vec<u8>) -> Result<bool, ValueProblem> {
        if self.check.is_some() {
            return Ok(false);
        }
        match (self.kind, value) {
            (Kind::Integer { min, max }, Compact::Integer(number)) => {
                if i128::from(number) < min || i128::from(number) > max {
                    return Err(ValueProblem::OutOfRange);
                }
                out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            (Kind::Decimal, Compact::Integer(number)) => {
                out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            (Kind::Decimal, Compact::Minor(units, scale)) => crate::decimal::write_minor(units, scale, out),
            (Kind::Bool, Compact::Bool(value)) => {
                out.extend_from_slice(if value { b"true" } else { b"false" });
            }
            (Kind::DateTime, Compact::Seconds(seconds)) => {
                write_date_time(DateTime::from_seconds(seconds)?, out)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether a text is one of the type's, facets included.
    fn accepts(&self, text: &str) -> bool {
        self.write(Value::Text(text), &mut Vec::new()).is_ok()
    }

    /// Text for a type that is not text: read by the type's own form first.
    #[cold]
    fn write_parsed(&self, text: &str, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        let arena = Bump::new();
        match self.read(text, &arena)? {
            Value::Text(_) => Err(ValueProblem::WrongKind),
            value => self.write(value, out),
        }
    }
}

/// The bounds of an integer type; 0 bits hold 38 digits.
pub fn integer_bounds(signed: bool, bits: u8) -> (i128, i128) {
    let max = match bits {
        1..=64 => (1i128 << (u32::from(bits) - u32::from(signed))) - 1,
        _ => 10i128.pow(38) - 1,
    };
    let min = match (signed, bits) {
        (false, _) => 0,
        (true, 0) => -max,
        (true, _) => -max - 1,
    };
    (min, max)
}

/// A whole number from an integer, or from a decimal without a fraction.
pub(crate) fn whole(value: Value<'_>) -> Result<i128, ValueProblem> {
    match value {
        Value::Integer(value) => Ok(value),
        Value::Decimal(value) => value.to_integer().ok_or(ValueProblem::Loss),
        _ => Err(ValueProblem::WrongKind),
    }
}

/// The binary32 of the same value.
pub(crate) fn to_float(value: f64) -> Result<f32, ValueProblem> {
    let float = value as f32;
    if f64::from(float) == value || value.is_nan() { Ok(float) } else { Err(ValueProblem::Loss) }
}

/// Appends the lexical form of any value, as text.
#[inline]
pub fn write_any(value: Value<'_>, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
    match value {
        Value::Absent => return Err(ValueProblem::WrongKind),
        Value::Nil => return Err(ValueProblem::Nil),
        Value::Text(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => binary::write_base64(bytes, out),
        Value::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Value::Integer(value) => write_integer(value, out),
        Value::Decimal(value) => value.write(out),
        Value::Double(value) => write_double(value, out),
        Value::Date(date) => calendar::write_date(date, out)?,
        Value::Time(time) => calendar::write_time(time, out),
        Value::DateTime(value) => write_date_time(value, out)?,
        Value::Duration(value) => write_duration(value, out),
    }
    Ok(())
}

#[inline]
fn write_integer(value: i128, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = match i64::try_from(value) {
        Ok(small) => buffer.format(small),
        Err(_) => buffer.format(value),
    };
    out.extend_from_slice(digits.as_bytes());
}

fn write_float(value: f32, out: &mut Vec<u8>) {
    if value.is_finite() {
        out.extend_from_slice(format!("{value:?}").as_bytes());
    } else {
        write_double(f64::from(value), out);
    }
}

fn write_double(value: f64, out: &mut Vec<u8>) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"INF" } else { b"-INF" });
    } else {
        out.extend_from_slice(format!("{value:?}").as_bytes());
    }
}

/// `true`, `false`, `1`, `0`.
pub fn parse_bool(text: &str) -> Result<bool, ValueProblem> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(ValueProblem::Lexical),
    }
}

/// `xs:integer`, up to 38 digits.
#[inline]
pub fn parse_integer(text: &str) -> Result<i128, ValueProblem> {
    let bytes = text.as_bytes();
    if bytes.len() <= 18 {
        let (negative, digits) = match bytes {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        let mut value = 0i64;
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(ValueProblem::Lexical);
            }
            value = value * 10 + i64::from(digit);
        }
        if digits.is_empty() {
            return Err(ValueProblem::Lexical);
        }
        return Ok(i128::from(if negative { -value } else { value }));
    }
    if text.contains('.') {
        return Err(ValueProblem::Lexical);
    }
    parse_decimal(text)?.to_integer().ok_or(ValueProblem::Lexical)
}

/// `xs:decimal`, up to 38 digits.
#[inline]
pub fn parse_decimal(text: &str) -> Result<Decimal, ValueProblem> {
    Decimal::parse(text).ok_or_else(|| {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let well_written = digits.len() > 38
            && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && digits.bytes().filter(|b| *b == b'.').count() <= 1;
        if well_written { ValueProblem::OutOfRange } else { ValueProblem::Lexical }
    })
}

/// `xs:double` or `xs:float`: `INF`, `-INF`, `NaN`, or a number with an exponent perhaps.
pub fn parse_double(text: &str, single: bool) -> Result<f64, ValueProblem> {
    match text {
        "INF" | "+INF" => return Ok(f64::INFINITY),
        "-INF" => return Ok(f64::NEG_INFINITY),
        "NaN" => return Ok(f64::NAN),
        _ => {}
    }
    // Rust also reads words (`inf`, `nan`) that are not XML Schema's.
    if !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
        return Err(ValueProblem::Lexical);
    }
    let value = if single {
        text.parse::<f32>().map(f64::from).map_err(|_| ValueProblem::Lexical)?
    } else {
        text.parse::<f64>().map_err(|_| ValueProblem::Lexical)?
    };
    if value.is_finite() { Ok(value) } else { Err(ValueProblem::OutOfRange) }
}

/// White space as a facet demands; borrowed where nothing changes.
fn apply<'a>(white_space: WhiteSpace, text: &'a str, arena: &'a Bump) -> &'a str {
    let is_space = |b: u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
    if white_space == WhiteSpace::Replace {
        if !text.bytes().any(|b| matches!(b, b'\t' | b'\n' | b'\r')) {
            return text;
        }
        let replaced = text.chars().map(|c| if matches!(c, '\t' | '\n' | '\r') { ' ' } else { c });
        return BumpString::from_iter_in(replaced, arena).into_bump_str();
    }
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    let bytes = text.as_bytes();
    let changes = bytes.iter().any(|b| is_space(*b) && *b != b' ') || bytes.windows(2).any(|w| w == b"  ");
    if !changes {
        return text;
    }
    let mut out = BumpString::with_capacity_in(text.len(), arena);
    for word in text.split([' ', '\t', '\n', '\r']).filter(|w| !w.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out.into_bump_str()
}
