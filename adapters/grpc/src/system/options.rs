//! How one gRPC system is reached: what `systems.<name>.grpc` of `portolan.yaml` may hold, and what its values mean.

use std::{collections::BTreeMap, fmt, time::Duration};

use http::{Uri, uri::Scheme};
use portolan_tls::{TlsOptions, leaves_the_machine};

use super::OptionsError;

/// What is set for one system. `Debug` shows neither addresses nor secrets.
#[derive(Clone)]
pub struct Options {
    /// Where the service listens: `https://ledger.example:8443`, or `http://` for HTTP/2 in clear text. Nothing but scheme, host
    /// and port.
    pub address: String,
    /// How long the system has for one call, for whoever fills [`portolan_delivery::Outgoing::timeout`]. Default 30 s.
    pub timeout: Duration,
    /// How long name lookup, TCP and TLS may take together. Default 5 s.
    pub connect_timeout: Duration,
    /// How long a connection is kept on which no call begins. Default 60 s.
    pub idle_timeout: Duration,
    /// Calls at once, all on one connection. Default 64.
    pub max_concurrency: usize,
    /// Calls that may wait for their turn; more are refused at once. Default 1024.
    pub max_waiting: usize,
    /// The greatest message that is taken for an answer. Default 4 MiB.
    pub max_reply_bytes: usize,
    /// Whom to trust, and what to show.
    pub tls: TlsOptions,
    /// Metadata of every call, by lower-case name. The value of a name that ends in `-bin` is in base64.
    pub metadata: BTreeMap<String, String>,
}

impl Options {
    /// An address, and defaults for all else.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            max_concurrency: 64,
            max_waiting: 1024,
            max_reply_bytes: 4 << 20,
            tls: TlsOptions::default(),
            metadata: BTreeMap::new(),
        }
    }

    /// Whether somebody who listens to the network can read what is sent: it goes without TLS, and leaves this machine.
    pub fn readable(&self) -> bool {
        let Ok(uri) = self.address.parse::<Uri>() else { return false };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        uri.scheme() == Some(&Scheme::HTTP) && leaves_the_machine(host)
    }

    /// The address, as it can be used.
    pub(super) fn uri(&self) -> Result<Uri, OptionsError> {
        let uri: Uri = self.address.parse().map_err(|_| OptionsError::Address)?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        match uri.authority() {
            Some(authority) if known && !authority.host().is_empty() && uri.path() == "/" => {
                if authority.as_str().contains('@') {
                    Err(OptionsError::CredentialsInAddress)
                } else if uri.query().is_some() {
                    Err(OptionsError::Address)
                } else {
                    Ok(uri)
                }
            }
            _ => Err(OptionsError::Address),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("address", &"(hidden)")
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("max_concurrency", &self.max_concurrency)
            .field("max_waiting", &self.max_waiting)
            .field("max_reply_bytes", &self.max_reply_bytes)
            .field("tls", &self.tls)
            .field("metadata", &self.metadata.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_scheme_host_and_port() {
        for (text, is_one, readable) in [
            ("https://ledger.example:8443", true, false),
            ("https://ledger.example", true, false),
            ("https://ledger.example/", true, false),
            ("http://ledger.example:50051", true, true),
            ("http://127.0.0.1:50051", true, false),
            ("http://[::1]:50051", true, false),
            ("http://localhost", true, false),
            ("https://ledger.example/v1", false, false),
            ("https://ledger.example/?a=b", false, false),
            ("https://user:canary@ledger.example", false, false),
            ("ledger.example:8443", false, false),
            ("dns:///ledger.example", false, false),
            ("grpc://ledger.example", false, false),
            ("", false, false),
        ] {
            let options = Options::new(text);
            assert_eq!(options.uri().is_ok(), is_one, "{text}");
            assert_eq!(options.readable(), readable, "{text}");
            assert!(!format!("{options:?}").contains("example"), "{options:?}");
        }
    }
}
