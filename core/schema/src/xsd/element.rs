//! Element declarations, global and local (XML Schema Part 1, section 3.3).

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    Compiler, XSD,
    complex::is_true,
    set::{Kind, Place},
};
use crate::{Field, Name, Occurs, Presence, TypeId, Wire};

/// What a declaration says of an element, wherever it then stands.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    /// The name on the wire.
    pub(crate) name: Name,
    /// What it holds.
    pub(crate) ty: TypeId,
    /// May be nil.
    pub(crate) nillable: bool,
    /// The value of an empty one.
    pub(crate) default: Option<String>,
    /// The only value.
    pub(crate) fixed: Option<String>,
    /// The contract's words.
    pub(crate) doc: Option<String>,
    /// Only its substitutes may stand.
    pub(crate) is_abstract: bool,
    /// The type to be said where it stands.
    pub(crate) xsi_type: Option<Name>,
}

impl Declared {
    /// An element of which only name and type are known.
    pub(crate) fn new(name: Name, ty: TypeId) -> Self {
        Self {
            name,
            ty,
            nillable: false,
            default: None,
            fixed: None,
            doc: None,
            is_abstract: false,
            xsi_type: None,
        }
    }

    /// The field of an element that stands somewhere: named like it, by its type as well where it is one of several.
    pub(crate) fn field(self, occurs: Occurs) -> Field {
        let name = self.name.local.replace('-', "_");
        Field {
            name: match &self.xsi_type {
                Some(ty) => format!("{name}_{}", ty.local.replace('-', "_")),
                None => name,
            },
            ty: self.ty,
            occurs,
            presence: Presence::Explicit,
            nillable: self.nillable,
            default: self.default,
            fixed: self.fixed,
            choice: None,
            redact: false,
            xsi_type: self.xsi_type,
            wire: Wire::Element(self.name),
            doc: self.doc,
        }
    }
}

impl Compiler<'_> {
    /// A global element; one that is not declared holds what nobody knows, which is said.
    pub(crate) fn global_element(&mut self, name: &Name, at: Span) -> Declared {
        match self.set.find(Kind::Element, name) {
            Some(place) => self.declared(place, name.clone()),
            None => {
                let missing = self.missing(Kind::Element, name, at);
                Declared::new(name.clone(), TypeId::Record(missing))
            }
        }
    }

    /// The declaration behind an `element` within a content model: its own, or the one that it refers to.
    pub(super) fn element(&mut self, place: Place) -> Option<Declared> {
        let set = self.set;
        let tree = set.tree(place);
        if tree.find(place.node, "ref").is_some() {
            let name = self.qualified(place, "ref", Kind::Element)?;
            let mut declared = self.global_element(&name, tree.attribute_span(place.node, "ref"));
            if let Some(doc) = self.doc(place) {
                declared.doc = Some(doc);
            }
            return Some(declared);
        }
        let Some(local) = tree.attribute(place.node, "name") else {
            let what = "an element has neither a name nor a reference";
            self.report(Diagnostic::error(Code::XSD_INVALID, what).at(tree.span(place.node), ""));
            return None;
        };
        let schema = set.schema(place);
        let qualified = match tree.attribute(place.node, "form").map(str::trim) {
            Some(form) => form == "qualified",
            None => schema.elements_qualified,
        };
        let name = Name::new(if qualified { schema.target.as_str() } else { "" }, local.trim());
        Some(self.declared(place, name))
    }

    fn declared(&mut self, place: Place, name: Name) -> Declared {
        let set = self.set;
        let tree = set.tree(place);
        self.may_be_named(place, &name);
        let ty = self.element_type(place, &name);
        Declared {
            ty,
            nillable: is_true(tree.attribute(place.node, "nillable")),
            default: tree.attribute(place.node, "default").map(str::to_owned),
            fixed: tree.attribute(place.node, "fixed").map(str::to_owned),
            doc: self.doc(place),
            is_abstract: is_true(tree.attribute(place.node, "abstract")),
            xsi_type: None,
            name,
        }
    }

    /// Says where a name is none by which anything could stand in a document.
    pub(super) fn may_be_named(&mut self, place: Place, name: &Name) {
        let begins = |c: char| c == '_' || c.is_alphabetic();
        let may = |c: char| begins(c) || c.is_numeric() || matches!(c, '-' | '.' | '\u{b7}') || !c.is_ascii();
        if !name.local.starts_with(begins) || !name.local.chars().all(may) {
            let what = format!("`{}` is not a name that an element or attribute can have", name.local);
            let at = self.set.tree(place).attribute_span(place.node, "name");
            self.report(Diagnostic::error(Code::XSD_INVALID, what).at(at, ""));
        }
    }

    pub(super) fn element_type(&mut self, place: Place, name: &Name) -> TypeId {
        let set = self.set;
        let mut place = place;
        // An element without a type has that of the head of its substitution group.
        for _ in 0..super::compiler::MAX_DERIVATION {
            let tree = set.tree(place);
            if tree.find(place.node, "type").is_some() {
                return match self.qualified(place, "type", Kind::Type) {
                    Some(named) => self.type_named(&named, tree.attribute_span(place.node, "type")),
                    None => TypeId::Record(self.any()),
                };
            }
            let inner = tree
                .children(place.node, XSD)
                .find(|(_, c)| matches!(c.name.local.as_str(), "simpleType" | "complexType"));
            if let Some((node, _)) = inner {
                let name = Name::new(set.schema(place).target.as_str(), name.local.as_str());
                return self.type_at(Place { node, ..place }, &name);
            }
            match tree.find(place.node, "substitutionGroup") {
                Some(_) => match self.referred(place, "substitutionGroup", Kind::Element) {
                    Some((head, _)) => place = head,
                    None => break,
                },
                None => break,
            }
        }
        TypeId::Record(self.any())
    }
}
