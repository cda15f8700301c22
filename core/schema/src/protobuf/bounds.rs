//! Rules become facets, enumerations and occurrence, which `check` and `describe` know from XSD.

use crate::{Enumeration, FieldRules, Limit, Occurs, Presence, Scalar, ScalarKind, ValueRules};

/// The scalar with what the rules say of its values; `None` where they say nothing that facets can.
pub(super) fn bounded(scalar: &Scalar, rules: &FieldRules, presence: Presence) -> Option<Scalar> {
    let mut bounded = scalar.clone();
    let value = &rules.value;
    match scalar.kind {
        ScalarKind::Enum => {
            let zero = rules.ignore_zero && presence == Presence::Implicit;
            bounded.enumeration = scalar.enumeration.as_ref().map(|e| codes(e, value, zero));
        }
        ScalarKind::String => {
            bounded.enumeration = value.one_of.as_ref().map(|values| names(values));
            lengths(&mut bounded, value);
        }
        ScalarKind::Bytes => lengths(&mut bounded, value),
        ScalarKind::Integer { .. } => {
            bounded.enumeration = value.one_of.as_ref().map(|values| names(values));
            limits(&mut bounded, value);
        }
        ScalarKind::Double | ScalarKind::Float => limits(&mut bounded, value),
        _ => {}
    }
    (bounded != *scalar).then_some(bounded)
}

/// How often a list's items stand. One that may hold one item at most is still a list.
pub(super) fn items(rules: &FieldRules) -> Occurs {
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let least = match (rules.always_required(), rules.ignore_zero) {
        (true, _) => rules.items.min.unwrap_or_default().max(1),
        (false, true) => 0,
        (false, false) => rules.items.min.unwrap_or_default(),
    };
    Occurs { min: count(least), max: rules.items.max.map(count).filter(|most| *most > 1) }
}

/// The values of an enum that the rules leave.
fn codes(all: &Enumeration, rules: &ValueRules, zero: bool) -> Enumeration {
    let is_left = |number: i32| {
        let listed = |values: &Vec<String>| values.iter().any(|v| v.parse() == Ok(number));
        (zero && number == 0) || (rules.one_of.as_ref().is_none_or(listed) && !listed(&rules.none_of))
    };
    let values = all.values.iter().filter(|value| value.number.is_none_or(is_left));
    Enumeration { values: values.cloned().collect(), open: all.open && rules.one_of.is_none() }
}

fn names(values: &[String]) -> Enumeration {
    let value = |name: &String| crate::EnumValue { name: name.clone(), number: None, doc: None };
    Enumeration { values: values.iter().map(value).collect(), open: false }
}

fn lengths(scalar: &mut Scalar, rules: &ValueRules) {
    scalar.facets.min_length = rules.min_length.filter(|least| *least > 0);
    scalar.facets.max_length = rules.max_length;
}

/// A range. One that is reversed excludes what lies between its ends, which no facet says.
fn limits(scalar: &mut Scalar, rules: &ValueRules) {
    if let (Some(lower), Some(upper)) = (&rules.lower, &rules.upper)
        && is_less(&upper.value, &lower.value)
    {
        return;
    }
    let of = |limit: &Option<Limit>, inclusive: bool| {
        limit.as_ref().filter(|l| l.inclusive == inclusive).map(|l| l.value.clone())
    };
    let facets = &mut scalar.facets;
    (facets.min_inclusive, facets.min_exclusive) = (of(&rules.lower, true), of(&rules.lower, false));
    (facets.max_inclusive, facets.max_exclusive) = (of(&rules.upper, true), of(&rules.upper, false));
}

fn is_less(a: &str, b: &str) -> bool {
    match (a.parse::<i128>(), b.parse::<i128>()) {
        (Ok(a), Ok(b)) => a < b,
        _ => a.parse::<f64>().ok() < b.parse::<f64>().ok(),
    }
}
