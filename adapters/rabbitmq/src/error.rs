//! What can go wrong, in words that say what to do.

use std::time::Duration;

use portolan_delivery::DeliveryError;

/// Why there is no transport.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The text is left out, as it may have a password.
    #[error(
        "the URL of RabbitMQ is not valid: write amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// for TLS, with %2f for the virtual host /, \
         and HOST1:PORT,HOST2:PORT for several; a host is a name or an IPv4 address"
    )]
    Url,
    /// Certificates, and no TLS.
    #[error("`ca` and `certificate` are for TLS: write amqps:// instead of amqp://")]
    WithoutTls,
    /// Certificates cannot be used.
    #[error("{0}")]
    Tls(#[from] portolan_tls::TlsError),
    /// No connection.
    #[error("{}", unconnected(tried, *away))]
    Connect {
        /// Each host and port, with what was said.
        tried: String,
        /// Whether nobody is there yet, rather than that somebody refuses.
        away: bool,
    },
    /// What strangers publish to or listen to is not as it should be.
    #[error(transparent)]
    Strangers(#[from] ServeError),
}

fn unconnected(tried: &str, away: bool) -> String {
    match away {
        true => format!("cannot connect to RabbitMQ at {tried}; check that it runs and listens there"),
        false => format!(
            "RabbitMQ refuses the connection: {tried}; see user, password, virtual host and certificates"
        ),
    }
}

impl OpenError {
    /// Whether it may do later, without anything being changed here.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Connect { away: true, .. } | Self::Strangers(ServeError::Away(_)))
    }
}

/// Why a route's queue is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// There is one of that name that differs from what would be declared.
    #[error(
        "the queue {queue} exists with other arguments, RabbitMQ says: {said}; use its type, or empty and delete it"
    )]
    Differs {
        /// Its name.
        queue: String,
        /// By the broker.
        said: String,
    },
    /// The broker refuses this queue otherwise: no permission, for one.
    #[error("RabbitMQ refuses the queue {queue}: {said}")]
    Refused {
        /// Its name.
        queue: String,
        /// By the broker.
        said: String,
    },
    /// The queues are not ours.
    #[error(
        "the queues of the prefix `{prefix}` belong to another ledger than this gateway's, which would take the word of messages that \
         only the other knows: give each installation a `prefix` of its own, or gateways of one installation the same ledger; if the \
         other ledger is gone for good, delete the exchange {exchange}"
    )]
    AnotherLedger {
        /// Before their names.
        prefix: String,
        /// By which it is known whose they are.
        exchange: String,
    },
    /// The broker refuses this exchange: it exists with another type, or there is no permission.
    #[error(
        "RabbitMQ refuses the exchange {exchange}: {said}; see to the permission, delete it, or take another `prefix`"
    )]
    Exchange {
        /// Its name.
        exchange: String,
        /// AMQP's number for what is wrong.
        code: u16,
        /// By the broker.
        said: String,
    },
    /// AMQP's limit.
    #[error("the name of the queue {queue} is longer than 255 bytes: shorten the route's name or the prefix")]
    Name {
        /// Its name.
        queue: String,
    },
    /// The broker answers, and the queue does not. The transport goes on trying.
    #[error(
        "RabbitMQ does not answer for the queue {queue} within {patience:?}: if nodes that keep it are down, start them; if all are \
         up and `rabbitmq-queues quorum_status {queue}` shows no leader, delete it (`rabbitmqctl delete_queue {queue}`): it is made \
         anew, and what was in it is published again"
    )]
    NoAnswer {
        /// Its name.
        queue: String,
        /// For how long.
        patience: Duration,
    },
    /// The broker is away. The transport goes on trying.
    #[error("RabbitMQ does not answer: {0}")]
    Away(String),
}

impl From<ServeError> for DeliveryError {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Away(_) | ServeError::NoAnswer { .. } => Self::Unavailable(error.to_string()),
            _ => Self::Topology(error.to_string()),
        }
    }
}
