//! One process for one queue: an exclusive lock on `FILE.lock`, which the system takes back when the process ends,
//! however it ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::OpenError;

/// The lock, for as long as it lives.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

/// A gateway that is ending, or a child process on its way to `exec`, holds the lock a moment longer.
const PATIENCE: Duration = Duration::from_millis(500);

impl FileLock {
    /// Takes it. Blocks for up to half a second where somebody else has it.
    pub(crate) fn take(database: &Path) -> Result<Self, OpenError> {
        let path = sidecar(database);
        let failed = |source| OpenError::File { path: path.clone(), source };
        let file = private(&path).map_err(failed)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => wait_a_little(),
                Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: database.to_owned() }),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "opening blocks anyway, and happens before anything is served")]
fn wait_a_little() {
    std::thread::sleep(Duration::from_millis(10));
}

fn sidecar(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Opens a file, making it for its owner only: what is in the queue is other people's. SQLite gives its own sidecars
/// the mode of the database.
pub(crate) fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
