//! Mappings: read with their positions, checked against both schemas, compiled to flat plans, run.

pub mod calendar;
pub mod check;
pub mod compile;
pub mod credentials;
mod csv;
pub mod file;
pub mod file_name;
pub mod functions;
pub mod grammar;
pub mod ir;
pub mod load;
mod outgoing;
pub mod parse;
pub mod plan;
pub mod run;
pub mod secret;
mod told;

pub use portolan_syntax::{expression, yaml};
