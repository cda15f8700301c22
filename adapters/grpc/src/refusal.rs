//! The failures that the source itself answers with, before a call reaches the engine. None holds what the caller sent.

use std::time::Duration;

use portolan_delivery::{Failure, FaultClass, Status};

fn refused(status: Status, reason: &str, message: impl Into<String>) -> Failure {
    Failure::new(status, FaultClass::Request, reason, message)
}

pub(crate) fn unknown_method() -> Failure {
    refused(
        Status::Unimplemented,
        "METHOD_NOT_SERVED",
        "no route serves this method; reflection and the gateway's configuration name the ones that are served",
    )
}

pub(crate) fn caller_unknown() -> Failure {
    refused(
        Status::Unauthenticated,
        "CALLER_UNKNOWN",
        "operations are listed for callers that show a certificate; others know theirs by name",
    )
}

pub(crate) fn malformed_list(field: &str, expected: &str) -> Failure {
    malformed_message("google.longrunning.ListOperationsRequest").at_field(field, expected)
}

pub(crate) fn too_large(limit: usize) -> Failure {
    refused(
        Status::ResourceExhausted,
        "REQUEST_TOO_LARGE",
        format!(
            "the request message is larger than the gateway's limit of {limit} bytes (max-request-bytes)"
        ),
    )
    .with("limit_bytes", limit)
}

pub(crate) fn too_many_calls(limit: usize) -> Failure {
    refused(
        Status::ResourceExhausted,
        "TOO_MANY_CALLS",
        format!(
            "the gateway already serves its limit of {limit} calls at a time (max-calls); call again later"
        ),
    )
    .with("limit_calls", limit)
    .retry_after(Duration::from_secs(1))
}

pub(crate) fn too_slow(limit: Duration) -> Failure {
    refused(
        Status::DeadlineExceeded,
        "REQUEST_TOO_SLOW",
        format!(
            "the request message had not arrived whole after {} s (request-timeout)",
            limit.as_secs_f64()
        ),
    )
}

pub(crate) fn cut_off() -> Failure {
    refused(Status::Cancelled, "REQUEST_CUT", "the request ended before its message was whole")
}

pub(crate) fn malformed(what: &str) -> Failure {
    refused(Status::Internal, "MALFORMED_FRAME", format!("the request is not sound gRPC: {what}"))
}

pub(crate) fn cardinality() -> Failure {
    refused(Status::Unimplemented, "NOT_UNARY", "the method takes exactly one request message")
}

pub(crate) fn streams_over_the_web() -> Failure {
    refused(
        Status::Unimplemented,
        "NOT_UNARY",
        "methods that stream are not served over gRPC-Web; call them by gRPC",
    )
}

/// The reason of [`unsupported_encoding`], by which its reply names the encodings that are.
pub(crate) const UNSUPPORTED_ENCODING: &str = "UNSUPPORTED_ENCODING";

pub(crate) fn unsupported_encoding() -> Failure {
    refused(
        Status::Unimplemented,
        UNSUPPORTED_ENCODING,
        "the request's grpc-encoding is not supported; send identity or gzip",
    )
}

pub(crate) fn malformed_timeout() -> Failure {
    refused(
        Status::InvalidArgument,
        "MALFORMED_TIMEOUT",
        "grpc-timeout is not one to eight digits and a unit of H, M, S, m, u or n",
    )
}

pub(crate) fn malformed_message(name: &str) -> Failure {
    refused(Status::InvalidArgument, "MALFORMED_MESSAGE", format!("the request is not a sound {name}"))
}

pub(crate) fn draining() -> Failure {
    Failure::new(Status::Unavailable, FaultClass::Internal, "DRAINING", "the gateway is shutting down")
}

pub(crate) fn internal() -> Failure {
    Failure::new(Status::Internal, FaultClass::Internal, "INTERNAL", "the gateway failed to answer")
}
