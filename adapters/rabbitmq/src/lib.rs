//! [`Transport`](portolan_delivery::composite::Transport) over RabbitMQ: what is due travels in a queue per route. And what
//! strangers see: [`Ingress`], a source of calls, and events of what became of messages.

mod announcer;
mod brokers;
mod confirms;
mod connection;
mod consumer;
mod consumption;
mod error;
mod event;
mod inbox;
mod ingress;
mod inspect;
mod lane;
mod options;
mod parcel;
mod probe;
mod publisher;
mod rights;
mod shut;
mod tls;
mod topology;
mod transport;

pub use error::{OpenError, ServeError};
pub use ingress::{Ingress, IngressOptions};
pub use inspect::{Found, Inspected, Needs, apply, inspect};
pub use options::{Options, QueueType};
pub use portolan_tls::TlsOptions;
pub use probe::{Probe, probe};
pub use rights::{Rights, rights};
pub use transport::RabbitTransport;
