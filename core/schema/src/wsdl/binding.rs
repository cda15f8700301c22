//! Services, ports and bindings: which operations there are and how they travel.

use portolan_diagnostics::{Code, Diagnostic, Severity, Span};

use super::{
    SOAP_11, SOAP_12, WSDL,
    definitions::{Definitions, Kind, Site},
    envelope::{self, Parts},
    message::{self, Style},
};
use crate::{LeftOut, Operation, Protocol, Service, SoapBinding, SoapVersion, TypeId, xsd::Compiler};

/// A service for each SOAP port; for each SOAP binding where the WSDL has no services.
pub(super) fn services(definitions: &Definitions, compiler: &mut Compiler<'_>) -> Vec<Bound> {
    let mut services = Vec::new();
    for service in &definitions.services {
        for port in service.children("port") {
            let name = format!(
                "{}/{}",
                service.attribute("name").unwrap_or_default().trim(),
                port.attribute("name").unwrap_or_default().trim()
            );
            let binding = match definitions.referred(&port, "binding", Kind::Binding, compiler) {
                Ok(binding) => binding,
                Err(found) => {
                    compiler.report(found);
                    continue;
                }
            };
            let address = extension(&port, "address")
                .and_then(|a| a.attribute("location").map(|l| l.trim().to_owned()));
            let doc = port.doc().or_else(|| service.doc());
            services.extend(bound(definitions, compiler, &binding, name, address, doc));
        }
    }
    if definitions.services.is_empty() {
        for binding in &definitions.bindings {
            let name = binding.attribute("name").unwrap_or_default().trim().to_owned();
            services.extend(bound(definitions, compiler, binding, name, None, binding.doc()));
        }
    }
    if definitions.services.is_empty() && definitions.bindings.is_empty() {
        services.extend(definitions.port_types.iter().map(|p| unbound(definitions, compiler, p)));
    }
    services
}

/// The operations of a port type that nothing binds: interfaces are handed around without how they travel.
fn unbound(definitions: &Definitions, compiler: &mut Compiler<'_>, port_type: &Site) -> Bound {
    let what = "no binding says how this port type travels; it is read as document/literal over SOAP 1.1";
    compiler.report(Diagnostic::warning(Code::WSDL_INVALID, what).at(port_type.span(), ""));
    let name = port_type.attribute("name").unwrap_or_default().trim().to_owned();
    let read = Binding { definitions, port_type, version: SoapVersion::V11, style: None, address: &None };
    operations(&read, port_type, compiler, name, port_type.doc())
}

/// The operations of a binding; `None` if it does not speak SOAP.
fn bound(
    definitions: &Definitions,
    compiler: &mut Compiler<'_>,
    binding: &Site,
    name: String,
    address: Option<String>,
    doc: Option<String>,
) -> Option<Bound> {
    let Some(soap) = extension(binding, "binding") else {
        let what = format!("`{name}` does not speak SOAP and is left out");
        compiler.report(Diagnostic::note(Code::WSDL_UNSUPPORTED, what).at(binding.span(), ""));
        return None;
    };
    let version = match soap.tree.get(soap.node).name.namespace.as_str() {
        SOAP_12 => SoapVersion::V12,
        _ => SoapVersion::V11,
    };
    let port_type = match definitions.referred(binding, "type", Kind::PortType, compiler) {
        Ok(port_type) => port_type,
        Err(found) => {
            compiler.report(found);
            return None;
        }
    };
    let read = Binding {
        definitions,
        port_type: &port_type,
        version,
        style: soap.attribute("style"),
        address: &address,
    };
    Some(operations(&read, binding, compiler, name, doc))
}

/// The operations that stand in a binding, or in a port type without one.
fn operations(
    read: &Binding<'_>,
    holder: &Site,
    compiler: &mut Compiler<'_>,
    name: String,
    doc: Option<String>,
) -> Bound {
    let (mut operations, mut places, mut broken) = (Vec::new(), Vec::new(), Vec::new());
    let mut left_out = Vec::new();
    for operation in holder.children("operation") {
        let before = compiler.errors;
        match read.operation(&operation, compiler) {
            Ok(read) => {
                operations.push(read);
                places.push(operation.attribute_span("name"));
                broken.push(compiler.errors > before);
            }
            Err(why) => {
                let named = operation.attribute("name").unwrap_or_default().trim();
                let operation = LeftOut {
                    name: named.to_owned(),
                    why: why.message.clone(),
                    at: why.labels.first().map(|label| label.span),
                };
                left_out.push((operation, why));
            }
        }
    }
    Bound { service: Service { name, operations, doc }, left_out, places, broken }
}

/// A service with what its reader knows of each operation besides.
pub(super) struct Bound {
    pub(super) service: Service,
    /// Operations that are not in it, with what speaks against them.
    pub(super) left_out: Vec<(LeftOut, Diagnostic)>,
    /// Where each operation stands.
    pub(super) places: Vec<Span>,
    /// Whether something about it was wrong before its types were looked into.
    pub(super) broken: Vec<bool>,
}

struct Binding<'a> {
    definitions: &'a Definitions,
    port_type: &'a Site,
    version: SoapVersion,
    style: Option<&'a str>,
    address: &'a Option<String>,
}

impl Binding<'_> {
    /// An operation, or the reason why it is to be left out.
    fn operation(&self, bound: &Site, compiler: &mut Compiler<'_>) -> Result<Operation, Diagnostic> {
        let name = bound.attribute("name").unwrap_or_default().trim().to_owned();
        let declared = self.declared(bound, &name).ok_or_else(|| {
            let known = self.port_type.children("operation");
            let what = "the port type does not declare it";
            let found = Diagnostic::error(Code::WSDL_INVALID, what).at(bound.attribute_span("name"), "");
            found.did_you_mean(&name, known.iter().filter_map(|o| o.attribute("name")))
        })?;
        let soap = extension(bound, "operation");
        let style = soap.as_ref().and_then(|s| s.attribute("style")).or(self.style).map(str::trim);
        let style = if style == Some("rpc") { Style::Rpc } else { Style::Document };
        let Some(input) = first(&declared, "input") else {
            let what = "it has no input, and Portolan only asks";
            return Err(Diagnostic::error(Code::WSDL_UNSUPPORTED, what).at(declared.span(), ""));
        };
        let text = TypeId::Scalar(compiler.string());
        let reader = message::Messages { definitions: self.definitions, style, operation: &name, text };
        let wire_input = first(bound, "input");
        let sent = reader.read(&input, wire_input.as_ref(), "", compiler)?;
        let faults = declared.children("fault");
        let faults = faults.iter().filter_map(|fault| reader.fault(fault, compiler)).collect();
        let output = first(&declared, "output").map(|output| {
            let wire_output = first(bound, "output");
            let answered = reader.read(&output, wire_output.as_ref(), "Response", compiler);
            let carried = answered.unwrap_or_else(|mut why| {
                why.message = format!("the answer of `{name}` is not described: {}", why.message);
                why.severity = Severity::Warning;
                compiler.report(why);
                message::Carried { open: true, ..message::Carried::default() }
            });
            envelope::document(compiler, Parts { version: self.version, carried, faults: Some(faults) })
        });
        // No fault can be declared of a one-way operation (WSDL 1.1, section 2.4.1), and none has a detail that is known.
        let one_way = output.is_none().then(|| {
            let carried = message::Carried { open: true, ..message::Carried::default() };
            envelope::document(compiler, Parts { version: self.version, carried, faults: Some(Vec::new()) })
        });
        let parts = Parts { version: self.version, carried: sent, faults: None };
        let action =
            soap.as_ref().and_then(|s| s.attribute("soapAction")).unwrap_or_default().trim().to_owned();
        Ok(Operation {
            name,
            input: envelope::document(compiler, parts),
            output,
            protocol: Protocol::Soap(SoapBinding {
                version: self.version,
                action,
                address: self.address.clone(),
                one_way,
            }),
            doc: declared.doc().or_else(|| bound.doc()),
        })
    }

    /// The port type's operation; overloaded ones are told apart by the names of their messages.
    fn declared(&self, bound: &Site, name: &str) -> Option<Site> {
        let same = |o: &Site| o.attribute("name").map(str::trim) == Some(name);
        let candidates: Vec<_> = self.port_type.children("operation").into_iter().filter(same).collect();
        let named = |site: &Site, direction: &str| {
            first(site, direction).and_then(|d| d.attribute("name").map(str::to_owned))
        };
        let matching = candidates.iter().find(|o| {
            ["input", "output"].iter().all(|d| named(bound, d).is_none() || named(bound, d) == named(o, d))
        });
        matching.or(candidates.first()).cloned()
    }
}

fn first(site: &Site, local: &str) -> Option<Site> {
    site.tree.child(site.node, WSDL, local).map(|node| site.at(node))
}

/// An extension element of either SOAP version.
pub(super) fn extension(site: &Site, local: &str) -> Option<Site> {
    let child = |namespace| site.tree.child(site.node, namespace, local);
    child(SOAP_11).or_else(|| child(SOAP_12)).map(|node| site.at(node))
}
