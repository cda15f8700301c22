//! Reading the keys of a group: each is asked for once, and what nobody asked for is a finding. Unlike a mapping's, a
//! configuration's values may hold secrets: no finding quotes one.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use portolan_diagnostics::{Code, Diagnostic, Span, nearest};
use portolan_mapping::{
    grammar,
    yaml::{Entry, Node, NodeKind},
};

use super::secret;

/// What reading needs, and what it has found.
pub(super) struct Reader<'a> {
    pub(super) findings: Vec<Diagnostic>,
    /// What relative paths are relative to.
    pub(super) folder: &'a Path,
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
}

/// A single value, secrets filled in.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) value: String,
    pub(super) span: Span,
    /// Whether any of it came from the environment or a file.
    pub(super) resolved: bool,
}

impl Reader<'_> {
    /// A value that cannot be understood.
    pub(super) fn bad(&mut self, span: Span, message: impl Into<String>) {
        self.findings.push(Diagnostic::error(Code::YAML_BAD_VALUE, message).at(span, ""));
    }

    /// A single value that is not empty.
    pub(super) fn text(&mut self, entry: &Entry) -> Option<Text> {
        self.text_of(&entry.value, &entry.key, entry.key_span)
    }

    /// See [`Reader::text`].
    pub(super) fn text_of(&mut self, node: &Node, what: &str, key: Span) -> Option<Text> {
        match &node.kind {
            NodeKind::Scalar(s) if !(s.plain && s.text.is_empty()) => {
                match secret::resolve(&s.text, self.folder, self.environment) {
                    Ok((value, resolved)) => Some(Text { value, span: node.span, resolved }),
                    Err(problem) => {
                        self.findings.push(problem.at(node.span));
                        None
                    }
                }
            }
            NodeKind::Broken => None,
            _ => {
                let span = if node.scalar().is_some() { key } else { node.span };
                self.bad(span, format!("`{what}` is {}, not a single value", node.describe()));
                None
            }
        }
    }

    /// A value that `parse` understands.
    pub(super) fn parsed<T>(
        &mut self,
        entry: &Entry,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(entry)?;
        parse(&text.value).map_err(|problem| self.bad(text.span, format!("`{}`: {problem}", entry.key))).ok()
    }

    /// `10s`
    pub(super) fn duration(&mut self, entry: &Entry) -> Option<Duration> {
        let duration = self.parsed(entry, crate::units::duration)?;
        if duration.is_zero() {
            self.bad(entry.value.span, format!("`{}` must be longer than nothing", entry.key));
            return None;
        }
        Some(duration)
    }

    /// `4MiB`
    pub(super) fn bytes(&mut self, entry: &Entry) -> Option<usize> {
        let bytes = self.parsed(entry, crate::units::bytes)?;
        if bytes == 0 {
            self.bad(entry.value.span, format!("`{}` must be greater than zero", entry.key));
            return None;
        }
        Some(bytes)
    }

    /// A whole number from 1 on.
    pub(super) fn count(&mut self, entry: &Entry) -> Option<usize> {
        self.parsed(entry, |text| match text.parse() {
            Ok(0) | Err(_) => Err("write a whole number greater than zero".to_owned()),
            Ok(count) => Ok(count),
        })
    }

    /// `true` or `false`
    pub(super) fn boolean(&mut self, entry: &Entry) -> Option<bool> {
        self.parsed(entry, |text| text.parse().map_err(|_| "write true or false".to_owned()))
    }

    /// `127.0.0.1:8443`
    pub(super) fn address(&mut self, entry: &Entry) -> Option<SocketAddr> {
        self.parsed(entry, |text| {
            text.parse().map_err(|_| {
                "write an address with its port: 127.0.0.1:8443, or 0.0.0.0:8443 for all networks".to_owned()
            })
        })
    }

    /// A file that must be there.
    pub(super) fn file(&mut self, entry: &Entry) -> Option<PathBuf> {
        let text = self.text(entry)?;
        let path = self.folder.join(&text.value);
        if !path.is_file() {
            let finding =
                Diagnostic::error(Code::FILE_UNREADABLE, format!("`{}`: there is no such file", entry.key));
            let help = "paths are relative to the folder of the configuration";
            self.findings.push(finding.at(text.span, "").help(help));
            return None;
        }
        Some(path)
    }

    /// The entries of a group; a finding where it is something else.
    pub(super) fn entries<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Entry]> {
        match &node.kind {
            NodeKind::Mapping(entries) => Some(entries),
            NodeKind::Broken => None,
            _ => {
                self.bad(node.span, format!("{what} is {}, not a group of keys", node.describe()));
                None
            }
        }
    }

    /// The items of a list.
    pub(super) fn items<'n>(&mut self, entry: &'n Entry) -> &'n [Node] {
        match &entry.value.kind {
            NodeKind::Sequence(items) => items,
            NodeKind::Broken => &[],
            _ => {
                let message = format!("`{}` is {}, not a list", entry.key, entry.value.describe());
                self.findings.push(
                    Diagnostic::error(Code::YAML_BAD_VALUE, message)
                        .at(entry.value.span, "")
                        .help("write [a, b], or each item after a `-`"),
                );
                &[]
            }
        }
    }
}

/// The keys of a group while they are read.
pub(super) struct Group<'a> {
    /// What it is called in messages.
    what: String,
    /// The keys that there may be.
    group: &'static grammar::Group,
    span: Span,
    entries: &'a [Entry],
    asked: Vec<&'static str>,
}

impl<'a> Group<'a> {
    /// The keys of `node`; a finding where it is something else.
    pub(super) fn of(
        node: &'a Node,
        group: &'static grammar::Group,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        Self::called(group.name, node, group, reader)
    }

    /// The same, by another name.
    pub(super) fn called(
        what: &str,
        node: &'a Node,
        group: &'static grammar::Group,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        let entries = reader.entries(node, what)?;
        Some(Self { what: what.to_owned(), group, span: node.span, entries, asked: Vec::new() })
    }

    /// The entry of a key, if it is there.
    pub(super) fn take(&mut self, key: &'static str) -> Option<&'a Entry> {
        debug_assert!(self.group.key(key).is_some(), "{} does not describe `{key}`", self.group.name);
        self.asked.push(key);
        self.entries.iter().find(|e| e.key == key)
    }

    /// The entry of a key that must be there.
    pub(super) fn require(&mut self, key: &'static str, reader: &mut Reader<'_>) -> Option<&'a Entry> {
        debug_assert!(self.group.key(key).is_some_and(|key| key.required), "`{key}` is described otherwise");
        let entry = self.take(key);
        if entry.is_none() {
            let at = self.entries.first().map_or(self.span, |e| e.key_span);
            let mut finding =
                Diagnostic::error(Code::YAML_MISSING_KEY, format!("{} has no `{key}`", self.what)).at(at, "");
            if let Some(near) = self.near(key) {
                finding = finding.at(near.key_span, format!("did you mean `{key}`?"));
            }
            reader.findings.push(finding);
        }
        entry
    }

    /// The keys that could be there and are not.
    fn absent(&self) -> impl Iterator<Item = &'static str> {
        let names = self.group.keys.iter().map(|key| key.name);
        names.filter(|name| self.entries.iter().all(|entry| entry.key != *name))
    }

    /// A key that was probably meant to be `key`.
    fn near(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|e| nearest(&e.key, [key]).is_some())
    }

    /// Reports every key that nobody asked for, unless it was already taken for a required one.
    pub(super) fn finish(self, reader: &mut Reader<'_>) {
        for entry in self.entries.iter().filter(|e| !self.asked.contains(&e.key.as_str())) {
            let explained = |d: &Diagnostic| {
                d.code == Code::YAML_MISSING_KEY
                    && d.labels.iter().any(|l| l.span == entry.key_span && !l.text.is_empty())
            };
            if !reader.findings.iter().any(explained) {
                let finding = Diagnostic::error(
                    Code::YAML_UNKNOWN_KEY,
                    format!("{} has no key `{}`", self.what, entry.key),
                )
                .at(entry.key_span, "")
                .did_you_mean(&entry.key, self.absent());
                reader.findings.push(finding);
            }
        }
    }
}
