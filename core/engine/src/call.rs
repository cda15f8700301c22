//! A call on its way: refused, answered at once, or made durable and answered when it is settled.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use portolan_delivery::{
    Accept, Accepted, Answer, Call, Decision, DeliveryError, Envelope, Failure, FaultClass, MessageId, Mode,
    Outcome, RequestKey, Start, State, Status, Timestamp, decide,
};

use crate::{
    admission,
    attempt::{self, Brought, Patience, Request},
    delete,
    engine::Engine,
    goes_on::GoesOn,
    guarded::{Panicked, guarded},
    operations,
    route::{RouteMode, Served},
    settle,
    systems::Passage,
    trace::{Step, Trail},
    translate::{Context, Keys, Question},
    waiters::Settled,
};

/// The metadata by which a caller names a request, where its message has no `request_id` field.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Longer request ids are refused: they are kept as long as the message.
const MAX_REQUEST_ID: usize = 256;

/// An attempt that is made elsewhere is looked at again so often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Answers a call of a route that this engine serves.
pub(crate) async fn answer(
    engine: &Arc<Engine>,
    route: Arc<Served>,
    call: Call,
    id: MessageId,
    trail: &Trail,
) -> Answer {
    if call.deadline.is_some_and(|deadline| deadline <= Timestamp::now()) {
        let why = "the deadline passed before the request was looked at; nothing was done";
        let expired = Failure::new(Status::DeadlineExceeded, FaultClass::Expired, "EXPIRED", why);
        return Answer::Failed(expired.with("route", &route.name));
    }
    let metadata = selected(&call.metadata, route.translate.metadata_names());
    let named = header(&call.metadata, IDEMPOTENCY_KEY).map(str::to_owned);
    let mut request = Vec::with_capacity(call.payload.len() * 4 + 1024);
    let context = Context {
        message: id,
        received: call.received,
        caller: call.caller.as_deref(),
        request_id: named.as_deref(),
        metadata: &metadata,
        attempt: 1,
    };
    let keys = match route.translate.request(&call.payload, context, &mut request) {
        Ok(keys) => keys,
        Err(failure) => return Answer::Failed(attempt::signed(failure, &route, context)),
    };
    if !route.has_ledger_row() {
        return unrecorded(engine, &route, &call, context, request.into(), &keys, trail).await;
    }
    let request_id = keys.request_id.clone().or(named);
    if request_id.as_ref().is_some_and(|id| id.len() > MAX_REQUEST_ID) {
        let why = format!("a request id may have up to {MAX_REQUEST_ID} bytes");
        return Answer::Failed(
            Failure::new(Status::InvalidArgument, FaultClass::Request, "REQUEST_ID_TOO_LONG", why.clone())
                .at_field("request_id", why),
        );
    }
    let operation = route.mode == RouteMode::Operation;
    let sending = trail.send(&route, id);
    let envelope = Envelope {
        id,
        route: route.name.clone(),
        bundle: route.bundle,
        mode: if operation { Mode::Operation } else { Mode::RequestReply },
        received: call.received,
        deadline: if operation { route.answer_within.map(|d| call.received.plus(d)) } else { call.deadline },
        idempotency: route.idempotency(&keys),
        order: route.order(&keys),
        request_key: request_id
            .map(|id| RequestKey { caller: call.caller.as_deref().unwrap_or("").to_owned(), id }),
        caller: call.caller,
        traceparent: sending.trail().traceparent(),
        announced: route.announced,
        group: keys.group.map(Into::into),
        metadata,
    };
    let (engine, trail) = (engine.clone(), trail.clone());
    let message = Message { engine, route, envelope, payload: call.payload, sending, trail };
    if operation { message.operation().await } else { message.request_reply(request.into()).await }
}

/// `direct`, and request-reply that may be asked again: the caller's own patience is the only record.
async fn unrecorded(
    engine: &Engine,
    route: &Served,
    call: &Call,
    context: Context<'_>,
    request: Bytes,
    keys: &Keys,
    trail: &Trail,
) -> Answer {
    let idempotency = route.idempotency(keys);
    let question = Question::Request;
    let request = Request { document: request, idempotency: idempotency.clone(), question };
    let mut attempt = 1;
    let mut failed = None;
    loop {
        let passage = match admission::admit(engine, route, call.deadline).await {
            Ok(passage) => passage,
            Err(refusal) => return Answer::Failed(admission::given_up(failed, refusal)),
        };
        let started = Timestamp::now();
        let limit = call.deadline.map(|deadline| deadline.since(started));
        let timeout = limit.map_or(route.timeout, |left| route.timeout.min(left));
        let patience = Patience { timeout, limit };
        let context = Context { attempt, ..context };
        let asked = attempt::ask(route, context, &call.payload, request.clone(), patience, trail, passage);
        let failure = match asked.await {
            Brought::Outcome(Outcome::Reply(bytes)) => return Answer::Reply(bytes),
            Brought::Outcome(Outcome::Failed(failure)) => return Answer::Failed(failure),
            Brought::Unreadable(letter) => {
                engine.untold.tell(route, context, &letter.failure);
                return Answer::Failed(letter.failure);
            }
            Brought::Failure(failure, _) => failure,
            // `check` refuses `poll` where the caller waits.
            Brought::Taken(_) | Brought::NotYet => return Answer::Failed(not_at_once()),
        };
        engine.untold.tell(route, context, &failure);
        let now = Timestamp::now();
        match decide(&route.retry, &idempotency, Mode::RequestReply, attempt, call.deadline, failure, now) {
            Decision::RetryAt { due, failure } => {
                failed = Some(failure);
                tokio::time::sleep(due.since(now)).await;
            }
            Decision::Finish(_) | Decision::Bury(_)
                if call.deadline.is_some_and(|deadline| deadline <= now) =>
            {
                return Answer::Failed(too_late("the deadline passed before the system answered"));
            }
            Decision::Finish(failure) => return Answer::Failed(failure),
            // Nothing is stored, so nobody can look at it; the caller, who may ask again, is told what is known.
            Decision::Bury(letter) => return Answer::Failed(letter.failure),
        }
        attempt += 1;
    }
}

/// A message to be made durable.
struct Message {
    engine: Arc<Engine>,
    route: Arc<Served>,
    envelope: Envelope,
    payload: Bytes,
    /// Ends when it is durable.
    sending: Step,
    /// Of the call that brings it.
    trail: Trail,
}

impl Message {
    /// Accepts, and gives the operation as soon as it is durable.
    async fn operation(self) -> Answer {
        if let Some(refusal) = admission::refused(&self.engine, &self.route) {
            return self.known_or(refusal).await;
        }
        let Self { engine, route, envelope, payload, sending, .. } = self;
        let received = envelope.received;
        // What goes into a file waits for that.
        let due = if route.made.is_some() { Timestamp::NEVER } else { received };
        let accept = Accept { envelope: envelope.clone(), payload, start: Start::Due(due) };
        let accepted = engine.delivery.accept(accept).await;
        sending.accepted(&accepted);
        if matches!(accepted, Ok(Accepted::New(_) | Accepted::Parked)) {
            route.metrics.messages.accepted();
        }
        match accepted {
            Ok(Accepted::New(_)) if route.made.is_some() => {
                Answer::Operation(operations::parked(&envelope, &route.response_type))
            }
            Ok(Accepted::New(_)) => Answer::Operation(operations::fresh(&envelope, &route.response_type)),
            Ok(Accepted::Parked) => Answer::Operation(operations::parked(&envelope, &route.response_type)),
            Ok(Accepted::Repeated(record)) => {
                Answer::Operation(operations::view(*record, &route.response_type))
            }
            Ok(Accepted::Conflict(known)) => Answer::Failed(reused(&engine, known).await),
            Err(error) => Answer::Failed(refused(engine.failed(error))),
        }
    }

    /// Accepts and asks the system; the caller waits, but what was begun goes on without it.
    async fn request_reply(self, request: Bytes) -> Answer {
        let deadline = self.envelope.deadline;
        let passage = match admission::admit(&self.engine, &self.route, deadline).await {
            Ok(passage) => passage,
            Err(refusal) => return within(deadline, self.known_or(refusal)).await,
        };
        let work = self.engine.work();
        let answer = GoesOn::new(async move {
            let _work = work;
            self.accept_and_ask(request, passage).await
        });
        within(deadline, answer).await
    }

    /// The outcome of a request that was accepted before, also while no new one is; nothing is stored here.
    async fn known_or(self, refusal: Failure) -> Answer {
        let Self { engine, route, envelope, payload, .. } = self;
        let Some(key) = envelope.request_key else { return Answer::Failed(refusal) };
        match engine.delivery.recall(route.name.clone(), key).await {
            Ok(None) => Answer::Failed(refusal),
            Ok(Some(record)) if record.payload != payload => {
                Answer::Failed(reused(&engine, record.envelope.id).await)
            }
            Ok(Some(record)) if route.mode == RouteMode::Operation => {
                Answer::Operation(operations::view(record, &route.response_type))
            }
            Ok(Some(record)) => outcome(&engine, &route, record.envelope.id).await,
            Err(error) => Answer::Failed(unread(engine.failed(error))),
        }
    }

    async fn accept_and_ask(self, request: Bytes, passage: Passage) -> Answer {
        let Self { engine, route, envelope, payload, sending, trail } = self;
        let start = Start::Now(engine.gateway);
        let accept = Accept { envelope: envelope.clone(), payload: payload.clone(), start };
        let accepted = engine.delivery.accept(accept).await;
        sending.accepted(&accepted);
        let claim = match accepted {
            Ok(Accepted::New(Some(claim))) => claim,
            Ok(Accepted::New(None) | Accepted::Parked) => {
                route.metrics.messages.accepted();
                drop(passage);
                return outcome(&engine, &route, envelope.id).await;
            }
            Ok(Accepted::Repeated(record)) => {
                drop(passage);
                return outcome(&engine, &route, record.envelope.id).await;
            }
            Ok(Accepted::Conflict(known)) => return Answer::Failed(reused(&engine, known).await),
            Err(error) => return Answer::Failed(refused(engine.failed(error))),
        };
        route.metrics.messages.accepted();
        let (idempotency, question) = (envelope.idempotency.clone(), Question::Request);
        let request = Request { document: request, idempotency, question };
        let patience = settle::patience(&route, &envelope, Question::Request, Timestamp::now());
        let asked = guarded(async {
            let context = Context::of(&envelope, 1);
            let brought = attempt::ask(&route, context, &payload, request, patience, &trail, passage).await;
            settle::attempt(&engine, &route, &envelope, claim, Question::Request, brought).await
        });
        let settled = match asked.await {
            Ok(settled) => settled,
            Err(Panicked) => {
                settle::panicked(&engine, &envelope.route, envelope.received, claim).await.map(Some)
            }
        };
        match settled {
            Ok(Some(settled)) => told(envelope.id, settled),
            Ok(None) | Err(DeliveryError::Superseded(_)) => outcome(&engine, &route, envelope.id).await,
            Err(error) => Answer::Failed(unsettled(error, &envelope)),
        }
    }
}

/// An answer by the deadline.
async fn within(deadline: Option<Timestamp>, answer: impl Future<Output = Answer>) -> Answer {
    let Some(deadline) = deadline else { return answer.await };
    match tokio::time::timeout(deadline.since(Timestamp::now()), answer).await {
        Ok(answer) => answer,
        Err(_) => Answer::Failed(too_late(
            "the deadline passed before the system answered; the request goes on, and repeating its request id gives its outcome",
        )),
    }
}

/// The outcome of a message that this call has not settled itself: of a repeated request id, or after a retry. Now, or
/// when it is there; a gateway that stops leaves messages that wait to the next run. Where no attempt may begin, whoever
/// waits is told so, and the message does not wait without its caller.
async fn outcome(engine: &Arc<Engine>, route: &Served, id: MessageId) -> Answer {
    let mut stop = engine.stop.subscribe();
    loop {
        let mut waiting = engine.waiters.register(id);
        let stopping = *stop.borrow_and_update();
        let record = match engine.delivery.get(id).await {
            Ok(Some(record)) => record,
            Ok(None) => return Answer::Failed(unread(DeliveryError::NotFound(id))),
            Err(error) => return Answer::Failed(unread(engine.failed(error))),
        };
        let waits = matches!(record.state, State::Waiting { .. });
        match record.state {
            State::Finished { outcome, .. } => return told(id, Settled::Finished(outcome)),
            State::Dead { letter, .. } => return told(id, Settled::Dead(letter)),
            State::Waiting { .. } if stopping => return Answer::Failed(in_progress()),
            State::Waiting { .. } => match admission::give_up(engine, route, &record).await {
                Ok(None) => {}
                Ok(Some(failure)) => return Answer::Failed(failure),
                Err(error) => return Answer::Failed(unread(engine.failed(error))),
            },
            State::Claimed { .. } => {}
        }
        tokio::select! {
            settled = waiting.settled() => if let Some(settled) = settled {
                return told(id, settled);
            },
            _ = stop.changed(), if !stopping => {}
            () = admission::ceases(engine, route), if waits => {}
            // It may wait again by now, and nobody tells of that.
            () = tokio::time::sleep(LOOK_AGAIN), if !waits => {}
        }
    }
}

/// A settled message as its caller is told of it.
fn told(id: MessageId, settled: Settled) -> Answer {
    match settled {
        Settled::Finished(Outcome::Reply(bytes)) => Answer::Reply(bytes),
        Settled::Finished(Outcome::Failed(failure)) => Answer::Failed(failure),
        Settled::Dead(letter) if letter.failure.class == FaultClass::Unknown => {
            let mut failure = letter.failure;
            failure.status = Status::Aborted;
            let cause = std::mem::replace(&mut failure.reason, "OUTCOME_UNKNOWN".to_owned());
            if cause != failure.reason {
                failure = failure.with("cause", cause);
            }
            failure.message = format!("{}; {MAY_BE_DONE}", failure.message);
            Answer::Failed(failure.with("dead_letter", id))
        }
        Settled::Dead(letter) => Answer::Failed(letter.failure.with("dead_letter", id)),
    }
}

/// What a caller must know of a request whose outcome is not known.
const MAY_BE_DONE: &str = "it may have been carried out, so it must not simply be sent again; an operator settles it, and \
                           repeating its request id then gives its outcome";

fn too_late(message: &str) -> Failure {
    Failure::new(Status::DeadlineExceeded, FaultClass::Unknown, "DEADLINE_EXCEEDED", message)
}

/// The system has taken the request, and would answer later.
fn not_at_once() -> Failure {
    let why = "the system answers the request later, and nobody keeps it until then";
    Failure::new(Status::Internal, FaultClass::Internal, "ANSWERED_LATER", why)
}

/// The request id is that of another message, or of one whose contents were deleted.
async fn reused(engine: &Engine, known: MessageId) -> Failure {
    let record = engine.delivery.get(known).await.ok().flatten();
    if record.is_some_and(|record| delete::is_deleted(&record.state)) {
        return delete::repeated(known);
    }
    let why = "this request id was used before for another message";
    Failure::new(Status::InvalidArgument, FaultClass::Request, "REQUEST_ID_REUSED", why)
        .at_field("request_id", why)
}

/// The ledger did not take it.
fn refused(error: DeliveryError) -> Failure {
    tracing::error!(%error, "the ledger did not take a message");
    match error {
        // The commit may be on the disk nevertheless; then the next start finds it.
        DeliveryError::Fatal(_) => unavailable(
            "QUEUE_FAILED",
            "whether the request was made durable is not known; nothing was sent yet, repeat it with the same request id",
        ),
        _ => unavailable(
            "QUEUE_UNAVAILABLE",
            "the request could not be made durable; nothing was done with it",
        ),
    }
}

/// The system was asked, and what came of it is not in the ledger: the next start makes it a dead letter.
fn unsettled(error: DeliveryError, envelope: &Envelope) -> Failure {
    tracing::error!(id = %envelope.id, %error, "what an attempt brought could not be recorded");
    let why = format!("the system was asked, but what came of it could not be recorded; {MAY_BE_DONE}");
    Failure::new(Status::Aborted, FaultClass::Unknown, "OUTCOME_UNKNOWN", why)
        .with("route", &envelope.route)
        .with("message", envelope.id)
}

/// The outcome of an earlier request cannot be looked up.
fn unread(error: DeliveryError) -> Failure {
    tracing::error!(%error, "the outcome of a message could not be read");
    unavailable(
        "QUEUE_UNAVAILABLE",
        "the outcome of the request cannot be read now; repeating its request id gives it",
    )
}

fn in_progress() -> Failure {
    unavailable(
        "STILL_IN_PROGRESS",
        "the request waits for its next attempt while the gateway restarts; repeating its request id gives its outcome",
    )
}

fn unavailable(reason: &str, message: &str) -> Failure {
    Failure::new(Status::Unavailable, FaultClass::Internal, reason, message)
        .retry_after(Duration::from_secs(1))
}

pub(crate) fn header<'a>(metadata: &'a [(String, String)], name: &str) -> Option<&'a str> {
    metadata.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
}

/// The metadata that the mapping reads, and no other, goes on with the message.
fn selected(metadata: &[(String, String)], names: &[Arc<str>]) -> Vec<(String, String)> {
    if names.is_empty() {
        return Vec::new();
    }
    metadata.iter().filter(|(n, _)| names.iter().any(|wanted| **wanted == **n)).cloned().collect()
}
