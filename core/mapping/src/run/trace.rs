//! What a run does, field by field: for the engineer who asks where a value comes from. It holds what the message holds, so
//! only whoever has the message at hand may see it.

use super::evaluate::Run;
use crate::{
    ir::{Arithmetic, Comparison, ContextField},
    plan::{Node, Origin},
};
use portolan_diagnostics::Span;
use portolan_formats::{Value, lexical};
use std::sync::Arc;

/// What a run did.
#[derive(Debug, Default)]
pub struct Trace {
    /// In the order in which it was done.
    pub rules: Vec<TracedRule>,
    /// What was evaluated since the last rule ended.
    steps: Vec<TracedStep>,
    /// The lists that are being written: how long the path to each is, and how many items are begun.
    items: Vec<(usize, usize)>,
}

/// A rule at work.
#[derive(Debug, Clone, PartialEq)]
pub struct TracedRule {
    /// The target field, items counted from 0: `body.children[0].name`; or `require`, `fail`, `fault`.
    pub target: String,
    /// Where the rule stands.
    pub span: Span,
    /// What was read and computed, in order.
    pub steps: Vec<TracedStep>,
    /// What came of it; `None` where nothing was written.
    pub value: Option<String>,
}

/// Something that was read or computed.
#[derive(Debug, Clone, PartialEq)]
pub struct TracedStep {
    /// What.
    pub what: Traced,
    /// Its value; `None` where it was absent.
    pub value: Option<String>,
}

/// What was read or computed.
#[derive(Debug, Clone, PartialEq)]
pub enum Traced {
    /// A field of the source, `context` or `metadata`, by its path.
    Read(Arc<str>),
    /// The part of an expression that stands there.
    Part(Span),
    /// An operator.
    Operator(&'static str),
}

impl Trace {
    /// Something was evaluated.
    pub(super) fn step(&mut self, node: &Node, value: Value<'_>) {
        let what = match node {
            Node::Constant(_) | Node::Local(_) => return,
            Node::Field { path, .. } => Traced::Read(path.clone()),
            Node::Context(field) => Traced::Read(format!("context.{}", name(*field)).into()),
            Node::Metadata(header) => Traced::Read(format!("metadata.{}", header.replace('-', "_")).into()),
            Node::Call(call) => Traced::Part(call.span),
            Node::Lookup { span, .. } => Traced::Part(*span),
            Node::Fold(folded) => Traced::Part(folded.span),
            Node::Has(_) => Traced::Operator("has"),
            Node::IsNil(_) => Traced::Operator("isnil"),
            Node::Size(_) => Traced::Operator("size"),
            Node::Default(_) => Traced::Operator("default"),
            Node::NullIf(_) => Traced::Operator("nullif"),
            Node::Not(_) => Traced::Operator("!"),
            Node::And(_) => Traced::Operator("&&"),
            Node::Or(_) => Traced::Operator("||"),
            Node::Compare(how, _) => Traced::Operator(comparison(*how)),
            Node::In(..) => Traced::Operator("in"),
            Node::Arithmetic(how, _) => Traced::Operator(arithmetic(*how)),
            Node::Cases(_) => Traced::Operator("? :"),
        };
        self.steps.push(TracedStep { what, value: shown(value) });
    }

    /// A rule that fills no field has ended.
    pub(super) fn rule(&mut self, target: &str, span: Span, value: Option<String>) {
        let steps = std::mem::take(&mut self.steps);
        self.rules.push(TracedRule { target: target.to_owned(), span, steps, value });
    }

    /// A field was written, or left out.
    pub(super) fn field(&mut self, origin: &Origin, value: Option<String>) {
        let mut target = origin.target.to_string();
        for (length, item) in self.items.iter().rev() {
            if *length <= target.len() && target.is_char_boundary(*length) {
                target.insert_str(*length, &format!("[{}]", item.saturating_sub(1)));
            }
        }
        self.rule(&target, origin.span, value);
    }

    /// A list is begun; its items are counted.
    pub(super) fn begin(&mut self, origin: &Origin) {
        self.items.push((origin.target.len(), 0));
    }

    /// The next item of the innermost list.
    pub(super) fn next(&mut self) {
        if let Some((_, item)) = self.items.last_mut() {
            *item += 1;
        }
    }

    /// The innermost list is done.
    pub(super) fn end(&mut self) {
        self.items.pop();
    }
}

impl Run<'_, '_> {
    /// Tells the trace, where there is one.
    #[inline]
    pub(super) fn trace(&mut self, tell: impl FnOnce(&mut Trace)) {
        if let Some(trace) = self.trace.as_deref_mut() {
            tell(trace);
        }
    }
}

/// A value as people read it; `None` of an absent one.
pub(super) fn shown(value: Value<'_>) -> Option<String> {
    match value {
        Value::Absent => None,
        Value::Nil => Some("nil".to_owned()),
        Value::Text(text) => Some(format!("{text:?}")),
        Value::Bytes(bytes) => Some(format!("{} bytes", bytes.len())),
        other => {
            let mut text = Vec::new();
            lexical::write_any(other, &mut text).ok()?;
            String::from_utf8(text).ok()
        }
    }
}

fn name(field: ContextField) -> &'static str {
    match field {
        ContextField::MessageId => "message_id",
        ContextField::Route => "route",
        ContextField::Caller => "caller",
        ContextField::Received => "received",
        ContextField::Attempt => "attempt",
        ContextField::RequestId => "request_id",
        ContextField::Sequence => "sequence",
    }
}

fn comparison(how: Comparison) -> &'static str {
    match how {
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

fn arithmetic(how: Arithmetic) -> &'static str {
    match how {
        Arithmetic::Add => "+",
        Arithmetic::Subtract | Arithmetic::Negate => "-",
        Arithmetic::Multiply => "*",
        Arithmetic::Divide => "/",
        Arithmetic::Remainder => "%",
    }
}
