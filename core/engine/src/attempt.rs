//! One attempt: ask the system, judge the answer, and say what that means. Settling it is the caller's matter.

use std::time::Duration;

use bytes::Bytes;
use portolan_delivery::{DeadLetter, Failure, FaultClass, Outcome, Outgoing, Party, SendError, Sent, Status};

use crate::{
    route::Route,
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

/// Asks the system once.
pub(crate) async fn ask(
    route: &Route,
    context: Context<'_>,
    payload: &[u8],
    request: Bytes,
    key: Option<String>,
    timeout: Duration,
) -> Brought {
    let outgoing = Outgoing {
        message: context.message,
        payload: request,
        protocol: route.protocol.clone(),
        timeout,
        idempotency_key: key,
    };
    let reply = match route.target.send(outgoing).await {
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
    if error.sent == Sent::Answered {
        return Brought::Unreadable(DeadLetter { failure, at_fault: Party::System, reply: error.reply });
    }
    Brought::Failure(failure)
}
