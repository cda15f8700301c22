//! What cannot be right about a layout, found before any file is read.

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    Extent, Framing, Item, ItemContent, Layout, Matches, Node, NodeId, Order, Rule, Start, Test, Times,
    read::Spans,
};

/// Overlaps, gaps, discriminators that cannot tell records apart, lengths that disagree with the framing.
pub(super) fn check(layout: &Layout, spans: &[Spans], findings: &mut Vec<Diagnostic>) {
    for (id, node) in layout.nodes() {
        let Some(spans) = spans.get(id.0 as usize) else { continue };
        if let Some(shape) = &node.shape {
            overlaps(&shape.items, &mut Vec::new(), spans, findings);
            gaps(layout, node, spans, findings);
            length(layout, node, spans, findings);
        }
        ambiguous(layout, &node.children, node.order, spans.node, findings);
    }
    top(layout, spans, findings);
}

fn span_at(spans: &Spans, path: &[u32]) -> Span {
    spans.items.iter().find(|(known, _)| known == path).map_or(spans.node, |(_, span)| *span)
}

/// Items of one group that share bytes and do not say so.
fn overlaps(items: &[Item], path: &mut Vec<u32>, spans: &Spans, findings: &mut Vec<Diagnostic>) {
    let mut taken: Vec<(u32, u32, usize)> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        path.push(index as u32);
        overlaps(item.items(), path, spans, findings);
        path.pop();
        // What is there only sometimes shares its bytes with what is there at other times.
        if item.when.is_some() || item.redefines() {
            continue;
        }
        let (Start::At(from), Some(length)) = (item.start, length_of(item)) else { continue };
        let to = from.saturating_add(length);
        if let Some((_, _, other)) = taken.iter().find(|(a, b, _)| from < *b && *a < to) {
            let at = |index: usize, path: &mut Vec<u32>| {
                path.push(index as u32);
                let span = span_at(spans, path);
                path.pop();
                span
            };
            let name = |item: &Item| match item.name.is_empty() {
                true => "the filler".to_owned(),
                false => format!("`{}`", item.name),
            };
            let message = format!("{} and {} share bytes", name(&items[*other]), name(item));
            let finding = Diagnostic::error(Code::LAYOUT_OVERLAP, message)
                .at(at(index, path), "")
                .at(at(*other, path), "the other");
            findings.push(finding.help("write `redefines:` where that is meant, or correct the columns"));
        }
        taken.push((from, to, index));
    }
}

/// How many bytes all occurrences take at most.
fn length_of(item: &Item) -> Option<u32> {
    let Extent::Bytes(length) = item.extent else { return None };
    let times = match item.times {
        Times::Once => 1,
        Times::Fixed(times) => times,
        Times::Counted { most, .. } => most,
    };
    length.checked_mul(times)
}

/// Bytes of a record that no item names.
fn gaps(layout: &Layout, node: &Node, spans: &Spans, findings: &mut Vec<Diagnostic>) {
    let Some(shape) = &node.shape else { return };
    if matches!(layout.file.framing, Framing::Delimited(_)) {
        return;
    }
    let mut taken: Vec<(u32, u32)> = Vec::new();
    for item in &shape.items {
        match item.start {
            Start::At(0) if item.when.is_some() => {
                // A variant: its own items say what it covers.
                for inner in item.items() {
                    if let (Start::At(from), Some(length)) = (inner.start, length_of(inner)) {
                        taken.push((from, from + length));
                    } else {
                        return;
                    }
                }
            }
            Start::At(from) => match length_of(item) {
                Some(length) => taken.push((from, from + length)),
                None => return,
            },
            Start::Like(_) => {}
            Start::Next | Start::FromEnd(_) => return,
        }
    }
    taken.sort_unstable();
    let mut missing = Vec::new();
    let mut end = 0;
    for (from, to) in taken {
        if from > end {
            missing.push((end, from));
        }
        end = end.max(to);
    }
    if end < shape.length.0 {
        missing.push((end, shape.length.0));
    }
    if missing.is_empty() {
        return;
    }
    let columns: Vec<String> = missing
        .iter()
        .map(|(from, to)| match to - from {
            1 => format!("{to}"),
            _ => format!("{}-{to}", from + 1),
        })
        .collect();
    let message = format!("`{}` says nothing of columns {}", node.name, columns.join(", "));
    let finding = Diagnostic::note(Code::LAYOUT_GAP, message).at(spans.node, "");
    findings.push(
        finding.help(
            "they are read as fillers, and written blank; declare them as fields or with `filler: true`",
        ),
    );
}

/// Fields beyond the record's end.
fn length(layout: &Layout, node: &Node, spans: &Spans, findings: &mut Vec<Diagnostic>) {
    let framed = match &layout.file.framing {
        Framing::Fixed { length, .. } => Some(*length),
        Framing::Lines { length, .. } => *length,
        _ => None,
    };
    let (Some(framed), Some(shape)) = (framed, &node.shape) else { return };
    let (head, tail) = layout.file.record_margins;
    let room = framed.saturating_sub(head + tail);
    for (index, item) in shape.items.iter().enumerate() {
        let reaches = match (item.start, length_of(item)) {
            (Start::At(from), Some(length)) => from.saturating_add(length),
            _ => continue,
        };
        if reaches > room {
            let message = format!("it reaches to column {reaches}, and a record has {room} bytes");
            let span = span_at(spans, &[index as u32]);
            findings.push(Diagnostic::error(Code::LAYOUT_LENGTH, message).at(span, ""));
        }
    }
}

fn top(layout: &Layout, spans: &[Spans], findings: &mut Vec<Diagnostic>) {
    let at = |id: NodeId| spans.get(id.0 as usize).map(|spans| spans.node);
    let Some(first) = layout.top.first().and_then(|id| at(*id)) else { return };
    ambiguous(layout, &layout.top, layout.order, first, findings);
    for (id, node) in layout.nodes() {
        if let (Some(rule), Some(shape), Some(spans)) = (&node.when, &node.shape, spans.get(id.0 as usize)) {
            never(layout, rule, shape.length.1, spans.node, findings);
        }
    }
}

/// Records at one place of which one cannot be told from the other.
fn ambiguous(layout: &Layout, nodes: &[NodeId], order: Order, span: Span, findings: &mut Vec<Diagnostic>) {
    // Where records follow one another once each, their place tells them apart.
    let counted = |id: &NodeId| {
        let occurs = layout.node(*id).occurs;
        occurs.max == Some(occurs.min)
    };
    for (index, id) in nodes.iter().enumerate() {
        let Some((mine, _)) = first_rule(layout, *id) else { continue };
        for other in &nodes[index + 1..] {
            let Some((theirs, _)) = first_rule(layout, *other) else { continue };
            let Some(witness) = both(mine, theirs) else { continue };
            if order == Order::Declared && counted(id) && mine.is_none_or(|r| r.any.is_empty()) {
                continue;
            }
            if mine.is_none() && theirs.is_none() && order == Order::Declared && counted(id) {
                continue;
            }
            let message = format!(
                "a record can be `{}` and `{}` at once{witness}",
                layout.path(*id),
                layout.path(*other)
            );
            let finding = Diagnostic::warning(Code::LAYOUT_AMBIGUOUS, message).at(span, "");
            findings
                .push(finding.help("the first in the order of the layout is taken; tell more in `when:`"));
        }
    }
}

/// The rule of the record with which a node begins.
fn first_rule(layout: &Layout, id: NodeId) -> Option<(Option<&Rule>, NodeId)> {
    let mut id = id;
    loop {
        let node = layout.node(id);
        if node.shape.is_some() {
            return Some((node.when.as_ref(), id));
        }
        id = *node.children.first()?;
    }
}

/// How a record could satisfy both rules; `None` where it cannot, by what their columns say.
fn both(a: Option<&Rule>, b: Option<&Rule>) -> Option<String> {
    let (Some(a), Some(b)) = (a, b) else { return Some(String::new()) };
    a.any.iter().any(|a| b.any.iter().any(|b| !exclude(a, b))).then(String::new)
}

fn exclude(a: &[Test], b: &[Test]) -> bool {
    a.iter().any(|one| b.iter().any(|other| excludes(one, other)))
}

fn excludes(a: &Test, b: &Test) -> bool {
    match (a, b) {
        (
            Test::Columns { from: a, to: a_to, matches: Matches::Literals(these) },
            Test::Columns { from: b, to: b_to, matches: Matches::Literals(those) },
        ) => {
            let (Some(a_to), Some(b_to)) = (a_to, b_to) else { return false };
            let (from, to) = (*a.max(b), *a_to.min(b_to));
            if from >= to {
                return false;
            }
            let part = |text: &str, start: u32| {
                text.as_bytes().get((from - start) as usize..(to - start) as usize).map(<[u8]>::to_vec)
            };
            let those: Vec<_> = those.iter().map(|text| part(text, *b)).collect();
            these.iter().all(|text| {
                let one = part(text, *a);
                one.is_some() && those.iter().all(|other| other.is_some() && *other != one)
            })
        }
        (Test::Columns { .. }, Test::Columns { .. }) => match (a, b) {
            (
                Test::Columns { from, to, matches: Matches::Literals(texts) },
                Test::Columns { from: f2, to: t2, matches: Matches::Characters(characters) },
            )
            | (
                Test::Columns { from: f2, to: t2, matches: Matches::Characters(characters) },
                Test::Columns { from, to, matches: Matches::Literals(texts) },
            ) => {
                // What stands in the columns of both is not of the class.
                let (Some(to), Some(t2)) = (to, t2) else { return false };
                let (begin, end) = (*from.max(f2), *to.min(t2));
                begin < end
                    && texts.iter().all(|text| {
                        let shared = text.chars().skip((begin - from) as usize).take((end - begin) as usize);
                        shared.into_iter().any(|c| !of(characters, c))
                    })
            }
            _ => false,
        },
        (Test::Value(a, Matches::Literals(these)), Test::Value(b, Matches::Literals(those))) => {
            same(a, b) && these.iter().all(|text| !those.contains(text))
        }
        (Test::Value(a, Matches::Not(not)), Test::Value(b, Matches::Literals(those)))
        | (Test::Value(b, Matches::Literals(those)), Test::Value(a, Matches::Not(not))) => match &**not {
            Matches::Literals(these) => same(a, b) && those.iter().all(|text| these.contains(text)),
            _ => false,
        },
        (Test::Length(a, a_to), Test::Length(b, b_to)) => a_to < b || b_to < a,
        (Test::Number(a, a_to), Test::Number(b, b_to)) => a_to < b || b_to < a,
        _ => false,
    }
}

/// Whether two fields are the same one: of a record that both ask for, or each of its own at the same place.
fn same(a: &super::Reference, b: &super::Reference) -> bool {
    a.item == b.item
}

fn of(characters: &super::Characters, c: char) -> bool {
    match characters {
        super::Characters::Alphabetic => c.is_ascii_alphabetic() || c == ' ',
        super::Characters::Digits => c.is_ascii_digit(),
        super::Characters::Alphanumeric => c.is_ascii_alphanumeric() || c == ' ',
        super::Characters::Printable => c.is_ascii_graphic() || c == ' ',
        super::Characters::Listed(listed) => listed.contains(c),
    }
}

/// Tests that no record can pass.
fn never(layout: &Layout, rule: &Rule, longest: Option<u32>, span: Span, findings: &mut Vec<Diagnostic>) {
    for test in rule.any.iter().flatten() {
        let Test::Columns { from, to: Some(to), matches } = test else { continue };
        if longest.is_some_and(|longest| *to > longest) && layout.file.short == super::Short::Refuse {
            let message = format!("no record reaches to column {to}");
            findings.push(Diagnostic::warning(Code::LAYOUT_NEVER, message).at(span, ""));
        }
        if let Matches::Literals(texts) = matches {
            let wide = to - from;
            let one_byte = layout.file.encoding.width() == Some(1);
            for text in texts.iter().filter(|text| one_byte && text.chars().count() as u32 != wide) {
                let message = format!(
                    "{} characters are never found in {wide} {}",
                    text.chars().count(),
                    if wide == 1 { "column" } else { "columns" }
                );
                findings.push(Diagnostic::error(Code::LAYOUT_NEVER, message).at(span, ""));
            }
        }
    }
}

impl ItemContent {
    /// Whether it has no value.
    pub fn is_filler(&self) -> bool {
        matches!(self, Self::Filler(_))
    }
}
