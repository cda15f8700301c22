//! Items over the bytes of others: level 66, and groups that are text as well.

use portolan_diagnostics::Code;

use super::{
    laid::{Laid, field_of, made},
    lower::Lowering,
    names::written,
    syntax::{Named, Renames},
};
use crate::{
    FieldId, Occurs, TypeId, Wire,
    layout::{Extent, Invalid, ItemContent, Shape, Start, Storage, Times, scalar},
};

impl Lowering<'_> {
    /// Level 66: the bytes of one item, or of all from one to another, under another name. What is renamed as a group is text.
    pub(super) fn renames(&mut self, laid: &mut Laid, renames: &Renames) {
        let mut find = |named: &Named| {
            let found = self.known.find(std::slice::from_ref(named), &[]).cloned();
            if found.is_none() {
                let known = std::mem::take(&mut self.known);
                self.unresolved(named, "an item of this record", known.names());
                self.known = known;
            }
            found
        };
        let from = find(&renames.from);
        let through = match &renames.through {
            Some(through) => find(through),
            None => from.clone(),
        };
        let (Some(from), Some(through)) = (from, through) else { return };
        if !from.is_fixed || !through.is_fixed {
            let what =
                format!("`{}` renames what occurs more than once, or whose place varies", renames.name.text);
            return self.report(Code::COPYBOOK_INVALID, what, renames.name.span);
        }
        let end = through.offset + through.length;
        let Some(bytes) = end.checked_sub(from.offset).filter(|bytes| *bytes > 0) else {
            let what = format!("`{}` ends before it begins", renames.name.text);
            return self.report(Code::COPYBOOK_INVALID, what, renames.name.span);
        };
        let single = renames.through.is_none() && !from.is_group;
        let shape = Shape { items: std::mem::take(&mut laid.items), length: (0, None) };
        let same = shape.at(&from.path).filter(|_| single).and_then(|item| match &item.content {
            ItemContent::Value(storage) => Some(storage.clone()),
            _ => None,
        });
        laid.items = shape.items;
        let (storage, ty) = match same {
            Some(storage) => {
                let storage = Storage { invalid: Invalid::Null, ..storage };
                let seen = scalar(&storage, Extent::Bytes(bytes as u32));
                (storage, TypeId::Scalar(self.schema.add_scalar(seen)))
            }
            None => self.text(bytes),
        };
        let name = laid.taken.distinct(written(&renames.name.text));
        let doc = match &renames.through {
            Some(through) => format!("renames {} through {}", renames.from.text, through.text),
            None => format!("renames {}", renames.from.text),
        };
        let wire = Wire::Stored(Box::new(storage.clone()));
        let field = FieldId(laid.fields.len() as u32);
        laid.fields.push(field_of(&name, ty, Occurs::OPTIONAL, wire, Some(doc)));
        let start = Start::At(from.offset as u32);
        laid.items.push(made(&name, Some(field), start, bytes, Times::Once, ItemContent::Value(storage)));
    }

    /// The text of a group, beside what is in it.
    pub(super) fn group_text(
        &mut self,
        laid: &mut Laid,
        index: u32,
        bytes: u64,
        times: Times,
        occurs: Occurs,
    ) {
        let Some(name) = laid.items.get(index as usize).map(|item| item.name.to_string()) else { return };
        let name = laid.taken.distinct(format!("{name}_nt"));
        let (content, ty) = self.text(bytes);
        let wire = Wire::Stored(Box::new(content.clone()));
        let field = FieldId(laid.fields.len() as u32);
        laid.fields.push(field_of(&name, ty, Occurs { min: 0, ..occurs }, wire, None));
        laid.items.push(made(
            &name,
            Some(field),
            Start::Like(index),
            bytes,
            times,
            ItemContent::Value(content),
        ));
    }
}
