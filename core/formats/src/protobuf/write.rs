//! Values onto the protobuf wire: tags are made when the plan is compiled, lengths are patched in when they are known.

use super::{known, wire::push_varint};
use crate::{Compact, Unwritable, Value, ValueProblem, Word, Writer, lexical};
use portolan_schema::{Document, FieldId, Presence, ProtoKind, RecordId, ScalarKind, Schema, TypeId, Wire};

/// Writes protobuf.
#[derive(Debug)]
pub struct ProtobufWriter;

/// A field to be written.
#[derive(Debug)]
pub struct ProtobufField {
    tag: Box<[u8]>,
    end_tag: Box<[u8]>,
    kind: ProtoKind,
    implicit: bool,
    packed: bool,
    /// The bounds of an integer.
    bounds: (i128, i128),
    /// Numbers by name, in the order of names.
    numbers: Box<[(Box<str>, i32)]>,
}

impl Writer for ProtobufWriter {
    type Field = ProtobufField;

    fn new(_: &Schema, _: &Document) -> Self {
        Self
    }

    fn field(&mut self, schema: &Schema, record: RecordId, field: FieldId, _: bool) -> ProtobufField {
        let declared = schema.field(record, field);
        let (number, kind, packed) = match declared.wire {
            Wire::Protobuf { number, kind, packed, .. } => (number, kind, packed),
            _ => (0, ProtoKind::Bytes, false),
        };
        let tag = |wire_type: u32| {
            let mut bytes = Vec::with_capacity(5);
            push_varint(&mut bytes, u64::from(number << 3 | wire_type));
            bytes.into_boxed_slice()
        };
        let packed = packed && declared.occurs.is_list();
        let mut numbers: Vec<(Box<str>, i32)> = Vec::new();
        let mut bounds = (0, 0);
        if let TypeId::Scalar(id) = declared.ty {
            let scalar = schema.scalar(id);
            if let ScalarKind::Integer { signed, bits } = scalar.kind {
                bounds = lexical::integer_bounds(signed, bits);
            }
            let values = scalar.enumeration.iter().flat_map(|e| &e.values);
            numbers.extend(values.filter_map(|v| Some((v.name.as_str().into(), v.number?))));
            numbers.sort();
        }
        ProtobufField {
            tag: tag(if packed { 2 } else { wire_type(kind) }),
            end_tag: tag(4),
            kind,
            implicit: declared.presence == Presence::Implicit && !declared.occurs.is_list(),
            packed,
            bounds,
            numbers: numbers.into(),
        }
    }

    fn seal(&mut self, _: bool) {}

    fn is_attribute(_: &ProtobufField) -> bool {
        false
    }

    fn open(&self, _: &mut Vec<u8>) -> usize {
        0
    }

    fn open_end(&self, _: &mut Vec<u8>) {}

    fn close(&self, _: usize, _: &mut Vec<u8>) -> Result<(), Unwritable> {
        Ok(())
    }

    #[inline]
    fn scalar(
        field: &ProtobufField,
        value: Value<'_>,
        at: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueProblem> {
        if field.packed {
            // A list of one.
            let mark = Self::list(field, at, out);
            Self::item(field, value, at, out)?;
            Self::list_end(field, mark, out);
            return Ok(());
        }
        let start = out.len();
        push_tag(&field.tag, out);
        let is_default = field.push(value, out)?;
        if is_default && field.implicit {
            out.truncate(start);
        }
        Ok(())
    }

    #[inline]
    fn compact(field: &ProtobufField, value: Word, at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        use ProtoKind::*;
        match (field.kind, value.open()) {
            _ if field.packed => Self::scalar(field, value.open().value()?, at, out),
            (Int32 | Int64 | Uint32 | Uint64, Compact::Integer(number)) => {
                let wide = i128::from(number);
                if wide < field.bounds.0 || wide > field.bounds.1 {
                    return Err(ValueProblem::OutOfRange);
                }
                if number != 0 || !field.implicit {
                    push_tag(&field.tag, out);
                    push_varint(out, number as u64);
                }
                Ok(())
            }
            (Date, Compact::Day { year, month, day }) => {
                push_tag(&field.tag, out);
                known::push_day(year, month, day, out);
                Ok(())
            }
            (Decimal, Compact::Integer(units)) => {
                push_tag(&field.tag, out);
                known::push_minor(units, 0, out);
                Ok(())
            }
            (Decimal, Compact::Minor(units, scale)) => {
                push_tag(&field.tag, out);
                known::push_minor(units, scale, out);
                Ok(())
            }
            _ => Self::scalar(field, value.open().value()?, at, out),
        }
    }

    #[inline]
    fn text(field: &ProtobufField, text: &str, at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        if field.kind != ProtoKind::String {
            return Self::scalar(field, Value::Text(text), at, out);
        }
        if !(text.is_empty() && field.implicit) {
            push_tag(&field.tag, out);
            push_length_delimited(text.as_bytes(), out);
        }
        Ok(())
    }

    #[inline]
    fn tested(field: &ProtobufField, bytes: &[u8], at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        if field.kind != ProtoKind::String {
            return Self::utf8(field, bytes, at, out);
        }
        if !(bytes.is_empty() && field.implicit) {
            push_tag(&field.tag, out);
            push_length_delimited(bytes, out);
        }
        Ok(())
    }

    fn nil(_: &ProtobufField, _: usize, _: &mut Vec<u8>) -> Result<(), ValueProblem> {
        Err(ValueProblem::Nil)
    }

    #[inline]
    fn begin(field: &ProtobufField, _: usize, out: &mut Vec<u8>) -> usize {
        push_tag(&field.tag, out);
        if field.kind != ProtoKind::Group {
            out.push(0);
        }
        out.len()
    }

    fn begin_end(_: &ProtobufField, _: &mut Vec<u8>) {}

    #[inline]
    fn end(field: &ProtobufField, mark: usize, out: &mut Vec<u8>) {
        if field.kind == ProtoKind::Group { out.extend_from_slice(&field.end_tag) } else { patch(mark, out) }
    }

    fn list(field: &ProtobufField, _: usize, out: &mut Vec<u8>) -> usize {
        if field.packed {
            push_tag(&field.tag, out);
            out.push(0);
        }
        out.len()
    }

    fn item(
        field: &ProtobufField,
        value: Value<'_>,
        _: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueProblem> {
        if !field.packed {
            push_tag(&field.tag, out);
        }
        field.push(value, out).map(drop)
    }

    fn list_end(field: &ProtobufField, mark: usize, out: &mut Vec<u8>) {
        if !field.packed {
            return;
        }
        if out.len() == mark {
            // No items: the tag and the length go too.
            out.truncate(mark - 1 - field.tag.len());
        } else {
            patch(mark, out);
        }
    }
}

/// Puts the length of what follows `mark` into the byte before it, making room for more bytes where one is too few.
#[inline]
fn patch(mark: usize, out: &mut Vec<u8>) {
    let length = out.len().saturating_sub(mark);
    if length < 0x80 {
        if let Some(byte) = out.get_mut(mark - 1) {
            *byte = length as u8;
        }
        return;
    }
    let mut encoded = [0u8; 10];
    let mut count = 0;
    let mut left = length as u64;
    loop {
        encoded[count] = left as u8 | 0x80;
        count += 1;
        left >>= 7;
        if left == 0 {
            break;
        }
    }
    encoded[count - 1] &= 0x7f;
    out.splice(mark - 1..mark, encoded[..count].iter().copied());
}

impl ProtobufField {
    /// Appends the value without its tag; tells whether it is the default of its kind.
    #[inline]
    fn push(&self, value: Value<'_>, out: &mut Vec<u8>) -> Result<bool, ValueProblem> {
        use ProtoKind::*;
        match self.kind {
            String => match value {
                Value::Text(text) => Ok(push_length_delimited(text.as_bytes(), out)),
                value => push_text(value, out),
            },
            Int32 | Int64 | Uint32 | Uint64 => {
                let number = self.integer(value)?;
                push_varint(out, number as u64);
                Ok(number == 0)
            }
            Bool => {
                let value = boolean(value)?;
                out.push(u8::from(value));
                Ok(!value)
            }
            Enum => {
                let Value::Text(name) = value else { return Err(ValueProblem::WrongKind) };
                let found = self.numbers.binary_search_by(|(known, _)| (**known).cmp(name));
                let number = found.map(|i| self.numbers[i].1).map_err(|_| ValueProblem::NotListed)?;
                push_varint(out, i64::from(number) as u64);
                Ok(number == 0)
            }
            Bytes => match value {
                Value::Bytes(bytes) => Ok(push_length_delimited(bytes, out)),
                _ => Err(ValueProblem::WrongKind),
            },
            Sint32 | Sint64 => {
                let number = self.integer(value)? as i64;
                push_varint(out, (number << 1 ^ number >> 63) as u64);
                Ok(number == 0)
            }
            Fixed32 | Sfixed32 => {
                let number = self.integer(value)?;
                out.extend_from_slice(&(number as u32).to_le_bytes());
                Ok(number == 0)
            }
            Fixed64 | Sfixed64 => {
                let number = self.integer(value)?;
                out.extend_from_slice(&(number as u64).to_le_bytes());
                Ok(number == 0)
            }
            Double => {
                let number = double(value, false)?;
                out.extend_from_slice(&number.to_le_bytes());
                Ok(number.to_bits() == 0)
            }
            Float => {
                let number = lexical::to_float(double(value, true)?)?;
                out.extend_from_slice(&number.to_le_bytes());
                Ok(number.to_bits() == 0)
            }
            Message | Group => Err(ValueProblem::WrongKind),
            Timestamp | Duration | Date | TimeOfDay | Decimal => {
                self.nested(out, |out| known::encode(self.kind, value, out))
            }
            DoubleValue | FloatValue | Int32Value | Int64Value | Uint32Value | Uint64Value | BoolValue
            | StringValue | BytesValue => self.nested(out, |out| self.wrapped(value, out)),
        }
    }

    fn nested(
        &self,
        out: &mut Vec<u8>,
        content: impl FnOnce(&mut Vec<u8>) -> Result<(), ValueProblem>,
    ) -> Result<bool, ValueProblem> {
        out.push(0);
        let mark = out.len();
        content(out)?;
        patch(mark, out);
        Ok(false)
    }

    /// The wrapped value as field 1, left out where it is the default.
    fn wrapped(&self, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        use ProtoKind::*;
        let kind = match self.kind {
            DoubleValue => Double,
            FloatValue => Float,
            Int32Value => Int32,
            Int64Value => Int64,
            Uint32Value => Uint32,
            Uint64Value => Uint64,
            BoolValue => Bool,
            StringValue => String,
            _ => Bytes,
        };
        let tag = Box::new([1 << 3 | wire_type(kind) as u8]);
        let inner = Self {
            tag,
            end_tag: Box::default(),
            kind,
            implicit: true,
            packed: false,
            bounds: self.bounds,
            numbers: Box::default(),
        };
        ProtobufWriter::scalar(&inner, value, 0, out)
    }

    #[inline]
    fn integer(&self, value: Value<'_>) -> Result<i128, ValueProblem> {
        let number = match value {
            Value::Text(text) => lexical::parse_integer(text)?,
            value => lexical::whole(value)?,
        };
        if number < self.bounds.0 || number > self.bounds.1 {
            Err(ValueProblem::OutOfRange)
        } else {
            Ok(number)
        }
    }
}

/// Most tags have one or two bytes.
#[inline]
fn push_tag(tag: &[u8], out: &mut Vec<u8>) {
    match *tag {
        [one] => out.push(one),
        [one, two] => out.extend_from_slice(&[one, two]),
        ref more => out.extend_from_slice(more),
    }
}

#[inline]
fn push_length_delimited(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
    bytes.is_empty()
}

/// Any value as text, in its lexical form.
fn push_text(value: Value<'_>, out: &mut Vec<u8>) -> Result<bool, ValueProblem> {
    out.push(0);
    let mark = out.len();
    lexical::write_any(value, out)?;
    patch(mark, out);
    Ok(false)
}

fn boolean(value: Value<'_>) -> Result<bool, ValueProblem> {
    match value {
        Value::Bool(value) => Ok(value),
        Value::Text(text) => lexical::parse_bool(text),
        _ => Err(ValueProblem::WrongKind),
    }
}

fn double(value: Value<'_>, single: bool) -> Result<f64, ValueProblem> {
    match value {
        Value::Double(value) => Ok(value),
        Value::Text(text) => lexical::parse_double(text, single),
        // Whole numbers up to 2^53 are exact in binary64.
        Value::Integer(value) if value.unsigned_abs() <= 1 << 53 => Ok(value as f64),
        Value::Integer(_) => Err(ValueProblem::Loss),
        // The nearest, where the same digits come back from it: binary64 keeps 15 of them.
        Value::Decimal(value) => {
            let nearest = lexical::parse_double(&value.to_string(), single)?;
            let again = if single { (nearest as f32).to_string() } else { nearest.to_string() };
            match crate::Decimal::parse(&again).map(crate::Decimal::normalized) {
                Some(again) if again == value.normalized() => Ok(nearest),
                _ => Err(ValueProblem::Loss),
            }
        }
        _ => Err(ValueProblem::WrongKind),
    }
}

fn wire_type(kind: ProtoKind) -> u32 {
    use ProtoKind::*;
    match kind {
        Int32 | Int64 | Uint32 | Uint64 | Sint32 | Sint64 | Bool | Enum => 0,
        Double | Fixed64 | Sfixed64 => 1,
        Float | Fixed32 | Sfixed32 => 5,
        Group => 3,
        _ => 2,
    }
}
