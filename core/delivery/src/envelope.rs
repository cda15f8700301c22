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
    /// Whoever has the messages that are in a file: no gateway, so that none takes them for those of one that is no more.
    pub const FILE: Self = Self(Uuid::from_u128(0x6669_6c65_0000_8000_8000_0000_0000_0001));

    /// For this run.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for GatewayId {
    type Err = uuid::Error;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(s).map(Self)
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

/// The place of a message among others: those of one key go one after the other, in order of acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Order {
    /// Which messages those are.
    pub key: OrderKey,
    /// What a dead letter means for the messages after it.
    pub dead_letters: DeadLetters,
}

/// The SHA-256 of a route and of a key that its mapping computes. The key itself may be somebody's number, and is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct OrderKey(pub [u8; 32]);

impl OrderKey {
    /// Of a route's key.
    pub fn of(route: &str, key: &str) -> Self {
        use sha2::Digest;
        // A length before the name, or `a` + `bc` would be `ab` + `c`.
        let digest = sha2::Sha256::new().chain_update((route.len() as u64).to_be_bytes());
        Self(digest.chain_update(route).chain_update(key).finalize().into())
    }
}

/// Of a short number, a digest tells as much as the number.
impl fmt::Debug for OrderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderKey(..)")
    }
}

impl From<OrderKey> for String {
    fn from(key: OrderKey) -> Self {
        key.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for OrderKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut key = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 2 * key.len() {
            return Err("an order key has 64 hexadecimal digits");
        }
        for (byte, pair) in key.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
            *byte = pair.ok_or("an order key has hexadecimal digits")?;
        }
        Ok(Self(key))
    }
}

/// What a dead letter means for the messages after it, of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeadLetters {
    /// They wait until a person has decided about it.
    #[default]
    Hold,
    /// They go on without it.
    Pass,
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
    /// Its place among others, where its route has an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Who calls, where that is authenticated.
    pub caller: Option<Arc<str>>,
    /// The caller's id for it.
    pub request_key: Option<RequestKey>,
    /// The metadata that the mapping reads, and no other.
    pub metadata: Vec<(String, String)>,
    /// W3C trace context of its acceptance; where nobody traces here, of the caller.
    pub traceparent: Option<String>,
    /// Whether those who listen are told what becomes of it ([`crate::Event`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub announced: bool,
    /// What it shares with the messages of its groups, where it gathers into a file that has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_keys_are_of_their_route_and_survive_as_text() {
        let key = OrderKey::of("ab", "c");
        assert_eq!(key, OrderKey::of("ab", "c"));
        assert!(key != OrderKey::of("a", "bc") && key != OrderKey::of("ab", "d"));
        let order = Order { key, dead_letters: DeadLetters::Pass };
        let json = serde_json::to_string(&order).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&json).unwrap(), order);
        assert!(serde_json::from_str::<OrderKey>("\"00\"").is_err());
        assert!(serde_json::from_str::<OrderKey>(&format!("\"{}\"", "g0".repeat(32))).is_err());
        assert_eq!(format!("{key:?}"), "OrderKey(..)");
    }
}
