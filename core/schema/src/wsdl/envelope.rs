//! The envelope as an XML document like any other: its records, and the names by which mappings reach into them.

use super::{fault, message::Carried};
use crate::{
    Choice, ChoiceId, Content, Document, Field, FieldId, Name, Occurs, Particle, Record, RecordId, Root,
    Schema, SoapVersion, TypeId,
    xsd::{Compiler, Declared},
};

/// What goes into an envelope.
pub(super) struct Parts {
    pub(super) version: SoapVersion,
    pub(super) carried: Carried,
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
    let headers = parts.carried.headers.into_iter().map(|h| h.field(Occurs::OPTIONAL)).collect();
    let header = ordered(schema, name("Header"), headers, is_reply);

    let alternatives = parts.carried.alternatives;
    let mut fields: Vec<_> = parts.carried.body.into_iter().map(|body| body.field(Occurs::ONCE)).collect();
    let elements = fields.len();
    let mut fault_roots = Vec::new();
    if let Some(faults) = parts.faults {
        let fault = fault::fault(compiler, parts.version, faults);
        fields.push(Declared::new(name("Fault"), TypeId::Record(fault.record)).field(Occurs::ONCE));
        fault_roots = fault.roots;
        fault_roots.insert(0, (vec!["fault".to_owned()], Vec::new(), TypeId::Record(fault.record)));
    }
    let schema = &mut compiler.schema;
    let only = fields.first().filter(|_| elements == 1).map(|f| f.ty);
    let fault_field = FieldId(elements as u32);
    let body = match (is_reply, elements) {
        _ if alternatives => either(schema, name("Body"), fields, true),
        (false, _) => ordered(schema, name("Body"), fields, false),
        (true, ..=1) => either(schema, name("Body"), fields, elements == 1),
        (true, _) => parts_or_fault(schema, name("Body"), fields),
    };
    schema.record_mut(body).open = parts.carried.open;

    let envelope_fields = vec![
        Declared::new(name("Header"), TypeId::Record(header)).field(Occurs::OPTIONAL),
        Declared::new(name("Body"), TypeId::Record(body)).field(Occurs::ONCE),
    ];
    let envelope = ordered(schema, name("Envelope"), envelope_fields, is_reply);
    let (in_header, in_body) = ((envelope, FieldId(0)), (envelope, FieldId(1)));

    let mut roots =
        vec![Root { name: vec!["header".to_owned()], path: vec![in_header], ty: TypeId::Record(header) }];
    let inside = match (only, elements) {
        (Some(ty), _) => Some((vec![in_body, (body, FieldId(0))], ty)),
        // Several elements (WS-I allows one), or one of several types, are reached through the body itself.
        (None, 2..) => Some((vec![in_body], TypeId::Record(body))),
        (None, _) => None,
    };
    if let Some((path, ty)) = inside {
        roots.insert(0, Root { name: vec!["body".to_owned()], path, ty });
    }
    for (name, rest, ty) in fault_roots {
        let path = [in_body, (body, fault_field)].into_iter().chain(rest).collect();
        roots.push(Root { name, path, ty });
    }
    Document {
        record: envelope,
        element: Some(name("Envelope")),
        roots,
        encoded: parts.carried.encoded,
        excerpt: None,
    }
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

/// Several elements together, or the fault, which is the last field.
fn parts_or_fault(schema: &mut Schema, name: Name, mut fields: Vec<Field>) -> RecordId {
    fields.iter_mut().for_each(|field| field.occurs = Occurs::OPTIONAL);
    let mut particles: Vec<_> = (0..fields.len()).map(|i| Particle::Field(FieldId(i as u32))).collect();
    let fault = particles.pop();
    let parts = Particle::Sequence(Occurs::ONCE, particles);
    let content =
        Content::Ordered(Particle::Choice(Occurs::ONCE, [parts].into_iter().chain(fault).collect()));
    schema.add_record(Record { name, fields, content, ..Record::default() })
}
