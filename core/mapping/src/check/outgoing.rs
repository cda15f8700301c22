//! A route whose messages gather into a file, checked: each against the record that it becomes, what stands around them against the
//! rules for headers and trailers, and the records that answer against what was sent.

use std::{collections::HashSet, sync::Arc};

use jiff::{civil::Time, tz::TimeZone};
use portolan_diagnostics::{Code, Diagnostic};
use portolan_formats::Unknown;
use portolan_schema::{
    Contract, Document, FieldId, Record, RecordId, Schema,
    layout::{Excerpt, Item, ItemContent, Layout, NodeId},
};

use super::{
    CheckedRoute, Checker, DeliveryPolicy, Documents, Source,
    around::Making,
    batch, endpoints,
    scope::{Opened, Place, What},
    tables, types,
};
use crate::{
    calendar::Calendar,
    expression::{Comparison, Expression, ExpressionKind, Leaf, bare_path},
    file::{FileTarget, Idempotent, MappingRoute, Mode, Placed, Silence},
    file_name::FileName,
    functions::Kind,
    ir::{Expr, Side, Tables, Translation},
    secret::Secrets,
};

/// The layouts of a file and of what answers it.
#[derive(Debug, Clone, Copy)]
pub struct Layouts<'a> {
    /// The file that is made.
    pub target: &'a Arc<Layout>,
    /// The file that answers.
    pub answers: Option<&'a Arc<Layout>>,
}

/// A file that is made of messages.
#[derive(Debug, Clone)]
pub struct CheckedFile {
    /// How it is written.
    pub layout: Arc<Layout>,
    /// The record of a message.
    pub record: NodeId,
    /// The types of the record, with those within it.
    pub schema: Arc<Schema>,
    /// The record.
    pub document: Document,
    /// What a message is when the file is read again.
    pub sent: Arc<Excerpt>,
    /// What files are called.
    pub name: FileName,
    /// When they are cut.
    pub cut: CheckedCut,
    /// Which messages share a group, the outermost first.
    pub groups: Vec<CheckedGroup>,
    /// What stands around messages, by its record.
    pub around: Vec<CheckedAround>,
    /// What answers.
    pub answers: Option<Box<CheckedAnswers>>,
}

/// When a file is cut.
#[derive(Debug, Clone)]
pub struct CheckedCut {
    /// At these times of day.
    pub at: Vec<Time>,
    /// Of this zone.
    pub zone: TimeZone,
    /// On its business days.
    pub days: Option<Arc<Calendar>>,
    /// When the oldest message has waited for so long.
    pub every: Option<std::time::Duration>,
    /// When there are so many messages.
    pub max_records: Option<u64>,
}

/// Messages that share a group.
#[derive(Debug, Clone)]
pub struct CheckedGroup {
    /// The group.
    pub node: NodeId,
    /// What is equal of them, over the slots of the request.
    pub by: Vec<Expr>,
}

/// A record that stands around messages.
#[derive(Debug, Clone)]
pub struct CheckedAround {
    /// Which.
    pub node: NodeId,
    /// Its types.
    pub schema: Arc<Schema>,
    /// The record.
    pub document: Document,
    /// From the first message within to the record.
    pub translation: Translation,
}

/// Files whose records answer messages.
#[derive(Debug, Clone)]
pub struct CheckedAnswers {
    /// Who drops them.
    pub system: Placed<Arc<str>>,
    /// The names of the files that are taken.
    pub pattern: Option<Arc<str>>,
    /// Their types.
    pub schema: Arc<Schema>,
    /// What is known of an answer: its record, with what stands around it.
    pub document: Document,
    /// By what an answer is known, over the slots of the reply.
    pub of_reply: Vec<Expr>,
    /// The types of what was sent.
    pub sent_schema: Arc<Schema>,
    /// The record that was sent, with what stands around it.
    pub sent_document: Document,
    /// What is read of it.
    pub sent: Translation,
    /// By what a message is known, over the slots of what was sent.
    pub of_sent: Vec<Expr>,
    /// What it means that no answer came in time.
    pub silence: Silence,
}

/// Checks a route whose messages gather into a file.
pub(super) fn checked(
    route: &MappingRoute,
    file: &FileTarget,
    contract: &Contract,
    layouts: Layouts<'_>,
    secrets: &Secrets,
    findings: &mut Vec<Diagnostic>,
) -> Option<CheckedRoute> {
    let method = endpoints::method(route, contract, findings);
    let node = batch::record(layouts.target, &file.record, findings);
    let each = match (&file.answers, layouts.answers) {
        (Some(answers), Some(layout)) => Some(batch::record(layout, &answers.each, findings)?),
        _ => None,
    };
    let ((path, request_document, reply_document), node) = (method?, node?);
    let source = &contract.schema;
    let (schema, document) = Excerpt::target(layouts.target, node);
    let (schema, mut uses) = (Arc::new(schema), tables::Uses::new(&route.tables, &route.calendars));
    let before = findings.len();

    let message = Source::new(source, request_document, route.request.unknown);
    let mut there = Checker::new(message, None, &schema, route, secrets, &mut uses, findings);
    there.scope.metadata = Some(Vec::new());
    there.by_themselves = by_themselves(&schema, &document);
    let mut request = there.direction(&route.request, &document, route.request.header.as_ref(), true);
    let request_id = there.request_id();
    let groups = there.groups(file, layouts.target, node);
    let skip = request_id.as_ref().map(|_| "request_id");
    there.unused(&route.request, "request", skip);
    let visible_request = there.visible(&route.visible.request, true);
    let (metadata, asks_for_sender) =
        (there.scope.metadata.take().unwrap_or_default(), there.scope.asks_for_sender);
    request.selection = there.scope.message.selection;
    request.locals = there.locals;

    let mut making =
        Making { file, layout: layouts.target, node, source: (source, request_document), secrets };
    let what = (Arc::clone(&schema), document.clone());
    let made = making.made((route, &route.name.value), what, groups, &mut uses, findings);

    // Where nothing answers, what the caller is told is made of its own message.
    let (answer_schema, answer_document) = match (each, layouts.answers) {
        (Some(each), Some(layout)) => Excerpt::of(layout, each),
        _ => nothing(),
    };
    let answer_schema = Arc::new(answer_schema);
    let message = Source::new(&answer_schema, &answer_document, route.response.unknown);
    let original = Source::new(source, request_document, route.response.unknown);
    let mut back = Checker::new(message, Some(original), source, route, secrets, &mut uses, findings);
    let mut rules = route.response.clone();
    let mut keys = None;
    if let Some(answers) = &file.answers {
        rules.fail = answers.fail.iter().chain(&route.response.fail).cloned().collect();
        back.name_reply();
        keys = back.sides(&answers.on);
        back.name_reply();
    }
    let of_reply: Vec<Expr> = keys
        .iter()
        .flatten()
        .filter_map(|(reply, _)| back.key_part(reply, &file.answers.as_ref()?.on))
        .collect();
    back.scope.opened.clear();
    back.name_reply();
    let response = back.direction(&rules, reply_document, None, false);
    back.unused(&route.response, "response", None);
    let visible_reply = back.visible(&route.visible.response, false);
    let reply = back.reply(response, None);

    let answers = match &file.answers {
        None => None,
        Some(answers) => {
            let (sent_schema, sent_document) = Excerpt::of(layouts.target, node);
            let sent_source = Source::new(&sent_schema, &sent_document, Unknown::Refuse);
            let mut sent = Checker::new(sent_source, None, &schema, route, secrets, &mut uses, findings);
            sent.name_sent();
            let of_sent: Vec<Expr> =
                keys.iter().flatten().filter_map(|(_, side)| sent.key_part(side, &answers.on)).collect();
            let selection = sent.scope.message.selection;
            let locals = sent.locals;
            let system = answers.system.as_ref().unwrap_or(&file.system);
            Some(Box::new(CheckedAnswers {
                system: Placed { value: system.value.as_str().into(), span: system.span },
                pattern: answers.pattern.as_ref().map(|pattern| pattern.value.as_str().into()),
                schema: Arc::clone(&answer_schema),
                document: answer_document.clone(),
                of_reply,
                sent: Translation {
                    selection,
                    original: None,
                    require: Vec::new(),
                    fail: Vec::new(),
                    given: None,
                    write: Vec::new(),
                    locals,
                },
                sent_schema: Arc::new(sent_schema),
                sent_document,
                of_sent,
                silence: answers.silence.value,
            }))
        }
    };
    if let Some(answers) = &file.answers
        && answers.silence.value == Silence::Done
        && route.delivery.deadline.is_none()
    {
        let message = "nothing says after which time without an answer a message is done";
        let finding = Diagnostic::error(Code::YAML_BAD_VALUE, message).at(answers.silence.span, "");
        findings.push(finding.help("write `answer-within: 72h` under `delivery:`"));
    }
    let sound = !route.broken
        && findings[before..].iter().all(|d| d.severity != portolan_diagnostics::Severity::Error);
    uses.finish(&route.tables, &route.calendars, sound, findings);
    let system = Placed { value: file.system.value.as_str().into(), span: file.system.span };
    let checked = CheckedFile { answers, ..made? };
    Some(CheckedRoute {
        name: route.name.value.clone(),
        name_span: route.name.span,
        method: path.as_str().into(),
        method_span: route.source.method.span,
        system,
        operation: layouts.target.path(node).into(),
        travel: super::Travel::File(Box::new(checked)),
        delivery: DeliveryPolicy {
            mode: Mode::Operation,
            idempotent: !matches!(route.delivery.idempotent, Idempotent::No),
            timeout: None,
            deadline: route.delivery.deadline,
            retry: None,
        },
        request,
        reply,
        poll: None,
        request_id,
        key: None,
        order: None,
        metadata,
        asks_for_sender,
        tables: Tables(route.tables.iter().cloned().map(Arc::new).collect()),
        visible_request,
        visible_reply,
        documents: Documents {
            request: request_document.clone(),
            target_request: document,
            target_reply: answer_document,
            reply: reply_document.clone(),
        },
    })
}

/// What of the records of a document is computed, and what tells them from others.
pub(super) fn by_themselves(schema: &Schema, document: &Document) -> HashSet<(RecordId, FieldId)> {
    let mut all = HashSet::new();
    let Some(excerpt) = &document.excerpt else { return all };
    for part in &excerpt.parts {
        let fixed = schema.record(part.record).fields_with_ids().filter(|(_, field)| field.fixed.is_some());
        all.extend(fixed.map(|(field, _)| (part.record, field)));
        if let Some(shape) = &excerpt.layout.node(part.node).shape {
            computed(part.record, &shape.items, &mut all);
        }
    }
    all
}

/// What of these items is computed; so is a group of which all is.
fn computed(record: RecordId, items: &[Item], all: &mut HashSet<(RecordId, FieldId)>) {
    for item in items {
        let by_itself = match &item.content {
            ItemContent::Group(within, items) => {
                computed(*within, items, all);
                let mut fields = items.iter().filter_map(|item| item.field);
                fields.all(|field| all.contains(&(*within, field)))
            }
            _ => item.value.is_some(),
        };
        all.extend(item.field.filter(|_| by_itself).map(|field| (record, field)));
    }
}

/// A document without anything in it.
pub(crate) fn nothing() -> (Schema, Document) {
    let mut schema = Schema::default();
    let record = schema.add_record(Record::default());
    let document = Document { record, element: None, encoded: false, roots: Vec::new(), excerpt: None };
    (schema, document)
}

pub(super) fn named(file: &FileTarget, route: &str, findings: &mut Vec<Diagnostic>) -> Option<FileName> {
    let Some(written) = &file.name else { return Some(FileName::of_route(route)) };
    match written.value.parse::<FileName>() {
        Ok(name) => Some(name),
        Err(why) => {
            let finding =
                Diagnostic::error(Code::YAML_BAD_VALUE, format!("this cannot be a file's name: {why}"));
            findings.push(finding.at(written.span, "").help("write as in `CLAIMS.{date}.{sequence:4}.DAT`"));
            None
        }
    }
}

pub(super) fn cut(file: &FileTarget) -> CheckedCut {
    let cut = file.cut.as_ref().map(|cut| cut.value.clone()).unwrap_or_default();
    let zone = cut.zone.as_ref().and_then(|zone| TimeZone::get(&zone.value).ok()).unwrap_or(TimeZone::UTC);
    CheckedCut { at: cut.at, zone, days: cut.days, every: cut.every, max_records: cut.max_records }
}

impl Checker<'_> {
    /// `reply.` leads into the file that answers.
    fn name_reply(&mut self) {
        let record = self.scope.message.document.record;
        let what = What::Record { node: portolan_formats::Selection::ROOT, record, slot: None };
        self.scope.opened.push(Opened::Item("reply".to_owned(), place("reply", what)));
    }

    /// `sent.` leads into the record that was written.
    fn name_sent(&mut self) {
        let Some(excerpt) = &self.scope.message.document.excerpt else { return };
        let name = excerpt.layout.node(excerpt.each).name.clone();
        if let Some(place) = self.scope.root(Side::Message, std::slice::from_ref(&name), vec![name.clone()]) {
            self.scope.opened.push(Opened::Item("sent".to_owned(), place));
        }
    }

    /// The two sides of `on:`, for each of its comparisons: what is of the reply, then what is of the record that was sent.
    fn sides(&mut self, on: &Leaf) -> Option<Vec<(Expression, Expression)>> {
        let parsed = self.parsed(on)?;
        let mut pairs = Vec::new();
        let mut left = vec![&parsed];
        while let Some(expression) = left.pop() {
            match &expression.kind {
                ExpressionKind::And(a, b) => left.extend([&**b, &**a]),
                ExpressionKind::Compare(Comparison::Equal, a, b) => match (root(a), root(b)) {
                    (Some(true), Some(false)) => pairs.push(((**a).clone(), (**b).clone())),
                    (Some(false), Some(true)) => pairs.push(((**b).clone(), (**a).clone())),
                    _ => return self.unmatched(on, expression),
                },
                _ => return self.unmatched(on, expression),
            }
        }
        Some(pairs)
    }

    fn unmatched<T>(&mut self, on: &Leaf, expression: &Expression) -> Option<T> {
        self.report_with(
            Code::YAML_BAD_VALUE,
            "this does not say which message a record answers",
            on,
            &expression.place,
            "write `reply.field == sent.field`, with what is of the answer on one side and what is of the record that was sent on the other; several are joined by `&&`",
        );
        None
    }

    /// A part of a key.
    fn key_part(&mut self, expression: &Expression, leaf: &Leaf) -> Option<Expr> {
        let typed = self.value(expression, leaf)?;
        if matches!(typed.ty.kind, Kind::Bytes | Kind::Bool | Kind::Double | Kind::Duration) {
            let message = format!("nothing is known by {}", types::name(typed.ty.kind));
            self.report(Code::MAP_TYPE, message, leaf, &expression.place);
            return None;
        }
        Some(typed.expr)
    }

    /// `group:`, from the outermost group inwards.
    pub(super) fn groups(&mut self, file: &FileTarget, layout: &Layout, record: NodeId) -> Vec<CheckedGroup> {
        let chain = chain(layout, record);
        let mut checked = Vec::new();
        for rule in &file.group {
            let node = layout.find(&rule.group.value).filter(|node| chain[..chain.len() - 1].contains(node));
            if node.is_none() {
                let names: Vec<String> =
                    chain[..chain.len() - 1].iter().map(|node| layout.path(*node)).collect();
                let message = format!("`{}` is no group around `{}`", rule.group.value, layout.path(record));
                let finding = Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(rule.group.span, "");
                let finding = finding.did_you_mean(&rule.group.value, names.iter().map(String::as_str));
                self.findings.push(match names.as_slice() {
                    [] => finding.help("the record stands in no group: leave `group` out"),
                    names => finding.help(format!("it stands in {}", names.join(", "))),
                });
            }
            let body = "body".to_owned();
            let mut by = Vec::new();
            for leaf in &rule.by {
                if bare_path(&leaf.text).is_none() {
                    self.report(
                        Code::YAML_BAD_VALUE,
                        "this is not a field of the message",
                        leaf,
                        &(0..leaf.text.len()),
                    );
                    continue;
                }
                if let Some(place) =
                    self.scope.root(Side::Message, std::slice::from_ref(&body), vec![body.clone()])
                {
                    self.scope.opened.push(Opened::Record(place));
                }
                self.open_each();
                let parsed = self.parsed(leaf);
                by.extend(parsed.and_then(|parsed| self.key_part(&parsed, leaf)));
                self.scope.opened.clear();
            }
            checked.extend(node.map(|node| CheckedGroup { node, by }));
        }
        checked.sort_by_key(|group| chain.iter().position(|node| *node == group.node));
        checked
    }
}

fn place(path: &str, what: What) -> Place {
    Place {
        path: path.to_owned(),
        side: Side::Message,
        what,
        optional: Vec::new(),
        implicit: false,
        alias: None,
    }
}

/// Whether all paths of an expression begin with `reply` (`true`), or all with `sent`.
fn root(expression: &Expression) -> Option<bool> {
    let mut roots = Vec::new();
    paths(expression, &mut |path| {
        roots.push(path.first().map(|segment| segment.name.clone()).unwrap_or_default());
    });
    let all = |name: &str| !roots.is_empty() && roots.iter().all(|root| root == name);
    if all("reply") {
        Some(true)
    } else if all("sent") {
        Some(false)
    } else {
        None
    }
}

/// Goes through the paths of an expression.
pub(super) fn paths(expression: &Expression, then: &mut dyn FnMut(&[crate::expression::Segment])) {
    use ExpressionKind as Kinds;
    match &expression.kind {
        Kinds::Path(path) => then(path),
        Kinds::Text(_) | Kinds::Integer(_) | Kinds::Decimal(_) | Kinds::Bool(_) => {}
        Kinds::List(items) => items.iter().for_each(|item| paths(item, then)),
        Kinds::Call { receiver, arguments, .. } => {
            receiver.iter().for_each(|receiver| paths(receiver, then));
            arguments.iter().for_each(|argument| paths(argument, then));
        }
        Kinds::Not(a) | Kinds::Negate(a) => paths(a, then),
        Kinds::And(a, b)
        | Kinds::Or(a, b)
        | Kinds::Compare(_, a, b)
        | Kinds::In(a, b)
        | Kinds::Arithmetic(_, a, b) => {
            paths(a, then);
            paths(b, then);
        }
        Kinds::Conditional(a, b, c) => [a, b, c].into_iter().for_each(|e| paths(e, then)),
    }
}

/// From the top of a layout to a node, which is the last.
pub(crate) fn chain(layout: &Layout, record: NodeId) -> Vec<NodeId> {
    let mut chain: Vec<NodeId> =
        std::iter::successors(Some(record), |node| layout.node(*node).parent).collect();
    chain.reverse();
    chain
}
