//! The requests and responses of node-soap's own tests: ours mean the same, or `node-soap.txt` says why not. What it
//! expects is what it writes; where that is not what the WSDL says, ours is right. A line of the file is a case, request
//! or response, how ours differs, and the reason, which people add.

mod tree;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use bumpalo::Bump;
use portolan_formats::{Captured, NodeId, Reader, Rows, Selected, Selection, Slot, Unknown};
use portolan_schema::{Contract, Document, FieldId, Operation, RecordId, Schema, TypeId, Wire};
use serde_json::{Map, Value};

use crate::{
    files, recorded, round_trip,
    sample::{Fields, Sample},
};

#[test]
fn node_soap_means_the_same() {
    let (root, _) = files::wsdls();
    let Ok(entries) = fs::read_dir(root.join("node-soap/request-response-samples")) else {
        println!("corpus not found, 55 cases not run");
        return;
    };
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut other = BTreeSet::new();
    let (mut requests, mut responses) = (0, 0);
    for case in &cases {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut note = |what: &str, why: String| other.insert(format!("{name} | {what} | {why}"));
        let Some(contract) = super::contract(&case.join("soap.wsdl"), &(String::new(), String::new())) else {
            note("contract", "is not described".to_owned());
            continue;
        };
        let asked = name.split("__").next().unwrap_or_default();
        let Some(operation) = operation(&contract, asked) else {
            note("contract", format!("has no operation {asked}"));
            continue;
        };
        if let Some(expected) = text(case, "request.xml") {
            requests += 1;
            if let Err(why) = request(&contract, operation, &json(case, "request.json"), &expected) {
                note("request", why);
            }
        }
        if let (Some(reply), Some(_)) = (text(case, "response.xml"), text(case, "response.json")) {
            responses += 1;
            if let Err(why) = response(&contract, operation, &reply, &json(case, "response.json")) {
                note("response", why);
            }
        }
    }
    assert!(requests >= 50 && responses >= 40, "{requests} requests, {responses} responses");
    println!("{requests} requests, {responses} responses");
    let listed: BTreeSet<_> = other.iter().map(|found| format!("{found} | {}", reason(found))).collect();
    recorded(FILE, &listed);
    let open: Vec<_> = listed.iter().filter(|line| line.ends_with(" | why?")).collect();
    assert!(open.is_empty(), "why? {open:#?}");
}

const FILE: &str = "node-soap.txt";

/// Why a difference is right, as the file says.
fn reason(found: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts").join(FILE);
    let listed = fs::read_to_string(path).unwrap_or_default();
    let reason = listed.lines().find_map(|line| line.strip_prefix(found)?.strip_prefix(" | "));
    reason.filter(|reason| !reason.is_empty()).unwrap_or("why?").to_owned()
}

fn text(case: &Path, file: &str) -> Option<String> {
    fs::read_to_string(case.join(file)).ok()
}

fn json(case: &Path, file: &str) -> Value {
    text(case, file).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

fn operation<'c>(contract: &'c Contract, name: &str) -> Option<&'c Operation> {
    contract.services.iter().flat_map(|s| &s.operations).find(|o| &*o.name == name)
}

/// Our request for the arguments, compared with the expected one.
fn request(
    contract: &Contract,
    operation: &Operation,
    arguments: &Value,
    expected: &str,
) -> Result<(), String> {
    let (schema, document) = (&contract.schema, &operation.input);
    let body = document.roots.iter().find(|root| root.name == ["body"]).ok_or("it has no body")?;
    let TypeId::Record(record) = body.ty else { return Err("its body is a text".to_owned()) };
    let mut fields = sample(schema, record, arguments)?;
    for (_, field) in body.path.iter().rev() {
        fields = Fields::from([(*field, vec![Sample::Record(fields)])]);
    }
    let ours = round_trip::write(schema, document, &fields)?;
    let ours = tree::read(&String::from_utf8(ours).map_err(|error| error.to_string())?)?;
    let theirs = tree::read(expected).map_err(|why| format!("theirs: {why}"))?;
    ours.differs(&theirs).map_or(Ok(()), Err)
}

/// JSON as node-soap takes it: `attributes` and `$value` beside the elements.
fn sample(schema: &Schema, record: RecordId, value: &Value) -> Result<Fields, String> {
    let mut fields = Fields::new();
    let Value::Object(members) = value else {
        return if value.is_null() { Ok(fields) } else { Err("a text where a record is".to_owned()) };
    };
    for (name, value) in members {
        if let ("attributes", Value::Object(attributes)) = (name.as_str(), value) {
            for (name, value) in attributes {
                let (field, _) = found(schema, record, name)?;
                fields.insert(field, one(schema, record, field, value)?);
            }
            continue;
        }
        let (field, _) = match name.as_str() {
            "$value" => text_field(schema, record).ok_or("it has no text")?,
            name => found(schema, record, name)?,
        };
        fields.insert(field, one(schema, record, field, value)?);
    }
    Ok(fields)
}

fn found<'s>(
    schema: &'s Schema,
    record: RecordId,
    name: &str,
) -> Result<(FieldId, &'s portolan_schema::Field), String> {
    let of = schema.record(record);
    of.find(name).ok_or_else(|| format!("the contract has no `{name}` in {}", of.name.local))
}

fn text_field(schema: &Schema, record: RecordId) -> Option<(FieldId, &portolan_schema::Field)> {
    schema.record(record).fields_with_ids().find(|(_, field)| field.wire == Wire::Text)
}

fn one(schema: &Schema, record: RecordId, field: FieldId, value: &Value) -> Result<Vec<Sample>, String> {
    if let Value::Array(items) = value {
        let items: Result<Vec<_>, _> = items.iter().map(|item| one(schema, record, field, item)).collect();
        return Ok(items?.concat());
    }
    let sample = match (value, schema.field(record, field).ty) {
        (Value::Null, _) => Sample::Nil,
        (Value::Object(_), TypeId::Record(id)) => Sample::Record(sample(schema, id, value)?),
        (Value::Object(_), TypeId::Scalar(_)) => {
            return Err(format!("`{}` is a text in the contract", schema.field(record, field).name));
        }
        (value, TypeId::Record(id)) => {
            let (text, _) = text_field(schema, id).ok_or("a text where a record is")?;
            Sample::Record(Fields::from([(text, vec![Sample::Text(plain(value))])]))
        }
        (value, TypeId::Scalar(_)) => Sample::Text(plain(value)),
    };
    Ok(vec![sample])
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Our reading of the reply, compared with theirs.
fn response(contract: &Contract, operation: &Operation, reply: &str, expected: &Value) -> Result<(), String> {
    // What stands around the envelope in a MIME message is the transport's.
    let start = reply.rfind("<soap:Envelope").filter(|_| reply.starts_with("--MIME")).unwrap_or(0);
    let end = reply.rfind("Envelope>").map_or(reply.len(), |at| at + "Envelope>".len());
    let document = operation.output.as_ref().ok_or("it has no reply")?;
    let ours = read(&contract.schema, document, &reply.as_bytes()[start..end])?;
    let (ours, theirs) = (common(&ours), common(expected));
    if ours == theirs { Ok(()) } else { Err(format!("{ours} is not {theirs}")) }
}

/// Everything that is selected of a reply, as deep as these replies go.
struct Wanted(Vec<(FieldId, Selected, Wanted)>);

fn select(selection: &mut Selection, schema: &Schema, at: NodeId, depth: u32) -> Wanted {
    let record = selection.node_at(at).record;
    let fields = if depth == 0 { 0 } else { schema.record(record).fields.len() as u32 };
    let fields = (0..fields).map(FieldId).map(|field| {
        let selected = selection.field(schema, at, field);
        let node = selected.node.or(selected.item.and_then(|item| item.node));
        let inside = node.map_or(Wanted(Vec::new()), |node| select(selection, schema, node, depth - 1));
        (field, selected, inside)
    });
    Wanted(fields.collect())
}

fn read(schema: &Schema, document: &Document, bytes: &[u8]) -> Result<Value, String> {
    let mut selection = Selection::new(document, Unknown::Refuse);
    let wanted = select(&mut selection, schema, Selection::ROOT, 8);
    let reader = Reader::compile(schema, document, &selection).lenient();
    let (arena, mut captured) = (Bump::new(), Captured::default());
    reader.read(bytes, &arena, &mut captured).map_err(|error| error.to_string())?;
    let mut rows = Rows(vec![0; selection.widths().len()]);
    let whole = json_of(schema, document.record, &wanted, &captured, &mut rows);
    let body = document.roots.iter().find(|root| root.name == ["body"]).ok_or("it has no body")?;
    let mut at = &whole;
    for (record, field) in &body.path {
        at = at.get(&schema.field(*record, *field).name).unwrap_or(&Value::Null);
    }
    Ok(at.clone())
}

fn json_of(
    schema: &Schema,
    record: RecordId,
    wanted: &Wanted,
    captured: &Captured<'_>,
    rows: &mut Rows,
) -> Value {
    let mut members = Map::new();
    for (field, selected, inside) in &wanted.0 {
        let declared = schema.field(record, *field);
        let one = |slot: Slot<'_>, rows: &mut Rows| match (slot, declared.ty) {
            (Slot::Text(text), _) => Value::from(text.trim()),
            (Slot::Present, TypeId::Record(id)) => json_of(schema, id, inside, captured, rows),
            _ => Value::Null,
        };
        let value = match (captured.get(rows.place(selected.slot)), selected.item) {
            (Slot::Absent, _) => continue,
            (Slot::List { first, count, .. }, Some(item)) => {
                let (mut row, mut items) = (first, Vec::new());
                for _ in 0..count {
                    rows.enter(item.frame, row);
                    items.push(one(captured.get(rows.place(item.slot)), rows));
                    if let Slot::Next(next) = captured.get(row as usize) {
                        row = next;
                    }
                }
                Value::Array(items)
            }
            (slot, _) => one(slot, rows),
        };
        members.insert(declared.name.clone(), value);
    }
    Value::Object(members)
}

/// What both ways of writing a reply in JSON have in common: attributes among the elements, the text of an element that
/// has some as `value`, one item instead of a list of it, all scalars as texts, and nothing for what is nil or empty.
fn common(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut out = Map::new();
            for (name, value) in members {
                let lifted = match (name.as_str(), value) {
                    ("attributes", Value::Object(attributes)) => attributes.iter().collect(),
                    _ => vec![(name, value)],
                };
                for (name, value) in lifted.into_iter().filter(|(name, _)| !name.starts_with("xsi:")) {
                    let name = if matches!(name.as_str(), "$value" | "theValue") { "value" } else { name };
                    let value = common(value);
                    if !value.is_null() {
                        out.insert(name.to_owned(), value);
                    }
                }
            }
            match (out.len(), out.get("value")) {
                (0, _) => Value::Null,
                (1, Some(text)) => text.clone(),
                _ => Value::Object(out),
            }
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(common).filter(|item| !item.is_null()).collect();
            match items.as_slice() {
                [] => Value::Null,
                [one] => one.clone(),
                _ => Value::Array(items),
            }
        }
        Value::Null => Value::Null,
        scalar => match plain(scalar).trim() {
            "" => Value::Null,
            text => Value::from(text),
        },
    }
}
