//! Protobuf on the wire, read into slots and written from values without a message type in between.

mod known;
mod read;
mod value;
mod wire;
mod write;

pub use read::{MAX_DEPTH, ProtobufReader};
pub use write::{ProtobufField, ProtobufWriter};

pub(crate) use value::ProtobufDecoder;
