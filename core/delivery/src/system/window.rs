//! Maintenance windows: when a system is not asked, by the clock and the calendar of the place where it stands.
//!
//! A window belongs to the day on which it begins, also where it ends on the next one. Where a change of the clocks makes
//! one of its times ambiguous or leaves it out, the window is the longer one.

use jiff::{
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

use crate::Timestamp;

/// When a system is in maintenance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Maintenance(pub Vec<Window>);

/// One rule of a calendar. Without weekdays and dates it holds every day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Whose clock and calendar.
    pub zone: TimeZone,
    /// It begins on these.
    pub weekdays: Vec<Weekday>,
    /// And on these.
    pub dates: Vec<Dates>,
    /// But not on these.
    pub except: Vec<Dates>,
    /// When it begins.
    pub from: Time,
    /// When it ends: on the next day, where that is not later than `from`.
    pub to: Time,
}

/// Days of the calendar, the first and the last included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    /// Of one year, or from one to another.
    Once(Date, Date),
    /// Of every year, as month and day; from one to the next where the last is before the first.
    EveryYear((i8, i8), (i8, i8)),
}

/// Windows that meet are counted together so far; who asks then asks again.
const MEETING: usize = 64;

impl Maintenance {
    /// Until when the system is in maintenance, where it is now.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let mut until = self.end(now)?;
        for _ in 0..MEETING {
            match self.end(until) {
                Some(later) => until = later,
                None => break,
            }
        }
        Some(until)
    }

    fn end(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.iter().filter_map(|window| window.end(now)).max()
    }
}

impl Window {
    /// When the window ends that is open now.
    fn end(&self, now: Timestamp) -> Option<Timestamp> {
        let instant = jiff::Timestamp::from_microsecond(now.0).ok()?;
        let today = self.zone.to_datetime(instant).date();
        // One that began yesterday may last; one that begins at midnight, where the clocks leave midnight out, has begun.
        let days = [today.yesterday(), Ok(today), today.tomorrow()];
        let begins = days.into_iter().flatten().filter(|day| self.begins_on(*day));
        let open = begins.filter_map(|day| self.on(day)).filter(|(from, to)| (*from..*to).contains(&now));
        open.map(|(_, to)| to).max()
    }

    fn begins_on(&self, day: Date) -> bool {
        let every_day = self.weekdays.is_empty() && self.dates.is_empty();
        let named =
            self.weekdays.contains(&day.weekday()) || self.dates.iter().any(|dates| dates.include(day));
        (every_day || named) && !self.except.iter().any(|dates| dates.include(day))
    }

    fn on(&self, day: Date) -> Option<(Timestamp, Timestamp)> {
        let last = if self.to > self.from { day } else { day.tomorrow().ok()? };
        let from = self.zone.to_ambiguous_timestamp(day.to_datetime(self.from)).earlier().ok()?;
        let to = self.zone.to_ambiguous_timestamp(last.to_datetime(self.to)).later().ok()?;
        Some((Timestamp(from.as_microsecond()), Timestamp(to.as_microsecond())))
    }
}

impl Dates {
    fn include(&self, day: Date) -> bool {
        match self {
            Self::Once(first, last) => (*first..=*last).contains(&day),
            Self::EveryYear(first, last) => {
                let day = (day.month(), day.day());
                let (since, until) = (*first <= day, day <= *last);
                if first <= last { since && until } else { since || until }
            }
        }
    }
}

/// A time zone by its name in the IANA database, which is compiled in: the same on every machine.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// The names of all time zones.
pub fn zones() -> Vec<String> {
    jiff::tz::db().available().map(|name| name.to_string()).collect()
}

/// `06:30`; `24:00` is the midnight at the end of the day.
pub fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str| (part.len() == 2).then(|| number(part)).flatten();
    match (two(hour)?, two(minute)?) {
        (24, 0) => Some(Time::midnight()),
        (hour, minute) => Time::new(hour, minute, 0, 0).ok(),
    }
}

/// `sat`, or `mon..fri`.
pub fn weekdays(text: &str) -> Option<Vec<Weekday>> {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let day = |name: &str| {
        let index = NAMES.iter().position(|known| *known == name)?;
        Weekday::from_monday_zero_offset(i8::try_from(index).ok()?).ok()
    };
    let (first, last) = ends(text);
    let (first, last) = (day(first)?, day(last)?);
    let mut days = vec![first];
    while days.last() != Some(&last) {
        days.extend(days.last().map(|day| day.next()));
    }
    Some(days)
}

/// `2026-12-24`, `12-24` of every year, or from one such day to another: `12-24..01-06`.
pub fn dates(text: &str) -> Option<Dates> {
    let (first, last) = ends(text);
    if let (Some(first), Some(last)) = (date(first), date(last)) {
        return (first <= last).then_some(Dates::Once(first, last));
    }
    Some(Dates::EveryYear(day_of_year(first)?, day_of_year(last)?))
}

fn ends(text: &str) -> (&str, &str) {
    text.split_once("..").unwrap_or((text, text))
}

fn date(text: &str) -> Option<Date> {
    let (year, day) = text.split_at_checked(4)?;
    let (month, day) = month_and_day(day.strip_prefix('-')?)?;
    Date::new(number(year)?, month, day).ok()
}

fn day_of_year(text: &str) -> Option<(i8, i8)> {
    const A_LEAP_YEAR: i16 = 2000;
    let (month, day) = month_and_day(text)?;
    Date::new(A_LEAP_YEAR, month, day).ok().map(|_| (month, day))
}

fn month_and_day(text: &str) -> Option<(i8, i8)> {
    let (month, day) = text.split_once('-').filter(|(month, day)| month.len() == 2 && day.len() == 2)?;
    Some((number(month)?, number(day)?))
}

/// Digits alone: no sign.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(zoned: &str) -> Timestamp {
        let instant: jiff::Timestamp = zoned.parse().unwrap();
        Timestamp(instant.as_microsecond())
    }

    fn window(zone: &str, days: &str, from: &str, to: &str) -> Window {
        let mut window = Window {
            zone: super::zone(zone).unwrap(),
            weekdays: Vec::new(),
            dates: Vec::new(),
            except: Vec::new(),
            from: time(from).unwrap(),
            to: time(to).unwrap(),
        };
        for word in days.split_whitespace() {
            match (word.strip_prefix('!'), weekdays(word)) {
                (Some(word), _) => window.except.push(dates(word).unwrap()),
                (None, Some(days)) => window.weekdays.extend(days),
                (None, None) => window.dates.push(dates(word).unwrap()),
            }
        }
        window
    }

    /// Until when each window holds at a time, `-` where it does not.
    #[track_caller]
    fn check(window: &Window, cases: &[(&str, &str)]) {
        let maintenance = Maintenance(vec![window.clone()]);
        for (now, expected) in cases {
            let until = (*expected != "-").then(|| at(expected));
            assert_eq!(maintenance.until(at(now)), until, "at {now}");
        }
    }

    #[test]
    fn nights_belong_to_the_day_on_which_they_begin() {
        // 2026-01-02 is a Friday.
        check(
            &window("Europe/Tallinn", "mon..fri", "22:00", "06:00"),
            &[
                ("2026-01-02T21:59:59+02:00", "-"),
                ("2026-01-02T22:00:00+02:00", "2026-01-03T06:00:00+02:00"),
                ("2026-01-03T05:59:59+02:00", "2026-01-03T06:00:00+02:00"),
                ("2026-01-03T06:00:00+02:00", "-"),
                ("2026-01-03T23:00:00+02:00", "-"),
                ("2026-01-05T03:00:00+02:00", "-"),
                ("2026-01-05T23:00:00+02:00", "2026-01-06T06:00:00+02:00"),
            ],
        );
    }

    #[test]
    fn days_and_exceptions() {
        check(
            &window("UTC", "sun 2026-12-24..2026-12-26 01-01 !2026-01-04", "00:00", "24:00"),
            &[
                ("2026-12-23T23:59:59Z", "-"),
                ("2026-12-24T00:00:00Z", "2026-12-28T00:00:00Z"),
                ("2026-12-28T00:00:00Z", "-"),
                ("2026-01-01T12:00:00Z", "2026-01-02T00:00:00Z"),
                ("2031-01-01T12:00:00Z", "2031-01-02T00:00:00Z"),
                ("2026-01-04T12:00:00Z", "-"),
                ("2026-01-11T12:00:00Z", "2026-01-12T00:00:00Z"),
            ],
        );
        check(
            &window("UTC", "12-24..01-06", "10:00", "11:00"),
            &[
                ("2026-12-31T10:30:00Z", "2026-12-31T11:00:00Z"),
                ("2027-01-06T10:30:00Z", "2027-01-06T11:00:00Z"),
                ("2027-01-07T10:30:00Z", "-"),
            ],
        );
    }

    #[test]
    fn a_change_of_the_clocks_makes_the_window_longer_never_shorter() {
        // Tallinn skips 03:00 to 04:00 on 2026-03-29, and has 03:00 to 04:00 twice on 2026-10-25.
        check(
            &window("Europe/Tallinn", "", "03:30", "05:00"),
            &[
                ("2026-03-29T02:29:59+02:00", "-"),
                ("2026-03-29T02:30:00+02:00", "2026-03-29T05:00:00+03:00"),
                ("2026-10-25T03:30:00+03:00", "2026-10-25T05:00:00+02:00"),
                ("2026-10-25T03:45:00+02:00", "2026-10-25T05:00:00+02:00"),
            ],
        );
        check(
            &window("Europe/Tallinn", "", "01:00", "03:30"),
            &[
                ("2026-03-29T04:29:59+03:00", "2026-03-29T04:30:00+03:00"),
                ("2026-03-29T04:30:00+03:00", "-"),
                ("2026-10-25T03:45:00+03:00", "2026-10-25T03:30:00+02:00"),
                ("2026-10-25T03:30:00+02:00", "-"),
            ],
        );
        // Santiago leaves midnight out on 2026-09-06: 24:00 of the 5th is 01:00 of the 6th.
        check(
            &window("America/Santiago", "2026-09-06", "00:00", "02:00"),
            &[("2026-09-06T01:30:00-03:00", "2026-09-06T02:00:00-03:00")],
        );
    }

    #[test]
    fn windows_that_meet_are_one() {
        let night = window("UTC", "", "22:00", "02:00");
        let early = window("UTC", "", "02:00", "04:00");
        let maintenance = Maintenance(vec![night, early]);
        assert_eq!(maintenance.until(at("2026-05-05T23:00:00Z")), Some(at("2026-05-06T04:00:00Z")));
        let always = Maintenance(vec![window("UTC", "", "00:00", "00:00")]);
        assert!(always.until(at("2026-05-05T23:00:00Z")) > Some(at("2026-06-05T00:00:00Z")));
        assert_eq!(Maintenance::default().until(at("2026-05-05T23:00:00Z")), None);
    }

    #[test]
    fn what_is_no_time_day_or_zone_is_not_taken_for_one() {
        for text in ["6:00", "06:60", "25:00", "24:01", "06:00:00", "", "+6:00", "0600"] {
            assert_eq!(time(text), None, "{text}");
        }
        for text in ["", "monday", "mon..", "mon-fri", "Mon"] {
            assert_eq!(weekdays(text), None, "{text}");
        }
        assert_eq!(weekdays("fri..mon").map(|days| days.len()), Some(4));
        for text in ["2026-13-01", "2026-02-30", "2026-12-26..2026-12-24", "2-3", "02-30", "24.12.2026", ""] {
            assert_eq!(dates(text), None, "{text}");
        }
        assert!(dates("02-29").is_some());
        assert_eq!(zone("Europe/Talinn"), None);
    }

    proptest! {
        /// A window that is open ends later, and is open until then.
        #[test]
        fn an_open_window_ends(micros in 0_i64..4_000_000_000_000_000, from in 0..1440_u32, to in 0..1440_u32, zone in 0..4_usize) {
            let clock = |m: u32| format!("{:02}:{:02}", m / 60, m % 60);
            let zone = ["UTC", "Europe/Tallinn", "America/Santiago", "Australia/Lord_Howe"][zone];
            let window = window(zone, "", &clock(from), &clock(to));
            let now = Timestamp(micros);
            if let Some(end) = window.end(now) {
                prop_assert!(end > now && end.since(now).as_secs() <= 26 * 3600, "{end:?}");
                prop_assert!(window.end(Timestamp(end.0 - 1)).is_some());
            }
        }
    }
}
