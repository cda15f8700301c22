//! Where the fields of a record lie: items within items, as a copybook's levels or a specification's columns give them.

use super::{Formula, Requirement, Rule, Storage};
use crate::{FieldId, RecordId};

/// The items of one record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shape {
    /// In the order of the declaration, which for items that redefine others is not the order of their bytes.
    pub items: Vec<Item>,
    /// How many bytes it has at least and at most; no most where its last item takes the rest.
    pub length: (u32, Option<u32>),
}

/// Part of a record: a value, a group of items, or bytes without a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The name by which mappings reach it; empty for fillers.
    pub name: Box<str>,
    /// What a line of titles calls it, where that is not its name.
    pub title: Option<Box<str>>,
    /// The field of the enclosing record of the schema; `None` for what has no value.
    pub field: Option<FieldId>,
    /// Where it begins.
    pub start: Start,
    /// How long one occurrence is.
    pub extent: Extent,
    /// The item that says how long it is, where that is [`Extent::Counted`]: its index at each level, from the record down.
    pub measured: Option<Box<[u32]>>,
    /// The item that says its sign, of a number that has none of its own.
    pub sign: Option<SignedBy>,
    /// How often it stands there.
    pub times: Times,
    /// What it is.
    pub content: ItemContent,
    /// It is there only where this holds: a redefinition chosen by a code, a variant.
    pub when: Option<Rule>,
    /// It is one of several variants for the same bytes, of which one must be there.
    pub variant: bool,
    /// What its value must be, verified on reading and computed on writing.
    pub value: Option<Check>,
    /// What must hold of it on reading.
    pub require: Option<Requirement>,
    /// Written where nothing is given.
    pub default: Option<Box<str>>,
}

/// Where an item begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// So many bytes after the beginning of the group that it is in (of the record, at the top).
    At(u32),
    /// After the item before it.
    Next,
    /// Where its sibling of this index begins: `REDEFINES`.
    Like(u32),
    /// So many bytes before the record's end.
    FromEnd(u32),
}

/// How long one occurrence of an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// So many bytes. Of a group whose own items vary it is the most.
    Bytes(u32),
    /// So many characters of an encoding whose characters differ in length.
    Characters(u32),
    /// As many bytes as another item says, at most so many.
    Counted(u32),
    /// All that is left of the record.
    Rest,
}

/// How often an item stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Times {
    /// Once.
    Once,
    /// Always so often.
    Fixed(u32),
    /// As often as another item says.
    Counted {
        /// At least.
        least: u32,
        /// At most.
        most: u32,
        /// The item that says it: its index at each level, from the record down. Where there is none, it stands there as often as its own
        /// condition holds, whose columns then count from where the next one would begin.
        by: Vec<u32>,
        /// Counts that are words: which text means how many (`A` is 1).
        words: Vec<(Box<str>, u32)>,
        /// Room for `most` is there whatever the count is.
        room: bool,
    },
}

/// Which item says the sign of a number, and how: `D` and `C` beside an amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBy {
    /// Its index at each level, from the record down.
    pub item: Box<[u32]>,
    /// Its texts that mean minus; the first is written.
    pub negative: Box<[Box<str>]>,
    /// Its texts that mean plus; the first is written.
    pub positive: Box<[Box<str>]>,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemContent {
    /// A value.
    Value(Storage),
    /// Items, which are the fields of a record of the schema.
    Group(RecordId, Vec<Item>),
    /// Bytes that mean nothing.
    Filler(Filler),
}

/// Bytes that mean nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filler {
    /// What is written there.
    pub fill: Fillers,
    /// Anything else there is an error.
    pub exact: bool,
}

/// What is written where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fillers {
    /// Blanks of the file's encoding.
    Blanks,
    /// Zero digits of the file's encoding.
    Zeros,
    /// This byte.
    Byte(u8),
    /// This text, padded with blanks.
    Text(Box<str>),
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// How it is computed.
    pub formula: Formula,
    /// What happens where it is otherwise.
    pub verify: Verify,
}

/// What happens where a value is not what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// It is an error.
    #[default]
    Refuse,
    /// It is reported.
    Warn,
}

impl Item {
    /// Whether its bytes are those of an item before it.
    pub fn redefines(&self) -> bool {
        matches!(self.start, Start::Like(_))
    }

    /// The items within.
    pub fn items(&self) -> &[Item] {
        match &self.content {
            ItemContent::Group(_, items) => items,
            _ => &[],
        }
    }
}

impl Shape {
    /// The same, to be changed.
    pub fn at_mut(&mut self, path: &[u32]) -> Option<&mut Item> {
        let (first, rest) = path.split_first()?;
        let mut item = self.items.get_mut(*first as usize)?;
        for index in rest {
            let ItemContent::Group(_, items) = &mut item.content else { return None };
            item = items.get_mut(*index as usize)?;
        }
        Some(item)
    }

    /// The item of an index at each level, from the record down.
    pub fn at(&self, path: &[u32]) -> Option<&Item> {
        let (first, rest) = path.split_first()?;
        let first = self.items.get(*first as usize)?;
        rest.iter().try_fold(first, |item, index| item.items().get(*index as usize))
    }
}
