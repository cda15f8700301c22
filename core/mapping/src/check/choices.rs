//! Members of one choice or oneof, of which one stands at a time.

use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_schema::{Content, FieldId, Occurs, Particle, Record};

use super::{Checker, rules::Filled};

impl Checker<'_> {
    /// Members of one choice that would stand together.
    pub(super) fn choices(&mut self, record: &Record, filled: &[(FieldId, Span, Option<Filled>)]) {
        for (position, (a, first, content)) in filled.iter().enumerate() {
            let clash = filled[position + 1..].iter().find(|(b, _, other)| {
                let sure = |f: &Option<Filled>| f.as_ref().is_some_and(|f| f.always);
                exclusive(record, *a, *b) && (sure(content) || sure(other))
            });
            if let Some((b, second, _)) = clash {
                let names = [a, b].map(|f| record.fields[f.0 as usize].name.as_str());
                let message =
                    format!("`{}` and `{}` are alternatives, and both are filled", names[0], names[1]);
                let finding =
                    Diagnostic::error(Code::MAP_CHOICE, message).at(*second, "").at(*first, "the other one");
                self.findings.push(finding.help("fill each of them in a case of its own"));
            }
        }
    }
}

/// Whether two fields are alternatives of one choice.
pub(crate) fn exclusive(record: &Record, a: FieldId, b: FieldId) -> bool {
    let member = |f: FieldId| record.fields[f.0 as usize].choice;
    match &record.content {
        Content::Unordered => member(a).is_some() && member(a) == member(b),
        Content::Ordered(particle) => divides(particle, a, b),
    }
}

/// Whether the innermost group that holds both fields is a choice of one.
fn divides(particle: &Particle, a: FieldId, b: FieldId) -> bool {
    let (choice, parts) = match particle {
        Particle::Field(_) | Particle::Any(_) => return false,
        Particle::Choice(occurs, parts) => (*occurs == Occurs::ONCE || *occurs == Occurs::OPTIONAL, parts),
        Particle::Sequence(_, parts) | Particle::All(_, parts) => (false, parts),
    };
    match parts.iter().find(|p| holds(p, a) && holds(p, b)) {
        Some(inner) => divides(inner, a, b),
        None => choice && parts.iter().any(|p| holds(p, a)) && parts.iter().any(|p| holds(p, b)),
    }
}

fn holds(particle: &Particle, field: FieldId) -> bool {
    match particle {
        Particle::Field(f) => *f == field,
        Particle::Any(_) => false,
        Particle::Sequence(_, parts) | Particle::Choice(_, parts) | Particle::All(_, parts) => {
            parts.iter().any(|p| holds(p, field))
        }
    }
}
