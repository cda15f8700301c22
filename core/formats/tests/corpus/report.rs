//! What was found in all files.

use std::collections::BTreeMap;

use portolan_formats::records::RecordFile;

use crate::{
    decoded::{Decoded, rewritten},
    json::{Json, same_number},
};

/// What was found in all files.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) files: usize,
    pub(crate) values: usize,
    pub(crate) mismatches: Vec<String>,
    /// Files that are refused, with the reason.
    pub(crate) refused: Vec<(String, String)>,
    /// Files that are made of their values alone and read the same.
    pub(crate) rewritten: usize,
    /// Files that are written again as they were without a byte kept beside their values.
    pub(crate) canonical: Vec<String>,
    /// What upstream expects and cannot be, with the reason.
    pub(crate) excepted: Vec<String>,
}

impl Report {
    /// Notes a file: refused with a reason, or the same again when it is written. Whether it is not refused.
    pub(crate) fn file(&mut self, file: &str, decoded: &Decoded, bytes: &[u8]) -> bool {
        self.files += 1;
        if let Some(problem) = decoded.refused() {
            self.refused.push((file.to_owned(), problem.error.to_string()));
            return false;
        }
        match &decoded.again {
            Some(again) if again == bytes => {}
            Some(again) => {
                let at =
                    again.iter().zip(bytes).position(|(a, b)| a != b).unwrap_or(again.len().min(bytes.len()));
                self.mismatches.push(format!("{file}: it is written otherwise from byte {at} on"));
            }
            None => self.mismatches.push(format!("{file}: it is not written again")),
        }
        if decoded.canonical && !self.canonical.iter().any(|known| known == file) {
            self.canonical.push(file.to_owned());
        }
        true
    }

    /// All of it, for people.
    pub(crate) fn told(&self) -> String {
        let mut text = format!(
            "{} files, {} values compared, {} mismatches, {} refused, {} canonical, {} made of their values alone\n",
            self.files,
            self.values,
            self.mismatches.len(),
            self.refused.len(),
            self.canonical.len(),
            self.rewritten
        );
        for (file, reason) in &self.refused {
            text.push_str(&format!("refused: {file}: record {reason}\n"));
        }
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for excepted in &self.excepted {
            *reasons.entry(excepted.split_once(": ").map_or("", |(_, reason)| reason)).or_default() += 1;
        }
        for (reason, times) in reasons {
            text.push_str(&format!("excepted {times} times: {reason}\n"));
        }
        text
    }

    /// Nothing is otherwise than it should be.
    pub(crate) fn succeed(&self) {
        let shown = self.mismatches.iter().take(60).cloned().collect::<Vec<_>>().join("\n");
        assert!(self.mismatches.is_empty(), "{} mismatches\n{shown}", self.mismatches.len());
    }

    /// A file that is not refused, made of its values alone, reads the same.
    pub(crate) fn rewritten(&mut self, name: &str, file: &RecordFile, bytes: &[u8]) {
        match rewritten(file, bytes) {
            None => self.rewritten += 1,
            Some(wrong) => self.mismatches.push(format!("{name}: its values make another file: {wrong}")),
        }
    }

    /// Compares a value.
    pub(crate) fn value(&mut self, place: &str, expected: &Json, found: Option<&Json>) {
        self.test(place, same(expected, found), expected, found);
    }

    /// Notes whether a value is what it should be.
    pub(crate) fn test(&mut self, place: &str, same: bool, expected: &Json, found: Option<&Json>) {
        self.values += 1;
        if !same {
            self.mismatches.push(format!("{place}: expected {expected:?}, found {found:?}"));
        }
    }
}

/// Whether a value is what is expected: numbers as numbers, nothing as an empty text.
pub(crate) fn same(expected: &Json, found: Option<&Json>) -> bool {
    match (expected, found) {
        (Json::Null, None | Some(Json::Null)) => true,
        (Json::Text(expected), None | Some(Json::Null)) => expected.is_empty(),
        (Json::Text(expected), Some(Json::Text(found))) => expected == found,
        (Json::Bare(expected), Some(Json::Bare(found))) => same_number(expected, found),
        (Json::Group(members), None) => members.is_empty(),
        (Json::List(items), None) => items.is_empty(),
        _ => false,
    }
}
