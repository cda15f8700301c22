//! Dates and times in columns: parts in any order, centuries by a window or a digit, days of the year, months by name, and the same as
//! packed or binary numbers.

use super::codepage::Transcoder;
use super::number::{binary::BinaryCodec, limit, packed::PackedCodec};
use crate::{Compact, DateTime, Value, ValueProblem, Word, lexical};
use jiff::civil::{Date, Time};
use portolan_schema::layout::{Base, Moment, MomentKind, Part, pattern};

const MONTHS: [&[u8; 3]; 12] =
    [b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV", b"DEC"];

/// Reads and writes moments of one form.
#[derive(Debug, Clone)]
pub(super) struct MomentCodec {
    base: BaseCodec,
    parts: Vec<Part>,
    century: i16,
    kind: MomentKind,
    /// How many characters, or digits of a number, the parts are.
    length: usize,
    /// Whether it is a short text of ASCII, each character of which is one byte.
    plain: bool,
    /// Whether the century is that of the window.
    window: bool,
    finest: Finest,
    /// Where the digits of year, month and day are, where nothing else is there: `yyyyMMdd`, `dd.MM.yyyy`.
    eight: Option<Eight>,
}

/// Eight digits that are a date.
#[derive(Debug, Clone, Copy)]
struct Eight {
    year: usize,
    month: usize,
    day: usize,
    length: usize,
    /// The digit zero.
    zero: u8,
}

impl Eight {
    fn of(parts: &[Part], ebcdic: bool) -> Option<Self> {
        let (mut year, mut month, mut day, mut at) = (None, None, None, 0);
        for part in parts {
            match part {
                Part::Year => year = Some(at),
                Part::Month => month = Some(at),
                Part::Day => day = Some(at),
                _ => return None,
            }
            at += pattern::length(std::slice::from_ref(part)) as usize;
        }
        let zero = if ebcdic { 0xF0 } else { b'0' };
        Some(Self { year: year?, month: month?, day: day?, length: at, zero }).filter(|_| at == 8)
    }

    /// The date; `None` where the bytes are none.
    #[inline]
    fn read(self, bytes: &[u8]) -> Option<(i16, i8, i8)> {
        if bytes.len() != self.length {
            return None;
        }
        let two = |at: usize| {
            let [tens, ones] = bytes.get(at..at + 2)? else { return None };
            let (tens, ones) = (tens.wrapping_sub(self.zero), ones.wrapping_sub(self.zero));
            (tens <= 9 && ones <= 9).then(|| tens * 10 + ones)
        };
        let (century, year) = (two(self.year)?, two(self.year + 2)?);
        let (month, day) = (two(self.month)?, two(self.day)?);
        let year = i16::from(century) * 100 + i16::from(year);
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        (year > 0 && (1..=days).contains(&day)).then_some((year, month as i8, day as i8))
    }
}

#[derive(Debug, Clone)]
enum BaseCodec {
    Text(Transcoder),
    Packed(PackedCodec),
    Binary(BinaryCodec),
}

/// What of a time of day the parts say.
#[derive(Debug, Clone, Copy)]
enum Finest {
    /// Nothing.
    Day,
    Hour,
    Minute,
    /// So many nanoseconds, and whole multiples of them.
    Fraction(i32),
}

/// The longest text that is put together without allocating.
const MOST_PLAIN: usize = 64;

/// Powers of ten.
const TENS: [i32; 10] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// What the parts say.
#[derive(Default)]
struct Said {
    year: i16,
    short_year: Option<i16>,
    century: Option<i16>,
    month: i8,
    day: i8,
    day_of_year: Option<i16>,
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
}

impl MomentCodec {
    pub(super) fn compile(form: &Moment) -> Self {
        let base = match &form.base {
            Base::Text(encoding) => BaseCodec::Text(Transcoder::new(*encoding)),
            Base::Packed(packed) => BaseCodec::Packed(PackedCodec::compile(packed)),
            Base::Binary(binary) => BaseCodec::Binary(BinaryCodec::compile(binary)),
        };
        let ascii = form.parts.iter().all(|part| literal(part).is_none_or(|letter| letter.is_ascii()));
        let length = pattern::length(&form.parts) as usize;
        let plain = match &base {
            BaseCodec::Text(transcoder) => {
                (transcoder.is_single() || transcoder.extends_ascii()) && ascii && length <= MOST_PLAIN
            }
            _ => false,
        };
        let has = |part: Part| form.parts.contains(&part);
        let finest = form.parts.iter().fold(Finest::Day, |finest, part| match (part, finest) {
            (Part::Fraction(digits), _) => Finest::Fraction(TENS[9 - usize::from(*digits).min(9)]),
            (Part::Second, Finest::Day | Finest::Hour | Finest::Minute) => Finest::Fraction(TENS[9]),
            (Part::Minute, Finest::Day | Finest::Hour) => Finest::Minute,
            (Part::Hour, Finest::Day) => Finest::Hour,
            _ => finest,
        });
        Self {
            window: has(Part::ShortYear) && !has(Part::Century),
            finest,
            plain,
            base,
            parts: form.parts.clone(),
            century: i16::try_from(form.century).unwrap_or(1970),
            kind: form.kind,
            length,
            eight: match &form.base {
                Base::Text(encoding) => Eight::of(&form.parts, encoding.is_ebcdic()).filter(|_| plain),
                _ => None,
            },
        }
    }

    /// The date, where it is written as eight digits in some order; `None` says nothing.
    #[inline]
    pub(super) fn compact(&self, bytes: &[u8]) -> Option<Word> {
        let (year, month, day) = self.eight?.read(bytes)?;
        Some(Compact::Day { year, month, day }.into())
    }

    /// The encoding, where it is text.
    pub(super) fn transcoder(&self) -> Option<Transcoder> {
        match self.base {
            BaseCodec::Text(transcoder) => Some(transcoder),
            _ => None,
        }
    }

    /// The text with this digit in the place of each, and separators where they are: `0000-00-00`.
    pub(super) fn sentinel(&self, digit: char) -> String {
        let digits = |part: &Part| pattern::length(std::slice::from_ref(part)) as usize;
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(letter) => out.push(*letter),
                part => out.extend(std::iter::repeat_n(digit, digits(part))),
            }
        }
        out
    }

    /// The number that the bytes are, where they are a number.
    pub(super) fn number(&self, bytes: &[u8]) -> Option<i128> {
        match &self.base {
            BaseCodec::Text(_) => None,
            BaseCodec::Packed(packed) => packed.read_units(bytes).ok(),
            BaseCodec::Binary(binary) => binary.read_units(bytes).ok(),
        }
    }

    /// Writes such a number, whether it is a date or not.
    pub(super) fn write_number(&self, number: i128, out: &mut [u8]) -> Result<(), ValueProblem> {
        match &self.base {
            BaseCodec::Text(_) => Err(ValueProblem::WrongKind),
            BaseCodec::Packed(packed) => packed.write_units(number, out),
            BaseCodec::Binary(binary) => binary.write_units(number, out),
        }
    }

    /// The greatest number of as many digits as the parts are.
    pub(super) fn greatest(&self) -> i128 {
        limit(u8::try_from(self.length).unwrap_or(38)) - 1
    }

    pub(super) fn read(&self, bytes: &[u8]) -> Result<Value<'static>, ValueProblem> {
        let mut buffer = [b'0'; MOST_PLAIN];
        match &self.base {
            BaseCodec::Text(transcoder) => {
                if let Some(text) = buffer.get_mut(..bytes.len())
                    && transcoder.decode_ascii(bytes, text)
                {
                    return self.parse(text);
                }
                let mut text = String::new();
                transcoder.decode(bytes, &mut text)?;
                self.parse(text.as_bytes())
            }
            _ => {
                let number = self.number(bytes).ok_or(ValueProblem::Lexical)?;
                let mut digits = itoa::Buffer::new();
                let digits = digits.format(number).as_bytes();
                let text = buffer.get_mut(..self.length).ok_or(ValueProblem::Lexical)?;
                let from = self.length.checked_sub(digits.len()).ok_or(ValueProblem::Lexical)?;
                text[from..].copy_from_slice(digits);
                self.parse(text)
            }
        }
    }

    /// Writes a moment so that it fills the field: text is followed by blanks.
    pub(super) fn write(&self, value: Value<'_>, out: &mut [u8]) -> Result<(), ValueProblem> {
        let (date, time) = self.moment(value)?;
        match &self.base {
            BaseCodec::Text(transcoder) if self.plain => {
                let mut buffer = [b' '; MOST_PLAIN];
                let mut places = buffer.iter_mut();
                self.spell(date, time, &mut |character| {
                    *places.next().ok_or(ValueProblem::TooLong)? = character as u8;
                    Ok(())
                })?;
                let text = buffer.get(..self.length).ok_or(ValueProblem::TooLong)?;
                let (place, padding) = out.split_at_mut_checked(text.len()).ok_or(ValueProblem::TooLong)?;
                padding.fill(transcoder.byte(' ').unwrap_or(b' '));
                if transcoder.encode_ascii(text, place) { Ok(()) } else { Err(ValueProblem::NotEncodable) }
            }
            BaseCodec::Text(transcoder) => {
                let (mut text, mut bytes, mut blank) = (String::new(), Vec::new(), Vec::new());
                self.spell(date, time, &mut |character| {
                    text.push(character);
                    Ok(())
                })?;
                transcoder.encode(&text, false, &mut bytes)?;
                transcoder.encode(" ", false, &mut blank)?;
                while bytes.len() < out.len() {
                    bytes.extend_from_slice(&blank);
                }
                if bytes.len() > out.len() {
                    return Err(ValueProblem::TooLong);
                }
                out.copy_from_slice(&bytes);
                Ok(())
            }
            _ => {
                let mut number = 0i128;
                self.spell(date, time, &mut |character| {
                    let digit = character.to_digit(10).ok_or(ValueProblem::WrongKind)?;
                    number = number.saturating_mul(10).saturating_add(i128::from(digit));
                    Ok(())
                })?;
                self.write_number(number, out)
            }
        }
    }

    /// Appends a moment without blanks behind it.
    pub(super) fn append(&self, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        let BaseCodec::Text(transcoder) = &self.base else { return Err(ValueProblem::WrongKind) };
        let (date, time) = self.moment(value)?;
        let mut text = String::with_capacity(self.length);
        self.spell(date, time, &mut |character| {
            text.push(character);
            Ok(())
        })?;
        transcoder.encode(&text, false, out)
    }

    /// The moment of a text, of which nothing but blanks may be left.
    fn parse(&self, text: &[u8]) -> Result<Value<'static>, ValueProblem> {
        let mut rest = text;
        let mut said = Said { month: 1, day: 1, ..Said::default() };
        for part in &self.parts {
            match part {
                Part::Year => said.year = digits(&mut rest, 4)? as i16,
                Part::ShortYear => said.short_year = Some(digits(&mut rest, 2)? as i16),
                Part::Century => said.century = Some(digits(&mut rest, 1)? as i16),
                Part::Month => said.month = digits(&mut rest, 2)? as i8,
                Part::MonthName => {
                    let (name, after) = rest.split_first_chunk::<3>().ok_or(ValueProblem::Lexical)?;
                    let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name));
                    said.month = month.ok_or(ValueProblem::Lexical)? as i8 + 1;
                    rest = after;
                }
                Part::Day => said.day = digits(&mut rest, 2)? as i8,
                Part::DayOfYear => said.day_of_year = Some(digits(&mut rest, 3)? as i16),
                Part::Hour => said.hour = digits(&mut rest, 2)? as i8,
                Part::Minute => said.minute = digits(&mut rest, 2)? as i8,
                Part::Second => said.second = digits(&mut rest, 2)? as i8,
                Part::Fraction(count) => {
                    let count = usize::from(*count).min(9);
                    said.nanosecond = digits(&mut rest, count)? * TENS[9 - count];
                }
                Part::Literal(letter) => {
                    let letter = letter.encode_utf8(&mut [0; 4]).len().min(rest.len());
                    let (given, after) = rest.split_at(letter);
                    if std::str::from_utf8(given).ok().and_then(|text| text.chars().next()) != literal(part) {
                        return Err(ValueProblem::Lexical);
                    }
                    rest = after;
                }
            }
        }
        if rest.iter().any(|byte| *byte != b' ') {
            return Err(ValueProblem::Lexical);
        }
        match self.kind {
            MomentKind::Date => self.date(&said).map(Value::Date),
            MomentKind::Time => match said.time()? {
                // The end of a day is no time of it.
                (_, true) => Err(ValueProblem::NoSuchTime),
                (time, false) => Ok(Value::Time(time)),
            },
            MomentKind::DateTime => {
                let (date, (time, next_day)) = (self.date(&said)?, said.time()?);
                let date =
                    if next_day { date.tomorrow().map_err(|_| ValueProblem::OutOfRange)? } else { date };
                Ok(Value::DateTime(DateTime { civil: date.to_datetime(time), offset: None }))
            }
        }
    }

    fn date(&self, said: &Said) -> Result<Date, ValueProblem> {
        let year = match (said.short_year, said.century) {
            (Some(short), Some(century)) => 1900 + century * 100 + short,
            (Some(short), None) => {
                let year = self.century - self.century.rem_euclid(100) + short;
                if year < self.century { year + 100 } else { year }
            }
            (None, _) => said.year,
        };
        // Nobody writes the year 0: it is what an empty field looks like.
        if year < 1 {
            return Err(ValueProblem::NoSuchDay);
        }
        match said.day_of_year {
            None => Date::new(year, said.month, said.day),
            Some(day) => Date::new(year, 1, 1).and_then(|first| first.with().day_of_year(day).build()),
        }
        .map_err(|_| ValueProblem::NoSuchDay)
    }

    /// The date and the time of day of a value that has what this form has.
    fn moment(&self, value: Value<'_>) -> Result<(Date, Time), ValueProblem> {
        let (epoch, midnight) = (Date::constant(1970, 1, 1), Time::midnight());
        match (self.kind, value) {
            (_, Value::Nil) => Err(ValueProblem::Nil),
            (MomentKind::Date, Value::Date(date)) => Ok((date, midnight)),
            (MomentKind::Time, Value::Time(time)) => Ok((epoch, time)),
            // The columns have no place for a zone: what is written is what its clocks show (`in_zone` of mappings chooses them).
            (MomentKind::DateTime, Value::DateTime(moment)) => Ok((moment.civil.date(), moment.civil.time())),
            (MomentKind::Date, Value::Text(text)) => Ok((lexical::parse_date(text)?, midnight)),
            (MomentKind::Time, Value::Text(text)) => Ok((epoch, lexical::parse_time(text)?)),
            (MomentKind::DateTime, Value::Text(text)) => match lexical::parse_date_time(text)? {
                DateTime { offset: Some(_), .. } => Err(ValueProblem::Loss),
                moment => self.moment(Value::DateTime(moment)),
            },
            _ => Err(ValueProblem::WrongKind),
        }
    }

    /// Hands the characters of a moment on, one by one.
    #[inline]
    fn spell(
        &self,
        date: Date,
        time: Time,
        out: &mut impl FnMut(char) -> Result<(), ValueProblem>,
    ) -> Result<(), ValueProblem> {
        let year = date.year();
        if year < 1 {
            return Err(ValueProblem::OutOfRange);
        }
        if self.window && !(0..100).contains(&(year - self.century)) {
            return Err(ValueProblem::OutOfRange);
        }
        let lost = match self.finest {
            Finest::Day => false,
            Finest::Hour => (time.minute(), time.second(), time.subsec_nanosecond()) != (0, 0, 0),
            Finest::Minute => (time.second(), time.subsec_nanosecond()) != (0, 0),
            Finest::Fraction(unit) => time.subsec_nanosecond() % unit != 0,
        };
        if lost {
            return Err(ValueProblem::Loss);
        }
        for part in &self.parts {
            let (number, digits) = match part {
                Part::Year => (i32::from(year), 4),
                Part::ShortYear => (i32::from(year % 100), 2),
                Part::Century => match (year - 1900).div_euclid(100) {
                    century @ 0..=9 => (i32::from(century), 1),
                    _ => return Err(ValueProblem::OutOfRange),
                },
                Part::Month => (i32::from(date.month()), 2),
                Part::MonthName => {
                    let name = MONTHS.get((date.month() - 1) as usize).ok_or(ValueProblem::OutOfRange)?;
                    name.iter().try_for_each(|letter| out(char::from(*letter)))?;
                    continue;
                }
                Part::Day => (i32::from(date.day()), 2),
                Part::DayOfYear => (i32::from(date.day_of_year()), 3),
                Part::Hour => (i32::from(time.hour()), 2),
                Part::Minute => (i32::from(time.minute()), 2),
                Part::Second => (i32::from(time.second()), 2),
                Part::Fraction(count) => {
                    let count = usize::from(*count).min(9);
                    (time.subsec_nanosecond() / TENS[9 - count], count)
                }
                Part::Literal(letter) => {
                    out(*letter)?;
                    continue;
                }
            };
            // From the right, so that every division is by ten.
            let (mut left, mut spelt) = (number as u32, [b'0'; 9]);
            let spelt = spelt.get_mut(..digits).unwrap_or_default();
            for place in spelt.iter_mut().rev() {
                *place = b'0' + (left % 10) as u8;
                left /= 10;
            }
            spelt.iter().try_for_each(|digit| out(char::from(*digit)))?;
        }
        Ok(())
    }
}

impl Said {
    /// The time of day, and whether it is the midnight that ends the day: `240000`.
    fn time(&self) -> Result<(Time, bool), ValueProblem> {
        if (self.hour, self.minute, self.second, self.nanosecond) == (24, 0, 0, 0) {
            return Ok((Time::midnight(), true));
        }
        let time = Time::new(self.hour, self.minute, self.second, self.nanosecond);
        time.map(|time| (time, false)).map_err(|_| ValueProblem::NoSuchTime)
    }
}

fn literal(part: &Part) -> Option<char> {
    match part {
        Part::Literal(letter) => Some(*letter),
        _ => None,
    }
}

/// Takes so many digits, at most nine.
#[inline]
fn digits(rest: &mut &[u8], count: usize) -> Result<i32, ValueProblem> {
    let (taken, after) = rest.split_at_checked(count).ok_or(ValueProblem::Lexical)?;
    let mut number = 0;
    for byte in taken {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(ValueProblem::Lexical);
        }
        number = number * 10 + i32::from(digit);
    }
    *rest = after;
    Ok(number)
}
