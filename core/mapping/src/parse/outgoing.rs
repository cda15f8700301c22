//! A document of a mapping file whose target is a file: messages gather, and become records of it.

use jiff::{civil::Time, tz::TimeZone};
use portolan_diagnostics::{Diagnostic, Span};
use portolan_formats::Unknown;

use super::{
    keys::{Finish, Keys, bad, duration, entries, items, leaf, text, text_of},
    route::{calendars, defaults, direction, fail_rules, maps, name, source, tables, visible},
    rules::record_rules,
};
use crate::{
    expression::Leaf,
    file::{
        BatchTarget, Cut, Delivery, Direction, FileTarget, GroupRule, MappingRoute, Match, Mode, Placed,
        RouteTarget, Silence,
    },
    grammar,
    yaml::{Entry, Node, NodeKind},
};

type Findings = Vec<Diagnostic>;

/// A route whose messages gather into a file; `None` where something that it cannot be without is missing.
pub(super) fn route(node: &Node, findings: &mut Findings) -> Option<MappingRoute> {
    let mut keys = Keys::of(node, &grammar::GATHER_ROUTE, findings)?;
    let name = keys.require("route", findings).and_then(|e| name(e, findings));
    let source = keys.require("source", findings).and_then(|e| source(&e.value, findings));
    let file = keys.require("target", findings).and_then(|e| {
        let mut keys = Keys::of(&e.value, &grammar::GATHER_TO, findings)?;
        let batch = keys.require("batch", findings);
        keys.finish(findings);
        target(batch?, findings)
    });
    let delivery = match keys.take("delivery") {
        Some(entry) => delivery(&entry.value, findings),
        None => operation(keys.span()),
    };
    let file = with_making(file.map(|file| BatchTarget::Batch(Box::new(file))), &mut keys, findings);
    let request = keys.require("request", findings).and_then(|e| direction(e, &grammar::REQUEST, findings));
    let answers = keys.take("match").map(|e| answers(e, findings));
    let response = keys.take("response").map(|e| direction(e, &grammar::RESPONSE, findings));
    let (tables, table_files) = keys.take("tables").map(|e| tables(&e.value, findings)).unwrap_or_default();
    let calendars = keys.take("calendars").map(|e| calendars(&e.value, findings)).unwrap_or_default();
    let maps = keys.take("maps").map(|e| maps(&e.value, findings)).unwrap_or_default();
    let visible = keys.take("visible").map(|e| visible(&e.value, findings)).unwrap_or_default();
    let span = keys.span();
    keys.finish(findings);
    let Some(BatchTarget::Batch(mut file)) = file else { return None };
    // What was wrong with it was reported: the route is checked as far as it goes.
    file.answers = match answers {
        None => None,
        Some(answers) => Some(Box::new(answers?)),
    };
    Some(MappingRoute {
        name: name.unwrap_or(Placed { value: "".into(), span }),
        source: source?,
        target: RouteTarget::File(file),
        delivery,
        request: request?,
        response: match response {
            None => nothing(span),
            Some(response) => response?,
        },
        faults: Vec::new(),
        tables,
        table_files,
        calendars,
        maps,
        visible,
        broken: false,
    })
}

/// A direction that says nothing.
fn nothing(span: Span) -> Direction {
    Direction {
        span,
        require: Vec::new(),
        fail: Vec::new(),
        from: None,
        header: None,
        body: None,
        ignore: Vec::new(),
        unknown: Unknown::Refuse,
    }
}

fn operation(span: Span) -> Delivery {
    Delivery { mode: Placed { value: Some(Mode::Operation), span }, ..defaults(span) }
}

/// Nobody waits at the telephone for a file.
fn delivery(node: &Node, findings: &mut Findings) -> Delivery {
    let Some(mut keys) = Keys::of(node, &grammar::GATHER_DELIVERY, findings) else {
        return operation(node.span);
    };
    let mut span = node.span;
    if let Some(mode) = keys.take("mode").and_then(|e| text(e, findings)) {
        span = mode.span;
        if mode.value != Mode::Operation.name() {
            let message =
                format!("messages that gather into a file cannot be delivered in mode `{}`", mode.value);
            findings.push(
                bad(mode.span, message).help("write `mode: operation`: the caller asks for the answer later"),
            );
        }
    }
    let deadline = keys.take("answer-within").and_then(|e| duration(e, findings));
    keys.finish(findings);
    Delivery { deadline, ..operation(span) }
}

/// The file, without how it is made.
pub(super) fn target(batch: &Entry, findings: &mut Findings) -> Option<FileTarget> {
    let mut keys = Keys::of(&batch.value, &grammar::BATCH_TARGET, findings)?;
    let system = keys.require("system", findings).and_then(|e| text(e, findings));
    let layout = keys.require("layout", findings).and_then(|e| text(e, findings));
    let record = keys.require("record", findings).and_then(|e| text(e, findings));
    let name = keys.take("name").and_then(|e| text(e, findings));
    keys.finish(findings);
    Some(FileTarget {
        system: system?,
        layout: layout?,
        record: record?,
        name,
        cut: None,
        group: Vec::new(),
        file: None,
        answers: None,
    })
}

/// With how the file is made, where it is one.
pub(super) fn with_making(
    target: Option<BatchTarget>,
    keys: &mut Keys<'_>,
    findings: &mut Findings,
) -> Option<BatchTarget> {
    let [cut_key, group_key, file_key] = ["cut", "group", "file"].map(|key| keys.take(key));
    match target {
        Some(BatchTarget::Batch(mut file)) => {
            file.cut = cut_key.map(|e| Placed { value: cut(e, findings), span: e.key_span });
            file.group = group_key.map(|e| groups(e, findings)).unwrap_or_default();
            file.file = file_key.and_then(|e| record_rules(e, findings));
            Some(BatchTarget::Batch(file))
        }
        other => {
            for entry in [cut_key, group_key, file_key].into_iter().flatten() {
                let message = format!("`{}` is about a file that is made, and the target is none", entry.key);
                findings.push(bad(entry.key_span, message).help("leave it out"));
            }
            other
        }
    }
}

fn cut(entry: &Entry, findings: &mut Findings) -> Cut {
    let Some(mut keys) = Keys::of(&entry.value, &grammar::CUT, findings) else { return Cut::default() };
    let mut at = Vec::new();
    if let Some(entry) = keys.take("at") {
        let nodes = match &entry.value.kind {
            NodeKind::Sequence(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(&entry.value),
        };
        for node in nodes {
            let Some(written) = text_of(node, "at", entry.key_span, findings) else { continue };
            match Time::strptime("%H:%M", &written.value) {
                Ok(time) => at.push(time),
                Err(_) => findings.push(
                    bad(written.span, format!("`{}` is no time of day", written.value))
                        .help("write hours and minutes in quotes: \"17:30\""),
                ),
            }
        }
        at.sort_unstable();
        at.dedup();
    }
    let zone = keys.take("zone").and_then(|e| text(e, findings)).filter(|zone| {
        let known = TimeZone::get(&zone.value).is_ok();
        if !known {
            findings.push(
                bad(zone.span, format!("`{}` is no time zone of the IANA database", zone.value))
                    .help("write its name: Europe/Tallinn, America/New_York, UTC"),
            );
        }
        known
    });
    let calendar = keys.take("calendar").and_then(|e| text(e, findings));
    let every = keys.take("every").and_then(|e| duration(e, findings));
    let max_records = keys.take("max-records").and_then(|e| {
        let written = text(e, findings)?;
        let number = written.value.parse().ok().filter(|n| (1..=1_000_000_000).contains(n));
        if number.is_none() {
            findings.push(bad(written.span, "`max-records` is a whole number from 1 to 1000000000"));
        }
        number
    });
    keys.finish(findings);
    if at.is_empty()
        && let Some(lost) = zone.as_ref().or(calendar.as_ref())
    {
        findings.push(
            bad(lost.span, "no time of day is given that this could be about").help("write `at: \"17:30\"`"),
        );
    }
    Cut { at, zone, calendar, days: None, every, max_records }
}

fn groups(entry: &Entry, findings: &mut Findings) -> Vec<GroupRule> {
    let Some(groups) = entries(&entry.value, "`group`", findings) else { return Vec::new() };
    let mut all = Vec::new();
    for group in groups {
        let Some(mut keys) = Keys::of(&group.value, &grammar::GROUP_BY, findings) else { continue };
        let by = keys.require("by", findings).map(|e| items(e, findings)).unwrap_or_default();
        let by: Vec<Leaf> = by
            .iter()
            .filter_map(|node| match node.scalar() {
                Some(scalar) => Some(Leaf::new(scalar, node.span)),
                None => {
                    findings.push(bad(node.span, "this is not a field of the message"));
                    None
                }
            })
            .collect();
        keys.finish(findings);
        let name = Placed { value: group.key.clone(), span: group.key_span };
        all.push(GroupRule { group: name, by, span: group.key_span });
    }
    all
}

fn answers(entry: &Entry, findings: &mut Findings) -> Option<Match> {
    let mut keys = Keys::of(&entry.value, &grammar::MATCH, findings)?;
    let system = keys.take("system").and_then(|e| text(e, findings));
    let layout = keys.require("layout", findings).and_then(|e| text(e, findings));
    let pattern = keys.take("pattern").and_then(|e| text(e, findings));
    let each = keys.require("each", findings).and_then(|e| text(e, findings));
    let on = keys.require("on", findings).and_then(|e| leaf(e, findings));
    let silence = keys.take("silence").and_then(|e| silence(e, findings));
    let silence = silence.unwrap_or(Placed { value: Silence::default(), span: entry.key_span });
    let fail = keys.take("fail").map(|e| fail_rules(e, findings)).unwrap_or_default();
    keys.finish(findings);
    Some(Match {
        system,
        layout: layout?,
        pattern,
        each: each?,
        on: on?,
        silence,
        fail,
        span: entry.key_span,
    })
}

fn silence(entry: &Entry, findings: &mut Findings) -> Option<Placed<Silence>> {
    let written = text(entry, findings)?;
    let all = [Silence::Overdue, Silence::Done];
    let known = all.into_iter().find(|silence| silence.name() == written.value);
    if known.is_none() {
        let message =
            format!("`{}` is not what a message without an answer can be: overdue or done", written.value);
        findings.push(bad(written.span, message).did_you_mean(&written.value, all.map(Silence::name)));
    }
    Some(Placed { value: known?, span: written.span })
}
