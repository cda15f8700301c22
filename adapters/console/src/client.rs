//! The admin API from the caller's side: an [`Operator`] that asks a running gateway.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::uri::PathAndQuery;
use portolan_delivery::{
    BoxFuture, Control, Count, CutNow, FileDecision, FileFilter, FileHash, FileView, Filter, MadeView,
    MessageId, Operator, OperatorError, Page, Reloaded, Resolution, RouteStatus, RouteView, SentIn, Shown,
    Version,
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use crate::{AdminToken, ConsoleError, convert, convert::Malformed, status::from_status, wire};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// A page of messages, or one with payload and reply.
const MAX_RESPONSE_BYTES: usize = 256 << 20;

/// A running gateway, as an operator's command asks it.
#[derive(Debug, Clone)]
pub struct ConsoleClient {
    channel: Channel,
    authorization: MetadataValue<Ascii>,
}

impl ConsoleClient {
    /// Connects to `listen.http` of a gateway.
    pub async fn connect(address: SocketAddr, token: &AdminToken) -> Result<Self, ConsoleError> {
        let unreachable = || ConsoleError::Unreachable { address };
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|_| unreachable())?;
        let endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT).timeout(CALL_TIMEOUT);
        let channel = endpoint.connect().await.map_err(|_| unreachable())?;
        let mut authorization = MetadataValue::try_from(token.header()).map_err(|_| unreachable())?;
        authorization.set_sensitive(true);
        Ok(Self { channel, authorization })
    }

    async fn call<Q, A>(&self, path: &'static str, message: Q) -> Result<A, OperatorError>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let mut grpc =
            tonic::client::Grpc::new(self.channel.clone()).max_decoding_message_size(MAX_RESPONSE_BYTES);
        grpc.ready().await.map_err(|_| from_status(&Status::unavailable("")))?;
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.authorization.clone());
        let answer =
            grpc.unary(request, PathAndQuery::from_static(path), ProstCodec::<Q, A>::default()).await;
        answer.map(|response| response.into_inner()).map_err(|status| from_status(&status))
    }
}

fn foreign(problem: Malformed) -> OperatorError {
    OperatorError::Refused(format!(
        "the gateway's answer is not understood, it may be of another version: {problem}"
    ))
}

impl Operator for ConsoleClient {
    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, OperatorError>> {
        Box::pin(async move {
            let request = convert::filter_out(&filter);
            let answer = self.call("/portolan.admin.v1.Admin/ListMessages", request).await?;
            convert::page_in(answer).map_err(foreign)
        })
    }

    fn show(&self, id: MessageId) -> BoxFuture<'_, Result<Shown, OperatorError>> {
        Box::pin(async move {
            let request = wire::GetMessageRequest { id: id.to_string() };
            let answer = self.call("/portolan.admin.v1.Admin/GetMessage", request).await?;
            convert::shown_in(answer).map_err(foreign)
        })
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, OperatorError>> {
        Box::pin(async move {
            let answer: wire::CountMessagesResponse =
                self.call("/portolan.admin.v1.Admin/CountMessages", wire::Empty {}).await?;
            answer.counts.into_iter().map(|c| convert::count_in(c).map_err(foreign)).collect()
        })
    }

    fn retry(&self, id: MessageId, version: Version) -> BoxFuture<'_, Result<(), OperatorError>> {
        Box::pin(async move {
            let newest_version = version == Version::Newest;
            let request = wire::RetryMessageRequest { id: id.to_string(), newest_version };
            self.call("/portolan.admin.v1.Admin/RetryMessage", request).await.map(|wire::Empty {}| ())
        })
    }

    fn resolve(
        &self,
        id: MessageId,
        resolution: Resolution,
        version: Version,
    ) -> BoxFuture<'_, Result<(), OperatorError>> {
        Box::pin(async move {
            let resolution = Some(convert::resolution_out(resolution));
            let request = wire::ResolveMessageRequest {
                id: id.to_string(),
                resolution,
                newest_version: version == Version::Newest,
            };
            self.call("/portolan.admin.v1.Admin/ResolveMessage", request).await.map(|wire::Empty {}| ())
        })
    }

    fn files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<FileView>, OperatorError>> {
        Box::pin(async move {
            let request = convert::file_filter_out(filter);
            let answer: wire::ListFilesResponse =
                self.call("/portolan.admin.v1.Admin/ListFiles", request).await?;
            answer.files.into_iter().map(|file| convert::file_in(file).map_err(foreign)).collect()
        })
    }

    fn file(
        &self,
        route: Arc<str>,
        file: FileHash,
    ) -> BoxFuture<'_, Result<Option<FileView>, OperatorError>> {
        Box::pin(async move {
            let sha256 = Bytes::copy_from_slice(&file.0);
            let request = wire::GetFileRequest { route: route.to_string(), sha256 };
            let answer: wire::GetFileResponse =
                self.call("/portolan.admin.v1.Admin/GetFile", request).await?;
            answer.file.map(|file| convert::file_in(file).map_err(foreign)).transpose()
        })
    }

    fn made_files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<MadeView>, OperatorError>> {
        Box::pin(async move {
            let request = convert::made_filter_out(filter);
            let answer: wire::ListFilesResponse =
                self.call("/portolan.admin.v1.Admin/ListFiles", request).await?;
            answer.files.into_iter().map(|file| convert::made_in(file).map_err(foreign)).collect()
        })
    }

    fn sent_in(&self, messages: Vec<MessageId>) -> BoxFuture<'_, Result<Vec<SentIn>, OperatorError>> {
        Box::pin(async move {
            let ids = messages.iter().map(ToString::to_string).collect();
            let answer: wire::ListSentResponse =
                self.call("/portolan.admin.v1.Admin/ListSent", wire::ListSentRequest { ids }).await?;
            answer.sent.into_iter().map(|sent| convert::sent_in(sent).map_err(foreign)).collect()
        })
    }

    fn cut(&self, route: Arc<str>) -> BoxFuture<'_, Result<CutNow, OperatorError>> {
        Box::pin(async move {
            let request = wire::CutFileRequest { route: route.to_string() };
            let answer = self.call("/portolan.admin.v1.Admin/CutFile", request).await?;
            convert::cut_in(answer).map_err(foreign)
        })
    }

    fn decide(
        &self,
        route: Arc<str>,
        sequence: u64,
        decision: FileDecision,
    ) -> BoxFuture<'_, Result<CutNow, OperatorError>> {
        Box::pin(async move {
            let decision = Some(convert::decision_out(decision));
            let request = wire::DecideFileRequest { route: route.to_string(), sequence, decision };
            let answer = self.call("/portolan.admin.v1.Admin/DecideFile", request).await?;
            convert::cut_in(answer).map_err(foreign)
        })
    }

    fn release(
        &self,
        route: Arc<str>,
        file: FileHash,
        reason: Arc<str>,
    ) -> BoxFuture<'_, Result<FileView, OperatorError>> {
        Box::pin(async move {
            let sha256 = Bytes::copy_from_slice(&file.0);
            let request =
                wire::ReleaseFileRequest { route: route.to_string(), sha256, reason: reason.to_string() };
            let answer: wire::GetFileResponse =
                self.call("/portolan.admin.v1.Admin/ReleaseFile", request).await?;
            let file = answer.file.ok_or(convert::Malformed("file")).map_err(foreign)?;
            convert::file_in(file).map_err(foreign)
        })
    }

    fn routes(&self) -> BoxFuture<'_, Result<Vec<RouteView>, OperatorError>> {
        Box::pin(async move {
            let answer: wire::ListRoutesResponse =
                self.call("/portolan.admin.v1.Admin/ListRoutes", wire::Empty {}).await?;
            Ok(answer.routes.into_iter().map(convert::route_in).collect())
        })
    }

    fn route_statuses(&self) -> BoxFuture<'_, Result<Vec<RouteStatus>, OperatorError>> {
        Box::pin(async move {
            let answer: wire::ListRouteStatusesResponse =
                self.call("/portolan.admin.v1.Admin/ListRouteStatuses", wire::Empty {}).await?;
            answer.routes.into_iter().map(|r| convert::route_status_in(r).map_err(foreign)).collect()
        })
    }

    fn control(&self, route: Arc<str>, control: Control) -> BoxFuture<'_, Result<(), OperatorError>> {
        Box::pin(async move {
            let control = convert::control_out(control);
            let request = wire::ControlRouteRequest { route: route.to_string(), control };
            self.call("/portolan.admin.v1.Admin/ControlRoute", request).await.map(|wire::Empty {}| ())
        })
    }

    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, OperatorError>> {
        Box::pin(async move {
            let answer: wire::ReloadResponse =
                self.call("/portolan.admin.v1.Admin/Reload", wire::Empty {}).await?;
            match answer.findings.is_empty() {
                true => Ok(Reloaded {
                    routes: answer.routes.into_iter().map(convert::route_in).collect(),
                    later: answer.later,
                }),
                false => Err(OperatorError::Findings(answer.findings)),
            }
        })
    }
}
