//! XML, read into slots and written from values without a tree in between.

mod characters;
mod names;
mod node;
mod qualified;
mod read;
mod references;
mod scan;
mod text;
mod write;

pub use read::{MAX_ATTRIBUTES, MAX_DEPTH, XmlReader};
pub use write::{XmlField, XmlWriter};

/// The namespace of `xsi:nil` and `xsi:type`.
pub(crate) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
