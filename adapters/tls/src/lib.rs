//! The client's side of TLS, as all adapters have it: whom to trust, what to show, and what a refusal means.

mod network;
mod options;
mod refusal;
mod shown;

pub use network::leaves_the_machine;
pub use options::{TlsError, TlsOptions};
pub use refusal::Refusal;
pub use shown::{Shown, certificates};
