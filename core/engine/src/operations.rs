//! Messages as operations: what a caller who got a `google.longrunning.Operation` sees of its message.

use std::sync::Arc;

use portolan_delivery::{Envelope, Mode, OperationState, OperationView, Outcome, Record, State, Timestamp};

/// The reason of who asks for an operation that is not there, or is not his.
pub(crate) const NOT_FOUND: &str = "OPERATION_NOT_FOUND";

/// Whether a message is an operation of this caller.
pub(crate) fn is_of(envelope: &Envelope, caller: Option<&str>) -> bool {
    envelope.mode == Mode::Operation && envelope.caller.as_deref() == caller
}

/// An operation that was accepted just now.
pub(crate) fn fresh(envelope: &Envelope, response_type: &Arc<str>) -> OperationView {
    OperationView {
        id: envelope.id,
        route: envelope.route.clone(),
        created: envelope.received,
        updated: envelope.received,
        state: OperationState::Waiting,
        attempts: 0,
        next_attempt: Some(envelope.received),
        response_type: response_type.clone(),
    }
}

/// One that waits behind another, or gathers for a file: nobody knows until when.
pub(crate) fn parked(envelope: &Envelope, response_type: &Arc<str>) -> OperationView {
    OperationView { next_attempt: None, ..fresh(envelope, response_type) }
}

/// A message as an operation. A dead letter is not done: an operator may still settle it either way, and done is final.
pub(crate) fn view(record: Record, response_type: &Arc<str>) -> OperationView {
    let Record { envelope, state, behind, attempts, .. } = record;
    let mut view = parked(&envelope, response_type);
    view.attempts = attempts.last().map_or(0, |a| a.number);
    view.updated = attempts.iter().filter_map(|a| a.ended).fold(envelope.received, Ord::max);
    match state {
        State::Waiting { due } => {
            view.next_attempt = Some(due).filter(|due| behind.is_none() && *due != Timestamp::NEVER)
        }
        State::Claimed { since, .. } => (view.state, view.updated) = (OperationState::Running, since),
        State::Dead { at, .. } => (view.state, view.updated) = (OperationState::NeedsAttention, at),
        State::Finished { outcome, at } => {
            view.updated = at;
            view.state = match outcome {
                Outcome::Reply(bytes) => OperationState::Succeeded(bytes),
                Outcome::Failed(failure) => OperationState::Failed(failure),
            };
        }
    }
    view
}

/// Whether nothing more will change.
pub(crate) fn done(view: &OperationView) -> bool {
    matches!(view.state, OperationState::Succeeded(_) | OperationState::Failed(_))
}
