//! Sample documents from a contract alone: what a caller might send, what a system might answer. Strict about order,
//! namespaces and formats, so that any validator accepts them; the same seed gives the same sample.

use std::collections::HashSet;

use portolan_schema::{
    Content, Contract, Document, Field, FieldId, Name, Occurs, Operation, Particle, Protocol, Record,
    RecordId, Schema, SoapVersion, TypeId, Wire,
};
use quick_xml::escape::{escape, partial_escape};

use super::{random::Random, values};

/// Deeper, only what must be there.
const SENSIBLE_DEPTH: usize = 6;
/// Deeper, nothing: a type that must hold itself has no finite document.
const DEEPEST: usize = 64;
/// Longer, only what must be there.
const SENSIBLE_BYTES: usize = 64 * 1024;
/// Longer, nothing.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Particles and types looked at: repetitions of what is empty come to an end as well.
const MOST_STEPS: usize = 4_000_000;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Which branch of a choice a sample takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alternatives {
    /// The one that the contract names first: mostly the good case.
    First,
    /// Any.
    Any,
}

/// An envelope that a caller might send. Empty where the operation is not a SOAP one.
pub fn request(contract: &Contract, operation: &Operation, seed: u64) -> String {
    envelope(contract, operation, Some(&operation.input), seed, Alternatives::First)
}

/// An envelope that the system might answer; its body is empty where the operation is one-way.
pub fn reply(contract: &Contract, operation: &Operation, seed: u64) -> String {
    envelope(contract, operation, operation.output.as_ref(), seed, Alternatives::First)
}

/// Either document, with the branches of choices as asked.
pub fn envelope(
    contract: &Contract,
    operation: &Operation,
    document: Option<&Document>,
    seed: u64,
    alternatives: Alternatives,
) -> String {
    let Protocol::Soap(binding) = &operation.protocol else { return String::new() };
    let schema = &contract.schema;
    let mut sampler =
        Sampler { schema, random: Random::new(seed), alternatives, out: String::new(), steps: 0 };
    if let Some(record) = document.and_then(header) {
        sampler.header(record);
    }
    let header = std::mem::take(&mut sampler.out);
    if let Some(element) = document.and_then(|d| body_element(schema, d)) {
        sampler.element(element, "", 0);
    }
    wrap(binding.version, &header, &sampler.out)
}

/// An envelope around what stands in its body.
pub(crate) fn wrap(version: SoapVersion, header: &str, body: &str) -> String {
    let namespace = version.namespace();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap:Envelope xmlns:soap=\"{namespace}\" xmlns:xsi=\"{XSI}\">\
         {header}<soap:Body>{body}</soap:Body></soap:Envelope>"
    )
}

/// The element inside the body, as the root `body` of a document says.
pub(crate) fn body_element<'a>(schema: &'a Schema, document: &Document) -> Option<&'a Field> {
    let root = document.roots.iter().find(|root| root.name == ["body"])?;
    // The path leads through the envelope's `Body`; a path that ends there is a body without an element of its own.
    let (record, field) = *root.path.get(1).and(root.path.last())?;
    Some(schema.field(record, field))
}

/// The header's record.
pub(crate) fn header(document: &Document) -> Option<RecordId> {
    let root = document.roots.iter().find(|root| root.name == ["header"])?;
    match root.ty {
        TypeId::Record(header) => Some(header),
        TypeId::Scalar(_) => None,
    }
}

struct Sampler<'a> {
    schema: &'a Schema,
    random: Random,
    alternatives: Alternatives,
    out: String,
    steps: usize,
}

/// Where a particle stands.
#[derive(Clone, Copy)]
struct Around {
    /// Within a choice or a group that may be absent: the field's own `occurs` says 0 although, with its group, it
    /// must be there.
    in_group: bool,
    /// Within a group that is repeated: then the field's `occurs` counts all repetitions.
    repeated: bool,
}

impl<'a> Sampler<'a> {
    fn must_be_short(&self, depth: usize) -> bool {
        depth > SENSIBLE_DEPTH || self.out.len() > SENSIBLE_BYTES
    }

    fn is_exhausted(&mut self) -> bool {
        self.steps += 1;
        self.steps > MOST_STEPS || self.out.len() > MOST_BYTES
    }

    /// Every part that the contract declares, although none is bound to be there: services expect them.
    fn header(&mut self, record: RecordId) {
        let parts = &self.schema.record(record).fields;
        if parts.is_empty() {
            return;
        }
        self.out.push_str("<soap:Header>");
        for part in parts {
            self.element(part, "", 0);
        }
        self.out.push_str("</soap:Header>");
    }

    /// An element, in the namespace that is the default around it.
    fn element(&mut self, field: &'a Field, namespace: &str, depth: usize) {
        let Wire::Element(name) = &field.wire else { return };
        if depth > DEEPEST || self.is_exhausted() {
            return;
        }
        self.out.push('<');
        self.out.push_str(&name.local);
        if name.namespace != namespace {
            self.attribute("xmlns", &name.namespace);
        }
        match field.ty {
            TypeId::Scalar(scalar) => {
                self.out.push('>');
                let text = field.fixed.clone().or_else(|| self.default_of(field));
                let text =
                    text.unwrap_or_else(|| values::value(self.schema, scalar, &name.local, &mut self.random));
                self.out.push_str(&partial_escape(text.as_str()));
            }
            TypeId::Record(record) => {
                let concrete = self.concrete(record);
                if concrete != record {
                    self.type_attribute(concrete);
                }
                self.attributes(concrete);
                self.out.push('>');
                self.content(concrete, &name.namespace, depth + 1);
            }
        }
        self.out.push_str("</");
        self.out.push_str(&name.local);
        self.out.push('>');
    }

    /// The default value half of the time: it is as good as any.
    fn default_of(&mut self, field: &Field) -> Option<String> {
        field.default.clone().filter(|_| self.random.chance(0.5))
    }

    /// The record itself, or one that stands in for an abstract one.
    fn concrete(&mut self, record: RecordId) -> RecordId {
        if !self.schema.record(record).is_abstract {
            return record;
        }
        let mut family = HashSet::from([record]);
        // Bases may be declared after what extends them; each round finds at least one more generation.
        loop {
            let before = family.len();
            self.steps += self.schema.records().count();
            for (id, candidate) in self.schema.records() {
                if candidate.base.is_some_and(|base| family.contains(&base))
                    && family.insert(id)
                    && !candidate.is_abstract
                {
                    return id;
                }
            }
            if family.len() == before || self.steps > MOST_STEPS {
                return record;
            }
        }
    }

    fn type_attribute(&mut self, record: RecordId) {
        let name = &self.schema.record(record).name;
        let prefix = if name.namespace.is_empty() { "" } else { "t:" };
        let value = format!("{prefix}{}", name.local);
        if !name.namespace.is_empty() {
            self.attribute("xmlns:t", &name.namespace);
        }
        self.attribute("xsi:type", &value);
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        self.out.push_str(&escape(value));
        self.out.push('"');
    }

    fn attributes(&mut self, record: RecordId) {
        let record: &'a Record = self.schema.record(record);
        for (index, field) in record.fields.iter().enumerate() {
            let (Wire::Attribute(name), TypeId::Scalar(scalar)) = (&field.wire, field.ty) else { continue };
            if field.occurs.min == 0 && self.random.chance(0.5) {
                continue;
            }
            let text = field.fixed.clone();
            let text =
                text.unwrap_or_else(|| values::value(self.schema, scalar, &name.local, &mut self.random));
            match name.namespace.as_str() {
                "" => self.attribute(&name.local, &text),
                XML => self.attribute(&format!("xml:{}", name.local), &text),
                XSI => {}
                namespace => {
                    self.attribute(&format!("xmlns:a{index}"), namespace);
                    self.attribute(&format!("a{index}:{}", name.local), &text);
                }
            }
        }
    }

    fn content(&mut self, id: RecordId, namespace: &str, depth: usize) {
        let record: &'a Record = self.schema.record(id);
        let text = record.fields.iter().find(|f| f.wire == Wire::Text);
        if let Some((field, TypeId::Scalar(scalar))) = text.map(|field| (field, field.ty)) {
            let text = field.fixed.clone();
            let text = text
                .unwrap_or_else(|| values::value(self.schema, scalar, &record.name.local, &mut self.random));
            self.out.push_str(&partial_escape(text.as_str()));
        }
        let around = Around { in_group: false, repeated: false };
        match &record.content {
            Content::Ordered(particle) => self.particle(record, particle, namespace, depth, around),
            Content::Unordered => {
                for (id, _) in record.fields_with_ids() {
                    self.field(record, id, namespace, depth, around);
                }
            }
        }
    }

    fn particle(
        &mut self,
        record: &'a Record,
        particle: &'a Particle,
        namespace: &str,
        depth: usize,
        around: Around,
    ) {
        let (occurs, members) = match particle {
            Particle::Field(id) => return self.field(record, *id, namespace, depth, around),
            Particle::Any(occurs) => {
                for _ in 0..occurs.min.min(1) {
                    self.out.push_str("<any xmlns=\"urn:portolan:sample\"/>");
                }
                return;
            }
            Particle::Sequence(occurs, members) | Particle::All(occurs, members) => (*occurs, members),
            Particle::Choice(occurs, members) => (*occurs, members),
        };
        if self.is_exhausted() {
            return;
        }
        let is_choice = matches!(particle, Particle::Choice(..));
        let inner = Around {
            in_group: around.in_group || is_choice || occurs.min == 0,
            repeated: around.repeated || occurs.max != Some(1),
        };
        for _ in 0..self.times(occurs, depth) {
            if is_choice {
                if let Some(branch) = self.branch(record, members, depth) {
                    self.particle(record, branch, namespace, depth, inner);
                }
            } else {
                for member in members {
                    self.particle(record, member, namespace, depth, inner);
                }
            }
        }
    }

    fn field(&mut self, record: &'a Record, id: FieldId, namespace: &str, depth: usize, around: Around) {
        let Some(field) = record.fields.get(id.0 as usize) else { return };
        let times =
            if around.repeated || (around.in_group && field.occurs.min == 0) || is_named_twice(record, id) {
                1
            } else {
                self.times(field.occurs, depth)
            };
        for _ in 0..times {
            self.element(field, namespace, depth);
        }
    }

    /// How often, within what is allowed: lists one to three times, optional ones mostly.
    fn times(&mut self, occurs: Occurs, depth: usize) -> u32 {
        let most = occurs.max.unwrap_or(u32::MAX).max(occurs.min);
        if self.must_be_short(depth) {
            return occurs.min.min(1000);
        }
        let wanted = match most {
            0 => 0,
            1 => u32::from(self.random.chance(0.7)),
            _ => 1 + self.random.below(3) as u32,
        };
        wanted.clamp(occurs.min.min(1000), most)
    }

    fn branch(&mut self, record: &Record, members: &'a [Particle], depth: usize) -> Option<&'a Particle> {
        let leaf = |member: &&Particle| match member {
            Particle::Field(id) => {
                record.fields.get(id.0 as usize).is_some_and(|f| matches!(f.ty, TypeId::Scalar(_)))
            }
            _ => false,
        };
        if self.must_be_short(depth) {
            return members.iter().find(leaf).or_else(|| members.first());
        }
        match self.alternatives {
            Alternatives::First => members.first(),
            Alternatives::Any => members.get(self.random.below(members.len())),
        }
    }
}

/// Whether a content model has this field at two places: its `occurs` then counts both.
fn is_named_twice(record: &Record, id: FieldId) -> bool {
    fn count(particle: &Particle, id: FieldId) -> usize {
        match particle {
            Particle::Field(field) => usize::from(*field == id),
            Particle::Sequence(_, members) | Particle::Choice(_, members) | Particle::All(_, members) => {
                members.iter().map(|member| count(member, id)).sum()
            }
            Particle::Any(_) => 0,
        }
    }
    matches!(&record.content, Content::Ordered(particle) if count(particle, id) > 1)
}

/// The name of the element that stands in an operation's request body.
pub(crate) fn request_name<'a>(contract: &'a Contract, operation: &Operation) -> Option<&'a Name> {
    match &body_element(&contract.schema, &operation.input)?.wire {
        Wire::Element(name) => Some(name),
        _ => None,
    }
}
