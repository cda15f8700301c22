//! Diagnostics as text for people, and as records for programs.

use std::{borrow::Cow, ops::Range};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::{Code, Diagnostic, Position, Severity, Sources, Span};

/// A diagnostic with its place resolved: what `--format json` prints.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Rendered {
    /// The stable code.
    pub code: String,
    /// How much it weighs.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The file at fault, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line and column of the fault.
    #[serde(flatten)]
    pub position: Option<Position>,
    /// What to do.
    pub help: Vec<String>,
    /// The change of the file that does it, where there is exactly one thing to do; `check --fix` makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<RenderedEdit>,
}

/// An [`Edit`](crate::Edit) with its place resolved.
#[derive(Debug, Clone, serde::Serialize)]
pub struct RenderedEdit {
    /// The file to change.
    pub file: String,
    /// Line and column of the first character that is replaced.
    #[serde(flatten)]
    pub position: Position,
    /// The first byte that is replaced.
    pub start: usize,
    /// One past the last byte that is replaced.
    pub end: usize,
    /// What stands there.
    pub old: String,
    /// What is to stand there.
    pub new: String,
}

impl RenderedEdit {
    fn new(edit: &crate::Edit, sources: &Sources) -> Option<Self> {
        let Range { start, end } = edit.place(sources)?;
        Some(Self {
            file: sources.get(edit.span.source)?.name.to_string(),
            position: sources.position(Span::new(edit.span.source, start..end))?,
            start,
            end,
            old: edit.old.clone(),
            new: edit.new.clone(),
        })
    }
}

impl Rendered {
    /// Resolves the first label against the files that were read.
    pub fn new(diagnostic: &Diagnostic, sources: &Sources) -> Self {
        let span = diagnostic.labels.first().map(|l| l.span);
        Self {
            code: diagnostic.code.to_string(),
            severity: diagnostic.severity,
            message: diagnostic.message.clone(),
            file: span.and_then(|s| sources.get(s.source)).map(|f| f.name.to_string()),
            position: span.and_then(|s| sources.position(s)),
            help: diagnostic.help.clone(),
            edit: diagnostic.edit.as_ref().and_then(|edit| RenderedEdit::new(edit, sources)),
        }
    }
}

/// One diagnostic as a person reads it: the place underlined, what is wrong, what to do.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Note => Level::NOTE,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.0);
    let mut group = Group::with_title(title);
    let mut shown = Vec::new();
    for label in &diagnostic.labels {
        let id = label.span.source;
        let Some(file) = sources.get(id).filter(|_| !shown.contains(&id)) else { continue };
        shown.push(id);
        let mut snippet = Snippet::source(masked(&file.text, diagnostic)).path(&*file.name);
        for (index, label) in diagnostic.labels.iter().enumerate().filter(|(_, l)| l.span.source == id) {
            let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let mut annotation = kind.span(visible(&file.text, label.span.start, label.span.end));
            if !label.text.is_empty() {
                annotation = annotation.label(label.text.as_str());
            }
            snippet = snippet.annotation(annotation);
        }
        group = group.element(snippet);
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// The text of a file; where a finding speaks of a secret, without it, since findings are kept where files are not.
fn masked<'t>(text: &'t str, diagnostic: &Diagnostic) -> Cow<'t, str> {
    if diagnostic.code != Code::MAP_SECRET {
        return Cow::Borrowed(text);
    }
    let mut shown = text.to_owned();
    for label in &diagnostic.labels {
        let place = visible(text, label.span.start, label.span.end);
        shown.replace_range(place.clone(), &"*".repeat(place.len()));
    }
    Cow::Owned(shown)
}

/// A span cut to whole characters of the text, and to one line so that a whole block is not underlined.
fn visible(text: &str, start: u32, end: u32) -> std::ops::Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, end) = (floor(start as usize), floor(end as usize));
    let line = text[start..end.max(start)].find('\n').map_or(end.max(start), |n| start + n);
    start..line
}

#[cfg(test)]
mod tests {
    use super::{Rendered, render};
    use crate::{Code, Diagnostic, Sources, Span};

    #[test]
    fn shows_place_text_and_help() {
        let mut sources = Sources::default();
        let id = sources.add("m.yaml", "body:\n  Persn: id\n");
        let d = Diagnostic::error(Code::MAP_UNKNOWN_PATH, "no field `Persn`")
            .at(Span::new(id, 8..13), "not in PersonQuery")
            .did_you_mean("Persn", ["Person"]);
        let text = render(&d, &sources, false);
        assert!(text.contains("error[map/unknown-path]: no field `Persn`"), "{text}");
        assert!(text.contains("m.yaml:2:3"), "{text}");
        assert!(text.contains("^^^^^ not in PersonQuery"), "{text}");
        assert!(text.contains("help: did you mean `Person`?"), "{text}");
        let json = Rendered::new(&d, &sources);
        assert_eq!(json.position.map(|p| (p.line, p.column)), Some((2, 3)));
    }

    #[test]
    fn spans_outside_the_text_do_not_panic() {
        let mut sources = Sources::default();
        let id = sources.add("m.yaml", "ä");
        for range in [0..1, 1..2, 5..9, 0..99] {
            render(&Diagnostic::error(Code::YAML_SYNTAX, "x").at(Span::new(id, range), ""), &sources, false);
        }
    }
}
