//! What can be set of the gRPC source: the typed form of `listen.grpc` in `portolan.yaml`. Every limit has a default
//! that holds against a hostile caller.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use crate::{BindError, tls};

/// How the gRPC source listens, and within which bounds.
#[derive(Debug, Clone)]
pub struct GrpcOptions {
    /// Where it listens. Port 0 takes a free one. Default `127.0.0.1:8443`.
    pub listen: SocketAddr,
    /// TLS; without it the source speaks HTTP/2 in clear text with prior knowledge.
    pub tls: Option<TlsOptions>,
    /// gRPC-Web, and with it HTTP/1.1, for browsers; without it neither is spoken. Default none.
    pub web: Option<WebOptions>,
    /// Whether reflection (v1 and v1alpha) is served. Default true.
    pub reflection: bool,
    /// The largest request message, in bytes, as sent and decompressed alike. Default 4 MiB.
    pub max_request_bytes: usize,
    /// The largest list of request headers, in bytes as HTTP/2 counts them. Default 16 KiB.
    pub max_header_bytes: u32,
    /// Connections at a time; more are closed at once. Default 1024.
    pub max_connections: usize,
    /// Calls at a time on one connection; callers queue the rest themselves. Default 256.
    pub max_calls_per_connection: u32,
    /// Calls at a time; more are refused with `RESOURCE_EXHAUSTED` and a delay. Default 1024.
    pub max_calls: usize,
    /// How long a caller may take to send its message. Default 30 s.
    pub request_timeout: Duration,
    /// How long a connection may take until HTTP/2 (and TLS before it) has begun. Default 10 s.
    pub handshake_timeout: Duration,
    /// TLS handshakes at a time; more wait, within their own timeout. Default 64.
    pub max_handshakes: usize,
    /// After how long without traffic the other side is asked whether it is still there. Default 60 s.
    pub keepalive_interval: Duration,
    /// How long it has to answer. Default 20 s.
    pub keepalive_timeout: Duration,
    /// A reply of this many bytes or more is compressed where its caller accepts gzip; a reply to a compressed request
    /// always is. Default 32 KiB.
    pub compress_from: usize,
    /// The longest that `WaitOperation` waits, whatever its caller asks. Default 5 minutes.
    pub max_wait: Duration,
    /// How long calls in flight have to end once the source shuts down. Default 30 s.
    pub drain_timeout: Duration,
}

impl Default for GrpcOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            tls: None,
            web: None,
            reflection: true,
            max_request_bytes: 4 << 20,
            max_header_bytes: 16 << 10,
            max_connections: 1024,
            max_calls_per_connection: 256,
            max_calls: 1024,
            request_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            max_handshakes: 64,
            keepalive_interval: Duration::from_secs(60),
            keepalive_timeout: Duration::from_secs(20),
            compress_from: 32 << 10,
            max_wait: Duration::from_secs(300),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// How browsers may call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebOptions {
    /// Whose scripts may: `https://portal.example`, as browsers write it. Those of the gateway's own origin, as behind a
    /// proxy, need no permission.
    pub origins: Vec<String>,
}

impl WebOptions {
    /// An origin as a browser may send it (RFC 6454, section 6.2); the error says what to write.
    pub fn origin(text: &str) -> Result<String, String> {
        let expected = || {
            "write scheme and host, with a port that is not the scheme's own: https://portal.example"
                .to_owned()
        };
        let uri: http::Uri = text.parse().map_err(|_| expected())?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(expected());
        };
        let own_port = matches!((scheme, authority.port_u16()), ("http", Some(80)) | ("https", Some(443)));
        let whole = format!("{scheme}://{authority}");
        if own_port || authority.as_str().contains(['@', '*']) || !whole.eq_ignore_ascii_case(text) {
            return Err(expected());
        }
        Ok(whole)
    }
}

/// TLS by PEM files, read once when the source is bound.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    /// The server's certificate, followed by its intermediates.
    pub certificate: PathBuf,
    /// Its private key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
    /// Whether callers show certificates.
    pub client: ClientCertificates,
}

impl TlsOptions {
    /// Whether the files are there, are what they should be, and go together.
    pub fn check(&self) -> Result<(), BindError> {
        tls::acceptor(self, false).map(drop)
    }
}

/// Whether callers show certificates.
#[derive(Debug, Clone, Default)]
pub enum ClientCertificates {
    /// They are not asked to.
    #[default]
    NotAsked,
    /// Who shows one is known by it; who shows none is anonymous.
    Optional {
        /// The authorities (PEM) that may have issued it.
        authorities: PathBuf,
    },
    /// Without one there is no connection.
    Required {
        /// The authorities (PEM) that may have issued it.
        authorities: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for (text, is_one) in [
            ("https://portal.example", true),
            ("http://localhost:3000", true),
            ("https://[::1]:8443", true),
            ("https://portal.example/", false),
            ("https://portal.example:443", false),
            ("http://portal.example:80", false),
            ("https://user@portal.example", false),
            ("https://*.example", false),
            ("portal.example", false),
            ("*", false),
            ("null", false),
            ("ftp://portal.example", false),
            ("", false),
        ] {
            assert_eq!(WebOptions::origin(text).is_ok(), is_one, "{text}");
        }
    }
}
