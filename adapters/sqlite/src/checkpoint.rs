//! Moving the write-ahead log into the file, on a thread of its own: whoever commits does not wait for it.
//!
//! Under load the writer always appends while the log is copied, so the log would never start over. Once it is long,
//! what is left after a few passes is copied with the writer held up: a few pages and two fsyncs, every 32 MiB.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::Connection;

use crate::error::describe;

/// What writer and checkpoint thread know of each other.
pub(crate) struct Checkpoints {
    after: u64,
    hold: u64,
    gate: Mutex<()>,
    log: Mutex<Log>,
    bell: Condvar,
    released: Condvar,
}

#[derive(Default)]
struct Log {
    /// The writer is to wait before its next transaction: a mutex alone is not fair, and a busy writer would take the
    /// gate again and again.
    held: bool,
    /// Pages in the log, all told.
    pages: u64,
    /// Pages at which a checkpoint is wanted next.
    next: u64,
    end: bool,
}

/// Passes with the writer running, before it is held up for the rest.
const PASSES: usize = 3;

impl Checkpoints {
    /// `after` and `hold` in bytes of log.
    pub(crate) fn new(after: u64, hold: u64, page: u64) -> Self {
        let page = page.max(512);
        let (after, hold) = ((after / page).max(1), (hold / page).max(2));
        let log = Mutex::new(Log { next: after, ..Log::default() });
        Self { after, hold, gate: Mutex::new(()), log, bell: Condvar::new(), released: Condvar::new() }
    }

    /// Runs a transaction while no checkpoint holds the writer up.
    pub(crate) fn held_off<T>(&self, transaction: impl FnOnce() -> T) -> T {
        let mut log = self.log();
        while log.held {
            log = self.released.wait(log).unwrap_or_else(PoisonError::into_inner);
        }
        drop(log);
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        transaction()
    }

    /// Called at each commit, with the length of the log.
    pub(crate) fn written(&self, pages: u64) {
        let mut log = self.log();
        if pages < log.pages {
            log.next = self.after;
        }
        log.pages = pages;
        if pages >= log.next {
            self.bell.notify_one();
        }
    }

    /// Ends the thread.
    pub(crate) fn end(&self) {
        self.log().end = true;
        self.bell.notify_one();
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a checkpoint is wanted; `None` at the end.
    fn wanted(&self) -> Option<u64> {
        let mut log = self.log();
        while log.pages < log.next && !log.end {
            log = self.bell.wait(log).unwrap_or_else(PoisonError::into_inner);
        }
        log.next = log.pages + self.after;
        (!log.end).then_some(log.pages)
    }

    /// Runs until [`Checkpoints::end`].
    pub(crate) fn run(&self, connection: &Connection) {
        // A checkpoint that finds the file busy is tried again after the next commits; nobody waits for it.
        let _ = connection.busy_timeout(Duration::ZERO);
        while let Some(pages) = self.wanted() {
            let done =
                if pages < self.hold { pass(connection).map(drop) } else { self.start_over(connection) };
            if let Err(error) = done {
                tracing::warn!(
                    error = describe(&error),
                    "checkpoint failed; the log grows until one succeeds"
                );
            }
        }
    }

    /// Copies all of the log, so that the next commit writes at its beginning.
    fn start_over(&self, connection: &Connection) -> rusqlite::Result<()> {
        let small = self.after / 16;
        for _ in 0..PASSES {
            if pass(connection)? <= small {
                break;
            }
        }
        self.log().held = true;
        let done = {
            let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
            pass(connection)
        };
        self.log().held = false;
        self.released.notify_one();
        done.map(drop)
    }
}

/// Copies what no reader holds back, and gives the pages that were in the log and not copied at its end.
fn pass(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (log, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(u64::try_from(log.saturating_sub(copied)).unwrap_or(0))
    })
}
