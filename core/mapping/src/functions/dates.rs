//! Functions of dates and instants.

use super::{Form, Function, Kind, Outcome, Parameter};
use portolan_formats::{DateTime, Value, ValueProblem, lexical};

pub(super) const TIMESTAMP: Function = Function {
    name: "timestamp",
    receiver: false,
    sees_absent: false,
    parameters: &[
        Parameter::value("moment", &[Kind::Integer, Kind::Text, Kind::DateTime]),
        Parameter::prepared("form", Form::Moment).optional(),
        Parameter::ZONE.optional(),
    ],
    result: Outcome::Kind(Kind::DateTime),
    doc: "The instant that is so many seconds after 1970-01-01T00:00:00Z, or the date and time that a text holds as XML Schema and RFC 3339 write it, or in the form given (yyyy, MM, dd or DDD, HH, mm, ss, and anything that is not a letter), by the clocks of the zone.",
    examples: &[
        ("timestamp(1795440438)", "2026-11-23T13:27:18Z"),
        ("timestamp('2026-11-23T15:27:18+02:00')", "2026-11-23T15:27:18+02:00"),
        ("timestamp('yesterday')", "error"),
        ("timestamp('23.11.2026 15.27', 'dd.MM.yyyy HH.mm', 'Europe/Tallinn')", "2026-11-23T15:27:00+02:00"),
        ("timestamp('20261123152718', 'yyyyMMddHHmmss')", "2026-11-23T15:27:18"),
    ],
    eval: |call, arguments| match *arguments {
        [Value::DateTime(moment)] => Ok(Value::DateTime(moment)),
        [Value::Text(text)] => Ok(Value::DateTime(lexical::parse_date_time(text)?)),
        [Value::Text(text), _, ref zone @ ..] => {
            let civil = call.form()?.read(text, None).ok_or(ValueProblem::Lexical)?;
            let moment = DateTime { civil, offset: None };
            match zone {
                [] => Ok(Value::DateTime(moment)),
                _ => super::calendar::in_zone(moment, call.zone()?, "timestamp"),
            }
        }
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
    parameters: &[Parameter::value("instant", &[Kind::DateTime])],
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

pub(super) const DATE: Function = Function {
    name: "date",
    receiver: false,
    sees_absent: false,
    parameters: &[
        Parameter::value("value", &[Kind::Text, Kind::Date, Kind::DateTime]),
        Parameter::prepared("form", Form::Day).optional(),
        Parameter::constant("century", &[Kind::Integer]).optional(),
    ],
    result: Outcome::Kind(Kind::Date),
    doc: "The date that a text holds, as 2024-01-31 or in the form given (yyyy or yy, MM and dd or DDD for the day of the year, and anything that is not a letter). A year of two digits is one of the hundred that begin with `century`: from 1950, 49 is 2049 and 50 is 1950. Of a date and time, the day as it is written there, or at an offset given as '+02:00'.",
    examples: &[
        ("date('2024-01-31')", "2024-01-31"),
        ("date('31.01.2024', 'dd.MM.yyyy')", "2024-01-31"),
        ("date('20240230', 'yyyyMMdd')", "error"),
        ("date('2024060', 'yyyyDDD')", "2024-02-29"),
        ("date('491231', 'yyMMdd', 1950)", "2049-12-31"),
        ("date('500101', 'yyMMdd', 1950)", "1950-01-01"),
        ("date('500101', 'yyMMdd')", "error"),
        ("date(timestamp('2024-01-31T23:30:00Z'))", "2024-01-31"),
        ("date(timestamp('2024-01-31T23:30:00Z'), '+02:00')", "2024-02-01"),
    ],
    eval: |call, arguments| match *arguments {
        [Value::Date(date), ..] => Ok(Value::Date(date)),
        [Value::Text(text)] => Ok(Value::Date(lexical::parse_date(text)?)),
        [Value::Text(text), _, ref century @ ..] => {
            let century = match *century {
                [Value::Integer(year)] => i16::try_from(year).ok(),
                _ => None,
            };
            Ok(Value::Date(call.form()?.read(text, century).ok_or(ValueProblem::Lexical)?.date()))
        }
        [Value::DateTime(moment)] => Ok(Value::Date(moment.civil.date())),
        [Value::DateTime(moment), _] => {
            let instant = moment.instant().ok_or(ValueProblem::NoZone)?;
            Ok(Value::Date(call.offset()?.to_datetime(instant).date()))
        }
        _ => Err(ValueProblem::WrongKind.into()),
    },
};

pub(super) const FORMAT: Function = Function {
    name: "format",
    receiver: false,
    sees_absent: false,
    parameters: &[
        Parameter::value("value", &[Kind::Date, Kind::DateTime]),
        Parameter::prepared("form", Form::Written),
    ],
    result: Outcome::Kind(Kind::Text),
    doc: "The date, or the date and time as it is written, in a form of yyyy, yy, MM, dd, DDD, HH, mm, ss and anything that is not a letter.",
    examples: &[
        ("format(date('2024-01-31'), 'dd.MM.yyyy')", "31.01.2024"),
        ("format(timestamp(1795440438), 'yyyyMMddHHmmss')", "20261123132718"),
    ],
    eval: |call, arguments| {
        let moment = match *arguments {
            [Value::Date(date), _] => date.to_datetime(jiff::civil::Time::midnight()),
            [Value::DateTime(moment), _] => moment.civil,
            _ => return Err(ValueProblem::WrongKind.into()),
        };
        Ok(Value::Text(call.arena.alloc_str(&call.form()?.write(moment))))
    },
};

/// A part of a date, as a function.
macro_rules! part {
    ($constant:ident, $name:literal, $doc:literal, $example:literal, $result:literal) => {
        pub(super) const $constant: Function = Function {
            name: $name,
            receiver: false,
            sees_absent: false,
            parameters: &[Parameter::value("value", &[Kind::Date, Kind::DateTime])],
            result: Outcome::Kind(Kind::Integer),
            doc: $doc,
            examples: &[($example, $result)],
            eval: |_, arguments| {
                let date = match *arguments {
                    [Value::Date(date)] => date,
                    [Value::DateTime(moment)] => moment.civil.date(),
                    _ => return Err(ValueProblem::WrongKind.into()),
                };
                let part = match $name {
                    "year" => i128::from(date.year()),
                    "month" => i128::from(date.month()),
                    _ => i128::from(date.day()),
                };
                Ok(Value::Integer(part))
            },
        };
    };
}

part!(
    YEAR,
    "year",
    "The year of a date, or of a date and time as it is written.",
    "year(date('2024-01-31'))",
    "2024"
);
part!(MONTH, "month", "The month, from 1.", "month(date('2024-01-31'))", "1");
part!(DAY, "day", "The day of the month, from 1.", "day(date('2024-01-31'))", "31");
