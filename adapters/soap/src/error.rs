//! What can go wrong: with the options of a system, and with an attempt to reach it.
//!
//! No text here names an address, a credential or a value of a message.

use portolan_delivery::{SendError, Sent};

/// What is wrong with the options of a system.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The endpoint is no address of an HTTP service.
    #[error("`endpoint` must be a whole address such as `https://register.example/soap`")]
    Endpoint,
    /// Credentials stand in the endpoint.
    #[error("`endpoint` must not hold credentials; write them under `auth`")]
    CredentialsInEndpoint,
    /// A header cannot be sent.
    #[error("`headers`: `{0}` is no HTTP header name, or its value has characters that HTTP does not allow")]
    Header(String),
    /// A header is written by the adapter itself.
    #[error("`headers`: `{0}` is written by Portolan itself; leave it out")]
    OwnHeader(String),
    /// A user or password cannot be written in XML.
    #[error(
        "`ws-security`: a control character in `username` or `password` cannot be written in an envelope"
    )]
    ControlCharacter,
    /// A number must not be zero.
    #[error("`{0}` must be greater than zero")]
    Zero(&'static str),
    /// TLS cannot be used like this.
    #[error("`tls`: {0}")]
    Tls(#[from] portolan_tls::TlsError),
}

/// Every `SendError::reason` of this adapter. The README says what each means and how it may be classified.
pub mod reason {
    pub use portolan_tls::reason::{CONNECTION_REFUSED, DNS_FAILED, TIMEOUT, TLS_REFUSED};

    /// The connection was lost before a reply began.
    pub const CONNECTION_LOST: &str = "CONNECTION_LOST";
    /// All connections were busy for as long as an answer may take. Never sent.
    pub const POOL_EXHAUSTED: &str = "POOL_EXHAUSTED";
    /// The route's target is no SOAP operation, or its SOAPAction or key cannot be a header. Never sent.
    pub const NOT_SENDABLE: &str = "NOT_SENDABLE";
    /// What answers does not speak HTTP/1.1.
    pub const NOT_HTTP: &str = "NOT_HTTP";
    /// An HTML page.
    pub const HTML_REPLY: &str = "HTML_REPLY";
    /// Nothing.
    pub const EMPTY_REPLY: &str = "EMPTY_REPLY";
    /// A reply that breaks off.
    pub const TRUNCATED_REPLY: &str = "TRUNCATED_REPLY";
    /// A reply over the limit, as it travels or inflated.
    pub const OVERSIZED_REPLY: &str = "OVERSIZED_REPLY";
    /// A reply that is no SOAP envelope.
    pub const NOT_SOAP: &str = "NOT_SOAP";
    /// A DOCTYPE, which SOAP forbids.
    pub const DOCTYPE_REFUSED: &str = "DOCTYPE_REFUSED";
    /// An HTTP status that says no, and no envelope with it.
    pub const HTTP_STATUS: &str = "HTTP_STATUS";
    /// HTTP 429, 502, 503 or 504 without an envelope.
    pub const SERVICE_UNAVAILABLE: &str = "SERVICE_UNAVAILABLE";
    /// An encoding that cannot be read, or text that is not in the encoding it claims.
    pub const CHARSET_UNSUPPORTED: &str = "CHARSET_UNSUPPORTED";
    /// A `Content-Encoding` that cannot be inflated.
    pub const COMPRESSION_UNSUPPORTED: &str = "COMPRESSION_UNSUPPORTED";
    /// SOAP with attachments or MTOM, which is not read yet.
    pub const MULTIPART: &str = "MULTIPART";
    /// A redirection that is not followed.
    pub const REDIRECT: &str = "REDIRECT";
}

/// A reply that is not an answer.
pub(crate) fn bad_reply(reason: &'static str, message: impl Into<String>) -> SendError {
    SendError::new(Sent::Answered, reason, message)
}

/// What an operator is told of a host without an address.
pub(crate) const NO_ADDRESS: &str = "the host's name has no address; see the system's `endpoint`";
