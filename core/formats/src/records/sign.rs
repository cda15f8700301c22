//! Numbers whose sign is in another field: `D` or `C` beside an amount. They are read and written as if the sign stood before their
//! digits, where no byte of the record is.

use bumpalo::Bump;
use portolan_schema::layout::{Form, SignedBy, Storage};

use super::{
    field::FieldCodec,
    formula::{Facts, Place},
    part::{Part, PartKind},
};
use crate::{Value, ValueProblem};

/// How another item says the sign of a number.
#[derive(Debug, Clone)]
pub(super) struct SignElsewhere {
    pub(super) item: Box<[u32]>,
    negative: Box<[Box<str>]>,
    positive: Box<[Box<str>]>,
    /// The digits as they stand in the record.
    digits: Box<FieldCodec>,
    plus: u8,
    minus: u8,
}

impl SignElsewhere {
    pub(super) fn compile(sign: &SignedBy, storage: &Storage) -> Self {
        let ebcdic = matches!(&storage.form, Form::Zoned(zoned) if zoned.ebcdic);
        Self {
            item: sign.item.clone(),
            negative: sign.negative.clone(),
            positive: sign.positive.clone(),
            digits: Box::new(FieldCodec::compile(storage)),
            plus: if ebcdic { 0x4E } else { b'+' },
            minus: if ebcdic { 0x60 } else { b'-' },
        }
    }

    /// Whether a text of the other item means minus; `None` where it means neither.
    pub(super) fn is_negative(&self, said: Option<Value<'_>>) -> Option<bool> {
        let mut number = itoa::Buffer::new();
        let said = match said? {
            Value::Text(text) => text,
            Value::Integer(digit) => number.format(digit),
            _ => return None,
        };
        let among = |texts: &[Box<str>]| texts.iter().any(|text| **text == *said);
        match (among(&self.negative), among(&self.positive)) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }

    /// Whether the record says that the number is negative.
    pub(super) fn said(&self, facts: &Facts<'_>, arena: &Bump) -> Option<bool> {
        let record = facts.node?;
        let place = Place { record, item: self.item.clone(), own: true, previous: false, listed: false };
        self.is_negative(place.value(facts, arena))
    }

    /// The text that is written for a sign.
    pub(super) fn text(&self, negative: bool) -> &str {
        let texts = if negative { &self.negative } else { &self.positive };
        texts.first().map_or("", |text| text)
    }

    /// Appends the digits of a value, as many as it needs.
    pub(super) fn append(
        &self,
        codec: &FieldCodec,
        value: Value<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueProblem> {
        if matches!(value, Value::Absent | Value::Nil) {
            return self.digits.write_variable(value, out);
        }
        let start = out.len();
        codec.write_variable(value, out)?;
        if let Some(at) = out.iter().skip(start).position(|byte| [self.plus, self.minus].contains(byte)) {
            out.remove(start + at);
        }
        Ok(())
    }

    /// Whether the digits stand for no value.
    pub(super) fn is_null(&self, digits: &[u8]) -> bool {
        self.digits.is_null(digits)
    }

    /// The digits with their sign before them; `None` where the other item says none.
    pub(super) fn bytes<'a>(&self, digits: &[u8], facts: &Facts<'_>, arena: &'a Bump) -> Option<&'a [u8]> {
        let negative = self.said(facts, &Bump::new())?;
        Some(joined(if negative { self.minus } else { self.plus }, digits, arena))
    }

    /// The same, which is no number where the other item says no sign.
    pub(super) fn bytes_at_least<'a>(&self, digits: &[u8], facts: &Facts<'_>, arena: &'a Bump) -> &'a [u8] {
        self.bytes(digits, facts, arena).unwrap_or_else(|| joined(0, digits, arena))
    }

    /// Writes the digits of a value with the codec that puts the sign before them. Which sign it has; zero and no value have none.
    pub(super) fn write(
        &self,
        codec: &FieldCodec,
        value: Value<'_>,
        out: &mut [u8],
    ) -> Result<Option<bool>, ValueProblem> {
        if matches!(value, Value::Absent | Value::Nil) {
            return self.digits.write(value, out).map(|()| None);
        }
        let mut signed = vec![0; out.len() + 1];
        codec.write(value, &mut signed)?;
        let at = signed.iter().position(|byte| [self.plus, self.minus].contains(byte));
        let negative = at.map(|at| signed.remove(at)) == Some(self.minus);
        if self.is_null(&signed) {
            return Err(ValueProblem::Excluded);
        }
        // Blanks and zeros, in ASCII and in EBCDIC, have nothing in their lower half.
        let zero = signed.iter().all(|byte| byte & 0x0F == 0);
        signed.truncate(out.len());
        out.copy_from_slice(&signed);
        Ok((!zero).then_some(negative))
    }
}

fn joined<'a>(sign: u8, digits: &[u8], arena: &'a Bump) -> &'a [u8] {
    let mut bytes = bumpalo::collections::Vec::with_capacity_in(digits.len() + 1, arena);
    bytes.push(sign);
    bytes.extend_from_slice(digits);
    bytes.into_bump_slice()
}

impl Part {
    /// The value that its bytes are, in the record that is looked at.
    pub(super) fn read<'a>(
        &'a self,
        bytes: &'a [u8],
        facts: &Facts<'_>,
        arena: &'a Bump,
    ) -> Result<Value<'a>, ValueProblem> {
        let PartKind::Value(codec) = &self.kind else { return Ok(Value::Absent) };
        match &self.sign {
            None => codec.read(bytes, arena),
            Some(sign) if sign.is_null(bytes) => Ok(Value::Absent),
            Some(sign) => match sign.bytes(bytes, facts, arena) {
                Some(bytes) => codec.read(bytes, arena),
                None if self.lenient => Ok(Value::Absent),
                None => Err(ValueProblem::Sign),
            },
        }
    }
}
