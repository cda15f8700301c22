//! Floating-point numbers of 4 and 8 bytes: IEEE 754, and IBM's hexadecimal ones (z/Architecture Principles of Operation, chapter 18).
//!
//! An IBM number is a sign, seven bits of a power of 16 in excess 64, and a fraction of 24 or 56 bits. Where an 8-byte one has more bits
//! than binary64 does, reading takes the nearest; everything else is exact, and what would not be is not written.

use crate::{Decimal, Value, ValueProblem, lexical};
use portolan_schema::layout::{ByteOrder, Float, FloatStandard};

/// Reads and writes numbers of one floating form.
#[derive(Debug, Clone, Copy)]
pub(in crate::records) struct FloatCodec(Float);

impl FloatCodec {
    pub(in crate::records) fn compile(form: &Float) -> Self {
        Self(*form)
    }

    /// The number that 4 or 8 bytes are.
    pub(in crate::records) fn read(&self, bytes: &[u8]) -> Result<f64, ValueProblem> {
        let word = |bytes: &[u8; 8]| match self.0.order {
            ByteOrder::Big => u64::from_be_bytes(*bytes),
            ByteOrder::Little => u64::from_le_bytes(*bytes),
        };
        let half = |bytes: &[u8; 4]| match self.0.order {
            ByteOrder::Big => u32::from_be_bytes(*bytes),
            ByteOrder::Little => u32::from_le_bytes(*bytes),
        };
        match (self.0.standard, <&[u8; 4]>::try_from(bytes), <&[u8; 8]>::try_from(bytes)) {
            (FloatStandard::Ieee, Ok(bytes), _) => Ok(f64::from(f32::from_bits(half(bytes)))),
            (FloatStandard::Ieee, _, Ok(bytes)) => Ok(f64::from_bits(word(bytes))),
            // A short number is a long one with zeros behind it.
            (FloatStandard::Ibm, Ok(bytes), _) => Ok(from_ibm(u64::from(half(bytes)) << 32)),
            (FloatStandard::Ibm, _, Ok(bytes)) => Ok(from_ibm(word(bytes))),
            _ => Err(ValueProblem::Lexical),
        }
    }

    /// Writes a number: a double, a whole number or decimal that is exactly one, or text, which means the nearest one as `xs:double`
    /// and `xs:float` do.
    pub(in crate::records) fn write(&self, value: Value<'_>, out: &mut [u8]) -> Result<(), ValueProblem> {
        let short = out.len() == 4;
        let number = match value {
            Value::Double(number) => number,
            Value::Integer(whole) => exactly(Decimal::from_integer(whole).ok_or(ValueProblem::OutOfRange)?)?,
            Value::Decimal(decimal) => exactly(decimal)?,
            Value::Text(text) => {
                lexical::parse_double(text, short && self.0.standard == FloatStandard::Ieee)?
            }
            Value::Nil => return Err(ValueProblem::Nil),
            _ => return Err(ValueProblem::WrongKind),
        };
        let mut bytes = match (self.0.standard, out.len()) {
            (FloatStandard::Ieee, 4) => {
                let float = number as f32;
                if f64::from(float) != number && !number.is_nan() {
                    return Err(ValueProblem::Loss);
                }
                u64::from(float.to_bits()) << 32
            }
            (FloatStandard::Ieee, 8) => number.to_bits(),
            (FloatStandard::Ibm, 4) => {
                let rounded = if matches!(value, Value::Text(_)) { nearest_short(number) } else { number };
                let long = to_ibm(rounded)?;
                if long & 0xFFFF_FFFF != 0 {
                    return Err(ValueProblem::Loss);
                }
                long
            }
            (FloatStandard::Ibm, 8) => to_ibm(number)?,
            _ => return Err(ValueProblem::WrongKind),
        }
        .to_be_bytes();
        let bytes = &mut bytes[..out.len()];
        if self.0.order == ByteOrder::Little {
            bytes.reverse();
        }
        out.copy_from_slice(bytes);
        Ok(())
    }
}

/// A power of two, by its exponent from -1022 to 1023.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(u64::try_from(exponent + 1023).unwrap_or(0) << 52)
}

fn from_ibm(word: u64) -> f64 {
    let fraction = word & 0x00FF_FFFF_FFFF_FFFF;
    let exponent = ((word >> 56) & 0x7F) as i32 - 64;
    // The conversion rounds to the nearest; the scaling is by a power of two, and exact.
    let magnitude = fraction as f64 * power_of_two(4 * exponent - 56);
    if word >> 63 == 1 { -magnitude } else { magnitude }
}

fn to_ibm(number: f64) -> Result<u64, ValueProblem> {
    if !number.is_finite() {
        return Err(ValueProblem::OutOfRange);
    }
    let sign = u64::from(number.is_sign_negative()) << 63;
    if number == 0.0 {
        return Ok(sign);
    }
    let bits = number.abs().to_bits();
    // Subnormal doubles are far below the least IBM number.
    let mut fraction = bits & ((1 << 52) - 1) | 1 << 52;
    if bits >> 52 == 0 {
        return Err(ValueProblem::OutOfRange);
    }
    // number = fraction * 2^exponent, and of the form fraction' * 16^(power - 14) with a fraction' of 56 bits.
    let exponent = (bits >> 52) as i32 - 1075;
    let power = (exponent + 53).div_euclid(4) + i32::from((exponent + 53).rem_euclid(4) != 0);
    let shift = exponent - 4 * (power - 14);
    fraction <<= u32::try_from(shift).map_err(|_| ValueProblem::Loss)?;
    if fraction >> 56 != 0 {
        return Err(ValueProblem::Loss);
    }
    let characteristic =
        u64::try_from(power + 64).ok().filter(|c| *c < 128).ok_or(ValueProblem::OutOfRange)?;
    Ok(sign | characteristic << 56 | fraction)
}

/// The nearest number that a short IBM number holds: its fraction has six hexadecimal digits.
fn nearest_short(number: f64) -> f64 {
    let Ok(long) = to_ibm(number) else { return number };
    let rounded = (long & 0x7FFF_FFFF_FFFF_FFFF).saturating_add(0x8000_0000) & !0xFFFF_FFFF;
    if rounded >> 63 == 1 {
        return number;
    }
    // A fraction that overflows by rounding is 1, which the next power has as `1/16`.
    let carried = rounded >> 56 != (long & 0x7FFF_FFFF_FFFF_FFFF) >> 56;
    let rounded = if carried { rounded & !0x00FF_FFFF_FFFF_FFFF | 0x0010_0000_0000_0000 } else { rounded };
    from_ibm(rounded | long & 1 << 63)
}

/// The double that is exactly this number.
pub(in crate::records) fn exactly(number: Decimal) -> Result<f64, ValueProblem> {
    let number = number.normalized();
    // m / 10^s = m / 5^s / 2^s, which is a double only where 5^s divides m.
    let power = 5i128.checked_pow(u32::from(number.scale)).filter(|power| number.mantissa % power == 0);
    let whole = number.mantissa / power.ok_or(ValueProblem::Loss)?;
    let double = whole as f64;
    if double as i128 != whole {
        return Err(ValueProblem::Loss);
    }
    Ok(double * power_of_two(-i32::from(number.scale)))
}
