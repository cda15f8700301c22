//! Conditions that can never hold: texts in columns that are wider, columns that no record has, values that a field cannot have.

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    MAX_FINDINGS,
    texts::{self, storage},
};
use crate::layout::{
    Form, Framing, Layout, Matches, NodeId, Reference, Rule, Short, Test,
    read::{Spans, TestSpan},
};

/// Tests that no record can pass. `path` is the item whose condition it is, empty for the record's own.
pub(super) fn check(
    layout: &Layout,
    id: NodeId,
    rule: &Rule,
    spans: &Spans,
    path: &[u32],
    findings: &mut Vec<Diagnostic>,
) {
    let before = findings.len();
    for (index, tests) in rule.any.iter().enumerate() {
        for (at, test) in tests.iter().enumerate() {
            if findings.len() - before >= MAX_FINDINGS {
                return;
            }
            let place = spans.rule(path).and_then(|rule| rule.get(index)?.get(at));
            let place = Place { test: place, or: spans.item(path) };
            match test {
                Test::Columns { from, to: Some(to), matches } => {
                    beyond(layout, id, *to, &place, findings);
                    widths(layout, to - from, matches, &place, findings);
                }
                Test::Value(reference, matches) => value(layout, reference, matches, &place, findings),
                Test::Length(from, to) => length(layout, id, (*from, *to), &place, findings),
                _ => {}
            }
        }
    }
}

/// Where a test stands.
struct Place<'s> {
    test: Option<&'s TestSpan>,
    or: Span,
}

impl Place<'_> {
    fn key(&self) -> Span {
        self.test.map_or(self.or, |test| test.key)
    }

    fn text(&self, index: usize) -> Span {
        self.test.and_then(|test| test.texts.get(index)).copied().unwrap_or_else(|| self.key())
    }
}

/// Columns that no record has.
fn beyond(layout: &Layout, id: NodeId, to: u32, place: &Place<'_>, findings: &mut Vec<Diagnostic>) {
    let longest = layout.node(id).shape.as_ref().and_then(|shape| shape.length.1);
    let delimited = matches!(layout.file.framing, Framing::Delimited(_));
    let Some(longest) = longest.filter(|longest| to > *longest && !delimited) else { return };
    if layout.file.short == Short::Refuse {
        let message = format!("`{}` has {longest} bytes, and none in column {to}", layout.path(id));
        findings.push(Diagnostic::warning(Code::LAYOUT_NEVER, message).at(place.key(), ""));
    }
}

/// Texts that are longer or shorter than their columns.
fn widths(layout: &Layout, wide: u32, matches: &Matches, place: &Place<'_>, findings: &mut Vec<Diagnostic>) {
    if layout.file.encoding.width() != Some(1) || matches!(layout.file.framing, Framing::Delimited(_)) {
        return;
    }
    let columns = if wide == 1 { "1 column".to_owned() } else { format!("{wide} columns") };
    let mut tell = |index: usize, message: String, help: String| {
        findings.push(Diagnostic::error(Code::LAYOUT_NEVER, message).at(place.text(index), "").help(help));
    };
    match matches {
        Matches::Literals(texts) => {
            for (index, text) in texts.iter().enumerate() {
                let has = text.chars().count();
                if has as u64 == u64::from(wide) {
                    continue;
                }
                let message = format!("`{text}` never stands in {columns}: it has {}", characters(has));
                let help = match has < wide as usize {
                    _ if text.contains("..") => "a range is written without quotes, `10..20`",
                    _ if text.starts_with('/') => "a regular expression is written `{ matches: \"[0-9]+\" }`",
                    true => "write the blanks or zeros that stand there too, or fewer columns",
                    false => "write as many columns as the text has characters",
                };
                tell(index, message, help.to_owned());
            }
        }
        Matches::Range(from, to) => {
            let has = from.chars().count();
            if has as u64 != u64::from(wide) {
                let message =
                    format!("`{from}..{to}` never stands in {columns}: its ends have {}", characters(has));
                tell(0, message, "write as many columns as each end has characters".to_owned());
            } else if from > to {
                let message = format!("nothing is within `{from}..{to}`");
                tell(0, message, format!("write the lesser end first: `{to}..{from}`"));
            }
        }
        // What is not there is not, however long it would be.
        _ => {}
    }
}

fn characters(count: usize) -> String {
    if count == 1 { "1 character".to_owned() } else { format!("{count} characters") }
}

/// Texts that a field can never be.
fn value(
    layout: &Layout,
    reference: &Reference,
    matches: &Matches,
    place: &Place<'_>,
    findings: &mut Vec<Diagnostic>,
) {
    let Matches::Literals(texts) = matches else { return };
    let shape = layout.node(reference.record).shape.as_ref();
    let Some(item) = shape.and_then(|shape| shape.at(&reference.item)) else { return };
    let Some(storage) = storage(&item.content) else { return };
    for (index, text) in texts.iter().enumerate() {
        let never = |why: String| {
            let message = format!("`{}` is never `{text}`: {why}", item.name);
            Diagnostic::error(Code::LAYOUT_NEVER, message).at(place.text(index), "")
        };
        if let Some(why) = texts::misfit(storage, item.extent, text) {
            findings.push(never(why));
            continue;
        }
        if let Form::Text(form) = &storage.form
            && form.trim.right
            && text.ends_with(form.pad)
            && !text.trim_end_matches(form.pad).is_empty()
        {
            let bare = text.trim_end_matches(form.pad);
            let finding = never("values have no padding".to_owned());
            findings.push(finding.help(format!("write `{bare}`")));
            continue;
        }
        let values = super::values::listed(layout, reference.record, &reference.item);
        if let Some(values) = values
            && !values.is_empty()
            && !values.contains(&&**text)
        {
            let finding = never("it is none of its `values`".to_owned());
            findings.push(finding.did_you_mean(text, values));
        }
    }
}

/// Lengths that no record has.
fn length(
    layout: &Layout,
    id: NodeId,
    (from, to): (u32, u32),
    place: &Place<'_>,
    findings: &mut Vec<Diagnostic>,
) {
    let file = &layout.file;
    let message = match (&file.framing, layout.node(id).shape.as_ref()) {
        (Framing::Fixed { length, .. }, _) => {
            let data = length.saturating_sub(file.record_margins.0.saturating_add(file.record_margins.1));
            if (from..=to).contains(&data) {
                return;
            }
            format!("every record has {data} bytes")
        }
        (Framing::Lines { length: None, .. } | Framing::Prefixed(_) | Framing::Blocked(..), Some(shape))
            if to < shape.length.0 && file.short == Short::Refuse =>
        {
            format!("the fields of `{}` need {} bytes", layout.path(id), shape.length.0)
        }
        _ => return,
    };
    findings.push(Diagnostic::warning(Code::LAYOUT_NEVER, message).at(place.text(0), ""));
}
