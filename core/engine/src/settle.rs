//! What an attempt brought becomes an intent: finished, due again, or a dead letter.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use portolan_delivery::{
    Claim, DeadLetter, Decision, DeliveryError, Envelope, Failure, FaultClass, Mode, Orphan, Party,
    Reconciled, RetryPolicy, Status, Timestamp, ask_again, decide, decide_poll, overdue,
    system::{Gate, Sign},
};

use crate::{
    attempt::{Brought, Patience, signed},
    engine::Engine,
    metrics::{MessageMetrics, Metrics},
    route::{Route, Served},
    translate::{Context, Question},
    waiters::Settled,
};

/// How long the system has for an attempt that begins now. A message that may be repeated is not waited for beyond its
/// deadline; another runs on to the system's own timeout, so that its outcome is recorded.
pub(crate) fn patience(route: &Route, envelope: &Envelope, question: Question, now: Timestamp) -> Patience {
    // Once the system has the request, the last question for its answer may come at the deadline.
    let waits = question == Question::Request && envelope.idempotency.may_repeat();
    let cancels = envelope.deadline.filter(|_| waits);
    let limit = cancels.map(|deadline| deadline.since(now));
    Patience { timeout: limit.map_or(route.timeout, |left| route.timeout.min(left)), limit }
}

/// Records what an attempt brought, counts it, and tells whoever waits or listens. `None`: the message is due again later.
pub(crate) async fn attempt(
    engine: &Arc<Engine>,
    route: &Served,
    envelope: &Envelope,
    claim: Claim,
    question: Question,
    brought: Brought,
) -> Result<Option<Settled>, DeliveryError> {
    let settled = record(engine, route, envelope, claim, question, brought).await;
    if envelope.announced && matches!(settled, Ok(Some(_))) {
        engine.happened.notify_one();
    }
    settled
}

async fn record(
    engine: &Arc<Engine>,
    route: &Served,
    envelope: &Envelope,
    claim: Claim,
    question: Question,
    brought: Brought,
) -> Result<Option<Settled>, DeliveryError> {
    let now = Timestamp::now();
    let messages = &*route.metrics.messages;
    let decision = match brought {
        Brought::Outcome(outcome) => {
            return finish(engine, messages, envelope.received, claim, outcome, now).await.map(Some);
        }
        Brought::Unreadable(letter) => Decision::Bury(letter),
        // The ticket is kept whatever the time, so that the request is never made again: the answer is asked for once at least.
        Brought::Taken(ticket) => {
            let due = ask_again(every(route), envelope.deadline, now).unwrap_or(now);
            return poll_at(engine, claim, due, Some(ticket), now).await;
        }
        Brought::NotYet => match ask_again(every(route), envelope.deadline, now) {
            Some(due) => return poll_at(engine, claim, due, None, now).await,
            None => {
                let failure = signed(overdue(None), route, Context::of(envelope, claim.attempt));
                Decision::Bury(DeadLetter { failure, at_fault: Party::System, reply: None })
            }
        },
        Brought::Failure(failure, _) if question == Question::Answer => {
            decide_poll(every(route), envelope.deadline, failure, now)
        }
        Brought::Failure(failure, sign) => decide(
            &policy(route, envelope, &failure, sign),
            &envelope.idempotency,
            envelope.mode,
            claim.attempt,
            envelope.deadline,
            failure,
            now,
        ),
    };
    match decision {
        Decision::RetryAt { due, failure } => {
            tracing::info!(id = %claim.id, route = %envelope.route, attempt = claim.attempt, reason = %failure.reason,
                in_ms = due.since(now).as_millis() as u64, "the attempt failed and is tried again");
            engine.delivery.retry_at(claim, due, failure, now).await.map_err(|e| engine.failed(e))?;
            messages.retried();
            // Whoever waits sees for himself whether another attempt is to be expected from this run.
            if envelope.mode == Mode::RequestReply || *engine.stop.borrow() {
                engine.waiters.dismiss(claim.id);
            }
            Ok(None)
        }
        Decision::Finish(failure) => {
            let outcome = portolan_delivery::Outcome::Failed(failure);
            finish(engine, messages, envelope.received, claim, outcome, now).await.map(Some)
        }
        Decision::Bury(letter) => {
            tracing::warn!(id = %claim.id, route = %envelope.route, attempt = claim.attempt, class = ?letter.failure.class,
                reason = %letter.failure.reason, advice = letter.failure.advice.as_deref(), "the message is a dead letter; see `portolan queue show`");
            engine.delivery.bury(claim, letter.clone(), now).await.map_err(|e| engine.failed(e))?;
            Ok(Some(told(engine, messages, envelope.received, claim, Settled::Dead(letter), now)))
        }
    }
}

/// The system is asked for the answer then.
async fn poll_at(
    engine: &Arc<Engine>,
    claim: Claim,
    due: Timestamp,
    ticket: Option<Bytes>,
    now: Timestamp,
) -> Result<Option<Settled>, DeliveryError> {
    engine.delivery.poll_at(claim, due, ticket, now).await.map_err(|e| engine.failed(e))?;
    Ok(None)
}

/// The pause before each question for the answer. A version of the route that does not ask for answers (an operator has
/// it tried with another) makes of each reply what it is.
fn every(route: &Route) -> Duration {
    route.poll.as_ref().map_or(Duration::ZERO, |poll| poll.every)
}

/// An attempt that could not reach the system, or that failed while it is away, is none too many: the operation waits.
fn policy(route: &Served, envelope: &Envelope, failure: &Failure, sign: Sign) -> RetryPolicy {
    let outage = |gate: &Gate| {
        let unreached = failure.class == FaultClass::Unsent && gate.policy().breaker.is_some();
        unreached || gate.is_away()
    };
    let spared = envelope.mode == Mode::Operation && sign == Sign::Away && route.gate.gate(outage);
    if spared { route.retry.without_end() } else { route.retry }
}

/// The work on a message panicked: a dead letter, since nobody knows how far it came.
pub(crate) async fn panicked(
    engine: &Arc<Engine>,
    route: &Arc<str>,
    received: Timestamp,
    claim: Claim,
) -> Result<Settled, DeliveryError> {
    tracing::error!(id = %claim.id, %route, attempt = claim.attempt,
        "the gateway panicked over a message, which is a dead letter now; please report the panic");
    let letter = DeadLetter {
        failure: panic_failure().with("route", route).with("message", claim.id),
        at_fault: Party::Gateway,
        reply: None,
    };
    let now = Timestamp::now();
    engine.delivery.bury(claim, letter.clone(), now).await.map_err(|e| engine.failed(e))?;
    let messages = engine.metrics.messages(route);
    Ok(told(engine, &messages, received, claim, Settled::Dead(letter), now))
}

/// What a caller is told of a panic.
pub(crate) fn panic_failure() -> Failure {
    let why = "the gateway failed while it worked on the request; the request may have been carried out, so it must \
               not simply be sent again";
    Failure::new(Status::Internal, FaultClass::Internal, "GATEWAY_PANIC", why)
}

/// Records an outcome, and tells whoever waits.
pub(crate) async fn finish(
    engine: &Arc<Engine>,
    messages: &MessageMetrics,
    received: Timestamp,
    claim: Claim,
    outcome: portolan_delivery::Outcome,
    now: Timestamp,
) -> Result<Settled, DeliveryError> {
    engine.delivery.finish(claim, outcome.clone(), now).await.map_err(|e| engine.failed(e))?;
    Ok(told(engine, messages, received, claim, Settled::Finished(outcome), now))
}

/// Counts what was settled of gateways that are no more, and tells of it. Whoever waits for one sees so by himself.
pub(crate) fn reconciled(metrics: &Metrics, settled: &Reconciled) {
    let Reconciled { requeued, buried } = settled;
    let now = Timestamp::now();
    for orphan in requeued {
        metrics.messages(&orphan.route).retried();
    }
    for orphan in buried {
        metrics.messages(&orphan.route).dead(now.since(orphan.received));
    }
    if requeued.is_empty() && buried.is_empty() {
        return;
    }
    let mut gateways: Vec<_> = requeued.iter().chain(buried).map(|orphan| orphan.gateway.0).collect();
    gateways.sort_unstable();
    gateways.dedup();
    let ids = |orphans: &[Orphan]| some(orphans.iter().map(|orphan| orphan.id));
    tracing::warn!(
        gateways = some(gateways),
        dead_letters = buried.len(),
        dead = ids(buried),
        due_again = requeued.len(),
        again = ids(requeued),
        "a gateway ended in the middle of attempts; those of unknown outcome, and those over which gateways keep ending, are dead letters now: ask the system about each, then `portolan queue resolve` or `queue retry`"
    );
}

/// The first of them, for a line of the log, and how many more there are.
fn some(all: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    const TOLD: usize = 10;
    let mut all = all.into_iter();
    let told: Vec<_> = all.by_ref().take(TOLD).map(|one| one.to_string()).collect();
    match all.count() {
        0 => told.join(" "),
        more => format!("{} and {more} more", told.join(" ")),
    }
}

/// Counts the end of a message, and tells whoever waits.
pub(crate) fn told(
    engine: &Engine,
    messages: &MessageMetrics,
    received: Timestamp,
    claim: Claim,
    settled: Settled,
    now: Timestamp,
) -> Settled {
    messages.settled(&settled, now.since(received));
    engine.waiters.settle(claim.id, || settled.clone());
    settled
}

#[cfg(test)]
mod tests {
    use super::some;

    #[test]
    fn a_line_names_ten_and_counts_the_rest() {
        assert_eq!(some(1..3), "1 2");
        assert_eq!(some(1..=10), "1 2 3 4 5 6 7 8 9 10");
        assert_eq!(some(1..=1200), "1 2 3 4 5 6 7 8 9 10 and 1190 more");
    }
}
