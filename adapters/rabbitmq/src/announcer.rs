//! Publications to whoever listens. Not mandatory: there may be nobody, and so none comes back, and a confirm can be believed
//! by itself.

use lapin::{
    Channel, Confirmation, Connection,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::sync::Mutex;

use crate::{
    ServeError,
    event::{Published, encode},
    topology::{Topology, away},
};

/// The channel for events of one connection. Fair, so that they are published in the order in which they came.
#[derive(Default)]
pub(crate) struct Announcer(Mutex<Option<Channel>>);

impl Announcer {
    /// `Ok` when the broker has confirmed.
    pub(crate) async fn announce(
        &self,
        connection: &Connection,
        topology: &Topology,
        event: &portolan_delivery::Event,
    ) -> Result<(), ServeError> {
        let Published { routing_key, properties, body } = encode(event);
        let (exchange, options) = (topology.events()?, BasicPublishOptions::default());
        let confirm = {
            let mut open = self.0.lock().await;
            let channel = match open.as_ref().filter(|channel| channel.status().connected()) {
                Some(channel) => channel.clone(),
                None => open.insert(channel(connection, topology).await?).clone(),
            };
            channel.basic_publish(exchange, routing_key, options, &body, properties).await.map_err(away)?
        };
        match confirm.await.map_err(away)? {
            Confirmation::Ack(_) => Ok(()),
            Confirmation::Nack(_) | Confirmation::NotRequested => {
                // What RabbitMQ refused once it goes on refusing on that channel; see `lane.rs`.
                self.0.lock().await.take();
                Err(ServeError::Away(
                    "it refused an event; see the queues that are bound to the events".to_owned(),
                ))
            }
        }
    }
}

async fn channel(connection: &Connection, topology: &Topology) -> Result<Channel, ServeError> {
    topology.declare_events(connection).await?;
    let channel = connection.create_channel().await.map_err(away)?;
    channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(away)?;
    Ok(channel)
}
