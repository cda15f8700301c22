//! `CancelOperation`: an operation that waits ends at once, and is not sent any more; one that gathers is in no file. What is at work cannot be
//! called back, and over a dead letter a person decides: both stay as they are. Of one in a file, which stays so for days, the caller is told.

use std::sync::Arc;

use portolan_delivery::{
    Failure, FaultClass, GatewayId, MessageId, Outcome, Record, State, StateKind, Status, Timestamp,
};

use crate::{engine::Engine, waiters::Settled};

pub(crate) async fn cancel(engine: &Arc<Engine>, id: MessageId, caller: Option<&str>) -> Result<(), Failure> {
    let record = engine.own(id, caller).await?;
    if matches!(record.state, State::Claimed { gateway: GatewayId::FILE, .. }) {
        return Err(in_file(&record));
    }
    if record.state.kind() != StateKind::Waiting {
        return Ok(());
    }
    let (outcome, now) = (Outcome::Failed(cancelled(&record)), Timestamp::now());
    let withdrawn = engine.delivery.withdraw(id, outcome.clone(), now).await;
    if !withdrawn.map_err(|error| engine.unreadable(error))? {
        // An attempt has begun since.
        return Ok(());
    }
    let envelope = record.envelope;
    tracing::info!(%id, route = %envelope.route, "the operation is cancelled by its caller");
    let settled = Settled::Finished(outcome);
    engine.metrics.messages(&envelope.route).settled(&settled, now.since(envelope.received));
    engine.waiters.settle(id, || settled);
    if envelope.announced {
        engine.happened.notify_one();
    }
    Ok(())
}

/// A file is a list of messages, and nobody takes one out of it.
fn in_file(record: &Record) -> Failure {
    let why = "the request is in a file that was made of it and others, and cannot be called back; the answer to that file completes the operation";
    Failure::new(Status::FailedPrecondition, FaultClass::Request, "IN_FILE", why)
        .with("route", &record.envelope.route)
        .with("message", record.envelope.id)
}

/// What the operation ends with.
fn cancelled(record: &Record) -> Failure {
    let last = record.attempts.last().and_then(|attempt| attempt.failure.as_ref());
    let why = match record.ticket {
        None => why(last.map(|failure| failure.class)),
        Some(_) => {
            "cancelled by its caller; the system has taken the request, and may carry it out all the same"
        }
    };
    Failure::new(Status::Cancelled, FaultClass::Request, "CANCELLED", why)
        .with("route", &record.envelope.route)
        .with("message", record.envelope.id)
}

/// The caller is told where something may have been done before: by how the last attempt failed.
fn why(last: Option<FaultClass>) -> &'static str {
    match last {
        None => "cancelled by its caller before the system was asked",
        Some(FaultClass::Unsent | FaultClass::NotDone) => {
            "cancelled by its caller; when it was last tried, the system had done nothing"
        }
        Some(_) => {
            "cancelled by its caller; the system was asked before, and whether it has done its work is not known"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cancels_is_told_what_may_have_been_done() {
        for (last, expected) in [
            (None, "before the system was asked"),
            (Some(FaultClass::Unsent), "had done nothing"),
            (Some(FaultClass::NotDone), "had done nothing"),
            (Some(FaultClass::Unknown), "is not known"),
            (Some(FaultClass::Internal), "is not known"),
        ] {
            assert!(why(last).ends_with(expected), "{last:?}: {}", why(last));
        }
    }
}
