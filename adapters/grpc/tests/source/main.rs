//! The source over real sockets, asked by tonic's client, with an intake that answers by the method's name.
#![allow(clippy::unwrap_used, reason = "a test says where it failed by failing there")]

mod calls;
mod client;
mod connections;
mod drain;
mod intake;
mod services;
mod tls;
mod web;
