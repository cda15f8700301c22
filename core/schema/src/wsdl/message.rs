//! Messages and their parts: which of them travel in the body, which in the header, under which element names.

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    SOAP_11, SOAP_12,
    binding::extension,
    definitions::{Definitions, Kind, Site},
    envelope,
};
use crate::{
    Content, FieldId, Name, Occurs, Particle, Record, TypeId,
    xsd::{Compiler, Declared},
};

const MIME: &str = "http://schemas.xmlsoap.org/wsdl/mime/";

/// How a binding puts parts into the body (WSDL 1.1, section 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// The part's element is the body's.
    Document,
    /// The parts stand in an element named by the operation.
    Rpc,
}

/// What one direction of an operation carries.
pub(super) struct Carried {
    pub(super) headers: Vec<Declared>,
    /// The one element of the body, if any.
    pub(super) body: Option<Declared>,
}

/// Reads the messages of one operation.
pub(super) struct Messages<'a> {
    pub(super) definitions: &'a Definitions,
    pub(super) style: Style,
    pub(super) operation: &'a str,
}

impl Messages<'_> {
    /// One direction: `declared` is the port type's `input` or `output`, `bound` the binding's.
    pub(super) fn read(
        &self,
        declared: &Site,
        bound: Option<&Site>,
        suffix: &str,
        compiler: &mut Compiler<'_>,
    ) -> Result<Option<Carried>, Diagnostic> {
        let message = self.definitions.referred(declared, "message", Kind::Message)?;
        let wire = bound.map(|bound| within_mime(bound, compiler));
        let body = wire.as_ref().and_then(|wire| extension(wire, "body"));
        if body.as_ref().and_then(|b| b.attribute("use")).map(str::trim) == Some("encoded") {
            let at = body.as_ref().map_or(declared.span(), |b| b.attribute_span("use"));
            return Err(unsupported("SOAP encoding (use=\"encoded\") is not read", at));
        }
        let mut headers = Vec::new();
        let mut in_header = Vec::new();
        for header in wire.iter().flat_map(headers_of) {
            let of = self.definitions.referred(&header, "message", Kind::Message)?;
            let part = header.attribute("part").unwrap_or_default().trim().to_owned();
            let Some(site) =
                of.children("part").into_iter().find(|p| p.attribute("name").map(str::trim) == Some(&part))
            else {
                let what = format!("the message has no part `{part}`");
                compiler.report(
                    Diagnostic::error(Code::WSDL_INVALID, what).at(header.attribute_span("part"), ""),
                );
                continue;
            };
            if of.node == message.node && of.tree.source == message.tree.source {
                in_header.push(part);
            }
            headers.extend(element_of(&site, compiler)?);
        }
        let written = body.as_ref().and_then(|b| b.attribute("parts"));
        let listed: Option<Vec<&str>> = written.map(|parts| parts.split_whitespace().collect());
        let travels = |part: &Site| {
            let name = part.attribute("name").unwrap_or_default().trim();
            match &listed {
                Some(listed) => listed.contains(&name),
                None => !in_header.iter().any(|h| h == name),
            }
        };
        let parts: Vec<_> = message.children("part").into_iter().filter(travels).collect();
        let body = match self.style {
            Style::Rpc => {
                let namespace = body
                    .as_ref()
                    .and_then(|b| b.attribute("namespace"))
                    .unwrap_or_default()
                    .trim()
                    .to_owned();
                Some(self.wrapper(
                    &parts,
                    Name::new(namespace, format!("{}{suffix}", self.operation)),
                    compiler,
                ))
            }
            Style::Document => match parts.as_slice() {
                [] => None,
                [part] => match element_of(part, compiler)? {
                    Some(element) => Some(element),
                    None => return Ok(None),
                },
                _ => return Err(unsupported("its body holds several parts", message.span())),
            },
        };
        Ok(Some(Carried { headers, body }))
    }

    /// The element of a declared fault, as it stands in the fault's detail.
    pub(super) fn fault(
        &self,
        fault: &Site,
        compiler: &mut Compiler<'_>,
    ) -> Result<Option<Declared>, Diagnostic> {
        let message = self.definitions.referred(fault, "message", Kind::Message)?;
        let Some(part) = message.children("part").into_iter().next() else { return Ok(None) };
        match part.attribute("element") {
            Some(_) => element_of(&part, compiler),
            None => Ok(Some(accessor(&part, compiler))),
        }
    }

    /// RPC style: an element named by the operation, with an unqualified element for each part (WS-I BP 1.1, R2735).
    fn wrapper(&self, parts: &[Site], name: Name, compiler: &mut Compiler<'_>) -> Declared {
        let mut record = Record { name: name.clone(), ..Record::default() };
        for part in parts {
            record.fields.push(envelope::field(accessor(part, compiler), Occurs::ONCE));
        }
        let particles = (0..record.fields.len()).map(|i| Particle::Field(FieldId(i as u32))).collect();
        record.content = Content::Ordered(Particle::Sequence(Occurs::ONCE, particles));
        let ty = TypeId::Record(compiler.schema.add_record(record));
        envelope::declared(name, ty)
    }
}

/// A part as an element of its own name.
fn accessor(part: &Site, compiler: &mut Compiler<'_>) -> Declared {
    let name = Name::plain(part.attribute("name").unwrap_or_default().trim());
    let ty = match named(part, "type", compiler) {
        Some(ty) => compiler.type_named(&ty, part.attribute_span("type")),
        None => match named(part, "element", compiler) {
            Some(element) => match compiler.global_element(&element, part.attribute_span("element")) {
                Some(declared) => declared.ty,
                None => TypeId::Record(compiler.any()),
            },
            None => TypeId::Record(compiler.any()),
        },
    };
    envelope::declared(name, ty)
}

/// The element that a part names; an error where it has a type instead, `None` where something is wrong that was reported.
fn element_of(part: &Site, compiler: &mut Compiler<'_>) -> Result<Option<Declared>, Diagnostic> {
    if part.attribute("element").is_none() {
        let name = part.attribute("name").unwrap_or_default();
        let what = format!("its part `{}` has a type where document style wants an element", name.trim());
        return Err(unsupported(&what, part.span()));
    }
    let Some(name) = named(part, "element", compiler) else { return Ok(None) };
    Ok(compiler.global_element(&name, part.attribute_span("element")))
}

fn named(part: &Site, attribute: &str, compiler: &mut Compiler<'_>) -> Option<Name> {
    let written = part.attribute(attribute)?;
    match part.tree.qualified(part.node, written) {
        Ok(name) => Some(name),
        Err(unbound) => {
            let what = format!("the prefix `{}` is not declared", unbound.0);
            compiler
                .report(Diagnostic::error(Code::XSD_UNRESOLVED, what).at(part.attribute_span(attribute), ""));
            None
        }
    }
}

/// The element that holds `soap:body`: the binding's own, or the root part of a multipart message.
fn within_mime(bound: &Site, compiler: &mut Compiler<'_>) -> Site {
    let tree = &bound.tree;
    let Some(related) = tree.child(bound.node, MIME, "multipartRelated") else { return bound.clone() };
    let what = "attachments (MIME) are not read; the body is";
    compiler.report(Diagnostic::warning(Code::WSDL_UNSUPPORTED, what).at(tree.span(related), ""));
    let mut parts = tree.children(related, MIME).map(|(node, _)| bound.at(node));
    parts.find(|part| extension(part, "body").is_some()).unwrap_or_else(|| bound.clone())
}

fn headers_of(wire: &Site) -> Vec<Site> {
    let children =
        [SOAP_11, SOAP_12].into_iter().flat_map(|namespace| wire.tree.children(wire.node, namespace));
    children.filter(|(_, c)| c.name.local == "header").map(|(node, _)| wire.at(node)).collect()
}

fn unsupported(what: &str, at: Span) -> Diagnostic {
    Diagnostic::error(Code::WSDL_UNSUPPORTED, what).at(at, "")
}
