//! Mappings: read with their positions, checked against both schemas, compiled to flat plans, run.

pub mod functions;
pub mod ir;
