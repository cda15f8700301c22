//! The items of a record that were laid already, by which others are counted or renamed.

use std::collections::BTreeMap;

use super::syntax::Named;

/// An item that was laid.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// In capital letters; then those of what it is in, innermost first.
    names: Vec<String>,
    /// Its index at each level of the shape, from the record down.
    pub(super) path: Vec<u32>,
    /// Where its first byte is in the record, all that varies at its most.
    pub(super) offset: u64,
    /// How many bytes all its occurrences have.
    pub(super) length: u64,
    /// Whether it lies at that place in every record.
    pub(super) is_fixed: bool,
    /// Whether it holds others.
    pub(super) is_group: bool,
}

/// All of them, in the order of the copybook.
#[derive(Default)]
pub(super) struct Register {
    items: Vec<Known>,
    /// Those of one name.
    named: BTreeMap<String, Vec<usize>>,
    /// The names of what is open, outermost first.
    within: Vec<String>,
}

impl Register {
    /// Adds an item, before what is in it. Gives its index, by which [`Register::measure`] completes it.
    pub(super) fn add(&mut self, name: Option<&str>, path: Vec<u32>, offset: u64, is_group: bool) -> usize {
        let own = name.unwrap_or_default().to_ascii_uppercase();
        if !own.is_empty() {
            self.named.entry(own.clone()).or_default().push(self.items.len());
        }
        let names = std::iter::once(own);
        let names = names.chain(self.within.iter().rev().filter(|name| !name.is_empty()).cloned()).collect();
        self.items.push(Known { names, path, offset, length: 0, is_fixed: false, is_group });
        self.items.len() - 1
    }

    /// Says how long an item is.
    pub(super) fn measure(&mut self, index: usize, length: u64, is_fixed: bool) {
        if let Some(item) = self.items.get_mut(index) {
            (item.length, item.is_fixed) = (length, is_fixed);
        }
    }

    /// What follows is within this.
    pub(super) fn enter(&mut self, name: Option<&str>) {
        self.within.push(name.unwrap_or_default().to_ascii_uppercase());
    }

    /// The group ends.
    pub(super) fn leave(&mut self) {
        self.within.pop();
    }

    /// The item that a name means at a place: the nearest one before it that is in all that the name says.
    pub(super) fn find(&self, name: &[Named], near: &[u32]) -> Option<&Known> {
        let wanted: Vec<String> = name.iter().map(|name| name.text.to_ascii_uppercase()).collect();
        let common = |item: &Known| item.path.iter().zip(near).take_while(|(a, b)| a == b).count();
        let named = self.named.get(wanted.first()?)?.iter().filter_map(|index| self.items.get(*index));
        named.filter(|item| item.is_called(&wanted)).max_by_key(|item| common(item))
    }

    /// Every name, for messages.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.items
            .iter()
            .filter_map(|item| item.names.first().map(String::as_str))
            .filter(|name| !name.is_empty())
    }
}

impl Known {
    fn is_called(&self, wanted: &[String]) -> bool {
        let Some((first, qualifiers)) = wanted.split_first() else { return false };
        if self.names.first() != Some(first) {
            return false;
        }
        let mut around = self.names.iter().skip(1);
        qualifiers.iter().all(|qualifier| around.any(|name| name == qualifier))
    }
}
