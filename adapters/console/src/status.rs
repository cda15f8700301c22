//! An operator's errors as gRPC statuses, and back: the command line says the same whether it asked the gateway or the
//! database. What tells them apart is `google.rpc.ErrorInfo`, as everywhere in Portolan.

use std::collections::BTreeMap;

use portolan_delivery::{DeliveryError, MessageId, OperatorError};
use prost::Message;
use tonic::{Code, Status};

use crate::convert::Malformed;

/// The domain of every `ErrorInfo` of Portolan; the gRPC source gives the same.
const DOMAIN: &str = "portolan.dev";
const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";
/// HTTP/2 peers bound their headers, and the message travels in one.
const MESSAGE_LIMIT: usize = 2048;

/// `google.rpc.Status`
#[derive(Clone, PartialEq, prost::Message)]
struct RichStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// `google.rpc.ErrorInfo`
#[derive(Clone, PartialEq, prost::Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

pub(crate) fn status(code: Code, reason: &str, message: &str, id: Option<MessageId>) -> Status {
    let cut = message.floor_char_boundary(MESSAGE_LIMIT);
    let message = &message[..cut];
    let metadata = id.map(|id| ("message_id".to_owned(), id.to_string())).into_iter().collect();
    let info = ErrorInfo { reason: reason.to_owned(), domain: DOMAIN.to_owned(), metadata };
    let detail = prost_types::Any { type_url: ERROR_INFO.to_owned(), value: info.encode_to_vec() };
    let rich = RichStatus { code: code as i32, message: message.to_owned(), details: vec![detail] };
    Status::with_details(code, message, rich.encode_to_vec().into())
}

pub(crate) fn malformed(problem: Malformed) -> Status {
    status(Code::InvalidArgument, "INVALID_REQUEST", &problem.to_string(), None)
}

pub(crate) fn to_status(error: OperatorError) -> Status {
    let message = error.to_string();
    match error {
        OperatorError::Delivery(error) => match error {
            DeliveryError::NotFound(id) => status(Code::NotFound, "MESSAGE_NOT_FOUND", &message, Some(id)),
            DeliveryError::NotDead(id) => {
                status(Code::FailedPrecondition, "NOT_A_DEAD_LETTER", &message, Some(id))
            }
            DeliveryError::Superseded(claim) => status(Code::Aborted, "SUPERSEDED", &message, Some(claim.id)),
            DeliveryError::Unavailable(inner) => status(Code::Unavailable, "QUEUE_UNAVAILABLE", &inner, None),
            DeliveryError::Topology(inner) => {
                status(Code::FailedPrecondition, "QUEUE_TOPOLOGY", &inner, None)
            }
            DeliveryError::Fatal(inner) => status(Code::Internal, "QUEUE_FAILED", &inner, None),
        },
        OperatorError::Refused(text) => status(Code::FailedPrecondition, "REFUSED", &text, None),
        OperatorError::Findings(text) => status(Code::FailedPrecondition, "FINDINGS", &text, None),
    }
}

pub(crate) fn from_status(error: &Status) -> OperatorError {
    let info = RichStatus::decode(error.details()).ok().and_then(|rich| {
        let detail = rich.details.into_iter().find(|d| d.type_url == ERROR_INFO)?;
        ErrorInfo::decode(&detail.value[..]).ok()
    });
    let text = error.message().to_owned();
    let Some(info) = info.filter(|i| i.domain == DOMAIN) else {
        return OperatorError::Refused(match error.code() {
            Code::Unauthenticated => "the gateway does not accept the admin token".to_owned(),
            Code::Unavailable => "the gateway does not answer any more".to_owned(),
            Code::DeadlineExceeded => "the gateway did not answer in time".to_owned(),
            code => format!("the gateway's admin API answered {code:?}: {text}"),
        });
    };
    let id = info.metadata.get("message_id").and_then(|id| id.parse().ok());
    match (info.reason.as_str(), id) {
        ("MESSAGE_NOT_FOUND", Some(id)) => DeliveryError::NotFound(id).into(),
        ("NOT_A_DEAD_LETTER", Some(id)) => DeliveryError::NotDead(id).into(),
        ("QUEUE_UNAVAILABLE", _) => DeliveryError::Unavailable(text).into(),
        ("QUEUE_TOPOLOGY", _) => DeliveryError::Topology(text).into(),
        ("QUEUE_FAILED", _) => DeliveryError::Fatal(text).into(),
        ("FINDINGS", _) => OperatorError::Findings(text),
        _ => OperatorError::Refused(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_survive_the_wire() {
        let id = MessageId::generate();
        for error in [
            DeliveryError::NotFound(id).into(),
            DeliveryError::NotDead(id).into(),
            DeliveryError::Unavailable("disk".into()).into(),
            DeliveryError::Fatal("disk".into()).into(),
            OperatorError::Refused("not so".into()),
            OperatorError::Findings("a.yaml:1:1".into()),
        ] {
            let expected = error.to_string();
            let back = from_status(&to_status(error));
            assert_eq!(back.to_string(), expected);
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let text = "ä".repeat(5000);
        assert!(to_status(OperatorError::Refused(text)).message().len() <= MESSAGE_LIMIT);
    }
}
