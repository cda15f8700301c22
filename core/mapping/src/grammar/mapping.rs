//! The keys of mapping files.

use super::{
    Group, Key,
    Value::{
        self, Boolean, Called, Duration, Either, Expression, Fields, List, Named, Number, OneOrMore, Text,
        Whole, Word,
    },
    acknowledge::ACKNOWLEDGE_KEY,
    outgoing::{CUT_KEY, FILE_KEY, GROUP_KEY},
};

// Keys that every kind of route has.
pub(super) const ROUTE_KEY: Key = Key::required(
    "route",
    Text,
    "Its name: in logs, metrics and queues. At most 100 letters, digits, dots, hyphens and underscores.",
);
pub(super) const TABLES_KEY: Key = Key::new(
    "tables",
    Named(&TABLE),
    "Codes of one contract to codes of another, for `lookup('table', key)`.",
);
pub(super) const MAPS_KEY: Key = Key::new("maps", Named(&RECORD), "Groups of rules for reuse: `map: name`.");
pub(super) const VISIBLE_KEY: Key = Key::new(
    "visible",
    Value::Group(&VISIBLE),
    "What may be shown of a message in logs, traces and the console. Everything else is masked.",
);
const CALENDARS_KEY: Key = Key::new(
    "calendars",
    Named(&Text),
    "Files of business days by the names that functions use, relative to this file: `{ banks: bank-days.yaml }`.",
);

/// A mapping file: one route; several stand as documents, with `---` between them.
pub static MAPPING: Group = Group {
    name: "a route",
    keys: &[
        ROUTE_KEY,
        Key::required("source", Value::Group(&SOURCE), "The contract that the caller speaks."),
        Key::required("target", Value::Group(&TARGET), "The contract that the system speaks."),
        Key::new("delivery", Value::Group(&DELIVERY), "How messages are delivered."),
        Key::required("request", Value::Group(&REQUEST), "From the caller's message to the system's."),
        Key::required("response", Value::Group(&RESPONSE), "From the system's reply to the caller's."),
        Key::new(
            "faults",
            List(&FAILURE_RULE),
            "What a fault of the system becomes: the first rule that holds. What matches nothing is INTERNAL and kept whole.",
        ),
        TABLES_KEY,
        CALENDARS_KEY,
        MAPS_KEY,
        VISIBLE_KEY,
    ],
};

/// A mapping file whose source is a file of records.
pub static BATCH_ROUTE: Group = Group {
    name: "a route",
    keys: &[
        ROUTE_KEY,
        Key::required("source", Value::Group(&BATCH_FROM), "The file that is taken."),
        Key::required("target", Value::Group(&BATCH_TO), "What becomes of each message."),
        Key::new("skip", List(&Value::Group(&SKIP)), "Messages that are left out, and counted."),
        Key::new("delivery", Value::Group(&BATCH_DELIVERY), "How messages are delivered."),
        Key::new("rejects", Value::Group(&REJECTS), "What becomes of a file of which messages fail."),
        Key::new(
            "release",
            Word(&["verified", "as-read"]),
            "When messages of a file go: once the whole file was read and found to be sound (`verified`, the default), or each as it is read. Then nothing refuses the file any more: what is wrong with its totals stands in its receipt.",
        ),
        ACKNOWLEDGE_KEY,
        CUT_KEY,
        GROUP_KEY,
        FILE_KEY,
        Key::required("request", Value::Group(&REQUEST), "From a record to the system's message."),
        Key::new(
            "response",
            Value::Group(&BATCH_RESPONSE),
            "Which answers of a SOAP service are failures. Without, every answer that is no fault says that it was done.",
        ),
        Key::new(
            "faults",
            List(&FAILURE_RULE),
            "What a fault of a SOAP service means: the first rule that holds. What matches nothing is a dead letter.",
        ),
        TABLES_KEY,
        CALENDARS_KEY,
        MAPS_KEY,
        VISIBLE_KEY,
    ],
};

pub(crate) static BATCH_RESPONSE: Group = Group {
    name: "`response`",
    keys: &[Key::new(
        "fail",
        List(&FAILURE_RULE),
        "Failures that arrive as normal answers: the first rule that holds.",
    )],
};

pub(crate) static BATCH_FROM: Group = Group {
    name: "`source`",
    keys: &[Key::required("batch", Value::Group(&BATCH_SOURCE), "A file of records.")],
};

pub(crate) static BATCH_SOURCE: Group = Group {
    name: "`batch`",
    keys: &[
        Key::required("system", Text, "The system that drops the file, by its name in portolan.yaml."),
        Key::required("layout", Text, "The layout file, relative to this file."),
        Key::new("pattern", Text, "The names of the files that are taken: `*.EFW2`."),
        Key::required(
            "each",
            Text,
            "The record of which each is a message, with what stands within it and around it: `employer.employee`.",
        ),
    ],
};

pub(crate) static BATCH_TO: Group = Group {
    name: "`target`",
    keys: &[
        Key::new("grpc", Value::Group(&GRPC_TARGET), "A method of a gRPC service."),
        Key::new("soap", Value::Group(&SOAP), "An operation of a SOAP service."),
        Key::new("batch", Value::Group(&BATCH_TARGET), "A record of another file."),
    ],
};

pub(crate) static GRPC_TARGET: Group = Group {
    name: "`grpc`",
    keys: &[
        Key::required("system", Text, "The system, by its name in portolan.yaml."),
        Key::required("proto", Text, "The .proto file, relative to this file."),
        Key::required("method", Text, "The unary method that is called: `package.Service/Method`."),
        Key::new("import-paths", List(&Text), "Folders where other imports are looked for."),
    ],
};

pub(crate) static BATCH_TARGET: Group = Group {
    name: "`batch`",
    keys: &[
        Key::required("system", Text, "The system that is given the file, by its name in portolan.yaml."),
        Key::required("layout", Text, "The layout file, relative to this file."),
        Key::required("record", Text, "The record that is written for each message: `batch.entry`."),
        Key::new(
            "name",
            Text,
            "What its files are called. `{sequence}` is the file's number, `{sequence:4}` with so many digits, `{date}`, `{time}` when it was cut, in the zone of `cut`. Default: the route and `-{sequence:6}.dat`.",
        ),
    ],
};

pub(crate) static SKIP: Group = Group {
    name: "a rule of `skip`",
    keys: &[
        Key::required("when", Expression, "The message is left out where this holds."),
        Key::required("reason", Text, "Why, as the receipt says it."),
    ],
};

pub(crate) static SOURCE: Group = Group {
    name: "`source`",
    keys: &[Key::required("grpc", Value::Group(&GRPC), "A method of a gRPC service.")],
};

pub(crate) static GRPC: Group = Group {
    name: "`grpc`",
    keys: &[
        Key::required(
            "proto",
            Text,
            "The .proto file, relative to this file. Imports of google/*, buf/validate and portolan/* are found by themselves.",
        ),
        Key::required("method", Text, "The unary method that is served: `package.Service/Method`."),
        Key::new(
            "import-paths",
            List(&Text),
            "Folders where other imports are looked for, besides the file's own.",
        ),
    ],
};

pub(crate) static TARGET: Group = Group {
    name: "`target`",
    keys: &[Key::required("soap", Value::Group(&SOAP), "An operation of a SOAP service.")],
};

pub(crate) static SOAP: Group = Group {
    name: "`soap`",
    keys: &[
        Key::required(
            "system",
            Text,
            "The system that is asked. Where it is, and what it bears, stands in portolan.yaml under `systems:`.",
        ),
        Key::required("wsdl", Text, "The WSDL, relative to this file."),
        Key::required("operation", Text, "The operation that is asked."),
        Key::new("service", Text, "The service of the WSDL, where several offer the operation."),
        Key::new("port", Text, "The port of the WSDL, where several offer the operation."),
        Key::new(
            "schemas",
            Named(&Text),
            "Local files for what the WSDL would load from the network: URL to file.",
        ),
    ],
};

pub(crate) static BATCH_DELIVERY: Group = Group {
    name: "`delivery`",
    keys: &[
        Key::new("idempotent", Boolean, "Whether the system may be asked twice. Default false."),
        Key::new("timeout", Duration, "How long one attempt may take. Default: that of the system."),
        Key::new("deadline", Duration, "How long a message may be tried at all."),
        Key::new("retry", Value::Group(&RETRY), "When it is tried again. Default: never."),
    ],
};

pub(crate) static REJECTS: Group = Group {
    name: "`rejects`",
    keys: &[Key::new(
        "limit",
        Text,
        "How many messages may fail before the whole file is refused: a number, or a share such as `1%` or `0.25%`. Default: any number.",
    )],
};

pub(crate) static DELIVERY: Group = Group {
    name: "`delivery`",
    keys: &[
        Key::new(
            "mode",
            Word(&["direct", "request-reply", "operation"]),
            "Whether the caller waits (`direct`, which stores nothing, and `request-reply`, the default), or gets an operation.",
        ),
        Key::new(
            "idempotent",
            Either(&[Boolean, Value::Group(&IDEMPOTENT)]),
            "Whether the system may be asked twice; or the key by which it knows a repetition. Default false.",
        ),
        Key::new("order", Value::Group(&ORDER), "Which messages go one after the other."),
        Key::new("timeout", Duration, "How long one attempt may take. Default: that of the system."),
        Key::new("deadline", Duration, "How long the message may be tried at all."),
        Key::new("retry", Value::Group(&RETRY), "When it is tried again. Default: never."),
        Key::new(
            "poll",
            Value::Group(&POLL),
            "How the answer is asked for, where the system takes a request at once and answers it later. In mode `operation`.",
        ),
    ],
};

pub(crate) static POLL: Group = Group {
    name: "`poll`",
    keys: &[
        Key::required("operation", Text, "The operation that gives the answer, of the target's WSDL."),
        Key::required("every", Duration, "The pause before each time that it is asked."),
        Key::required(
            "until",
            Expression,
            "When the answer is there, also where it says no: a condition on what `operation` replies. `response:` is about that reply then.",
        ),
        Key::required(
            "request",
            Value::Group(&POLL_REQUEST),
            "What `operation` is asked, made of the system's reply to the request.",
        ),
        Key::new(
            "faults",
            List(&FAILURE_RULE),
            "What faults of `operation` become: the first rule that matches. Default: the route's `faults`.",
        ),
    ],
};

pub(crate) static POLL_REQUEST: Group = Group {
    name: "`poll.request`",
    keys: &[
        Key::new(
            "fail",
            List(&FAILURE_RULE),
            "Replies to the request by which the system does not take it: the first rule that holds.",
        ),
        FROM_HERE,
        Key::new("header", RULE, "The SOAP headers."),
        BODY,
        IGNORE,
        UNKNOWN_FIELDS,
    ],
};

pub(crate) static IDEMPOTENT: Group = Group {
    name: "`idempotent`",
    keys: &[Key::required(
        "key",
        Expression,
        "The key by which the system knows a repetition, of the caller's message.",
    )],
};

pub(crate) static ORDER: Group = Group {
    name: "`order`",
    keys: &[
        Key::required(
            "key",
            Expression,
            "Messages of the same key go one after the other: text or a whole number, of the caller's message.",
        ),
        Key::new(
            "dead-letters",
            Word(&["hold", "pass"]),
            "Whether a dead letter holds the messages after it (the default), or they pass.",
        ),
    ],
};

pub(crate) static RETRY: Group = Group {
    name: "`retry`",
    keys: &[
        Key::required("max-attempts", Whole(1, 1000), "Attempts in all, the first one too."),
        Key::new("initial-backoff", Duration, "The pause before the second attempt. Default 200ms."),
        Key::new(
            "max-backoff",
            Duration,
            "The longest pause. Default 5s, or `initial-backoff` if that is longer.",
        ),
        Key::new(
            "backoff-multiplier",
            Number(1.0, 100.0),
            "How much longer each pause is than the one before. Default 2.",
        ),
    ],
};

pub(crate) static REQUEST: Group = Group {
    name: "`request`",
    keys: &[
        Key::new(
            "require",
            List(&Value::Group(&REQUIRE)),
            "Conditions on the caller's message. Where one does not hold, it is refused before anything is sent.",
        ),
        FROM_HERE,
        Key::new("header", RULE, "The SOAP headers."),
        BODY,
        IGNORE,
        UNKNOWN_FIELDS,
    ],
};

pub(crate) static RESPONSE: Group = Group {
    name: "`response`",
    keys: &[
        Key::new(
            "fail",
            List(&FAILURE_RULE),
            "Failures that arrive as normal replies: the first rule that holds.",
        ),
        FROM_HERE,
        BODY,
        IGNORE,
        UNKNOWN_FIELDS,
    ],
};

const FROM_HERE: Key = Key::new("from", Expression, "The record where the paths below begin.");
const BODY: Key =
    Key::new("body", RULE, "The fields of the target's message, each with the rule that fills it.");
const IGNORE: Key = Key::new(
    "ignore",
    List(&Text),
    "Fields of the source that nobody reads, knowingly: `a.b`, or `a.b.*` for all that is not mapped under it.",
);
const UNKNOWN_FIELDS: Key = Key::new(
    "unknown-fields",
    Word(&["refuse", "ignore"]),
    "What becomes of a message with fields that its contract does not have. Default refuse.",
);

pub(crate) static REQUIRE: Group = Group {
    name: "a rule of `require`",
    keys: &[
        Key::required("that", Expression, "What must hold."),
        Key::new("field", Text, "The caller's field that is at fault."),
        Key::required("message", Text, "What the caller is told."),
    ],
};

pub(crate) static FAILURE: Group = Group {
    name: "a rule for failures",
    keys: &[
        Key::new("when", Expression, "When it holds. Default: always."),
        Key::required("status", Word(FAILURES), "The gRPC status that the caller gets."),
        Key::new(
            "message",
            Either(&[Expression, Value::Group(&CONSTANT)]),
            "What the caller is told: an expression, or `{ const: text }`.",
        ),
        Key::new("field", Text, "The caller's field that is at fault."),
        Key::new("reason", Text, "The reason of google.rpc.ErrorInfo, for programs."),
        Key::new("retry", Boolean, "Whether the system did nothing, and may be asked again. Default false."),
    ],
};

/// The names of google.rpc.Code by their numbers, from 1: OK is no failure.
pub(crate) const FAILURES: &[&str] = &[
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

pub(super) const FAILURE_RULE: Value = Value::Group(&FAILURE);

pub(crate) static VISIBLE: Group = Group {
    name: "`visible`",
    keys: &[
        Key::new("request", List(&Text), "Fields of the caller's message."),
        Key::new("response", List(&Text), "Fields of the system's reply."),
    ],
};

/// Rows, of which the key `default` stands for any other; or a file with them.
pub(super) const TABLE: Value = Either(&[Named(&Text), Value::Group(&TABLE_FILE)]);

pub(crate) static TABLE_FILE: Group = Group {
    name: "a table from a file",
    keys: &[
        Key::required("file", Text, "A .csv file with the rows, relative to this file."),
        Key::new(
            "key",
            Text,
            "The column of the keys. May be left out where there are two columns: then it is the first.",
        ),
        Key::new(
            "value",
            Text,
            "The column of the values. May be left out where there are two columns: then it is the second.",
        ),
        Key::new("default", Text, "What any other key becomes."),
    ],
};

/// What fills a field of the target.
const RULE: Value = Called("rule", || &FORMS);

/// A system's standing headers, as the gateway's configuration has them.
pub const STANDING_HEADER: Value = RULE;

static FORMS: Value = Either(&[
    Expression,
    OneOrMore(&RULE),
    Value::Group(&CONSTANT),
    Value::Group(&CASES),
    Value::Group(&EACH),
    Value::Group(&EACH_VALUE),
    Value::Group(&FROM),
    Value::Group(&ABSENT),
    RECORD,
]);

/// The fields of a record. One that is named like a form of rules is written under `map:`.
pub(super) const RECORD: Value = Fields(&RULE, &["const", "cases", "each"]);

/// What `map:` holds: fields, or the name of a group of `maps:`.
const MAP: Key = Key::required(
    "map",
    Either(&[Text, RECORD]),
    "The fields of the record, or the name of a group of `maps:`.",
);

pub(crate) static CONSTANT: Group = Group {
    name: "a rule",
    keys: &[Key::required("const", Text, "This text, number or code. In quotes where YAML would change it.")],
};

pub(crate) static CASES: Group = Group {
    name: "a rule",
    keys: &[Key::required(
        "cases",
        List(&Either(&[
            Value::Group(&CASE_CONSTANT),
            Value::Group(&CASE_THEN),
            Value::Group(&CASE_MAP),
            Value::Group(&OTHERWISE),
        ])),
        "Alternatives: the first one that holds fills the field.",
    )],
};

const WHEN: Key = Key::required("when", Expression, "When it holds.");

pub(crate) static CASE_CONSTANT: Group =
    Group { name: "a case", keys: &[WHEN, Key::required("const", Text, "This text, number or code.")] };
pub(crate) static CASE_THEN: Group =
    Group { name: "a case", keys: &[WHEN, Key::required("then", RULE, "What fills the field.")] };
pub(crate) static CASE_MAP: Group =
    Group { name: "a case", keys: &[WHEN, Key::required("map", RECORD, "The fields of the record.")] };
/// A case of which nobody can say what it gives: for what its keys may have been meant to be.
pub(crate) static CASE: Group = Group {
    name: "a case",
    keys: &[
        WHEN,
        Key::new("const", Text, "This text, number or code."),
        Key::new("then", RULE, "What fills the field."),
        Key::new("map", RECORD, "The fields of the record."),
        Key::new("otherwise", RULE, "What fills the field where no case before holds."),
    ],
};
pub(crate) static OTHERWISE: Group = Group {
    name: "a case",
    keys: &[Key::required("otherwise", RULE, "What fills the field where no case before holds.")],
};
pub(crate) static ABSENT: Group = Group {
    name: "a rule",
    keys: &[Key::required("absent", Word(&["true"]), "Nothing stands there, and that is meant.")],
};

const EACH_ITEM: Key =
    Key::required("each", Text, "A name for the items, and their list: `item in path.to.list`.");
const NIL: Key =
    Key::new("nil", Word(&["skip", "keep", "refuse"]), "What becomes of items that are nil. Default refuse.");

pub(crate) static EACH: Group = Group { name: "a rule", keys: &[EACH_ITEM, NIL, MAP] };
pub(crate) static EACH_VALUE: Group = Group {
    name: "a rule",
    keys: &[EACH_ITEM, NIL, Key::required("value", RULE, "What each item becomes, if it is no record.")],
};
pub(crate) static FROM: Group = Group {
    name: "a rule",
    keys: &[Key::new("from", Expression, "The record where the paths below begin."), MAP],
};
