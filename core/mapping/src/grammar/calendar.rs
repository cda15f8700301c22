//! The keys of calendar files.

use super::{
    Group, Key,
    Value::{self, Either, List, Number, Text, Whole, Word},
};

/// A calendar: which days are business days, and for which years that is known.
pub static CALENDAR: Group = Group {
    name: "the calendar",
    keys: &[
        Key::required("calendar", Text, "Whose days these are, for people: `us-federal-reserve`."),
        Key::required("from", Text, "The first day of which the calendar knows: `2024-01-01`."),
        Key::required(
            "to",
            Text,
            "The last one: `2027-12-31`. A later date is refused when a message has it, so that a calendar which has ended never answers wrong.",
        ),
        Key::new("weekend", List(&WEEKDAY), "The weekdays on which nobody works. Default `[sat, sun]`."),
        Key::new(
            "observed",
            Value::Group(&OBSERVED),
            "Where the holidays of every year (`12-25`) are kept that fall on a weekend. Default: nowhere.",
        ),
        Key::required(
            "holidays",
            List(&Either(&[
                Text,
                Value::Group(&HOLIDAY_DATE),
                Value::Group(&HOLIDAY_WEEKDAY),
                Value::Group(&HOLIDAY_EASTER),
            ])),
            "Days on which nobody works: dates, `2026-12-24`, days of every year, `12-24`, or rules.",
        ),
    ],
};

const WEEKDAY: Value = Word(&["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
const SHIFT: Value = Word(&["following", "preceding"]);
const NAME: Key = Key::new("name", Text, "What it is called, for people.");

pub(crate) static OBSERVED: Group = Group {
    name: "`observed`",
    keys: &[
        Key::new("mon", SHIFT, "Where a holiday on a Monday goes, if that is a day of the weekend."),
        Key::new("tue", SHIFT, "The same of a Tuesday."),
        Key::new("wed", SHIFT, "The same of a Wednesday."),
        Key::new("thu", SHIFT, "The same of a Thursday."),
        Key::new("fri", SHIFT, "The same of a Friday."),
        Key::new(
            "sat",
            SHIFT,
            "Where a holiday on a Saturday goes: to the following business day, or the preceding one.",
        ),
        Key::new("sun", SHIFT, "The same of a Sunday."),
    ],
};

pub(crate) static HOLIDAY_DATE: Group = Group {
    name: "a holiday",
    keys: &[
        Key::required("date", Text, "Its date, `2026-12-24`, or its day in every year, `12-24`."),
        NAME,
        Key::new(
            "observed",
            Value::Group(&OBSERVED),
            "Where it is kept when it falls on a weekend, if it is a day of every year; `{}` is nowhere. Default: as the calendar says.",
        ),
    ],
};

pub(crate) static HOLIDAY_WEEKDAY: Group = Group {
    name: "a holiday",
    keys: &[
        Key::required("weekday", WEEKDAY, "The weekday on which it is every year."),
        Key::required("nth", Either(&[Whole(1, 4), Word(&["last"])]), "Which one of the month."),
        Key::required("month", Whole(1, 12), "The month."),
        NAME,
    ],
};

pub(crate) static HOLIDAY_EASTER: Group = Group {
    name: "a holiday",
    keys: &[
        Key::required(
            "easter",
            Number(-100.0, 100.0),
            "So many days after Easter Sunday of the western churches; before it, if negative: -2 is Good Friday.",
        ),
        NAME,
    ],
};
