//! One attempt: ask the system, judge the answer, and say what that means, also for the system's gate. Settling it is the
//! caller's matter.

use std::time::{Duration, Instant};

use bytes::Bytes;
use portolan_delivery::{
    DeadLetter, Failure, FaultClass, Idempotency, Outcome, Outgoing, Party, SendError, Sent, Status,
    system::Sign,
};

use crate::{
    metrics::End,
    route::{Route, Served},
    systems::Passage,
    trace::Trail,
    translate::{Context, Question, Verdict},
};

/// What an attempt brought.
#[derive(Debug)]
pub(crate) enum Brought {
    /// An outcome: an answer, or the system's no.
    Outcome(Outcome),
    /// The system has taken the request, saying this, and answers it later.
    Taken(Bytes),
    /// It has no answer yet to the request that it has taken.
    NotYet,
    /// A failure that may be tried again, as its class allows; and what it says of the system.
    Failure(Failure, Sign),
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

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// In the system's contract.
    pub(crate) document: Bytes,
    /// Whether the system may be asked twice.
    pub(crate) idempotency: Idempotency,
    /// What for.
    pub(crate) question: Question,
}

/// Asks the system once, and tells those who count and trace.
pub(crate) async fn ask(
    route: &Served,
    context: Context<'_>,
    payload: &[u8],
    request: Request,
    patience: Patience,
    trail: &Trail,
    passage: Passage,
) -> Brought {
    let counted = route.metrics.attempt();
    let step = trail.attempt(route, context);
    let question = request.question;
    let poll = route.poll.as_ref().filter(|_| question == Question::Answer);
    // The key is the request's; the question for its answer may be repeated without.
    let key = request.idempotency.key().filter(|_| question == Question::Request);
    let outgoing = Outgoing {
        message: context.message,
        payload: request.document,
        protocol: poll.map_or(&route.protocol, |poll| &poll.protocol).clone(),
        timeout: patience.timeout,
        idempotency_key: key.map(str::to_owned),
        traceparent: step.trail().traceparent(),
    };
    let asked = Asked { payload, question, may_repeat: request.idempotency.may_repeat() };
    let brought = exchange(route, context, asked, outgoing, patience.limit, passage).await;
    counted.ended(End::of(&brought));
    step.brought(&brought);
    brought
}

/// What a reply is about.
#[derive(Clone, Copy)]
struct Asked<'a> {
    payload: &'a [u8],
    question: Question,
    may_repeat: bool,
}

impl Asked<'_> {
    /// Whether the system's no only says that it has done this before: an attempt may have been repeated.
    fn was_done_before(self, error: &SendError) -> bool {
        let repeated = self.may_repeat && self.question == Question::Request;
        repeated && error.sent == Sent::Refused(Status::AlreadyExists)
    }
}

async fn exchange(
    route: &Route,
    context: Context<'_>,
    asked: Asked<'_>,
    outgoing: Outgoing,
    limit: Option<Duration>,
    passage: Passage,
) -> Brought {
    let (begun, timeout) = (Instant::now(), outgoing.timeout);
    let sending = route.target.send(outgoing);
    let sent = match limit {
        None => sending.await,
        Some(limit) => tokio::time::timeout(limit, sending).await.unwrap_or_else(|_| Err(cancelled())),
    };
    let reply = match sent {
        Ok(reply) => reply,
        // It has nothing more to say: a message with nothing set, which for gRPC has no bytes.
        Err(error) if asked.was_done_before(&error) => Bytes::new(),
        Err(error) => {
            let hurried = timeout < route.timeout && begun.elapsed() < SILENCE;
            let sign = sign(&error, hurried);
            passage.tell(sign);
            return unanswered(route, context, error, sign);
        }
    };
    let verdict = route.translate.reply(&reply, asked.payload, asked.question, context);
    passage.tell(match verdict {
        // It says itself that it did nothing, and that others may fare no better.
        Verdict::NotDone(_) => Sign::Away,
        _ => Sign::Alive,
    });
    match verdict {
        Verdict::Reply(bytes) => Brought::Outcome(Outcome::Reply(bytes)),
        Verdict::Refused(failure) => Brought::Outcome(Outcome::Failed(signed(failure, route, context))),
        Verdict::Pending if asked.question == Question::Request => Brought::Taken(reply),
        Verdict::Pending => Brought::NotYet,
        Verdict::NotDone(failure) => Brought::Failure(signed(failure, route, context), Sign::Away),
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
    SendError::new(Sent::Maybe, TIMEOUT, "the system did not answer before the deadline")
}

/// The reason of an attempt that took too long.
const TIMEOUT: &str = "TIMEOUT";
/// A system that is silent for so long says something by it, also where its caller would not wait as long as it may take.
const SILENCE: Duration = Duration::from_secs(1);

/// What an attempt without an answer says of the system.
fn sign(error: &SendError, hurried: bool) -> Sign {
    match error.sent {
        Sent::Answered | Sent::Refused(_) => Sign::Alive,
        // The work of others was in the way of this message, not of all.
        Sent::NotDone(Status::Aborted) => Sign::Alive,
        // It says itself that others may fare no better.
        Sent::NotDone(_) => Sign::Away,
        Sent::Busy | Sent::Never => Sign::Nothing,
        Sent::No | Sent::Maybe if hurried && error.reason == TIMEOUT => Sign::Nothing,
        Sent::No | Sent::Maybe => Sign::Away,
    }
}

/// No readable answer: what is known decides the class.
fn unanswered(route: &Route, context: Context<'_>, error: SendError, sign: Sign) -> Brought {
    let (status, class) = match error.sent {
        Sent::No | Sent::Busy => (Status::Unavailable, FaultClass::Unsent),
        Sent::Never => (Status::Internal, FaultClass::Internal),
        Sent::Maybe => (Status::Unavailable, FaultClass::Unknown),
        Sent::Answered => (Status::Internal, FaultClass::Reply),
        Sent::NotDone(status) => (status, FaultClass::NotDone),
        Sent::Refused(status) => (status, FaultClass::Refused),
    };
    let mut failure = signed(Failure::new(status, class, error.reason, error.message), route, context);
    failure.retry_after = error.retry_after;
    failure.advice = error.advice.map(str::to_owned);
    failure.personal = error.personal;
    match error.sent {
        Sent::Answered => {
            Brought::Unreadable(DeadLetter { failure, at_fault: Party::System, reply: error.reply })
        }
        Sent::Refused(_) => Brought::Outcome(Outcome::Failed(failure)),
        _ => Brought::Failure(failure, sign),
    }
}
