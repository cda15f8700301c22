//! How the console listens, and what it allows.

use std::{net::SocketAddr, time::Duration};

use crate::AdminToken;

/// How the console listens, and what it allows.
#[derive(Debug, Clone)]
pub struct ConsoleOptions {
    /// Where; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// What admin calls must carry.
    pub token: AdminToken,
    /// The largest request that an admin call may send, in bytes.
    pub max_request_bytes: usize,
    /// Connections at a time; more wait in the kernel.
    pub max_connections: usize,
    /// How long a connection may take to send its first request, and a call to be answered.
    pub patience: Duration,
}

impl ConsoleOptions {
    /// With limits that suit an operator's console.
    pub fn new(listen: SocketAddr, token: AdminToken) -> Self {
        Self {
            listen,
            token,
            max_request_bytes: 16 << 20,
            max_connections: 256,
            patience: Duration::from_secs(30),
        }
    }
}
