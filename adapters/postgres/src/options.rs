//! What can be set about the ledger.

use std::{fmt, time::Duration};

use portolan_tls::TlsOptions;

use crate::{OpenError, way::Way};

/// How the database is used.
#[derive(Clone)]
pub struct Options {
    /// `postgres://user:password@host:port/database`, with `?sslmode=require` for TLS: then chain and host name of the server are
    /// verified. `prefer`, the default, encrypts where the server offers it, and verifies just so; `disable` does not.
    pub url: String,
    /// Whom to trust, and what to show. Where anything is said, TLS is required.
    pub tls: TlsOptions,
    /// Where this gateway runs, for people: its machine's name.
    pub host: String,
    /// Connections for intents: so many commits can share one sync of the server's disk.
    pub connections: usize,
    /// How long a gateway counts as alive that has not been heard of, by the server's clock.
    pub lease: Duration,
    /// How long an accept or a question waits for a database that is away.
    pub patience: Duration,
    /// How old a parcel is that is published and not claimed, until the transport is asked whether it has it yet.
    pub republish_after: Duration,
}

impl Options {
    /// The defaults, which suit a gateway.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            tls: TlsOptions::default(),
            host: String::new(),
            connections: 16,
            lease: Duration::from_secs(15),
            patience: Duration::from_secs(5),
            republish_after: Duration::from_secs(60),
        }
    }

    /// Whether URL and certificates can be read; no connection is made.
    pub fn check(&self) -> Result<(), OpenError> {
        self.tls.check()?;
        Way::of(self, "").map(drop)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &"(masked: it may hold a password)")
            .field("tls", &self.tls)
            .field("host", &self.host)
            .field("connections", &self.connections)
            .field("lease", &self.lease)
            .field("patience", &self.patience)
            .field("republish_after", &self.republish_after)
            .finish()
    }
}
