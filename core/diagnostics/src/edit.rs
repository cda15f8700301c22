//! Cures that need no thought: what a finding offers to change in the file, and how such changes are made.

use std::ops::Range;

use crate::{Diagnostic, SourceId, Sources, Span};

/// A change of a file that cures a finding and does nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced. Its quotes, if it stands in quotes and `old` does not, stay; so does a prefix, as in `xs:date`.
    pub span: Span,
    /// What stands there. Where the file says something else, there is nothing to change.
    pub old: String,
    /// What is to stand there.
    pub new: String,
}

impl Edit {
    /// The bytes that are replaced, if the file says what the finding believes.
    pub fn place(&self, sources: &Sources) -> Option<Range<usize>> {
        let range = self.span.start as usize..self.span.end as usize;
        let found = sources.get(self.span.source)?.text.get(range.clone())?;
        if found == self.old {
            return Some(range);
        }
        let quoted = ['"', '\''].into_iter().any(|quote| {
            let inner = found.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            inner == Some(&self.old)
        });
        if quoted {
            return Some(range.start + 1..range.end - 1);
        }
        // `xs:dat`: the prefix of a qualified name stays.
        let prefix = found.strip_suffix(&*self.old).filter(|prefix| prefix.ends_with(':'))?;
        Some(range.start + prefix.len()..range.end)
    }
}

/// The text of a file with the cures of its findings, and which of the findings those are. Of cures that overlap, the first
/// in the file is made.
pub fn cured(findings: &[Diagnostic], file: SourceId, sources: &Sources) -> Option<(String, Vec<usize>)> {
    let text = &sources.get(file)?.text;
    let offered = findings.iter().enumerate().filter_map(|(index, finding)| {
        let edit = finding.edit.as_ref().filter(|edit| edit.span.source == file)?;
        Some((edit.place(sources)?, edit.new.as_str(), index))
    });
    let mut edits: Vec<(Range<usize>, &str, usize)> = offered.collect();
    edits.sort_by_key(|(place, _, index)| (place.start, *index));
    let (mut out, mut done, mut end) = (String::with_capacity(text.len()), Vec::new(), 0);
    for (place, new, index) in edits {
        // Nothing is replaced twice, nor is anything put in at the end of what was.
        let Some(between) = text.get(end..place.start).filter(|_| done.is_empty() || place.start > end)
        else {
            continue;
        };
        out.push_str(between);
        out.push_str(new);
        end = place.end;
        done.push(index);
    }
    out.push_str(text.get(end..)?);
    (!done.is_empty()).then_some((out, done))
}

#[cfg(test)]
mod tests {
    use super::cured;
    use crate::{Code, Diagnostic, Sources, Span};

    #[test]
    fn cures_are_made_once_and_only_where_the_file_says_what_is_believed() {
        let mut sources = Sources::default();
        let id = sources.add("m.yaml", "a: \"nme\"\nb: 01\nc: x\n");
        let finding = |range, old: &str, new: &str| {
            let span = Span::new(id, range);
            Diagnostic::error(Code::YAML_TRAP, "x").at(span, "").edit(span, old, new)
        };
        let findings = [
            finding(12..14, "01", "\"01\""),
            finding(3..8, "nme", "name"),
            finding(12..14, "01", "'01'"),
            finding(18..19, "y", "z"),
            finding(18..99, "x", "z"),
        ];
        let (text, done) = cured(&findings, id, &sources).unwrap();
        assert_eq!(text, "a: \"name\"\nb: \"01\"\nc: x\n");
        assert_eq!(done, [1, 0]);
        assert_eq!(cured(&findings[3..], id, &sources), None);
    }
}
