//! By what a file is known, found out while it is read.

use std::io::{self, Read};

use portolan_delivery::FileHash;
use sha2::{Digest as _, Sha256};

/// Counts and hashes what is read.
pub(crate) struct Hashed<R> {
    raw: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Hashed<R> {
    pub(crate) fn new(raw: R) -> Self {
        Self { raw, hash: Sha256::new(), bytes: 0 }
    }

    /// The hash and the bytes of what was read.
    pub(crate) fn known(self) -> (FileHash, u64) {
        (FileHash(self.hash.finalize().into()), self.bytes)
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(out)?;
        self.hash.update(out.get(..read).unwrap_or_default());
        self.bytes += read as u64;
        Ok(read)
    }
}
