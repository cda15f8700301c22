//! The queue and the ledger in one SQLite file: `Delivery` with each intent one transaction; or the ledger alone, beside a
//! transport.
//!
//! One thread writes and commits whatever has gathered ([`writer`]); another moves the write-ahead log into the file
//! ([`checkpoint`]); questions are answered on connections of their own ([`reads`]). The sidecar `FILE.lock` keeps a
//! second gateway away.

#[cfg(feature = "bench")]
pub mod bare;
mod beside_transport;
mod checkpoint;
mod cuts;
mod delivery;
mod error;
mod file;
mod files;
mod ledger;
mod line;
mod lock;
mod options;
mod outbox;
mod probe;
mod reads;
mod ready;
mod row;
mod schema;
mod store;
mod writer;

pub use beside_transport::SqliteLedger;
pub use delivery::SqliteDelivery;
pub use error::OpenError;
pub use options::{Durability, Options};
pub use probe::{Probe, probe};
