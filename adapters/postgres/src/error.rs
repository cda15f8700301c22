//! What can go wrong with the database. Neither the URL nor a value of a row is in any text.

use std::error::Error as _;

use portolan_delivery::{DeliveryError, MessageId};
use portolan_tls::Refusal;
use tokio_postgres::error::SqlState;

/// Why the ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is none.
    #[error("`ledger` is not a PostgreSQL URL: write postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Url,
    /// A mode of other programs.
    #[error(
        "`sslmode` is disable, prefer or require; write require, which always verifies the server's chain and host name, as \
         verify-full does elsewhere"
    )]
    SslMode,
    /// Certificates, and no TLS.
    #[error("`ca` and `certificate` are for TLS, which the URL rules out: take `sslmode=disable` out of it")]
    WithoutTls,
    /// Certificates cannot be used.
    #[error("{0}")]
    Tls(#[from] portolan_tls::TlsError),
    /// Nobody answers, or it refuses.
    #[error("the ledger at {place} cannot be opened: {problem}")]
    Connect {
        /// Host, port and database.
        place: String,
        /// What happened.
        problem: String,
        /// Whether nobody is there yet, rather than that somebody refuses.
        away: bool,
    },
    /// The tables are of an older version, or there are none, and this program is not the one to change that.
    #[error(
        "the ledger's tables have version {found}, and this command knows {known}: gateways bring them up to date when they \
         start; until then use the Portolan that they run"
    )]
    Older {
        /// Of the tables; 0 where there are none.
        found: i64,
        /// Of this program.
        known: i64,
    },
    /// The tables are of a newer version.
    #[error(
        "the ledger's tables have version {found}, and this Portolan knows {known}: run the version that made them, or a newer one"
    )]
    Newer {
        /// Of the tables.
        found: i64,
        /// Of this program.
        known: i64,
    },
}

impl OpenError {
    /// Whether it may do later, without anything being changed here: nobody answers, or the server is about to start.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Connect { away: true, .. })
    }
}

/// Whether nobody is there, or it lets nobody in yet (classes 53, resources, and 57, intervention).
pub(crate) fn is_away(error: &tokio_postgres::Error) -> bool {
    match error.as_db_error() {
        Some(db) => ["53", "57"].iter().any(|class| db.code().code().starts_with(class)),
        None => {
            Refusal::of(error).is_none() && error.source().is_none_or(|source| source.is::<std::io::Error>())
        }
    }
}

/// What is wrong, as far as it may be told: the kind, and no value.
pub(crate) fn brief(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        // A message may quote a value; a few conditions are worth more than their code.
        Some(db) => match *db.code() {
            SqlState::DISK_FULL => "its disk is full (SQLSTATE 53100)".to_owned(),
            SqlState::INVALID_PASSWORD => "it refuses the password (SQLSTATE 28P01)".to_owned(),
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                "it does not let this user in like this; it may want TLS (`sslmode=require`), or a client's certificate \
                 (`certificate`, `key`): see its pg_hba.conf (SQLSTATE 28000)"
                    .to_owned()
            }
            SqlState::INVALID_CATALOG_NAME => "there is no such database (SQLSTATE 3D000)".to_owned(),
            SqlState::INSUFFICIENT_PRIVILEGE => {
                "the user may not do this; it must own the schema `portolan` (SQLSTATE 42501)".to_owned()
            }
            SqlState::TOO_MANY_CONNECTIONS => {
                "it has no connection left: raise max_connections (SQLSTATE 53300)".to_owned()
            }
            ref code => format!("SQLSTATE {}", code.code()),
        },
        None if error.is_closed() => "the connection is closed".to_owned(),
        None => {
            if let Some(refusal) = Refusal::of(error) {
                return refusal.to_string();
            }
            error.source().map_or_else(|| error.to_string(), ToString::to_string)
        }
    }
}

/// Whether the same statement may do later, on another connection: everything that is not the statement's own fault.
pub(crate) fn passes(error: &tokio_postgres::Error) -> bool {
    // Classes: 08 connection, 25006 read-only (a standby), 40 rollback, 53 resources, 57 intervention, 58 system, 28 and 3D
    // while a server is being set up anew.
    error.as_db_error().is_none_or(|db| {
        let code = db.code().code();
        ["08", "25", "28", "3D", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class))
    })
}

/// The server took a connection and says nothing on it.
pub(crate) fn late() -> tokio_postgres::Error {
    // Made for the `postgres` crate beside it, which has the same need.
    tokio_postgres::Error::__private_api_timeout()
}

/// A resource has run out: waiting a moment does not help whoever waits.
pub(crate) fn exhausted(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| db.code() == &SqlState::DISK_FULL)
}

/// What the port says of a statement that failed.
pub(crate) fn failed(error: tokio_postgres::Error) -> DeliveryError {
    DeliveryError::Unavailable(format!("the ledger: {}", brief(&error)))
}

pub(crate) fn damaged(id: MessageId) -> DeliveryError {
    DeliveryError::Unavailable(format!("the row of message {id} is damaged and cannot be read"))
}

pub(crate) fn unwritable() -> DeliveryError {
    DeliveryError::Unavailable("a message that cannot be written as JSON".to_owned())
}
