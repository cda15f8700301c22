//! One SQLite file, open: every intent goes to its writer, every question to one of its readers. What the queue and the
//! ledger beside a transport have in common.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicI64},
    thread::JoinHandle,
};

use portolan_delivery::{DeliveryError, Timestamp, composite::Unclaimed};
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
    pub(crate) readers: Readers,
    ready: Arc<Ready>,
    checkpoints: Arc<Checkpoints>,
    /// Where the next look for what is old begins.
    pub(crate) forget_from: AtomicI64,
    threads: Vec<JoinHandle<()>>,
    _lock: FileLock,
}

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

    /// Those whose publication is a while ago: what was due before then.
    pub(crate) async fn unclaimed(&self, due_before: Timestamp) -> Result<Vec<Unclaimed>, DeliveryError> {
        self.readers.ask(move |connection| reads::unclaimed(connection, due_before)).await
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
