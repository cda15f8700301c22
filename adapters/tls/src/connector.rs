//! Making a connection for HTTP: name lookup, TCP and TLS under one limit of time, and errors that say which of them failed.

use std::{
    error::Error,
    future::Future,
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
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower::Service;

type Boxed<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Connects within a limit of time.
#[derive(Clone)]
pub struct Connector {
    connector: HttpsConnector<HttpConnector<Resolver>>,
    limit: Duration,
}

impl Connector {
    /// With TLS like this for `https`, and none for `http`.
    pub fn new(tls: ClientConfig, limit: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver);
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = HttpsConnector::from((tcp, tls));
        Self { connector, limit }
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("limit", &self.limit).finish_non_exhaustive()
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
#[derive(Debug, Clone)]
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
    /// The name leads nowhere.
    #[error("the host's name has no address")]
    NoAddress,
    /// The limit of time came first.
    #[error("connecting took too long")]
    TooSlow,
}
