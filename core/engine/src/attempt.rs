//! One attempt: ask the system, judge the answer, and say what that means. Settling it is the caller's matter.

use std::time::Duration;

use bytes::Bytes;
use portolan_delivery::{DeadLetter, Failure, FaultClass, Outcome, Outgoing, Party, SendError, Sent, Status};

use crate::{
    metrics::End,
    route::Route,
    trace::Trail,
    translate::{Context, Verdict},
};

/// What an attempt brought.
#[derive(Debug)]
pub(crate) enum Brought {
    /// An outcome: an answer, or the system's no.
    Outcome(Outcome),
    /// A failure that may be tried again, as its class allows.
    Failure(Failure),
    /// An answer that a person must look at.
    Unreadable(DeadLetter),
}

/// How long an attempt may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// The system, for its answer.
    pub(crate) timeout: Duration,
    /// The whole attempt, waiting for a free connection included: what is left of a deadline that cancels.
    pub(crate) limit: Option<Duration>,
}

/// Asks the system once, and tells those who count and trace.
pub(crate) async fn ask(
    route: &Route,
    context: Context<'_>,
    payload: &[u8],
    request: Bytes,
    key: Option<String>,
    patience: Patience,
    trail: &Trail,
) -> Brought {
    let counted = route.metrics.attempt();
    let step = trail.attempt(route, context);
    let outgoing = Outgoing {
        message: context.message,
        payload: request,
        protocol: route.protocol.clone(),
        timeout: patience.timeout,
        idempotency_key: key,
        traceparent: step.trail().traceparent(),
    };
    let brought = exchange(route, context, payload, outgoing, patience.limit).await;
    counted.ended(End::of(&brought));
    step.brought(&brought);
    brought
}

async fn exchange(
    route: &Route,
    context: Context<'_>,
    payload: &[u8],
    outgoing: Outgoing,
    limit: Option<Duration>,
) -> Brought {
    let sending = route.target.send(outgoing);
    let sent = match limit {
        None => sending.await,
        Some(limit) => tokio::time::timeout(limit, sending).await.unwrap_or_else(|_| Err(cancelled())),
    };
    let reply = match sent {
        Ok(reply) => reply,
        Err(error) => return unanswered(route, context, error),
    };
    match route.translate.reply(&reply, payload, context) {
        Verdict::Reply(bytes) => Brought::Outcome(Outcome::Reply(bytes)),
        Verdict::Refused(failure) => Brought::Outcome(Outcome::Failed(signed(failure, route, context))),
        Verdict::NotDone(failure) => Brought::Failure(signed(failure, route, context)),
        Verdict::Unreadable(failure) => Brought::Unreadable(DeadLetter {
            failure: signed(failure, route, context),
            at_fault: Party::System,
            reply: Some(reply),
        }),
    }
}

/// Every failure says which route and message it belongs to.
pub(crate) fn signed(failure: Failure, route: &Route, context: Context<'_>) -> Failure {
    failure.with("route", &route.name).with("message", context.message)
}

/// The deadline passed first. The attempt may have been sent, or have waited for a connection until then.
fn cancelled() -> SendError {
    SendError {
        sent: Sent::Maybe,
        reason: "TIMEOUT",
        message: "the system did not answer before the deadline".to_owned(),
        advice: None,
        reply: None,
        retry_after: None,
    }
}

/// No readable answer: what is known decides the class.
fn unanswered(route: &Route, context: Context<'_>, error: SendError) -> Brought {
    let (status, class) = match error.sent {
        Sent::No => (Status::Unavailable, FaultClass::Unsent),
        Sent::Never => (Status::Internal, FaultClass::Internal),
        Sent::Maybe => (Status::Unavailable, FaultClass::Unknown),
        Sent::Answered => (Status::Internal, FaultClass::Reply),
    };
    let mut failure = signed(Failure::new(status, class, error.reason, error.message), route, context);
    failure.retry_after = error.retry_after;
    failure.advice = error.advice.map(str::to_owned);
    if error.sent == Sent::Answered {
        return Brought::Unreadable(DeadLetter { failure, at_fault: Party::System, reply: error.reply });
    }
    Brought::Failure(failure)
}
