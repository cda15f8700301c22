//! The series of one route, and what moves them: a call, an attempt, a message.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use portolan_delivery::{Answer, FaultClass, Outcome, Status};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge, histogram::Histogram};

use super::{Metrics, files::FileMetrics, long, made::MadeMetrics, observe};
use crate::{attempt::Brought, route::Route, waiters::Settled};

/// The series of one version of a route. Two versions with the same names share them.
pub(crate) struct RouteMetrics {
    /// By the number of the gRPC status.
    calls: [Counter; STATUSES],
    call_duration: Histogram,
    /// By [`End`].
    attempts: [Counter; End::ALL.len()],
    attempt_duration: Histogram,
    in_flight: Gauge,
    pub(crate) messages: Arc<MessageMetrics>,
    /// Where it takes files.
    pub(crate) files: Option<FileMetrics>,
    /// Where its messages gather into files.
    pub(crate) made: Option<MadeMetrics>,
}

/// OK, and every failure.
const STATUSES: usize = Status::ALL.len() + 1;

impl Metrics {
    /// The series of a route.
    pub(crate) fn of(&self, route: &Route) -> Arc<RouteMetrics> {
        let (name, mode) = (("route", route.name.clone()), ("mode", Arc::<str>::from(route.mode.name())));
        let system = ("system", route.system.clone());
        let call = |number: usize| {
            let status =
                number.checked_sub(1).and_then(|i| Status::ALL.get(i)).map_or("OK", |(_, name)| name);
            self.calls.get_or_create_owned(&[name.clone(), mode.clone(), ("status", status.into())])
        };
        let attempt = |number: usize| {
            let outcome = ("outcome", End::ALL[number].1.into());
            self.attempts.get_or_create_owned(&[name.clone(), system.clone(), outcome])
        };
        Arc::new(RouteMetrics {
            calls: std::array::from_fn(call),
            call_duration: self.call_duration.get_or_create_owned(&[name.clone(), mode.clone()]),
            attempts: std::array::from_fn(attempt),
            attempt_duration: self.attempt_duration.get_or_create_owned(&[name.clone(), system.clone()]),
            in_flight: self.in_flight.get_or_create_owned(&[system]),
            messages: self.messages(&route.name),
            files: route.files.is_some().then(|| self.files.of(&route.name)),
            made: route.made.is_some().then(|| self.made.of(&route.name)),
        })
    }
}

impl RouteMetrics {
    /// A call begins.
    pub(crate) fn call(self: &Arc<Self>) -> CountedCall {
        CountedCall { metrics: self.clone(), began: Instant::now(), status: Status::Cancelled as usize }
    }

    /// A call was refused before it became one.
    pub(crate) fn refused(&self, status: Status) {
        self.calls[status as usize].inc();
    }

    /// An attempt begins.
    pub(crate) fn attempt(&self) -> CountedAttempt<'_> {
        self.in_flight.inc();
        CountedAttempt { metrics: self, began: Instant::now(), end: End::Cancelled }
    }
}

/// A call under way. One that is dropped before it was answered was given up by its caller.
pub(crate) struct CountedCall {
    metrics: Arc<RouteMetrics>,
    began: Instant,
    status: usize,
}

impl CountedCall {
    pub(crate) fn answered(mut self, answer: &Answer) {
        self.status = match answer {
            Answer::Reply(_) | Answer::Operation(_) => 0,
            Answer::Failed(failure) => failure.status as usize,
        };
    }
}

impl Drop for CountedCall {
    fn drop(&mut self) {
        self.metrics.calls[self.status].inc();
        observe(&self.metrics.call_duration, self.began.elapsed());
    }
}

/// An attempt under way. One that is dropped before its end was abandoned with the call that made it.
pub(crate) struct CountedAttempt<'a> {
    metrics: &'a RouteMetrics,
    began: Instant,
    end: End,
}

impl CountedAttempt<'_> {
    pub(crate) fn ended(mut self, end: End) {
        self.end = end;
    }
}

impl Drop for CountedAttempt<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        self.metrics.attempts[self.end as usize].inc();
        observe(&self.metrics.attempt_duration, self.began.elapsed());
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Success,
    Refused,
    NotDone,
    Unsent,
    Unknown,
    Reply,
    Internal,
    Cancelled,
}

impl End {
    /// Every end with its name.
    pub(crate) const ALL: [(Self, &'static str); 8] = [
        (Self::Success, "success"),
        (Self::Refused, "refused"),
        (Self::NotDone, "not_done"),
        (Self::Unsent, "unsent"),
        (Self::Unknown, "unknown"),
        (Self::Reply, "reply"),
        (Self::Internal, "internal"),
        (Self::Cancelled, "cancelled"),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    pub(crate) fn of(brought: &Brought) -> Self {
        let failure = match brought {
            Brought::Outcome(Outcome::Reply(_)) | Brought::Taken(_) | Brought::NotYet => {
                return Self::Success;
            }
            Brought::Outcome(Outcome::Failed(failure)) | Brought::Failure(failure, _) => failure,
            Brought::Unreadable(letter) => &letter.failure,
        };
        match failure.class {
            FaultClass::Refused | FaultClass::Request => Self::Refused,
            FaultClass::NotDone => Self::NotDone,
            FaultClass::Unsent => Self::Unsent,
            FaultClass::Unknown => Self::Unknown,
            FaultClass::Reply => Self::Reply,
            FaultClass::Expired | FaultClass::Poison | FaultClass::Internal => Self::Internal,
        }
    }
}

/// The series of a route's messages.
pub(crate) struct MessageMetrics {
    accepted: Counter,
    retried: Counter,
    reply: Counter,
    failed: Counter,
    dead: Counter,
    duration: Histogram,
}

impl Default for MessageMetrics {
    fn default() -> Self {
        Self {
            accepted: Counter::default(),
            retried: Counter::default(),
            reply: Counter::default(),
            failed: Counter::default(),
            dead: Counter::default(),
            duration: long(),
        }
    }
}

impl MessageMetrics {
    pub(super) fn new(metrics: &Metrics, route: &Arc<str>) -> Self {
        let of = [("route", route.clone())];
        let settled = |outcome: &str| {
            metrics.settled.get_or_create_owned(&[("route", route.clone()), ("outcome", outcome.into())])
        };
        Self {
            accepted: metrics.accepted.get_or_create_owned(&of),
            retried: metrics.retried.get_or_create_owned(&of),
            reply: settled("reply"),
            failed: settled("failed"),
            dead: settled("dead"),
            duration: metrics.message_duration.get_or_create_owned(&of),
        }
    }

    /// A message is durable.
    pub(crate) fn accepted(&self) {
        self.accepted.inc();
    }

    /// So many messages are durable at once.
    pub(crate) fn accepted_together(&self, messages: usize) {
        self.accepted.inc_by(messages as u64);
    }

    /// It is due again.
    pub(crate) fn retried(&self) {
        self.retried.inc();
    }

    /// It ended, so long after its acceptance.
    pub(crate) fn settled(&self, settled: &Settled, after: Duration) {
        match settled {
            Settled::Finished(Outcome::Reply(_)) => self.reply.inc(),
            Settled::Finished(Outcome::Failed(_)) => self.failed.inc(),
            Settled::Dead(_) => return self.dead(after),
        };
        observe(&self.duration, after);
    }

    /// It is a dead letter, so long after its acceptance.
    pub(crate) fn dead(&self, after: Duration) {
        self.dead.inc();
        observe(&self.duration, after);
    }
}
