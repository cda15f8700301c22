//! Functions that count days, months and years, and put moments into zones.

use jiff::{
    Unit,
    civil::{Date, DateDifference},
    tz::TimeZone,
};
use portolan_formats::{DateTime, Value, ValueProblem};

use super::{EvalError, Function, Kind, Outcome, Parameter};

const DATE: Parameter = Parameter::value("date", &[Kind::Date]);
const TWO_DATES: &[Parameter] =
    &[Parameter::value("from", &[Kind::Date]), Parameter::value("to", &[Kind::Date])];

fn date(arguments: &[Value<'_>]) -> Result<Date, EvalError> {
    match *arguments {
        [Value::Date(date)] => Ok(date),
        _ => Err(ValueProblem::WrongKind.into()),
    }
}

pub(super) const WEEKDAY: Function = Function {
    name: "weekday",
    receiver: false,
    sees_absent: false,
    parameters: &[DATE],
    result: Outcome::Kind(Kind::Integer),
    doc: "The day of the week, from 1 for Monday to 7 (ISO 8601).",
    examples: &[("weekday(date('2026-11-25'))", "3"), ("weekday(date('2024-02-04'))", "7")],
    eval: |_, arguments| Ok(Value::Integer(i128::from(date(arguments)?.weekday().to_monday_one_offset()))),
};

pub(super) const DAY_OF_YEAR: Function = Function {
    name: "day_of_year",
    receiver: false,
    sees_absent: false,
    parameters: &[DATE],
    result: Outcome::Kind(Kind::Integer),
    doc: "The day of the year, from 1; an ordinal date is written with the form yyyyDDD.",
    examples: &[("day_of_year(date('2024-12-31'))", "366")],
    eval: |_, arguments| Ok(Value::Integer(i128::from(date(arguments)?.day_of_year()))),
};

pub(super) const END_OF_MONTH: Function = Function {
    name: "end_of_month",
    receiver: false,
    sees_absent: false,
    parameters: &[DATE],
    result: Outcome::Kind(Kind::Date),
    doc: "The last day of the date's month.",
    examples: &[("end_of_month(date('2024-02-10'))", "2024-02-29")],
    eval: |_, arguments| Ok(Value::Date(date(arguments)?.last_of_month())),
};

/// So much later.
fn later(
    arguments: &[Value<'_>],
    by: fn(jiff::Span, i64) -> Result<jiff::Span, jiff::Error>,
) -> Result<Value<'static>, EvalError> {
    let [Value::Date(date), Value::Integer(count)] = *arguments else {
        return Err(ValueProblem::WrongKind.into());
    };
    let span = i64::try_from(count).ok().and_then(|count| by(jiff::Span::new(), count).ok());
    let later = span.and_then(|span| date.checked_add(span).ok());
    later.map(Value::Date).ok_or_else(|| ValueProblem::OutOfRange.into())
}

pub(super) const ADD_DAYS: Function = Function {
    name: "add_days",
    receiver: false,
    sees_absent: false,
    parameters: &[DATE, Parameter::value("days", &[Kind::Integer])],
    result: Outcome::Kind(Kind::Date),
    doc: "The date so many days later, or earlier for a negative number.",
    examples: &[
        ("add_days(date('2024-02-28'), 2)", "2024-03-01"),
        ("add_days(date('2024-01-01'), -1)", "2023-12-31"),
        ("add_days(date('9999-12-31'), 1)", "error"),
    ],
    eval: |_, arguments| later(arguments, |span, count| span.try_days(count)),
};

pub(super) const ADD_MONTHS: Function = Function {
    name: "add_months",
    receiver: false,
    sees_absent: false,
    parameters: &[DATE, Parameter::value("months", &[Kind::Integer])],
    result: Outcome::Kind(Kind::Date),
    doc: "The same day so many months later, or earlier for a negative number; the last day of a month that has no such day. A year is twelve months.",
    examples: &[
        ("add_months(date('2024-01-31'), 1)", "2024-02-29"),
        ("add_months(date('2024-02-29'), 12)", "2025-02-28"),
    ],
    eval: |_, arguments| later(arguments, |span, count| span.try_months(count)),
};

/// Whole units from one date to another.
fn between(arguments: &[Value<'_>], unit: Unit) -> Result<Value<'static>, EvalError> {
    let [Value::Date(from), Value::Date(to)] = *arguments else {
        return Err(ValueProblem::WrongKind.into());
    };
    let span = from.until(DateDifference::new(to).largest(unit)).map_err(|_| ValueProblem::OutOfRange)?;
    Ok(Value::Integer(match unit {
        Unit::Year => i128::from(span.get_years()),
        Unit::Month => i128::from(span.get_months()),
        _ => i128::from(span.get_days()),
    }))
}

pub(super) const DAYS_BETWEEN: Function = Function {
    name: "days_between",
    receiver: false,
    sees_absent: false,
    parameters: TWO_DATES,
    result: Outcome::Kind(Kind::Integer),
    doc: "How many days it is from one date to another; negative where the other one is earlier.",
    examples: &[
        ("days_between(date('2024-02-28'), date('2024-03-01'))", "2"),
        ("days_between(date('2024-01-01'), date('2023-12-31'))", "-1"),
    ],
    eval: |_, arguments| between(arguments, Unit::Day),
};

pub(super) const MONTHS_BETWEEN: Function = Function {
    name: "months_between",
    receiver: false,
    sees_absent: false,
    parameters: TWO_DATES,
    result: Outcome::Kind(Kind::Integer),
    doc: "How many whole months it is from one date to another.",
    examples: &[("months_between(date('2024-01-31'), date('2024-03-30'))", "1")],
    eval: |_, arguments| between(arguments, Unit::Month),
};

pub(super) const YEARS_BETWEEN: Function = Function {
    name: "years_between",
    receiver: false,
    sees_absent: false,
    parameters: TWO_DATES,
    result: Outcome::Kind(Kind::Integer),
    doc: "How many whole years it is from one date to another: an age.",
    examples: &[
        ("years_between(date('1980-01-08'), date('2026-01-07'))", "45"),
        ("years_between(date('1980-01-08'), date('2026-01-08'))", "46"),
    ],
    eval: |_, arguments| between(arguments, Unit::Year),
};

pub(super) const IN_ZONE: Function = Function {
    name: "in_zone",
    receiver: false,
    sees_absent: false,
    parameters: &[Parameter::value("moment", &[Kind::DateTime]), Parameter::ZONE],
    result: Outcome::Kind(Kind::DateTime),
    doc: "The moment as clocks of a time zone show it. A date and time without a zone is what these clocks showed; refused where they never did, or did twice, as when summer time begins and ends.",
    examples: &[
        ("in_zone(timestamp('2026-07-01T12:00:00Z'), 'Europe/Tallinn')", "2026-07-01T15:00:00+03:00"),
        ("in_zone(timestamp('2026-01-01T12:00:00'), 'Europe/Tallinn')", "2026-01-01T12:00:00+02:00"),
        ("in_zone(timestamp('2026-03-29T03:30:00'), 'Europe/Tallinn')", "error"),
    ],
    eval: |call, arguments| match *arguments {
        [Value::DateTime(moment), _] => in_zone(moment, call.zone()?, "in_zone"),
        _ => Err(ValueProblem::WrongKind.into()),
    },
};

/// By the clocks of a zone.
pub(super) fn in_zone(
    moment: DateTime,
    zone: &TimeZone,
    function: &'static str,
) -> Result<Value<'static>, EvalError> {
    let instant = match moment.offset {
        Some(_) => moment.instant().ok_or(ValueProblem::OutOfRange)?,
        None => {
            let problem = "clocks there never showed that, or twice";
            let shown = zone.to_ambiguous_timestamp(moment.civil).unambiguous();
            shown.map_err(|_| EvalError::Refused { function, problem })?
        }
    };
    let offset = zone.to_offset(instant);
    Ok(Value::DateTime(DateTime { civil: offset.to_datetime(instant), offset: Some(offset.seconds()) }))
}
