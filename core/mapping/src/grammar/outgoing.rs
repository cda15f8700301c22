//! The keys of mapping files whose messages gather into a file.

use super::{
    Group, Key,
    Value::{self, Duration, Either, Expression, List, Named, OneOrMore, Text, Whole, Word},
    mapping::{
        BATCH_TARGET, FAILURE_RULE, MAPS_KEY, RECORD, REQUEST, RESPONSE, ROUTE_KEY, SOURCE, TABLES_KEY,
        VISIBLE_KEY,
    },
};

/// A mapping file whose messages gather into a file.
pub static GATHER_ROUTE: Group = Group {
    name: "a route",
    keys: &[
        ROUTE_KEY,
        Key::required("source", Value::Group(&SOURCE), "The contract that the caller speaks."),
        Key::required("target", Value::Group(&GATHER_TO), "The file that messages gather into."),
        Key::new("delivery", Value::Group(&GATHER_DELIVERY), "How messages are delivered."),
        CUT_KEY,
        GROUP_KEY,
        FILE_KEY,
        Key::required("request", Value::Group(&REQUEST), "From the caller's message to the record."),
        Key::new(
            "match",
            Value::Group(&MATCH),
            "The file that answers: each of its records completes or fails a message. Without it, a message is done when its file is delivered.",
        ),
        Key::new(
            "response",
            Value::Group(&RESPONSE),
            "From the record that answers to the caller's response.",
        ),
        TABLES_KEY,
        Key::new(
            "calendars",
            Named(&Text),
            "Files of business days by the names that functions and `cut` use, relative to this file: `{ banks: bank-days.yaml }`.",
        ),
        MAPS_KEY,
        VISIBLE_KEY,
    ],
};

static GROUPS: Value = Value::Group(&GROUP_BY);

pub(super) const CUT_KEY: Key = Key::new(
    "cut",
    Value::Group(&CUT),
    "When a file is made of the messages that have gathered. Default: only by `portolan batch cut`.",
);
pub(super) const GROUP_KEY: Key = Key::new(
    "group",
    Named(&GROUPS),
    "Which messages share a group of the layout, by the group's name: `{ batch: { by: [company_id] } }`.",
);
pub(super) const FILE_KEY: Key = Key::new(
    "file",
    RECORD,
    "What headers and trailers hold besides what the layout computes, by the names of their records: `{ file_header: { sender: { const: \"77\" } } }`. Paths begin with `group.` or `context.`.",
);

pub(crate) static GATHER_TO: Group = Group {
    name: "`target`",
    keys: &[Key::required("batch", Value::Group(&BATCH_TARGET), "A record of a file.")],
};

pub(crate) static GATHER_DELIVERY: Group = Group {
    name: "`delivery`",
    keys: &[
        Key::new("mode", Word(&["operation"]), "The caller gets an operation: files travel by night."),
        Key::new(
            "answer-within",
            Duration,
            "How long after it was accepted a message may wait for its answer. Then it is a dead letter, which a late answer still settles. Default: for ever.",
        ),
    ],
};

pub(crate) static CUT: Group = Group {
    name: "`cut`",
    keys: &[
        Key::new("at", Either(&[Text, OneOrMore(&Text)]), "Times of day: `\"17:30\"`, or a list of them."),
        Key::new(
            "zone",
            Text,
            "Their time zone, by its name in the IANA database: `Europe/Tallinn`. Default UTC.",
        ),
        Key::new("calendar", Text, "A calendar of `calendars:`; on its business days only."),
        Key::new(
            "every",
            Duration,
            "When the oldest message has waited for so long, and the last file was cut as long ago.",
        ),
        Key::new(
            "max-records",
            Whole(1, 1_000_000_000),
            "When there are so many messages. No file has more of them.",
        ),
    ],
};

pub(crate) static GROUP_BY: Group = Group {
    name: "`group`",
    keys: &[Key::required(
        "by",
        List(&Expression),
        "Fields of the message. Messages of which they are equal share the group; headers reach them as `group.field`.",
    )],
};

pub(crate) static MATCH: Group = Group {
    name: "`match`",
    keys: &[
        Key::new(
            "system",
            Text,
            "The system that drops the file, by its name in portolan.yaml. Default: the one that was given the file.",
        ),
        Key::required("layout", Text, "The layout file, relative to this file."),
        Key::new("pattern", Text, "The names of the files that are taken: `*.RSP`."),
        Key::required("each", Text, "The record of which each answers a message."),
        Key::required(
            "on",
            Expression,
            "Which message it answers: `reply.reference == sent.reference`, where `reply` is the file that answers and `sent` the record that was written. Several are joined by `&&`.",
        ),
        Key::new("fail", List(&FAILURE_RULE), "Answers that are failures: the first rule that holds."),
        Key::new(
            "silence",
            Word(&["overdue", "done"]),
            "What a message is without an answer within `answer-within`: `overdue`, a dead letter (default), or `done`, where only what failed is answered. Its caller then gets an empty response.",
        ),
    ],
};
