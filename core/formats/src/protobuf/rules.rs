//! The rules of a contract for a whole message (`buf.validate`, `google.api.field_behavior`), tested on the wire: also of what no
//! mapping reads. A pass of its own, which only contracts with rules pay for.

use super::{
    read::{Content, MAX_DEPTH, encoding, is_implicit},
    value_rules::ValueCheck,
    wire::{Wire, WireType, split_tag},
};
use crate::{Decoder, ReadErrorKind, Slot, Value, ValueProblem};
use bumpalo::Bump;
use portolan_schema::{
    Document, Exclusive, Field, FieldId, ItemRules, RecordId, Schema, TypeId, Way, Wire as FieldWire,
};
use std::collections::{HashMap, HashSet};

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
#[derive(Default)]
struct Seen<'a> {
    slot: Slot<'a>,
    /// How many items, or whether it is set.
    count: usize,
    /// Of a message, every part that came.
    parts: Vec<&'a [u8]>,
}

/// Where an item of a list stands.
struct Item<'i, 'a> {
    /// The items of lists without repetitions, by the list.
    known: &'i mut HashSet<(usize, Option<u64>, &'a [u8])>,
    index: usize,
    count: &'i mut usize,
}

impl<'a> Item<'_, 'a> {
    fn is_new(&mut self, slot: Slot<'a>) -> bool {
        match slot {
            Slot::Bits(bits) => self.known.insert((self.index, Some(bits), &[])),
            Slot::Bytes(bytes) => self.known.insert((self.index, None, bytes)),
            _ => true,
        }
    }
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
        let mut order: Vec<(usize, RecordId)> =
            wanted.iter().map(|(record, index)| (*index, *record)).collect();
        order.sort_unstable();
        let nodes = order.into_iter().map(|(_, record)| Node::compile(schema, record, way, &wanted));
        Some(Self { nodes: nodes.collect() })
    }

    /// Tests a message.
    pub fn test(&self, message: &[u8], arena: &Bump) -> Result<(), Broken> {
        self.message(0, &[message], arena, MAX_DEPTH)
    }

    /// Tests a message that came in so many parts: one that comes twice is merged, which for wire bytes is to read one behind the other.
    fn message(&self, node: usize, parts: &[&[u8]], arena: &Bump, depth: u32) -> Result<(), Broken> {
        let Some(node) = self.nodes.get(node) else { return Ok(()) };
        let depth = depth.checked_sub(1).ok_or(ReadErrorKind::TooDeep)?;
        // On the heap, and not in the arena: of a long list, each item's is freed before the next.
        let mut seen: Vec<Seen<'_>> = node.entries.iter().map(|_| Seen::default()).collect();
        let mut known = HashSet::new();
        for part in parts {
            let mut wire = Wire::new(part);
            while !wire.is_empty() {
                let (number, wire_type) = split_tag(wire.raw_tag()?)?;
                match node.entries.binary_search_by_key(&number, |entry| entry.number) {
                    Err(_) => wire.skip(number, wire_type, depth)?,
                    Ok(index) if node.entries[index].list => {
                        let (entry, count) = (&node.entries[index], &mut seen[index].count);
                        let item = Item { known: &mut known, index, count };
                        self.items(entry, &mut wire, wire_type, item, arena, depth)?;
                    }
                    Ok(index) => {
                        let entry = &node.entries[index];
                        if let Some(slot) = slot(&mut wire, entry, wire_type, depth)? {
                            node.set(&mut seen, index, slot);
                        }
                    }
                }
            }
        }
        for (entry, seen) in node.entries.iter().zip(seen.iter_mut()) {
            match entry.list {
                true => entry.counted(seen.count as u64).map_err(|broken| broken.inside(entry, None))?,
                false => {
                    let is_set = entry.is_set(seen.slot);
                    seen.count = usize::from(is_set);
                    let tested = match is_set {
                        false if entry.required => Err(Broken::new(BrokenRule::Missing)),
                        false if !entry.implicit || entry.ignore_zero => Ok(()),
                        _ => self.value(entry, seen.slot, &seen.parts, arena, depth),
                    };
                    tested.map_err(|broken| broken.inside(entry, None))?;
                }
            }
        }
        node.groups.iter().try_for_each(|group| group.test(&seen))
    }

    /// One item of a list, or a packed run of them. They are tested as they come, and not kept.
    fn items<'a>(
        &self,
        entry: &Entry,
        wire: &mut Wire<'a>,
        wire_type: WireType,
        mut item: Item<'_, 'a>,
        arena: &Bump,
        depth: u32,
    ) -> Result<(), Broken> {
        let is_number = matches!(entry.content, Content::Varint | Content::Fixed);
        if wire_type != WireType::Length || !is_number {
            let Some(slot) = slot(wire, entry, wire_type, depth)? else { return Ok(()) };
            return self.item(entry, slot, &mut item, arena, depth);
        }
        let mut run = Wire::new(wire.length_delimited()?);
        while !run.is_empty() {
            self.item(entry, Slot::Bits(run.bits(entry.wire)?), &mut item, arena, depth)?;
        }
        Ok(())
    }

    fn item<'a>(
        &self,
        entry: &Entry,
        slot: Slot<'a>,
        item: &mut Item<'_, 'a>,
        arena: &Bump,
        depth: u32,
    ) -> Result<(), Broken> {
        let at = *item.count;
        *item.count += 1;
        if let Some(most) = entry.items.max.filter(|most| *item.count as u64 > *most) {
            return Err(Broken::new(BrokenRule::TooMany(most)).inside(entry, None));
        }
        if entry.items.unique && !item.is_new(slot) {
            return Err(Broken::new(BrokenRule::Repeated).inside(entry, None));
        }
        let part = match slot {
            Slot::Bytes(bytes) => Some(bytes),
            _ => None,
        };
        self.value(entry, slot, part.as_slice(), arena, depth)
            .map_err(|broken| broken.inside(entry, Some(at)))
    }

    /// A value that is there, or the zero that stands for it.
    fn value(
        &self,
        entry: &Entry,
        slot: Slot<'_>,
        parts: &[&[u8]],
        arena: &Bump,
        depth: u32,
    ) -> Result<(), Broken> {
        if let Some(below) = entry.below {
            self.message(below, parts, arena, depth)?;
        }
        let Some(check) = &entry.value else { return Ok(()) };
        let problem = |problem| Broken::new(BrokenRule::Value(problem));
        let whole = if parts.len() > 1 { parts.concat() } else { Vec::new() };
        let slot = if parts.len() > 1 { Slot::Bytes(&whole) } else { slot };
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
    /// What is demanded of a whole list.
    fn counted(&self, count: u64) -> Result<(), Broken> {
        let least = self.items.min.filter(|least| count < *least);
        match least {
            _ if count == 0 && self.required => Err(Broken::new(BrokenRule::Missing)),
            Some(least) if count > 0 || !self.ignore_zero => Err(Broken::new(BrokenRule::TooFew(least))),
            _ => Ok(()),
        }
    }

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

impl Node {
    /// What comes last counts, and of alternatives only that which comes last.
    fn set<'a>(&self, seen: &mut [Seen<'a>], index: usize, slot: Slot<'a>) {
        if let Some(choice) = self.entries[index].choice {
            let others = self.entries.iter().zip(seen.iter_mut()).enumerate();
            for (_, (_, seen)) in others.filter(|(i, (e, _))| *i != index && e.choice == Some(choice)) {
                seen.slot = Slot::Absent;
                seen.parts.clear();
            }
        }
        let Some(seen) = seen.get_mut(index) else { return };
        seen.slot = slot;
        if let (Content::Message, Slot::Bytes(part)) = (self.entries[index].content, slot) {
            seen.parts.push(part);
        }
    }

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
    let mut known = HashSet::from([root]);
    while let Some(record) = order.get(at).copied() {
        at += 1;
        order.extend(below(schema, record).filter(|below| known.insert(*below)));
    }
    let mut wanted: HashSet<RecordId> =
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
