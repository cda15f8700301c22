//! Messages become records, well-known messages that stand for one value become scalars.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, Syntax};

use super::{bounds, documentation::Documentation, rules::Options};
use crate::{
    Choice, ChoiceId, Content, EnumValue, Enumeration, Facets, Field, FieldId, FieldRules, Name, Occurs,
    Presence, ProtoKind, Record, RecordId, Scalar, ScalarId, ScalarKind, Schema, TypeId, Wire,
};

/// The types met so far.
pub(super) struct Types<'a> {
    pub(super) pool: &'a DescriptorPool,
    pub(super) documentation: Documentation,
    schema: Schema,
    records: HashMap<String, RecordId>,
    scalars: HashMap<String, ScalarId>,
    waiting: Vec<(RecordId, MessageDescriptor)>,
    options: Options,
    left_out: Vec<LeftOutRule>,
}

/// A rule of the contract that is not enforced.
pub(super) struct LeftOutRule {
    /// Its name.
    pub(super) name: String,
    /// The file, as it is imported.
    pub(super) file: String,
    /// The declaration that has it, as SourceCodeInfo counts.
    pub(super) path: Vec<i32>,
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
            options: Options::new(pool),
            left_out: Vec::new(),
        }
    }

    /// Declares a message and those within it, whether anything refers to them or not.
    pub(super) fn declare(&mut self, message: &MessageDescriptor) {
        self.record(message);
        for child in message.child_messages().filter(|m| !m.is_map_entry()) {
            self.declare(&child);
        }
    }

    /// Fills every record that was declared. Also gives the rules that are not enforced.
    pub(super) fn finish(mut self) -> (Schema, Vec<LeftOutRule>) {
        while let Some((id, message)) = self.waiting.pop() {
            self.fill(id, &message);
        }
        (self.schema, self.left_out)
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
        let choices: Vec<_> = message
            .oneofs()
            .filter(|o| !o.is_synthetic())
            .map(|o| Choice { name: o.name().to_owned(), required: self.options.is_required(&o) })
            .collect();
        let fields = message.fields().enumerate();
        let fields = fields.map(|(index, field)| self.field(id, FieldId(index as u32), &field, &choices));
        let fields = fields.collect();
        self.of_message(id, message);
        let doc = self.documentation.of(&message.parent_file(), message.path());
        let record = self.schema.record_mut(id);
        record.fields = fields;
        record.content = Content::Unordered;
        record.choices = choices;
        record.open = message.extension_ranges().next().is_some();
        record.doc = doc;
    }

    /// The fields that exclude each other, for which zero is not set.
    fn of_message(&mut self, id: RecordId, message: &MessageDescriptor) {
        let (exclusive, left_out) = self.options.of_message(message);
        self.leave_out(left_out, message.parent_file().name(), message.path());
        for field in exclusive.iter().flat_map(|group| &group.fields) {
            if let Some(mut rules) = self.schema.rules(id, *field).cloned() {
                rules.ignore_zero = true;
                self.schema.set_rules(id, *field, rules);
            }
        }
        if !exclusive.is_empty() {
            self.schema.set_exclusive(id, exclusive);
        }
    }

    /// Keeps what is demanded of a field, and of the entries of a map.
    fn rules(&mut self, record: RecordId, id: FieldId, field: &FieldDescriptor, ty: TypeId) -> FieldRules {
        let read = self.options.of_field(field);
        self.leave_out(read.left_out, field.parent_message().parent_file().name(), field.path());
        let mut keep = |record, field, rules: &FieldRules| {
            if *rules != FieldRules::default() {
                self.schema.set_rules(record, field, rules.clone());
            }
        };
        keep(record, id, &read.rules);
        if let (true, TypeId::Record(entry)) = (field.is_map(), ty) {
            keep(entry, FieldId(0), &read.key);
            keep(entry, FieldId(1), &read.value);
        }
        read.rules
    }

    fn leave_out(&mut self, names: Vec<String>, file: &str, path: &[i32]) {
        let left_out = |name| LeftOutRule { name, file: file.to_owned(), path: path.to_vec() };
        self.left_out.extend(names.into_iter().map(left_out));
    }

    /// The type with what bounds it.
    fn bounded(&mut self, ty: TypeId, rules: &FieldRules, presence: Presence) -> TypeId {
        let TypeId::Scalar(id) = ty else { return ty };
        let bounded = bounds::bounded(self.schema.scalar(id), rules, presence);
        bounded.map_or(ty, |scalar| TypeId::Scalar(self.schema.add_scalar(scalar)))
    }

    fn field(&mut self, record: RecordId, id: FieldId, field: &FieldDescriptor, choices: &[Choice]) -> Field {
        let (ty, kind) = self.field_type(field);
        let oneof = field.containing_oneof().filter(|o| !o.is_synthetic());
        let choice = oneof.and_then(|o| choices.iter().position(|choice| choice.name == o.name()));
        let list = field.is_list() || field.is_map();
        let presence =
            if list || field.supports_presence() { Presence::Explicit } else { Presence::Implicit };
        let rules = self.rules(record, id, field, ty);
        let ty = self.bounded(ty, &rules, presence);
        Field {
            name: field.name().replace('-', "_"),
            ty,
            occurs: match () {
                () if list => bounds::items(&rules),
                () if field.cardinality() == prost_reflect::Cardinality::Required => Occurs::ONCE,
                () if rules.always_required() => Occurs::ONCE,
                () => Occurs::OPTIONAL,
            },
            presence,
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
        let declared = field.kind();
        if let Some((kind, (name, scalar))) = plain_kind(&declared) {
            return (TypeId::Scalar(self.plain(name, scalar)), kind);
        }
        match declared {
            Kind::Enum(enumeration) => (TypeId::Scalar(self.enumeration(&enumeration)), ProtoKind::Enum),
            Kind::Message(message) => {
                let kind = if field.is_group() { ProtoKind::Group } else { ProtoKind::Message };
                (TypeId::Record(self.record(&message)), kind)
            }
            // Everything else is plain.
            _ => (TypeId::Scalar(self.plain("bytes", ScalarKind::Bytes)), ProtoKind::Bytes),
        }
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

/// How values of a kind are encoded; groups are told apart by their field.
pub(super) fn proto_kind(kind: &Kind) -> ProtoKind {
    match kind {
        Kind::Enum(_) => ProtoKind::Enum,
        kind => plain_kind(kind).map_or(ProtoKind::Message, |(kind, _)| kind),
    }
}

/// Of what is one value, enums apart.
fn plain_kind(kind: &Kind) -> Option<(ProtoKind, (&'static str, ScalarKind))> {
    Some(match kind {
        Kind::Message(message) => return well_known(message.full_name()),
        Kind::Enum(_) => return None,
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
    })
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
