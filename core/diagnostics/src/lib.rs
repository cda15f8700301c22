//! What went wrong, where, and what to do about it: the one shape in which every reader, checker and command
//! of Portolan reports what it found in a file that a person wrote.
//!
//! A parser returns its value *and all* of its diagnostics; it does not stop at the first. Rendering is here too,
//! so that the same finding looks the same in `check`, in `serve` and in a test.

mod catalog;
mod edit;
mod render;
mod source;

pub use catalog::{CATALOG, Code, Entry, find};
pub use edit::{Edit, cured};
pub use render::{Rendered, RenderedEdit, render};
pub use source::{Position, Source, SourceId, Sources, Span};

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Said for completeness; never makes `check` fail.
    Note,
    /// A finding: `check` exits 1, `serve` starts all the same.
    Warning,
    /// The route cannot be served.
    Error,
}

/// A place that a diagnostic speaks of, with what to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What to print under the underlined text; may be empty.
    pub text: String,
}

/// One finding: a code, a place, what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code, which has a page of its own.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The place at fault first; then others that explain it.
    pub labels: Vec<Label>,
    /// What to do, each in one sentence.
    pub help: Vec<String>,
    /// The change of the file that does it, where there is exactly one thing to do.
    pub edit: Option<Edit>,
}

impl Diagnostic {
    /// A finding that stops the route from being served.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A finding that `check` reports and `serve` tolerates.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// Something worth knowing.
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        let message = in_one_line(message.into());
        Self { code, severity, message, labels: Vec::new(), help: Vec::new(), edit: None }
    }

    /// Adds the place; the first one given is the place at fault.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(in_one_line(text.into()));
        self
    }

    /// Offers the one cure that there is: `new` where `old` stands now.
    #[must_use]
    pub fn edit(mut self, span: Span, old: impl Into<String>, new: impl Into<String>) -> Self {
        self.edit = Some(Edit { span, old: old.into(), new: new.into() });
        self
    }

    /// The same without a change that could be made unseen: which of several things is meant is for a person to say.
    #[must_use]
    pub fn for_a_person(mut self) -> Self {
        self.edit = None;
        self
    }

    /// Adds "did you mean", where something near is known. If nothing else is near and the place at fault is the name itself,
    /// it is the cure.
    #[must_use]
    pub fn did_you_mean<'a>(self, wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        let near = near(wrong, candidates);
        let Some((_, best)) = near.iter().min_by_key(|(distance, _)| *distance) else { return self };
        let finding = self.help(format!("did you mean `{best}`?"));
        let only = near.iter().all(|(_, name)| name == best);
        // What would need quotes or escapes is for a person to write.
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
        // Names with other numbers are mostly others: sha256 for sha512, a calendar of another year.
        let digits = |name: &str| name.chars().filter(char::is_ascii_digit).collect::<String>();
        let only = only && digits(wrong) == digits(best);
        match finding.labels.first().map(|label| label.span) {
            Some(span) if only && best.chars().all(plain) => finding.edit(span, wrong, *best),
            _ => finding,
        }
    }
}

/// A sentence that quotes something stays one line, and shows what cannot be seen as a mapping writes it: a line end as `\n`.
fn in_one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// A value, where one could be made, with everything that was found on the way.
#[derive(Debug)]
pub struct Checked<T> {
    /// The value; `None` where an error made it impossible.
    pub value: Option<T>,
    /// All findings, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl<T> Checked<T> {
    /// The value, unless any finding is an error.
    pub fn into_result(self) -> Result<(T, Vec<Diagnostic>), Vec<Diagnostic>> {
        let failed = self.diagnostics.iter().any(|d| d.severity == Severity::Error);
        match self.value {
            Some(value) if !failed => Ok((value, self.diagnostics)),
            _ => Err(self.diagnostics),
        }
    }
}

/// The candidate that a person most likely meant, if any is near: at most a third of the letters differ,
/// case and separators aside.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(wrong, candidates).into_iter().min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// The candidates that are near, each with how far it is.
fn near<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<(usize, &'a str)> {
    let plain = |s: &str| s.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let wanted = plain(wrong);
    candidates
        .into_iter()
        .map(|c| (distance(&wanted, &plain(c)), c))
        .filter(|(d, c)| *d * 3 <= wanted.chars().count().max(c.chars().count()))
        .collect()
}

/// Edits between two strings (insertion, deletion, substitution, transposition of neighbours).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let width = b.len() + 1;
    let mut cost = vec![0usize; (a.len() + 1) * width];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            let here = i * width + j;
            if i == 0 || j == 0 {
                cost[here] = i + j;
                continue;
            }
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best =
                (cost[here - width] + 1).min(cost[here - 1] + 1).min(cost[here - width - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(cost[here - 2 * width - 2] + 1);
            }
            cost[here] = best;
        }
    }
    cost[a.len() * width + b.len()]
}

#[cfg(test)]
mod tests {
    use super::{Code, Diagnostic, SourceId, Span, nearest};

    #[test]
    fn a_name_with_other_numbers_is_no_slip() {
        let meant = |wrong: &str, name| {
            let finding =
                Diagnostic::error(Code::MAP_UNKNOWN_PATH, "").at(Span::new(SourceId(0), 0..wrong.len()), "");
            let finding = finding.did_you_mean(wrong, [name]);
            (finding.help.len(), finding.edit.is_some())
        };
        assert_eq!(meant("hmac_sha2561", "hmac_sha256"), (1, false));
        assert_eq!(meant("hmac_sha512", "hmac_sha256"), (1, false));
        assert_eq!(meant("hmac_shq256", "hmac_sha256"), (1, true));
    }

    #[test]
    fn nearest_forgives_case_separators_and_slips() {
        let names = ["PersonCode", "AsOf", "Reason"];
        assert_eq!(nearest("person_code", names), Some("PersonCode"));
        assert_eq!(nearest("PesronCode", names), Some("PersonCode"));
        assert_eq!(nearest("reson", names), Some("Reason"));
        assert_eq!(nearest("turnover", names), None);
    }
}
