//! Secrets that stand in a mapping: whoever may read the file has them, and every copy of it keeps them.

use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_schema::{Field, TypeId, Wire};

use super::{Checker, types::kind_of};
use crate::{
    credentials::hold_a_secret,
    expression::{ExpressionKind, Leaf},
    file::{Placed, Rule},
    functions::Kind,
};

impl Checker<'_> {
    /// A constant for a field that is named like a secret; `record` is the name of what the field is part of.
    pub(super) fn readable_secret(&mut self, rule: &Placed<Rule>, field: &Field, record: &str) {
        let TypeId::Scalar(scalar) = field.ty else { return };
        let scalar = self.target.scalar(scalar);
        // The text of an element with attributes is what the element is named for.
        let name = if field.wire == Wire::Text { record } else { &field.name };
        let is_text = kind_of(self.target, &scalar.kind) == Kind::Text && scalar.enumeration.is_none();
        if !is_text || field.fixed.is_some() || !hold_a_secret(name) {
            return;
        }
        let mut found = Vec::new();
        written_out(rule, &mut found);
        for span in found {
            self.findings.push(if span.source == self.mapping {
                let message = format!("the secret for `{name}` stands here for everybody to read");
                let finding = Diagnostic::warning(Code::MAP_SECRET, message).at(span, "");
                let header = "in a SOAP header: write it once in portolan.yaml, systems.NAME.soap.header, as { const: \"${env:NAME}\" }";
                finding
                    .help(header)
                    .help("a password of WS-Security is `ws-security:` there; elsewhere take it from the caller: metadata.name")
            } else {
                let message = "a secret stands here for everybody to read";
                let finding = Diagnostic::warning(Code::CONFIG_SECRET, message).at(span, "");
                finding.help("write ${env:NAME} or ${file:/run/secrets/name}, and keep it there")
            });
        }
    }
}

/// Where a rule writes a text out.
fn written_out(rule: &Placed<Rule>, found: &mut Vec<Span>) {
    match &rule.value {
        Rule::Constant(constant) if !constant.hidden && !constant.text.is_empty() => found.push(rule.span),
        Rule::Expression(leaf) => found.extend(literal(leaf)),
        Rule::Cases(cases) => cases.iter().for_each(|case| written_out(&case.rule, found)),
        Rule::Items(items) => items.iter().for_each(|item| written_out(item, found)),
        _ => {}
    }
}

/// Where an expression is nothing but a text.
fn literal(leaf: &Leaf) -> Option<Span> {
    let parsed = leaf.parse().ok()?;
    matches!(&parsed.kind, ExpressionKind::Text(text) if !text.is_empty()).then_some(leaf.span)
}
