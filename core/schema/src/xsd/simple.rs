//! Simple types: restriction with facets, list, union (XML Schema Part 2, section 4).

use portolan_diagnostics::{Code, Diagnostic};

use super::{
    Compiler, XSD,
    set::{Kind, Place},
};
use crate::{EnumValue, Enumeration, Facets, Name, Scalar, ScalarId, ScalarKind, TypeId, WhiteSpace};

impl Compiler<'_> {
    /// The scalar of a `simpleType` element.
    pub(super) fn simple_type(&mut self, place: Place, name: &Name, depth: usize) -> ScalarId {
        if let Some(known) = self.scalars.get(&place) {
            return *known;
        }
        let at = self.set.span(place);
        if !self.may_descend(depth, at) || !self.may_add_type(at) {
            return self.string();
        }
        if !self.busy.insert(place) {
            self.report(Diagnostic::error(Code::XSD_INVALID, "the type is defined by itself").at(at, ""));
            return self.string();
        }
        let before = self.errors;
        let set = self.set;
        let tree = set.tree(place);
        let variety = tree.children(place.node, XSD).find(|(_, c)| c.name.local != "annotation");
        let scalar = match variety.map(|(node, c)| (Place { node, ..place }, c.name.local.as_str())) {
            Some((node, "restriction")) => {
                let base = self.base(node, depth);
                self.restrict(node, base, name)
            }
            Some((node, "list")) => {
                let item = self.member(node, "itemType", depth);
                self.derived(name, ScalarKind::List(item), Some(WhiteSpace::Collapse))
            }
            Some((node, "union")) => {
                let members = self.members(node, depth);
                self.derived(name, ScalarKind::Union(members), None)
            }
            _ => {
                let what = "a simple type is a restriction, a list or a union";
                self.report(Diagnostic::error(Code::XSD_INVALID, what).at(at, ""));
                self.busy.remove(&place);
                return self.string();
            }
        };
        let id = self.schema.add_scalar(scalar);
        self.busy.remove(&place);
        self.scalars.insert(place, id);
        if self.errors > before {
            self.broken.insert(TypeId::Scalar(id));
        }
        id
    }

    fn derived(&self, name: &Name, kind: ScalarKind, white_space: Option<WhiteSpace>) -> Scalar {
        Scalar {
            name: name.clone(),
            kind,
            facets: Facets { white_space, ..Facets::default() },
            enumeration: None,
        }
    }

    /// What a restriction restricts: the type that it names, or the one within it.
    fn base(&mut self, restriction: Place, depth: usize) -> ScalarId {
        self.member(restriction, "base", depth)
    }

    fn member(&mut self, node: Place, attribute: &str, depth: usize) -> ScalarId {
        let set = self.set;
        let tree = set.tree(node);
        if let Some(name) = self.qualified(node, attribute, Kind::Type) {
            return self.simple_named(&name, node, attribute, depth);
        }
        match tree.child(node.node, XSD, "simpleType") {
            Some(inner) => self.simple_type(Place { node: inner, ..node }, &Name::new("", ""), depth + 1),
            None if tree.find(node.node, attribute).is_some() => self.string(),
            None => {
                let what = format!("there is neither `{attribute}` nor a simple type here");
                self.report(Diagnostic::error(Code::XSD_INVALID, what).at(tree.span(node.node), ""));
                self.string()
            }
        }
    }

    /// A simple type by its name; a complex one with simple content gives the type of its text.
    pub(super) fn simple_named(&mut self, name: &Name, at: Place, attribute: &str, depth: usize) -> ScalarId {
        let set = self.set;
        let span = set.tree(at).attribute_span(at.node, attribute);
        if let Some(place) = set.find(Kind::Type, name) {
            return match set.tree(place).get(place.node).name.local.as_str() {
                "simpleType" => self.simple_type(place, name, depth + 1),
                _ => match self.simple_content(place, depth + 1) {
                    Some(text) => text,
                    None => {
                        let what = format!("`{name}` is not a simple type");
                        self.report(Diagnostic::error(Code::XSD_INVALID, what).at(span, ""));
                        self.string()
                    }
                },
            };
        }
        match self.type_named(name, span) {
            TypeId::Scalar(id) => id,
            TypeId::Record(_) => self.string(),
        }
    }

    fn members(&mut self, union: Place, depth: usize) -> Vec<ScalarId> {
        let set = self.set;
        let tree = set.tree(union);
        let mut members = Vec::new();
        let written = tree.attribute(union.node, "memberTypes").unwrap_or_default();
        let span = tree.attribute_span(union.node, "memberTypes");
        for part in written.split_whitespace() {
            let read = set.qualified(union, part);
            if let Some(name) = self.meant(read, part, Kind::Type, &set.schema(union).target, span) {
                members.push(self.simple_named(&name, union, "memberTypes", depth));
            }
        }
        for (node, _) in tree.children(union.node, XSD).filter(|(_, c)| c.name.local == "simpleType") {
            members.push(self.simple_type(Place { node, ..union }, &Name::new("", ""), depth + 1));
        }
        members
    }

    /// A scalar with the facets of a restriction element added to those of its base.
    pub(super) fn restrict(&mut self, restriction: Place, base: ScalarId, name: &Name) -> Scalar {
        let mut scalar = self.schema.scalar(base).clone();
        if !name.local.is_empty() {
            scalar.name = name.clone();
        }
        let set = self.set;
        let tree = set.tree(restriction);
        let (mut patterns, mut values) = (Vec::new(), Vec::new());
        for (node, facet) in tree.children(restriction.node, XSD) {
            let facet_name = facet.name.local.as_str();
            let Some(value) = tree.attribute(node, "value") else { continue };
            let facets = &mut scalar.facets;
            let number = value.trim().parse::<u64>().ok();
            let small = || number.and_then(|n| u32::try_from(n).ok());
            let bound = || Some(value.trim().to_owned());
            let understood = match facet_name {
                "enumeration" => {
                    let doc = self.doc(Place { node, ..restriction });
                    values.push(EnumValue { name: value.to_owned(), number: None, doc });
                    true
                }
                "pattern" => {
                    patterns.push(value.to_owned());
                    true
                }
                "length" => {
                    (facets.min_length, facets.max_length) = (number, number);
                    number.is_some()
                }
                "minLength" => {
                    facets.min_length = number;
                    number.is_some()
                }
                "maxLength" => {
                    facets.max_length = number;
                    number.is_some()
                }
                "totalDigits" => {
                    facets.total_digits = small();
                    small().is_some()
                }
                "fractionDigits" => {
                    facets.fraction_digits = small();
                    small().is_some()
                }
                "minInclusive" => {
                    (facets.min_inclusive, facets.min_exclusive) = (bound(), None);
                    true
                }
                "minExclusive" => {
                    (facets.min_inclusive, facets.min_exclusive) = (None, bound());
                    true
                }
                "maxInclusive" => {
                    (facets.max_inclusive, facets.max_exclusive) = (bound(), None);
                    true
                }
                "maxExclusive" => {
                    (facets.max_inclusive, facets.max_exclusive) = (None, bound());
                    true
                }
                "whiteSpace" => match value.trim() {
                    "preserve" => {
                        facets.white_space = None;
                        true
                    }
                    "replace" => {
                        facets.white_space = Some(WhiteSpace::Replace);
                        true
                    }
                    "collapse" => {
                        facets.white_space = Some(WhiteSpace::Collapse);
                        true
                    }
                    _ => false,
                },
                _ => continue,
            };
            if !understood {
                let what = format!("`{facet_name}` has a value that it cannot have");
                let span = tree.attribute_span(node, "value");
                self.report(Diagnostic::error(Code::XSD_INVALID, what).at(span, ""));
            }
        }
        if !patterns.is_empty() {
            scalar.facets.patterns.push(patterns);
        }
        if !values.is_empty() {
            scalar.enumeration = Some(Enumeration { values, open: false });
        }
        scalar
    }
}
