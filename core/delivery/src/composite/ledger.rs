//! What remembers messages beside a transport: PostgreSQL, for one. Each method is one transaction.

use std::sync::Arc;

use super::{Parcel, Unclaimed};
use crate::{
    Accept, Accepted, BoxFuture, Claimed, CutStore, DeliveryError, Event, FileStore, GatewayId, MessageStore,
    Timestamp,
};

/// A message store with an outbox and an inbox: a message that waits is *published* or not. What waits again
/// ([`MessageStore::retry_at`], [`MessageStore::retry`]) is unpublished.
///
/// Whatever finishes an announced message ([`crate::Envelope::announced`]) or makes it a dead letter leaves an [`Event`] in
/// the same transaction, which stays until [`Ledger::mark_announced`], also when the message goes on or is forgotten.
///
/// It remembers files, too: the messages of a block and their outbox rows are one transaction with how far the file has come
/// ([`FileStore::accept_block`]). Those that are due and have no key are handed out by it: who accepts the block publishes them, and tells by
/// [`Ledger::entered`] or [`Ledger::take_back`] what became of that. Where nothing is told, since the process died, they are due again when
/// another goes on with the file, which does not end before they are published; else once they are missed ([`Ledger::unclaimed`]). And files that are made: what gathers for them ([`Timestamp::NEVER`]) is not due, and never published.
pub trait Ledger: MessageStore + FileStore + CutStore {
    /// Message, key and outbox row, and the first attempt where it starts at once. A parked message is in no outbox.
    fn insert(&self, accept: Accept) -> BoxFuture<'_, Result<Accepted, DeliveryError>>;

    /// Up to `limit` messages that wait, are due, not parked and not published, oldest due first; `except` routes passed
    /// over. Of suspects ([`crate::is_suspect`]) one at most, and none while one is claimed, or was published a moment ago on
    /// a route that is not among `except`.
    fn due<'a>(
        &'a self,
        limit: usize,
        except: &'a [Arc<str>],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Parcel>, DeliveryError>>;

    /// The parcel is with the transport. Changes nothing where its attempt has begun already.
    fn mark_published<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), DeliveryError>>;

    /// These, which were handed out with their block, are with the transport.
    fn entered<'a>(&'a self, parcels: &'a [Parcel]) -> BoxFuture<'a, Result<(), DeliveryError>>;

    /// These, which were handed out with their block, are not, and are due again: by themselves, where nothing is done here.
    fn take_back<'a>(&'a self, _parcels: &'a [Parcel]) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// The inbox: records the attempt that the parcel announces, if the message waits for just that one. `None`
    /// otherwise: the parcel came again, or late, or the message was parked meanwhile, or is a suspect while another one is
    /// claimed; then it is published anew when it is its turn.
    fn claim<'a>(
        &'a self,
        parcel: &'a Parcel,
        gateway: GatewayId,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Claimed>, DeliveryError>>;

    /// The routes that have parcels which were published a good while ago and are not claimed, each with the number of all its
    /// parcels that are published and not claimed, old and new.
    fn unclaimed(&self) -> BoxFuture<'_, Result<Vec<Unclaimed>, DeliveryError>>;

    /// Takes back the word *published* from up to `limit` of the route's parcels that were published a good while ago and
    /// are not claimed, longest published first. Returns from how many.
    fn republish<'a>(&'a self, route: &'a Arc<str>, limit: u64) -> BoxFuture<'a, Result<u64, DeliveryError>>;

    /// Up to `limit` events that were not announced, in the order in which they came; not those that another process is
    /// about to announce.
    fn unannounced(&self, limit: usize) -> BoxFuture<'_, Result<Vec<Unannounced>, DeliveryError>>;

    /// The events with these numbers were.
    fn mark_announced<'a>(&'a self, numbers: &'a [i64]) -> BoxFuture<'a, Result<(), DeliveryError>>;

    /// Resolves when [`Ledger::due`] may find something, of routes that it did not pass over last time; and from time to
    /// time while [`Ledger::unclaimed`] may.
    fn ready(&self) -> BoxFuture<'_, ()>;
}

/// An event that waits to be announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unannounced {
    /// By which the ledger knows it.
    pub number: i64,
    /// What happened.
    pub event: Event,
}
