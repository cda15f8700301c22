//! The body of a request, which remembers whether it was asked for: the only proof that a call was not sent.
//!
//! The HTTP client writes the head into a buffer, then takes the body, and flushes both together. As long as it has not
//! taken the body, the system cannot have the message, whatever error came of it.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use portolan_delivery::Sent;

/// Whether a payload was taken for sending.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken(Arc<AtomicBool>);

impl Taken {
    /// What may be said of the call if it fails now.
    pub(crate) fn sent(&self) -> Sent {
        if self.0.load(Ordering::Acquire) { Sent::Maybe } else { Sent::No }
    }
}

/// One envelope.
#[derive(Debug)]
pub(crate) struct Payload {
    bytes: Option<Bytes>,
    taken: Taken,
}

impl Payload {
    /// The envelope, with the witness of its being taken.
    pub(crate) fn new(bytes: Bytes, taken: Taken) -> Self {
        Self { bytes: Some(bytes), taken }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.taken.0.store(true, Ordering::Release);
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
