//! Compiles what operations need of the schemas, on demand, into the one type model.

use std::collections::{HashMap, HashSet};

use portolan_diagnostics::{Code, Diagnostic, Severity, Span};

use super::{
    XSD, builtin,
    set::{Kind, Place, SchemaSet},
};
use crate::{
    Content, Name, Occurs, Particle, Record, RecordId, Scalar, ScalarId, Schema, TypeId, xml::Unbound,
};

/// Groups in groups, types derived from types: far more than any contract has, and a bound for circular ones.
pub(super) const MAX_DERIVATION: usize = 64;
/// Fields in all records together: what a few kilobytes of nested groups could otherwise grow into.
const MAX_FIELDS: usize = 100_000;
const MAX_TYPES: usize = 20_000;
/// Elements of content models and attribute groups looked at, repeated visits counted: groups that hold groups twice
/// over grow exponentially without a single field.
const MAX_STEPS: usize = 300_000;
const MAX_FINDINGS: usize = 500;
const ATTACHMENTS: &str = "http://ws-i.org/profiles/basic/1.1/xsd";
const SOAP_ENCODING: &str = "http://schemas.xmlsoap.org/soap/encoding/";

/// The work in progress.
pub(crate) struct Compiler<'a> {
    pub(super) set: &'a SchemaSet,
    /// What was compiled so far.
    pub(crate) schema: Schema,
    diagnostics: Vec<Diagnostic>,
    reported: HashSet<(Code, Option<Span>, String)>,
    pub(super) records: HashMap<Place, RecordId>,
    pub(super) scalars: HashMap<Place, ScalarId>,
    builtins: HashMap<String, ScalarId>,
    pub(super) waiting: Vec<(RecordId, Place)>,
    any: Option<RecordId>,
    fields: usize,
    types: usize,
    steps: usize,
    /// Simple types that are being compiled: to meet one again is a circle.
    pub(super) busy: HashSet<Place>,
    /// Namespaces of which something was not found.
    needed: HashSet<String>,
    /// How many errors were met, those included that were reported before.
    pub(crate) errors: usize,
    /// Types in which something is wrong.
    pub(super) broken: HashSet<TypeId>,
}

/// What came out of it.
pub(crate) struct Compiled {
    pub(crate) schema: Schema,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Namespaces of which something was not found.
    pub(crate) needed: HashSet<String>,
    /// Records in which something is wrong, however deep.
    pub(crate) tainted: HashSet<RecordId>,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(set: &'a SchemaSet) -> Self {
        Self {
            set,
            schema: Schema::default(),
            diagnostics: Vec::new(),
            reported: HashSet::new(),
            records: HashMap::new(),
            scalars: HashMap::new(),
            builtins: HashMap::new(),
            waiting: Vec::new(),
            any: None,
            fields: 0,
            types: 0,
            steps: 0,
            busy: HashSet::new(),
            needed: HashSet::new(),
            errors: 0,
            broken: HashSet::new(),
        }
    }

    /// Fills every record that was asked for, and those which they ask for.
    pub(crate) fn finish(mut self) -> Compiled {
        while let Some((id, place)) = self.waiting.pop() {
            let before = self.errors;
            self.fill(id, place);
            if self.errors > before {
                self.broken.insert(TypeId::Record(id));
            }
        }
        let tainted = tainted(&self.schema, &self.broken);
        Compiled { schema: self.schema, diagnostics: self.diagnostics, needed: self.needed, tainted }
    }

    /// The type of a qualified name; `anyType` stands in for one that is not there, which is reported.
    pub(crate) fn type_named(&mut self, name: &Name, at: Span) -> TypeId {
        if name.namespace == XSD {
            return match (name.local.as_str(), self.builtin(&name.local)) {
                ("anyType", _) => TypeId::Record(self.any()),
                (_, Some(id)) => TypeId::Scalar(id),
                (wrong, None) => {
                    let found =
                        Diagnostic::error(Code::XSD_UNRESOLVED, format!("XML Schema has no type `{wrong}`"));
                    self.report(found.at(at, "").did_you_mean(wrong, builtin::NAMES.iter().copied()));
                    TypeId::Record(self.any())
                }
            };
        }
        match self.set.find(Kind::Type, name) {
            Some(place) => self.type_at(place, name),
            // A reference to an attachment, "cid:...", of a schema that every toolkit brings along (WS-I AP 1.0, 4.4).
            None if name.namespace == ATTACHMENTS && name.local == "swaRef" => {
                TypeId::Scalar(self.builtin("anyURI").unwrap_or_else(|| self.string()))
            }
            None => {
                self.unresolved(Kind::Type, name, at);
                TypeId::Record(self.any())
            }
        }
    }

    /// The type that a `simpleType` or `complexType` element declares. `name` is its own or that of its element.
    pub(super) fn type_at(&mut self, place: Place, name: &Name) -> TypeId {
        match self.set.tree(place).get(place.node).name.local.as_str() {
            "simpleType" => TypeId::Scalar(self.simple_type(place, name, 0)),
            _ => TypeId::Record(self.complex_type(place, name)),
        }
    }

    /// `xs:anyType`: anything, kept open.
    pub(crate) fn any(&mut self) -> RecordId {
        if let Some(known) = self.any {
            return known;
        }
        let id = self.schema.add_record(Record {
            name: Name::new(XSD, "anyType"),
            content: Content::Ordered(Particle::Sequence(Occurs::ONCE, vec![Particle::Any(Occurs::ANY)])),
            open: true,
            mixed: true,
            ..Record::default()
        });
        self.any = Some(id);
        id
    }

    /// A built-in simple type.
    pub(crate) fn builtin(&mut self, local: &str) -> Option<ScalarId> {
        if let Some(known) = self.builtins.get(local) {
            return Some(*known);
        }
        let scalar = builtin::builtin(&mut self.schema, local)?;
        let id = self.schema.add_scalar(scalar);
        self.builtins.insert(local.to_owned(), id);
        Some(id)
    }

    /// `xs:string`, for whatever could not be read as something better.
    pub(crate) fn string(&mut self) -> ScalarId {
        let fallback = || Scalar {
            name: Name::new(XSD, "string"),
            kind: crate::ScalarKind::String,
            facets: crate::Facets::default(),
            enumeration: None,
        };
        self.builtin("string").unwrap_or_else(|| self.schema.add_scalar(fallback()))
    }

    /// A qualified name in an attribute, where it is there and its prefix is declared.
    pub(super) fn qualified(&mut self, at: Place, attribute: &str) -> Option<Name> {
        let tree = self.set.tree(at);
        let written = tree.attribute(at.node, attribute)?;
        match self.set.qualified(at, written) {
            Ok(name) => Some(name),
            Err(Unbound(prefix)) => {
                let found =
                    Diagnostic::error(Code::XSD_UNRESOLVED, format!("the prefix `{prefix}` is not declared"));
                self.report(found.at(tree.attribute_span(at.node, attribute), ""));
                None
            }
        }
    }

    /// The component that an attribute refers to, or a finding.
    pub(super) fn referred(&mut self, at: Place, attribute: &str, kind: Kind) -> Option<(Place, Name)> {
        let name = self.qualified(at, attribute)?;
        match self.set.find(kind, &name) {
            Some(place) => Some((place, name)),
            None => {
                self.unresolved(kind, &name, self.set.tree(at).attribute_span(at.node, attribute));
                None
            }
        }
    }

    /// Says that a name is not declared, and where it might be.
    pub(crate) fn unresolved(&mut self, kind: Kind, name: &Name, at: Span) {
        self.needed.insert(name.namespace.clone());
        if name.namespace == SOAP_ENCODING {
            let what = format!("`{}` belongs to SOAP encoding, which is not read", name.local);
            return self.report(Diagnostic::error(Code::XSD_UNSUPPORTED, what).at(at, ""));
        }
        let mut found =
            Diagnostic::error(Code::XSD_UNRESOLVED, format!("the {} `{name}` is not declared", kind.word()));
        found = found.at(at, "");
        let elsewhere = self.set.elsewhere(kind, &name.local);
        found = match elsewhere.first() {
            _ if self.set.is_missing(&name.namespace) => {
                found.help("its namespace is imported from a file that could not be read")
            }
            Some(namespace) => found.help(format!("there is one in the namespace `{namespace}`")),
            None => found.did_you_mean(&name.local, self.set.names(kind, &name.namespace)),
        };
        self.report(found);
    }

    /// Adds a finding once, however often its place is walked over.
    pub(crate) fn report(&mut self, found: Diagnostic) {
        self.errors += usize::from(found.severity == Severity::Error);
        let key = (found.code, found.labels.first().map(|l| l.span), found.message.clone());
        if self.diagnostics.len() < MAX_FINDINGS && self.reported.insert(key) {
            self.diagnostics.push(found);
        }
    }

    /// Counts a field; no where there are too many, which is reported.
    pub(super) fn may_add_field(&mut self, at: Span) -> bool {
        self.fields += 1;
        self.may_go_on(at)
    }

    /// Counts a step; no where the schema has grown past its bounds, which is reported.
    pub(super) fn may_go_on(&mut self, at: Span) -> bool {
        self.steps += 1;
        let spent = self.fields > MAX_FIELDS || self.steps > MAX_STEPS;
        if spent {
            let what =
                format!("the schema unfolds into more than {MAX_FIELDS} fields or {MAX_STEPS} particles");
            self.report(Diagnostic::error(Code::XML_REFUSED, what).at(at, ""));
        }
        !spent
    }

    /// Counts a type; no where there are too many, which is reported.
    pub(super) fn may_add_type(&mut self, at: Span) -> bool {
        self.types += 1;
        if self.types > MAX_TYPES {
            let what = format!("the schema has more than {MAX_TYPES} types");
            self.report(Diagnostic::error(Code::XML_REFUSED, what).at(at, ""));
        }
        self.types <= MAX_TYPES
    }

    /// No where types or groups stand too deep in one another, which is reported.
    pub(super) fn may_descend(&mut self, depth: usize, at: Span) -> bool {
        if depth > MAX_DERIVATION {
            let what = format!("it is defined by itself, or more than {MAX_DERIVATION} deep");
            self.report(Diagnostic::error(Code::XSD_INVALID, what).at(at, ""));
        }
        depth <= MAX_DERIVATION
    }

    /// The words of `xs:annotation`.
    pub(super) fn doc(&self, at: Place) -> Option<String> {
        let tree = self.set.tree(at);
        let annotation = tree.child(at.node, XSD, "annotation")?;
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let documentation = tree.child(annotation, XSD, "documentation").map(|d| words(&tree.get(d).text));
        // X-Road describes fields by a title in appinfo.
        let title = || {
            let info = tree.child(annotation, XSD, "appinfo")?;
            let title = tree.get(info).children.iter().find(|c| tree.get(**c).name.local == "title")?;
            Some(words(&tree.get(*title).text))
        };
        documentation.filter(|d| !d.is_empty()).or_else(title).filter(|d| !d.is_empty())
    }
}

/// The records from which a broken type can be reached.
fn tainted(schema: &Schema, broken: &HashSet<TypeId>) -> HashSet<RecordId> {
    let mut holders: HashMap<TypeId, Vec<RecordId>> = HashMap::new();
    for (id, record) in schema.records() {
        for ty in record.fields.iter().map(|f| f.ty).chain(record.base.map(TypeId::Record)) {
            holders.entry(ty).or_default().push(id);
        }
    }
    let mut tainted = HashSet::new();
    let mut waiting: Vec<TypeId> = broken.iter().copied().collect();
    while let Some(ty) = waiting.pop() {
        let records = holders.remove(&ty).unwrap_or_default();
        let own = if let TypeId::Record(id) = ty { Some(id) } else { None };
        for id in records.into_iter().chain(own) {
            if tainted.insert(id) {
                waiting.push(TypeId::Record(id));
            }
        }
    }
    tainted
}
