//! Moving the write-ahead log into the file, on a thread of its own: whoever commits does not wait for it.
//!
//! Under load the writer always appends while the log is copied, so the log would never start over. Once it is long,
//! what is left after a few passes is copied with the writer held up: a few pages and two fsyncs, every 16 MiB.
//!
//! A commit that makes the log longer syncs the file's length and blocks as well, and takes up to twice as long as one that
//! writes over what is there. So the log is given its whole length early, in zeros: no frame of SQLite's is all zeros.

use std::{
    fs::OpenOptions,
    io::{self, Seek, SeekFrom, Write},
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::describe;

/// What writer and checkpoint thread know of each other.
pub(crate) struct Checkpoints {
    after: u64,
    hold: u64,
    /// Of a page in the log.
    frame: u64,
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
/// Pages in the log at which it is given its length: a file that is hardly used stays small.
const RESERVE_AFTER: u64 = 64;
/// Bytes that it is given at most.
const RESERVED: u64 = 64 << 20;
/// Bytes of it that are written with the writer held up.
const SLICE: usize = 512 << 10;

impl Checkpoints {
    /// `after` and `hold` in bytes of log.
    pub(crate) fn new(after: u64, hold: u64, page: u64) -> Self {
        let page = page.max(512);
        let (after, hold) = ((after / page).max(1), (hold / page).max(2));
        let log = Mutex::new(Log { next: after.min(RESERVE_AFTER), ..Log::default() });
        Self {
            after,
            hold,
            frame: page + 24,
            gate: Mutex::new(()),
            log,
            bell: Condvar::new(),
            released: Condvar::new(),
        }
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
        let mut reserved = false;
        while let Some(pages) = self.wanted() {
            if !std::mem::replace(&mut reserved, true) {
                if let Err(error) = self.reserve(connection) {
                    tracing::debug!(%error, "the log is not given its length; commits are slower at first");
                }
                if pages < self.after {
                    continue;
                }
            }
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

    /// Gives the log its length. SQLite's own lock keeps every program from writing where the zeros go.
    fn reserve(&self, connection: &Connection) -> io::Result<()> {
        let Some(path) = connection.path() else { return Ok(()) };
        let mut log = OpenOptions::new().write(true).open(format!("{path}-wal"))?;
        let zeros = vec![0; SLICE];
        let wanted = self.hold.saturating_mul(self.frame).min(RESERVED);
        loop {
            let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
            let lock = Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
            let _lock = lock.map_err(io::Error::other)?;
            let rest = wanted.saturating_sub(log.seek(SeekFrom::End(0))?);
            if rest == 0 {
                break;
            }
            let slice = usize::try_from(rest).map_or(SLICE, |rest| rest.min(SLICE));
            log.write_all(&zeros[..slice])?;
        }
        log.sync_data()
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
