//! Whether a call goes on to its system: at once, when it is its turn, or not at all. Who is not let through is told so at
//! once, and when to come again.

use std::sync::Arc;

use portolan_delivery::{DeliveryError, Failure, Mode, Outcome, Record, Timestamp, exhausted};

use crate::{engine::Engine, route::Served, systems::Passage, waiters::Settled};

/// Lets an attempt through whose caller waits for it.
pub(crate) async fn admit(
    engine: &Engine,
    route: &Served,
    deadline: Option<Timestamp>,
) -> Result<Passage, Failure> {
    let admitted = match engine.held.refusal(route) {
        Some(refusal) => Err(refusal),
        None => route.gate.admit(deadline).await,
    };
    admitted.map_err(|failure| failure.with("route", &route.name))
}

/// Why an operation is not accepted.
pub(crate) fn refused(engine: &Engine, route: &Served) -> Option<Failure> {
    Some(engine.held.refusal(route)?.with("route", &route.name))
}

/// Why no attempt of the route begins now.
fn refusal(engine: &Engine, route: &Served) -> Option<Failure> {
    let paused = engine.held.pause(&route.name);
    let failure = paused.or_else(|| route.gate.refusal(Timestamp::now()))?;
    Some(failure.with("route", &route.name))
}

/// Resolves when no attempt of the route begins any more.
pub(crate) async fn ceases(engine: &Engine, route: &Served) {
    tokio::select! {
        () = route.gate.is_shut() => {}
        () = engine.held.is_paused(&route.name) => {}
    }
}

/// Ends a message that waits for an attempt which does not begin now: nobody is to wait for it. An operation goes on, also
/// where an operator made one of it. `None` where nothing stands in the way, or the message waits no longer.
pub(crate) async fn give_up(
    engine: &Arc<Engine>,
    route: &Served,
    record: &Record,
) -> Result<Option<Failure>, DeliveryError> {
    let Some(refusal) = refusal(engine, route) else { return Ok(None) };
    let id = record.envelope.id;
    let failed = record.attempts.last().and_then(|attempt| attempt.failure.clone());
    let failure = given_up(failed, refusal).with("message", id);
    if record.envelope.mode == Mode::Operation {
        return Ok(Some(failure));
    }
    let (outcome, now) = (Outcome::Failed(failure.clone()), Timestamp::now());
    if !engine.delivery.withdraw(id, outcome.clone(), now).await? {
        return Ok(None);
    }
    tracing::info!(%id, route = %record.envelope.route, reason = %failure.reason, "the message is given up: its caller is told to come again");
    let settled = Settled::Finished(outcome);
    route.metrics.messages.settled(&settled, now.since(record.envelope.received));
    engine.waiters.settle(id, || settled);
    Ok(Some(failure))
}

/// What a caller is told whose request is not tried now: why, by its last attempt where there was one, and when to come
/// again.
pub(crate) fn given_up(failed: Option<Failure>, refusal: Failure) -> Failure {
    let Some(failed) = failed else { return refusal };
    let mut failure = exhausted(failed);
    failure.retry_after = failure.retry_after.max(refusal.retry_after);
    failure
}
