//! The client's side of TLS, as all adapters have it: whom to trust, what to show, what a refusal means; and the connections of
//! those that speak HTTP over it, with how many calls are on them at once.

mod cause;
mod connector;
mod network;
mod options;
mod places;
mod probe;
mod refusal;
mod shown;

pub use cause::{Cause, reason};
pub use connector::Connector;
pub use network::leaves_the_machine;
pub use options::{TlsError, TlsOptions};
pub use places::Places;
pub use probe::ProbeError;
pub use refusal::Refusal;
pub use shown::{Shown, certificates};
