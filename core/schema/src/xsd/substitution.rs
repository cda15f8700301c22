//! What may stand in another's place: elements of a substitution group, types that derive from a type
//! (XML Schema Part 1, sections 3.3.6 and 2.6.1).

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{Compiler, Declared, complex::is_true, set::Kind};
use crate::{Name, TypeId};

/// Elements that may stand for one.
const MAX_SUBSTITUTES: usize = 1000;
/// Types that may stand for one; only a type that everything derives from has more.
const MAX_DERIVED: usize = 256;

impl Compiler<'_> {
    /// An element and its substitutes, and theirs, without the abstract ones.
    pub(super) fn standing_for(&mut self, head: Declared, at: Span) -> Vec<Declared> {
        let mut names = vec![head.name.clone()];
        let mut members = vec![head];
        let mut next = 0;
        while let Some(name) = names.get(next).cloned() {
            next += 1;
            for substitute in self.set.substitutes(&name) {
                if !names.contains(substitute) && names.len() < MAX_SUBSTITUTES {
                    names.push(substitute.clone());
                    members.push(self.global_element(substitute, at));
                }
            }
        }
        if members.len() > 1 {
            members.retain(|m| !m.is_abstract);
        }
        members
    }

    /// An element by its own type, then by each that derives from it; the abstract ones aside.
    pub(crate) fn deriving_from(&mut self, declared: Declared, at: Span) -> Vec<Declared> {
        let set = self.set;
        let TypeId::Record(id) = declared.ty else { return vec![declared] };
        let base = self.schema.record(id).name.clone();
        // An anonymous type bears its element's name, by which there may be a type as well.
        let place = set.find(Kind::Type, &base).filter(|place| self.records.get(place) == Some(&id));
        let Some(place) = place.filter(|_| !set.derived(&base).is_empty()) else { return vec![declared] };
        let mut names: Vec<&Name> = set.derived(&base).iter().collect();
        let mut next = 0;
        while let Some(name) = names.get(next) {
            if names.len() > MAX_DERIVED || !self.may_go_on(at) {
                let what =
                    format!("more than {MAX_DERIVED} types derive from `{base}`; none of them is read here");
                self.report(Diagnostic::warning(Code::XSD_UNSUPPORTED, what).at(at, ""));
                return vec![declared];
            }
            let more = set.derived(name).iter().filter(|n| !names.contains(n) && **n != base);
            names.extend(more.collect::<Vec<_>>());
            next += 1;
        }
        let is_abstract = |place| is_true(set.tree(place).attribute(place.node, "abstract"));
        let mut members = Vec::new();
        for name in names {
            let Some(derived) = set.find(Kind::Type, name).filter(|place| !is_abstract(*place)) else {
                continue;
            };
            let ty = TypeId::Record(self.complex_type(derived, name));
            members.push(Declared { ty, xsi_type: Some(name.clone()), ..declared.clone() });
        }
        if members.is_empty() || !is_abstract(place) {
            members.insert(0, declared);
        }
        members
    }
}
