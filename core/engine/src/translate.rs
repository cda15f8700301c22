//! What the engine needs of a mapping: a request out of a payload, and a verdict on a reply. The mapping crate's plans
//! implement it ([`crate::mapped`]); tests of delivery use something simpler.

use bytes::Bytes;
use portolan_delivery::{CutMessage, Envelope, Failure, MessageId, Timestamp};
use std::sync::Arc;

/// What a translation may know besides the documents. Fixed at accept, so that every attempt translates alike.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The message.
    pub message: MessageId,
    /// When it was accepted.
    pub received: Timestamp,
    /// Who calls.
    pub caller: Option<&'a str>,
    /// The caller's id for the request.
    pub request_id: Option<&'a str>,
    /// The metadata that the mapping reads.
    pub metadata: &'a [(String, String)],
    /// The attempt, from 1.
    pub attempt: u32,
}

impl<'a> Context<'a> {
    /// Of a message that goes into a file.
    pub fn of_cut(message: &'a CutMessage) -> Self {
        let CutMessage { claim, received, sender, .. } = message;
        Self {
            message: claim.id,
            received: *received,
            caller: sender.caller.as_deref(),
            request_id: sender.request_id.as_deref(),
            metadata: &sender.metadata,
            attempt: claim.attempt,
        }
    }

    /// Of a message on its way.
    pub fn of(envelope: &'a Envelope, attempt: u32) -> Self {
        Self {
            message: envelope.id,
            received: envelope.received,
            caller: envelope.caller.as_deref(),
            request_id: envelope.request_key.as_ref().map(|k| k.id.as_str()),
            metadata: &envelope.metadata,
            attempt,
        }
    }
}

/// What a system is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// What the caller wants of it.
    Request,
    /// The answer to a request that it has taken, which may be asked for again and again.
    Answer,
}

/// What a request says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// The `request_id` field (AIP-155), where the method has one and it is filled.
    pub request_id: Option<String>,
    /// What `idempotent: { key: ... }` evaluates to.
    pub idempotency_key: Option<String>,
    /// What `order: { key: ... }` evaluates to.
    pub order_key: Option<String>,
    /// What it shares with the messages of its groups, where it gathers into a file that has some.
    pub group: Option<String>,
}

/// What a reply means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// An answer, in the caller's contract.
    Reply(Bytes),
    /// The system said no, as the mapping declares it: a fault, or a failure in a normal reply.
    Refused(Failure),
    /// The system said that it did nothing and may be asked again.
    NotDone(Failure),
    /// The system has the request and answers it later: it is to be asked for the answer.
    Pending,
    /// It cannot be read or translated, or is a fault that no rule matches. A person must look at it.
    Unreadable(Failure),
}

/// A mapping at work.
pub trait Translate: Send + Sync + 'static {
    /// Checks a payload and appends the target's document for it. The failure is the caller's to see.
    fn request(&self, payload: &[u8], context: Context<'_>, out: &mut Vec<u8>) -> Result<Keys, Failure>;

    /// Judges what the system replied to this question, which came of a payload.
    fn reply(&self, reply: &[u8], payload: &[u8], question: Question, context: Context<'_>) -> Verdict;

    /// Appends the target's document by which the system is asked for the answer to a request that it has taken. `ticket` is
    /// what it said then.
    fn poll(
        &self,
        ticket: &[u8],
        payload: &[u8],
        context: Context<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Failure>;

    /// Whether bytes are a reply in the caller's contract, as far as their fields tell; the error says why not, and holds
    /// nothing of them.
    fn is_reply(&self, bytes: &[u8]) -> Result<(), String>;

    /// What the mapping lets people see of a payload, by its paths; `None` of what is absent.
    fn visible_request(&self, payload: &[u8]) -> Vec<(Arc<str>, Option<String>)>;

    /// The same of the system's reply.
    fn visible_reply(&self, reply: &[u8]) -> Vec<(Arc<str>, Option<String>)>;

    /// Whether a request needs to know who sent the message, with which metadata or id of theirs.
    fn asks_for_sender(&self) -> bool;

    /// The names of the metadata that the mapping reads, in lower case.
    fn metadata_names(&self) -> &[Arc<str>];
}
