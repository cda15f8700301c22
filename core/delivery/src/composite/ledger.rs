//! What remembers messages beside a transport: PostgreSQL, for one. Each method is one transaction.

use std::sync::Arc;

use bytes::Bytes;

use super::{Parcel, Unclaimed};
use crate::{
    Accept, Accepted, BoxFuture, BundleHash, Claim, Claimed, Control, Controls, Count, DeadLetter,
    DeliveryError, Failure, Filter, GatewayId, MessageId, Outcome, Page, Reconciled, Record, RequestKey,
    Timestamp,
};

/// Messages, their attempts and keys, the outbox and the inbox. What is said of [`crate::Delivery`] holds for the
/// methods of the same name; a message that waits is *published* or not, and that is the outbox.
pub trait Ledger: Send + Sync + 'static {
    /// Message, key and outbox row, and the first attempt where it starts at once. A parked message is in no outbox.
    fn insert(&self, accept: Accept) -> BoxFuture<'_, Result<Accepted, DeliveryError>>;

    /// Up to `limit` messages that wait, are due, not parked and not published, oldest due first; `except` routes passed
    /// over.
    fn due<'a>(
        &'a self,
        limit: usize,
        except: &'a [Arc<str>],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Parcel>, DeliveryError>>;

    /// The parcel is with the transport. Changes nothing where its attempt has begun already.
    fn mark_published<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), DeliveryError>>;

    /// The inbox: records the attempt that the parcel announces, if the message waits for just that one. `None`
    /// otherwise: the parcel came again, or late, or the message was parked meanwhile, and is published anew when it is its
    /// turn.
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

    /// Resolves when [`Ledger::due`] may find something, of routes that it did not pass over last time; and from time to
    /// time while [`Ledger::unclaimed`] may.
    fn ready(&self) -> BoxFuture<'_, ()>;

    /// Finished.
    fn finish(
        &self,
        claim: Claim,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// Waits again, unpublished.
    fn retry_at(
        &self,
        claim: Claim,
        due: Timestamp,
        failure: Failure,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// Dead.
    fn bury(
        &self,
        claim: Claim,
        dead: DeadLetter,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// Settles the attempts of gateways that are no more, as [`crate::settle_lost`] says.
    fn reconcile(
        &self,
        gateway: GatewayId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Reconciled, DeliveryError>>;

    /// A message.
    fn get(&self, id: MessageId) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>>;

    /// Messages.
    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, DeliveryError>>;

    /// Numbers.
    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, DeliveryError>>;

    /// A dead letter waits again, unpublished.
    fn retry(
        &self,
        id: MessageId,
        bundle: Option<BundleHash>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// A dead letter is finished.
    fn resolve(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// Finishes a message that waits; `false` where it does not.
    fn withdraw(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>>;

    /// The message of a request key.
    fn recall(
        &self,
        route: Arc<str>,
        key: RequestKey,
    ) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>>;

    /// How a route is to be served.
    fn control(&self, route: Arc<str>, control: Control) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// The routes that are not simply to run.
    fn controls(&self) -> BoxFuture<'_, Result<Controls, DeliveryError>>;

    /// Keeps a bundle.
    fn keep_bundle(&self, hash: BundleHash, content: Bytes) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// A kept bundle.
    fn bundle(&self, hash: BundleHash) -> BoxFuture<'_, Result<Option<Bytes>, DeliveryError>>;

    /// Whether other processes work on it, too.
    fn is_shared(&self) -> bool;

    /// Which of these messages are settled or gone.
    fn settled<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>, DeliveryError>>;

    /// Removes what was finished long ago.
    fn forget(&self, before: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize, DeliveryError>>;

    /// Whether the database can be reached, as far as is known without asking.
    fn is_available(&self) -> bool {
        true
    }
}
