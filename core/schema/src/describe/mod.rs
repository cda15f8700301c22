//! A contract as people read it, and as programs do: what `portolan describe` prints.

mod json;
mod text;
mod words;

pub use json::describe_json;
pub use text::describe;
