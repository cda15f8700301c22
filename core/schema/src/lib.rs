//! The one type model: whatever a side speaks (protobuf, XML, later fixed-width records) is read into a
//! [`Contract`] made of [`Record`]s, [`Field`]s and [`Scalar`]s, and nothing above this crate knows the difference.
//!
//! Readers are pure: files come in through a [`Resolver`], and what is wrong with them comes out as diagnostics.

mod contract;
pub mod copybook;
mod describe;
pub mod layout;
mod model;
pub mod protobuf;
mod read;
mod resolver;
mod rules;
pub mod wsdl;
mod xml;
mod xsd;

pub use contract::{
    Contract, Document, LeftOut, LongRunning, Operation, Protocol, Reading, Root, Service, SoapBinding,
    SoapVersion,
};
pub use describe::{describe, describe_json, describe_layout, describe_layout_json};
pub use model::{
    Array, Choice, ChoiceId, Content, EnumValue, Enumeration, Facets, Field, FieldId, Name, Occurs, Particle,
    Presence, ProtoKind, Record, RecordId, Scalar, ScalarId, ScalarKind, Schema, TypeId, WhiteSpace, Wire,
};
pub use read::read_file;
pub use resolver::{Directory, Memory, ResolveError, Resolved, Resolver};
pub use rules::{Behavior, Exclusive, FieldRules, ItemRules, Limit, ValueRules, Way};
