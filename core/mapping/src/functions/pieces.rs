//! Functions that take a text apart.

use bumpalo::{Bump, collections::String as BumpString};
use portolan_formats::{Value, ValueProblem};

use super::{
    EvalError, Function, Kind, Outcome, Parameter,
    text::{MAX_RESULT, TEXT, count, place, wrong_kind},
};

const SEPARATOR: Parameter = Parameter::constant("separator", &[Kind::Text]);

pub(super) const EXTRACT: Function = Function {
    name: "extract",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT, Parameter::PATTERN],
    result: Outcome::Perhaps(Kind::Text),
    doc: "What the regular expression finds first: its first group, or all of it where it has no group. Absent where it finds nothing.",
    examples: &[
        ("'Tallinn 10115, EE'.extract(r'\\d{5}')", "10115"),
        ("'No. 17/B'.extract(r'/(\\w+)$')", "B"),
        ("'none'.extract(r'\\d+')", "absent"),
    ],
    eval: |call, arguments| match *arguments {
        [Value::Text(text), _] => {
            let found = call.pattern()?.captures(text).and_then(|found| found.get(1).or(found.get(0)));
            Ok(found.map_or(Value::Absent, |found| Value::Text(found.as_str())))
        }
        _ => wrong_kind(),
    },
};

pub(super) const REPLACE_MATCHES: Function = Function {
    name: "replace_matches",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT, Parameter::PATTERN, Parameter::constant("new", &[Kind::Text])],
    result: Outcome::Kind(Kind::Text),
    doc: "The text with everything that the regular expression finds replaced by `new`, in which `$1` is what its first group found and `$$` a dollar.",
    examples: &[
        ("'+372 5555-1234'.replace_matches('[^0-9]', '')", "37255551234"),
        ("'31.01.2024'.replace_matches(r'(\\d+)\\.(\\d+)\\.(\\d+)', '$3-$2-$1')", "2024-01-31"),
    ],
    eval: |call, arguments| match *arguments {
        [Value::Text(text), _, Value::Text(new)] => {
            let (pattern, mut replaced, mut end) = (call.pattern()?, String::new(), 0);
            for found in pattern.captures_iter(text) {
                let Some(whole) = found.get(0) else { continue };
                replaced.push_str(text.get(end..whole.start()).unwrap_or_default());
                found.expand(new, &mut replaced);
                end = whole.end();
                if replaced.len() > MAX_RESULT {
                    return Err(ValueProblem::TooLong.into());
                }
            }
            replaced.push_str(text.get(end..).unwrap_or_default());
            Ok(Value::Text(call.arena.alloc_str(&replaced)))
        }
        _ => wrong_kind(),
    },
};

pub(super) const BEFORE: Function = Function {
    name: "before",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT, SEPARATOR],
    result: Outcome::Perhaps(Kind::Text),
    doc: "What stands before the first `separator`. Absent where there is none.",
    examples: &[("'Tamm, Mari'.before(',')", "Tamm"), ("'Mari'.before(',')", "absent")],
    eval: |_, arguments| match *arguments {
        [Value::Text(text), Value::Text(separator)] => {
            Ok(perhaps(text.split_once(separator).map(|(a, _)| a)))
        }
        _ => wrong_kind(),
    },
};

pub(super) const AFTER: Function = Function {
    name: "after",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT, SEPARATOR],
    result: Outcome::Perhaps(Kind::Text),
    doc: "What stands after the first `separator`. Absent where there is none.",
    examples: &[("'Tamm, Mari'.after(',').trim()", "Mari"), ("'Mari'.after(',')", "absent")],
    eval: |_, arguments| match *arguments {
        [Value::Text(text), Value::Text(separator)] => {
            Ok(perhaps(text.split_once(separator).map(|(_, b)| b)))
        }
        _ => wrong_kind(),
    },
};

pub(super) const PART: Function = Function {
    name: "part",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT, SEPARATOR, Parameter::constant("number", &[Kind::Integer])],
    result: Outcome::Perhaps(Kind::Text),
    doc: "One of the parts between separators, counted from 0. Absent where there are not so many. The lines of a text are its parts between '\\n'.",
    examples: &[("'EE|Tartu|50090'.part('|', 1)", "Tartu"), ("'EE|Tartu'.part('|', 2)", "absent")],
    eval: |_, arguments| match *arguments {
        [Value::Text(text), Value::Text(separator), Value::Integer(number)] => {
            Ok(perhaps(text.split(separator).nth(count(number)?)))
        }
        _ => wrong_kind(),
    },
};

pub(super) const CHUNK: Function = Function {
    name: "chunk",
    receiver: true,
    sees_absent: false,
    parameters: &[
        TEXT,
        Parameter::constant("length", &[Kind::Integer]),
        Parameter::constant("number", &[Kind::Integer]),
        Parameter::constant("of", &[Kind::Integer]),
    ],
    result: Outcome::Perhaps(Kind::Text),
    doc: "One of the pieces of so many characters into which the text is cut, counted from 0, where it has at most `of` of them: a longer text is refused, so that none of it is lost. Absent where there are not so many pieces. So a text goes into the three lines of an address.",
    examples: &[
        ("'abcdefgh'.chunk(3, 0, 3)", "abc"),
        ("'abcdefgh'.chunk(3, 2, 3)", "gh"),
        ("'abc'.chunk(3, 1, 3)", "absent"),
        ("'abcdefghij'.chunk(3, 0, 3)", "error"),
    ],
    eval: |_, arguments| {
        let [Value::Text(text), Value::Integer(length), Value::Integer(number), Value::Integer(of)] =
            *arguments
        else {
            return wrong_kind();
        };
        let (length, number, of) = (count(length)?, count(number)?, count(of)?);
        let most = length.checked_mul(of).ok_or(ValueProblem::OutOfRange)?;
        if place(text, most).is_some_and(|end| end < text.len()) {
            let problem = "the text has more pieces than that";
            return Err(EvalError::Refused { function: "chunk", problem });
        }
        let from = length.checked_mul(number).ok_or(ValueProblem::OutOfRange)?;
        let Some(from) = place(text, from).filter(|from| *from < text.len()) else {
            return Ok(Value::Absent);
        };
        let rest = text.get(from..).unwrap_or_default();
        Ok(Value::Text(place(rest, length).and_then(|end| rest.get(..end)).unwrap_or(rest)))
    },
};

pub(super) const COLLAPSE: Function = Function {
    name: "collapse",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT],
    result: Outcome::Kind(Kind::Text),
    doc: "The text with each run of white space as one space, and none at its ends.",
    examples: &[("'  Mari   Liis '.collapse()", "Mari Liis")],
    eval: |call, arguments| match *arguments {
        [Value::Text(text)] => {
            let mut collapsed = BumpString::with_capacity_in(text.len(), call.arena);
            for word in text.split_whitespace() {
                if !collapsed.is_empty() {
                    collapsed.push(' ');
                }
                collapsed.push_str(word);
            }
            Ok(Value::Text(collapsed.into_bump_str()))
        }
        _ => wrong_kind(),
    },
};

pub(super) const ASCII: Function = Function {
    name: "ascii",
    receiver: true,
    sees_absent: false,
    parameters: &[TEXT],
    result: Outcome::Kind(Kind::Text),
    doc: "The text in ASCII, letters of other alphabets written as those closest to them: for systems that know no others. Characters that nobody writes so are left out.",
    examples: &[
        ("'Jõgeva mnt, Łódź'.ascii()", "Jogeva mnt, Lodz"),
        ("'Straße Ærø'.ascii()", "Strasse Aero"),
        ("'plain'.ascii()", "plain"),
    ],
    eval: |call, arguments| match *arguments {
        [Value::Text(text)] if text.is_ascii() => Ok(Value::Text(text)),
        [Value::Text(text)] => ascii(call.arena, text),
        _ => wrong_kind(),
    },
};

fn ascii<'a>(arena: &'a Bump, text: &str) -> Result<Value<'a>, EvalError> {
    let mut written = BumpString::with_capacity_in(text.len(), arena);
    for character in text.chars() {
        written.push_str(any_ascii::any_ascii_char(character));
        if written.len() > MAX_RESULT {
            return Err(ValueProblem::TooLong.into());
        }
    }
    Ok(Value::Text(written.into_bump_str()))
}

fn perhaps(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Absent, Value::Text)
}
