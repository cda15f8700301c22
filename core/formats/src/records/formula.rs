//! Values that layouts compute, compiled and evaluated over the records read so far.

use bumpalo::Bump;
use portolan_schema::layout::{self, CheckDigit, FileValue, Layout, NodeId};
use portolan_syntax::expression::{Arithmetic, Comparison};

use super::{
    codepage::Transcoder,
    part::{Form, PartKind},
    totals::{Running, TotalId},
    walk,
};
use crate::{Decimal, Value, ValueProblem, check_digit::Scheme, lexical};

/// All that conditions and computed values may ask.
#[derive(Clone, Copy)]
pub(super) struct Facts<'f> {
    /// The record that is looked at.
    pub(super) record: &'f [u8],
    /// Where its values are, of delimited ones: by their order.
    pub(super) columns: Option<&'f [std::ops::Range<usize>]>,
    /// Which it is; `None` while that is being found out.
    pub(super) node: Option<NodeId>,
    /// Its number in the file, from 1.
    pub(super) number: u64,
    /// It is the last of the file.
    pub(super) last: bool,
    /// How bytes are text.
    pub(super) text: &'f Transcoder,
    /// Every record's shape, by node.
    pub(super) forms: &'f [Option<Form>],
    /// The last record of each kind, where anything asks for it, by node.
    pub(super) before: &'f [Option<Vec<u8>>],
    /// Counts and sums so far.
    pub(super) totals: &'f [Running],
    /// Which of its kind the last record or group is, by node.
    pub(super) ordinals: &'f [u64],
    /// Records of the file so far, this one included.
    pub(super) records: u64,
    /// Records of a block.
    pub(super) block: u32,
    /// From where columns are counted.
    pub(super) from: usize,
    /// The occurrence of a list that is looked at.
    pub(super) within: Option<&'f walk::Occurrence<'f>>,
    /// The group that is being walked through.
    pub(super) walked: Option<&'f walk::Walked<'f>>,
}

impl<'f> Facts<'f> {
    /// The bytes of a place; of delimited values the one in its column.
    pub(super) fn bytes(&self, place: std::ops::Range<usize>) -> Option<&'f [u8]> {
        match self.columns {
            None => self.record.get(place),
            Some(columns) => self.record.get(columns.get(place.start)?.clone()),
        }
    }

    /// Where the record ends, in bytes or in columns.
    pub(super) fn end(&self) -> usize {
        self.columns.map_or(self.record.len(), <[_]>::len)
    }

    /// The same of a line whose values were not taken apart yet. `None`: it is no such line.
    fn unfolded(self, form: &Form, arena: &'f Bump) -> Option<Self> {
        let (Some(delimited), None) = (&form.delimited, self.columns) else { return Some(self) };
        let (record, columns) = super::delimited::unfold(self.record, delimited, arena)?;
        Some(Self { record, columns: Some(columns), ..self })
    }
}

/// A field of a record.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) record: NodeId,
    pub(super) item: Box<[u32]>,
    /// It is of the record that asks.
    pub(super) own: bool,
    /// It is of the record before that is of the same kind.
    pub(super) previous: bool,
    /// It is, or is in, a list.
    pub(super) listed: bool,
}

impl Place {
    pub(super) fn compile(layout: &Layout, node: NodeId, reference: &layout::Reference) -> Self {
        let shape = layout.node(reference.record).shape.as_ref();
        let listed = (1..=reference.item.len()).any(|depth| {
            let item = reference.item.get(..depth).and_then(|path| shape?.at(path));
            item.is_some_and(|item| item.times != layout::Times::Once)
        });
        let item = reference.item.as_slice().into();
        Self { record: reference.record, item, own: reference.record == node, previous: false, listed }
    }

    /// Counts the items of a list in the record that is looked at, or sums a field of theirs; of those for which a condition holds. `None`:
    /// a sum has more digits than can be kept, or cannot be read.
    pub(super) fn total(
        &self,
        sums: bool,
        condition: Option<&Formula>,
        facts: &Facts<'_>,
        arena: &Bump,
    ) -> Option<Running> {
        let form = facts.forms.get(self.record.0 as usize)?.as_ref()?;
        let facts = &facts.unfolded(form, arena)?;
        let (mut total, mut partial) = (Some(Decimal { mantissa: 0, scale: 0 }), false);
        walk::occurrences(&form.parts, &self.item, 0, facts, arena, &mut |facts, part, range| {
            let arena = Bump::new();
            if condition.is_some_and(|condition| !condition.holds(facts, &arena)) {
                return;
            }
            let added = match (sums, &part.kind) {
                (false, _) => Some(Decimal { mantissa: 1, scale: 0 }),
                (true, PartKind::Value(_)) => {
                    let bytes = facts.bytes(range.start..range.end.min(facts.end()));
                    match bytes.map(|bytes| part.read(bytes, facts, &arena)) {
                        Some(Ok(Value::Absent)) => return,
                        Some(Ok(value)) => number(value),
                        _ => None,
                    }
                }
                (true, _) => None,
            };
            match added {
                Some(added) => total = total.and_then(|total| total.checked_add(added)),
                None => partial = true,
            }
        });
        Some(Running { value: total?, partial })
    }

    /// The sum or count of this record's own list; `None` where not all of it can be read.
    fn own_total(
        &self,
        sums: bool,
        condition: Option<&Formula>,
        facts: &Facts<'_>,
        arena: &Bump,
    ) -> Option<Value<'static>> {
        let total = self.total(sums, condition, facts, arena)?;
        (!total.partial).then_some(Value::Decimal(total.value))
    }

    /// Whether there is no record of its kind before.
    fn is_first(&self, facts: &Facts<'_>) -> bool {
        facts.before.get(self.record.0 as usize).is_none_or(Option::is_none)
    }

    /// The same field of the record before.
    fn before(self) -> Self {
        Self { own: false, previous: true, ..self }
    }

    /// Its value; `None` where the record is not there, or cannot be read.
    pub(super) fn value<'a>(&self, facts: &Facts<'a>, arena: &'a Bump) -> Option<Value<'a>> {
        self.read(facts, arena)?.ok()
    }

    /// What its bytes are; `None` where it is not there.
    pub(super) fn read<'a>(
        &self,
        facts: &Facts<'a>,
        arena: &'a Bump,
    ) -> Option<Result<Value<'a>, ValueProblem>> {
        let bytes = match self.own || facts.node == Some(self.record) && !self.previous {
            true => facts.record,
            false => facts.before.get(self.record.0 as usize)?.as_deref()?,
        };
        let form = facts.forms.get(self.record.0 as usize)?.as_ref()?;
        let columns = facts.columns.filter(|_| std::ptr::eq(bytes, facts.record));
        let walked = facts.walked.filter(|_| std::ptr::eq(bytes, facts.record));
        let facts = Facts { record: bytes, columns, node: Some(self.record), from: 0, walked, ..*facts };
        let facts = facts.unfolded(form, arena)?;
        let (part, range) = walk::find(form, &self.item, &facts, arena)?;
        let PartKind::Value(_) = &part.kind else { return None };
        let bytes = facts.bytes(range.start..range.end.min(facts.end()));
        Some(bytes.ok_or(ValueProblem::TooShort).and_then(|bytes| part.read(bytes, &facts, arena)))
    }
}

/// A computed value.
#[derive(Debug)]
pub(super) enum Formula {
    Text(Box<str>),
    Number(Decimal),
    Field(Place),
    /// The same field of the record of its kind before; what it is of the first one.
    Previous(Place, Option<Box<Formula>>),
    /// A formula that asks for the record before: of the first one it is what the field itself says.
    Continued(Place, Box<Formula>),
    /// A count or sum, once [`super::totals`] has given it a number.
    Total(TotalId),
    Count(Vec<NodeId>, Option<Box<Formula>>),
    Items(Place, Option<Box<Formula>>),
    Sum(Place, Option<Box<Formula>>),
    Ordinal(NodeId),
    File(FileValue),
    CheckDigit(Scheme, Box<Formula>),
    Has(Place),
    Negate(Box<Formula>),
    Arithmetic(Arithmetic, Box<Formula>, Box<Formula>),
    Compare(Comparison, Box<Formula>, Box<Formula>),
    In(Box<Formula>, Vec<Formula>),
    Not(Box<Formula>),
    And(Box<Formula>, Box<Formula>),
    Or(Box<Formula>, Box<Formula>),
    Conditional(Box<Formula>, Box<Formula>, Box<Formula>),
}

impl Formula {
    /// Whether it asks for nothing but the fields of the record that has it.
    pub(super) fn is_own(&self, node: NodeId) -> bool {
        let mut own = true;
        self.each(&mut |part| match part {
            Self::Field(place) | Self::Has(place) => own &= place.record == node && !place.previous,
            Self::Previous(..)
            | Self::Total(_)
            | Self::Count(..)
            | Self::Sum(..)
            | Self::Ordinal(_)
            | Self::File(_) => own = false,
            _ => {}
        });
        own
    }

    /// Compiles a formula of a node.
    pub(super) fn compile(layout: &Layout, node: NodeId, formula: &layout::Formula) -> Self {
        use layout::Formula as Declared;
        let one = |formula: &Declared| Box::new(Self::compile(layout, node, formula));
        let place = |reference: &layout::Reference| Place::compile(layout, node, reference);
        match formula {
            Declared::Text(text) => Self::Text(text.clone()),
            Declared::Number(number) => Self::Number(*number),
            Declared::Field(reference) => Self::Field(place(reference)),
            Declared::Count(nodes, condition) => {
                let counted = nodes.first().copied().unwrap_or(node);
                let condition = condition.as_ref().map(|c| Box::new(Self::compile(layout, counted, c)));
                Self::Count(nodes.clone(), condition)
            }
            Declared::Items(reference, condition) => {
                let condition =
                    condition.as_ref().map(|c| Box::new(Self::compile(layout, reference.record, c)));
                Self::Items(place(reference), condition)
            }
            Declared::Sum(reference, condition) => {
                let condition =
                    condition.as_ref().map(|c| Box::new(Self::compile(layout, reference.record, c)));
                Self::Sum(place(reference), condition)
            }
            Declared::Ordinal(node) => Self::Ordinal(*node),
            Declared::File(value) => Self::File(*value),
            Declared::CheckDigit(kind, of) => {
                let scheme = match kind {
                    CheckDigit::Aba => Scheme::Aba,
                    CheckDigit::Mod10 => Scheme::Luhn,
                    CheckDigit::Mod11 => Scheme::Mod11,
                    CheckDigit::Mod97 => Scheme::Mod97,
                };
                Self::CheckDigit(scheme, one(of))
            }
            Declared::Previous(reference, first) => {
                Self::Previous(place(reference).before(), first.as_deref().map(one))
            }
            Declared::Has(reference) => Self::Has(place(reference)),
            Declared::Negate(a) => Self::Negate(one(a)),
            Declared::Arithmetic(how, a, b) => Self::Arithmetic(*how, one(a), one(b)),
            Declared::Compare(how, a, b) => Self::Compare(*how, one(a), one(b)),
            Declared::In(a, list) => {
                Self::In(one(a), list.iter().map(|item| Self::compile(layout, node, item)).collect())
            }
            Declared::Not(a) => Self::Not(one(a)),
            Declared::And(a, b) => Self::And(one(a), one(b)),
            Declared::Or(a, b) => Self::Or(one(a), one(b)),
            Declared::Conditional(a, b, c) => Self::Conditional(one(a), one(b), one(c)),
        }
    }

    /// Every formula within, this one last, to be changed.
    pub(super) fn each_mut(&mut self, change: &mut dyn FnMut(&mut Formula)) {
        match self {
            Self::CheckDigit(_, a)
            | Self::Negate(a)
            | Self::Not(a)
            | Self::Previous(_, Some(a))
            | Self::Continued(_, a) => a.each_mut(change),
            Self::Arithmetic(_, a, b) | Self::Compare(_, a, b) | Self::And(a, b) | Self::Or(a, b) => {
                a.each_mut(change);
                b.each_mut(change);
            }
            Self::In(a, list) => {
                a.each_mut(change);
                list.iter_mut().for_each(|item| item.each_mut(change));
            }
            Self::Conditional(a, b, c) => {
                a.each_mut(change);
                b.each_mut(change);
                c.each_mut(change);
            }
            _ => {}
        }
        change(self);
    }

    /// Every formula within.
    pub(super) fn each(&self, see: &mut dyn FnMut(&Formula)) {
        see(self);
        match self {
            Self::CheckDigit(_, a)
            | Self::Negate(a)
            | Self::Not(a)
            | Self::Previous(_, Some(a))
            | Self::Continued(_, a) => a.each(see),
            Self::Arithmetic(_, a, b) | Self::Compare(_, a, b) | Self::And(a, b) | Self::Or(a, b) => {
                a.each(see);
                b.each(see);
            }
            Self::In(a, list) => {
                a.each(see);
                list.iter().for_each(|item| item.each(see));
            }
            Self::Conditional(a, b, c) => {
                a.each(see);
                b.each(see);
                c.each(see);
            }
            Self::Count(_, Some(condition))
            | Self::Items(_, Some(condition))
            | Self::Sum(_, Some(condition)) => condition.each(see),
            _ => {}
        }
    }

    /// Every field that it asks for.
    pub(super) fn each_place(&self, see: &mut dyn FnMut(&Place)) {
        self.each(&mut |formula| match formula {
            Self::Field(place) | Self::Has(place) | Self::Previous(place, _) => see(place),
            _ => {}
        });
    }

    /// Whether it cannot be computed of the first record of its kind.
    pub(super) fn continues(&self) -> bool {
        let mut continues = false;
        self.each(&mut |formula| continues |= matches!(formula, Self::Previous(_, None)));
        continues
    }

    /// Whether it counts or sums what could not be read throughout.
    pub(super) fn is_partial(&self, facts: &Facts<'_>) -> bool {
        let mut partial = false;
        self.each(&mut |formula| {
            if let Self::Total(TotalId(index)) = formula {
                partial |= facts.totals.get(*index as usize).is_some_and(|total| total.partial);
            }
        });
        partial
    }

    /// The value.
    pub(super) fn value<'a>(&'a self, facts: &Facts<'a>, arena: &'a Bump) -> Value<'a> {
        self.evaluate(facts, arena).unwrap_or(Value::Absent)
    }

    /// Whether it holds as a condition; what cannot be computed does not.
    pub(super) fn holds<'a>(&'a self, facts: &Facts<'a>, arena: &'a Bump) -> bool {
        matches!(self.evaluate(facts, arena), Some(Value::Bool(true)))
    }

    fn evaluate<'a>(&'a self, facts: &Facts<'a>, arena: &'a Bump) -> Option<Value<'a>> {
        Some(match self {
            Self::Text(text) => Value::Text(text),
            Self::Number(number) => Value::Decimal(*number),
            Self::Field(place) => place.value(facts, arena)?,
            Self::Previous(place, Some(first)) if place.is_first(facts) => first.evaluate(facts, arena)?,
            Self::Previous(place, _) => place.value(facts, arena)?,
            Self::Continued(place, _) if place.is_first(facts) => place.value(facts, arena)?,
            Self::Continued(_, formula) => formula.evaluate(facts, arena)?,
            Self::Total(TotalId(index)) => Value::Decimal(facts.totals.get(*index as usize)?.value),
            // Of this record's own lists; the others have become totals.
            Self::Items(place, condition) if place.own => {
                place.own_total(false, condition.as_deref(), facts, arena)?
            }
            Self::Sum(place, condition) if place.own && place.listed => {
                place.own_total(true, condition.as_deref(), facts, arena)?
            }
            Self::Count(..) | Self::Items(..) | Self::Sum(..) => return None,
            Self::Ordinal(node) => Value::Integer(i128::from(*facts.ordinals.get(node.0 as usize)?)),
            Self::File(FileValue::Number) => Value::Integer(i128::from(facts.number)),
            Self::File(FileValue::Records) => Value::Integer(i128::from(facts.records)),
            Self::File(FileValue::Blocks) => {
                Value::Integer(i128::from(facts.records.div_ceil(u64::from(facts.block.max(1)))))
            }
            Self::CheckDigit(scheme, of) => {
                let digits = self.digits(of, facts, arena)?;
                let digit = scheme.of(digits)?;
                Value::Text(arena.alloc_str(digit.as_str()))
            }
            Self::Has(place) => {
                let value = place.value(facts, arena);
                Value::Bool(!matches!(value, None | Some(Value::Absent)))
            }
            Self::Negate(a) => {
                let Decimal { mantissa, scale } = number(a.evaluate(facts, arena)?)?;
                Value::Decimal(Decimal { mantissa: mantissa.checked_neg()?, scale })
            }
            Self::Arithmetic(how, a, b) => {
                let (a, b) = (a.evaluate(facts, arena)?, b.evaluate(facts, arena)?);
                arithmetic(*how, a, b, arena)?
            }
            Self::Compare(how, a, b) => {
                let ordering = compare(a.evaluate(facts, arena)?, b.evaluate(facts, arena)?)?;
                Value::Bool(match how {
                    Comparison::Equal => ordering.is_eq(),
                    Comparison::NotEqual => ordering.is_ne(),
                    Comparison::Less => ordering.is_lt(),
                    Comparison::LessOrEqual => ordering.is_le(),
                    Comparison::Greater => ordering.is_gt(),
                    Comparison::GreaterOrEqual => ordering.is_ge(),
                })
            }
            Self::In(a, list) => {
                let value = a.evaluate(facts, arena)?;
                let among = |item: &'a Formula| {
                    item.evaluate(facts, arena)
                        .and_then(|item| compare(value, item))
                        .is_some_and(|o| o.is_eq())
                };
                Value::Bool(list.iter().any(among))
            }
            Self::Not(a) => Value::Bool(!a.holds(facts, arena)),
            Self::And(a, b) => Value::Bool(a.holds(facts, arena) && b.holds(facts, arena)),
            Self::Or(a, b) => Value::Bool(a.holds(facts, arena) || b.holds(facts, arena)),
            Self::Conditional(a, b, c) => match a.holds(facts, arena) {
                true => b.evaluate(facts, arena)?,
                false => c.evaluate(facts, arena)?,
            },
        })
    }

    /// The digits of a value; of a field of digits with the zeros that stand before it.
    fn digits<'a>(&self, of: &'a Formula, facts: &Facts<'a>, arena: &'a Bump) -> Option<&'a str> {
        let value = of.evaluate(facts, arena)?;
        if let Value::Text(text) = value {
            return Some(text);
        }
        let width = match of {
            Self::Field(place) => {
                let form = facts.forms.get(place.record.0 as usize)?.as_ref()?;
                match (&form.at(&place.item)?.kind, form.at(&place.item)?.extent) {
                    (PartKind::Value(_), layout::Extent::Bytes(bytes)) => bytes as usize,
                    _ => 0,
                }
            }
            _ => 0,
        };
        let whole = lexical::whole(value).ok()?;
        Some(arena.alloc_str(&format!("{whole:0width$}")))
    }
}

/// A value as a number.
pub(super) fn number(value: Value<'_>) -> Option<Decimal> {
    match value {
        Value::Integer(value) => Decimal::from_integer(value),
        Value::Decimal(value) => Some(value),
        Value::Text(text) => Decimal::parse(text.trim()),
        _ => None,
    }
}

fn arithmetic<'a>(how: Arithmetic, a: Value<'a>, b: Value<'a>, arena: &'a Bump) -> Option<Value<'a>> {
    if let (Arithmetic::Add, Value::Text(a), Value::Text(b)) = (how, a, b) {
        let mut joined = bumpalo::collections::String::with_capacity_in(a.len() + b.len(), arena);
        joined.push_str(a);
        joined.push_str(b);
        return Some(Value::Text(joined.into_bump_str()));
    }
    let (a, b) = (number(a)?, number(b)?);
    Some(Value::Decimal(match how {
        Arithmetic::Add => a.checked_add(b)?,
        Arithmetic::Subtract => a.checked_sub(b)?,
        Arithmetic::Multiply => a.checked_mul(b)?,
        Arithmetic::Divide => a.checked_div(b)?,
        Arithmetic::Remainder => a.checked_rem(b)?,
        Arithmetic::Negate => return None,
    }))
}

/// Numbers compare as numbers, whatever they are stored as.
pub(super) fn compare(a: Value<'_>, b: Value<'_>) -> Option<std::cmp::Ordering> {
    if let (Value::Text(_), Value::Integer(_) | Value::Decimal(_))
    | (Value::Integer(_) | Value::Decimal(_), Value::Text(_)) = (a, b)
    {
        return Some(number(a)?.compare(number(b)?));
    }
    crate::value::compare(a, b)
}
