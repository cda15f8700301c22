//! What passes between the steps of laying a record: what groups hand down, what was laid of one, and the items and fields that are
//! made.

use super::{names::Taken, syntax::Item as Entry};
use crate::{
    Field, FieldId, Occurs, Presence, TypeId, Wire,
    layout::{Extent, Filler, Fillers, Item, ItemContent, Side, Start, Times, Usage},
};

/// What groups hand down.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Inherited {
    pub(super) usage: Option<Usage>,
    pub(super) sign: Option<(Side, bool)>,
    pub(super) synchronized: bool,
    /// Its bytes are those of another item as well: what is in them need not be what this one says.
    pub(super) overlaid: bool,
    /// It occurs more than once, or its place varies.
    pub(super) moves: bool,
}

/// What was laid of a group.
#[derive(Default)]
pub(super) struct Laid {
    pub(super) items: Vec<Item>,
    pub(super) fields: Vec<Field>,
    pub(super) taken: Taken,
    /// Bytes at least, and at most.
    pub(super) least: u64,
    pub(super) most: u64,
    /// Whether both are the same, and every item in it lies at its place.
    pub(super) fixed: bool,
    /// At which multiple it begins.
    pub(super) aligned: u32,
    /// What the item before is called.
    pub(super) previous: String,
}

/// Where an item is laid.
pub(super) struct Place<'a> {
    pub(super) start: Start,
    /// From the beginning of the record, all that varies at its most.
    pub(super) offset: u64,
    /// The index at each level of what it is in.
    pub(super) path: &'a [u32],
    /// It is one of several over the same bytes.
    pub(super) over: bool,
}

/// Where the items of a group are laid.
pub(super) struct Within<'a> {
    /// From the beginning of the record.
    pub(super) offset: u64,
    /// The index at each level of the group.
    pub(super) path: &'a [u32],
    /// What it is called.
    pub(super) previous: String,
}

/// What an entry is, once.
pub(super) struct Part {
    pub(super) content: ItemContent,
    /// `None` where nothing in it has a name.
    pub(super) ty: Option<TypeId>,
    /// What it is where it has no name.
    pub(super) filler: Filler,
    pub(super) default: Option<Box<str>>,
    pub(super) least: u64,
    pub(super) most: u64,
    pub(super) fixed: bool,
    pub(super) aligned: u32,
}

impl Part {
    /// What cannot be laid.
    pub(super) fn nothing() -> Self {
        let filler = Filler { fill: Fillers::Blanks, exact: false };
        Self {
            content: ItemContent::Filler(filler.clone()),
            ty: None,
            filler,
            default: None,
            least: 0,
            most: 0,
            fixed: true,
            aligned: 1,
        }
    }
}

pub(super) fn name_of(entry: &Entry) -> Option<&str> {
    entry.name.as_ref().map(|name| name.text.as_str())
}

/// What an entry hands down to those within it, or is itself.
pub(super) fn handed_down(entry: &Entry, inherited: Inherited) -> Inherited {
    Inherited {
        usage: entry.usage.map(|(usage, _)| usage).or(inherited.usage),
        sign: entry.sign.or(inherited.sign),
        synchronized: entry.synchronized || inherited.synchronized,
        ..inherited
    }
}

pub(super) fn occurs(times: &Times, least: u32, most: u32) -> Occurs {
    match times {
        Times::Once => Occurs::ONCE,
        Times::Fixed(_) | Times::Counted { .. } => Occurs { min: least, max: Some(most) },
    }
}

pub(super) fn field_of(name: &str, ty: TypeId, occurs: Occurs, wire: Wire, doc: Option<String>) -> Field {
    Field {
        name: name.to_owned(),
        ty,
        occurs,
        presence: Presence::Explicit,
        nillable: false,
        default: None,
        fixed: None,
        choice: None,
        redact: false,
        xsi_type: None,
        wire,
        doc,
    }
}

pub(super) fn made(
    name: &str,
    field: Option<FieldId>,
    start: Start,
    bytes: u64,
    times: Times,
    content: ItemContent,
) -> Item {
    Item {
        name: name.into(),
        title: None,
        field,
        start,
        extent: Extent::Bytes(bytes as u32),
        times,
        content,
        when: None,
        measured: None,
        sign: None,
        variant: false,
        value: None,
        require: None,
        default: None,
    }
}
