//! A layout as JSON: the same as the readable print, for programs.

use serde_json::{Map, Value, json};

use super::{
    file, formula,
    rows::{Place, Row, rows},
    usual::Usual,
};
use crate::layout::{Extent, Framing, Layout, NodeId, Order, Reference, Times};

/// A layout for programs: its file, and every record with its fields in the order of the layout. Columns count from 1, offsets from 0;
/// `exact` is false where what stands before a field varies in length.
pub fn describe_layout_json(layout: &Layout, only: Option<NodeId>, framed: bool) -> Value {
    let usual = if framed { Usual::of(layout) } else { Usual::bare() };
    let records: Vec<Value> = layout
        .nodes()
        .filter(|(id, _)| only.is_none_or(|only| only == *id))
        .map(|(id, _)| record(layout, id, framed, &usual))
        .collect();
    let kind = if framed { "layout" } else { "copybook" };
    let mut value =
        json!({ kind: layout.name, "doc": layout.schema.record(layout.root).doc, "records": records });
    if framed && let Some(value) = value.as_object_mut() {
        value.insert(
            "file".to_owned(),
            json!({
                "framing": file::word(&layout.file.framing),
                "record_length": length(&layout.file.framing),
                "encoding": layout.file.encoding.to_string(),
                "says": file::sentences(&layout.file),
                "values": usual.says(),
            }),
        );
    }
    value
}

fn length(framing: &Framing) -> Option<u32> {
    match framing {
        Framing::Fixed { length, .. } => Some(*length),
        Framing::Lines { length, .. } => *length,
        _ => None,
    }
}

fn record(layout: &Layout, id: NodeId, framed: bool, usual: &Usual) -> Value {
    let node = layout.node(id);
    let mut value = Map::new();
    value.insert("name".into(), node.name.as_str().into());
    value.insert("path".into(), layout.path(id).into());
    value.insert("doc".into(), layout.schema.record(node.record).doc.clone().into());
    if framed {
        value.insert("occurs".into(), json!({ "min": node.occurs.min, "max": node.occurs.max }));
        let when = node.when.as_ref().map(|rule| formula::rule(layout, id, rule));
        value.insert("when".into(), when.into());
        let require: Vec<&str> = node.require.iter().map(|require| &*require.text).collect();
        value.insert("require".into(), json!(require));
    }
    if let Some(shape) = &node.shape {
        value.insert("bytes".into(), json!({ "min": shape.length.0, "max": shape.length.1 }));
        let fields: Vec<Value> =
            rows(layout, id, shape, usual).iter().map(|row| field(layout, id, row)).collect();
        value.insert("fields".into(), fields.into());
    }
    let within: Vec<String> = node.children.iter().map(|child| layout.path(*child)).collect();
    value.insert("records".into(), json!(within));
    if node.order == Order::Any {
        value.insert("order".into(), "any".into());
    }
    value.into()
}

fn field(layout: &Layout, node: NodeId, row: &Row) -> Value {
    let mut value = Map::new();
    let is_filler = row.kind == "filler";
    value.insert("name".into(), if is_filler { Value::Null } else { row.name.as_str().into() });
    value.insert("path".into(), if is_filler { Value::Null } else { row.path.as_str().into() });
    value.insert("depth".into(), row.depth.into());
    let bytes = match row.extent {
        Extent::Bytes(bytes) => Some(bytes),
        Extent::Characters(_) | Extent::Counted(_) | Extent::Rest => None,
    };
    if let Extent::Characters(characters) = row.extent {
        value.insert("characters".into(), characters.into());
    }
    if let Extent::Counted(most) = row.extent {
        value.insert("most_bytes".into(), most.into());
    }
    let offset = row.place.offset();
    let to = offset.zip(bytes).map(|(offset, bytes)| offset.saturating_add(bytes));
    let from = offset.map(|offset| offset.saturating_add(1));
    value.insert("columns".into(), json!({ "from": from, "to": to }));
    value.insert("offset".into(), offset.into());
    value.insert("exact".into(), matches!(row.place, Place::At(_) | Place::Value(_)).into());
    if let Place::Value(number) | Place::ValueFrom(number) = row.place {
        value.insert("value".into(), number.into());
    }
    if let Place::BeforeEnd(bytes) = row.place {
        value.insert("before_end".into(), bytes.into());
    }
    value.insert("bytes".into(), bytes.into());
    if !row.picture.is_empty() {
        value.insert("picture".into(), row.picture.as_str().into());
    }
    value.insert("type".into(), row.kind.as_str().into());
    match &row.times {
        Times::Once => {}
        Times::Fixed(times) => {
            value.insert("occurs".into(), json!({ "min": times, "max": times }));
        }
        Times::Counted { least, most, by, .. } => {
            value.insert("occurs".into(), json!({ "min": least, "max": most }));
            if !by.is_empty() {
                let by = formula::field(layout, node, &Reference { record: node, item: by.clone() });
                value.insert("depending_on".into(), by.into());
            }
        }
    }
    value.insert("says".into(), json!(row.notes));
    if let Some(doc) = &row.doc {
        value.insert("doc".into(), doc.as_str().into());
    }
    value.into()
}
