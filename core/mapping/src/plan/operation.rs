//! What a plan writes: a tree as deep as the target, each leaf a compiled field with its content.

use super::{List, Node};
use crate::ir::{NilPolicy, SourceSlot};
use portolan_diagnostics::Span;
use portolan_formats::{FrameId, SlotRef, Writer};
use std::sync::Arc;

/// A document to be written.
#[derive(Debug)]
pub(crate) struct Writing<W: Writer> {
    pub(crate) writer: W,
    pub(crate) body: Body<W>,
}

/// The fields of a record: its attributes, then the rest.
#[derive(Debug)]
pub(crate) struct Body<W: Writer> {
    pub(crate) attributes: Vec<Operation<W>>,
    pub(crate) rest: Vec<Operation<W>>,
    /// Pairs among the rest, by index, of which one stands at most: members of one choice or oneof.
    pub(crate) rivals: Box<[(usize, usize)]>,
}

/// One field.
#[derive(Debug)]
pub(crate) struct Operation<W: Writer> {
    pub(crate) field: W::Field,
    pub(crate) content: Content<W>,
    pub(crate) origin: Origin,
    pub(crate) required: bool,
    pub(crate) nillable: bool,
    /// The start tag stays open for attributes.
    pub(crate) attributes: bool,
    /// For lists: at most so many items.
    pub(crate) most: u32,
}

/// Where an operation comes from, and what it fills: for errors.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) target: Arc<str>,
    /// The source path, where the rule reads one field.
    pub(crate) source: Option<Arc<str>>,
    pub(crate) span: Span,
}

/// How a field is filled.
#[derive(Debug)]
pub(crate) enum Content<W: Writer> {
    /// Always the same: its bytes, tags included.
    Fixed(Box<[u8]>),
    Scalar(Node),
    Record {
        given: Option<SourceSlot>,
        body: Body<W>,
    },
    Each {
        list: SourceSlot,
        frame: FrameId,
        item: SlotRef,
        nil: NilPolicy,
        content: Box<Content<W>>,
    },
    Through {
        list: List,
        nil: NilPolicy,
        content: Box<Content<W>>,
    },
    Cases(Vec<(Option<Node>, Content<W>)>),
}
