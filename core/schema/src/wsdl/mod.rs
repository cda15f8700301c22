//! Reads WSDL 1.1 with its schemas: what a SOAP service says of itself, as documents of the one type model.

mod binding;
mod definitions;
mod envelope;
mod fault;
mod message;

use binding::Bound;
use definitions::Definitions;
use portolan_diagnostics::{Checked, Code, Diagnostic, Severity, Span};

use crate::{
    Contract, LeftOut, Operation, Reading, Root, Service, TypeId,
    xml::Tree,
    xsd::{Compiled, Compiler, Files, Found, SchemaSet, XSD},
};

/// The namespace of WSDL 1.1.
pub(crate) const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
/// Of its extension elements for SOAP 1.1.
pub(crate) const SOAP_11: &str = "http://schemas.xmlsoap.org/wsdl/soap/";
/// Of its extension elements for SOAP 1.2.
pub(crate) const SOAP_12: &str = "http://schemas.xmlsoap.org/wsdl/soap12/";

/// Reads the contract that begins in `entry`. Imports are looked for relative to the file that names them.
///
/// An operation that cannot be served is left out and named in a warning; the others stand.
pub fn read(entry: &str, reading: &mut Reading<'_>) -> Checked<Contract> {
    let mut diagnostics = Vec::new();
    let mut files = Files::default();
    let root = match files.open(entry, None, None, reading, &mut diagnostics) {
        Ok(Some(tree)) => tree,
        Ok(None) => return Checked { value: None, diagnostics },
        Err(found) => {
            diagnostics.push(found);
            return Checked { value: None, diagnostics };
        }
    };
    if let Some(found) = refused(&root) {
        diagnostics.push(found);
        return Checked { value: None, diagnostics };
    }
    let mut set = SchemaSet::default();
    let definitions = definitions::load(&root, &mut set, &mut files, reading, &mut diagnostics);
    let mut compiler = Compiler::new(&set);
    let bound = binding::services(&definitions, &mut compiler);
    if bound.is_empty() && compiler.errors == 0 {
        compiler.report(no_service(&definitions, root.span(Tree::ROOT)));
    }
    let compiled = compiler.finish();
    let mut left_out: Vec<_> = bound.iter().flat_map(|b| b.left_out.iter().cloned()).collect();
    let (services, unsound, any_sound) = sound(bound, &compiled);
    let findings = compiled.diagnostics.into_iter().chain(set.missing(&compiled.needed)).collect();
    diagnostics.extend(weighed(findings, any_sound));
    left_out.extend(unsound);
    let remains = services.iter().any(|s| !s.operations.is_empty());
    let left_out = left_out.into_iter().map(|(operation, mut why)| {
        why.message = format!("the operation `{}` is left out: {}", operation.name, why.message);
        why.severity = if remains { Severity::Warning } else { Severity::Error };
        diagnostics.push(why);
        operation
    });
    let left_out = left_out.collect();
    diagnostics.sort_by_key(|d| d.labels.first().map(|l| (l.span.source, l.span.start)));
    let schema = compiled.schema;
    let contract = Contract { schema, services, left_out, files: files.ids, descriptor_set: None };
    Checked { value: Some(contract), diagnostics }
}

/// Why a WSDL has no operations at all.
fn no_service(definitions: &Definitions, at: Span) -> Diagnostic {
    if definitions.are_partial() {
        let what = "it declares no operations: a part of another WSDL, it seems";
        let found = Diagnostic::warning(Code::WSDL_INVALID, what).at(at, "");
        return found.help("name the WSDL that imports it");
    }
    let what = "no port or binding speaks SOAP 1.1 or 1.2 over HTTP";
    Diagnostic::error(Code::WSDL_UNSUPPORTED, what).at(at, "")
}

/// What the root element is if it is not a WSDL 1.1 definition.
fn refused(tree: &Tree) -> Option<Diagnostic> {
    let root = &tree.get(Tree::ROOT).name;
    let (code, what, help) = match (root.namespace.as_str(), root.local.as_str()) {
        (WSDL, "definitions") => return None,
        ("http://www.w3.org/ns/wsdl", _) => {
            (Code::WSDL_UNSUPPORTED, "WSDL 2.0 is not read".to_owned(), "give the WSDL 1.1 of the service")
        }
        (XSD, "schema") => {
            let what = "a schema by itself says nothing of operations".to_owned();
            (Code::WSDL_UNSUPPORTED, what, "name the WSDL that imports it")
        }
        _ => {
            let what = format!("`{root}` is not the root of a WSDL");
            (
                Code::WSDL_INVALID,
                what,
                "a WSDL begins with `definitions` in the namespace http://schemas.xmlsoap.org/wsdl/",
            )
        }
    };
    Some(Diagnostic::error(code, what).at(tree.span(Tree::ROOT), "").help(help))
}

/// The services without the operations that cannot be served, and those with the reason. Where no
/// operation is sound all stay, and what is wrong with them weighs as it does. The last says whether one is.
fn sound(bound: Vec<Bound>, compiled: &Compiled) -> (Vec<Service>, Vec<(LeftOut, Diagnostic)>, bool) {
    let reasons = |b: &Bound| {
        let operations = b.service.operations.iter().zip(&b.broken);
        operations.map(|(o, broken)| unsound(o, *broken, compiled)).collect::<Vec<_>>()
    };
    let any_sound = bound.iter().any(|b| reasons(b).contains(&None));
    let (mut services, mut left_out) = (Vec::new(), Vec::new());
    for bound in bound {
        let reasons = reasons(&bound);
        let mut service = bound.service;
        if any_sound {
            let operations =
                std::mem::take(&mut service.operations).into_iter().zip(reasons).zip(bound.places);
            for ((operation, unsound), place) in operations {
                let Some(why) = unsound else {
                    service.operations.push(operation);
                    continue;
                };
                let finding = Diagnostic::error(Code::WSDL_INVALID, why).at(place, "");
                let why = why.to_owned();
                left_out.push((LeftOut { name: operation.name, why, at: Some(place) }, finding));
            }
        }
        services.push(service);
    }
    (services, left_out, any_sound)
}

/// Why an operation cannot be served; `None` where it can.
fn unsound(operation: &Operation, broken: bool, compiled: &Compiled) -> Option<&'static str> {
    let mut documents = std::iter::once(&operation.input).chain(&operation.output);
    let unknown = |root: &Root| match root.ty {
        TypeId::Record(id) => root.name == ["body"] && compiled.schema.record(id).is_missing,
        TypeId::Scalar(_) => false,
    };
    if broken || documents.any(|document| compiled.tainted.contains(&document.record)) {
        return Some("its types could not be read whole");
    }
    let asks_what = operation.input.roots.iter().any(unknown);
    asks_what.then_some("what it asks is not declared")
}

/// Findings by what they stop: nothing, where an operation is sound; and what is missing is not to blame where
/// something is wrong.
fn weighed(findings: Vec<Found>, any_sound: bool) -> Vec<Diagnostic> {
    let is_wrong = |f: &Found| !f.tolerable && f.finding.severity == Severity::Error;
    let tolerable = any_sound || findings.iter().any(is_wrong);
    let weigh = |found: Found| match found.tolerable {
        true if tolerable => weaken(found.finding),
        false if any_sound => weaken(found.finding),
        _ => found.finding,
    };
    findings.into_iter().map(weigh).collect()
}

/// What is wrong with types does not stop the operations that can do without them.
fn weaken(mut found: Diagnostic) -> Diagnostic {
    let about_types = [
        Code::XSD_UNRESOLVED,
        Code::XSD_UNSUPPORTED,
        Code::XSD_INVALID,
        Code::XSD_NOT_LOCAL,
        Code::FILE_UNREADABLE,
    ];
    if about_types.contains(&found.code) {
        found.severity = found.severity.min(Severity::Warning);
    }
    found
}
