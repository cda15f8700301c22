//! Whether alternatives leave nothing out: every value that the contract lists is tested for.

use std::sync::Arc;

use super::{
    Checker,
    scope::What,
    types::{Type, Values},
};
use crate::{
    expression::{Expression, ExpressionKind as Kinds, Leaf, Segment, dotted},
    file::Case,
    functions::Kind,
    ir::Comparison,
};

/// A field tested for being one of some values.
struct Equality<'e> {
    path: &'e [Segment],
    values: Vec<Arc<str>>,
}

impl Checker<'_> {
    /// Whether the cases test one field for each of its values. Where the field is absent, so is what they fill.
    pub(super) fn cover(&mut self, cases: &[Case]) -> bool {
        let parsed: Option<Vec<(Expression, &Leaf)>> = cases
            .iter()
            .map(|case| case.when.as_ref().and_then(|leaf| Some((leaf.parse().ok()?, leaf))))
            .collect();
        let Some(parsed) = parsed else { return false };
        let tests: Option<Vec<Equality<'_>>> = parsed.iter().map(|(e, _)| equality(e)).collect();
        let (Some(tests), Some((_, leaf))) = (tests, parsed.first()) else { return false };
        let Some(first) = tests.first() else { return false };
        if tests.iter().any(|t| dotted(t.path) != dotted(first.path)) {
            return false;
        }
        let Ok(place) = self.scope.resolve(first.path, leaf) else { return false };
        let What::Scalar { scalar, .. } = place.what else { return false };
        let schema = self.scope.schema(place.side);
        let ty = Type::of(schema, schema.scalar(scalar));
        let tested = |value: &str| tests.iter().any(|t| t.values.iter().any(|v| &**v == value));
        match &ty.values {
            Values::Declared(known, zero) => known.iter().all(|k| zero.as_ref() == Some(k) || tested(k)),
            _ if ty.kind == Kind::Bool => tested("true") && tested("false"),
            _ => false,
        }
    }
}

/// `x == 'A'`, `x in ['A', 'B']`, `x`, `!x`; each also behind `has(x) &&`.
fn equality(e: &Expression) -> Option<Equality<'_>> {
    match &e.kind {
        Kinds::Path(path) => Some(Equality { path, values: vec!["true".into()] }),
        Kinds::Not(inner) => match &inner.kind {
            Kinds::Path(path) => Some(Equality { path, values: vec!["false".into()] }),
            _ => None,
        },
        Kinds::Compare(Comparison::Equal, a, b) => {
            let (of, value) = if matches!(a.kind, Kinds::Path(_)) { (a, b) } else { (b, a) };
            let Kinds::Path(path) = &of.kind else { return None };
            Some(Equality { path, values: vec![constant(value)?] })
        }
        Kinds::In(a, list) => {
            let (Kinds::Path(path), Kinds::List(items)) = (&a.kind, &list.kind) else { return None };
            Some(Equality { path, values: items.iter().map(constant).collect::<Option<_>>()? })
        }
        Kinds::And(test, rest) => {
            let rest = equality(rest)?;
            let Kinds::Call { name, receiver: None, arguments } = &test.kind else { return None };
            let [Expression { kind: Kinds::Path(path), .. }] = arguments.as_slice() else { return None };
            (name.name == "has" && dotted(path) == dotted(rest.path)).then_some(rest)
        }
        _ => None,
    }
}

fn constant(e: &Expression) -> Option<Arc<str>> {
    match &e.kind {
        Kinds::Text(text) => Some(text.clone()),
        Kinds::Bool(b) => Some(if *b { "true" } else { "false" }.into()),
        _ => None,
    }
}
