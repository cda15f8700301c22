//! What is said of fields without mapping them: which of the source are left out knowingly, and which may be shown.

use portolan_diagnostics::{Code, Diagnostic};
use portolan_formats::NodeId;
use portolan_schema::RecordId;

use super::{
    Checker, VisibleField,
    document::{Stray, fields_of},
};
use crate::{
    expression::{Leaf, bare_path, dotted},
    file::Direction,
    ir::Side,
};

impl Checker<'_> {
    /// Source fields that nothing reads and nobody ignores: one finding for each record.
    pub(super) fn unused(&mut self, rules: &Direction, key: &str, skip: Option<&str>) {
        let bare = key == "request";
        let ignored = self.ignored(rules, bare);
        if self.failed() {
            return;
        }
        // Of a file's records, those of the message itself: what stands around it is there for whoever wants it.
        let excerpt = self.scope.message.document.excerpt.as_ref();
        let each = excerpt.map(|excerpt| excerpt.layout.node(excerpt.each).name.clone());
        let roots = match &each {
            Some(each) => vec![each.as_str()],
            None => vec!["header", "body"],
        };
        for root in roots {
            let Some(place) = self.scope.root(Side::Message, &[root.to_owned()], vec![root.to_owned()])
            else {
                continue;
            };
            if let super::scope::What::Record { node, record, .. } = place.what {
                let shown = if bare { String::new() } else { root.to_owned() };
                self.unread(node, record, &shown, root, &ignored, rules, skip, 0);
            }
        }
    }

    /// The paths of `ignore`, from their roots, with whether they end in `.*`.
    fn ignored(&mut self, rules: &Direction, bare: bool) -> Vec<(String, bool)> {
        let mut ignored = Vec::new();
        for entry in &rules.ignore {
            let path: Vec<&str> = entry.value.path.iter().map(|s| s.name.as_str()).collect();
            let source = &self.scope.message;
            match fields_of(source.schema, source.document, &path, bare) {
                Ok(_) => {
                    let rooted = source
                        .document
                        .roots
                        .iter()
                        .any(|r| r.name.first().map(String::as_str) == path.first().copied());
                    let path = dotted(&entry.value.path);
                    let root = match &source.document.excerpt {
                        Some(excerpt) => excerpt.layout.node(excerpt.each).name.as_str(),
                        None => "body",
                    };
                    ignored.push((if rooted { path } else { format!("{root}.{path}") }, entry.value.below));
                }
                Err(Stray { at: index, known }) => {
                    let wrong = path.get(index).copied().unwrap_or_default();
                    let message = format!("the source has no `{}`", dotted(&entry.value.path));
                    let finding = Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(entry.span, "");
                    // What `from:` opens is open to the rules only.
                    let from = rules.from.as_ref().map_or("body", |from| &*from.text);
                    let meant = format!("{from}.{}", dotted(&entry.value.path));
                    let there: Vec<&str> = meant.split('.').collect();
                    if fields_of(source.schema, source.document, &there, bare).is_ok() {
                        let help = format!("paths of `ignore` begin at a root: {meant}");
                        self.findings.push(finding.help(help));
                        continue;
                    }
                    let mut finding = finding.did_you_mean(wrong, known.iter().map(String::as_str));
                    // The place is that of the whole path.
                    let (before, after) =
                        (&path[..index.min(path.len())], path.get(index + 1..).unwrap_or(&[]));
                    let whole = |name: &str| {
                        let names: Vec<&str> = before.iter().chain([&name]).chain(after).copied().collect();
                        names.join(".") + if entry.value.below { ".*" } else { "" }
                    };
                    if let Some(edit) = &mut finding.edit {
                        (edit.old, edit.new) = (whole(&edit.old), whole(&edit.new));
                    }
                    self.findings.push(finding);
                }
            }
        }
        ignored
    }

    #[allow(clippy::too_many_arguments, reason = "one recursion, whose state is this")]
    fn unread(
        &mut self,
        node: NodeId,
        record: RecordId,
        shown: &str,
        path: &str,
        ignored: &[(String, bool)],
        rules: &Direction,
        skip: Option<&str>,
        depth: usize,
    ) {
        let is_ignored = |path: &str| ignored.iter().any(|(i, _)| i == path);
        if depth > 64 || ignored.iter().any(|(i, below)| !below && i == path) {
            return;
        }
        let schema = self.scope.message.schema;
        let selected = self.scope.message.selection.node_at(node).fields.clone();
        let mut unread: Vec<&str> = Vec::new();
        for (field, declared) in schema.record(record).fields_with_ids() {
            let below = format!("{path}.{}", declared.name);
            match selected.iter().find(|(f, _)| *f == field) {
                // Callers do not fill it.
                None if schema.rules(record, field).is_some_and(|r| r.behavior.output_only) => {}
                // It always says the same: by it a record of a file is told from others.
                None if declared.fixed.is_some() => {}
                None if is_ignored(&below) || (depth == 0 && skip == Some(declared.name.as_str())) => {}
                None => unread.push(&declared.name),
                Some((_, selected)) => {
                    let node = selected.node.or(selected.item.and_then(|i| i.node));
                    if let (Some(node), portolan_schema::TypeId::Record(record)) = (node, declared.ty) {
                        let shown = if shown.is_empty() {
                            declared.name.clone()
                        } else {
                            format!("{shown}.{}", declared.name)
                        };
                        self.unread(node, record, &shown, &below, ignored, rules, skip, depth + 1);
                    }
                }
            }
        }
        if unread.is_empty()
            || ignored.iter().any(|(i, below)| *below && (i == path || path.starts_with(&format!("{i}."))))
        {
            return;
        }
        let of = if shown.is_empty() { "the request".to_owned() } else { format!("`{shown}`") };
        let prefix = if shown.is_empty() { String::new() } else { format!("{shown}.") };
        let message = format!("nothing reads these fields of {of}: {}", unread.join(", "));
        let help = match unread.as_slice() {
            [one] => format!("map it, or say that it is not wanted: ignore: [ {prefix}{one} ]"),
            _ if prefix.is_empty() => {
                format!("map them, or say that they are not wanted: ignore: [ {} ]", unread.join(", "))
            }
            _ => format!("map them, or say that they are not wanted: ignore: [ {prefix}* ]"),
        };
        self.findings
            .push(Diagnostic::warning(Code::MAP_SOURCE_UNUSED, message).at(rules.span, "").help(help));
    }

    /// The fields that may be shown.
    pub(super) fn visible(&mut self, leaves: &[Leaf], bare: bool) -> Vec<VisibleField> {
        let mut visible = Vec::new();
        for leaf in leaves {
            let Some(path) = bare_path(&leaf.text) else {
                self.report(Code::YAML_BAD_VALUE, "this is not a path", leaf, &(0..leaf.text.len()));
                continue;
            };
            let names: Vec<&str> = path.iter().map(|s| s.name.as_str()).collect();
            let source = &self.scope.message;
            match fields_of(source.schema, source.document, &names, bare) {
                Ok(fields)
                    if fields.iter().any(|(record, field)| source.schema.field(*record, *field).redact) =>
                {
                    let message = format!("the contract forbids to show `{}` (debug_redact)", leaf.text);
                    self.report(Code::YAML_BAD_VALUE, message, leaf, &(0..leaf.text.len()));
                }
                Ok(fields) => visible.push(VisibleField { path: leaf.text.clone(), fields }),
                Err(Stray { at: index, known }) => {
                    let wrong = &path[index.min(path.len() - 1)];
                    let message = format!("nothing here is named `{}`", wrong.name);
                    let finding =
                        Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(leaf.place(&wrong.place), "");
                    self.findings.push(finding.did_you_mean(&wrong.name, known.iter().map(String::as_str)));
                }
            }
        }
        visible
    }
}
