//! Functions of whole numbers and decimals.

use super::{EvalError, Function, Kind, Outcome, Parameter};
use portolan_formats::{Decimal, Value, ValueProblem, lexical};

/// A number of digits after the point.
fn scale(value: Value<'_>) -> Result<u8, EvalError> {
    match value {
        Value::Integer(scale @ 0..=38) => Ok(scale as u8),
        _ => Err(ValueProblem::OutOfRange.into()),
    }
}

pub(super) const DECIMAL: Function = Function {
    name: "decimal",
    receiver: false,
    sees_absent: false,
    parameters: &[
        Parameter {
            name: "number",
            kinds: &[Kind::Integer, Kind::Decimal, Kind::Text],
            constant: false,
            optional: false,
        },
        Parameter { name: "scale", kinds: &[Kind::Integer], constant: true, optional: true },
    ],
    result: Outcome::Kind(Kind::Decimal),
    doc: "The exact decimal of a number or of its text. With a scale, a whole number counts minor units: so many of its digits stand after the point. Text that is not a decimal is refused.",
    examples: &[
        ("decimal(12899050, 2)", "128990.50"),
        ("decimal('1.10')", "1.10"),
        ("decimal(-5, 3)", "-0.005"),
    ],
    eval: |_, arguments| match *arguments {
        [Value::Integer(number), digits] => {
            let number = Decimal::new(number, scale(digits)?).ok_or(ValueProblem::OutOfRange)?;
            Ok(Value::Decimal(number))
        }
        [Value::Integer(number)] => {
            Ok(Value::Decimal(Decimal::from_integer(number).ok_or(ValueProblem::OutOfRange)?))
        }
        [Value::Decimal(number)] => Ok(Value::Decimal(number)),
        [Value::Text(text)] => Ok(Value::Decimal(lexical::parse_decimal(text)?)),
        _ => Err(ValueProblem::WrongKind.into()),
    },
};

pub(super) const UNSCALED: Function = Function {
    name: "unscaled",
    receiver: false,
    sees_absent: false,
    parameters: &[
        Parameter {
            name: "number",
            kinds: &[Kind::Decimal, Kind::Integer],
            constant: false,
            optional: false,
        },
        Parameter { name: "scale", kinds: &[Kind::Integer], constant: true, optional: false },
    ],
    result: Outcome::Kind(Kind::Integer),
    doc: "The decimal counted in minor units: with so many of its digits before the point. Refused where more digits than that would be lost.",
    examples: &[("unscaled(decimal('128990.5'), 2)", "12899050"), ("unscaled(decimal('0.005'), 2)", "error")],
    eval: |_, arguments| {
        let (number, digits) = match *arguments {
            [Value::Decimal(number), digits] => (number, digits),
            [Value::Integer(number), digits] => {
                (Decimal::from_integer(number).ok_or(ValueProblem::OutOfRange)?, digits)
            }
            _ => return Err(ValueProblem::WrongKind.into()),
        };
        let scaled = number.rescale(scale(digits)?).ok_or(ValueProblem::Loss)?;
        Ok(Value::Integer(scaled.mantissa))
    },
};
