//! Calendars that are public, against the days that their keepers publish; and what holds of any calendar.

use std::sync::LazyLock;

use jiff::civil::date;
use portolan_diagnostics::SourceId;
use proptest::prelude::*;

use super::*;

const FEDERAL_RESERVE: &str = include_str!("../../tests/calendars/federal-reserve.yaml");
const TARGET2: &str = include_str!("../../tests/calendars/target2.yaml");

fn read(text: &str) -> Calendar {
    let mut findings = Vec::new();
    let calendar = crate::parse::calendar(SourceId(0), text, None, &mut findings);
    assert!(findings.is_empty(), "{findings:?}");
    calendar.unwrap()
}

/// The days of a calendar on which nobody works, weekends left out, as `MM-DD` by year.
#[track_caller]
fn closed(text: &str, expected: &[(i16, &str)]) {
    let calendar = read(text);
    for (year, days) in expected {
        let all = std::iter::successors(Some(date(*year, 1, 1)), |day| day.tomorrow().ok())
            .take_while(|day| day.year() == *year);
        let is_weekend = |day: &Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let found: Vec<_> = all
            .filter(|day| !is_weekend(day) && !calendar.is_business_day(*day).unwrap())
            .map(|day| day.strftime("%m-%d").to_string())
            .collect();
        assert_eq!(found.join(" "), *days, "{year}");
    }
}

#[test]
fn the_federal_reserve_is_closed_on_its_holidays() {
    closed(
        FEDERAL_RESERVE,
        &[
            (2024, "01-01 01-15 02-19 05-27 06-19 07-04 09-02 10-14 11-11 11-28 12-25"),
            (2025, "01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25"),
            // The 4th of July is a Saturday.
            (2026, "01-01 01-19 02-16 05-25 06-19 09-07 10-12 11-11 11-26 12-25"),
            // Juneteenth and Christmas are Saturdays, and the 4th of July is a Sunday.
            (2027, "01-01 01-18 02-15 05-31 07-05 09-06 10-11 11-11 11-25"),
        ],
    );
}

#[test]
fn target2_is_closed_on_its_holidays() {
    closed(
        TARGET2,
        &[
            (2024, "01-01 03-29 04-01 05-01 12-25 12-26"),
            (2025, "01-01 04-18 04-21 05-01 12-25 12-26"),
            (2026, "01-01 04-03 04-06 05-01 12-25"),
            (2027, "01-01 03-26 03-29"),
        ],
    );
}

#[test]
fn a_day_that_is_none_goes_where_the_convention_says() {
    let calendar = read(FEDERAL_RESERVE);
    let adjusted = |day, convention| calendar.adjust(day, convention).ok();
    use Convention::{Following, ModifiedFollowing, ModifiedPreceding, Preceding};
    for (day, convention, expected) in [
        (date(2026, 5, 30), Following, Some(date(2026, 6, 1))),
        (date(2026, 5, 30), Preceding, Some(date(2026, 5, 29))),
        (date(2026, 5, 30), ModifiedFollowing, Some(date(2026, 5, 29))),
        (date(2026, 8, 1), ModifiedPreceding, Some(date(2026, 8, 3))),
        (date(2026, 8, 8), ModifiedPreceding, Some(date(2026, 8, 7))),
        (date(2026, 8, 8), ModifiedFollowing, Some(date(2026, 8, 10))),
        (date(2024, 1, 1), Following, Some(date(2024, 1, 2))),
        // What is before the first day is not known.
        (date(2024, 1, 1), Preceding, None),
        (date(2028, 1, 3), Following, None),
    ] {
        assert_eq!(adjusted(day, convention), expected, "{day} {convention:?}");
    }
}

#[test]
fn nothing_is_known_beyond() {
    let calendar = read(FEDERAL_RESERVE);
    let beyond = Beyond { from: date(2024, 1, 1), to: date(2027, 12, 31) };
    let last = date(2027, 12, 31);
    assert_eq!(calendar.is_business_day(date(2023, 12, 31)), Err(beyond));
    assert_eq!(calendar.is_business_day(date(2028, 1, 1)), Err(beyond));
    assert_eq!(calendar.is_business_day(last), Ok(true));
    assert_eq!(calendar.between(last, date(2028, 1, 1)), Err(beyond));
    for count in [1, -2_000, i64::MAX, i64::MIN] {
        assert_eq!(calendar.add(last, count), Err(beyond), "{count}");
    }
    assert_eq!(calendar.add(last, 0), Ok(last));
    let text = "the calendar knows the days from 2024-01-01 to 2027-12-31, and not beyond";
    assert_eq!(beyond.to_string(), text);
}

#[test]
fn other_weekends_and_none() {
    let with = |weekend: &str| {
        read(&format!("calendar: x\nfrom: 2026-01-01\nto: 2026-01-31\nweekend: {weekend}\nholidays: []"))
    };
    let friday = date(2026, 1, 9);
    assert_eq!(with("[fri, sat]").add(friday, 0), Ok(date(2026, 1, 11)));
    assert_eq!(with("[]").is_business_day(date(2026, 1, 10)), Ok(true));
    let never = with("[mon, tue, wed, thu, fri, sat, sun]");
    assert_eq!(never.is_business_day(friday), Ok(false));
    assert!(never.add(friday, 1).is_err() && never.adjust(friday, Convention::Preceding).is_err());
}

static BANKS: LazyLock<Calendar> = LazyLock::new(|| read(FEDERAL_RESERVE));
static EURO: LazyLock<Calendar> = LazyLock::new(|| read(TARGET2));

fn some_day() -> impl Strategy<Value = Date> {
    (0i32..1461).prop_map(|days| date(2024, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap())
}

proptest! {
    #[test]
    fn so_many_days_there_and_back_are_none(day in some_day(), count in -800i64..800) {
        let calendar = &*BANKS;
        prop_assume!(calendar.is_business_day(day).unwrap());
        if let Ok(there) = calendar.add(day, count) {
            prop_assert!(calendar.is_business_day(there).unwrap());
            prop_assert_eq!(calendar.add(there, -count), Ok(day));
            prop_assert_eq!(calendar.between(day, there), Ok(count));
        }
    }

    #[test]
    fn steps_are_what_counting_finds(from in some_day(), to in some_day()) {
        let calendar = &*EURO;
        let (first, last) = (from.min(to), from.max(to));
        let counted = std::iter::successors(Some(first), |day| day.tomorrow().ok())
            .take_while(|day| *day < last)
            .filter(|day| calendar.is_business_day(*day).unwrap())
            .count() as i64;
        prop_assert_eq!(calendar.between(from, to), Ok(if from <= to { counted } else { -counted }));
    }

    #[test]
    fn an_adjusted_day_is_a_business_day_and_stays(day in some_day(), convention in 0usize..4) {
        use Convention::{Following, ModifiedFollowing, ModifiedPreceding, Preceding};
        let convention = [Following, Preceding, ModifiedFollowing, ModifiedPreceding][convention];
        let calendar = &*BANKS;
        if let Ok(adjusted) = calendar.adjust(day, convention) {
            prop_assert!(calendar.is_business_day(adjusted).unwrap());
            prop_assert_eq!(calendar.adjust(adjusted, convention), Ok(adjusted));
        }
    }
}
