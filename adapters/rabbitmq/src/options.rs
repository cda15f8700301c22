//! What can be set.

use std::{fmt, time::Duration};

use portolan_tls::TlsOptions;
use uuid::Uuid;

use crate::{OpenError, brokers::Brokers};

/// How the broker keeps a route's queue. A queue that exists keeps its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueueType {
    /// Replicated over the nodes of a cluster; a confirm means that most of them have it on disk.
    #[default]
    Quorum,
    /// On one node.
    Classic,
}

/// How to reach and use a broker.
#[derive(Clone)]
pub struct Options {
    /// `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps://` for TLS. The virtual host `/` is written `%2f`. For a cluster,
    /// `HOST1:PORT,HOST2:PORT`: where one cannot be reached, the next is tried.
    pub url: String,
    /// For `amqps://`: whom to trust, and what to show. The broker's chain and host name are always verified.
    pub tls: TlsOptions,
    /// Of queues that are declared.
    pub queue_type: QueueType,
    /// Parcels of a route that are here and not acknowledged, at most. 0 counts as 1: it would mean no limit.
    pub prefetch: u16,
    /// What the broker may take to answer.
    pub confirm_timeout: Duration,
    /// What a receiver waits for parcels that were confirmed, or in the queue when its consumer started, and have not come. If
    /// another gateway took them, they never do.
    pub receive_wait: Duration,
    /// Before the name of each queue, so that several installations share a virtual host.
    pub queue_prefix: String,
    /// Which ledger knows the messages of which parcels speak. The queues of a prefix are one ledger's, and no other's.
    pub ledger: Option<Uuid>,
    /// Whether events are to be announced: strangers find their exchange as soon as there is a transport.
    pub events: bool,
}

impl Options {
    /// With defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            tls: TlsOptions::default(),
            queue_type: QueueType::default(),
            prefetch: 64,
            confirm_timeout: Duration::from_secs(10),
            receive_wait: Duration::from_millis(100),
            queue_prefix: "portolan".to_owned(),
            ledger: None,
            events: false,
        }
    }

    /// Whether URL and certificates can be read; no connection is made.
    ///
    /// # Errors
    /// They cannot.
    pub fn check(&self) -> Result<(), OpenError> {
        let brokers = Brokers::parse(&self.url)?;
        if self.tls.is_set() && !brokers.are_encrypted() {
            return Err(OpenError::WithoutTls);
        }
        self.tls.check()?;
        Ok(())
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL has a password.
        let servers =
            Brokers::parse(&self.url).map_or_else(|_| "(not valid)".to_owned(), |all| all.to_string());
        f.debug_struct("Options")
            .field("servers", &servers)
            .field("tls", &self.tls)
            .field("queue_type", &self.queue_type)
            .field("prefetch", &self.prefetch)
            .field("confirm_timeout", &self.confirm_timeout)
            .field("receive_wait", &self.receive_wait)
            .field("queue_prefix", &self.queue_prefix)
            .field("ledger", &self.ledger)
            .field("events", &self.events)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_shown() {
        for url in ["amqp://joe:s3cret@a,rabbit:5673/%2f", "amqp:joe:s3cret@rabbit", "s3cret"] {
            let shown = format!("{:?}", Options::new(url));
            assert!(!shown.contains("s3cret"), "{shown}");
        }
        assert!(
            format!("{:?}", Options::new("amqp://joe:s3cret@a,rabbit:5673/%2f"))
                .contains("a:5672, rabbit:5673")
        );
    }
}
