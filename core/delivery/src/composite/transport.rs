//! What carries messages between gateways: RabbitMQ, for one.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::{BoxFuture, BrokerState, DeliveryError, Event, MessageId, Timestamp};

/// What travels: not the message, which is in the ledger, but the word that an attempt of it is due.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parcel {
    /// The message.
    pub id: MessageId,
    /// Its route: queues are by route, so that one that is paused holds up no other.
    pub route: Arc<str>,
    /// The attempt that is due, from 1. A parcel that comes again, late or twice, is known by it.
    pub attempt: u32,
    /// Since when it is: queues keep no order among each other, so whoever receives of several has it from here.
    pub due: Timestamp,
}

/// A parcel that was received, and is to be acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// What it is.
    pub parcel: Parcel,
    /// By which it is acknowledged, in this process only.
    pub tag: u64,
}

/// Queues that keep what was confirmed, and deliver again what was not acknowledged when its receiver died.
pub trait Transport: Send + Sync + 'static {
    /// Makes the queues of these routes, and receives from them and from no others. `Some` says what is left to do, as in
    /// [`crate::Delivery::serve`].
    fn serve<'a>(&'a self, routes: &'a [Arc<str>]) -> BoxFuture<'a, Result<Option<String>, DeliveryError>>;

    /// Publishes. `Ok` is the confirm: the parcel is durable. After an error it may or may not be.
    fn publish(&self, parcel: Parcel) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// Publishes several of one route, begun in order: what became of each.
    fn publish_all<'a>(&'a self, parcels: &'a [Parcel]) -> BoxFuture<'a, Vec<Result<(), DeliveryError>>> {
        Box::pin(join_all(parcels.iter().map(|parcel| self.publish(parcel.clone()))))
    }

    /// Up to `limit` parcels of routes that are not among `except`, oldest due first of those that are here, then in order
    /// of publication. Does not wait.
    fn receive<'a>(
        &'a self,
        limit: usize,
        except: &'a [Arc<str>],
    ) -> BoxFuture<'a, Result<Vec<Received>, DeliveryError>>;

    /// How many parcels the route's queue holds that nobody has received. An error where that is not known for sure.
    fn depth<'a>(&'a self, route: &'a Arc<str>) -> BoxFuture<'a, Result<u64, DeliveryError>>;

    /// The parcel is not delivered again.
    fn acknowledge(&self, tag: u64) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// The parcel is delivered again, here or elsewhere: nothing could be done about it now.
    fn release(&self, tag: u64) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// Publishes to whoever listens. `Ok` is the confirm: each of them has it, or will. After an error they may have it, or not.
    fn announce(&self, event: Event) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// How it is now, as far as is known without asking.
    fn state(&self) -> BrokerState;

    /// Resolves when [`Transport::receive`] may find something, of routes that it did not pass over last time.
    fn arrived(&self) -> BoxFuture<'_, ()>;
}
