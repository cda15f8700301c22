//! Messages made of records whose fields have no fixed places: behind lists that grow, in variants, between delimiters. What is written is
//! gathered as it comes, and laid out when the message is complete, as if it had come as a line of JSON.

use std::{collections::BTreeMap, sync::Arc};

use portolan_schema::{Document, FieldId, RecordId, Schema, layout::NodeId};

use super::{RecordFile, RecordWriter, given::Given, json, messages::push, part::Part};
use crate::{Unwritable, Value, ValueProblem, Writer};

/// Writes the messages of one layout whose records vary.
#[derive(Debug)]
pub struct GatheredTarget {
    file: Arc<RecordFile>,
    root: NodeId,
    names: Vec<Name>,
}

/// A field to be written: its place among the names.
#[derive(Debug, Clone, Copy)]
pub struct GatheredField(u32);

#[derive(Debug)]
struct Name {
    name: String,
    list: bool,
}

/// What is gathered: an operation, the field's name as four bytes, and of a value its length as four bytes and its text.
const BARE: u8 = b'b';
const TEXT: u8 = b't';
const BEGIN: u8 = b'{';
const END: u8 = b'}';

impl GatheredTarget {
    /// Whether a record of a document has fields whose places are found out only while it is written.
    pub fn is_needed(document: &Document) -> bool {
        let Some(excerpt) = &document.excerpt else { return false };
        let file = RecordFile::compile(Arc::clone(&excerpt.layout));
        let varies = |node: NodeId| {
            let form = file.forms.get(node.0 as usize).and_then(Option::as_ref);
            form.is_some_and(|form| form.delimited.is_some() || varies(&form.parts))
        };
        excerpt.parts.iter().any(|part| varies(part.node))
    }

    /// Writes a record, and the records within it.
    fn write(
        &self,
        node: NodeId,
        mut given: BTreeMap<String, Given>,
        out: &mut Vec<u8>,
    ) -> Result<(), Unwritable> {
        let layout = self.file.layout();
        let children = layout.node(node).children.iter();
        let within: Vec<_> =
            children.filter_map(|child| Some((*child, given.remove(&layout.node(*child).name)?))).collect();
        if self.file.forms[node.0 as usize].is_some() {
            let record = RecordWriter::alone(&self.file, node, &given)?;
            push(node, &record, out);
        }
        for (child, given) in within {
            let all = match given {
                Given::List(all) => all,
                one => vec![one],
            };
            for one in all {
                if let Given::Group(members) = one {
                    self.write(child, members, out)?;
                }
            }
        }
        Ok(())
    }

    fn gather(&self, bytes: &[u8]) -> Option<BTreeMap<String, Given>> {
        let mut open = vec![(u32::MAX, BTreeMap::new())];
        let mut at = 0;
        while let Some((operation, rest)) = bytes.get(at..)?.split_first() {
            let word = |from: usize| Some(u32::from_be_bytes(*rest.get(from..)?.first_chunk()?));
            at += 1;
            match *operation {
                BEGIN => {
                    open.push((word(0)?, BTreeMap::new()));
                    at += 4;
                }
                END => {
                    let (name, members) = open.pop()?;
                    self.put(&mut open.last_mut()?.1, name, Given::Group(members))?;
                }
                kind => {
                    let (name, length) = (word(0)?, word(4)? as usize);
                    let text = std::str::from_utf8(rest.get(8..8 + length)?).ok()?.to_owned();
                    at += 8 + length;
                    let value = if kind == BARE { Given::Bare(text) } else { Given::Text(text) };
                    self.put(&mut open.last_mut()?.1, name, value)?;
                }
            }
        }
        open.pop().map(|(_, members)| members)
    }

    fn put(&self, members: &mut BTreeMap<String, Given>, name: u32, value: Given) -> Option<()> {
        let Name { name, list } = self.names.get(name as usize)?;
        match (members.get_mut(name), list) {
            (Some(Given::List(items)), true) => items.push(value),
            (_, true) => {
                members.insert(name.clone(), Given::List(vec![value]));
            }
            (_, false) => {
                members.insert(name.clone(), value);
            }
        }
        Some(())
    }
}

/// Whether a field stands behind what varies, or varies itself otherwise than by being the last.
fn varies(parts: &[Part]) -> bool {
    use portolan_schema::layout::{Extent, Start, Times};
    parts.iter().enumerate().any(|(index, part)| {
        let last = parts.iter().skip(index + 1).all(|part| matches!(part.start, Start::Like(_)));
        let grows = matches!(part.times, Times::Counted { room: false, .. });
        part.start == Start::Next
            || matches!(part.extent, Extent::Counted(_) | Extent::Characters(_))
            || (grows || part.extent == Extent::Rest) && !last
            || part.when.is_some()
            || part.varies && !part.parts().is_empty()
            || varies(part.parts())
    })
}

fn begin(operation: u8, field: GatheredField, out: &mut Vec<u8>) {
    out.push(operation);
    out.extend_from_slice(&field.0.to_be_bytes());
}

fn text(operation: u8, field: GatheredField, text: &[u8], out: &mut Vec<u8>) {
    begin(operation, field, out);
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(text);
}

impl Writer for GatheredTarget {
    type Field = GatheredField;

    fn new(_: &Schema, document: &Document) -> Self {
        let (layout, root) = match &document.excerpt {
            Some(excerpt) => (Arc::clone(&excerpt.layout), excerpt.each),
            None => (Arc::default(), NodeId(0)),
        };
        Self { file: Arc::new(RecordFile::compile(layout)), root, names: Vec::new() }
    }

    fn field(&mut self, schema: &Schema, record: RecordId, field: FieldId, _: bool) -> GatheredField {
        let declared = schema.field(record, field);
        self.names.push(Name { name: declared.name.clone(), list: declared.occurs.is_list() });
        GatheredField((self.names.len() - 1) as u32)
    }

    fn seal(&mut self, _: bool) {}

    fn is_attribute(_: &GatheredField) -> bool {
        false
    }

    fn open(&self, out: &mut Vec<u8>) -> usize {
        out.len()
    }

    fn open_end(&self, _: &mut Vec<u8>) {}

    fn close(&self, at: usize, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        let gathered = out.get(at..).and_then(|bytes| self.gather(bytes)).unwrap_or_default();
        out.truncate(at);
        self.write(self.root, gathered, out)
    }

    fn scalar(
        field: &GatheredField,
        value: Value<'_>,
        _: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueProblem> {
        match value {
            Value::Nil => return Err(ValueProblem::Nil),
            Value::Absent => {}
            Value::Text(given) => text(TEXT, *field, given.as_bytes(), out),
            value => {
                let (bare, written) = json::plain(value);
                text(if bare { BARE } else { TEXT }, *field, &written, out);
            }
        }
        Ok(())
    }

    fn nil(_: &GatheredField, _: usize, _: &mut Vec<u8>) -> Result<(), ValueProblem> {
        Err(ValueProblem::Nil)
    }

    fn begin(field: &GatheredField, at: usize, out: &mut Vec<u8>) -> usize {
        begin(BEGIN, *field, out);
        at
    }

    fn begin_end(_: &GatheredField, _: &mut Vec<u8>) {}

    fn end(_: &GatheredField, _: usize, out: &mut Vec<u8>) {
        out.push(END);
    }

    fn list(_: &GatheredField, at: usize, _: &mut Vec<u8>) -> usize {
        at
    }

    fn item(
        field: &GatheredField,
        value: Value<'_>,
        at: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueProblem> {
        Self::scalar(field, value, at, out)
    }

    fn list_end(_: &GatheredField, _: usize, _: &mut Vec<u8>) {}
}
