//! What is wrong with a file of records, for people: where, what stands there, and what to do.

use std::collections::HashSet;

use portolan_formats::records::{Problem, RecordError, RecordErrorKind, codepage::Transcoder};
use portolan_schema::{
    RecordId,
    layout::{Item, ItemContent, Layout, Start, scalar},
};

use crate::report::{Report, plural};

mod advice;

/// How many errors are told of before the rest is only counted, and as many warnings.
const SHOWN: usize = 100;
/// How many bytes are shown of what was found.
const FOUND: usize = 32;

/// Tells of problems as they come, and counts them.
pub(crate) struct Problems<'l> {
    file: String,
    layout: &'l Layout,
    errors: usize,
    warnings: usize,
    /// What was advised already: once is enough.
    advised: HashSet<&'static str>,
}

impl<'l> Problems<'l> {
    /// Of a file with this layout.
    pub(crate) fn new(file: impl Into<String>, layout: &'l Layout) -> Self {
        Self { file: file.into(), layout, errors: 0, warnings: 0, advised: HashSet::new() }
    }

    /// How many errors there were.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// Tells of one.
    pub(crate) fn tell(&mut self, problem: &Problem, report: &Report) {
        let (count, word) = match problem.warning {
            true => (&mut self.warnings, "warning"),
            false => (&mut self.errors, "error"),
        };
        *count += 1;
        if *count > SHOWN {
            if *count == SHOWN + 1 {
                report.note(format_args!("{}: further {word}s are only counted", self.file));
            }
            return;
        }
        let error = &problem.error;
        report.note(format_args!("{word}: {}: {error}", self.file));
        if let Some(picture) = self.picture(error) {
            report.note(format_args!("  field: {picture}"));
        }
        let (item, sensitive) = self.item(error).unzip();
        match error.raw.len() {
            0 => {}
            bytes if sensitive == Some(true) => {
                report.note(format_args!("  found: {}, which are sensitive", plural(bytes, "byte")));
            }
            _ if error.field.is_none()
                && let Some(shown) = self.before_sensitive(error) =>
            {
                report.note(format_args!("  found: {} ... and what is sensitive", self.found(shown)));
            }
            _ => report.note(format_args!("  found: {}", self.found(&error.raw))),
        }
        let advice = advice::of(problem, item, self.layout);
        if let Some(advice) = advice.filter(|advice| self.advised.insert(advice)) {
            report.note(format_args!("  help: {advice}"));
        }
    }

    /// `7 errors, 2 warnings`; nothing where there is none.
    pub(crate) fn counted(&self) -> Option<String> {
        let counts = [(self.errors, "error"), (self.warnings, "warning")];
        let words: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| plural(count, word))
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// The bytes, and what they are as characters of the file's encoding.
    fn found(&self, raw: &[u8]) -> String {
        let transcoder = Transcoder::new(self.layout.file.encoding);
        let character = |byte: &u8| {
            let mut text = String::new();
            let single = transcoder.is_single() && transcoder.decode(&[*byte], &mut text).is_ok();
            let shown = text.chars().next().filter(|_| single).unwrap_or(char::from(*byte));
            if shown.is_control() || !single && !byte.is_ascii() { '.' } else { shown }
        };
        let hex: Vec<String> = raw.iter().take(FOUND).map(|byte| format!("{byte:02x}")).collect();
        let text: String = raw.iter().take(FOUND).map(character).collect();
        match raw.len() > FOUND {
            true => format!("{} ... ({} bytes) |{text}|", hex.join(" "), raw.len()),
            false => format!("{} |{text}|", hex.join(" ")),
        }
    }

    /// What the layout says of the field that an error is about: its picture.
    fn picture(&self, error: &RecordError) -> Option<String> {
        let concerns_the_value = matches!(
            error.kind,
            RecordErrorKind::Value(_) | RecordErrorKind::Verify { .. } | RecordErrorKind::Filler
        );
        if !concerns_the_value {
            return None;
        }
        let (item, _) = self.item(error)?;
        match &item.content {
            ItemContent::Value(storage) => Some(scalar(storage, item.extent).name.local),
            _ => None,
        }
    }

    /// What stands before the first sensitive field of a record, where some of what was found may be sensitive.
    fn before_sensitive<'e>(&self, error: &'e RecordError) -> Option<&'e [u8]> {
        // What is behind its fields is none of them.
        if matches!(error.kind, RecordErrorKind::Long { .. }) {
            return None;
        }
        let known = error.name.as_deref().and_then(|name| self.layout.find(name));
        let nodes = self.layout.nodes().filter(|(id, _)| known.is_none_or(|known| known == *id));
        let first = nodes.filter_map(|(_, node)| {
            first_sensitive(self.layout, node.record, &node.shape.as_ref()?.items, 0)
        });
        let first = first.min()? as usize;
        error.raw.get(..first).filter(|shown| shown.len() < error.raw.len())
    }

    /// The field that an error is about, and whether it is sensitive.
    fn item(&self, error: &RecordError) -> Option<(&'l Item, bool)> {
        let node = self.layout.node(self.layout.find(error.name.as_deref()?)?);
        let (mut record, mut items) = (node.record, node.shape.as_ref()?.items.as_slice());
        let (mut found, mut sensitive) = (None, false);
        for name in error.field.as_deref()?.split('.') {
            let name = name.split('[').next().unwrap_or_default();
            let item = items.iter().find(|item| *item.name == *name)?;
            sensitive |= item.field.is_some_and(|field| self.layout.schema.field(record, field).redact);
            if let ItemContent::Group(inner, _) = &item.content {
                record = *inner;
            }
            items = item.items();
            found = Some(item);
        }
        Some((found?, sensitive))
    }
}

/// Where the first sensitive field of some items begins, at the earliest.
fn first_sensitive(layout: &Layout, record: RecordId, items: &[Item], base: u32) -> Option<u32> {
    let begins = items.iter().filter_map(|item| {
        let start = match item.start {
            Start::At(offset) => base + offset,
            _ => base,
        };
        if item.field.is_some_and(|field| layout.schema.field(record, field).redact) {
            return Some(start);
        }
        match &item.content {
            ItemContent::Group(record, items) => first_sensitive(layout, *record, items, start),
            _ => None,
        }
    });
    begins.min()
}
