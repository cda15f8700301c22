//! Why the source could not be bound. Once bound it does not fail: a broken connection is its caller's matter.

use std::{io, net::SocketAddr, path::PathBuf};

/// Why the source could not be bound. It is read by the operator at start, so it names addresses and files.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address cannot be listened on.
    #[error(
        "listen.grpc: cannot listen on {address}: {source}; choose another address or stop what holds it"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A PEM file cannot be read.
    #[error("listen.grpc.tls: cannot read {path} as PEM: {problem}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A PEM file holds nothing of the kind that is needed.
    #[error("listen.grpc.tls: {path} holds no {wanted}")]
    Missing {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// The files are sound by themselves and do not go together.
    #[error("listen.grpc.tls: {path} cannot be used: {problem}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A limit would let nothing through.
    #[error("listen.grpc: {option} must be more than 0")]
    Zero {
        /// The option.
        option: &'static str,
    },
}
