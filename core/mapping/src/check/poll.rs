//! `poll:`: a system that takes a request at once and answers it when it is asked later. What it is asked is a translation of its
//! own reply to the request.

use std::{sync::Arc, time::Duration};

use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_schema::{Document, SoapBinding};

use super::{
    Checker, Contracts, document::merged, endpoints::Endpoints, outcome::truth, scope::Source, tables,
};
use crate::{
    expression::Leaf,
    file::{MappingRoute, Placed, Poll, Rule},
    ir::{Expr, Reply},
    secret::Secrets,
};

/// How the answer is asked for, where the system gives it later.
#[derive(Debug, Clone)]
pub struct CheckedPoll {
    /// The operation, as the WSDL names it.
    pub operation: Arc<str>,
    /// How it travels.
    pub binding: SoapBinding,
    /// The pause before each time that it is asked.
    pub every: Duration,
    /// From the system's reply to the request, to what the operation is asked.
    pub request: Reply,
    /// When the answer is there, over the slots of the route's `reply`.
    pub until: (Expr, Span),
    /// What the system replies to the request, of the target's contract.
    pub taken: Document,
    /// What the operation is asked, of the target's contract.
    pub asked: Document,
}

impl CheckedPoll {
    /// Of a route whose ends were found; `None` where something that it cannot be without was missing.
    pub(super) fn new(
        poll: &Poll,
        ends: &Endpoints<'_>,
        request: Reply,
        until: (Expr, Span),
    ) -> Option<Self> {
        let asked = ends.poll.as_ref()?;
        Some(Self {
            operation: asked.operation.as_str().into(),
            binding: asked.binding.clone(),
            every: poll.every?,
            request,
            until,
            taken: ends.target.reply.clone(),
            asked: asked.request.clone(),
        })
    }
}

/// From the system's reply to the request, to what it is asked for the answer.
pub(super) fn question(
    route: &MappingRoute,
    contracts: Contracts<'_>,
    ends: &Endpoints<'_>,
    (standing, secrets): (Option<&Placed<Rule>>, &Secrets),
    uses: &mut tables::Uses,
    findings: &mut Vec<Diagnostic>,
) -> Option<Reply> {
    let (source, target) = (&contracts.source.schema, &contracts.target.schema);
    let rules = route.delivery.poll.as_ref()?.value.request.as_ref()?;
    let asked = ends.poll.as_ref()?;
    let message = Source::new(target, ends.target.reply, rules.unknown);
    let original = Source::new(source, ends.request, route.request.unknown);
    let mut checker = Checker::new(message, Some(original), target, route, secrets, uses, findings);
    checker.soap = Some(ends.target.binding.version);
    let header = merged(rules.header.as_ref(), standing);
    let translation = checker.direction(rules, asked.request, header.as_ref(), false);
    let faults = checker.faults(&route.faults, rules.span);
    checker.unused(rules, "poll", None);
    Some(checker.reply(translation, faults))
}

impl Checker<'_> {
    /// The condition on which an answer is there, with its place.
    pub(super) fn until(&mut self, leaf: &Leaf) -> Option<(Expr, Span)> {
        let until = self.condition(leaf)?;
        if let Some(holds) = truth(&until) {
            let message = match holds {
                true => "this condition always holds, so the first reply is taken for the answer",
                false => "this condition never holds, so the answer is asked for for ever",
            };
            let finding = Diagnostic::warning(Code::MAP_UNREACHABLE, message).at(leaf.span, "");
            self.findings.push(finding.help("compare something of the reply: body.Status == '1'"));
        }
        Some((until, leaf.span))
    }
}
