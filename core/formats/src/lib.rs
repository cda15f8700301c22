//! The formats on the wire, compiled from schemas: what a mapping selects is captured from the input as borrowed
//! slices, and what it writes goes to the output bytes directly. No tree of values stands in between.
//!
//! The path of one translation: a [`Selection`] (made when the mapping loads) says which fields are wanted; a reader
//! compiled from it fills [`Captured`] slots from wire bytes; the plan evaluates expressions over the slots into
//! [`Value`]s; a writer compiled from the target schema turns them into wire bytes.

pub mod check_digit;
mod decode;
mod error;
pub mod lexical;
mod problem;
pub mod protobuf;
mod reader;
pub mod records;
pub mod select;
pub mod value;
mod writer;
pub mod xml;

pub use decode::Decoder;
pub use error::{ReadError, ReadErrorKind};
pub use portolan_syntax::{Decimal, Rounding, decimal};
pub use problem::ValueProblem;
pub use reader::Reader;
pub use select::{FrameId, NodeId, Selected, Selection, SlotRef, Unknown};
pub use value::{Captured, Compact, DateTime, Rows, Slot, Value, Word};
pub use writer::{Unwritable, Writer};
