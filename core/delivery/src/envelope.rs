//! The envelope: everything about a message but its payload. Fixed at accept, so that a message finishes on the
//! version, and with the time and the ids, with which it began.

use std::{fmt, str::FromStr, sync::Arc};

use uuid::Uuid;

use crate::Timestamp;

/// A message's id, ordered by the time of acceptance (UUID version 7, RFC 9562).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct MessageId(pub Uuid);

impl MessageId {
    /// A new id. Ids of one process rise, also within a millisecond.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MessageId {
    type Err = uuid::Error;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(s).map(Self)
    }
}

/// One run of one gateway process; claims of a run that ended are the ones to reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct GatewayId(pub Uuid);

impl GatewayId {
    /// For this run.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

/// The SHA-256 of a bundle: mapping, contracts, tables and layouts of a route.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct BundleHash(pub [u8; 32]);

impl fmt::Display for BundleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for BundleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The SHA-256 of a payload, by which a repeated request id is told from a reused one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct PayloadDigest(pub [u8; 32]);

impl PayloadDigest {
    /// Of a payload.
    pub fn of(payload: &[u8]) -> Self {
        use sha2::Digest;
        Self(sha2::Sha256::digest(payload).into())
    }
}

/// How the caller gets the answer. `direct` stores nothing, so no message has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The caller waits.
    RequestReply,
    /// The caller got an operation and asks for it later.
    Operation,
}

/// Whether the system may be asked twice.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Idempotency {
    /// No: an attempt of unknown outcome becomes a dead letter.
    No,
    /// Yes.
    Yes,
    /// Yes, with this key sent along.
    Key(String),
}

impl Idempotency {
    /// Whether an attempt of unknown outcome may be repeated.
    pub fn may_repeat(&self) -> bool {
        !matches!(self, Self::No)
    }

    /// The key to send along.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(key),
            Self::No | Self::Yes => None,
        }
    }
}

/// A caller's own id for a request; the same one gets the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct RequestKey {
    /// Who calls, where that is authenticated; empty otherwise. Ids of different callers never meet.
    pub caller: String,
    /// The `request_id` field (AIP-155) or the `idempotency-key` metadata.
    pub id: String,
}

/// Everything about a message but its payload.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Envelope {
    /// The message.
    pub id: MessageId,
    /// The route's name.
    pub route: Arc<str>,
    /// The version of the route that serves it.
    pub bundle: BundleHash,
    /// How the caller gets the answer; by asking later, once an operator has had the message tried again.
    pub mode: Mode,
    /// When it was accepted; `now()` in its mapping.
    pub received: Timestamp,
    /// No attempt begins after this. An operator's retry takes it away.
    pub deadline: Option<Timestamp>,
    /// Whether the system may be asked twice.
    pub idempotency: Idempotency,
    /// Who calls, where that is authenticated.
    pub caller: Option<Arc<str>>,
    /// The caller's id for it.
    pub request_key: Option<RequestKey>,
    /// The metadata that the mapping reads, and no other.
    pub metadata: Vec<(String, String)>,
    /// W3C trace context of its acceptance; where nobody traces here, of the caller.
    pub traceparent: Option<String>,
}
