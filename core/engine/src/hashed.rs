//! By what a file is known, found out while it is read.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    thread::{Builder, JoinHandle},
};

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

/// Bytes that are read at a time.
const CHUNK: usize = 256 << 10;
/// So many times that are in memory.
const AHEAD: usize = 4;

/// The same, by a thread that reads ahead: whoever takes in what is read does not wait for the hash.
pub(crate) struct HashedAhead {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: io::Cursor<Vec<u8>>,
    reading: JoinHandle<io::Result<(FileHash, u64)>>,
    /// As long as it is there, somebody wants to know the hash.
    wanted: Arc<()>,
}

impl HashedAhead {
    pub(crate) fn new(raw: Box<dyn Read + Send>) -> io::Result<Self> {
        let (sender, chunks) = sync_channel(AHEAD);
        let wanted = Arc::new(());
        let is_wanted = Arc::downgrade(&wanted);
        let reading = Builder::new().name("hash".to_owned()).spawn(move || {
            let mut hashed = Hashed::new(raw);
            loop {
                let mut chunk = Vec::with_capacity(CHUNK);
                if let Err(error) = hashed.by_ref().take(CHUNK as u64).read_to_end(&mut chunk) {
                    let _ = sender.send(Err(io::Error::new(error.kind(), error.to_string())));
                    return Err(error);
                }
                if chunk.is_empty() || is_wanted.strong_count() == 0 {
                    return Ok(hashed.known());
                }
                // Where nobody takes it in, it is hashed all the same.
                let _ = sender.send(Ok(chunk));
            }
        })?;
        Ok(Self { chunks, chunk: io::Cursor::default(), reading, wanted })
    }

    /// The hash and the bytes of all there is to read, whether or not it was taken in.
    pub(crate) fn known(self) -> io::Result<(FileHash, u64)> {
        let Self { chunks, reading, wanted, .. } = self;
        drop(chunks);
        let known = reading.join().unwrap_or_else(|_| Err(io::Error::other("reading it was interrupted")));
        drop(wanted);
        known
    }
}

impl Read for HashedAhead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(out)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            match self.chunks.recv() {
                Ok(chunk) => self.chunk = io::Cursor::new(chunk?),
                Err(_) => return Ok(0),
            }
        }
    }
}
