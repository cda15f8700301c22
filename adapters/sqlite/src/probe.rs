//! Whether a queue's file can be used, without making or changing one. For `portolan doctor`.

use std::path::Path;

use crate::{OpenError, Options, lock::FileLock, schema};

/// What a queue's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Not there; the first start makes it.
    Absent,
    /// Another process has it: a gateway, most likely.
    InUse,
    /// A queue that nobody has.
    Free,
}

/// Looks at a file. Blocks, for up to half a second where somebody has it.
pub fn probe(path: &Path) -> Result<Probe, OpenError> {
    if !path.exists() {
        return Ok(Probe::Absent);
    }
    let _lock = match FileLock::take(path) {
        Ok(lock) => lock,
        Err(OpenError::InUse { .. }) => return Ok(Probe::InUse),
        Err(error) => return Err(error),
    };
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let connection = schema::reader(path, &Options::default()).map_err(failed)?;
    schema::missing(&connection, path)?;
    Ok(Probe::Free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SqliteDelivery;

    #[test]
    fn a_file_is_absent_free_in_use_or_none_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q.db");
        assert_eq!(probe(&path).unwrap(), Probe::Absent);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made");
        let gateway = SqliteDelivery::open(&path, Options::default()).unwrap();
        assert_eq!(probe(&path).unwrap(), Probe::InUse);
        drop(gateway);
        assert_eq!(probe(&path).unwrap(), Probe::Free);
        let other = folder.path().join("other.db");
        rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(matches!(probe(&other), Err(OpenError::Foreign { .. })));
        std::fs::write(&other, vec![7; 5000]).unwrap();
        assert!(matches!(probe(&other), Err(OpenError::Database { .. })));
    }
}
