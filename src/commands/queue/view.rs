//! Messages as an operator sees them. Payloads are masked: their size and digest stand for them, and of metadata only the
//! names are shown.

use portolan_delivery::{
    Attempt, BrokerState, Count, DeadLetters, Failure, FaultClass, FieldViolation, GatewayId, Idempotency,
    MessageId, Mode, Order, Outcome, Party, PayloadDigest, Record, StateKind, Timestamp,
};
use serde_json::{Value, json};

use super::waits;

/// A state, on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub(crate) enum State {
    Waiting,
    Claimed,
    Finished,
    Dead,
}

impl State {
    pub(super) fn kind(self) -> StateKind {
        match self {
            Self::Waiting => StateKind::Waiting,
            Self::Claimed => StateKind::Claimed,
            Self::Finished => StateKind::Finished,
            Self::Dead => StateKind::Dead,
        }
    }
}

/// A fault class, on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub(crate) enum Class {
    Request,
    Unsent,
    NotDone,
    Unknown,
    Refused,
    Reply,
    Expired,
    Poison,
    Internal,
}

impl Class {
    pub(super) fn class(self) -> FaultClass {
        match self {
            Self::Request => FaultClass::Request,
            Self::Unsent => FaultClass::Unsent,
            Self::NotDone => FaultClass::NotDone,
            Self::Unknown => FaultClass::Unknown,
            Self::Refused => FaultClass::Refused,
            Self::Reply => FaultClass::Reply,
            Self::Expired => FaultClass::Expired,
            Self::Poison => FaultClass::Poison,
            Self::Internal => FaultClass::Internal,
        }
    }
}

pub(super) fn state(kind: StateKind) -> &'static str {
    match kind {
        StateKind::Waiting => "waiting",
        StateKind::Claimed => "claimed",
        StateKind::Finished => "finished",
        StateKind::Dead => "dead",
    }
}

pub(super) fn class(class: FaultClass) -> &'static str {
    match class {
        FaultClass::Request => "REQUEST",
        FaultClass::Unsent => "UNSENT",
        FaultClass::NotDone => "NOT_DONE",
        FaultClass::Unknown => "UNKNOWN",
        FaultClass::Refused => "REFUSED",
        FaultClass::Reply => "REPLY",
        FaultClass::Expired => "EXPIRED",
        FaultClass::Poison => "POISON",
        FaultClass::Internal => "INTERNAL",
    }
}

pub(super) fn party(party: Party) -> &'static str {
    match party {
        Party::Caller => "caller",
        Party::System => "system",
        Party::Gateway => "gateway",
    }
}

pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::RequestReply => "request-reply",
        Mode::Operation => "operation",
    }
}

/// Why a broker keeps what waits from being worked on.
pub(in crate::commands) fn broker_trouble(broker: BrokerState) -> Option<&'static str> {
    match broker {
        BrokerState { connected: false, .. } => {
            Some("the broker is away, and what waits is not worked on until it is back")
        }
        BrokerState { blocked: true, .. } => Some(
            "the broker takes no messages (its memory or disk is short); only what it already has is worked on",
        ),
        BrokerState { connected: true, blocked: false } => None,
    }
}

/// `2026-11-23T17:02:04.123Z`
pub(in crate::commands) fn time(time: Timestamp) -> String {
    let Ok(instant) = jiff::Timestamp::from_microsecond(time.0) else { return format!("{} us", time.0) };
    format!("{instant:.3}")
}

/// `UNKNOWN OUTCOME_UNKNOWN: the system was silent`
pub(super) fn why(failure: &Failure) -> String {
    format!("{} {}: {}", class(failure.class), failure.reason, said(failure, &failure.message))
}

/// A text of a failure, unless it may be personal.
fn said(failure: &Failure, text: &str) -> String {
    if !failure.personal {
        return text.to_owned();
    }
    format!(
        "({} characters of the system's answer; `queue show ID --reply FILE` writes them)",
        text.chars().count()
    )
}

/// Why a message is where it is: its own failure, or while it waits that of the last attempt.
pub(super) fn failure_of(record: &Record) -> Option<&Failure> {
    match &record.state {
        portolan_delivery::State::Dead { letter, .. } => Some(&letter.failure),
        portolan_delivery::State::Finished { outcome: Outcome::Failed(failure), .. } => Some(failure),
        portolan_delivery::State::Finished { .. } => None,
        _ => record.attempts.last().and_then(|attempt| attempt.failure.as_ref()),
    }
}

/// What to do about a dead letter.
pub(super) fn what_to_do(id: MessageId, failure: &Failure) -> String {
    match failure.class {
        FaultClass::Unknown if failure.reason == "OVERDUE" && failure.metadata.contains_key("file") => {
            format!(
                "ask the partner what became of it: a late answer file still settles it; `portolan queue retry {id}` sends it again with the next \
             file, `portolan queue resolve {id} --succeeded REPLY` or `--failed` settles it by hand"
            )
        }
        FaultClass::Unknown if failure.reason == "OVERDUE" => format!(
            "ask the system what became of it: if it is done, `portolan queue resolve {id} --succeeded REPLY`; if it never will be, \
             `portolan queue resolve {id} --failed`; `portolan queue retry {id}` goes on asking for the answer, and does not make the \
             request again"
        ),
        FaultClass::Unknown => format!(
            "find out whether the system did it: if so, `portolan queue resolve {id} --succeeded REPLY`; if not, \
             `portolan queue retry {id}`"
        ),
        FaultClass::Unsent if failure.reason == "FILE_REFUSED" => format!(
            "mend the mapping, `portolan reload`, and `portolan queue retry --newest {id}` has it in the next file; `portolan queue resolve {id} --failed` \
             gives it up"
        ),
        FaultClass::Unsent | FaultClass::NotDone | FaultClass::Expired => format!(
            "the system did nothing: `portolan queue retry {id}` once it can, or `portolan queue resolve {id} --failed`"
        ),
        FaultClass::Reply => format!(
            "read the answer (--reply FILE.xml): where the mapping is wrong, mend it, `portolan reload`, and `portolan queue \
             resolve {id} --newest --succeeded FILE.xml`; otherwise find out whether the system did it"
        ),
        FaultClass::Refused | FaultClass::Request => format!(
            "the system did nothing: `portolan queue resolve {id} --failed` says so to the caller, and `portolan queue retry {id}` \
             asks again once the reason is mended"
        ),
        FaultClass::Poison => format!(
            "gateways ended over it: read their logs before `portolan queue retry {id}`; `portolan queue discard {id}` gives it up"
        ),
        FaultClass::Internal => format!(
            "look into the log for {id}; then `portolan queue retry {id}`, or `portolan queue resolve {id}` as the system has it"
        ),
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    PayloadDigest::of(bytes).0.iter().map(|b| format!("{b:02x}")).collect()
}

/// `repeats: no`
pub(super) fn idempotency(idempotency: &Idempotency) -> &'static str {
    match idempotency {
        Idempotency::No => "no",
        Idempotency::Yes => "yes",
        Idempotency::Key(_) => "with a key",
    }
}

/// What a dead letter does to its order key: `hold`
pub(super) fn dead_letters(order: &Order) -> &'static str {
    match order.dead_letters {
        DeadLetters::Hold => "hold",
        DeadLetters::Pass => "pass",
    }
}

/// Bytes that are not shown.
pub(super) fn masked(bytes: &[u8]) -> Value {
    json!({ "bytes": bytes.len(), "sha256": digest(bytes) })
}

pub(super) fn count(count: &Count) -> Value {
    json!({
        "route": count.route,
        "state": state(count.state),
        "messages": count.messages,
        "oldest": time(count.oldest),
    })
}

/// A message without what is masked. Lists have no payloads, so they show none.
pub(super) fn record(record: &Record, around: &waits::Around) -> Value {
    let envelope = &record.envelope;
    let mut shown = json!({
        "id": envelope.id.to_string(),
        "route": &*envelope.route,
        "bundle": envelope.bundle.to_string(),
        "mode": mode(envelope.mode),
        "received": time(envelope.received),
        "deadline": envelope.deadline.map(time),
        "idempotent": idempotency(&envelope.idempotency),
        "order": envelope.order.as_ref().map(|order| json!({ "dead_letters": dead_letters(order) })),
        "caller": envelope.caller.as_deref(),
        "request_id": envelope.request_key.as_ref().map(|k| &k.id),
        "metadata": envelope.metadata.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "traceparent": envelope.traceparent,
        "state": state(record.state.kind()),
        "attempts": record.attempts.iter().map(attempt).collect::<Vec<_>>(),
    });
    if let Value::Object(fields) = &mut shown {
        fields.extend(particulars(&record.state));
        if waits::is_in_file(&record.state) {
            let file = around.file_of(record).map(
                |sent| json!({ "number": sent.sequence, "name": sent.name, "state": sent.state.name() }),
            );
            fields.insert("file".to_owned(), json!(file));
        }
        fields.extend(record.behind.map(|id| ("behind".to_owned(), json!(id.to_string()))));
        fields.extend(waits::waits_for(record, around).map(|what| ("waits".to_owned(), json!(what))));
    }
    shown
}

/// What only one state has.
fn particulars(state: &portolan_delivery::State) -> Vec<(String, Value)> {
    let fields = match state {
        portolan_delivery::State::Waiting { due } => {
            vec![("due", json!((*due != Timestamp::NEVER).then(|| time(*due))))]
        }
        portolan_delivery::State::Claimed { gateway, since } => {
            let of = (*gateway != GatewayId::FILE).then(|| gateway.0.to_string());
            vec![("gateway", json!(of)), ("since", json!(time(*since)))]
        }
        portolan_delivery::State::Finished { outcome: Outcome::Reply(_), at } => {
            vec![("at", json!(time(*at)))]
        }
        portolan_delivery::State::Finished { outcome: Outcome::Failed(reason), at } => {
            vec![("at", json!(time(*at))), ("failure", failure(reason))]
        }
        portolan_delivery::State::Dead { letter, at } => vec![
            ("at", json!(time(*at))),
            ("failure", failure(&letter.failure)),
            ("at_fault", json!(party(letter.at_fault))),
        ],
    };
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn attempt(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "started": time(attempt.started),
        "ended": attempt.ended.map(time),
        "failure": attempt.failure.as_ref().map(failure),
    })
}

fn failure(failure: &Failure) -> Value {
    let field =
        |at: &FieldViolation| json!({ "field": at.field, "description": said(failure, &at.description) });
    json!({
        "class": class(failure.class),
        "status": failure.status.name(),
        "reason": failure.reason,
        "message": said(failure, &failure.message),
        "metadata": failure.metadata,
        "advice": failure.advice,
        "fields": failure.fields.iter().map(field).collect::<Vec<_>>(),
        "retry_after_ms": failure.retry_after.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
    })
}

#[cfg(test)]
mod tests {
    use portolan_delivery::Status;

    use super::*;

    #[test]
    fn what_the_system_wrote_is_not_shown() {
        let mut one = Failure::new(Status::NotFound, FaultClass::Refused, "FAULT", "nobody named canary")
            .at_field("name", "nobody named canary");
        assert!(why(&one).contains("canary") && failure(&one).to_string().contains("canary"));
        one.personal = true;
        assert!(!why(&one).contains("canary") && !failure(&one).to_string().contains("canary"));
    }
}
