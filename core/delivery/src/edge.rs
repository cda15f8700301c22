//! The ports to the outside: who calls, and who is called.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use portolan_schema::Protocol;

use crate::{BoxFuture, Failure, MessageId, Status, Timestamp};

/// A call that came in at a source adapter.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method's path: `/civic.registry.v1.PopulationRegister/GetPerson`.
    pub method: Arc<str>,
    /// The message, byte for byte.
    pub payload: Bytes,
    /// Text metadata by lower-case name.
    pub metadata: Vec<(String, String)>,
    /// When the caller stops waiting.
    pub deadline: Option<Timestamp>,
    /// Who calls, where that is authenticated (the subject of a client certificate).
    pub caller: Option<Arc<str>>,
    /// When it came in.
    pub received: Timestamp,
}

/// What a source adapter tells the caller.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The reply in the caller's contract.
    Reply(Bytes),
    /// An operation that will have the reply.
    Operation(OperationView),
    /// A failure.
    Failed(Failure),
}

/// An operation as its caller sees it.
#[derive(Debug, Clone)]
pub struct OperationView {
    /// The message behind it; the operation's name is `operations/{id}`.
    pub id: MessageId,
    /// The route.
    pub route: Arc<str>,
    /// When it was accepted.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// How far it is.
    pub state: OperationState,
    /// Attempts so far.
    pub attempts: u32,
    /// When the next attempt begins, where one is due.
    pub next_attempt: Option<Timestamp>,
    /// The full name of the response type, for the `Any` that carries it.
    pub response_type: Arc<str>,
}

/// How far an operation is.
#[derive(Debug, Clone)]
pub enum OperationState {
    /// Not asked yet, or to be asked again.
    Waiting,
    /// The system is being asked.
    Running,
    /// A person must look at it; not done.
    NeedsAttention,
    /// Done, with the response.
    Succeeded(Bytes),
    /// Done, with a failure.
    Failed(Failure),
}

/// Which operations to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationFilter {
    /// Of this caller. There is no list of everybody's.
    pub caller: Arc<str>,
    /// Of one route.
    pub route: Option<String>,
    /// Those that are done, or those that are not.
    pub done: Option<bool>,
    /// Older than this one: where the last page ended.
    pub before: Option<MessageId>,
    /// At most.
    pub limit: usize,
}

/// Operations, newest first, and whether there are more: a page may be short, or empty, and still have a next one.
#[derive(Debug, Clone, Default)]
pub struct OperationPage {
    /// The operations.
    pub operations: Vec<OperationView>,
    /// Where the next page begins. Tells of no message but the caller's own.
    pub next: Option<MessageId>,
}

/// What the engine offers to source adapters. Routes may change between two calls; an adapter keeps nothing of them.
pub trait Intake: Send + Sync + 'static {
    /// Whether a route serves this method now.
    fn serves(&self, method: &str) -> bool;

    /// The method that a route serves now.
    fn method(&self, route: &str) -> Option<Arc<str>>;

    /// Takes a call, and answers it.
    fn call(&self, call: Call) -> BoxFuture<'_, Answer>;

    /// Notes a call that the source refused by itself: it could not be read, there are too many, no route serves it.
    fn refused(&self, method: &str, failure: &Failure);

    /// An operation by id; only its own caller sees it where callers are authenticated.
    fn operation(
        &self,
        id: MessageId,
        caller: Option<Arc<str>>,
    ) -> BoxFuture<'_, Result<OperationView, Failure>>;

    /// As [`Intake::operation`], once it is done or `until` has come.
    fn wait_operation(
        &self,
        id: MessageId,
        caller: Option<Arc<str>>,
        until: Timestamp,
    ) -> BoxFuture<'_, Result<OperationView, Failure>>;

    /// A caller's own operations.
    fn operations(&self, filter: OperationFilter) -> BoxFuture<'_, Result<OperationPage, Failure>>;

    /// Ends an operation that waits for an attempt. One that is at work, needs attention or is done stays as it is, and that
    /// is no failure.
    fn cancel_operation(&self, id: MessageId, caller: Option<Arc<str>>)
    -> BoxFuture<'_, Result<(), Failure>>;

    /// Takes away for good what an operation that is done holds. One that is not done stays as it is, and that is a failure.
    fn delete_operation(&self, id: MessageId, caller: Option<Arc<str>>)
    -> BoxFuture<'_, Result<(), Failure>>;

    /// The serialized `FileDescriptorSet`s of the routes that are served now, for reflection, and a number that changes
    /// with them.
    fn descriptors(&self) -> (u64, Vec<Arc<[u8]>>);

    /// Whether messages can be accepted: readiness.
    fn accepting(&self) -> bool;
}

/// A message to a system.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The message's id, for logs on both sides.
    pub message: MessageId,
    /// The whole document: for SOAP the envelope, UTF-8.
    pub payload: Bytes,
    /// The operation, as its contract describes it.
    pub protocol: Arc<Protocol>,
    /// How long the system has.
    pub timeout: Duration,
    /// For systems that know idempotency keys.
    pub idempotency_key: Option<String>,
    /// The W3C trace context of this attempt.
    pub traceparent: Option<String>,
}

/// A system that can be asked.
pub trait Target: Send + Sync + 'static {
    /// Sends the message and gives the system's answer: a document that can be read (for SOAP an envelope in UTF-8, a
    /// fault or not). Dropping the future abandons the attempt.
    fn send(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Bytes, SendError>>;
}

/// What is known of an attempt that brought no readable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Provably not sent: connection or TLS refused.
    No,
    /// Provably not sent, since all connections were busy: nothing is known of the system.
    Busy,
    /// Provably not sent, and the same message never can be.
    Never,
    /// It may have arrived.
    Maybe,
    /// The system answered with something that is not an answer (an HTML page, an empty body, a cut one).
    Answered,
    /// It arrived, and the system says by this status that it did nothing and may be asked again.
    NotDone(Status),
    /// It arrived, and the system says no by this status, once and for all.
    Refused(Status),
}

/// An attempt that brought no readable answer. No addresses and no credentials in the message; values of a payload only where
/// it is `personal`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    /// What is known.
    pub sent: Sent,
    /// For programs, UPPER_SNAKE_CASE: `CONNECTION_REFUSED`, `TIMEOUT`, `HTML_REPLY`.
    pub reason: &'static str,
    /// For people.
    pub message: String,
    /// What an operator can do about it: names of options, a system's state. For log and queue, not for callers.
    pub advice: Option<&'static str>,
    /// What the system answered, where that is worth keeping.
    pub reply: Option<Bytes>,
    /// What the system asks to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// Whether the message is in the system's own words: kept, and told to the caller, but neither logged nor shown.
    pub personal: bool,
}

impl SendError {
    /// What is known, for programs and for people; nothing else is.
    pub fn new(sent: Sent, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            sent,
            reason,
            message: message.into(),
            advice: None,
            reply: None,
            retry_after: None,
            personal: false,
        }
    }

    /// With what an operator can do about it.
    #[must_use]
    pub fn advised(self, advice: &'static str) -> Self {
        Self { advice: Some(advice), ..self }
    }
}
