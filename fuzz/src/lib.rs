//! What the fuzz targets share: readers compiled from the worked examples, everything selected.

use bumpalo::Bump;
use portolan_diagnostics::Sources;
use portolan_formats::{Captured, NodeId, Reader, Selection, Unknown};
use portolan_schema::{Contract, Document, FieldId, Memory, Reading, Schema};

const PROTO: &str = include_str!("../../mappings/population-register/registry.proto");
const WSDL: &str = include_str!("../../mappings/population-register/register.wsdl");

/// A reader of one document with all of its fields selected.
pub struct Subject {
    reader: Reader,
}

impl Subject {
    /// The portal's side: the reply message of the population register, as protobuf wire.
    pub fn protobuf() -> Self {
        let contract = contract("registry.proto", PROTO);
        let operation = &contract.services[0].operations[0];
        Self::new(&contract.schema, operation.output.as_ref().expect("it answers"))
    }

    /// The legacy side: the register's answer, faults included.
    pub fn xml() -> Self {
        let contract = contract("register.wsdl", WSDL);
        let operation = &contract.services[0].operations[0];
        Self::new(&contract.schema, operation.output.as_ref().expect("it answers"))
    }

    fn new(schema: &Schema, document: &Document) -> Self {
        let mut selection = Selection::new(document, Unknown::Refuse);
        select_all(&mut selection, schema, Selection::ROOT, 0);
        Self { reader: Reader::compile(schema, document, &selection) }
    }

    /// Reads; whatever the bytes are, this ends, and without a panic.
    pub fn read(&self, input: &[u8]) {
        let arena = Bump::new();
        let mut captured = Captured::default();
        let _ = self.reader.read(input, &arena, &mut captured);
    }
}

fn contract(name: &str, text: &str) -> Contract {
    let resolver = Memory::default().with(name, text);
    let mut sources = Sources::default();
    let mut reading = Reading { resolver: &resolver, sources: &mut sources };
    let read = match name.ends_with(".proto") {
        true => portolan_schema::protobuf::read(name, &[], &mut reading),
        false => portolan_schema::wsdl::read(name, &mut reading),
    };
    read.value.expect("the example is sound")
}

fn select_all(selection: &mut Selection, schema: &Schema, at: NodeId, depth: usize) {
    if depth > 8 {
        return;
    }
    let record = selection.node_at(at).record;
    for field in 0..schema.record(record).fields.len() {
        let selected = selection.field(schema, at, FieldId(field as u32));
        let below = selected.node.or(selected.item.and_then(|i| i.node));
        if let Some(node) = below {
            select_all(selection, schema, node, depth + 1);
        }
    }
}
