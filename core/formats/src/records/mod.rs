//! Files of records, in columns or delimited, as a layout says: read and written, verified and computed, in constant memory.

pub mod codepage;
mod compiled;
mod decode;
mod delimited;
mod error;
mod field;
mod formula;
mod frame;
mod given;
pub mod input;
mod json;
mod moment;
mod null;
mod number;
mod part;
mod read;
mod rule;
mod state;
mod structure;
mod text;
mod totals;
mod values;
mod walk;
mod wrap;
mod write;

pub use compiled::RecordFile;
pub use decode::Decoder;
pub use error::{RecordError, RecordErrorKind};
pub use field::FieldCodec;
pub use frame::{FrameError, MAX_RECORD};
pub use json::JsonLine;
pub use read::{Next, Problem, RecordInfo, RecordReader};
pub use structure::Misplaced;
pub use values::{Nowhere, Sink};
pub use write::RecordWriter;
