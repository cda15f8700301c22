//! Opening connections, and the file's version: who wrote it, and whether this program can read it.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use crate::{Durability, OpenError, Options, lock};

/// `Port` in ASCII: says whose file it is, to `file` and to us.
const APPLICATION: i32 = 0x506f_7274;
/// Each brings the tables from one version to the next. Never changed once released: only added to.
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("controls.sql"),
    include_str!("order.sql"),
    include_str!("outbox.sql"),
    include_str!("suspects.sql"),
    include_str!("events.sql"),
    include_str!("identity.sql"),
    include_str!("ticket.sql"),
    include_str!("files.sql"),
    include_str!("cuts.sql"),
    include_str!("gathering.sql"),
    include_str!("release.sql"),
];

/// Opens the file for writing, making it where there is none.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    lock::private(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let connection = connect(path, options).map_err(failed)?;
    let missing = missing(&connection, path)?;
    if !missing.is_empty() {
        migrate(&connection, missing).map_err(failed)?;
    }
    Ok(connection)
}

/// The migrations that the file lacks; an error where it is none of ours, or newer than we are.
pub(crate) fn missing(connection: &Connection, path: &Path) -> Result<&'static [&'static str], OpenError> {
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let version = number("user_version").map_err(failed)?;
    let application = number("application_id").map_err(failed)?;
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    let fresh = objects == 0 && application == 0;
    if !fresh && application != i64::from(APPLICATION) {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    MIGRATIONS.get(usize::try_from(version).unwrap_or(0)..).ok_or_else(|| {
        let found = u32::try_from(version).unwrap_or(u32::MAX);
        let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
        OpenError::Newer { path: path.to_owned(), found, known }
    })
}

/// All or nothing.
fn migrate(connection: &Connection, missing: &[&str]) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; {} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {}; COMMIT;",
        missing.concat(),
        MIGRATIONS.len()
    ))
}

/// A connection as all of ours are. In WAL mode, `synchronous = FULL` syncs the log at every commit.
pub(crate) fn connect(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match &options.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs.as_str()),
        None => Connection::open_with_flags(path, flags),
    }?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    // Else a plan that might be another one for other values is made anew whenever they change.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let synchronous = match options.durability {
        Durability::PowerCut => "FULL",
        Durability::ProcessOnly => "OFF",
    };
    // The limit cuts the log back to the length at which it starts over, should a long reader once have let it grow.
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {}; PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
        options.checkpoint_hold.saturating_mul(2),
    ))?;
    Ok(connection)
}

/// A connection for questions.
pub(crate) fn reader(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let connection = connect(path, options)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    Ok(connection)
}
