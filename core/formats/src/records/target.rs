//! Messages made of records, written: a record begins as its fillers and defaults would have it, and every field has its place.

use std::{collections::HashMap, sync::Arc};

use bumpalo::Bump;
use portolan_schema::{
    Document, FieldId, RecordId, Schema,
    layout::{Extent, NodeId, Start, Times},
};

use super::{
    RecordFile,
    field::FieldCodec,
    formula::{Facts, Formula},
    part::{Form, Part, PartKind},
    sign::SignElsewhere,
    slots::HEAD,
};
use crate::{Compact, Value, ValueProblem, Writer};

/// Writes the messages of one layout.
#[derive(Debug)]
pub struct RecordTarget {
    file: Arc<RecordFile>,
    root: NodeId,
    /// Where each field of the schema lies.
    places: HashMap<(RecordId, FieldId), RecordField>,
    /// What a record computes of its own fields, by node.
    computed: Arc<Vec<Vec<Computed>>>,
    template: Vec<u8>,
}

/// A field to be written.
#[derive(Debug, Clone)]
pub struct RecordField {
    place: Place,
    /// Where it begins, from the beginning of what is around it.
    offset: usize,
    length: usize,
    /// What stands there where nothing is written.
    blank: Arc<[u8]>,
    occurrences: Occurrences,
}

#[derive(Debug, Clone)]
enum Place {
    /// A value that fills its place.
    Value(Arc<FieldCodec>, Option<Arc<[Box<str>]>>),
    /// A number whose sign is in another field.
    Signed(Arc<Signed>),
    /// A text up to the record's end.
    Rest(Arc<FieldCodec>),
    /// Parts.
    Group,
    /// Another record.
    Node(NodeId, Arc<Vec<Vec<Computed>>>, Arc<RecordFile>),
    /// It lies behind something of varying length.
    Varies,
}

/// A number, and the field that says its sign.
#[derive(Debug)]
struct Signed {
    codec: FieldCodec,
    sign: SignElsewhere,
    /// Where the other field is, from the beginning of what is around the number.
    offset: i64,
    length: usize,
    said: FieldCodec,
}

impl Signed {
    /// Of a part of a group that begins `start` bytes after its record.
    fn of(form: &Form, part: &Part, start: usize) -> Option<Self> {
        let (sign, PartKind::Value(codec)) = (part.sign.as_ref()?, &part.kind) else { return None };
        let (offset, length) = offset_of(&form.parts, &sign.item)?;
        let PartKind::Value(said) = &form.at(&sign.item)?.kind else { return None };
        let offset = offset as i64 - start as i64;
        let (codec, said) = ((**codec).clone(), (**said).clone());
        Some(Self { codec, sign: sign.clone(), offset, length, said })
    }

    fn write(
        &self,
        value: Value<'_>,
        digits: std::ops::Range<usize>,
        at: usize,
        out: &mut [u8],
    ) -> Result<(), ValueProblem> {
        let slot = out.get_mut(digits).ok_or(ValueProblem::WrongKind)?;
        let negative = self.sign.write(&self.codec, value, slot)?.unwrap_or(false);
        let from = (at as i64).checked_add(self.offset).and_then(|from| usize::try_from(from).ok());
        let slot = from.and_then(|from| out.get_mut(from..from + self.length));
        self.said.write(Value::Text(self.sign.text(negative)), slot.ok_or(ValueProblem::WrongKind)?)
    }
}

/// Occurrences of a field within its record.
#[derive(Debug, Clone, Default)]
struct Occurrences {
    /// Where the group around them begins, from the beginning of the record.
    start: usize,
    most: u32,
    /// Room for all is there; otherwise each is appended.
    room: bool,
    count: Option<Count>,
}

/// Where the count of a list is written.
#[derive(Debug, Clone)]
struct Count {
    /// From the beginning of what is around the list.
    offset: i64,
    length: usize,
    codec: Arc<FieldCodec>,
    /// Which text means how many.
    words: Arc<[(Box<str>, u32)]>,
}

impl Occurrences {
    /// Of a part of a group that begins `start` bytes after its record.
    fn of(form: &Form, part: &Part, start: usize) -> Self {
        match &part.times {
            Times::Once => Self { start, most: 1, room: true, count: None },
            Times::Fixed(most) => Self { start, most: *most, room: true, count: None },
            Times::Counted { most, by, words, room, .. } => {
                let count = offset_of(&form.parts, by).and_then(|(offset, length)| {
                    let PartKind::Value(codec) = &form.at(by)?.kind else { return None };
                    let codec = Arc::new((**codec).clone());
                    let offset = offset as i64 - start as i64;
                    Some(Count { offset, length, codec, words: words.as_slice().into() })
                });
                Self { start, most: *most, room: *room, count }
            }
        }
    }
}

/// A value that a record computes of its own fields.
#[derive(Debug)]
struct Computed {
    from: usize,
    to: usize,
    path: Vec<u32>,
}

impl RecordTarget {
    /// Notes where the fields of a group lie that begins `start` bytes after its record.
    fn place(
        &mut self,
        form: &Form,
        parts: &[Part],
        record: RecordId,
        schema: &Schema,
        start: usize,
        template: &[u8],
    ) {
        let end = template.len();
        for part in parts {
            let Some(field) = part.field else { continue };
            let offset = match part.start {
                Start::At(offset) => offset as usize,
                Start::Like(other) => match parts.get(other as usize).map(|other| other.start) {
                    Some(Start::At(offset)) => offset as usize,
                    _ => usize::MAX,
                },
                Start::FromEnd(bytes) => end.saturating_sub(start + bytes as usize),
                Start::Next => usize::MAX,
            };
            let length = match part.extent {
                Extent::Bytes(bytes) => bytes as usize,
                _ => 0,
            };
            let blank =
                template.get(start + offset.min(end)..start + offset.min(end) + length).unwrap_or_default();
            let place = match (&part.kind, part.extent) {
                _ if offset == usize::MAX || matches!(part.extent, Extent::Counted(_)) => Place::Varies,
                (PartKind::Value(_), _) if part.sign.is_some() => match Signed::of(form, part, start) {
                    Some(signed) => Place::Signed(Arc::new(signed)),
                    None => Place::Varies,
                },
                (PartKind::Value(codec), Extent::Rest) => Place::Rest(Arc::new((**codec).clone())),
                (PartKind::Value(codec), _) => Place::Value(
                    Arc::new((**codec).clone()),
                    part.listed.as_ref().map(|listed| listed.as_slice().into()),
                ),
                (PartKind::Group(_), _) => Place::Group,
                (PartKind::Filler { .. }, _) => continue,
            };
            let occurrences = Occurrences::of(form, part, start);
            let made = RecordField { place, offset, length, blank: blank.into(), occurrences };
            self.places.insert((record, field), made);
            if let PartKind::Group(inner) = &part.kind
                && let Some(of) = group_record(schema, record, field)
                && offset != usize::MAX
            {
                self.place(form, inner, of, schema, start + offset, template);
            }
        }
    }
}

fn group_record(schema: &Schema, record: RecordId, field: FieldId) -> Option<RecordId> {
    match schema.field(record, field).ty {
        portolan_schema::TypeId::Record(record) => Some(record),
        portolan_schema::TypeId::Scalar(_) => None,
    }
}

/// A record before anything is written into it.
fn template(file: &RecordFile, node: NodeId) -> Vec<u8> {
    let Some(form) = file.forms.get(node.0 as usize).and_then(Option::as_ref) else { return Vec::new() };
    let mut record = vec![file.blank; form.least];
    blanks(&form.parts, 0, &mut record);
    record
}

fn blanks(parts: &[Part], base: usize, record: &mut [u8]) {
    for part in parts {
        let Start::At(offset) = part.start else { continue };
        let Extent::Bytes(bytes) = part.extent else { continue };
        let times = match part.times {
            Times::Once => 1,
            Times::Fixed(times) => times,
            Times::Counted { most, room: true, .. } => most,
            Times::Counted { .. } => 0,
        };
        for index in 0..times as usize {
            let start = base + offset as usize + index * bytes as usize;
            let Some(slot) = record.get_mut(start..start + bytes as usize) else { continue };
            match &part.kind {
                PartKind::Filler { fill, .. } => fill.write(slot),
                PartKind::Group(parts) => {
                    if part.when.is_none() && !part.shared {
                        blanks(parts, start, record);
                    }
                }
                PartKind::Value(codec) => {
                    let nothing = part.default.as_deref().map_or(Value::Absent, Value::Text);
                    let mut bytes = vec![0; slot.len()];
                    // What has no form for nothing is left blank until it is written.
                    let written = match &part.sign {
                        None => codec.write(nothing, &mut bytes),
                        Some(sign) => sign.write(codec, nothing, &mut bytes).map(|_| ()),
                    };
                    if part.when.is_none() && written.is_ok() {
                        slot.copy_from_slice(&bytes);
                    }
                }
            }
        }
    }
}

fn head(node: NodeId, length: usize) -> [u8; HEAD] {
    let (node, length) = ((node.0 as u16).to_be_bytes(), (length as u32).to_be_bytes());
    [node[0], node[1], length[0], length[1], length[2], length[3]]
}

/// Notes how long the record is that begins at `at` and ends with `out`.
fn measure(at: usize, out: &mut [u8]) {
    let length = (out.len().saturating_sub(at) as u32).to_be_bytes();
    if let Some(place) = at.checked_sub(4).and_then(|from| out.get_mut(from..at)) {
        place.copy_from_slice(&length);
    }
}

/// Computes what a record says of its own fields.
fn compute(file: &RecordFile, node: NodeId, computed: &[Computed], at: usize, out: &mut [u8]) {
    let Some(form) = file.forms.get(node.0 as usize).and_then(Option::as_ref) else { return };
    for one in computed {
        let Some(part) = form.at(&one.path) else { continue };
        let (PartKind::Value(codec), Some((formula, _))) = (&part.kind, &part.value) else { continue };
        let arena = Bump::new();
        let mut bytes = vec![0; one.to - one.from];
        {
            let record = out.get(at..).unwrap_or_default();
            let facts = facts(file, node, record);
            let value = match formula.value(&facts, &arena) {
                Value::Decimal(number) => Value::Decimal(number.normalized()),
                value => value,
            };
            if codec.write(value, &mut bytes).is_err() {
                continue;
            }
        }
        if let Some(slot) = out.get_mut(at + one.from..at + one.to) {
            slot.copy_from_slice(&bytes);
        }
    }
}

fn facts<'f>(file: &'f RecordFile, node: NodeId, record: &'f [u8]) -> Facts<'f> {
    Facts {
        record,
        from: 0,
        within: None,
        columns: None,
        node: Some(node),
        number: 0,
        last: false,
        text: &file.text,
        forms: &file.forms,
        before: &[],
        totals: &[],
        ordinals: &[],
        records: 0,
        block: 1,
    }
}

/// Whether a formula asks for nothing but the record's own fields.
fn is_own(formula: &Formula, node: NodeId) -> bool {
    let mut own = true;
    formula.each(&mut |part| match part {
        Formula::Field(place) | Formula::Has(place) => own &= place.record == node,
        Formula::Previous(..)
        | Formula::Total(_)
        | Formula::Count(..)
        | Formula::Sum(..)
        | Formula::Ordinal(_)
        | Formula::File(_) => {
            own = false;
        }
        _ => {}
    });
    own
}

fn own_values(parts: &[Part], node: NodeId, base: usize, path: &mut Vec<u32>, all: &mut Vec<Computed>) {
    for (index, part) in parts.iter().enumerate() {
        path.push(index as u32);
        if let (Start::At(offset), Extent::Bytes(bytes)) = (part.start, part.extent) {
            let from = base + offset as usize;
            if part.value.as_ref().is_some_and(|(formula, _)| is_own(formula, node)) {
                all.push(Computed { from, to: from + bytes as usize, path: path.clone() });
            }
            if part.when.is_none() && part.times == Times::Once {
                own_values(part.parts(), node, from, path, all);
            }
        }
        path.pop();
    }
}

impl Writer for RecordTarget {
    type Field = RecordField;

    const POSITIONAL: bool = true;

    fn new(schema: &Schema, document: &Document) -> Self {
        let Some(excerpt) = &document.excerpt else {
            // Only documents of records are given to this writer.
            let empty = portolan_schema::layout::Layout::default();
            let file = Arc::new(RecordFile::compile(Arc::new(empty)));
            return Self {
                file,
                root: NodeId(0),
                places: HashMap::new(),
                computed: Arc::default(),
                template: Vec::new(),
            };
        };
        let file = Arc::new(RecordFile::compile(Arc::clone(&excerpt.layout)));
        let mut computed: Vec<Vec<Computed>> = Vec::new();
        for (index, form) in file.forms.iter().enumerate() {
            let mut all = Vec::new();
            if let Some(form) = form {
                own_values(&form.parts, NodeId(index as u32), 0, &mut Vec::new(), &mut all);
            }
            computed.push(all);
        }
        let computed = Arc::new(computed);
        let template_of_root = template(&file, excerpt.each);
        let mut target = Self {
            file: Arc::clone(&file),
            root: excerpt.each,
            places: HashMap::new(),
            computed: Arc::clone(&computed),
            template: template_of_root,
        };
        for part in &excerpt.parts {
            let Some(form) = &file.forms[part.node.0 as usize] else { continue };
            let blank = template(&file, part.node);
            target.place(form, &form.parts, part.record, schema, 0, &blank);
            if part.node != excerpt.each
                && let Some((record, field)) = part.path.last()
            {
                let place = Place::Node(part.node, Arc::clone(&computed), Arc::clone(&file));
                let field_place = RecordField {
                    place,
                    offset: 0,
                    length: 0,
                    blank: blank.into(),
                    occurrences: Occurrences { start: 0, most: u32::MAX, room: true, count: None },
                };
                target.places.insert((*record, *field), field_place);
            }
        }
        target
    }

    fn field(&mut self, _: &Schema, record: RecordId, field: FieldId, _: bool) -> Self::Field {
        self.places.get(&(record, field)).cloned().unwrap_or(RecordField {
            place: Place::Varies,
            offset: 0,
            length: 0,
            blank: Arc::default(),
            occurrences: Occurrences::default(),
        })
    }

    fn seal(&mut self, _: bool) {}

    fn is_attribute(_: &Self::Field) -> bool {
        false
    }

    fn open(&self, out: &mut Vec<u8>) -> usize {
        out.extend_from_slice(&head(self.root, self.template.len()));
        let at = out.len();
        out.extend_from_slice(&self.template);
        at
    }

    fn open_end(&self, _: &mut Vec<u8>) {}

    fn close(&self, at: usize, out: &mut Vec<u8>) {
        if let Some(computed) = self.computed.get(self.root.0 as usize).filter(|all| !all.is_empty()) {
            compute(&self.file, self.root, computed, at, out);
        }
    }

    #[inline]
    fn scalar(
        field: &Self::Field,
        value: Value<'_>,
        at: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueProblem> {
        match &field.place {
            Place::Value(codec, listed) => {
                if let (Some(listed), Value::Text(text)) = (listed, value)
                    && listed.iter().all(|known| **known != *text)
                {
                    return Err(ValueProblem::NotListed);
                }
                let from = at + field.offset;
                match out.get_mut(from..from + field.length) {
                    Some(slot) => codec.write(value, slot),
                    None => Err(ValueProblem::WrongKind),
                }
            }
            Place::Signed(signed) => {
                let from = at + field.offset;
                signed.write(value, from..from + field.length, at, out)
            }
            Place::Rest(codec) => {
                out.truncate(at + field.offset);
                codec.write_variable(value, out)?;
                measure(at, out);
                Ok(())
            }
            Place::Group | Place::Node(..) | Place::Varies => Err(ValueProblem::WrongKind),
        }
    }

    #[inline]
    fn compact(
        field: &Self::Field,
        value: Compact,
        at: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueProblem> {
        if let Place::Value(codec, None) = &field.place {
            let from = at + field.offset;
            return match out.get_mut(from..from + field.length) {
                Some(slot) => codec.write_compact(value, slot),
                None => Err(ValueProblem::WrongKind),
            };
        }
        Self::scalar(field, value.value()?, at, out)
    }

    #[inline]
    fn text(field: &Self::Field, text: &str, at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        Self::utf8(field, text.as_bytes(), at, out)
    }

    #[inline]
    fn utf8(field: &Self::Field, text: &[u8], at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        if let Place::Value(codec, None) = &field.place {
            let from = at + field.offset;
            return match out.get_mut(from..from + field.length) {
                Some(slot) => codec.write_utf8(text, slot),
                None => Err(ValueProblem::WrongKind),
            };
        }
        let text = std::str::from_utf8(text).map_err(|_| ValueProblem::Utf8)?;
        Self::scalar(field, Value::Text(text), at, out)
    }

    fn nil(_: &Self::Field, _: usize, _: &mut Vec<u8>) -> Result<(), ValueProblem> {
        Err(ValueProblem::Nil)
    }

    fn begin(field: &Self::Field, at: usize, out: &mut Vec<u8>) -> usize {
        match &field.place {
            Place::Node(node, ..) => {
                out.extend_from_slice(&head(*node, field.blank.len()));
                let at = out.len();
                out.extend_from_slice(&field.blank);
                at
            }
            _ => at + field.offset,
        }
    }

    fn begin_end(_: &Self::Field, _: &mut Vec<u8>) {}

    fn end(field: &Self::Field, mark: usize, out: &mut Vec<u8>) {
        if let Place::Node(node, computed, file) = &field.place
            && let Some(computed) = computed.get(node.0 as usize).filter(|all| !all.is_empty())
        {
            compute(file, *node, computed, mark, out);
        }
    }

    fn undo(field: &Self::Field, at: usize, start: usize, out: &mut Vec<u8>) {
        match &field.place {
            Place::Node(..) => out.truncate(start),
            _ => {
                let from = at + field.offset;
                if let Some(slot) = out.get_mut(from..from + field.blank.len()) {
                    slot.copy_from_slice(&field.blank);
                }
            }
        }
    }

    fn list(_: &Self::Field, _: usize, _: &mut Vec<u8>) -> usize {
        0
    }

    fn item_place(field: &Self::Field, at: usize, index: u32, out: &mut Vec<u8>) -> usize {
        if matches!(field.place, Place::Node(..)) {
            return at;
        }
        // One too many is written over the last, and refused when it is counted.
        let index = index.min(field.occurrences.most.saturating_sub(1)) as usize;
        let place = at + index * field.length;
        let from = place + field.offset;
        if !field.occurrences.room && out.len() < from + field.length {
            out.truncate(from);
            out.extend_from_slice(&field.blank);
            out.resize(from + field.length, b' ');
            measure(at - field.occurrences.start, out);
        }
        place
    }

    fn item(field: &Self::Field, value: Value<'_>, at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        Self::scalar(field, value, at, out)
    }

    fn list_end(_: &Self::Field, _: usize, _: &mut Vec<u8>) {}

    fn counted(field: &Self::Field, count: u32, at: usize, out: &mut Vec<u8>) {
        let Some(Count { offset, length, codec, words }) = &field.occurrences.count else { return };
        let Some(from) = (at as i64).checked_add(*offset).and_then(|from| usize::try_from(from).ok()) else {
            return;
        };
        let word = words.iter().find(|(_, said)| *said == count).map(|(word, _)| &**word);
        let value = word.map_or(Value::Integer(i128::from(count)), Value::Text);
        if let Some(slot) = out.get_mut(from..from + length) {
            // A count that its field cannot hold is more than the list can have, which is refused.
            let _ = codec.write(value, slot);
        }
    }
}

/// Where a part lies in its record, where nothing before it varies.
fn offset_of(parts: &[Part], path: &[u32]) -> Option<(usize, usize)> {
    let (first, rest) = path.split_first()?;
    let part = parts.get(*first as usize)?;
    let (Start::At(offset), Extent::Bytes(bytes)) = (part.start, part.extent) else { return None };
    match rest.is_empty() {
        true => Some((offset as usize, bytes as usize)),
        false => offset_of(part.parts(), rest).map(|(inner, bytes)| (offset as usize + inner, bytes)),
    }
}
