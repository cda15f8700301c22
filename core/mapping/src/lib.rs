//! Mappings: read with their positions, checked against both schemas, compiled to flat plans, run.

pub mod expression;
pub mod file;
pub mod functions;
pub mod ir;
pub mod parse;
pub mod plan;
pub mod run;
mod yaml;
pub mod check;
