//! Layout files: YAML lowered to a [`Layout`], with every finding at once.
//!
//! It is read in two passes. The first makes records, fields and the types of the schema, and puts aside whatever names another
//! field: conditions, computed values, counts. The second knows every name and resolves them.

mod columns;
mod counted;
mod field;
mod file;
mod formula;
mod merge;
mod record;
mod rule;
mod spans;
mod storage;
mod told;
mod words;

use std::collections::BTreeMap;

use portolan_diagnostics::{Checked, Code, Diagnostic, Span};
use portolan_syntax::{
    expression::Leaf,
    keys::{Keys, entries, text},
    yaml::{self, Entry},
};

use super::{
    Characters, Dialect, Form, Invalid, Layout, Node, NodeId, Null, Trim, Verify, check, grammar::LAYOUT,
};
use crate::{
    Name, Reading, Record, RecordId, Schema,
    copybook::{Copybook, CopybookOptions},
};
pub(super) use spans::{RuleSpans, Spans, TestSpan};

/// How large a layout file may be.
const MAX_BYTES: usize = 1 << 20;
/// How deep records, and fields within fields, may nest.
const MAX_DEPTH: usize = 24;
/// How many layouts may extend one another.
const MAX_EXTENDS: usize = 8;

/// Reads the layout file `entry`.
pub fn read(entry: &str, reading: &mut Reading<'_>) -> Checked<Layout> {
    let mut findings = Vec::new();
    let Some(document) = merge::load(entry, None, reading, &mut findings, MAX_EXTENDS) else {
        return Checked { value: None, diagnostics: findings };
    };
    let value = layout(&document, reading, &mut findings);
    findings.sort_by_key(|finding| finding.labels.first().map(|label| (label.span.source, label.span.start)));
    Checked { value, diagnostics: findings }
}

fn layout(
    document: &yaml::Node,
    reading: &mut Reading<'_>,
    findings: &mut Vec<Diagnostic>,
) -> Option<Layout> {
    let mut keys = Keys::of(document, &LAYOUT, findings)?;
    let name = keys.require("layout", findings).and_then(|entry| text(entry, findings))?;
    let doc = keys.take("doc").and_then(|entry| text(entry, findings)).map(|doc| doc.value);
    keys.take("extends");
    let copybooks = keys.take("copybooks");
    // Of a layout that extends another they may be the other's: the keys are those of both here.
    let records = keys.take("records");
    if records.is_none() {
        let finding = Diagnostic::error(Code::YAML_MISSING_KEY, "the layout has no `records`");
        findings.push(
            finding.at(keys.span(), "").help("add `records`: the kinds of record, each with its fields"),
        );
    }
    let common = keys.take("common");
    let common = common.and_then(|entry| entries(&entry.value, "`common`", findings)).unwrap_or_default();
    let file = keys.take("file");
    let copybook_only = common.is_empty()
        && records.is_some_and(|records| {
            let records = match &records.value.kind {
                yaml::NodeKind::Mapping(records) => records.as_slice(),
                _ => &[],
            };
            records.len() == 1 && record::has_copybook(&records[0])
        });
    let (file, options) = file::file(file, keys.take("dialect"), copybook_only, findings);
    let words = |entry: Option<&Entry>, known: &[(&str, Verify)], findings: &mut Vec<Diagnostic>| {
        entry.and_then(|entry| words::word(entry, known, findings))
    };
    let mut file = file;
    file.verify = words(keys.take("verify"), words::VERIFY, findings).unwrap_or_default();
    let order = keys.take("order").and_then(|e| words::word(e, words::ORDER, findings)).unwrap_or_default();
    let unknown =
        keys.take("unknown").and_then(|e| words::word(e, words::UNKNOWN, findings)).unwrap_or_default();
    let defaults = Defaults {
        invalid: keys
            .take("invalid")
            .and_then(|e| words::word(e, words::INVALID, findings))
            .unwrap_or_default(),
        trim: keys.take("trim").and_then(|e| words::word(e, words::TRIM, findings)),
        chars: keys.take("chars").and_then(|e| text(e, findings)).map(|t| storage::characters(&t.value)),
        nulls: keys.take("null").map(|e| words::nulls(&e.value, findings)).unwrap_or_default(),
    };
    keys.done(findings);
    let mut schema = Schema::default();
    let root = schema.add_record(Record { name: Name::plain(&name.value), doc, ..Record::default() });
    let mut builder = Builder {
        schema,
        nodes: Vec::new(),
        file,
        options,
        defaults,
        common,
        copybooks: BTreeMap::new(),
        pending: Vec::new(),
        spans: Vec::new(),
        findings,
    };
    if let Some(copybooks) = copybooks {
        builder.read_copybooks(copybooks, reading);
    }
    let mut top = Vec::new();
    if let Some(records) = records {
        let records = entries(&records.value, "`records`", builder.findings).unwrap_or_default();
        top = builder.records(records, None, root, MAX_DEPTH);
        if top.is_empty() && records.is_empty() {
            builder.invalid(document.span, "a layout has one record at least");
        }
    }
    let Builder { schema, nodes, file, pending, mut spans, findings, .. } = builder;
    let mut layout = Layout { name: name.value, schema, root, file, nodes, top, order, unknown };
    for pending in pending {
        pending.resolve(&mut layout, &mut spans, findings);
    }
    told::fillers(&mut layout);
    for node in &mut layout.nodes {
        if let Some(shape) = &mut node.shape {
            shape.length = record::length(&layout.file, &shape.items);
        }
    }
    check::check(&layout, &spans, findings);
    told::defaults(&mut layout);
    Some(layout)
}

/// What fields have that say nothing else.
struct Defaults {
    invalid: Invalid,
    trim: Option<Trim>,
    nulls: Vec<Null>,
    chars: Option<Characters>,
}

impl Defaults {
    /// What stands for no value in a form. Low values are the plain zero of binary numbers, and that is a value.
    fn nulls_of(&self, form: &Form) -> Vec<Null> {
        let number = matches!(form, Form::Binary(_) | Form::Float(_));
        self.nulls.iter().filter(|null| !(number && **null == Null::LowValues)).cloned().collect()
    }
}

/// A layout while it is made.
struct Builder<'a> {
    schema: Schema,
    nodes: Vec<Node>,
    file: super::FileFormat,
    options: CopybookOptions,
    defaults: Defaults,
    /// Fields of every record.
    common: &'a [Entry],
    copybooks: BTreeMap<String, (Vec<Copybook>, CopybookOptions)>,
    pending: Vec<Pending<'a>>,
    spans: Vec<Spans>,
    findings: &'a mut Vec<Diagnostic>,
}

/// What names something that may be declared further below.
struct Pending<'a> {
    node: NodeId,
    /// The item that it is of; empty for the node itself.
    item: Vec<u32>,
    what: Waiting<'a>,
}

/// What is put aside.
enum Waiting<'a> {
    /// `when:`
    When(&'a yaml::Node),
    /// `by:` and `is:` of a variant.
    Variant { by: Leaf, is: Vec<(Box<str>, Span)> },
    /// `value:`
    Value(&'a Entry, Verify),
    /// `require:`
    Require(Leaf),
    /// `depending-on:` of a list.
    Counted(Leaf),
    /// `sign-in:`, with its texts for minus and plus.
    Signed { by: Leaf, negative: Box<[Box<str>]>, positive: Box<[Box<str>]> },
    /// `depending-on:` of one field, whose length it says.
    Measured(Leaf),
}

impl<'a> Builder<'a> {
    fn dialect(&self) -> &Dialect {
        &self.options.dialect
    }

    /// Whether records are lines of delimited values.
    pub(super) fn delimited(&self) -> bool {
        matches!(self.file.framing, super::Framing::Delimited(_))
    }

    fn invalid(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.findings.push(Diagnostic::error(Code::LAYOUT_INVALID, message).at(span, ""));
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    /// A record of the schema.
    fn add_record(&mut self, name: &str, doc: Option<String>) -> RecordId {
        self.schema.add_record(Record { name: Name::plain(name), doc, ..Record::default() })
    }

    fn pend(&mut self, node: NodeId, item: &[u32], what: Waiting<'a>) {
        self.pending.push(Pending { node, item: item.to_vec(), what });
    }
}

impl Pending<'_> {
    /// Resolves what it names, now that all names are known.
    fn resolve(self, layout: &mut Layout, spans: &mut [Spans], findings: &mut Vec<Diagnostic>) {
        let Self { node, item, what } = self;
        let scope = formula::Scope { layout, node, item: &item };
        match what {
            Waiting::When(declared) => {
                let Some((rule, places)) = rule::rule(declared, &scope, findings) else { return };
                remember(spans, node, &item, places);
                match item.is_empty() {
                    true => layout.nodes[node.0 as usize].when = Some(rule),
                    false => set(layout, node, &item, |item| item.when = Some(rule)),
                }
            }
            Waiting::Variant { by, is } => {
                let Some(reference) = scope.field(&by, findings) else { return };
                let (texts, places) = is.into_iter().unzip();
                remember(spans, node, &item, vec![vec![TestSpan { key: by.span, texts: places }]]);
                let test = super::Test::Value(reference, super::Matches::Literals(texts));
                set(layout, node, &item, |item| item.when = Some(super::Rule { any: vec![vec![test]] }));
            }
            Waiting::Value(entry, verify) => {
                let Some(formula) = scope.value(entry, findings) else { return };
                set(layout, node, &item, |item| item.value = Some(super::Check { formula, verify }));
            }
            Waiting::Require(leaf) => {
                let Some(formula) = scope.formula(&leaf, findings) else { return };
                if formula.aggregates() {
                    let message = "what is required is tested when the record is read, and counts and sums may not be known then";
                    let finding = Diagnostic::error(Code::LAYOUT_INVALID, message).at(leaf.span, "");
                    findings.push(finding.help("write the field that says them, with `value:`"));
                    return;
                }
                let requirement = super::Requirement { formula, text: (&*leaf.text).into() };
                match item.is_empty() {
                    true => layout.nodes[node.0 as usize].require.push(requirement),
                    false => set(layout, node, &item, |item| item.require = Some(requirement)),
                }
            }
            Waiting::Counted(leaf) => {
                let Some(count) = scope.count(&leaf, findings) else { return };
                set(layout, node, &item, |item| {
                    if let super::Times::Counted { by, .. } = &mut item.times {
                        *by = count;
                    }
                });
            }
            Waiting::Signed { by, negative, positive } => {
                let Some(reference) = scope.field(&by, findings) else { return };
                if reference.record != node || reference.item == item {
                    let message = "another field of the same record says the sign of a number";
                    findings.push(Diagnostic::error(Code::LAYOUT_INVALID, message).at(by.span, ""));
                    return;
                }
                let sign = super::SignedBy { item: reference.item.into(), negative, positive };
                set(layout, node, &item, |item| item.sign = Some(sign));
            }
            Waiting::Measured(leaf) => {
                let Some(count) = scope.count(&leaf, findings) else { return };
                set(layout, node, &item, |item| item.measured = Some(count.into()));
            }
        }
    }
}

impl formula::Scope<'_> {
    /// The item that says how many or how long: it stands in the same record, before what it counts.
    fn count(&self, leaf: &Leaf, findings: &mut Vec<Diagnostic>) -> Option<Vec<u32>> {
        let reference = self.field(leaf, findings)?;
        if reference.record == self.node && *reference.item < *self.item {
            return Some(reference.item);
        }
        let message = "a count stands in the same record, before what it counts";
        findings.push(Diagnostic::error(Code::LAYOUT_INVALID, message).at(leaf.span, ""));
        None
    }
}

fn remember(spans: &mut [Spans], node: NodeId, item: &[u32], places: RuleSpans) {
    if let Some(spans) = spans.get_mut(node.0 as usize) {
        spans.remember_rule(item, places);
    }
}

fn set(layout: &mut Layout, node: NodeId, path: &[u32], change: impl FnOnce(&mut super::Item)) {
    let shape = layout.nodes.get_mut(node.0 as usize).and_then(|node| node.shape.as_mut());
    if let Some(item) = shape.and_then(|shape| shape.at_mut(path)) {
        change(item);
    }
}
