//! Calendar files: the years for which they hold, their weekends and holidays.

use jiff::civil::{Date, Weekday};
use portolan_diagnostics::{Code, Diagnostic, SourceId, Span};

use super::keys::{Finish, Keys, bad, items, text, text_of};
use crate::{
    calendar::{Calendar, Holiday, HolidayRule, MAX_YEARS, Nth, Observed, Shift},
    file::Placed,
    grammar,
    yaml::{self, Entry, Node, NodeKind},
};

type Findings = Vec<Diagnostic>;

/// How large a calendar's file may be, and how many holidays it may list.
const MAX_BYTES: usize = 1 << 20;
const MAX_HOLIDAYS: usize = 5_000;

/// Within so many days of its end a calendar is to be extended.
const SOON: i32 = 60;

/// A holiday with its place.
type Listed = Placed<Holiday>;

/// Reads a calendar's text; nothing where there are errors. `today`, where it is known, tells whether it has ended.
pub fn calendar(
    source: SourceId,
    text: &str,
    today: Option<Date>,
    findings: &mut Findings,
) -> Option<Calendar> {
    let known = findings.len();
    let whole = Span::new(source, 0..0);
    if text.len() > MAX_BYTES {
        findings.push(invalid(whole, format!("a calendar has at most {MAX_BYTES} bytes")));
        return None;
    }
    let documents = yaml::read(source, text, findings);
    let document = match documents.as_slice() {
        [document] => document,
        [] => {
            if findings.len() == known {
                findings.push(invalid(whole, "the calendar is empty"));
            }
            return None;
        }
        [_, second, ..] => {
            findings.push(invalid(second.span, "a calendar is one document"));
            return None;
        }
    };
    let read = document_of(document, today, findings)?;
    // What has errors is not worked out.
    let sound = !super::failed(findings.get(known..).unwrap_or_default());
    sound.then(|| Calendar::new(read.from, read.to, &read.weekend, &read.holidays))
}

/// A calendar as its file has it.
struct Read {
    from: Date,
    to: Date,
    weekend: Vec<Weekday>,
    holidays: Vec<Holiday>,
}

fn document_of(node: &Node, today: Option<Date>, findings: &mut Findings) -> Option<Read> {
    let mut keys = Keys::of(node, &grammar::CALENDAR, findings)?;
    let _ = keys.require("calendar", findings).and_then(|e| self::text(e, findings));
    let from = keys.require("from", findings).and_then(|e| day(e, findings));
    let to = keys.require("to", findings).and_then(|e| day(e, findings));
    let weekend = match keys.take("weekend") {
        Some(entry) => items(entry, findings).iter().filter_map(|n| weekday(n, entry, findings)).collect(),
        None => vec![Weekday::Saturday, Weekday::Sunday],
    };
    let observed = keys.take("observed").map(|e| observed(&e.value, findings)).unwrap_or_default();
    let listed = keys.require("holidays", findings).map(|e| holidays(e, &observed, findings));
    keys.finish(findings);
    let (from, to, listed) = (from?, to?, listed?);
    if !is_span(&from, &to, findings) {
        return None;
    }
    questionable(&listed, (from.value, to.value), &weekend, findings);
    ended(&to, today, findings);
    let holidays = listed.into_iter().map(|one| one.value).collect();
    Some(Read { from: from.value, to: to.value, weekend, holidays })
}

fn invalid(at: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::CALENDAR_INVALID, message).at(at, "")
}

/// `2026-12-24`
fn parse_date(text: &str) -> Option<Date> {
    let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    text.parse().ok().filter(|_| is_plain)
}

fn day(entry: &Entry, findings: &mut Findings) -> Option<Placed<Date>> {
    let text = text(entry, findings)?;
    match parse_date(&text.value) {
        Some(value) => Some(Placed { value, span: text.span }),
        None => {
            let finding = invalid(text.span, format!("`{}` is no date", text.value));
            findings.push(finding.help("write it as 2026-12-24"));
            None
        }
    }
}

/// Whether the days that the calendar knows are a span of years that somebody means.
fn is_span(from: &Placed<Date>, to: &Placed<Date>, findings: &mut Findings) -> bool {
    let problem = if to.value < from.value {
        "the calendar ends before it begins".to_owned()
    } else if to.value.year() - from.value.year() > MAX_YEARS {
        format!("a calendar knows at most {MAX_YEARS} years")
    } else {
        return true;
    };
    findings.push(invalid(to.span, problem).at(from.span, "it begins here"));
    false
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

fn weekday(node: &Node, entry: &Entry, findings: &mut Findings) -> Option<Weekday> {
    let text = text_of(node, &entry.key, entry.key_span, findings)?;
    let found = WEEKDAYS.iter().find(|(name, _)| *name == text.value).map(|(_, weekday)| *weekday);
    if found.is_none() {
        let finding = bad(text.span, format!("`{}` is no weekday", text.value));
        findings.push(finding.help("write mon, tue, wed, thu, fri, sat or sun"));
    }
    found
}

/// `{ sat: preceding, sun: following }`
fn observed(node: &Node, findings: &mut Findings) -> Observed {
    let Some(mut keys) = Keys::of(node, &grammar::OBSERVED, findings) else { return Observed::new() };
    let mut observed = Observed::new();
    for (name, weekday) in WEEKDAYS {
        let Some(text) = keys.take(name).and_then(|e| text(e, findings)) else { continue };
        match text.value.as_str() {
            "following" => observed.push((weekday, Shift::Following)),
            "preceding" => observed.push((weekday, Shift::Preceding)),
            other => {
                findings.push(bad(text.span, format!("`{name}` is following or preceding, not `{other}`")));
            }
        }
    }
    keys.finish(findings);
    observed
}

fn holidays(entry: &Entry, standing: &Observed, findings: &mut Findings) -> Vec<Listed> {
    let nodes = items(entry, findings);
    if nodes.len() > MAX_HOLIDAYS {
        findings.push(invalid(entry.key_span, format!("a calendar lists at most {MAX_HOLIDAYS} holidays")));
        return Vec::new();
    }
    nodes.iter().filter_map(|node| holiday(node, entry, standing, findings)).collect()
}

fn holiday(node: &Node, list: &Entry, standing: &Observed, findings: &mut Findings) -> Option<Listed> {
    let NodeKind::Mapping(entries) = &node.kind else {
        let text = text_of(node, &list.key, list.key_span, findings)?;
        return on_date(&text, standing.clone(), findings);
    };
    let has = |key: &str| entries.iter().any(|entry| entry.key == key);
    if has("easter") {
        return by_easter(node, findings);
    }
    if has("weekday") {
        return by_weekday(node, findings);
    }
    let mut keys = Keys::of(node, &grammar::HOLIDAY_DATE, findings)?;
    let date = keys.require("date", findings).and_then(|e| text(e, findings));
    keys.take("name");
    let observed = match keys.take("observed") {
        Some(entry) => observed(&entry.value, findings),
        None => standing.clone(),
    };
    keys.finish(findings);
    on_date(&date?, observed, findings)
}

/// `2026-12-24`, or `12-24` for every year.
fn on_date(text: &Placed<String>, observed: Observed, findings: &mut Findings) -> Option<Listed> {
    let rule = match parse_date(&text.value) {
        // What is written for one year stays where it was put.
        Some(date) => Some((HolidayRule::Once(date), Observed::new())),
        // The 29th of February is a day of every year that has it.
        None => parse_date(&format!("2000-{}", text.value))
            .map(|date| (HolidayRule::Yearly { month: date.month(), day: date.day() }, observed)),
    };
    let Some((rule, observed)) = rule else {
        let finding = invalid(text.span, format!("`{}` is no date", text.value));
        findings.push(finding.help("write it as 2026-12-24, or as 12-24 for every year"));
        return None;
    };
    Some(Placed { value: Holiday { rule, observed }, span: text.span })
}

/// `{ weekday: mon, nth: 3, month: 1 }`
fn by_weekday(node: &Node, findings: &mut Findings) -> Option<Listed> {
    let mut keys = Keys::of(node, &grammar::HOLIDAY_WEEKDAY, findings)?;
    let weekday = keys.require("weekday", findings).and_then(|e| weekday(&e.value, e, findings));
    let nth = keys.require("nth", findings).and_then(|e| {
        let text = text(e, findings)?;
        let nth = match text.value.as_str() {
            "last" => Some(Nth::Last),
            number => number.parse().ok().filter(|n| (1..=4).contains(n)).map(Nth::First),
        };
        if nth.is_none() {
            findings.push(bad(text.span, "`nth` is a whole number from 1 to 4, or `last`"));
        }
        nth
    });
    let month = keys.require("month", findings).and_then(|e| number(e, 1..=12, findings));
    keys.take("name");
    keys.finish(findings);
    let rule = HolidayRule::Weekday { weekday: weekday?, nth: nth?, month: i8::try_from(month?).ok()? };
    Some(Placed { value: Holiday { rule, observed: Observed::new() }, span: node.span })
}

/// `{ easter: -2 }`
fn by_easter(node: &Node, findings: &mut Findings) -> Option<Listed> {
    let mut keys = Keys::of(node, &grammar::HOLIDAY_EASTER, findings)?;
    let days = keys.require("easter", findings).and_then(|e| number(e, -100..=100, findings));
    keys.take("name");
    keys.finish(findings);
    let holiday = Holiday { rule: HolidayRule::Easter(days?), observed: Observed::new() };
    Some(Placed { value: holiday, span: node.span })
}

fn number(entry: &Entry, bounds: std::ops::RangeInclusive<i16>, findings: &mut Findings) -> Option<i16> {
    let text = text(entry, findings)?;
    let number = text.value.parse().ok().filter(|number| bounds.contains(number));
    if number.is_none() {
        let (least, most) = (bounds.start(), bounds.end());
        let message = format!("`{}` is a whole number from {least} to {most}", entry.key);
        findings.push(bad(text.span, message));
    }
    number
}

/// Holidays that stand twice, that fall on weekends, or of years that the calendar does not know.
fn questionable(listed: &[Listed], (from, to): (Date, Date), weekend: &[Weekday], findings: &mut Findings) {
    let mut first: Vec<&Listed> = Vec::new();
    let mut sorted: Vec<&Listed> = listed.iter().collect();
    sorted.sort_by_key(|one| sort_key(one.value.rule));
    for pair in sorted.windows(2) {
        let [one, other] = pair else { continue };
        if one.value.rule == other.value.rule {
            first.push(other);
            findings.push(invalid(other.span, "this holiday stands here twice").at(one.span, "first here"));
        }
    }
    let by_rule: Vec<&Listed> =
        listed.iter().filter(|one| !matches!(one.value.rule, HolidayRule::Once(_))).collect();
    for one in listed.iter().filter(|one| !first.iter().any(|twice| std::ptr::eq(*twice, *one))) {
        let HolidayRule::Once(day) = one.value.rule else { continue };
        if !(from..=to).contains(&day) {
            let message = "this holiday is not within the days that the calendar knows";
            let finding = Diagnostic::warning(Code::CALENDAR_INVALID, message).at(one.span, "");
            findings.push(finding.help("correct its year, or leave it out"));
        } else if let Some(rule) = by_rule.iter().find(|r| r.value.rule.in_year(day.year()) == Some(day)) {
            let finding = invalid(one.span, "this day is a holiday already");
            findings.push(finding.at(rule.span, "by this rule"));
        } else if weekend.contains(&day.weekday()) {
            let message = "this holiday falls on a weekend, and changes nothing";
            let finding = Diagnostic::note(Code::CALENDAR_WEEKEND, message).at(one.span, "");
            findings.push(finding.help("if another day is kept instead, write that one"));
        }
    }
}

/// Brings together what is the same, in the order of the file.
fn sort_key(rule: HolidayRule) -> (u8, i32, i32, i32) {
    match rule {
        HolidayRule::Once(date) => (0, date.year().into(), date.month().into(), date.day().into()),
        HolidayRule::Yearly { month, day } => (1, month.into(), day.into(), 0),
        HolidayRule::Weekday { weekday, nth, month } => {
            let nth = match nth {
                Nth::First(nth) => nth,
                Nth::Last => -1,
            };
            (2, month.into(), nth.into(), weekday.to_monday_one_offset().into())
        }
        HolidayRule::Easter(days) => (3, days.into(), 0, 0),
    }
}

/// Whether the calendar has ended, or ends soon.
fn ended(to: &Placed<Date>, today: Option<Date>, findings: &mut Findings) {
    let Some(left) = today.and_then(|today| today.until(to.value).ok()).map(|left| left.get_days()) else {
        return;
    };
    let help =
        "add the holidays of the next years and move `to`: later dates are refused when a message has them";
    if left < 0 {
        let message = format!("the calendar has ended: it knows the days to {}", to.value);
        let finding = Diagnostic::warning(Code::CALENDAR_EXPIRED, message).at(to.span, "");
        findings.push(finding.help(help));
    } else if left < SOON {
        let message = format!("the calendar ends in {left} days");
        let finding = Diagnostic::note(Code::CALENDAR_EXPIRED, message).at(to.span, "");
        findings.push(finding.help(help));
    }
}
