//! One call: which method it is, the message read within its bounds, the intake asked, the answer told. One service
//! answers every path, so that a route that comes or goes changes nothing here.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, request};
use http_body_util::Full;
use hyper::body::Incoming;
use portolan_delivery::{Answer, Call, Failure, Intake, Timestamp};
use tokio::sync::watch;

use crate::{
    GrpcOptions,
    admission::{Admission, Admitted},
    built_in::{BuiltIn, Unary},
    codec::{self, Encoding, Messages},
    deadline,
    descriptors::Descriptors,
    health, metadata, operations, reflection, refusal,
    reply::{self, Reply},
    web::{self, Framing},
};

/// What all connections share.
pub(crate) struct Service {
    pub(crate) intake: Arc<dyn Intake>,
    pub(crate) options: GrpcOptions,
    pub(crate) admission: Admission,
    pub(crate) descriptors: Descriptors,
    /// Whether the source is shutting down.
    pub(crate) draining: watch::Receiver<bool>,
}

/// What a built-in method has to know of its caller.
pub(crate) struct Caller {
    /// Who calls, where that is authenticated.
    pub(crate) name: Option<Arc<str>>,
    /// When it stops waiting.
    pub(crate) deadline: Option<Timestamp>,
    /// When the call came in.
    pub(crate) received: Timestamp,
}

impl Service {
    /// Answers a request, whatever it is.
    pub(crate) async fn handle(
        self: Arc<Self>,
        caller: Option<Arc<str>>,
        request: Request<Incoming>,
    ) -> Response<Reply> {
        let web = self.options.web.as_ref();
        if let Some(response) = web.and_then(|web| web::preflight(web, &request)) {
            return response;
        }
        let framing = match Framing::of(request.headers()) {
            Some(Framing::Grpc) if request.version() != Version::HTTP_2 => {
                return reply::not_grpc(StatusCode::HTTP_VERSION_NOT_SUPPORTED);
            }
            Some(framing) if framing == Framing::Grpc || web.is_some() => framing,
            _ => return reply::not_grpc(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        };
        if request.method() != Method::POST {
            return reply::not_grpc(StatusCode::METHOD_NOT_ALLOWED);
        }
        let (head, body) = request.into_parts();
        let answer = Arc::clone(&self).answer(caller, framing, &head, body).await;
        let response = answer.unwrap_or_else(|failure| reply::failed(&failure));
        match (framing, web) {
            (Framing::Web | Framing::WebText, Some(web)) => {
                let mut response = web::translated(response, framing);
                web::expose(web, &head.headers, &mut response);
                response
            }
            _ => response,
        }
    }

    async fn answer(
        self: Arc<Self>,
        caller: Option<Arc<str>>,
        framing: Framing,
        head: &request::Parts,
        body: Incoming,
    ) -> Result<Response<Reply>, Failure> {
        let method = head.uri.path();
        let built_in = BuiltIn::find(method, self.options.reflection);
        let refused = |failure| {
            if built_in.is_none() {
                self.intake.refused(method, &failure);
            }
            failure
        };
        if built_in.is_none() && !self.intake.serves(method) {
            return Err(refused(refusal::unknown_method()));
        }
        let encoding = codec::encoding(&head.headers).map_err(refused)?;
        let received = Timestamp::now();
        let deadline = match head.headers.get("grpc-timeout") {
            None => None,
            Some(value) => {
                let timeout = deadline::parse(value.as_bytes());
                let timeout = timeout.ok_or_else(|| refused(refusal::malformed_timeout()))?;
                Some(received.plus(timeout))
            }
        };
        let caller = Caller { name: caller, deadline, received };
        match built_in {
            None => {
                let admitted = self.admit().map_err(refused)?;
                let payload = self.read((body, framing), encoding, self.options.max_request_bytes).await;
                let payload = payload.map_err(refused)?;
                let call = Call {
                    method: Arc::from(method),
                    payload,
                    metadata: metadata::text(&head.headers),
                    deadline: caller.deadline,
                    caller: caller.name,
                    received,
                };
                let message = match self.intake.call(call).await {
                    Answer::Reply(message) => message,
                    Answer::Operation(view) => operations::encode(&view),
                    Answer::Failed(failure) => return Err(failure),
                };
                self.reply(message, encoding, &head.headers, Some(admitted)).await
            }
            Some(BuiltIn::Unary(unary)) => {
                let admitted = self.admit()?;
                let payload = self.read((body, framing), encoding, SMALL).await?;
                let message = match unary {
                    Unary::HealthCheck => health::check(&self, &payload)?,
                    Unary::Operations(which) => {
                        Box::pin(operations::answer(&self, which, &payload, caller)).await?
                    }
                };
                self.reply(message, encoding, &head.headers, Some(admitted)).await
            }
            Some(BuiltIn::HealthWatch | BuiltIn::Reflection) if framing != Framing::Grpc => {
                Err(refusal::streams_over_the_web())
            }
            Some(BuiltIn::HealthWatch) => {
                let payload = self.read((body, framing), encoding, SMALL).await?;
                Ok(reply::stream(health::watch(self, &payload)?))
            }
            Some(BuiltIn::Reflection) => {
                Ok(reply::stream(reflection::serve(self, Messages::new(body, encoding, SMALL))))
            }
        }
    }

    fn admit(&self) -> Result<Admitted, Failure> {
        self.admission.admit().ok_or_else(|| refusal::too_many_calls(self.options.max_calls))
    }

    async fn read(
        &self,
        (body, framing): (Incoming, Framing),
        encoding: Encoding,
        limit: usize,
    ) -> Result<Bytes, Failure> {
        let timeout = self.options.request_timeout;
        if framing == Framing::WebText {
            let frames = within(timeout, web::decoded(body, limit)).await??;
            return Messages::new(Full::new(frames), encoding, limit).only().await;
        }
        within(timeout, Messages::new(body, encoding, limit).only()).await?
    }

    async fn reply(
        &self,
        message: Bytes,
        request: Encoding,
        headers: &HeaderMap,
        admitted: Option<Admitted>,
    ) -> Result<Response<Reply>, Failure> {
        let wanted = request == Encoding::Gzip || message.len() >= self.options.compress_from;
        let (frame, encoding) = if wanted && codec::accepts_gzip(headers) {
            (codec::framed_gzip(message).await, Encoding::Gzip)
        } else {
            (codec::framed(&message), Encoding::Identity)
        };
        Ok(reply::message(frame.ok_or_else(refusal::internal)?, encoding, admitted))
    }
}

/// The largest request of the services that the source itself serves.
const SMALL: usize = 64 << 10;

/// A message that is there already, which nearly all are, costs no timer.
async fn within<T>(timeout: Duration, reading: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(timeout, reading).await.map_err(|_| refusal::too_slow(timeout))
}

/// Resolves once the source shuts down.
pub(crate) async fn until_draining(draining: &mut watch::Receiver<bool>) {
    // An error says that the source itself is gone.
    drop(draining.wait_for(|draining| *draining).await);
}
