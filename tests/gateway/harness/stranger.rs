//! Somebody who speaks AMQP and nothing else: publishes into routes, and hears what becomes of it.

use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::*,
    types::{AMQPValue, FieldTable},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A connection of its own.
pub(crate) struct Stranger {
    pub(crate) connection: Connection,
    channel: Channel,
}

impl Stranger {
    pub(crate) async fn connect(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        Self { connection, channel }
    }

    /// Properties as `docs/amqp.md` asks for them.
    pub(crate) fn properties(id: &str) -> BasicProperties {
        BasicProperties::default()
            .with_message_id(id.into())
            .with_content_type("application/protobuf".into())
            .with_delivery_mode(2)
    }

    /// Whether it was confirmed.
    pub(crate) async fn publish(&self, route: &str, properties: BasicProperties, body: &[u8]) -> bool {
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let sent =
            self.channel.basic_publish("portolan.ingress".into(), route.into(), options, body, properties);
        let Ok(confirm) = sent.await else { return false };
        matches!(confirm.await, Ok(Confirmation::Ack(None)))
    }

    /// What is told of a route from now on.
    pub(crate) async fn listen(&self, route: &str) -> Heard {
        let channel = self.connection.create_channel().await.unwrap();
        let queue = format!("stranger.{route}");
        let (table, declare) = (FieldTable::default, QueueDeclareOptions::durable());
        channel.queue_declare(queue.as_str().into(), declare, table()).await.unwrap();
        let (key, bind) = (format!("{route}.*"), QueueBindOptions::default());
        let exchange = "portolan.events".into();
        channel.queue_bind(queue.as_str().into(), exchange, key.into(), bind, table()).await.unwrap();
        Heard::of(&channel, &queue).await
    }

    /// What is in a queue, and comes into it.
    pub(crate) async fn read(&self, queue: &str) -> Heard {
        Heard::of(&self.connection.create_channel().await.unwrap(), queue).await
    }
}

/// What comes, acknowledged as it is looked at.
pub(crate) struct Heard(Consumer);

impl Heard {
    async fn of(channel: &Channel, queue: &str) -> Self {
        let options = BasicConsumeOptions::default();
        Self(channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await.unwrap())
    }

    /// The next, or none if the connection is gone.
    pub(crate) async fn try_next(&mut self) -> Option<Delivery> {
        let delivery =
            tokio::time::timeout(PATIENCE, self.0.next()).await.expect("nothing is heard")?.ok()?;
        delivery.ack(BasicAckOptions::default()).await.ok()?;
        Some(delivery)
    }

    pub(crate) async fn next(&mut self) -> Delivery {
        self.try_next().await.expect("the connection is gone")
    }
}

/// A header that is text.
pub(crate) fn header(delivery: &Delivery, name: &str) -> Option<String> {
    match delivery.properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        other => panic!("{name} is {other:?}"),
    }
}

/// The id of the message that an event is of.
pub(crate) fn correlation(delivery: &Delivery) -> String {
    delivery.properties.correlation_id().as_ref().map(ToString::to_string).unwrap_or_default()
}

/// What happened, by the event's type.
pub(crate) fn happened(delivery: &Delivery) -> String {
    let kind = delivery.properties.kind().as_ref().map(ToString::to_string).unwrap_or_default();
    kind.strip_prefix("portolan.message.").map(str::to_owned).unwrap_or(kind)
}
