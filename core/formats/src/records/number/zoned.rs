//! Digits as characters: COBOL's `DISPLAY`, and the numbers of every specification that says "right justified, zero filled".
//!
//! The zone of a digit, its upper half, is `F` in EBCDIC and `3` in ASCII; in one digit it may carry the sign.

use super::{POWERS, compact, limit, stored_units, swar, value};
use crate::{Decimal, Value, ValueProblem, Word, records::codepage::Transcoder};
use portolan_schema::layout::{Digits, Encoding, Fill, Overpunch, Side, Sign, Zoned};

/// Reads and writes numbers of one zoned form.
#[derive(Debug, Clone)]
pub(in crate::records) struct ZonedCodec {
    digits: Digits,
    sign: Sign,
    fill: Fill,
    blank_when_zero: bool,
    /// `30` or `F0`.
    zone: u8,
    blank: u8,
    plus: u8,
    minus: u8,
    point: Option<Point>,
    /// The least number with too many digits, where a word holds it.
    beyond: u64,
    /// The digits that carry a sign.
    overpunch: Box<Carriers>,
}

/// The byte of the point; `None` where the encoding has none, so that no number is written or read.
#[derive(Debug, Clone, Copy)]
struct Point(Option<u8>);

/// The digits that carry a sign, both ways.
#[derive(Debug, Clone)]
struct Carriers {
    /// What each byte is: its value, with [`MINUS`] where it is negative, or [`NO_DIGIT`].
    read: [u8; 256],
    /// How each digit is written with plus, and with minus.
    plus: [u8; 10],
    minus: [u8; 10],
}

const MINUS: u8 = 0x10;
const NO_DIGIT: u8 = 0xFF;

impl ZonedCodec {
    pub(in crate::records) fn compile(form: &Zoned) -> Self {
        let encoding = if form.ebcdic { Encoding::find("cp037") } else { None };
        let page = Transcoder::new(encoding.unwrap_or(Encoding::Ascii));
        let byte = |character| page.byte(character).unwrap_or(character as u8);
        let overpunch = match form.sign {
            Sign::Overpunch(_, overpunch) => overpunches(form.ebcdic, overpunch),
            _ => Carriers { read: [NO_DIGIT; 256], plus: [0; 10], minus: [0; 10] },
        };
        Self {
            digits: form.digits,
            sign: form.sign,
            fill: form.fill,
            blank_when_zero: form.blank_when_zero,
            zone: byte('0'),
            blank: byte(' '),
            plus: byte('+'),
            minus: byte('-'),
            point: form.point.map(|point| Point(page.byte(point))),
            beyond: u64::try_from(limit(form.digits.count)).unwrap_or(u64::MAX),
            overpunch: Box::new(overpunch),
        }
    }

    /// Whether its characters are EBCDIC's.
    pub(in crate::records) fn is_ebcdic(&self) -> bool {
        self.zone == 0xF0
    }

    /// Whether each byte is the digit nine.
    pub(in crate::records) fn is_nines(&self, bytes: &[u8]) -> bool {
        !bytes.is_empty() && bytes.iter().all(|byte| *byte == self.zone | 9)
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
        if self.point.is_some() {
            return None;
        }
        let bytes = match self.fill {
            Fill::Zero => bytes,
            Fill::Blank => &bytes[bytes.iter().position(|byte| *byte != self.blank)?..],
            Fill::BlankAfter => &bytes[..=bytes.iter().rposition(|byte| *byte != self.blank)?],
        };
        let number = |digits| swar::zoned(digits, self.zone);
        let (units, negative) = match self.sign {
            Sign::Unsigned => (number(bytes)?, false),
            Sign::Minus => match bytes.split_first()? {
                (sign, digits) if *sign == self.minus => (number(digits)?, true),
                (sign, digits) if *sign == self.plus => (number(digits)?, false),
                _ => (number(bytes)?, false),
            },
            Sign::Separate(side) => {
                let (sign, digits) = match side {
                    Side::Left => bytes.split_first()?,
                    Side::Right => bytes.split_last()?,
                };
                match *sign {
                    sign if sign == self.minus => (number(digits)?, true),
                    sign if sign == self.plus => (number(digits)?, false),
                    _ => return None,
                }
            }
            Sign::Overpunch(side, _) => {
                let (carrier, digits) = match side {
                    Side::Left => bytes.split_first()?,
                    Side::Right => bytes.split_last()?,
                };
                let carrier = self.overpunch.read[usize::from(*carrier)];
                if carrier == NO_DIGIT || digits.len() > 17 {
                    return None;
                }
                let (digit, rest) =
                    (u64::from(carrier & 0x0F), if digits.is_empty() { 0 } else { number(digits)? });
                let units = match side {
                    Side::Left => digit * POWERS[digits.len()] as u64 + rest,
                    Side::Right => rest * 10 + digit,
                };
                (units, carrier & MINUS != 0)
            }
        };
        if units >= self.beyond {
            return None;
        }
        let units = i64::try_from(units).ok()?;
        compact(if negative { -units } else { units }, self.digits.scale)
    }

    /// The number, whatever its length.
    pub(in crate::records) fn read(&self, bytes: &[u8]) -> Result<Value<'static>, ValueProblem> {
        if !bytes.is_empty() && bytes.iter().all(|byte| *byte == self.blank) && self.blank_when_zero {
            return self.number(0, 0);
        }
        let (negative, first_carries, bytes) = self.split_sign(bytes)?;
        let (mut number, mut fraction, mut found) = (0i128, None, 0usize);
        let carrier = match first_carries {
            Some(Side::Left) => Some(0),
            Some(Side::Right) => bytes.len().checked_sub(1),
            None => None,
        };
        let mut minus = negative;
        for (index, byte) in bytes.iter().enumerate() {
            let is_point = self.point.is_some_and(|point| point.0 == Some(*byte));
            if is_point && fraction.is_none() && carrier != Some(index) {
                fraction = Some(0u8);
                continue;
            }
            let mut digit = byte ^ self.zone;
            if carrier == Some(index) {
                let carried = self.overpunch.read[usize::from(*byte)];
                minus = carried != NO_DIGIT && carried & MINUS != 0;
                digit = if carried == NO_DIGIT { NO_DIGIT } else { carried & 0x0F };
            }
            if digit > 9 {
                return Err(ValueProblem::Lexical);
            }
            number = number.saturating_mul(10).saturating_add(i128::from(digit));
            fraction = fraction.map(|count| count.saturating_add(1));
            found += 1;
        }
        if found == 0 {
            return Err(ValueProblem::Lexical);
        }
        if number >= limit(self.digits.count) {
            return Err(ValueProblem::TooManyDigits);
        }
        self.number(if minus { -number } else { number }, fraction.unwrap_or(0))
    }

    /// Writes units of the form's scale so that they fill the field; tells whether it could.
    #[inline]
    pub(in crate::records) fn write_word(&self, units: i64, out: &mut [u8]) -> bool {
        let number = units.unsigned_abs();
        if self.point.is_some() || self.fill != Fill::Zero || self.blank_when_zero || number >= self.beyond {
            return false;
        }
        let negative = units < 0;
        match self.sign {
            // Its place is that of the first digit.
            Sign::Minus => false,
            Sign::Unsigned => !negative && swar::write_zoned(number, self.zone, out),
            Sign::Separate(side) => {
                let split = if side == Side::Left { out.split_first_mut() } else { out.split_last_mut() };
                let Some((sign, digits)) = split else { return false };
                *sign = if negative { self.minus } else { self.plus };
                swar::write_zoned(number, self.zone, digits)
            }
            Sign::Overpunch(side, _) => {
                let fits = swar::write_zoned(number, self.zone, out);
                let carrier = if side == Side::Left { out.first_mut() } else { out.last_mut() };
                let Some(carrier) = carrier else { return false };
                let carriers = if negative { &self.overpunch.minus } else { &self.overpunch.plus };
                *carrier = carriers[usize::from(*carrier & 0x0F) % 10];
                fits
            }
        }
    }

    /// Writes a number so that it fills the field.
    pub(in crate::records) fn write(&self, number: Decimal, out: &mut [u8]) -> Result<(), ValueProblem> {
        if self.blank_when_zero && number.mantissa == 0 {
            out.fill(self.blank);
            return Ok(());
        }
        let write = |fraction, out: &mut [u8]| {
            let (units, fraction) = self.stored(number, fraction)?;
            self.write_units(units, fraction, self.fill, out)
        };
        let (wanted, least) = self.fraction(number);
        match write(wanted, out) {
            // Zeros at the end of a fraction are left out where there is no room for them.
            Err(ValueProblem::TooManyDigits) if least < wanted => write(least, out),
            written => written,
        }
    }

    /// Fills the field with zero in digits, whatever is said of zeros and blanks.
    pub(in crate::records) fn write_zeros(&self, out: &mut [u8]) -> Result<(), ValueProblem> {
        self.write_units(0, 0, Fill::Zero, out)
    }

    /// Appends a number without filling: all of its digits where the point is implied, as many as it needs where it is written.
    pub(in crate::records) fn append(&self, number: Decimal, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        let (units, fraction) = self.stored(number, self.fraction(number).0)?;
        let needed = units.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
        let digits = if self.point.is_some() || self.sign == Sign::Minus {
            needed.max(usize::from(fraction) + 1) + usize::from(fraction > 0)
        } else {
            usize::from(self.digits.count).max(needed)
        };
        let sign = match self.sign {
            Sign::Separate(_) => 1,
            Sign::Minus => usize::from(units < 0),
            _ => 0,
        };
        let start = out.len();
        out.resize(start + digits + sign, self.blank);
        let fill = if self.point.is_some() { self.fill } else { Fill::Zero };
        self.write_units(units, fraction, fill, &mut out[start..])
    }

    /// How many digits are to stand after a point that is written, and at least.
    fn fraction(&self, number: Decimal) -> (u8, u8) {
        match self.point {
            None => (0, 0),
            Some(_) => {
                let least = number.normalized().scale;
                (least.max(self.digits.scale.clamp(0, 38).unsigned_abs()), least)
            }
        }
    }

    /// The digits that are written, and how many of them stand after a point that is written.
    fn stored(&self, number: Decimal, fraction: u8) -> Result<(i128, u8), ValueProblem> {
        let units = match self.point {
            None => stored_units(number, self.digits)?,
            Some(Point(None)) => return Err(ValueProblem::NotEncodable),
            Some(Point(Some(_))) => {
                if self.is_finer(number) {
                    return Err(ValueProblem::Loss);
                }
                let scale = i8::try_from(fraction).map_err(|_| ValueProblem::TooManyDigits)?;
                stored_units(number, Digits { count: self.digits.count, scale })?
            }
        };
        if units < 0 && self.sign == Sign::Unsigned {
            return Err(ValueProblem::OutOfRange);
        }
        Ok((units, fraction))
    }

    fn number(&self, units: i128, fraction: u8) -> Result<Value<'static>, ValueProblem> {
        if self.point.is_none() {
            return value(units, self.digits.scale);
        }
        let read = Decimal::new(units, fraction).ok_or(ValueProblem::OutOfRange)?.normalized();
        if self.is_finer(read) {
            return Err(ValueProblem::TooManyDigits);
        }
        let wanted = read.scale.max(self.digits.scale.clamp(0, 38).unsigned_abs());
        Ok(Value::Decimal(read.rescale(wanted).unwrap_or(read)))
    }

    /// Whether a number has more digits after its point than the field says that there are; without a scale it says nothing of them.
    fn is_finer(&self, number: Decimal) -> bool {
        let scale = self.digits.scale;
        scale > 0 && number.normalized().scale > scale.unsigned_abs()
    }

    /// Without the blanks that fill the field. Where the point is written blanks can mean nothing else, at whichever side they stand.
    fn without_fill<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let written = |byte: &u8| *byte != self.blank;
        let bytes = match (self.point, bytes.iter().position(written)) {
            (None, _) => bytes,
            (Some(_), first) => {
                let end = bytes.iter().rposition(written).map_or(0, |last| last + 1);
                bytes.get(first.unwrap_or(0)..end).unwrap_or_default()
            }
        };
        match self.fill {
            Fill::Zero => bytes,
            Fill::Blank => {
                bytes.iter().position(written).and_then(|first| bytes.get(first..)).unwrap_or_default()
            }
            Fill::BlankAfter => {
                bytes.iter().rposition(written).and_then(|last| bytes.get(..=last)).unwrap_or_default()
            }
        }
    }

    /// Whether a separate sign is minus, at which side a digit carries one, and the digits. A blank in the place of a separate sign is plus.
    fn split_sign<'a>(&self, field: &'a [u8]) -> Result<(bool, Option<Side>, &'a [u8]), ValueProblem> {
        let bytes = self.without_fill(field);
        let side = match self.sign {
            Sign::Unsigned => return Ok((false, None, bytes)),
            Sign::Overpunch(side, _) => return Ok((false, Some(side), bytes)),
            Sign::Minus => match bytes.split_first() {
                Some((sign, digits)) if *sign == self.minus => return Ok((true, None, digits)),
                Some((sign, digits)) if *sign == self.plus => return Ok((false, None, digits)),
                _ => return Ok((false, None, bytes)),
            },
            Sign::Separate(side) => side,
        };
        let split = if side == Side::Left { bytes.split_first() } else { bytes.split_last() };
        let (sign, digits) = split.ok_or(ValueProblem::Lexical)?;
        match *sign {
            sign if sign == self.minus => Ok((true, None, self.without_fill(digits))),
            sign if sign == self.plus => Ok((false, None, self.without_fill(digits))),
            sign if sign == self.blank => Ok((false, None, digits)),
            // Its blank was taken for one that fills the field.
            sign if sign ^ self.zone < 10 && bytes.len() < field.len() => Ok((false, None, bytes)),
            _ => Err(ValueProblem::Lexical),
        }
    }

    /// Writes digits, `fraction` of them after a point.
    fn write_units(&self, units: i128, fraction: u8, fill: Fill, out: &mut [u8]) -> Result<(), ValueProblem> {
        let mut buffer = itoa::Buffer::new();
        let negative = units < 0;
        let digits = match u64::try_from(units.unsigned_abs()) {
            Ok(small) => buffer.format(small),
            Err(_) => buffer.format(units.unsigned_abs()),
        };
        let side = match self.sign {
            Sign::Separate(side) => Some(side),
            Sign::Minus if negative => Some(Side::Left),
            _ => None,
        };
        let (sign, out) = match side {
            Some(side) => {
                let (first, rest) = match side {
                    Side::Left => out.split_first_mut(),
                    Side::Right => out.split_last_mut(),
                }
                .ok_or(ValueProblem::TooLong)?;
                *first = if negative { self.minus } else { self.plus };
                (Some((first, side)), rest)
            }
            None => (None, out),
        };
        let fraction = usize::from(fraction);
        let after = usize::from(fraction > 0);
        // A digit stands before a point that is written, if there is room for one more zero.
        let mut needed = digits.len().max(if after > 0 { fraction + 1 } else { 1 }) + after;
        let carries_first = matches!(self.sign, Sign::Overpunch(Side::Left, _));
        if needed == out.len() + 1 && after > 0 && digits.len() <= fraction && !carries_first {
            needed -= 1;
        }
        let room = out.len().checked_sub(needed).ok_or(ValueProblem::TooManyDigits)?;
        let (blanks, start) = match fill {
            Fill::Zero => (0..0, 0),
            Fill::Blank => (0..room, room),
            Fill::BlankAfter => (needed..out.len(), 0),
        };
        let end = if fill == Fill::BlankAfter { needed } else { out.len() };
        out[start..end].fill(self.zone);
        out[blanks].fill(self.blank);
        let mut at = end;
        for (index, digit) in digits.bytes().rev().enumerate() {
            if after > 0 && index == fraction {
                at -= 1;
            }
            at -= 1;
            out[at] = self.zone | (digit & 0x0F);
        }
        if let (Some(Point(Some(point))), 1) = (self.point, after) {
            out[end - fraction - 1] = point;
        }
        if let Sign::Overpunch(side, _) = self.sign {
            let carrier = if side == Side::Left { start } else { end - 1 };
            let carriers = if negative { &self.overpunch.minus } else { &self.overpunch.plus };
            out[carrier] = carriers[usize::from(out[carrier] & 0x0F) % 10];
        }
        // A sign stands before the digits, not before the blanks that fill the field.
        if let Some((sign, side)) = sign {
            match (side, fill) {
                (Side::Left, Fill::Blank) if start > 0 => {
                    out[start - 1] = std::mem::replace(sign, self.blank);
                }
                (Side::Right, Fill::BlankAfter) if end < out.len() => {
                    out[end] = std::mem::replace(sign, self.blank);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The digits that carry a sign. In EBCDIC all three ways are the same bytes; in ASCII, EBCDIC's zones are the characters that they become
/// by translation.
fn overpunches(ebcdic: bool, overpunch: Overpunch) -> Carriers {
    let mut carriers = Carriers { read: [NO_DIGIT; 256], plus: [0; 10], minus: [0; 10] };
    for digit in 0..10u8 {
        let at = usize::from(digit);
        let (plain, plus, minus) = match (ebcdic, overpunch) {
            (true, _) => (0xF0 | digit, 0xC0 | digit, 0xD0 | digit),
            (false, Overpunch::Ascii) => (0x30 | digit, 0x30 | digit, 0x70 | digit),
            (false, _) => (0x30 | digit, b"{ABCDEFGHI"[at], b"}JKLMNOPQR"[at]),
        };
        carriers.read[usize::from(plain)] = digit;
        carriers.read[usize::from(plus)] = digit;
        carriers.read[usize::from(minus)] = digit | MINUS;
        (carriers.plus[at], carriers.minus[at]) = (plus, minus);
    }
    carriers
}
