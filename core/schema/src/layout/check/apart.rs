//! By what records are told from one another: conditions that two kinds of record satisfy, and those that none does.

use std::collections::{HashMap, HashSet};

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    MAX_FINDINGS,
    excluded::{Seen, exclude, is_plain, seen},
};
use crate::layout::{
    Characters, ItemContent, Layout, Matches, NodeId, Order, Reference, Rule, Start, Test,
    read::{Spans, TestSpan},
};

/// So many pairs of records are compared: a layout with more of them at one place is made by a program.
const MAX_PAIRS: usize = 1 << 18;

/// Records of which one can be taken for another that may stand at the same place.
pub(super) fn check(layout: &Layout, spans: &[Spans], findings: &mut Vec<Diagnostic>) {
    let (mut pairs, mut told) = (0, HashSet::new());
    for (id, node) in layout.nodes() {
        // A record that stands there so often and no other way is known by its place.
        let siblings_order = order_around(layout, id);
        if siblings_order == Order::Declared && node.occurs.max == Some(node.occurs.min) {
            continue;
        }
        let Some((mine, a)) = first(layout, id) else { continue };
        for rival in rivals(layout, id) {
            pairs += 1;
            if pairs > MAX_PAIRS || told.len() >= MAX_FINDINGS {
                return;
            }
            let Some((theirs, b)) = first(layout, rival) else { continue };
            if a == b || told.contains(&(a, b)) {
                continue;
            }
            if let Some(finding) = ambiguous(layout, (mine, a), (theirs, b), spans) {
                told.insert((a, b));
                findings.push(finding);
            }
        }
    }
}

/// How what is around a node is ordered.
fn order_around(layout: &Layout, id: NodeId) -> Order {
    layout.node(id).parent.map_or(layout.order, |parent| layout.node(parent).order)
}

/// What may stand where one more of a node may, and is tried after it.
fn rivals(layout: &Layout, id: NodeId) -> Vec<NodeId> {
    let mut rivals = Vec::new();
    let mut id = id;
    loop {
        let parent = layout.node(id).parent;
        let siblings = parent.map_or(&layout.top, |parent| &layout.node(parent).children);
        let at = siblings.iter().position(|sibling| *sibling == id).unwrap_or(siblings.len());
        let order = order_around(layout, id);
        for sibling in siblings.iter().skip(at + 1) {
            rivals.push(*sibling);
            if order == Order::Declared && layout.node(*sibling).occurs.min > 0 {
                return rivals;
            }
        }
        let Some(parent) = parent else { return rivals };
        if layout.node(parent).occurs.max != Some(1) {
            rivals.push(parent);
        }
        id = parent;
        if rivals.len() > MAX_PAIRS {
            return rivals;
        }
    }
}

/// The record with which a node begins, and its rule.
fn first(layout: &Layout, id: NodeId) -> Option<(Option<&Rule>, NodeId)> {
    let mut id = id;
    loop {
        let node = layout.node(id);
        if node.shape.is_some() {
            return Some((node.when.as_ref(), id));
        }
        id = *node.children.first()?;
    }
}

/// A finding where the first of two records takes what may be the second.
fn ambiguous(
    layout: &Layout,
    (mine, a): (Option<&Rule>, NodeId),
    (theirs, b): (Option<&Rule>, NodeId),
    spans: &[Spans],
) -> Option<Diagnostic> {
    let (a_spans, b_spans) = (spans.get(a.0 as usize)?, spans.get(b.0 as usize)?);
    let (a_name, b_name) = (layout.path(a), layout.path(b));
    let Some(mine) = mine else {
        let message = format!("nothing tells `{a_name}` from `{b_name}`, which is never found therefore");
        return Some(
            Diagnostic::warning(Code::LAYOUT_AMBIGUOUS, message)
                .at(a_spans.node, "any record is one of these")
                .at(b_spans.node, "so that none is one of these")
                .help(format!("give `{a_name}` a `when:`, or write it behind `{b_name}` with `order: any`")),
        );
    };
    // What is told apart stands before what is everything else: the order decides.
    let theirs = theirs?;
    let (mine_seen, theirs_seen) = (seen(layout, a, mine), seen(layout, b, theirs));
    for (index, one) in mine_seen.iter().enumerate() {
        for (other_index, other) in theirs_seen.iter().enumerate() {
            if !is_plain(one) || !is_plain(other) || exclude(one, other) {
                continue;
            }
            let place = |spans: &Spans, index: usize| {
                spans.rule(&[]).and_then(|rule| rule.get(index)).and_then(|tests| whole(tests))
            };
            let message =
                format!("a record can be `{a_name}` and `{b_name}` at once: {}", witness(one, other));
            return Some(
                Diagnostic::warning(Code::LAYOUT_AMBIGUOUS, message)
                    .at(place(b_spans, other_index).unwrap_or(b_spans.node), "")
                    .at(place(a_spans, index).unwrap_or(a_spans.node), "the other, which is tried first")
                    .help("say more in one `when:`, so that no record is both"),
            );
        }
    }
    None
}

/// All tests of an alternative.
fn whole(tests: &[TestSpan]) -> Option<Span> {
    let first = tests.first()?;
    let all = tests.iter().flat_map(|test| test.texts.iter().chain([&test.key]));
    let end = all.filter(|span| span.source == first.key.source).map(|span| span.end).max()?;
    Some(Span { end, ..first.key })
}

/// A record that is both.
fn witness(one: &[Seen<'_>], other: &[Seen<'_>]) -> String {
    let mut words: Vec<String> = Vec::new();
    for test in one.iter().chain(other) {
        let word = match test {
            Seen::Columns { from, to, matches } => {
                let columns = match to {
                    Some(to) if to - from == 1 => format!("in column {to}"),
                    Some(to) => format!("in columns {}-{to}", from + 1),
                    None => format!("from column {}", from + 1),
                };
                format!("{} {columns}", expected(matches))
            }
            Seen::Length(from, to) if from == to => format!("{from} bytes"),
            Seen::Length(from, to) => format!("{from} to {to} bytes"),
            Seen::Field { .. } | Seen::Opaque => continue,
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    match words.as_slice() {
        [] => "any is".to_owned(),
        [one] => format!("one with {one}"),
        [before @ .., last] => format!("one with {} and {last}", before.join(", ")),
    }
}

fn expected(matches: &Matches) -> String {
    match matches {
        Matches::Literals(texts) => {
            let shown: Vec<String> = texts.iter().take(4).map(|text| format!("`{text}`")).collect();
            let more = if texts.len() > 4 { " or others" } else { "" };
            format!("{}{more}", shown.join(" or "))
        }
        Matches::Range(from, to) => format!("`{from}` to `{to}`"),
        Matches::Pattern(pattern) => format!("/{pattern}/"),
        Matches::Characters(characters) => match characters {
            Characters::Alphabetic => "letters".to_owned(),
            Characters::Digits => "digits".to_owned(),
            Characters::Alphanumeric => "letters or digits".to_owned(),
            Characters::Printable => "what can be printed".to_owned(),
            Characters::Listed(listed) => format!("characters of `{listed}`"),
        },
        Matches::Blank => "blanks".to_owned(),
        Matches::Not(inner) => format!("anything but {}", expected(inner)),
    }
}

/// Variants of one record that are chosen by the same text.
pub(super) fn variants(layout: &Layout, id: NodeId, spans: &Spans, findings: &mut Vec<Diagnostic>) {
    let Some(shape) = &layout.node(id).shape else { return };
    super::each(&shape.items, &mut Vec::new(), &mut |path, item| {
        if !item.items().is_empty() {
            among(item.items(), path, spans, findings);
        }
    });
    among(&shape.items, &[], spans, findings);
}

fn among(items: &[crate::layout::Item], around: &[u32], spans: &Spans, findings: &mut Vec<Diagnostic>) {
    let mut known: HashMap<(&[u32], NodeId, &str), (usize, Span)> = HashMap::new();
    let mut told = 0;
    for (index, item) in items.iter().enumerate() {
        let is_variant =
            item.variant || item.start == Start::At(0) && matches!(item.content, ItemContent::Group(..));
        let tests = item.when.iter().flat_map(|rule| rule.any.iter().enumerate());
        for (alternative, tests) in tests.filter(|_| is_variant) {
            let [Test::Value(Reference { record, item: of }, Matches::Literals(texts))] = tests.as_slice()
            else {
                continue;
            };
            let mut path = around.to_vec();
            path.push(index as u32);
            let places = spans.rule(&path).and_then(|rule| rule.get(alternative)?.first());
            for (at, text) in texts.iter().enumerate() {
                let place = places.and_then(|test| test.texts.get(at)).copied();
                let place = place.unwrap_or_else(|| spans.item(&path));
                let before = known.insert((of.as_slice(), *record, &**text), (index, place));
                let Some((other, other_place)) = before else { continue };
                told += 1;
                if told > MAX_FINDINGS {
                    return;
                }
                let message = match other == index {
                    true => format!("the variant `{}` has `{text}` twice", item.name),
                    false => {
                        format!("`{text}` is both the variant `{}` and `{}`", items[other].name, item.name)
                    }
                };
                let finding = Diagnostic::warning(Code::LAYOUT_AMBIGUOUS, message);
                findings.push(finding.at(place, "").at(other_place, "the other"));
            }
        }
    }
}
