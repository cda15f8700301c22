//! Servers that tests start for themselves, from Debian's packages, on free ports, and that end with the test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests wait for processes")]

mod authority;
mod broker;
mod cluster;
mod database;
mod node;

pub use authority::{Authority, Certificate, ServerTls};
pub use broker::Broker;
pub use cluster::Cluster;
pub use database::Database;

/// A port of 127.0.0.1 that is free now.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}
