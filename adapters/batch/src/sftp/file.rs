//! A file on a server that is being read: many requests at once, for the way is long.

use std::{
    fmt,
    io::{self, Read},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream};
use russh_sftp::protocol::StatusCode;

use super::{Connection, session::Session};
use crate::FolderError;

/// What one request is for: every server gives as much.
pub(crate) const PIECE: usize = 32 << 10;
/// Requests at once.
pub(crate) const AT_ONCE: usize = 32;

/// A file that is read from front to back.
pub(crate) struct RemoteFile {
    connection: Arc<Connection>,
    session: Arc<Session>,
    handle: String,
    bytes: u64,
    at: u64,
    /// What was read, and how much of it was taken.
    read: Vec<u8>,
    taken: usize,
}

impl fmt::Debug for RemoteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteFile").field("bytes", &self.bytes).field("at", &self.at).finish_non_exhaustive()
    }
}

impl RemoteFile {
    /// One that was opened by this session, and is expected to be so long.
    pub(crate) fn new(
        connection: Arc<Connection>,
        session: Arc<Session>,
        handle: String,
        bytes: u64,
    ) -> Self {
        Self { connection, session, handle, bytes, at: 0, read: Vec::new(), taken: 0 }
    }

    /// Goes on from there.
    pub(crate) fn skip_to(&mut self, at: u64) {
        (self.at, self.taken) = (at, 0);
        self.read.clear();
    }

    /// What comes next, and nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Result<&[u8], StatusCode>, FolderError> {
        if self.taken == self.read.len() {
            let (handle, at, bytes) = (&*self.handle, self.at, self.bytes);
            let answer = self
                .connection
                .ask_by(&self.session, async |session| window(session, handle, at, bytes).await)?;
            self.read = match answer {
                Ok(read) => read,
                Err(status) => return Ok(Err(status)),
            };
            self.at += self.read.len() as u64;
            self.taken = 0;
        }
        let next = self.read.get(self.taken..).unwrap_or_default();
        self.taken = self.read.len();
        Ok(Ok(next))
    }
}

/// As much as some requests at once give. One beyond the end finds out whether there is more.
async fn window(
    session: &Session,
    handle: &str,
    at: u64,
    bytes: u64,
) -> Result<Vec<u8>, russh_sftp::client::error::Error> {
    use russh_sftp::client::error::Error;
    let places = (0..AT_ONCE as u64).map(|piece| at + piece * PIECE as u64);
    let places = places.take_while(|place| *place == at || *place < bytes);
    let asked = places.map(|place| session.sftp.read(handle, place, PIECE as u32));
    let mut pieces = stream::iter(asked).buffered(AT_ONCE);
    let mut read = Vec::new();
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) if piece.data.len() > PIECE => return Err(Error::UnexpectedPacket),
            Ok(piece) => {
                read.extend_from_slice(&piece.data);
                // A server may give less than it was asked for: what follows is asked for anew.
                if piece.data.len() < PIECE {
                    break;
                }
            }
            Err(Error::Status(status)) if status.status_code == StatusCode::Eof => break,
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

impl Read for RemoteFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let before = self.taken;
        let refill = before == self.read.len();
        let next = match self.next().map_err(io::Error::other)? {
            Ok(next) => next,
            Err(status) => return Err(super::remote::said(status)),
        };
        let length = next.len().min(buffer.len());
        buffer[..length].copy_from_slice(&next[..length]);
        self.taken = if refill { length } else { before + length };
        Ok(length)
    }
}

impl Drop for RemoteFile {
    fn drop(&mut self) {
        let (session, handle) = (self.session.clone(), std::mem::take(&mut self.handle));
        self.connection.later(async move {
            // Where the connection was cut, nothing is open any more.
            let _ = session.sftp.close(handle).await;
        });
    }
}
