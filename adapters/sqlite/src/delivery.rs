//! `Delivery` over one SQLite file.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use portolan_delivery::{
    Accept, Accepted, BoxFuture, BundleHash, Claim, Claimed, Control, Controls, Count, DeadLetter, Delivery,
    DeliveryError, Failure, Filter, GatewayId, MessageId, Outcome, Page, Reconciled, Record, RequestKey,
    Timestamp,
};

use crate::{OpenError, Options, ledger::Role, store::Store};

/// The queue and the ledger in one SQLite file. Dropping it ends its threads, once what they were given is committed.
pub struct SqliteDelivery {
    store: Store,
}

impl SqliteDelivery {
    /// Opens the file, making it where there is none, and starts the writer's and the checkpoints' threads. At most
    /// one process has a file open. Blocks; questions and [`Delivery::ready`] need a tokio runtime later.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        Ok(Self { store: Store::open(path.as_ref(), &options, Role::Queue)? })
    }
}

impl Delivery for SqliteDelivery {
    fn accept(&self, accept: Accept) -> BoxFuture<'_, Result<Accepted, DeliveryError>> {
        Box::pin(self.store.write(move |ledger| ledger.accept(accept, 0)))
    }

    fn claim<'a>(
        &'a self,
        gateway: GatewayId,
        limit: usize,
        except: &'a [Arc<str>],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Claimed>, DeliveryError>> {
        let except = except.to_vec();
        Box::pin(self.store.write(move |ledger| ledger.claim(gateway, limit, &except, now)))
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.store.ready())
    }

    fn finish(
        &self,
        claim: Claim,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.finish(claim, outcome, now)
    }

    fn retry_at(
        &self,
        claim: Claim,
        due: Timestamp,
        failure: Failure,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.retry_at(claim, due, failure, now)
    }

    fn bury(
        &self,
        claim: Claim,
        dead: DeadLetter,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.bury(claim, dead, now)
    }

    fn reconcile(
        &self,
        gateway: GatewayId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Reconciled, DeliveryError>> {
        self.store.reconcile(gateway, now)
    }

    fn get(&self, id: MessageId) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>> {
        self.store.get(id)
    }

    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, DeliveryError>> {
        self.store.list(filter)
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, DeliveryError>> {
        self.store.counts()
    }

    fn retry(
        &self,
        id: MessageId,
        bundle: Option<BundleHash>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.retry(id, bundle, now)
    }

    fn resolve(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.resolve(id, outcome, now)
    }

    fn withdraw(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        self.store.withdraw(id, outcome, now)
    }

    fn recall(
        &self,
        route: Arc<str>,
        key: RequestKey,
    ) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>> {
        self.store.recall(route, key)
    }

    fn control(&self, route: Arc<str>, control: Control) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.control(route, control)
    }

    fn controls(&self) -> BoxFuture<'_, Result<Controls, DeliveryError>> {
        self.store.controls()
    }

    fn keep_bundle(&self, hash: BundleHash, content: Bytes) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.store.keep_bundle(hash, content)
    }

    fn bundle(&self, hash: BundleHash) -> BoxFuture<'_, Result<Option<Bytes>, DeliveryError>> {
        self.store.bundle(hash)
    }

    fn forget(&self, before: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize, DeliveryError>> {
        self.store.forget(before, limit)
    }
}
