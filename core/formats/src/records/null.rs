//! Bytes that stand for no value: blanks, zeros, nines, low values, or a text that was agreed on.

use super::field::Kind;
use super::number;
use crate::{Decimal, Value, ValueProblem};
use portolan_schema::layout::Null;
use std::cmp::Ordering;

/// One of the forms of no value that a field has.
#[derive(Debug, Clone)]
pub(super) enum NullCodec {
    /// These few bytes again and again, as many as fill the field.
    Repeated(Vec<u8>),
    /// Blanks, as many as fill the field: where it has no length, none at all.
    Blanks(Vec<u8>),
    /// These bytes, padded as the field's values are.
    Padded(Vec<u8>),
    /// This number, however it is written.
    Number(Decimal),
    /// Zero, however it is written.
    Zero,
    /// As many nines as there is room for.
    Nines(Option<Decimal>),
    /// The form has no such bytes.
    Never,
}

impl NullCodec {
    pub(super) fn compile(null: &Null, kind: &Kind) -> Self {
        match (null, kind) {
            (Null::LowValues, _) => Self::Repeated(vec![0x00]),
            (Null::HighValues, _) => Self::Repeated(vec![0xFF]),
            (Null::Byte(byte), _) => Self::Repeated(vec![*byte]),
            (Null::Blanks, _) => Self::Blanks(kind.encode(" ").unwrap_or_else(|| vec![0x40])),
            (Null::Zeros | Null::Nines, Kind::Text(_)) => {
                let digit = if *null == Null::Zeros { "0" } else { "9" };
                kind.encode(digit).map_or(Self::Never, Self::Repeated)
            }
            (Null::Zeros, Kind::Octets) => Self::Repeated(vec![0x00]),
            (Null::Nines, Kind::Octets) => Self::Never,
            (Null::Zeros | Null::Nines, Kind::Moment(moment)) if moment.transcoder().is_some() => {
                let digit = if *null == Null::Zeros { '0' } else { '9' };
                kind.encode(&moment.sentinel(digit)).map_or(Self::Never, Self::Padded)
            }
            (Null::Zeros, _) => Self::Zero,
            (Null::Nines, _) => Self::Nines(kind.nines()),
            (Null::Text(text), Kind::Text(_)) => kind.encode(text).map_or(Self::Never, Self::Padded),
            (Null::Text(text), kind) => match (Decimal::parse(text), kind.encode(text)) {
                (Some(number), _) if kind.is_number() => Self::Number(number),
                (_, Some(bytes)) => Self::Padded(bytes),
                _ => Self::Never,
            },
        }
    }

    /// Whether bytes are this one.
    #[inline]
    pub(super) fn is(&self, bytes: &[u8], kind: &Kind) -> bool {
        match self {
            Self::Blanks(pattern) => repeats(bytes, pattern),
            Self::Repeated(pattern) => !bytes.is_empty() && repeats(bytes, pattern),
            Self::Padded(expected) => kind.is_padded(expected, bytes),
            Self::Number(number) => is_number(kind, bytes, *number),
            Self::Zero => kind.is_low_zero(bytes) || is_number(kind, bytes, Decimal::ZERO),
            Self::Nines(number) => {
                kind.is_nines(bytes) || number.is_some_and(|number| is_number(kind, bytes, number))
            }
            Self::Never => false,
        }
    }

    /// Fills the field with it.
    pub(super) fn write(&self, kind: &Kind, out: &mut [u8]) -> Result<(), ValueProblem> {
        match self {
            Self::Repeated(pattern) | Self::Blanks(pattern) => {
                if pattern.is_empty() || !out.len().is_multiple_of(pattern.len()) {
                    return Err(ValueProblem::NotEncodable);
                }
                for (to, from) in out.iter_mut().zip(pattern.iter().cycle()) {
                    *to = *from;
                }
                Ok(())
            }
            Self::Padded(bytes) => kind.pad(bytes, out),
            Self::Number(number) => kind.write_number(*number, out),
            Self::Zero => kind.write_zero(out),
            Self::Nines(Some(number)) => kind.write_number(*number, out),
            Self::Nines(None) | Self::Never => Err(ValueProblem::Missing),
        }
    }
}

#[inline]
fn repeats(bytes: &[u8], pattern: &[u8]) -> bool {
    match pattern {
        [byte] => bytes.iter().all(|b| b == byte),
        [] => false,
        pattern => {
            bytes.len().is_multiple_of(pattern.len()) && bytes.chunks(pattern.len()).all(|b| b == pattern)
        }
    }
}

fn is_number(kind: &Kind, bytes: &[u8], number: Decimal) -> bool {
    let read = match kind.read_number(bytes) {
        Some(Value::Double(double)) => return number::float::exactly(number) == Ok(double),
        Some(value) => number::decimal(value).ok(),
        None => None,
    };
    read.is_some_and(|read| read.compare(number) == Ordering::Equal)
}
