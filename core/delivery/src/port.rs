//! The `Delivery` port: the intents by which the engine makes messages durable and takes them up. How they are settled, and
//! what an operator asks and decides, is of every [`MessageStore`].
//!
//! A message is *waiting* (with the time at which it is due), *claimed* (an attempt is recorded and has no outcome),
//! *finished* (with an outcome) or *dead* (a person must look at it). Each intent is atomic and durable when its future
//! resolves with `Ok`; a future that is dropped may or may not have taken effect, and the state then is one or the other.
//!
//! Messages with an order key ([`crate::Order`]) go one after the other. Such a message is *parked* while an earlier one of
//! its key waits, is claimed or is a dead letter that holds its key, and while any other of its key is claimed: it waits,
//! and no claim takes it, whenever it is due. Earlier is what was accepted earlier: a dead letter that its key passed takes
//! its old place when an operator has it tried again, before whatever has not begun by then. Whatever settles the message
//! in front makes the next one ready.

use bytes::Bytes;

use crate::{
    BoxFuture, Control, CutStore, Envelope, Failure, FaultClass, FileStore, GatewayId, MessageId,
    MessageStore, Party, PayloadDigest, Timestamp,
};

/// Queue and ledger behind one promise.
///
/// Implementations run the conformance suite of this crate (`conformance`, feature `testing`).
pub trait Delivery: MessageStore {
    /// Makes a message durable, and where `start` says so records its first attempt in the same commit, unless the message
    /// is parked.
    ///
    /// A request key, or a message id, that is known already changes nothing and gives [`Accepted::Repeated`].
    fn accept(&self, accept: Accept) -> BoxFuture<'_, Result<Accepted, DeliveryError>>;

    /// Takes up to `limit` messages that are due and not parked, oldest due first, recording an attempt for each. Does not
    /// wait. However many messages are parked, those of other keys cost no more. Of suspects ([`crate::is_suspect`]) one at
    /// most is claimed at a time.
    ///
    /// Messages of `except` routes are passed over, and no suspect waits for one of them that is not claimed.
    fn claim<'a>(
        &'a self,
        gateway: GatewayId,
        limit: usize,
        except: &'a [std::sync::Arc<str>],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Claimed>, DeliveryError>>;

    /// Resolves when a claim may find something: at once after an accept or retry that is due, or at the time at which
    /// the next message becomes due. May resolve without cause. Routes that the last claim passed over do not count:
    /// whoever serves them again claims again.
    fn ready(&self) -> BoxFuture<'_, ()>;

    /// The routes that this process works on from now on, and no others: queues by route are made and listened to. Where
    /// that cannot be, the routes before are served on. Does not wait for what is away: `Some` says what is left to do, which
    /// is done as soon as it can be.
    fn serve<'a>(
        &'a self,
        routes: &'a [std::sync::Arc<str>],
    ) -> BoxFuture<'a, Result<Option<String>, DeliveryError>> {
        let _ = routes;
        Box::pin(async { Ok(None) })
    }

    /// Tells those who listen of some outcomes of announced messages that they were not told of yet, at least once each.
    /// Returns how many; 0 where there are none now, or nobody can listen.
    fn announce(&self) -> BoxFuture<'_, Result<usize, DeliveryError>> {
        Box::pin(async { Ok(0) })
    }

    /// What remembers files; `None` where this queue takes none.
    fn files(&self) -> Option<&dyn FileStore> {
        None
    }

    /// What remembers files that are made; `None` where this queue makes none.
    fn cuts(&self) -> Option<&dyn CutStore> {
        None
    }

    /// How the broker is, where there is one.
    fn broker(&self) -> Option<BrokerState> {
        None
    }
}

/// How a broker is, as far as is known without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerState {
    /// Whether it is there.
    pub connected: bool,
    /// Whether it takes no messages now, as its memory or disk is short.
    pub blocked: bool,
}

/// Routes with how they are to be served; those that simply run are not among them.
pub type Controls = std::collections::HashMap<std::sync::Arc<str>, Control>;

/// A message to make durable.
#[derive(Debug, Clone)]
pub struct Accept {
    /// Everything but the payload.
    pub envelope: Envelope,
    /// What came in, byte for byte.
    pub payload: Bytes,
    /// Whether an attempt begins at once.
    pub start: Start,
}

/// Whether an attempt begins in the commit that accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It does, by this gateway: request-reply.
    Now(GatewayId),
    /// The message waits to be claimed, from this time on.
    Due(Timestamp),
}

/// What became of an accept.
#[derive(Debug, Clone)]
pub enum Accepted {
    /// The message is durable; the claim where the attempt was started.
    New(Option<Claim>),
    /// The message is durable and waits for an earlier one of its order key. No attempt has begun, whatever was asked.
    Parked,
    /// The request key is known: this message has it. Nothing was written.
    Repeated(Box<Record>),
    /// The request key is known, for a message with another payload. Nothing was written.
    Conflict(MessageId),
}

/// The right to settle one attempt. An attempt that was settled otherwise in the meantime (a lease ran out, an operator
/// stepped in) refuses it with [`DeliveryError::Superseded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The message.
    pub id: MessageId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Who claimed it.
    pub gateway: GatewayId,
}

/// A message with its claim.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The right to settle it.
    pub claim: Claim,
    /// Everything but the payload.
    pub envelope: Envelope,
    /// What came in.
    pub payload: Bytes,
    /// What the system said when it took the request, which it answers later ([`MessageStore::poll_at`]).
    pub ticket: Option<Bytes>,
}

/// How a message ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer in the caller's own contract.
    Reply(Bytes),
    /// With a failure, of which the caller is told.
    Failed(Failure),
}

/// Why a person must look at a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// What the caller was told, or would be.
    pub failure: Failure,
    /// Whose side is at fault.
    pub at_fault: Party,
    /// What the system answered, where it did and the answer is the problem.
    pub reply: Option<Bytes>,
}

/// One attempt, as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it was recorded.
    pub started: Timestamp,
    /// When it was settled.
    pub ended: Option<Timestamp>,
    /// Why it failed; `None` while it runs, and when it did not.
    pub failure: Option<Failure>,
}

/// Where a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Waits to be claimed.
    Waiting {
        /// Not before.
        due: Timestamp,
    },
    /// An attempt is recorded and has no outcome.
    Claimed {
        /// By whom.
        gateway: GatewayId,
        /// Since when.
        since: Timestamp,
    },
    /// It ended.
    Finished {
        /// How.
        outcome: Outcome,
        /// When.
        at: Timestamp,
    },
    /// A person must look at it.
    Dead {
        /// Why.
        letter: DeadLetter,
        /// Since when.
        at: Timestamp,
    },
}

/// [`State`] without its particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "see State")]
pub enum StateKind {
    Waiting,
    Claimed,
    Finished,
    Dead,
}

impl State {
    /// Which state it is.
    pub fn kind(&self) -> StateKind {
        match self {
            Self::Waiting { .. } => StateKind::Waiting,
            Self::Claimed { .. } => StateKind::Claimed,
            Self::Finished { .. } => StateKind::Finished,
            Self::Dead { .. } => StateKind::Dead,
        }
    }
}

/// A message as the ledger knows it.
#[derive(Debug, Clone)]
pub struct Record {
    /// Everything but the payload.
    pub envelope: Envelope,
    /// What came in; empty in lists.
    pub payload: Bytes,
    /// Of the payload, where the message has a request key; absent in lists.
    pub digest: Option<PayloadDigest>,
    /// What the system said when it took the request, which it answers later; empty in lists.
    pub ticket: Option<Bytes>,
    /// Where it is.
    pub state: State,
    /// The message of its order key for which a parked one waits: the one at work, or the first in line.
    pub behind: Option<MessageId>,
    /// The last so many attempts ended with their gateway: see [`crate::is_suspect`].
    pub lost: u32,
    /// Every attempt, in order; in lists this may be cut to the last.
    pub attempts: Vec<Attempt>,
}

/// Which messages to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of one route.
    pub route: Option<String>,
    /// In one state.
    pub state: Option<StateKind>,
    /// Dead letters of one class.
    pub class: Option<FaultClass>,
    /// Older than this one: where the last page ended.
    pub before: Option<MessageId>,
    /// At most; 0 stands for 100.
    pub limit: usize,
}

/// Messages, and whether there are more: a page may be short, or empty, and still have a next one.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Newest first.
    pub records: Vec<Record>,
    /// Where the next page begins.
    pub next: Option<MessageId>,
}

/// How many messages of a route are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The route.
    pub route: String,
    /// The state.
    pub state: StateKind,
    /// How many.
    pub messages: u64,
    /// When the oldest of them was received.
    pub oldest: Timestamp,
}

/// What a reconciliation settled: no more than was at work in the gateways that are no more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciled {
    /// Due again.
    pub requeued: Vec<Orphan>,
    /// Dead letters: of unknown outcome, or over which gateways keep dying.
    pub buried: Vec<Orphan>,
}

/// A message whose attempt ended with its gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// The message.
    pub id: MessageId,
    /// Its route; empty where its row is damaged.
    pub route: std::sync::Arc<str>,
    /// When it was accepted.
    pub received: Timestamp,
    /// Which gateway it was.
    pub gateway: GatewayId,
}

/// Why an intent was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The claim is no longer valid; somebody else settled the attempt.
    #[error("attempt {} of message {} was settled by somebody else", .0.attempt, .0.id)]
    Superseded(Claim),
    /// There is no such message.
    #[error("there is no message {0}")]
    NotFound(MessageId),
    /// The message is not a dead letter, so there is nothing to decide.
    #[error("message {0} is not a dead letter")]
    NotDead(MessageId),
    /// It cannot be done now: the text names what is away, or in the way. Try again later.
    #[error("not possible now: {0}")]
    Unavailable(String),
    /// The queue is not set up as the routes need it, and somebody has to change that: it differs, or may not be made.
    #[error("{0}")]
    Topology(String),
    /// A commit failed (disk full, I/O error). What is durable is not known until a restart reconciles: the gateway
    /// stops accepting and exits.
    #[error("the queue failed: {0}")]
    Fatal(String),
}
