//! A file that is fetched, whole or not at all. What the connection was cut in goes on, as long as the file is the same.

use std::{fs::File, os::unix::fs::FileExt as _};

use sha2::{Digest as _, Sha256};

use super::Remote;
use crate::{
    FolderError,
    dir::{Entry, Stamp},
};

/// A file that was fetched. It has no name, and its room is free again when nobody reads it any more.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) file: File,
    pub(crate) bytes: u64,
    pub(crate) sha256: [u8; 32],
}

impl Remote {
    /// Fetches a file; `None` where it is gone. `same` says each time that it is begun or gone on with whether it is still that.
    ///
    /// It is not synced: after a crash it is fetched anew.
    pub(crate) fn fetch(
        &self,
        name: &str,
        same: impl Fn(&Entry) -> Result<Stamp, FolderError>,
    ) -> Result<Option<Fetched>, FolderError> {
        let file = self.connection.spooled()?;
        let mut sha256 = Sha256::new();
        let bytes = self.connection.persist(|at| {
            let Some((mut remote, entry)) = self.read(name)? else { return Ok(None) };
            let stamp = same(&entry)?;
            remote.skip_to(*at);
            loop {
                let piece = remote.next()?.map_err(|status| self.failed("read", name, status))?;
                let end = *at + piece.len() as u64;
                if piece.is_empty() || end > stamp.bytes {
                    let bytes = if piece.is_empty() { *at } else { end };
                    return Ok(Some((bytes, stamp.bytes)));
                }
                file.write_all_at(piece, *at).map_err(|error| self.connection.spool_failed(error))?;
                sha256.update(piece);
                *at = end;
            }
        })?;
        match bytes {
            None => Ok(None),
            Some((found, expected)) if found != expected => {
                Err(FolderError::Changed { path: self.path(name) })
            }
            Some((bytes, _)) => Ok(Some(Fetched { file, bytes, sha256: sha256.finalize().into() })),
        }
    }
}
