//! `DeleteOperation`: its caller needs the answer no longer, and what was asked and answered is taken away for good. That there
//! was a message, and how it fared, stays for as long as it would have.

use std::sync::Arc;

use portolan_delivery::{Failure, FaultClass, MessageId, Outcome, State, Status};

use crate::engine::Engine;

/// The reason in the place of the answer.
const DELETED: &str = "OPERATION_DELETED";

pub(crate) async fn delete(engine: &Arc<Engine>, id: MessageId, caller: Option<&str>) -> Result<(), Failure> {
    let record = engine.own(id, caller).await?;
    let State::Finished { outcome, .. } = &record.state else { return Err(not_done(id)) };
    let erased = engine.delivery.erase(id, deleted(outcome, &record.envelope.route, id)).await;
    if !erased.map_err(|error| engine.unreadable(error))? {
        // It was forgotten in between.
        return Ok(());
    }
    tracing::info!(%id, route = %record.envelope.route, "the operation is deleted by its caller");
    Ok(())
}

/// Whether a message was an operation that its caller has deleted.
pub(crate) fn is_deleted(state: &State) -> bool {
    // A rule of a mapping may give the reason, and never the class.
    let ours = |failure: &Failure| failure.class == FaultClass::Request && failure.reason == DELETED;
    matches!(state, State::Finished { outcome: Outcome::Failed(failure), .. } if ours(failure))
}

/// What a request is told that has the request id of one that was deleted: it is not carried out a second time.
pub(crate) fn repeated(id: MessageId) -> Failure {
    let why = "this request id is that of an operation that was carried out and deleted since; a new request has a new id";
    Failure::new(Status::FailedPrecondition, FaultClass::Request, DELETED, why)
        .with("operation", format!("operations/{id}"))
        .at_field("request_id", why)
}

/// What the ledger keeps in the place of the answer.
fn deleted(outcome: &Outcome, route: &str, id: MessageId) -> Failure {
    let ended = match outcome {
        Outcome::Reply(_) => "it had succeeded".to_owned(),
        Outcome::Failed(failure) => {
            format!("it had failed with {} {}", failure.status.name(), failure.reason)
        }
    };
    let message = format!("deleted by its caller, with all that was asked and answered; {ended}");
    Failure::new(Status::NotFound, FaultClass::Request, DELETED, message)
        .with("route", route)
        .with("message", id)
}

fn not_done(id: MessageId) -> Failure {
    let why = "the operation is not done; CancelOperation ends one that waits";
    Failure::new(Status::FailedPrecondition, FaultClass::Request, "OPERATION_NOT_DONE", why)
        .with("operation", format!("operations/{id}"))
        .at_field("name", why)
}
