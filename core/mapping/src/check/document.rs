//! Whole documents: rules put where a root's path leads, and paths followed without wanting anything of them.

use portolan_diagnostics::Span;
use portolan_schema::{Document, FieldId, RecordId, Root, Schema, TypeId};

use crate::{
    file::{Placed, Rule},
    ir::{Write, WriteContent},
};

/// Puts content where a path of fields leads, beside what stands there already.
pub(super) fn place(
    write: &mut Vec<Write>,
    before: &[(RecordId, FieldId)],
    last: (RecordId, FieldId),
    content: WriteContent,
    span: Span,
) {
    let Some(((record, field), rest)) = before.split_first() else {
        write.push(Write { record: last.0, field: last.1, content, span });
        write.sort_by_key(|w| w.field);
        return;
    };
    let index = write.iter().position(|w| w.field == *field).unwrap_or_else(|| {
        let content = WriteContent::Record { given: None, write: Vec::new() };
        write.push(Write { record: *record, field: *field, content, span });
        write.len() - 1
    });
    if let WriteContent::Record { write: inner, .. } = &mut write[index].content {
        place(inner, rest, last, content, span);
    }
    write.sort_by_key(|w| w.field);
}

/// The mapping's headers, and those standing ones that it does not fill itself.
pub(super) fn merged(own: Option<&Placed<Rule>>, standing: Option<&Placed<Rule>>) -> Option<Placed<Rule>> {
    let (own, standing) = match (own, standing) {
        (Some(own), Some(standing)) => (own, standing),
        (one, other) => return one.or(other).cloned(),
    };
    let (Rule::Fields(fields), Rule::Fields(more)) = (&own.value, &standing.value) else {
        return Some(own.clone());
    };
    let mut fields = fields.clone();
    for rule in more {
        match fields.iter_mut().find(|f| f.field.value == rule.field.value) {
            None => fields.push(rule.clone()),
            Some(known) => {
                if let Some(both) = merged(Some(&known.rule), Some(&rule.rule)) {
                    known.rule = both;
                }
            }
        }
    }
    Some(Placed { value: Rule::Fields(fields), span: own.span })
}

/// The record of which a message of a file is, by the name from which paths begin.
pub(super) fn each(document: &Document) -> Option<&Root> {
    let excerpt = document.excerpt.as_ref()?;
    let name = &excerpt.layout.node(excerpt.each).name;
    document.roots.iter().find(|root| root.name.len() == 1 && root.name[0] == *name)
}

/// Where a path of names leaves the document.
pub(super) struct Stray {
    /// The name that is not known, by its index.
    pub(super) at: usize,
    /// The names that are.
    pub(super) known: Vec<String>,
}

/// The fields of a document that a path of names leads to.
pub(super) fn fields_of(
    schema: &Schema,
    document: &Document,
    path: &[&str],
    bare: bool,
) -> Result<Vec<(RecordId, FieldId)>, Stray> {
    let matches = |name: &[String]| name.len() <= path.len() && name.iter().zip(path).all(|(n, p)| n == p);
    let root = document.roots.iter().filter(|r| matches(&r.name)).max_by_key(|r| r.name.len());
    let (mut fields, mut ty, begin) = match root {
        Some(root) => (root.path.clone(), root.ty, root.name.len()),
        None if bare => match each(document) {
            // Of a file's records that of the message stands bare.
            Some(root) => (root.path.clone(), root.ty, 0),
            None => (Vec::new(), TypeId::Record(document.record), 0),
        },
        None => {
            let known = document.roots.iter().filter_map(|r| r.name.first().cloned()).collect();
            return Err(Stray { at: 0, known });
        }
    };
    for (index, name) in path.iter().enumerate().skip(begin) {
        let TypeId::Record(record) = ty else { return Err(Stray { at: index, known: Vec::new() }) };
        let declared = schema.record(record);
        let Some((field, found)) = declared.find(name) else {
            return Err(Stray { at: index, known: declared.fields.iter().map(|f| f.name.clone()).collect() });
        };
        fields.push((record, field));
        ty = found.ty;
    }
    Ok(fields)
}
