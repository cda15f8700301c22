//! Lists and unions: texts of other types, in a row or by choice (XML Schema Part 2, sections 4.1.2.2 and 4.1.2.3).

use super::Form;
use portolan_schema::{ScalarId, ScalarKind, Schema};

/// More member types than any union has; one that has more is not tested.
const MAX_MEMBERS: usize = 64;
/// A list of a union, or a union of lists: deeper than that XML Schema does not allow.
const MAX_DEPTH: usize = 2;

/// The forms that the parts of a text must have.
#[derive(Debug, Clone)]
pub(super) enum Members {
    /// Each item this one.
    Each(Box<Form>),
    /// The whole text one of these.
    OneOf(Vec<Form>),
}

impl Members {
    /// The members of a list or a union; `None` where any text would do, or there are none.
    pub(super) fn compile(schema: &Schema, kind: &ScalarKind, depth: usize) -> Option<Self> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let form = |id| Form::within(schema, id, depth + 1);
        match kind {
            ScalarKind::List(item) => {
                let item = form(*item);
                (item.check.is_some() || !item.is_text()).then(|| Self::Each(Box::new(item)))
            }
            ScalarKind::Union(members) => {
                let members: Vec<Form> = flat(schema, members)?.into_iter().map(form).collect();
                let anything = members.iter().any(|m| m.is_text() && m.check.is_none());
                (!anything && !members.is_empty()).then_some(Self::OneOf(members))
            }
            _ => None,
        }
    }

    /// Whether a text is made of them.
    pub(super) fn accept(&self, text: &str) -> bool {
        match self {
            Self::Each(item) => text.split_ascii_whitespace().all(|part| item.accepts(part)),
            Self::OneOf(members) => members.iter().any(|member| member.accepts(text)),
        }
    }
}

/// The members of a union, and in the place of those that are unions theirs; `None` where there are too many.
fn flat(schema: &Schema, members: &[ScalarId]) -> Option<Vec<ScalarId>> {
    let mut found = members.to_vec();
    let mut next = 0;
    while let Some(id) = found.get(next).copied() {
        next += 1;
        if let ScalarKind::Union(inner) = &schema.scalar(id).kind {
            let more: Vec<_> = inner.iter().filter(|id| !found.contains(id)).copied().collect();
            found.extend(more);
        }
        if found.len() > MAX_MEMBERS {
            return None;
        }
    }
    found.retain(|id| !matches!(schema.scalar(*id).kind, ScalarKind::Union(_)));
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::{Value, ValueProblem, lexical::Form};
    use portolan_schema::{Facets, Name, Scalar, ScalarId, ScalarKind, Schema};

    fn scalar(schema: &mut Schema, kind: ScalarKind) -> ScalarId {
        let name = Name::plain(format!("{kind:?}"));
        schema.add_scalar(Scalar { name, kind, facets: Facets::default(), enumeration: None })
    }

    #[test]
    fn lists_and_unions_are_of_their_members() {
        let mut schema = Schema::default();
        let int = scalar(&mut schema, ScalarKind::Integer { signed: true, bits: 32 });
        let date = scalar(&mut schema, ScalarKind::Date);
        let text = scalar(&mut schema, ScalarKind::String);
        let either = scalar(&mut schema, ScalarKind::Union(vec![int, date]));
        let nested = scalar(&mut schema, ScalarKind::Union(vec![either]));
        let anything = scalar(&mut schema, ScalarKind::Union(vec![int, text]));
        let list = scalar(&mut schema, ScalarKind::List(either));
        let check = |id, written: &str, expected| {
            let found = Form::compile(&schema, id).write(Value::Text(written), &mut Vec::new());
            assert_eq!(found, expected, "{written}");
        };
        for id in [either, nested, list] {
            check(id, "7", Ok(()));
            check(id, "2026-11-25", Ok(()));
            check(id, "seven", Err(ValueProblem::Lexical));
        }
        check(either, "7 8", Err(ValueProblem::Lexical));
        check(list, "7 2026-11-25  8", Ok(()));
        check(list, "7 x", Err(ValueProblem::Lexical));
        check(anything, "seven", Ok(()));
    }
}
