//! Dates, times and spans of time as XML Schema writes them (Part 2, sections 3.2.6 to 3.2.9).
//!
//! A zone on a date or on a time of day is read and left aside: what is meant is the day on the sender's calendar and
//! the reading of the sender's clock, and no other contract that Portolan speaks has a place for it.

use crate::{DateTime, ValueProblem};
use jiff::{SignedDuration, civil};

/// Two digits, or more than 99 where they are none.
#[inline]
fn two(bytes: &[u8], at: usize) -> i8 {
    let (Some(a), Some(b)) = (bytes.get(at), bytes.get(at + 1)) else { return 127 };
    let (a, b) = (a.wrapping_sub(b'0'), b.wrapping_sub(b'0'));
    if a < 10 && b < 10 { (a * 10 + b) as i8 } else { 127 }
}

#[inline]
fn date_at(bytes: &[u8]) -> Result<civil::Date, ValueProblem> {
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return Err(far_year(bytes));
    }
    let (century, year, month, day) = (two(bytes, 0), two(bytes, 2), two(bytes, 5), two(bytes, 8));
    if century > 99 || year > 99 {
        return Err(ValueProblem::Lexical);
    }
    civil::Date::new(i16::from(century) * 100 + i16::from(year), month, day)
        .map_err(|_| ValueProblem::Lexical)
}

/// Years before 1 or after 9999 are well written, but nothing here can hold them.
fn far_year(bytes: &[u8]) -> ValueProblem {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let year = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    if year >= 4 && digits.get(year) == Some(&b'-') {
        ValueProblem::OutOfRange
    } else {
        ValueProblem::Lexical
    }
}

/// A time of day and what follows it; `24:00:00` is the midnight that ends the day.
#[inline]
fn time_at(bytes: &[u8]) -> Result<(civil::Time, bool, &[u8]), ValueProblem> {
    if bytes.len() < 8 || bytes[2] != b':' || bytes[5] != b':' {
        return Err(ValueProblem::Lexical);
    }
    let (hour, minute, second) = (two(bytes, 0), two(bytes, 3), two(bytes, 6));
    let (nanosecond, rest) = match bytes[8..].split_first() {
        Some((b'.', after)) => fraction(after)?,
        _ => (0, &bytes[8..]),
    };
    if (hour, minute, second, nanosecond) == (24, 0, 0, 0) {
        return Ok((civil::Time::midnight(), true, rest));
    }
    let time = civil::Time::new(hour, minute, second, nanosecond).map_err(|_| ValueProblem::Lexical)?;
    Ok((time, false, rest))
}

/// Nanoseconds from digits after a point. More than nine digits that are not zeros would be lost.
fn fraction(bytes: &[u8]) -> Result<(i32, &[u8]), ValueProblem> {
    let count = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = bytes.split_at(count);
    if digits.is_empty() {
        return Err(ValueProblem::Lexical);
    }
    if digits.iter().skip(9).any(|b| *b != b'0') {
        return Err(ValueProblem::Loss);
    }
    let nanoseconds = (0..9).fold(0, |n, i| n * 10 + i32::from(digits.get(i).unwrap_or(&b'0') - b'0'));
    Ok((nanoseconds, rest))
}

/// `Z`, `+hh:mm`, `-hh:mm` or nothing: seconds east of UTC.
#[inline]
fn zone(bytes: &[u8]) -> Result<Option<i32>, ValueProblem> {
    match bytes {
        [] => Ok(None),
        [b'Z'] => Ok(Some(0)),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (i32::from(two(bytes, 1)), i32::from(two(bytes, 4)));
            if hours > 14 || minutes > 59 || (hours == 14 && minutes > 0) {
                return Err(ValueProblem::Lexical);
            }
            let seconds = hours * 3600 + minutes * 60;
            Ok(Some(if *sign == b'-' { -seconds } else { seconds }))
        }
        _ => Err(ValueProblem::Lexical),
    }
}

/// `2026-11-23`, with a zone perhaps.
pub fn parse_date(text: &str) -> Result<civil::Date, ValueProblem> {
    let bytes = text.as_bytes();
    let date = date_at(bytes)?;
    zone(&bytes[10..])?;
    Ok(date)
}

/// `17:30:00.5`, with a zone perhaps.
pub fn parse_time(text: &str) -> Result<civil::Time, ValueProblem> {
    let (time, _, rest) = time_at(text.as_bytes())?;
    zone(rest)?;
    Ok(time)
}

/// `2026-11-23T17:30:00Z`.
pub fn parse_date_time(text: &str) -> Result<DateTime, ValueProblem> {
    let bytes = text.as_bytes();
    let date = date_at(bytes)?;
    if bytes.get(10) != Some(&b'T') {
        return Err(ValueProblem::Lexical);
    }
    let (time, next_day, rest) = time_at(&bytes[11..])?;
    let date = if next_day { date.tomorrow().map_err(|_| ValueProblem::OutOfRange)? } else { date };
    Ok(DateTime { civil: civil::DateTime::from_parts(date, time), offset: zone(rest)? })
}

/// `P1DT2H3M4.5S`. Years and months have no length of their own, so only zeros of them are taken.
pub fn parse_duration(text: &str) -> Result<SignedDuration, ValueProblem> {
    let (negative, mut rest) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    rest = rest.strip_prefix(b"P").ok_or(ValueProblem::Lexical)?;
    let (mut seconds, mut nanoseconds, mut in_time, mut last, mut parts) = (0i64, 0i32, false, 0, 0);
    while !rest.is_empty() {
        if rest[0] == b'T' && !in_time {
            (in_time, rest) = (true, &rest[1..]);
            if rest.is_empty() {
                return Err(ValueProblem::Lexical);
            }
            continue;
        }
        let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let number = std::str::from_utf8(&rest[..count]).unwrap_or_default();
        if number.is_empty() {
            return Err(ValueProblem::Lexical);
        }
        let number: i64 = number.parse().map_err(|_| ValueProblem::OutOfRange)?;
        rest = &rest[count..];
        let mut fractional = false;
        if let [b'.', after @ ..] = rest {
            (nanoseconds, rest) = fraction(after)?;
            fractional = true;
        }
        let (rank, factor) = match (in_time, rest.first()) {
            (false, Some(b'Y')) => (1, None),
            (false, Some(b'M')) => (2, None),
            (false, Some(b'D')) => (3, Some(86_400)),
            (true, Some(b'H')) => (4, Some(3_600)),
            (true, Some(b'M')) => (5, Some(60)),
            (true, Some(b'S')) => (6, Some(1)),
            _ => return Err(ValueProblem::Lexical),
        };
        if rank <= last || (fractional && rank != 6) {
            return Err(ValueProblem::Lexical);
        }
        let Some(factor) = factor.or((number == 0).then_some(0)) else { return Err(ValueProblem::Loss) };
        seconds = number
            .checked_mul(factor)
            .and_then(|n| seconds.checked_add(n))
            .ok_or(ValueProblem::OutOfRange)?;
        (last, parts, rest) = (rank, parts + 1, &rest[1..]);
    }
    if parts == 0 {
        return Err(ValueProblem::Lexical);
    }
    let sign = if negative { -1 } else { 1 };
    Ok(SignedDuration::new(seconds * sign, nanoseconds * sign as i32))
}

#[inline]
fn push_two(out: &mut Vec<u8>, value: i8) {
    let value = value.unsigned_abs();
    out.extend_from_slice(&[b'0' + value / 10 % 10, b'0' + value % 10]);
}

fn push_fraction(out: &mut Vec<u8>, nanoseconds: i32) {
    if nanoseconds == 0 {
        return;
    }
    let mut digits = [b'0'; 9];
    let mut left = nanoseconds.unsigned_abs();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
    }
    let kept = digits.iter().rposition(|d| *d != b'0').map_or(0, |last| last + 1);
    out.push(b'.');
    out.extend_from_slice(&digits[..kept]);
}

/// Appends `2026-11-23`. Years before 1 have no lexical form in XML Schema 1.0 that all readers agree on.
#[inline]
pub(super) fn write_date(date: civil::Date, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
    let year = date.year();
    if year < 1 {
        return Err(ValueProblem::OutOfRange);
    }
    let (century, rest) = ((year / 100) as u8, (year % 100) as u8);
    let (month, day) = (date.month() as u8, date.day() as u8);
    out.extend_from_slice(&[
        b'0' + century / 10,
        b'0' + century % 10,
        b'0' + rest / 10,
        b'0' + rest % 10,
        b'-',
        b'0' + month / 10,
        b'0' + month % 10,
        b'-',
        b'0' + day / 10,
        b'0' + day % 10,
    ]);
    Ok(())
}

/// Appends `17:30:00.5`.
#[inline]
pub(super) fn write_time(time: civil::Time, out: &mut Vec<u8>) {
    let (hour, minute, second) = (time.hour() as u8, time.minute() as u8, time.second() as u8);
    out.extend_from_slice(&[
        b'0' + hour / 10,
        b'0' + hour % 10,
        b':',
        b'0' + minute / 10,
        b'0' + minute % 10,
        b':',
        b'0' + second / 10,
        b'0' + second % 10,
    ]);
    push_fraction(out, time.subsec_nanosecond());
}

/// Appends `2026-11-23T17:30:00Z`, with the offset that the value has.
#[inline]
pub fn write_date_time(value: DateTime, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
    write_date(value.civil.date(), out)?;
    out.push(b'T');
    write_time(value.civil.time(), out);
    match value.offset {
        None => {}
        Some(0) => out.push(b'Z'),
        Some(offset) => {
            let minutes = offset.abs() / 60;
            if offset % 60 != 0 || minutes > 14 * 60 {
                return Err(ValueProblem::OutOfRange);
            }
            out.push(if offset < 0 { b'-' } else { b'+' });
            push_two(out, (minutes / 60) as i8);
            out.push(b':');
            push_two(out, (minutes % 60) as i8);
        }
    }
    Ok(())
}

/// Appends the canonical form of a span: days, hours, minutes and seconds, each only where it is not zero.
pub fn write_duration(value: SignedDuration, out: &mut Vec<u8>) {
    if value.is_negative() {
        out.push(b'-');
    }
    out.push(b'P');
    let seconds = value.as_secs().unsigned_abs();
    let nanoseconds = value.subsec_nanos();
    let mut buffer = itoa::Buffer::new();
    let mut part = |out: &mut Vec<u8>, number: u64, letter: u8| {
        if number > 0 {
            out.extend_from_slice(buffer.format(number).as_bytes());
            out.push(letter);
        }
    };
    part(out, seconds / 86_400, b'D');
    if seconds.is_multiple_of(86_400) && nanoseconds == 0 {
        if seconds == 0 {
            out.extend_from_slice(b"T0S");
        }
        return;
    }
    out.push(b'T');
    part(out, seconds / 3_600 % 24, b'H');
    part(out, seconds / 60 % 60, b'M');
    if nanoseconds == 0 {
        part(out, seconds % 60, b'S');
    } else {
        out.extend_from_slice(itoa::Buffer::new().format(seconds % 60).as_bytes());
        push_fraction(out, nanoseconds);
        out.push(b'S');
    }
}
