//! YAML as a tree in which every key and every value knows its place. Serde would have given values without the
//! keys' places and stopped at the first error; the event parser beneath it gives both.
//!
//! Anchors, aliases, merge keys and tags are refused: a mapping reuses rules by `maps:`, and without aliases a small
//! file cannot stand for a large one.

use std::{collections::HashMap, fmt};

use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle, options};
use portolan_diagnostics::{Code, Diagnostic, Edit, SourceId, Span};

/// How deep collections may nest, in block and in flow style each.
const DEPTH: usize = 48;

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// The whole value.
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// What a YAML value is.
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// Text, as written; what it means is for the reader of the key to say.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys with values, in the order of the file.
    Mapping(Vec<Entry>),
    /// Something that was already reported: readers pass over it.
    Broken,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// A scalar.
#[derive(Clone, PartialEq, Eq)]
pub struct Scalar {
    /// Its text, escapes resolved.
    pub text: String,
    /// Whether it stands without quotes, where YAML readers guess a type.
    pub plain: bool,
    /// Where the text begins in the file, if it stands there letter by letter.
    pub verbatim: Option<u32>,
    /// Whether the text came from where secrets are kept, and is not what stands in the file.
    pub hidden: bool,
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.hidden { "********" } else { &self.text };
        f.debug_struct("Scalar").field("text", &text).field("plain", &self.plain).finish_non_exhaustive()
    }
}

impl Node {
    /// The scalar, if it is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// What to call it in a message.
    pub fn describe(&self) -> &'static str {
        match &self.kind {
            NodeKind::Scalar(s) if s.plain && s.text.is_empty() => "nothing",
            NodeKind::Scalar(_) => "a single value",
            NodeKind::Sequence(_) => "a list",
            NodeKind::Mapping(_) => "a group of keys",
            NodeKind::Broken => "something unreadable",
        }
    }
}

/// Reads every document of a file. What is wrong goes to `findings`; what could be read is returned all the same.
pub fn read(source: SourceId, text: &str, findings: &mut Vec<Diagnostic>) -> Vec<Node> {
    let settings: Options = options! {
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
        emit_unresolved_aliases: true,
        emit_comments: false,
    };
    let mut builder = Builder { source, text, open: Vec::new(), documents: Vec::new(), findings };
    for event in Parser::new_from_str_with_options(text, settings) {
        match event {
            Ok((event, span)) => {
                let span = builder.span(&span);
                builder.event(event, span);
            }
            Err(error) => {
                if let Some(tab) = indented_by_tab(text) {
                    let finding = Diagnostic::error(Code::YAML_SYNTAX, "a tab does not indent in YAML");
                    builder
                        .findings
                        .push(finding.at(Span::new(source, tab..tab + 1), "").help("indent with blanks"));
                    break;
                }
                let at = error.marker().byte_offset().unwrap_or(0).min(text.len());
                if let Some(quote) = error.info().contains("quoted").then(|| left_open(text, at)).flatten() {
                    let finding = Diagnostic::error(Code::YAML_SYNTAX, "this quote is not closed, it seems");
                    let finding = finding.at(Span::new(source, quote..quote + 1), "");
                    let finding = finding.at(Span::new(source, at..at), "here it makes no sense any more");
                    builder.findings.push(finding.help("close it on the same line"));
                    break;
                }
                let diagnostic = Diagnostic::error(Code::YAML_SYNTAX, format!("this is not YAML: {}", error.info()))
                    .at(Span::new(source, at..at), "")
                    .help("quote a value that holds `: ` or ` #`, or that begins with a quote, `{`, `[`, `!`, `&` or `*`");
                builder.findings.push(diagnostic);
                break;
            }
        }
    }
    builder.documents
}

/// The first tab before the text of a line.
fn indented_by_tab(text: &str) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let margin = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..margin].find('\t').filter(|_| !line.trim().is_empty()) {
            return Some(start + tab);
        }
        start += line.len();
    }
    None
}

/// The quote that begins a value and is not closed on its line, before a place where reading quoted text failed.
fn left_open(text: &str, failed: usize) -> Option<usize> {
    let mut start = 0;
    for line in text.get(..failed)?.split_inclusive('\n') {
        let mut open: Option<(usize, char)> = None;
        let mut before = ' ';
        for (at, c) in line.char_indices() {
            match open {
                Some((_, quote)) if c == quote && before != '\\' => open = None,
                None if matches!(c, '"' | '\'') && matches!(before, ' ' | '[' | '{' | ',') => {
                    open = Some((at, c))
                }
                None if c == '#' && before == ' ' => break,
                _ => {}
            }
            before = c;
        }
        if let Some((at, _)) = open.filter(|_| line.ends_with('\n')) {
            return Some(start + at);
        }
        start += line.len();
    }
    None
}

/// A collection that is not closed yet.
enum Open {
    Sequence(Span, Vec<Node>),
    Mapping(Keyed),
}

/// A mapping that is not closed yet.
struct Keyed {
    span: Span,
    flow: bool,
    entries: Vec<Entry>,
    /// Where each key stands, so that many keys take no longer than their number.
    known: HashMap<String, Span>,
    key: Option<Node>,
    /// Whether a value before ends with an open parenthesis.
    unbalanced: bool,
    broken: bool,
}

struct Builder<'a> {
    source: SourceId,
    text: &'a str,
    open: Vec<Open>,
    documents: Vec<Node>,
    findings: &'a mut Vec<Diagnostic>,
}

impl Builder<'_> {
    fn span(&self, span: &granit_parser::Span) -> Span {
        let start = span.start.byte_offset().unwrap_or(0);
        Span::new(self.source, start..span.end.byte_offset().unwrap_or(start).max(start))
    }

    fn event(&mut self, event: Event<'_>, span: Span) {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let node = match self.refuse(span, anchor, tag.is_some()) {
                    true => Node { span, kind: NodeKind::Broken },
                    false => {
                        let verbatim = self.verbatim(&text, style, span);
                        // A value that is not there comes from the parser as `~`.
                        let text = if plain && text == "~" { String::new() } else { text.into_owned() };
                        Node { span, kind: NodeKind::Scalar(Scalar { text, plain, verbatim, hidden: false }) }
                    }
                };
                self.add(node);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse(span, anchor, tag.is_some());
                self.open.push(Open::Sequence(span, Vec::new()));
            }
            Event::MappingStart(style, anchor, tag) => {
                self.refuse(span, anchor, tag.is_some());
                let flow = style == StructureStyle::Flow;
                self.open.push(Open::Mapping(Keyed {
                    span,
                    flow,
                    entries: Vec::new(),
                    known: HashMap::new(),
                    key: None,
                    unbalanced: false,
                    broken: false,
                }));
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.trap(span, "an alias", "write the rules once under `maps:` and name them");
                self.add(Node { span, kind: NodeKind::Broken });
            }
            _ => {}
        }
    }

    /// Where the scalar's text stands in the file unchanged, so that places inside it can be shown.
    fn verbatim(&self, text: &str, style: ScalarStyle, span: Span) -> Option<u32> {
        let start = match style {
            ScalarStyle::Plain => span.start,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => span.start + 1,
            _ => return None,
        };
        self.text.get(start as usize..)?.starts_with(text).then_some(start)
    }

    /// Reports anchors and tags; whether the value can still be used.
    fn refuse(&mut self, span: Span, anchor: usize, tagged: bool) -> bool {
        if tagged {
            self.trap(span, "a tag", "quote a value that begins with `!`: \"!has(x)\"");
            let edit = self.quoted_tag(span);
            if let Some(finding) = self.findings.last_mut() {
                finding.edit = edit;
            }
        } else if anchor != 0 {
            self.trap(
                span,
                "an anchor",
                "quote a value that begins with `&`; to reuse rules, name them under `maps:`",
            );
        }
        tagged
    }

    /// The edit that makes text of a tag and the value after it.
    fn quoted_tag(&self, value: Span) -> Option<Edit> {
        let Some(Open::Mapping(Keyed { flow, key: Some(key), .. })) = self.open.last() else { return None };
        let (start, after_key) = (value.start as usize, key.span.end as usize);
        let sign = after_key + self.text.get(after_key..start.max(after_key) + 1)?.find('!')?;
        quoted(self.text, Span::new(value.source, sign..sign), *flow)
    }

    fn trap(&mut self, span: Span, what: &str, help: &str) {
        let message = format!("YAML reads this as {what}, which mappings do not have");
        self.findings.push(Diagnostic::error(Code::YAML_TRAP, message).at(span, "").help(help));
    }

    fn close(&mut self, end: Span) {
        let node = match self.open.pop() {
            Some(Open::Sequence(span, items)) => {
                let last = items.last().map_or(end.end, |n| n.span.end);
                Node { span: Span { end: last.max(span.end), ..span }, kind: NodeKind::Sequence(items) }
            }
            Some(Open::Mapping(Keyed { span, entries, broken, flow, .. })) => {
                let start =
                    entries.first().map_or(span.start, |e| if flow { span.start } else { e.key_span.start });
                let last = entries.last().map_or(end.end, |e| if flow { end.end } else { e.value.span.end });
                let span = Span { start, end: last.max(start), ..span };
                Node { span, kind: if broken { NodeKind::Broken } else { NodeKind::Mapping(entries) } }
            }
            None => return,
        };
        self.add(node);
    }

    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open::Sequence(_, items)) => items.push(node),
            Some(Open::Mapping(Keyed { key, .. })) => match key.take() {
                None => *key = Some(node),
                Some(key) => self.entry(key, node),
            },
        }
    }

    /// A key with its value is complete: traps of keys are seen here, where both are known.
    fn entry(&mut self, key: Node, value: Node) {
        let Some(Open::Mapping(open)) = self.open.last_mut() else { return };
        if open.broken {
            return;
        }
        let span = key.span;
        let NodeKind::Scalar(Scalar { text: name, plain, .. }) = key.kind else {
            open.broken = true;
            if !matches!(key.kind, NodeKind::Broken) {
                let help = "a key is a plain name; quote an expression that begins with `{` or `[`";
                self.findings.push(
                    Diagnostic::error(Code::YAML_TRAP, "this key is not a name").at(span, "").help(help),
                );
            }
            return;
        };
        let empty = value.scalar().is_some_and(|s| s.plain && s.text.is_empty());
        let cut = plain && open.flow && empty && open.unbalanced;
        if cut || (plain && open.flow && name.contains(['(', ')'])) {
            open.broken = true;
            let message = "YAML ends the value before this at the comma, and takes the rest for a key";
            let help = "quote an expression that holds a comma inside { } or [ ]";
            let finding = Diagnostic::error(Code::YAML_TRAP, message).at(span, "taken for a key").help(help);
            let value = open.entries.iter().rfind(|e| unbalanced(e.value.scalar())).map(|e| e.value.span);
            let edit = value.and_then(|value| quoted(self.text, value, true));
            self.findings.push(Diagnostic { edit, ..finding });
        } else if let Some(first) = open.known.get(&name) {
            let diagnostic =
                Diagnostic::error(Code::YAML_DUPLICATE_KEY, format!("`{name}` stands here twice"))
                    .at(span, "")
                    .at(*first, "first here");
            self.findings.push(diagnostic);
        } else {
            open.unbalanced |= unbalanced(value.scalar());
            open.known.insert(name.clone(), span);
            open.entries.push(Entry { key: name, key_span: span, value });
        }
    }
}

/// The edit that puts quotes around an expression, which begins where `value` does and ends where YAML should have ended it: with
/// its line or, in flow style, at a comma or bracket outside of its own parentheses.
fn quoted(text: &str, value: Span, flow: bool) -> Option<Edit> {
    let start = value.start as usize;
    let line = text.get(start..)?.lines().next()?;
    let (mut depth, mut quote, mut end) = (0usize, None, line.len());
    for (at, c) in line.char_indices() {
        match (c, quote) {
            (_, Some(open)) => quote = Some(open).filter(|open| *open != c),
            ('\'', None) => quote = Some(c),
            ('(' | '[', None) => depth += 1,
            (')' | ']', None) if depth > 0 => depth -= 1,
            (',' | '}' | ']', None) if flow && depth == 0 => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let expression = line.get(..end)?.trim_end();
    let plain = depth == 0 && quote.is_none() && !expression.contains(['"', '\\', '#']);
    let span = Span::new(value.source, start..start + expression.len());
    plain.then(|| Edit { span, old: expression.to_owned(), new: format!("\"{expression}\"") })
}

/// Whether a parenthesis is open at the end of a plain value: a sign that a comma cut it.
fn unbalanced(scalar: Option<&Scalar>) -> bool {
    scalar.is_some_and(|s| s.plain && s.text.matches('(').count() > s.text.matches(')').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(node: &Node) -> String {
        match &node.kind {
            NodeKind::Scalar(s) => format!("{:?}", s.text),
            NodeKind::Sequence(items) => {
                format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", "))
            }
            NodeKind::Mapping(entries) => {
                format!(
                    "{{{}}}",
                    entries
                        .iter()
                        .map(|e| format!("{}: {}", e.key, show(&e.value)))
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            }
            NodeKind::Broken => "broken".into(),
        }
    }

    #[track_caller]
    fn check(text: &str, tree: &str, codes: &[Code]) {
        let mut findings = Vec::new();
        let documents = read(SourceId(0), text, &mut findings);
        assert_eq!(documents.iter().map(show).collect::<Vec<_>>().join(" --- "), tree);
        assert_eq!(findings.iter().map(|d| d.code).collect::<Vec<_>>(), codes);
    }

    #[test]
    fn values_stay_as_they_were_written() {
        check(
            "a: 01\nb: [NO, 'x']\n---\nc: { d: \"e\" }\n",
            r#"{a: "01", b: ["NO", "x"]} --- {c: {d: "e"}}"#,
            &[],
        );
        check("a:\n", r#"{a: ""}"#, &[]);
    }

    #[test]
    fn traps_are_findings() {
        check("a: &x 1\nb: *x\n", r#"{a: "1", b: broken}"#, &[Code::YAML_TRAP, Code::YAML_TRAP]);
        check("when: !has(x)\n", "{when: broken}", &[Code::YAML_TRAP]);
        check("{ when: f(a, b), x: 1 }\n", "broken", &[Code::YAML_TRAP]);
        check("{ when: f(a, 'b', c) }\n", "broken", &[Code::YAML_TRAP]);
        check("a: 1\na: 2\n", r#"{a: "1"}"#, &[Code::YAML_DUPLICATE_KEY]);
        check("a: b: c\n", "", &[Code::YAML_SYNTAX]);
    }

    #[test]
    fn depth_is_bounded() {
        let mut findings = Vec::new();
        read(SourceId(0), &"[".repeat(10_000), &mut findings);
        read(
            SourceId(0),
            &(0..10_000).map(|i| format!("{}a:\n", " ".repeat(i % 200))).collect::<String>(),
            &mut findings,
        );
        assert_eq!(findings.len(), 2);
    }

    #[test]
    fn a_scalar_knows_where_its_text_begins() {
        let mut findings = Vec::new();
        let text = "a: x + y\nb: 'x'\nc: 'it''s'\n# ä\nd: õ\n";
        let documents = read(SourceId(0), text, &mut findings);
        let NodeKind::Mapping(entries) = &documents[0].kind else { panic!() };
        let places: Vec<_> = entries.iter().map(|e| e.value.scalar().unwrap().verbatim).collect();
        assert_eq!(places, [Some(3), Some(13), None, Some(35)]);
    }
}
