//! Calendars and secrets: what is wrong with their names, and with a calendar's own file.

use jiff::civil::date;
use portolan_diagnostics::{Rendered, Severity, Sources};
use portolan_schema::Memory;

use super::{MAPPING, WSDL};
use crate::{
    load::{LoadedRoute, Standing, load},
    secret::{Key, Secrets},
};

/// The example with a calendar that one rule asks, and what is found, with the file where each stands.
fn with_calendar(calendar: &str) -> (Vec<LoadedRoute>, Vec<String>) {
    let mapping = MAPPING
        .replace("AsOf: as_of", "AsOf: add_business_days(as_of, 1, 'banks')")
        .replace("tables:\n", "calendars: { banks: banks.yaml }\ntables:\n");
    let standing = Standing { today: Some(date(2026, 11, 29)), ..Standing::default() };
    checked(&mapping, calendar, &standing)
}

fn checked(mapping: &str, calendar: &str, standing: &Standing) -> (Vec<LoadedRoute>, Vec<String>) {
    let files = Memory::default()
        .with("m.yaml", mapping)
        .with("registry.proto", include_str!("../examples/registry.proto"))
        .with("register.wsdl", WSDL)
        .with("banks.yaml", calendar);
    let mut sources = Sources::default();
    let checked = load("m.yaml", &files, &mut sources, standing);
    // Notes are shown where they are of calendars: the example has some of its own.
    let told = checked
        .diagnostics
        .iter()
        .filter(|d| d.severity > Severity::Note || d.code.0.starts_with("calendar/"));
    let shown = told.map(|d| {
        let r = Rendered::new(d, &sources);
        let (line, column) = r.position.map_or((0, 0), |p| (p.line, p.column));
        let help: String = r.help.iter().map(|h| format!(" ({h})")).collect();
        let severity = match d.severity {
            Severity::Error => "",
            Severity::Warning => "warning ",
            Severity::Note => "note ",
        };
        format!("{}:{line}:{column} {severity}{} {}{help}", r.file.unwrap_or_default(), r.code, r.message)
    });
    let shown = shown.collect();
    (checked.value.unwrap_or_default(), shown)
}

#[test]
fn a_calendar_travels_with_its_mapping() {
    let (routes, found) =
        with_calendar("calendar: b\nfrom: 2026-01-01\nto: 2028-12-31\nholidays: [ 12-25, 2026-06-24 ]");
    assert_eq!(found, [] as [&str; 0]);
    // The mapping, two contracts and the calendar.
    assert_eq!(routes[0].files.len(), 4);
}

#[test]
fn what_is_wrong_with_a_calendar_is_said_in_its_file() {
    let check = |lines: &str, expected: &[&str]| {
        let (routes, found) = with_calendar(&format!("calendar: b\n{lines}"));
        assert_eq!(found, expected, "{lines}");
        assert_eq!(
            routes.is_empty(),
            expected.iter().any(|e| !e.contains(" note ") && !e.contains(" warning "))
        );
    };
    const YEARS: &str = "from: 2026-01-01\nto: 2028-12-31\n";
    let with = |holidays: &str| format!("{YEARS}holidays: [ {holidays} ]");
    check(
        "from: 2026-01-01\nto: 2028-13-31\nholidays: []",
        &["banks.yaml:3:5 calendar/invalid `2028-13-31` is no date (write it as 2026-12-24)"],
    );
    check(
        "from: 2028-01-01\nto: 2026-12-31\nholidays: []",
        &["banks.yaml:3:5 calendar/invalid the calendar ends before it begins"],
    );
    check(
        "from: 1900-01-01\nto: 2999-12-31\nholidays: []",
        &["banks.yaml:3:5 calendar/invalid a calendar knows at most 200 years"],
    );
    check(
        YEARS,
        &[
            "banks.yaml:1:1 yaml/missing-key the calendar has no `holidays` (add `holidays`: days on which nobody works: dates, `2026-12-24`, days of every year, `12-24`, or rules)",
        ],
    );
    check(
        &with("2026-02-30"),
        &[
            "banks.yaml:4:13 calendar/invalid `2026-02-30` is no date (write it as 2026-12-24, or as 12-24 for every year)",
        ],
    );
    check(
        &with("12-25, 2027-05-03, 12-25"),
        &["banks.yaml:4:32 calendar/invalid this holiday stands here twice"],
    );
    check(
        &with("{ easter: 1 }, 2027-03-29"),
        &["banks.yaml:4:28 calendar/invalid this day is a holiday already"],
    );
    check(
        &with("2062-12-25"),
        &[
            "banks.yaml:4:13 warning calendar/invalid this holiday is not within the days that the calendar knows (correct its year, or leave it out)",
        ],
    );
    check(
        &with("2027-12-25"),
        &[
            "banks.yaml:4:13 note calendar/weekend this holiday falls on a weekend, and changes nothing (if another day is kept instead, write that one)",
        ],
    );
    check(
        &with("{ weekday: monday, nth: 1, month: 5 }"),
        &[
            "banks.yaml:4:24 yaml/bad-value `monday` is no weekday (write mon, tue, wed, thu, fri, sat or sun)",
        ],
    );
    check(
        &with("{ weekday: mon, nth: 5, month: 5 }"),
        &["banks.yaml:4:34 yaml/bad-value `nth` is a whole number from 1 to 4, or `last`"],
    );
    check(
        &with("{ weekday: mon, nth: 1, month: 13 }"),
        &["banks.yaml:4:44 yaml/bad-value `month` is a whole number from 1 to 12"],
    );
    check(
        &with("{ date: 12-25, observed: { sun: next } }"),
        &["banks.yaml:4:45 yaml/bad-value `sun` is following or preceding, not `next`"],
    );
    check(
        &with("{ dat: 12-25 }"),
        &["banks.yaml:4:15 yaml/missing-key a holiday has no `date` (did you mean `date`?)"],
    );
    check(
        "from: 2020-01-01\nto: 2025-12-31\nholidays: []",
        &[
            "banks.yaml:3:5 warning calendar/expired the calendar has ended: it knows the days to 2025-12-31 (add the holidays of the next years and move `to`: later dates are refused when a message has them)",
        ],
    );
    check(
        "from: 2020-01-01\nto: 2026-12-31\nholidays: []",
        &[
            "banks.yaml:3:5 note calendar/expired the calendar ends in 32 days (add the holidays of the next years and move `to`: later dates are refused when a message has them)",
        ],
    );
}

#[test]
fn names_and_conventions_are_found_wanting_where_they_stand() {
    let calendar = "calendar: b\nfrom: 2026-01-01\nto: 2028-12-31\nholidays: []";
    for (rule, expected) in [
        (
            "adjust_business_day(as_of, 'next', 'banks')",
            "m.yaml:25:38 expr/arguments the convention is following, preceding, modified-following or modified-preceding",
        ),
        (
            "add_business_days(as_of, 1, 'bank')",
            "m.yaml:25:39 map/unknown-calendar there is no calendar `bank` (did you mean `banks`?)",
        ),
        (
            "next_business_day(as_of, 'banks')",
            "m.yaml:25:11 expr/unknown-function there is no function `next_business_day` (did you mean `adjust_business_day`?)",
        ),
    ] {
        let mapping = MAPPING
            .replace("AsOf: as_of", &format!("AsOf: {rule}"))
            .replace("tables:\n", "calendars: { banks: banks.yaml }\ntables:\n");
        assert_eq!(checked(&mapping, calendar, &Standing::default()).1, [expected]);
    }
}

#[test]
fn a_secret_is_known_where_the_configuration_is() {
    let mapping =
        MAPPING.replace("PersonCode: national_id", "PersonCode: hex(national_id.hmac_sha256('pseudonym'))");
    let with = |secrets: Secrets| checked(&mapping, "", &Standing { secrets, ..Standing::default() }).1;
    let key = |name: &str| Secrets::Known([(name.into(), Key::new(b"x").unwrap())].into());
    assert_eq!(with(Secrets::Unknown), [] as [&str; 0]);
    assert_eq!(with(key("pseudonym")), [] as [&str; 0]);
    assert_eq!(
        with(key("pseudonyms")),
        [
            "m.yaml:24:45 map/unknown-secret there is no secret `pseudonym` (did you mean `pseudonyms`?) (secrets stand under `secrets:` in portolan.yaml)"
        ]
    );
}
