//! `google.longrunning.Operations` (`proto/google/longrunning/operations.proto`): the answer to a call that a legacy
//! system answers later, with `portolan.v1.OperationMetadata` as its metadata.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use portolan_delivery::{
    Failure, FaultClass, MessageId, OperationState, OperationView, Status as Code, Timestamp,
    rpc::{self, pack, to_status},
};
use prost::Message as _;
use prost_types::Any;

use crate::{
    built_in::Operations,
    listing, refusal,
    service::{Caller, Service},
};

#[derive(Clone, PartialEq, prost::Message)]
struct Operation {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    metadata: Option<Any>,
    #[prost(bool, tag = "3")]
    done: bool,
    #[prost(oneof = "OperationResult", tags = "4, 5")]
    result: Option<OperationResult>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum OperationResult {
    #[prost(message, tag = "4")]
    Error(rpc::Status),
    #[prost(message, tag = "5")]
    Response(Any),
}

#[derive(Clone, PartialEq, prost::Message)]
struct OperationMetadata {
    #[prost(string, tag = "1")]
    route: String,
    #[prost(message, optional, tag = "2")]
    create_time: Option<prost_types::Timestamp>,
    #[prost(message, optional, tag = "3")]
    update_time: Option<prost_types::Timestamp>,
    #[prost(enumeration = "State", tag = "4")]
    state: i32,
    #[prost(int32, tag = "5")]
    attempts: i32,
    #[prost(message, optional, tag = "6")]
    next_attempt_time: Option<prost_types::Timestamp>,
    #[prost(string, tag = "7")]
    message_id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
enum State {
    Unspecified = 0,
    Waiting = 1,
    Running = 2,
    Succeeded = 3,
    Failed = 4,
    Expired = 5,
    NeedsAttention = 6,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ListResponse {
    #[prost(message, repeated, tag = "1")]
    operations: Vec<Operation>,
    #[prost(string, tag = "2")]
    next_page_token: String,
}

/// `GetOperationRequest`, `CancelOperationRequest` and `DeleteOperationRequest`, and the first field of `WaitOperationRequest`.
#[derive(Clone, PartialEq, prost::Message)]
struct Request {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    timeout: Option<prost_types::Duration>,
}

/// Answers a method of the service.
pub(crate) async fn answer(
    service: &Service,
    method: Operations,
    payload: &[u8],
    caller: Caller,
) -> Result<Bytes, Failure> {
    let view = match method {
        Operations::List => return list(service, payload, caller).await,
        Operations::Cancel => {
            let request = decode(payload, "google.longrunning.CancelOperationRequest")?;
            service.intake.cancel_operation(message_id(&request.name)?, caller.name).await?;
            // google.protobuf.Empty
            return Ok(Bytes::new());
        }
        Operations::Delete => {
            let request = decode(payload, "google.longrunning.DeleteOperationRequest")?;
            service.intake.delete_operation(message_id(&request.name)?, caller.name).await?;
            return Ok(Bytes::new());
        }
        Operations::Get => {
            let request = decode(payload, "google.longrunning.GetOperationRequest")?;
            service.intake.operation(message_id(&request.name)?, caller.name).await?
        }
        Operations::Wait => {
            let request = decode(payload, "google.longrunning.WaitOperationRequest")?;
            let id = message_id(&request.name)?;
            let timeout = match request.timeout {
                None => None,
                Some(timeout) => Some(Duration::try_from(timeout).map_err(|_| {
                    refusal::malformed_message("google.longrunning.WaitOperationRequest")
                        .at_field("timeout", "is not a duration from 0")
                })?),
            };
            let until = wait_until(caller.received, timeout, caller.deadline, service.options.max_wait);
            service.intake.wait_operation(id, caller.name, until).await?
        }
    };
    Ok(encode(&view))
}

async fn list(service: &Service, payload: &[u8], caller: Caller) -> Result<Bytes, Failure> {
    let page = service.intake.operations(listing::asked(payload, caller.name)?).await?;
    let response = ListResponse {
        operations: page.operations.iter().map(operation).collect(),
        next_page_token: page.next.map(|id| id.to_string()).unwrap_or_default(),
    };
    Ok(response.encode_to_vec().into())
}

fn decode(payload: &[u8], name: &str) -> Result<Request, Failure> {
    Request::decode(payload).map_err(|_| refusal::malformed_message(name))
}

fn message_id(name: &str) -> Result<MessageId, Failure> {
    name.strip_prefix("operations/").and_then(|id| id.parse().ok()).ok_or_else(|| {
        Failure::new(
            Code::InvalidArgument,
            FaultClass::Request,
            "MALFORMED_OPERATION_NAME",
            "the operation's name is not one that the gateway gave out",
        )
        .at_field("name", "must be operations/ and the message's id")
    })
}

/// The earliest of what the caller asks for, what the gateway allows, and a little before the call's deadline: the
/// latest state is of use only to a caller that still listens.
fn wait_until(
    now: Timestamp,
    timeout: Option<Duration>,
    deadline: Option<Timestamp>,
    max_wait: Duration,
) -> Timestamp {
    let wanted = now.plus(timeout.map_or(max_wait, |timeout| timeout.min(max_wait)));
    let Some(deadline) = deadline else { return wanted };
    let left = deadline.since(now);
    let margin = (left / 10).min(Duration::from_millis(100));
    wanted.min(now.plus(left - margin))
}

/// An operation as its caller gets it, encoded.
pub(crate) fn encode(view: &OperationView) -> Bytes {
    operation(view).encode_to_vec().into()
}

fn operation(view: &OperationView) -> Operation {
    let (state, result) = match &view.state {
        OperationState::Waiting => (State::Waiting, None),
        OperationState::Running => (State::Running, None),
        OperationState::NeedsAttention => (State::NeedsAttention, None),
        OperationState::Succeeded(reply) => {
            let response = Any {
                type_url: format!("type.googleapis.com/{}", view.response_type),
                value: reply.to_vec(),
            };
            (State::Succeeded, Some(OperationResult::Response(response)))
        }
        OperationState::Failed(failure) => {
            let state = if failure.class == FaultClass::Expired { State::Expired } else { State::Failed };
            (state, Some(OperationResult::Error(to_status(failure))))
        }
    };
    let metadata = OperationMetadata {
        route: view.route.to_string(),
        create_time: Some(timestamp(view.created)),
        update_time: Some(timestamp(view.updated)),
        state: state as i32,
        attempts: i32::try_from(view.attempts).unwrap_or(i32::MAX),
        next_attempt_time: view.next_attempt.map(timestamp),
        message_id: view.id.to_string(),
    };
    Operation {
        name: format!("operations/{}", view.id),
        metadata: Some(pack("portolan.v1.OperationMetadata", &metadata)),
        done: result.is_some(),
        result,
    }
}

fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    SystemTime::from(time).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_end_while_the_caller_still_listens() {
        let second = Duration::from_secs(1);
        let now = Timestamp(1_000_000_000);
        let check = |timeout: Option<Duration>, deadline: Option<Duration>, expected: Duration| {
            let until = wait_until(now, timeout, deadline.map(|d| now.plus(d)), 300 * second);
            assert_eq!(until.since(now), expected, "{timeout:?} {deadline:?}");
        };
        check(None, None, 300 * second);
        check(Some(5 * second), None, 5 * second);
        check(Some(999 * second), None, 300 * second);
        check(None, Some(10 * second), Duration::from_millis(9900));
        check(Some(5 * second), Some(10 * second), 5 * second);
        check(Some(20 * second), Some(second / 2), Duration::from_millis(450));
        check(Some(Duration::ZERO), Some(second), Duration::ZERO);
        check(None, Some(Duration::ZERO), Duration::ZERO);
    }
}
