//! The envelope as an XML document like any other: its records, and the names by which mappings reach into them.

use super::fault;
use crate::{
    Choice, ChoiceId, Content, Document, Field, FieldId, Name, Occurs, Particle, Presence, Record, RecordId,
    Root, Schema, SoapVersion, TypeId, Wire,
    xsd::{Compiler, Declared},
};

/// What goes into an envelope.
pub(super) struct Parts {
    pub(super) version: SoapVersion,
    pub(super) headers: Vec<Declared>,
    /// The one element of the body.
    pub(super) body: Option<Declared>,
    /// In replies: the declared faults, any of which may stand in the body's place.
    pub(super) faults: Option<Vec<Declared>>,
}

/// A place in a document: the fields that lead there, and what is there.
pub(super) type Path = Vec<(RecordId, FieldId)>;

/// The document of a request or a reply.
pub(super) fn document(compiler: &mut Compiler<'_>, parts: Parts) -> Document {
    let schema = &mut compiler.schema;
    let namespace = parts.version.namespace();
    let name = |local: &str| Name::new(namespace, local);
    let is_reply = parts.faults.is_some();

    // Replies carry headers that no WSDL declares (WS-Addressing, tracing); requests carry what is declared.
    let headers = parts.headers.into_iter().map(|h| field(h, Occurs::OPTIONAL)).collect();
    let header = ordered(schema, name("Header"), headers, is_reply);

    let mut fields: Vec<_> = parts.body.into_iter().map(|body| field(body, Occurs::ONCE)).collect();
    let has_body = !fields.is_empty();
    let mut fault_roots = Vec::new();
    if let Some(faults) = parts.faults {
        let fault = fault::fault(compiler, parts.version, faults);
        fields.push(field(declared(name("Fault"), TypeId::Record(fault.record)), Occurs::ONCE));
        fault_roots = fault.roots;
        fault_roots.insert(0, (vec!["fault".to_owned()], Vec::new(), TypeId::Record(fault.record)));
    }
    let schema = &mut compiler.schema;
    let body_type = fields.first().filter(|_| has_body).map(|f| f.ty);
    let fault_field = FieldId(u32::from(has_body));
    let body = if is_reply {
        either(schema, name("Body"), fields, has_body)
    } else {
        ordered(schema, name("Body"), fields, false)
    };

    let envelope_fields = vec![
        field(declared(name("Header"), TypeId::Record(header)), Occurs::OPTIONAL),
        field(declared(name("Body"), TypeId::Record(body)), Occurs::ONCE),
    ];
    let envelope = ordered(schema, name("Envelope"), envelope_fields, is_reply);
    let (in_header, in_body) = ((envelope, FieldId(0)), (envelope, FieldId(1)));

    let mut roots =
        vec![Root { name: vec!["header".to_owned()], path: vec![in_header], ty: TypeId::Record(header) }];
    if let Some(ty) = body_type {
        roots.insert(0, Root { name: vec!["body".to_owned()], path: vec![in_body, (body, FieldId(0))], ty });
    }
    for (name, rest, ty) in fault_roots {
        let path = [in_body, (body, fault_field)].into_iter().chain(rest).collect();
        roots.push(Root { name, path, ty });
    }
    Document { record: envelope, element: Some(name("Envelope")), roots }
}

/// A record of elements in the order given.
pub(super) fn ordered(schema: &mut Schema, name: Name, fields: Vec<Field>, open: bool) -> RecordId {
    let mut particles: Vec<_> = (0..fields.len()).map(|i| Particle::Field(FieldId(i as u32))).collect();
    if open {
        particles.push(Particle::Any(Occurs::ANY));
    }
    let content = Content::Ordered(Particle::Sequence(Occurs::ONCE, particles));
    schema.add_record(Record { name, fields, content, open, ..Record::default() })
}

/// A record of elements of which one is there.
fn either(schema: &mut Schema, name: Name, mut fields: Vec<Field>, required: bool) -> RecordId {
    for field in &mut fields {
        field.occurs = Occurs::OPTIONAL;
        field.choice = Some(ChoiceId(0));
    }
    let particles = (0..fields.len()).map(|i| Particle::Field(FieldId(i as u32))).collect();
    let occurs = if required { Occurs::ONCE } else { Occurs::OPTIONAL };
    let content = Content::Ordered(Particle::Choice(occurs, particles));
    let choices = vec![Choice { name: String::new(), required }];
    schema.add_record(Record { name, fields, content, choices, ..Record::default() })
}

/// An element that no schema declares.
pub(super) fn declared(name: Name, ty: TypeId) -> Declared {
    Declared { name, ty, nillable: false, default: None, fixed: None, doc: None, is_abstract: false }
}

/// An element as a field.
pub(super) fn field(element: Declared, occurs: Occurs) -> Field {
    Field {
        name: element.name.local.replace('-', "_"),
        ty: element.ty,
        occurs,
        presence: Presence::Explicit,
        nillable: element.nillable,
        default: element.default,
        fixed: element.fixed,
        choice: None,
        redact: false,
        wire: Wire::Element(element.name),
        doc: element.doc,
    }
}
