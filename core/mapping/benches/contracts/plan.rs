//! The largest plan of a document: everything that its sample holds is read and written.

use portolan_diagnostics::{SourceId, Span};
use portolan_formats::{NodeId, Selection, Unknown};
use portolan_mapping::ir::{Expr, NilPolicy, Side, SourceSlot, Translation, Write, WriteContent};
use portolan_schema::{Document, FieldId, Schema, TypeId};

use crate::sample::{Fields, Sample};

/// A translation of a document into itself.
pub(crate) fn whole(schema: &Schema, document: &Document, fields: &Fields) -> Translation {
    let mut selection = Selection::new(document, Unknown::Refuse);
    let write = writes(schema, &mut selection, Selection::ROOT, &[fields]);
    Translation {
        selection,
        original: None,
        require: Vec::new(),
        fail: Vec::new(),
        given: None,
        write,
        locals: 0,
    }
}

fn writes(schema: &Schema, selection: &mut Selection, at: NodeId, samples: &[&Fields]) -> Vec<Write> {
    let record = selection.node_at(at).record;
    let count = schema.record(record).fields.len() as u32;
    let there = (0..count).map(FieldId).filter(|field| samples.iter().any(|s| s.contains_key(field)));
    let mut write = Vec::new();
    for field in there.collect::<Vec<_>>() {
        let declared = schema.field(record, field);
        let selected = selection.field(schema, at, field);
        let inside: Vec<&Fields> = samples
            .iter()
            .filter_map(|sample| sample.get(&field))
            .flatten()
            .filter_map(|sample| match sample {
                Sample::Record(fields) => Some(fields),
                _ => None,
            })
            .collect();
        let slot = |slot| SourceSlot { side: Side::Message, slot };
        let one = |selection: &mut Selection, at, node| match (declared.ty, node) {
            (TypeId::Record(_), Some(node)) => WriteContent::Record {
                given: Some(slot(at)),
                write: writes(schema, selection, node, &inside),
            },
            _ => WriteContent::Scalar(Expr::Field {
                slot: slot(at),
                record,
                field,
                path: declared.name.as_str().into(),
            }),
        };
        let content = match selected.item {
            None => one(selection, selected.slot, selected.node),
            Some(item) => WriteContent::Each {
                list: slot(selected.slot),
                frame: item.frame,
                item: item.slot,
                nil: if declared.nillable { NilPolicy::Keep } else { NilPolicy::Refuse },
                content: Box::new(one(selection, item.slot, item.node)),
            },
        };
        write.push(Write { record, field, content, span: Span::new(SourceId(0), 0..0) });
    }
    write
}

/// How many values a sample holds.
pub(crate) fn values(fields: &Fields) -> usize {
    let one = |sample: &Sample| match sample {
        Sample::Record(inner) => values(inner),
        Sample::Text(_) | Sample::Nil => 1,
    };
    fields.values().flatten().map(one).sum()
}
