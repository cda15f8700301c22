//! Messages made of records, read into slots: each selected field is a slice of its record, interpreted where it is used.
//!
//! A message is what [`portolan_schema::layout::Excerpt`] says: records as they stand in the file, each behind its node and its
//! length. Which record follows which was found out when the message was taken from the file.

use std::{ops::Range, sync::Arc};

use bumpalo::Bump;
use portolan_schema::{
    FieldId,
    layout::{Excerpt, Extent, NodeId, Short, Start, Times},
};

use super::{
    RecordFile,
    field::FieldCodec,
    formula::Facts,
    part::{Form, Part, PartKind},
    walk,
};
use crate::{Captured, ReadError, ReadErrorKind, Selection, Slot, Value, reader::Action};

/// Bytes before each record: its node and its length.
pub(super) const HEAD: usize = 6;

/// Reads the messages of one layout as one selection wants them.
#[derive(Debug)]
pub struct ExcerptReader {
    file: Arc<RecordFile>,
    /// What is done with each record, by node.
    programs: Vec<Option<Program>>,
    width: u16,
    /// Whether anything asks for records that came before.
    remembers: bool,
}

/// What is done with a record.
#[derive(Debug)]
struct Program {
    /// The record or group that is around it, by node; the message itself, where `None`.
    around: Option<usize>,
    /// How it is entered.
    entry: Action,
    /// Its fields that are selected, where all of them lie at places that never change.
    fixed: Option<Vec<Step>>,
    /// The same by their declaration.
    wanted: Wanted,
}

/// Selected fields of a record or group.
#[derive(Debug, Default)]
struct Wanted(Vec<(FieldId, Action, Wanted)>);

/// A field at a place that never changes.
#[derive(Debug)]
struct Step {
    from: usize,
    to: usize,
    slot: u16,
    /// Which part of the form, by its index at each level.
    path: Box<[u32]>,
    kind: StepKind,
}

#[derive(Debug)]
enum StepKind {
    /// A group that is always there.
    Present,
    /// A value whose bytes may stand for none.
    Value,
    /// A value that is always there.
    Always,
    /// A text that is always there.
    Text(Box<FieldCodec>),
}

impl ExcerptReader {
    /// Compiles a selection of the messages of a layout.
    pub(crate) fn compile(
        schema: &portolan_schema::Schema,
        excerpt: &Excerpt,
        selection: &Selection,
    ) -> Self {
        let file = Arc::new(RecordFile::compile(Arc::clone(&excerpt.layout)));
        let nodes = excerpt.layout.nodes.len();
        let mut programs: Vec<Option<Program>> = (0..nodes).map(|_| None).collect();
        for part in &excerpt.parts {
            // From the document down: the record's own field comes last.
            let mut at = Some(Selection::ROOT);
            let mut entry = Action::Skip;
            for (_, field) in &part.path {
                let Some(node) = at else {
                    entry = Action::Skip;
                    break;
                };
                let fields = &selection.node_at(node).fields;
                entry = crate::reader::action(selection, fields, *field);
                at = match entry {
                    Action::Record { node, .. } => Some(crate::NodeId(node)),
                    Action::Item { node: Some(node), .. } => Some(crate::NodeId(node)),
                    _ => None,
                };
            }
            let wanted = match at {
                Some(node) if !matches!(entry, Action::Skip) => Wanted::of(selection, node),
                _ => Wanted::default(),
            };
            let around = excerpt.layout.node(part.node).parent.map(|parent| parent.0 as usize);
            let form = file.forms[part.node.0 as usize].as_ref().filter(|form| form.delimited.is_none());
            let fixed = form.and_then(|form| {
                let mut steps = Vec::new();
                wanted.steps(&form.parts, 0, &mut Vec::new(), &mut steps).then_some(steps)
            });
            programs[part.node.0 as usize] = Some(Program { around, entry, fixed, wanted });
        }
        let _ = schema;
        let remembers = file.totals.kept.iter().any(|kept| *kept);
        let width = selection.widths().first().copied().unwrap_or(0);
        Self { file, programs, width, remembers }
    }

    /// Reads a whole message.
    pub(crate) fn read<'a>(
        &self,
        input: &'a [u8],
        arena: &'a Bump,
        captured: &mut Captured<'a>,
    ) -> Result<(), ReadError> {
        captured.reset(self.width);
        let mut rows = bumpalo::vec![in arena; 0usize; self.programs.len()];
        let mut before: Vec<Option<Vec<u8>>> =
            if self.remembers { vec![None; self.programs.len()] } else { Vec::new() };
        let mut at = 0;
        while at < input.len() {
            let error = |kind| ReadError::new(kind, at);
            let head = input.get(at..at + HEAD).ok_or_else(|| error(ReadErrorKind::Truncated))?;
            let node = usize::from(u16::from_be_bytes([head[0], head[1]]));
            let length = u32::from_be_bytes([head[2], head[3], head[4], head[5]]) as usize;
            let from = at + HEAD;
            let record = input
                .get(from..from.saturating_add(length))
                .ok_or_else(|| error(ReadErrorKind::Truncated))?;
            let program = self.programs.get(node).and_then(Option::as_ref);
            let program = program.ok_or_else(|| error(ReadErrorKind::Malformed))?;
            let around = program.around.and_then(|around| rows.get(around)).copied().unwrap_or(0);
            let row = match program.entry {
                Action::Record { slot, .. } => {
                    captured.set(around + usize::from(slot), Slot::Present);
                    around
                }
                Action::Item { list, width, item, .. } => {
                    let row = captured.push_item(around + usize::from(list), width);
                    captured.set(row + usize::from(item), Slot::Present);
                    row
                }
                _ => around,
            };
            if let Some(place) = rows.get_mut(node) {
                *place = row;
            }
            self.record(node, program, record, row, &before, arena, captured)
                .map_err(|e| ReadError { offset: from + e.offset, ..e })?;
            if self.remembers && self.file.totals.kept.get(node) == Some(&true) {
                before[node] = Some(record.to_vec());
            }
            at = from + length;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "they are what reading a record needs")]
    #[inline]
    fn record<'a>(
        &self,
        node: usize,
        program: &Program,
        record: &'a [u8],
        row: usize,
        before: &[Option<Vec<u8>>],
        arena: &'a Bump,
        captured: &mut Captured<'a>,
    ) -> Result<(), ReadError> {
        let Some(form) = self.file.forms.get(node).and_then(Option::as_ref) else { return Ok(()) };
        let record = match form.delimited.is_none()
            && record.len() < form.least
            && self.file.layout.file.short == Short::Pad
        {
            true => self.file.padded(record, Some(form.least), arena),
            false => record,
        };
        let Some(steps) = &program.fixed else {
            let unfolded = match &form.delimited {
                None => None,
                Some(how) => Some(
                    super::delimited::unfold(record, how, arena)
                        .ok_or_else(|| ReadError::new(ReadErrorKind::Malformed, 0))?,
                ),
            };
            let (record, columns) = match &unfolded {
                Some((values, columns)) => (*values, Some(*columns)),
                None => (record, None),
            };
            let facts = Facts {
                record,
                from: 0,
                within: None,
                walked: None,
                columns,
                node: Some(NodeId(node as u32)),
                number: 0,
                last: false,
                text: &self.file.text,
                forms: &self.file.forms,
                before,
                totals: &[],
                ordinals: &[],
                records: 0,
                block: 1,
            };
            return self.walk(&program.wanted, &form.parts, 0, row, record, &facts, arena, captured);
        };
        for step in steps {
            let place = row + usize::from(step.slot);
            if let StepKind::Present = step.kind {
                captured.set(place, Slot::Present);
                continue;
            }
            let Some(bytes) = record.get(step.from..step.to) else {
                if self.file.layout.file.short == Short::Null {
                    continue;
                }
                return Err(cut_off(form, &step.path, record.len()));
            };
            // Each kind sets the slot by itself: one that is put together first takes a detour through memory.
            match &step.kind {
                StepKind::Present => {}
                StepKind::Always => captured.set(place, Slot::Bytes(bytes)),
                StepKind::Text(codec) => match codec.plain(bytes) {
                    Some(plain) => captured.set(place, Slot::Bytes(plain)),
                    None => captured.set(place, codec.text(bytes, arena).map_or(Slot::Present, Slot::Text)),
                },
                StepKind::Value => {
                    if let Some(part) = form.at(&step.path) {
                        captured.set(place, captured_value(part, bytes, arena));
                    }
                }
            }
        }
        Ok(())
    }

    /// Fields whose places are another in each record.
    #[allow(clippy::too_many_arguments, reason = "they are what reading a record needs")]
    fn walk<'a>(
        &self,
        wanted: &Wanted,
        parts: &[Part],
        base: usize,
        row: usize,
        record: &'a [u8],
        facts: &Facts<'_>,
        arena: &'a Bump,
        captured: &mut Captured<'a>,
    ) -> Result<(), ReadError> {
        let mut result = Ok(());
        let scratch = Bump::new();
        walk::each(parts, base, facts, &scratch, &mut |found, length| {
            let part = found.part;
            let Some((_, action, inner)) = part.field.and_then(|field| wanted.get(field)) else { return };
            if result.is_err() || found.count == 0 && part.times == Times::Once {
                return;
            }
            match *action {
                Action::Skip => {}
                Action::Scalar { slot } => {
                    let end = found.start.saturating_add(length(found.start));
                    match taken(record, facts, found.start..end) {
                        Some(bytes) if too_long(part, bytes) => {
                            result =
                                Err(ReadError::new(ReadErrorKind::TooLong, found.start).inside(&part.name));
                        }
                        Some(bytes) => {
                            captured.set(row + usize::from(slot), captured_signed(part, bytes, facts, arena));
                        }
                        // A line that has too few values is refused when it is read, if it may not.
                        None if facts.columns.is_some() => {}
                        None => result = short(part, record.len(), self.file.layout.file.short),
                    }
                }
                Action::Record { slot, .. } => {
                    captured.set(row + usize::from(slot), Slot::Present);
                    result = self
                        .walk(inner, part.parts(), found.start, row, record, facts, arena, captured)
                        .map_err(|e| e.inside(&part.name));
                }
                Action::Item { list, width, item, .. } => {
                    let mut at = found.start;
                    for _ in 0..found.count {
                        let bytes = length(at);
                        let place = captured.push_item(row + usize::from(list), width);
                        let slot = match part.kind {
                            PartKind::Value(_) => taken(record, facts, at..at.saturating_add(bytes))
                                .map_or(Slot::Absent, |bytes| captured_signed(part, bytes, facts, arena)),
                            _ => Slot::Present,
                        };
                        captured.set(place + usize::from(item), slot);
                        if !part.parts().is_empty() {
                            let inside =
                                self.walk(inner, part.parts(), at, place, record, facts, arena, captured);
                            if let Err(error) = inside {
                                result = Err(error.inside(&part.name));
                                return;
                            }
                        }
                        at = at.saturating_add(bytes);
                    }
                }
            }
        });
        result
    }
}

/// A record that ends before a field that must be there.
#[cold]
fn cut_off(form: &Form, path: &[u32], length: usize) -> ReadError {
    let error = ReadError::new(ReadErrorKind::Truncated, length);
    super::read::name_of(form, path).split('.').rev().fold(error, ReadError::inside)
}

/// The bytes of a place; of delimited values the one in its column.
#[inline]
fn taken<'a>(record: &'a [u8], facts: &Facts<'_>, place: Range<usize>) -> Option<&'a [u8]> {
    match facts.columns {
        None => record.get(place),
        Some(columns) => record.get(columns.get(place.start)?.clone()),
    }
}

/// Whether a delimited value is longer than its field allows.
fn too_long(part: &Part, bytes: &[u8]) -> bool {
    !part.lenient && part.exceeded(bytes)
}

#[cold]
fn short(part: &Part, length: usize, policy: Short) -> Result<(), ReadError> {
    match policy {
        Short::Null => Ok(()),
        _ if part.shared || part.when.is_some() => Ok(()),
        _ => Err(ReadError::new(ReadErrorKind::Truncated, length).inside(&part.name)),
    }
}

/// The same of a number whose sign may be in another field.
fn captured_signed<'a>(part: &Part, bytes: &'a [u8], facts: &Facts<'_>, arena: &'a Bump) -> Slot<'a> {
    let Some(sign) = &part.sign else { return captured_value(part, bytes, arena) };
    if sign.is_null(bytes) {
        return Slot::Absent;
    }
    captured_value(part, sign.bytes_at_least(bytes, facts, arena), arena)
}

/// What is captured of a field's bytes: nothing, where they stand for no value.
#[inline]
fn captured_value<'a>(part: &Part, bytes: &'a [u8], arena: &'a Bump) -> Slot<'a> {
    let PartKind::Value(codec) = &part.kind else { return Slot::Absent };
    if codec.is_null(bytes) {
        return Slot::Absent;
    }
    if codec.is_text() {
        return match codec.text(bytes, arena) {
            Ok(text) => Slot::Text(text),
            Err(_) if part.shared || part.lenient => Slot::Absent,
            Err(_) => Slot::Present,
        };
    }
    if part.shared || part.lenient {
        // Bytes that cannot be read are no value, which has to be found out now.
        let scratch = Bump::new();
        return match codec.read(bytes, &scratch) {
            Ok(Value::Absent) | Err(_) => Slot::Absent,
            Ok(_) => Slot::Bytes(bytes),
        };
    }
    Slot::Bytes(bytes)
}

impl Wanted {
    fn of(selection: &Selection, node: crate::NodeId) -> Self {
        let fields = &selection.node_at(node).fields;
        Self(
            fields
                .iter()
                .map(|(field, _)| {
                    let action = crate::reader::action(selection, fields, *field);
                    let inner = match action {
                        Action::Record { node, .. } | Action::Item { node: Some(node), .. } => {
                            Self::of(selection, crate::NodeId(node))
                        }
                        _ => Self::default(),
                    };
                    (*field, action, inner)
                })
                .collect(),
        )
    }

    fn get(&self, field: FieldId) -> Option<&(FieldId, Action, Self)> {
        self.0.iter().find(|(known, ..)| *known == field)
    }

    /// Steps for all of it; `false` where a place varies.
    fn steps(&self, parts: &[Part], base: usize, path: &mut Vec<u32>, steps: &mut Vec<Step>) -> bool {
        for (index, part) in parts.iter().enumerate() {
            let Some((_, action, inner)) = part.field.and_then(|field| self.get(field)) else { continue };
            let start = match part.start {
                Start::At(offset) => base + offset as usize,
                Start::Like(other) => match parts.get(other as usize).map(|other| other.start) {
                    Some(Start::At(offset)) => base + offset as usize,
                    _ => return false,
                },
                Start::Next | Start::FromEnd(_) => return false,
            };
            if part.when.is_some() || part.times != Times::Once || part.varies || part.sign.is_some() {
                return false;
            }
            let Extent::Bytes(bytes) = part.extent else { return false };
            path.push(index as u32);
            let step = |slot, kind| Step {
                from: start,
                to: start + bytes as usize,
                slot,
                path: path.as_slice().into(),
                kind,
            };
            match *action {
                Action::Scalar { slot } => {
                    let PartKind::Value(codec) = &part.kind else { return false };
                    let always = !codec.has_nulls() && !part.shared && !part.lenient;
                    steps.push(step(
                        slot,
                        match (always, codec.is_text()) {
                            (false, _) => StepKind::Value,
                            (true, false) => StepKind::Always,
                            (true, true) => StepKind::Text(codec.clone()),
                        },
                    ));
                }
                Action::Record { slot, .. } => {
                    steps.push(step(slot, StepKind::Present));
                    if !inner.steps(part.parts(), start, path, steps) {
                        return false;
                    }
                }
                Action::Item { .. } => return false,
                Action::Skip => {}
            }
            path.pop();
        }
        true
    }
}
