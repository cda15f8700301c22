//! Wire bytes into slots: one pass, fields found by number in a table.

use super::wire::{Wire, WireType};
use crate::{
    Captured, ReadError, ReadErrorKind, Selection, Slot, Unknown,
    reader::{Action, action},
    select::Node as SelectedNode,
};
use bumpalo::Bump;
use portolan_schema::{Field, Presence, ProtoKind, Schema, TypeId, Wire as FieldWire};

/// How deep messages may be nested, as in other implementations of protobuf.
pub const MAX_DEPTH: u32 = 100;

/// Field numbers below this are found by index.
const DENSE: usize = 256;

/// Reads protobuf wire as one selection wants it.
#[derive(Debug)]
pub struct ProtobufReader {
    nodes: Vec<Node>,
    width: u16,
    refuse_unknown: bool,
}

#[derive(Debug)]
struct Node {
    /// Index of an entry plus one, by field number.
    dense: Vec<u16>,
    /// In the order of field numbers.
    entries: Vec<Entry>,
    open: bool,
}

#[derive(Debug)]
struct Entry {
    number: u32,
    name: Box<str>,
    wire: WireType,
    content: Content,
    action: Action,
    /// The default value is read as absent.
    implicit: bool,
    /// Slots of the other members of the same oneof.
    clears: Box<[u16]>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Content {
    Number,
    Text,
    Octets,
    Message,
}

struct Reading<'r, 'a> {
    arena: &'a Bump,
    captured: &'r mut Captured<'a>,
    start: usize,
}

impl ProtobufReader {
    /// Compiles a selection of a protobuf document.
    pub fn compile(schema: &Schema, selection: &Selection) -> Self {
        let nodes = selection.nodes().map(|node| Node::compile(schema, selection, node)).collect();
        let width = selection.widths().first().copied().unwrap_or(0);
        Self { nodes, width, refuse_unknown: selection.unknown() == Unknown::Refuse }
    }

    /// Reads a whole message.
    pub fn read<'a>(
        &self,
        input: &'a [u8],
        arena: &'a Bump,
        captured: &mut Captured<'a>,
    ) -> Result<(), ReadError> {
        captured.reset(self.width);
        let mut reading = Reading { arena, captured, start: input.as_ptr() as usize };
        self.message(&mut reading, &mut Wire::new(input), 0, 0, MAX_DEPTH, None)
    }

    /// Reads fields until the end, or until the end of group `group`.
    fn message<'a>(
        &self,
        reading: &mut Reading<'_, 'a>,
        wire: &mut Wire<'a>,
        node: u32,
        row: usize,
        depth: u32,
        group: Option<u32>,
    ) -> Result<(), ReadError> {
        let base = (wire.bytes.as_ptr() as usize).wrapping_sub(reading.start);
        let Some(node) = self.nodes.get(node as usize) else { return Ok(()) };
        while !wire.is_empty() {
            let failed = |kind, at: usize| ReadError::new(kind, base + at);
            let (number, wire_type) = wire.tag().map_err(|kind| failed(kind, wire.at))?;
            if wire_type == WireType::EndGroup {
                let ends = group == Some(number);
                return if ends { Ok(()) } else { Err(failed(ReadErrorKind::Malformed, wire.at)) };
            }
            let Some(entry) = node.find(number) else {
                if self.refuse_unknown && !node.open {
                    return Err(failed(ReadErrorKind::UnknownField(number), wire.at));
                }
                wire.skip(number, wire_type, depth).map_err(|kind| failed(kind, wire.at))?;
                continue;
            };
            self.field(reading, wire, entry, wire_type, row, depth, base)
                .map_err(|e| e.inside(&entry.name))?;
        }
        match group {
            None => Ok(()),
            Some(_) => Err(ReadError::new(ReadErrorKind::Truncated, base + wire.at)),
        }
    }

    #[inline]
    #[allow(clippy::too_many_arguments, reason = "the state of one pass, taken apart for speed")]
    fn field<'a>(
        &self,
        reading: &mut Reading<'_, 'a>,
        wire: &mut Wire<'a>,
        entry: &Entry,
        wire_type: WireType,
        row: usize,
        depth: u32,
        base: usize,
    ) -> Result<(), ReadError> {
        for slot in &entry.clears {
            reading.captured.set(row + usize::from(*slot), Slot::Absent);
        }
        let result = match entry.action {
            Action::Skip => wire.skip(entry.number, wire_type, depth),
            Action::Scalar { slot } if wire_type == entry.wire => {
                scalar(reading, wire, entry, wire_type, row + usize::from(slot))
            }
            Action::Item { list, width, item, node: None } => {
                items(reading, wire, entry, wire_type, row + usize::from(list), width, item)
            }
            Action::Record { slot, node } if wire_type == entry.wire => {
                reading.captured.set(row + usize::from(slot), Slot::Present);
                return self.nested(reading, wire, entry, node, row, depth, base);
            }
            Action::Item { list, width, item, node: Some(node) } if wire_type == entry.wire => {
                let inner = reading.captured.push_item(row + usize::from(list), width);
                reading.captured.set(inner + usize::from(item), Slot::Present);
                return self.nested(reading, wire, entry, node, inner, depth, base);
            }
            _ => Err(ReadErrorKind::WireType),
        };
        result.map_err(|kind| ReadError::new(kind, base + wire.at))
    }

    #[allow(clippy::too_many_arguments, reason = "the state of one pass, taken apart for speed")]
    fn nested<'a>(
        &self,
        reading: &mut Reading<'_, 'a>,
        wire: &mut Wire<'a>,
        entry: &Entry,
        node: u32,
        row: usize,
        depth: u32,
        base: usize,
    ) -> Result<(), ReadError> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(ReadError::new(ReadErrorKind::TooDeep, base + wire.at));
        };
        if entry.wire == WireType::StartGroup {
            return self.message(reading, wire, node, row, depth, Some(entry.number));
        }
        let bytes = wire.length_delimited().map_err(|kind| ReadError::new(kind, base + wire.at))?;
        self.message(reading, &mut Wire::new(bytes), node, row, depth, None)
    }
}

#[inline]
fn scalar<'a>(
    reading: &mut Reading<'_, 'a>,
    wire: &mut Wire<'a>,
    entry: &Entry,
    wire_type: WireType,
    place: usize,
) -> Result<(), ReadErrorKind> {
    let slot = match entry.content {
        Content::Number => match wire.bits(wire_type)? {
            0 if entry.implicit => Slot::Absent,
            bits => Slot::Bits(bits),
        },
        Content::Text => {
            let text = std::str::from_utf8(wire.length_delimited()?).map_err(|_| ReadErrorKind::Utf8)?;
            if text.is_empty() && entry.implicit { Slot::Absent } else { Slot::Text(text) }
        }
        Content::Octets => {
            let bytes = wire.length_delimited()?;
            if bytes.is_empty() && entry.implicit { Slot::Absent } else { Slot::Bytes(bytes) }
        }
        // A message that comes twice is merged, which for wire bytes is to put one behind the other.
        Content::Message => match (reading.captured.get(place), wire.length_delimited()?) {
            (Slot::Bytes(before), bytes) if !before.is_empty() => {
                let mut both =
                    bumpalo::collections::Vec::with_capacity_in(before.len() + bytes.len(), reading.arena);
                both.extend_from_slice(before);
                both.extend_from_slice(bytes);
                Slot::Bytes(both.into_bump_slice())
            }
            (_, bytes) => Slot::Bytes(bytes),
        },
    };
    reading.captured.set(place, slot);
    Ok(())
}

/// One item, or a packed run of them.
fn items<'a>(
    reading: &mut Reading<'_, 'a>,
    wire: &mut Wire<'a>,
    entry: &Entry,
    wire_type: WireType,
    list: usize,
    width: u16,
    item: u16,
) -> Result<(), ReadErrorKind> {
    if wire_type == entry.wire {
        let row = reading.captured.push_item(list, width);
        return scalar(reading, wire, entry, wire_type, row + usize::from(item));
    }
    if wire_type != WireType::Length || entry.content != Content::Number {
        return Err(ReadErrorKind::WireType);
    }
    let mut packed = Wire::new(wire.length_delimited()?);
    while !packed.is_empty() {
        let row = reading.captured.push_item(list, width);
        scalar(reading, &mut packed, entry, entry.wire, row + usize::from(item))?;
    }
    Ok(())
}

impl Node {
    fn compile(schema: &Schema, selection: &Selection, node: &SelectedNode) -> Self {
        let record = schema.record(node.record);
        let mut entries: Vec<Entry> = record
            .fields_with_ids()
            .filter_map(|(id, field)| {
                let FieldWire::Protobuf { number, kind, .. } = field.wire else { return None };
                let (wire, content) = encoding(kind);
                let clears = match field.choice {
                    None => Box::default(),
                    Some(choice) => other_members(selection, node, |other| {
                        other != id && schema.field(node.record, other).choice == Some(choice)
                    }),
                };
                let implicit = is_implicit(field);
                let action = action(selection, &node.fields, id);
                Some(Entry {
                    number,
                    name: field.name.as_str().into(),
                    wire,
                    content,
                    action,
                    implicit,
                    clears,
                })
            })
            .collect();
        entries.sort_by_key(|e| e.number);
        let highest = entries.iter().map(|e| e.number as usize).filter(|n| *n < DENSE).max().unwrap_or(0);
        let mut dense = vec![0; highest + 1];
        for (i, entry) in entries.iter().enumerate().take(usize::from(u16::MAX) - 1) {
            if let Some(place) = dense.get_mut(entry.number as usize) {
                *place = (i + 1) as u16;
            }
        }
        Self { dense, entries, open: record.open }
    }

    #[inline]
    fn find(&self, number: u32) -> Option<&Entry> {
        match self.dense.get(number as usize) {
            Some(0) => None,
            Some(index) => self.entries.get(usize::from(*index) - 1),
            None => self.entries.binary_search_by_key(&number, |e| e.number).ok().map(|i| &self.entries[i]),
        }
    }
}

/// Whether the default value of a field is read as absent.
pub(crate) fn is_implicit(field: &Field) -> bool {
    field.presence == Presence::Implicit && !field.occurs.is_list() && matches!(field.ty, TypeId::Scalar(_))
}

/// The slots, in the same row, of the selected fields that `wanted` names, with all that lies below them.
fn other_members(
    selection: &Selection,
    node: &SelectedNode,
    wanted: impl Fn(portolan_schema::FieldId) -> bool,
) -> Box<[u16]> {
    let mut slots = Vec::new();
    let mut open: Vec<_> = node.fields.iter().filter(|(f, _)| wanted(*f)).map(|(_, s)| *s).collect();
    while let Some(selected) = open.pop() {
        slots.push(selected.slot.index);
        if let Some(inner) = selected.node {
            open.extend(selection.node_at(inner).fields.iter().map(|(_, s)| *s));
        }
    }
    slots.into()
}

fn encoding(kind: ProtoKind) -> (WireType, Content) {
    use ProtoKind::*;
    match kind {
        Double | Fixed64 | Sfixed64 => (WireType::Fixed64, Content::Number),
        Float | Fixed32 | Sfixed32 => (WireType::Fixed32, Content::Number),
        Int32 | Int64 | Uint32 | Uint64 | Sint32 | Sint64 | Bool | Enum => {
            (WireType::Varint, Content::Number)
        }
        String => (WireType::Length, Content::Text),
        Bytes => (WireType::Length, Content::Octets),
        Group => (WireType::StartGroup, Content::Message),
        Message | Timestamp | Duration | Date | TimeOfDay | Decimal | DoubleValue | FloatValue
        | Int32Value | Int64Value | Uint32Value | Uint64Value | BoolValue | StringValue | BytesValue => {
            (WireType::Length, Content::Message)
        }
    }
}
