//! A sample as XML, and back.

use std::collections::HashMap;

use bumpalo::Bump;
use portolan_formats::{
    Captured, Decoder, NodeId, Reader, Rows, Selected, Selection, Slot, Unknown, Value, Writer,
    lexical::Form,
    xml::{XmlField, XmlWriter},
};
use portolan_schema::{Document, FieldId, RecordId, Schema, TypeId, Wire};

use crate::sample::{Fields, Sample};

/// Whether a record's sample has attributes, and so an open start tag.
fn has_attributes(schema: &Schema, record: RecordId, fields: &Fields) -> bool {
    fields.keys().any(|field| matches!(schema.field(record, *field).wire, Wire::Attribute(_)))
}

/// Fields as the writer has compiled them, by whether attributes follow.
struct Written<'s> {
    schema: &'s Schema,
    writer: XmlWriter,
    fields: HashMap<(RecordId, FieldId, bool), XmlField>,
}

impl Written<'_> {
    fn compile(&mut self, record: RecordId, fields: &Fields) {
        for (field, samples) in fields {
            for sample in samples {
                let inner = match (sample, self.schema.field(record, *field).ty) {
                    (Sample::Record(inner), TypeId::Record(id)) => Some((id, inner)),
                    _ => None,
                };
                let attributes = inner.is_some_and(|(id, inner)| has_attributes(self.schema, id, inner));
                let key = (record, *field, attributes);
                if !self.fields.contains_key(&key) {
                    let compiled = self.writer.field(self.schema, record, *field, attributes);
                    self.fields.insert(key, compiled);
                }
                if let Some((id, inner)) = inner {
                    self.compile(id, inner);
                }
            }
        }
    }

    fn write(&self, record: RecordId, fields: &Fields, out: &mut Vec<u8>) -> Result<(), String> {
        for (field, samples) in fields {
            let declared = self.schema.field(record, *field);
            let failed = |problem| format!("{}: the value {problem}", declared.name);
            for sample in samples {
                match (sample, declared.ty) {
                    (Sample::Text(text), _) => {
                        XmlWriter::scalar(&self.fields[&(record, *field, false)], Value::Text(text), 0, out)
                            .map_err(failed)?;
                    }
                    (Sample::Nil, _) => {
                        XmlWriter::nil(&self.fields[&(record, *field, false)], 0, out).map_err(failed)?;
                    }
                    (Sample::Record(inner), TypeId::Record(id)) => {
                        let attributes = has_attributes(self.schema, id, inner);
                        let compiled = &self.fields[&(record, *field, attributes)];
                        let mark = XmlWriter::begin(compiled, 0, out);
                        let (first, rest): (Fields, Fields) = inner
                            .clone()
                            .into_iter()
                            .partition(|(f, _)| matches!(self.schema.field(id, *f).wire, Wire::Attribute(_)));
                        self.write(id, &first, out)?;
                        if attributes {
                            XmlWriter::begin_end(compiled, out);
                        }
                        self.write(id, &rest, out)?;
                        XmlWriter::end(compiled, mark, out);
                    }
                    (Sample::Record(_), TypeId::Scalar(_)) => return Err("a record in a scalar".to_owned()),
                }
            }
        }
        Ok(())
    }
}

/// The document of a sample.
pub(crate) fn write(schema: &Schema, document: &Document, fields: &Fields) -> Result<Vec<u8>, String> {
    let mut written = Written { schema, writer: XmlWriter::new(schema, document), fields: HashMap::new() };
    written.compile(document.record, fields);
    written.writer.seal(false);
    let mut out = Vec::new();
    written.writer.open(&mut out);
    written.write(document.record, fields, &mut out)?;
    written.writer.close(0, &mut out).unwrap();
    Ok(out)
}

/// What is selected of a sample: each field that is there, with what is selected of it.
struct Wanted(Vec<(FieldId, Selected, Wanted)>);

fn select(selection: &mut Selection, schema: &Schema, at: NodeId, samples: &[&Fields]) -> Wanted {
    let record = selection.node_at(at).record;
    let count = schema.record(record).fields.len() as u32;
    let there = (0..count).map(FieldId).filter(|field| samples.iter().any(|s| s.contains_key(field)));
    let mut wanted = Vec::new();
    for field in there.collect::<Vec<_>>() {
        let selected = selection.field(schema, at, field);
        let inner: Vec<&Fields> = samples
            .iter()
            .filter_map(|sample| sample.get(&field))
            .flatten()
            .filter_map(|sample| match sample {
                Sample::Record(fields) => Some(fields),
                _ => None,
            })
            .collect();
        let node = selected.node.or(selected.item.and_then(|item| item.node));
        let inside = node.map_or(Wanted(Vec::new()), |node| select(selection, schema, node, &inner));
        wanted.push((field, selected, inside));
    }
    Wanted(wanted)
}

/// Reads the document, and compares it with its sample.
pub(crate) fn read_back(
    schema: &Schema,
    document: &Document,
    fields: &Fields,
    bytes: &[u8],
) -> Result<(), String> {
    let mut selection = Selection::new(document, Unknown::Refuse);
    let wanted = select(&mut selection, schema, Selection::ROOT, &[fields]);
    let reader = Reader::compile(schema, document, &selection);
    let (arena, mut captured) = (Bump::new(), Captured::default());
    reader.read(bytes, &arena, &mut captured).map_err(|error| error.to_string())?;
    let mut rows = Rows(vec![0; selection.widths().len()]);
    same(schema, document.record, fields, &wanted, &captured, &mut rows)
}

fn same(
    schema: &Schema,
    record: RecordId,
    fields: &Fields,
    wanted: &Wanted,
    captured: &Captured<'_>,
    rows: &mut Rows,
) -> Result<(), String> {
    for (field, selected, inside) in &wanted.0 {
        let declared = schema.field(record, *field);
        let name = &declared.name;
        let samples = fields.get(field).map_or(&[][..], Vec::as_slice);
        let slot = captured.get(rows.place(selected.slot));
        let one = |sample: &Sample, slot: Slot<'_>, rows: &mut Rows| match (sample, slot, declared.ty) {
            (Sample::Nil, Slot::Nil, _) => Ok(()),
            (Sample::Record(inner), Slot::Present, TypeId::Record(id)) => {
                same(schema, id, inner, inside, captured, rows).map_err(|e| format!("{name}.{e}"))
            }
            (Sample::Text(text), slot, TypeId::Scalar(id)) => {
                let (arena, form) = (Bump::new(), Form::compile(schema, id));
                let decoder = Decoder::compile(schema, record, *field);
                let read =
                    decoder.value(slot, &arena).map_err(|problem| format!("{name}: the value {problem}"))?;
                let meant =
                    form.read(text, &arena).map_err(|problem| format!("{name}: the value {problem}"))?;
                if read == meant { Ok(()) } else { Err(format!("{name}: {read:?} is not {meant:?}")) }
            }
            (sample, slot, _) => Err(format!("{name}: {slot:?} instead of {sample:?}")),
        };
        match (selected.item, samples, slot) {
            (None, [], Slot::Absent) | (Some(_), [], Slot::Absent) => {}
            (None, [sample], slot) => one(sample, slot, rows)?,
            (Some(item), samples, Slot::List { first, count, .. }) if count as usize == samples.len() => {
                let mut row = first;
                for sample in samples {
                    rows.enter(item.frame, row);
                    one(sample, captured.get(rows.place(item.slot)), rows)?;
                    if let Slot::Next(next) = captured.get(row as usize) {
                        row = next;
                    }
                }
            }
            (_, samples, slot) => {
                return Err(format!("{name}: {slot:?} instead of {} samples", samples.len()));
            }
        }
    }
    Ok(())
}
