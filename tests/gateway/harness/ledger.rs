//! A gRPC system inside the test process, which counts what it was told.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{Request, Response, body::Frame, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

type Told = Arc<Mutex<BTreeMap<Vec<u8>, usize>>>;

/// Until it is dropped.
pub(crate) struct Ledger {
    told: Told,
    serving: tokio::task::JoinHandle<()>,
    pub(crate) address: SocketAddr,
}

impl Ledger {
    /// One that answers every call with an empty message.
    pub(crate) async fn start(address: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind(address.unwrap_or(([127, 0, 0, 1], 0).into())).await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = Told::default();
        let serving = tokio::spawn(accept(listener, told.clone()));
        Self { told, serving, address }
    }

    /// How often it was told each message.
    pub(crate) fn told(&self) -> BTreeMap<Vec<u8>, usize> {
        self.told.lock().unwrap().clone()
    }

    /// Of how many messages.
    pub(crate) fn count(&self) -> usize {
        self.told.lock().unwrap().len()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener, told: Told) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let told = told.clone();
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(request, told.clone()));
                    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

type Answer = StreamBody<tokio_stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

async fn answer(request: Request<Incoming>, told: Told) -> Result<Response<Answer>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    *told.lock().unwrap().entry(body[5..].to_vec()).or_default() += 1;
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let frames = vec![Ok(Frame::data(Bytes::from_static(&[0; 5]))), Ok(Frame::trailers(trailers))];
    let answer = Response::builder().header("content-type", "application/grpc");
    Ok(answer.body(StreamBody::new(tokio_stream::iter(frames))).unwrap())
}
