//! Binary integers in two's complement, of 1 to 16 bytes: COBOL's `COMP`, `COMP-5` and `COMP-9`.
//!
//! How many digits the picture has bounds what is written. What is read may have more, as programs that are compiled without truncation
//! leave it there.

use super::{compact, limit, units, value};
use crate::{Decimal, Value, ValueProblem, Word};
use portolan_schema::layout::{Binary, ByteOrder};

/// Reads and writes numbers of one binary form.
#[derive(Debug, Clone, Copy)]
pub(in crate::records) struct BinaryCodec(Binary);

impl BinaryCodec {
    pub(in crate::records) fn compile(form: &Binary) -> Self {
        Self(*form)
    }

    /// The greatest number of its picture.
    pub(in crate::records) fn greatest(&self) -> Option<i128> {
        self.0.digits.map(|digits| limit(digits) - 1)
    }

    /// How many digits stand after the point.
    pub(in crate::records) fn scale(&self) -> i8 {
        self.0.scale
    }

    /// The number of up to eight bytes, where it fits.
    #[inline]
    pub(in crate::records) fn compact(&self, bytes: &[u8]) -> Option<Word> {
        let length = bytes.len();
        if !(1..=8).contains(&length) {
            return None;
        }
        let shift = 64 - 8 * length as u32;
        // At the upper end of a word, so that one shift brings the sign along.
        let word = match (self.0.order, length) {
            (ByteOrder::Big, 4) => u64::from(u32::from_be_bytes(*bytes.first_chunk()?)) << 32,
            (ByteOrder::Big, 2) => u64::from(u16::from_be_bytes(*bytes.first_chunk()?)) << 48,
            (ByteOrder::Big, 8) => u64::from_be_bytes(*bytes.first_chunk()?),
            (ByteOrder::Big, _) => bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)) << shift,
            (ByteOrder::Little, _) => {
                bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)) << shift
            }
        };
        let units = if self.0.signed { word as i64 >> shift } else { i64::try_from(word >> shift).ok()? };
        compact(units, self.0.scale)
    }

    /// The number, whatever its length.
    pub(in crate::records) fn read(&self, bytes: &[u8]) -> Result<Value<'static>, ValueProblem> {
        value(self.read_units(bytes)?, self.0.scale)
    }

    /// It as a whole number.
    pub(in crate::records) fn read_units(&self, bytes: &[u8]) -> Result<i128, ValueProblem> {
        if !(1..=16).contains(&bytes.len()) {
            return Err(ValueProblem::Lexical);
        }
        let add = |word: u128, byte: &u8| word << 8 | u128::from(*byte);
        let word = match self.0.order {
            ByteOrder::Big => bytes.iter().fold(0, add),
            ByteOrder::Little => bytes.iter().rev().fold(0, add),
        };
        let shift = 128 - 8 * bytes.len() as u32;
        if self.0.signed {
            Ok((word << shift) as i128 >> shift)
        } else {
            i128::try_from(word).map_err(|_| ValueProblem::OutOfRange)
        }
    }

    /// Writes units of the form's scale so that they fill the field; tells whether it could.
    #[inline]
    pub(in crate::records) fn write_word(&self, units: i64, out: &mut [u8]) -> bool {
        if self.0.digits.is_some_and(|digits| i128::from(units.unsigned_abs()) >= limit(digits)) {
            return false;
        }
        let spare = match out.len() {
            length @ 1..=8 => 64 - 8 * length as u32,
            _ => return false,
        };
        let fits = match self.0.signed {
            true => units << spare >> spare == units,
            false => units >= 0 && (units as u64) << spare >> spare == units as u64,
        };
        match self.0.order {
            ByteOrder::Little => {
                for (to, from) in out.iter_mut().zip(units.to_le_bytes()) {
                    *to = from;
                }
            }
            ByteOrder::Big => {
                for (to, from) in out.iter_mut().rev().zip(units.to_le_bytes()) {
                    *to = from;
                }
            }
        }
        fits
    }

    /// Writes a number so that it fills the field.
    pub(in crate::records) fn write(&self, number: Decimal, out: &mut [u8]) -> Result<(), ValueProblem> {
        self.write_units(units(number, self.0.scale)?, out)
    }

    /// Writes a whole number.
    pub(in crate::records) fn write_units(&self, units: i128, out: &mut [u8]) -> Result<(), ValueProblem> {
        if self.0.digits.is_some_and(|digits| units.unsigned_abs() >= limit(digits).unsigned_abs()) {
            return Err(ValueProblem::TooManyDigits);
        }
        if !(1..=16).contains(&out.len()) {
            return Err(ValueProblem::WrongKind);
        }
        let bits = 8 * out.len() as u32;
        let fits = match self.0.signed {
            true => bits == 128 || (units >> (bits - 1) == 0 || units >> (bits - 1) == -1),
            false => units >= 0 && (bits == 128 || units >> bits == 0),
        };
        if !fits {
            return Err(ValueProblem::OutOfRange);
        }
        let bytes = units.to_le_bytes();
        for (to, from) in out.iter_mut().zip(bytes) {
            *to = from;
        }
        if self.0.order == ByteOrder::Big {
            out.reverse();
        }
        Ok(())
    }
}
