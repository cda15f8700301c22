//! Layouts: files of records whose fields lie in columns, as a layout file or a copybook declares them.
//!
//! A layout has two faces. Its [`Schema`] is like any other contract's, and is all that a mapping's checker sees. Its [`Node`]s,
//! [`Shape`]s and [`Storage`]s say where the bytes are and what they mean, and are what the formats compile.

mod check;
mod dialect;
mod editing;
mod encoding;
mod excerpt;
mod file;
pub mod grammar;
pub mod pattern;
mod picture;
mod read;
mod rule;
mod scalar;
mod shape;
mod storage;
mod usage;

use crate::{FieldId, Occurs, RecordId, Schema};

pub use dialect::{Alignment, BinarySizes, Clauses, Dialect, storage};
pub use encoding::{Encoding, PAGES, Page, PageName};
pub use excerpt::{Excerpt, ExcerptPart};
pub use file::{
    Block, Compression, Delimited, FileFormat, Framing, LengthForm, LineEnd, Long, Prefix, Short,
};
pub use picture::{Category, Notation, Picture, PictureError};
pub use read::read;
pub use rule::{CheckDigit, FileValue, Formula, Matches, Reference, Requirement, Rule, Test};
pub use scalar::scalar;
pub use shape::{Check, Extent, Filler, Fillers, Item, ItemContent, Shape, SignedBy, Start, Times, Verify};
pub use storage::{
    Base, Binary, ByteOrder, Characters, Digits, Edited, Fill, Float, FloatStandard, Form, Invalid, Moment,
    MomentKind, Null, Overpunch, Packed, PackedSign, Part, Side, Sign, Storage, Text, Trim, Zoned,
};
pub use usage::Usage;

/// A record or a group of records of one [`Layout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// A kind of file.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Its name.
    pub name: String,
    /// The types.
    pub schema: Schema,
    /// The file as one record, of which the records at the top are fields.
    pub root: RecordId,
    /// How it is cut into records.
    pub file: FileFormat,
    /// Records and groups, parents before their children.
    pub nodes: Vec<Node>,
    /// Those at the top, in their order.
    pub top: Vec<NodeId>,
    /// Whether they follow one another in that order.
    pub order: Order,
    /// What is done with records of no known kind.
    pub unknown: UnknownRecords,
}

/// A kind of record, or a group of records.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name within what is around it.
    pub name: String,
    /// What is around it.
    pub parent: Option<NodeId>,
    /// The record of the schema: its own fields, then the records within.
    pub record: RecordId,
    /// The field of the parent's record that it is.
    pub field: FieldId,
    /// How often it stands there.
    pub occurs: Occurs,
    /// By what it is told from others; `None` where its place says it.
    pub when: Option<Rule>,
    /// Its fields; `None` for a group without bytes of its own.
    pub shape: Option<Shape>,
    /// What must hold of it on reading.
    pub require: Vec<Requirement>,
    /// Records within, in their order.
    pub children: Vec<NodeId>,
    /// Whether they follow one another in that order.
    pub order: Order,
}

/// How records follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As declared.
    #[default]
    Declared,
    /// In any order.
    Any,
}

/// What is done with records of no known kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownRecords {
    /// The file is refused.
    #[default]
    Refuse,
    /// They are passed over, and kept where a file is decoded to be encoded again.
    Skip,
}

impl Default for Layout {
    /// Of no records.
    fn default() -> Self {
        let mut schema = Schema::default();
        let root = schema.add_record(crate::Record::default());
        Self {
            name: String::new(),
            schema,
            root,
            file: FileFormat::default(),
            nodes: Vec::new(),
            top: Vec::new(),
            order: Order::default(),
            unknown: UnknownRecords::default(),
        }
    }
}

impl Layout {
    /// A node of an id that this layout gave out.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// Its name, with those of what is around it: `batch.entry`.
    pub fn path(&self, id: NodeId) -> String {
        let node = self.node(id);
        match node.parent {
            Some(parent) => format!("{}.{}", self.path(parent), node.name),
            None => node.name.clone(),
        }
    }

    /// The node of such a path.
    pub fn find(&self, path: &str) -> Option<NodeId> {
        let mut among = &self.top;
        let mut found = None;
        for name in path.split('.') {
            let id = *among.iter().find(|id| self.node(**id).name == name)?;
            among = &self.node(id).children;
            found = Some(id);
        }
        found
    }

    /// Takes one variant wherever it is declared, whatever its rule says, and none of those beside it: for records whose rule asks for what is
    /// not in the file. Whether there is such a variant.
    pub fn choose_variant(&mut self, name: &str) -> bool {
        let mut found = false;
        for shape in self.nodes.iter_mut().filter_map(|node| node.shape.as_mut()) {
            found |= choose(&mut shape.items, name);
        }
        found
    }

    /// Every node with its id.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().enumerate().map(|(index, node)| (NodeId(index as u32), node))
    }
}

/// Chooses a variant of these items, or of those within them.
fn choose(items: &mut [Item], name: &str) -> bool {
    let mut found = false;
    if items.iter().any(|item| item.variant && *item.name == *name) {
        found = true;
        for item in items.iter_mut().filter(|item| item.variant) {
            item.when = (*item.name != *name).then(Rule::default);
        }
    }
    for item in items {
        if let ItemContent::Group(_, within) = &mut item.content {
            found |= choose(within, name);
        }
    }
    found
}
