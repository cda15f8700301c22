//! What is known of a call that ended early: how its connection ended, and what HTTP/2 says of its stream.
//!
//! HTTP/2 tells the calls on a connection no more than that it ended. But a server that refuses a certificate in TLS 1.3 says
//! so when the calls are already on their way, and they were not sent then: so each connection notes what ended it.

use std::{
    error::Error,
    io,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use h2::Reason;
use http::{Extensions, Uri, uri::Scheme};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use portolan_delivery::BoxFuture;
use portolan_tls::{Cause, Connector};
use tokio::net::TcpStream;
use tower::Service;

use super::{Options, OptionsError};

/// What HTTP/2 says of a call, where it does.
pub(super) fn http2<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a h2::Error> {
    std::iter::successors(Some(error), |error| (*error).source())
        .take(16)
        .find_map(|error| error.downcast_ref())
}

/// Whether the server said that it did not process the request: by a refused stream (RFC 9113, section 8.7), or by a GOAWAY
/// that names an earlier stream as the last (section 6.8). The h2 crate ends streams by a GOAWAY of the server only where
/// they are beyond the last.
pub(super) fn was_not_processed(error: &h2::Error) -> bool {
    error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM))
}

/// What ended a connection, once it has.
#[derive(Debug, Clone, Default)]
pub(super) struct End(Arc<OnceLock<Cause>>);

impl End {
    /// Of the connection that a call was given.
    pub(super) fn of(connection: &Connected) -> Option<Cause> {
        let mut extras = Extensions::new();
        connection.get_extras(&mut extras);
        extras.get::<Self>().and_then(|end| end.0.get().copied())
    }

    fn note<T>(&self, outcome: Result<T, io::Error>) -> Result<T, io::Error> {
        if let Err(error) = &outcome {
            // The first error is the reason of all that follow.
            self.0.get_or_init(|| Cause::of(error));
        }
        outcome
    }
}

/// Makes connections that note what ends them.
#[derive(Debug, Clone)]
pub(super) struct Known(Connector);

impl Known {
    /// As the options say.
    pub(super) fn new(options: &Options) -> Result<Self, OptionsError> {
        if options.connect_timeout.is_zero() {
            return Err(OptionsError::Zero("connect-timeout"));
        }
        let encrypted = options.uri()?.scheme() == Some(&Scheme::HTTPS);
        let mut tls = if encrypted { options.tls.client_config() } else { options.tls.check() }?;
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self(Connector::new(tls, options.connect_timeout)))
    }
}

impl Service<Uri> for Known {
    type Response = Noted;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Noted, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = self.0.call(to);
        Box::pin(async move { Ok(Noted { stream: connecting.await?, end: End::default() }) })
    }
}

/// A connection that notes what ends it.
pub(super) struct Noted {
    pub(super) stream: MaybeHttpsStream<TokioIo<TcpStream>>,
    end: End,
}

impl Noted {
    /// The certificates that the server showed.
    pub(super) fn certificates(&self) -> Vec<Vec<u8>> {
        match &self.stream {
            MaybeHttpsStream::Http(_) => Vec::new(),
            MaybeHttpsStream::Https(tls) => portolan_tls::certificates(tls.inner().get_ref().1),
        }
    }

    /// What ends it, once it has.
    pub(super) fn end(&self) -> End {
        self.end.clone()
    }
}

impl End {
    /// What it was.
    pub(super) fn cause(&self) -> Option<Cause> {
        self.0.get().copied()
    }
}

impl Connection for Noted {
    fn connected(&self) -> Connected {
        self.stream.connected().extra(self.end.clone())
    }
}

impl Read for Noted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        Poll::Ready(self.end.note(read))
    }
}

impl Write for Noted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // What cannot be written says less than what is still to be read: an alert may be waiting there.
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }
}
