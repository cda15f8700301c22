//! A contract as people read it, and as programs do: what `portolan describe` prints.

mod file;
mod formula;
mod json;
mod layout;
mod layout_json;
mod rows;
mod text;
mod usual;
mod words;

pub use json::describe_json;
pub use layout::describe_layout;
pub use layout_json::describe_layout_json;
pub use text::describe;
