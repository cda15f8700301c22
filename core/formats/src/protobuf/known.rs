//! The well-known messages that stand for one value: timestamps, dates, decimals, wrappers.

use super::{
    value::number,
    wire::{Wire, WireType, push_varint},
};
use crate::{DateTime, Decimal, ReadErrorKind, Value, ValueProblem, lexical};
use bumpalo::Bump;
use jiff::{SignedDuration, Timestamp, civil};
use portolan_schema::ProtoKind;

/// The fields 1 to 4 of a small message, each as bits or bytes.
#[derive(Default)]
struct Small<'a> {
    bits: [u64; 4],
    bytes: &'a [u8],
}

fn small(bytes: &[u8]) -> Result<Small<'_>, ReadErrorKind> {
    let mut wire = Wire::new(bytes);
    let mut found = Small::default();
    while !wire.is_empty() {
        let (field, wire_type) = wire.tag()?;
        match (field, wire_type) {
            (1, WireType::Length) => found.bytes = wire.length_delimited()?,
            (1..=4, WireType::Varint | WireType::Fixed32 | WireType::Fixed64) => {
                found.bits[field as usize - 1] = wire.bits(wire_type)?;
            }
            _ => return Err(ReadErrorKind::UnknownField(field)),
        }
    }
    Ok(found)
}

/// Reads the value of a well-known message.
pub(super) fn decode<'a>(
    kind: ProtoKind,
    bytes: &'a [u8],
    _arena: &'a Bump,
) -> Result<Value<'a>, ValueProblem> {
    use ProtoKind::*;
    let message = small(bytes).map_err(|_| ValueProblem::Lexical)?;
    let part = |i: usize| i64::from(message.bits[i] as i32);
    let text = || std::str::from_utf8(message.bytes).map_err(|_| ValueProblem::Utf8);
    let byte = |i: usize| i8::try_from(part(i)).map_err(|_| ValueProblem::OutOfRange);
    match kind {
        Timestamp => {
            let nanoseconds = i32::try_from(part(1)).ok().filter(|n| (0..1_000_000_000).contains(n));
            let nanoseconds = nanoseconds.ok_or(ValueProblem::OutOfRange)?;
            let instant = jiff::Timestamp::new(message.bits[0] as i64, nanoseconds);
            Ok(Value::DateTime(DateTime::utc(instant.map_err(|_| ValueProblem::OutOfRange)?)))
        }
        Duration => {
            let (seconds, nanoseconds) = (message.bits[0] as i64, part(1));
            let agree = nanoseconds == 0 || seconds == 0 || (nanoseconds < 0) == (seconds < 0);
            if !agree || nanoseconds.abs() >= 1_000_000_000 || seconds.unsigned_abs() > 315_576_000_000 {
                return Err(ValueProblem::OutOfRange);
            }
            Ok(Value::Duration(SignedDuration::new(seconds, nanoseconds as i32)))
        }
        Date => {
            let year = i16::try_from(part(0)).ok().filter(|y| *y > 0).ok_or(ValueProblem::OutOfRange)?;
            civil::Date::new(year, byte(1)?, byte(2)?).map(Value::Date).map_err(|_| ValueProblem::OutOfRange)
        }
        TimeOfDay => {
            let nanoseconds = i32::try_from(part(3)).map_err(|_| ValueProblem::OutOfRange)?;
            let time = civil::Time::new(byte(0)?, byte(1)?, byte(2)?, nanoseconds);
            time.map(Value::Time).map_err(|_| ValueProblem::OutOfRange)
        }
        Decimal => decimal(text()?).map(Value::Decimal),
        StringValue => Ok(Value::Text(text()?)),
        BytesValue => Ok(Value::Bytes(message.bytes)),
        _ => number(kind, message.bits[0]),
    }
}

/// `google.type.Decimal`: as `xs:decimal`, with an exponent perhaps.
fn decimal(text: &str) -> Result<Decimal, ValueProblem> {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else { return lexical::parse_decimal(text) };
    let digits = lexical::parse_decimal(digits)?;
    let exponent: i32 = exponent.parse().map_err(|_| ValueProblem::Lexical)?;
    let scale = i32::from(digits.scale).checked_sub(exponent).ok_or(ValueProblem::OutOfRange)?;
    if let Ok(scale) = u8::try_from(scale) {
        return Decimal::new(digits.mantissa, scale).ok_or(ValueProblem::OutOfRange);
    }
    let power = u32::try_from(-i64::from(scale)).ok().and_then(|power| 10i128.checked_pow(power));
    let mantissa = power.and_then(|power| digits.mantissa.checked_mul(power));
    mantissa.and_then(Decimal::from_integer).ok_or(ValueProblem::OutOfRange)
}

/// Appends the content of a well-known message, without its tag and length.
pub(super) fn encode(kind: ProtoKind, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
    use ProtoKind::*;
    match (kind, value) {
        (Timestamp, Value::DateTime(value)) => {
            if value.offset.is_none() {
                return Err(ValueProblem::NoZone);
            }
            let instant = value.instant().ok_or(ValueProblem::OutOfRange)?;
            let (seconds, nanoseconds) = floor(instant);
            push_field(out, 1, seconds);
            push_field(out, 2, nanoseconds);
        }
        (Duration, Value::Duration(value)) => {
            push_field(out, 1, value.as_secs());
            push_field(out, 2, i64::from(value.subsec_nanos()));
        }
        (Date, Value::Date(date)) => {
            push_field(out, 1, i64::from(date.year()));
            push_field(out, 2, i64::from(date.month()));
            push_field(out, 3, i64::from(date.day()));
        }
        (TimeOfDay, Value::Time(time)) => {
            push_field(out, 1, i64::from(time.hour()));
            push_field(out, 2, i64::from(time.minute()));
            push_field(out, 3, i64::from(time.second()));
            push_field(out, 4, i64::from(time.subsec_nanosecond()));
        }
        (Decimal, Value::Decimal(_) | Value::Integer(_)) => {
            out.push(1 << 3 | 2);
            out.push(0);
            let start = out.len();
            lexical::write_any(value, out)?;
            close(out, start);
        }
        (Timestamp | Duration | Date | TimeOfDay | Decimal, Value::Text(text)) => {
            let value = match kind {
                Timestamp => Value::DateTime(lexical::parse_date_time(text)?),
                Duration => Value::Duration(lexical::parse_duration(text)?),
                Date => Value::Date(lexical::parse_date(text)?),
                TimeOfDay => Value::Time(lexical::parse_time(text)?),
                _ => Value::Decimal(lexical::parse_decimal(text)?),
            };
            encode(kind, value, out)?;
        }
        _ => return Err(ValueProblem::WrongKind),
    }
    Ok(())
}

/// Seconds and the nanoseconds after them, never negative, as `Timestamp` wants them.
fn floor(instant: Timestamp) -> (i64, i64) {
    let (seconds, nanoseconds) = (instant.as_second(), i64::from(instant.subsec_nanosecond()));
    if nanoseconds < 0 { (seconds - 1, nanoseconds + 1_000_000_000) } else { (seconds, nanoseconds) }
}

fn push_field(out: &mut Vec<u8>, field: u8, value: i64) {
    if value != 0 {
        out.push(field << 3);
        push_varint(out, value as u64);
    }
}

/// Appends a whole `google.type.Date`, its length included.
#[inline]
pub(super) fn push_day(year: i16, month: i8, day: i8, out: &mut Vec<u8>) {
    let year = year as u16;
    let (month, day) = (month as u8, day as u8);
    match year {
        // Two bytes hold a year of today's, and neither month nor day is zero.
        0x80..=0x3FFF => out.extend_from_slice(&[
            7,
            1 << 3,
            year as u8 | 0x80,
            (year >> 7) as u8,
            2 << 3,
            month,
            3 << 3,
            day,
        ]),
        _ => {
            out.push(0);
            let start = out.len();
            push_field(out, 1, i64::from(year as i16));
            push_field(out, 2, i64::from(month));
            push_field(out, 3, i64::from(day));
            close(out, start);
        }
    }
}

/// Puts the length of a decimal's text, which has some forty characters at most, before where it began.
fn close(out: &mut [u8], start: usize) {
    let length = out.len() - start;
    if let Some(byte) = start.checked_sub(1).and_then(|at| out.get_mut(at)) {
        *byte = length as u8;
    }
}

/// Appends a whole `google.type.Decimal`, its length included, of so many minor units.
#[inline]
pub(super) fn push_minor(units: i64, scale: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, 1 << 3 | 2, 0]);
    let start = out.len();
    crate::decimal::write_minor(units, scale, out);
    close(out, start);
    let length = out.len() - start + 2;
    if let Some(byte) = out.get_mut(start - 3) {
        *byte = length as u8;
    }
}
