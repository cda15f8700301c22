//! The methods of `portolan.admin.v1.Admin` over the [`Operator`] port: who calls is checked, the request is read, the
//! operator is asked, the answer is written.

use std::sync::Arc;

use hyper::body::Incoming;
use portolan_delivery::{Operator, OperatorError, Reloaded, Version};
use tonic::{Code, Request, Response, Status, body::Body, server::UnaryService};
use tonic_prost::ProstCodec;

use crate::{
    AdminToken, Begun, Gateway, convert,
    status::{malformed, status, to_status},
    wire,
};

/// The path of every method begins so.
pub(crate) const SERVICE: &str = "/portolan.admin.v1.Admin/";

pub(crate) struct Admin {
    pub(crate) begun: Begun,
    pub(crate) token: AdminToken,
    pub(crate) max_request_bytes: usize,
}

impl Admin {
    /// Answers a gRPC call to this service or to none.
    pub(crate) async fn call(&self, request: http::Request<Incoming>) -> http::Response<Body> {
        let offered = request.headers().get(http::header::AUTHORIZATION).map(|v| v.as_bytes());
        if !offered.is_some_and(|value| self.token.admits(value)) {
            let message = "the admin API needs the token of the gateway's `.admin-token` file as `authorization: Bearer TOKEN`";
            return status(Code::Unauthenticated, "UNAUTHENTICATED", message, None).into_http();
        }
        let method = request.uri().path().strip_prefix(SERVICE).unwrap_or_default().to_owned();
        let Some(Gateway { operator, .. }) = self.begun.get() else {
            let message = "the gateway has not begun yet: it waits for its queue, as its log says";
            return status(Code::Unavailable, "QUEUE_UNAVAILABLE", message, None).into_http();
        };
        match method.as_str() {
            "ListMessages" => self.unary(request, |r| list(operator.clone(), r)).await,
            "GetMessage" => self.unary(request, |r| get(operator.clone(), r)).await,
            "RetryMessage" => self.unary(request, |r| retry(operator.clone(), r)).await,
            "ResolveMessage" => self.unary(request, |r| resolve(operator.clone(), r)).await,
            "CountMessages" => self.unary(request, |r| counts(operator.clone(), r)).await,
            "ListFiles" => self.unary(request, |r| files(operator.clone(), r)).await,
            "GetFile" => self.unary(request, |r| file(operator.clone(), r)).await,
            "ListSent" => self.unary(request, |r| sent(operator.clone(), r)).await,
            "DecideFile" => self.unary(request, |r| decide(operator.clone(), r)).await,
            "ReleaseFile" => self.unary(request, |r| release(operator.clone(), r)).await,
            "CutFile" => self.unary(request, |r| cut(operator.clone(), r)).await,
            "ListRoutes" => self.unary(request, |r| routes(operator.clone(), r)).await,
            "ListRouteStatuses" => self.unary(request, |r| route_statuses(operator.clone(), r)).await,
            "ControlRoute" => self.unary(request, |r| control(operator.clone(), r)).await,
            "Reload" => self.unary(request, |r| reload(operator.clone(), r)).await,
            _ => status(Code::Unimplemented, "UNKNOWN_METHOD", "there is no such method here", None)
                .into_http(),
        }
    }

    async fn unary<Q, A, F, W>(&self, request: http::Request<Incoming>, work: F) -> http::Response<Body>
    where
        Q: prost::Message + Default + 'static,
        A: prost::Message + 'static,
        F: FnMut(Q) -> W,
        W: Future<Output = Result<A, Status>>,
    {
        let mut grpc = tonic::server::Grpc::new(ProstCodec::<A, Q>::default())
            .max_decoding_message_size(self.max_request_bytes)
            .max_encoding_message_size(usize::MAX);
        grpc.unary(Call(work), request).await
    }
}

/// A closure as the one-method service that tonic asks for.
struct Call<F>(F);

impl<Q, A, F, W> UnaryService<Q> for Call<F>
where
    F: FnMut(Q) -> W,
    W: Future<Output = Result<A, Status>>,
{
    type Response = A;
    type Future = Answered<W>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        Answered(Box::pin((self.0)(request.into_inner())))
    }
}

/// Wraps what the work gives into tonic's response.
struct Answered<W>(std::pin::Pin<Box<W>>);

impl<A, W: Future<Output = Result<A, Status>>> Future for Answered<W> {
    type Output = Result<Response<A>, Status>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        self.0.as_mut().poll(context).map(|answer| answer.map(Response::new))
    }
}

type Shared = Arc<dyn Operator>;

async fn list(
    operator: Shared,
    request: wire::ListMessagesRequest,
) -> Result<wire::ListMessagesResponse, Status> {
    let filter = convert::filter_in(request).map_err(malformed)?;
    operator.list(filter).await.map(convert::page_out).map_err(to_status)
}

async fn get(operator: Shared, request: wire::GetMessageRequest) -> Result<wire::Message, Status> {
    let id = convert::id_in(&request.id).map_err(malformed)?;
    operator.show(id).await.map(convert::shown_out).map_err(to_status)
}

async fn retry(operator: Shared, request: wire::RetryMessageRequest) -> Result<wire::Empty, Status> {
    let id = convert::id_in(&request.id).map_err(malformed)?;
    let version = if request.newest_version { Version::Newest } else { Version::Same };
    operator.retry(id, version).await.map(|()| wire::Empty {}).map_err(to_status)
}

async fn resolve(operator: Shared, request: wire::ResolveMessageRequest) -> Result<wire::Empty, Status> {
    let id = convert::id_in(&request.id).map_err(malformed)?;
    let resolution = request.resolution.ok_or(convert::Malformed("resolution")).map_err(malformed)?;
    let resolution = convert::resolution_in(resolution).map_err(malformed)?;
    let version = if request.newest_version { Version::Newest } else { Version::Same };
    operator.resolve(id, resolution, version).await.map(|()| wire::Empty {}).map_err(to_status)
}

async fn counts(operator: Shared, _: wire::Empty) -> Result<wire::CountMessagesResponse, Status> {
    let counts = operator.counts().await.map_err(to_status)?;
    Ok(wire::CountMessagesResponse { counts: counts.into_iter().map(convert::count_out).collect() })
}

async fn files(operator: Shared, request: wire::ListFilesRequest) -> Result<wire::ListFilesResponse, Status> {
    let direction = wire::Direction::try_from(request.direction).map_err(|_| convert::Malformed("direction"));
    let (direction, filter) = (direction.map_err(malformed)?, convert::file_filter_in(request));
    if direction == wire::Direction::Out {
        let files = operator.made_files(filter).await.map_err(to_status)?;
        return Ok(wire::ListFilesResponse { files: files.into_iter().map(convert::made_out).collect() });
    }
    let files = operator.files(filter).await.map_err(to_status)?;
    Ok(wire::ListFilesResponse { files: files.into_iter().map(convert::file_out).collect() })
}

async fn file(operator: Shared, request: wire::GetFileRequest) -> Result<wire::GetFileResponse, Status> {
    let hash = convert::file_hash_in(&request.sha256).map_err(malformed)?;
    let file = operator.file(request.route.into(), hash).await.map_err(to_status)?;
    Ok(wire::GetFileResponse { file: file.map(convert::file_out) })
}

async fn sent(operator: Shared, request: wire::ListSentRequest) -> Result<wire::ListSentResponse, Status> {
    let ids = request.ids.iter().map(|id| convert::id_in(id)).collect::<Result<_, _>>().map_err(malformed)?;
    let sent = operator.sent_in(ids).await.map_err(to_status)?;
    Ok(wire::ListSentResponse { sent: sent.into_iter().map(convert::sent_out).collect() })
}

async fn cut(operator: Shared, request: wire::CutFileRequest) -> Result<wire::CutFileResponse, Status> {
    operator.cut(request.route.into()).await.map(convert::cut_out).map_err(to_status)
}

async fn decide(operator: Shared, request: wire::DecideFileRequest) -> Result<wire::CutFileResponse, Status> {
    let decision = convert::decision_in(request.decision).map_err(malformed)?;
    let decided = operator.decide(request.route.into(), request.sequence, decision).await;
    decided.map(convert::cut_out).map_err(to_status)
}

async fn release(
    operator: Shared,
    request: wire::ReleaseFileRequest,
) -> Result<wire::GetFileResponse, Status> {
    let hash = convert::file_hash_in(&request.sha256).map_err(malformed)?;
    let released = operator.release(request.route.into(), hash, request.reason.into()).await;
    Ok(wire::GetFileResponse { file: Some(convert::file_out(released.map_err(to_status)?)) })
}

async fn routes(operator: Shared, _: wire::Empty) -> Result<wire::ListRoutesResponse, Status> {
    let routes = operator.routes().await.map_err(to_status)?;
    Ok(wire::ListRoutesResponse { routes: routes.into_iter().map(convert::route_out).collect() })
}

async fn route_statuses(operator: Shared, _: wire::Empty) -> Result<wire::ListRouteStatusesResponse, Status> {
    let statuses = operator.route_statuses().await.map_err(to_status)?;
    let routes = statuses.into_iter().map(convert::route_status_out).collect();
    Ok(wire::ListRouteStatusesResponse { routes })
}

async fn control(operator: Shared, request: wire::ControlRouteRequest) -> Result<wire::Empty, Status> {
    let control = convert::control_in(request.control).map_err(malformed)?;
    operator.control(request.route.into(), control).await.map(|()| wire::Empty {}).map_err(to_status)
}

/// Findings are an answer, not a status: they may be long, and a status travels in a header.
async fn reload(operator: Shared, _: wire::Empty) -> Result<wire::ReloadResponse, Status> {
    let (routes, findings, later) = match operator.reload().await {
        Ok(Reloaded { routes, later }) => (routes, String::new(), later),
        Err(OperatorError::Findings(text)) => (
            operator.routes().await.map_err(to_status)?,
            if text.is_empty() { "findings".to_owned() } else { text },
            None,
        ),
        Err(other) => return Err(to_status(other)),
    };
    Ok(wire::ReloadResponse { routes: routes.into_iter().map(convert::route_out).collect(), findings, later })
}
