//! A plain gRPC client for the orders of `routes/orders`, and for operations.

use std::{collections::HashMap, net::SocketAddr, str::FromStr as _, time::Duration};

use bytes::Bytes;
use portolan_grpc::Raw;
use prost::Message;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::{Code, Request, Status, metadata::MetadataKey, transport::Channel};

/// `test.orders.v1.OrderRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OrderRequest {
    #[prost(string, tag = "1")]
    pub(crate) request_id: String,
    #[prost(string, tag = "2")]
    pub(crate) key: String,
    #[prost(string, tag = "3")]
    pub(crate) customer: String,
    #[prost(int64, tag = "4")]
    pub(crate) amount_minor: i64,
}

impl OrderRequest {
    /// An order whose request id is its key.
    pub(crate) fn new(key: impl Into<String>) -> Self {
        let key = key.into();
        Self { request_id: key.clone(), key, customer: "Õie & Co".into(), amount_minor: 1999 }
    }
}

/// `test.orders.v1.Order`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Order {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(int64, tag = "2")]
    pub(crate) number: i64,
}

/// `google.rpc.Status`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<prost_types::Any>,
}

/// `google.longrunning.Operation`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Operation {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) metadata: Option<prost_types::Any>,
    #[prost(bool, tag = "3")]
    pub(crate) done: bool,
    #[prost(message, optional, tag = "4")]
    pub(crate) error: Option<RpcStatus>,
    #[prost(message, optional, tag = "5")]
    pub(crate) response: Option<prost_types::Any>,
}

/// `portolan.v1.OperationMetadata`, as far as the tests look at it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OperationMetadata {
    #[prost(string, tag = "1")]
    pub(crate) route: String,
    #[prost(enumeration = "OperationState", tag = "4")]
    pub(crate) state: i32,
    #[prost(int32, tag = "5")]
    pub(crate) attempts: i32,
    #[prost(message, optional, tag = "6")]
    pub(crate) next_attempt_time: Option<prost_types::Timestamp>,
    #[prost(string, tag = "7")]
    pub(crate) message_id: String,
}

/// `portolan.v1.OperationMetadata.State`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum OperationState {
    Unspecified = 0,
    Waiting = 1,
    Running = 2,
    Succeeded = 3,
    Failed = 4,
    Expired = 5,
    NeedsAttention = 6,
}

impl Operation {
    /// The metadata, which every operation has.
    pub(crate) fn about(&self) -> OperationMetadata {
        let any = self.metadata.as_ref().expect("an operation has metadata");
        assert_eq!(any.type_url, "type.googleapis.com/portolan.v1.OperationMetadata");
        OperationMetadata::decode(&any.value[..]).unwrap()
    }

    /// The order that it ended with.
    pub(crate) fn order(&self) -> Order {
        let any = self.response.as_ref().unwrap_or_else(|| panic!("no response: {self:?}"));
        assert_eq!(any.type_url, "type.googleapis.com/test.orders.v1.Order");
        Order::decode(&any.value[..]).unwrap()
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct WaitRequest {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    timeout: Option<prost_types::Duration>,
}

/// What a status tells beside its code: decoded as a portal would.
#[derive(Debug, Clone, Default)]
pub(crate) struct Details {
    pub(crate) code: Option<Code>,
    pub(crate) message: String,
    pub(crate) reason: String,
    pub(crate) domain: String,
    pub(crate) metadata: HashMap<String, String>,
    pub(crate) fields: Vec<String>,
    pub(crate) retry_after: Option<Duration>,
}

impl Details {
    /// Of a failed call.
    pub(crate) fn of(status: &Status) -> Self {
        let told = RpcStatus::decode(status.details()).unwrap();
        assert_eq!(told.code, status.code() as i32, "the details' code is the call's");
        Self::of_rpc(&told)
    }

    /// Of an operation that ended in failure.
    pub(crate) fn of_rpc(told: &RpcStatus) -> Self {
        #[derive(Clone, PartialEq, prost::Message)]
        struct ErrorInfo {
            #[prost(string, tag = "1")]
            reason: String,
            #[prost(string, tag = "2")]
            domain: String,
            #[prost(map = "string, string", tag = "3")]
            metadata: HashMap<String, String>,
        }
        #[derive(Clone, PartialEq, prost::Message)]
        struct Violation {
            #[prost(string, tag = "1")]
            field: String,
        }
        #[derive(Clone, PartialEq, prost::Message)]
        struct BadRequest {
            #[prost(message, repeated, tag = "1")]
            violations: Vec<Violation>,
        }
        #[derive(Clone, PartialEq, prost::Message)]
        struct RetryInfo {
            #[prost(message, optional, tag = "1")]
            delay: Option<prost_types::Duration>,
        }
        let mut details =
            Self { code: Some(Code::from(told.code)), message: told.message.clone(), ..Self::default() };
        for any in &told.details {
            match any.type_url.strip_prefix("type.googleapis.com/google.rpc.") {
                Some("ErrorInfo") => {
                    let info = ErrorInfo::decode(&any.value[..]).unwrap();
                    (details.reason, details.domain, details.metadata) =
                        (info.reason, info.domain, info.metadata);
                }
                Some("BadRequest") => {
                    let bad = BadRequest::decode(&any.value[..]).unwrap();
                    details.fields = bad.violations.into_iter().map(|v| v.field).collect();
                }
                Some("RetryInfo") => {
                    let delay = RetryInfo::decode(&any.value[..]).unwrap().delay.unwrap();
                    details.retry_after = Some(Duration::try_from(delay).unwrap());
                }
                _ => {}
            }
        }
        details
    }
}

/// A connection to the gateway.
#[derive(Clone)]
pub(crate) struct Client {
    channel: Channel,
}

impl Client {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self { channel: endpoint.tcp_nodelay(true).connect().await.unwrap() }
    }

    /// A unary call, bytes in and bytes out.
    pub(crate) async fn raw(
        &self,
        path: &str,
        message: Bytes,
        metadata: &[(&str, &str)],
    ) -> Result<Bytes, Status> {
        let mut request = Request::new(message);
        for (name, value) in metadata {
            match *name {
                // Tonic writes the header from its own notion of a timeout.
                "timeout" => request.set_timeout(Duration::from_millis(value.parse().unwrap())),
                name => drop(
                    request
                        .metadata_mut()
                        .insert(MetadataKey::from_str(name).unwrap(), value.parse().unwrap()),
                ),
            }
        }
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(|e| Status::unavailable(e.to_string()))?;
        let path = format!("/{path}").parse().unwrap();
        grpc.unary(request, path, Raw).await.map(tonic::Response::into_inner)
    }

    /// A unary call.
    pub(crate) async fn call<A: Message + Default>(
        &self,
        path: &str,
        message: &impl Message,
        metadata: &[(&str, &str)],
    ) -> Result<A, Status> {
        let answer = self.raw(path, message.encode_to_vec().into(), metadata).await?;
        Ok(A::decode(answer).unwrap())
    }

    /// An order by a method of `test.orders.v1.Orders`.
    pub(crate) async fn order(&self, method: &str, request: OrderRequest) -> Result<Order, Status> {
        self.call(&format!("test.orders.v1.Orders/{method}"), &request, &[]).await
    }

    /// The same by a method that answers with an operation.
    pub(crate) async fn begin(&self, method: &str, request: OrderRequest) -> Result<Operation, Status> {
        self.call(&format!("test.orders.v1.Orders/{method}"), &request, &[]).await
    }

    /// The operation as it is now.
    pub(crate) async fn operation(&self, name: &str) -> Result<Operation, Status> {
        let request = WaitRequest { name: name.to_owned(), timeout: None };
        self.call("google.longrunning.Operations/GetOperation", &request, &[]).await
    }

    /// The operation once it is done, or after `patience`.
    pub(crate) async fn wait(&self, name: &str, patience: Duration) -> Result<Operation, Status> {
        let timeout = prost_types::Duration::try_from(patience).ok();
        let request = WaitRequest { name: name.to_owned(), timeout };
        self.call("google.longrunning.Operations/WaitOperation", &request, &[]).await
    }
}

/// An HTTP GET, answered with status line, headers and body as they came.
pub(crate) async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
