//! Group commit and nothing else: an insert of some bytes, with the same kind of writer thread and the same checkpoints.
//! What a queue on SQLite could reach at best, to compare ours with, in the same run on the same disk. Feature `bench`.

use std::{path::Path, sync::Arc, thread::JoinHandle};

use bytes::Bytes;
use portolan_delivery::DeliveryError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{Options, checkpoint::Checkpoints, error::describe, schema};

type Insert = (Bytes, oneshot::Sender<Result<(), DeliveryError>>);

/// A table of bytes in a file of its own.
pub struct Bare {
    inserts: Option<mpsc::Sender<Insert>>,
    checkpoints: Arc<Checkpoints>,
    threads: Vec<JoinHandle<()>>,
}

impl Bare {
    /// Makes the file, which must not exist yet.
    pub fn open(path: impl AsRef<Path>, options: &Options) -> rusqlite::Result<Self> {
        let path = path.as_ref();
        drop(Connection::open(path)?);
        let mut connection = schema::connect(path, options)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE bare (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL)",
        )?;
        let checkpoints = Arc::new(Checkpoints::new(options.checkpoint_after, options.checkpoint_hold, 4096));
        let log = checkpoints.clone();
        connection.wal_hook(Some(move |_: &mut _, pages| {
            log.written(u64::try_from(pages).unwrap_or(0));
            Ok(())
        }))?;
        let copier = schema::connect(path, options)?;
        let (inserts, waiting) = mpsc::channel(options.waiting.max(1));
        let (gate, passes, batch) = (checkpoints.clone(), checkpoints.clone(), options.batch.max(1));
        let threads = vec![
            std::thread::spawn(move || write(&connection, waiting, batch, &gate)),
            std::thread::spawn(move || passes.run(&copier)),
        ];
        Ok(Self { inserts: Some(inserts), checkpoints, threads })
    }

    /// One group commit.
    pub async fn insert(&self, payload: Bytes) -> Result<(), DeliveryError> {
        let gone = || DeliveryError::Fatal("the writer has ended".to_owned());
        let (reply, answer) = oneshot::channel();
        let inserts = self.inserts.as_ref().ok_or_else(gone)?;
        inserts.send((payload, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.inserts = None;
        self.checkpoints.end();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn write(connection: &Connection, mut inserts: mpsc::Receiver<Insert>, batch: usize, gate: &Checkpoints) {
    let mut gathered: Vec<Insert> = Vec::with_capacity(batch);
    while let Some(first) = inserts.blocking_recv() {
        gathered.push(first);
        while gathered.len() < batch {
            let Ok(next) = inserts.try_recv() else { break };
            gathered.push(next);
        }
        let committed = gate
            .held_off(|| commit(connection, &gathered))
            .map_err(|error| DeliveryError::Fatal(describe(&error)));
        for (_, reply) in gathered.drain(..) {
            let _ = reply.send(committed.clone());
        }
    }
}

fn commit(connection: &Connection, gathered: &[Insert]) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut insert = connection.prepare_cached("INSERT INTO bare (payload) VALUES (?1)")?;
    for (payload, _) in gathered {
        insert.execute([&payload[..]])?;
    }
    connection.prepare_cached("COMMIT")?.execute([]).map(drop)
}
