//! The messages of `proto/portolan/admin/v1/admin.proto`, written out by hand so that building needs no `protoc`; a test
//! compiles the `.proto` and holds the two together.

mod files;

use std::collections::BTreeMap;

use bytes::Bytes;
use prost_types::{Duration, Timestamp};

pub(crate) use files::{
    CutFileRequest, CutFileResponse, DecideFileRequest, Direction, File, FileCounts, FileDecision,
    FileProgress, FileRelease, FileState, GetFileRequest, GetFileResponse, ListFilesRequest,
    ListFilesResponse, ListSentRequest, ListSentResponse, Phase, RefuseFile, ReleaseFileRequest, SentIn,
};

/// What an operator asks for when listing.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListMessagesRequest {
    #[prost(string, tag = "1")]
    pub(crate) route: String,
    #[prost(enumeration = "State", tag = "2")]
    pub(crate) state: i32,
    #[prost(enumeration = "FaultClass", tag = "3")]
    pub(crate) class: i32,
    #[prost(string, tag = "4")]
    pub(crate) page_token: String,
    #[prost(uint32, tag = "5")]
    pub(crate) page_size: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListMessagesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) messages: Vec<Message>,
    #[prost(string, tag = "2")]
    pub(crate) next_page_token: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct GetMessageRequest {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RetryMessageRequest {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(bool, tag = "2")]
    pub(crate) newest_version: bool,
}

/// `RetryMessageResponse`, `ResolveMessageResponse`, and the requests that ask for nothing in particular.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Empty {}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ResolveMessageRequest {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(oneof = "Resolution", tags = "2, 3, 4, 5")]
    pub(crate) resolution: Option<Resolution>,
    #[prost(bool, tag = "6")]
    pub(crate) newest_version: bool,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Resolution {
    #[prost(bytes = "bytes", tag = "2")]
    SystemReply(Bytes),
    #[prost(bytes = "bytes", tag = "3")]
    CallerReply(Bytes),
    #[prost(message, tag = "4")]
    Failed(Refusal),
    #[prost(message, tag = "5")]
    Discarded(Discard),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Refusal {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Discard {
    #[prost(string, tag = "1")]
    pub(crate) reason: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CountMessagesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) counts: Vec<Count>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Count {
    #[prost(string, tag = "1")]
    pub(crate) route: String,
    #[prost(enumeration = "State", tag = "2")]
    pub(crate) state: i32,
    #[prost(uint64, tag = "3")]
    pub(crate) messages: u64,
    #[prost(message, optional, tag = "4")]
    pub(crate) oldest: Option<Timestamp>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListRoutesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) routes: Vec<Route>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListRouteStatusesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) routes: Vec<RouteStatus>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ControlRouteRequest {
    #[prost(string, tag = "1")]
    pub(crate) route: String,
    #[prost(enumeration = "Control", tag = "2")]
    pub(crate) control: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RouteStatus {
    #[prost(message, optional, tag = "1")]
    pub(crate) route: Option<Route>,
    #[prost(enumeration = "Control", tag = "2")]
    pub(crate) control: i32,
    #[prost(uint64, tag = "3")]
    pub(crate) waiting: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) at_work: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) dead: u64,
    #[prost(message, optional, tag = "6")]
    pub(crate) oldest: Option<Timestamp>,
    #[prost(oneof = "Shut", tags = "7, 8")]
    pub(crate) shut: Option<Shut>,
    #[prost(message, optional, tag = "9")]
    pub(crate) broker: Option<BrokerState>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct BrokerState {
    #[prost(bool, tag = "1")]
    pub(crate) connected: bool,
    #[prost(bool, tag = "2")]
    pub(crate) blocked: bool,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Shut {
    #[prost(message, tag = "7")]
    AwayUntil(Timestamp),
    #[prost(message, tag = "8")]
    MaintenanceUntil(Timestamp),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Control {
    Unspecified = 0,
    Running = 1,
    Paused = 2,
    Draining = 3,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ReloadResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) routes: Vec<Route>,
    #[prost(string, tag = "2")]
    pub(crate) findings: String,
    #[prost(string, optional, tag = "3")]
    pub(crate) later: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Route {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) method: String,
    #[prost(string, tag = "3")]
    pub(crate) system: String,
    #[prost(string, tag = "4")]
    pub(crate) mode: String,
    #[prost(string, tag = "5")]
    pub(crate) bundle: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum State {
    Unspecified = 0,
    Waiting = 1,
    Claimed = 2,
    Finished = 3,
    Dead = 4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Mode {
    Unspecified = 0,
    RequestReply = 1,
    Operation = 2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum FaultClass {
    Unspecified = 0,
    Request = 1,
    Unsent = 2,
    NotDone = 3,
    Unknown = 4,
    Refused = 5,
    Reply = 6,
    Expired = 7,
    Poison = 8,
    Internal = 9,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum DeadLetters {
    Unspecified = 0,
    Hold = 1,
    Pass = 2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Party {
    Unspecified = 0,
    Caller = 1,
    System = 2,
    Gateway = 3,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Message {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(string, tag = "2")]
    pub(crate) route: String,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) bundle: Bytes,
    #[prost(enumeration = "Mode", tag = "4")]
    pub(crate) mode: i32,
    #[prost(message, optional, tag = "5")]
    pub(crate) receive_time: Option<Timestamp>,
    #[prost(message, optional, tag = "6")]
    pub(crate) deadline: Option<Timestamp>,
    #[prost(message, optional, tag = "7")]
    pub(crate) idempotency: Option<Idempotency>,
    #[prost(string, optional, tag = "8")]
    pub(crate) caller: Option<String>,
    #[prost(message, optional, tag = "9")]
    pub(crate) request_key: Option<RequestKey>,
    #[prost(message, repeated, tag = "10")]
    pub(crate) metadata: Vec<Header>,
    #[prost(string, optional, tag = "11")]
    pub(crate) traceparent: Option<String>,
    #[prost(bytes = "bytes", tag = "12")]
    pub(crate) payload: Bytes,
    #[prost(bytes = "bytes", optional, tag = "13")]
    pub(crate) payload_digest: Option<Bytes>,
    #[prost(oneof = "Standing", tags = "14, 15, 16, 17")]
    pub(crate) state: Option<Standing>,
    #[prost(message, repeated, tag = "18")]
    pub(crate) attempts: Vec<Attempt>,
    #[prost(message, optional, tag = "19")]
    pub(crate) order: Option<Order>,
    #[prost(string, optional, tag = "20")]
    pub(crate) behind: Option<String>,
    #[prost(uint32, tag = "21")]
    pub(crate) lost: u32,
    #[prost(message, repeated, tag = "22")]
    pub(crate) visible: Vec<VisibleValue>,
    #[prost(bytes = "bytes", optional, tag = "23")]
    pub(crate) ticket: Option<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct VisibleValue {
    #[prost(string, tag = "1")]
    pub(crate) path: String,
    #[prost(string, optional, tag = "2")]
    pub(crate) value: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Order {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) key: Bytes,
    #[prost(enumeration = "DeadLetters", tag = "2")]
    pub(crate) dead_letters: i32,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Standing {
    #[prost(message, tag = "14")]
    Waiting(Waiting),
    #[prost(message, tag = "15")]
    Claimed(Claimed),
    #[prost(message, tag = "16")]
    Finished(Finished),
    #[prost(message, tag = "17")]
    Dead(Dead),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Idempotency {
    #[prost(bool, tag = "1")]
    pub(crate) may_repeat: bool,
    #[prost(string, optional, tag = "2")]
    pub(crate) key: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RequestKey {
    #[prost(string, tag = "1")]
    pub(crate) caller: String,
    #[prost(string, tag = "2")]
    pub(crate) id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Header {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Waiting {
    #[prost(message, optional, tag = "1")]
    pub(crate) due: Option<Timestamp>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Claimed {
    #[prost(string, tag = "1")]
    pub(crate) gateway: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) since: Option<Timestamp>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Finished {
    #[prost(message, optional, tag = "1")]
    pub(crate) at: Option<Timestamp>,
    #[prost(oneof = "Outcome", tags = "2, 3")]
    pub(crate) outcome: Option<Outcome>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Outcome {
    #[prost(bytes = "bytes", tag = "2")]
    Reply(Bytes),
    #[prost(message, tag = "3")]
    Failure(Failure),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Dead {
    #[prost(message, optional, tag = "1")]
    pub(crate) at: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(crate) failure: Option<Failure>,
    #[prost(enumeration = "Party", tag = "3")]
    pub(crate) at_fault: i32,
    #[prost(bytes = "bytes", optional, tag = "4")]
    pub(crate) reply: Option<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Attempt {
    #[prost(uint32, tag = "1")]
    pub(crate) number: u32,
    #[prost(message, optional, tag = "2")]
    pub(crate) start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub(crate) end_time: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub(crate) failure: Option<Failure>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Failure {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(string, tag = "3")]
    pub(crate) reason: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(crate) metadata: BTreeMap<String, String>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) fields: Vec<FieldViolation>,
    #[prost(message, optional, tag = "6")]
    pub(crate) retry_after: Option<Duration>,
    #[prost(enumeration = "FaultClass", tag = "7")]
    pub(crate) class: i32,
    #[prost(bool, tag = "8")]
    pub(crate) personal: bool,
    #[prost(string, optional, tag = "9")]
    pub(crate) advice: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FieldViolation {
    #[prost(string, tag = "1")]
    pub(crate) field: String,
    #[prost(string, tag = "2")]
    pub(crate) description: String,
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_reflect::{DynamicMessage, ReflectMessage};

    /// Every field of the `.proto`, filled, survives our structs byte for byte: numbers and types are the same.
    #[track_caller]
    fn check<M: prost::Message + Default>(pool: &prost_reflect::DescriptorPool, name: &str) {
        let descriptor = pool.get_message_by_name(&format!("portolan.admin.v1.{name}")).unwrap();
        let oneofs = descriptor.oneofs().map(|o| o.fields().len()).max().unwrap_or(1);
        for member in 0..oneofs {
            let full = filled(&descriptor, member, 0);
            let ours = M::decode(&full.encode_to_vec()[..]).unwrap();
            let back = DynamicMessage::decode(descriptor.clone(), &ours.encode_to_vec()[..]).unwrap();
            assert_eq!(back, full, "{name}");
        }
    }

    fn filled(descriptor: &prost_reflect::MessageDescriptor, member: usize, depth: usize) -> DynamicMessage {
        use prost_reflect::{Kind, Value};
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields() {
            let in_oneof = field.containing_oneof().filter(|o| o.fields().len() > 1);
            if depth > 4
                || in_oneof.is_some_and(|o| o.fields().nth(member % o.fields().len()) != Some(field.clone()))
            {
                continue;
            }
            let one = match field.kind() {
                _ if field.is_map() => {
                    message.set_field(
                        &field,
                        Value::Map(
                            [(prost_reflect::MapKey::String("k".into()), Value::String("v".into()))].into(),
                        ),
                    );
                    continue;
                }
                Kind::String => Value::String(field.name().to_owned()),
                Kind::Bytes => Value::Bytes(vec![1].into()),
                Kind::Bool => Value::Bool(true),
                Kind::Uint32 => Value::U32(7),
                Kind::Uint64 => Value::U64(7),
                Kind::Int32 => Value::I32(7),
                Kind::Int64 => Value::I64(7),
                Kind::Enum(e) => Value::EnumNumber(e.values().len() as i32 - 1),
                Kind::Message(m) => Value::Message(filled(&m, member, depth + 1)),
                other => panic!("{other:?} is not used in the admin API"),
            };
            message.set_field(&field, if field.is_list() { Value::List(vec![one]) } else { one });
        }
        assert_eq!(message.descriptor(), *descriptor);
        message
    }

    #[test]
    fn is_what_the_proto_says() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
        let files = protox::compile(["portolan/admin/v1/admin.proto"], [folder]).unwrap();
        let pool = prost_reflect::DescriptorPool::from_file_descriptor_set(files).unwrap();
        check::<super::ListMessagesRequest>(&pool, "ListMessagesRequest");
        check::<super::ListMessagesResponse>(&pool, "ListMessagesResponse");
        check::<super::GetMessageRequest>(&pool, "GetMessageRequest");
        check::<super::RetryMessageRequest>(&pool, "RetryMessageRequest");
        check::<super::ResolveMessageRequest>(&pool, "ResolveMessageRequest");
        check::<super::CountMessagesResponse>(&pool, "CountMessagesResponse");
        check::<super::ListFilesRequest>(&pool, "ListFilesRequest");
        check::<super::ListFilesResponse>(&pool, "ListFilesResponse");
        check::<super::ListSentRequest>(&pool, "ListSentRequest");
        check::<super::ListSentResponse>(&pool, "ListSentResponse");
        check::<super::CutFileRequest>(&pool, "CutFileRequest");
        check::<super::CutFileResponse>(&pool, "CutFileResponse");
        check::<super::DecideFileRequest>(&pool, "DecideFileRequest");
        check::<super::GetFileRequest>(&pool, "GetFileRequest");
        check::<super::GetFileResponse>(&pool, "GetFileResponse");
        check::<super::ListRoutesResponse>(&pool, "ListRoutesResponse");
        check::<super::ListRouteStatusesResponse>(&pool, "ListRouteStatusesResponse");
        check::<super::ControlRouteRequest>(&pool, "ControlRouteRequest");
        check::<super::RouteStatus>(&pool, "RouteStatus");
        check::<super::Empty>(&pool, "ControlRouteResponse");
        check::<super::ReloadResponse>(&pool, "ReloadResponse");
        check::<super::Message>(&pool, "Message");
        check::<super::Empty>(&pool, "ReloadRequest");
    }
}
