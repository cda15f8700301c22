//! A route that takes files, checked: each record against the contract of the system that is told of it.

use std::{collections::HashSet, sync::Arc};

use portolan_diagnostics::{Checked, Code, Diagnostic, Severity, Span};
use portolan_schema::{
    Contract, Document, Protocol, Schema, SoapBinding,
    layout::{Excerpt, Layout, NodeId},
};

use super::{
    CheckedAcknowledgement, CheckedFile, Checker, DeliveryPolicy, Source, VisibleField,
    acknowledge::acknowledgement,
    answer::{CheckedAnswer, answer, unheard},
    around::Making,
    document::merged,
    endpoints, outgoing, tables,
};
use crate::{
    file::{BatchRoute, BatchTarget, Idempotent, Mode, Placed, RejectLimit, Rule},
    ir::{Expr, Tables, Translation},
    secret::Secrets,
};

/// What the other side of a file route speaks.
#[derive(Debug, Clone)]
pub enum TargetContract {
    /// A `.proto` or a WSDL.
    Services(Arc<Contract>),
    /// A layout.
    Layout(Arc<Layout>),
}

/// A route that takes files, checked: ready to be compiled.
#[derive(Debug, Clone)]
pub struct CheckedBatch {
    /// Its name.
    pub name: Arc<str>,
    /// Where the mapping names it.
    pub name_span: Span,
    /// The system that drops the file.
    pub system: Placed<Arc<str>>,
    /// The names of the files that are taken.
    pub pattern: Option<Arc<str>>,
    /// The system that is told of each message.
    pub target_system: Placed<Arc<str>>,
    /// What is called of it: a method's path, a WSDL's operation, a layout's record.
    pub operation: Arc<str>,
    /// How a SOAP operation travels.
    pub binding: Option<SoapBinding>,
    /// Messages that are left out.
    pub skip: Vec<CheckedSkip>,
    /// How messages are delivered.
    pub delivery: DeliveryPolicy,
    /// So many may fail.
    pub rejects: Option<RejectLimit>,
    /// Its messages go as they are read.
    pub as_read: bool,
    /// What tells whoever dropped a file what became of it.
    pub acknowledgement: Option<Box<CheckedAcknowledgement>>,
    /// From a record to the system's message.
    pub request: Translation,
    /// The tables that it looks up.
    pub tables: Tables,
    /// Fields of the record that may be shown.
    pub visible: Vec<VisibleField>,
    /// The types of the file's messages.
    pub source: Arc<Schema>,
    /// A message.
    pub message: Document,
    /// The file that its messages gather into, where they do.
    pub made: Option<Box<CheckedFile>>,
    /// The types of what the system is told.
    pub target: Arc<Schema>,
    /// What it is told.
    pub target_message: Document,
    /// What its answer means, where that is in a document.
    pub answer: Option<CheckedAnswer>,
}

/// Messages that are left out.
#[derive(Debug, Clone)]
pub struct CheckedSkip {
    /// Must hold.
    pub when: Expr,
    /// Why.
    pub reason: Arc<str>,
}

/// Checks a route that takes files. `told` is the layout of what tells whoever dropped one what became of it.
pub fn check_batch(
    route: &BatchRoute,
    layout: &Arc<Layout>,
    target: &TargetContract,
    told: Option<&Arc<Layout>>,
    standing: Option<&Placed<Rule>>,
    secrets: &Secrets,
) -> Checked<CheckedBatch> {
    let mut findings = Vec::new();
    let value = checked(route, layout, (target, told), standing, secrets, &mut findings);
    let mut seen = HashSet::new();
    findings.retain(|d| seen.insert((d.code, d.message.clone(), d.labels.first().map(|l| l.span))));
    findings.sort_by_key(|d| d.labels.first().map(|l| (l.span.source, l.span.start)));
    Checked { value, diagnostics: super::gathered(findings) }
}

fn checked(
    route: &BatchRoute,
    layout: &Arc<Layout>,
    (target, acknowledged): (&TargetContract, Option<&Arc<Layout>>),
    standing: Option<&Placed<Rule>>,
    secrets: &Secrets,
    findings: &mut Vec<Diagnostic>,
) -> Option<CheckedBatch> {
    let each = record(layout, &route.source.each, findings);
    let told = told(route, target, findings);
    let (each, told) = (each?, told?);
    let (source, message) = Excerpt::of(layout, each);
    let mut uses = tables::Uses::new(&route.tables, &route.calendars);
    let before = findings.len();
    let from = Source::new(&source, &message, route.request.unknown);
    let mut there = Checker::new(from, None, &told.schema, route, secrets, &mut uses, findings);
    there.scope.metadata = Some(Vec::new());
    there.by_themselves = outgoing::by_themselves(&told.schema, &told.document);
    let header = merged(route.request.header.as_ref(), standing);
    let mut request = there.direction(&route.request, &told.document, header.as_ref(), true);
    let skip = route
        .skip
        .iter()
        .filter_map(|rule| {
            there.open_each();
            let when = there.condition(&rule.when);
            there.scope.opened.clear();
            Some(CheckedSkip { when: when?, reason: rule.reason.clone() })
        })
        .collect();
    let groups = match (&route.target, target) {
        (BatchTarget::Batch(file), TargetContract::Layout(target)) => there.groups(file, target, told.node?),
        _ => Vec::new(),
    };
    there.unused(&route.request, "request", None);
    let visible = there.visible(&route.visible.request, true);
    request.selection = there.scope.message.selection;
    request.locals = there.locals;
    let made = match (&route.target, target) {
        (BatchTarget::Batch(file), TargetContract::Layout(target)) => {
            let what = (Arc::clone(&told.schema), told.document.clone());
            let mut making =
                Making { file, layout: target, node: told.node?, source: (&source, &message), secrets };
            Some(Box::new(making.made((route, &route.name.value), what, groups, &mut uses, findings)?))
        }
        _ => None,
    };
    let answer = match told.answer.as_ref().zip(told.binding.as_ref()) {
        Some((document, binding)) => {
            let answered = (&*told.schema, document, binding.version);
            Some(answer(route, answered, (&source, &message), secrets, &mut uses, findings))
        }
        None => {
            unheard(route, findings);
            None
        }
    };
    let acknowledgement = match route.acknowledge.as_ref().zip(acknowledged) {
        None => None,
        Some((rules, layout)) => {
            let dropped = (&source, &message);
            let told = acknowledgement(route, rules, layout, dropped, secrets, &mut uses, findings)?;
            Some(Box::new(told))
        }
    };
    let sound = !route.broken && findings[before..].iter().all(|d| d.severity != Severity::Error);
    uses.finish(&route.tables, &route.calendars, sound, findings);
    let placed = |text: &Placed<String>| Placed { value: text.value.as_str().into(), span: text.span };
    Some(CheckedBatch {
        name: route.name.value.clone(),
        name_span: route.name.span,
        system: placed(&route.source.system),
        pattern: route.source.pattern.as_ref().map(|pattern| pattern.value.as_str().into()),
        target_system: match &route.target {
            BatchTarget::Grpc { system, .. } => placed(system),
            BatchTarget::Batch(file) => placed(&file.system),
            BatchTarget::Soap(soap) => placed(&soap.system),
        },
        operation: told.operation,
        binding: told.binding,
        skip,
        delivery: DeliveryPolicy {
            mode: Mode::Operation,
            idempotent: !matches!(route.delivery.idempotent, Idempotent::No),
            timeout: route.delivery.timeout,
            deadline: route.delivery.deadline,
            retry: route.delivery.retry,
        },
        rejects: route.rejects,
        as_read: route.as_read,
        acknowledgement,
        request,
        tables: Tables(route.tables.iter().cloned().map(Arc::new).collect()),
        visible,
        source: Arc::new(source),
        made,
        message,
        target: told.schema,
        target_message: told.document,
        answer,
    })
}

/// What the system is told, and how.
struct Told {
    schema: Arc<Schema>,
    document: Document,
    operation: Arc<str>,
    binding: Option<SoapBinding>,
    /// The record that is written into a file.
    node: Option<NodeId>,
    /// What it answers, where that is in a document.
    answer: Option<Document>,
}

fn told(route: &BatchRoute, target: &TargetContract, findings: &mut Vec<Diagnostic>) -> Option<Told> {
    match (&route.target, target) {
        (BatchTarget::Grpc { grpc, .. }, TargetContract::Services(contract)) => {
            let candidates = contract.operations(&grpc.method.value);
            let [(_, operation)] = candidates.as_slice() else {
                let names = endpoints::full_names(contract);
                let message = format!("the contract has no method `{}`", grpc.method.value);
                let finding = Diagnostic::error(Code::ROUTE_UNKNOWN_METHOD, message).at(grpc.method.span, "");
                findings.push(finding.did_you_mean(&grpc.method.value, names.iter().map(String::as_str)));
                return None;
            };
            let Protocol::Grpc { path, client_streaming, server_streaming, .. } = &operation.protocol else {
                let message = format!("`{}` is not a gRPC method", grpc.method.value);
                findings
                    .push(Diagnostic::error(Code::ROUTE_UNKNOWN_METHOD, message).at(grpc.method.span, ""));
                return None;
            };
            if *client_streaming || *server_streaming {
                let message = format!("`{}` streams", grpc.method.value);
                let finding = Diagnostic::error(Code::ROUTE_STREAMING, message).at(grpc.method.span, "");
                findings.push(finding.help("routes call unary methods only"));
                return None;
            }
            Some(Told {
                schema: Arc::new(contract.schema.clone()),
                document: operation.input.clone(),
                operation: path.as_str().into(),
                binding: None,
                node: None,
                answer: None,
            })
        }
        (BatchTarget::Soap(soap), TargetContract::Services(contract)) => {
            let asked = endpoints::operation(soap, &soap.operation, contract, findings)?;
            Some(Told {
                schema: Arc::new(contract.schema.clone()),
                document: asked.request.clone(),
                operation: asked.operation.into(),
                binding: Some(asked.binding),
                node: None,
                answer: Some(asked.reply.clone()),
            })
        }
        (BatchTarget::Batch(file), TargetContract::Layout(layout)) => {
            let node = record(layout, &file.record, findings)?;
            let (schema, document) = Excerpt::target(layout, node);
            Some(Told {
                schema: Arc::new(schema),
                document,
                operation: layout.path(node).into(),
                binding: None,
                node: Some(node),
                answer: None,
            })
        }
        _ => None,
    }
}

/// The record of a layout that a mapping names.
pub(super) fn record(
    layout: &Layout,
    named: &Placed<String>,
    findings: &mut Vec<Diagnostic>,
) -> Option<NodeId> {
    let found = layout.find(&named.value).filter(|id| {
        let node = layout.node(*id);
        node.shape.is_some() || !node.children.is_empty()
    });
    if found.is_none() {
        let names: Vec<String> = layout.nodes().map(|(id, _)| layout.path(id)).collect();
        let message = format!("the layout has no record `{}`", named.value);
        let finding = Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(named.span, "");
        let finding = finding.did_you_mean(&named.value, names.iter().map(String::as_str));
        findings.push(match finding.help.is_empty() {
            true => finding.help(format!("it has {}", names.join(", "))),
            false => finding,
        });
    }
    found
}
