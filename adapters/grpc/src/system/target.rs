//! The target: one system, its connection, and what is sent with every call.

use std::{convert::Infallible, num::NonZeroUsize, time::Duration};

use bytes::Bytes;
use http::Request;
use http_body_util::combinators::UnsyncBoxBody;
use hyper_util::{
    client::legacy::{Client, connect::CaptureConnection, connect::capture_connection},
    rt::{TokioExecutor, TokioTimer},
};
use portolan_delivery::{BoxFuture, Outgoing, SendError, Sent, Target};
use portolan_tls::{Cause, Places};
use tokio::{
    sync::SemaphorePermit,
    time::{Instant, timeout_at},
};

use super::{
    Options, OptionsError,
    error::{NO_ADDRESS, reason},
    known::{self, End, Known},
    outgoing::{Envelope, Taken},
    reply,
};

/// A gRPC service over HTTP/2, by unary calls.
///
/// Errors are classified by [`SendError::sent`] first: `No` and `NotDone` may be tried again on any route; `Maybe` only where
/// the route is idempotent; `Refused` never. See the crate's README.
#[derive(Debug)]
pub struct GrpcTarget {
    client: Client<Known, Body>,
    envelope: Envelope,
    places: Places,
    max_reply_bytes: usize,
}

/// What is sent.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

impl GrpcTarget {
    /// A system, by its options. Reads the certificates; connects to nothing.
    ///
    /// # Errors
    /// An option cannot be used.
    pub fn new(options: &Options) -> Result<Self, OptionsError> {
        let places = positive(options.max_concurrency, "max-concurrency")?;
        let max_reply_bytes = positive(options.max_reply_bytes, "max-reply-bytes")?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.idle_timeout)
            .http2_only(true)
            .build(Known::new(options)?);
        Ok(Self {
            client,
            envelope: Envelope::new(options)?,
            places: Places::new(places, options.max_waiting),
            max_reply_bytes,
        })
    }

    async fn attempt(&self, outgoing: Outgoing) -> Result<Bytes, SendError> {
        let timeout = outgoing.timeout.min(LONGEST);
        let taken = Taken::default();
        let mut request = self.envelope.request(&outgoing, timeout, &taken)?;
        let _place = self.place(timeout).await?;
        // What the system is given counts from here: waiting for a place is not its slowness.
        let deadline = Instant::now() + timeout;
        let connection = capture_connection(&mut request);
        match timeout_at(deadline, self.exchange(request, &taken, &connection)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                // It may be dead without anybody having noticed. Those who are on it stay; others make a new one.
                if let Some(connection) = connection.connection_metadata().as_ref() {
                    connection.poison();
                }
                Err(SendError::new(taken.sent(), reason::TIMEOUT, "the system did not answer in time"))
            }
        }
    }

    /// Waits for one of the system's places, at most as long as an answer may take.
    async fn place(&self, limit: Duration) -> Result<SemaphorePermit<'_>, SendError> {
        let place = self.places.take(limit).await;
        place.ok_or_else(|| {
            SendError::new(Sent::Busy, reason::POOL_EXHAUSTED, "the system is busy; nothing was sent to it")
                .advised("as many calls were under way as may be; see the system's `max-concurrency`")
        })
    }

    async fn exchange(
        &self,
        request: Request<Body>,
        taken: &Taken,
        connection: &CaptureConnection,
    ) -> Result<Bytes, SendError> {
        let answered = self.client.request(request).await;
        let response = answered.map_err(|error| {
            let end = connection.connection_metadata().as_ref().and_then(End::of);
            lost(&error, end, taken)
        })?;
        let (head, body) = response.into_parts();
        reply::read(&head, body, self.max_reply_bytes).await
    }
}

impl Target for GrpcTarget {
    fn send(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Bytes, SendError>> {
        Box::pin(async move {
            let message = outgoing.message;
            let outcome = self.attempt(outgoing).await;
            if let Err(error) = &outcome {
                let words = if error.personal { "in the system's own words" } else { &*error.message };
                tracing::debug!(%message, reason = error.reason, sent = ?error.sent, "no answer: {words}");
            }
            outcome
        })
    }
}

/// Longer than anyone waits, and short enough to be added to any instant.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A call that ended without the head of a reply. `end` is what ended its connection, where that is known.
fn lost(error: &hyper_util::client::legacy::Error, end: Option<Cause>, taken: &Taken) -> SendError {
    let cause = end.unwrap_or_else(|| Cause::of(error));
    if error.is_connect() || cause == Cause::Tls {
        let (reason, advice) = cause.unconnected(NO_ADDRESS);
        let message = "the system cannot be reached now; nothing was sent to it";
        return SendError::new(Sent::No, reason, message).advised(advice);
    }
    let by_http2 = known::http2(error);
    if taken.sent() == Sent::No {
        let message = "the connection was lost before anything was sent";
        return SendError::new(Sent::No, reason::CONNECTION_LOST, message).advised("is the system up?");
    }
    if by_http2.is_some_and(known::was_not_processed) {
        let message = "the system closes its connection, and did not look at the request";
        return SendError::new(Sent::No, reason::STREAM_REFUSED, message)
            .advised("is the system shutting down?");
    }
    if by_http2.is_some_and(h2::Error::is_library) {
        let message = "the system does not speak HTTP/2 as it should";
        return SendError::new(Sent::Maybe, reason::NOT_HTTP2, message).advised("see the system's `address`");
    }
    SendError::new(
        Sent::Maybe,
        reason::CONNECTION_LOST,
        "the connection was lost before the system answered; whether it has done its work is not known",
    )
}

fn positive(number: usize, name: &'static str) -> Result<usize, OptionsError> {
    NonZeroUsize::new(number).map(NonZeroUsize::get).ok_or(OptionsError::Zero(name))
}
