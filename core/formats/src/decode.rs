//! From captured slots to values, by the field's own declaration.

use crate::{Slot, Value, ValueProblem, Word, lexical::Form, protobuf::ProtobufDecoder, records::FieldCodec};
use bumpalo::Bump;
use portolan_schema::{Enumeration, FieldId, Presence, RecordId, Schema, TypeId, Wire};

/// Decodes the slots of one scalar field (or of its items).
#[derive(Debug, Clone)]
pub struct Decoder {
    form: Decoding,
    /// What an absent attribute and an empty element stand for.
    default: Option<Box<str>>,
    attribute: bool,
    implicit: bool,
    plain: bool,
    /// Bytes that are captured are known to be UTF-8.
    tested: bool,
}

#[derive(Debug, Clone)]
enum Decoding {
    Protobuf(ProtobufDecoder),
    Text(Box<Form>),
    Stored(Box<Stored>),
    None,
}

/// A field of a record in columns.
#[derive(Debug, Clone)]
struct Stored {
    codec: FieldCodec,
    /// The only texts that it may have.
    listed: Option<Vec<Box<str>>>,
}

impl Stored {
    fn compile(storage: &portolan_schema::layout::Storage, enumeration: Option<&Enumeration>) -> Self {
        let closed = enumeration.filter(|enumeration| !enumeration.open);
        let listed =
            closed.map(|closed| closed.values.iter().map(|value| value.name.as_str().into()).collect());
        Self { codec: FieldCodec::compile(storage), listed }
    }

    #[inline]
    fn value<'a>(&'a self, slot: Slot<'a>, arena: &'a Bump) -> Result<Value<'a>, ValueProblem> {
        let value = match slot {
            Slot::Bytes(bytes) => self.codec.read(bytes, arena)?,
            Slot::Text(text) => Value::Text(text),
            // Its bytes were found to be no text when they were captured.
            Slot::Present if self.codec.is_restricted() => return Err(ValueProblem::CharacterClass),
            Slot::Present => return Err(ValueProblem::NoCharacter),
            Slot::Absent => return Ok(Value::Absent),
            _ => return Err(ValueProblem::WrongKind),
        };
        match (&self.listed, value) {
            (Some(listed), Value::Text(text)) if listed.iter().all(|known| **known != *text) => {
                Err(ValueProblem::NotListed)
            }
            _ => Ok(value),
        }
    }
}

impl Decoder {
    /// Compiles the decoder of a field; one that holds a record decodes nothing.
    pub fn compile(schema: &Schema, record: RecordId, field: FieldId) -> Self {
        let declared = schema.field(record, field);
        let form = match (declared.ty, &declared.wire) {
            (TypeId::Scalar(id), Wire::Protobuf { kind, .. }) => {
                Decoding::Protobuf(ProtobufDecoder::compile(*kind, schema.scalar(id)))
            }
            (TypeId::Scalar(id), Wire::Stored(storage)) => {
                Decoding::Stored(Box::new(Stored::compile(storage, schema.scalar(id).enumeration.as_ref())))
            }
            (TypeId::Scalar(id), _) => Decoding::Text(Box::new(Form::compile(schema, id))),
            (TypeId::Record(_), _) => Decoding::None,
        };
        let text = matches!(form, Decoding::Text(_));
        let plain = match (&form, &declared.wire) {
            (Decoding::Text(form), _) => {
                form.is_plain_text() && declared.default.is_none() && declared.fixed.is_none()
            }
            (Decoding::Protobuf(_), Wire::Protobuf { kind, .. }) => {
                *kind == portolan_schema::ProtoKind::String
            }
            (Decoding::Stored(stored), Wire::Stored(storage)) => {
                stored.listed.is_none() && matches!(storage.form, portolan_schema::layout::Form::Text(_))
            }
            _ => false,
        };
        Self {
            form,
            default: declared
                .default
                .as_deref()
                .or(declared.fixed.as_deref())
                .filter(|_| text)
                .map(Into::into),
            attribute: matches!(declared.wire, Wire::Attribute(_)),
            implicit: declared.presence == Presence::Implicit && !declared.occurs.is_list(),
            plain,
            tested: matches!(declared.wire, Wire::Stored(_)),
        }
    }

    /// Whether captured bytes of text were found to be UTF-8 when they were captured.
    #[inline]
    pub fn is_tested(&self) -> bool {
        self.tested
    }

    /// Whether captured text is the value as it is: no white space to collapse, no default for an empty one.
    #[inline]
    pub fn is_plain_text(&self) -> bool {
        self.plain
    }

    /// The value of a slot.
    #[inline]
    pub fn value<'a>(&'a self, slot: Slot<'a>, arena: &'a Bump) -> Result<Value<'a>, ValueProblem> {
        match &self.form {
            Decoding::Protobuf(decoder) => decoder.value(slot, arena),
            Decoding::Stored(stored) => stored.value(slot, arena),
            Decoding::Text(form) => {
                let text = match (slot, &self.default) {
                    (Slot::Text(""), Some(default)) => default,
                    (Slot::Text(text), _) => text,
                    (Slot::Absent, Some(default)) if self.attribute => default,
                    (Slot::Absent, _) => return Ok(Value::Absent),
                    (Slot::Nil, _) => return Ok(Value::Nil),
                    _ => return Err(ValueProblem::WrongKind),
                };
                form.read(text, arena)
            }
            Decoding::None => Err(ValueProblem::WrongKind),
        }
    }

    /// The value of a slot that holds a number, where a word holds it.
    #[inline]
    pub fn compact(&self, slot: Slot<'_>) -> Option<Word> {
        match (&self.form, slot) {
            (Decoding::Protobuf(decoder), Slot::Bits(bits)) => decoder.compact(bits),
            (Decoding::Protobuf(decoder), Slot::Bytes(message)) => decoder.compact_message(message),
            (Decoding::Stored(stored), Slot::Bytes(bytes)) => stored.codec.compact(bytes),
            _ => None,
        }
    }

    /// What an absent slot stands for where a value is needed: the default of a field without presence.
    pub fn implicit(&self) -> Option<Value<'_>> {
        match &self.form {
            Decoding::Protobuf(decoder) if self.implicit => Some(decoder.default()),
            _ => None,
        }
    }
}
