//! The rules of a contract for a whole message (`buf.validate`, `google.api.field_behavior`), tested on the wire: also of what no
//! mapping reads. A pass of its own, which only contracts with rules pay for.

use super::{
    read::{Content, MAX_DEPTH, encoding, is_implicit},
    value_rules::ValueCheck,
    wire::{Wire, WireType, split_tag},
};
use crate::{Decoder, ReadErrorKind, Slot, Value, ValueProblem};
use bumpalo::{Bump, collections::Vec as BumpVec};
use portolan_schema::{
    Document, Exclusive, Field, FieldId, ItemRules, RecordId, Schema, TypeId, Way, Wire as FieldWire,
};
use std::collections::HashMap;

/// The rules of one document.
#[derive(Debug)]
pub struct Rules {
    /// The first is the document.
    nodes: Vec<Node>,
}

/// A rule that a message breaks, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The fields that lead there, items counted from 0: `orders[2].price`.
    pub path: String,
    /// The rule.
    pub rule: BrokenRule,
}

/// Which rule. The text stands by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenRule {
    /// Of a value.
    #[error("the value {0}")]
    Value(ValueProblem),
    /// A field that must be set is not.
    #[error("it is required and not set")]
    Missing,
    /// Of these, one must be set.
    #[error("one of `{0}` must be set")]
    NoneSet(String),
    /// Of these, at most one may be set.
    #[error("no more than one of `{0}` may be set")]
    SeveralSet(String),
    /// A list is too short.
    #[error("there are fewer than {0} items")]
    TooFew(u64),
    /// A list is too long.
    #[error("there are more than {0} items")]
    TooMany(u64),
    /// A list has a value twice.
    #[error("an item stands there more than once")]
    Repeated,
    /// It cannot be read.
    #[error("{0}")]
    Wire(ReadErrorKind),
}

impl std::error::Error for Broken {}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "{}", self.rule),
            path => write!(f, "`{path}`: {}", self.rule),
        }
    }
}

impl Broken {
    fn new(rule: BrokenRule) -> Self {
        Self { path: String::new(), rule }
    }

    /// Names the field that it lies in; called from the innermost outwards.
    fn inside(mut self, entry: &Entry, item: Option<usize>) -> Self {
        let item = item.filter(|_| !entry.map).map(|i| format!("[{i}]")).unwrap_or_default();
        let below = if self.path.is_empty() { String::new() } else { format!(".{}", self.path) };
        self.path = format!("{}{item}{below}", entry.name);
        self
    }
}

impl From<ReadErrorKind> for Broken {
    fn from(kind: ReadErrorKind) -> Self {
        Self::new(BrokenRule::Wire(kind))
    }
}

#[derive(Debug, Default)]
struct Node {
    /// The fields that have rules, or lead to some, in the order of their numbers.
    entries: Vec<Entry>,
    /// Entries of which at most one may be set, or one must be.
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Entry {
    number: u32,
    name: Box<str>,
    wire: WireType,
    content: Content,
    decoder: Decoder,
    list: bool,
    map: bool,
    /// Absence is zero, and zero is absence.
    implicit: bool,
    ignore_zero: bool,
    required: bool,
    items: ItemRules,
    value: Option<ValueCheck>,
    /// The rules of what is below.
    below: Option<usize>,
    /// The group of alternatives on the wire: the last one that stands there is set.
    choice: Option<u32>,
}

#[derive(Debug)]
struct Group {
    entries: Vec<usize>,
    names: String,
    required: bool,
}

/// What stands there for a field.
#[derive(Debug, Clone, Copy, Default)]
struct Seen<'a> {
    slot: Slot<'a>,
    count: usize,
}

impl Rules {
    /// Compiles what a contract demands of a document; `None` where that is nothing.
    pub fn compile(schema: &Schema, document: &Document, way: Way) -> Option<Self> {
        if document.element.is_some() || !schema.has_rules() {
            return None;
        }
        let wanted = reaching(schema, document.record);
        if !wanted.contains_key(&document.record) {
            return None;
        }
        let mut order: Vec<(usize, RecordId)> = wanted.iter().map(|(record, index)| (*index, *record)).collect();
        order.sort_unstable();
        let nodes = order.into_iter().map(|(_, record)| Node::compile(schema, record, way, &wanted));
        Some(Self { nodes: nodes.collect() })
    }

    /// Tests a message.
    pub fn test(&self, message: &[u8], arena: &Bump) -> Result<(), Broken> {
        self.message(0, message, arena, MAX_DEPTH)
    }

    fn message(&self, node: usize, message: &[u8], arena: &Bump, depth: u32) -> Result<(), Broken> {
        let Some(node) = self.nodes.get(node) else { return Ok(()) };
        let depth = depth.checked_sub(1).ok_or(ReadErrorKind::TooDeep)?;
        let mut seen = BumpVec::from_iter_in(node.entries.iter().map(|_| Seen::default()), arena);
        let mut lists = BumpVec::from_iter_in(node.entries.iter().map(|_| BumpVec::new_in(arena)), arena);
        let mut wire = Wire::new(message);
        while !wire.is_empty() {
            let (number, wire_type) = split_tag(wire.raw_tag()?)?;
            let Ok(index) = node.entries.binary_search_by_key(&number, |entry| entry.number) else {
                wire.skip(number, wire_type, depth)?;
                continue;
            };
            let entry = &node.entries[index];
            if entry.list {
                let packed = wire_type == WireType::Length
                    && matches!(entry.content, Content::Varint | Content::Fixed);
                if packed {
                    let mut run = Wire::new(wire.length_delimited()?);
                    while !run.is_empty() {
                        lists[index].push(Slot::Bits(run.bits(entry.wire)?));
                    }
                } else if let Some(slot) = slot(&mut wire, entry, wire_type, depth)? {
                    lists[index].push(slot);
                }
            } else if let Some(slot) = slot(&mut wire, entry, wire_type, depth)? {
                let before = seen[index];
                if let Some(choice) = entry.choice {
                    for (other, seen) in node.entries.iter().zip(seen.iter_mut()) {
                        if other.choice == Some(choice) {
                            *seen = Seen::default();
                        }
                    }
                }
                seen[index] = Seen { slot: merged(before.slot, slot, entry, arena), count: 1 };
            }
        }
        for (entry, (seen, list)) in node.entries.iter().zip(seen.iter_mut().zip(&lists)) {
            match entry.list {
                true => {
                    seen.count = list.len();
                    self.list(entry, list, arena, depth)?;
                }
                false => {
                    seen.count = usize::from(entry.is_set(seen.slot));
                    self.single(entry, seen.slot, arena, depth)?;
                }
            }
        }
        node.groups.iter().try_for_each(|group| group.test(&seen))
    }

    fn single(&self, entry: &Entry, slot: Slot<'_>, arena: &Bump, depth: u32) -> Result<(), Broken> {
        let is_set = entry.is_set(slot);
        let tested = match is_set {
            false if entry.required => Err(Broken::new(BrokenRule::Missing)),
            false if !entry.implicit || entry.ignore_zero => Ok(()),
            _ => self.value(entry, slot, arena, depth),
        };
        tested.map_err(|broken| broken.inside(entry, None))
    }

    fn list(&self, entry: &Entry, list: &[Slot<'_>], arena: &Bump, depth: u32) -> Result<(), Broken> {
        let count = list.len() as u64;
        let rule = match (entry.items.min, entry.items.max) {
            _ if count == 0 && entry.required => Some(BrokenRule::Missing),
            _ if count == 0 && entry.ignore_zero => None,
            (Some(least), _) if count < least => Some(BrokenRule::TooFew(least)),
            (_, Some(most)) if count > most => Some(BrokenRule::TooMany(most)),
            _ if entry.items.unique && repeats(list) => Some(BrokenRule::Repeated),
            _ => None,
        };
        if let Some(rule) = rule {
            return Err(Broken::new(rule).inside(entry, None));
        }
        list.iter().enumerate().try_for_each(|(index, slot)| {
            self.value(entry, *slot, arena, depth).map_err(|broken| broken.inside(entry, Some(index)))
        })
    }

    /// A value that is there, or the zero that stands for it.
    fn value(&self, entry: &Entry, slot: Slot<'_>, arena: &Bump, depth: u32) -> Result<(), Broken> {
        if let (Some(below), Slot::Bytes(message)) = (entry.below, slot) {
            self.message(below, message, arena, depth)?;
        }
        let Some(check) = &entry.value else { return Ok(()) };
        let problem = |problem| Broken::new(BrokenRule::Value(problem));
        if let Slot::Bits(bits) = slot
            && check.is_of_codes()
        {
            return check.code(bits as i32).map_err(problem);
        }
        let value = entry.decoder.value(slot, arena).map_err(problem)?;
        match (value, entry.decoder.implicit()) {
            (Value::Absent, _) if check.is_of_codes() => check.code(0),
            (Value::Absent, Some(zero)) => check.test(zero),
            (Value::Absent, None) => Ok(()),
            (value, _) => check.test(value),
        }
        .map_err(problem)
    }
}

impl Group {
    fn test(&self, seen: &[Seen<'_>]) -> Result<(), Broken> {
        let set = self.entries.iter().filter(|index| seen[**index].count > 0).count();
        let rule = match set {
            0 if self.required => BrokenRule::NoneSet(self.names.clone()),
            0 | 1 => return Ok(()),
            _ => BrokenRule::SeveralSet(self.names.clone()),
        };
        Err(Broken::new(rule))
    }
}

impl Entry {
    fn is_set(&self, slot: Slot<'_>) -> bool {
        match slot {
            Slot::Absent => false,
            Slot::Bits(0) | Slot::Bytes(&[]) => !self.implicit,
            _ => true,
        }
    }
}

/// One value; `None` where it is of another wire type than the contract's, which is an unknown field.
fn slot<'a>(
    wire: &mut Wire<'a>,
    entry: &Entry,
    wire_type: WireType,
    depth: u32,
) -> Result<Option<Slot<'a>>, ReadErrorKind> {
    if wire_type == WireType::EndGroup {
        return Err(ReadErrorKind::Malformed);
    }
    if wire_type != entry.wire {
        return wire.skip(entry.number, wire_type, depth).map(|()| None);
    }
    let start = wire.at;
    Ok(Some(match (entry.content, wire_type) {
        (Content::Varint | Content::Fixed, wire_type) => Slot::Bits(wire.bits(wire_type)?),
        (_, WireType::StartGroup) => {
            wire.skip(entry.number, wire_type, depth)?;
            let group = &wire.bytes[start..wire.at];
            let mut end_tag = Vec::new();
            super::wire::push_varint(&mut end_tag, u64::from(entry.number << 3 | 4));
            Slot::Bytes(&group[..group.len().saturating_sub(end_tag.len())])
        }
        _ => Slot::Bytes(wire.length_delimited()?),
    }))
}

/// A message that comes twice is merged, which for wire bytes is to put one behind the other. Of other values the last one counts.
fn merged<'a>(before: Slot<'a>, slot: Slot<'a>, entry: &Entry, arena: &'a Bump) -> Slot<'a> {
    match (entry.content, before, slot) {
        (Content::Message, Slot::Bytes(before), Slot::Bytes(bytes)) => {
            let mut both = BumpVec::with_capacity_in(before.len() + bytes.len(), arena);
            both.extend_from_slice(before);
            both.extend_from_slice(bytes);
            Slot::Bytes(both.into_bump_slice())
        }
        _ => slot,
    }
}

/// Whether a value stands there twice.
fn repeats(list: &[Slot<'_>]) -> bool {
    let mut known = std::collections::HashSet::with_capacity(list.len());
    list.iter().any(|slot| match slot {
        Slot::Bits(bits) => !known.insert((Some(*bits), [].as_slice())),
        Slot::Bytes(bytes) => !known.insert((None, *bytes)),
        _ => false,
    })
}

impl Node {
    fn compile(schema: &Schema, record: RecordId, way: Way, wanted: &HashMap<RecordId, usize>) -> Self {
        let choices = schema.record(record).choices.iter();
        let required: Vec<bool> = choices.map(|choice| choice.required).collect();
        let excluded: Vec<FieldId> =
            schema.exclusive(record).iter().flat_map(|group| group.fields.clone()).collect();
        let mut entries: Vec<(FieldId, Entry)> = Vec::new();
        for (id, field) in schema.record(record).fields_with_ids() {
            let grouped = excluded.contains(&id)
                || field.choice.is_some_and(|c| required.get(c.0 as usize).copied().unwrap_or(false));
            let Some(entry) = Entry::compile(schema, (record, id), field, way, wanted) else { continue };
            let has_choice = field.choice.is_some();
            if entry.matters() || grouped || has_choice {
                entries.push((id, entry));
            }
        }
        entries.sort_by_key(|(_, entry)| entry.number);
        let mut groups: Vec<Group> = Vec::new();
        for (index, _) in required.iter().enumerate().filter(|(_, required)| **required) {
            let is_member = |entry: &Entry| entry.choice == Some(index as u32);
            groups.push(Group::of(&entries, |_, entry| is_member(entry), true));
        }
        for Exclusive { fields, required } in schema.exclusive(record) {
            groups.push(Group::of(&entries, |id, _| fields.contains(&id), *required));
        }
        Self { entries: entries.into_iter().map(|(_, entry)| entry).collect(), groups }
    }
}

impl Group {
    fn of(entries: &[(FieldId, Entry)], is_member: impl Fn(FieldId, &Entry) -> bool, required: bool) -> Self {
        let members: Vec<usize> = entries
            .iter()
            .enumerate()
            .filter(|(_, (id, entry))| is_member(*id, entry))
            .map(|(index, _)| index)
            .collect();
        let names: Vec<&str> = members.iter().map(|index| &*entries[*index].1.name).collect();
        Self { names: names.join("`, `"), entries: members, required }
    }
}

impl Entry {
    fn compile(
        schema: &Schema,
        (record, id): (RecordId, FieldId),
        field: &Field,
        way: Way,
        wanted: &HashMap<RecordId, usize>,
    ) -> Option<Self> {
        let FieldWire::Protobuf { number, kind, map, .. } = field.wire else { return None };
        let (wire, content) = encoding(kind);
        let none = portolan_schema::FieldRules::default();
        let rules = schema.rules(record, id).unwrap_or(&none);
        let below = match field.ty {
            TypeId::Record(record) if !rules.ignored => wanted.get(&record).copied(),
            _ => None,
        };
        let value = match field.ty {
            TypeId::Scalar(scalar) => ValueCheck::compile(&rules.value, &schema.scalar(scalar).kind),
            TypeId::Record(_) => None,
        };
        Some(Self {
            number,
            name: field.name.as_str().into(),
            wire,
            content,
            decoder: Decoder::compile(schema, record, id),
            list: field.occurs.is_list(),
            map,
            implicit: is_implicit(field),
            ignore_zero: rules.ignore_zero,
            required: rules.required && rules.behavior.required_in(way),
            items: rules.items,
            value,
            below,
            choice: field.choice.map(|choice| choice.0),
        })
    }

    /// Whether anything is demanded of it.
    fn matters(&self) -> bool {
        self.required || self.items != ItemRules::default() || self.value.is_some() || self.below.is_some()
    }
}

/// The records below one that have rules or lead to some, numbered from that one on.
fn reaching(schema: &Schema, root: RecordId) -> HashMap<RecordId, usize> {
    let (mut order, mut at) = (vec![root], 0);
    let mut known = std::collections::HashSet::from([root]);
    while let Some(record) = order.get(at).copied() {
        at += 1;
        order.extend(below(schema, record).filter(|below| known.insert(*below)));
    }
    let mut wanted: std::collections::HashSet<RecordId> =
        order.iter().copied().filter(|record| has_rules(schema, *record)).collect();
    loop {
        let more: Vec<RecordId> = order
            .iter()
            .copied()
            .filter(|record| !wanted.contains(record))
            .filter(|record| below(schema, *record).any(|below| wanted.contains(&below)))
            .collect();
        if more.is_empty() {
            break;
        }
        wanted.extend(more);
    }
    let wanted = order.into_iter().filter(|record| wanted.contains(record));
    wanted.enumerate().map(|(index, record)| (record, index)).collect()
}

fn has_rules(schema: &Schema, record: RecordId) -> bool {
    let declared = schema.record(record);
    declared.choices.iter().any(|choice| choice.required)
        || !schema.exclusive(record).is_empty()
        || declared.fields_with_ids().any(|(id, _)| schema.rules(record, id).is_some())
}

/// The records that the fields of one hold, but for those whose rules the contract ignores.
fn below(schema: &Schema, record: RecordId) -> impl Iterator<Item = RecordId> {
    let declared = schema.record(record);
    declared.fields_with_ids().filter_map(move |(id, field)| match field.ty {
        TypeId::Record(below) if !schema.rules(record, id).is_some_and(|rules| rules.ignored) => Some(below),
        _ => None,
    })
}
