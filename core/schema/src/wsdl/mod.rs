//! Reads WSDL 1.1 with its schemas: what a SOAP service says of itself, as documents of the one type model.

mod binding;
mod definitions;
mod envelope;
mod fault;
mod message;

use portolan_diagnostics::{Checked, Code, Diagnostic};

use crate::{
    Contract, Name, Reading,
    xml::Tree,
    xsd::{Compiler, Files, SchemaSet, XSD},
};

/// The namespace of WSDL 1.1.
pub(crate) const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
/// Of its extension elements for SOAP 1.1.
const SOAP_11: &str = "http://schemas.xmlsoap.org/wsdl/soap/";
/// Of its extension elements for SOAP 1.2.
const SOAP_12: &str = "http://schemas.xmlsoap.org/wsdl/soap12/";

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
    let services = binding::services(&definitions, &mut compiler);
    if services.is_empty() {
        let what = "no port or binding speaks SOAP 1.1 or 1.2 over HTTP";
        compiler.report(Diagnostic::error(Code::WSDL_INVALID, what).at(root.span(Tree::ROOT), ""));
    }
    let (schema, found, needed) = compiler.finish();
    diagnostics.extend(found);
    diagnostics.extend(set.missing(&needed));
    diagnostics.sort_by_key(|d| d.labels.first().map(|l| (l.span.source, l.span.start)));
    let contract = Contract { schema, services, files: files.ids, descriptor_set: None };
    Checked { value: Some(contract), diagnostics }
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
    debug_assert_ne!(*root, Name::new(WSDL, "definitions"));
    Some(Diagnostic::error(code, what).at(tree.span(Tree::ROOT), "").help(help))
}
