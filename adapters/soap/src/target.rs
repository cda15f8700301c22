//! The target: one system, its pool of connections, and what is sent with every call.

use std::{num::NonZeroUsize, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Uri, header::CONTENT_LENGTH, response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use portolan_delivery::{BoxFuture, Outgoing, SendError, Sent, Target, Timestamp};
use portolan_schema::Protocol;
use portolan_tls::{Cause, Connector, Places};
use tokio::{
    sync::SemaphorePermit,
    time::{Instant, timeout_at},
};

use crate::{
    OptionsError, SoapOptions, TlsOptions, envelope,
    error::{NO_ADDRESS, bad_reply, reason},
    headers::Headers,
    payload::{Payload, Taken},
    redirect, reply,
    username_token::UsernameToken,
};

/// A SOAP service over HTTP/1.1.
///
/// Errors are classified by [`SendError::sent`] first: `No` may be tried again on any route; `Maybe` only where the
/// route is idempotent. With `Answered` the reason matters: see the crate's README.
#[derive(Debug)]
pub struct SoapTarget {
    client: Client<Connector, Payload>,
    uri: Uri,
    headers: Headers,
    token: Option<UsernameToken>,
    max_redirects: usize,
    places: Places,
    max_reply_bytes: usize,
}

impl SoapTarget {
    /// A system, by its options. Reads the certificates; connects to nothing.
    pub fn new(options: &SoapOptions) -> Result<Self, OptionsError> {
        let places = positive(options.max_concurrency, "max-concurrency")?;
        let max_reply_bytes = positive(options.max_reply_bytes, "max-reply-bytes")?;
        if options.connect_timeout.is_zero() {
            return Err(OptionsError::Zero("connect-timeout"));
        }
        let uri = endpoint(&options.endpoint)?;
        let tls = tls_config(&options.tls, &uri)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.idle_timeout)
            .pool_max_idle_per_host(places)
            .set_host(false)
            .build(Connector::new(tls, options.connect_timeout));
        Ok(Self {
            client,
            headers: Headers::new(options, &uri)?,
            max_redirects: options.max_redirects,
            token: options.ws_security.as_ref().map(UsernameToken::new).transpose()?,
            uri,
            places: Places::new(places, options.max_waiting),
            max_reply_bytes,
        })
    }

    async fn attempt(&self, outgoing: Outgoing) -> Result<Bytes, SendError> {
        let timeout = outgoing.timeout.min(LONGEST);
        let headers = self.headers.of(&outgoing)?;
        let _place = self.place(timeout).await?;
        // What the system is given counts from here: waiting for a place is not its slowness.
        let deadline = Instant::now() + timeout;
        let taken = Taken::default();
        match timeout_at(deadline, self.ask(headers, &outgoing, &taken)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendError::new(taken.sent(), reason::TIMEOUT, "the system did not answer in time")),
        }
    }

    /// Waits for one of the system's places, at most as long as an answer may take.
    async fn place(&self, limit: Duration) -> Result<SemaphorePermit<'_>, SendError> {
        let place = self.places.take(limit).await;
        place.ok_or_else(|| {
            SendError::new(Sent::Busy, reason::POOL_EXHAUSTED, "the system is busy; nothing was sent to it")
                .advised("all of the system's connections were busy; see its `max-concurrency`")
        })
    }

    /// Asks, and asks again where the server says that it is to be asked at another of its paths.
    async fn ask(
        &self,
        mut headers: HeaderMap,
        outgoing: &Outgoing,
        taken: &Taken,
    ) -> Result<Bytes, SendError> {
        let mut uri = self.uri.clone();
        let mut followed = 0;
        loop {
            let mut request = Request::new(Payload::new(self.envelope(outgoing)?, taken.clone()));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = headers;
            let answered = self.exchange(request, taken).await;
            let (head, body) =
                answered.map_err(|error| if followed == 0 { error } else { redirect::lost(error) })?;
            let told = reply::tell_apart(head.status, &head.headers, body, self.max_reply_bytes);
            uri = match (told, &*outgoing.protocol) {
                (Err(error), _) if error.reason == reason::REDIRECT => {
                    let answer = (head.status, &head.headers);
                    redirect::next(error, answer, &uri, followed < self.max_redirects)?
                }
                (Err(error), Protocol::Soap(binding))
                    if error.reason == reason::EMPTY_REPLY && binding.one_way.is_some() =>
                {
                    return Ok(envelope::empty(binding.version));
                }
                (told, _) => return told,
            };
            followed += 1;
            headers = self.headers.of(outgoing)?;
        }
    }

    /// What is sent: made anew for each request, since a system takes a nonce once.
    fn envelope(&self, outgoing: &Outgoing) -> Result<Bytes, SendError> {
        match &self.token {
            Some(token) => token.shown_in(&outgoing.payload, Timestamp::now()),
            None => Ok(outgoing.payload.clone()),
        }
    }

    async fn exchange(
        &self,
        request: Request<Payload>,
        taken: &Taken,
    ) -> Result<(response::Parts, Bytes), SendError> {
        let response = self.client.request(request).await.map_err(|error| lost(&error, taken))?;
        let (head, body) = response.into_parts();
        let announced = head.headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
        let body = self.read(body, announced).await?;
        Ok((head, body))
    }

    /// The whole body; mostly one piece, which is then not copied.
    async fn read(&self, mut body: Incoming, announced: Option<u64>) -> Result<Bytes, SendError> {
        let limit = self.max_reply_bytes;
        if announced.is_some_and(|length| length > limit as u64) {
            return Err(reply::oversized(limit));
        }
        let Some(first) = next_piece(&mut body).await? else { return Ok(Bytes::new()) };
        if first.len() > limit {
            return Err(reply::oversized(limit));
        }
        let Some(second) = next_piece(&mut body).await? else { return Ok(first) };
        let expected = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        let mut whole = BytesMut::with_capacity(expected.max(first.len() + second.len()));
        whole.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(piece) = next {
            if whole.len() + piece.len() > limit {
                return Err(reply::oversized(limit));
            }
            whole.extend_from_slice(&piece);
            next = next_piece(&mut body).await?;
        }
        Ok(whole.freeze())
    }
}

impl Target for SoapTarget {
    fn send(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Bytes, SendError>> {
        Box::pin(async move {
            let message = outgoing.message;
            let outcome = self.attempt(outgoing).await;
            if let Err(error) = &outcome {
                tracing::debug!(%message, reason = error.reason, sent = ?error.sent, "no answer: {error}");
            }
            outcome
        })
    }
}

/// Longer than anyone waits, and short enough to be added to any instant.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

async fn next_piece(body: &mut Incoming) -> Result<Option<Bytes>, SendError> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                // Trailers are of no use here.
                if let Ok(piece) = frame.into_data() {
                    return Ok(Some(piece));
                }
            }
            Some(Err(_)) => return Err(bad_reply(reason::TRUNCATED_REPLY, "the system's reply breaks off")),
        }
    }
}

/// A call that ended without the head of a reply.
fn lost(error: &hyper_util::client::legacy::Error, taken: &Taken) -> SendError {
    let cause = Cause::of(error);
    if error.is_connect() || cause == Cause::Tls {
        let (reason, advice) = cause.unconnected(NO_ADDRESS);
        let message = "the system cannot be reached now; nothing was sent to it";
        return SendError::new(Sent::No, reason, message).advised(advice);
    }
    match (taken.sent(), cause) {
        (Sent::No, _) => SendError::new(
            Sent::No,
            reason::CONNECTION_LOST,
            "the connection was lost before anything was sent",
        )
        .advised("is the system up?"),
        (sent, Cause::NotHttp) => {
            SendError::new(sent, reason::NOT_HTTP, "the system's reply is not HTTP/1.1")
                .advised("see the system's `endpoint`")
        }
        (sent, _) => SendError::new(
            sent,
            reason::CONNECTION_LOST,
            "the connection was lost before the system answered; whether it has done its work is not known",
        ),
    }
}

fn positive(number: usize, name: &'static str) -> Result<usize, OptionsError> {
    NonZeroUsize::new(number).map(NonZeroUsize::get).ok_or(OptionsError::Zero(name))
}

/// By which TLS there is, if any.
pub(crate) fn tls_config(options: &TlsOptions, uri: &Uri) -> Result<rustls::ClientConfig, OptionsError> {
    let encrypted = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
    Ok(if encrypted { options.client_config() } else { options.check() }?)
}

fn endpoint(text: &str) -> Result<Uri, OptionsError> {
    let uri: Uri = text.parse().map_err(|_| OptionsError::Endpoint)?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    match uri.authority() {
        Some(authority) if known && !authority.host().is_empty() => {
            if authority.as_str().contains('@') {
                Err(OptionsError::CredentialsInEndpoint)
            } else {
                Ok(uri)
            }
        }
        _ => Err(OptionsError::Endpoint),
    }
}
