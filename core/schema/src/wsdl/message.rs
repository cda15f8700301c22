//! Messages and their parts: which of them travel in the body, which in the header, under which element names.

use portolan_diagnostics::{Code, Diagnostic, Severity};

use super::{
    SOAP_11, SOAP_12,
    binding::extension,
    definitions::{Definitions, Kind, Site},
};
use crate::{
    Choice, ChoiceId, Content, Field, FieldId, Name, Occurs, Particle, Record, SoapVersion, TypeId, Wire,
    xsd::{self, Compiler, Declared},
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
#[derive(Default)]
pub(super) struct Carried {
    pub(super) headers: Vec<Declared>,
    /// The elements of the body: one, as a rule.
    pub(super) body: Vec<Declared>,
    /// They are the types that one element of an abstract type may have.
    pub(super) alternatives: bool,
    /// The contract does not say what the body holds.
    pub(super) open: bool,
    /// By SOAP's own encoding.
    pub(super) encoded: bool,
}

/// Reads the messages of one operation.
pub(super) struct Messages<'a> {
    pub(super) definitions: &'a Definitions,
    pub(super) style: Style,
    pub(super) operation: &'a str,
    /// `xs:string`.
    pub(super) text: TypeId,
}

impl Messages<'_> {
    /// One direction: `declared` is the port type's `input` or `output`, `bound` the binding's.
    pub(super) fn read(
        &self,
        declared: &Site,
        bound: Option<&Site>,
        suffix: &str,
        compiler: &mut Compiler<'_>,
    ) -> Result<Carried, Diagnostic> {
        let message = self.definitions.referred(declared, "message", Kind::Message, compiler)?;
        let wire = bound.map(|bound| within_mime(bound, compiler));
        let body = wire.as_ref().and_then(|wire| extension(wire, "body"));
        let encoded = body.as_ref().and_then(|b| b.attribute("use")).map(str::trim) == Some("encoded");
        let (mut headers, mut in_header) = (Vec::new(), Vec::new());
        for header in wire.iter().flat_map(headers_of) {
            match self.header(&header, compiler) {
                Ok((of, part, element)) => {
                    if of.node == message.node && of.tree.source == message.tree.source {
                        in_header.push(part);
                    }
                    headers.push(element);
                }
                Err(why) => compiler.report(left_out("a header", why)),
            }
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
        let (body, alternatives) = match self.style {
            Style::Rpc => {
                let name = format!("{}{suffix}", self.operation);
                let name = Name::new(namespace_of(body.as_ref(), bound.unwrap_or(declared), compiler), name);
                // What is said in a reply is nobody's need: it is passed over.
                let says = encoded && suffix.is_empty();
                let style = body.as_ref().filter(|_| says).map(|b| self.encoding_style(b));
                (vec![self.wrapper(&parts, name, style, compiler)], false)
            }
            Style::Document => {
                let elements = parts.iter().map(|part| element_of(part, compiler)).collect::<Option<_>>();
                by_type(elements.ok_or_else(|| unreadable(declared))?, declared, compiler)
            }
        };
        // What encoded elements refer to stands beside them.
        Ok(Carried { headers, body, alternatives, open: encoded, encoded })
    }

    /// The message that a header's part belongs to, the part, and its element.
    fn header(
        &self,
        header: &Site,
        compiler: &mut Compiler<'_>,
    ) -> Result<(Site, String, Declared), Diagnostic> {
        let message = self.definitions.referred(header, "message", Kind::Message, compiler)?;
        let name = header.attribute("part").unwrap_or_default().trim();
        let parts = message.children("part");
        let part = parts.iter().find(|p| p.attribute("name").map(str::trim) == Some(name));
        let part = part.ok_or_else(|| {
            let what = format!("the message has no part `{name}`");
            Diagnostic::error(Code::WSDL_INVALID, what).at(header.attribute_span("part"), "")
        })?;
        let element = element_of(part, compiler).ok_or_else(|| unreadable(header))?;
        Ok((message, name.to_owned(), element))
    }

    /// The element of a declared fault, as it stands in the fault's detail.
    pub(super) fn fault(&self, fault: &Site, compiler: &mut Compiler<'_>) -> Option<Declared> {
        match self.definitions.referred(fault, "message", Kind::Message, compiler) {
            Ok(message) => {
                let part = message.children("part").into_iter().next()?;
                match part.attribute("element") {
                    Some(_) => element_of(&part, compiler),
                    None => Some(accessor(&part, compiler)),
                }
            }
            Err(why) => {
                compiler.report(left_out("a fault", why));
                None
            }
        }
    }

    /// The attribute by which an encoded message says how.
    fn encoding_style(&self, body: &Site) -> Field {
        let version = match body.tree.get(body.node).name.namespace.as_str() {
            SOAP_12 => SoapVersion::V12,
            _ => SoapVersion::V11,
        };
        let style = match (body.attribute("encodingStyle"), version) {
            (Some(style), _) => style.trim(),
            (None, SoapVersion::V11) => "http://schemas.xmlsoap.org/soap/encoding/",
            (None, SoapVersion::V12) => "http://www.w3.org/2003/05/soap-encoding",
        };
        let name = Name::new(version.namespace(), "encodingStyle");
        let element = Declared::new(name.clone(), self.text);
        Field { wire: Wire::Attribute(name), fixed: Some(style.to_owned()), ..element.field(Occurs::ONCE) }
    }

    /// RPC style: an element named by the operation, with an unqualified element for each part (WS-I BP 1.1, R2735).
    ///
    /// With an `encoding`, the wrapper says it and each part its type, as old servers demand.
    fn wrapper(
        &self,
        parts: &[Site],
        name: Name,
        encoding: Option<Field>,
        compiler: &mut Compiler<'_>,
    ) -> Declared {
        let mut record = Record { name: name.clone(), ..Record::default() };
        let encoded = encoding.is_some();
        record.fields.extend(encoding);
        let mut particles = Vec::new();
        for part in parts {
            let element = accessor(part, compiler);
            let types = compiler.deriving_from(element, part.span());
            let choice = (types.len() > 1).then(|| {
                record.choices.push(Choice { name: String::new(), required: true });
                ChoiceId((record.choices.len() - 1) as u32)
            });
            let mut branches = Vec::new();
            for element in types {
                let occurs = if choice.is_some() { Occurs::OPTIONAL } else { Occurs::ONCE };
                let mut field = Field { choice, ..element.field(occurs) };
                if encoded && field.xsi_type.is_none() {
                    field.xsi_type = named(part, "type", xsd::Kind::Type, compiler);
                }
                branches.push(Particle::Field(FieldId(record.fields.len() as u32)));
                record.fields.push(field);
            }
            match choice {
                Some(_) => particles.push(Particle::Choice(Occurs::ONCE, branches)),
                None => particles.extend(branches),
            }
        }
        record.content = Content::Ordered(Particle::Sequence(Occurs::ONCE, particles));
        let ty = TypeId::Record(compiler.schema.add_record(record));
        Declared::new(name, ty)
    }
}

/// The elements of a body; one of an abstract type by each that it may have, and whether that is so.
fn by_type(elements: Vec<Declared>, at: &Site, compiler: &mut Compiler<'_>) -> (Vec<Declared>, bool) {
    if let [only] = elements.as_slice() {
        let types = compiler.deriving_from(only.clone(), at.span());
        if types.iter().all(|ty| ty.xsi_type.is_some()) {
            let several = types.len() > 1;
            return (types, several);
        }
    }
    (elements, false)
}

/// A part as an element of its own name.
fn accessor(part: &Site, compiler: &mut Compiler<'_>) -> Declared {
    let name = Name::plain(part.attribute("name").unwrap_or_default().trim());
    let ty = match named(part, "type", xsd::Kind::Type, compiler) {
        Some(ty) => compiler.type_named(&ty, part.attribute_span("type")),
        None => match named(part, "element", xsd::Kind::Element, compiler) {
            Some(element) => compiler.global_element(&element, part.attribute_span("element")).ty,
            None => TypeId::Record(compiler.any()),
        },
    };
    Declared::new(name, ty)
}

/// The element that a part names; `None` where something is wrong that was reported.
fn element_of(part: &Site, compiler: &mut Compiler<'_>) -> Option<Declared> {
    if part.attribute("element").is_none() {
        let name = part.attribute("name").unwrap_or_default().trim();
        let what =
            format!("the part `{name}` has a type where an element is wanted; it is read as `<{name}>`");
        compiler.report(Diagnostic::warning(Code::WSDL_INVALID, what).at(part.span(), ""));
        return Some(accessor(part, compiler));
    }
    let name = named(part, "element", xsd::Kind::Element, compiler)?;
    Some(compiler.global_element(&name, part.attribute_span("element")))
}

fn named(part: &Site, attribute: &str, kind: xsd::Kind, compiler: &mut Compiler<'_>) -> Option<Name> {
    let written = part.attribute(attribute)?;
    let read = part.tree.qualified(part.node, written);
    compiler.meant(read, written, kind, &part.target, part.attribute_span(attribute))
}

/// The namespace of an RPC wrapper. Where the binding does not say it, toolkits take that of the WSDL.
fn namespace_of(body: Option<&Site>, direction: &Site, compiler: &mut Compiler<'_>) -> String {
    if let Some(said) = body.and_then(|b| b.attribute("namespace")) {
        return said.trim().to_owned();
    }
    let what = "RPC style without a namespace; that of the WSDL is taken";
    let at = body.unwrap_or(direction).span();
    compiler.report(Diagnostic::warning(Code::WSDL_INVALID, what).at(at, ""));
    direction.target.trim().to_owned()
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

/// The operation can do without it.
fn left_out(which: &str, mut why: Diagnostic) -> Diagnostic {
    why.message = format!("{which} is left out: {}", why.message);
    why.severity = Severity::Warning;
    why
}

/// A part of a message that came to nothing, for reasons that were reported.
fn unreadable(site: &Site) -> Diagnostic {
    Diagnostic::error(Code::WSDL_INVALID, "its parts could not be read").at(site.span(), "")
}
