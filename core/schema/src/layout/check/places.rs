//! Where fields lie: bytes that two of them share, bytes that none has, fields beyond the record's end.

use portolan_diagnostics::{Code, Diagnostic};

use super::MAX_FINDINGS;
use crate::layout::{Extent, Framing, Item, Layout, Node, Start, Times, read::Spans};

/// Checks the places of a record's fields; `whole`: all of them could be read.
pub(super) fn check(
    layout: &Layout,
    node: &Node,
    spans: &Spans,
    whole: bool,
    findings: &mut Vec<Diagnostic>,
) {
    let Some(shape) = &node.shape else { return };
    // Delimited values have an order and no places.
    if matches!(layout.file.framing, Framing::Delimited(_)) {
        return;
    }
    overlaps(&shape.items, &mut Vec::new(), 0, spans, findings);
    if whole {
        gaps(node, spans, findings);
    }
    length(layout, node, spans, findings);
}

/// What to call an item.
fn name(item: &Item) -> String {
    match item.name.is_empty() {
        true => "a filler".to_owned(),
        false => format!("`{}`", item.name),
    }
}

/// `12`, or `4-13`: bytes from 0, of which `to` is the first behind, as specifications count them.
fn columns(from: u32, to: u32) -> String {
    match to.saturating_sub(from) {
        0 | 1 => format!("{}", from.saturating_add(1)),
        _ => format!("{}-{to}", from.saturating_add(1)),
    }
}

/// The same with the word before it.
fn in_columns(from: u32, to: u32) -> String {
    let word = if to.saturating_sub(from) <= 1 { "column" } else { "columns" };
    format!("{word} {}", columns(from, to))
}

/// Items of one group that share bytes and do not say so. `base` is where the group begins.
fn overlaps(items: &[Item], path: &mut Vec<u32>, base: u32, spans: &Spans, findings: &mut Vec<Diagnostic>) {
    let mut taken: Vec<(u32, u32, usize)> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let start = if let Start::At(from) = item.start { from } else { 0 };
        path.push(index as u32);
        overlaps(item.items(), path, base.saturating_add(start), spans, findings);
        path.pop();
        // What is there only sometimes shares its bytes with what is there at other times.
        if item.when.is_some() || item.redefines() {
            continue;
        }
        if let (Start::At(from), Some(length)) = (item.start, length_of(item)) {
            taken.push((from, from.saturating_add(length), index));
        }
    }
    taken.sort_unstable();
    let place = |index: usize| {
        let mut path = path.clone();
        path.push(index as u32);
        spans.item(&path)
    };
    let mut furthest: Option<(u32, usize)> = None;
    let mut told = 0;
    for (from, to, index) in taken {
        if let Some((end, other)) = furthest.filter(|(end, _)| from < *end) {
            let shared = in_columns(base.saturating_add(from), base.saturating_add(end.min(to)));
            // The one that is written later is the one that is wrong.
            let (first, second) = (index.min(other), index.max(other));
            let message = format!("{} and {} share {shared}", name(&items[first]), name(&items[second]));
            let finding = Diagnostic::error(Code::LAYOUT_OVERLAP, message)
                .at(place(second), "")
                .at(place(first), "the other");
            told += 1;
            if told <= MAX_FINDINGS {
                findings.push(
                    finding
                        .help("correct the columns, or write `redefines:` where both are meant to be read"),
                );
            }
        }
        if furthest.is_none_or(|(end, _)| to > end) {
            furthest = Some((to, index));
        }
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
fn gaps(node: &Node, spans: &Spans, findings: &mut Vec<Diagnostic>) {
    let Some(shape) = &node.shape else { return };
    let mut taken: Vec<(u32, u32)> = Vec::new();
    for item in &shape.items {
        match item.start {
            Start::At(0) if item.when.is_some() && !item.items().is_empty() => {
                // A variant: its own items say what it covers.
                for inner in item.items() {
                    match (inner.start, length_of(inner)) {
                        (Start::At(from), Some(length)) => taken.push((from, from.saturating_add(length))),
                        (Start::Like(_), _) => {}
                        _ => return,
                    }
                }
            }
            Start::At(from) => match length_of(item) {
                Some(length) => taken.push((from, from.saturating_add(length))),
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
    let mut listed: Vec<String> =
        missing.iter().take(MAX_FINDINGS).map(|(from, to)| columns(*from, *to)).collect();
    if missing.len() > MAX_FINDINGS {
        listed.push("...".to_owned());
    }
    let word =
        if matches!(missing.as_slice(), [(from, to)] if to - from == 1) { "column" } else { "columns" };
    let message = format!("`{}` says nothing of {word} {}", node.name, listed.join(", "));
    let finding = Diagnostic::note(Code::LAYOUT_GAP, message).at(spans.node, "");
    findings.push(finding.help(
        "what stands there is passed over and written as blanks: declare it as a field, or with `filler: true`",
    ));
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
    let room = framed.saturating_sub(head.saturating_add(tail));
    for (index, item) in shape.items.iter().enumerate().take(usize::from(u16::MAX)) {
        let reaches = match (item.start, length_of(item)) {
            (Start::At(from), Some(length)) => from.saturating_add(length),
            _ => continue,
        };
        if reaches > room {
            let path = [index as u32];
            let message =
                format!("{} reaches to column {reaches}, and a record has {room} bytes", name(item));
            let span = if item.items().is_empty() { spans.key(&path, "columns") } else { spans.item(&path) };
            let finding = Diagnostic::error(Code::LAYOUT_LENGTH, message).at(span, "");
            findings.push(finding.help("correct the columns, or `record-length` under `file:`"));
            // The others reach no less far for the same reason.
            return;
        }
    }
}
