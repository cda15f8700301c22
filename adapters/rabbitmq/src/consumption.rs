//! One route's queue, consumed on a channel of its own: where the queue does not answer, no other route waits for that.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use lapin::{
    Channel, Connection, Consumer,
    message::Delivery,
    options::{
        BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions, BasicRejectOptions,
    },
    types::FieldTable,
};
use tokio::{sync::oneshot, time::timeout};

use crate::{
    ServeError,
    inbox::Inbox,
    parcel,
    topology::{Topology, away},
};

/// A consumer that was started.
pub(crate) struct Consumption {
    place: Place,
    channel: Arc<Channel>,
    consumer: Consumer,
}

/// Where its deliveries go; gone with it. What was not received comes again, unless its queue is gone.
struct Place {
    inbox: Arc<Inbox>,
    route: Arc<str>,
    number: u64,
}

impl Place {
    /// Takes out what was not received.
    fn clear(&self) -> Vec<u64> {
        self.inbox.dropped(&self.route, self.number)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Consumption {
    /// Declares the queue, and consumes it.
    pub(crate) async fn start(
        connection: &Connection,
        topology: &Topology,
        inbox: &Arc<Inbox>,
        route: &Arc<str>,
        prefetch: u16,
    ) -> Result<Self, ServeError> {
        let queue = topology.declare(connection, route).await?;
        let channel = Arc::new(connection.create_channel().await.map_err(away)?);
        let prefetch = prefetch.max(1);
        channel.basic_qos(prefetch, BasicQosOptions::default()).await.map_err(away)?;
        // Before the first arrives.
        let number = inbox.consuming(route, &channel, prefetch, queue.message_count());
        let place = Place { inbox: Arc::clone(inbox), route: route.clone(), number };
        let (name, options) = (queue.name().clone(), BasicConsumeOptions::default());
        let consumer = channel.basic_consume(name, "".into(), options, FieldTable::default());
        let consumer = consumer.await.map_err(away)?;
        Ok(Self { place, channel, consumer })
    }

    /// Until the queue is gone, or the channel, or it is stopped. What is held can be acknowledged even then.
    pub(crate) async fn run(mut self, mut stopped: oneshot::Receiver<()>, patience: Duration) -> Arc<str> {
        loop {
            tokio::select! {
                delivery = self.consumer.next() => match delivery {
                    Some(Ok(delivery)) => self.deliver(delivery).await,
                    Some(Err(_)) | None => break,
                },
                told = &mut stopped => {
                    // Where it fails the channel ends, and so gives back what it has. If the queue is gone, it would block.
                    if told.is_ok() {
                        let _ = timeout(patience, self.cancel()).await;
                    }
                    break;
                }
            }
        }
        self.place.route.clone()
    }

    async fn cancel(&self) -> lapin::Result<()> {
        self.channel.basic_cancel(self.consumer.tag(), BasicCancelOptions::default()).await?;
        let options = BasicNackOptions { multiple: false, requeue: true };
        for delivery_tag in self.place.clear() {
            self.channel.basic_nack(delivery_tag, options).await?;
        }
        Ok(())
    }

    async fn deliver(&self, delivery: Delivery) {
        let Place { inbox, route, number } = &self.place;
        let reason = match parcel::decode(&delivery.properties, &delivery.data) {
            Ok(parcel) if parcel.route == *route => {
                return inbox.arrived(*number, delivery.delivery_tag, parcel);
            }
            Ok(_) => "it is another route's".to_owned(),
            Err(reason) => reason.to_string(),
        };
        tracing::warn!(route = &**route, reason, "a message in the queue is no parcel, and is rejected");
        inbox.rejected(route);
        // That this fails is seen by the supervisor, and then it comes again.
        let _ = delivery.reject(BasicRejectOptions { requeue: false }).await;
    }
}
