//! Records of fixed width: what lies in their columns, as values.

pub mod codepage;
mod field;
mod moment;
mod null;
mod number;
mod text;

pub use field::FieldCodec;
