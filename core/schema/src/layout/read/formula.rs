//! Expressions of a layout: every name resolved to the record and field that it means.

use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_syntax::{
    Decimal,
    expression::{Expression, ExpressionKind, Leaf, Segment, dotted},
    yaml::{Entry, NodeKind},
};

use crate::layout::{CheckDigit, FileValue, Formula, Item, ItemContent, Layout, NodeId, Reference, Times};

/// From where names are looked up.
pub(super) struct Scope<'l> {
    pub(super) layout: &'l Layout,
    /// The record.
    pub(super) node: NodeId,
    /// The item of it whose rule it is; empty for the record's own.
    pub(super) item: &'l [u32],
}

/// What a path means.
enum Meaning {
    /// A field.
    Field(Reference),
    /// Records of a kind.
    Records(NodeId),
    /// A list of groups.
    List(Reference),
}

/// Functions of layouts, for those who look for one.
const FUNCTIONS: &[&str] = &["count", "sum", "ordinal", "previous", "aba", "mod10", "mod11", "mod97", "has"];

impl Scope<'_> {
    /// `value:` an expression, or `{ const: ... }`.
    pub(super) fn value(&self, entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<Formula> {
        match &entry.value.kind {
            NodeKind::Scalar(scalar) => self.formula(&Leaf::new(scalar, entry.value.span), findings),
            NodeKind::Mapping(entries) => match entries.as_slice() {
                [only] if only.key == "const" => {
                    only.value.scalar().map(|scalar| Formula::Text(scalar.text.as_str().into()))
                }
                _ => {
                    let message = "a value is an expression, or `{ const: ... }`";
                    findings.push(Diagnostic::error(Code::LAYOUT_INVALID, message).at(entry.value.span, ""));
                    None
                }
            },
            _ => None,
        }
    }

    /// A field, and nothing else.
    pub(super) fn field(&self, leaf: &Leaf, findings: &mut Vec<Diagnostic>) -> Option<Reference> {
        match leaf.parse() {
            Ok(expression) => self.reference(&expression, leaf.span, findings),
            Err(finding) => {
                findings.push(finding);
                None
            }
        }
    }

    /// The field that a path means.
    pub(super) fn reference(
        &self,
        expression: &Expression,
        span: Span,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Reference> {
        let ExpressionKind::Path(path) = &expression.kind else {
            findings.push(Diagnostic::error(Code::LAYOUT_INVALID, "this is no field").at(span, ""));
            return None;
        };
        match self.meaning(path) {
            Some(Meaning::Field(reference)) => Some(reference),
            Some(other) => {
                let what = if matches!(other, Meaning::List(_)) { "list" } else { "record" };
                let message = format!("`{}` is a {what}, not a field", dotted(path));
                findings.push(Diagnostic::error(Code::LAYOUT_INVALID, message).at(span, ""));
                None
            }
            None => {
                findings.push(self.unknown(path, span));
                None
            }
        }
    }

    fn unknown(&self, path: &[Segment], span: Span) -> Diagnostic {
        let name = dotted(path);
        let error = |message| Diagnostic::error(Code::LAYOUT_UNKNOWN_NAME, message).at(span, "");
        for known in (1..path.len()).rev() {
            let Some(Meaning::Records(node)) = self.meaning(&path[..known]) else { continue };
            let around = dotted(&path[..known]);
            let children =
                self.layout.node(node).children.iter().map(|id| self.layout.node(*id).name.as_str());
            let items = self.items(node).iter().map(|item| &*item.name);
            let names = items.chain(children).filter(|name| !name.is_empty());
            let names: Vec<String> = names.map(|name| format!("{around}.{name}")).collect();
            let message = format!("`{around}` has no `{}`", dotted(&path[known..]));
            return error(message).did_you_mean(&name, names.iter().map(String::as_str));
        }
        let finding = error(format!("there is no `{name}` here"));
        let own = self.items(self.node).iter().map(|item| item.name.to_string());
        let records = self.layout.nodes().map(|(id, _)| self.layout.path(id));
        let names: Vec<String> = own.chain(records).collect();
        finding.did_you_mean(&name, names.iter().map(String::as_str))
    }

    fn items(&self, node: NodeId) -> &[Item] {
        self.layout.node(node).shape.as_ref().map_or(&[], |shape| shape.items.as_slice())
    }

    /// What a path means: a field beside the one that asks, or of its record; then records within, beside, and around.
    fn meaning(&self, path: &[Segment]) -> Option<Meaning> {
        let first = &path.first()?.name;
        for depth in (0..self.item.len()).rev() {
            let around = &self.item[..depth];
            if let Some(found) = self.item(self.node, around, path) {
                return Some(found);
            }
        }
        if let Some(found) = self.item(self.node, &[], path) {
            return Some(found);
        }
        let mut around = Some(self.node);
        while let Some(node) = around {
            if let Some(meaning) = self.among(&self.layout.node(node).children, path) {
                return Some(meaning);
            }
            if self.layout.node(node).name == *first {
                return self.of(node, &path[1..]);
            }
            around = self.layout.node(node).parent;
        }
        self.among(&self.layout.top, path)
    }

    /// A field of a record, or a list of groups.
    fn item(&self, record: NodeId, around: &[u32], path: &[Segment]) -> Option<Meaning> {
        let item = within(self.items(record), around, path)?;
        let shape = self.layout.node(record).shape.as_ref();
        let is_group = shape.and_then(|shape| shape.at(&item)).is_some_and(|item| !item.items().is_empty());
        let reference = Reference { record, item };
        Some(if is_group { Meaning::List(reference) } else { Meaning::Field(reference) })
    }

    fn among(&self, nodes: &[NodeId], path: &[Segment]) -> Option<Meaning> {
        let first = &path.first()?.name;
        let node = nodes.iter().find(|id| self.layout.node(**id).name == *first)?;
        self.of(*node, &path[1..])
    }

    fn of(&self, node: NodeId, rest: &[Segment]) -> Option<Meaning> {
        if rest.is_empty() {
            return Some(Meaning::Records(node));
        }
        if let Some(found) = self.item(node, &[], rest) {
            return Some(found);
        }
        self.among(&self.layout.node(node).children, rest)
    }

    /// An expression with all its names resolved.
    pub(super) fn formula(&self, leaf: &Leaf, findings: &mut Vec<Diagnostic>) -> Option<Formula> {
        match leaf.parse() {
            Ok(expression) => self.lower(&expression, leaf, findings),
            Err(finding) => {
                findings.push(finding);
                None
            }
        }
    }

    fn lower(&self, expression: &Expression, leaf: &Leaf, findings: &mut Vec<Diagnostic>) -> Option<Formula> {
        use ExpressionKind as Kinds;
        let span = leaf.place(&expression.place);
        let both = |a: &Expression, b: &Expression, findings: &mut Vec<Diagnostic>| {
            let (a, b) = (self.lower(a, leaf, findings), self.lower(b, leaf, findings));
            Some((Box::new(a?), Box::new(b?)))
        };
        Some(match &expression.kind {
            Kinds::Text(text) => Formula::Text(text.as_ref().into()),
            Kinds::Integer(number) => Formula::Number(Decimal { mantissa: *number, scale: 0 }),
            Kinds::Decimal(number) => Formula::Number(*number),
            Kinds::Bool(_) | Kinds::List(_) => {
                let message = "this has no place in a layout's expressions";
                findings.push(Diagnostic::error(Code::LAYOUT_INVALID, message).at(span, ""));
                return None;
            }
            Kinds::Path(path) => match path.as_slice() {
                [file, value] if file.name == "file" => match value.name.as_str() {
                    "blocks" => Formula::File(FileValue::Blocks),
                    "records" => Formula::File(FileValue::Records),
                    "number" => Formula::File(FileValue::Number),
                    other => {
                        let message = format!("a file has no `{other}`");
                        let finding = Diagnostic::error(Code::LAYOUT_UNKNOWN_NAME, message).at(span, "");
                        findings.push(finding.did_you_mean(other, ["blocks", "records", "number"]));
                        return None;
                    }
                },
                _ => Formula::Field(self.reference(expression, span, findings)?),
            },
            Kinds::Call { name, receiver, arguments } => {
                let mut all: Vec<&Expression> = receiver.as_deref().into_iter().collect();
                all.extend(arguments);
                self.call(name, &all, span, leaf, findings)?
            }
            Kinds::Not(a) => Formula::Not(Box::new(self.lower(a, leaf, findings)?)),
            Kinds::Negate(a) => Formula::Negate(Box::new(self.lower(a, leaf, findings)?)),
            Kinds::And(a, b) => both(a, b, findings).map(|(a, b)| Formula::And(a, b))?,
            Kinds::Or(a, b) => both(a, b, findings).map(|(a, b)| Formula::Or(a, b))?,
            Kinds::Compare(how, a, b) => both(a, b, findings).map(|(a, b)| Formula::Compare(*how, a, b))?,
            Kinds::Arithmetic(how, a, b) => {
                both(a, b, findings).map(|(a, b)| Formula::Arithmetic(*how, a, b))?
            }
            Kinds::In(a, list) => {
                let Kinds::List(items) = &list.kind else {
                    let message = "`in` needs a list: `code in [27, 37]`";
                    findings.push(Diagnostic::error(Code::LAYOUT_INVALID, message).at(span, ""));
                    return None;
                };
                let value = self.lower(a, leaf, findings)?;
                let items: Option<Vec<_>> =
                    items.iter().map(|item| self.lower(item, leaf, findings)).collect();
                Formula::In(Box::new(value), items?)
            }
            Kinds::Conditional(a, b, c) => {
                let (b, c) = both(b, c, findings)?;
                Formula::Conditional(Box::new(self.lower(a, leaf, findings)?), b, c)
            }
        })
    }

    fn call(
        &self,
        name: &Segment,
        arguments: &[&Expression],
        span: Span,
        leaf: &Leaf,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Formula> {
        let wrong = |message: String, findings: &mut Vec<Diagnostic>| {
            findings.push(Diagnostic::error(Code::LAYOUT_INVALID, message).at(span, ""));
            None
        };
        let second = |findings: &mut Vec<Diagnostic>| match arguments.get(1) {
            None => Some(None),
            Some(second) => self.lower(second, leaf, findings).map(|second| Some(Box::new(second))),
        };
        let kind = |argument: &&Expression| match &argument.kind {
            ExpressionKind::Path(path) => match self.meaning(path) {
                Some(Meaning::Records(node)) => Some(node),
                _ => None,
            },
            _ => None,
        };
        let kinds: Vec<NodeId> = arguments.iter().map_while(kind).collect();
        match (name.name.as_str(), arguments) {
            ("count", [_, _, ..]) if kinds.len() == arguments.len() => Some(Formula::Count(kinds, None)),
            ("count", [of] | [of, _]) => {
                let ExpressionKind::Path(path) = &of.kind else {
                    return wrong("`count` needs records: `count(entry)`".to_owned(), findings);
                };
                match self.meaning(path) {
                    Some(Meaning::Records(node)) => Some(Formula::Count(vec![node], second(findings)?)),
                    Some(Meaning::List(list)) => Some(Formula::Items(list, second(findings)?)),
                    Some(Meaning::Field(_)) => wrong(
                        format!("`count` counts records and lists, and `{}` is a field", dotted(path)),
                        findings,
                    ),
                    None => {
                        findings.push(self.unknown(path, leaf.place(&of.place)));
                        None
                    }
                }
            }
            ("sum", [of] | [of, _]) => {
                let reference = self.reference(of, leaf.place(&of.place), findings)?;
                Some(Formula::Sum(reference, second(findings)?))
            }
            ("ordinal", [of]) => {
                let ExpressionKind::Path(path) = &of.kind else {
                    return wrong("`ordinal` needs a record: `ordinal(batch)`".to_owned(), findings);
                };
                match self.meaning(path) {
                    Some(Meaning::Records(node)) => Some(Formula::Ordinal(node)),
                    _ => wrong(format!("`{}` is no record around this one", dotted(path)), findings),
                }
            }
            ("previous", [of] | [of, _]) => {
                let reference = self.reference(of, leaf.place(&of.place), findings)?;
                if reference.record != self.node {
                    return wrong("`previous` is of a field of this record".to_owned(), findings);
                }
                Some(Formula::Previous(reference, second(findings)?))
            }
            ("has", [of]) => self.reference(of, leaf.place(&of.place), findings).map(Formula::Has),
            ("aba" | "mod10" | "mod11" | "mod97", [of]) => {
                let kind = match name.name.as_str() {
                    "aba" => CheckDigit::Aba,
                    "mod10" => CheckDigit::Mod10,
                    "mod11" => CheckDigit::Mod11,
                    _ => CheckDigit::Mod97,
                };
                let of = self.lower(of, leaf, findings)?;
                Some(Formula::CheckDigit(kind, Box::new(of)))
            }
            (known, _) if FUNCTIONS.contains(&known) => {
                wrong(format!("`{known}` has other arguments"), findings)
            }
            (other, _) => {
                let message = format!("layouts have no function `{other}`");
                let finding = Diagnostic::error(Code::LAYOUT_UNKNOWN_NAME, message);
                findings.push(
                    finding.at(leaf.place(&name.place), "").did_you_mean(other, FUNCTIONS.iter().copied()),
                );
                None
            }
        }
    }
}

/// The item that a path means, of the items at `around` and those of its variants.
fn within(items: &[Item], around: &[u32], path: &[Segment]) -> Option<Vec<u32>> {
    let mut items = items;
    for index in around {
        items = items.get(*index as usize)?.items();
    }
    let mut found = around.to_vec();
    let (first, rest) = path.split_first()?;
    let index = items.iter().position(|item| *item.name == *first.name)?;
    found.push(index as u32);
    let item = items.get(index)?;
    if rest.is_empty() {
        return match item.content {
            ItemContent::Value(_) => Some(found),
            ItemContent::Group(..) if item.times != Times::Once => Some(found),
            _ => None,
        };
    }
    let inner = within(item.items(), &[], rest)?;
    found.extend(inner);
    Some(found)
}
