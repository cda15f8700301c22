//! Amounts of money, which modern contracts write as whole units and billionths of one (`google.type.Money`) and old ones as a
//! decimal.

use portolan_formats::{Decimal, Value, ValueProblem};

use super::{EvalError, Function, Kind, Outcome, Parameter};

/// Digits of a billionth.
const NANO: u8 = 9;
const AMOUNT: &[Parameter] = &[Parameter::value("amount", &[Kind::Decimal, Kind::Integer])];

fn decimal(value: Value<'_>) -> Result<Decimal, EvalError> {
    match value {
        Value::Decimal(number) => Ok(number),
        Value::Integer(number) => Ok(Decimal::from_integer(number).ok_or(ValueProblem::OutOfRange)?),
        _ => Err(ValueProblem::WrongKind.into()),
    }
}

/// Whole units and billionths; a finer amount is refused.
fn split(amount: Value<'_>) -> Result<(i128, i128), EvalError> {
    let nanos = decimal(amount)?.rescale(NANO).ok_or(ValueProblem::Loss)?.mantissa;
    let one = 10i128.pow(u32::from(NANO));
    Ok((nanos / one, nanos % one))
}

pub(super) const UNITS: Function = Function {
    name: "units",
    receiver: false,
    sees_absent: false,
    parameters: AMOUNT,
    result: Outcome::Kind(Kind::Integer),
    doc: "The whole units of an amount, as google.type.Money has them. An amount finer than a billionth is refused.",
    examples: &[("units(12.75)", "12"), ("units(-0.5)", "0")],
    eval: |_, arguments| match *arguments {
        [amount] => Ok(Value::Integer(split(amount)?.0)),
        _ => Err(ValueProblem::WrongKind.into()),
    },
};

pub(super) const NANOS: Function = Function {
    name: "nanos",
    receiver: false,
    sees_absent: false,
    parameters: AMOUNT,
    result: Outcome::Kind(Kind::Integer),
    doc: "What an amount has beside its whole units, in billionths of one, as google.type.Money has it. An amount finer than that is refused.",
    examples: &[
        ("nanos(12.75)", "750000000"),
        ("nanos(-0.5)", "-500000000"),
        ("nanos(0.0000000001)", "error"),
    ],
    eval: |_, arguments| match *arguments {
        [amount] => Ok(Value::Integer(split(amount)?.1)),
        _ => Err(ValueProblem::WrongKind.into()),
    },
};

pub(super) const AMOUNT_OF: Function = Function {
    name: "amount",
    receiver: false,
    sees_absent: false,
    parameters: &[Parameter::value("units", &[Kind::Integer]), Parameter::value("nanos", &[Kind::Integer])],
    result: Outcome::Kind(Kind::Decimal),
    doc: "The exact amount of whole units and billionths; of a google.type.Money it is `amount(price)`, whose currency is `price.currency_code`. Units and billionths of different signs are refused, and so is a whole unit of billionths. The other way round, `money(amount, 'EUR')` fills a google.type.Money.",
    examples: &[
        ("amount(12, 750000000)", "12.75"),
        ("amount(0, -500000000)", "-0.5"),
        ("amount(1, -1)", "error"),
    ],
    eval: |_, arguments| {
        let [Value::Integer(units), Value::Integer(nanos)] = *arguments else {
            return Err(ValueProblem::WrongKind.into());
        };
        let one = 10i128.pow(u32::from(NANO));
        if nanos.abs() >= one || units.signum() * nanos.signum() < 0 {
            let problem = "units and nanos are no amount of money";
            return Err(EvalError::Refused { function: "amount", problem });
        }
        let all = units.checked_mul(one).and_then(|units| units.checked_add(nanos));
        let amount = all.and_then(|all| Decimal::new(all, NANO)).ok_or(ValueProblem::OutOfRange)?;
        Ok(Value::Decimal(trimmed(amount)))
    },
};

/// Without zeros at its end.
fn trimmed(mut number: Decimal) -> Decimal {
    while number.scale > 0 && number.mantissa % 10 == 0 {
        number = Decimal { mantissa: number.mantissa / 10, scale: number.scale - 1 };
    }
    number
}
