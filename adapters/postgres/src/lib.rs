//! The ledger in PostgreSQL: what several gateways remember together. Every intent is one statement, so one transaction,
//! and is sent again over a new connection when its answer is lost.

mod accept;
mod control;
mod cuts;
mod error;
mod events;
mod files;
mod gather;
mod intents;
mod leases;
mod ledger;
mod options;
mod outbox;
mod pool;
mod probe;
mod reads;
mod republish;
mod row;
mod schema;
mod tls;
mod together;
mod way;

pub use error::OpenError;
pub use ledger::PostgresLedger;
pub use options::Options;
pub use portolan_tls::TlsOptions;
pub use probe::{Gateway, Probe, probe};
