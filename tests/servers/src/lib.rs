//! Servers that tests start for themselves, from Debian's packages, on free ports, and that end with the test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests wait for processes")]

mod authority;
mod broker;
mod cluster;
mod database;
mod node;
mod relay;
mod sshd;

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener},
    },
    sync::Mutex,
};

pub use authority::{Authority, Certificate, ServerTls};
pub use broker::Broker;
pub use cluster::Cluster;
pub use database::Database;
pub use relay::Relay;
pub use sshd::Sshd;

/// Below these are the ports of services, above them those that the kernel gives to connections: a server that is killed
/// and started again at a port of theirs finds a connection there one day.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// A port of 127.0.0.1 that is free, and that no other test is given while this process lives.
///
/// # Panics
///
/// Where none is free.
pub fn free_port() -> u16 {
    static OURS: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());
    // Anywhere, so that a port is seldom used again while its last connections are forgotten.
    let begin = RandomState::new().build_hasher().finish() as usize;
    for port in PORTS.cycle().skip(begin % PORTS.len()).take(PORTS.len()) {
        // A name of Linux's own, which is gone with the process that holds it.
        let name = SocketAddr::from_abstract_name(format!("portolan-test-port-{port}")).unwrap();
        let Ok(held) = UnixListener::bind_addr(&name) else { continue };
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            OURS.lock().unwrap().push(held);
            return port;
        }
    }
    panic!("no port of {PORTS:?} is free")
}
