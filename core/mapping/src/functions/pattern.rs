//! The forms of dates that old systems write: runs of `yyyy`, `MM`, `dd`, `HH`, `mm`, `ss` between other characters.

use jiff::{civil, tz::Offset};

/// A form, taken apart.
#[derive(Debug)]
pub(crate) struct Pattern<'p>(Vec<Part<'p>>);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Part<'p> {
    /// A field of so many digits: its letter.
    Digits(char, usize),
    /// Text as it stands.
    Text(&'p str),
}

impl<'p> Pattern<'p> {
    /// A form; `None` where a letter means nothing.
    pub(crate) fn new(form: &'p str) -> Option<Self> {
        let (mut parts, mut rest) = (Vec::new(), form);
        while let Some(first) = rest.chars().next() {
            let run = rest.find(|c| c != first).unwrap_or(rest.len());
            let length = if first.is_alphabetic() {
                run
            } else {
                rest.find(char::is_alphabetic).unwrap_or(rest.len())
            };
            let part = match (first, length) {
                ('y', 4 | 2) | ('M' | 'd' | 'H' | 'm' | 's', 2) => Part::Digits(first, length),
                (c, _) if c.is_alphabetic() => return None,
                _ => Part::Text(&rest[..length]),
            };
            parts.push(part);
            rest = &rest[length..];
        }
        (!parts.is_empty()).then_some(Self(parts))
    }

    /// Whether a date can be read by it: four digits of the year, the month, the day, each once, and no time.
    pub(crate) fn reads_dates(&self) -> bool {
        let mut fields: Vec<(char, usize)> = self
            .0
            .iter()
            .filter_map(|p| if let Part::Digits(c, n) = p { Some((*c, *n)) } else { None })
            .collect();
        fields.sort_unstable();
        fields == [('M', 2), ('d', 2), ('y', 4)]
    }

    /// The date of a text that is written so.
    pub(crate) fn read(&self, text: &str) -> Option<civil::Date> {
        let (mut rest, mut year, mut month, mut day) = (text, None, None, None);
        for part in &self.0 {
            match *part {
                Part::Text(text) => rest = rest.strip_prefix(text)?,
                Part::Digits(letter, length) => {
                    let digits = rest.get(..length).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
                    rest = &rest[length..];
                    match (letter, length) {
                        ('y', 4) => year = Some(digits.parse().ok()?),
                        ('M', _) => month = Some(digits.parse().ok()?),
                        ('d', _) => day = Some(digits.parse().ok()?),
                        _ => return None,
                    }
                }
            }
        }
        if !rest.is_empty() {
            return None;
        }
        civil::Date::new(year?, month?, day?).ok()
    }

    /// A date and time, written so.
    pub(crate) fn write(&self, moment: civil::DateTime) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match *part {
                Part::Text(text) => out.push_str(text),
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
