//! Functions of business days, by the calendars of the mapping.

use jiff::civil::Date;
use portolan_formats::{Value, ValueProblem};

use super::{Call, EvalError, Form, Function, Kind, Outcome, Parameter};
use crate::calendar::Beyond;

const DATE: Parameter = Parameter::value("date", &[Kind::Date]);
const CALENDAR: Parameter = Parameter::prepared("calendar", Form::Calendar);

/// What a calendar says, or that it says nothing of that day.
fn said<T>(call: &Call<'_, '_>, answer: Result<T, Beyond>) -> Result<T, EvalError> {
    let calendar = call.calendar()?;
    answer.map_err(|Beyond { from, to }| EvalError::Beyond { calendar: calendar.name.clone(), from, to })
}

fn date(value: Option<&Value<'_>>) -> Result<Date, EvalError> {
    match value {
        Some(Value::Date(date)) => Ok(*date),
        _ => Err(ValueProblem::WrongKind.into()),
    }
}

pub(super) const IS_BUSINESS_DAY: Function = Function {
    name: "is_business_day",
    receiver: false,
    sees_absent: false,
    parameters: &[DATE, CALENDAR],
    result: Outcome::Kind(Kind::Bool),
    doc: "Whether the date is a business day of a calendar that `calendars:` names. A date beyond the days that the calendar knows is refused, here and in the other functions of business days: what is not known is no business day and no holiday. The examples are of `banks`, the holidays of the Federal Reserve from 2024 to 2027.",
    examples: &[
        ("is_business_day(date('2026-11-25'), 'banks')", "true"),
        ("is_business_day(date('2026-11-26'), 'banks')", "false"),
        ("is_business_day(date('2028-01-03'), 'banks')", "error"),
    ],
    eval: |call, arguments| {
        let answer = call.calendar()?.calendar.is_business_day(date(arguments.first())?);
        said(call, answer).map(Value::Bool)
    },
};

pub(super) const ADD_BUSINESS_DAYS: Function = Function {
    name: "add_business_days",
    receiver: false,
    sees_absent: false,
    parameters: &[DATE, Parameter::value("days", &[Kind::Integer]), CALENDAR],
    result: Outcome::Kind(Kind::Date),
    doc: "The date so many business days later, or earlier for a negative number. From a date that is no business day the first of them is the next one in that direction; with 0 it becomes the following one.",
    examples: &[
        ("add_business_days(date('2026-11-25'), 2, 'banks')", "2026-11-30"),
        ("add_business_days(date('2026-11-28'), 1, 'banks')", "2026-11-30"),
        ("add_business_days(date('2026-11-28'), 0, 'banks')", "2026-11-30"),
        ("add_business_days(date('2026-11-30'), -2, 'banks')", "2026-11-25"),
        ("add_business_days(date('2027-12-31'), 1, 'banks')", "error"),
    ],
    eval: |call, arguments| {
        let [Value::Date(day), Value::Integer(count), _] = *arguments else {
            return Err(ValueProblem::WrongKind.into());
        };
        let count = i64::try_from(count).map_err(|_| ValueProblem::OutOfRange)?;
        let answer = call.calendar()?.calendar.add(day, count);
        said(call, answer).map(Value::Date)
    },
};

pub(super) const ADJUST_BUSINESS_DAY: Function = Function {
    name: "adjust_business_day",
    receiver: false,
    sees_absent: false,
    parameters: &[DATE, Parameter::prepared("convention", Form::Convention), CALENDAR],
    result: Outcome::Kind(Kind::Date),
    doc: "The date itself where it is a business day, else the one that the convention says: following (the next one), preceding (the one before), modified-following (the next one, unless that is in another month: then the one before) or modified-preceding.",
    examples: &[
        ("adjust_business_day(date('2026-05-30'), 'following', 'banks')", "2026-06-01"),
        ("adjust_business_day(date('2026-05-30'), 'preceding', 'banks')", "2026-05-29"),
        ("adjust_business_day(date('2026-05-30'), 'modified-following', 'banks')", "2026-05-29"),
        ("adjust_business_day(date('2026-05-29'), 'following', 'banks')", "2026-05-29"),
        ("adjust_business_day(date('2026-05-29'), 'next', 'banks')", "error"),
    ],
    eval: |call, arguments| {
        let answer = call.calendar()?.calendar.adjust(date(arguments.first())?, call.convention()?);
        said(call, answer).map(Value::Date)
    },
};

pub(super) const BUSINESS_DAYS_BETWEEN: Function = Function {
    name: "business_days_between",
    receiver: false,
    sees_absent: false,
    parameters: &[Parameter::value("from", &[Kind::Date]), Parameter::value("to", &[Kind::Date]), CALENDAR],
    result: Outcome::Kind(Kind::Integer),
    doc: "How many business days there are from one date, which counts if it is one, to another, which does not count; negative where the other one is earlier.",
    examples: &[
        ("business_days_between(date('2026-11-23'), date('2026-11-30'), 'banks')", "4"),
        ("business_days_between(date('2026-11-30'), date('2026-11-23'), 'banks')", "-4"),
        ("business_days_between(date('2026-11-28'), date('2026-11-29'), 'banks')", "0"),
    ],
    eval: |call, arguments| {
        let (from, to) = (date(arguments.first())?, date(arguments.get(1))?);
        let answer = call.calendar()?.calendar.between(from, to);
        said(call, answer).map(|days| Value::Integer(days.into()))
    },
};
