//! A transport in memory: FIFO, at least once. What it holds outlives the process that uses it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::Fuse;
use crate::{
    BoxFuture, BrokerState, DeliveryError, Event,
    composite::{Parcel, Received, Transport},
};

/// What a broker keeps.
#[derive(Debug, Clone, Default)]
pub struct FakeBroker(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    ready: VecDeque<Parcel>,
    held: BTreeMap<u64, Parcel>,
    next: u64,
    refused: Option<Arc<str>>,
    announced: Vec<Event>,
}

impl FakeBroker {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection is gone: what it held is delivered again, before anything else.
    pub fn disconnect(&self) {
        let queue = &mut *self.queue();
        while let Some((_, parcel)) = queue.held.pop_last() {
            queue.ready.push_front(parcel);
        }
    }

    /// Loses what nobody has received.
    pub fn purge(&self) {
        self.queue().ready.clear();
    }

    /// Takes no parcels of this route, or again those of all.
    pub fn refuse(&self, route: Option<&str>) {
        self.queue().refused = route.map(Arc::from);
    }

    /// What those who listen were told, in order.
    pub fn announced(&self) -> Vec<Event> {
        self.queue().announced.clone()
    }

    /// Parcels that were not acknowledged.
    pub fn len(&self) -> usize {
        let queue = self.queue();
        queue.ready.len() + queue.held.len()
    }

    /// Whether all parcels were acknowledged.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A process's connection to a [`FakeBroker`].
#[derive(Debug)]
pub struct FakeTransport {
    broker: FakeBroker,
    fuse: Fuse,
    published: Notify,
}

impl FakeTransport {
    /// That dies with the fuse.
    pub fn new(broker: FakeBroker, fuse: Fuse) -> Self {
        Self { broker, fuse, published: Notify::new() }
    }
}

impl Transport for FakeTransport {
    fn serve<'a>(&'a self, _: &'a [Arc<str>]) -> BoxFuture<'a, Result<Option<String>, DeliveryError>> {
        Box::pin(async { Ok(None) })
    }

    fn publish(&self, parcel: Parcel) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.fuse.call(move || {
            let queue = &mut *self.broker.queue();
            if queue.refused.as_ref() == Some(&parcel.route) {
                return Err(DeliveryError::Unavailable("the queue takes nothing".to_owned()));
            }
            queue.ready.push_back(parcel);
            self.published.notify_waiters();
            Ok(())
        }))
    }

    fn receive<'a>(
        &'a self,
        limit: usize,
        except: &'a [Arc<str>],
    ) -> BoxFuture<'a, Result<Vec<Received>, DeliveryError>> {
        Box::pin(self.fuse.call(move || {
            let queue = &mut *self.broker.queue();
            let mut received = Vec::new();
            let mut passed_over = VecDeque::new();
            for parcel in std::mem::take(&mut queue.ready) {
                if received.len() == limit || except.contains(&parcel.route) {
                    passed_over.push_back(parcel);
                } else {
                    queue.next += 1;
                    queue.held.insert(queue.next, parcel.clone());
                    received.push(Received { parcel, tag: queue.next });
                }
            }
            queue.ready = passed_over;
            Ok(received)
        }))
    }

    fn depth<'a>(&'a self, route: &'a Arc<str>) -> BoxFuture<'a, Result<u64, DeliveryError>> {
        Box::pin(self.fuse.call(move || {
            let ready = self.broker.queue().ready.iter().filter(|parcel| parcel.route == *route).count();
            Ok(u64::try_from(ready).unwrap_or(u64::MAX))
        }))
    }

    fn acknowledge(&self, tag: u64) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.fuse.call(move || {
            self.broker.queue().held.remove(&tag);
            Ok(())
        }))
    }

    fn release(&self, tag: u64) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.fuse.call(move || {
            let queue = &mut *self.broker.queue();
            if let Some(parcel) = queue.held.remove(&tag) {
                queue.ready.push_front(parcel);
                self.published.notify_waiters();
            }
            Ok(())
        }))
    }

    fn announce(&self, event: Event) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.fuse.call(move || {
            self.broker.queue().announced.push(event);
            Ok(())
        }))
    }

    fn state(&self) -> BrokerState {
        BrokerState { connected: true, blocked: false }
    }

    fn arrived(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            loop {
                let published = self.published.notified();
                tokio::pin!(published);
                published.as_mut().enable();
                if !self.broker.queue().ready.is_empty() {
                    return;
                }
                published.await;
            }
        })
    }
}
