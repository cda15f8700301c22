//! Content models: sequence, choice, all, groups and wildcards become fields and a particle over them
//! (XML Schema Part 1, sections 3.7 to 3.10).

use std::collections::HashMap;

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    Compiler, Declared, XSD,
    set::{Kind, Place},
};
use crate::{Choice, ChoiceId, Field, FieldId, Name, Occurs, Particle};

/// Elements within elements within groups: each level of a content model counts.
const MAX_NESTING: usize = 128;

/// A record in the making.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) fields: Vec<Field>,
    pub(super) choices: Vec<Choice>,
    pub(super) particles: Vec<Particle>,
    pub(super) open: bool,
    pub(super) mixed: bool,
    /// Where the field of each element stands: records of thousands of fields are real.
    known: HashMap<(Name, Option<Name>), usize>,
}

impl Draft {
    /// Any elements, after what is there.
    pub(super) fn any(&mut self, occurs: Occurs) {
        self.open = true;
        self.particles.push(Particle::Any(occurs));
    }
}

/// What the groups around a particle make of it.
#[derive(Clone, Copy)]
struct Around {
    /// It may be absent although it is itself required.
    optional: bool,
    /// How often the groups may be repeated.
    times: Option<u32>,
    /// The alternatives to which it belongs.
    choice: Option<ChoiceId>,
    /// Some group around it is a choice.
    in_choice: bool,
    depth: usize,
}

impl Compiler<'_> {
    /// The content that stands in a `complexType`, `extension` or `restriction` itself.
    pub(super) fn own_content(&mut self, body: Place, draft: &mut Draft, depth: usize) {
        let set = self.set;
        let around = Around { optional: false, times: Some(1), choice: None, in_choice: false, depth };
        for (node, _) in set.tree(body).children(body.node, XSD) {
            if let Some(particle) = self.particle(Place { node, ..body }, around, draft) {
                draft.particles.push(particle);
            }
        }
    }

    fn particle(&mut self, place: Place, around: Around, draft: &mut Draft) -> Option<Particle> {
        let set = self.set;
        let tree = set.tree(place);
        let kind = tree.get(place.node).name.local.as_str();
        if !matches!(kind, "element" | "sequence" | "choice" | "all" | "group" | "any") {
            return None;
        }
        let at = tree.span(place.node);
        if !self.may_go_on(at) {
            return None;
        }
        if around.depth > MAX_NESTING {
            let what = "a content model is nested too deep, or holds itself";
            self.report(Diagnostic::error(Code::XSD_INVALID, what).at(at, ""));
            return None;
        }
        let occurs = self.occurs(place);
        if occurs.max == Some(0) {
            return None;
        }
        match kind {
            "element" => self.element_particle(place, occurs, around, draft, at),
            "any" => {
                if occurs.min > 0 {
                    let what =
                        "an element that the contract does not name must stand here, and none can be written";
                    self.report(Diagnostic::note(Code::XSD_UNSUPPORTED, what).at(at, ""));
                }
                draft.open = true;
                Some(Particle::Any(occurs))
            }
            "group" => {
                let (group, _) = self.referred(place, "ref", Kind::Group)?;
                let tree = set.tree(group);
                let mut children = tree.children(group.node, XSD);
                let (node, _) =
                    children.find(|(_, c)| matches!(c.name.local.as_str(), "sequence" | "choice" | "all"))?;
                let model = Place { node, ..group };
                let inner = self.occurs(model);
                let occurs = Occurs { min: occurs.min.min(inner.min), max: times(occurs.max, inner.max) };
                self.model(model, occurs, Around { depth: around.depth + 1, ..around }, draft)
            }
            _ => self.model(place, occurs, around, draft),
        }
    }

    fn model(&mut self, place: Place, occurs: Occurs, around: Around, draft: &mut Draft) -> Option<Particle> {
        let set = self.set;
        let tree = set.tree(place);
        let is_choice = tree.get(place.node).name.local == "choice";
        let mut inner = Around {
            optional: around.optional || occurs.min == 0 || is_choice,
            times: times(around.times, occurs.max),
            choice: if is_choice || self.is_single(place) { around.choice } else { None },
            in_choice: around.in_choice || is_choice,
            depth: around.depth + 1,
        };
        if is_choice && inner.choice.is_none() && inner.times == Some(1) && self.is_alternatives(place, 0) {
            let required = occurs.min > 0 && !around.optional && !self.may_be_empty(place);
            draft.choices.push(Choice { name: String::new(), required });
            inner.choice = Some(ChoiceId((draft.choices.len() - 1) as u32));
        }
        let mut particles = Vec::new();
        for (node, _) in tree.children(place.node, XSD) {
            if let Some(particle) = self.particle(Place { node, ..place }, inner, draft) {
                particles.push(particle);
            }
        }
        if particles.is_empty() {
            return None;
        }
        if !is_choice && particles.len() > 1 && occurs.max != Some(1) {
            let what = "a group of several elements repeats: they are read as lists, and written one list after the other";
            let found = Diagnostic::note(Code::XSD_UNSUPPORTED, what).at(tree.span(place.node), "");
            self.report(found.help("fill each of them once at most, or only the first"));
        }
        Some(match tree.get(place.node).name.local.as_str() {
            "choice" => Particle::Choice(occurs, particles),
            "all" => Particle::All(occurs, particles),
            _ => Particle::Sequence(occurs, particles),
        })
    }

    /// Whether every branch of a choice is one element, so that its fields exclude one another.
    fn is_alternatives(&self, place: Place, depth: usize) -> bool {
        let tree = self.set.tree(place);
        tree.children(place.node, XSD).all(|(node, child)| {
            let branch = Place { node, ..place };
            match child.name.local.as_str() {
                "annotation" | "any" | "element" => true,
                "choice" => {
                    depth < 8
                        && is_once(tree.attribute(node, "maxOccurs"))
                        && self.is_alternatives(branch, depth + 1)
                }
                "sequence" | "all" => self.is_single(branch),
                _ => false,
            }
        })
    }

    /// Whether a group holds one element and nothing else.
    fn is_single(&self, place: Place) -> bool {
        let tree = self.set.tree(place);
        let mut parts = tree.children(place.node, XSD).filter(|(_, c)| c.name.local != "annotation");
        let single = parts.next().is_some_and(|(_, c)| c.name.local == "element");
        single && parts.next().is_none() && is_once(tree.attribute(place.node, "maxOccurs"))
    }

    fn may_be_empty(&self, choice: Place) -> bool {
        let tree = self.set.tree(choice);
        tree.children(choice.node, XSD)
            .any(|(node, _)| tree.attribute(node, "minOccurs").map(str::trim) == Some("0"))
    }

    fn element_particle(
        &mut self,
        place: Place,
        occurs: Occurs,
        around: Around,
        draft: &mut Draft,
        at: Span,
    ) -> Option<Particle> {
        let declared = self.element(place)?;
        let is_reference = self.set.tree(place).find(place.node, "ref").is_some();
        let members = if is_reference { self.standing_for(declared, at) } else { vec![declared] };
        let mut members = members.into_iter().flat_map(|m| self.deriving_from(m, at)).collect::<Vec<_>>();
        if members.len() == 1
            && let Some(only) = members.pop()
        {
            return self.add_field(only, occurs, around, draft, at).map(Particle::Field);
        }
        // The head or any of its substitutes, a type or any that derives from it: a choice by another name.
        let mut around = Around { optional: around.optional || occurs.min == 0, in_choice: true, ..around };
        if around.choice.is_none() && times(around.times, occurs.max) == Some(1) {
            draft.choices.push(Choice { name: String::new(), required: !around.optional });
            around.choice = Some(ChoiceId((draft.choices.len() - 1) as u32));
        }
        around.optional = true;
        let mut particles = Vec::new();
        for member in members {
            if let Some(field) = self.add_field(member, occurs, around, draft, at) {
                particles.push(Particle::Field(field));
            }
        }
        Some(Particle::Choice(Occurs { min: occurs.min.min(1), max: occurs.max }, particles))
    }

    fn add_field(
        &mut self,
        declared: Declared,
        occurs: Occurs,
        around: Around,
        draft: &mut Draft,
        at: Span,
    ) -> Option<FieldId> {
        let occurs = Occurs {
            min: if around.optional { 0 } else { occurs.min },
            max: times(around.times, occurs.max),
        };
        let key = (declared.name.clone(), declared.xsi_type.clone());
        if let Some(&index) = draft.known.get(&key) {
            // One name at two places of a content model is one field: as often as in either branch, or in both places.
            let known = &mut draft.fields[index].occurs;
            *known = if around.in_choice {
                Occurs { min: 0, max: known.max.zip(occurs.max).map(|(a, b)| a.max(b)) }
            } else {
                Occurs {
                    min: known.min.saturating_add(occurs.min),
                    max: known.max.zip(occurs.max).map(|(a, b)| a.saturating_add(b)),
                }
            };
            return Some(FieldId(index as u32));
        }
        if !self.may_add_field(at) {
            return None;
        }
        draft.known.insert(key, draft.fields.len());
        draft.fields.push(Field { choice: around.choice, ..declared.field(occurs) });
        Some(FieldId((draft.fields.len() - 1) as u32))
    }

    fn occurs(&mut self, place: Place) -> Occurs {
        let set = self.set;
        let tree = set.tree(place);
        let mut number = |attribute: &str| {
            let written = tree.attribute(place.node, attribute)?.trim();
            match written.parse::<u32>() {
                Ok(number) => Some(Some(number)),
                Err(_) if attribute == "maxOccurs" && written == "unbounded" => Some(None),
                Err(_) => {
                    let what = format!("`{attribute}` is not a number");
                    let span = tree.attribute_span(place.node, attribute);
                    self.report(Diagnostic::error(Code::XSD_INVALID, what).at(span, ""));
                    None
                }
            }
        };
        let min = number("minOccurs").flatten().unwrap_or(1);
        let max = number("maxOccurs").unwrap_or(Some(1));
        Occurs { min, max }
    }
}

fn is_once(max_occurs: Option<&str>) -> bool {
    matches!(max_occurs.map(str::trim), None | Some("1"))
}

fn times(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    a.zip(b).map(|(a, b)| a.saturating_mul(b))
}
