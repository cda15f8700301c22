//! What a captured protobuf slot means: numbers by their kind, enumerations by their names.

use super::known;
use crate::{Compact, Slot, Value, ValueProblem, Word};
use bumpalo::Bump;
use portolan_schema::{ProtoKind, Scalar};

/// Decodes the slots of one field.
#[derive(Debug, Clone)]
pub(crate) struct ProtobufDecoder {
    kind: ProtoKind,
    /// Names by number, in the order of numbers.
    names: Box<[(i32, Box<str>)]>,
}

impl ProtobufDecoder {
    pub(crate) fn compile(kind: ProtoKind, scalar: &Scalar) -> Self {
        let mut names: Vec<(i32, Box<str>)> = scalar
            .enumeration
            .iter()
            .flat_map(|e| e.values.iter().filter_map(|v| Some((v.number?, v.name.as_str().into()))))
            .collect();
        // Stable: of aliases the first declared is the name.
        names.sort_by_key(|(number, _)| *number);
        names.dedup_by_key(|(number, _)| *number);
        Self { kind, names: names.into() }
    }

    #[inline]
    pub(crate) fn value<'a>(&'a self, slot: Slot<'a>, arena: &'a Bump) -> Result<Value<'a>, ValueProblem> {
        match slot {
            Slot::Absent => Ok(Value::Absent),
            Slot::Nil => Ok(Value::Nil),
            Slot::Text(text) => Ok(Value::Text(text)),
            Slot::Bits(bits) => self.number(bits),
            Slot::Bytes(bytes) if self.kind == ProtoKind::Bytes => Ok(Value::Bytes(bytes)),
            Slot::Bytes(bytes) if self.kind == ProtoKind::String => {
                std::str::from_utf8(bytes).map(Value::Text).map_err(|_| ValueProblem::Utf8)
            }
            Slot::Bytes(bytes) => known::decode(self.kind, bytes, arena),
            Slot::Present | Slot::List { .. } | Slot::Next(_) => Err(ValueProblem::WrongKind),
        }
    }

    /// The number that bits mean, where a word holds it.
    #[inline]
    pub(crate) fn compact(&self, bits: u64) -> Option<Word> {
        use ProtoKind::*;
        let whole = match self.kind {
            Int32 | Sfixed32 => i64::from(bits as i32),
            Int64 | Sfixed64 => bits as i64,
            Uint32 | Fixed32 => i64::from(bits as u32),
            Bool => return Some(Compact::Bool(bits != 0).into()),
            _ => return None,
        };
        Some(Compact::Integer(whole).into())
    }

    /// The number that a `google.type.Decimal` is, where a word holds its units and it is plainly written.
    #[inline]
    pub(crate) fn compact_message(&self, message: &[u8]) -> Option<Word> {
        if self.kind != ProtoKind::Decimal {
            return None;
        }
        let [0x0A, length, text @ ..] = message else { return None };
        if usize::from(*length) != text.len() || text.len() > 19 {
            return None;
        }
        let (negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let (mut units, mut scale, mut point) = (0i64, 0u8, false);
        let mut count = 0u32;
        for byte in digits {
            match byte.wrapping_sub(b'0') {
                digit @ 0..=9 => {
                    units = units * 10 + i64::from(digit);
                    scale += u8::from(point);
                    count += 1;
                }
                _ if *byte == b'.' && !point && count > 0 => point = true,
                _ => return None,
            }
        }
        if count == 0 || count > 18 || point && scale == 0 {
            return None;
        }
        Some(Compact::Minor(if negative { -units } else { units }, scale).into())
    }

    #[inline]
    fn number<'a>(&'a self, bits: u64) -> Result<Value<'a>, ValueProblem> {
        if self.kind == ProtoKind::Enum {
            let number = bits as i32;
            let found = self.names.binary_search_by_key(&number, |(n, _)| *n);
            return found.map(|i| Value::Text(&self.names[i].1)).map_err(|_| ValueProblem::NotListed);
        }
        number(self.kind, bits)
    }

    /// The value that an absent field without presence stands for.
    pub(crate) fn default(&self) -> Value<'_> {
        match self.kind {
            ProtoKind::String => Value::Text(""),
            ProtoKind::Bytes => Value::Bytes(&[]),
            _ => self.number(0).unwrap_or(Value::Absent),
        }
    }
}

/// The number that bits mean.
pub(super) fn number<'a>(kind: ProtoKind, bits: u64) -> Result<Value<'a>, ValueProblem> {
    use ProtoKind::*;
    Ok(match kind {
        Double | DoubleValue => Value::Double(f64::from_bits(bits)),
        Float | FloatValue => Value::Double(f64::from(f32::from_bits(bits as u32))),
        Int32 | Sfixed32 | Int32Value => Value::Integer(i128::from(bits as i32)),
        Int64 | Sfixed64 | Int64Value => Value::Integer(i128::from(bits as i64)),
        Uint32 | Fixed32 | Uint32Value => Value::Integer(i128::from(bits as u32)),
        Uint64 | Fixed64 | Uint64Value => Value::Integer(i128::from(bits)),
        Sint32 => Value::Integer(i128::from((bits as u32 >> 1) as i32 ^ -((bits & 1) as i32))),
        Sint64 => Value::Integer(i128::from((bits >> 1) as i64 ^ -((bits & 1) as i64))),
        Bool | BoolValue => Value::Bool(bits != 0),
        _ => return Err(ValueProblem::WrongKind),
    })
}
