//! A failure as `google.rpc.Status`: `proto/google/rpc/status.proto` and `error_details.proto`, as far as failures use
//! them. Written by hand, so that building needs no code generator.
#![allow(missing_docs, reason = "the names are google.rpc's own")]

use prost::Message as _;
use prost_types::{Any, Duration};

use crate::Failure;

/// `ErrorInfo.domain` of every failure.
pub const ERROR_DOMAIN: &str = "portolan.dev";

/// The keys of `Failure.metadata` under which a message's id stands; it is told as `RequestInfo.request_id` too. A dead
/// letter has the id of its message.
pub const MESSAGE_ID: [&str; 2] = ["message", "dead_letter"];

/// Clients of gRPC take 8 KiB of trailers by default and fail the call with another status when there is more: what is
/// told has to fit, with base64 and the message beside it.
pub const MAX_DETAILS: usize = 3584;
/// Of the message, in bytes.
pub const MAX_MESSAGE: usize = 768;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Status {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Any>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ErrorInfo {
    #[prost(string, tag = "1")]
    pub reason: String,
    #[prost(string, tag = "2")]
    pub domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub metadata: std::collections::BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub retry_delay: Option<Duration>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RequestInfo {
    #[prost(string, tag = "1")]
    pub request_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    pub field_violations: Vec<FieldViolation>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct FieldViolation {
    #[prost(string, tag = "1")]
    pub field: String,
    #[prost(string, tag = "2")]
    pub description: String,
}

/// A message in an `Any`, under its full name.
pub fn pack(full_name: &str, message: &impl prost::Message) -> Any {
    Any { type_url: format!("type.googleapis.com/{full_name}"), value: message.encode_to_vec() }
}

/// The failure as `google.rpc.Status`. Field violations, then entries of metadata, are left out from the end where all
/// of them would not fit a client's default limit.
pub fn to_status(failure: &Failure) -> Status {
    let mut info = ErrorInfo {
        reason: failure.reason.clone(),
        domain: ERROR_DOMAIN.to_owned(),
        metadata: failure.metadata.clone(),
    };
    let mut fields: Vec<FieldViolation> = failure
        .fields
        .iter()
        .map(|at| FieldViolation { field: at.field.clone(), description: at.description.clone() })
        .collect();
    loop {
        let status = assemble(failure, &info, &fields);
        if status.encoded_len() <= MAX_DETAILS {
            return status;
        }
        if !fields.is_empty() {
            fields.truncate(fields.len() / 2);
        } else if info.metadata.pop_last().is_none() {
            info.reason = cut(&info.reason, 64).to_owned();
            return assemble(failure, &info, &fields);
        }
    }
}

fn assemble(failure: &Failure, info: &ErrorInfo, fields: &[FieldViolation]) -> Status {
    let mut details = vec![pack("google.rpc.ErrorInfo", info)];
    if !fields.is_empty() {
        details.push(pack("google.rpc.BadRequest", &BadRequest { field_violations: fields.to_vec() }));
    }
    if let Some(delay) = failure.retry_after {
        let retry_delay = prost_types::Duration::try_from(delay).ok();
        details.push(pack("google.rpc.RetryInfo", &RetryInfo { retry_delay }));
    }
    if let Some(id) = MESSAGE_ID.iter().find_map(|key| failure.metadata.get(*key)) {
        details.push(pack("google.rpc.RequestInfo", &RequestInfo { request_id: cut(id, 256).to_owned() }));
    }
    Status { code: failure.status as i32, message: cut(&failure.message, MAX_MESSAGE).to_owned(), details }
}

/// The longest beginning of at most `limit` bytes that ends between characters.
pub fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}
