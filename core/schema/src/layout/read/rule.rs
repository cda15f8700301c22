//! `when:` by what a record, a variant or a field is told from others.
//!
//! `{ 1: "6", 2-7: digits }` is all of its tests; a list of such is any of them; a text is an expression.

use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_syntax::{
    expression::{Expression, ExpressionKind, Leaf, Segment},
    yaml::{Entry, Node, NodeKind},
};

use super::{
    RuleSpans, TestSpan,
    columns::{Columns, WRONG},
    formula::Scope,
};
use crate::layout::{Characters, Matches, Rule, Test};

/// The rule that is declared, and where its tests stand; what cannot be read is left out, with a finding.
pub(super) fn rule(
    declared: &Node,
    scope: &Scope<'_>,
    findings: &mut Vec<Diagnostic>,
) -> Option<(Rule, RuleSpans)> {
    let all: Vec<Vec<(Test, TestSpan)>> = match &declared.kind {
        NodeKind::Sequence(items) => items.iter().filter_map(|item| tests(item, scope, findings)).collect(),
        _ => vec![tests(declared, scope, findings)?],
    };
    let (any, places) = all.into_iter().map(|tests| tests.into_iter().unzip()).unzip();
    Some((Rule { any }, places))
}

fn tests(
    declared: &Node,
    scope: &Scope<'_>,
    findings: &mut Vec<Diagnostic>,
) -> Option<Vec<(Test, TestSpan)>> {
    match &declared.kind {
        NodeKind::Mapping(entries) if !entries.is_empty() => {
            let one = |entry: &Entry, findings: &mut Vec<Diagnostic>| {
                let place = TestSpan { key: entry.key_span, texts: texts(&entry.value) };
                Some((test(entry, scope, findings)?, place))
            };
            entries.iter().map(|entry| one(entry, findings)).collect::<Option<Vec<_>>>()
        }
        NodeKind::Scalar(scalar) if !scalar.text.is_empty() => {
            let leaf = Leaf::new(scalar, declared.span);
            let place = TestSpan { key: declared.span, texts: Vec::new() };
            scope.formula(&leaf, findings).map(|formula| vec![(Test::Formula(formula), place)])
        }
        NodeKind::Broken => None,
        _ => {
            findings.push(
                wrong(declared, "a condition is a group of tests, or an expression")
                    .help("write `when: { 1: \"6\" }`: what stands in column 1"),
            );
            None
        }
    }
}

/// Where the texts stand that are expected.
fn texts(node: &Node) -> Vec<Span> {
    match &node.kind {
        NodeKind::Sequence(items) => items.iter().map(|item| item.span).collect(),
        NodeKind::Mapping(entries) => entries.iter().flat_map(|entry| texts(&entry.value)).collect(),
        _ => vec![node.span],
    }
}

fn wrong(node: &Node, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::LAYOUT_INVALID, message).at(node.span, "")
}

fn test(entry: &Entry, scope: &Scope<'_>, findings: &mut Vec<Diagnostic>) -> Option<Test> {
    if let Some(columns) = Columns::parse(&entry.key) {
        let matches = matches(&entry.value, findings)?;
        return Some(Test::Columns { from: columns.from, to: columns.to, matches });
    }
    if entry.key.starts_with(|c: char| c.is_ascii_digit()) {
        let message = format!("`{}` are no columns: {WRONG}", entry.key);
        findings.push(Diagnostic::error(Code::LAYOUT_INVALID, message).at(entry.key_span, ""));
        return None;
    }
    let text = entry.value.scalar().map(|scalar| scalar.text.as_str()).unwrap_or_default();
    match entry.key.as_str() {
        "length" => match range(text) {
            Some((from, to)) if to <= u64::from(u32::MAX) => Some(Test::Length(from as u32, to as u32)),
            _ => {
                findings.push(wrong(&entry.value, "a length is a number of bytes, or a range: `80..94`"));
                None
            }
        },
        "number" => match range(text) {
            Some((from, to)) => Some(Test::Number(from, to)),
            None => {
                findings.push(wrong(&entry.value, "a record's number counts from 1; or a range: `1..3`"));
                None
            }
        },
        "first" if text == "true" => Some(Test::Number(1, 1)),
        "last" if text == "true" => Some(Test::Last),
        "if" => {
            let leaf = Leaf::new(entry.value.scalar()?, entry.value.span);
            scope.formula(&leaf, findings).map(Test::Formula)
        }
        name => {
            let path = name.split('.').map(|name| Segment { name: name.replace('-', "_"), place: 0..0 });
            let path = Expression { kind: ExpressionKind::Path(path.collect()), place: 0..0 };
            let reference = scope.reference(&path, entry.key_span, findings)?;
            Some(Test::Value(reference, matches(&entry.value, findings)?))
        }
    }
}

/// `94`, `80..94`.
fn range(text: &str) -> Option<(u64, u64)> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from <= to).then_some((from, to))
}

/// What a text must be: a text, a word for a class, `10..20`, `/[A-Z]+/`, a list of texts, or `{ not: ... }`.
fn matches(node: &Node, findings: &mut Vec<Diagnostic>) -> Option<Matches> {
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            let text = scalar.text.as_str();
            if !scalar.plain {
                return Some(Matches::Literals(vec![text.into()]));
            }
            Some(match text {
                "" => {
                    findings.push(wrong(node, "nothing says what must stand there"));
                    return None;
                }
                "digits" => Matches::Characters(Characters::Digits),
                "alphabetic" => Matches::Characters(Characters::Alphabetic),
                "alphanumeric" => Matches::Characters(Characters::Alphanumeric),
                "printable" => Matches::Characters(Characters::Printable),
                "blank" | "blanks" => Matches::Blank,
                _ if text.len() > 2 && text.starts_with('/') && text.ends_with('/') => {
                    return expression(node, &text[1..text.len() - 1], findings);
                }
                _ => match text.split_once("..") {
                    Some((from, to)) if !from.is_empty() && from.len() == to.len() => {
                        Matches::Range(from.into(), to.into())
                    }
                    _ => Matches::Literals(vec![text.into()]),
                },
            })
        }
        NodeKind::Sequence(items) => {
            let texts = items.iter().map(|item| item.scalar().map(|scalar| scalar.text.as_str().into()));
            let texts: Option<Vec<Box<str>>> = texts.collect();
            if texts.is_none() {
                findings.push(wrong(node, "a list of what may stand there is a list of texts"));
            }
            texts.map(Matches::Literals)
        }
        NodeKind::Mapping(entries) => {
            match entries.as_slice() {
                [entry] if entry.key == "matches" => pattern(&entry.value, findings),
                [entry] if entry.key == "not" => {
                    matches(&entry.value, findings).map(|inner| Matches::Not(Box::new(inner)))
                }
                _ => {
                    findings
                    .push(wrong(node, "what must stand there is a text, a list of texts, `{ not: ... }` or `{ matches: ... }`"));
                    None
                }
            }
        }
        NodeKind::Broken => None,
    }
}

/// `{ matches: "[A-Z]+" }`
fn pattern(node: &Node, findings: &mut Vec<Diagnostic>) -> Option<Matches> {
    match node.scalar() {
        Some(scalar) => expression(node, &scalar.text, findings),
        None => {
            findings.push(wrong(node, "what must match is a regular expression, in quotes"));
            None
        }
    }
}

/// A regular expression, which must match the whole.
fn expression(node: &Node, pattern: &str, findings: &mut Vec<Diagnostic>) -> Option<Matches> {
    if let Err(error) = regex::Regex::new(pattern) {
        let reason = error.to_string();
        let reason =
            reason.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
        findings.push(wrong(node, format!("this is no regular expression: {reason}")));
        return None;
    }
    Some(Matches::Pattern(pattern.into()))
}
