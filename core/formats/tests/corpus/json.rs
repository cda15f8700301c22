//! JSON with the digits of its numbers as they are written, and when two values say the same.

use portolan_formats::Decimal;
use serde_json::value::RawValue;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    /// A number, `true` or `false`.
    Bare(String),
    Text(String),
    List(Vec<Json>),
    Group(Vec<(String, Json)>),
}

impl Json {
    pub(crate) fn parse(text: &str) -> Self {
        let raw: Box<RawValue> = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        Self::of(&raw)
    }

    fn of(raw: &RawValue) -> Self {
        let text = raw.get();
        match text.as_bytes()[0] {
            b'{' => {
                let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
                let raws: std::collections::HashMap<String, Box<RawValue>> =
                    serde_json::from_str(text).unwrap();
                // In the order in which they are written.
                Self::Group(members.keys().map(|name| (name.clone(), Self::of(&raws[name]))).collect())
            }
            b'[' => {
                let items: Vec<Box<RawValue>> = serde_json::from_str(text).unwrap();
                Self::List(items.iter().map(|item| Self::of(item)).collect())
            }
            b'"' => Self::Text(serde_json::from_str(text).unwrap()),
            b'n' => Self::Null,
            _ => Self::Bare(text.to_owned()),
        }
    }

    /// The member of a name; the item of an index.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Group(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            Self::List(items) => items.get(name.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// The value of a path: `batch.0.amount`.
    pub(crate) fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |value, name| value.get(name))
    }

    pub(crate) fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Group(members) => members,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// As it is written, without quotes.
    pub(crate) fn plain(&self) -> &str {
        match self {
            Self::Text(text) | Self::Bare(text) => text,
            _ => "",
        }
    }
}

/// Whether two numbers are the same, whatever their digits are: exactly, or as numbers of 4 or 8 bytes where one of them has an exponent
/// or more digits than such numbers have.
pub(crate) fn same_number(a: &str, b: &str) -> bool {
    match (exact(a), exact(b)) {
        (Some(a), Some(b)) => a.compare(b).is_eq(),
        _ => false,
    }
}

/// Whether two floating-point numbers are the same one.
pub(crate) fn same_float(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(x), Ok(y)) => x == y || a.parse::<f32>() == b.parse::<f32>(),
        _ => false,
    }
}

/// `1.5E-7` has an exact value as well.
fn exact(text: &str) -> Option<Decimal> {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else { return Decimal::parse(text) };
    let (number, exponent) = (Decimal::parse(digits)?, exponent.parse::<i32>().ok()?);
    let scale = i32::from(number.scale) - exponent;
    match u8::try_from(scale) {
        Ok(scale) => Decimal::new(number.mantissa, scale),
        Err(_) => Decimal::new(number.mantissa.checked_mul(10i128.checked_pow(scale.unsigned_abs())?)?, 0),
    }
}
