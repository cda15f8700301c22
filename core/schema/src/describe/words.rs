//! Types, occurrence and facets in a few words.

use crate::{
    Facets, Field, FieldId, FieldRules, Occurs, Record, RecordId, Scalar, ScalarKind, Schema, TypeId,
    WhiteSpace, Wire, xsd::is_lexical_rule,
};

const XSD: &str = "http://www.w3.org/2001/XMLSchema";
/// Longer lists and patterns are cut: the contract itself has them whole.
const SHOWN_VALUES: usize = 12;
const SHOWN_PATTERN: usize = 40;

/// The type's own name, with what it is where the name does not say.
pub(super) fn type_name(schema: &Schema, ty: TypeId) -> String {
    match ty {
        TypeId::Record(id) => {
            let record = schema.record(id);
            match &record.name {
                name if record.is_missing => format!("{} (not declared)", name.local),
                name if name.namespace == XSD => "any".to_owned(),
                name => name.local.clone(),
            }
        }
        TypeId::Scalar(id) => {
            let scalar = schema.scalar(id);
            let kind = kind(schema, &scalar.kind);
            let own = &scalar.name;
            let says_all = own.local.is_empty() || own.namespace == XSD || scalar.kind == ScalarKind::Enum;
            match own.local.as_str() {
                "" => kind,
                local if says_all || local == kind || own.namespace.is_empty() => local.to_owned(),
                local => format!("{local} ({kind})"),
            }
        }
    }
}

/// A kind of value by the name that XML Schema gives it, or protobuf.
pub(super) fn kind(schema: &Schema, kind: &ScalarKind) -> String {
    let word = match kind {
        ScalarKind::String => "string",
        ScalarKind::Bool => "boolean",
        ScalarKind::Integer { signed: true, bits: 8 } => "byte",
        ScalarKind::Integer { signed: true, bits: 16 } => "short",
        ScalarKind::Integer { signed: true, bits: 32 } => "int",
        ScalarKind::Integer { signed: true, bits: 64 } => "long",
        ScalarKind::Integer { signed: false, bits: 8 } => "unsignedByte",
        ScalarKind::Integer { signed: false, bits: 16 } => "unsignedShort",
        ScalarKind::Integer { signed: false, bits: 32 } => "unsignedInt",
        ScalarKind::Integer { signed: false, bits: 64 } => "unsignedLong",
        ScalarKind::Integer { .. } => "integer",
        ScalarKind::Decimal => "decimal",
        ScalarKind::Float => "float",
        ScalarKind::Double => "double",
        ScalarKind::Base64 => "base64Binary",
        ScalarKind::Hex => "hexBinary",
        ScalarKind::Bytes => "bytes",
        ScalarKind::Date => "date",
        ScalarKind::Time => "time",
        ScalarKind::DateTime => "dateTime",
        ScalarKind::Duration => "duration",
        ScalarKind::CalendarPart => "calendar part",
        ScalarKind::QName => "QName",
        ScalarKind::Enum => "enum",
        ScalarKind::List(item) => return format!("list of {}", type_name(schema, TypeId::Scalar(*item))),
        ScalarKind::Union(members) => {
            let members = members.iter().take(SHOWN_VALUES).map(|m| type_name(schema, TypeId::Scalar(*m)));
            return members.collect::<Vec<_>>().join(" or ");
        }
    };
    word.to_owned()
}

/// How often, and whether it may be nil.
pub(super) fn occurrence(field: &Field, record: &Record) -> String {
    let mut words = match field.occurs {
        Occurs::ONCE => "required".to_owned(),
        Occurs::OPTIONAL => "optional".to_owned(),
        Occurs::ANY => "list".to_owned(),
        Occurs { min, max: None } => format!("list {min}.."),
        Occurs { min, max: Some(max) } => format!("list {min}..{max}"),
    };
    if let Wire::Protobuf { map: true, .. } = field.wire {
        words = "map".to_owned();
    }
    if let Some(choice) = field.choice {
        let named = record.choices.get(choice.0 as usize);
        words = match named.map(|c| c.name.as_str()) {
            Some("") | None => format!("choice {}", choice.0 + 1),
            Some(name) => format!("choice {name}"),
        };
        if field.occurs.is_list() {
            words.push_str(", list");
        }
    }
    if field.nillable {
        words.push_str(", nil");
    }
    words
}

/// What bounds the values of a field, its default, and what is said of it.
pub(super) fn facets(schema: &Schema, record: RecordId, id: FieldId) -> String {
    let field = schema.field(record, id);
    let mut words = Vec::new();
    if matches!(field.wire, Wire::Attribute(_)) {
        words.push("attribute".to_owned());
    }
    if let TypeId::Scalar(id) = field.ty {
        let scalar = schema.scalar(id);
        words.extend(values(scalar));
        words.extend(bounds(&scalar.facets));
    }
    words.extend(schema.rules(record, id).map(rules).unwrap_or_default());
    words.extend(field.fixed.as_ref().map(|v| format!("always `{v}`")));
    words.extend(field.default.as_ref().map(|v| format!("default `{v}`")));
    words.extend(field.xsi_type.as_ref().map(|ty| format!("as {ty}")));
    if field.redact {
        words.push("redacted".to_owned());
    }
    words.join(", ")
}

/// What is demanded of a field besides: what facets cannot say, and who fills it.
fn rules(rules: &FieldRules) -> Vec<String> {
    let mut words = Vec::new();
    let value = &rules.value;
    let mut quoted = |what: &str, text: &Option<String>| {
        words.extend(text.as_ref().map(|text| format!("{what} `{}`", cut(text))));
    };
    quoted("begins with", &value.prefix);
    quoted("ends with", &value.suffix);
    quoted("contains", &value.contains);
    quoted("without", &value.not_contains);
    words.extend(value.patterns.iter().map(|pattern| format!("pattern {}", cut(pattern))));
    if !value.none_of.is_empty() {
        words.push(format!("not {}", cut(&value.none_of.join(" | "))));
    }
    let said = [
        (rules.items.unique, "no item twice"),
        (value.finite, "finite"),
        (rules.behavior.output_only, "output only"),
        (rules.behavior.input_only, "input only"),
    ];
    words.extend(said.iter().filter(|(holds, _)| *holds).map(|(_, word)| (*word).to_owned()));
    words
}

fn cut(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN_PATTERN).collect();
    format!("{cut}{}", if cut.len() < text.len() { "..." } else { "" })
}

fn values(scalar: &Scalar) -> Option<String> {
    let values = &scalar.enumeration.as_ref()?.values;
    let shown: Vec<_> = values.iter().take(SHOWN_VALUES).map(|v| v.name.as_str()).collect();
    let more = if values.len() > SHOWN_VALUES {
        format!(" and {} more", values.len() - SHOWN_VALUES)
    } else {
        String::new()
    };
    Some(format!("one of {}{more}", shown.join(" | ")))
}

fn bounds(facets: &Facets) -> Vec<String> {
    let mut words = Vec::new();
    match (facets.min_length, facets.max_length) {
        (None, None) => {}
        (Some(min), Some(max)) if min == max => words.push(format!("length {min}")),
        (min, max) => {
            let show = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
            words.push(format!("length {}..{}", show(min), show(max)));
        }
    }
    let mut bound =
        |sign: &str, value: &Option<String>| words.extend(value.as_ref().map(|v| format!("{sign} {v}")));
    bound(">=", &facets.min_inclusive);
    bound(">", &facets.min_exclusive);
    bound("<=", &facets.max_inclusive);
    bound("<", &facets.max_exclusive);
    words.extend(facets.total_digits.map(|n| format!("{n} digits")));
    words.extend(facets.fraction_digits.map(|n| format!("{n} after the point")));
    let own = |group: &&Vec<String>| !group.iter().all(|pattern| is_lexical_rule(pattern));
    for group in facets.patterns.iter().filter(own) {
        words.push(format!("pattern {}", cut(&group.join(" or "))));
    }
    if facets.white_space == Some(WhiteSpace::Replace) {
        words.push("blanks replaced".to_owned());
    }
    words
}
