//! What an operator talks to, on `listen.http`: the health endpoints, the metrics and the admin API
//! `portolan.admin.v1.Admin`, and the client by which `portolan queue` asks a running gateway.
//!
//! Both sides speak the port [`portolan_delivery::Operator`], so that a command works alike through the gateway and on
//! the database itself.

mod admin;
mod client;
mod convert;
mod error;
mod health;
mod options;
mod server;
mod status;
mod token;
mod wire;

pub use client::ConsoleClient;
pub use error::ConsoleError;
pub use health::{Health, health};
pub use options::ConsoleOptions;
pub use server::{Begun, ConsoleServer, Gateway, Metrics, Readiness};
pub use token::AdminToken;
