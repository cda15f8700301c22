//! Wire bytes into slots: one pass, fields found by number in a table.

use super::wire::{Wire, WireType, split_tag};
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
    /// The number with the wire type that the contract gives it.
    tag: u32,
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
pub(super) enum Content {
    Varint,
    Fixed,
    /// Text, or octets.
    Bytes,
    Message,
}

/// Where the fields of a message go, how much deeper it may nest, and where its bytes begin in the input.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    depth: u32,
    base: usize,
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
            let tag = wire.raw_tag().map_err(|kind| ReadError::new(kind, base + wire.at))?;
            let place = Place { row, depth, base };
            match node.find(tag >> 3) {
                Some(entry) if entry.tag == tag => {
                    self.field(reading, wire, entry, place).map_err(|e| e.inside(&entry.name))?;
                }
                entry => match self.unexpected(reading, wire, tag, entry, node.open, place)? {
                    Some(ended) if group == Some(ended) => return Ok(()),
                    Some(_) => return Err(ReadError::new(ReadErrorKind::Malformed, base + wire.at)),
                    None => {}
                },
            }
        }
        match group {
            None => Ok(()),
            Some(_) => Err(ReadError::new(ReadErrorKind::Truncated, base + wire.at)),
        }
    }

    /// A field of the contract, in the contract's wire type.
    #[inline]
    fn field<'a>(
        &self,
        reading: &mut Reading<'_, 'a>,
        wire: &mut Wire<'a>,
        entry: &Entry,
        place: Place,
    ) -> Result<(), ReadError> {
        let row = place.row;
        for slot in &entry.clears {
            reading.captured.set(row + usize::from(*slot), Slot::Absent);
        }
        let result = match entry.action {
            Action::Scalar { slot } => scalar(reading, wire, entry, row + usize::from(slot)),
            Action::Skip => wire.skip(entry.number, entry.wire, place.depth),
            Action::Item { list, width, item, node: None } => {
                let inner = reading.captured.push_item(row + usize::from(list), width);
                scalar(reading, wire, entry, inner + usize::from(item))
            }
            Action::Record { slot, node } => {
                reading.captured.set(row + usize::from(slot), Slot::Present);
                return self.nested(reading, wire, entry, node, place);
            }
            Action::Item { list, width, item, node: Some(node) } => {
                let inner = reading.captured.push_item(row + usize::from(list), width);
                reading.captured.set(inner + usize::from(item), Slot::Present);
                return self.nested(reading, wire, entry, node, Place { row: inner, ..place });
            }
        };
        result.map_err(|kind| ReadError::new(kind, place.base + wire.at))
    }

    /// What is not in the contract, or not in its wire type. Gives the number of a group that ends here.
    #[cold]
    fn unexpected<'a>(
        &self,
        reading: &mut Reading<'_, 'a>,
        wire: &mut Wire<'a>,
        tag: u32,
        entry: Option<&Entry>,
        open: bool,
        place: Place,
    ) -> Result<Option<u32>, ReadError> {
        let failed = |kind, wire: &Wire<'_>| ReadError::new(kind, place.base + wire.at);
        let (number, wire_type) = split_tag(tag).map_err(|kind| failed(kind, wire))?;
        if wire_type == WireType::EndGroup {
            return Ok(Some(number));
        }
        let result = match entry.map(|e| (e, e.action)) {
            None if self.refuse_unknown && !open => {
                return Err(failed(ReadErrorKind::UnknownField(number), wire).inside(&number.to_string()));
            }
            None | Some((_, Action::Skip)) => wire.skip(number, wire_type, place.depth),
            Some((entry, Action::Item { list, width, item, node: None }))
                if wire_type == WireType::Length =>
            {
                packed(reading, wire, entry, place.row + usize::from(list), width, item)
            }
            Some(_) => Err(ReadErrorKind::WireType),
        };
        result.map(|()| None).map_err(|kind| {
            let error = failed(kind, wire);
            entry.map_or(error.clone(), |entry| error.inside(&entry.name))
        })
    }

    fn nested<'a>(
        &self,
        reading: &mut Reading<'_, 'a>,
        wire: &mut Wire<'a>,
        entry: &Entry,
        node: u32,
        place: Place,
    ) -> Result<(), ReadError> {
        let failed = |kind, wire: &Wire<'_>| ReadError::new(kind, place.base + wire.at);
        let depth = place.depth.checked_sub(1).ok_or_else(|| failed(ReadErrorKind::TooDeep, wire))?;
        if entry.wire == WireType::StartGroup {
            return self.message(reading, wire, node, place.row, depth, Some(entry.number));
        }
        let bytes = wire.length_delimited().map_err(|kind| failed(kind, wire))?;
        self.message(reading, &mut Wire::new(bytes), node, place.row, depth, None)
    }
}

#[inline]
fn scalar<'a>(
    reading: &mut Reading<'_, 'a>,
    wire: &mut Wire<'a>,
    entry: &Entry,
    place: usize,
) -> Result<(), ReadErrorKind> {
    let number = |bits| if bits == 0 && entry.implicit { Slot::Absent } else { Slot::Bits(bits) };
    let slot = match entry.content {
        Content::Varint => number(wire.varint()?),
        Content::Fixed => number(wire.bits(entry.wire)?),
        Content::Bytes => {
            let bytes = wire.length_delimited()?;
            if bytes.is_empty() && entry.implicit { Slot::Absent } else { Slot::Bytes(bytes) }
        }
        Content::Message => merged(reading, wire, place)?,
    };
    reading.captured.set(place, slot);
    Ok(())
}

/// A message that comes twice is merged, which for wire bytes is to put one behind the other.
fn merged<'a>(
    reading: &Reading<'_, 'a>,
    wire: &mut Wire<'a>,
    place: usize,
) -> Result<Slot<'a>, ReadErrorKind> {
    let bytes = wire.length_delimited()?;
    Ok(match reading.captured.get(place) {
        Slot::Bytes(before) if !before.is_empty() => {
            let length = before.len() + bytes.len();
            let mut both = bumpalo::collections::Vec::with_capacity_in(length, reading.arena);
            both.extend_from_slice(before);
            both.extend_from_slice(bytes);
            Slot::Bytes(both.into_bump_slice())
        }
        _ => Slot::Bytes(bytes),
    })
}

/// A packed run of numbers, where the contract has them one by one or packed.
fn packed<'a>(
    reading: &mut Reading<'_, 'a>,
    wire: &mut Wire<'a>,
    entry: &Entry,
    list: usize,
    width: u16,
    item: u16,
) -> Result<(), ReadErrorKind> {
    if !matches!(entry.content, Content::Varint | Content::Fixed) {
        return Err(ReadErrorKind::WireType);
    }
    let mut run = Wire::new(wire.length_delimited()?);
    while !run.is_empty() {
        let row = reading.captured.push_item(list, width);
        scalar(reading, &mut run, entry, row + usize::from(item))?;
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
                    tag: number << 3 | wire as u32,
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

pub(super) fn encoding(kind: ProtoKind) -> (WireType, Content) {
    use ProtoKind::*;
    match kind {
        Double | Fixed64 | Sfixed64 => (WireType::Fixed64, Content::Fixed),
        Float | Fixed32 | Sfixed32 => (WireType::Fixed32, Content::Fixed),
        Int32 | Int64 | Uint32 | Uint64 | Sint32 | Sint64 | Bool | Enum => {
            (WireType::Varint, Content::Varint)
        }
        String | Bytes => (WireType::Length, Content::Bytes),
        Group => (WireType::StartGroup, Content::Message),
        Message | Timestamp | Duration | Date | TimeOfDay | Decimal | DoubleValue | FloatValue
        | Int32Value | Int64Value | Uint32Value | Uint64Value | BoolValue | StringValue | BytesValue => {
            (WireType::Length, Content::Message)
        }
    }
}
