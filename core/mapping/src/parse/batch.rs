//! A document of a mapping file whose source is a file of records.

use portolan_diagnostics::Diagnostic;

use super::{
    keys::{Finish, Keys, boolean, duration, items, leaf, shared, text},
    outgoing,
    route::{
        calendars, defaults, direction, fail_rules, grpc_of, maps, name, retry, soap_of, tables, visible,
    },
    rules::record_rules,
};
use crate::{
    file::{
        Acknowledge, Answer, BatchRoute, BatchSource, BatchTarget, Delivery, FailRule, Idempotent, Placed,
        RejectLimit, SkipRule,
    },
    grammar,
    yaml::{Entry, Node, NodeKind},
};

type Findings = Vec<Diagnostic>;

/// Whether a document's source is a file, or its target.
pub(super) fn has_file(node: &Node, end: &str) -> bool {
    let NodeKind::Mapping(entries) = &node.kind else { return false };
    let named = entries.iter().find(|entry| entry.key == end);
    match named.map(|named| &named.value.kind) {
        Some(NodeKind::Mapping(entries)) => entries.iter().any(|entry| entry.key == "batch"),
        _ => false,
    }
}

/// A route that takes files; `None` where something that it cannot be without is missing.
pub(super) fn route(node: &Node, findings: &mut Findings) -> Option<BatchRoute> {
    let mut keys = Keys::of(node, &grammar::BATCH_ROUTE, findings)?;
    let name = keys.require("route", findings).and_then(|e| name(e, findings));
    let source = keys.require("source", findings).and_then(|e| source(&e.value, findings));
    let target = keys.require("target", findings).and_then(|e| target(&e.value, findings));
    let skip = keys.take("skip").map(|e| skip(e, findings)).unwrap_or_default();
    let delivery = match keys.take("delivery") {
        Some(entry) => delivery(&entry.value, findings),
        None => defaults(keys.span()),
    };
    let rejects = keys.take("rejects").and_then(|e| rejects(&e.value, findings));
    let release = keys.take("release").and_then(|e| text(e, findings));
    let as_read = release.as_ref().is_some_and(|release| as_read(release, rejects.is_some(), findings));
    let acknowledge = keys.take("acknowledge").map(|e| acknowledge(e, findings));
    let target = outgoing::with_making(target, &mut keys, findings);
    let request = keys.require("request", findings).and_then(|e| direction(e, &grammar::REQUEST, findings));
    let fail = keys.take("response").map(|e| fail(&e.value, findings)).unwrap_or_default();
    let faults = keys.take("faults").map(|e| fail_rules(e, findings)).unwrap_or_default();
    let answer = Answer { span: keys.span(), fail, faults };
    let (tables, table_files) = keys.take("tables").map(|e| tables(&e.value, findings)).unwrap_or_default();
    let calendars = keys.take("calendars").map(|e| calendars(&e.value, findings)).unwrap_or_default();
    let maps = keys.take("maps").map(|e| maps(&e.value, findings)).unwrap_or_default();
    let visible = keys.take("visible").map(|e| visible(&e.value, findings)).unwrap_or_default();
    let unnamed = Placed { value: "".into(), span: keys.span() };
    keys.finish(findings);
    Some(BatchRoute {
        name: name.unwrap_or(unnamed),
        source: source?,
        target: target?,
        skip,
        delivery,
        rejects,
        as_read,
        // What was wrong with it was reported: the route is checked as far as it goes.
        acknowledge: match acknowledge {
            None => None,
            Some(acknowledge) => Some(acknowledge?),
        },
        request: request?,
        answer,
        tables,
        table_files,
        calendars,
        maps,
        visible,
        broken: false,
    })
}

/// Answers that are failures.
fn fail(node: &Node, findings: &mut Findings) -> Vec<FailRule> {
    let Some(mut keys) = Keys::of(node, &grammar::BATCH_RESPONSE, findings) else { return Vec::new() };
    let fail = keys.take("fail").map(|e| fail_rules(e, findings)).unwrap_or_default();
    keys.finish(findings);
    fail
}

/// What tells whoever dropped a file what became of it.
fn acknowledge(entry: &Entry, findings: &mut Findings) -> Option<Acknowledge> {
    let mut keys = Keys::of(&entry.value, &grammar::ACKNOWLEDGE, findings)?;
    let layout = keys.require("layout", findings).and_then(|e| text(e, findings));
    let name = keys.take("name").and_then(|e| text(e, findings));
    let record = keys.take("record").and_then(|e| text(e, findings));
    let body = keys.take("body").and_then(|e| record_rules(e, findings));
    let file = keys.take("file").and_then(|e| record_rules(e, findings));
    if let (None, Some(body)) = (&record, &body) {
        let message = "`body` says what a record holds, and nothing says which: `record` is missing";
        findings.push(
            super::keys::bad(body.span, message).help("name the record of a problem: `record: problem`"),
        );
    }
    keys.finish(findings);
    Some(Acknowledge { layout: layout?, name, record, body, file, span: entry.key_span })
}

fn source(node: &Node, findings: &mut Findings) -> Option<BatchSource> {
    let mut keys = Keys::of(node, &grammar::BATCH_FROM, findings)?;
    let batch = keys.require("batch", findings);
    keys.finish(findings);
    let mut keys = Keys::of(&batch?.value, &grammar::BATCH_SOURCE, findings)?;
    let system = keys.require("system", findings).and_then(|e| text(e, findings));
    let layout = keys.require("layout", findings).and_then(|e| text(e, findings));
    let pattern = keys.take("pattern").and_then(|e| text(e, findings));
    let each = keys.require("each", findings).and_then(|e| text(e, findings));
    keys.finish(findings);
    Some(BatchSource { system: system?, layout: layout?, pattern, each: each? })
}

fn target(node: &Node, findings: &mut Findings) -> Option<BatchTarget> {
    let mut keys = Keys::of(node, &grammar::BATCH_TO, findings)?;
    let (grpc, soap, batch) = (keys.take("grpc"), keys.take("soap"), keys.take("batch"));
    let span = keys.span();
    keys.finish(findings);
    match (grpc, soap, batch) {
        (Some(grpc), None, None) => {
            let mut keys = Keys::of(&grpc.value, &grammar::GRPC_TARGET, findings)?;
            let system = keys.require("system", findings).and_then(|e| text(e, findings));
            let method = grpc_of(&mut keys, findings);
            keys.finish(findings);
            Some(BatchTarget::Grpc { system: system?, grpc: method? })
        }
        (None, Some(soap), None) => soap_of(soap, findings).map(BatchTarget::Soap),
        (None, None, Some(batch)) => {
            outgoing::target(batch, findings).map(|file| BatchTarget::Batch(Box::new(file)))
        }
        _ => {
            let message = "`target` is one of `grpc`, `soap` and `batch`";
            findings.push(super::keys::bad(span, message));
            None
        }
    }
}

/// What a message of a file may say of its delivery: nobody waits for it.
fn delivery(node: &Node, findings: &mut Findings) -> Delivery {
    let Some(mut keys) = Keys::of(node, &grammar::BATCH_DELIVERY, findings) else {
        return defaults(node.span);
    };
    let idempotent = keys.take("idempotent").and_then(|e| boolean(e, findings)).unwrap_or(false);
    let timeout = keys.take("timeout").and_then(|e| duration(e, findings));
    let deadline = keys.take("deadline").and_then(|e| duration(e, findings));
    let retry = keys.take("retry").and_then(|e| retry(&e.value, findings));
    keys.finish(findings);
    let idempotent = if idempotent { Idempotent::Yes } else { Idempotent::No };
    Delivery { idempotent, timeout, deadline, retry, ..defaults(node.span) }
}

fn as_read(release: &Placed<String>, is_limited: bool, findings: &mut Findings) -> bool {
    match release.value.as_str() {
        "verified" => false,
        "as-read" => {
            if is_limited {
                let message = "`release: as-read` and `rejects: { limit }` do not go together: when the limit is passed, messages before it are gone already";
                findings.push(super::keys::bad(release.span, message));
            }
            true
        }
        _ => {
            findings.push(super::keys::bad(release.span, "`release` is `verified` or `as-read`"));
            false
        }
    }
}

fn rejects(node: &Node, findings: &mut Findings) -> Option<RejectLimit> {
    let mut keys = Keys::of(node, &grammar::REJECTS, findings)?;
    let limit = keys.take("limit").and_then(|e| text(e, findings));
    keys.finish(findings);
    let limit = limit?;
    let share = |text: &str| {
        let share = portolan_formats::Decimal::parse(text.trim())?.rescale(2)?;
        u32::try_from(share.mantissa).ok().filter(|share| *share <= 10_000)
    };
    let read = match limit.value.strip_suffix('%') {
        Some(text) => share(text).map(RejectLimit::Share),
        None => limit.value.parse().ok().map(RejectLimit::Count),
    };
    if read.is_none() {
        let message =
            format!("`{}` is no limit: a number of messages, or a share of them such as `1%`", limit.value);
        findings.push(super::keys::bad(limit.span, message));
    }
    read
}

fn skip(entry: &Entry, findings: &mut Findings) -> Vec<SkipRule> {
    let rules = items(entry, findings);
    let mut all = Vec::new();
    for node in rules {
        let Some(mut keys) = Keys::of(node, &grammar::SKIP, findings) else { continue };
        let when = keys.require("when", findings).and_then(|e| leaf(e, findings));
        let reason = keys.require("reason", findings).and_then(|e| shared(e, findings));
        let span = keys.span();
        keys.finish(findings);
        if let (Some(when), Some(reason)) = (when, reason) {
            all.push(SkipRule { when, reason, span });
        }
    }
    all
}
