//! The beginning of HTTP/2 (RFC 9113, section 3.4), read before the connection is handed on: nothing else bounds the time
//! of who connects and then says nothing, and it tells HTTP/2 from HTTP/1.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream whose other side has begun to speak. Reading it gives what was said once more.
pub(crate) struct Opened<S> {
    stream: S,
    said: [u8; PREFACE.len()],
    /// How much of it was given again, and how much there is.
    given: usize,
    read: usize,
    /// Whether it is HTTP/2; HTTP/1 otherwise.
    pub(crate) is_http2: bool,
}

/// Reads the preface; where something else comes, it is taken for HTTP/1 if that is spoken, and is an error if not.
pub(crate) async fn read<S: AsyncRead + Unpin>(mut stream: S, http1: bool) -> io::Result<Opened<S>> {
    let (mut said, mut read) = ([0; PREFACE.len()], 0);
    while read < PREFACE.len() && said[..read] == PREFACE[..read] {
        match stream.read(&mut said[read..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => read += more,
        }
    }
    let is_http2 = said == *PREFACE;
    if !is_http2 && !http1 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the other side does not speak HTTP/2"));
    }
    Ok(Opened { stream, said, given: 0, read, is_http2 })
}

impl<S: AsyncRead + Unpin> AsyncRead for Opened<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(again) = self.said.get(self.given..self.read).filter(|again| !again.is_empty()) else {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        };
        let now = again.len().min(buffer.remaining());
        buffer.put_slice(&again[..now]);
        self.given += now;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Opened<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
