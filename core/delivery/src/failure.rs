//! What can go wrong with a message, in the terms of gRPC and of the ledger. Holds values of a payload only where a mapping
//! makes the text of a failure from them, and says so then.

use std::{collections::BTreeMap, time::Duration};

/// `google.rpc.Code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs, reason = "the names are gRPC's own")]
#[repr(i32)]
pub enum Status {
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl Status {
    /// Every status with its name in `google.rpc.Code`.
    pub const ALL: [(Self, &'static str); 16] = [
        (Self::Cancelled, "CANCELLED"),
        (Self::Unknown, "UNKNOWN"),
        (Self::InvalidArgument, "INVALID_ARGUMENT"),
        (Self::DeadlineExceeded, "DEADLINE_EXCEEDED"),
        (Self::NotFound, "NOT_FOUND"),
        (Self::AlreadyExists, "ALREADY_EXISTS"),
        (Self::PermissionDenied, "PERMISSION_DENIED"),
        (Self::ResourceExhausted, "RESOURCE_EXHAUSTED"),
        (Self::FailedPrecondition, "FAILED_PRECONDITION"),
        (Self::Aborted, "ABORTED"),
        (Self::OutOfRange, "OUT_OF_RANGE"),
        (Self::Unimplemented, "UNIMPLEMENTED"),
        (Self::Internal, "INTERNAL"),
        (Self::Unavailable, "UNAVAILABLE"),
        (Self::DataLoss, "DATA_LOSS"),
        (Self::Unauthenticated, "UNAUTHENTICATED"),
    ];

    /// The name in `google.rpc.Code`.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize - 1].1
    }

    /// By number; what is not a failure code is `UNKNOWN`.
    pub fn from_number(number: i32) -> Self {
        usize::try_from(number - 1).ok().and_then(|i| Self::ALL.get(i)).map_or(Self::Unknown, |(s, _)| *s)
    }
}

/// What kind of failure it is: what decides whether it is tried again, and what an operator reads first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FaultClass {
    /// The caller's message is refused.
    Request,
    /// The system was provably not asked: connection or TLS refused, waiting for the pool.
    Unsent,
    /// The system says that it did nothing and may be asked again (a fault declared `retry: true`).
    NotDone,
    /// The system may or may not have done it: silence, a cut connection, a timeout.
    Unknown,
    /// The system answered no: a fault, or a failure in a normal reply.
    Refused,
    /// The system answered and the answer cannot be read or translated.
    Reply,
    /// The deadline passed before an attempt began.
    Expired,
    /// Its claims keep dying.
    Poison,
    /// Portolan itself failed.
    Internal,
}

/// Whose side is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The one who called.
    Caller,
    /// The system that was asked, or the way to it.
    System,
    /// The mapping or the gateway.
    Gateway,
}

/// A field of the caller's own message, and what is wrong with it (`google.rpc.BadRequest`).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FieldViolation {
    /// The path as the caller knows it.
    pub field: String,
    /// What is wrong.
    pub description: String,
}

/// A failure as the caller is told of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Failure {
    /// The gRPC status.
    pub status: Status,
    /// For people. No addresses; payload values only where `personal` says so.
    pub message: String,
    /// For programs: `ErrorInfo.reason`, UPPER_SNAKE_CASE.
    pub reason: String,
    /// `ErrorInfo.metadata`: route, message id, dead letter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// `BadRequest.field_violations`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldViolation>,
    /// `RetryInfo.retry_delay`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// What kind of failure it is.
    pub class: FaultClass,
    /// Whether message and descriptions are made of what the system answered: kept, and told to the caller, but neither
    /// logged nor shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub personal: bool,
    /// What an operator can do about it, for log and queue; the caller is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Failure {
    /// A failure with its status, class, machine-readable reason and message.
    pub fn new(
        status: Status,
        class: FaultClass,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            message: message.into(),
            reason: reason.into(),
            metadata: BTreeMap::new(),
            fields: Vec::new(),
            retry_after: None,
            class,
            personal: false,
            advice: None,
        }
    }

    /// With an entry of `ErrorInfo.metadata`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// With the caller's field at fault.
    #[must_use]
    pub fn at_field(mut self, field: impl Into<String>, description: impl Into<String>) -> Self {
        self.fields.push(FieldViolation { field: field.into(), description: description.into() });
        self
    }

    /// The same without what is made of the system's answer.
    #[must_use]
    pub fn without_words(mut self) -> Self {
        if self.personal {
            (self.message, self.fields) = (String::new(), Vec::new());
        }
        self
    }

    /// With a delay after which to call again.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }
}
