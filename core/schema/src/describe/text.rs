//! The readable print: services, operations, and their fields as trees.

use std::fmt::Write as _;

use super::words;
use crate::{Contract, Document, Operation, Protocol, RecordId, Schema, TypeId};

/// Rows of one document; types that hold each other without end are cut here at the latest.
const MAX_ROWS: usize = 2000;
const MAX_DEPTH: usize = 32;
/// Columns wider than this do not push the others away.
const MAX_COLUMN: usize = 44;

/// A contract for people: services, operations, then the fields of each document as a tree with type, occurrence,
/// facets and the contract's own words. What repeats itself is cut with `...`.
pub fn describe(contract: &Contract) -> String {
    let mut out = String::new();
    for (index, service) in contract.services.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let _ = writeln!(out, "service {}", service.name);
        doc(&mut out, "  ", service.doc.as_deref());
        for operation in &service.operations {
            describe_operation(&mut out, &contract.schema, operation);
        }
    }
    if contract.services.is_empty() {
        out.push_str("no services\n");
        for (id, record) in contract.schema.records() {
            let _ = writeln!(out, "\nrecord {}", record.name);
            doc(&mut out, "  ", record.doc.as_deref());
            tree(&mut out, &contract.schema, id);
        }
    }
    out
}

fn describe_operation(out: &mut String, schema: &Schema, operation: &Operation) {
    let _ = writeln!(out, "\n  operation {}", operation.name);
    doc(out, "    ", operation.doc.as_deref());
    match &operation.protocol {
        Protocol::Grpc { path, client_streaming, server_streaming, long_running } => {
            let streaming = match (client_streaming, server_streaming) {
                (false, false) => "unary",
                (true, false) => "client streaming",
                (false, true) => "server streaming",
                (true, true) => "bidirectional streaming",
            };
            let _ = writeln!(out, "    gRPC {path}, {streaming}");
            document(out, schema, "input", &operation.input);
            if let Some(output) = &operation.output {
                document(out, schema, "output", output);
            }
            if let Some(info) = long_running {
                let _ = writeln!(
                    out,
                    "    long-running: answers {}, metadata {}",
                    info.response_type, info.metadata_type
                );
                if let Some(response) = &info.response {
                    document(out, schema, "response", response);
                }
            }
        }
        Protocol::Soap(binding) => {
            let version = if binding.version == crate::SoapVersion::V11 { "1.1" } else { "1.2" };
            let action = if binding.action.is_empty() { "none" } else { &binding.action };
            let _ = writeln!(out, "    SOAP {version}, action {action}");
            if let Some(address) = &binding.address {
                let _ = writeln!(out, "    at {address}");
            }
            document(out, schema, "input", &operation.input);
            match &operation.output {
                Some(output) => document(out, schema, "output", output),
                None => out.push_str("    one-way: nothing is answered\n"),
            }
        }
    }
}

/// What can be reached of a document, by the names of the language. Parts of a fault stand under the fault.
fn document(out: &mut String, schema: &Schema, direction: &str, document: &Document) {
    for root in document.roots.iter().filter(|r| r.name.len() == 1) {
        let name = root.name.join(".");
        let wire = root.path.last().map(|(record, field)| &schema.field(*record, *field).wire);
        let element = match wire {
            Some(crate::Wire::Element(element)) => format!(" {element}"),
            _ => String::new(),
        };
        let ty = words::type_name(schema, root.ty);
        let empty = matches!(root.ty, TypeId::Record(id) if schema.record(id).fields.is_empty());
        if name == "header" && empty {
            continue;
        }
        let _ = writeln!(out, "    {direction} {name}{element}: {ty}");
        if let TypeId::Record(id) = root.ty {
            tree(out, schema, id);
        }
    }
}

/// One line of a tree.
struct Row {
    name: String,
    ty: String,
    occurrence: String,
    facets: String,
    doc: String,
}

fn tree(out: &mut String, schema: &Schema, record: RecordId) {
    let mut rows = Vec::new();
    grow(schema, record, &mut vec![record], &mut rows);
    let width = |of: fn(&Row) -> &str| {
        let widths = rows.iter().map(|row| of(row).chars().count()).filter(|w| *w <= MAX_COLUMN);
        widths.max().unwrap_or(0)
    };
    let (name, ty, occurrence) = (width(|r| &r.name), width(|r| &r.ty), width(|r| &r.occurrence));
    for row in &rows {
        let line = format!(
            "      {:name$}  {:ty$}  {:occurrence$}  {}",
            row.name, row.ty, row.occurrence, row.facets
        );
        let line = line.trim_end();
        let _ = match row.doc.as_str() {
            "" => writeln!(out, "{line}"),
            doc => writeln!(out, "{line}  # {doc}"),
        };
    }
}

fn grow(schema: &Schema, record: RecordId, within: &mut Vec<RecordId>, rows: &mut Vec<Row>) {
    let indent = "  ".repeat(within.len() - 1);
    let cut = |name: &str| Row {
        name: format!("{indent}{name}"),
        ty: String::new(),
        occurrence: String::new(),
        facets: String::new(),
        doc: String::new(),
    };
    let here = schema.record(record);
    for (id, field) in here.fields_with_ids() {
        if rows.len() >= MAX_ROWS {
            rows.push(cut("..."));
            return;
        }
        rows.push(Row {
            name: format!("{indent}{}", field.name),
            ty: words::type_name(schema, field.ty),
            occurrence: words::occurrence(field, here),
            facets: words::facets(schema, record, id),
            doc: field.doc.as_deref().and_then(|d| d.lines().next()).unwrap_or_default().to_owned(),
        });
        let TypeId::Record(inner) = field.ty else { continue };
        if within.contains(&inner) || within.len() >= MAX_DEPTH {
            rows.push(Row { name: format!("{indent}  ..."), ..cut("") });
            continue;
        }
        within.push(inner);
        grow(schema, inner, within, rows);
        within.pop();
    }
    if here.open && !here.is_missing {
        rows.push(cut("(any other)"));
    }
}

fn doc(out: &mut String, indent: &str, doc: Option<&str>) {
    for line in doc.into_iter().flat_map(str::lines) {
        let _ = writeln!(out, "{indent}# {line}");
    }
}
