//! What one message is of a file: a record with the records within it, and what stands around it and before it.
//!
//! A message is made of records as they stand in the file, without what frames them: each its node (2 bytes), its length (4 bytes,
//! both with the most significant first) and its bytes, in the order of the file.

use std::sync::Arc;

use super::{Form, Item, ItemContent, Layout, NodeId, Order, Times};
use crate::{Document, Field, FieldId, Occurs, Presence, Record, RecordId, Root, Schema, TypeId, Wire};

/// Which records a message is made of.
#[derive(Debug, Clone)]
pub struct Excerpt {
    /// The layout.
    pub layout: Arc<Layout>,
    /// The record of which there is a message each.
    pub each: NodeId,
    /// Every record that may be in it, with where it stands in the document.
    pub parts: Vec<ExcerptPart>,
}

/// A record of an excerpt.
#[derive(Debug, Clone)]
pub struct ExcerptPart {
    /// Which it is.
    pub node: NodeId,
    /// The fields that lead to it from the document's record.
    pub path: Vec<(RecordId, FieldId)>,
    /// Its record of the schema.
    pub record: RecordId,
}

impl Excerpt {
    /// The schema and document of the messages that a layout gives for a record, for mappings.
    ///
    /// Around the record itself, whose records within are all there, a message has every record in which it lies, and those that stand
    /// before it once at most: headers. What comes after it is not known yet when it is read.
    pub fn of(layout: &Arc<Layout>, each: NodeId) -> (Schema, Document) {
        let mut schema = layout.schema.clone();
        let name = crate::Name::plain(&layout.name);
        let root = schema.add_record(Record { name, ..Record::default() });
        let mut maker = Maker { layout, schema, parts: Vec::new(), roots: Vec::new() };
        let mut chain = vec![each];
        while let Some(parent) = chain.last().and_then(|id| layout.node(*id).parent) {
            chain.push(parent);
        }
        chain.reverse();
        maker.around(root, &[], &layout.top, layout.order, &chain);
        let Maker { schema, parts, mut roots, .. } = maker;
        // A name that two records have is reached by the way to it only.
        let names: Vec<Vec<String>> = roots.iter().map(|root| root.name.clone()).collect();
        roots.retain(|root| {
            root.path.len() == 1 || names.iter().filter(|name| **name == root.name).count() == 1
        });
        let excerpt = Self { layout: Arc::clone(layout), each, parts };
        let document =
            Document { record: root, element: None, encoded: false, roots, excerpt: Some(Arc::new(excerpt)) };
        (schema, document)
    }
}

impl Excerpt {
    /// The schema and document of what is written into a file for each message: a record, with the records within it. Its fields are
    /// reached as `body`.
    pub fn target(layout: &Arc<Layout>, each: NodeId) -> (Schema, Document) {
        let record = layout.node(each).record;
        let mut maker = Maker { layout, schema: layout.schema.clone(), parts: Vec::new(), roots: Vec::new() };
        maker.within(each, record, &[]);
        maker.written(layout, each, record)
    }

    /// The same of a record that stands around others, or beside them: a header or a trailer, without the records within it.
    pub fn alone(layout: &Arc<Layout>, each: NodeId) -> (Schema, Document) {
        let mut maker = Maker { layout, schema: layout.schema.clone(), parts: Vec::new(), roots: Vec::new() };
        let record = maker.own(each);
        maker.parts.push(ExcerptPart { node: each, path: Vec::new(), record });
        maker.written(layout, each, record)
    }
}

/// The items that say the sign of others, their length or how often they are there.
fn telling<'i>(items: &'i [Item], tellers: &mut Vec<&'i [u32]>) {
    for item in items {
        tellers.extend(item.sign.as_ref().map(|sign| &*sign.item));
        tellers.extend(item.measured.as_deref());
        if let Times::Counted { by, .. } = &item.times {
            tellers.push(by);
        }
        telling(item.items(), tellers);
    }
}

/// What is computed, said by others, has a default or is blank where nothing is written needs no rule.
fn may_be_left_out(
    schema: &mut Schema,
    record: RecordId,
    items: &[Item],
    tellers: &[&[u32]],
    path: &mut Vec<u32>,
) {
    for (index, item) in items.iter().enumerate() {
        path.push(index as u32);
        let by_itself = match &item.content {
            ItemContent::Value(storage) => {
                item.value.is_some()
                    || item.default.is_some()
                    || tellers.contains(&path.as_slice())
                    || !storage.nulls.is_empty()
                    || matches!(storage.form, Form::Text(_))
            }
            ItemContent::Group(record, items) => {
                may_be_left_out(schema, *record, items, tellers, path);
                // It is there by what is in it.
                let fields = &schema.record(*record).fields;
                item.when.is_none() && fields.iter().all(|field| field.occurs.min == 0)
            }
            ItemContent::Filler(_) => false,
        };
        let fields = &mut schema.record_mut(record).fields;
        if let Some(field) =
            item.field.and_then(|field| fields.get_mut(field.0 as usize)).filter(|_| by_itself)
        {
            field.occurs.min = 0;
        }
        path.pop();
    }
}

struct Maker<'l> {
    layout: &'l Layout,
    schema: Schema,
    parts: Vec<ExcerptPart>,
    roots: Vec<Root>,
}

impl Maker<'_> {
    /// What is written of a record: its fields are reached as `body`, and what fills itself may be left out.
    fn written(self, layout: &Arc<Layout>, each: NodeId, record: RecordId) -> (Schema, Document) {
        let Maker { mut schema, parts, .. } = self;
        for part in &parts {
            if let Some(shape) = &layout.node(part.node).shape {
                let mut tellers = Vec::new();
                telling(&shape.items, &mut tellers);
                may_be_left_out(&mut schema, part.record, &shape.items, &tellers, &mut Vec::new());
            }
        }
        let body = Root { name: vec!["body".to_owned()], path: Vec::new(), ty: TypeId::Record(record) };
        let excerpt = Excerpt { layout: Arc::clone(layout), each, parts };
        let document = Document {
            record,
            element: None,
            encoded: false,
            roots: vec![body],
            excerpt: Some(Arc::new(excerpt)),
        };
        (schema, document)
    }

    /// What of some nodes a message has; `chain` are those that lead to its record.
    fn around(
        &mut self,
        record: RecordId,
        path: &[(RecordId, FieldId)],
        nodes: &[NodeId],
        order: Order,
        chain: &[NodeId],
    ) {
        let Some((next, rest)) = chain.split_first() else { return };
        let at = nodes.iter().position(|id| id == next).unwrap_or(nodes.len());
        for (index, id) in nodes.iter().enumerate() {
            let node = self.layout.node(*id);
            let before = order == Order::Declared && index < at && node.occurs.max == Some(1);
            if id == next {
                if rest.is_empty() {
                    let path = self.field(record, path, *id, node.record, Occurs::ONCE);
                    self.within(*id, node.record, &path);
                    continue;
                }
                let made = self.own(*id);
                let path = self.field(record, path, *id, made, Occurs::ONCE);
                if node.shape.is_some() {
                    self.parts.push(ExcerptPart { node: *id, path: path.clone(), record: made });
                }
                self.around(made, &path, &node.children, node.order, rest);
            } else if before && node.shape.is_some() {
                let made = self.own(*id);
                let path = self.field(record, path, *id, made, Occurs { max: Some(1), ..node.occurs });
                self.parts.push(ExcerptPart { node: *id, path, record: made });
            }
        }
    }

    /// A record with a node's own fields and none of the records within.
    fn own(&mut self, id: NodeId) -> RecordId {
        let node = self.layout.node(id);
        let declared = self.schema.record(node.record).clone();
        let children: Vec<FieldId> =
            node.children.iter().map(|child| self.layout.node(*child).field).collect();
        let fields = declared.fields_with_ids().filter(|(id, _)| !children.contains(id));
        let fields: Vec<Field> = fields.map(|(_, field)| field.clone()).collect();
        self.schema.add_record(Record { fields, ..declared })
    }

    /// A field for a node, and the name by which mappings begin with it.
    fn field(
        &mut self,
        record: RecordId,
        path: &[(RecordId, FieldId)],
        id: NodeId,
        of: RecordId,
        occurs: Occurs,
    ) -> Vec<(RecordId, FieldId)> {
        let node = self.layout.node(id);
        let fields = &mut self.schema.record_mut(record).fields;
        fields.push(Field {
            name: node.name.clone(),
            ty: TypeId::Record(of),
            occurs,
            presence: Presence::Explicit,
            nillable: false,
            default: None,
            fixed: None,
            choice: None,
            redact: false,
            xsi_type: None,
            wire: Wire::Part,
            doc: None,
        });
        let field = FieldId((fields.len() - 1) as u32);
        let mut path = path.to_vec();
        path.push((record, field));
        self.roots.push(Root { name: vec![node.name.clone()], path: path.clone(), ty: TypeId::Record(of) });
        path
    }

    /// The record of a message, with all records within.
    fn within(&mut self, id: NodeId, record: RecordId, path: &[(RecordId, FieldId)]) {
        let node = self.layout.node(id);
        self.parts.push(ExcerptPart { node: id, path: path.to_vec(), record });
        for child in &node.children {
            let declared = self.layout.node(*child);
            let mut path = path.to_vec();
            path.push((record, declared.field));
            self.within(*child, declared.record, &path);
        }
    }
}
