//! XML files as trees that remember where everything stands: what the WSDL and XSD readers walk.
//!
//! Not for messages: those are read by core/formats without a tree.

mod decode;
mod parse;
mod tree;
mod usual;

pub(crate) use decode::decode;
pub(crate) use parse::parse;
pub(crate) use tree::{ElementId, Tree, Unbound, XML};
