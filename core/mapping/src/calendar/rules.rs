//! Holidays by rule: which days they are in a year, and where those go that fall on a weekend.

use jiff::{
    Span,
    civil::{Date, Weekday},
};

/// A holiday as a calendar's file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holiday {
    /// When it is.
    pub rule: HolidayRule,
    /// Where it is kept when it falls on a day of the weekend.
    pub observed: Observed,
}

/// When a holiday is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolidayRule {
    /// Once.
    Once(Date),
    /// On a day of every year that has it.
    Yearly {
        /// From 1.
        month: i8,
        /// From 1.
        day: i8,
    },
    /// On a weekday of a month of every year.
    Weekday {
        /// The weekday.
        weekday: Weekday,
        /// Which one of the month.
        nth: Nth,
        /// The month, from 1.
        month: i8,
    },
    /// So many days after Easter Sunday (Gregorian), or before it.
    Easter(i16),
}

/// Which one of a month's weekdays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nth {
    /// From 1 to 4.
    First(i8),
    /// The last one.
    Last,
}

/// Where a holiday is kept that falls on a day of the weekend: on a business day beside it, or nowhere.
pub type Observed = Vec<(Weekday, Shift)>;

/// To which side a holiday moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shift {
    /// To the next day that is a business day otherwise.
    Following,
    /// To the one before.
    Preceding,
}

impl HolidayRule {
    /// The day in a year; none, where that year has no such day.
    pub fn in_year(self, year: i16) -> Option<Date> {
        match self {
            Self::Once(date) => (date.year() == year).then_some(date),
            Self::Yearly { month, day } => Date::new(year, month, day).ok(),
            Self::Weekday { weekday, nth, month } => {
                let nth = match nth {
                    Nth::First(nth) => nth,
                    Nth::Last => -1,
                };
                Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok()
            }
            Self::Easter(days) => easter(year)?.checked_add(Span::new().days(days)).ok(),
        }
    }
}

/// The days on which nobody works besides weekends, in order. Holidays that stay where they are come first: one that moves goes past
/// all of them, and past those that moved before it, in the order of the file.
pub(super) fn closed(from: Date, to: Date, weekend: &[Weekday], holidays: &[Holiday]) -> Vec<Date> {
    // A holiday of the year before or after may move into this one.
    let years = from.year().saturating_sub(1)..=to.year().saturating_add(1);
    let all: Vec<(Date, Option<Shift>)> = years
        .flat_map(|year| {
            holidays.iter().filter_map(move |holiday| {
                let day = holiday.rule.in_year(year)?;
                let moves = holiday.observed.iter().find(|(weekday, _)| *weekday == day.weekday());
                Some((day, moves.filter(|_| weekend.contains(&day.weekday())).map(|(_, shift)| *shift)))
            })
        })
        .collect();
    let mut closed: Vec<Date> = all.iter().map(|(day, _)| *day).collect();
    closed.sort_unstable();
    closed.dedup();
    for (day, shift) in all.iter().filter_map(|(day, shift)| Some((*day, (*shift)?))) {
        let step = |day: &Date| match shift {
            Shift::Following => day.tomorrow().ok(),
            Shift::Preceding => day.yesterday().ok(),
        };
        let is_open = |day: &Date| !weekend.contains(&day.weekday()) && closed.binary_search(day).is_err();
        // A year of closed days is no calendar, and no reason to look further.
        let found = std::iter::successors(Some(day), step).take(366).find(is_open);
        if let Some(found) = found
            && let Err(place) = closed.binary_search(&found)
        {
            closed.insert(place, found);
        }
    }
    closed
}

/// Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher).
fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let (month, day) = ((h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn easter_is_when_it_was() {
        for (year, month, day) in [
            (1818, 3, 22),
            (1943, 4, 25),
            (2000, 4, 23),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
            (2027, 3, 28),
            (2038, 4, 25),
        ] {
            assert_eq!(easter(year), Some(date(year, month, day)));
        }
    }

    #[test]
    fn rules_are_days_of_years() {
        use Weekday::{Monday, Thursday};
        let weekday = |weekday, nth, month| HolidayRule::Weekday { weekday, nth, month };
        for (rule, year, expected) in [
            (weekday(Monday, Nth::First(3), 1), 2026, Some(date(2026, 1, 19))),
            (weekday(Monday, Nth::Last, 5), 2026, Some(date(2026, 5, 25))),
            (weekday(Thursday, Nth::First(4), 11), 2026, Some(date(2026, 11, 26))),
            (HolidayRule::Yearly { month: 2, day: 29 }, 2025, None),
            (HolidayRule::Yearly { month: 2, day: 29 }, 2024, Some(date(2024, 2, 29))),
            (HolidayRule::Once(date(2025, 1, 9)), 2026, None),
            (HolidayRule::Easter(-2), 2026, Some(date(2026, 4, 3))),
        ] {
            assert_eq!(rule.in_year(year), expected, "{rule:?}");
        }
    }

    /// As in Britain, where each holiday on a weekend has a Monday or Tuesday of its own.
    #[test]
    fn holidays_move_past_one_another() {
        let both = vec![(Weekday::Saturday, Shift::Following), (Weekday::Sunday, Shift::Following)];
        let holidays = [25, 26]
            .map(|day| Holiday { rule: HolidayRule::Yearly { month: 12, day }, observed: both.clone() });
        let weekend = [Weekday::Saturday, Weekday::Sunday];
        let closed = |year| closed(date(year, 12, 1), date(year, 12, 31), &weekend, &holidays);
        let moved =
            |year| -> Vec<i8> { closed(year).iter().filter(|d| d.year() == year).map(|d| d.day()).collect() };
        assert_eq!(moved(2020), [25, 26, 28], "Boxing Day on a Saturday");
        assert_eq!(moved(2021), [25, 26, 27, 28], "Christmas on a Saturday");
        assert_eq!(moved(2022), [25, 26, 27], "Christmas on a Sunday");
    }

    #[test]
    fn a_holiday_moves_into_the_year_before() {
        let observed = vec![(Weekday::Saturday, Shift::Preceding), (Weekday::Sunday, Shift::Following)];
        let holiday = Holiday { rule: HolidayRule::Yearly { month: 1, day: 1 }, observed };
        let weekend = [Weekday::Saturday, Weekday::Sunday];
        let closed = closed(date(2021, 1, 1), date(2021, 12, 31), &weekend, &[holiday]);
        assert!(closed.contains(&date(2021, 12, 31)), "New Year's Day of 2022 is a Saturday");
    }
}
