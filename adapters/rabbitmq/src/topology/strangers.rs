//! What strangers publish to and listen to; decision 0016.
//!
//! | name | kind | |
//! | --- | --- | --- |
//! | `{prefix}.ingress` | topic exchange | routing key: the route |
//! | `{prefix}.ingress.{route}` | queue, bound to it by the route | what waits to be taken; what expires there, or was delivered too often, goes to the next |
//! | `{prefix}.refused.{route}` | queue | what can never be taken |
//! | `{prefix}.events` | topic exchange | what became of messages; routing key `{route}.finished`, `{route}.failed`, `{route}.needs-attention` |
//!
//! All are durable, queues of the configured type. Exchanges of our own: RabbitMQ checks these by routing key, and the default one not
//! at all. A route's name has no character that a topic exchange takes for a pattern.

use lapin::{
    Connection, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions},
    types::{AMQPValue, FieldTable, ShortString},
};

use super::{NOT_FOUND, Purpose, Topology, exchange, refused};
use crate::ServeError;

impl Topology {
    /// The exchange by which strangers publish.
    pub(crate) fn ingress(&self) -> Result<ShortString, ServeError> {
        self.name("ingress")
    }

    /// The exchange by which they listen.
    pub(crate) fn events(&self) -> Result<ShortString, ServeError> {
        self.name("events")
    }

    /// Where a route's strangers' messages wait.
    pub(crate) fn ingress_of(&self, route: &str) -> Result<ShortString, ServeError> {
        self.name(&format!("ingress.{route}"))
    }

    /// Where those end that are refused.
    pub(crate) fn refused_of(&self, route: &str) -> Result<ShortString, ServeError> {
        self.name(&format!("refused.{route}"))
    }

    /// Of an ingress queue: nothing leaves it without a word.
    pub(super) fn ingress_arguments(&self, refused: &ShortString) -> FieldTable {
        let mut arguments = self.arguments();
        let text = |text: &str| AMQPValue::LongString(text.into());
        arguments.insert("x-dead-letter-exchange".into(), text(""));
        arguments.insert("x-dead-letter-routing-key".into(), text(refused.as_str()));
        arguments
    }

    /// Declares where strangers listen.
    pub(crate) async fn declare_events(&self, connection: &Connection) -> Result<(), ServeError> {
        topic(connection, &self.events()?, false).await
    }

    /// Declares where strangers publish into a route.
    pub(crate) async fn declare_ingress(
        &self,
        connection: &Connection,
        route: &str,
    ) -> Result<(), ServeError> {
        let (ingress, to) = (self.ingress()?, self.ingress_of(route)?);
        for purpose in [Purpose::Refused, Purpose::Ingress] {
            self.wanted(purpose, route)?.declare(connection).await?;
        }
        topic(connection, &ingress, false).await?;
        let bind = async {
            let channel = connection.create_channel().await?;
            let options = QueueBindOptions::default();
            channel.queue_bind(to.clone(), ingress, route.into(), options, FieldTable::default()).await?;
            channel.close(200, "OK".into()).await
        };
        bind.await.map_err(|error| refused(&to, error))
    }

    /// Whether the exchange is there.
    pub(crate) async fn has_exchange(
        &self,
        connection: &Connection,
        name: &ShortString,
    ) -> Result<bool, ServeError> {
        match topic(connection, name, true).await {
            Ok(()) => Ok(true),
            Err(ServeError::Exchange { code: NOT_FOUND, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Declares a topic exchange; `passive` makes none.
async fn topic(connection: &Connection, name: &ShortString, passive: bool) -> Result<(), ServeError> {
    let options = ExchangeDeclareOptions { durable: true, passive, ..ExchangeDeclareOptions::default() };
    exchange(connection, name, ExchangeKind::Topic, options, FieldTable::default()).await
}
