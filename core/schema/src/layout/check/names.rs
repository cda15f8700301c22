//! Names that mean two things: mappings and conditions would reach only one of them.

use std::collections::HashMap;

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{MAX_FINDINGS, each};
use crate::layout::{Layout, read::Spans};

/// Fields and records within one record (or group) have names of their own; a hyphen is an underscore.
pub(super) fn check(layout: &Layout, spans: &[Spans], findings: &mut Vec<Diagnostic>) {
    for (id, node) in layout.nodes() {
        let (Some(shape), Some(places)) = (&node.shape, spans.get(id.0 as usize)) else { continue };
        let mut told = 0;
        let mut known: HashMap<(Vec<u32>, &str), Span> = HashMap::new();
        let mut clash = |around: &[u32], name: &str, at: Span, known: Option<Span>| {
            let Some(known) = known else { return };
            told += 1;
            if told <= MAX_FINDINGS {
                let what = if around.is_empty() { "record" } else { "group" };
                let message = format!("the {what} has two things named `{name}`");
                let finding =
                    Diagnostic::error(Code::LAYOUT_INVALID, message).at(at, "").at(known, "the other");
                findings.push(finding.help("names differ in more than hyphens and underscores"));
            }
        };
        each(&shape.items, &mut Vec::new(), &mut |path, item| {
            if item.field.is_none() || !places.declares(path) {
                return;
            }
            let around = path[..path.len().saturating_sub(1)].to_vec();
            let at = places.item(path);
            let before = known.insert((around.clone(), &item.name), at);
            clash(&around, &item.name, at, before);
        });
        for child in &node.children {
            let name = layout.node(*child).name.as_str();
            let Some(at) = spans.get(child.0 as usize).map(|spans| spans.node) else { continue };
            let before = known.insert((Vec::new(), name), at);
            clash(&[], name, at, before);
        }
    }
}
