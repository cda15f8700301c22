//! Numbers as layouts store them: zoned, packed, binary, floating, edited.
//!
//! Each has an exact reader and writer for up to 38 digits and, where a number of up to 18 digits is wanted, a fast reader that gives a
//! [`Compact`] or nothing. What is not exactly a number of the form is refused, never guessed.

pub(super) mod binary;
pub(super) mod edited;
pub(super) mod float;
pub(super) mod packed;
mod swar;
pub(super) mod zoned;

use crate::{Compact, Decimal, Value, ValueProblem, Word, lexical};
use portolan_schema::layout::Digits;

/// Powers of ten: `POWERS[38]` is the least number of 39 digits.
pub(super) const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The least number that has more digits than so many.
pub(super) fn limit(digits: u8) -> i128 {
    POWERS[usize::from(digits).min(38)]
}

/// `units / 10^scale`: an integer where the scale is not positive, a decimal otherwise.
pub(super) fn value(units: i128, scale: i8) -> Result<Value<'static>, ValueProblem> {
    // Zero is zero at any scale.
    match u8::try_from(if units == 0 { scale.min(38) } else { scale }) {
        Ok(0) => Decimal::from_integer(units).map(|whole| Value::Integer(whole.mantissa)),
        Ok(scale) => Decimal::new(units, scale).map(Value::Decimal),
        Err(_) => POWERS
            .get(usize::from(scale.unsigned_abs()))
            .and_then(|power| units.checked_mul(*power))
            .and_then(Decimal::from_integer)
            .map(|whole| Value::Integer(whole.mantissa)),
    }
    .ok_or(ValueProblem::OutOfRange)
}

/// The same, where it fits a word.
#[inline]
pub(super) fn compact(units: i64, scale: i8) -> Option<Word> {
    match scale {
        0 => Some(Compact::Integer(units).into()),
        1..=38 => Some(Compact::Minor(units, scale.unsigned_abs()).into()),
        _ => match value(i128::from(units), scale) {
            Ok(Value::Integer(whole)) => {
                i64::try_from(whole).ok().map(|whole| Compact::Integer(whole).into())
            }
            _ => None,
        },
    }
}

/// A value as a decimal: a number, or text in the lexical form of one.
pub(super) fn decimal(value: Value<'_>) -> Result<Decimal, ValueProblem> {
    match value {
        Value::Integer(whole) => Decimal::from_integer(whole).ok_or(ValueProblem::OutOfRange),
        Value::Decimal(decimal) => Ok(decimal),
        Value::Text(text) => lexical::parse_decimal(text),
        Value::Nil => Err(ValueProblem::Nil),
        _ => Err(ValueProblem::WrongKind),
    }
}

/// How many units of `10^-scale` a number is.
///
/// # Errors
/// [`ValueProblem::Loss`] where it is no whole count of them.
pub(super) fn units(number: Decimal, scale: i8) -> Result<i128, ValueProblem> {
    if i16::from(number.scale) == i16::from(scale) {
        return Ok(number.mantissa);
    }
    let number = number.normalized();
    let shift = i16::from(scale) - i16::from(number.scale);
    let power = POWERS.get(usize::from(shift.unsigned_abs()));
    match (power, shift) {
        _ if number.mantissa == 0 => Ok(0),
        (Some(power), 0..) => number.mantissa.checked_mul(*power).ok_or(ValueProblem::TooManyDigits),
        (Some(power), _) if number.mantissa % power == 0 => Ok(number.mantissa / power),
        (None, 0..) => Err(ValueProblem::TooManyDigits),
        _ => Err(ValueProblem::Loss),
    }
}

/// The units of a value that has no more digits than are stored.
pub(super) fn stored_units(number: Decimal, digits: Digits) -> Result<i128, ValueProblem> {
    let units = units(number, digits.scale)?;
    let most = limit(digits.count);
    if (1 - most..most).contains(&units) { Ok(units) } else { Err(ValueProblem::TooManyDigits) }
}
