//! Messages become records, well-known messages that stand for one value become scalars.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, Syntax};

use super::documentation::Documentation;
use crate::{
    Choice, ChoiceId, Content, EnumValue, Enumeration, Facets, Field, Name, Occurs, Presence, ProtoKind,
    Record, RecordId, Scalar, ScalarId, ScalarKind, Schema, TypeId, Wire,
};

/// The types met so far.
pub(super) struct Types<'a> {
    pub(super) pool: &'a DescriptorPool,
    pub(super) documentation: Documentation,
    schema: Schema,
    records: HashMap<String, RecordId>,
    scalars: HashMap<String, ScalarId>,
    waiting: Vec<(RecordId, MessageDescriptor)>,
}

impl<'a> Types<'a> {
    pub(super) fn new(pool: &'a DescriptorPool) -> Self {
        Self {
            pool,
            documentation: Documentation::default(),
            schema: Schema::default(),
            records: HashMap::new(),
            scalars: HashMap::new(),
            waiting: Vec::new(),
        }
    }

    /// Declares a message and those within it, whether anything refers to them or not.
    pub(super) fn declare(&mut self, message: &MessageDescriptor) {
        self.record(message);
        for child in message.child_messages().filter(|m| !m.is_map_entry()) {
            self.declare(&child);
        }
    }

    /// Fills every record that was declared.
    pub(super) fn finish(mut self) -> Schema {
        while let Some((id, message)) = self.waiting.pop() {
            self.fill(id, &message);
        }
        self.schema
    }

    /// The record of a message; filled later, because messages may hold themselves.
    pub(super) fn record(&mut self, message: &MessageDescriptor) -> RecordId {
        if let Some(known) = self.records.get(message.full_name()) {
            return *known;
        }
        let id =
            self.schema.add_record(Record { name: Name::plain(message.full_name()), ..Record::default() });
        self.records.insert(message.full_name().to_owned(), id);
        self.waiting.push((id, message.clone()));
        id
    }

    fn fill(&mut self, id: RecordId, message: &MessageDescriptor) {
        let oneofs: Vec<_> =
            message.oneofs().filter(|o| !o.is_synthetic()).map(|o| o.name().to_owned()).collect();
        let fields = message.fields().map(|field| self.field(&field, &oneofs)).collect();
        let doc = self.documentation.of(&message.parent_file(), message.path());
        let record = self.schema.record_mut(id);
        record.fields = fields;
        record.content = Content::Unordered;
        record.choices = oneofs.into_iter().map(|name| Choice { name, required: false }).collect();
        record.open = message.extension_ranges().next().is_some();
        record.doc = doc;
    }

    fn field(&mut self, field: &FieldDescriptor, oneofs: &[String]) -> Field {
        let (ty, kind) = self.field_type(field);
        let oneof = field.containing_oneof().filter(|o| !o.is_synthetic());
        let choice = oneof.and_then(|o| oneofs.iter().position(|name| name == o.name()));
        let list = field.is_list() || field.is_map();
        Field {
            name: field.name().replace('-', "_"),
            ty,
            occurs: match () {
                () if list => Occurs::ANY,
                () if field.cardinality() == prost_reflect::Cardinality::Required => Occurs::ONCE,
                () => Occurs::OPTIONAL,
            },
            presence: if list || field.supports_presence() { Presence::Explicit } else { Presence::Implicit },
            nillable: false,
            default: field.field_descriptor_proto().default_value.clone(),
            fixed: None,
            choice: choice.map(|index| ChoiceId(index as u32)),
            xsi_type: None,
            redact: field
                .options()
                .get_field_by_name("debug_redact")
                .is_some_and(|v| v.as_bool() == Some(true)),
            wire: Wire::Protobuf {
                number: field.number(),
                kind,
                packed: field.is_packed(),
                map: field.is_map(),
            },
            doc: self.documentation.of(&field.parent_message().parent_file(), field.path()),
        }
    }

    fn field_type(&mut self, field: &FieldDescriptor) -> (TypeId, ProtoKind) {
        let (kind, scalar) = match field.kind() {
            Kind::Message(message) => match well_known(message.full_name()) {
                Some(known) => known,
                None => {
                    let kind = if field.is_group() { ProtoKind::Group } else { ProtoKind::Message };
                    return (TypeId::Record(self.record(&message)), kind);
                }
            },
            Kind::Enum(enumeration) => {
                return (TypeId::Scalar(self.enumeration(&enumeration)), ProtoKind::Enum);
            }
            Kind::Double => (ProtoKind::Double, ("double", ScalarKind::Double)),
            Kind::Float => (ProtoKind::Float, ("float", ScalarKind::Float)),
            Kind::Int32 => (ProtoKind::Int32, ("int32", SIGNED_32)),
            Kind::Int64 => (ProtoKind::Int64, ("int64", SIGNED_64)),
            Kind::Uint32 => (ProtoKind::Uint32, ("uint32", UNSIGNED_32)),
            Kind::Uint64 => (ProtoKind::Uint64, ("uint64", UNSIGNED_64)),
            Kind::Sint32 => (ProtoKind::Sint32, ("sint32", SIGNED_32)),
            Kind::Sint64 => (ProtoKind::Sint64, ("sint64", SIGNED_64)),
            Kind::Fixed32 => (ProtoKind::Fixed32, ("fixed32", UNSIGNED_32)),
            Kind::Fixed64 => (ProtoKind::Fixed64, ("fixed64", UNSIGNED_64)),
            Kind::Sfixed32 => (ProtoKind::Sfixed32, ("sfixed32", SIGNED_32)),
            Kind::Sfixed64 => (ProtoKind::Sfixed64, ("sfixed64", SIGNED_64)),
            Kind::Bool => (ProtoKind::Bool, ("bool", ScalarKind::Bool)),
            Kind::String => (ProtoKind::String, ("string", ScalarKind::String)),
            Kind::Bytes => (ProtoKind::Bytes, ("bytes", ScalarKind::Bytes)),
        };
        (TypeId::Scalar(self.plain(scalar.0, scalar.1)), kind)
    }

    fn plain(&mut self, name: &str, kind: ScalarKind) -> ScalarId {
        if let Some(known) = self.scalars.get(name) {
            return *known;
        }
        let scalar = Scalar { name: Name::plain(name), kind, facets: Facets::default(), enumeration: None };
        let id = self.schema.add_scalar(scalar);
        self.scalars.insert(name.to_owned(), id);
        id
    }

    fn enumeration(&mut self, enumeration: &EnumDescriptor) -> ScalarId {
        if let Some(known) = self.scalars.get(enumeration.full_name()) {
            return *known;
        }
        let file = enumeration.parent_file();
        let values = enumeration.values().map(|value| EnumValue {
            name: value.name().to_owned(),
            number: Some(value.number()),
            doc: self.documentation.of(&file, value.path()),
        });
        let values = values.collect();
        let id = self.schema.add_scalar(Scalar {
            name: Name::plain(enumeration.full_name()),
            kind: ScalarKind::Enum,
            facets: Facets::default(),
            enumeration: Some(Enumeration { values, open: file.syntax() == Syntax::Proto3 }),
        });
        self.scalars.insert(enumeration.full_name().to_owned(), id);
        id
    }
}

const SIGNED_32: ScalarKind = ScalarKind::Integer { signed: true, bits: 32 };
const SIGNED_64: ScalarKind = ScalarKind::Integer { signed: true, bits: 64 };
const UNSIGNED_32: ScalarKind = ScalarKind::Integer { signed: false, bits: 32 };
const UNSIGNED_64: ScalarKind = ScalarKind::Integer { signed: false, bits: 64 };

/// The messages that stand for one value, so that a mapping sees a date and not three integers.
fn well_known(name: &str) -> Option<(ProtoKind, (&'static str, ScalarKind))> {
    macro_rules! known {
        ($($name:literal => $kind:ident, $scalar:expr;)*) => {
            match name { $($name => Some((ProtoKind::$kind, ($name, $scalar))),)* _ => None }
        };
    }
    known! {
        "google.protobuf.Timestamp" => Timestamp, ScalarKind::DateTime;
        "google.protobuf.Duration" => Duration, ScalarKind::Duration;
        "google.type.Date" => Date, ScalarKind::Date;
        "google.type.TimeOfDay" => TimeOfDay, ScalarKind::Time;
        "google.type.Decimal" => Decimal, ScalarKind::Decimal;
        "google.protobuf.DoubleValue" => DoubleValue, ScalarKind::Double;
        "google.protobuf.FloatValue" => FloatValue, ScalarKind::Float;
        "google.protobuf.Int32Value" => Int32Value, SIGNED_32;
        "google.protobuf.Int64Value" => Int64Value, SIGNED_64;
        "google.protobuf.UInt32Value" => Uint32Value, UNSIGNED_32;
        "google.protobuf.UInt64Value" => Uint64Value, UNSIGNED_64;
        "google.protobuf.BoolValue" => BoolValue, ScalarKind::Bool;
        "google.protobuf.StringValue" => StringValue, ScalarKind::String;
        "google.protobuf.BytesValue" => BytesValue, ScalarKind::Bytes;
    }
}
