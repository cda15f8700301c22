//! Traces, by the interface of OpenTelemetry: a span for a call, one for what makes its message durable, one for each turn
//! that the message has in the queue, one for each attempt at the system. They hang together by the caller's
//! `traceparent`, which the message keeps while it waits, and which goes on to the system. Where nobody traces there are
//! no spans, and what the caller sent is only passed on. A span holds names and ids, nothing of a message.

mod parent;

use std::sync::Arc;

use opentelemetry::{
    Context as Parent, KeyValue,
    global::{BoxedSpan, BoxedTracer},
    trace::{Link, Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _},
};
use portolan_delivery::{Answer, Claim, DeliveryError, Envelope, Failure, MessageId, Outcome};

use crate::{attempt::Brought, metrics::End, route::Route, translate::Context, waiters::Settled};

/// The trace that some work belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Trail {
    tracer: Option<Arc<BoxedTracer>>,
    /// The span that this work is part of; without a tracer, the caller's.
    parent: SpanContext,
}

/// A piece of work, from its start until this is dropped.
pub(crate) struct Step {
    span: Option<BoxedSpan>,
    trail: Trail,
    ended: bool,
}

impl Trail {
    /// From a `traceparent` as it came; one that is no such thing does not count.
    pub(crate) fn new(tracer: Option<&Arc<BoxedTracer>>, traceparent: Option<&str>) -> Self {
        let parent = traceparent.and_then(parent::parse).unwrap_or(SpanContext::NONE);
        Self { tracer: tracer.cloned(), parent }
    }

    /// As it goes on.
    pub(crate) fn traceparent(&self) -> Option<String> {
        self.parent.is_valid().then(|| parent::write(&self.parent))
    }

    /// A call.
    pub(crate) fn call(&self, route: &Route, id: MessageId) -> Step {
        let name = route.method.trim_start_matches('/');
        self.step(SpanKind::Server, Vec::new(), [name, ""], || {
            let (service, method) = name.rsplit_once('/').unwrap_or(("", name));
            vec![
                KeyValue::new("rpc.system", "grpc"),
                KeyValue::new("rpc.service", service.to_owned()),
                KeyValue::new("rpc.method", method.to_owned()),
                KeyValue::new(ROUTE, route.name.clone()),
                KeyValue::new(MESSAGE, id.to_string()),
            ]
        })
    }

    /// A message becomes durable. What is done about it later belongs to this.
    pub(crate) fn send(&self, route: &Route, id: MessageId) -> Step {
        self.step(SpanKind::Producer, Vec::new(), ["send ", &route.name], || {
            messaging("send", &route.name, id)
        })
    }

    /// A message's turn in the queue.
    pub(crate) fn process(tracer: Option<&Arc<BoxedTracer>>, envelope: &Envelope, claim: Claim) -> Step {
        let trail = Self::new(tracer, envelope.traceparent.as_deref());
        let sent = trail.parent.is_valid().then(|| Link::with_context(trail.parent.clone()));
        trail.step(SpanKind::Consumer, sent.into_iter().collect(), ["process ", &envelope.route], || {
            let mut about = messaging("process", &envelope.route, claim.id);
            about.push(KeyValue::new(ATTEMPT, i64::from(claim.attempt)));
            about
        })
    }

    /// An attempt at the system.
    pub(crate) fn attempt(&self, route: &Route, context: Context<'_>) -> Step {
        self.step(SpanKind::Client, Vec::new(), ["ask ", &route.system], || {
            vec![
                KeyValue::new("peer.service", route.system.clone()),
                KeyValue::new(ROUTE, route.name.clone()),
                KeyValue::new(MESSAGE, context.message.to_string()),
                KeyValue::new(ATTEMPT, i64::from(context.attempt)),
            ]
        })
    }

    fn step(
        &self,
        kind: SpanKind,
        links: Vec<Link>,
        name: [&str; 2],
        about: impl FnOnce() -> Vec<KeyValue>,
    ) -> Step {
        let Some(tracer) = &self.tracer else {
            return Step { span: None, trail: self.clone(), ended: false };
        };
        let builder = tracer.span_builder(name.concat()).with_kind(kind).with_links(links);
        let mut parent = Parent::new();
        if self.parent.is_valid() {
            parent = parent.with_remote_span_context(self.parent.clone());
        }
        let mut span = tracer.build_with_context(builder, &parent);
        // Whether it is recorded does not depend on them, and most are not.
        if span.is_recording() {
            span.set_attributes(about());
        }
        let trail = Self { tracer: self.tracer.clone(), parent: span.span_context().clone() };
        Step { span: Some(span), trail, ended: false }
    }
}

const ROUTE: &str = "portolan.route";
const MESSAGE: &str = "portolan.message.id";
const ATTEMPT: &str = "portolan.attempt";
const OUTCOME: &str = "portolan.outcome";

fn messaging(operation: &'static str, route: &Arc<str>, id: MessageId) -> Vec<KeyValue> {
    vec![
        KeyValue::new("messaging.system", "portolan"),
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.operation.type", operation),
        KeyValue::new("messaging.destination.name", route.clone()),
        KeyValue::new("messaging.message.id", id.to_string()),
        KeyValue::new(ROUTE, route.clone()),
        KeyValue::new(MESSAGE, id.to_string()),
    ]
}

impl Step {
    /// The trace within this step.
    pub(crate) fn trail(&self) -> &Trail {
        &self.trail
    }

    /// How a call ended.
    pub(crate) fn answered(self, answer: &Answer) {
        let failure = match answer {
            Answer::Failed(failure) => Some(failure),
            Answer::Reply(_) | Answer::Operation(_) => None,
        };
        self.end(|span| {
            let number = failure.map_or(0, |failure| failure.status as i64);
            span.set_attribute(KeyValue::new("rpc.grpc.status_code", number));
            // By the conventions for servers: what the caller did wrong is no error of this side.
            failure.filter(|f| !is_callers(f)).map(|failure| failure.reason.clone())
        });
    }

    /// How making a message durable ended.
    pub(crate) fn accepted<T>(self, result: &Result<T, DeliveryError>) {
        self.end(|_| result.is_err().then(|| "QUEUE_UNAVAILABLE".to_owned()));
    }

    /// What an attempt brought.
    pub(crate) fn brought(self, brought: &Brought) {
        self.end(|span| {
            span.set_attribute(KeyValue::new(OUTCOME, End::of(brought).name()));
            match brought {
                Brought::Outcome(Outcome::Reply(_)) | Brought::Taken(_) | Brought::NotYet => None,
                Brought::Outcome(Outcome::Failed(failure)) | Brought::Failure(failure, _) => {
                    Some(failure.reason.clone())
                }
                Brought::Unreadable(letter) => Some(letter.failure.reason.clone()),
            }
        });
    }

    /// How a turn in the queue ended: settled, or due again.
    pub(crate) fn settled(self, settled: &Result<Option<Settled>, DeliveryError>) {
        self.end(|span| {
            let (outcome, error) = match settled {
                Ok(Some(Settled::Finished(Outcome::Reply(_)))) => ("reply", None),
                Ok(Some(Settled::Finished(Outcome::Failed(failure)))) => ("failed", Some(&*failure.reason)),
                Ok(Some(Settled::Dead(letter))) => ("dead", Some(&*letter.failure.reason)),
                Ok(None) => ("retried", None),
                Err(_) => ("unsettled", Some("QUEUE_UNAVAILABLE")),
            };
            span.set_attribute(KeyValue::new(OUTCOME, outcome));
            error.map(str::to_owned)
        });
    }

    /// Ends it; what `about` gives is the reason of an error.
    fn end(mut self, about: impl FnOnce(&mut BoxedSpan) -> Option<String>) {
        self.ended = true;
        let Some(span) = self.span.as_mut().filter(|span| span.is_recording()) else { return };
        if let Some(reason) = about(span) {
            span.set_attribute(KeyValue::new("error.type", reason.clone()));
            span.set_status(Status::error(reason));
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(span) = self.span.as_mut().filter(|_| !self.ended) {
            span.set_attribute(KeyValue::new(OUTCOME, "cancelled"));
        }
    }
}

/// Statuses that OpenTelemetry does not count as an error of the server.
fn is_callers(failure: &Failure) -> bool {
    use portolan_delivery::Status::{
        DataLoss, DeadlineExceeded, Internal, Unavailable, Unimplemented, Unknown,
    };
    !matches!(failure.status, Unknown | DeadlineExceeded | Unimplemented | Internal | Unavailable | DataLoss)
}
