//! A document of a mapping file: one route.

use std::{collections::HashMap, sync::Arc};

use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_formats::Unknown;

use super::{
    Guess, guess,
    keys::{Finish, Keys, bad, boolean, duration, entries, items, leaf, shared, text, text_of},
    rules::{fields, rule},
};
use crate::{
    expression::{Leaf, bare_path},
    file::{
        CalendarFile, DeadLetters, Delivery, Direction, FailRule, GrpcSource, Idempotent, IgnoredPath,
        MappingRoute, Mode, Order, Placed, Poll, RequireRule, Retry, RouteTarget, Rule, SoapTarget,
        TableFile, Visible,
    },
    grammar::{self, FAILURES, Group},
    ir::{Constant, RowPlace, RowsFrom, Table},
    yaml::{Entry, Node, NodeKind},
};

type Findings = Vec<Diagnostic>;

/// A route; `None` where something that it cannot be without is missing.
pub(super) fn route(node: &Node, findings: &mut Findings) -> Option<MappingRoute> {
    let mut keys = Keys::of(node, &grammar::MAPPING, findings)?;
    let name = keys.require("route", findings).and_then(|e| name(e, findings));
    let source = keys.require("source", findings).and_then(|e| source(&e.value, findings));
    let target = keys.require("target", findings).and_then(|e| target(&e.value, findings));
    let delivery = match keys.take("delivery") {
        Some(entry) => delivery(&entry.value, findings),
        None => defaults(keys.span()),
    };
    let request = keys.require("request", findings).and_then(|e| direction(e, &grammar::REQUEST, findings));
    let response =
        keys.require("response", findings).and_then(|e| direction(e, &grammar::RESPONSE, findings));
    let faults = keys.take("faults").map(|e| fail_rules(e, findings)).unwrap_or_default();
    let (tables, table_files) = keys.take("tables").map(|e| tables(&e.value, findings)).unwrap_or_default();
    let calendars = keys.take("calendars").map(|e| calendars(&e.value, findings)).unwrap_or_default();
    let maps = keys.take("maps").map(|e| maps(&e.value, findings)).unwrap_or_default();
    let visible = keys.take("visible").map(|e| visible(&e.value, findings)).unwrap_or_default();
    let unnamed = Placed { value: "".into(), span: keys.span() };
    keys.finish(findings);
    Some(MappingRoute {
        name: name.unwrap_or(unnamed),
        source: source?,
        target: RouteTarget::Soap(Box::new(target?)),
        delivery,
        request: request?,
        response: response?,
        faults,
        tables,
        table_files,
        calendars,
        maps,
        visible,
        broken: false,
    })
}

/// A route's name stands in file names, metrics and queues.
pub(super) fn name(entry: &Entry, findings: &mut Findings) -> Option<Placed<Arc<str>>> {
    let name = text(entry, findings)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.value.len() > 100 || !name.value.chars().all(fits) {
        let finding =
            bad(name.span, "a route's name is at most 100 letters, digits, dots, hyphens and underscores");
        findings.push(finding);
        return None;
    }
    Some(Placed { value: name.value.into(), span: name.span })
}

pub(super) fn source(node: &Node, findings: &mut Findings) -> Option<GrpcSource> {
    let mut keys = Keys::of(node, &grammar::SOURCE, findings)?;
    let later =
        ["soap"].iter().any(|k| matches!(&node.kind, NodeKind::Mapping(e) if e.iter().any(|e| e.key == *k)));
    let grpc = if later { keys.take("grpc") } else { keys.require("grpc", findings) };
    let grpc = grpc.and_then(|e| {
        let mut keys = Keys::of(&e.value, &grammar::GRPC, findings)?;
        let grpc = grpc_of(&mut keys, findings);
        keys.finish(findings);
        grpc
    });
    keys.finish_but(&["soap"], findings);
    grpc
}

/// A method of gRPC.
pub(super) fn grpc_of(keys: &mut Keys<'_>, findings: &mut Findings) -> Option<GrpcSource> {
    let proto = keys.require("proto", findings).and_then(|e| text(e, findings));
    let method = keys.require("method", findings).and_then(|e| text(e, findings));
    let paths = keys.take("import-paths").map(|e| items(e, findings)).unwrap_or_default();
    let span = keys.span();
    let import_paths = paths.iter().filter_map(|n| text_of(n, "import-paths", span, findings)).collect();
    Some(GrpcSource { proto: proto?, import_paths, method: method? })
}

fn target(node: &Node, findings: &mut Findings) -> Option<SoapTarget> {
    let mut keys = Keys::of(node, &grammar::TARGET, findings)?;
    let later = ["grpc", "batch"]
        .iter()
        .any(|k| matches!(&node.kind, NodeKind::Mapping(e) if e.iter().any(|e| e.key == *k)));
    let soap = if later { keys.take("soap") } else { keys.require("soap", findings) };
    let soap = soap.and_then(|e| soap_of(e, findings));
    keys.finish_but(&["grpc"], findings);
    soap
}

/// An operation of SOAP.
pub(super) fn soap_of(entry: &Entry, findings: &mut Findings) -> Option<SoapTarget> {
    let mut keys = Keys::of(&entry.value, &grammar::SOAP, findings)?;
    let system = keys.require("system", findings).and_then(|e| text(e, findings));
    let wsdl = keys.require("wsdl", findings).and_then(|e| text(e, findings));
    let operation = keys.require("operation", findings).and_then(|e| text(e, findings));
    let service = keys.take("service").and_then(|e| text(e, findings));
    let port = keys.take("port").and_then(|e| text(e, findings));
    let schemas = keys.take("schemas").map(|e| stand_ins(&e.value, findings)).unwrap_or_default();
    keys.finish(findings);
    Some(SoapTarget { system: system?, wsdl: wsdl?, operation: operation?, service, port, schemas })
}

fn stand_ins(node: &Node, findings: &mut Findings) -> Vec<(Placed<String>, Placed<String>)> {
    let Some(entries) = entries(node, "`schemas`", findings) else { return Vec::new() };
    let pairs = entries.iter().filter_map(|e| {
        let file = text(e, findings)?;
        Some((Placed { value: e.key.clone(), span: e.key_span }, file))
    });
    pairs.collect()
}

pub(super) fn defaults(span: Span) -> Delivery {
    let mode = Placed { value: Some(Mode::RequestReply), span };
    Delivery {
        mode,
        idempotent: Idempotent::No,
        order: None,
        timeout: None,
        deadline: None,
        retry: None,
        poll: None,
    }
}

/// A value that is wrong is reported and stands for its default, so that the rest is checked all the same.
fn delivery(node: &Node, findings: &mut Findings) -> Delivery {
    let Some(mut keys) = Keys::of(node, &grammar::DELIVERY, findings) else { return defaults(node.span) };
    let mode = match keys.take("mode") {
        Some(entry) => Placed { value: mode(entry, findings), span: entry.value.span },
        None => Placed { value: Some(Mode::RequestReply), span: node.span },
    };
    let idempotent = match keys.take("idempotent") {
        None => Idempotent::No,
        Some(entry) if matches!(entry.value.kind, NodeKind::Mapping(_)) => {
            let key = Keys::of(&entry.value, &grammar::IDEMPOTENT, findings).and_then(|mut inner| {
                let key = inner.require("key", findings).and_then(|e| leaf(e, findings));
                inner.finish(findings);
                key
            });
            key.map_or(Idempotent::No, Idempotent::Key)
        }
        Some(entry) => match boolean(entry, findings) {
            Some(true) => Idempotent::Yes,
            _ => Idempotent::No,
        },
    };
    let order = keys.take("order").and_then(|e| order(e, findings));
    let timeout = keys.take("timeout").and_then(|e| duration(e, findings));
    let deadline = keys.take("deadline").and_then(|e| duration(e, findings));
    let retry = keys.take("retry").and_then(|e| retry(&e.value, findings));
    let poll = keys.take("poll").and_then(|e| poll(e, findings));
    keys.finish(findings);
    Delivery { mode, idempotent, order, timeout, deadline, retry, poll }
}

fn poll(entry: &Entry, findings: &mut Findings) -> Option<Placed<Poll>> {
    let mut keys = Keys::of(&entry.value, &grammar::POLL, findings)?;
    let operation = keys.require("operation", findings).and_then(|e| text(e, findings));
    let every = keys.require("every", findings).and_then(|e| duration(e, findings));
    let until = keys.require("until", findings).and_then(|e| leaf(e, findings));
    let request =
        keys.require("request", findings).and_then(|e| direction(e, &grammar::POLL_REQUEST, findings));
    let faults = keys.take("faults").map(|e| fail_rules(e, findings));
    keys.finish(findings);
    Some(Placed { value: Poll { operation, every, until, request, faults }, span: entry.key_span })
}

fn order(entry: &Entry, findings: &mut Findings) -> Option<Placed<Order>> {
    let mut keys = Keys::of(&entry.value, &grammar::ORDER, findings)?;
    let key = keys.require("key", findings).and_then(|e| leaf(e, findings));
    let dead_letters = keys.take("dead-letters").and_then(|e| dead_letters(e, findings)).unwrap_or_default();
    keys.finish(findings);
    Some(Placed { value: Order { key: key?, dead_letters }, span: entry.key_span })
}

fn dead_letters(entry: &Entry, findings: &mut Findings) -> Option<DeadLetters> {
    let written = text(entry, findings)?;
    let all = [DeadLetters::Hold, DeadLetters::Pass];
    let known = all.into_iter().find(|d| d.name() == written.value);
    if known.is_none() {
        let message = format!(
            "`{}` is not what dead letters can do to their key: hold it or let it pass",
            written.value
        );
        findings.push(bad(written.span, message).did_you_mean(&written.value, all.map(DeadLetters::name)));
    }
    known
}

fn mode(entry: &Entry, findings: &mut Findings) -> Option<Mode> {
    let written = text(entry, findings)?;
    let modes = [Mode::Direct, Mode::RequestReply, Mode::Operation];
    let known = modes.into_iter().find(|m| m.name() == written.value);
    if known.is_none() {
        let message =
            format!("`{}` is not a delivery mode: direct, request-reply or operation", written.value);
        findings.push(bad(written.span, message).did_you_mean(&written.value, modes.map(Mode::name)));
    }
    known
}

pub(super) fn retry(node: &Node, findings: &mut Findings) -> Option<Retry> {
    let mut keys = Keys::of(node, &grammar::RETRY, findings)?;
    let attempts = keys.require("max-attempts", findings).and_then(|e| {
        let written = text(e, findings)?;
        let parsed = written.value.parse().ok().filter(|n| (1..=1000).contains(n));
        if parsed.is_none() {
            findings.push(bad(written.span, "`max-attempts` is a whole number from 1 to 1000"));
        }
        parsed
    });
    let initial = keys.take("initial-backoff").and_then(|e| duration(e, findings));
    let max = keys.take("max-backoff").map(|e| (e, duration(e, findings)));
    let multiplier = keys.take("backoff-multiplier").and_then(|e| {
        let written = text(e, findings)?;
        let parsed = written.value.parse().ok().filter(|n: &f64| (1.0..=100.0).contains(n));
        if parsed.is_none() {
            findings.push(bad(written.span, "`backoff-multiplier` is a number from 1 to 100"));
        }
        parsed
    });
    keys.finish(findings);
    let initial_backoff = initial.unwrap_or(std::time::Duration::from_millis(200));
    let max_backoff =
        max.and_then(|(_, d)| d).unwrap_or(initial_backoff.max(std::time::Duration::from_secs(5)));
    if let Some((entry, Some(max))) = max
        && max < initial_backoff
    {
        findings.push(bad(entry.value.span, "`max-backoff` is shorter than `initial-backoff`"));
    }
    Some(Retry {
        max_attempts: attempts?,
        initial_backoff,
        max_backoff,
        backoff_multiplier: multiplier.unwrap_or(2.0),
    })
}

/// The rules of one direction, as far as its group has them.
pub(super) fn direction(entry: &Entry, group: &'static Group, findings: &mut Findings) -> Option<Direction> {
    let mut keys = Keys::of(&entry.value, group, findings)?;
    let require = keys.take_any("require").map(|e| items(e, findings)).unwrap_or_default();
    let require = require.iter().filter_map(|n| require_rule(n, findings)).collect();
    let fail = keys.take_any("fail").map(|e| fail_rules(e, findings)).unwrap_or_default();
    let from = keys.take("from").and_then(|e| leaf(e, findings));
    let header = keys.take_any("header").and_then(|e| rule(&e.value, "header", e.key_span, findings));
    let body = keys.take("body").and_then(|e| rule(&e.value, "body", e.key_span, findings));
    let ignore = keys.take("ignore").map(|e| items(e, findings)).unwrap_or_default();
    let ignore = ignore.iter().filter_map(|n| ignored(n, entry.key_span, findings)).collect();
    let unknown = match keys.take("unknown-fields") {
        None => Unknown::Refuse,
        Some(e) => match text(e, findings)?.value.as_str() {
            "refuse" => Unknown::Refuse,
            "ignore" => Unknown::Ignore,
            other => {
                let finding =
                    bad(e.value.span, format!("`unknown-fields` is refuse or ignore, not `{other}`"));
                findings.push(finding.did_you_mean(other, ["refuse", "ignore"]));
                Unknown::Refuse
            }
        },
    };
    keys.finish(findings);
    Some(Direction { span: entry.key_span, require, fail, from, header, body, ignore, unknown })
}

fn ignored(node: &Node, key: Span, findings: &mut Findings) -> Option<Placed<IgnoredPath>> {
    let written = text_of(node, "ignore", key, findings)?;
    let (path, below) = match written.value.strip_suffix(".*") {
        Some(path) => (path, true),
        None => (written.value.as_str(), false),
    };
    let Some(path) = bare_path(path) else {
        findings.push(
            bad(written.span, "this is not a path").help(
                "write `a.b`, or `a.b.*` for all that is not mapped under it; attributes are plain names",
            ),
        );
        return None;
    };
    Some(Placed { value: IgnoredPath { path, below }, span: written.span })
}

fn require_rule(node: &Node, findings: &mut Findings) -> Option<RequireRule> {
    let mut keys = Keys::of(node, &grammar::REQUIRE, findings)?;
    let that = keys.require("that", findings).and_then(|e| leaf(e, findings));
    let field = keys.take("field").and_then(|e| text(e, findings));
    let message = keys.require("message", findings).and_then(|e| shared(e, findings));
    keys.finish(findings);
    Some(RequireRule { that: that?, field, message: message?, span: node.span })
}

pub(super) fn fail_rules(entry: &Entry, findings: &mut Findings) -> Vec<FailRule> {
    items(entry, findings).iter().filter_map(|n| fail_rule(n, findings)).collect()
}

fn fail_rule(node: &Node, findings: &mut Findings) -> Option<FailRule> {
    let mut keys = Keys::of(node, &grammar::FAILURE, findings)?;
    let when = keys.take("when").map(|e| leaf(e, findings));
    let status = keys.require("status", findings).and_then(|e| status(e, findings));
    let message = keys.take("message").and_then(|e| {
        let rule = rule(&e.value, "message", e.key_span, findings)?;
        if !matches!(rule.value, Rule::Expression(_) | Rule::Constant(_)) {
            findings.push(bad(rule.span, "a message is an expression or { const: text }"));
            return None;
        }
        Some(rule)
    });
    let field = keys.take("field").and_then(|e| text(e, findings));
    let reason = keys.take("reason").and_then(|e| shared(e, findings));
    let retry = keys.take("retry").and_then(|e| boolean(e, findings)).unwrap_or(false);
    keys.finish(findings);
    let when = match when {
        None => None,
        Some(when) => Some(when?),
    };
    Some(FailRule { when, status: status?, message, field, reason, retry, span: node.span })
}

/// What HTTP and others call them.
const BY_OTHER_NAMES: &[(&[&str], &str)] = &[
    (&["400", "BAD_REQUEST", "VALIDATION_ERROR", "INVALID"], "INVALID_ARGUMENT"),
    (&["401", "UNAUTHORIZED"], "UNAUTHENTICATED"),
    (&["403", "FORBIDDEN", "ACCESS_DENIED"], "PERMISSION_DENIED"),
    (&["404", "MISSING"], "NOT_FOUND"),
    (&["409", "CONFLICT"], "ALREADY_EXISTS"),
    (&["429", "TOO_MANY_REQUESTS"], "RESOURCE_EXHAUSTED"),
    (&["500", "INTERNAL_SERVER_ERROR", "ERROR"], "INTERNAL"),
    (&["501", "NOT_IMPLEMENTED"], "UNIMPLEMENTED"),
    (&["503", "SERVICE_UNAVAILABLE"], "UNAVAILABLE"),
    (&["504", "TIMEOUT", "GATEWAY_TIMEOUT"], "DEADLINE_EXCEEDED"),
];

/// The name of a failure's status by its number; 0 is OK, and none.
pub(crate) fn status_name(number: i32) -> Option<&'static str> {
    usize::try_from(number).ok()?.checked_sub(1).and_then(|n| FAILURES.get(n)).copied()
}

fn status(entry: &Entry, findings: &mut Findings) -> Option<i32> {
    let written = text(entry, findings)?;
    match FAILURES.iter().position(|s| *s == written.value) {
        Some(before) => i32::try_from(before + 1).ok(),
        None => {
            let message = format!("`{}` is not a gRPC status of a failure", written.value);
            let finding = bad(written.span, message);
            let plain = written.value.replace(['-', ' '], "_").to_ascii_uppercase();
            let finding = match BY_OTHER_NAMES.iter().find(|(theirs, _)| theirs.contains(&plain.as_str())) {
                Some((_, ours)) => {
                    finding.help(format!("did you mean `{ours}`?")).edit(written.span, &written.value, *ours)
                }
                None => finding.did_you_mean(&written.value, FAILURES.iter().copied()),
            };
            findings.push(finding.help(format!("the statuses are {}", FAILURES.join(", "))));
            None
        }
    }
}

/// The tables, and by their index those whose rows stand in files.
pub(super) fn tables(node: &Node, findings: &mut Findings) -> (Vec<Table>, Vec<(usize, TableFile)>) {
    let Some(entries) = entries(node, "`tables`", findings) else { return Default::default() };
    let (mut tables, mut files) = (Vec::new(), Vec::new());
    for entry in entries {
        let (made, file) = match table_file(entry, findings) {
            Some(file) => (empty_table(entry, findings), Some(file)),
            None => (table(entry, findings), None),
        };
        let Some(made) = made else { continue };
        files.extend(file.map(|file| (tables.len(), file)));
        tables.push(made);
    }
    (tables, files)
}

/// `{ file: reasons.csv, key: code, value: name }`; a table whose key `file` has another kind of value is one of rows.
fn table_file(entry: &Entry, findings: &mut Findings) -> Option<TableFile> {
    let NodeKind::Mapping(entries) = &entry.value.kind else { return None };
    let file = entries.iter().find(|e| e.key == "file")?;
    if !file.value.scalar().is_some_and(|s| s.text.to_ascii_lowercase().ends_with(".csv")) {
        return None;
    }
    let mut keys = Keys::of(&entry.value, &grammar::TABLE_FILE, findings)?;
    let file = text(keys.require("file", findings)?, findings);
    let key = keys.take("key").and_then(|e| text(e, findings));
    let value = keys.take("value").and_then(|e| text(e, findings));
    keys.take("default");
    keys.finish(findings);
    Some(TableFile { file: file?, key, value })
}

/// A table whose rows stand elsewhere.
fn empty_table(entry: &Entry, findings: &mut Findings) -> Option<Table> {
    let NodeKind::Mapping(entries) = &entry.value.kind else { return None };
    let (mut default, mut places) = (None, HashMap::new());
    if let Some(row) = entries.iter().find(|e| e.key == "default") {
        default = text(row, findings).map(|t| Constant::Text(t.value.as_str().into()));
        places.insert("default".into(), RowPlace { key: row.key_span, value: row.value.span });
    }
    let (name, origin) = (entry.key.as_str().into(), RowsFrom::Nowhere);
    Some(Table { name, rows: HashMap::new(), default, span: entry.key_span, origin, places })
}

fn table(entry: &Entry, findings: &mut Findings) -> Option<Table> {
    let entries = entries(&entry.value, "a table", findings)?;
    let (mut rows, mut default, mut places) = (HashMap::new(), None, HashMap::new());
    for row in entries {
        if let Guess::Trap(what) = guess(&row.key)
            && findings_of_plain_key(row)
        {
            findings.push(trap(row.key_span, &row.key, what));
        }
        let Some(value) = text(row, findings) else { continue };
        let plain = row.value.scalar().is_some_and(|s| s.plain);
        let value = match (plain, guess(&value.value)) {
            (true, Guess::Trap(what)) => {
                findings.push(trap(row.value.span, &value.value, what));
                // As it was meant, so that the row is not taken for forgotten.
                Constant::Text(value.value.as_str().into())
            }
            (true, Guess::Integer) => match value.value.parse() {
                Ok(number) => Constant::Integer(number),
                Err(_) => Constant::Text(value.value.as_str().into()),
            },
            _ => Constant::Text(value.value.as_str().into()),
        };
        places.insert(row.key.as_str().into(), RowPlace { key: row.key_span, value: row.value.span });
        if row.key == "default" {
            default = Some(value);
        } else {
            rows.insert(row.key.as_str().into(), value);
        }
    }
    let (name, origin) = (entry.key.as_str().into(), RowsFrom::Mapping);
    Some(Table { name, rows, default, span: entry.key_span, origin, places })
}

/// `{ banks: bank-days.yaml }`
pub(super) fn calendars(node: &Node, findings: &mut Findings) -> Vec<CalendarFile> {
    let named = entries(node, "`calendars`", findings).unwrap_or_default();
    let calendar = |entry: &Entry| {
        let name = Placed { value: entry.key.as_str().into(), span: entry.key_span };
        Some(CalendarFile { name, file: text(entry, findings)?, calendar: None })
    };
    named.iter().filter_map(calendar).collect()
}

/// A quoted key is longer in the file than its text.
fn findings_of_plain_key(row: &Entry) -> bool {
    (row.key_span.end - row.key_span.start) as usize == row.key.len()
}

pub(super) fn trap(span: Span, text: &str, what: &str) -> Diagnostic {
    let message = format!("YAML readers take `{text}` for {what}");
    let quoted = format!("\"{text}\"");
    let finding = Diagnostic::error(Code::YAML_TRAP, message).at(span, "");
    finding.help(format!("put it in quotes: {quoted}")).edit(span, text, quoted)
}

pub(super) fn maps(
    node: &Node,
    findings: &mut Findings,
) -> HashMap<String, Placed<Vec<crate::file::FieldRule>>> {
    let Some(entries) = entries(node, "`maps`", findings) else { return HashMap::new() };
    let groups = entries.iter().filter_map(|e| {
        let value = fields(&e.value, findings)?;
        Some((e.key.clone(), Placed { value, span: e.key_span }))
    });
    groups.collect()
}

pub(super) fn visible(node: &Node, findings: &mut Findings) -> Visible {
    let Some(mut keys) = Keys::of(node, &grammar::VISIBLE, findings) else { return Visible::default() };
    let mut paths = |key: &'static str, findings: &mut Findings| -> Vec<Leaf> {
        let Some(entry) = keys.take(key) else { return Vec::new() };
        let leaves = items(entry, findings).iter().filter_map(|n| {
            text_of(n, key, entry.key_span, findings)?;
            n.scalar().map(|s| Leaf::new(s, n.span))
        });
        leaves.collect()
    };
    let visible = Visible { request: paths("request", findings), response: paths("response", findings) };
    keys.finish(findings);
    visible
}
