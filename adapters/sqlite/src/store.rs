//! One SQLite file, open: every intent goes to its writer, every question to one of its readers. What the queue and the
//! ledger beside a transport have in common.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread::JoinHandle,
};

use bytes::Bytes;
use portolan_delivery::{
    BoxFuture, BundleHash, Claim, Control, Controls, Count, DeadLetter, DeliveryError, Failure, Filter,
    GatewayId, MessageId, Outcome, Page, Reconciled, Record, RequestKey, Timestamp, composite::Unclaimed,
};
use tokio::sync::mpsc;

use crate::{
    OpenError, Options,
    checkpoint::Checkpoints,
    error::Trouble,
    ledger::{Ledger, Role},
    lock::FileLock,
    reads::{self, Readers},
    ready::Ready,
    schema,
    writer::{self, Intent, Work},
};

/// The file, its lock and its threads. Dropping it ends them, once what they were given is committed.
pub(crate) struct Store {
    intents: Option<mpsc::Sender<Box<dyn Work>>>,
    readers: Readers,
    ready: Arc<Ready>,
    checkpoints: Arc<Checkpoints>,
    forget_from: AtomicI64,
    threads: Vec<JoinHandle<()>>,
    _lock: FileLock,
}

type Answer<'a, T> = BoxFuture<'a, Result<T, DeliveryError>>;

/// Messages removed by one call, at most: they share a commit with whoever calls at the time.
const FORGET_LIMIT: usize = 1000;

impl Store {
    /// Opens the file, making it where there is none, and starts the writer's and the checkpoints' threads.
    pub(crate) fn open(path: &Path, options: &Options, role: Role) -> Result<Self, OpenError> {
        let lock = FileLock::take(path)?;
        let failed = |source| OpenError::Database { path: path.to_owned(), source };
        let mut connection = schema::open(path, options)?;
        let page = connection.pragma_query_value(None, "page_size", |row| row.get(0)).unwrap_or(4096_i64);
        let page = u64::try_from(page).unwrap_or(4096);
        let checkpoints = Arc::new(Checkpoints::new(options.checkpoint_after, options.checkpoint_hold, page));
        let log = checkpoints.clone();
        connection
            .wal_hook(Some(move |_: &mut _, pages| {
                log.written(u64::try_from(pages).unwrap_or(0));
                Ok(())
            }))
            .map_err(failed)?;
        let ledger = Ledger::load(connection, role).map_err(failed)?;
        let ready = Arc::new(Ready::new(ledger.next_due()));
        let readers = (0..options.readers.max(1))
            .map(|_| schema::reader(path, options))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        let copier = schema::connect(path, options).map_err(failed)?;

        let (intents, waiting) = mpsc::channel(options.waiting.max(1));
        let mut store = Self {
            intents: Some(intents),
            readers: Readers::new(readers),
            ready: ready.clone(),
            checkpoints: checkpoints.clone(),
            forget_from: AtomicI64::new(0),
            threads: Vec::with_capacity(2),
            _lock: lock,
        };
        let gate = checkpoints.clone();
        let batch = options.batch.max(1);
        let start = |name: &str, body: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
            thread.map_err(|source| OpenError::File { path: path.to_owned(), source })
        };
        let write = move || writer::run(ledger, waiting, batch, &ready, &gate);
        store.threads.push(start("queue-writer", Box::new(write))?);
        store.threads.push(start("queue-checkpoint", Box::new(move || checkpoints.run(&copier)))?);
        Ok(store)
    }

    /// Hands an intent to the writer, waiting for room, and waits for the commit.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Ledger) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, DeliveryError> {
        let gone = || DeliveryError::Fatal("the queue's writer has ended; start again".to_owned());
        let (intent, answer) = Intent::new(operation);
        let intents = self.intents.as_ref().ok_or_else(gone)?;
        intents.send(Box::new(intent)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Resolves when something that waits is due.
    pub(crate) async fn ready(&self) {
        self.ready.wait().await;
    }

    pub(crate) fn finish(&self, claim: Claim, outcome: Outcome, now: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.write(move |ledger| ledger.finish(claim, &outcome, now)))
    }

    pub(crate) fn retry_at(
        &self,
        claim: Claim,
        due: Timestamp,
        failure: Failure,
        now: Timestamp,
    ) -> Answer<'_, ()> {
        Box::pin(self.write(move |ledger| ledger.retry_at(claim, due, &failure, now)))
    }

    pub(crate) fn bury(&self, claim: Claim, dead: DeadLetter, now: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.write(move |ledger| ledger.bury(claim, &dead, now)))
    }

    pub(crate) fn reconcile(&self, gateway: GatewayId, now: Timestamp) -> Answer<'_, Reconciled> {
        Box::pin(self.write(move |ledger| ledger.reconcile(gateway, now)))
    }

    pub(crate) fn get(&self, id: MessageId) -> Answer<'_, Option<Record>> {
        Box::pin(self.readers.ask(move |connection| reads::get(connection, id)))
    }

    pub(crate) fn list(&self, filter: Filter) -> Answer<'_, Page> {
        Box::pin(self.readers.ask(move |connection| reads::list(connection, &filter)))
    }

    pub(crate) fn counts(&self) -> Answer<'_, Vec<Count>> {
        Box::pin(self.readers.ask(reads::counts))
    }

    pub(crate) fn unclaimed(&self, due_before: Timestamp) -> Answer<'_, Vec<Unclaimed>> {
        Box::pin(self.readers.ask(move |connection| reads::unclaimed(connection, due_before)))
    }

    pub(crate) fn settled(&self, ids: &[MessageId]) -> Answer<'_, Vec<MessageId>> {
        let ids = ids.to_vec();
        Box::pin(self.readers.ask(move |connection| reads::settled(connection, ids)))
    }

    pub(crate) fn retry(&self, id: MessageId, bundle: Option<BundleHash>, now: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.write(move |ledger| ledger.retry(id, bundle, now)))
    }

    pub(crate) fn resolve(&self, id: MessageId, outcome: Outcome, now: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.write(move |ledger| ledger.resolve(id, &outcome, now)))
    }

    pub(crate) fn withdraw(&self, id: MessageId, outcome: Outcome, now: Timestamp) -> Answer<'_, bool> {
        Box::pin(self.write(move |ledger| ledger.withdraw(id, &outcome, now)))
    }

    pub(crate) fn recall(&self, route: Arc<str>, key: RequestKey) -> Answer<'_, Option<Record>> {
        Box::pin(self.readers.ask(move |connection| reads::recall(connection, &route, &key)))
    }

    pub(crate) fn control(&self, route: Arc<str>, control: Control) -> Answer<'_, ()> {
        Box::pin(self.write(move |ledger| ledger.control(&route, control)))
    }

    pub(crate) fn controls(&self) -> Answer<'_, Controls> {
        Box::pin(self.readers.ask(reads::controls))
    }

    pub(crate) fn keep_bundle(&self, hash: BundleHash, content: Bytes) -> Answer<'_, ()> {
        Box::pin(self.write(move |ledger| ledger.keep_bundle(hash, &content)))
    }

    pub(crate) fn bundle(&self, hash: BundleHash) -> Answer<'_, Option<Bytes>> {
        Box::pin(self.readers.ask(move |connection| reads::bundle(connection, hash)))
    }

    pub(crate) fn forget(&self, before: Timestamp, limit: usize) -> Answer<'_, usize> {
        Box::pin(async move {
            let limit = limit.min(FORGET_LIMIT);
            if limit == 0 {
                return Ok(0);
            }
            let from = self.forget_from.load(Ordering::Relaxed);
            let old = self.readers.ask(move |connection| reads::old(connection, before, limit, from)).await?;
            self.forget_from.store(old.next, Ordering::Relaxed);
            self.write(move |ledger| ledger.forget(&old.found, before)).await
        })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.intents = None;
        self.checkpoints.end();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}
