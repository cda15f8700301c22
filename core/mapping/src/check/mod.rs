//! The check that no other tool gives: one mapping, proved against the contracts of both sides at once, before it
//! runs. What comes out is the mapping with every path resolved and every type settled.

mod acknowledge;
mod answer;
mod around;
mod assign;
mod batch;
pub(crate) mod calls;
mod checked;
pub(crate) mod choices;
mod constants;
mod context;
mod cover;
mod document;
mod endpoints;
mod expression;
mod known;
mod lists;
mod money;
mod named;
mod names;
mod outcome;
mod outgoing;
mod poll;
mod rules;
mod scope;
mod secrets;
mod sequences;
mod tables;
mod types;
mod unused;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use portolan_diagnostics::{Checked, Code, Diagnostic, Label, Severity, SourceId, Span};
use portolan_formats::Selection;
use portolan_schema::{Contract, Document, FieldId, Occurs, RecordId, Schema, SoapVersion, TypeId};

use crate::{
    expression::Leaf,
    file::{
        self, BatchRoute, CalendarFile, Direction, FieldRule, Idempotent, MappingRoute, Mode, Placed,
        RouteTarget, Rule,
    },
    ir::{Expr, FaultRules, Reply, Side, SourceSlot, Table, Tables, Translation, Write, WriteContent},
    secret::Secrets,
};
pub use acknowledge::CheckedAcknowledgement;
pub use answer::CheckedAnswer;
pub use batch::{CheckedBatch, CheckedSkip, TargetContract, check_batch};
pub use checked::{CheckedRoute, DeliveryPolicy, Documents, Order, Travel, VisibleField};
use document::{merged, place};
use endpoints::Endpoints;
pub use outgoing::{CheckedAnswers, CheckedAround, CheckedCut, CheckedFile, CheckedGroup, Layouts};
pub(crate) use outgoing::{chain, nothing};
pub use poll::CheckedPoll;
use scope::{Opened, Scope, Source};

/// The contracts of a route.
#[derive(Debug, Clone, Copy)]
pub struct Contracts<'a> {
    /// Of the side that asks.
    pub source: &'a Contract,
    /// Of the side that is asked.
    pub target: &'a Contract,
}

/// Checks a route against the contracts of both sides. `standing` are the rules for headers that the system's
/// configuration gives to every request; the mapping's own come before them. `secrets` are those of the same configuration.
pub fn check(
    route: &MappingRoute,
    contracts: Contracts<'_>,
    standing: Option<&Placed<Rule>>,
    secrets: &Secrets,
) -> Checked<CheckedRoute> {
    let mut findings = Vec::new();
    let RouteTarget::Soap(soap) = &route.target else {
        return Checked { value: None, diagnostics: findings };
    };
    let value = Endpoints::find(route, soap, contracts, &mut findings)
        .and_then(|ends| whole(route, soap, contracts, &ends, (standing, secrets), &mut findings));
    Checked { value, diagnostics: tidied(findings) }
}

/// Checks a route whose messages gather into a file.
pub fn check_outgoing(
    route: &MappingRoute,
    source: &Contract,
    layouts: Layouts<'_>,
    secrets: &Secrets,
) -> Checked<CheckedRoute> {
    let mut findings = Vec::new();
    let RouteTarget::File(file) = &route.target else {
        return Checked { value: None, diagnostics: findings };
    };
    let value = outgoing::checked(route, file, source, layouts, secrets, &mut findings);
    Checked { value, diagnostics: tidied(findings) }
}

fn tidied(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    // One cause may be met twice, where a group of rules is used twice.
    let mut seen = HashSet::new();
    findings.retain(|d| seen.insert((d.code, d.message.clone(), d.labels.first().map(|l| l.span))));
    findings.sort_by_key(|d| d.labels.first().map(|l| (l.span.source, l.span.start)));
    gathered(findings)
}

/// One name that is not there is one finding, however often it is used: there may be many rules below a slip.
fn gathered(findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    /// Enough to see that there are many.
    const MOST: usize = 10;
    let (mut gathered, mut first): (Vec<Diagnostic>, HashMap<String, usize>) = (Vec::new(), HashMap::new());
    for finding in findings {
        let known = first.get(&finding.message).and_then(|index| gathered.get_mut(*index));
        match known.filter(|_| finding.code == Code::MAP_UNKNOWN_PATH) {
            Some(known) => {
                // What is to be changed in several places is not one change.
                known.edit = None;
                let room = MOST.saturating_sub(known.labels.len());
                let more = finding.labels.into_iter().take(room);
                known.labels.extend(more.map(|label| Label { text: "and here".to_owned(), ..label }));
            }
            None => {
                if finding.code == Code::MAP_UNKNOWN_PATH {
                    first.insert(finding.message.clone(), gathered.len());
                }
                gathered.push(finding);
            }
        }
    }
    gathered
}

fn whole(
    route: &MappingRoute,
    soap: &file::SoapTarget,
    contracts: Contracts<'_>,
    ends: &Endpoints<'_>,
    (standing, secrets): (Option<&Placed<Rule>>, &Secrets),
    findings: &mut Vec<Diagnostic>,
) -> Option<CheckedRoute> {
    let (source, target) = (&contracts.source.schema, &contracts.target.schema);

    let message = Source::new(source, ends.request, route.request.unknown);
    let mut uses = tables::Uses::new(&route.tables, &route.calendars);
    let before = findings.len();
    let mut there = Checker::new(message, None, target, route, secrets, &mut uses, findings);
    there.scope.metadata = Some(Vec::new());
    let header = merged(route.request.header.as_ref(), standing);
    let mut request = there.direction(&route.request, ends.target.request, header.as_ref(), true);
    let request_id = there.request_id();
    let key = match &route.delivery.idempotent {
        Idempotent::Key(leaf) => there.key(leaf),
        _ => None,
    };
    let order = route.delivery.order.as_ref().and_then(|order| there.order(order, &route.delivery.mode));
    let skip = request_id.as_ref().map(|_| "request_id");
    there.unused(&route.request, "request", skip);
    let visible_request = there.visible(&route.visible.request, true);
    let (metadata, asks_for_sender) =
        (there.scope.metadata.take().unwrap_or_default(), there.scope.asks_for_sender);
    request.selection = there.scope.message.selection;
    request.locals = there.locals;

    let question = poll::question(route, contracts, ends, (standing, secrets), &mut uses, findings);

    let message = Source::new(target, ends.answer(), route.response.unknown);
    let original = Source::new(source, ends.request, route.request.unknown);
    let mut back = Checker::new(message, Some(original), source, route, secrets, &mut uses, findings);
    back.soap = Some(ends.poll.as_ref().unwrap_or(&ends.target).binding.version);
    let poll = route.delivery.poll.as_ref().map(|poll| &poll.value);
    let until = poll.and_then(|poll| back.until(poll.until.as_ref()?));
    let response = back.direction(&route.response, ends.reply, None, false);
    let faults = poll.and_then(|poll| poll.faults.as_ref()).unwrap_or(&route.faults);
    let faults = back.faults(faults, route.response.span);
    back.unused(&route.response, "response", None);
    let visible_reply = back.visible(&route.visible.response, false);
    let reply = back.reply(response, faults);
    let sound = !route.broken && findings[before..].iter().all(|d| d.severity != Severity::Error);
    uses.finish(&route.tables, &route.calendars, sound, findings);

    Some(CheckedRoute {
        name: route.name.value.clone(),
        name_span: route.name.span,
        method: ends.path.as_str().into(),
        method_span: route.source.method.span,
        system: Placed { value: soap.system.value.as_str().into(), span: soap.system.span },
        operation: ends.target.operation.as_str().into(),
        travel: Travel::Soap(ends.target.binding.clone()),
        delivery: DeliveryPolicy {
            mode: route.delivery.mode.value.unwrap_or(Mode::RequestReply),
            idempotent: !matches!(route.delivery.idempotent, Idempotent::No),
            timeout: route.delivery.timeout,
            deadline: route.delivery.deadline,
            retry: route.delivery.retry,
        },
        request,
        reply,
        poll: poll.and_then(|poll| CheckedPoll::new(poll, ends, question?, until?)),
        request_id,
        key,
        order,
        metadata,
        asks_for_sender,
        tables: Tables(route.tables.iter().cloned().map(Arc::new).collect()),
        visible_request,
        visible_reply,
        documents: Documents {
            request: ends.request.clone(),
            target_request: ends.target.request.clone(),
            target_reply: ends.answer().clone(),
            reply: ends.reply.clone(),
        },
    })
}

/// The slot that says whether a record is there; the document itself has none.
fn slot_of(place: &scope::Place) -> Option<SourceSlot> {
    match place.what {
        scope::What::Record { slot, .. } => slot,
        _ => None,
    }
}

/// What rules may name besides fields.
#[derive(Clone, Copy)]
struct Ground<'a> {
    tables: &'a [Table],
    calendars: &'a [CalendarFile],
    maps: &'a HashMap<String, Placed<Vec<FieldRule>>>,
    /// The system may be asked twice.
    idempotent: bool,
    broken: bool,
    mapping: SourceId,
}

impl<'a> From<&'a MappingRoute> for Ground<'a> {
    fn from(route: &'a MappingRoute) -> Self {
        Self {
            tables: &route.tables,
            calendars: &route.calendars,
            maps: &route.maps,
            idempotent: !matches!(route.delivery.idempotent, Idempotent::No),
            broken: route.broken,
            mapping: route.name.span.source,
        }
    }
}

impl<'a> From<&'a BatchRoute> for Ground<'a> {
    fn from(route: &'a BatchRoute) -> Self {
        Self {
            tables: &route.tables,
            calendars: &route.calendars,
            maps: &route.maps,
            idempotent: !matches!(route.delivery.idempotent, Idempotent::No),
            broken: route.broken,
            mapping: route.name.span.source,
        }
    }
}

/// One direction while it is checked.
pub(crate) struct Checker<'a> {
    scope: Scope<'a>,
    target: &'a Schema,
    tables: &'a [Table],
    calendars: &'a [CalendarFile],
    secrets: &'a Secrets,
    maps: &'a HashMap<String, Placed<Vec<FieldRule>>>,
    uses: &'a mut tables::Uses,
    findings: &'a mut Vec<Diagnostic>,
    /// Rules for faults, where anything may be missing.
    lenient: bool,
    /// The version of SOAP that the replies are of; `None` in requests.
    soap: Option<SoapVersion>,
    /// The system may be asked twice.
    idempotent: bool,
    /// Groups of `maps:` that are being written out.
    groups: Vec<String>,
    /// Rules so far.
    rules: usize,
    /// Values of items of lists so far.
    locals: u16,
    /// Rules within one another, here.
    depth: usize,
    /// Findings when this direction began.
    before: usize,
    /// Something of the mapping could not be read.
    broken: bool,
    /// The mapping's file; rules of standing headers are of another.
    mapping: SourceId,
    /// Fields of the target that fill themselves: of a record, what is computed of it, and what tells it from others.
    by_themselves: HashSet<(RecordId, FieldId)>,
}

impl<'a> Checker<'a> {
    fn new(
        message: Source<'a>,
        original: Option<Source<'a>>,
        target: &'a Schema,
        route: impl Into<Ground<'a>>,
        secrets: &'a Secrets,
        uses: &'a mut tables::Uses,
        findings: &'a mut Vec<Diagnostic>,
    ) -> Self {
        let route = route.into();
        let scope = Scope {
            message,
            original,
            opened: Vec::new(),
            settled: Vec::new(),
            metadata: None,
            asks_for_sender: false,
            context: context::MESSAGE,
            is_original_partial: false,
        };
        let before = findings.len();
        Self {
            scope,
            target,
            tables: route.tables,
            calendars: route.calendars,
            secrets,
            maps: route.maps,
            uses,
            findings,
            lenient: false,
            soap: None,
            idempotent: route.idempotent,
            groups: Vec::new(),
            rules: 0,
            locals: 0,
            depth: 0,
            before,
            broken: route.broken,
            mapping: route.mapping,
            by_themselves: HashSet::new(),
        }
    }

    /// A direction by which a reply goes, with all that was wanted of it.
    fn reply(self, mut translation: Translation, faults: Option<FaultRules>) -> Reply {
        translation.selection = self.scope.message.selection;
        translation.locals = self.locals;
        // A request that nothing asks for is not read again.
        let asked = |s: &Selection| !s.node_at(Selection::ROOT).fields.is_empty();
        translation.original = self.scope.original.map(|o| o.selection).filter(asked);
        Reply { response: translation, faults }
    }

    /// Whether this direction has errors already: what is unused because of one is no finding of its own.
    fn failed(&self) -> bool {
        self.broken || self.findings[self.before..].iter().any(|d| d.severity == Severity::Error)
    }

    /// Everything that a direction says.
    fn direction(
        &mut self,
        rules: &Direction,
        target: &Document,
        header: Option<&Placed<Rule>>,
        request: bool,
    ) -> Translation {
        self.open_each();
        // In a request of gRPC the message's fields stand bare.
        if request
            && let Some(place) = self.scope.root(Side::Message, &["body".to_owned()], vec!["body".to_owned()])
        {
            self.scope.opened.push(Opened::Record(place));
        }
        let require = rules.require.iter().filter_map(|rule| self.require(rule)).collect();
        let fail = self.failures(&rules.fail);
        let (known, mut given) = (self.scope.settled.len(), None);
        if let Some(from) = &rules.from {
            let place = self.opened(from);
            given = place.as_ref().and_then(slot_of);
            self.scope.settled.extend(place.iter().flat_map(|p| p.optional.iter().cloned()));
            self.scope.opened.push(place.map_or(Opened::Lost, Opened::Record));
        } else if !request {
            // An answer without a body is no answer.
            given = self
                .scope
                .root(Side::Message, &["body".to_owned()], vec!["body".to_owned()])
                .as_ref()
                .and_then(slot_of);
        }
        let mut write = Vec::new();
        for (root, rule) in [("header", header), ("body", rules.body.as_ref())] {
            self.part(target, root, rule, rules.span, &mut write);
        }
        self.scope.settled.truncate(known);
        self.scope.opened.clear();
        Translation {
            selection: self.scope.message.selection.clone(),
            original: None,
            require,
            fail,
            given,
            write,
            locals: 0,
        }
    }

    /// Of a file's records that of the message stands bare.
    fn open_each(&mut self) {
        let Some(excerpt) = &self.scope.message.document.excerpt else { return };
        let name = excerpt.layout.node(excerpt.each).name.clone();
        if let Some(place) = self.scope.root(Side::Message, std::slice::from_ref(&name), vec![name.clone()]) {
            self.scope.opened.push(Opened::Record(place));
        }
    }

    /// The header or the body of the target document.
    fn part(
        &mut self,
        target: &Document,
        name: &str,
        rule: Option<&Placed<Rule>>,
        span: Span,
        write: &mut Vec<Write>,
    ) {
        let root = target.roots.iter().find(|r| r.name == [name]);
        let Some(root) = root else {
            if let Some(rule) = rule {
                let message = format!("the target's contract has no {name}");
                self.findings.push(Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(rule.span, ""));
            }
            return;
        };
        let empty = Placed { value: Rule::Fields(Vec::new()), span };
        let rule = match (rule, name) {
            (Some(rule), _) => rule,
            (None, "body") => &empty,
            (None, _) => match root.path.last() {
                Some((record, field)) if rules::is_required(self.target.field(*record, *field)) => &empty,
                _ => return,
            },
        };
        let last = root.path.last().map(|(record, field)| self.target.field(*record, *field));
        let whole = rules::Target {
            name,
            ty: root.ty,
            list: false,
            occurs: Occurs::ONCE,
            nillable: last.is_some_and(|f| f.nillable),
            required: false,
        };
        let Some(filled) = self.content(rule, whole) else { return };
        match (root.path.split_last(), filled.content) {
            (None, WriteContent::Record { write: fields, .. }) => write.extend(fields),
            (Some((last, before)), content) => place(write, before, *last, content, rule.span),
            (None, _) => {}
        }
    }
}

impl Checker<'_> {
    /// `request_id`, where the caller's message has it.
    fn request_id(&mut self) -> Option<Expr> {
        let record = self.scope.message.document.record;
        let schema = self.scope.message.schema;
        let (field, declared) = schema.record(record).find("request_id")?;
        let TypeId::Scalar(scalar) = declared.ty else { return None };
        if declared.occurs.is_list() || schema.scalar(scalar).kind != portolan_schema::ScalarKind::String {
            return None;
        }
        let selected = self.scope.message.selection.field(schema, Selection::ROOT, field);
        let slot = SourceSlot { side: Side::Message, slot: selected.slot };
        Some(Expr::Field { slot, record, field, path: "request_id".into() })
    }

    /// `order: { key: ... }`: messages wait for each other only where they are stored.
    fn order(&mut self, order: &Placed<file::Order>, mode: &Placed<Option<Mode>>) -> Option<Order> {
        if mode.value == Some(Mode::Direct) {
            let finding = Diagnostic::error(
                Code::ROUTE_MODE,
                "in mode direct nothing is stored, so no message can wait its turn",
            );
            let finding = finding.at(order.span, "").at(mode.span, "the mode");
            self.findings
                .push(finding.help("write `mode: request-reply` or `mode: operation`, or leave `order` out"));
        }
        let key = self.key(&order.value.key)?;
        Some(Order { key, dead_letters: order.value.dead_letters })
    }

    /// The key of `idempotent: { key: ... }`, or of `order:`.
    fn key(&mut self, leaf: &Leaf) -> Option<Expr> {
        if let Some(place) = self.scope.root(Side::Message, &["body".to_owned()], vec!["body".to_owned()]) {
            self.scope.opened.push(Opened::Record(place));
        }
        let typed = self.leaf(leaf);
        self.scope.opened.clear();
        let typed = typed?;
        if !matches!(typed.ty.kind, crate::functions::Kind::Text | crate::functions::Kind::Integer) {
            let message =
                format!("a key is text or a whole number, and this is {}", types::name(typed.ty.kind));
            self.report(Code::MAP_TYPE, message, leaf, &typed.place);
            return None;
        }
        Some(typed.expr)
    }
}

#[cfg(test)]
mod examples_of_functions;
#[cfg(test)]
pub(crate) mod tests;
