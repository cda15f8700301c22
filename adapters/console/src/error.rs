//! Why the console cannot be served, or reached.

use std::net::SocketAddr;

/// Why the console cannot be served, or reached.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The address is taken, or not ours.
    #[error("cannot listen for HTTP on {address}: {reason}")]
    Bind {
        /// The address of `listen.http`.
        address: SocketAddr,
        /// The system's words.
        reason: std::io::Error,
    },
    /// Nobody answers there.
    #[error("no gateway answers at {address}")]
    Unreachable {
        /// The address that was tried.
        address: SocketAddr,
    },
}
