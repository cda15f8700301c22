//! A ledger in memory. What it holds outlives the process that uses it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use bytes::Bytes;
use tokio::sync::Notify;

use super::{Fuse, store::Store};
use crate::{
    Accept, Accepted, Arrival, Arrived, Block, BoxFuture, Built, BundleHash, Claim, Claimed, Control,
    Controls, Count, CutMessage, CutPage, CutPlace, CutRecord, CutStore, DeadLetter, DeliveryError, Failure,
    FileAnswer, FileEnd, FileFilter, FileHash, FileRecord, FileRelease, FileStore, Filter, GatewayId,
    Gathered, LateMessage, MessageId, MessageStore, Outcome, Page, Reconciled, Record, RequestKey, SentIn,
    SentMessage, Timestamp,
    composite::{Ledger, Parcel, Unannounced, Unclaimed},
};

/// What a database keeps.
#[derive(Debug, Clone, Default)]
pub struct FakeDatabase {
    store: Arc<Mutex<Store>>,
    refuses: Arc<AtomicUsize>,
    away: Arc<AtomicBool>,
}

impl FakeDatabase {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is known to be away.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// So many of the next claims fail, with nothing written.
    pub fn refuse_claims(&self, count: usize) {
        self.refuses.store(count, Ordering::SeqCst);
    }
}

/// A process's connection to a [`FakeDatabase`].
#[derive(Debug)]
pub struct FakeLedger {
    database: FakeDatabase,
    fuse: Fuse,
    passed_over: Mutex<Vec<Arc<str>>>,
    changed: Notify,
}

impl FakeLedger {
    /// That dies with the fuse.
    pub fn new(database: FakeDatabase, fuse: Fuse) -> Self {
        database.store().reopened();
        Self { database, fuse, passed_over: Mutex::default(), changed: Notify::new() }
    }

    fn call<'a, T: Send + 'a>(
        &'a self,
        transaction: impl FnOnce(&mut Store) -> Result<T, DeliveryError> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, DeliveryError>> {
        Box::pin(self.fuse.call(move || {
            let result = transaction(&mut self.database.store());
            self.changed.notify_waiters();
            result
        }))
    }
}

impl Ledger for FakeLedger {
    fn insert(&self, accept: Accept) -> BoxFuture<'_, Result<Accepted, DeliveryError>> {
        self.call(|store| store.insert(accept))
    }

    fn due<'a>(
        &'a self,
        limit: usize,
        except: &'a [Arc<str>],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Parcel>, DeliveryError>> {
        *self.passed_over.lock().unwrap_or_else(PoisonError::into_inner) = except.to_vec();
        self.call(move |store| Ok(store.due(limit, except, now)))
    }

    fn mark_published<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), DeliveryError>> {
        self.call(move |store| {
            store.mark_published(parcel);
            Ok(())
        })
    }

    fn entered<'a>(&'a self, _: &'a [Parcel]) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn take_back<'a>(&'a self, parcels: &'a [Parcel]) -> BoxFuture<'a, Result<(), DeliveryError>> {
        self.call(move |store| {
            store.hand_back(|message| parcels.iter().any(|parcel| parcel.id == message));
            Ok(())
        })
    }

    fn unclaimed(&self) -> BoxFuture<'_, Result<Vec<Unclaimed>, DeliveryError>> {
        self.call(|store| Ok(store.unclaimed()))
    }

    fn republish<'a>(&'a self, route: &'a Arc<str>, limit: u64) -> BoxFuture<'a, Result<u64, DeliveryError>> {
        self.call(move |store| Ok(store.republish(route, limit)))
    }

    fn claim<'a>(
        &'a self,
        parcel: &'a Parcel,
        gateway: GatewayId,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Claimed>, DeliveryError>> {
        let refuses = &self.database.refuses;
        self.call(move |store| {
            if refuses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                return Err(DeliveryError::Unavailable("the database is away".to_owned()));
            }
            Ok(store.claim(parcel, gateway, now))
        })
    }

    fn unannounced(&self, limit: usize) -> BoxFuture<'_, Result<Vec<Unannounced>, DeliveryError>> {
        self.call(move |store| Ok(store.unannounced(limit)))
    }

    fn mark_announced<'a>(&'a self, numbers: &'a [i64]) -> BoxFuture<'a, Result<(), DeliveryError>> {
        self.call(move |store| {
            store.mark_announced(numbers);
            Ok(())
        })
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                let due = {
                    let passed_over = self.passed_over.lock().unwrap_or_else(PoisonError::into_inner);
                    self.database.store().next_due(&passed_over)
                };
                let now = Timestamp::now();
                match due {
                    Some(due) if due <= now => return,
                    Some(due) => drop(tokio::time::timeout(due.since(now), changed).await),
                    None => changed.await,
                }
            }
        })
    }
}

impl FileStore for FakeLedger {
    fn begin_file(
        &self,
        arrival: Arrival,
        gateway: GatewayId,
    ) -> BoxFuture<'_, Result<Arrived, DeliveryError>> {
        self.call(move |store| store.begin_file(arrival, gateway))
    }

    fn accept_block(&self, block: Block, gateway: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        self.call(move |store| store.accept_block(block, gateway))
    }

    fn end_file(&self, end: FileEnd, gateway: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        self.call(move |store| Ok(store.end_file(end, gateway)))
    }

    fn release_file(
        &self,
        route: Arc<str>,
        file: FileHash,
        release: FileRelease,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        self.call(move |store| Ok(store.release_file(&route, file, release)))
    }

    fn released(&self) -> BoxFuture<'_, Result<Vec<FileRecord>, DeliveryError>> {
        self.call(|store| Ok(store.released()))
    }

    fn files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<FileRecord>, DeliveryError>> {
        self.call(move |store| Ok(store.files(&filter)))
    }

    fn file(
        &self,
        route: Arc<str>,
        file: FileHash,
    ) -> BoxFuture<'_, Result<Option<FileRecord>, DeliveryError>> {
        self.call(move |store| Ok(store.one_file(&route, file)))
    }

    fn gone(&self, gateways: Vec<GatewayId>) -> BoxFuture<'_, Result<Vec<GatewayId>, DeliveryError>> {
        self.call(move |store| Ok(store.gone(gateways)))
    }
}

impl CutStore for FakeLedger {
    fn gathered(&self) -> BoxFuture<'_, Result<Vec<Gathered>, DeliveryError>> {
        self.call(move |store| Ok(store.gathered()))
    }

    fn cut(
        &self,
        route: Arc<str>,
        limit: u64,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<CutRecord>, DeliveryError>> {
        self.call(move |store| Ok(store.cut(route, limit, now)))
    }

    fn cuts(&self, open: bool, limit: usize) -> BoxFuture<'_, Result<Vec<CutRecord>, DeliveryError>> {
        self.call(move |store| Ok(store.cuts(open, limit)))
    }

    fn hold(&self, cut: (Arc<str>, u64), gateway: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        self.call(move |store| Ok(store.hold(&cut, gateway)))
    }

    fn forget_cut(
        &self,
        cut: (Arc<str>, u64),
        gateway: GatewayId,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        self.call(move |store| Ok(store.forget_cut(&cut, gateway)))
    }

    fn cut_messages(
        &self,
        cut: (Arc<str>, u64),
        page: CutPage,
    ) -> BoxFuture<'_, Result<Vec<CutMessage>, DeliveryError>> {
        self.call(move |store| Ok(store.cut_messages(&cut, &page)))
    }

    fn late(
        &self,
        route: Arc<str>,
        now: Timestamp,
        delivered: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<LateMessage>, DeliveryError>> {
        self.call(move |store| Ok(store.late(&route, now, delivered, limit)))
    }

    fn note_keys(
        &self,
        cut: (Arc<str>, u64),
        keys: Vec<(CutPlace, String)>,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.call(move |store| store.note_keys(&cut, keys))
    }

    fn cut_ready(&self, cut: (Arc<str>, u64), built: Built) -> BoxFuture<'_, Result<Built, DeliveryError>> {
        self.call(move |store| store.cut_ready(&cut, built))
    }

    fn cut_delivered(
        &self,
        cut: (Arc<str>, u64),
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.call(move |store| store.cut_delivered(&cut, now))
    }

    fn sent_by(
        &self,
        route: Arc<str>,
        keys: Vec<String>,
    ) -> BoxFuture<'_, Result<Vec<Vec<SentMessage>>, DeliveryError>> {
        self.call(move |store| Ok(store.sent_by(&route, &keys)))
    }

    fn sent_in(&self, messages: Vec<MessageId>) -> BoxFuture<'_, Result<Vec<SentIn>, DeliveryError>> {
        self.call(move |store| Ok(store.sent_in(&messages)))
    }

    fn settle_sent(
        &self,
        answers: Vec<FileAnswer>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<MessageId>, DeliveryError>> {
        self.call(move |store| Ok(store.settle_sent(answers, now)))
    }
}

impl MessageStore for FakeLedger {
    fn finish(
        &self,
        claim: Claim,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.call(move |store| store.finish(claim, outcome, now))
    }

    fn retry_at(
        &self,
        claim: Claim,
        due: Timestamp,
        failure: Failure,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.call(move |store| store.retry_at(claim, due, failure, now))
    }

    fn poll_at(
        &self,
        claim: Claim,
        due: Timestamp,
        ticket: Option<Bytes>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.call(move |store| store.poll_at(claim, due, ticket, now))
    }

    fn bury(
        &self,
        claim: Claim,
        dead: DeadLetter,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.call(move |store| store.bury(claim, dead, now))
    }

    fn reconcile(
        &self,
        gateway: GatewayId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Reconciled, DeliveryError>> {
        self.call(move |store| Ok(store.reconcile(gateway, now)))
    }

    fn get(&self, id: MessageId) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>> {
        self.call(move |store| Ok(store.get(id)))
    }

    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, DeliveryError>> {
        self.call(move |store| Ok(store.list(&filter)))
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, DeliveryError>> {
        self.call(|store| Ok(store.counts()))
    }

    fn retry(
        &self,
        id: MessageId,
        bundle: Option<BundleHash>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.call(move |store| store.retry(id, bundle, now))
    }

    fn resolve(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.call(move |store| store.resolve(id, outcome, now))
    }

    fn withdraw(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        self.call(move |store| Ok(store.withdraw(id, outcome, now)))
    }

    fn erase(&self, id: MessageId, outcome: Failure) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        self.call(move |store| Ok(store.erase(id, outcome)))
    }

    fn recall(
        &self,
        route: Arc<str>,
        key: RequestKey,
    ) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>> {
        self.call(move |store| Ok(store.recall(route, key)))
    }

    fn control(&self, route: Arc<str>, control: Control) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.call(move |store| {
            store.control(route, control);
            Ok(())
        })
    }

    fn controls(&self) -> BoxFuture<'_, Result<Controls, DeliveryError>> {
        self.call(|store| Ok(store.controls()))
    }

    fn keep_bundle(&self, hash: BundleHash, content: Bytes) -> BoxFuture<'_, Result<(), DeliveryError>> {
        self.call(move |store| {
            store.keep_bundle(hash, content);
            Ok(())
        })
    }

    fn bundle(&self, hash: BundleHash) -> BoxFuture<'_, Result<Option<Bytes>, DeliveryError>> {
        self.call(move |store| Ok(store.bundle(hash)))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn is_available(&self) -> bool {
        !self.database.away.load(Ordering::SeqCst)
    }

    fn settled<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<MessageId>, DeliveryError>> {
        let ids = ids.to_vec();
        self.call(move |store| Ok(store.settled(ids)))
    }

    fn forget(&self, before: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize, DeliveryError>> {
        self.call(move |store| Ok(store.forget(before, limit)))
    }
}
