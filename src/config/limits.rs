//! What a system bears: `limits`, `breaker` and `maintenance` of a system.

use portolan_delivery::system::{
    BreakerPolicy, Maintenance, Rate, SystemPolicy, Window,
    window::{self, dates, time, weekdays},
};
use portolan_diagnostics::{Code, Diagnostic};
use portolan_mapping::yaml::{Entry, Node};

use super::{
    grammar,
    keys::{Group, Reader},
};

/// The keys of a system that say how it may be asked; and how many requests it takes at a time, where that is said.
pub(super) fn policy(system: &mut Group<'_>, reader: &mut Reader<'_>) -> (SystemPolicy, Option<usize>) {
    let mut policy = SystemPolicy::default();
    let at_a_time = system.take("limits").and_then(|entry| limits(&entry.value, &mut policy, reader));
    if let Some(entry) = system.take("breaker") {
        policy.breaker = breaker(entry, reader);
    }
    if let Some(entry) = system.take("maintenance") {
        let windows = reader.items(entry).iter().filter_map(|node| window(node, reader));
        policy.maintenance = Maintenance(windows.collect());
    }
    (policy, at_a_time)
}

fn limits(node: &Node, policy: &mut SystemPolicy, reader: &mut Reader<'_>) -> Option<usize> {
    let mut keys = Group::of(node, &grammar::LIMITS, reader)?;
    let at_a_time = keys.take("concurrency").and_then(|e| reader.count(e));
    let burst = keys.take("burst");
    let bursts = burst.and_then(|e| reader.count(e)).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    match (keys.take("rate"), burst) {
        (Some(entry), _) => policy.rate = rate(entry, bursts, reader),
        (None, Some(burst)) => reader.bad(burst.key_span, "`burst` needs a `rate`"),
        (None, None) => {}
    }
    if let Some(entry) = keys.take("max-wait")
        && let Some(wait) = reader.duration(entry)
    {
        policy.max_wait = wait;
        if wait > SystemPolicy::LONGEST_WAIT {
            reader.bad(entry.value.span, "`max-wait` is at most 60s: who has longer takes an operation");
        }
    }
    keys.finish(reader);
    at_a_time
}

fn rate(entry: &Entry, burst: Option<u32>, reader: &mut Reader<'_>) -> Option<Rate> {
    let (attempts, period) = reader.parsed(entry, crate::units::rate)?;
    let rate = Rate::try_new(attempts, period, burst);
    rate.map_err(|problem| reader.bad(entry.value.span, problem.to_string())).ok()
}

/// `off`, or what opens it and for how long.
fn breaker(entry: &Entry, reader: &mut Reader<'_>) -> Option<BreakerPolicy> {
    if entry.value.scalar().is_some_and(|scalar| scalar.text == "off") {
        return None;
    }
    let mut keys = Group::of(&entry.value, &grammar::BREAKER, reader)?;
    let failures =
        keys.take("failures").and_then(|e| reader.count(e)).unwrap_or(BreakerPolicy::FAILURES as usize);
    let open_for = keys.take("open-for").and_then(|e| reader.duration(e)).unwrap_or(BreakerPolicy::OPEN_FOR);
    let longest = keys.take("max-open-for").and_then(|e| reader.duration(e));
    keys.finish(reader);
    let longest = longest.unwrap_or(BreakerPolicy::MAX_OPEN_FOR.max(open_for));
    let failures = u32::try_from(failures).unwrap_or(u32::MAX);
    let policy = BreakerPolicy::try_new(failures, open_for, longest);
    policy.map_err(|problem| reader.bad(entry.value.span, problem.to_string())).ok()
}

fn window(node: &Node, reader: &mut Reader<'_>) -> Option<Window> {
    let mut keys = Group::of(node, &grammar::WINDOW, reader)?;
    let zone = keys.require("zone", reader).and_then(|e| {
        let text = reader.text(e)?;
        let zone = window::zone(&text.value);
        if zone.is_none() {
            let names = window::zones();
            let finding =
                Diagnostic::error(Code::YAML_BAD_VALUE, "there is no such time zone").at(text.span, "");
            reader.findings.push(
                match portolan_diagnostics::nearest(&text.value, names.iter().map(String::as_str)) {
                    Some(near) => finding.help(format!("did you mean `{near}`?")),
                    None => finding.help("write its name in the IANA database: Europe/Tallinn, or UTC"),
                },
            );
        }
        zone
    });
    let mut clock = |key, reader: &mut Reader<'_>| {
        let expected = || "write the time of day: 06:00, or 24:00 for the end of the day".to_owned();
        match keys.take(key) {
            Some(entry) => reader.parsed(entry, |text| time(text).ok_or_else(expected)),
            None => Some(jiff::civil::Time::midnight()),
        }
    };
    let (from, to) = (clock("from", reader), clock("to", reader));
    let a_day = "write a day, mon to sun, or several: mon..fri";
    let a_date = "write a date, 2026-12-24, one of every year, 12-24, or several: 12-24..12-26";
    let weekdays = each(keys.take("days"), reader, a_day, weekdays);
    let mut calendar = |key, reader: &mut Reader<'_>| each(keys.take(key), reader, a_date, dates);
    let (dates, except) = (calendar("dates", reader), calendar("except", reader));
    keys.finish(reader);
    let weekdays = weekdays.into_iter().flatten().collect();
    Some(Window { zone: zone?, weekdays, dates, except, from: from?, to: to? })
}

/// The items of a list, as `parse` understands them.
fn each<T>(
    entry: Option<&Entry>,
    reader: &mut Reader<'_>,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Vec<T> {
    let Some(entry) = entry else { return Vec::new() };
    let mut found = Vec::new();
    for item in reader.items(entry) {
        let Some(text) = reader.text_of(item, &entry.key, entry.key_span) else { continue };
        match parse(&text.value) {
            Some(value) => found.push(value),
            None => reader.bad(text.span, format!("`{}`: {expected}", entry.key)),
        }
    }
    found
}
