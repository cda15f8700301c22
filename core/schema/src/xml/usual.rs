//! What is widely got wrong in contracts, and what is meant by it.

use crate::{
    wsdl::{SOAP_11, SOAP_12, WSDL},
    xsd::XSD,
};

/// The namespace that everybody means by a prefix, for those who forgot to declare it.
pub(super) fn namespace(prefix: &str) -> Option<&'static str> {
    Some(match prefix {
        "xs" | "xsd" | "s" => XSD,
        "wsdl" => WSDL,
        "soap" => SOAP_11,
        "soap12" => SOAP_12,
        _ => return None,
    })
}

/// Whether a namespace is one of XML Schema's drafts, which contracts were written against before there was a standard.
pub(super) fn is_draft(namespace: &str) -> bool {
    matches!(namespace, "http://www.w3.org/1999/XMLSchema" | "http://www.w3.org/2000/10/XMLSchema")
}

/// The elements of XML Schema whose names have capitals in them.
const CAPITALS: [&str; 15] = [
    "anyAttribute",
    "attributeGroup",
    "complexContent",
    "complexType",
    "fractionDigits",
    "maxExclusive",
    "maxInclusive",
    "maxLength",
    "minExclusive",
    "minInclusive",
    "minLength",
    "simpleContent",
    "simpleType",
    "totalDigits",
    "whiteSpace",
];

/// The element of XML Schema that differs from a name only in its capitals.
pub(super) fn capitals(namespace: &str, local: &str) -> Option<&'static str> {
    let same = |known: &&&str| known.eq_ignore_ascii_case(local) && **known != local;
    if namespace == XSD { CAPITALS.iter().find(same).copied() } else { None }
}
