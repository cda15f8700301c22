//! The judge: lxml, by `tests/peers/python/judge.py`.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use portolan_schema::{Contract, Document, Field, Schema, TypeId, Wire};
use serde_json::{Value, json};

/// A message to be judged.
pub(crate) struct Case(Value);

impl Case {
    pub(crate) fn new(
        label: String,
        wsdl: &Path,
        message: String,
        contract: &Contract,
        document: &Document,
        (url, file): &(String, String),
    ) -> Self {
        let schema = &contract.schema;
        let roots: serde_json::Map<String, Value> =
            elements(schema, document).into_iter().map(|field| root(schema, field)).collect();
        Self(json!({
            "label": label, "wsdl": wsdl, "message": message, "roots": roots, "stand_ins": { url: file },
        }))
    }
}

/// The elements of header and body.
fn elements<'s>(schema: &'s Schema, document: &Document) -> Vec<&'s Field> {
    let parts = schema.record(document.record).fields.iter();
    let within = parts.flat_map(|part| match part.ty {
        TypeId::Record(id) => schema.record(id).fields.as_slice(),
        TypeId::Scalar(_) => &[],
    });
    within.filter(|field| field.name != "Fault").collect()
}

/// What is known of an element that no schema may declare: its type and, if it is an RPC wrapper, its parts.
fn root(schema: &Schema, field: &Field) -> (String, Value) {
    let type_name = |ty: TypeId| match ty {
        TypeId::Record(id) => schema.record(id).name.to_string(),
        TypeId::Scalar(id) => schema.scalar(id).name.to_string(),
    };
    let Wire::Element(name) = &field.wire else { return (String::new(), Value::Null) };
    let parts = match field.ty {
        TypeId::Record(id) if schema.record(id).name == *name => {
            let fields = schema.record(id).fields.iter().filter_map(|f| match &f.wire {
                Wire::Element(name) => Some(json!([name.local, type_name(f.ty)])),
                _ => None,
            });
            Some(fields.collect::<Vec<_>>())
        }
        _ => None,
    };
    (name.to_string(), json!({ "type": type_name(field.ty), "parts": parts }))
}

/// The judge's verdict on each case, with its reason; none where the judge is not installed.
pub(crate) fn judge(cases: &[Case]) -> Option<Vec<(String, String, String)>> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let interpreter = repository.join(".venv/bin/python");
    if !interpreter.exists() {
        println!("the Python peers are not installed (tests/install), {} samples not judged", cases.len());
        return None;
    }
    let mut child = Command::new(interpreter)
        .arg(repository.join("tests/peers/python/judge.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let lines: Vec<String> = cases.iter().map(|case| case.0.to_string()).collect();
    let writer = std::thread::spawn(move || lines.iter().try_for_each(|line| writeln!(input, "{line}")));
    let verdicts = BufReader::new(output).lines().map(|line| {
        let said: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
        (text("label"), text("verdict"), text("why"))
    });
    let verdicts = verdicts.collect();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    Some(verdicts)
}
