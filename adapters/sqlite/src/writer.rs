//! The one thread that writes. It takes whatever has gathered, carries it out in one transaction, commits, and only then
//! answers: as many callers as wait share one fsync.
//!
//! An intent that cannot be carried out has written nothing, so the others of its transaction stand. An error of SQLite
//! itself undoes them all, and is the end: what reached the disk is known only after a restart.

use std::sync::Arc;

use portolan_delivery::DeliveryError;
use rusqlite::ErrorCode;
use tokio::sync::{mpsc, oneshot};

use crate::{checkpoint::Checkpoints, error::Trouble, error::describe, ledger::Ledger, ready::Ready};

/// Something to do inside a transaction, and somebody who waits for it.
pub(crate) trait Work: Send {
    /// Does it. `Err` only where SQLite failed.
    fn run(&mut self, ledger: &mut Ledger) -> rusqlite::Result<()>;
    /// Answers, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), DeliveryError>);
}

/// An intent and who waits for it.
pub(crate) struct Intent<F, T> {
    operation: Option<F>,
    result: Option<Result<T, DeliveryError>>,
    reply: oneshot::Sender<Result<T, DeliveryError>>,
}

impl<F, T> Intent<F, T>
where
    F: FnOnce(&mut Ledger) -> Result<T, Trouble> + Send,
    T: Send,
{
    /// The intent, and where its answer comes.
    pub(crate) fn new(operation: F) -> (Self, oneshot::Receiver<Result<T, DeliveryError>>) {
        let (reply, answer) = oneshot::channel();
        (Self { operation: Some(operation), result: None, reply }, answer)
    }
}

impl<F, T> Work for Intent<F, T>
where
    F: FnOnce(&mut Ledger) -> Result<T, Trouble> + Send,
    T: Send,
{
    fn run(&mut self, ledger: &mut Ledger) -> rusqlite::Result<()> {
        let Some(operation) = self.operation.take() else { return Ok(()) };
        self.result = Some(match operation(ledger) {
            Ok(value) => Ok(value),
            Err(Trouble::Refused(why)) => Err(why),
            Err(Trouble::Sqlite(error)) => return Err(error),
        });
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), DeliveryError>) {
        let Self { result, reply, .. } = *self;
        let missing = || Err(DeliveryError::Unavailable("not carried out".to_owned()));
        // Nobody may be waiting any more: a dropped future may or may not have taken effect.
        let _ = reply.send(committed.and_then(|()| result.unwrap_or_else(missing)));
    }
}

/// Runs until all senders are gone.
pub(crate) fn run(
    mut ledger: Ledger,
    mut intents: mpsc::Receiver<Box<dyn Work>>,
    batch: usize,
    ready: &Arc<Ready>,
    checkpoints: &Arc<Checkpoints>,
) {
    let mut gathered: Vec<Box<dyn Work>> = Vec::with_capacity(batch);
    let mut failed: Option<DeliveryError> = None;
    while let Some(first) = intents.blocking_recv() {
        gathered.push(first);
        while gathered.len() < batch {
            let Ok(next) = intents.try_recv() else { break };
            gathered.push(next);
        }
        let committed = match &failed {
            Some(error) => Err(error.clone()),
            None => checkpoints.held_off(|| commit(&mut ledger, &mut gathered)),
        };
        match &committed {
            Ok(()) => ready.publish(ledger.next_due()),
            Err(error @ DeliveryError::Fatal(_)) if failed.is_none() => {
                tracing::error!(%error, "the queue's file cannot be written; nothing more is accepted");
                failed = Some(error.clone());
                ready.fail();
            }
            Err(_) => {}
        }
        for work in gathered.drain(..) {
            work.answer(committed.clone());
        }
    }
}

/// One transaction. `Unavailable` where somebody else holds the file, before anything was done.
fn commit(ledger: &mut Ledger, gathered: &mut [Box<dyn Work>]) -> Result<(), DeliveryError> {
    match ledger.begin() {
        Ok(()) => {}
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            return Err(DeliveryError::Unavailable(
                "another program holds the queue's file; end it (a `sqlite3` shell?)".to_owned(),
            ));
        }
        Err(error) => return Err(fatal(&error)),
    }
    let done = gathered.iter_mut().try_for_each(|work| work.run(ledger)).and_then(|()| ledger.commit());
    done.map_err(|error| {
        ledger.roll_back();
        fatal(&error)
    })
}

fn fatal(error: &rusqlite::Error) -> DeliveryError {
    DeliveryError::Fatal(format!(
        "{}; free space or repair the disk, then start again: what is unsettled is reconciled",
        describe(error)
    ))
}
