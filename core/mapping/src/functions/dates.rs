//! Functions of dates and instants.

use super::{Function, Kind, Outcome, Parameter};
use portolan_formats::{DateTime, Value, ValueProblem};

pub(super) const TIMESTAMP: Function = Function {
    name: "timestamp",
    receiver: false,
    sees_absent: false,
    parameters: &[Parameter { name: "seconds", kinds: &[Kind::Integer], constant: false, optional: false }],
    result: Outcome::Kind(Kind::DateTime),
    doc: "The instant that is so many seconds after 1970-01-01T00:00:00Z.",
    examples: &[("timestamp(1795440438)", "2026-11-23T13:27:18Z")],
    eval: |_, arguments| match *arguments {
        [Value::Integer(seconds)] => {
            let seconds = i64::try_from(seconds).map_err(|_| ValueProblem::OutOfRange)?;
            let instant = jiff::Timestamp::from_second(seconds).map_err(|_| ValueProblem::OutOfRange)?;
            Ok(Value::DateTime(DateTime::utc(instant)))
        }
        _ => Err(ValueProblem::WrongKind.into()),
    },
};

pub(super) const EPOCH: Function = Function {
    name: "epoch",
    receiver: false,
    sees_absent: false,
    parameters: &[Parameter { name: "instant", kinds: &[Kind::DateTime], constant: false, optional: false }],
    result: Outcome::Kind(Kind::Integer),
    doc: "Seconds since 1970-01-01T00:00:00Z. A date and time without a zone is refused, and so is a fraction of a second.",
    examples: &[("epoch(timestamp(1795440438))", "1795440438")],
    eval: |_, arguments| match *arguments {
        [Value::DateTime(value)] => {
            if value.offset.is_none() {
                return Err(ValueProblem::NoZone.into());
            }
            let instant = value.instant().ok_or(ValueProblem::OutOfRange)?;
            if instant.subsec_nanosecond() != 0 {
                return Err(ValueProblem::Loss.into());
            }
            Ok(Value::Integer(i128::from(instant.as_second())))
        }
        _ => Err(ValueProblem::WrongKind.into()),
    },
};
