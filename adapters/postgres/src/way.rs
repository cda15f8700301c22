//! The way to the database: where it is, how connections are encrypted, and what of that may be told.

use std::time::Duration;

use portolan_tls::{Refusal, leaves_the_machine};
use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{
    Client, Config,
    config::{Host, SslMode},
};

use crate::{
    OpenError, Options,
    error::{brief, is_away, late},
    tls::Tls,
};

/// What a server may take to let somebody in.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How to connect.
#[derive(Clone)]
pub(crate) struct Way {
    config: Config,
    tls: Tls,
}

impl Way {
    /// As these options say, under this name in the server's list of connections.
    pub(crate) fn of(options: &Options, name: &str) -> Result<Self, OpenError> {
        let mut config: Config =
            options.url.parse().map_err(|_| match options.url.contains("sslmode=verify") {
                true => OpenError::SslMode,
                false => OpenError::Url,
            })?;
        if options.tls.is_set() {
            match config.get_ssl_mode() {
                SslMode::Disable => return Err(OpenError::WithoutTls),
                // Who says whom to trust does not mean that it may be left out.
                _ => drop(config.ssl_mode(SslMode::Require)),
            }
        }
        config.application_name(name).connect_timeout(Duration::from_secs(5));
        // A server that is cut off without a word is noticed.
        config.keepalives_idle(Duration::from_secs(5)).tcp_user_timeout(Duration::from_secs(10));
        Ok(Self { config, tls: Tls::new(options.tls.clone()) })
    }

    /// The same with more settings for its sessions than the URL has.
    pub(crate) fn with(mut self, more: &str) -> Self {
        let before = self.config.get_options().unwrap_or_default();
        let settings = format!("{before} {more}");
        self.config.options(settings.trim());
        self
    }

    /// A connection, and what drives it until its client is gone. Why it failed, every statement under way is told.
    pub(crate) async fn connect(&self) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        let connecting = self.config.connect(self.tls.clone());
        let (client, connection) = timeout(HANDSHAKE, connecting).await.unwrap_or_else(|_| Err(late()))?;
        Ok((client, tokio::spawn(async move { drop(connection.await) })))
    }

    /// What could not be opened, and why. A server that refuses a certificate may be gone before its alert arrives, once this
    /// side has its own half of the handshake.
    pub(crate) fn failed(&self, error: &tokio_postgres::Error) -> OpenError {
        let mut problem = brief(error);
        let told = error.as_db_error().is_some() || Refusal::of(error).is_some();
        let mut away = is_away(error);
        if !told && !self.certificates().is_empty() {
            away = false;
            problem = format!("{problem}, right after TLS; {}", Refusal::RefusesUs.todo());
        }
        OpenError::Connect { place: self.place(), problem, away }
    }

    /// What the server showed when it was last connected with TLS, in DER.
    pub(crate) fn certificates(&self) -> Vec<Vec<u8>> {
        self.tls.shown.certificates()
    }

    /// Whether there is a password, and a network on which others could read it.
    pub(crate) fn carries_a_password(&self) -> bool {
        let far = |host: &Host| match host {
            Host::Tcp(name) => leaves_the_machine(name),
            Host::Unix(_) => false,
        };
        self.config.get_password().is_some() && self.config.get_hosts().iter().any(far)
    }

    /// Host, port and database: what an operator needs, and no credential.
    fn place(&self) -> String {
        let hosts: Vec<_> = self
            .config
            .get_hosts()
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(path) => path.display().to_string(),
            })
            .collect();
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        format!("{}:{port}/{}", hosts.join(","), self.config.get_dbname().unwrap_or("(default)"))
    }
}
