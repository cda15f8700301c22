//! A file that is sent: under a name that nobody takes, synced and read back, before it has its own.

use std::{fs::File, os::unix::fs::FileExt as _};

use futures_util::{StreamExt as _, stream};
use russh_sftp::{
    client::error::Error as SftpError,
    protocol::{OpenFlags, StatusCode},
};
use sha2::{Digest as _, Sha256};

use super::{
    Remote,
    file::{AT_ONCE, PIECE},
    remote::{rights, said},
    session::Session,
};
use crate::{FolderError, identity, write::ASIDE};

/// Without truncating it: whoever else sends the same there writes the same over it.
const WRITTEN: OpenFlags = OpenFlags::WRITE.union(OpenFlags::CREATE);

impl Remote {
    /// Sends a file, to be named later: the name that it has until then is made of that and of its content, so that what a gateway
    /// has begun that died, or was cut off, is gone on with.
    pub(crate) fn put(&self, file: &File, name: &str) -> Result<String, FolderError> {
        self.put_as(file, name, |sha256| aside_of(name, sha256))
    }

    /// The same, under a name that is said.
    pub(crate) fn put_as(
        &self,
        mut file: &File,
        name: &str,
        aside: impl FnOnce(&[u8; 32]) -> String,
    ) -> Result<String, FolderError> {
        let local = |error| self.connection.spool_failed(error);
        let bytes = file.metadata().map_err(local)?.len();
        std::io::Seek::rewind(&mut file).map_err(local)?;
        let sha256 = identity::sha256(&mut file, bytes).map_err(local)?;
        let sha256 = sha256.ok_or_else(|| local(std::io::ErrorKind::UnexpectedEof.into()))?;
        let aside = aside(&sha256);
        let found = self.connection.persist(|at| {
            // What is there already is the beginning of the same, but for what was on its way at once; or else that is found out below.
            let there = self.look(&aside)?.map_or(0, |entry| entry.stamp.bytes.min(bytes));
            *at = there.saturating_sub((AT_ONCE * PIECE) as u64);
            self.send(file, &aside, bytes, at)?;
            self.hash(&aside, bytes)
        })?;
        if found == Some(sha256) {
            return Ok(aside);
        }
        // The next attempt begins with nothing.
        self.remove(&aside)?;
        let what = "what the server has is not what was sent";
        Err(FolderError::io("written", self.path(name), std::io::Error::other(what)))
    }

    fn send(&self, file: &File, aside: &str, bytes: u64, at: &mut u64) -> Result<(), FolderError> {
        let (session, path) = (self.connection.by()?, self.full_path(aside));
        let opened = self.connection.ask_by(&session, async |session| {
            session.sftp.open(&path, WRITTEN, rights()).await.map(|opened| opened.handle)
        })?;
        let handle = opened.map_err(|status| self.failed("written", aside, status))?;
        while *at < bytes {
            let end = bytes.min(*at + (AT_ONCE * PIECE) as u64);
            let mut pieces = Vec::new();
            for place in (*at..end).step_by(PIECE) {
                let length = usize::try_from(end - place).unwrap_or(PIECE).min(PIECE);
                let mut piece = vec![0; length];
                file.read_exact_at(&mut piece, place).map_err(|error| self.connection.spool_failed(error))?;
                pieces.push((place, piece));
            }
            let sent =
                self.connection.ask_by(&session, async |session| send(session, &handle, pieces).await)?;
            sent.map_err(|status| self.unwritten(aside, bytes - *at, status))?;
            *at = end;
        }
        let ended = self.connection.ask_by(&session, async |session| {
            let synced = match session.syncs {
                true => session.sftp.fsync(&*handle).await.map(drop),
                false => Ok(()),
            };
            session.sftp.close(&*handle).await?;
            synced
        })?;
        ended.map_err(|status| self.unwritten(aside, 0, status))
    }

    /// What the server has, read back.
    fn hash(&self, name: &str, bytes: u64) -> Result<Option<[u8; 32]>, FolderError> {
        let Some((mut file, entry)) = self.read(name)? else { return Ok(None) };
        if entry.stamp.bytes != bytes {
            return Ok(None);
        }
        let (mut sha256, mut left) = (Sha256::new(), bytes);
        loop {
            let piece = file.next()?.map_err(|status| self.failed("read", name, status))?;
            if piece.is_empty() {
                return Ok((left == 0).then(|| sha256.finalize().into()));
            }
            let Some(rest) = left.checked_sub(piece.len() as u64) else { return Ok(None) };
            left = rest;
            sha256.update(piece);
        }
    }

    /// Of a full disk a server only says that something failed.
    fn unwritten(&self, aside: &str, more: u64, status: StatusCode) -> FolderError {
        let path = self.full_path("");
        let room = self.ask(async |session| match session.tells_room {
            true => session.sftp.statvfs(&path).await.map(Some),
            false => Ok(None),
        });
        if let (StatusCode::Failure, Ok(Ok(Some(room)))) = (status, room)
            && room.blocks_avail.saturating_mul(room.fragment_size) < more.max(PIECE as u64)
        {
            return FolderError::Full { path: self.path(aside), source: said(status) };
        }
        self.failed("written", aside, status)
    }
}

async fn send(session: &Session, handle: &str, pieces: Vec<(u64, Vec<u8>)>) -> Result<(), SftpError> {
    let sent = pieces.into_iter().map(|(at, piece)| session.sftp.write(handle, at, piece));
    let mut sent = stream::iter(sent).buffer_unordered(AT_ONCE);
    while let Some(written) = sent.next().await {
        written?;
    }
    Ok(())
}

/// The name of what becomes a file of that name and content.
fn aside_of(name: &str, sha256: &[u8; 32]) -> String {
    let both = Sha256::new().chain_update(sha256).chain_update(name).finalize();
    let short: String = both.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{ASIDE}{short}.writing")
}
