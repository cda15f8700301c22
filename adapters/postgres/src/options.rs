//! What can be set about the ledger.

use std::{fmt, time::Duration};

use tokio_postgres::{Config, config::SslMode};

use crate::OpenError;

/// How the database is used.
#[derive(Clone)]
pub struct Options {
    /// `postgres://user:password@host:port/database`.
    pub url: String,
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
            connections: 16,
            lease: Duration::from_secs(15),
            patience: Duration::from_secs(5),
            republish_after: Duration::from_secs(60),
        }
    }

    /// Whether the URL can be read; no connection is made.
    pub fn check(&self) -> Result<(), OpenError> {
        self.config().map(drop)
    }

    pub(crate) fn config(&self) -> Result<Config, OpenError> {
        let config: Config = self.url.parse().map_err(|_| OpenError::Url)?;
        if config.get_ssl_mode() == SslMode::Require { Err(OpenError::Tls) } else { Ok(config) }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &"(masked: it may hold a password)")
            .field("connections", &self.connections)
            .field("lease", &self.lease)
            .field("patience", &self.patience)
            .field("republish_after", &self.republish_after)
            .finish()
    }
}
