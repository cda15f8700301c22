//! By what records are told from one another: conditions that two kinds of record satisfy, and those that none does.

use std::collections::{HashMap, HashSet};

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    MAX_FINDINGS,
    excluded::{Seen, exclude, is_plain, seen},
    texts::{self, storage},
};
use crate::layout::{
    Characters, Form, Framing, ItemContent, Layout, Matches, NodeId, Order, Reference, Rule, Short, Start,
    Test,
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

/// Tests that no record can pass. `path` is the item whose condition it is, empty for the record's own.
pub(super) fn never(
    layout: &Layout,
    id: NodeId,
    rule: &Rule,
    spans: &Spans,
    path: &[u32],
    findings: &mut Vec<Diagnostic>,
) {
    let before = findings.len();
    for (index, tests) in rule.any.iter().enumerate() {
        for (at, test) in tests.iter().enumerate() {
            if findings.len() - before >= MAX_FINDINGS {
                return;
            }
            let place = spans.rule(path).and_then(|rule| rule.get(index)?.get(at));
            let place = Place { test: place, or: spans.item(path) };
            match test {
                Test::Columns { from, to: Some(to), matches } => {
                    beyond(layout, id, *to, &place, findings);
                    widths(layout, to - from, matches, &place, findings);
                }
                Test::Value(reference, matches) => value(layout, reference, matches, &place, findings),
                Test::Length(from, to) => length(layout, id, (*from, *to), &place, findings),
                _ => {}
            }
        }
    }
}

/// Where a test stands.
struct Place<'s> {
    test: Option<&'s TestSpan>,
    or: Span,
}

impl Place<'_> {
    fn key(&self) -> Span {
        self.test.map_or(self.or, |test| test.key)
    }

    fn text(&self, index: usize) -> Span {
        self.test.and_then(|test| test.texts.get(index)).copied().unwrap_or_else(|| self.key())
    }
}

/// Columns that no record has.
fn beyond(layout: &Layout, id: NodeId, to: u32, place: &Place<'_>, findings: &mut Vec<Diagnostic>) {
    let longest = layout.node(id).shape.as_ref().and_then(|shape| shape.length.1);
    let delimited = matches!(layout.file.framing, Framing::Delimited(_));
    let Some(longest) = longest.filter(|longest| to > *longest && !delimited) else { return };
    if layout.file.short == Short::Refuse {
        let message = format!("`{}` has {longest} bytes, and none in column {to}", layout.path(id));
        findings.push(Diagnostic::warning(Code::LAYOUT_NEVER, message).at(place.key(), ""));
    }
}

/// Texts that are longer or shorter than their columns.
fn widths(layout: &Layout, wide: u32, matches: &Matches, place: &Place<'_>, findings: &mut Vec<Diagnostic>) {
    if layout.file.encoding.width() != Some(1) || matches!(layout.file.framing, Framing::Delimited(_)) {
        return;
    }
    let columns = if wide == 1 { "1 column".to_owned() } else { format!("{wide} columns") };
    let mut tell = |index: usize, message: String, help: String| {
        findings.push(Diagnostic::error(Code::LAYOUT_NEVER, message).at(place.text(index), "").help(help));
    };
    match matches {
        Matches::Literals(texts) => {
            for (index, text) in texts.iter().enumerate() {
                let has = text.chars().count();
                if has as u64 == u64::from(wide) {
                    continue;
                }
                let message = format!("`{text}` never stands in {columns}: it has {}", characters(has));
                let help = match has < wide as usize {
                    _ if text.contains("..") => "a range is written without quotes, `10..20`",
                    _ if text.starts_with('/') => "a regular expression is written `{ matches: \"[0-9]+\" }`",
                    true => "write the blanks or zeros that stand there too, or fewer columns",
                    false => "write as many columns as the text has characters",
                };
                tell(index, message, help.to_owned());
            }
        }
        Matches::Range(from, to) => {
            let has = from.chars().count();
            if has as u64 != u64::from(wide) {
                let message =
                    format!("`{from}..{to}` never stands in {columns}: its ends have {}", characters(has));
                tell(0, message, "write as many columns as each end has characters".to_owned());
            } else if from > to {
                let message = format!("nothing is within `{from}..{to}`");
                tell(0, message, format!("write the lesser end first: `{to}..{from}`"));
            }
        }
        // What is not there is not, however long it would be.
        _ => {}
    }
}

fn characters(count: usize) -> String {
    if count == 1 { "1 character".to_owned() } else { format!("{count} characters") }
}

/// Texts that a field can never be.
fn value(
    layout: &Layout,
    reference: &Reference,
    matches: &Matches,
    place: &Place<'_>,
    findings: &mut Vec<Diagnostic>,
) {
    let Matches::Literals(texts) = matches else { return };
    let shape = layout.node(reference.record).shape.as_ref();
    let Some(item) = shape.and_then(|shape| shape.at(&reference.item)) else { return };
    let Some(storage) = storage(&item.content) else { return };
    for (index, text) in texts.iter().enumerate() {
        let never = |why: String| {
            let message = format!("`{}` is never `{text}`: {why}", item.name);
            Diagnostic::error(Code::LAYOUT_NEVER, message).at(place.text(index), "")
        };
        if let Some(why) = texts::misfit(storage, item.extent, text) {
            findings.push(never(why));
            continue;
        }
        if let Form::Text(form) = &storage.form
            && form.trim.right
            && text.ends_with(form.pad)
            && !text.trim_end_matches(form.pad).is_empty()
        {
            let bare = text.trim_end_matches(form.pad);
            let finding = never("values have no padding".to_owned());
            findings.push(finding.help(format!("write `{bare}`")));
            continue;
        }
        let values = super::values::listed(layout, reference.record, &reference.item);
        if let Some(values) = values
            && !values.is_empty()
            && !values.contains(&&**text)
        {
            let finding = never("it is none of its `values`".to_owned());
            findings.push(finding.did_you_mean(text, values));
        }
    }
}

/// Lengths that no record has.
fn length(
    layout: &Layout,
    id: NodeId,
    (from, to): (u32, u32),
    place: &Place<'_>,
    findings: &mut Vec<Diagnostic>,
) {
    let file = &layout.file;
    let message = match (&file.framing, layout.node(id).shape.as_ref()) {
        (Framing::Fixed { length, .. }, _) => {
            let data = length.saturating_sub(file.record_margins.0.saturating_add(file.record_margins.1));
            if (from..=to).contains(&data) {
                return;
            }
            format!("every record has {data} bytes")
        }
        (Framing::Lines { length: None, .. } | Framing::Prefixed(_) | Framing::Blocked(..), Some(shape))
            if to < shape.length.0 && file.short == Short::Refuse =>
        {
            format!("the fields of `{}` need {} bytes", layout.path(id), shape.length.0)
        }
        _ => return,
    };
    findings.push(Diagnostic::warning(Code::LAYOUT_NEVER, message).at(place.text(0), ""));
}
