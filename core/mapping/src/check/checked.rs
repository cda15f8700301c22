//! What a check makes of a route: every path resolved and every type settled.

use std::{sync::Arc, time::Duration};

use portolan_diagnostics::Span;
use portolan_schema::{Document, FieldId, RecordId, SoapBinding};

use super::{CheckedFile, CheckedPoll};
use crate::{
    file::{DeadLetters, Mode, Placed, Retry},
    ir::{Expr, Reply, Tables, Translation},
};

/// A route that was checked: ready to be compiled.
#[derive(Debug, Clone)]
pub struct CheckedRoute {
    /// Its name.
    pub name: Arc<str>,
    /// Where the mapping names it.
    pub name_span: Span,
    /// `/package.Service/Method`
    pub method: Arc<str>,
    /// Where the mapping names it.
    pub method_span: Span,
    /// The system's name in the configuration.
    pub system: Placed<Arc<str>>,
    /// The operation, as the WSDL names it.
    pub operation: Arc<str>,
    /// How messages travel.
    pub travel: Travel,
    /// How it is delivered.
    pub delivery: DeliveryPolicy,
    /// From the caller's message to the system's.
    pub request: Translation,
    /// From the system's reply to the caller's: with `poll`, from that of the operation that gives the answer.
    pub reply: Reply,
    /// How the answer is asked for, where that comes later.
    pub poll: Option<CheckedPoll>,
    /// The caller's request id (<https://google.aip.dev/155>), over the slots of `request`.
    pub request_id: Option<Expr>,
    /// The key by which the system knows a repetition, over the slots of `request`.
    pub key: Option<Expr>,
    /// Messages with the same key go one after the other.
    pub order: Option<Order>,
    /// The names of the caller's metadata that the mapping reads.
    pub metadata: Vec<Arc<str>>,
    /// Whether the way to the system needs to know who sent a message, with which metadata or id of theirs.
    pub asks_for_sender: bool,
    /// The tables that both directions look up.
    pub tables: Tables,
    /// Fields of the request that may be shown.
    pub visible_request: Vec<VisibleField>,
    /// Fields of the reply that may be shown.
    pub visible_reply: Vec<VisibleField>,
    /// The documents that the four ends speak.
    pub documents: Documents,
}

impl CheckedRoute {
    /// Whether its messages are kept, with what becomes of them, and not only in the memory of who waits.
    pub fn is_recorded(&self) -> bool {
        match self.delivery.mode {
            Mode::Direct => false,
            Mode::RequestReply => !self.delivery.idempotent || self.key.is_some() || self.order.is_some(),
            Mode::Operation => true,
        }
    }
}

/// How messages travel to a system.
#[derive(Debug, Clone)]
pub enum Travel {
    /// By SOAP.
    Soap(SoapBinding),
    /// In a file that they gather into.
    File(Box<CheckedFile>),
}

/// Which messages go one after the other.
#[derive(Debug, Clone)]
pub struct Order {
    /// Their key, over the slots of `request`.
    pub key: Expr,
    /// What a dead letter means for the messages of its key.
    pub dead_letters: DeadLetters,
}

/// The documents of a route.
#[derive(Debug, Clone)]
pub struct Documents {
    /// What the caller sends, of the source's contract.
    pub request: Document,
    /// What the system gets, of the target's contract.
    pub target_request: Document,
    /// What the system answers, of the target's contract: with `poll`, what the operation does that is asked for it.
    pub target_reply: Document,
    /// What the caller gets, of the source's contract: in mode `operation` the response of the operation.
    pub reply: Document,
}

/// How a message is delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryPolicy {
    /// Whether the caller waits.
    pub mode: Mode,
    /// Whether the system may be asked twice.
    pub idempotent: bool,
    /// How long one attempt may take; the system's own timeout where `None`.
    pub timeout: Option<Duration>,
    /// How long the message may be tried at all.
    pub deadline: Option<Duration>,
    /// When it is tried again; never, where `None`.
    pub retry: Option<Retry>,
}

/// A field that may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleField {
    /// As the mapping names it.
    pub path: Arc<str>,
    /// The fields that lead there from the document's record.
    pub fields: Vec<(RecordId, FieldId)>,
}
