//! A system that speaks gRPC, as Portolan asks it: the [`GrpcTarget`], its options, and the probe of `portolan doctor`. Messages
//! are bytes here: what they hold is the matter of the plan that wrote the request and reads the reply.

mod error;
mod known;
mod options;
mod outgoing;
mod probe;
mod reply;
mod status;
mod target;

pub use error::{OptionsError, reason};
pub use options::Options;
pub use portolan_tls::ProbeError;
pub use portolan_tls::TlsOptions;
pub use probe::{Health, Probe, probe};
pub use target::GrpcTarget;
