//! Making a connection: name lookup, TCP and TLS under one limit of time, and errors that say which of them failed.

use std::{
    error::Error,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::connect::{HttpConnector, dns::Name},
    rt::TokioIo,
};
use rustls::{AlertDescription, ClientConfig};
use tokio::net::TcpStream;
use tower::Service;

use crate::error::reason;

type Boxed<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Connects within a limit of time.
#[derive(Clone)]
pub(crate) struct Connector {
    connector: HttpsConnector<HttpConnector<Resolver>>,
    limit: Duration,
}

impl Connector {
    pub(crate) fn new(tls: ClientConfig, limit: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver);
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = HttpsConnector::from((tcp, tls));
        Self { connector, limit }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Boxed<Self::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = self.connector.call(to);
        let limit = self.limit;
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(ConnectFailure::TooSlow.into()),
            }
        })
    }
}

/// Looks names up as the machine does.
#[derive(Clone)]
pub(crate) struct Resolver;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ConnectFailure;
    type Future = Boxed<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<_> = found.map_err(|_| ConnectFailure::NoAddress)?.collect();
            if found.is_empty() { Err(ConnectFailure::NoAddress) } else { Ok(found.into_iter()) }
        })
    }
}

/// What the connector itself has to say; the rest are errors of the system below.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectFailure {
    #[error("the host's name has no address")]
    NoAddress,
    #[error("connecting took too long")]
    TooSlow,
}

/// Why there is no connection, or why one was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    NoAddress,
    TooSlow,
    /// TLS before any application data: neither side has accepted the other.
    Tls,
    /// TLS, at any time.
    BrokenTls,
    Refused,
    /// Not an HTTP/1.1 server.
    NotHttp,
    Other,
}

/// An error and what it came from. Such chains are short; the bound only keeps a cycle from hanging the call.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| within(*error)).take(16)
}

fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // `io::Error::source` skips the error that it wraps.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
}

impl Cause {
    /// What TLS says of an error.
    pub(crate) fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
        chain(error).find_map(|error| error.downcast_ref())
    }

    /// Looks for the innermost thing known about an error.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Self::Other;
        for error in chain(error) {
            if let Some(failure) = error.downcast_ref::<ConnectFailure>() {
                return match failure {
                    ConnectFailure::NoAddress => Self::NoAddress,
                    ConnectFailure::TooSlow => Self::TooSlow,
                };
            }
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                return if ends_handshake(error) { Self::Tls } else { Self::BrokenTls };
            }
            if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
                cause = Self::NotHttp;
            }
            if let Some(error) = error.downcast_ref::<io::Error>() {
                match error.kind() {
                    io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable => cause = Self::Refused,
                    io::ErrorKind::TimedOut => cause = Self::TooSlow,
                    _ => {}
                }
            }
        }
        cause
    }

    /// The reason to give where the connection never stood, and what an operator is told.
    pub(crate) fn unconnected(self) -> (&'static str, &'static str) {
        match self {
            Self::NoAddress => {
                (reason::DNS_FAILED, "the host's name has no address; see the system's `endpoint`")
            }
            Self::TooSlow => (reason::TIMEOUT, "no connection within the system's `connect-timeout`"),
            Self::Tls | Self::BrokenTls => (
                reason::TLS_REFUSED,
                "TLS was refused; see the system's `tls` (`ca`, and `cert` and `key` where it asks for a certificate)",
            ),
            Self::Refused | Self::NotHttp | Self::Other => {
                (reason::CONNECTION_REFUSED, "the connection was refused; is the system up?")
            }
        }
    }
}

/// Whether this error can only come before the server has accepted the handshake, and with it any data.
///
/// In TLS 1.3 the client's last message of the handshake and its request travel together; a server that refuses the
/// client's certificate answers both by one of these alerts (RFC 8446, 6.2), having read none of the data.
fn ends_handshake(error: &rustls::Error) -> bool {
    use AlertDescription as Alert;
    match error {
        rustls::Error::AlertReceived(alert) => matches!(
            *alert,
            Alert::HandshakeFailure
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::CertificateRequired
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::DecryptError
                | Alert::ProtocolVersion
                | Alert::InsufficientSecurity
                | Alert::UnrecognisedName
        ),
        rustls::Error::InvalidCertificate(_)
        | rustls::Error::NoCertificatesPresented
        | rustls::Error::UnsupportedNameType
        | rustls::Error::PeerIncompatible(_) => true,
        _ => false,
    }
}
