//! Functions of whole numbers and decimals.

use super::{EvalError, Function, Kind, Outcome, Parameter};
use portolan_formats::{Decimal, Value, ValueProblem, decimal::Rounding, lexical, value::compare};

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
        Parameter::value("number", &[Kind::Integer, Kind::Decimal, Kind::Text]),
        Parameter::constant("scale", &[Kind::Integer]).optional(),
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
        Parameter::value("number", &[Kind::Decimal, Kind::Integer]),
        Parameter::constant("scale", &[Kind::Integer]),
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

pub(super) const INTEGER: Function = Function {
    name: "integer",
    receiver: false,
    sees_absent: false,
    parameters: &[Parameter::value("number", &[Kind::Text, Kind::Integer, Kind::Decimal])],
    result: Outcome::Kind(Kind::Integer),
    doc: "The whole number that a text holds or a decimal is. Text that is not a whole number is refused, and so is a decimal with a fraction.",
    examples: &[
        ("integer('0042')", "42"),
        ("integer(3.00)", "3"),
        ("integer(3.5)", "error"),
        ("integer('4 2')", "error"),
    ],
    eval: |_, arguments| match *arguments {
        [Value::Integer(number)] => Ok(Value::Integer(number)),
        [Value::Decimal(number)] => Ok(Value::Integer(number.to_integer().ok_or(ValueProblem::Loss)?)),
        [Value::Text(text)] => Ok(Value::Integer(lexical::parse_integer(text)?)),
        _ => Err(ValueProblem::WrongKind.into()),
    },
};

pub(super) const ROUND: Function = Function {
    name: "round",
    receiver: false,
    sees_absent: false,
    parameters: &[
        Parameter::value("number", &[Kind::Decimal, Kind::Integer]),
        Parameter::constant("digits", &[Kind::Integer]),
        Parameter::constant("mode", &[Kind::Text]),
    ],
    result: Outcome::Kind(Kind::Decimal),
    doc: "The number with so many digits after the point. The mode is half-even, half-up, down, up, floor or ceiling. This is how a mapping says that digits may be lost.",
    examples: &[
        ("round(2.345, 2, 'half-even')", "2.34"),
        ("round(2.345, 2, 'half-up')", "2.35"),
        ("round(-2.5, 0, 'down')", "-2"),
    ],
    eval: |_, arguments| {
        let (number, digits, mode) = match *arguments {
            [Value::Decimal(number), digits, Value::Text(mode)] => (number, digits, mode),
            [Value::Integer(number), digits, Value::Text(mode)] => {
                (Decimal::from_integer(number).ok_or(ValueProblem::OutOfRange)?, digits, mode)
            }
            _ => return Err(ValueProblem::WrongKind.into()),
        };
        let mode = Rounding::named(mode)
            .ok_or(EvalError::Refused { function: "round", problem: "there is no such mode" })?;
        Ok(Value::Decimal(number.round(scale(digits)?, mode).ok_or(ValueProblem::OutOfRange)?))
    },
};

pub(super) const ABS: Function = Function {
    name: "abs",
    receiver: false,
    sees_absent: false,
    parameters: &[Parameter::value("number", &[Kind::Integer, Kind::Decimal])],
    result: Outcome::SameAs(0),
    doc: "The number without its sign.",
    examples: &[("abs(-5)", "5"), ("abs(-1.50)", "1.50")],
    eval: |_, arguments| match *arguments {
        [Value::Integer(number)] => Ok(Value::Integer(number.checked_abs().ok_or(ValueProblem::OutOfRange)?)),
        [Value::Decimal(number)] => Ok(Value::Decimal(Decimal {
            mantissa: number.mantissa.checked_abs().ok_or(ValueProblem::OutOfRange)?,
            ..number
        })),
        _ => Err(ValueProblem::WrongKind.into()),
    },
};

/// The smaller or the larger of two.
fn either<'a>(arguments: &[Value<'a>], wanted: std::cmp::Ordering) -> Result<Value<'a>, EvalError> {
    let [a, b] = *arguments else { return Err(EvalError::Mismatch) };
    let order = compare(b, a).ok_or(match (a, b) {
        (Value::DateTime(_), Value::DateTime(_)) => EvalError::from(ValueProblem::NoZone),
        _ => EvalError::Mismatch,
    })?;
    let chosen = if order == wanted { b } else { a };
    match (chosen, a, b) {
        (Value::Integer(number), Value::Decimal(_), _) | (Value::Integer(number), _, Value::Decimal(_)) => {
            Ok(Value::Decimal(Decimal::from_integer(number).ok_or(ValueProblem::OutOfRange)?))
        }
        _ => Ok(chosen),
    }
}

/// What has an order.
const ORDERED: &[Kind] =
    &[Kind::Integer, Kind::Decimal, Kind::Date, Kind::Time, Kind::DateTime, Kind::Duration, Kind::Text];

const TWO: &[Parameter] = &[Parameter::value("value", ORDERED), Parameter::value("other", ORDERED)];

pub(super) const MIN: Function = Function {
    name: "min",
    receiver: false,
    sees_absent: false,
    parameters: TWO,
    result: Outcome::Either,
    doc: "The smaller of two numbers, dates, dates and times, times of day, spans of time or texts, or the smallest of a list; absent of one without items. Both are of one kind; text is in the order of its code points. Dates and times of which only one has a zone are refused.",
    examples: &[
        ("min(2.50, 10)", "2.50"),
        ("min(4, 3)", "3"),
        ("min(date('2024-02-29'), date('2023-12-31'))", "2023-12-31"),
        (
            "min(timestamp('2024-01-01T00:00:00Z'), timestamp('2024-01-01T01:00:00+02:00'))",
            "2024-01-01T01:00:00+02:00",
        ),
        ("min(timestamp('2024-01-01T00:00:00Z'), timestamp('2024-01-01T00:00:00'))", "error"),
        ("min('3,1'.split(',').map(n, integer(n)))", "1"),
    ],
    eval: |_, arguments| either(arguments, std::cmp::Ordering::Less),
};

pub(super) const MAX: Function = Function {
    name: "max",
    receiver: false,
    sees_absent: false,
    parameters: TWO,
    result: Outcome::Either,
    doc: "The larger of two numbers, dates, dates and times, times of day, spans of time or texts, or the largest of a list; absent of one without items. Both are of one kind; text is in the order of its code points. Dates and times of which only one has a zone are refused.",
    examples: &[
        ("max(-1, 0)", "0"),
        ("max(2.5, 2.49)", "2.5"),
        ("max('a', 'b')", "b"),
        ("max('2024-01-31 2024-03-01'.split(' ').map(d, date(d)))", "2024-03-01"),
        ("max('3,10'.split(',').map(n, integer(n)))", "10"),
    ],
    eval: |_, arguments| either(arguments, std::cmp::Ordering::Greater),
};
