//! Where the parts of a layout were declared: for those who check it once every name is known.

use std::collections::HashMap;

use portolan_diagnostics::Span;
use portolan_syntax::yaml::Entry;

/// Where the parts of one record stand.
#[derive(Debug)]
pub(crate) struct Spans {
    /// The record's name.
    pub(crate) node: Span,
    items: HashMap<Vec<u32>, ItemSpans>,
    /// The record's own `when:`.
    when: Option<RuleSpans>,
}

#[derive(Debug)]
struct ItemSpans {
    name: Span,
    /// The values of its keys, by the key.
    keys: Vec<(String, Span)>,
    when: Option<RuleSpans>,
}

/// Where the tests of a condition stand, as [`super::super::Rule`] has them.
pub(crate) type RuleSpans = Vec<Vec<TestSpan>>;

/// Where a test stands.
#[derive(Debug, Clone)]
pub(crate) struct TestSpan {
    /// What it asks of: the columns, the field.
    pub(crate) key: Span,
    /// What is expected there; of several texts each.
    pub(crate) texts: Vec<Span>,
}

impl Spans {
    /// Of a record whose name stands there.
    pub(super) fn new(node: Span) -> Self {
        Self { node, items: HashMap::new(), when: None }
    }

    /// Notes where an item is declared: its name, and the values of its keys.
    pub(super) fn remember(&mut self, path: &[u32], name: Span, keys: &[Entry]) {
        let keys = keys.iter().map(|entry| (entry.key.clone(), entry.value.span)).collect();
        self.items.insert(path.to_vec(), ItemSpans { name, keys, when: None });
    }

    /// Notes where a condition stands: of the item of that path, or of the record itself.
    pub(super) fn remember_rule(&mut self, path: &[u32], rule: RuleSpans) {
        match path {
            [] => self.when = Some(rule),
            path => {
                if let Some(item) = self.items.get_mut(path) {
                    item.when = Some(rule);
                }
            }
        }
    }

    /// Whether the layout file itself declares the item, and no copybook.
    pub(crate) fn declares(&self, path: &[u32]) -> bool {
        self.items.contains_key(path)
    }

    /// Where an item is declared; the record, where the item has no place of its own.
    pub(crate) fn item(&self, path: &[u32]) -> Span {
        self.items.get(path).map_or(self.node, |item| item.name)
    }

    /// Where the value of a key of an item stands; the item, where it has no such key.
    pub(crate) fn key(&self, path: &[u32], key: &str) -> Span {
        let item = self.items.get(path);
        let found = item.and_then(|item| item.keys.iter().find(|(name, _)| name == key));
        found.map_or_else(|| self.item(path), |(_, span)| *span)
    }

    /// Whether an item is declared with a key.
    pub(crate) fn has(&self, path: &[u32], key: &str) -> bool {
        self.items.get(path).is_some_and(|item| item.keys.iter().any(|(name, _)| name == key))
    }

    /// The condition of an item, or with an empty path of the record.
    pub(crate) fn rule(&self, path: &[u32]) -> Option<&RuleSpans> {
        match path {
            [] => self.when.as_ref(),
            path => self.items.get(path)?.when.as_ref(),
        }
    }
}
