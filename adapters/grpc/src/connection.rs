//! One connection: TLS where it is configured, then HTTP/2, or HTTP/1.1 for gRPC-Web, until the other side goes, goes silent, or the source drains.

use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::Arc,
};

use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    GrpcOptions, caller,
    preface::{self, Opened},
    service::{Service, until_draining},
};

/// TLS for the connections that come, and how many may be shaking hands.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) handshakes: Semaphore,
}

/// Serves a connection to its end. That it broke is its caller's matter and of use in a trace only.
pub(crate) async fn serve(
    stream: TcpStream,
    tls: Option<Arc<Tls>>,
    service: Arc<Service>,
    draining: watch::Receiver<bool>,
) {
    // Without this the first reply of a connection waits for the other side's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was lost before it began");
        return;
    }
    let http1 = service.options.web.is_some();
    let begun = timeout(service.options.handshake_timeout, begin(stream, tls.as_deref(), http1)).await;
    match begun {
        Ok(Ok(Begun::Plain(stream))) => http(stream, None, service, draining).await,
        Ok(Ok(Begun::Tls(stream, caller))) => http(*stream, caller, service, draining).await,
        Ok(Err(error)) => tracing::debug!(%error, "a connection failed before HTTP began"),
        Err(_) => tracing::debug!("a connection took too long to begin"),
    }
}

enum Begun {
    Plain(Opened<TcpStream>),
    Tls(Box<Opened<TlsStream<TcpStream>>>, Option<Arc<str>>),
}

async fn begin(stream: TcpStream, tls: Option<&Tls>, http1: bool) -> io::Result<Begun> {
    let Some(tls) = tls else {
        return Ok(Begun::Plain(preface::read(stream, http1).await?));
    };
    let turn = tls.handshakes.acquire().await.map_err(io::Error::other)?;
    let stream = tls.acceptor.accept(stream).await?;
    drop(turn);
    let caller = match stream.get_ref().1.peer_certificates() {
        None | Some([]) => None,
        Some([certificate, ..]) => Some(caller::name(certificate).ok_or_else(|| {
            io::Error::new(io::ErrorKind::PermissionDenied, "the client's certificate names nobody")
        })?),
    };
    Ok(Begun::Tls(Box::new(preface::read(stream, http1).await?), caller))
}

async fn http<S>(
    stream: Opened<S>,
    caller: Option<Arc<str>>,
    service: Arc<Service>,
    draining: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (http1, http2) = (for_http1(&service.options), for_http2(&service.options));
    let is_http2 = stream.is_http2;
    let answer = service_fn(move |request: hyper::Request<Incoming>| {
        let (service, caller) = (Arc::clone(&service), caller.clone());
        // Boxed, because on its way into a task of its own a future is moved more than once.
        Box::pin(async move { Ok::<_, Infallible>(service.handle(caller, request).await) })
    });
    let stream = TokioIo::new(stream);
    match is_http2 {
        true => {
            let connection = http2.serve_connection(stream, answer);
            until_ended(connection, http2::Connection::graceful_shutdown, draining).await;
        }
        false => {
            let connection = http1.serve_connection(stream, answer);
            until_ended(connection, http1::Connection::graceful_shutdown, draining).await;
        }
    }
}

/// Drives a connection to its end, which is asked for where the source drains.
async fn until_ended<C>(connection: C, end: impl FnOnce(Pin<&mut C>), mut draining: watch::Receiver<bool>)
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = until_draining(&mut draining) => {
            end(connection.as_mut());
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended in an error");
    }
}

/// HTTP/1.1, which only gRPC-Web has use for: a request at a time, and the time of silence between two is bounded as that
/// before the first.
fn for_http1(options: &GrpcOptions) -> http1::Builder {
    /// The least that hyper takes.
    const LEAST: usize = 8 << 10;
    let head = usize::try_from(options.max_header_bytes).unwrap_or(LEAST);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(options.handshake_timeout)
        .max_buf_size(head.max(LEAST));
    builder
}

/// A stream's window lets a message of ordinary size come in without a round trip; the connection's keeps one caller's
/// unread messages bounded.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 2 << 20;

fn for_http2(options: &GrpcOptions) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(options.max_calls_per_connection)
        .max_header_list_size(options.max_header_bytes)
        .keep_alive_interval(options.keepalive_interval)
        .keep_alive_timeout(options.keepalive_timeout)
        // gRPC has no use for it.
        .auto_date_header(false);
    builder
}
