//! The names by which mappings reach items.

use std::collections::BTreeMap;

/// A COBOL name as the language writes it: hyphens become underscores, and a name all of whose letters are capitals is written
/// small. What would begin with a digit begins with an underscore.
pub(super) fn written(name: &str) -> String {
    let small = !name.chars().any(char::is_lowercase);
    let mut out = String::with_capacity(name.len() + 1);
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    for c in name.chars() {
        match c {
            _ if !(c.is_alphanumeric() || c == '_') => out.push('_'),
            _ if small => out.extend(c.to_lowercase()),
            _ => out.push(c),
        }
    }
    out
}

/// The names of one group, each with the number that was given last.
#[derive(Default)]
pub(super) struct Taken(BTreeMap<String, u32>);

impl Taken {
    /// The name, or where it is taken the name with a number.
    pub(super) fn distinct(&mut self, name: String) -> String {
        let mut number = self.0.get(&name).copied().unwrap_or(0);
        let mut distinct = name.clone();
        while number > 0 && self.0.contains_key(&distinct) {
            number += 1;
            distinct = format!("{name}_{number}");
        }
        self.0.insert(name, number.max(1));
        self.0.entry(distinct.clone()).or_insert(1);
        distinct
    }
}

/// What items without a name are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FillerNames {
    /// They have no value.
    #[default]
    None,
    /// `filler_p1`, `filler_p2` where they are values, `filler_1`, `filler_2` where they are groups: counted through the record.
    Numbered,
    /// `filler_after_` and the name of what stands before.
    AfterPrevious,
}
