//! XML Schema 1.0 (with what WSDLs use of 1.1) as records and scalars of the one type model.
//!
//! Nothing is compiled that no operation reaches: a broken type that nobody uses stops nobody.

mod attributes;
mod builtin;
mod compiler;
mod complex;
mod content;
mod element;
mod encoding;
mod files;
mod reference;
mod set;
mod simple;
mod substitution;

pub(crate) use builtin::is_lexical_rule;
pub(crate) use compiler::{Compiled, Compiler, Found};
pub(crate) use element::Declared;
pub(crate) use files::Files;
pub(crate) use set::{Kind, SchemaSet};

/// The namespace of XML Schema.
pub(crate) const XSD: &str = "http://www.w3.org/2001/XMLSchema";
