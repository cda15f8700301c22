//! A SQLite file as a message store, whatever else it is: the queue, or the ledger beside a transport. Every intent goes to
//! its writer, every question to one of its readers.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use portolan_delivery::{
    BoxFuture, BundleHash, Claim, Control, Controls, Count, DeadLetter, DeliveryError, Failure, Filter,
    GatewayId, MessageId, MessageStore, Outcome, Page, Reconciled, Record, RequestKey, Timestamp,
};

use crate::{reads, store::Store};

/// An open file, in one of its roles. Dropping it ends its threads, once what they were given is committed.
pub struct SqliteFile<Role> {
    pub(crate) store: Store,
    pub(crate) role: Role,
}

type Answer<'a, T> = BoxFuture<'a, Result<T, DeliveryError>>;

/// Messages removed by one call, at most: they share a commit with whoever calls at the time.
const FORGET_LIMIT: usize = 1000;

impl<Role: Send + Sync + 'static> MessageStore for SqliteFile<Role> {
    fn finish(&self, claim: Claim, outcome: Outcome, now: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.store.write(move |ledger| ledger.finish(claim, &outcome, now)))
    }

    fn retry_at(&self, claim: Claim, due: Timestamp, failure: Failure, now: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.store.write(move |ledger| ledger.retry_at(claim, due, &failure, now)))
    }

    fn poll_at(&self, claim: Claim, due: Timestamp, ticket: Option<Bytes>, now: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.store.write(move |ledger| ledger.poll_at(claim, due, ticket.as_deref(), now)))
    }

    fn bury(&self, claim: Claim, dead: DeadLetter, now: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.store.write(move |ledger| ledger.bury(claim, &dead, now)))
    }

    fn reconcile(&self, gateway: GatewayId, now: Timestamp) -> Answer<'_, Reconciled> {
        Box::pin(self.store.write(move |ledger| ledger.reconcile(gateway, now)))
    }

    fn get(&self, id: MessageId) -> Answer<'_, Option<Record>> {
        Box::pin(self.store.readers.ask(move |connection| reads::get(connection, id)))
    }

    fn list(&self, filter: Filter) -> Answer<'_, Page> {
        Box::pin(self.store.readers.ask(move |connection| reads::list(connection, &filter)))
    }

    fn counts(&self) -> Answer<'_, Vec<Count>> {
        Box::pin(self.store.readers.ask(reads::counts))
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn settled<'a>(&'a self, ids: &'a [MessageId]) -> Answer<'a, Vec<MessageId>> {
        let ids = ids.to_vec();
        Box::pin(self.store.readers.ask(move |connection| reads::settled(connection, ids)))
    }

    fn retry(&self, id: MessageId, bundle: Option<BundleHash>, now: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.store.write(move |ledger| ledger.retry(id, bundle, now)))
    }

    fn resolve(&self, id: MessageId, outcome: Outcome, now: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.store.write(move |ledger| ledger.resolve(id, &outcome, now)))
    }

    fn withdraw(&self, id: MessageId, outcome: Outcome, now: Timestamp) -> Answer<'_, bool> {
        Box::pin(self.store.write(move |ledger| ledger.withdraw(id, &outcome, now)))
    }

    fn erase(&self, id: MessageId, outcome: Failure) -> Answer<'_, bool> {
        Box::pin(self.store.write(move |ledger| ledger.erase(id, &outcome)))
    }

    fn recall(&self, route: Arc<str>, key: RequestKey) -> Answer<'_, Option<Record>> {
        Box::pin(self.store.readers.ask(move |connection| reads::recall(connection, &route, &key)))
    }

    fn control(&self, route: Arc<str>, control: Control) -> Answer<'_, ()> {
        Box::pin(self.store.write(move |ledger| ledger.control(&route, control)))
    }

    fn controls(&self) -> Answer<'_, Controls> {
        Box::pin(self.store.readers.ask(reads::controls))
    }

    fn keep_bundle(&self, hash: BundleHash, content: Bytes) -> Answer<'_, ()> {
        Box::pin(self.store.write(move |ledger| ledger.keep_bundle(hash, &content)))
    }

    fn bundle(&self, hash: BundleHash) -> Answer<'_, Option<Bytes>> {
        Box::pin(self.store.readers.ask(move |connection| reads::bundle(connection, hash)))
    }

    fn forget(&self, before: Timestamp, limit: usize) -> Answer<'_, usize> {
        Box::pin(async move {
            let limit = limit.min(FORGET_LIMIT);
            if limit == 0 {
                return Ok(0);
            }
            let from = self.store.forget_from.load(Ordering::Relaxed);
            let old =
                self.store.readers.ask(move |connection| reads::old(connection, before, limit, from)).await?;
            self.store.forget_from.store(old.next, Ordering::Relaxed);
            self.store.write(move |ledger| ledger.forget(&old.found, before)).await
        })
    }
}
