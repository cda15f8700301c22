//! A system on tonic that does what a method's name says.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use portolan_delivery::BoxFuture;
use portolan_grpc::Raw;
use tokio::net::TcpListener;
use tonic::{
    Code, Request, Response, Status,
    body::Body,
    server::{Grpc, NamedService, UnaryService},
    transport::{Server, ServerTlsConfig, server::TcpIncoming},
};

/// The service `test.Ledger`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// The calls that came.
    calls: Arc<AtomicUsize>,
}

impl Ledger {
    /// How many calls came.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Serves until the test ends.
    pub(crate) async fn serve(&self, tls: Option<ServerTlsConfig>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_service_status("", tonic_health::ServingStatus::Serving).await;
        let mut server = Server::builder();
        if let Some(tls) = tls {
            server = server.tls_config(tls).unwrap();
        }
        let serving = server.add_service(self.clone()).add_service(health_service);
        tokio::spawn(serving.serve_with_incoming(TcpIncoming::from(listener)));
        address
    }
}

impl NamedService for Ledger {
    const NAME: &'static str = "test.Ledger";
}

impl tower::Service<http::Request<Body>> for Ledger {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let method = Method(request.uri().path().rsplit('/').next().unwrap_or_default().to_owned());
        Box::pin(async move { Ok(Grpc::new(Raw).unary(method, request).await) })
    }
}

struct Method(String);

impl UnaryService<Bytes> for Method {
    type Response = Bytes;
    type Future = BoxFuture<'static, Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let method = self.0.clone();
        Box::pin(async move {
            let said = String::from_utf8_lossy(request.get_ref()).into_owned();
            match method.as_str() {
                "Echo" => Ok(Response::new(request.into_inner())),
                "Metadata" => {
                    let headers = request.metadata().clone().into_headers();
                    let mut lines: Vec<_> = headers
                        .iter()
                        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                        .collect();
                    lines.sort();
                    Ok(Response::new(lines.join("\n").into()))
                }
                "Big" => Ok(Response::new(vec![7; said.parse().unwrap()].into())),
                "Slow" => {
                    tokio::time::sleep(Duration::from_millis(said.parse().unwrap())).await;
                    Ok(Response::new(Bytes::from_static(b"late")))
                }
                "Fail" => {
                    let (code, words) = said.split_once(' ').unwrap();
                    Err(Status::new(Code::from(code.parse::<i32>().unwrap()), words))
                }
                _ => Err(Status::unimplemented("no such method")),
            }
        })
    }
}
