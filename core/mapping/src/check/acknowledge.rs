//! What tells whoever dropped a file what became of it, checked: the records of a layout of its own, made of what is known of the file, and of
//! each problem.

use std::sync::Arc;

use portolan_diagnostics::{Code, Diagnostic};
use portolan_formats::Unknown;
use portolan_schema::{
    Document, Schema,
    layout::{Excerpt, Layout, NodeId},
};

use super::{
    Checker, Source,
    around::{stands, written},
    batch,
    context::TOLD,
    outgoing::{CheckedAround, by_themselves, chain},
    tables,
};
use crate::{
    file::{Acknowledge, BatchRoute, Direction, Placed, Rule},
    file_name::AnswerName,
    secret::Secrets,
    told,
};

/// What tells whoever dropped a file what became of it.
#[derive(Debug, Clone)]
pub struct CheckedAcknowledgement {
    /// How it is written.
    pub layout: Arc<Layout>,
    /// What it is called.
    pub name: AnswerName,
    /// From the top of the layout to the record of a problem, which is the last; empty, where there is none.
    pub chain: Vec<NodeId>,
    /// The other records.
    pub around: Vec<CheckedAround>,
    /// The record of a problem.
    pub problem: Option<CheckedAround>,
}

/// The types of the file that was dropped, and one of its messages.
type Dropped<'a> = (&'a Schema, &'a Document);

/// Checks what a route tells whoever dropped a file.
pub(super) fn acknowledgement(
    route: &BatchRoute,
    rules: &Acknowledge,
    layout: &Arc<Layout>,
    (schema, message): Dropped<'_>,
    secrets: &Secrets,
    uses: &mut tables::Uses,
    findings: &mut Vec<Diagnostic>,
) -> Option<CheckedAcknowledgement> {
    let node = match &rules.record {
        None => None,
        Some(named) => Some(batch::record(layout, named, findings)?),
    };
    let chain = node.map(|node| chain(layout, node)).unwrap_or_default();
    let mut making = Making { route, secrets, uses, problem: node };
    // Of the file, what stands in it once.
    let header = Document { roots: once(message), ..message.clone() };
    let around = stands((layout, rules.layout.span), &chain, rules.file.as_ref(), findings);
    let around = around
        .iter()
        .map(|one| {
            let target = Excerpt::alone(layout, one.node);
            making.record(one.node, target, &one.direction(), (schema, &header), findings)
        })
        .collect();
    let problem = node.map(|node| {
        let nothing = || Placed { value: Rule::Fields(Vec::new()), span: rules.span };
        let body = written(rules.body.clone().unwrap_or_else(nothing));
        making.record(node, Excerpt::target(layout, node), &body, (schema, message), findings)
    });
    Some(CheckedAcknowledgement {
        layout: layout.clone(),
        name: name(rules, findings)?,
        chain,
        around,
        problem,
    })
}

struct Making<'a> {
    route: &'a BatchRoute,
    secrets: &'a Secrets,
    uses: &'a mut tables::Uses,
    /// The record of a problem.
    problem: Option<NodeId>,
}

impl Making<'_> {
    fn record(
        &mut self,
        node: NodeId,
        (schema, document): (Schema, Document),
        rules: &Direction,
        (dropped, original): Dropped<'_>,
        findings: &mut Vec<Diagnostic>,
    ) -> CheckedAround {
        let (told, message) = told::contract();
        // Around problems there is none.
        let of_file = Document { roots: told::file_root(), ..message.clone() };
        let message = if self.problem == Some(node) { message } else { &of_file };
        let message = Source::new(told, message, Unknown::Ignore);
        let original = Source::new(dropped, original, Unknown::Ignore);
        let (route, secrets) = (self.route, self.secrets);
        let mut checker = Checker::new(message, Some(original), &schema, route, secrets, self.uses, findings);
        checker.scope.context = TOLD;
        checker.scope.is_original_partial = true;
        checker.by_themselves = by_themselves(&schema, &document);
        let translation = checker.direction(rules, &document, None, true);
        let translation = checker.reply(translation, None).response;
        CheckedAround { node, schema: Arc::new(schema), document, translation }
    }
}

/// The records that stand in a file once, by the names from which paths begin.
fn once(message: &Document) -> Vec<portolan_schema::Root> {
    let Some(excerpt) = &message.excerpt else { return Vec::new() };
    let is_once = |node: NodeId| {
        let layout = &excerpt.layout;
        node != excerpt.each
            && chain(layout, node).iter().all(|node| layout.node(*node).occurs.max == Some(1))
    };
    let of = |root: &&portolan_schema::Root| {
        let mut parts = excerpt.parts.iter();
        parts.find(|part| part.path == root.path).is_some_and(|part| is_once(part.node))
    };
    message.roots.iter().filter(of).cloned().collect()
}

fn name(rules: &Acknowledge, findings: &mut Vec<Diagnostic>) -> Option<AnswerName> {
    let Some(written) = &rules.name else { return Some(AnswerName::default()) };
    match written.value.parse() {
        Ok(name) => Some(name),
        Err(why) => {
            let message = format!("this cannot be a file's name: {why}");
            let finding = Diagnostic::error(Code::YAML_BAD_VALUE, message).at(written.span, "");
            findings.push(finding.help("write as in `{stem}.{date}.ACK`"));
            None
        }
    }
}
