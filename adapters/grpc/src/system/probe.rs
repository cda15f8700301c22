//! Whether a system is there: one connection, one question for its health, and what is seen on the way. For `portolan doctor`;
//! the path of calls does not come here.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, header::DATE, uri::PathAndQuery};
use http_body_util::Full;
use hyper::client::conn;
use hyper_util::rt::TokioExecutor;
use portolan_delivery::{SendError, Sent};
use portolan_tls::{Cause, ProbeError, Refusal};
use prost::Message as _;
use tokio::time::{Instant, timeout};
use tonic_health::pb::{HealthCheckResponse, health_check_response::ServingStatus};
use tower::Service as _;

use super::{
    Options, OptionsError,
    error::reason,
    known::{End, Known, Noted, http2},
    outgoing::Envelope,
    reply,
};

/// What a system shows of itself.
#[derive(Debug, Clone)]
pub struct Probe {
    /// What name lookup, TCP and TLS took together.
    pub connected: Duration,
    /// What the answer took after that.
    pub answered: Duration,
    /// What it says of its health.
    pub health: Health,
    /// Its clock, to the second, where it tells (`Date`).
    pub date: Option<SystemTime>,
    /// Its certificate and intermediates, in DER.
    pub certificates: Vec<Vec<u8>>,
}

/// What a system says of its health (`grpc.health.v1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It serves.
    Serving,
    /// It does not serve now.
    NotServing,
    /// It speaks gRPC, and tells nobody of its health.
    NotTold,
    /// It speaks gRPC, and does not answer this gateway.
    RefusesUs,
    /// It speaks gRPC, and answers the question by this.
    Failed(&'static str),
}

impl From<OptionsError> for ProbeError {
    fn from(error: OptionsError) -> Self {
        ProbeError::new(error.to_string(), "correct the system's options")
    }
}

/// More is no answer about health.
const LONGEST_ANSWER: usize = 1024;

/// Connects and asks, with the system's own metadata, within its `connect-timeout` and `timeout`.
///
/// # Errors
/// There is no connection, or no answer of gRPC.
pub async fn probe(options: &Options) -> Result<Probe, ProbeError> {
    let uri = options.uri()?;
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    // For the system as a whole: a message with nothing set.
    let message = Bytes::from_static(&[0; crate::codec::HEADER]);
    let request = Envelope::new(options)?.asking(path, options.timeout).map(|()| Full::new(message));

    let began = Instant::now();
    let mut known = Known::new(options)?;
    let stream = known.call(uri).await.map_err(|error| unconnected(&*error))?;
    let connected = began.elapsed();
    let (certificates, end) = (stream.certificates(), stream.end());
    let asked = timeout(options.timeout, ask(stream, request));
    let (date, answer) = match asked.await {
        Ok(Ok(answered)) => answered,
        Ok(Err(error)) => return Err(unanswered(&error, &end)),
        Err(_) => {
            let todo = "look whether the system is overloaded, or give it a longer `timeout`";
            return Err(ProbeError::new(format!("no answer within {:?}", options.timeout), todo));
        }
    };
    let answered = began.elapsed() - connected;
    Ok(Probe { connected, answered, health: health(answer)?, date, certificates })
}

type Answer = (Option<SystemTime>, Result<Bytes, SendError>);

async fn ask(stream: Noted, request: Request<Full<Bytes>>) -> Result<Answer, hyper::Error> {
    let (mut sender, connection) =
        conn::http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), stream).await?;
    let driver = tokio::spawn(connection);
    let answer = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let date = head.headers.get(DATE);
        let date = date.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        Ok((date, reply::read(&head, body, LONGEST_ANSWER).await))
    };
    let answer = answer.await;
    driver.abort();
    answer
}

fn health(answer: Result<Bytes, SendError>) -> Result<Health, ProbeError> {
    let error = match answer {
        Ok(message) => {
            let status = HealthCheckResponse::decode(message).map(|response| response.status());
            return Ok(match status {
                Ok(ServingStatus::Serving) => Health::Serving,
                Ok(ServingStatus::NotServing) => Health::NotServing,
                Ok(_) | Err(_) => Health::NotTold,
            });
        }
        Err(error) => error,
    };
    match (error.sent, error.reason) {
        (_, "UNAUTHENTICATED" | "PERMISSION_DENIED") => Ok(Health::RefusesUs),
        (_, "UNIMPLEMENTED" | "NOT_FOUND") => Ok(Health::NotTold),
        (Sent::Refused(_) | Sent::NotDone(_), told) => Ok(Health::Failed(told)),
        // What is not gRPC is no answer at all.
        (Sent::Answered, _) | (_, reason::SERVICE_UNAVAILABLE | reason::CONNECTION_LOST) => {
            Err(ProbeError::new(error.message, error.advice.unwrap_or("look into the system's own log")))
        }
        (_, told) => Ok(Health::Failed(told)),
    }
}

fn unanswered(error: &hyper::Error, end: &End) -> ProbeError {
    match end.cause() {
        // The error itself does not say what was wrong with the certificates, but it was this side's that came late.
        Some(Cause::Tls) => ProbeError::refused(Refusal::RefusesUs, ADDRESS, REFUSES_US),
        _ if http2(error).is_some_and(h2::Error::is_library) => {
            ProbeError::new("what answers does not speak HTTP/2", "see the system's `address`")
        }
        _ => ProbeError::new(
            "the connection was lost before an answer",
            "look whether it speaks HTTP/2 at this `address`, and into the system's own log",
        ),
    }
}

/// The option that has the system's address, and what to do where it refuses this side's certificates.
const ADDRESS: &str = "address";
const REFUSES_US: &str = "it may want a certificate (`tls: { cert, key }`), or another one than it gets; or it does not speak HTTP/2";

fn unconnected(error: &(dyn std::error::Error + 'static)) -> ProbeError {
    ProbeError::unconnected(error, ADDRESS, REFUSES_US)
}
