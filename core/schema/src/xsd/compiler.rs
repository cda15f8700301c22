//! Compiles what operations need of the schemas, on demand, into the one type model.

use std::collections::{HashMap, HashSet};

use portolan_diagnostics::{Code, Diagnostic, Severity, Span};

use super::{
    XSD, builtin,
    set::{Place, SchemaSet},
};
use crate::{Content, Name, Occurs, Particle, Record, RecordId, Scalar, ScalarId, Schema, TypeId};

/// Groups in groups, types derived from types: far more than any contract has, and a bound for circular ones.
pub(super) const MAX_DERIVATION: usize = 64;
/// Fields in all records together: what a few kilobytes of nested groups could otherwise grow into.
const MAX_FIELDS: usize = 100_000;
const MAX_TYPES: usize = 20_000;
/// Elements of content models and attribute groups looked at, repeated visits counted: groups that hold groups twice
/// over grow exponentially without a single field.
const MAX_STEPS: usize = 300_000;
const MAX_FINDINGS: usize = 500;

/// The work in progress.
pub(crate) struct Compiler<'a> {
    pub(super) set: &'a SchemaSet,
    /// What was compiled so far.
    pub(crate) schema: Schema,
    diagnostics: Vec<Found>,
    reported: HashSet<(Code, Option<Span>, String)>,
    pub(super) records: HashMap<Place, RecordId>,
    pub(super) scalars: HashMap<Place, ScalarId>,
    pub(super) builtins: HashMap<String, ScalarId>,
    pub(super) waiting: Vec<(RecordId, Place)>,
    any: Option<RecordId>,
    fields: usize,
    types: usize,
    steps: usize,
    /// Simple types that are being compiled: to meet one again is a circle.
    pub(super) busy: HashSet<Place>,
    /// Types that are declared nowhere.
    pub(super) missing: HashMap<Name, RecordId>,
    /// Namespaces of which something was not found.
    pub(super) needed: HashMap<String, Needed>,
    /// How many errors were met, those included that were reported before.
    pub(crate) errors: usize,
    /// Types in which something is wrong.
    pub(super) broken: HashSet<TypeId>,
}

/// What came out of it.
pub(crate) struct Compiled {
    pub(crate) schema: Schema,
    pub(crate) diagnostics: Vec<Found>,
    /// Namespaces of which something was not found.
    pub(crate) needed: HashMap<String, Needed>,
    /// Records in which something is wrong, however deep.
    pub(crate) tainted: HashSet<RecordId>,
}

/// What was asked of a namespace and not found.
#[derive(Debug, Default)]
pub(crate) struct Needed {
    /// Something makes no sense without it.
    pub(crate) badly: bool,
    /// Where it was asked for.
    pub(crate) places: Vec<Span>,
}

/// A finding.
pub(crate) struct Found {
    pub(crate) finding: Diagnostic,
    /// What it says is missing can be done without, if there is anything else.
    pub(crate) tolerable: bool,
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
            missing: HashMap::new(),
            needed: HashMap::new(),
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

    /// Adds a finding once, however often its place is walked over.
    pub(crate) fn report(&mut self, found: Diagnostic) {
        self.errors += usize::from(found.severity == Severity::Error);
        self.add(Found { finding: found, tolerable: false });
    }

    /// Adds a finding that leaves the types around it as they are.
    pub(crate) fn tolerate(&mut self, finding: Diagnostic) {
        self.add(Found { finding, tolerable: true });
    }

    fn add(&mut self, found: Found) {
        let finding = &found.finding;
        let key = (finding.code, finding.labels.first().map(|l| l.span), finding.message.clone());
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
