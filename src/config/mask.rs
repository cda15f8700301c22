//! What a configuration shows of itself in findings: all of it but its secrets. A mask tells nothing of what it stands for,
//! not even its length; so the places of what follows on its line move, and every span is moved along.

use std::ops::Range;

use portolan_diagnostics::{Diagnostic, Span};
use portolan_mapping::{
    credentials::speak_of_a_secret,
    yaml::{Node, NodeKind},
};

const MASK: &str = "********";

/// A text whose secrets are masked.
pub(super) struct Masked {
    /// The text.
    pub(super) text: String,
    /// What was replaced, in order.
    hidden: Vec<Range<usize>>,
}

impl Masked {
    /// Masks the literal secrets of a text. One that is not well-formed has no tree that tells which they are: then every
    /// line that speaks of a secret is masked after its first colon, and so is what stands deeper below it.
    pub(super) fn new(text: &str, documents: &[Node], broken: bool) -> Self {
        let mut found = Vec::new();
        for document in documents {
            walk(text, document, false, &mut found);
        }
        if broken {
            telling_lines(text, &mut found);
        }
        let mut hidden: Vec<Range<usize>> = Vec::new();
        let mut found: Vec<_> = found.into_iter().flat_map(|range| in_lines(text, range)).collect();
        found.sort_by_key(|range| (range.start, range.end));
        for range in found {
            match hidden.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => hidden.push(range),
            }
        }
        let (mut out, mut from) = (String::with_capacity(text.len()), 0);
        for range in &hidden {
            out.push_str(&text[from..range.start]);
            out.push_str(MASK);
            from = range.end;
        }
        out.push_str(&text[from..]);
        Self { text: out, hidden }
    }

    /// Moves the places of a tree and of findings from the text as it was written to the masked one.
    pub(super) fn move_places(&self, documents: &mut [Node], findings: &mut [Diagnostic]) {
        documents.iter_mut().for_each(|document| self.move_node(document));
        for label in findings.iter_mut().flat_map(|finding| &mut finding.labels) {
            self.move_span(&mut label.span);
        }
    }

    fn move_node(&self, node: &mut Node) {
        self.move_span(&mut node.span);
        match &mut node.kind {
            NodeKind::Scalar(scalar) => scalar.verbatim = scalar.verbatim.map(|at| self.moved(at)),
            NodeKind::Sequence(items) => items.iter_mut().for_each(|item| self.move_node(item)),
            NodeKind::Mapping(entries) => {
                for entry in entries {
                    self.move_span(&mut entry.key_span);
                    self.move_node(&mut entry.value);
                }
            }
            NodeKind::Broken => {}
        }
    }

    fn move_span(&self, span: &mut Span) {
        (span.start, span.end) = (self.moved(span.start), self.moved(span.end));
    }

    /// Where an offset is in the masked text; one within a secret is at its mask.
    fn moved(&self, offset: u32) -> u32 {
        let at = offset as usize;
        let (mut before, mut masks) = (0, 0);
        for range in self.hidden.iter().take_while(|range| range.start < at) {
            if at < range.end {
                let start = range.start - before + masks;
                return u32::try_from(start).unwrap_or(u32::MAX);
            }
            before += range.len();
            masks += MASK.len();
        }
        u32::try_from(at - before + masks).unwrap_or(u32::MAX)
    }
}

/// A range without its line ends and the blanks about them.
fn in_lines(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let Some(whole) = text.get(range.clone()) else { return Vec::new() };
    let mut start = range.start;
    let mut lines = Vec::new();
    for line in whole.split_inclusive('\n') {
        let kept = line.trim();
        if !kept.is_empty() {
            let indent = line.len() - line.trim_start().len();
            lines.push(start + indent..start + indent + kept.len());
        }
        start += line.len();
    }
    lines
}

/// Lines that speak of a secret, where no tree tells.
fn telling_lines(text: &str, hidden: &mut Vec<Range<usize>>) {
    const TELLING: [&str; 5] = ["header", "metadata", "key", "@", "://"];
    let (mut start, mut below) = (0, None);
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let deeper = below.is_some_and(|limit| indent > limit);
        if deeper && !line.trim().is_empty() {
            hidden.push(start..start + line.len());
        } else if !line.trim().is_empty() {
            below = None;
            let lower = line.to_ascii_lowercase();
            if speaks_of_a_secret(&lower) || TELLING.iter().any(|word| lower.contains(word)) {
                let colon = line.find(':').map_or(0, |colon| colon + 1);
                hidden.push(start + colon..start + line.len());
                below = Some(indent);
            }
        }
        start += line.len();
    }
}

/// Collects the places of values that must not be shown.
fn walk(text: &str, node: &Node, secret: bool, hidden: &mut Vec<Range<usize>>) {
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            let span = node.span.start as usize..node.span.end as usize;
            // A reference shows only where the secret is, and findings about it need to be read.
            let reference = scalar.text.starts_with("${")
                && scalar.text.ends_with('}')
                && scalar.text.matches('}').count() == 1;
            let url = scalar.text.split_once("://").map(|(_, rest)| rest);
            if (secret && !reference) || url.is_some_and(|rest| rest.contains('@')) {
                hidden.push(span);
            } else if url.is_some_and(|rest| rest.contains('?'))
                && let Some(query) = text.get(span.clone()).and_then(|written| written.find('?'))
            {
                hidden.push(span.start + query + 1..span.end);
            }
        }
        NodeKind::Sequence(items) => items.iter().for_each(|item| walk(text, item, secret, hidden)),
        NodeKind::Mapping(entries) => {
            for entry in entries {
                walk(text, &entry.value, secret || tells_a_secret(&entry.key), hidden);
            }
        }
        NodeKind::Broken => {}
    }
}

/// Whether a key's value is a secret; also where the key is misspelt, since it is then that it would be shown.
fn tells_a_secret(key: &str) -> bool {
    const SECRET: [&str; 4] = ["password", "headers", "metadata", "username"];
    // `header` is another key, of rules that are no more secret than a mapping.
    key != "header" && (speaks_of_a_secret(key) || portolan_diagnostics::nearest(key, SECRET).is_some())
}

/// Whether a name is that of a credential: of a key, or of a header.
pub(crate) fn speaks_of_a_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase().replace(['-', '_', '.'], "");
    speak_of_a_secret(name) || lower.contains("username") || lower.contains("cookie")
}

#[cfg(test)]
mod tests {
    use portolan_diagnostics::Sources;

    use super::*;

    #[test]
    fn masks_tell_nothing_and_places_move_along() {
        let check = |text: &str, expected: &str, place: &str| {
            let mut findings = Vec::new();
            let source = Sources::default().add("c", text);
            let documents = portolan_mapping::yaml::read(source, text, &mut findings);
            let masked = Masked::new(text, &documents, !findings.is_empty());
            assert_eq!(masked.text, expected);
            let at = u32::try_from(text.find(place).unwrap()).unwrap();
            assert!(masked.text[masked.moved(at) as usize..].starts_with(place), "{place}");
        };
        check("a: { password: x, b: 1 }", "a: { password: ********, b: 1 }", "b: 1");
        check("a: { Pass_Word: 'x y z x y z x y z', b: 1 }", "a: { Pass_Word: ********, b: 1 }", "b: 1");
        check("username: me\nb: 1\n", "username: ********\nb: 1\n", "b: 1");
        check("e: https://h/p?key=x\nb: 1\n", "e: https://h/p?********\nb: 1\n", "b: 1");
        check("e: https://u:p@h/p\nb: 1\n", "e: ********\nb: 1\n", "b: 1");
        check(
            "headers: { x: '${env:A}', y: z }\nb: 1\n",
            "headers: { x: '${env:A}', y: ******** }\nb: 1\n",
            "b: 1",
        );
        check("metadata: { x: y }\nb: 1\n", "metadata: { x: ******** }\nb: 1\n", "b: 1");
        check("password: |\n  x\n  yy\nb: 1\n", "password: |\n  ********\n  ********\nb: 1\n", "b: 1");
        check("token:\n  x\nc: ]\n", "token:\n  ********\nc: ]\n", "c: ]");
    }
}
