//! Asking a target, as the engine does.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use portolan_delivery::{MessageId, Outgoing, SendError, Target};
use portolan_grpc::{GrpcTarget, system::Options};
use portolan_schema::Protocol;

/// Longer than any answer takes.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A system without TLS.
pub(crate) fn options(address: SocketAddr) -> Options {
    Options::new(format!("http://{address}"))
}

/// A call of a method of `test.Ledger`.
pub(crate) fn outgoing(method: &str, payload: impl Into<Bytes>) -> Outgoing {
    let protocol = Protocol::Grpc {
        path: format!("/test.Ledger/{method}"),
        client_streaming: false,
        server_streaming: false,
        long_running: None,
    };
    Outgoing {
        message: MessageId::generate(),
        payload: payload.into(),
        protocol: Arc::new(protocol),
        timeout: LONG,
        idempotency_key: None,
        traceparent: None,
    }
}

/// The answer to one.
pub(crate) async fn ask(
    target: &GrpcTarget,
    method: &str,
    payload: impl Into<Bytes>,
) -> Result<Bytes, SendError> {
    check(target.send(outgoing(method, payload)).await)
}

/// The same, within a time.
pub(crate) async fn ask_within(
    target: &GrpcTarget,
    method: &str,
    payload: impl Into<Bytes>,
    timeout: Duration,
) -> Result<Bytes, SendError> {
    check(target.send(Outgoing { timeout, ..outgoing(method, payload) }).await)
}

/// No failure tells an address.
fn check(answer: Result<Bytes, SendError>) -> Result<Bytes, SendError> {
    if let Err(error) = &answer {
        let shown = format!("{error} {:?}", error.advice);
        assert!(!shown.contains("127.0.0.1") && !shown.contains("localhost"), "{shown}");
    }
    answer
}
