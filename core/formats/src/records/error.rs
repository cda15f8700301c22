//! What is wrong with a record, and where: in which file it is, is for those to say who opened it.

use super::{FrameError, Misplaced};
use crate::ValueProblem;

/// Something that is wrong with a file of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// What is wrong.
    pub kind: RecordErrorKind,
    /// The record's number in the file, from 1; where no record could be made out, that of the next.
    pub record: u64,
    /// Where the record, or the field, begins: bytes from the beginning of the file (of what is in it, where it is compressed).
    pub offset: u64,
    /// Which record it is, where that is known: `batch.entry`.
    pub name: Option<Box<str>>,
    /// The field: `lines[2].amount`.
    pub field: Option<Box<str>>,
    /// The bytes that were found there. They may be personal: whoever shows them has the file before him.
    pub raw: Vec<u8>,
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordErrorKind {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Input(String),
    /// The file cannot be cut into records.
    #[error("{0}")]
    Frame(#[from] FrameError),
    /// The record cannot stand where it does.
    #[error("{0}")]
    Misplaced(#[from] Misplaced),
    /// Fewer bytes than its fields.
    #[error("it has {found} bytes, and its fields need {needed}")]
    Short {
        /// How many there are.
        found: usize,
        /// How many there must be.
        needed: usize,
    },
    /// More bytes than its fields.
    #[error("it has {found} bytes, and its fields are {most}")]
    Long {
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A value that its field cannot have.
    #[error("the value {0}")]
    Value(#[from] ValueProblem),
    /// Records of a fixed length that a line end stands between, which is taken for part of them.
    #[error(
        "it begins with a line end, which is taken for part of it: `line-ends-between: true` passes over line ends"
    )]
    LineEnds,
    /// A filler that is none.
    #[error("these bytes must be fillers, and are others")]
    Filler,
    /// A value that is none of those listed.
    #[error("the value is not one of those that the layout lists")]
    NotListed,
    /// A condition that must hold, as the layout writes it.
    #[error("what the layout requires does not hold: `{0}`")]
    Require(Box<str>),
    /// A value that is computed otherwise.
    #[error("the value is not what it must be: {computed}{}", if *.partial { ", of what could be read" } else { "" })]
    Verify {
        /// What is computed.
        computed: String,
        /// Not of everything: something that belongs to it could not be read.
        partial: bool,
    },
    /// A sum that cannot be kept.
    #[error("a sum has more than 38 digits")]
    Sum,
    /// A count that no list can have.
    #[error("`{by}` says more than {most}, the most that the layout has")]
    Count {
        /// The field that counts.
        by: Box<str>,
        /// The most that the layout has.
        most: u32,
    },
    /// A list that is shorter than it may be.
    #[error("the list has {found} items, and the layout has {least} at least")]
    Few {
        /// How many there are.
        found: usize,
        /// How many there must be.
        least: u32,
    },
    /// No variant is the one.
    #[error("none of its variants is the one")]
    NoVariant,
    /// More values than columns.
    #[error("it has {found} values, and the layout has {most}")]
    Columns {
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A delimiter behind the last value of a line, which the layout says nothing of.
    #[error(
        "a delimiter stands behind its last value; where that is so in every line, `file:` says `trailing-delimiter: true`"
    )]
    Trailing,
    /// None, where the layout says that there is one.
    #[error("no delimiter stands behind its last value, and the layout has `trailing-delimiter: true`")]
    Unterminated,
    /// The line of titles names a column otherwise than the layout.
    #[error("{}", title(*.column, .found.as_deref(), .expected.as_deref()))]
    Title {
        /// Which, from 1.
        column: usize,
        /// How the line names it; `None` where it has no such column.
        found: Option<Box<str>>,
        /// How the layout does.
        expected: Option<Box<str>>,
    },
    /// A line of JSON that cannot be written as a record.
    #[error("{0}")]
    Json(String),
}

fn title(column: usize, found: Option<&str>, expected: Option<&str>) -> String {
    match (found, expected) {
        (Some(found), Some(expected)) => {
            format!("column {column} is titled `{found}`, and in the layout it is `{expected}`")
        }
        (Some(found), None) => {
            format!("column {column} is titled `{found}`, and the layout has no such column")
        }
        (None, expected) => {
            format!("column {column} is missing, which the layout has as `{}`", expected.unwrap_or_default())
        }
    }
}

impl std::error::Error for RecordError {}

impl std::fmt::Display for RecordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "record {}", self.record)?;
        if let Some(name) = &self.name {
            write!(f, ", `{name}`")?;
        }
        write!(f, ", at byte {}", self.offset)?;
        if let Some(field) = &self.field {
            write!(f, ", field `{field}`")?;
        }
        write!(f, ": {}", self.kind)
    }
}
