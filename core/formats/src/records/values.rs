//! The values of one record, in their order, for whoever wants all of them.

use bumpalo::Bump;
use portolan_schema::layout::{Extent, Short, Times};

use super::{
    RecordErrorKind,
    formula::Facts,
    part::{Part, PartKind},
    walk::{self, Found, Occurrence},
};
use crate::{Value, ValueProblem};

/// Takes the values of a record. Names are those of the layout; fillers and what is absent are not told of.
pub trait Sink {
    /// A value.
    fn value(&mut self, name: &str, value: Value<'_>, single: bool);
    /// A group begins; without a name it is an item of a list.
    fn group(&mut self, name: Option<&str>);
    /// The group ends.
    fn group_end(&mut self);
    /// A list begins.
    fn list(&mut self, name: &str);
    /// An item of a list of values; `Absent` holds its place.
    fn item(&mut self, value: Value<'_>, single: bool);
    /// The list ends.
    fn list_end(&mut self);
}

/// Takes nothing: for those who only test.
pub struct Nowhere;

impl Sink for Nowhere {
    fn value(&mut self, _: &str, _: Value<'_>, _: bool) {}
    fn group(&mut self, _: Option<&str>) {}
    fn group_end(&mut self) {}
    fn list(&mut self, _: &str) {}
    fn item(&mut self, _: Value<'_>, _: bool) {}
    fn list_end(&mut self) {}
}

/// What is wrong with a field.
pub(super) struct FieldProblem {
    pub(super) field: String,
    pub(super) at: usize,
    pub(super) length: usize,
    pub(super) kind: RecordErrorKind,
}

/// Reads the values of a record.
pub(super) struct Values<'v, 'a, S> {
    pub(super) facts: Facts<'a>,
    pub(super) arena: &'a Bump,
    pub(super) short: Short,
    pub(super) sink: &'v mut S,
    pub(super) problems: &'v mut Vec<FieldProblem>,
    /// The names that lead to the current group.
    pub(super) path: String,
}

impl<'a, S: Sink> Values<'_, 'a, S> {
    /// The values of some parts that begin at `base`; the byte after the last.
    pub(super) fn parts(&mut self, parts: &'a [Part], base: usize) -> usize {
        let (facts, arena) = (self.facts, self.arena);
        let (mut variants, mut chosen) = (false, false);
        let end = walk::each(parts, base, &facts, arena, &mut |found, length| {
            variants |= found.part.variant;
            chosen |= found.part.variant && found.count > 0;
            self.part(&found, length);
        });
        if variants && !chosen {
            self.problem("", base, 0, RecordErrorKind::NoVariant);
        }
        end
    }

    fn problem(&mut self, name: &str, at: usize, length: usize, kind: RecordErrorKind) {
        let field = match (self.path.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (false, true) => self.path.clone(),
            (false, false) => format!("{}.{name}", self.path),
        };
        self.problems.push(FieldProblem { field, at, length, kind });
    }

    fn part(&mut self, found: &Found<'a>, length: &dyn Fn(usize) -> usize) {
        let part = found.part;
        if found.count == 0 && matches!(part.times, Times::Once) {
            return;
        }
        if let Times::Counted { least, most, by, words, .. } = &part.times {
            if found.count < *least as usize && (part.when.is_none() || by.is_empty()) {
                let kind = RecordErrorKind::Few { found: found.count, least: *least };
                self.problem(&part.name, found.start, 0, kind);
            }
            if found.count == *most as usize && !by.is_empty() {
                self.test_count(part, by, words, *most);
            }
        }
        if let (Extent::Counted(most), Some(by)) = (part.extent, &part.measured) {
            self.test_count(part, by, &[], most);
        }
        match (&part.kind, &part.times) {
            (PartKind::Filler { fill, exact }, _) => {
                let end = found.start.saturating_add(length(found.start));
                let bytes = self.facts.bytes(found.start..end);
                if *exact && !bytes.is_some_and(|bytes| fill.is(bytes)) {
                    self.problem("", found.start, end - found.start, RecordErrorKind::Filler);
                }
            }
            (PartKind::Value(_), Times::Once) => {
                let at = found.start;
                if let Some((value, single)) = self.value(part, at, length(at), &part.name)
                    && value != Value::Absent
                {
                    self.sink.value(&part.name, value, single);
                }
            }
            // What has no name is reached by nobody.
            (PartKind::Group(_), _) if part.name.is_empty() => {}
            (PartKind::Group(parts), Times::Once) => {
                self.sink.group(Some(&part.name));
                let before = self.path.len();
                self.step(&part.name);
                self.parts(parts, found.start);
                self.path.truncate(before);
                self.sink.group_end();
            }
            (kind, _) => {
                self.sink.list(&part.name);
                let before = self.path.len();
                let mut at = found.start;
                for index in 0..found.count {
                    let bytes = length(at);
                    self.path.truncate(before);
                    match kind {
                        PartKind::Value(_) => {
                            let name = format!("{}[{index}]", part.name);
                            let value = self.value(part, at, bytes, &name);
                            let (value, single) = value.unwrap_or((Value::Absent, false));
                            self.sink.item(value, single);
                        }
                        PartKind::Group(parts) => {
                            self.step(&format!("{}[{index}]", part.name));
                            self.sink.group(None);
                            let outer = self.facts.within;
                            self.facts.within = Some(self.arena.alloc(Occurrence { part, base: at, outer }));
                            self.parts(parts, at);
                            self.facts.within = outer;
                            self.sink.group_end();
                        }
                        PartKind::Filler { .. } => {}
                    }
                    at = at.saturating_add(bytes);
                }
                self.path.truncate(before);
                self.sink.list_end();
            }
        }
    }

    /// A count that says more than there can be was cut to its most.
    fn test_count(&mut self, part: &Part, by: &[u32], words: &[(Box<str>, u32)], most: u32) {
        let Some(node) = self.facts.node else { return };
        let place = super::formula::Place {
            record: node,
            item: by.into(),
            own: true,
            previous: false,
            listed: false,
        };
        let said = match place.value(&self.facts, self.arena) {
            Some(Value::Integer(said)) => said,
            Some(Value::Text(text)) if words.iter().all(|(word, _)| **word != *text) => {
                text.trim().parse().unwrap_or(0)
            }
            _ => return,
        };
        let form = self.facts.forms.get(node.0 as usize).and_then(Option::as_ref);
        if said > i128::from(most)
            && let Some(form) = form
            && let Some((_, at)) = walk::find(form, by, &self.facts, self.arena)
        {
            let by = super::read::name_of(form, by).into();
            self.problem(&part.name, at.start, at.len(), RecordErrorKind::Count { by, most });
        }
    }

    fn step(&mut self, name: &str) {
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(name);
    }

    /// A value; `None` where it cannot be read, which is noted.
    fn value(&mut self, part: &'a Part, at: usize, length: usize, name: &str) -> Option<(Value<'a>, bool)> {
        let PartKind::Value(codec) = &part.kind else { return None };
        let record = self.facts.record;
        let end = at.saturating_add(length);
        let bytes = match self.facts.bytes(at..end) {
            Some(bytes) => bytes,
            // A line that has too few values has been told of, if it may not.
            None if self.facts.columns.is_some() => return Some((Value::Absent, false)),
            None if self.short == Short::Null && at >= record.len() => return Some((Value::Absent, false)),
            None if part.extent == Extent::Rest => &[],
            None if self.short == Short::Null => record.get(at..).unwrap_or_default(),
            // What stands there only in longer records.
            None if part.shared || part.when.is_some() && at >= record.len() => {
                return Some((Value::Absent, false));
            }
            None => {
                let kind = RecordErrorKind::Short { found: record.len(), needed: end };
                self.problem(name, at.min(record.len()), record.len().saturating_sub(at), kind);
                return None;
            }
        };
        if part.exceeded(bytes) && !part.lenient {
            self.problem(name, at, length, RecordErrorKind::Value(ValueProblem::TooLong));
            return None;
        }
        let read = match &part.sign {
            _ if part.exceeded(bytes) => Ok(Value::Absent),
            None => codec.read(bytes, self.arena),
            Some(_) => part.read(bytes, &self.facts, self.arena),
        };
        match read {
            Ok(value) => {
                if let (Some(listed), Value::Text(text)) = (&part.listed, value)
                    && !listed.iter().any(|known| **known == *text)
                {
                    self.problem(name, at, length, RecordErrorKind::NotListed);
                    return None;
                }
                if let Some((require, text)) = &part.require
                    && !require.holds(&self.facts, self.arena)
                {
                    self.problem(name, at, length, RecordErrorKind::Require(text.clone()));
                }
                Some((value, part.single))
            }
            // Of what shares its bytes not all can be meant.
            Err(_) if part.shared => Some((Value::Absent, false)),
            Err(problem) => {
                self.problem(name, at, length, RecordErrorKind::Value(problem));
                None
            }
        }
    }
}
