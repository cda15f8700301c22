//! Reading the keys of a group: each is asked for once, and what nobody asked for is a finding.

use std::{sync::Arc, time::Duration};

use portolan_diagnostics::{Code, Diagnostic, Span};

use crate::{
    Placed,
    expression::Leaf,
    grammar::Group,
    yaml::{Entry, Node, NodeKind},
};

/// The keys of a group while they are read.
pub struct Keys<'a> {
    /// The keys that there may be.
    group: &'static Group,
    span: Span,
    entries: &'a [Entry],
    asked: Vec<&'static str>,
    /// Keys that were probably meant to be one that is missing; that is said there.
    explained: Vec<Span>,
}

impl<'a> Keys<'a> {
    /// The keys of `node`; a finding where it is something else.
    pub fn of(node: &'a Node, group: &'static Group, findings: &mut Vec<Diagnostic>) -> Option<Self> {
        let entries = entries(node, group.name, findings)?;
        Some(Self { group, span: node.span, entries, asked: Vec::new(), explained: Vec::new() })
    }

    /// The whole group.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The entry of a key, if it is there.
    pub fn take(&mut self, key: &'static str) -> Option<&'a Entry> {
        debug_assert!(self.group.key(key).is_some(), "{} does not describe `{key}`", self.group.name);
        self.asked.push(key);
        self.entries.iter().find(|e| e.key == key)
    }

    /// The same of a key that not every such group has.
    pub fn take_any(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.group.key(key).and_then(|_| self.take(key))
    }

    /// The entry of a key that must be there.
    pub fn require(&mut self, key: &'static str, findings: &mut Vec<Diagnostic>) -> Option<&'a Entry> {
        debug_assert!(self.group.key(key).is_some_and(|key| key.required), "`{key}` is described otherwise");
        let entry = self.take(key);
        if entry.is_none() {
            let message = format!("{} has no `{key}`", self.group.name);
            let finding = Diagnostic::error(Code::YAML_MISSING_KEY, message);
            let near = self.entries.iter().find(|e| portolan_diagnostics::nearest(&e.key, [key]).is_some());
            findings.push(match near {
                Some(near) => {
                    self.explained.push(near.key_span);
                    let finding = finding.at(near.key_span, "").help(format!("did you mean `{key}`?"));
                    finding.edit(near.key_span, &near.key, key)
                }
                None => {
                    let finding = finding.at(self.entries.first().map_or(self.span, |e| e.key_span), "");
                    let doc = self
                        .group
                        .key(key)
                        .map(|described| format!("add `{key}`: {}", lowered(described.doc)));
                    doc.into_iter().fold(finding, Diagnostic::help)
                }
            });
        }
        entry
    }

    /// The keys that could be there and are not.
    fn absent(&self) -> impl Iterator<Item = &'static str> {
        let names = self.group.keys.iter().map(|key| key.name);
        names.filter(|name| self.entries.iter().all(|entry| entry.key != *name))
    }

    /// Reports every key that nobody asked for.
    pub fn done(self, findings: &mut Vec<Diagnostic>) {
        self.done_with(&|_| None, findings);
    }

    /// The same, where more may be known of a key than that it does not belong here.
    pub fn done_with(self, known: &dyn Fn(&Entry) -> Option<Diagnostic>, findings: &mut Vec<Diagnostic>) {
        for entry in self.entries.iter().filter(|e| !self.asked.contains(&e.key.as_str())) {
            if self.explained.contains(&entry.key_span) {
                continue;
            }
            findings.push(known(entry).unwrap_or_else(|| {
                let message = format!("{} has no key `{}`", self.group.name, entry.key);
                Diagnostic::error(Code::YAML_UNKNOWN_KEY, message)
                    .at(entry.key_span, "")
                    .did_you_mean(&entry.key, self.absent())
            }));
        }
    }
}

/// A sentence within another.
fn lowered(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut rest = sentence.chars();
    match rest.next() {
        // What is written in capitals stays: WSDL.
        Some(first) if rest.clone().next().is_some_and(char::is_lowercase) => {
            first.to_lowercase().chain(rest).collect()
        }
        _ => sentence.to_owned(),
    }
}

/// The entries of `node`, of which `what` are the keys; a finding where it is something else.
pub fn entries<'a>(node: &'a Node, what: &str, findings: &mut Vec<Diagnostic>) -> Option<&'a [Entry]> {
    match &node.kind {
        NodeKind::Mapping(entries) => Some(entries),
        NodeKind::Broken => None,
        _ => {
            let message = format!("{what} is {}, not a group of keys", node.describe());
            findings.push(Diagnostic::error(Code::YAML_BAD_VALUE, message).at(node.span, ""));
            None
        }
    }
}

/// A finding about a value of the wrong kind.
pub fn bad(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::YAML_BAD_VALUE, message).at(span, "")
}

/// A single value that is not empty.
pub fn text(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<Placed<String>> {
    text_of(&entry.value, &entry.key, entry.key_span, findings)
}

/// See [`text`].
pub fn text_of(node: &Node, what: &str, key: Span, findings: &mut Vec<Diagnostic>) -> Option<Placed<String>> {
    match &node.kind {
        NodeKind::Scalar(s) if !(s.plain && s.text.is_empty()) => {
            Some(Placed { value: s.text.clone(), span: node.span })
        }
        NodeKind::Broken => None,
        _ => {
            let span = if node.scalar().is_some() { key } else { node.span };
            findings.push(bad(span, format!("`{what}` is {}, not a single value", node.describe())));
            None
        }
    }
}

/// An expression.
pub fn leaf(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<Leaf> {
    text(entry, findings)?;
    entry.value.scalar().map(|s| Leaf::new(s, entry.value.span))
}

/// A shared text.
pub fn shared(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<Arc<str>> {
    text(entry, findings).map(|t| t.value.into())
}

/// `true` or `false`.
pub fn boolean(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<bool> {
    let value = text(entry, findings)?;
    match value.value.as_str() {
        "true" => Some(true),
        "false" => Some(false),
        other => {
            let message = format!("`{}` is true or false, not `{other}`", entry.key);
            let finding = bad(value.span, message);
            let meant = match other.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" | "true" => Some("true"),
                "no" | "off" | "n" | "false" => Some("false"),
                _ => None,
            };
            findings.push(match meant {
                Some(meant) => finding.help(format!("write `{meant}`")).edit(value.span, other, meant),
                None => finding,
            });
            None
        }
    }
}

/// The items of a list; a finding where it is something else.
pub fn items<'a>(entry: &'a Entry, findings: &mut Vec<Diagnostic>) -> &'a [Node] {
    match &entry.value.kind {
        NodeKind::Sequence(items) => items,
        NodeKind::Broken => &[],
        _ => {
            let message = format!("`{}` is {}, not a list", entry.key, entry.value.describe());
            findings.push(bad(entry.value.span, message).help("write [a, b], or each item after a `-`"));
            &[]
        }
    }
}

/// `10s`, `200ms`, `1m`, `2h`, `3d`.
pub fn duration(entry: &Entry, findings: &mut Vec<Diagnostic>) -> Option<Duration> {
    let value = text(entry, findings)?;
    let parsed = parse_duration(&value.value);
    if parsed.is_none() {
        let message = format!("`{}` is not a span of time", value.value);
        findings.push(
            bad(value.span, message).help("write a whole number with its unit: 200ms, 10s, 1m, 2h, 3d"),
        );
    }
    parsed
}

/// A whole number with its unit; at most a hundred years.
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let count: u64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    count.checked_mul(unit).filter(|ms| *ms > 0 && *ms <= 36_525 * 86_400_000).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        let check = |text, milliseconds: Option<u64>| {
            assert_eq!(parse_duration(text), milliseconds.map(Duration::from_millis), "{text}")
        };
        check("200ms", Some(200));
        check("10s", Some(10_000));
        check("3d", Some(259_200_000));
        for text in
            ["10", "s", "0s", "1.5s", "-1s", "1 s", "99999999999999999999s", "18446744073709551615d", "5é"]
        {
            check(text, None);
        }
    }
}
