//! Reading, whatever the format: wire bytes in, captured slots out.

use crate::{Captured, FrameId, ReadError, Selected, Selection, protobuf, records, xml};
use bumpalo::Bump;
use portolan_schema::{Document, FieldId};

/// A reader compiled for one document and one selection.
#[derive(Debug)]
pub enum Reader {
    /// Protobuf wire.
    Protobuf(protobuf::ProtobufReader),
    /// XML.
    Xml(xml::XmlReader),
    /// Records of a file.
    Records(Box<records::ExcerptReader>),
}

impl Reader {
    /// Compiles the reader of the document's own format.
    pub fn compile(schema: &portolan_schema::Schema, document: &Document, selection: &Selection) -> Self {
        if let Some(excerpt) = &document.excerpt {
            return Self::Records(Box::new(records::ExcerptReader::compile(schema, excerpt, selection)));
        }
        match &document.element {
            None => Self::Protobuf(protobuf::ProtobufReader::compile(schema, selection)),
            Some(root) => Self::Xml(xml::XmlReader::compile(schema, root, document.encoded, selection)),
        }
    }

    /// Of what others write: XML elements are taken for those that are meant where they are qualified otherwise than the
    /// contract says and nothing else can be meant.
    #[must_use]
    pub fn lenient(self) -> Self {
        match self {
            Self::Xml(reader) => Self::Xml(reader.lenient()),
            other => other,
        }
    }

    /// The first element that a lenient reader took for another.
    pub fn taken(&self) -> Option<&str> {
        match self {
            Self::Xml(reader) => reader.taken(),
            Self::Protobuf(_) | Self::Records(_) => None,
        }
    }

    /// Reads a whole document. Text that cannot be borrowed from the input lies in the arena.
    pub fn read<'a>(
        &self,
        input: &'a [u8],
        arena: &'a Bump,
        captured: &mut Captured<'a>,
    ) -> Result<(), ReadError> {
        match self {
            Self::Protobuf(reader) => reader.read(input, arena, captured),
            Self::Xml(reader) => reader.read(input, arena, captured),
            Self::Records(reader) => reader.read(input, arena, captured),
        }
    }
}

/// What is done with a known field when it is met; slots are relative to the current row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    /// Known and not selected.
    Skip,
    /// One value.
    Scalar { slot: u16 },
    /// One record.
    Record { slot: u16, node: u32 },
    /// An item of a list.
    Item { list: u16, width: u16, item: u16, node: Option<u32> },
}

/// The action for a field of a node.
pub(crate) fn action(selection: &Selection, fields: &[(FieldId, Selected)], field: FieldId) -> Action {
    let Some((_, selected)) = fields.iter().find(|(f, _)| *f == field) else { return Action::Skip };
    let slot = selected.slot.index;
    match (selected.item, selected.node) {
        (Some(item), _) => {
            let FrameId(frame) = item.frame;
            let width = selection.widths().get(usize::from(frame)).copied().unwrap_or(0);
            Action::Item { list: slot, width, item: item.slot.index, node: item.node.map(|n| n.0) }
        }
        (None, Some(node)) => Action::Record { slot, node: node.0 },
        (None, None) => Action::Scalar { slot },
    }
}
