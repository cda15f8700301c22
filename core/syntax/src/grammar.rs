//! What keys a file may have, described once: parsers hold files to it, and the JSON Schema and the reference page of keys
//! are made of it.

/// A group of keys.
#[derive(Debug)]
pub struct Group {
    /// What it is called in messages: "a route", "`retry`".
    pub name: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// A key of a group.
#[derive(Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What may stand there.
    pub value: Value,
    /// Whether the group cannot be without it.
    pub required: bool,
    /// What it says, in one sentence or two, with its default.
    pub doc: &'static str,
}

/// What may stand at a key.
#[derive(Debug)]
pub enum Value {
    /// Any single value.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Boolean,
    /// `10s`
    Duration,
    /// `4MiB`
    Bytes,
    /// A whole number within bounds.
    Whole(u64, u64),
    /// A number within bounds.
    Number(f64, f64),
    /// A path or an expression.
    Expression,
    /// A list.
    List(&'static Value),
    /// A list with an item at least.
    OneOrMore(&'static Value),
    /// Names that the writer chooses, each with such a value.
    Named(&'static Value),
    /// The same, but names of which each would make it another group.
    Fields(&'static Value, &'static [&'static str]),
    /// A group of keys.
    Group(&'static Group),
    /// One of several.
    Either(&'static [Value]),
    /// What has a name of its own, because it may hold itself; so it is asked for, and not there from the beginning.
    Called(&'static str, fn() -> &'static Value),
}

impl Group {
    /// The key of a name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Key {
    /// A key that may be left out.
    pub const fn new(name: &'static str, value: Value, doc: &'static str) -> Self {
        Self { name, value, required: false, doc }
    }

    /// A key that must be there.
    pub const fn required(name: &'static str, value: Value, doc: &'static str) -> Self {
        Self { name, value, required: true, doc }
    }
}
