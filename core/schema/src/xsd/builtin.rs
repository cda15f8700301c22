//! The built-in types (XML Schema Part 2, section 3).

use crate::{Facets, Name, Scalar, ScalarKind, Schema, WhiteSpace};

use super::XSD;

/// The names of all built-in simple types.
pub(super) const NAMES: &[&str] = &[
    "anySimpleType",
    "anyAtomicType",
    "string",
    "normalizedString",
    "token",
    "language",
    "Name",
    "NCName",
    "NMTOKEN",
    "NMTOKENS",
    "ID",
    "IDREF",
    "IDREFS",
    "ENTITY",
    "ENTITIES",
    "boolean",
    "decimal",
    "float",
    "double",
    "integer",
    "nonPositiveInteger",
    "negativeInteger",
    "nonNegativeInteger",
    "positiveInteger",
    "long",
    "int",
    "short",
    "byte",
    "unsignedLong",
    "unsignedInt",
    "unsignedShort",
    "unsignedByte",
    "date",
    "time",
    "dateTime",
    "dateTimeStamp",
    "duration",
    "dayTimeDuration",
    "yearMonthDuration",
    "gYear",
    "gYearMonth",
    "gMonth",
    "gMonthDay",
    "gDay",
    "anyURI",
    "QName",
    "NOTATION",
    "base64Binary",
    "hexBinary",
];

/// The lexical rule of a type whose values are kept as text (XML Schema Part 2, sections 3.2 and 3.3).
fn lexical(local: &str) -> Option<&'static str> {
    Some(match local {
        "language" => LANGUAGE,
        "Name" => NAME,
        "NCName" | "ID" | "IDREF" | "ENTITY" => NC_NAME,
        "NMTOKEN" => NM_TOKEN,
        "QName" | "NOTATION" => Q_NAME,
        "gYear" => G_YEAR,
        "gYearMonth" => G_YEAR_MONTH,
        "gMonth" => G_MONTH,
        "gMonthDay" => G_MONTH_DAY,
        "gDay" => G_DAY,
        _ => return None,
    })
}

const LANGUAGE: &str = "[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*";
const NAME: &str = r"\i\c*";
const NC_NAME: &str = r"[\i-[:]][\c-[:]]*";
const NM_TOKEN: &str = r"\c+";
const Q_NAME: &str = r"([\i-[:]][\c-[:]]*:)?[\i-[:]][\c-[:]]*";
const G_YEAR: &str = r"-?([1-9]\d{3,}|0\d{3})(Z|[+\-]\d{2}:\d{2})?";
const G_YEAR_MONTH: &str = r"-?([1-9]\d{3,}|0\d{3})-(0[1-9]|1[0-2])(Z|[+\-]\d{2}:\d{2})?";
const G_MONTH: &str = r"--(0[1-9]|1[0-2])(Z|[+\-]\d{2}:\d{2})?";
const G_MONTH_DAY: &str = r"--(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(Z|[+\-]\d{2}:\d{2})?";
const G_DAY: &str = r"---(0[1-9]|[12]\d|3[01])(Z|[+\-]\d{2}:\d{2})?";

/// Whether a pattern is the rule of a built-in type, which its name says already.
pub(crate) fn is_lexical_rule(pattern: &str) -> bool {
    NAMES.iter().any(|name| lexical(name) == Some(pattern))
}

/// The built-in simple type of a local name. `anyType` is not one: it is a record.
pub(super) fn builtin(schema: &mut Schema, local: &str) -> Option<Scalar> {
    let mut facets = Facets { white_space: Some(WhiteSpace::Collapse), ..Facets::default() };
    let mut at_least = |bound: &str| facets.min_inclusive = Some(bound.to_owned());
    let signed = |bits| ScalarKind::Integer { signed: true, bits };
    let unsigned = |bits| ScalarKind::Integer { signed: false, bits };
    let kind = match local {
        "string" | "anySimpleType" | "anyAtomicType" => {
            facets.white_space = None;
            ScalarKind::String
        }
        "normalizedString" => {
            facets.white_space = Some(WhiteSpace::Replace);
            ScalarKind::String
        }
        "token" | "anyURI" | "language" | "Name" | "NCName" | "NMTOKEN" | "ID" | "IDREF" | "ENTITY" => {
            ScalarKind::String
        }
        "NMTOKENS" | "IDREFS" | "ENTITIES" => {
            let item = builtin(schema, local.strip_suffix(if local == "ENTITIES" { "IES" } else { "S" })?)
                .or_else(|| builtin(schema, "ENTITY"))?;
            facets.min_length = Some(1);
            ScalarKind::List(schema.add_scalar(item))
        }
        "boolean" => ScalarKind::Bool,
        "decimal" => ScalarKind::Decimal,
        "float" => ScalarKind::Float,
        "double" => ScalarKind::Double,
        "integer" => signed(0),
        "nonPositiveInteger" => {
            facets.max_inclusive = Some("0".to_owned());
            signed(0)
        }
        "negativeInteger" => {
            facets.max_inclusive = Some("-1".to_owned());
            signed(0)
        }
        "nonNegativeInteger" => {
            at_least("0");
            unsigned(0)
        }
        "positiveInteger" => {
            at_least("1");
            unsigned(0)
        }
        "long" => signed(64),
        "int" => signed(32),
        "short" => signed(16),
        "byte" => signed(8),
        "unsignedLong" => unsigned(64),
        "unsignedInt" => unsigned(32),
        "unsignedShort" => unsigned(16),
        "unsignedByte" => unsigned(8),
        "date" => ScalarKind::Date,
        "time" => ScalarKind::Time,
        "dateTime" | "dateTimeStamp" => ScalarKind::DateTime,
        "duration" | "dayTimeDuration" | "yearMonthDuration" => ScalarKind::Duration,
        "gYear" | "gYearMonth" | "gMonth" | "gMonthDay" | "gDay" => ScalarKind::CalendarPart,
        "QName" | "NOTATION" => ScalarKind::QName,
        "base64Binary" => ScalarKind::Base64,
        "hexBinary" => ScalarKind::Hex,
        _ => return None,
    };
    facets.patterns.extend(lexical(local).map(|rule| vec![rule.to_owned()]));
    Some(Scalar { name: Name::new(XSD, local), kind, facets, enumeration: None })
}

#[cfg(test)]
mod tests {
    use super::{NAMES, builtin};
    use crate::Schema;

    #[test]
    fn every_name_has_a_type() {
        let mut schema = Schema::default();
        for name in NAMES {
            assert!(builtin(&mut schema, name).is_some(), "{name}");
        }
    }
}
