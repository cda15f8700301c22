//! Diagnostics as text for people, and as records for programs.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::{Diagnostic, Position, Severity, Sources};

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
        let mut snippet = Snippet::source(&*file.text).path(&*file.name);
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
