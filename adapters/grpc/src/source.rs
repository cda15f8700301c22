//! The gRPC source: binds, accepts connections, and drains.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use portolan_delivery::Intake;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::{
    GrpcOptions,
    admission::Admission,
    connection::{self, Tls},
    descriptors::Descriptors,
    error::BindError,
    service::Service,
    tls,
};

/// The gRPC source.
#[derive(Debug)]
pub struct GrpcSource;

impl GrpcSource {
    /// Reads the certificates and listens. Connections are taken once [`Bound::serve`] runs.
    pub async fn bind(options: GrpcOptions, intake: Arc<dyn Intake>) -> Result<Bound, BindError> {
        for (option, value) in [
            ("max-request-bytes", options.max_request_bytes),
            ("max-connections", options.max_connections),
            ("max-calls-per-connection", usize::try_from(options.max_calls_per_connection).unwrap_or(1)),
            ("max-calls", options.max_calls),
            ("max-handshakes", options.max_handshakes),
        ] {
            if value == 0 {
                return Err(BindError::Zero { option });
            }
        }
        let tls = match &options.tls {
            None => None,
            Some(tls) => Some(Arc::new(Tls {
                acceptor: tls::acceptor(tls, options.web.is_some())?,
                handshakes: Semaphore::new(options.max_handshakes),
            })),
        };
        let refused = |source| BindError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(refused)?;
        let local_addr = listener.local_addr().map_err(refused)?;
        Ok(Bound { listener, local_addr, tls, options, intake })
    }
}

/// A source that listens.
pub struct Bound {
    listener: TcpListener,
    local_addr: SocketAddr,
    tls: Option<Arc<Tls>>,
    options: GrpcOptions,
    intake: Arc<dyn Intake>,
}

/// How a source ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Calls that had not ended when the time to drain was over; 0 is a clean end.
    pub abandoned_calls: usize,
}

/// After an accept that failed for want of something (file descriptors), trying again at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Bound {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` resolves; then takes no more connections, tells every caller to go elsewhere (GOAWAY), and
    /// waits for the calls in flight, within the time to drain.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Drained {
        let Self { listener, tls, options, intake, .. } = self;
        let (drain, draining) = watch::channel(false);
        let admission = Admission::new(options.max_calls);
        let (max_connections, drain_timeout) = (options.max_connections, options.drain_timeout);
        let service = Arc::new(Service {
            intake,
            admission: admission.clone(),
            descriptors: Descriptors::default(),
            draining: draining.clone(),
            options,
        });
        let mut connections = JoinSet::new();
        let mut full = false;
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let stream: TcpStream = tokio::select! {
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => continue,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            if connections.len() >= max_connections {
                if !std::mem::replace(&mut full, true) {
                    tracing::warn!(max_connections, "connections are refused: there are as many as may be");
                }
                continue;
            }
            full = false;
            let (tls, service, draining) = (tls.clone(), Arc::clone(&service), draining.clone());
            connections.spawn(connection::serve(stream, tls, service, draining));
        }
        drop(listener);
        drain.send_replace(true);
        let all = async { while connections.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(drain_timeout, all).await.is_ok();
        let abandoned_calls = if in_time { 0 } else { admission.served() };
        connections.shutdown().await;
        Drained { abandoned_calls }
    }
}
