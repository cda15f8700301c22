//! Functions of text.

use super::{Function, Kind, Outcome, Parameter};
use portolan_formats::{Value, ValueProblem};

pub(super) const TRIM: Function = Function {
    name: "trim",
    receiver: true,
    sees_absent: false,
    parameters: &[Parameter { name: "text", kinds: &[Kind::Text], constant: false, optional: false }],
    result: Outcome::Kind(Kind::Text),
    doc: "The text without white space at its ends.",
    examples: &[("' a b '.trim()", "a b")],
    eval: |_, arguments| match arguments {
        [Value::Text(text)] => Ok(Value::Text(text.trim())),
        _ => Err(ValueProblem::WrongKind.into()),
    },
};
