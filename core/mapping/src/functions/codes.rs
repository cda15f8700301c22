//! Functions of codes: check digits, identifiers made of names.

use portolan_formats::Value;
use uuid::Uuid;

use super::{
    EvalError, Form, Function, Kind, Outcome, Parameter,
    text::{TEXT, wrong_kind},
};

const SCHEME: Parameter = Parameter::prepared("scheme", Form::Scheme);

pub(super) const CHECK_DIGIT: Function = Function {
    name: "check_digit",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT, SCHEME],
    result: Outcome::Kind(Kind::Text),
    doc: "What is to stand after these digits: by luhn, gs1 (EAN, GTIN), aba (routing numbers), mod-11 (weights 2 to 7 from the right), iso7064-mod-97-10 (two digits) or iso7064-mod-11-2 (10 is X). Refused where the text is not digits, or no such number exists.",
    examples: &[
        ("'7992739871'.check_digit('luhn')", "3"),
        ("'23138010'.check_digit('aba')", "4"),
        ("'794'.check_digit('iso7064-mod-97-10')", "44"),
        ("'12-3'.check_digit('luhn')", "error"),
    ],
    eval: |call, arguments| {
        let [Value::Text(text), _] = *arguments else { return wrong_kind() };
        let problem = "this is no number that has a check digit";
        let digit = call.scheme()?.of(text).ok_or(EvalError::Refused { function: "check_digit", problem })?;
        Ok(Value::Text(call.arena.alloc_str(digit.as_str())))
    },
};

pub(super) const HAS_CHECK_DIGIT: Function = Function {
    name: "has_check_digit",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT, SCHEME],
    result: Outcome::Kind(Kind::Bool),
    doc: "Whether the text is digits that end with the check digit that belongs there, by a scheme of `check_digit`.",
    examples: &[
        ("'231380104'.has_check_digit('aba')", "true"),
        ("'231380105'.has_check_digit('aba')", "false"),
    ],
    eval: |call, arguments| match *arguments {
        [Value::Text(text), _] => Ok(Value::Bool(call.scheme()?.holds(text))),
        _ => wrong_kind(),
    },
};

pub(super) const UUID5: Function = Function {
    name: "uuid5",
    receiver: false,
    sees_absent: false,
    parameters: &[Parameter::prepared("namespace", Form::Namespace), Parameter::value("name", &[Kind::Text])],
    result: Outcome::Kind(Kind::Text),
    doc: "The UUID of a name (version 5, RFC 9562): the same name in the same namespace always has the same. The namespace is dns, url, oid, x500, or a UUID of your own. Where each message needs another one, `context.message_id` is a UUID (version 7).",
    examples: &[
        ("uuid5('dns', 'www.example.com')", "2ed6657d-e927-568b-95e1-2665a8aea6a2"),
        (
            "uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')",
            "2ed6657d-e927-568b-95e1-2665a8aea6a2",
        ),
        ("uuid5('here', 'x')", "error"),
    ],
    eval: |call, arguments| match *arguments {
        [_, Value::Text(name)] => {
            let mut buffer = Uuid::encode_buffer();
            let text =
                Uuid::new_v5(call.namespace()?, name.as_bytes()).hyphenated().encode_lower(&mut buffer);
            Ok(Value::Text(call.arena.alloc_str(text)))
        }
        _ => wrong_kind(),
    },
};

/// A namespace by name, or by UUID.
pub(super) fn namespace(text: &str) -> Option<Uuid> {
    match text {
        "dns" => Some(Uuid::NAMESPACE_DNS),
        "url" => Some(Uuid::NAMESPACE_URL),
        "oid" => Some(Uuid::NAMESPACE_OID),
        "x500" => Some(Uuid::NAMESPACE_X500),
        other => Uuid::try_parse(other).ok(),
    }
}
