//! gRPC both ways. The source takes unary calls of any method that a route serves, byte for byte, and answers them with what
//! the engine says. A [`GrpcTarget`] asks a system that speaks gRPC, byte for byte too. See the README beside this crate for what
//! they speak, their options and their limits.

mod admission;
mod built_in;
mod caller;
mod codec;
mod connection;
mod deadline;
mod descriptors;
mod error;
mod health;
mod listing;
mod metadata;
mod operations;
mod options;
mod preface;
mod raw;
mod reflection;
mod refusal;
mod renamed;
mod reply;
mod service;
mod source;
mod status;
pub mod system;
mod tls;
mod web;

pub use error::BindError;
pub use options::{ClientCertificates, GrpcOptions, TlsOptions, WebOptions};
pub use portolan_delivery::rpc::{ERROR_DOMAIN, MESSAGE_ID};
pub use raw::Raw;
pub use source::{Bound, Drained, GrpcSource};
pub use system::GrpcTarget;
