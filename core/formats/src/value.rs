//! What is captured from a document, and the values that expressions are made of.

use crate::{Decimal, FrameId, SlotRef, ValueProblem};
use std::{cmp::Ordering, num::NonZeroU16};

/// What a reader found for one selected field: the bytes as they lie in the input, not yet interpreted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Slot<'a> {
    /// Not there.
    #[default]
    Absent,
    /// There, and nil (`xsi:nil="true"`).
    Nil,
    /// A record that is there.
    Present,
    /// Text: an XML value with entities resolved.
    Text(&'a str),
    /// Octets: protobuf bytes, a well-known message that stands for a scalar, or a protobuf string, which is held to
    /// be UTF-8 where it is used: whoever copies it looks at every byte anyway.
    Bytes(&'a [u8]),
    /// A protobuf varint, or a fixed-width number's bits.
    Bits(u64),
    /// Items of a list: the first and last instance of its frame.
    List {
        /// Where the first item's row begins.
        first: u32,
        /// Where the last item's row begins.
        last: u32,
        /// How many.
        count: u32,
    },
    /// In slot 0 of an item's row: where the next item's row begins.
    Next(u32),
}

/// The slots of one document.
#[derive(Debug, Default)]
pub struct Captured<'a> {
    slots: Vec<Slot<'a>>,
}

impl<'a> Captured<'a> {
    /// Empties it and lays out the document's own frame.
    pub fn reset(&mut self, width: u16) {
        self.slots.clear();
        self.slots.resize(usize::from(width), Slot::Absent);
    }

    /// Over memory that another document used.
    pub fn recycle(mut slots: Vec<Slot<'_>>) -> Self {
        slots.clear();
        // The standard library does this in place: same layout, nothing copied.
        Self { slots: slots.into_iter().map(|_| Slot::Absent).collect() }
    }

    /// Its memory for the next document, unless it grew beyond so many bytes.
    pub fn into_empty(self, most: usize) -> Vec<Slot<'static>> {
        if self.slots.capacity() * size_of::<Slot<'_>>() > most {
            Vec::new()
        } else {
            Captured::recycle(self.slots).slots
        }
    }

    /// The slot at an absolute place.
    #[inline]
    pub fn get(&self, place: usize) -> Slot<'a> {
        self.slots.get(place).copied().unwrap_or_default()
    }

    /// Sets the slot at an absolute place.
    #[inline]
    pub fn set(&mut self, place: usize, slot: Slot<'a>) {
        if let Some(s) = self.slots.get_mut(place) {
            *s = slot;
        }
    }

    /// Appends a row for an item of the list whose slot is at `list`; returns where the row begins.
    pub fn push_item(&mut self, list: usize, width: u16) -> usize {
        let row = self.slots.len();
        let here = u32::try_from(row).unwrap_or(u32::MAX);
        self.slots.resize(row + usize::from(width), Slot::Absent);
        let updated = match self.get(list) {
            Slot::List { first, last, count } => {
                self.set(last as usize, Slot::Next(here));
                Slot::List { first, last: here, count: count + 1 }
            }
            _ => Slot::List { first: here, last: here, count: 1 },
        };
        self.set(list, updated);
        row
    }
}

/// Which instance of each frame is current: `rows[frame]` is where its row begins.
#[derive(Debug, Clone, Default)]
pub struct Rows(pub Vec<u32>);

impl Rows {
    /// The absolute place of a slot.
    #[inline]
    pub fn place(&self, slot: SlotRef) -> usize {
        self.0.get(usize::from(slot.frame.0)).copied().unwrap_or(0) as usize + usize::from(slot.index)
    }

    /// Makes an item current.
    pub fn enter(&mut self, frame: FrameId, row: u32) {
        if let Some(r) = self.0.get_mut(usize::from(frame.0)) {
            *r = row;
        }
    }
}

/// A date and time; without an offset it is local to whoever wrote it (`xs:dateTime` without a zone).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    /// The calendar's reading.
    pub civil: jiff::civil::DateTime,
    /// Seconds east of UTC.
    pub offset: Option<i32>,
}

/// A value in an expression. Enumerations are their names; durations are seconds and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Not there.
    Absent,
    /// Nil.
    Nil,
    /// Text.
    Text(&'a str),
    /// Octets.
    Bytes(&'a [u8]),
    /// True or false.
    Bool(bool),
    /// A whole number of up to 38 digits.
    Integer(i128),
    /// An exact decimal.
    Decimal(Decimal),
    /// A binary floating-point number; only where a contract has them.
    Double(f64),
    /// A calendar date.
    Date(jiff::civil::Date),
    /// A time of day.
    Time(jiff::civil::Time),
    /// A date and time.
    DateTime(DateTime),
    /// A span of time.
    Duration(jiff::SignedDuration),
}

/// A value that fits a machine word, as most numbers of most messages do. It travels as a [`Word`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compact {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A decimal: minor units, and how many of their digits stand after the point.
    Minor(i64, u8),
    /// An instant: seconds since 1970 in UTC.
    Seconds(i64),
    /// A calendar date that exists.
    Day {
        /// -9999 to 9999.
        year: i16,
        /// From 1.
        month: i8,
        /// From 1.
        day: i8,
    },
}

/// A [`Compact`] that goes from function to function in two registers, where a [`Value`] goes through memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    bits: i64,
    /// The kind in the lower byte, a decimal's scale above it.
    form: NonZeroU16,
}

const BOOL: u16 = 1;
const INTEGER: u16 = 2;
const MINOR: u16 = 3;
const SECONDS: u16 = 4;
const DAY: u16 = 5;

impl From<Compact> for Word {
    #[inline]
    fn from(value: Compact) -> Self {
        let (bits, form) = match value {
            Compact::Bool(value) => (i64::from(value), BOOL),
            Compact::Integer(whole) => (whole, INTEGER),
            Compact::Minor(units, scale) => (units, MINOR | u16::from(scale) << 8),
            Compact::Seconds(seconds) => (seconds, SECONDS),
            Compact::Day { year, month, day } => {
                (i64::from(year) << 16 | i64::from(month) << 8 | i64::from(day), DAY)
            }
        };
        Self { bits, form: NonZeroU16::new(form).unwrap_or(NonZeroU16::MIN) }
    }
}

impl Word {
    /// The value.
    #[inline]
    pub fn open(self) -> Compact {
        let form = self.form.get();
        match form & 0xFF {
            BOOL => Compact::Bool(self.bits != 0),
            INTEGER => Compact::Integer(self.bits),
            MINOR => Compact::Minor(self.bits, (form >> 8) as u8),
            SECONDS => Compact::Seconds(self.bits),
            _ => Compact::Day {
                year: (self.bits >> 16) as i16,
                month: (self.bits >> 8) as i8,
                day: self.bits as i8,
            },
        }
    }
}

impl Compact {
    /// The same value; seconds too far from 1970 are none.
    pub fn value(self) -> Result<Value<'static>, ValueProblem> {
        Ok(match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Integer(value) => Value::Integer(i128::from(value)),
            Self::Minor(units, scale) => Value::Decimal(Decimal { mantissa: i128::from(units), scale }),
            Self::Seconds(seconds) => Value::DateTime(DateTime::from_seconds(seconds)?),
            Self::Day { year, month, day } => {
                Value::Date(jiff::civil::Date::new(year, month, day).map_err(|_| ValueProblem::OutOfRange)?)
            }
        })
    }
}

impl DateTime {
    /// So many seconds after 1970-01-01T00:00:00Z.
    pub fn from_seconds(seconds: i64) -> Result<Self, ValueProblem> {
        let instant = jiff::Timestamp::from_second(seconds).map_err(|_| ValueProblem::OutOfRange)?;
        Ok(Self::utc(instant))
    }

    /// The instant; `None` where the zone is not said.
    pub fn instant(self) -> Option<jiff::Timestamp> {
        let offset = jiff::tz::Offset::from_seconds(self.offset?).ok()?;
        offset.to_timestamp(self.civil).ok()
    }

    /// An instant, said in UTC.
    pub fn utc(instant: jiff::Timestamp) -> Self {
        Self { civil: jiff::tz::Offset::UTC.to_datetime(instant), offset: Some(0) }
    }
}

/// The order of two values of kinds that have one; integers and decimals compare as numbers.
pub fn compare(a: Value<'_>, b: Value<'_>) -> Option<Ordering> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(&b)),
        (Value::Integer(a), Value::Integer(b)) => Some(a.cmp(&b)),
        (Value::Decimal(a), Value::Decimal(b)) => Some(a.compare(b)),
        (Value::Integer(a), Value::Decimal(b)) => Some(Decimal::from_integer(a)?.compare(b)),
        (Value::Decimal(a), Value::Integer(b)) => Some(a.compare(Decimal::from_integer(b)?)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(&b),
        (Value::Date(a), Value::Date(b)) => Some(a.cmp(&b)),
        (Value::Time(a), Value::Time(b)) => Some(a.cmp(&b)),
        (Value::DateTime(a), Value::DateTime(b)) => match (a.offset, b.offset) {
            (None, None) => Some(a.civil.cmp(&b.civil)),
            _ => Some(a.instant()?.cmp(&b.instant()?)),
        },
        (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(&b)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_travel_as_words() {
        let days = [(-9999, 1, 1), (-1, 12, 31), (0, 2, 29), (2026, 11, 29), (9999, 12, 31)];
        let days = days.map(|(year, month, day)| Compact::Day { year, month, day });
        let numbers = [0, -1, i64::MIN, i64::MAX];
        let numbers = numbers.into_iter().flat_map(|number| {
            let scales = [0, 2, 38].map(|scale| Compact::Minor(number, scale));
            scales.into_iter().chain([Compact::Integer(number), Compact::Seconds(number)])
        });
        for value in days.into_iter().chain(numbers).chain([Compact::Bool(true), Compact::Bool(false)]) {
            assert_eq!(Word::from(value).open(), value);
        }
    }
}
