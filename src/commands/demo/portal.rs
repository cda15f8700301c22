//! The portal: an ordinary gRPC client that knows the `.proto` files and nothing of Portolan. JSON stands for its code.

use std::time::{Duration, Instant};

use bytes::Bytes;
use portolan_diagnostics::Sources;
use portolan_schema::{Memory, Reading};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, SerializeOptions, prost::Message};
use tonic::{Code, Request, client::Grpc, transport::Channel};

use super::raw::Raw;
use crate::report::Failure;

/// A connection to the gateway, with the contracts that the portal was built from.
pub(super) struct Portal {
    channel: Channel,
    pools: Vec<DescriptorPool>,
}

/// What a call brought, as the portal sees it.
pub(super) struct Outcome {
    pub(super) took: Duration,
    pub(super) answer: Result<serde_json::Value, Refusal>,
}

/// A gRPC status with its details.
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) message: String,
    /// Each detail as JSON, with its type.
    pub(super) details: Vec<serde_json::Value>,
}

impl Portal {
    pub(super) async fn connect(address: &str, protos: &[&str]) -> Result<Self, Failure> {
        let endpoint = Channel::from_shared(format!("http://{address}")).map_err(Failure::failed)?;
        let channel = endpoint.tcp_nodelay(true).connect().await.map_err(Failure::failed)?;
        let pools = protos.iter().map(|text| pool(text)).collect::<Result<_, _>>()?;
        Ok(Self { channel, pools })
    }

    /// Calls `package.Service/Method`.
    pub(super) async fn call(&self, method: &str, request: &serde_json::Value) -> Result<Outcome, Failure> {
        let descriptor = self.method(method)?;
        let message = DynamicMessage::deserialize(descriptor.input(), request).map_err(Failure::failed)?;
        let path = format!("/{method}").parse().map_err(Failure::failed)?;
        let mut client = Grpc::new(self.channel.clone());
        client.ready().await.map_err(Failure::failed)?;
        let started = Instant::now();
        let reply = client.unary(Request::new(Bytes::from(message.encode_to_vec())), path, Raw);
        let reply: Result<tonic::Response<Bytes>, _> = reply.await;
        let took = started.elapsed();
        let answer = match reply {
            Ok(reply) => Ok(json(
                DynamicMessage::decode(descriptor.output(), reply.into_inner()).map_err(Failure::failed)?,
            )?),
            Err(status) => Err(Refusal {
                code: status.code(),
                message: status.message().to_owned(),
                details: self.details(status.details()),
            }),
        };
        Ok(Outcome { took, answer })
    }

    fn method(&self, method: &str) -> Result<MethodDescriptor, Failure> {
        let (service, name) = method.split_once('/').unwrap_or((method, ""));
        let service = self.pools.iter().find_map(|p| p.get_service_by_name(service));
        let found = service.and_then(|s| s.methods().find(|m| m.name() == name));
        found.ok_or_else(|| Failure::failed(format_args!("the portal does not know {method}")))
    }

    /// `google.rpc.Status.details`, as far as the portal knows their types.
    fn details(&self, bytes: &[u8]) -> Vec<serde_json::Value> {
        let decoded = self.pools.iter().find_map(|pool| {
            let status =
                DynamicMessage::decode(pool.get_message_by_name("google.rpc.Status")?, bytes).ok()?;
            json(status).ok()
        });
        decoded.and_then(|s| s["details"].as_array().cloned()).unwrap_or_default()
    }
}

fn json(message: DynamicMessage) -> Result<serde_json::Value, Failure> {
    let options = SerializeOptions::new().use_proto_field_name(true);
    message.serialize_with_options(serde_json::value::Serializer, &options).map_err(Failure::failed)
}

/// The portal's contracts, with the error details that every portal knows.
fn pool(text: &str) -> Result<DescriptorPool, Failure> {
    let with_details = format!("{text}\n").replacen(
        "package ",
        "import \"google/rpc/status.proto\";\nimport \"google/rpc/error_details.proto\";\npackage ",
        1,
    );
    let resolver = Memory::default().with("portal.proto", with_details);
    let mut sources = Sources::default();
    let mut reading = Reading { resolver: &resolver, sources: &mut sources };
    let read = portolan_schema::protobuf::read("portal.proto", &[], &mut reading);
    let (contract, _) = read.into_result().map_err(|found| Failure::configuration(found, &sources))?;
    DescriptorPool::decode(contract.descriptor_set.unwrap_or_default().as_slice()).map_err(Failure::failed)
}
