//! What may be shown of a message (`visible:`): read apart from any translation, and nothing else of it.

use super::Source;
use crate::{check::VisibleField, run::shown_plainly};
use bumpalo::Bump;
use portolan_formats::{Captured, Decoder, Reader, Rows, Selection, Slot, SlotRef, Unknown};
use portolan_schema::{Document, Schema, TypeId};
use std::sync::Arc;

/// The fields of a document that may be shown.
#[derive(Debug)]
pub struct Visible {
    source: Source,
    fields: Vec<Shown>,
}

#[derive(Debug)]
struct Shown {
    path: Arc<str>,
    slot: SlotRef,
    /// Of a single value; of a list or a record only is said that it is there.
    decoder: Option<Decoder>,
}

impl Visible {
    /// Of fields that the checker has found in a document.
    pub(crate) fn compile(schema: &Schema, document: &Document, fields: &[VisibleField]) -> Self {
        let mut selection = Selection::new(document, Unknown::Ignore);
        let shown = fields.iter().filter_map(|field| {
            let mut node = Some(Selection::ROOT);
            let mut found = None;
            for (record, id) in &field.fields {
                // Below a list there is one of each item; the list stands for all of them.
                let Some(at) = node else { break };
                let selected = selection.field(schema, at, *id);
                let single = selected.item.is_none() && matches!(selected.ty, TypeId::Scalar(_));
                let decoder = single.then(|| Decoder::compile(schema, *record, *id));
                found = Some(Shown { path: field.path.clone(), slot: selected.slot, decoder });
                node = selected.node;
            }
            found
        });
        let fields = shown.collect();
        let reader = Reader::compile(schema, document, &selection).lenient();
        Self { source: Source { reader, frames: selection.widths().len(), rules: None }, fields }
    }

    /// Their values, as text, by their paths as the mapping names them; `None` of one that is absent. Nothing of a document
    /// that cannot be read.
    pub fn show(&self, input: &[u8]) -> Vec<(Arc<str>, Option<String>)> {
        let (arena, mut captured, mut rows) = (Bump::new(), Captured::default(), Rows::default());
        rows.0.resize(self.source.frames, 0);
        if self.fields.is_empty() || self.source.reader.read(input, &arena, &mut captured).is_err() {
            return Vec::new();
        }
        let value = |field: &Shown| match captured.get(rows.place(field.slot)) {
            Slot::Absent => None,
            Slot::List { count, .. } => Some(format!("{count} items")),
            found => match &field.decoder {
                Some(decoder) => decoder.value(found, &arena).ok().and_then(shown_plainly),
                None => Some("there".to_owned()),
            },
        };
        self.fields.iter().map(|field| (field.path.clone(), value(field))).collect()
    }
}
