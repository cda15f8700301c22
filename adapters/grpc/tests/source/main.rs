//! The source over real sockets, asked by tonic's client, with an intake that answers by the method's name.

mod calls;
mod client;
mod drain;
mod intake;
mod services;
mod tls;
