//! Lists of expressions, compiled: steps that an item goes through by itself, and between them those for which all of them
//! must be known.

use portolan_diagnostics::Span;
use portolan_formats::{FrameId, SlotRef};
use std::sync::Arc;

use super::expression::{Node, Scope};
use crate::ir::{self, Cut, Fold, Local, SourceSlot, View};

/// A list.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) items: Items,
    /// One at least.
    pub(crate) stages: Vec<Stage>,
}

/// Where its items come from.
#[derive(Debug)]
pub(crate) enum Items {
    Rows { list: SourceSlot, frame: FrameId, item: SlotRef },
    Parts { text: Box<Node>, cut: Cut, local: Local },
    Members { members: Local, view: View },
}

/// What an item goes through by itself, and what then is done with all of them.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    pub(crate) steps: Vec<Step>,
    /// `None` of the last stage.
    pub(crate) then: Option<Gathered>,
}

/// What an item goes through by itself.
#[derive(Debug)]
pub(crate) enum Step {
    Keep(Node),
    Value(Node, Local),
}

/// What is done with all items.
#[derive(Debug)]
pub(crate) enum Gathered {
    Distinct(Node),
    Sort(Node),
    Reverse,
    Group { by: Node, key: Local, members: Local },
}

impl Gathered {
    /// What items are told apart by, or put in order.
    pub(crate) fn key(&self) -> Option<&Node> {
        match self {
            Self::Distinct(key) | Self::Sort(key) | Self::Group { by: key, .. } => Some(key),
            Self::Reverse => None,
        }
    }
}

/// What a list comes to.
#[derive(Debug)]
pub(crate) struct Folded {
    pub(crate) fold: Fold,
    pub(crate) list: List,
    pub(crate) span: Span,
}

impl Scope<'_> {
    pub(super) fn list(&self, list: &ir::List) -> List {
        let items = match &list.items {
            ir::Items::Rows { list, frame, item } => Items::Rows { list: *list, frame: *frame, item: *item },
            ir::Items::Parts { text, cut, local } => {
                Items::Parts { text: Box::new(self.compile(text)), cut: cut.clone(), local: *local }
            }
            ir::Items::Members { members, view } => Items::Members { members: *members, view: *view },
        };
        let (mut stages, mut stage) = (Vec::new(), Stage::default());
        for step in &list.steps {
            let then = match step {
                ir::Step::Keep(keep) => {
                    stage.steps.push(Step::Keep(self.compile(keep)));
                    continue;
                }
                ir::Step::Value(value, local) => {
                    stage.steps.push(Step::Value(self.compile(value), *local));
                    continue;
                }
                ir::Step::Distinct(key) => Gathered::Distinct(self.compile(key)),
                ir::Step::Sort(key) => Gathered::Sort(self.compile(key)),
                ir::Step::Reverse => Gathered::Reverse,
                ir::Step::Group { by, key, members } => {
                    Gathered::Group { by: self.compile(by), key: *key, members: *members }
                }
            };
            stages.push(Stage { then: Some(then), ..std::mem::take(&mut stage) });
        }
        stages.push(stage);
        List { items, stages }
    }
}

impl List {
    /// The paths of the source fields that it reads.
    pub(super) fn sources<'n>(&'n self, paths: &mut Vec<&'n Arc<str>>) {
        if let Items::Parts { text, .. } = &self.items {
            text.sources(paths);
        }
        for stage in &self.stages {
            for Step::Keep(node) | Step::Value(node, _) in &stage.steps {
                node.sources(paths);
            }
            if let Some(key) = stage.then.as_ref().and_then(Gathered::key) {
                key.sources(paths);
            }
        }
    }
}
