//! Which queues there are.
//!
//! One for each route, `{prefix}.route.{route}`, durable, neither exclusive nor deleted by itself, reached by the default
//! exchange: its routing key is the queue's name, so there are no bindings to lose.
//!
//! | argument | value |
//! | --- | --- |
//! | `x-queue-type` | `quorum` or `classic`; never absent, as a virtual host may have a default of its own |
//!
//! And `{prefix}.ledger`, an exchange that says whose they are.
//!
//! No `x-delivery-limit`: how often an attempt is made is the ledger's to say.

mod strangers;

use std::time::Duration;

use lapin::{
    Connection, ErrorKind, ExchangeKind, Queue,
    options::{ExchangeDeclareOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};
use uuid::Uuid;

use crate::{Options, QueueType, ServeError};

/// Names and arguments.
pub(crate) struct Topology {
    prefix: String,
    queue_type: QueueType,
}

impl Topology {
    pub(crate) fn new(options: &Options) -> Self {
        Self { prefix: options.queue_prefix.clone(), queue_type: options.queue_type }
    }

    /// The queue of a route.
    pub(crate) fn queue(&self, route: &str) -> Result<ShortString, ServeError> {
        self.name(&format!("route.{route}"))
    }

    fn name(&self, name: &str) -> Result<ShortString, ServeError> {
        let queue = format!("{}.{name}", self.prefix);
        ShortString::try_new(queue.as_str()).map_err(|_| ServeError::Name { queue })
    }

    /// The exchange that says whose the queues are.
    pub(crate) fn ledger(&self) -> Result<ShortString, ServeError> {
        self.name("ledger")
    }

    /// Notes at the broker whose the queues are, where nobody has: as the alternate exchange of an exchange that carries
    /// nothing, for this is what RabbitMQ compares of an exchange. A parcel that another ledger's gateway received would be taken
    /// for one that came again.
    pub(crate) async fn claim(&self, connection: &Connection, ledger: Uuid) -> Result<(), ServeError> {
        let name = self.ledger()?;
        let owner = format!("{name}.{ledger}");
        let mut arguments = FieldTable::default();
        arguments.insert("alternate-exchange".into(), AMQPValue::LongString(owner.into()));
        let options = ExchangeDeclareOptions { durable: true, internal: true, ..Default::default() };
        match exchange(connection, &name, ExchangeKind::Fanout, options, arguments).await {
            Err(ServeError::Exchange { exchange, code: PRECONDITION_FAILED, .. }) => {
                Err(ServeError::AnotherLedger { prefix: self.prefix.clone(), exchange })
            }
            declared => declared,
        }
    }

    /// Of a queue that does not answer, though the broker does.
    pub(crate) fn unanswered(&self, route: &str, patience: Duration) -> ServeError {
        let queue = self.queue(route);
        queue.map_or_else(|error| error, |queue| ServeError::NoAnswer { queue: queue.to_string(), patience })
    }

    fn arguments(&self) -> FieldTable {
        let queue_type = match self.queue_type {
            QueueType::Quorum => "quorum",
            QueueType::Classic => "classic",
        };
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString(queue_type.into()));
        arguments
    }

    /// A queue of a route, as it is to be.
    pub(crate) fn wanted(&self, purpose: Purpose, route: &str) -> Result<Wanted, ServeError> {
        let (queue, arguments) = match purpose {
            Purpose::Parcels => (self.queue(route)?, self.arguments()),
            Purpose::Ingress => (self.ingress_of(route)?, self.ingress_arguments(&self.refused_of(route)?)),
            Purpose::Refused => (self.refused_of(route)?, self.arguments()),
        };
        Ok(Wanted { queue, arguments })
    }

    /// Declares a route's queue.
    pub(crate) async fn declare(&self, connection: &Connection, route: &str) -> Result<Queue, ServeError> {
        self.wanted(Purpose::Parcels, route)?.declare(connection).await
    }

    /// The queue as it is, if there is one.
    pub(crate) async fn look(
        &self,
        connection: &Connection,
        route: &str,
    ) -> Result<Option<Queue>, ServeError> {
        self.wanted(Purpose::Parcels, route)?.look(connection).await
    }
}

/// What a queue is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The word that an attempt is due.
    Parcels,
    /// What strangers publish.
    Ingress,
    /// What of it can never be taken.
    Refused,
}

/// A queue as it is to be.
pub(crate) struct Wanted {
    pub(crate) queue: ShortString,
    arguments: FieldTable,
}

impl Wanted {
    /// Makes it, or compares it with what is there.
    pub(crate) async fn declare(&self, connection: &Connection) -> Result<Queue, ServeError> {
        let arguments = self.arguments.clone();
        let declared = apart(connection, &self.queue, QueueDeclareOptions::durable(), arguments).await;
        declared.map_err(|error| refused(&self.queue, error))
    }

    /// What there is of this name.
    pub(crate) async fn look(&self, connection: &Connection) -> Result<Option<Queue>, ServeError> {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
        match apart(connection, &self.queue, passive, FieldTable::default()).await {
            Ok(queue) => Ok(Some(queue)),
            Err(error) if reply_code(&error) == Some(NOT_FOUND) => Ok(None),
            Err(error) => Err(refused(&self.queue, error)),
        }
    }
}

/// On a channel of its own: a refusal closes the channel, and nothing else is to end by it.
async fn apart(
    connection: &Connection,
    queue: &ShortString,
    options: QueueDeclareOptions,
    arguments: FieldTable,
) -> lapin::Result<Queue> {
    let channel = connection.create_channel().await?;
    let declared = channel.queue_declare(queue.clone(), options, arguments).await?;
    // That it fails is seen by whoever uses the connection next.
    let _ = channel.close(200, "OK".into()).await;
    Ok(declared)
}

/// Declares an exchange, on a channel of its own.
async fn exchange(
    connection: &Connection,
    name: &ShortString,
    kind: ExchangeKind,
    options: ExchangeDeclareOptions,
    arguments: FieldTable,
) -> Result<(), ServeError> {
    let declare = async {
        let channel = connection.create_channel().await?;
        channel.exchange_declare(name.clone(), kind, options, arguments).await?;
        channel.close(200, "OK".into()).await
    };
    declare.await.map_err(|error| match reply_code(&error) {
        Some(code) => ServeError::Exchange { exchange: name.to_string(), code, said: error.to_string() },
        None => away(error),
    })
}

/// AMQP's numbers.
pub(crate) const ACCESS_REFUSED: u16 = 403;
const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;

pub(crate) fn reply_code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(said) if error.is_amqp_soft_error() => Some(said.get_id()),
        _ => None,
    }
}

fn refused(queue: &ShortString, error: lapin::Error) -> ServeError {
    let queue = queue.to_string();
    match (error.kind(), reply_code(&error)) {
        (ErrorKind::ProtocolError(said), Some(PRECONDITION_FAILED)) => {
            ServeError::Differs { queue, said: said.get_message().to_string() }
        }
        (ErrorKind::ProtocolError(said), Some(_)) => {
            ServeError::Refused { queue, said: said.get_message().to_string() }
        }
        _ => away(error),
    }
}

pub(crate) fn away(error: lapin::Error) -> ServeError {
    ServeError::Away(error.to_string())
}
