//! `extends:` a layout is another one with keys of its own laid over it.

use std::collections::HashMap;

use portolan_diagnostics::{Code, Diagnostic, SourceId, Span};
use portolan_syntax::yaml::{self, Entry, Node, NodeKind};

use super::MAX_BYTES;
use crate::Reading;

/// The one document of a file, laid over what it extends.
pub(super) fn load(
    location: &str,
    from: Option<(&str, Span)>,
    reading: &mut Reading<'_>,
    findings: &mut Vec<Diagnostic>,
    depth: usize,
) -> Option<Node> {
    let (name, source, text) = file(location, from, reading, findings)?;
    let mut documents = yaml::read(source, &text, findings);
    if documents.len() != 1 {
        let message = "a layout file is one group of keys";
        if findings.is_empty() {
            findings.push(Diagnostic::error(Code::LAYOUT_INVALID, message).at(Span::new(source, 0..0), ""));
        }
        return None;
    }
    let node = documents.pop()?;
    let NodeKind::Mapping(entries) = &node.kind else { return Some(node) };
    let extends = entries.iter().find(|entry| entry.key == "extends");
    let Some((entry, base)) = extends.and_then(|e| Some((e, e.value.scalar()?.text.clone()))) else {
        return Some(node);
    };
    if depth == 0 {
        let finding =
            Diagnostic::error(Code::LAYOUT_INVALID, "layouts extend one another too often, or in a circle");
        findings.push(finding.at(entry.value.span, ""));
        return None;
    }
    let base = load(&base, Some((&name, entry.value.span)), reading, findings, depth - 1)?;
    Some(over(base, node))
}

/// A file's name, id and text.
pub(super) fn file(
    location: &str,
    from: Option<(&str, Span)>,
    reading: &mut Reading<'_>,
    findings: &mut Vec<Diagnostic>,
) -> Option<(String, SourceId, String)> {
    let unreadable = |message: String| {
        let finding = Diagnostic::error(Code::FILE_UNREADABLE, message);
        match from {
            Some((_, span)) => finding.at(span, ""),
            None => finding,
        }
    };
    let resolved = match reading.resolver.resolve(location, from.map(|(name, _)| name)) {
        Ok(resolved) => resolved,
        Err(error) => {
            findings.push(unreadable(error.to_string()));
            return None;
        }
    };
    if resolved.bytes.len() > MAX_BYTES {
        findings.push(unreadable(format!("`{}` is larger than {MAX_BYTES} bytes", resolved.name)));
        return None;
    }
    let Ok(text) = String::from_utf8(resolved.bytes) else {
        findings.push(unreadable(format!("`{}` is not UTF-8", resolved.name)));
        return None;
    };
    let source = reading.sources.add(resolved.name.as_str(), text.as_str());
    Some((resolved.name, source, text))
}

/// Keys of `upper` where it has any, at every level; `~` takes a key away. Its keys come after those that `lower` has already.
fn over(lower: Node, upper: Node) -> Node {
    let (NodeKind::Mapping(below), NodeKind::Mapping(above)) = (&lower.kind, &upper.kind) else {
        return upper;
    };
    let mut above: Vec<Option<Entry>> = above.iter().cloned().map(Some).collect();
    let places: HashMap<String, usize> =
        above.iter().flatten().enumerate().map(|(at, entry)| (entry.key.clone(), at)).collect();
    let mut entries: Vec<Entry> = Vec::with_capacity(below.len() + above.len());
    for entry in below {
        match places.get(&entry.key).and_then(|at| above[*at].take()) {
            Some(upper) if removes(&upper.value) => {}
            Some(upper) => entries.push(Entry { value: over(entry.value.clone(), upper.value), ..upper }),
            None => entries.push(entry.clone()),
        }
    }
    entries.extend(above.into_iter().flatten());
    Node { span: upper.span, kind: NodeKind::Mapping(entries) }
}

fn removes(node: &Node) -> bool {
    node.scalar().is_some_and(|scalar| scalar.plain && scalar.text.is_empty())
}
