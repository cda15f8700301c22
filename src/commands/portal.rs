//! A portal: an ordinary gRPC client that knows the `.proto` files and nothing of Portolan. JSON stands for its code.

use std::time::{Duration, Instant};

use bytes::Bytes;
use portolan_diagnostics::Sources;
use portolan_schema::{Memory, Reading};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, SerializeOptions, prost::Message};
use tonic::{Code, Request, client::Grpc, metadata::AsciiMetadataKey, transport::Channel};

use portolan_grpc::Raw;

use crate::report::Failure;

/// A connection to the gateway, with the contracts that the portal was built from.
pub(super) struct Portal {
    channel: Channel,
    pools: Vec<DescriptorPool>,
}

/// How a call is made.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    /// The call's deadline.
    pub(super) timeout: Option<Duration>,
    /// What goes beside the message.
    pub(super) metadata: Vec<(String, String)>,
}

/// What a call brought, as the portal sees it.
pub(super) struct Outcome {
    pub(super) took: Duration,
    pub(super) answer: Result<serde_json::Value, Refusal>,
}

/// A gRPC status with its details.
pub(super) struct Refusal {
    code: Code,
    pub(super) message: String,
    /// Each detail as JSON, with its type.
    pub(super) details: Vec<serde_json::Value>,
}

impl Refusal {
    /// The status as gRPC spells it.
    pub(super) fn status(&self) -> &'static str {
        portolan_delivery::Status::from_number(self.code as i32).name()
    }
}

impl Portal {
    /// Connects to `HOST:PORT`, with the portal's own contracts.
    pub(super) async fn connect(address: &str, contracts: Vec<DescriptorPool>) -> Result<Self, Failure> {
        let endpoint = Channel::from_shared(format!("http://{address}"))
            .map_err(|_| Failure::usage("this is no address; write HOST:PORT"))?;
        let endpoint = endpoint.tcp_nodelay(true).connect_timeout(Duration::from_secs(5));
        let channel = endpoint.connect().await.map_err(|_| {
            Failure::failed(format_args!("no gateway answers at {address}"))
                .help("is it running? its `portolan ready` line shows `grpc=ADDRESS`: give that as --address")
        })?;
        let details = pool(DETAILS)?;
        let mut pools: Vec<_> = contracts.into_iter().map(|own| completed(own, &details)).collect();
        pools.push(details);
        Ok(Self { channel, pools })
    }

    /// Calls `package.Service/Method`.
    pub(super) async fn call(
        &self,
        method: &str,
        request: &serde_json::Value,
        terms: &Terms,
    ) -> Result<Outcome, Failure> {
        let descriptor = self.method(method)?;
        let message = DynamicMessage::deserialize(descriptor.input(), request).map_err(|problem| {
            Failure::usage(format_args!("this is no {}: {problem}", descriptor.input().full_name()))
        })?;
        let path = format!("/{method}").parse().map_err(Failure::failed)?;
        let mut client = Grpc::new(self.channel.clone());
        client.ready().await.map_err(Failure::failed)?;
        let started = Instant::now();
        let mut request = Request::new(Bytes::from(message.encode_to_vec()));
        if let Some(timeout) = terms.timeout {
            request.set_timeout(timeout);
        }
        for (name, value) in &terms.metadata {
            let (Ok(key), Ok(value)) = (AsciiMetadataKey::from_bytes(name.as_bytes()), value.parse()) else {
                return Err(Failure::usage(format_args!(
                    "`{name}` or its value cannot be metadata of a call"
                )));
            };
            request.metadata_mut().insert(key, value);
        }
        let reply = client.unary(request, path, Raw);
        let reply: Result<tonic::Response<Bytes>, _> = reply.await;
        let took = started.elapsed();
        let answer = match reply {
            Ok(reply) => Ok(self.answer(method, &reply.into_inner())?),
            Err(status)
                if status.code() == Code::Cancelled && terms.timeout.is_some_and(|limit| took >= limit) =>
            {
                Err(too_late(terms.timeout.unwrap_or_default()))
            }
            Err(status) => Err(Refusal {
                code: status.code(),
                message: status.message().to_owned(),
                details: self.details(status.details()),
            }),
        };
        Ok(Outcome { took, answer })
    }

    /// The method, as each of the portal's contracts knows it that does.
    fn methods<'a>(&'a self, method: &'a str) -> impl Iterator<Item = MethodDescriptor> + 'a {
        let (service, name) = method.split_once('/').unwrap_or((method, ""));
        let services = self.pools.iter().filter_map(move |pool| pool.get_service_by_name(service));
        services.filter_map(move |service| service.methods().find(|m| m.name() == name))
    }

    fn method(&self, method: &str) -> Result<MethodDescriptor, Failure> {
        let found = self.methods(method).next();
        found.ok_or_else(|| Failure::failed(format_args!("the portal does not know {method}")))
    }

    /// A reply as JSON. What an operation holds is known to the contract that it comes from, and maybe to no other.
    fn answer(&self, method: &str, reply: &[u8]) -> Result<serde_json::Value, Failure> {
        let read = |method: MethodDescriptor| {
            json(DynamicMessage::decode(method.output(), reply).map_err(Failure::failed)?)
        };
        let mut problem = Failure::failed(format_args!("the portal does not know {method}"));
        for method in self.methods(method) {
            match read(method) {
                Ok(answer) => return Ok(answer),
                Err(unread) => problem = unread,
            }
        }
        Err(problem)
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

/// This side's deadline passed: what tonic calls CANCELLED is what every caller of gRPC knows by another name.
fn too_late(limit: Duration) -> Refusal {
    let message =
        format!("no answer within {limit:?}; the gateway or the system may still be at work on the request");
    Refusal { code: Code::DeadlineExceeded, message, details: Vec::new() }
}

fn json(message: DynamicMessage) -> Result<serde_json::Value, Failure> {
    let options = SerializeOptions::new().use_proto_field_name(true);
    message.serialize_with_options(serde_json::value::Serializer, &options).map_err(Failure::failed)
}

/// What every portal knows: error details, operations.
const DETAILS: &str = "syntax = \"proto3\";
package portal;
import \"google/longrunning/operations.proto\";
import \"google/rpc/error_details.proto\";
import \"google/rpc/status.proto\";
import \"portolan/v1/operation.proto\";
";

/// A contract together with what every portal knows, so that either can be shown within the other.
fn completed(own: DescriptorPool, details: &DescriptorPool) -> DescriptorPool {
    let mut whole = own.clone();
    let missing = details.files().filter(|file| own.get_file_by_name(file.name()).is_none());
    let missing: Vec<_> = missing.map(|file| file.file_descriptor_proto().clone()).collect();
    // A contract that has these types under files of its own stays as it is.
    if whole.add_file_descriptor_protos(missing).is_ok() { whole } else { own }
}

/// A contract from its text.
pub(super) fn pool(text: &str) -> Result<DescriptorPool, Failure> {
    let resolver = Memory::default().with("portal.proto", text);
    let mut sources = Sources::default();
    let mut reading = Reading { resolver: &resolver, sources: &mut sources };
    let read = portolan_schema::protobuf::read("portal.proto", &[], &mut reading);
    let (contract, _) = read.into_result().map_err(|found| Failure::configuration(found, &sources))?;
    DescriptorPool::decode(contract.descriptor_set.unwrap_or_default().as_slice()).map_err(Failure::failed)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_deadline_that_passes_is_called_so() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap().to_string();
        let held = tokio::spawn(async move {
            let mut connections = Vec::new();
            while let Ok((connection, _)) = silent.accept().await {
                connections.push(connection);
            }
        });
        let portal = Portal::connect(&address, Vec::new()).await.ok().unwrap();
        let terms = Terms { timeout: Some(Duration::from_millis(50)), metadata: Vec::new() };
        let request = serde_json::json!({ "name": "operations/1" });
        let outcome = portal.call("google.longrunning.Operations/GetOperation", &request, &terms).await;
        let refusal = outcome.ok().unwrap().answer.err().unwrap();
        assert_eq!(refusal.status(), "DEADLINE_EXCEEDED");
        assert!(refusal.message.starts_with("no answer within 50ms"), "{}", refusal.message);
        held.abort();
    }
}
