//! The keys of what tells whoever dropped a file what became of it.

use super::{
    Group, Key,
    Value::{self, Text},
    mapping::RECORD,
};

pub(super) const ACKNOWLEDGE_KEY: Key = Key::new(
    "acknowledge",
    Value::Group(&ACKNOWLEDGE),
    "A file in a layout of its own that tells whoever dropped one what became of it. Default: none; receipts in JSON and text are written in any case.",
);

pub(crate) static ACKNOWLEDGE: Group = Group {
    name: "`acknowledge`",
    keys: &[
        Key::required("layout", Text, "The layout file, relative to this file."),
        Key::new(
            "name",
            Text,
            "What it is called. `{file}` is the name of the file that was dropped, `{stem}` the same without what follows its last dot, `{hash}` the first eight digits of its SHA-256, `{date}` and `{time}` are when it ended, in UTC. Default: `{file}.ack`. Where a file with another content has that name, the time is appended.",
        ),
        Key::new(
            "record",
            Text,
            "The record that is written for each problem, the first thousand of them: `notice.problem`. Default: none.",
        ),
        Key::new(
            "body",
            RECORD,
            "What that record holds. Paths begin with `file.` or `problem.` (portolan/v1/acknowledgement.proto); `original.` leads into the message that was rejected. It is absent where the problem is not one of a message, or where that cannot be read.",
        ),
        Key::new(
            "file",
            RECORD,
            "What the other records hold besides what the layout computes, by their names: `{ header: { sender: file.name } }`. Paths begin with `file.`; `original.` leads into those records of the file that stand in it once, as its header.",
        ),
    ],
};
