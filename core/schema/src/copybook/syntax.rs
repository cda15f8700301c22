//! A copybook as it was written: data description entries within one another.

use portolan_diagnostics::Span;

use crate::layout::{Picture, Side, Usage};

/// A word of the copybook with its place.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) text: String,
    pub(super) span: Span,
}

/// A data description entry, with those within it.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// 1 to 49, or 77.
    pub(super) level: u8,
    /// `None` for FILLER, and where no name stands.
    pub(super) name: Option<Named>,
    /// The level number and the name.
    pub(super) span: Span,
    pub(super) redefines: Option<Named>,
    pub(super) picture: Option<(Picture, Span)>,
    pub(super) usage: Option<(Usage, Span)>,
    pub(super) occurs: Option<Occurs>,
    pub(super) sign: Option<(Side, bool)>,
    pub(super) synchronized: bool,
    pub(super) justified: bool,
    pub(super) blank_when_zero: bool,
    /// What it holds at the beginning.
    pub(super) value: Option<Value>,
    /// Level 88.
    pub(super) conditions: Vec<Condition>,
    pub(super) children: Vec<Item>,
    /// What comments say of it.
    pub(super) doc: Option<String>,
}

impl Item {
    /// An entry that says nothing yet.
    pub(super) fn new(level: u8, name: Option<Named>, span: Span) -> Self {
        Self {
            level,
            name,
            span,
            redefines: None,
            picture: None,
            usage: None,
            occurs: None,
            sign: None,
            synchronized: false,
            justified: false,
            blank_when_zero: false,
            value: None,
            conditions: Vec::new(),
            children: Vec::new(),
            doc: None,
        }
    }

    /// Its name for messages.
    pub(super) fn shown(&self) -> &str {
        self.name.as_ref().map_or("FILLER", |name| &name.text)
    }
}

/// How often an item stands there.
#[derive(Debug, Clone)]
pub(super) struct Occurs {
    pub(super) least: u32,
    pub(super) most: u32,
    /// The item that says how often, then what it is in.
    pub(super) depending: Vec<Named>,
}

/// A condition name.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) name: String,
    /// Single values; ranges name none.
    pub(super) values: Vec<Value>,
}

/// What a VALUE clause says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// In quotes.
    Text(String),
    /// As it is written.
    Number(String),
    /// `ZERO`
    Zeros,
    /// `SPACE`
    Spaces,
    /// `HIGH-VALUE`
    High,
    /// `LOW-VALUE`, `NULL`
    Low,
    /// `QUOTE`, which is one, and `ALL "x"`
    All(String),
    /// `X"00"`
    Octets(Vec<u8>),
}

/// Level 66.
#[derive(Debug, Clone)]
pub(super) struct Renames {
    pub(super) name: Named,
    pub(super) from: Named,
    pub(super) through: Option<Named>,
}

/// An entry of level 1 with all within it.
#[derive(Debug, Clone)]
pub(super) struct Described {
    pub(super) item: Item,
    pub(super) renames: Vec<Renames>,
}
