//! Why the queue's file cannot be opened, and what to do about it; and how SQLite's errors meet the port's.

use std::path::PathBuf;

use portolan_delivery::DeliveryError;

/// Why the queue's file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "{path} is in use by another process: a gateway that runs, or a `portolan queue` command; ask the running gateway (`--admin`), stop it, or give this one a queue of its own"
    )]
    InUse {
        /// The queue's file.
        path: PathBuf,
    },
    /// It was written by a newer Portolan.
    #[error(
        "{path} has version {found} and this portolan knows up to {known}: use the portolan that wrote it, or a newer one"
    )]
    Newer {
        /// The queue's file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// It is a database, but not a queue.
    #[error("{path} is a database of another program: give the queue a file of its own")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be made, read or locked.
    #[error("{path} cannot be opened: {source}; check that the folder exists and may be written to")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite refuses it.
    #[error(
        "{path} cannot be used as a queue: {source}; if it is damaged, keep a copy and recover it with `sqlite3 FILE .recover`"
    )]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

/// Why an operation inside a transaction stopped.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// SQLite failed; the whole transaction with it.
    Sqlite(rusqlite::Error),
    /// The intent cannot be carried out. Nothing was written for it.
    Refused(DeliveryError),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<DeliveryError> for Trouble {
    fn from(error: DeliveryError) -> Self {
        Self::Refused(error)
    }
}

/// SQLite's own words for an error: its code and meaning, never the statement or a value.
pub(crate) fn describe(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(code, _) => {
            format!("{} (SQLite code {})", rusqlite::ffi::code_to_str(code.extended_code), code.extended_code)
        }
        other => {
            let kind = format!("{other:?}");
            format!("unexpected {}", kind.split(['(', ' ', '{']).next().unwrap_or("error"))
        }
    }
}
