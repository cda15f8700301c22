//! From the checked mapping to a plan.

use super::{
    Content, Faults, Node, Operation, Origin, Plan, ReplyPlan, Require, Source, Target, Until, Writing,
    expression::{Scope, value_of},
    operation::Body,
};
use crate::{check::choices::exclusive, ir};
use portolan_diagnostics::Span;
use portolan_formats::{Reader, Selection, Writer, protobuf::Rules, records::GatheredTarget};
use portolan_schema::{Document, FieldId, RecordId, Schema, Way};
use std::sync::Arc;

/// The contracts that a translation stands between.
#[derive(Debug, Clone, Copy)]
pub struct Contracts<'c> {
    /// What is read.
    pub source: (&'c Schema, &'c Document),
    /// What is written.
    pub target: (&'c Schema, &'c Document),
    /// For replies: the request that is answered, as the caller sent it.
    pub original: Option<(&'c Schema, &'c Document)>,
    /// The tables of the mapping.
    pub tables: &'c ir::Tables,
}

/// A rule that turns a reply into a failure.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) when: Option<Node>,
    pub(crate) status: i32,
    pub(crate) message: Option<Node>,
    pub(crate) field: Option<Arc<str>>,
    pub(crate) reason: Option<Arc<str>>,
    pub(crate) retry: bool,
    pub(crate) span: Span,
}

impl Plan {
    /// Compiles a translation that was checked against these contracts.
    pub fn compile(translation: &ir::Translation, contracts: Contracts<'_>) -> Self {
        let scope = contracts.scope();
        let source = |(schema, document): (&Schema, &Document), selection: &Selection, rules| Source {
            reader: Reader::compile(schema, document, selection),
            frames: selection.widths().len(),
            rules,
        };
        // What callers say in protobuf is a request, and what is said to them is a reply.
        let demanded = Rules::compile(contracts.source.0, contracts.source.1, Way::Request);
        let original = translation.original.as_ref().zip(contracts.original);
        let (schema, document) = contracts.target;
        Self {
            keys: Vec::new(),
            skip: Vec::new(),
            locals: usize::from(translation.locals),
            source: source(contracts.source, &translation.selection, demanded),
            // It was tested when it was the message.
            original: original.map(|(selection, contract)| source(contract, selection, None)),
            require: translation
                .require
                .iter()
                .map(|require| Require {
                    that: scope.compile(&require.that),
                    field: require.field.clone(),
                    message: require.message.clone(),
                    span: require.span,
                })
                .collect(),
            fail: translation.fail.iter().map(|f| failure(&scope, f)).collect(),
            given: translation.given,
            rules: Rules::compile(schema, document, Way::Reply),
            target: match document.element {
                _ if GatheredTarget::is_needed(document) => {
                    Target::Gathered(writing(schema, document, &scope, &translation.write))
                }
                _ if document.excerpt.is_some() => {
                    Target::Records(writing(schema, document, &scope, &translation.write))
                }
                None => Target::Protobuf(writing(schema, document, &scope, &translation.write)),
                Some(_) => Target::Xml(writing(schema, document, &scope, &translation.write)),
            },
        }
    }
}

impl Plan {
    /// With expressions over the slots of the translation, whose values [`Plan::run_with_keys`] gives besides the document.
    #[must_use]
    pub fn with_keys<'e>(
        mut self,
        keys: impl IntoIterator<Item = &'e ir::Expr>,
        contracts: Contracts<'_>,
    ) -> Self {
        let scope = contracts.scope();
        self.keys = keys.into_iter().map(|key| scope.compile(key)).collect();
        self
    }
}

impl Plan {
    /// With conditions over the slots of the translation, each of which leaves the message out ([`crate::run::RunError::Skipped`]).
    #[must_use]
    pub fn with_skip<'e>(
        mut self,
        skip: impl IntoIterator<Item = (&'e ir::Expr, Arc<str>)>,
        contracts: Contracts<'_>,
    ) -> Self {
        let scope = contracts.scope();
        self.skip = skip.into_iter().map(|(when, reason)| (scope.compile(when), reason)).collect();
        self
    }
}

impl ReplyPlan {
    /// Compiles a reply's way back.
    pub fn compile(reply: &ir::Reply, contracts: Contracts<'_>) -> Self {
        let scope = contracts.scope();
        let faults = reply.faults.as_ref().map(|faults| Faults {
            present: ir::SourceSlot { side: ir::Side::Message, slot: faults.present },
            code: faults.code.as_ref().map(|e| scope.compile(e)),
            reason: faults.reason.as_ref().map(|e| scope.compile(e)),
            rules: faults.rules.iter().map(|f| failure(&scope, f)).collect(),
        });
        let mut plan = Plan::compile(&reply.response, contracts);
        plan.source.reader = plan.source.reader.lenient();
        Self { plan, faults, until: None }
    }

    /// With the condition on which a reply is the answer, over the slots of the reply.
    #[must_use]
    pub fn with_until(mut self, (holds, span): &(ir::Expr, Span), contracts: Contracts<'_>) -> Self {
        self.until = Some(Until { holds: contracts.scope().compile(holds), span: *span });
        self
    }
}

impl<'c> Contracts<'c> {
    fn scope(&self) -> Scope<'c> {
        Scope {
            message: self.source.0,
            original: self.original.map(|(schema, _)| schema),
            tables: self.tables,
        }
    }
}

fn failure(scope: &Scope<'_>, failure: &ir::Failure) -> Failure {
    Failure {
        when: failure.when.as_ref().map(|e| scope.compile(e)),
        status: failure.status,
        message: failure.message.as_ref().map(|e| scope.compile(e)),
        field: failure.field.clone(),
        reason: failure.reason.clone(),
        retry: failure.retry,
        span: failure.span,
    }
}

fn writing<W: Writer>(
    schema: &Schema,
    document: &Document,
    scope: &Scope<'_>,
    write: &[ir::Write],
) -> Writing<W> {
    let mut compiler =
        Compiler { writer: W::new(schema, document), schema, document, scope, path: Vec::new() };
    let body = compiler.body(write);
    let mut writer = compiler.writer;
    writer.seal(!body.attributes.is_empty());
    Writing { writer, body }
}

struct Compiler<'s, W> {
    writer: W,
    schema: &'s Schema,
    document: &'s Document,
    scope: &'s Scope<'s>,
    /// Where we are in the target.
    path: Vec<(RecordId, FieldId)>,
}

impl<W: Writer> Compiler<'_, W> {
    /// In the contract's order, whatever the mapping's.
    fn body(&mut self, write: &[ir::Write]) -> Body<W> {
        let mut ordered: Vec<&ir::Write> = write.iter().collect();
        ordered.sort_by_key(|w| w.field.0);
        let (mut attributes, mut rest, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for write in ordered {
            let operation = self.operation(write);
            if W::is_attribute(&operation.field) {
                attributes.push(operation);
            } else {
                places.push((write.record, write.field));
                rest.push(operation);
            }
        }
        let mut rivals = Vec::new();
        for (j, (record, field)) in places.iter().enumerate() {
            let record = self.schema.record(*record);
            let clashes =
                |(_, other): &(RecordId, FieldId)| other != field && exclusive(record, *other, *field);
            rivals.extend(places.iter().take(j).enumerate().filter(|(_, p)| clashes(p)).map(|(i, _)| (i, j)));
        }
        Body { attributes, rest, rivals: rivals.into() }
    }

    fn operation(&mut self, write: &ir::Write) -> Operation<W> {
        self.path.push((write.record, write.field));
        let target: Arc<str> = self.target_path().into();
        let content = self.content(&write.content);
        self.path.pop();
        let declared = self.schema.field(write.record, write.field);
        let attributes = has_attributes(&content);
        let field = self.writer.field(self.schema, write.record, write.field, attributes);
        let source = match &content {
            Content::Scalar(node) => node.only_source(),
            _ => None,
        };
        let content = match fixed::<W>(&field, &content, attributes) {
            Some(bytes) => Content::Fixed(bytes),
            None => content,
        };
        Operation {
            field,
            content,
            attributes,
            origin: Origin { target, source, span: write.span },
            required: declared.occurs.min > 0,
            nillable: declared.nillable,
            most: declared.occurs.max.unwrap_or(u32::MAX),
        }
    }

    fn content(&mut self, content: &ir::WriteContent) -> Content<W> {
        match content {
            ir::WriteContent::Scalar(expr) => Content::Scalar(self.scope.compile(expr)),
            ir::WriteContent::Record { given, write } => {
                Content::Record { given: *given, body: self.body(write) }
            }
            ir::WriteContent::Each { list, frame, item, nil, content } => Content::Each {
                list: *list,
                frame: *frame,
                item: *item,
                nil: *nil,
                content: Box::new(self.content(content)),
            },
            ir::WriteContent::Through { list, nil, content } => Content::Through {
                list: self.scope.list(list),
                nil: *nil,
                content: Box::new(self.content(content)),
            },
            ir::WriteContent::Items(items) => {
                Content::Items(items.iter().map(|item| self.content(item)).collect())
            }
            ir::WriteContent::Cases(cases) => Content::Cases(
                cases
                    .iter()
                    .map(|(when, then)| (when.as_ref().map(|w| self.scope.compile(w)), self.content(then)))
                    .collect(),
            ),
        }
    }

    /// The path as a mapping would write it: from the longest root that leads there.
    fn target_path(&self) -> String {
        let root = self
            .document
            .roots
            .iter()
            .filter(|r| self.path.starts_with(&r.path))
            .max_by_key(|r| r.path.len());
        let (mut names, begun) = match root {
            Some(root) => (root.name.clone(), root.path.len()),
            None => (Vec::new(), 0),
        };
        names.extend(
            self.path[begun..].iter().map(|(record, field)| self.schema.field(*record, *field).name.clone()),
        );
        names.join(".")
    }
}

/// The bytes of a constant, or of a record of nothing else: standing headers cost one copy.
///
/// A constant that its field cannot hold stays as it is, so that running says what is wrong.
fn fixed<W: Writer>(field: &W::Field, content: &Content<W>, attributes: bool) -> Option<Box<[u8]>> {
    if W::POSITIONAL {
        // What stands at a place of its own is not appended.
        return None;
    }
    let mut out = Vec::new();
    match content {
        Content::Scalar(Node::Constant(constant)) if *constant != ir::Constant::Absent => {
            W::scalar(field, value_of(constant), 0, &mut out).ok()?;
        }
        Content::Record { given: None, body } if !(body.attributes.is_empty() && body.rest.is_empty()) => {
            let mark = W::begin(field, 0, &mut out);
            let push = |operations: &[Operation<W>], out: &mut Vec<u8>| {
                operations.iter().try_for_each(|operation| match &operation.content {
                    Content::Fixed(bytes) => {
                        out.extend_from_slice(bytes);
                        Some(())
                    }
                    _ => None,
                })
            };
            push(&body.attributes, &mut out)?;
            if attributes {
                W::begin_end(field, &mut out);
            }
            push(&body.rest, &mut out)?;
            W::end(field, mark, &mut out);
        }
        _ => return None,
    }
    Some(out.into())
}

/// Whether a field's start tag stays open for attributes. Alternatives write theirs into one kind of tag.
fn has_attributes<W: Writer>(content: &Content<W>) -> bool {
    match content {
        Content::Scalar(_) | Content::Fixed(_) => false,
        Content::Record { body, .. } => !body.attributes.is_empty(),
        Content::Each { content, .. } | Content::Through { content, .. } => has_attributes(content),
        Content::Items(items) => items.iter().any(has_attributes),
        Content::Cases(cases) => cases.iter().any(|(_, content)| has_attributes(content)),
    }
}
