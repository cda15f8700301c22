//! Patterns of dates and times as specifications print them: `yyMMdd`, `yyyy-MM-dd'T'HH:mm:ss`, `CyyMMdd`.
//!
//! The letters are those of Unicode Technical Standard 35, part 4 ("Date Format Patterns"), as far as columns have them,
//! and `C` for the century digit of IBM's `CYYMMDD`.

use super::{MomentKind, Part};

/// The parts of a pattern, and which value they make. What does not name one day, one time of day or both is refused;
/// the error says what is wrong and what to write.
pub fn parse(text: &str) -> Result<(Vec<Part>, MomentKind), String> {
    let mut parts = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter == '\'' {
            quoted(&mut rest, &mut parts)?;
        } else if letter.is_ascii_alphabetic() {
            let mut count = 1;
            while rest.next_if_eq(&letter).is_some() {
                count += 1;
            }
            let part = part(letter, count)?;
            if parts.contains(&part) {
                return Err(format!(
                    "`{}` is there twice; each part is written once",
                    written(letter, count)
                ));
            }
            parts.push(part);
        } else {
            parts.push(Part::Literal(letter));
        }
    }
    let kind = kind(&parts)?;
    Ok((parts, kind))
}

/// How many characters a date of these parts has.
pub fn length(parts: &[Part]) -> u32 {
    parts
        .iter()
        .map(|part| match part {
            Part::Year => 4,
            Part::MonthName | Part::DayOfYear => 3,
            Part::Century | Part::Literal(_) => 1,
            Part::Fraction(digits) => u32::from(*digits),
            Part::ShortYear | Part::Month | Part::Day | Part::Hour | Part::Minute | Part::Second => 2,
        })
        .sum()
}

/// The pattern of parts, as [`parse`] reads it.
pub fn text(parts: &[Part]) -> String {
    let mut out = String::new();
    // Letters in a row stand between one pair of quotes: two pairs would read as a quote between them.
    let mut quoted = false;
    for part in parts {
        let letter = matches!(part, Part::Literal(letter) if letter.is_ascii_alphabetic());
        if letter != quoted && *part != Part::Literal('\'') {
            out.push('\'');
            quoted = letter;
        }
        match part {
            Part::Year => out.push_str("yyyy"),
            Part::ShortYear => out.push_str("yy"),
            Part::Century => out.push('C'),
            Part::Month => out.push_str("MM"),
            Part::MonthName => out.push_str("MMM"),
            Part::Day => out.push_str("dd"),
            Part::DayOfYear => out.push_str("DDD"),
            Part::Hour => out.push_str("HH"),
            Part::Minute => out.push_str("mm"),
            Part::Second => out.push_str("ss"),
            Part::Fraction(digits) => out.extend(std::iter::repeat_n('S', usize::from(*digits))),
            Part::Literal('\'') => out.push_str("''"),
            Part::Literal(other) => out.push(*other),
        }
    }
    if quoted {
        out.push('\'');
    }
    out
}

/// What stands between quotes, as it is; two quotes are one.
fn quoted(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, parts: &mut Vec<Part>) -> Result<(), String> {
    if rest.next_if_eq(&'\'').is_some() {
        parts.push(Part::Literal('\''));
        return Ok(());
    }
    while let Some(letter) = rest.next() {
        if letter != '\'' {
            parts.push(Part::Literal(letter));
        } else if rest.next_if_eq(&'\'').is_some() {
            parts.push(Part::Literal('\''));
        } else {
            return Ok(());
        }
    }
    Err("a quote is not closed; letters that stand for themselves are written between two: `'T'`".to_owned())
}

fn written(letter: char, count: usize) -> String {
    let shown: String = std::iter::repeat_n(letter, count.min(12)).collect();
    if count > 12 { shown + "..." } else { shown }
}

fn part(letter: char, count: usize) -> Result<Part, String> {
    let write = match (letter, count) {
        ('y', 4) => return Ok(Part::Year),
        ('y', 2) => return Ok(Part::ShortYear),
        ('C', 1) => return Ok(Part::Century),
        ('M', 2) => return Ok(Part::Month),
        ('M', 3) => return Ok(Part::MonthName),
        ('d', 2) => return Ok(Part::Day),
        ('D', 3) => return Ok(Part::DayOfYear),
        ('H', 2) => return Ok(Part::Hour),
        ('m', 2) => return Ok(Part::Minute),
        ('s', 2) => return Ok(Part::Second),
        ('S', 1..=9) => return Ok(Part::Fraction(count as u8)),
        ('y' | 'Y', _) => "`yyyy` for a year and `yy` for its last two digits",
        ('C' | 'c', _) => "`C` for the centuries since 1900",
        ('M', _) => "`MM` for a month and `MMM` for its name (`JAN`)",
        ('d' | 'D', _) => "`dd` for a day of the month and `DDD` for a day of the year",
        ('H' | 'h', _) => "`HH` for an hour from 00 to 23",
        ('m', _) => "`mm` for minutes and `MM` for a month",
        ('s' | 'S', _) => "`ss` for seconds and one to nine `S` for the digits of their fraction",
        _ => {
            return Err(format!(
                "`{}` is no part of a date; letters that stand for themselves are written between quotes: `'{letter}'`",
                written(letter, count)
            ));
        }
    };
    Err(format!("`{}` is no part of a date; write {write}", written(letter, count)))
}

fn kind(parts: &[Part]) -> Result<MomentKind, String> {
    let has = |part: &Part| parts.contains(part);
    let fractions = parts.iter().filter(|part| matches!(part, Part::Fraction(_))).count();
    let year = has(&Part::Year) || has(&Part::ShortYear);
    let month = has(&Part::Month) || has(&Part::MonthName);
    let ordinal = has(&Part::DayOfYear);
    let wrong = |what: &str, write: &str| Err(format!("{what}; write {write}"));
    if has(&Part::Year) && has(&Part::ShortYear) || has(&Part::Century) && !has(&Part::ShortYear) {
        return wrong("the year is said twice or by half", "`yyyy`, `yy` or `Cyy`");
    }
    if has(&Part::Month) && has(&Part::MonthName) || ordinal && (month || has(&Part::Day)) {
        return wrong("the day is said twice", "`MMdd`, `MMMdd` or `DDD` beside the year");
    }
    let any_day = year || month || ordinal || has(&Part::Day);
    let whole_day = year && (ordinal || month && has(&Part::Day));
    if any_day && !whole_day {
        return wrong("this does not name one day", "a year with `MMdd`, `MMMdd` or `DDD`, or leave it text");
    }
    let any_time = has(&Part::Hour) || has(&Part::Minute) || has(&Part::Second) || fractions > 0;
    let gap = !has(&Part::Hour)
        || has(&Part::Second) && !has(&Part::Minute)
        || fractions > 0 && !has(&Part::Second)
        || fractions > 1;
    if any_time && gap {
        return wrong("this does not name one time of day", "`HH`, `HHmm`, `HHmmss` or `HHmmssSSS`");
    }
    match (any_day, any_time) {
        (true, true) => Ok(MomentKind::DateTime),
        (true, false) => Ok(MomentKind::Date),
        (false, true) => Ok(MomentKind::Time),
        (false, false) => wrong("this names no date and no time", "something like `yyyyMMdd` or `HHmmss`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Part::*;

    #[test]
    fn patterns_say_parts_in_their_order() {
        let cases: &[(&str, MomentKind, &[Part], u32)] = &[
            ("yyMMdd", MomentKind::Date, &[ShortYear, Month, Day], 6),
            ("yyyyDDD", MomentKind::Date, &[Year, DayOfYear], 7),
            ("CyyMMdd", MomentKind::Date, &[Century, ShortYear, Month, Day], 7),
            ("ddMMMyyyy", MomentKind::Date, &[Day, MonthName, Year], 9),
            ("HHmm", MomentKind::Time, &[Hour, Minute], 4),
            ("HH", MomentKind::Time, &[Hour], 2),
            ("dd.MM.yy", MomentKind::Date, &[Day, Literal('.'), Month, Literal('.'), ShortYear], 8),
            (
                "yyyyMMdd'T'HHmmssSSS",
                MomentKind::DateTime,
                &[Year, Month, Day, Literal('T'), Hour, Minute, Second, Fraction(3)],
                18,
            ),
            (
                "HH' o''clock'",
                MomentKind::Time,
                &[
                    Hour,
                    Literal(' '),
                    Literal('o'),
                    Literal('\''),
                    Literal('c'),
                    Literal('l'),
                    Literal('o'),
                    Literal('c'),
                    Literal('k'),
                ],
                10,
            ),
        ];
        for (pattern, kind, parts, count) in cases {
            assert_eq!(parse(pattern), Ok((parts.to_vec(), *kind)), "{pattern}");
            assert_eq!(length(parts), *count, "{pattern}");
            assert_eq!(parse(&text(parts)), Ok((parts.to_vec(), *kind)), "{pattern} as {}", text(parts));
        }
    }

    #[test]
    fn messages_say_what_to_write() {
        for (pattern, expected) in [
            (
                "YYYYMMDD",
                "`YYYY` is no part of a date; write `yyyy` for a year and `yy` for its last two digits",
            ),
            (
                "yyyymmdd",
                "this does not name one day; write a year with `MMdd`, `MMMdd` or `DDD`, or leave it text",
            ),
            (
                "yyyyMMDD",
                "`DD` is no part of a date; write `dd` for a day of the month and `DDD` for a day of the year",
            ),
            ("hhmm", "`hh` is no part of a date; write `HH` for an hour from 00 to 23"),
            (
                "MMyyyy",
                "this does not name one day; write a year with `MMdd`, `MMMdd` or `DDD`, or leave it text",
            ),
            ("CMMdd", "the year is said twice or by half; write `yyyy`, `yy` or `Cyy`"),
            ("yyyyDDDdd", "the day is said twice; write `MMdd`, `MMMdd` or `DDD` beside the year"),
            ("mmss", "this does not name one time of day; write `HH`, `HHmm`, `HHmmss` or `HHmmssSSS`"),
            ("HHmmHH", "`HH` is there twice; each part is written once"),
            (
                "yyyyMMddTHH",
                "`T` is no part of a date; letters that stand for themselves are written between quotes: `'T'`",
            ),
            (
                "yyMMdd'T",
                "a quote is not closed; letters that stand for themselves are written between two: `'T'`",
            ),
            ("", "this names no date and no time; write something like `yyyyMMdd` or `HHmmss`"),
        ] {
            assert_eq!(parse(pattern).unwrap_err(), expected, "{pattern}");
        }
    }
}
