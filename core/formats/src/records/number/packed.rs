//! Two digits a byte, the sign in the last half: COBOL's `COMP-3`, and `COMP-6` (BCD) without a sign.
//!
//! Signs are those of z/Architecture Principles of Operation, chapter 8: `A`, `C`, `E` and `F` are plus, `B` and `D` minus.

use super::{compact, limit, stored_units, swar, value};
use crate::{Decimal, Value, ValueProblem, Word};
use portolan_schema::layout::{Digits, Packed, PackedSign};

/// Reads and writes numbers of one packed form.
#[derive(Debug, Clone, Copy)]
pub(in crate::records) struct PackedCodec {
    digits: Digits,
    sign: PackedSign,
    /// The least number with too many digits, where a word holds it.
    beyond: u64,
    /// For each last half: whether it is plus, minus, or no sign of this form.
    signs: [Half; 16],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Plus,
    Minus,
    None,
}

impl PackedCodec {
    pub(in crate::records) fn compile(form: &Packed) -> Self {
        use Half::{Minus, None, Plus};
        let minus = if form.sign == PackedSign::Signed { Minus } else { None };
        let mut signs = [None; 16];
        signs[10..].copy_from_slice(&[Plus, minus, Plus, minus, Plus, Plus]);
        let beyond = u64::try_from(limit(form.digits.count)).unwrap_or(u64::MAX);
        Self { digits: form.digits, sign: form.sign, beyond, signs }
    }

    /// The greatest number.
    pub(in crate::records) fn greatest(&self) -> i128 {
        limit(self.digits.count) - 1
    }

    /// How many digits stand after the point.
    pub(in crate::records) fn scale(&self) -> i8 {
        self.digits.scale
    }

    /// The number of up to 18 digits, where it is plainly one.
    #[inline]
    pub(in crate::records) fn compact(&self, bytes: &[u8]) -> Option<Word> {
        let signed = self.sign != PackedSign::None;
        let units = swar::packed(bytes, signed)?;
        if units >= self.beyond {
            return None;
        }
        let units = i64::try_from(units).ok()?;
        let negative = signed
            && match self.signs[usize::from(bytes.last()? & 0x0F)] {
                Half::Plus => false,
                Half::Minus => true,
                Half::None => return None,
            };
        compact(if negative { -units } else { units }, self.digits.scale)
    }

    /// The number, whatever its length.
    pub(in crate::records) fn read(&self, bytes: &[u8]) -> Result<Value<'static>, ValueProblem> {
        value(self.read_units(bytes)?, self.digits.scale)
    }

    /// All of its digits, as a whole number.
    pub(in crate::records) fn read_units(&self, bytes: &[u8]) -> Result<i128, ValueProblem> {
        let last = bytes.last().ok_or(ValueProblem::Lexical)?;
        let mut count = bytes.len() * 2;
        let mut negative = false;
        if self.sign != PackedSign::None {
            count -= 1;
            match self.signs[usize::from(last & 0x0F)] {
                Half::Plus => {}
                Half::Minus => negative = true,
                Half::None => return Err(ValueProblem::Lexical),
            }
        }
        let mut number = 0i128;
        for half in bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).take(count) {
            if half > 9 {
                return Err(ValueProblem::Lexical);
            }
            number = number.saturating_mul(10).saturating_add(i128::from(half));
        }
        if number >= limit(self.digits.count) {
            return Err(ValueProblem::TooManyDigits);
        }
        Ok(if negative { -number } else { number })
    }

    /// Writes units of the form's scale so that they fill the field; tells whether it could.
    #[inline]
    pub(in crate::records) fn write_word(&self, units: i64, out: &mut [u8]) -> bool {
        let number = units.unsigned_abs();
        let last = match self.sign {
            PackedSign::Signed if units < 0 => 0x0D,
            PackedSign::Signed => 0x0C,
            PackedSign::Unsigned if units >= 0 => 0x0F,
            _ => return false,
        };
        number < self.beyond.min(1_000_000_000_000_000) && swar::write_packed(number, last, out)
    }

    /// Writes a number so that it fills the field.
    pub(in crate::records) fn write(&self, number: Decimal, out: &mut [u8]) -> Result<(), ValueProblem> {
        self.write_units(stored_units(number, self.digits)?, out)
    }

    /// Writes digits.
    pub(in crate::records) fn write_units(&self, units: i128, out: &mut [u8]) -> Result<(), ValueProblem> {
        if units < 0 && self.sign != PackedSign::Signed {
            return Err(ValueProblem::OutOfRange);
        }
        let mut left = units.unsigned_abs();
        if left >= limit(self.digits.count).unsigned_abs() {
            return Err(ValueProblem::TooManyDigits);
        }
        let mut bytes = out.iter_mut().rev();
        if self.sign != PackedSign::None {
            let sign = match self.sign {
                PackedSign::Signed if units < 0 => 0x0D,
                PackedSign::Signed => 0x0C,
                _ => 0x0F,
            };
            let last = bytes.next().ok_or(ValueProblem::TooLong)?;
            *last = ((left % 10) as u8) << 4 | sign;
            left /= 10;
        }
        let mut small = u64::try_from(left).ok();
        for byte in bytes {
            let pair = match &mut small {
                Some(left) => take_pair(left),
                None => {
                    let pair = (left % 100) as u8;
                    left /= 100;
                    small = u64::try_from(left).ok();
                    pair
                }
            };
            *byte = ((pair / 10) << 4) | (pair % 10);
        }
        // The field is declared shorter than its digits.
        if small == Some(0) { Ok(()) } else { Err(ValueProblem::TooManyDigits) }
    }

    /// How many bytes its digits take.
    pub(in crate::records) fn length(&self) -> usize {
        let halves = usize::from(self.digits.count) + usize::from(self.sign != PackedSign::None);
        halves.div_ceil(2)
    }
}

#[inline]
fn take_pair(left: &mut u64) -> u8 {
    let pair = (*left % 100) as u8;
    *left /= 100;
    pair
}
