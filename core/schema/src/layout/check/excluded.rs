//! Tests of conditions as far as columns decide them: which of them exclude one another, whatever the record.

use std::borrow::Cow;

use crate::layout::{
    Characters, Extent, Fill, Form, ItemContent, Layout, Matches, NodeId, Reference, Rule, Side, Sign, Start,
    Test, Times,
};

use super::texts::is_of;

/// A test, as far as it can be judged without a record.
#[derive(Debug, Clone)]
pub(super) enum Seen<'l> {
    /// Bytes, from 0; `to` is one past the last, `None` the record's end.
    Columns { from: u32, to: Option<u32>, matches: Cow<'l, Matches> },
    /// The record's length.
    Length(u32, u32),
    /// A field; `own` of the record itself.
    Field { reference: &'l Reference, own: bool, matches: &'l Matches },
    /// Anything else.
    Opaque,
}

/// The alternatives of a rule.
pub(super) fn seen<'l>(layout: &'l Layout, node: NodeId, rule: &'l Rule) -> Vec<Vec<Seen<'l>>> {
    rule.any.iter().map(|tests| tests.iter().map(|test| one(layout, node, test)).collect()).collect()
}

fn one<'l>(layout: &'l Layout, node: NodeId, test: &'l Test) -> Seen<'l> {
    match test {
        Test::Columns { from, to, matches } => {
            Seen::Columns { from: *from, to: *to, matches: Cow::Borrowed(matches) }
        }
        Test::Length(from, to) => Seen::Length(*from, *to),
        Test::Value(reference, matches) => {
            let own = reference.record == node;
            let columns = if own { columns_of(layout, reference, matches) } else { None };
            columns.unwrap_or(Seen::Field { reference, own, matches })
        }
        _ => Seen::Opaque,
    }
}

/// A test on a field of the record itself, as one on its columns.
fn columns_of<'l>(layout: &Layout, reference: &Reference, matches: &Matches) -> Option<Seen<'l>> {
    let Matches::Literals(texts) = matches else { return None };
    if layout.file.encoding.width() != Some(1) {
        return None;
    }
    let shape = layout.node(reference.record).shape.as_ref()?;
    let mut at = 0u32;
    let mut items = shape.items.as_slice();
    let (last, around) = reference.item.split_last()?;
    for index in around {
        let item = items.get(*index as usize)?;
        let Start::At(start) = item.start else { return None };
        if item.times != Times::Once {
            return None;
        }
        at = at.checked_add(start)?;
        items = item.items();
    }
    let item = items.get(*last as usize)?;
    let (Start::At(start), Extent::Bytes(length), Times::Once) = (item.start, item.extent, &item.times)
    else {
        return None;
    };
    at = at.checked_add(start)?;
    let ItemContent::Value(storage) = &item.content else { return None };
    // Longer texts are found wanting elsewhere.
    if length > 256 || texts.iter().any(|text| !text.is_ascii() || text.len() > length as usize) {
        return None;
    }
    let width = length as usize;
    let padded: Option<Vec<Box<str>>> = texts
        .iter()
        .map(|text| match &storage.form {
            Form::Text(form) if form.pad == ' ' && form.justified == Side::Left => {
                Some(format!("{text:<width$}").into())
            }
            Form::Zoned(form)
                if form.sign == Sign::Unsigned
                    && form.fill == Fill::Zero
                    && form.digits.scale == 0
                    && form.point.is_none()
                    && text.bytes().all(|b| b.is_ascii_digit()) =>
            {
                Some(format!("{text:0>width$}").into())
            }
            _ => None,
        })
        .collect();
    let matches = Cow::Owned(Matches::Literals(padded?));
    Some(Seen::Columns { from: at, to: Some(at.checked_add(length)?), matches })
}

/// Whether no record satisfies both alternatives.
pub(super) fn exclude(a: &[Seen<'_>], b: &[Seen<'_>]) -> bool {
    a.iter().any(|one| b.iter().any(|other| excludes(one, other)))
}

/// Whether an alternative is decided by columns and lengths alone.
pub(super) fn is_plain(tests: &[Seen<'_>]) -> bool {
    tests.iter().all(|test| match test {
        Seen::Columns { matches, .. } => !matches!(**matches, Matches::Pattern(_)),
        Seen::Length(..) => true,
        Seen::Field { .. } | Seen::Opaque => false,
    })
}

fn excludes(a: &Seen<'_>, b: &Seen<'_>) -> bool {
    match (a, b) {
        (
            Seen::Columns { from: a, to: a_to, matches: these },
            Seen::Columns { from: b, to: b_to, matches: those },
        ) => {
            let same = a == b && a_to == b_to;
            let (from, to) = (*a.max(b), (*a_to).zip(*b_to).map(|(a, b)| a.min(b)));
            if to.is_some_and(|to| from >= to) || to.is_none() && !same {
                return false;
            }
            let part = |text: &str, start: u32| part(text, from - start, to.map(|to| to - start));
            match (&**these, &**those) {
                (Matches::Literals(x), Matches::Literals(y)) => x.iter().all(|x| {
                    part(x, *a).is_some_and(|x| y.iter().all(|y| part(y, *b).is_some_and(|y| x != y)))
                }),
                (Matches::Literals(texts), other) => {
                    texts.iter().all(|text| refuses(other, same, text, part(text, *a).as_deref()))
                }
                (other, Matches::Literals(texts)) => {
                    texts.iter().all(|text| refuses(other, same, text, part(text, *b).as_deref()))
                }
                (Matches::Range(_, end), Matches::Range(begin, _)) if same && end < begin => true,
                (Matches::Range(begin, _), Matches::Range(_, end)) if same && end < begin => true,
                (Matches::Not(inner), other) | (other, Matches::Not(inner)) => same && **inner == *other,
                (x, y) => classes_exclude(x, y) || classes_exclude(y, x),
            }
        }
        (Seen::Length(a, a_to), Seen::Length(b, b_to)) => a_to < b || b_to < a,
        (
            Seen::Field { reference: a, own: a_own, matches: these },
            Seen::Field { reference: b, own: b_own, matches: those },
        ) => {
            let same = a.item == b.item && (a.record == b.record || *a_own && *b_own);
            match (these, those) {
                (Matches::Literals(these), Matches::Literals(those)) => {
                    same && these.iter().all(|text| !those.contains(text))
                }
                (Matches::Literals(texts), other) | (other, Matches::Literals(texts)) => {
                    same && texts.iter().all(|text| refuses(other, true, text, Some(text)))
                }
                (Matches::Not(inner), other) | (other, Matches::Not(inner)) => same && **inner == **other,
                _ => false,
            }
        }
        _ => false,
    }
}

/// Some characters of a text; `None` where it does not have them.
fn part(text: &str, from: u32, to: Option<u32>) -> Option<String> {
    let count = text.chars().count();
    let to = to.map_or(count, |to| to as usize);
    (to <= count).then(|| text.chars().take(to).skip(from as usize).collect())
}

/// Whether a literal, of which `part` stands in the columns of both, cannot be what the other expects.
fn refuses(other: &Matches, same: bool, text: &str, part: Option<&str>) -> bool {
    let Some(part) = part else { return false };
    match other {
        Matches::Characters(class) => part.chars().any(|c| !is_of(class, c)),
        Matches::Blank => part.chars().any(|c| c != ' '),
        Matches::Range(from, to) => same && (text < &**from || text > &**to),
        Matches::Pattern(pattern) => {
            same && regex::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|regex| !regex.is_match(text))
        }
        Matches::Not(inner) => same && accepts(inner, text),
        Matches::Literals(_) => false,
    }
}

/// Whether a text is what is expected.
fn accepts(matches: &Matches, text: &str) -> bool {
    match matches {
        Matches::Literals(texts) => texts.iter().any(|known| **known == *text),
        Matches::Range(from, to) => &**from <= text && text <= &**to,
        Matches::Characters(class) => !text.is_empty() && text.chars().all(|c| is_of(class, c)),
        Matches::Blank => text.chars().all(|c| c == ' '),
        Matches::Pattern(_) | Matches::Not(_) => false,
    }
}

/// Whether characters of one kind are none of the other.
fn classes_exclude(a: &Matches, b: &Matches) -> bool {
    match (a, b) {
        (Matches::Characters(Characters::Digits), Matches::Characters(Characters::Alphabetic)) => true,
        (Matches::Characters(Characters::Listed(listed)), Matches::Characters(class)) => {
            listed.chars().all(|c| !is_of(class, c))
        }
        (Matches::Characters(class), Matches::Blank) => !is_of(class, ' '),
        _ => false,
    }
}
