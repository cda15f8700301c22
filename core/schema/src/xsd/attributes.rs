//! Attributes of complex types, through bases and attribute groups (XML Schema Part 1, sections 3.2 and 3.6).

use portolan_diagnostics::{Code, Diagnostic};

use super::{
    Compiler, XSD,
    content::Draft,
    set::{Kind, Place},
};
use crate::{Field, Name, Occurs, Presence, TypeId, Wire, xml};

impl Compiler<'_> {
    /// The attributes of a complex type: its base's, then its own in their place.
    pub(super) fn attributes_of(&mut self, place: Place, draft: &mut Draft, depth: usize) {
        if !self.may_descend(depth, self.set.span(place)) {
            return;
        }
        let derivation = self.derivation(place);
        if let Some(base) = derivation.base_place {
            let open = draft.open;
            self.attributes_of(base, draft, depth + 1);
            if derivation.restricts {
                draft.open = open;
            }
        }
        self.own_attributes(derivation.body, draft, depth);
    }

    fn own_attributes(&mut self, holder: Place, draft: &mut Draft, depth: usize) {
        if !self.may_descend(depth, self.set.span(holder)) {
            return;
        }
        let set = self.set;
        let tree = set.tree(holder);
        for (node, child) in tree.children(holder.node, XSD) {
            let place = Place { node, ..holder };
            if !self.may_go_on(tree.span(node)) {
                return;
            }
            match child.name.local.as_str() {
                "attribute" => {
                    let Some(field) = self.attribute(place) else { continue };
                    let known = draft.fields.iter().position(|f| f.wire == field.wire);
                    match (known, field.occurs.max) {
                        (Some(known), Some(0)) => {
                            draft.fields.remove(known);
                        }
                        (None, Some(0)) => {}
                        (Some(known), _) => draft.fields[known] = field,
                        (None, _) if self.may_add_field(tree.span(node)) => draft.fields.push(field),
                        (None, _) => return,
                    }
                }
                "attributeGroup" => {
                    if let Some((group, _)) = self.referred(place, "ref", Kind::AttributeGroup) {
                        self.own_attributes(group, draft, depth + 1);
                    }
                }
                "anyAttribute" => draft.open = true,
                _ => {}
            }
        }
    }

    /// An attribute's field; at most 0 times where it is prohibited.
    fn attribute(&mut self, place: Place) -> Option<Field> {
        let set = self.set;
        let tree = set.tree(place);
        let occurs = match tree.attribute(place.node, "use").map(str::trim) {
            Some("required") => Occurs::ONCE,
            Some("prohibited") => Occurs { min: 0, max: Some(0) },
            _ => Occurs::OPTIONAL,
        };
        let (name, ty, declaration) = if tree.find(place.node, "ref").is_some() {
            let name = self.qualified(place, "ref", Kind::Attribute)?;
            match set.find(Kind::Attribute, &name) {
                Some(global) => {
                    let ty = self.attribute_type(global, &name);
                    (name, ty, Some(global))
                }
                // xml:lang and its kin are declared nowhere that a contract would bring along.
                None if name.namespace == xml::XML => {
                    let ty = TypeId::Scalar(self.string());
                    (name, ty, None)
                }
                None => {
                    self.unresolved(Kind::Attribute, &name, tree.attribute_span(place.node, "ref"));
                    return None;
                }
            }
        } else if let Some(local) = tree.attribute(place.node, "name") {
            let schema = set.schema(place);
            let qualified = match tree.attribute(place.node, "form").map(str::trim) {
                Some(form) => form == "qualified",
                None => schema.attributes_qualified,
            };
            let name = Name::new(if qualified { schema.target.as_str() } else { "" }, local.trim());
            self.may_be_named(place, &name);
            let ty = self.attribute_type(place, &name);
            (name, ty, None)
        } else {
            let what = "an attribute has neither a name nor a reference";
            self.report(Diagnostic::error(Code::XSD_INVALID, what).at(tree.span(place.node), ""));
            return None;
        };
        let said = |attribute: &str| {
            let own = tree.attribute(place.node, attribute).map(str::to_owned);
            own.or_else(|| {
                declaration.and_then(|d| set.tree(d).attribute(d.node, attribute).map(str::to_owned))
            })
        };
        Some(Field {
            name: name.local.replace('-', "_"),
            ty,
            occurs,
            presence: Presence::Explicit,
            nillable: false,
            default: said("default"),
            fixed: said("fixed"),
            choice: None,
            redact: false,
            xsi_type: None,
            wire: Wire::Attribute(name),
            doc: self.doc(place).or_else(|| declaration.and_then(|d| self.doc(d))),
        })
    }

    fn attribute_type(&mut self, place: Place, name: &Name) -> TypeId {
        let set = self.set;
        let tree = set.tree(place);
        if let Some(named) = self.qualified(place, "type", Kind::Type) {
            return TypeId::Scalar(self.simple_named(&named, place, "type", 0));
        }
        match tree.child(place.node, XSD, "simpleType") {
            Some(node) => TypeId::Scalar(self.simple_type(Place { node, ..place }, name, 0)),
            None => TypeId::Scalar(self.string()),
        }
    }
}
