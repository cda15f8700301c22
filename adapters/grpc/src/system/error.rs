//! What can go wrong: with the options of a system, and with an attempt to reach it.
//!
//! No text here names an address, a credential or a value of a message.

use portolan_delivery::{SendError, Sent};

/// What is wrong with the options of a system.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The address is none of a gRPC service.
    #[error("`address` is scheme, host and port, such as `https://ledger.example:8443`")]
    Address,
    /// Credentials stand in the address.
    #[error("`address` must not hold credentials; write them under `metadata`")]
    CredentialsInAddress,
    /// An entry of the metadata cannot be sent.
    #[error(
        "`metadata`: `{0}` is no name of metadata (a-z, 0-9, `_`, `-`, `.`), or its value is not printable ASCII \
         (base64, where the name ends in `-bin`)"
    )]
    Metadata(String),
    /// An entry of the metadata is written by the adapter itself.
    #[error("`metadata`: `{0}` is written by Portolan itself; leave it out")]
    OwnMetadata(String),
    /// A number must not be zero.
    #[error("`{0}` must be greater than zero")]
    Zero(&'static str),
    /// TLS cannot be used like this.
    #[error("`tls`: {0}")]
    Tls(#[from] portolan_tls::TlsError),
}

/// Every `SendError::reason` of this adapter, beside the names of gRPC's own statuses, by which a system answers. The README
/// says what each means and how it may be classified.
pub mod reason {
    pub use portolan_tls::reason::{CONNECTION_REFUSED, DNS_FAILED, TIMEOUT, TLS_REFUSED};

    /// The connection was lost before an answer was there.
    pub const CONNECTION_LOST: &str = "CONNECTION_LOST";
    /// As many calls as may be were under way for as long as an answer may take. Never sent.
    pub const POOL_EXHAUSTED: &str = "POOL_EXHAUSTED";
    /// The route's target is no unary gRPC method, or its key cannot be metadata. Never sent.
    pub const NOT_SENDABLE: &str = "NOT_SENDABLE";
    /// The system closed the stream or the connection, and said that it did not process the request.
    pub const STREAM_REFUSED: &str = "STREAM_REFUSED";
    /// What answers does not speak HTTP/2.
    pub const NOT_HTTP2: &str = "NOT_HTTP2";
    /// An HTTP status other than 200, and no gRPC with it.
    pub const HTTP_STATUS: &str = "HTTP_STATUS";
    /// HTTP 429, 502, 503 or 504 without gRPC: what stands before the system.
    pub const SERVICE_UNAVAILABLE: &str = "SERVICE_UNAVAILABLE";
    /// Something that is not gRPC.
    pub const NOT_GRPC: &str = "NOT_GRPC";
    /// Success without a message.
    pub const EMPTY_REPLY: &str = "EMPTY_REPLY";
    /// An answer that ends before its message, or without a status.
    pub const TRUNCATED_REPLY: &str = "TRUNCATED_REPLY";
    /// An answer over the limit.
    pub const OVERSIZED_REPLY: &str = "OVERSIZED_REPLY";
    /// More than one message, or a frame that is none.
    pub const MALFORMED_REPLY: &str = "MALFORMED_REPLY";
    /// A compressed message, though none was asked for.
    pub const COMPRESSION_UNSUPPORTED: &str = "COMPRESSION_UNSUPPORTED";
}

/// A reply that is not an answer.
pub(super) fn bad_reply(reason: &'static str, message: impl Into<String>) -> SendError {
    SendError::new(Sent::Answered, reason, message)
}

/// What cannot be sent, now or ever.
pub(super) fn not_sendable(message: &'static str) -> SendError {
    SendError::new(Sent::Never, reason::NOT_SENDABLE, message)
}

/// What an operator is told of a host without an address.
pub(super) const NO_ADDRESS: &str = "the host's name has no address; see the system's `address`";
