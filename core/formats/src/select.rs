//! What a mapping wants of a document: decided when it loads, so that reading looks no name up that nobody asked for.
//!
//! A selection is a tree of *nodes* (records of the source that hold wanted fields) laid out in *frames* (rows of
//! slots). The document has one frame; each list has a frame of its own that is instantiated once an item. A slot is
//! named by frame and index, both known at load time, so the items of an outer list stay reachable from an inner one.

use portolan_schema::{Document, FieldId, RecordId, Schema, TypeId};

/// A frame of one [`Selection`]; 0 is the document's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameId(pub u16);

/// A node of one [`Selection`]; 0 is the document's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(pub u32);

/// A slot: which row, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SlotRef {
    /// The frame.
    pub frame: FrameId,
    /// The slot within the frame. Index 0 of a list's frame is the link to the next item and never handed out.
    pub index: u16,
}

/// What to do with fields that the contract does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// The document is refused: nothing is dropped quietly.
    #[default]
    Refuse,
    /// The mapping says that they may be dropped.
    Ignore,
}

/// A field that was selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selected {
    /// Its slot: a scalar's value, a record's presence, or a list's items.
    pub slot: SlotRef,
    /// What the field (or each item of it) is.
    pub ty: TypeId,
    /// For lists: the frame of an item.
    pub item: Option<Item>,
    /// For records that are not lists: the node to select further fields from.
    pub node: Option<NodeId>,
}

/// The items of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// The frame that is instantiated for each.
    pub frame: FrameId,
    /// The slot of the item itself: a scalar's value, a record's presence (nil items are seen here).
    pub slot: SlotRef,
    /// For records: the node to select an item's fields from.
    pub node: Option<NodeId>,
}

/// A node: a record with its selected fields.
#[derive(Debug, Clone)]
pub struct Node {
    /// The record.
    pub record: RecordId,
    /// The frame in which its scalars lie.
    pub frame: FrameId,
    /// The selected fields.
    pub fields: Vec<(FieldId, Selected)>,
}

/// What is wanted of a document.
#[derive(Debug, Clone)]
pub struct Selection {
    nodes: Vec<Node>,
    widths: Vec<u16>,
    unknown: Unknown,
}

impl Selection {
    /// Nothing yet, of a document.
    pub fn new(document: &Document, unknown: Unknown) -> Self {
        let root = Node { record: document.record, frame: FrameId(0), fields: Vec::new() };
        Self { nodes: vec![root], widths: vec![0], unknown }
    }

    /// The node of the document's own record.
    pub const ROOT: NodeId = NodeId(0);

    /// Wants a field of a node. Asking twice gives the same slot.
    pub fn field(&mut self, schema: &Schema, at: NodeId, field: FieldId) -> Selected {
        let node = &self.nodes[at.0 as usize];
        if let Some((_, known)) = node.fields.iter().find(|(f, _)| *f == field) {
            return *known;
        }
        let (record, frame) = (node.record, node.frame);
        let declared = schema.field(record, field);
        let slot = self.slot(frame);
        let selected = if declared.occurs.is_list() {
            self.widths.push(1);
            let inner = FrameId((self.widths.len() - 1) as u16);
            let item = Item { frame: inner, slot: self.slot(inner), node: self.node(declared.ty, inner) };
            Selected { slot, ty: declared.ty, item: Some(item), node: None }
        } else {
            Selected { slot, ty: declared.ty, item: None, node: self.node(declared.ty, frame) }
        };
        self.nodes[at.0 as usize].fields.push((field, selected));
        selected
    }

    /// Another place to stand in the items of a list: its frame has no rows of its own, and is entered at those of the
    /// list's. So two items of one list are looked at side by side.
    pub fn alias(&mut self) -> FrameId {
        self.widths.push(0);
        FrameId((self.widths.len() - 1) as u16)
    }

    fn slot(&mut self, frame: FrameId) -> SlotRef {
        let width = &mut self.widths[frame.0 as usize];
        *width += 1;
        SlotRef { frame, index: *width - 1 }
    }

    fn node(&mut self, ty: TypeId, frame: FrameId) -> Option<NodeId> {
        let TypeId::Record(record) = ty else { return None };
        self.nodes.push(Node { record, frame, fields: Vec::new() });
        Some(NodeId((self.nodes.len() - 1) as u32))
    }

    /// A node of this selection.
    pub fn node_at(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// Every node, in the order of their ids.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// How many slots each frame has, the link of item frames included.
    pub fn widths(&self) -> &[u16] {
        &self.widths
    }

    /// What to do with fields that the contract does not know.
    pub fn unknown(&self) -> Unknown {
        self.unknown
    }
}
