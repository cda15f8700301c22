//! What became of a message, for those who listen: not its caller alone, who may ask.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Failure, MessageId, RequestKey, Timestamp, unreadable_row};

/// An outcome of a message, or that a person must look at it. A message may have several: a dead letter that an operator
/// settles is finished then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The message.
    pub message: MessageId,
    /// Its route.
    pub route: Arc<str>,
    /// The attempt that was its last by then; 0 before the first.
    pub attempt: u32,
    /// When it happened.
    pub at: Timestamp,
    /// What did.
    pub happened: Happened,
    /// The caller's id for the message.
    pub request_id: Option<String>,
    /// The W3C trace context of its acceptance.
    pub traceparent: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// It has an answer, in its caller's contract.
    Finished(Bytes),
    /// It ended with a failure.
    Failed(Failure),
    /// It is a dead letter, for this reason; it may yet end either way.
    NeedsAttention(Failure),
}

impl Happened {
    /// `finished`, `failed` or `needs-attention`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Finished(_) => "finished",
            Self::Failed(_) => "failed",
            Self::NeedsAttention(_) => "needs-attention",
        }
    }
}

impl Event {
    /// Its own id, the same each time that it is told.
    pub fn id(&self) -> String {
        format!("{}.{}.{}", self.message, self.attempt, self.happened.name())
    }
}

/// An event as a ledger's row has it. Texts that cannot be read are told as such: whoever listens learns at least that
/// something happened.
#[derive(Debug, Clone)]
pub struct KeptEvent<'a> {
    /// The message.
    pub message: MessageId,
    /// Its route.
    pub route: Arc<str>,
    /// The last attempt.
    pub attempt: u32,
    /// When it happened.
    pub at: Timestamp,
    /// Whether it is a dead letter.
    pub dead: bool,
    /// The message's envelope, as JSON.
    pub envelope: &'a str,
    /// Why it failed, as JSON.
    pub failure: Option<&'a str>,
    /// The answer.
    pub reply: Option<Bytes>,
}

impl From<KeptEvent<'_>> for Event {
    fn from(kept: KeptEvent<'_>) -> Self {
        /// What of the envelope is told.
        #[derive(Default, serde::Deserialize)]
        struct About {
            #[serde(default)]
            request_key: Option<RequestKey>,
            #[serde(default)]
            traceparent: Option<String>,
        }
        let KeptEvent { message, route, attempt, at, dead, envelope, failure, reply } = kept;
        let About { request_key, traceparent } = serde_json::from_str(envelope).unwrap_or_default();
        let read = |text| serde_json::from_str(text).unwrap_or_else(|_| unreadable_row().failure);
        let happened = match (failure.map(read), dead) {
            (None, false) => Happened::Finished(reply.unwrap_or_default()),
            (Some(failure), false) => Happened::Failed(failure),
            (failure, true) => Happened::NeedsAttention(failure.unwrap_or_else(|| unreadable_row().failure)),
        };
        let request_id = request_key.map(|key| key.id);
        Self { message, route, attempt, at, happened, request_id, traceparent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_row_is_told_as_such() {
        let kept = KeptEvent {
            message: MessageId::generate(),
            route: "r".into(),
            attempt: 2,
            at: Timestamp(7),
            dead: false,
            envelope: r#"{"request_key":{"caller":"amqp:a","id":"k"},"traceparent":"00-1-2-01"}"#,
            failure: None,
            reply: Some(Bytes::from_static(b"reply")),
        };
        let event = Event::from(kept.clone());
        assert_eq!(
            (event.request_id.as_deref(), event.traceparent.as_deref()),
            (Some("k"), Some("00-1-2-01"))
        );
        assert_eq!(event.id(), format!("{}.2.finished", kept.message));
        assert_eq!(event.happened, Happened::Finished("reply".into()));
        let damaged = Event::from(KeptEvent { envelope: "{", failure: Some("{"), ..kept.clone() });
        assert_eq!(damaged.request_id, None);
        assert_eq!(damaged.happened, Happened::Failed(unreadable_row().failure));
        let dead = Event::from(KeptEvent { dead: true, ..kept });
        assert_eq!(dead.happened, Happened::NeedsAttention(unreadable_row().failure));
    }
}
