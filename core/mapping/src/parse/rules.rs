//! The rules of a direction: what fills a target field.

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::keys::{Finish, Keys, bad, entries, items, leaf, text, text_of};
use crate::{
    expression::{Leaf, Segment, bare_path},
    file::{Case, ConstantText, FieldRule, Placed, Rule},
    grammar,
    ir::NilPolicy,
    yaml::{Entry, Node, NodeKind},
};

/// Keys of rules; a record whose field is named like one, or `absent`, is written `{ map: { from: ... } }`.
const RULE_KEYS: &[&str] = &["const", "from", "each", "nil", "map", "value", "cases"];

/// Whether a group of keys is a rule, and not a record's fields.
fn is_rule(entries: &[Entry]) -> bool {
    let has = |key: &str| entries.iter().any(|e| e.key == key);
    let only = entries.iter().all(|e| RULE_KEYS.contains(&e.key.as_str()));
    has("each") || has("cases") || has("const") || (only && (has("from") || has("map")))
}

/// `{ absent: true }`: nothing is to stand there.
fn is_absent(entries: &[Entry]) -> bool {
    let [Entry { key, value, .. }] = entries else { return false };
    key == "absent" && value.scalar().is_some_and(|s| s.plain && s.text == "true")
}

/// The rule of a target field.
pub(crate) fn rule(
    node: &Node,
    what: &str,
    key: Span,
    findings: &mut Vec<Diagnostic>,
) -> Option<Placed<Rule>> {
    let value = match &node.kind {
        NodeKind::Scalar(scalar) => {
            text_of(node, what, key, findings)?;
            Rule::Expression(Leaf::new(scalar, node.span))
        }
        NodeKind::Sequence(items) if items.is_empty() => {
            let finding = bad(node.span, format!("`{what}` is a list without items"));
            let help =
                "go through a list by { each: item in path, map: ... }, or write its items: [ path, path ]";
            findings.push(finding.help(help));
            return None;
        }
        NodeKind::Sequence(items) => {
            let rules = items.iter().map(|item| rule(item, what, key, findings).unwrap_or(broken(item.span)));
            Rule::Items(rules.collect())
        }
        NodeKind::Mapping(entries) if is_absent(entries) => Rule::Absent,
        NodeKind::Mapping(entries) if is_rule(entries) => {
            let value = form(node, findings)?;
            // A constant is pointed at where it stands.
            let constant =
                entries.iter().find(|e| e.key == "const").filter(|_| matches!(value, Rule::Constant(_)));
            return Some(Placed { value, span: constant.map_or(node.span, |e| e.value.span) });
        }
        NodeKind::Mapping(_) => Rule::Fields(fields(node, findings)?),
        NodeKind::Broken => return None,
    };
    Some(Placed { value, span: node.span })
}

/// Rules for fields, or for records by their names.
pub(super) fn record_rules(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<Placed<Rule>> {
    let rules = fields(&entry.value, findings)?;
    Some(Placed { value: Rule::Fields(rules), span: entry.key_span })
}

/// The fields of a record.
pub(crate) fn fields(node: &Node, findings: &mut Vec<Diagnostic>) -> Option<Vec<FieldRule>> {
    let lowered = entries(node, "a record", findings)?.iter().map(|entry| {
        let field = Placed { value: entry.key.replace('-', "_"), span: entry.key_span };
        let rule = rule(&entry.value, &entry.key, entry.key_span, findings);
        FieldRule { field, rule: rule.unwrap_or(broken(entry.value.span)) }
    });
    Some(lowered.collect())
}

/// Stands for a rule that was reported, so that its field is not taken for forgotten.
fn broken(span: Span) -> Placed<Rule> {
    Placed { value: Rule::Broken, span }
}

/// A rule with keys of its own. Where forms are mixed, the first of them counts, and the keys of the others are findings.
fn form(node: &Node, findings: &mut Vec<Diagnostic>) -> Option<Rule> {
    let written = entries(node, "a rule", findings)?;
    let has = |key: &str| written.iter().any(|entry| entry.key == key);
    if has("const") {
        let mut keys = Keys::of(node, &grammar::CONSTANT, findings)?;
        let rule = keys.require("const", findings).and_then(|entry| constant(entry, findings));
        keys.finish(findings);
        return rule;
    }
    if has("cases") {
        let mut keys = Keys::of(node, &grammar::CASES, findings)?;
        let items = keys.require("cases", findings).map(|entry| items(entry, findings)).unwrap_or_default();
        let cases: Vec<Case> = items.iter().filter_map(|item| case(item, findings)).collect();
        keys.finish(findings);
        // Of what remains, nothing can be said as a whole.
        return (cases.len() == items.len()).then_some(Rule::Cases(cases));
    }
    if has("each") {
        let of_values = has("value");
        let form = if of_values { &grammar::EACH_VALUE } else { &grammar::EACH };
        let mut keys = Keys::of(node, form, findings)?;
        let each = keys.require("each", findings).and_then(|entry| each(entry, findings));
        let nil = keys.take("nil").map_or(Some(NilPolicy::Refuse), |e| nil(e, findings));
        let item = if of_values {
            let entry = keys.require("value", findings);
            entry.and_then(|entry| rule(&entry.value, "value", entry.key_span, findings))
        } else {
            group(&mut keys, findings)
        };
        keys.finish(findings);
        let ((variable, list), nil, item) = (each?, nil?, item?);
        return Some(Rule::Each { variable, list, nil, item: Box::new(item) });
    }
    let mut keys = Keys::of(node, &grammar::FROM, findings)?;
    let from = keys.take("from").map(|entry| leaf(entry, findings));
    let map = group(&mut keys, findings);
    keys.finish(findings);
    match from {
        None => map.map(|m| m.value),
        Some(from) => Some(Rule::From(from?, Box::new(map?))),
    }
}

/// `map:`, a record's fields or the name of a group.
fn group(keys: &mut Keys<'_>, findings: &mut Vec<Diagnostic>) -> Option<Placed<Rule>> {
    let entry = keys.require("map", findings)?;
    let span = entry.value.span;
    let value = match &entry.value.kind {
        NodeKind::Scalar(_) => Rule::Group(text(entry, findings)?),
        NodeKind::Mapping(_) => Rule::Fields(fields(&entry.value, findings)?),
        _ => {
            entries(&entry.value, "`map`", findings);
            return None;
        }
    };
    Some(Placed { value, span })
}

fn constant(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<Rule> {
    // Unlike elsewhere an empty text is a value here, if it stands in quotes.
    text(entry, findings)?;
    let scalar = entry.value.scalar()?;
    Some(Rule::Constant(ConstantText {
        text: scalar.text.as_str().into(),
        plain: scalar.plain,
        hidden: scalar.hidden,
    }))
}

/// `c in Children.Child`
fn each(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<(Segment, Leaf)> {
    let whole = leaf(entry, findings)?;
    let parsed = match whole.text.split_once(" in ") {
        Some((name, path)) => bare_path(name.trim()).filter(|n| n.len() == 1).zip(Some(path)),
        None => None,
    };
    let Some((mut name, path)) = parsed else {
        findings.push(
            bad(whole.span, "`each` names an item, and its list by a path")
                .help("write `each: item in path.to.list`; functions are for what fills the item"),
        );
        return None;
    };
    let offset = whole.text.len() - path.len();
    let skipped = path.len() - path.trim_start().len();
    let start = u32::try_from(offset + skipped).unwrap_or(u32::MAX);
    let verbatim = whole.verbatim.map(|v| v.saturating_add(start));
    let length = u32::try_from(path.trim().len()).unwrap_or(u32::MAX);
    let span =
        verbatim.map_or(whole.span, |v| Span { start: v, end: v.saturating_add(length), ..whole.span });
    Some((name.remove(0), Leaf { text: path.trim().into(), plain: whole.plain, span, verbatim }))
}

fn nil(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<NilPolicy> {
    let value = text(entry, findings)?;
    match value.value.as_str() {
        "skip" => Some(NilPolicy::Skip),
        "keep" => Some(NilPolicy::Keep),
        "refuse" => Some(NilPolicy::Refuse),
        other => {
            let finding = bad(value.span, format!("`nil` is skip, keep or refuse, not `{other}`"));
            findings.push(finding.did_you_mean(other, ["skip", "keep", "refuse"]));
            None
        }
    }
}

/// `{ when: ..., const: ... }`, `{ when: ..., then: ... }`, `{ otherwise: ... }`
fn case(node: &Node, findings: &mut Vec<Diagnostic>) -> Option<Case> {
    let written = entries(node, "a case", findings)?;
    let has = |key: &str| written.iter().any(|entry| entry.key == key);
    if has("otherwise") {
        let mut keys = Keys::of(node, &grammar::OTHERWISE, findings)?;
        let rule = keys.require("otherwise", findings).map(|entry| content(entry, findings));
        keys.finish(findings);
        return Some(Case { when: None, rule: rule?, span: node.span });
    }
    let form = match () {
        () if has("const") => &grammar::CASE_CONSTANT,
        () if has("then") => &grammar::CASE_THEN,
        () if has("map") => &grammar::CASE_MAP,
        () => &grammar::CASE,
    };
    let mut keys = Keys::of(node, form, findings)?;
    let when = keys.require("when", findings).and_then(|entry| leaf(entry, findings));
    let rule = if has("const") {
        keys.require("const", findings).map(|entry| {
            let value = constant(entry, findings).unwrap_or(Rule::Broken);
            Placed { value, span: entry.value.span }
        })
    } else if has("then") {
        keys.require("then", findings).map(|entry| content(entry, findings))
    } else if has("map") {
        keys.require("map", findings).map(|entry| {
            let value = fields(&entry.value, findings).map_or(Rule::Broken, Rule::Fields);
            Placed { value, span: entry.value.span }
        })
    } else {
        let finding = Diagnostic::error(Code::YAML_MISSING_KEY, "a case has no content").at(node.span, "");
        findings.push(finding.help("add `const: TEXT`, `then: expression` or `map: { fields }`"));
        None
    };
    keys.finish(findings);
    Some(Case { when: Some(when?), rule: rule?, span: node.span })
}

/// What a case gives.
fn content(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Placed<Rule> {
    let span = entry.value.span;
    rule(&entry.value, &entry.key, entry.key_span, findings).unwrap_or(broken(span))
}
