//! Functions of text. Positions and lengths count characters, never bytes.

use bumpalo::Bump;
use portolan_formats::{Value, ValueProblem, lexical};

use super::{EvalError, Function, Kind, Outcome, Parameter};

/// Longer results are refused: a replacement may be longer than what it replaces.
pub(crate) const MAX_RESULT: usize = 16 << 20;
/// As far as a text is padded.
const MAX_PADDED: i128 = 4096;

pub(super) const TEXT: Parameter = Parameter::value("text", &[Kind::Text]);

pub(super) fn wrong_kind<T>() -> Result<T, EvalError> {
    Err(ValueProblem::WrongKind.into())
}

/// A length or position that a mapping gives.
pub(super) fn count(value: i128) -> Result<usize, EvalError> {
    usize::try_from(value).map_err(|_| ValueProblem::OutOfRange.into())
}

/// The byte at which a character begins; the end for the position after the last one.
pub(super) fn place(text: &str, position: usize) -> Option<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(position)
}

pub(super) const TRIM: Function = Function {
    name: "trim",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT],
    result: Outcome::Kind(Kind::Text),
    doc: "The text without white space at its ends.",
    examples: &[("' a b '.trim()", "a b")],
    eval: |_, arguments| match arguments {
        [Value::Text(text)] => Ok(Value::Text(text.trim())),
        _ => wrong_kind(),
    },
};

pub(super) const UPPER: Function = Function {
    name: "upper",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT],
    result: Outcome::Kind(Kind::Text),
    doc: "The text in capital letters.",
    examples: &[("'straße 7'.upper()", "STRASSE 7")],
    eval: |call, arguments| match arguments {
        [Value::Text(text)] => Ok(Value::Text(call.arena.alloc_str(&text.to_uppercase()))),
        _ => wrong_kind(),
    },
};

pub(super) const LOWER: Function = Function {
    name: "lower",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT],
    result: Outcome::Kind(Kind::Text),
    doc: "The text in small letters.",
    examples: &[("'EE-Õ'.lower()", "ee-õ")],
    eval: |call, arguments| match arguments {
        [Value::Text(text)] => Ok(Value::Text(call.arena.alloc_str(&text.to_lowercase()))),
        _ => wrong_kind(),
    },
};

pub(super) const TRUNCATE: Function = Function {
    name: "truncate",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT, Parameter::constant("length", &[Kind::Integer])],
    result: Outcome::Kind(Kind::Text),
    doc: "The text cut after so many characters; a shorter one stays as it is. This is how a mapping says that the rest may be lost.",
    examples: &[("'Tõnisson'.truncate(3)", "Tõn"), ("'ab'.truncate(3)", "ab")],
    eval: |_, arguments| match *arguments {
        [Value::Text(text), Value::Integer(length)] => {
            Ok(Value::Text(place(text, count(length)?).map_or(text, |end| &text[..end])))
        }
        _ => wrong_kind(),
    },
};

pub(super) const SUBSTRING: Function = Function {
    name: "substring",
    receiver: true,
    sees_absent: false,
    parameters: &[
        TEXT,
        Parameter::value("start", &[Kind::Integer]),
        Parameter::value("end", &[Kind::Integer]).optional(),
    ],
    result: Outcome::Kind(Kind::Text),
    doc: "The characters from `start`, counted from 0, up to but not including `end`, or to the last one. A text that is shorter is refused.",
    examples: &[
        ("'38001085718'.substring(1, 7)", "800108"),
        ("'abc'.substring(1)", "bc"),
        ("'abc'.substring(2, 5)", "error"),
        ("'abc'.substring(2, 1)", "error"),
    ],
    eval: |_, arguments| {
        let (text, start, end) = match *arguments {
            [Value::Text(text), Value::Integer(start)] => (text, start, None),
            [Value::Text(text), Value::Integer(start), Value::Integer(end)] => (text, start, Some(end)),
            _ => return wrong_kind(),
        };
        let refused =
            || EvalError::Refused { function: "substring", problem: "the text is shorter than that" };
        let from = place(text, count(start)?).ok_or_else(refused)?;
        let to = match end {
            Some(end) => place(text, count(end)?).ok_or_else(refused)?,
            None => text.len(),
        };
        text.get(from..to).map(Value::Text).ok_or_else(refused)
    },
};

pub(super) const REPLACE: Function = Function {
    name: "replace",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT, Parameter::constant("old", &[Kind::Text]), Parameter::constant("new", &[Kind::Text])],
    result: Outcome::Kind(Kind::Text),
    doc: "The text with every `old` replaced by `new`.",
    examples: &[("'12.05.2024'.replace('.', '-')", "12-05-2024"), ("'abc'.replace('', 'x')", "error")],
    eval: |call, arguments| match *arguments {
        [Value::Text(_), Value::Text(""), Value::Text(_)] => {
            Err(EvalError::Refused { function: "replace", problem: "there is nothing to replace" })
        }
        [Value::Text(text), Value::Text(old), Value::Text(new)] => {
            let length = text.len().saturating_add(text.matches(old).count().saturating_mul(new.len()));
            if length > MAX_RESULT {
                return Err(ValueProblem::TooLong.into());
            }
            Ok(Value::Text(call.arena.alloc_str(&text.replace(old, new))))
        }
        _ => wrong_kind(),
    },
};

pub(super) const STARTS_WITH: Function = Function {
    name: "startsWith",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT, Parameter::value("start", &[Kind::Text])],
    result: Outcome::Kind(Kind::Bool),
    doc: "Whether the text begins with `start`.",
    examples: &[("'EE123'.startsWith('EE')", "true")],
    eval: |_, arguments| match *arguments {
        [Value::Text(text), Value::Text(start)] => Ok(Value::Bool(text.starts_with(start))),
        _ => wrong_kind(),
    },
};

pub(super) const ENDS_WITH: Function = Function {
    name: "endsWith",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT, Parameter::value("end", &[Kind::Text])],
    result: Outcome::Kind(Kind::Bool),
    doc: "Whether the text ends with `end`.",
    examples: &[("'EE123'.endsWith('12')", "false")],
    eval: |_, arguments| match *arguments {
        [Value::Text(text), Value::Text(end)] => Ok(Value::Bool(text.ends_with(end))),
        _ => wrong_kind(),
    },
};

pub(super) const CONTAINS: Function = Function {
    name: "contains",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT, Parameter::value("part", &[Kind::Text])],
    result: Outcome::Kind(Kind::Bool),
    doc: "Whether `part` stands in the text.",
    examples: &[("'a-b'.contains('-')", "true")],
    eval: |_, arguments| match *arguments {
        [Value::Text(text), Value::Text(part)] => Ok(Value::Bool(text.contains(part))),
        _ => wrong_kind(),
    },
};

pub(super) const MATCHES: Function = Function {
    name: "matches",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT, Parameter::PATTERN],
    result: Outcome::Kind(Kind::Bool),
    doc: "Whether the regular expression is found in the text; `^` and `$` hold it to the whole. It has no look-around and no references back, so it takes no longer than the text is long.",
    examples: &[("'38001085718'.matches('^[0-9]{11}$')", "true"), ("'a1'.matches(r'^\\d')", "false")],
    eval: |call, arguments| match arguments {
        [Value::Text(text), _] => Ok(Value::Bool(call.pattern()?.is_match(text))),
        _ => wrong_kind(),
    },
};

pub(super) const SIZE: Function = Function {
    name: "size",
    receiver: true,
    sees_absent: false,
    parameters: &[Parameter::value("text", &[Kind::Text, Kind::Bytes])],
    result: Outcome::Kind(Kind::Integer),
    doc: "How many characters a text has, how many octets bytes have, or how many items a list.",
    examples: &[("size('Tõnu')", "4"), ("'Tõnu'.size()", "4")],
    eval: |_, arguments| match arguments {
        [Value::Text(text)] => Ok(Value::Integer(text.chars().count() as i128)),
        [Value::Bytes(bytes)] => Ok(Value::Integer(bytes.len() as i128)),
        _ => wrong_kind(),
    },
};

pub(super) const PAD_LEFT: Function = Function {
    name: "pad_left",
    receiver: true,
    sees_absent: false,
    parameters: &[
        TEXT,
        Parameter::constant("length", &[Kind::Integer]),
        Parameter::constant("with", &[Kind::Text]),
    ],
    result: Outcome::Kind(Kind::Text),
    doc: "The text with so many characters `with` before it that it has `length`; a longer one stays as it is.",
    examples: &[("'42'.pad_left(5, '0')", "00042"), ("'abcdef'.pad_left(3, ' ')", "abcdef")],
    eval: |call, arguments| pad(call.arena, arguments, true),
};

pub(super) const PAD_RIGHT: Function = Function {
    name: "pad_right",
    receiver: true,
    sees_absent: false,
    parameters: &[
        TEXT,
        Parameter::constant("length", &[Kind::Integer]),
        Parameter::constant("with", &[Kind::Text]),
    ],
    result: Outcome::Kind(Kind::Text),
    doc: "The text with so many characters `with` after it that it has `length`; a longer one stays as it is.",
    examples: &[("'42'.pad_right(4, '.')", "42.."), ("'42'.pad_right(4, '')", "error")],
    eval: |call, arguments| pad(call.arena, arguments, false),
};

fn pad<'a>(arena: &'a Bump, arguments: &[Value<'a>], left: bool) -> Result<Value<'a>, EvalError> {
    let [Value::Text(text), Value::Integer(length), Value::Text(with)] = *arguments else {
        return wrong_kind();
    };
    let mut characters = with.chars();
    let (Some(with), None) = (characters.next(), characters.next()) else {
        let function = if left { "pad_left" } else { "pad_right" };
        return Err(EvalError::Refused { function, problem: "it pads with exactly one character" });
    };
    let missing = count(length.min(MAX_PADDED))?.saturating_sub(text.chars().count());
    let padding = std::iter::repeat_n(with, missing);
    let padded: String =
        if left { padding.chain(text.chars()).collect() } else { text.chars().chain(padding).collect() };
    Ok(Value::Text(arena.alloc_str(&padded)))
}

pub(super) const STRING: Function = Function {
    name: "string",
    receiver: false,
    sees_absent: false,
    parameters: &[Parameter::value(
        "value",
        &[
            Kind::Text,
            Kind::Bool,
            Kind::Integer,
            Kind::Decimal,
            Kind::Double,
            Kind::Date,
            Kind::Time,
            Kind::DateTime,
            Kind::Duration,
        ],
    )],
    result: Outcome::Kind(Kind::Text),
    doc: "The value as text, as XML Schema writes it.",
    examples: &[("string(42)", "42"), ("string(1.50)", "1.50"), ("string(true)", "true")],
    eval: |call, arguments| match *arguments {
        [Value::Text(text)] => Ok(Value::Text(text)),
        [value] => {
            let mut text = Vec::new();
            lexical::write_any(value, &mut text)?;
            let text = std::str::from_utf8(&text).map_err(|_| ValueProblem::Utf8)?;
            Ok(Value::Text(call.arena.alloc_str(text)))
        }
        _ => wrong_kind(),
    },
};
