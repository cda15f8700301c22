//! Sample messages of a contract: whole ones, with a bit of everything, and sparse ones, with no more than must be.

use std::collections::BTreeMap;

use portolan_formats::{Value, lexical::Form};
use portolan_schema::{
    Content, Document, Field, FieldId, Particle, Record, RecordId, ScalarId, ScalarKind, Schema, TypeId, Wire,
};

use crate::pattern;

/// What stands in an element or attribute.
#[derive(Debug, Clone)]
pub(crate) enum Sample {
    Text(String),
    Nil,
    Record(Fields),
}

/// The fields that are there, in the order in which they are written.
pub(crate) type Fields = BTreeMap<FieldId, Vec<Sample>>;

/// How much of what may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Amount {
    Whole,
    Sparse,
}

/// Types within types: enough for every contract, and an end for those that hold themselves.
const MAX_DEPTH: usize = 24;

/// Makes the samples of one contract.
pub(crate) struct Maker<'s> {
    pub(crate) schema: &'s Schema,
    pub(crate) amount: Amount,
    within: Vec<RecordId>,
    /// Texts so far: identifiers are to differ.
    texts: usize,
    /// Why there may be no sample.
    pub(crate) gaps: Vec<String>,
}

impl<'s> Maker<'s> {
    /// A sample of a document; `None` where it would have no end.
    pub(crate) fn document(
        schema: &'s Schema,
        document: &Document,
        amount: Amount,
    ) -> (Option<Fields>, Vec<String>) {
        let mut maker = Self { schema, amount, within: Vec::new(), texts: 0, gaps: Vec::new() };
        (maker.record(document.record), maker.gaps)
    }

    fn record(&mut self, id: RecordId) -> Option<Fields> {
        if self.schema.record(id).is_missing {
            self.gaps.push(format!("{} is not declared", self.schema.record(id).name));
            return None;
        }
        let again = self.within.iter().filter(|r| **r == id).count();
        if self.within.len() >= MAX_DEPTH || again > 0 {
            return None;
        }
        self.within.push(id);
        let fields = self.fields(self.schema.record(id));
        self.within.pop();
        fields
    }

    fn fields(&mut self, record: &'s Record) -> Option<Fields> {
        let mut fields = Fields::new();
        for (id, field) in record.fields_with_ids() {
            let wanted = field.occurs.min > 0 || self.amount == Amount::Whole;
            if !matches!(field.wire, Wire::Element(_)) && wanted {
                let value = self.value(field)?;
                fields.insert(id, vec![value]);
            }
        }
        match &record.content {
            Content::Ordered(particle) => {
                self.particle(record, particle, true, &mut fields).then_some(fields)
            }
            Content::Unordered => Some(fields),
        }
    }

    /// Adds what a particle demands, or allows; no where that has no end.
    fn particle(
        &mut self,
        record: &'s Record,
        particle: &'s Particle,
        forced: bool,
        fields: &mut Fields,
    ) -> bool {
        let whole = self.amount == Amount::Whole;
        match particle {
            Particle::Field(id) => self.field(record, *id, forced, fields),
            Particle::Sequence(occurs, parts) | Particle::All(occurs, parts) => {
                if occurs.min == 0 && !whole {
                    return true;
                }
                let before = fields.clone();
                let within_choice = forced && parts.len() == 1;
                if parts.iter().all(|part| self.particle(record, part, within_choice, fields)) {
                    return true;
                }
                *fields = before;
                occurs.min == 0
            }
            Particle::Choice(occurs, branches) => {
                if occurs.min == 0 && !whole {
                    return true;
                }
                let before = fields.clone();
                let mut order: Vec<_> = branches.iter().collect();
                // The body of a reply, not its fault.
                if !whole && record.name.local != "Body" {
                    order.reverse();
                }
                for branch in order {
                    if self.branch(record, branch, fields) {
                        return true;
                    }
                    fields.clone_from(&before);
                }
                occurs.min == 0 || may_be_empty(record, branches)
            }
            Particle::Any(_) => true,
        }
    }

    /// A chosen branch: what is in it may be marked as optional only because the others may be chosen.
    fn branch(&mut self, record: &'s Record, branch: &'s Particle, fields: &mut Fields) -> bool {
        match branch {
            Particle::Field(id) => self.field(record, *id, true, fields),
            Particle::Sequence(_, parts) | Particle::All(_, parts) => {
                parts.iter().all(|part| self.branch(record, part, fields))
            }
            other => self.particle(record, other, true, fields),
        }
    }

    fn field(&mut self, record: &'s Record, id: FieldId, forced: bool, fields: &mut Fields) -> bool {
        let field = &record.fields[id.0 as usize];
        let least = (field.occurs.min as usize)
            .max(usize::from(forced && (record.fields.len() == 1 || field.choice.is_some())));
        let wanted = match self.amount {
            Amount::Whole => least.max(if field.occurs.is_list() { 2 } else { 1 }),
            Amount::Sparse => least.max(usize::from(forced)),
        };
        let most = field.occurs.max.map_or(usize::MAX, |max| max as usize);
        for _ in 0..wanted.min(most).min(50) {
            match self.value(field) {
                Some(value) => fields.entry(id).or_default().push(value),
                None => break,
            }
        }
        let there = fields.get(&id).map_or(0, Vec::len);
        there >= least.max(usize::from(forced && wanted > 0))
    }

    fn value(&mut self, field: &'s Field) -> Option<Sample> {
        if self.amount == Amount::Sparse && field.nillable && matches!(field.wire, Wire::Element(_)) {
            return Some(Sample::Nil);
        }
        match (&field.fixed, field.ty) {
            (Some(fixed), TypeId::Scalar(_)) => Some(Sample::Text(fixed.clone())),
            (None, TypeId::Scalar(id)) => match self.another_text(id) {
                Some(text) => Some(Sample::Text(text)),
                None => {
                    self.gaps.push(format!("{} has no value that would do", field.name));
                    None
                }
            },
            (_, TypeId::Record(id)) => self.record(id).map(Sample::Record),
        }
    }

    fn another_text(&mut self, id: ScalarId) -> Option<String> {
        self.texts += 1;
        let is_identifier = self.schema.scalar(id).name.local == "ID";
        if is_identifier { Some(format!("id{}", self.texts)) } else { self.text(id) }
    }

    /// A text of a type.
    fn text(&self, id: ScalarId) -> Option<String> {
        let form = Form::compile(self.schema, id);
        self.candidates(id).into_iter().find(|text| {
            let arena = bumpalo::Bump::new();
            form.read(text, &arena).is_ok() && form.write(Value::Text(text), &mut Vec::new()).is_ok()
        })
    }

    fn candidates(&self, id: ScalarId) -> Vec<String> {
        let scalar = self.schema.scalar(id);
        let facets = &scalar.facets;
        let mut texts: Vec<String> = Vec::new();
        if let Some(listed) = &scalar.enumeration {
            texts.extend(listed.values.iter().map(|v| v.name.clone()));
            if self.amount == Amount::Sparse {
                texts.reverse();
            }
        }
        for group in facets.patterns.iter().rev().take(1) {
            texts.extend(group.iter().flat_map(|p| pattern::matching(p)));
        }
        let bounds = [&facets.min_inclusive, &facets.max_inclusive].into_iter().flatten().cloned();
        let near = [&facets.min_exclusive, &facets.max_exclusive].into_iter().flatten();
        let near =
            near.filter_map(|b| b.parse::<i64>().ok()).flat_map(|b| [b + 1, b - 1]).map(|b| b.to_string());
        match &scalar.kind {
            ScalarKind::String => {
                let length =
                    facets.min_length.unwrap_or(4).max(facets.max_length.unwrap_or(4).min(4)) as usize;
                texts.extend([
                    "a".repeat(length),
                    "1".repeat(length),
                    "text & more".to_owned(),
                    String::new(),
                ]);
            }
            ScalarKind::Bool => texts.push("true".into()),
            ScalarKind::Integer { .. } | ScalarKind::Decimal => {
                texts.extend(["1", "-1", "0", "12", "0.5"].map(str::to_owned));
                texts.extend(bounds.chain(near));
            }
            ScalarKind::Float | ScalarKind::Double => {
                texts.extend(["1.5", "0"].map(str::to_owned));
                texts.extend(bounds.chain(near));
            }
            ScalarKind::Base64 | ScalarKind::Bytes => {
                texts.push("AAEC".repeat(facets.min_length.unwrap_or(3).div_ceil(3).max(1) as usize));
                texts.push("AA==".into());
            }
            ScalarKind::Hex => texts.push("0A".repeat(facets.min_length.unwrap_or(2) as usize)),
            ScalarKind::Date => texts.extend(["2026-11-25".to_owned()].into_iter().chain(bounds)),
            ScalarKind::Time => texts.extend(["10:30:00".to_owned()].into_iter().chain(bounds)),
            ScalarKind::DateTime => {
                texts.extend(["2026-11-25T10:30:00Z".to_owned()].into_iter().chain(bounds))
            }
            ScalarKind::Duration => texts.extend(["P1DT2H".to_owned()].into_iter().chain(bounds)),
            ScalarKind::CalendarPart => {
                texts.extend(["2026", "2026-11", "--11", "--11-25", "---25"].map(str::to_owned));
            }
            ScalarKind::QName | ScalarKind::Enum => texts.push("name".into()),
            ScalarKind::List(item) => {
                let least = facets.min_length.unwrap_or(1).max(1) as usize;
                texts.extend(self.text(*item).map(|item| vec![item; least].join(" ")));
            }
            ScalarKind::Union(members) => texts.extend(members.iter().filter_map(|m| self.text(*m))),
        }
        texts
    }
}

/// Whether none of the branches needs to be there.
fn may_be_empty(record: &Record, branches: &[Particle]) -> bool {
    branches.iter().all(|branch| match branch {
        Particle::Field(id) => {
            let choice = record.fields[id.0 as usize].choice.and_then(|c| record.choices.get(c.0 as usize));
            choice.is_some_and(|choice| !choice.required)
        }
        _ => false,
    })
}
