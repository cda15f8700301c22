//! The response and its body: one message and trailers for a unary call, trailers alone for a failure, messages as they
//! come for the streams of health and reflection.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use hyper::body::{Body, Frame, SizeHint};
use portolan_delivery::Failure;
use tokio::sync::mpsc;

use crate::{
    admission::Admitted,
    codec::{Encoding, GRPC_ACCEPT_ENCODING, GRPC_ENCODING},
    refusal,
    status::{self, GRPC_STATUS},
};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// The body of a response.
pub(crate) enum Reply {
    /// Headers said it all.
    Empty,
    /// A framed message, then `grpc-status: 0`. The call counts as being served until it is written out or given up.
    Message { frame: Option<Bytes>, ended: bool, admitted: Option<Admitted> },
    /// All of a reply of gRPC-Web, trailers too. It counts as a message does.
    Whole { bytes: Option<Bytes>, _admitted: Option<Admitted> },
    /// Framed messages until the sender ends, then its status.
    Stream { messages: mpsc::Receiver<Result<Bytes, Failure>>, ended: bool },
}

/// A unary call's reply, its frame made by [`crate::codec`].
pub(crate) fn message(frame: Bytes, encoding: Encoding, admitted: Option<Admitted>) -> Response<Reply> {
    let mut response = Response::new(Reply::Message { frame: Some(frame), ended: false, admitted });
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    if encoding == Encoding::Gzip {
        response.headers_mut().insert(GRPC_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// A stream of replies.
pub(crate) fn stream(messages: mpsc::Receiver<Result<Bytes, Failure>>) -> Response<Reply> {
    let mut response = Response::new(Reply::Stream { messages, ended: false });
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}

/// A failure, told by headers alone ("Trailers-Only").
pub(crate) fn failed(failure: &Failure) -> Response<Reply> {
    let mut response = Response::new(Reply::Empty);
    let headers = response.headers_mut();
    *headers = status::trailers(failure);
    headers.insert(CONTENT_TYPE, GRPC);
    if failure.reason == refusal::UNSUPPORTED_ENCODING {
        headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip"));
    }
    response
}

/// What is not gRPC at all is answered in plain HTTP.
pub(crate) fn not_grpc(status: StatusCode) -> Response<Reply> {
    let mut response = Response::new(Reply::Empty);
    *response.status_mut() = status;
    response
}

/// The trailers of a call that succeeded.
pub(crate) fn ok_trailers() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    trailers
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match self.get_mut() {
            Self::Empty => None,
            Self::Message { frame, ended, .. } => match frame.take() {
                Some(frame) => Some(Frame::data(frame)),
                None if *ended => None,
                None => {
                    *ended = true;
                    Some(Frame::trailers(ok_trailers()))
                }
            },
            Self::Whole { bytes, .. } => bytes.take().map(Frame::data),
            Self::Stream { ended: true, .. } => None,
            Self::Stream { messages, ended } => match std::task::ready!(messages.poll_recv(context)) {
                Some(Ok(frame)) => Some(Frame::data(frame)),
                Some(Err(failure)) => {
                    *ended = true;
                    Some(Frame::trailers(status::trailers(&failure)))
                }
                None => {
                    *ended = true;
                    Some(Frame::trailers(ok_trailers()))
                }
            },
        };
        Poll::Ready(next.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole { bytes, .. } => bytes.is_none(),
            Self::Message { ended, .. } | Self::Stream { ended, .. } => *ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { bytes, .. } => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            // A known size would become a content-length header, which gRPC does not have.
            Self::Empty | Self::Message { .. } | Self::Stream { .. } => SizeHint::default(),
        }
    }
}
