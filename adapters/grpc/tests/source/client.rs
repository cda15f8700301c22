//! A source that runs, and tonic's client with bytes for messages.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::uri::PathAndQuery;
use portolan_delivery::Intake;
use portolan_grpc::{Drained, GrpcOptions, GrpcSource, Raw};
use tokio::{sync::oneshot, task::JoinHandle};
use tonic::{
    Request, Response, Status,
    client::Grpc,
    transport::{Channel, Endpoint},
};

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) ended: JoinHandle<Drained>,
}

impl Server {
    pub(crate) async fn start(intake: Arc<dyn Intake>, options: GrpcOptions) -> Self {
        let options = GrpcOptions { listen: "127.0.0.1:0".parse().unwrap(), ..options };
        let bound = GrpcSource::bind(options, intake).await.unwrap();
        let address = bound.local_addr();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(bound.serve(async { drop(stopped.await) }));
        Self { address, stop, ended }
    }

    pub(crate) async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    /// A client that connects with its first call, and fails with it.
    pub(crate) fn lazy_client(&self) -> Grpc<Channel> {
        Grpc::new(Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect_lazy())
    }

    pub(crate) async fn client(&self) -> Grpc<Channel> {
        Grpc::new(self.channel().await)
    }
}

pub(crate) async fn call(
    client: &Grpc<Channel>,
    path: &'static str,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, Status> {
    let mut client = client.clone();
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    client.unary(request, PathAndQuery::from_static(path), Raw).await
}

pub(crate) fn bytes(message: &'static [u8]) -> Request<Bytes> {
    Request::new(Bytes::from_static(message))
}
