//! What the files that people write are made of: YAML whose every key knows its place, keys as a [`grammar`] describes them, and
//! expressions. What is meant by them is for those who read mappings, layouts, calendars and the configuration.

pub mod decimal;
pub mod expression;
pub mod grammar;
pub mod keys;
pub mod yaml;

use portolan_diagnostics::Span;

pub use decimal::{Decimal, Rounding};

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}
