//! The listener: HTTP/1.1 and HTTP/2 without TLS on one port; `/livez`, `/readyz` and `/metrics` in plain text, the admin
//! API by gRPC.

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use portolan_delivery::{BoxFuture, Operator};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tonic::body::Body;

use crate::{ConsoleError, ConsoleOptions, admin::Admin};

/// Whether the gateway takes calls.
pub type Readiness = Arc<dyn Fn() -> bool + Send + Sync>;

/// What is counted, in the Prometheus text format 0.0.4.
pub type Metrics = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// The gateway that a console tells of.
pub struct Gateway {
    /// Whom operators ask.
    pub operator: Arc<dyn Operator>,
    /// Whether it takes calls.
    pub readiness: Readiness,
    /// What it counts.
    pub metrics: Metrics,
}

/// Where the gateway is put once it has begun. Until then a console tells that the process lives, and is not ready.
pub type Begun = Arc<OnceLock<Gateway>>;

/// How long calls may run on once the console is to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// The console, bound to its address.
pub struct ConsoleServer {
    listener: TcpListener,
    address: SocketAddr,
    answers: Arc<Answers>,
    connections: Arc<Semaphore>,
}

/// What every connection shares.
struct Answers {
    begun: Begun,
    admin: Admin,
    patience: Duration,
}

impl ConsoleServer {
    /// Takes the address, so that a taken one is known before anything is served.
    pub async fn bind(options: ConsoleOptions, begun: Begun) -> Result<Self, ConsoleError> {
        let failed = |reason| ConsoleError::Bind { address: options.listen, reason };
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let admin = Admin {
            begun: begun.clone(),
            token: options.token,
            max_request_bytes: options.max_request_bytes,
        };
        let answers = Arc::new(Answers { begun, admin, patience: options.patience });
        Ok(Self {
            listener,
            address,
            answers,
            connections: Arc::new(Semaphore::new(options.max_connections)),
        })
    }

    /// The address, with the port that the system chose.
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` resolves, then lets calls under way finish.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let mut server = auto::Builder::new(TokioExecutor::new());
        server.http1().timer(TokioTimer::new()).header_read_timeout(self.answers.patience);
        server
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(30))
            .max_concurrent_streams(64);
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let next = async {
                let permit = self.connections.clone().acquire_owned().await.ok()?;
                Some((self.listener.accept().await, permit))
            };
            let (stream, permit) = tokio::select! {
                () = &mut stop => break,
                next = next => match next {
                    Some((Ok((stream, _)), permit)) => (stream, permit),
                    // Out of file descriptors, most likely: connections that end make room.
                    Some((Err(error), _)) => {
                        tracing::warn!(%error, "a connection to the console was not accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                    None => break,
                },
            };
            let connection = self.connection(&server, &graceful, stream);
            tokio::spawn(async move {
                connection.await;
                drop(permit);
            });
        }
        drop(self.listener);
        let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
    }

    /// One connection until it ends, or brings no request in time: probing for the protocol knows no timeout by itself.
    fn connection(
        &self,
        server: &auto::Builder<TokioExecutor>,
        graceful: &GracefulShutdown,
        stream: TcpStream,
    ) -> impl Future<Output = ()> + Send + use<> {
        let _ = stream.set_nodelay(true);
        let asked = Arc::new(AtomicBool::new(false));
        let (answers, patience) = (self.answers.clone(), self.answers.patience);
        let service = {
            let asked = asked.clone();
            service_fn(move |request| {
                asked.store(true, Ordering::Relaxed);
                let answers = answers.clone();
                async move { Ok::<_, std::convert::Infallible>(answers.answer(request).await) }
            })
        };
        let served = server.serve_connection(TokioIo::new(stream), service).into_owned();
        let served = graceful.watch(served);
        async move {
            let mut served = std::pin::pin!(served);
            tokio::select! {
                _ = &mut served => return,
                () = tokio::time::sleep(patience) => {}
            }
            if asked.load(Ordering::Relaxed) {
                let _ = served.await;
            }
        }
    }
}

impl Answers {
    async fn answer(&self, request: http::Request<Incoming>) -> Response<Body> {
        let grpc = request
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|v| v.as_bytes().starts_with(b"application/grpc"));
        if grpc {
            let call = self.admin.call(request);
            return match tokio::time::timeout(self.patience, call).await {
                Ok(response) => response,
                Err(_) => tonic::Status::deadline_exceeded("the call took too long").into_http(),
            };
        }
        let read = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/livez" | "/readyz" | "/metrics" if !read => {
                text(StatusCode::METHOD_NOT_ALLOWED, "only GET here\n")
            }
            "/livez" => text(StatusCode::OK, "alive\n"),
            "/readyz" if self.begun.get().is_some_and(|gateway| (gateway.readiness)()) => {
                text(StatusCode::OK, READY)
            }
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, NOT_READY),
            "/metrics" => match self.begun.get() {
                Some(gateway) => match tokio::time::timeout(self.patience, (gateway.metrics)()).await {
                    Ok(metrics) => plain(StatusCode::OK, METRICS, metrics.into()),
                    Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "counting took too long\n"),
                },
                None => text(StatusCode::SERVICE_UNAVAILABLE, "nothing is counted yet\n"),
            },
            _ => text(
                StatusCode::NOT_FOUND,
                "there are /livez, /readyz, /metrics and the gRPC service portolan.admin.v1.Admin\n",
            ),
        }
    }
}

/// What `/readyz` says.
pub(crate) const READY: &str = "ready\n";
pub(crate) const NOT_READY: &str = "not taking calls\n";

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

fn text(status: StatusCode, body: &'static str) -> Response<Body> {
    plain(status, TEXT, Bytes::from_static(body.as_bytes()))
}

fn plain(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
