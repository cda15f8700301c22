//! The forms of dates that old systems write: runs of `yyyy`, `yy`, `MM`, `dd`, `DDD`, `HH`, `mm`, `ss` between
//! other characters.

use jiff::{civil, tz::Offset};

/// A form, taken apart.
#[derive(Debug, Clone)]
pub struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// A field of so many digits: its letter.
    Digits(char, usize),
    /// Text as it stands.
    Text(Box<str>),
}

impl Pattern {
    /// A form; `None` where a letter means nothing.
    pub(crate) fn new(form: &str) -> Option<Self> {
        let (mut parts, mut rest) = (Vec::new(), form);
        while let Some(first) = rest.chars().next() {
            let run = rest.find(|c| c != first).unwrap_or(rest.len());
            let length = if first.is_alphabetic() {
                run
            } else {
                rest.find(char::is_alphabetic).unwrap_or(rest.len())
            };
            let part = match (first, length) {
                ('y', 4 | 2) | ('M' | 'd' | 'H' | 'm' | 's', 2) | ('D', 3) => Part::Digits(first, length),
                (c, _) if c.is_alphabetic() => return None,
                _ => Part::Text(rest[..length].into()),
            };
            parts.push(part);
            rest = &rest[length..];
        }
        (!parts.is_empty()).then_some(Self(parts))
    }

    /// Its fields, in alphabetical order.
    fn fields(&self) -> Vec<(char, usize)> {
        let field = |part: &Part| if let Part::Digits(c, n) = part { Some((*c, *n)) } else { None };
        let mut fields: Vec<_> = self.0.iter().filter_map(field).collect();
        fields.sort_unstable();
        fields
    }

    /// Whether the year has two digits only.
    pub(crate) fn is_short(&self) -> bool {
        self.fields().contains(&('y', 2))
    }

    /// Whether a date can be read by it: the year, and the month and the day or the day of the year, each once, and no time.
    pub(crate) fn reads_dates(&self) -> bool {
        matches!(self.fields()[..], [('M', 2), ('d', 2), ('y', _)] | [('D', 3), ('y', _)])
    }

    /// Whether a date and time can be read by it: hours at least.
    pub(crate) fn reads_moments(&self) -> bool {
        let (time, day): (Vec<_>, Vec<_>) =
            self.fields().into_iter().partition(|(letter, _)| matches!(letter, 'H' | 'm' | 's'));
        let day = matches!(day[..], [('M', 2), ('d', 2), ('y', _)] | [('D', 3), ('y', _)]);
        day && matches!(time[..], [('H', 2)] | [('H', 2), ('m', 2)] | [('H', 2), ('m', 2), ('s', 2)])
    }

    /// The moment of a text that is written so; midnight where there is no time. A year of two digits is one of the hundred from
    /// `century` on.
    pub(crate) fn read(&self, text: &str, century: Option<i16>) -> Option<civil::DateTime> {
        let (mut rest, mut fields) = (text, [None::<i16>; 7]);
        let [year, month, day, ordinal, hour, minute, second] = &mut fields;
        for part in &self.0 {
            match part {
                Part::Text(text) => rest = rest.strip_prefix(&**text)?,
                &Part::Digits(letter, length) => {
                    let digits = rest.get(..length).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
                    rest = &rest[length..];
                    let mut number: i16 = digits.parse().ok()?;
                    if (letter, length) == ('y', 2) {
                        let from = century?;
                        number = from.checked_add((number - from).rem_euclid(100))?;
                    }
                    let field = match letter {
                        'y' => &mut *year,
                        'M' => &mut *month,
                        'd' => &mut *day,
                        'D' => &mut *ordinal,
                        'H' => &mut *hour,
                        'm' => &mut *minute,
                        _ => &mut *second,
                    };
                    *field = Some(number);
                }
            }
        }
        if !rest.is_empty() {
            return None;
        }
        let small = |field: Option<i16>| i8::try_from(field?).ok();
        let date = match *ordinal {
            Some(ordinal) => {
                civil::Date::new((*year)?, 1, 1).ok()?.with().day_of_year(ordinal).build().ok()?
            }
            None => civil::Date::new((*year)?, small(*month)?, small(*day)?).ok()?,
        };
        let time = [*hour, *minute, *second].map(|field| small(field.or(Some(0))));
        let [Some(hour), Some(minute), Some(second)] = time else { return None };
        Some(date.to_datetime(civil::Time::new(hour, minute, second, 0).ok()?))
    }

    /// A date and time, written so.
    pub(crate) fn write(&self, moment: civil::DateTime) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Digits('D', _) => out.push_str(&format!("{:03}", moment.day_of_year())),
                Part::Digits('y', 4) => out.push_str(&format!("{:04}", moment.year())),
                Part::Digits(letter, _) => {
                    let number = match letter {
                        'y' => moment.year().rem_euclid(100),
                        'M' => moment.month().into(),
                        'd' => moment.day().into(),
                        'H' => moment.hour().into(),
                        'm' => moment.minute().into(),
                        _ => moment.second().into(),
                    };
                    out.push_str(&format!("{number:02}"));
                }
            }
        }
        out
    }
}

/// `+02:00`, `-05:30`, `Z`
pub(crate) fn offset(text: &str) -> Option<Offset> {
    if text == "Z" {
        return Some(Offset::UTC);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let number = |s: &str, max: i32| {
        if s.len() == 2 { s.parse().ok().filter(|n| (0..=max).contains(n)) } else { None }
    };
    Offset::from_seconds(sign * (number(hours, 14)? * 3600 + number(minutes, 59)? * 60)).ok()
}
