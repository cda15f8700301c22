//! SOAP over HTTP: the [`SoapTarget`] that asks a legacy system, and the [`simulate`] module that is one.
//!
//! The target sends envelopes and tells replies apart; it never parses one further than its root element. What an
//! envelope holds is the matter of the plan that wrote the request and reads the reply.

mod charset;
mod compression;
mod connector;
mod envelope;
mod error;
mod headers;
mod options;
mod payload;
mod reply;
pub mod simulate;
mod target;
mod tls;

pub use error::{OptionsError, reason};
pub use options::{Auth, SoapOptions, TlsOptions};
pub use target::SoapTarget;
