//! What the answer of a system means that is told of a file's messages: done, or a failure. Nobody waits for what it says.

use std::sync::Arc;

use portolan_diagnostics::{Code, Diagnostic};
use portolan_formats::Unknown;
use portolan_schema::{Document, Record, Root, Schema, SoapVersion, TypeId};

use super::{Checker, Source, tables};
use crate::{
    file::{Answer, BatchRoute, Direction},
    ir::Reply,
    secret::Secrets,
};

/// What a system's answer means, checked.
#[derive(Debug, Clone)]
pub struct CheckedAnswer {
    /// Faults, and answers that are failures; of others nothing is wanted.
    pub reply: Reply,
    /// What the system answers, of the target's contract.
    pub document: Document,
    /// The contract of who waits for it: a message without fields.
    pub nobody: (Arc<Schema>, Document),
}

/// A message without fields.
fn nothing() -> (Schema, Document) {
    let mut schema = Schema::default();
    let record = schema.add_record(Record::default());
    let body = Root { name: vec!["body".to_owned()], path: Vec::new(), ty: TypeId::Record(record) };
    let document = Document { record, element: None, encoded: false, excerpt: None, roots: vec![body] };
    (schema, document)
}

/// Of a system that answers in a document of its own; `message` is what it is told of.
pub(super) fn answer(
    route: &BatchRoute,
    (target, document, soap): (&Schema, &Document, SoapVersion),
    (source, message): (&Schema, &Document),
    secrets: &Secrets,
    uses: &mut tables::Uses,
    findings: &mut Vec<Diagnostic>,
) -> CheckedAnswer {
    let Answer { span, fail, faults } = &route.answer;
    let (schema, nobody) = nothing();
    let answered = Source::new(target, document, Unknown::Ignore);
    let original = Source::new(source, message, route.request.unknown);
    let mut back = Checker::new(answered, Some(original), &schema, route, secrets, uses, findings);
    back.soap = Some(soap);
    let rules = Direction {
        span: *span,
        require: Vec::new(),
        fail: fail.clone(),
        from: None,
        header: None,
        body: None,
        ignore: Vec::new(),
        unknown: Unknown::Ignore,
    };
    let translation = back.direction(&rules, &nobody, None, false);
    let faults = back.faults(faults, *span);
    let reply = back.reply(translation, faults);
    CheckedAnswer { reply, document: document.clone(), nobody: (Arc::new(schema), nobody) }
}

/// Rules for answers of a system whose answers are none of the mapping's matter.
pub(super) fn unheard(route: &BatchRoute, findings: &mut Vec<Diagnostic>) {
    for rule in route.answer.fail.iter().chain(&route.answer.faults) {
        let message = "only a SOAP service answers with what such a rule reads";
        let finding = Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(rule.span, "");
        findings.push(finding.help("what gRPC answers with says its status; leave the rule out"));
    }
}
