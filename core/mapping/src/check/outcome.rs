//! What refuses a request, and what makes a reply a failure.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_formats::Selection;
use portolan_schema::{Field, TypeId};

use super::{
    Checker,
    document::{Stray, fields_of},
    scope::What,
    types::{kind_of, name},
};
use crate::{
    expression::{Expression, ExpressionKind, Leaf},
    file::{ConstantText, FailRule, Placed, RequireRule, Rule},
    functions::Kind,
    ir::{Constant, Expr, Failure, FaultRules, Require, Side},
    parse::status_name,
};

impl Checker<'_> {
    pub(super) fn require(&mut self, rule: &RequireRule) -> Option<Require> {
        let that = self.condition(&rule.that);
        if let Some(holds) = that.as_ref().and_then(truth) {
            let message = match holds {
                true => "this condition always holds, so no request is refused",
                false => "this condition never holds, so every request is refused",
            };
            let finding = Diagnostic::warning(Code::MAP_UNREACHABLE, message).at(rule.that.span, "");
            self.findings.push(finding.help("compare something of the request, or leave the rule out"));
        }
        let field = rule.field.as_ref().and_then(|f| self.caller_field(f));
        Some(Require { that: that?, field, message: rule.message.clone(), span: rule.span })
    }

    pub(super) fn failure(&mut self, rule: &FailRule) -> Option<Failure> {
        let when = rule.when.as_ref().map(|leaf| self.condition(leaf));
        // The message is only made where the condition holds.
        let parsed = rule.when.as_ref().and_then(|leaf| leaf.parse().ok().map(|p| (p, leaf)));
        let message = rule.message.as_ref().map(|m| match &parsed {
            Some((condition, leaf)) => self.knowing(condition, true, leaf, |c| c.message(m)),
            None => self.message(m),
        });
        let field = rule.field.as_ref().and_then(|f| self.caller_field(f));
        let (when, message) = (flip(when)?, flip(message)?);
        Some(Failure {
            when,
            status: rule.status,
            message,
            field,
            reason: rule.reason.clone(),
            retry: rule.retry,
            span: rule.span,
        })
    }

    fn message(&mut self, rule: &Placed<Rule>) -> Option<Expr> {
        let leaf: &Leaf = match &rule.value {
            Rule::Constant(ConstantText { text, .. }) => {
                return Some(Expr::Constant(Constant::Text(text.clone())));
            }
            Rule::Expression(leaf) => leaf,
            _ => return None,
        };
        if leaf.text.contains(' ') && leaf.parse().is_err() {
            let finding = Diagnostic::error(
                Code::EXPR_SYNTAX,
                "a message is an expression, and this reads as plain text",
            );
            self.findings.push(
                finding.at(leaf.span, "").help(format!("write message: {{ const: \"{}\" }}", leaf.text)),
            );
            return None;
        }
        if self.record_for_text(leaf) {
            return None;
        }
        let typed = self.leaf(leaf)?;
        if typed.ty.kind != Kind::Text {
            let message = format!("a message is text, and this is {}", name(typed.ty.kind));
            self.report(Code::MAP_TYPE, message, leaf, &typed.place);
            return None;
        }
        Some(typed.expr)
    }

    /// A record where a text is wanted: says which texts there are.
    fn record_for_text(&mut self, leaf: &Leaf) -> bool {
        let Ok(Expression { kind: ExpressionKind::Path(path), place: at }) = leaf.parse() else {
            return false;
        };
        let Ok(place) = self.scope.resolve(&path, leaf) else { return false };
        let What::Record { record, .. } = place.what else { return false };
        let schema = self.scope.schema(place.side);
        let is_text = |field: &&Field| match field.ty {
            TypeId::Scalar(scalar) => {
                !field.occurs.is_list() && kind_of(schema, &schema.scalar(scalar).kind) == Kind::Text
            }
            TypeId::Record(_) => false,
        };
        let fields = schema.record(record).fields.iter().filter(is_text);
        let mut texts: Vec<String> = fields.take(12).map(|f| format!("{}.{}", place.path, f.name)).collect();
        if place.path.starts_with("fault") && texts.iter().all(|text| text != "fault.reason") {
            texts.insert(0, "fault.reason".to_owned());
        }
        let message = format!("a message is text, and `{}` is a record", place.path);
        let finding = Diagnostic::error(Code::MAP_TYPE, message).at(leaf.place(&at), "");
        self.findings.push(finding.help(match texts.is_empty() {
            true => format!("say which text of it to take: a field of what `{}` holds", place.path),
            false => format!("say which text to take: {}", texts.join(", ")),
        }));
        true
    }

    /// A field of the caller's own message, as it is named to the caller.
    fn caller_field(&mut self, field: &Placed<String>) -> Option<Arc<str>> {
        let source = self.scope.original.as_ref().unwrap_or(&self.scope.message);
        let path: Vec<&str> = field.value.split('.').collect();
        match fields_of(source.schema, source.document, &path, true) {
            Ok(_) => Some(field.value.as_str().into()),
            Err(Stray { at: index, known }) => {
                let wrong = path.get(index).copied().unwrap_or_default();
                let finding = Diagnostic::error(
                    Code::MAP_UNKNOWN_PATH,
                    format!("the request has no field `{}`", field.value),
                );
                self.findings
                    .push(finding.at(field.span, "").did_you_mean(wrong, known.iter().map(String::as_str)));
                None
            }
        }
    }

    /// The rules for faults; `None` where the reply's contract has no fault.
    pub(super) fn faults(&mut self, rules: &[FailRule], span: Span) -> Option<FaultRules> {
        let document = self.scope.message.document;
        let Some(root) = document.roots.iter().find(|r| r.name == ["fault"]) else {
            if let Some(rule) = rules.first() {
                let finding =
                    Diagnostic::error(Code::MAP_UNKNOWN_PATH, "the target's contract has no faults");
                self.findings.push(finding.at(rule.span, ""));
            }
            return None;
        };
        let (_, slot) = self.scope.message.root(&root.path);
        let Some(present) = slot else {
            let finding = Diagnostic::error(Code::WSDL_INVALID, "the fault has no place in the reply");
            self.findings.push(finding.at(span, ""));
            return None;
        };
        self.lenient = true;
        let rules = self.failures(rules);
        let code = self.part_of_fault("code");
        let reason = self.part_of_fault("reason");
        self.lenient = false;
        Some(FaultRules { present, code, reason, rules })
    }

    /// Rules of which the first that holds decides.
    pub(super) fn failures(&mut self, rules: &[FailRule]) -> Vec<Failure> {
        let (mut checked, mut end): (Vec<Failure>, Option<Span>) = (Vec::new(), None);
        self.said_twice(rules.iter().filter_map(|rule| rule.when.as_ref()));
        for rule in rules {
            if let Some(end) = end {
                let message = "this rule and what follows it are never reached";
                let finding = Diagnostic::error(Code::MAP_UNREACHABLE, message).at(rule.span, "");
                let finding = finding.at(end, "this one always holds");
                self.findings.push(finding.help("move the one that always holds to the end"));
                break;
            }
            let failure = self.failure(rule);
            let always = match &failure {
                Some(failure) => failure.when.as_ref().is_none_or(|when| truth(when) == Some(true)),
                None => rule.when.is_none(),
            };
            if failure.as_ref().and_then(|f| f.when.as_ref()).is_some_and(|when| truth(when) == Some(false)) {
                self.never_holds(rule.when.as_ref().map_or(rule.span, |leaf| leaf.span));
            }
            end = always.then_some(rule.span);
            self.unsafe_retry(rule);
            checked.extend(failure);
        }
        checked
    }

    /// A condition that no message meets.
    pub(super) fn never_holds(&mut self, at: Span) {
        let finding = Diagnostic::warning(Code::MAP_UNREACHABLE, "this condition never holds").at(at, "");
        self.findings.push(finding.help("compare something of the message, or leave the rule out"));
    }

    /// Of conditions of which the first that holds decides: those that an earlier one has said already.
    pub(super) fn said_twice<'l>(&mut self, conditions: impl Iterator<Item = &'l Leaf>) {
        let mut said: HashMap<&str, Span> = HashMap::new();
        for leaf in conditions {
            match said.entry(leaf.text.trim()) {
                Entry::Vacant(first) => drop(first.insert(leaf.span)),
                Entry::Occupied(first) => {
                    let message = "this condition stands before already, so this one is never reached";
                    let finding = Diagnostic::warning(Code::MAP_UNREACHABLE, message).at(leaf.span, "");
                    let finding = finding.at(*first.get(), "here");
                    self.findings.push(finding.help("say what is meant here, or leave it out"));
                }
            }
        }
    }

    /// A retry after a status that speaks against it.
    fn unsafe_retry(&mut self, rule: &FailRule) {
        let Some(status) = status_name(rule.status).filter(|_| rule.retry) else { return };
        let (message, help) = if FINAL.contains(&status) {
            (
                format!("`retry: true` asks again, and {status} tells callers that it is final"),
                "leave `retry` out, or give a status of which callers expect it: UNAVAILABLE, RESOURCE_EXHAUSTED, ABORTED",
            )
        } else if UNCLEAR.contains(&status) && !self.idempotent {
            (
                format!(
                    "`retry: true` says that the system did nothing, and {status} that nobody knows: it may be done twice"
                ),
                "where the system did nothing, give UNAVAILABLE, RESOURCE_EXHAUSTED or ABORTED; where it may be asked twice, say `idempotent: true` under `delivery:`; else leave `retry` out",
            )
        } else {
            return;
        };
        self.findings.push(Diagnostic::warning(Code::MAP_UNSAFE_RETRY, message).at(rule.span, "").help(help));
    }

    /// `fault.code` and `fault.reason`, where the contract's readers give them.
    fn part_of_fault(&mut self, part: &str) -> Option<Expr> {
        let (schema, document) = (self.scope.message.schema, self.scope.message.document);
        let root = document.roots.iter().find(|r| r.name == ["fault", part])?;
        let (TypeId::Scalar(_), Some((record, field))) = (root.ty, root.path.last()) else { return None };
        let mut node = Selection::ROOT;
        let mut slot = None;
        for (_, field) in &root.path {
            let selected = self.scope.message.selection.field(schema, node, *field);
            slot = Some(selected.slot);
            node = selected.node.unwrap_or(node);
        }
        let slot = crate::ir::SourceSlot { side: Side::Message, slot: slot? };
        Some(Expr::Field { slot, record: *record, field: *field, path: format!("fault.{part}").into() })
    }
}

/// Statuses after which the same request has no better chance.
const FINAL: &[&str] = &[
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "FAILED_PRECONDITION",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Statuses after which the system may have done what it was asked.
const UNCLEAR: &[&str] = &["CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED", "INTERNAL"];

/// A condition that is decided before any message comes.
pub(super) fn truth(condition: &Expr) -> Option<bool> {
    use crate::ir::Comparison::{Equal, NotEqual};
    match condition {
        Expr::Constant(Constant::Bool(b)) => Some(*b),
        Expr::Not(inner) => truth(inner).map(|b| !b),
        Expr::And(parts) if parts.iter().any(|p| truth(p) == Some(false)) => Some(false),
        Expr::And(parts) => parts.iter().all(|p| truth(p) == Some(true)).then_some(true),
        Expr::Or(parts) if parts.iter().any(|p| truth(p) == Some(true)) => Some(true),
        Expr::Or(parts) => parts.iter().all(|p| truth(p) == Some(false)).then_some(false),
        Expr::Compare(how @ (Equal | NotEqual), a, b) => match (&**a, &**b) {
            (Expr::Constant(a), Expr::Constant(b)) => Some((a == b) == (*how == Equal)),
            _ => None,
        },
        _ => None,
    }
}

/// What may be left out, if what is there could be made.
fn flip<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    match part {
        None => Some(None),
        Some(made) => made.map(Some),
    }
}
