//! Keys whose values are words, and what the words mean.

use portolan_diagnostics::Diagnostic;
use portolan_syntax::{
    keys::{bad, boolean, text},
    yaml::{Entry, Node, NodeKind},
};

use crate::layout::{
    ByteOrder, Compression, Encoding, FloatStandard, Invalid, Long, Null, Order, Overpunch, Short, Side,
    Trim, UnknownRecords, Verify,
};

pub(super) const ORDER: &[(&str, Order)] = &[("written", Order::Declared), ("any", Order::Any)];
pub(super) const UNKNOWN: &[(&str, UnknownRecords)] =
    &[("refuse", UnknownRecords::Refuse), ("skip", UnknownRecords::Skip)];
pub(super) const VERIFY: &[(&str, Verify)] = &[("refuse", Verify::Refuse), ("warn", Verify::Warn)];
pub(super) const INVALID: &[(&str, Invalid)] = &[("refuse", Invalid::Refuse), ("null", Invalid::Null)];
pub(super) const TRIM: &[(&str, Trim)] = &[
    ("none", Trim { left: false, right: false }),
    ("left", Trim { left: true, right: false }),
    ("right", Trim { left: false, right: true }),
    ("both", Trim { left: true, right: true }),
];
pub(super) const BYTE_ORDER: &[(&str, ByteOrder)] = &[("big", ByteOrder::Big), ("little", ByteOrder::Little)];
pub(super) const FLOAT: &[(&str, FloatStandard)] =
    &[("ieee", FloatStandard::Ieee), ("ibm", FloatStandard::Ibm)];
pub(super) const OVERPUNCH: &[(&str, Overpunch)] =
    &[("ebcdic", Overpunch::Ebcdic), ("ascii", Overpunch::Ascii), ("translated", Overpunch::Translated)];
pub(super) const SHORT: &[(&str, Short)] =
    &[("refuse", Short::Refuse), ("pad", Short::Pad), ("null", Short::Null)];
pub(super) const LONG: &[(&str, Long)] = &[("refuse", Long::Refuse), ("truncate", Long::Truncate)];
pub(super) const BLANK_LINES: &[(&str, bool)] = &[("refuse", false), ("skip", true)];
pub(super) const COMPRESSION: &[(&str, Compression)] = &[
    ("detect", Compression::Detect),
    ("none", Compression::None),
    ("gzip", Compression::Gzip),
    ("zip", Compression::Zip),
];
pub(super) const SIDE: &[(&str, Side)] = &[("left", Side::Left), ("right", Side::Right)];

/// The meaning of a word; a finding where it is none of those.
pub(super) fn word<T: Copy>(entry: &Entry, known: &[(&str, T)], findings: &mut Vec<Diagnostic>) -> Option<T> {
    let word = text(entry, findings)?;
    let found = known.iter().find(|(name, _)| *name == word.value);
    if found.is_none() {
        let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
        let message = format!("`{}` is {}, not `{}`", entry.key, listed(&names), word.value);
        findings.push(bad(word.span, message).did_you_mean(&word.value, known.iter().map(|(name, _)| *name)));
    }
    found.map(|(_, meaning)| *meaning)
}

/// `a`, `b` or `c`.
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} or {last}", before.join(", ")),
    }
}

/// `1 byte`, `9 bytes`.
pub(super) fn bytes(count: u32) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") }
}

/// A whole number within bounds.
pub(super) fn whole(entry: &Entry, least: i64, most: i64, findings: &mut Vec<Diagnostic>) -> Option<i64> {
    let value = text(entry, findings)?;
    match value.value.parse::<i64>() {
        Ok(number) if (least..=most).contains(&number) => Some(number),
        _ => {
            let message = format!("`{}` is a whole number from {least} to {most}", entry.key);
            findings.push(bad(value.span, message));
            None
        }
    }
}

/// The same for lengths and places.
pub(super) fn length(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<u32> {
    whole(entry, 1, 1 << 24, findings).map(|length| length as u32)
}

/// `true` or `false`, where nothing is `false`.
pub(super) fn flag(entry: Option<&Entry>, findings: &mut Vec<Diagnostic>) -> bool {
    entry.and_then(|entry| boolean(entry, findings)).unwrap_or(false)
}

/// One character.
pub(super) fn character(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<char> {
    let Some(scalar) = entry.value.scalar() else {
        findings.push(bad(entry.value.span, format!("`{}` is one character", entry.key)));
        return None;
    };
    let mut characters = scalar.text.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) => Some(one),
        _ => {
            findings.push(bad(entry.value.span, format!("`{}` is one character, in quotes", entry.key)));
            None
        }
    }
}

/// An encoding.
pub(super) fn encoding(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<Encoding> {
    let name = text(entry, findings)?;
    let found = Encoding::find(&name.value);
    if found.is_none() {
        let finding = bad(name.span, format!("there is no encoding `{}`", name.value));
        findings.push(finding.did_you_mean(&name.value, Encoding::names()));
    }
    found
}

/// What stands for no value: a word or a text in quotes, or a list of such.
pub(super) fn nulls(node: &Node, findings: &mut Vec<Diagnostic>) -> Vec<Null> {
    let one = |node: &Node, findings: &mut Vec<Diagnostic>| {
        let Some(scalar) = node.scalar() else {
            findings.push(bad(node.span, "what stands for no value is a word, or a text in quotes"));
            return None;
        };
        Some(match (scalar.plain, scalar.text.as_str()) {
            (true, "blank" | "blanks" | "spaces") => Null::Blanks,
            (true, "zeros" | "zero") => Null::Zeros,
            (true, "nines") => Null::Nines,
            (true, "low-values") => Null::LowValues,
            (true, "high-values") => Null::HighValues,
            (true, word) => {
                let known = ["blanks", "zeros", "nines", "low-values", "high-values"];
                let finding = bad(node.span, format!("`{word}` is no word for what stands for no value"));
                let finding = finding.did_you_mean(word, known);
                findings.push(finding.help("put a text in quotes: `null: \"00000000\"`"));
                return None;
            }
            (false, text) => Null::Text(text.to_owned()),
        })
    };
    match &node.kind {
        NodeKind::Sequence(items) => items.iter().filter_map(|item| one(item, findings)).collect(),
        _ => one(node, findings).into_iter().collect(),
    }
}
