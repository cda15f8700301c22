//! Complex types: what they derive from, and their records (XML Schema Part 1, section 3.4).

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    Compiler, XSD,
    content::Draft,
    encoding::is_encoding,
    reference::element_for_type,
    set::{Kind, Place},
};
use crate::{Content, Field, Name, Occurs, Particle, Presence, Record, RecordId, ScalarId, TypeId, Wire};

/// How a complex type comes about.
pub(super) struct Derivation {
    /// The element that holds attributes and content: `extension`, `restriction`, or the `complexType` itself.
    pub(super) body: Place,
    /// `restriction`, which says its content anew.
    pub(super) restricts: bool,
    /// `simpleContent`.
    pub(super) simple: bool,
    /// The name after `base`.
    pub(super) base: Option<Name>,
    /// The complex type of that name.
    pub(super) base_place: Option<Place>,
}

impl Compiler<'_> {
    /// The record of a `complexType` element; filled later, because types may hold themselves.
    pub(super) fn complex_type(&mut self, place: Place, name: &Name) -> RecordId {
        if let Some(known) = self.records.get(&place) {
            return *known;
        }
        if !self.may_add_type(self.set.span(place)) {
            return self.any();
        }
        let id = self.schema.add_record(Record { name: name.clone(), ..Record::default() });
        self.records.insert(place, id);
        self.waiting.push((id, place));
        id
    }

    pub(super) fn fill(&mut self, id: RecordId, place: Place) {
        let derivation = self.derivation(place);
        if let Some(base) = &derivation.base
            && derivation.restricts
            && base.local == "Array"
            && is_encoding(&base.namespace)
        {
            return self.fill_array(id, derivation.body, &base.namespace);
        }
        let mut draft = Draft::default();
        self.attributes_of(place, &mut draft, 0);
        self.content_of(place, &mut draft, 0);
        let base = match (&derivation.base, derivation.base_place) {
            (Some(name), Some(base)) if base != place => Some(self.complex_type(base, name)),
            _ => None,
        };
        let tree = self.set.tree(place);
        let is_abstract = is_true(tree.attribute(place.node, "abstract"));
        let doc = self.doc(place);
        let record = self.schema.record_mut(id);
        record.fields = draft.fields;
        record.content = Content::Ordered(Particle::Sequence(Occurs::ONCE, draft.particles));
        record.choices = draft.choices;
        record.open = draft.open;
        record.mixed = draft.mixed;
        record.is_abstract = is_abstract;
        record.base = base;
        record.doc = doc;
    }

    /// What a complex type derives from.
    pub(super) fn derivation(&mut self, place: Place) -> Derivation {
        let set = self.set;
        let tree = set.tree(place);
        let itself =
            Derivation { body: place, restricts: false, simple: false, base: None, base_place: None };
        let content = tree
            .children(place.node, XSD)
            .find(|(_, c)| matches!(c.name.local.as_str(), "simpleContent" | "complexContent"));
        let Some((content, element)) = content else { return itself };
        let simple = element.name.local == "simpleContent";
        let body = tree
            .children(content, XSD)
            .find(|(_, c)| matches!(c.name.local.as_str(), "extension" | "restriction"));
        let Some((node, element)) = body else {
            let what = "this content neither extends nor restricts anything";
            self.report(Diagnostic::error(Code::XSD_INVALID, what).at(tree.span(content), ""));
            return itself;
        };
        let restricts = element.name.local == "restriction";
        let body = Place { node, ..place };
        let base = self.qualified(body, "base", Kind::Type);
        let named = base.as_ref().filter(|name| !is_encoding(&name.namespace));
        let base_place = named.and_then(|name| match set.find(Kind::Type, name) {
            Some(found) if set.tree(found).get(found.node).name.local == "complexType" => Some(found),
            Some(_) => None,
            None => {
                if let Some(within) = self.type_of_element(name, tree.attribute_span(node, "base")) {
                    return Some(within);
                }
                if name.namespace != XSD {
                    self.unresolved(Kind::Type, name, tree.attribute_span(node, "base"));
                }
                None
            }
        });
        Derivation { body, restricts, simple, base, base_place }
    }

    /// The complex type within an element that is named where a type should be.
    fn type_of_element(&mut self, name: &Name, at: Span) -> Option<Place> {
        let element = self.set.find(Kind::Element, name)?;
        let node = self.set.tree(element).child(element.node, XSD, "complexType")?;
        self.report(element_for_type(name, at));
        Some(Place { node, ..element })
    }

    /// The type of the text of a complex type with simple content.
    pub(super) fn simple_content(&mut self, place: Place, depth: usize) -> Option<ScalarId> {
        if !self.may_descend(depth, self.set.span(place)) {
            return None;
        }
        let derivation = self.derivation(place);
        if !derivation.simple {
            return None;
        }
        let name = derivation.base?;
        let base = match derivation.base_place {
            Some(base) => self.simple_content(base, depth + 1)?,
            None => self.simple_named(&name, derivation.body, "base", depth + 1),
        };
        if !derivation.restricts {
            return Some(base);
        }
        let inner = self.set.tree(place).child(derivation.body.node, XSD, "simpleType");
        let base = match inner {
            Some(node) => self.simple_type(Place { node, ..place }, &Name::new("", ""), depth + 1),
            None => base,
        };
        let scalar = self.restrict(derivation.body, base, &Name::new("", ""));
        Some(self.schema.add_scalar(scalar))
    }

    /// The content of a complex type, that of its base before its own.
    fn content_of(&mut self, place: Place, draft: &mut Draft, depth: usize) {
        let set = self.set;
        let tree = set.tree(place);
        if !self.may_descend(depth, tree.span(place.node)) {
            return;
        }
        draft.mixed |= is_true(tree.attribute(place.node, "mixed"));
        if let Some(content) = tree.child(place.node, XSD, "complexContent") {
            draft.mixed |= is_true(tree.attribute(content, "mixed"));
        }
        let derivation = self.derivation(place);
        if derivation.simple {
            let text = self.simple_content(place, depth).unwrap_or_else(|| self.string());
            draft.fields.push(text_field(text));
            return;
        }
        match (derivation.base_place, &derivation.base) {
            (Some(base), _) if !derivation.restricts => self.content_of(base, draft, depth + 1),
            (None, Some(name)) if *name == Name::new(XSD, "anyType") && !derivation.restricts => {
                draft.any(Occurs::ANY)
            }
            _ => {}
        }
        self.own_content(derivation.body, draft, depth);
    }
}

/// The text of an element with attributes.
fn text_field(text: ScalarId) -> Field {
    Field {
        name: "value".to_owned(),
        ty: TypeId::Scalar(text),
        occurs: Occurs::ONCE,
        presence: Presence::Explicit,
        nillable: false,
        default: None,
        fixed: None,
        choice: None,
        redact: false,
        xsi_type: None,
        wire: Wire::Text,
        doc: None,
    }
}

pub(super) fn is_true(value: Option<&str>) -> bool {
    matches!(value.map(str::trim), Some("true" | "1"))
}
