//! The contract as JSON: services that refer to records and scalars by their index, so that recursion needs no cut.

use serde_json::{Map, Value, json};

use super::words;
use crate::{
    Content, Contract, Document, Facets, Field, Occurs, Particle, Protocol, Record, Scalar, Schema, TypeId,
    Wire,
};

/// A contract for programs. `types.records[i]` and `types.scalars[i]` are what `{"record": i}` and `{"scalar": i}` mean.
pub fn describe_json(contract: &Contract) -> Value {
    let schema = &contract.schema;
    let services = contract.services.iter().map(|service| {
        let operations = service.operations.iter().map(|operation| {
            json!({
                "name": operation.name,
                "doc": operation.doc,
                "protocol": protocol(schema, &operation.protocol),
                "input": document(schema, &operation.input),
                "output": operation.output.as_ref().map(|o| document(schema, o)),
            })
        });
        json!({ "name": service.name, "doc": service.doc, "operations": operations.collect::<Vec<_>>() })
    });
    let services: Vec<_> = services.collect();
    let records: Vec<_> = schema.records().map(|(_, r)| record(r)).collect();
    let scalars: Vec<_> = schema.scalars().map(|(_, s)| scalar(schema, s)).collect();
    json!({ "services": services, "types": { "records": records, "scalars": scalars } })
}

fn protocol(schema: &Schema, protocol: &Protocol) -> Value {
    match protocol {
        Protocol::Grpc { path, client_streaming, server_streaming, long_running } => json!({
            "grpc": {
                "path": path,
                "client_streaming": client_streaming,
                "server_streaming": server_streaming,
                "long_running": long_running.as_ref().map(|info| json!({
                    "response_type": info.response_type,
                    "metadata_type": info.metadata_type,
                    "response": info.response.as_ref().map(|d| document(schema, d)),
                })),
            }
        }),
        Protocol::Soap(binding) => {
            json!({ "soap": { "version": binding.version, "action": binding.action, "address": binding.address } })
        }
    }
}

fn document(schema: &Schema, document: &Document) -> Value {
    let roots = document.roots.iter().map(|root| {
        let path = root.path.iter().map(|(record, field)| schema.field(*record, *field).name.as_str());
        json!({ "name": root.name.join("."), "path": path.collect::<Vec<_>>(), "type": reference(root.ty) })
    });
    json!({
        "record": document.record,
        "element": document.element.as_ref().map(ToString::to_string),
        "roots": roots.collect::<Vec<_>>(),
    })
}

fn reference(ty: TypeId) -> Value {
    match ty {
        TypeId::Record(id) => json!({ "record": id }),
        TypeId::Scalar(id) => json!({ "scalar": id }),
    }
}

fn record(record: &Record) -> Value {
    let choices: Vec<_> =
        record.choices.iter().map(|c| json!({ "name": c.name, "required": c.required })).collect();
    let mut value = json!({
        "name": record.name.to_string(),
        "doc": record.doc,
        "fields": record.fields.iter().map(field).collect::<Vec<_>>(),
        "choices": choices,
        "open": record.open,
        "mixed": record.mixed,
        "abstract": record.is_abstract,
        "missing": record.is_missing,
        "base": record.base,
    });
    if let (Content::Ordered(model), Some(object)) = (&record.content, value.as_object_mut()) {
        object.insert("content".to_owned(), particle(model));
    }
    value
}

fn field(field: &Field) -> Value {
    let wire = match &field.wire {
        Wire::Protobuf { number, kind, packed, map } => {
            json!({ "number": number, "kind": format!("{kind:?}"), "packed": packed, "map": map })
        }
        Wire::Element(name) => json!({ "element": name.to_string() }),
        Wire::Attribute(name) => json!({ "attribute": name.to_string() }),
        Wire::Text => json!("text"),
        Wire::Stored(storage) => json!({ "stored": storage.form.word() }),
        Wire::Part => json!("part"),
    };
    json!({
        "name": field.name,
        "type": reference(field.ty),
        "occurs": field.occurs,
        "presence": field.presence,
        "nillable": field.nillable,
        "default": field.default,
        "fixed": field.fixed,
        "choice": field.choice,
        "redact": field.redact,
        "xsi_type": field.xsi_type.as_ref().map(ToString::to_string),
        "wire": wire,
        "doc": field.doc,
    })
}

fn particle(model: &Particle) -> Value {
    // Moved into place: `json!` would copy every level once more for each level around it.
    let group = |kind: &str, occurs: &Occurs, parts: &[Particle]| {
        let mut object = Map::new();
        object.insert(kind.to_owned(), Value::Array(parts.iter().map(particle).collect()));
        object.insert("occurs".to_owned(), json!(occurs));
        Value::Object(object)
    };
    match model {
        Particle::Field(id) => json!({ "field": id }),
        Particle::Sequence(occurs, parts) => group("sequence", occurs, parts),
        Particle::Choice(occurs, parts) => group("choice", occurs, parts),
        Particle::All(occurs, parts) => group("all", occurs, parts),
        Particle::Any(occurs) => json!({ "any": occurs }),
    }
}

fn scalar(schema: &Schema, scalar: &Scalar) -> Value {
    let values = scalar.enumeration.as_ref().map(|e| {
        let values = e.values.iter().map(|v| json!({ "name": v.name, "number": v.number, "doc": v.doc }));
        json!({ "values": values.collect::<Vec<_>>(), "open": e.open })
    });
    json!({
        "name": scalar.name.to_string(),
        "kind": words::kind(schema, &scalar.kind),
        "facets": facets(&scalar.facets),
        "enumeration": values,
    })
}

/// Only the facets that are set.
fn facets(facets: &Facets) -> Value {
    let mut set = Map::new();
    let mut put = |name: &str, value: Option<Value>| set.extend(value.map(|v| (name.to_owned(), v)));
    put("min_length", facets.min_length.map(Value::from));
    put("max_length", facets.max_length.map(Value::from));
    put("patterns", (!facets.patterns.is_empty()).then(|| json!(facets.patterns)));
    put("min_inclusive", facets.min_inclusive.clone().map(Value::from));
    put("max_inclusive", facets.max_inclusive.clone().map(Value::from));
    put("min_exclusive", facets.min_exclusive.clone().map(Value::from));
    put("max_exclusive", facets.max_exclusive.clone().map(Value::from));
    put("total_digits", facets.total_digits.map(Value::from));
    put("fraction_digits", facets.fraction_digits.map(Value::from));
    put("white_space", facets.white_space.map(|w| json!(w)));
    Value::Object(set)
}
