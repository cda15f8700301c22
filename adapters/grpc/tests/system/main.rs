//! The target over real sockets: a tonic server that behaves and misbehaves, bare HTTP/2 and bare TCP where that is not enough.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod answers;
mod asking;
mod grpcio;
mod ledger;
mod lost;
mod peer;
mod probes;
mod tls;
