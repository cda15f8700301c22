//! The port to whoever operates the gateway: what the admin API and the command line can ask and decide.

use std::sync::Arc;

use bytes::Bytes;

use crate::{BoxFuture, Count, DeliveryError, Filter, MessageId, Page, Record, Status};

/// What an operator can ask and decide, whether the gateway runs or not.
pub trait Operator: Send + Sync + 'static {
    /// Messages by filter, newest first, without payloads.
    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, OperatorError>>;

    /// One message with payload and attempts.
    fn show(&self, id: MessageId) -> BoxFuture<'_, Result<Record, OperatorError>>;

    /// How many messages there are by route and state.
    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, OperatorError>>;

    /// A dead letter is due again: on the bundle with which it came, or on the newest of its route.
    fn retry(&self, id: MessageId, version: Version) -> BoxFuture<'_, Result<(), OperatorError>>;

    /// A dead letter is finished: what really happened, as the operator found out.
    fn resolve(&self, id: MessageId, resolution: Resolution) -> BoxFuture<'_, Result<(), OperatorError>>;

    /// The routes that are served, with the hash of their bundle.
    fn routes(&self) -> BoxFuture<'_, Result<Vec<RouteView>, OperatorError>>;

    /// Reads the mappings again and, if all of them are sound, serves the new ones; otherwise nothing changes and the
    /// rendered findings say why.
    fn reload(&self) -> BoxFuture<'_, Result<Vec<RouteView>, OperatorError>>;
}

/// Which version of its route a retried message is translated with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The one with which it came.
    Same,
    /// The one that is served now.
    Newest,
}

/// How a dead letter really ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The system did it and answered this, in its own contract; the mapping translates it.
    SystemReply(Bytes),
    /// It was done, and the caller is to get this, in the caller's contract.
    CallerReply(Bytes),
    /// It was not done, and the caller is told so.
    Failed {
        /// The gRPC status to give.
        status: Status,
        /// What to tell the caller.
        message: String,
    },
    /// Nobody waits for it any more (`queue discard`).
    Discarded {
        /// Why, for the ledger.
        reason: String,
    },
}

/// A route as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteView {
    /// Its name.
    pub route: Arc<str>,
    /// The method that it serves.
    pub method: Arc<str>,
    /// The system that it asks.
    pub system: Arc<str>,
    /// `direct`, `request-reply` or `operation`.
    pub mode: Arc<str>,
    /// The bundle's hash, in hexadecimal.
    pub bundle: String,
}

/// Why an operator's request was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OperatorError {
    /// The ledger did not.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The decision does not fit the message; the text says why and what to do.
    #[error("{0}")]
    Refused(String),
    /// Files are not sound; the text is the rendered findings.
    #[error("{0}")]
    Findings(String),
}
