//! `Delivery` over one SQLite file: every intent goes to the writer, every question to a reader.

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
    Accept, Accepted, BoxFuture, BundleHash, Claim, Claimed, Control, Controls, Count, DeadLetter, Delivery,
    DeliveryError, Failure, Filter, GatewayId, MessageId, Outcome, Page, Reconciled, Record, RequestKey,
    Timestamp,
};
use tokio::sync::mpsc;

use crate::{
    OpenError, Options,
    checkpoint::Checkpoints,
    error::Trouble,
    ledger::Ledger,
    lock::FileLock,
    reads::{self, Readers},
    ready::Ready,
    schema,
    writer::{self, Intent, Work},
};

/// The queue and the ledger in one SQLite file. Dropping it ends its threads, once what they were given is committed.
pub struct SqliteDelivery {
    intents: Option<mpsc::Sender<Box<dyn Work>>>,
    readers: Readers,
    ready: Arc<Ready>,
    checkpoints: Arc<Checkpoints>,
    forget_from: AtomicI64,
    threads: Vec<JoinHandle<()>>,
    _lock: FileLock,
}

impl SqliteDelivery {
    /// Opens the file, making it where there is none, and starts the writer's and the checkpoints' threads. At most
    /// one process has a file open. Blocks; questions and [`Delivery::ready`] need a tokio runtime later.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let lock = FileLock::take(path)?;
        let failed = |source| OpenError::Database { path: path.to_owned(), source };
        let mut connection = schema::open(path, &options)?;
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
        let ledger = Ledger::load(connection).map_err(failed)?;
        let ready = Arc::new(Ready::new(ledger.next_due()));
        let readers = (0..options.readers.max(1))
            .map(|_| schema::reader(path, &options))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        let copier = schema::connect(path, &options).map_err(failed)?;

        let (intents, waiting) = mpsc::channel(options.waiting.max(1));
        let mut delivery = Self {
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
        delivery.threads.push(start("queue-writer", Box::new(write))?);
        delivery.threads.push(start("queue-checkpoint", Box::new(move || checkpoints.run(&copier)))?);
        Ok(delivery)
    }

    /// Hands an intent to the writer, waiting for room, and waits for the commit.
    async fn write<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Ledger) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, DeliveryError> {
        let gone = || DeliveryError::Fatal("the queue's writer has ended; start again".to_owned());
        let (intent, answer) = Intent::new(operation);
        let intents = self.intents.as_ref().ok_or_else(gone)?;
        intents.send(Box::new(intent)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for SqliteDelivery {
    fn drop(&mut self) {
        self.intents = None;
        self.checkpoints.end();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl Delivery for SqliteDelivery {
    fn accept(&self, accept: Accept) -> BoxFuture<'_, Result<Accepted, DeliveryError>> {
        Box::pin(self.write(move |ledger| ledger.accept(accept)))
    }

    fn claim<'a>(
        &'a self,
        gateway: GatewayId,
        limit: usize,
        except: &'a [Arc<str>],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Claimed>, DeliveryError>> {
        let except = except.to_vec();
        Box::pin(self.write(move |ledger| ledger.claim(gateway, limit, &except, now)))
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.ready.wait())
    }

    fn finish(
        &self,
        claim: Claim,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.write(move |ledger| ledger.finish(claim, &outcome, now)))
    }

    fn retry_at(
        &self,
        claim: Claim,
        due: Timestamp,
        failure: Failure,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.write(move |ledger| ledger.retry_at(claim, due, &failure, now)))
    }

    fn bury(
        &self,
        claim: Claim,
        dead: DeadLetter,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.write(move |ledger| ledger.bury(claim, &dead, now)))
    }

    fn reconcile(
        &self,
        gateway: GatewayId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Reconciled, DeliveryError>> {
        Box::pin(self.write(move |ledger| ledger.reconcile(gateway, now)))
    }

    fn get(&self, id: MessageId) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>> {
        Box::pin(self.readers.ask(move |connection| reads::get(connection, id)))
    }

    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, DeliveryError>> {
        Box::pin(self.readers.ask(move |connection| reads::list(connection, &filter)))
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, DeliveryError>> {
        Box::pin(self.readers.ask(reads::counts))
    }

    fn retry(
        &self,
        id: MessageId,
        bundle: Option<BundleHash>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.write(move |ledger| ledger.retry(id, bundle, now)))
    }

    fn resolve(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.write(move |ledger| ledger.resolve(id, &outcome, now)))
    }

    fn withdraw(
        &self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>> {
        Box::pin(self.write(move |ledger| ledger.withdraw(id, &outcome, now)))
    }

    fn recall(
        &self,
        route: Arc<str>,
        key: RequestKey,
    ) -> BoxFuture<'_, Result<Option<Record>, DeliveryError>> {
        Box::pin(self.readers.ask(move |connection| reads::recall(connection, &route, &key)))
    }

    fn control(&self, route: Arc<str>, control: Control) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.write(move |ledger| ledger.control(&route, control)))
    }

    fn controls(&self) -> BoxFuture<'_, Result<Controls, DeliveryError>> {
        Box::pin(self.readers.ask(reads::controls))
    }

    fn keep_bundle(&self, hash: BundleHash, content: Bytes) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(self.write(move |ledger| ledger.keep_bundle(hash, &content)))
    }

    fn bundle(&self, hash: BundleHash) -> BoxFuture<'_, Result<Option<Bytes>, DeliveryError>> {
        Box::pin(self.readers.ask(move |connection| reads::bundle(connection, hash)))
    }

    fn forget(&self, before: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize, DeliveryError>> {
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

/// Messages removed by one call, at most: they share a commit with whoever calls at the time.
const FORGET_LIMIT: usize = 1000;
