//! Protobuf on the wire, read into slots and written from values without a message type in between.

mod known;
mod read;
mod rules;
mod value;
mod value_rules;
mod wire;
mod write;

pub use read::{MAX_DEPTH, ProtobufReader};
pub use rules::{Broken, BrokenRule, Rules};
pub use write::{ProtobufField, ProtobufWriter};

pub(crate) use value::ProtobufDecoder;
