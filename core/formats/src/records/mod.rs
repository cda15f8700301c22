//! Records of fixed width: what lies in their columns, as values.

pub mod codepage;
