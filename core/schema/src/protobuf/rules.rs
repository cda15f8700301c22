//! The options that say more of a field than its type: `buf.validate` (<https://protovalidate.com/reference/rules/>) and
//! `google.api.field_behavior` (AIP-203). They are read by the names of their fields, so that a contract may bring any version of
//! the file that declares them; what is not understood is told as not enforced.

use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor,
    OneofDescriptor, ReflectMessage as _, Value, prost_types,
};

use super::types::proto_kind;
use crate::{Exclusive, FieldId, FieldRules, Limit, ProtoKind, ValueRules};

/// The extensions that hold the options, where the contract has them.
pub(super) struct Options {
    field: Option<ExtensionDescriptor>,
    message: Option<ExtensionDescriptor>,
    oneof: Option<ExtensionDescriptor>,
    behavior: Option<ExtensionDescriptor>,
}

/// The rules of a field, and of the keys and values of a map.
#[derive(Default)]
pub(super) struct Read {
    pub(super) rules: FieldRules,
    pub(super) key: FieldRules,
    pub(super) value: FieldRules,
    /// Rules that are not enforced, by their names.
    pub(super) left_out: Vec<String>,
}

impl Options {
    pub(super) fn new(pool: &DescriptorPool) -> Self {
        let extension = |name: &str| pool.get_extension_by_name(name);
        Self {
            field: extension("buf.validate.field"),
            message: extension("buf.validate.message"),
            oneof: extension("buf.validate.oneof"),
            behavior: extension("google.api.field_behavior"),
        }
    }

    /// What is said of a field.
    pub(super) fn of_field(&self, field: &FieldDescriptor) -> Read {
        let mut read = Read::default();
        if self.field.is_none() && self.behavior.is_none() {
            return read;
        }
        let options = field.options();
        if let Some(message) = option(&options, self.field.as_ref()) {
            read.field(&message, field);
        }
        let behavior = self.behavior.as_ref().filter(|extension| options.has_extension(extension));
        let behavior = behavior.map(|extension| options.get_extension(extension).into_owned());
        for number in behavior.iter().filter_map(Value::as_list).flatten().filter_map(Value::as_enum_number) {
            match number {
                2 => read.rules.required = true,
                3 => read.rules.behavior.output_only = true,
                4 => read.rules.behavior.input_only = true,
                _ => {}
            }
        }
        read
    }

    /// Whether one member of a oneof must be set.
    pub(super) fn is_required(&self, oneof: &OneofDescriptor) -> bool {
        let Some(extension) = self.oneof.as_ref() else { return false };
        option(&oneof.options(), Some(extension)).is_some_and(|rules| flag(&rules, "required"))
    }

    /// What is said of a whole message: fields that exclude each other, and the names of what is not enforced.
    pub(super) fn of_message(&self, message: &MessageDescriptor) -> (Vec<Exclusive>, Vec<String>) {
        let (mut exclusive, mut left_out) = (Vec::new(), Vec::new());
        let Some(extension) = self.message.as_ref() else { return (exclusive, left_out) };
        let Some(rules) = option(&message.options(), Some(extension)) else { return (exclusive, left_out) };
        for (field, value) in rules.fields() {
            match (field.name(), value) {
                ("oneof", Value::List(groups)) => {
                    exclusive.extend(groups.iter().filter_map(Value::as_message).map(|g| group(g, message)));
                }
                (name, _) => left_out.push(format!("{name} of a message")),
            }
        }
        (exclusive, left_out)
    }
}

/// Of a `MessageOneofRule`.
fn group(group: &DynamicMessage, message: &MessageDescriptor) -> Exclusive {
    let names = group.get_field_by_name("fields");
    let names: Vec<&str> =
        names.iter().filter_map(|v| v.as_list()).flatten().filter_map(Value::as_str).collect();
    let fields = message.fields().enumerate().filter(|(_, field)| names.contains(&field.name()));
    Exclusive {
        fields: fields.map(|(index, _)| FieldId(index as u32)).collect(),
        required: flag(group, "required"),
    }
}

fn option(options: &DynamicMessage, extension: Option<&ExtensionDescriptor>) -> Option<DynamicMessage> {
    let extension = extension.filter(|extension| options.has_extension(extension))?;
    options.get_extension(extension).as_message().cloned()
}

fn flag(message: &DynamicMessage, name: &str) -> bool {
    message.get_field_by_name(name).is_some_and(|value| value.as_bool() == Some(true))
}

impl Read {
    /// Reads a `FieldRules`.
    fn field(&mut self, message: &DynamicMessage, field: &FieldDescriptor) {
        if is_ignored(message) {
            self.rules.ignored = true;
            return;
        }
        self.rules.ignore_zero = ignores_zero(message);
        for (rule, value) in message.fields() {
            match (rule.name(), value) {
                ("required", Value::Bool(required)) => self.rules.required = *required,
                ("ignore" | "skipped" | "ignore_empty", _) => {}
                ("repeated", Value::Message(rules)) if field.is_list() => self.list(rules, &field.kind()),
                ("map", Value::Message(rules)) if field.is_map() => self.map(rules, field),
                (name, Value::Message(rules)) if Some(name) == rules_of(field) => {
                    self.rules.value = self.value(name, rules, &field.kind());
                }
                (name, value) => self.leave_out(name, value),
            }
        }
    }

    fn list(&mut self, rules: &DynamicMessage, kind: &Kind) {
        for (rule, value) in rules.fields() {
            match (rule.name(), value) {
                ("min_items", Value::U64(least)) => self.rules.items.min = Some(*least),
                ("max_items", Value::U64(most)) => self.rules.items.max = Some(*most),
                ("unique", Value::Bool(unique)) => self.rules.items.unique = *unique,
                ("items", Value::Message(item)) => self.rules.value = self.part(item, kind),
                (name, _) => self.left_out.push(format!("repeated.{name}")),
            }
        }
        self.extended(rules);
    }

    fn map(&mut self, rules: &DynamicMessage, field: &FieldDescriptor) {
        let kind = field.kind();
        let entry = kind.as_message();
        let kind_of = |number| entry.and_then(|e| e.get_field(number)).map(|f| f.kind());
        for (rule, value) in rules.fields() {
            match (rule.name(), value) {
                ("min_pairs", Value::U64(least)) => self.rules.items.min = Some(*least),
                ("max_pairs", Value::U64(most)) => self.rules.items.max = Some(*most),
                ("keys", Value::Message(part)) => {
                    if let Some(kind) = kind_of(1) {
                        self.key.value = self.part(part, &kind);
                    }
                }
                ("values", Value::Message(part)) => {
                    if let Some(kind) = kind_of(2) {
                        self.value.value = self.part(part, &kind);
                        self.value.ignored = is_ignored(part);
                    }
                }
                (name, _) => self.left_out.push(format!("map.{name}")),
            }
        }
        self.extended(rules);
    }

    /// The rules of an item, a key or a value, which is always there.
    fn part(&mut self, message: &DynamicMessage, kind: &Kind) -> ValueRules {
        let mut value = ValueRules::default();
        if is_ignored(message) {
            return value;
        }
        for (rule, rules) in message.fields() {
            match (rule.name(), rules) {
                ("required" | "ignore" | "skipped" | "ignore_empty", _) => {}
                (name, Value::Message(rules)) if Some(name) == name_of(proto_kind(kind)) => {
                    value = self.value(name, rules, kind);
                }
                (name, rules) => self.leave_out(name, rules),
            }
        }
        value
    }

    /// Reads a `StringRules`, an `Int32Rules` and their kin.
    fn value(&mut self, name: &str, message: &DynamicMessage, kind: &Kind) -> ValueRules {
        let mut rules = ValueRules::default();
        for (rule, value) in message.fields() {
            let known = match name {
                "string" => text(&mut rules, rule.name(), value),
                "bytes" => octets(&mut rules, rule.name(), value),
                "enum" if rule.name() == "defined_only" => Some(()),
                _ => ordered(&mut rules, rule.name(), value),
            };
            if known.is_none() && !matches!(rule.name(), "example" | "strict") {
                self.left_out.push(format!("{name}.{}", rule.name()));
            }
        }
        if let Some(values) = kind.as_enum().filter(|_| flag(message, "defined_only")) {
            rules.allow(values.values().map(|value| value.number().to_string()).collect());
        }
        self.extended(message);
        rules
    }

    /// Rules that the contract made itself, in CEL.
    fn extended(&mut self, message: &DynamicMessage) {
        self.left_out
            .extend(message.extensions().map(|(extension, _)| format!("({})", extension.full_name())));
    }

    fn leave_out(&mut self, name: &str, value: &Value) {
        match value {
            Value::Message(rules) => {
                self.left_out.extend(rules.fields().map(|(rule, _)| format!("{name}.{}", rule.name())));
            }
            _ => self.left_out.push(name.to_owned()),
        }
    }
}

/// `IGNORE_ALWAYS`, which was `skipped` once.
fn is_ignored(message: &DynamicMessage) -> bool {
    ignore(message) == 3 || flag(message, "skipped")
}

/// `IGNORE_IF_ZERO_VALUE`, which had other names.
fn ignores_zero(message: &DynamicMessage) -> bool {
    matches!(ignore(message), 1 | 2) || flag(message, "ignore_empty")
}

fn ignore(message: &DynamicMessage) -> i32 {
    message.get_field_by_name("ignore").and_then(|value| value.as_enum_number()).unwrap_or_default()
}

/// The rules that a field may have; those of `Any` and `FieldMask` are not among them.
fn rules_of(field: &FieldDescriptor) -> Option<&'static str> {
    if field.is_map() || field.is_list() { None } else { name_of(proto_kind(&field.kind())) }
}

fn name_of(kind: ProtoKind) -> Option<&'static str> {
    use ProtoKind::*;
    Some(match kind {
        Double | DoubleValue => "double",
        Float | FloatValue => "float",
        Int32 | Int32Value => "int32",
        Int64 | Int64Value => "int64",
        Uint32 | Uint32Value => "uint32",
        Uint64 | Uint64Value => "uint64",
        Sint32 => "sint32",
        Sint64 => "sint64",
        Fixed32 => "fixed32",
        Fixed64 => "fixed64",
        Sfixed32 => "sfixed32",
        Sfixed64 => "sfixed64",
        Bool | BoolValue => "bool",
        String | StringValue => "string",
        Bytes | BytesValue => "bytes",
        Enum => "enum",
        Timestamp => "timestamp",
        Duration => "duration",
        Message | Group | Date | TimeOfDay | Decimal => return None,
    })
}

/// A rule of `StringRules`; `None` for one that is not understood.
fn text(rules: &mut ValueRules, name: &str, value: &Value) -> Option<()> {
    match (name, value) {
        ("len", Value::U64(length)) => (rules.min_length, rules.max_length) = (Some(*length), Some(*length)),
        ("min_len", Value::U64(length)) => rules.min_length = rules.min_length.max(Some(*length)),
        ("max_len", Value::U64(length)) => rules.max_length = Some(*length),
        ("len_bytes", Value::U64(length)) => {
            (rules.min_octets, rules.max_octets) = (Some(*length), Some(*length));
        }
        ("min_bytes", Value::U64(length)) => rules.min_octets = rules.min_octets.max(Some(*length)),
        ("max_bytes", Value::U64(length)) => rules.max_octets = Some(*length),
        ("pattern", Value::String(pattern)) => rules.patterns.push(tested(pattern)?),
        ("prefix", Value::String(text)) => rules.prefix = Some(text.clone()),
        ("suffix", Value::String(text)) => rules.suffix = Some(text.clone()),
        ("contains", Value::String(text)) => rules.contains = Some(text.clone()),
        ("not_contains", Value::String(text)) => rules.not_contains = Some(text.clone()),
        ("const" | "in" | "not_in", value) => listed(rules, name, value)?,
        (name, Value::Bool(true)) => rules.patterns.push(well_known(name)?.to_owned()),
        (_, Value::Bool(false)) => {}
        _ => return None,
    }
    Some(())
}

/// The pattern, if it can be tested within bounds.
fn tested(pattern: &str) -> Option<String> {
    regex::RegexBuilder::new(pattern).size_limit(PATTERN_SIZE).build().ok()?;
    Some(pattern.to_owned())
}

/// What a compiled pattern may take, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// Formats that a regular expression describes whole. The one of `email` is HTML's (section 4.10.5.1.5), as protovalidate has it.
fn well_known(name: &str) -> Option<&'static str> {
    Some(match name {
        "email" => {
            r"\A[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\z"
        }
        "uuid" => r"\A[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\z",
        "tuuid" => r"\A[0-9a-fA-F]{32}\z",
        "ulid" => r"\A[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}\z",
        "ipv4" => {
            r"\A(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\z"
        }
        _ => return None,
    })
}

/// A rule of `BytesRules`. Those that compare octets have no lexical form here.
fn octets(rules: &mut ValueRules, name: &str, value: &Value) -> Option<()> {
    let mut exactly = |length: u64| (rules.min_length, rules.max_length) = (Some(length), Some(length));
    match (name, value) {
        ("len", Value::U64(length)) => exactly(*length),
        ("min_len", Value::U64(length)) => rules.min_length = rules.min_length.max(Some(*length)),
        ("max_len", Value::U64(length)) => rules.max_length = Some(*length),
        ("ipv4", Value::Bool(true)) => exactly(4),
        ("ipv6" | "uuid", Value::Bool(true)) => exactly(16),
        (_, Value::Bool(false)) => {}
        _ => return None,
    }
    Some(())
}

/// A rule of numbers, enums, true and false, moments and spans of time.
fn ordered(rules: &mut ValueRules, name: &str, value: &Value) -> Option<()> {
    match name {
        "const" | "in" | "not_in" => listed(rules, name, value)?,
        "lt" | "lte" => rules.upper = Some(Limit { value: literal(value)?, inclusive: name == "lte" }),
        "gt" | "gte" => rules.lower = Some(Limit { value: literal(value)?, inclusive: name == "gte" }),
        "finite" => rules.finite = value.as_bool()?,
        _ => return None,
    }
    Some(())
}

fn listed(rules: &mut ValueRules, name: &str, value: &Value) -> Option<()> {
    let values = match value {
        Value::List(values) => values.iter().map(literal).collect::<Option<Vec<_>>>()?,
        value => vec![literal(value)?],
    };
    if name == "not_in" {
        rules.none_of.extend(values)
    } else {
        rules.allow(values)
    }
    Some(())
}

/// A value in the lexical form of its type.
fn literal(value: &Value) -> Option<String> {
    Some(match value {
        Value::Bool(value) => value.to_string(),
        Value::I32(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::F32(value) if value.is_finite() => format!("{value:?}"),
        Value::F32(value) => infinite(f64::from(*value)),
        Value::F64(value) if value.is_finite() => format!("{value:?}"),
        Value::F64(value) => infinite(*value),
        Value::String(value) => value.clone(),
        Value::Message(message) => moment(message)?,
        _ => return None,
    })
}

fn infinite(value: f64) -> String {
    let text = match value {
        value if value.is_nan() => "NaN",
        value if value > 0.0 => "INF",
        _ => "-INF",
    };
    text.to_owned()
}

/// A timestamp or a duration, as XML Schema writes them.
fn moment(message: &DynamicMessage) -> Option<String> {
    let seconds = message.get_field_by_name("seconds")?.as_i64()?;
    let nanos = message.get_field_by_name("nanos")?.as_i32()?;
    if message.descriptor().full_name() == "google.protobuf.Timestamp" {
        return Some(prost_types::Timestamp { seconds, nanos }.to_string());
    }
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    Some(format!("{sign}PT{}.{:09}S", seconds.unsigned_abs(), nanos.unsigned_abs()))
}
