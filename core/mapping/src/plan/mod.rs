//! A checked mapping, compiled: readers and writers made for exactly what it touches, every name resolved.
//!
//! A plan is made once when a route is loaded and shared by all who run it; it holds nothing of a message.

mod compile;
mod expression;
mod lists;
mod operation;
mod visible;

pub use compile::Contracts;
pub(crate) use compile::Failure;
pub(crate) use expression::{Call, Conversion};
pub(crate) use expression::{Node, value_of};
pub(crate) use lists::{Folded, Gathered, Items, List, Stage, Step};
pub(crate) use operation::{Body, Content, Operation, Origin, Writing};
pub use visible::Visible;

use crate::ir;
use portolan_diagnostics::Span;
use portolan_formats::{
    Reader,
    protobuf::{ProtobufWriter, Rules},
    records::{GatheredTarget, RecordTarget},
    xml::XmlWriter,
};
use std::sync::Arc;

/// One direction of a route, ready to run.
#[derive(Debug)]
pub struct Plan {
    pub(crate) source: Source,
    pub(crate) original: Option<Source>,
    /// Conditions under which a message of a file is left out, with the reason.
    pub(crate) skip: Vec<(Node, Arc<str>)>,
    pub(crate) require: Vec<Require>,
    pub(crate) fail: Vec<Failure>,
    pub(crate) given: Option<ir::SourceSlot>,
    pub(crate) target: Target,
    /// What the target's contract demands beyond types.
    pub(crate) rules: Option<Rules>,
    /// What is computed besides the document: request ids, idempotency keys.
    pub(crate) keys: Vec<Node>,
    /// How many values of items are kept while lists are gone through.
    pub(crate) locals: usize,
}

/// A reply's way back: read once, tested for a fault, for a failure, and written.
#[derive(Debug)]
pub struct ReplyPlan {
    pub(crate) plan: Plan,
    pub(crate) faults: Option<Faults>,
    /// Holds once the reply is the answer; always, where `None`.
    pub(crate) until: Option<Until>,
}

/// A document to be read.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) reader: Reader,
    pub(crate) frames: usize,
    /// What its contract demands beyond types.
    pub(crate) rules: Option<Rules>,
}

/// The condition on which a reply is the answer.
#[derive(Debug)]
pub(crate) struct Until {
    pub(crate) holds: Node,
    pub(crate) span: Span,
}

/// A condition that the request must meet.
#[derive(Debug)]
pub(crate) struct Require {
    pub(crate) that: Node,
    pub(crate) field: Option<Arc<str>>,
    pub(crate) message: Arc<str>,
    pub(crate) span: Span,
}

/// The rules for faults.
#[derive(Debug)]
pub(crate) struct Faults {
    pub(crate) present: ir::SourceSlot,
    pub(crate) code: Option<Node>,
    pub(crate) reason: Option<Node>,
    pub(crate) rules: Vec<Failure>,
}

/// The document to be written, by its format.
#[derive(Debug)]
pub(crate) enum Target {
    Protobuf(Writing<ProtobufWriter>),
    Xml(Writing<XmlWriter>),
    Records(Writing<RecordTarget>),
    Gathered(Writing<GatheredTarget>),
}

/// An expression that reads nothing of a message.
#[cfg(test)]
pub(crate) fn compile_alone(expr: &ir::Expr, schema: &portolan_schema::Schema) -> Node {
    let tables = ir::Tables::default();
    expression::Scope { message: schema, original: None, tables: &tables }.compile(expr)
}
