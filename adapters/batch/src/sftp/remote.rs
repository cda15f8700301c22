//! A folder on a server, known by its path. What of it is atomic is so by the server: of several who rename a file, one succeeds.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use russh_sftp::{
    client::error::Error as SftpError,
    protocol::{FileAttributes, OpenFlags, Packet, StatusCode},
};
use rustix::fs::FileType;

use super::{
    Connection, RemoteFile,
    session::{RENAME_OVER, Session},
};
use crate::{
    FolderError,
    dir::{Entry, Renamed, Stamp},
};

/// A folder.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    pub(crate) connection: Arc<Connection>,
    path: String,
}

/// Names of a folder, at most: a server that goes on and on is stopped.
const MOST_NAMES: usize = 1_000_000;
/// No filesystem has longer ones (`PATH_MAX`).
const LONGEST_NAME: usize = 4096;

/// How a file is opened that is written, by one alone.
const NEW: OpenFlags = OpenFlags::WRITE.union(OpenFlags::CREATE).union(OpenFlags::EXCLUDE);

impl Remote {
    /// The folder at a path of the server, which must be there.
    pub(crate) fn at(connection: Arc<Connection>, path: &Path) -> Result<Self, FolderError> {
        let unnamed =
            |why| FolderError::Name { name: path.display().to_string().escape_debug().to_string(), why };
        let text = path.to_str().ok_or_else(|| unnamed("it is no UTF-8"))?;
        let asked = Self { connection, path: text.to_owned() };
        let real = asked.connection.ask(async |session| session.sftp.realpath(text).await)?;
        let real = real.map_err(|status| asked.failed("opened", "", status))?;
        let path = real.files.into_iter().next().map(|file| file.filename);
        let path = path
            .filter(|path| path.starts_with('/'))
            .ok_or_else(|| unnamed("the server gives it no path"))?;
        let found = Self { path, ..asked };
        match found.look("")? {
            Some(entry) => found.fit(entry),
            None => Err(found.failed("opened", "", StatusCode::NoSuchFile)),
        }
    }

    pub(crate) fn elsewhere(&self, path: &Path) -> Result<Self, FolderError> {
        Self::at(self.connection.clone(), path)
    }

    /// It is a folder, and no link to one.
    fn fit(self, entry: Entry) -> Result<Self, FolderError> {
        let unfit = |what, todo| Err(FolderError::Unfit { path: self.path(""), what, todo });
        match entry.kind {
            FileType::Directory => Ok(self),
            FileType::Symlink => unfit("is a symbolic link", "name the folder that it leads to"),
            _ => unfit("is no folder", "name a folder"),
        }
    }

    pub(crate) fn make(&self, name: &str, mode: u32) -> Result<Self, FolderError> {
        if let Some(there) = self.open(name)? {
            return Ok(there);
        }
        let within = self.within(name);
        let rights = FileAttributes { permissions: Some(mode), ..FileAttributes::empty() };
        let made = self.ask(async |session| session.sftp.mkdir(&within, rights.clone()).await)?;
        // Another gateway may have been first.
        match (self.open(name)?, made) {
            (Some(there), _) => Ok(there),
            (None, Err(status)) => Err(self.failed("made", name, status)),
            (None, Ok(_)) => Err(self.failed("made", name, StatusCode::NoSuchFile)),
        }
    }

    pub(crate) fn open(&self, name: &str) -> Result<Option<Self>, FolderError> {
        let within = Self { path: self.within(name), ..self.clone() };
        self.look(name)?.map(|entry| within.fit(entry)).transpose()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        format!("sftp:{}", self.within(name)).into()
    }

    fn within(&self, name: &str) -> String {
        match (&*self.path, name) {
            (path, "") => path.to_owned(),
            ("/", name) => format!("/{name}"),
            (path, name) => format!("{path}/{name}"),
        }
    }

    pub(crate) fn look(&self, name: &str) -> Result<Option<Entry>, FolderError> {
        let within = self.within(name);
        match self.ask(async |session| session.sftp.lstat(&within).await)? {
            Ok(found) => Ok(Some(entry(&found.attrs))),
            Err(StatusCode::NoSuchFile) => Ok(None),
            Err(status) => Err(self.failed("looked at", name, status)),
        }
    }

    pub(crate) fn names(
        &self,
        mut each: impl FnMut(&[u8], Option<Entry>) -> Result<(), FolderError>,
    ) -> Result<(), FolderError> {
        let session = self.connection.by()?;
        let failed = |status| self.failed("listed", "", status);
        let opened =
            self.connection.ask_by(&session, async |session| session.sftp.opendir(&self.path).await)?;
        let handle = opened.map_err(failed)?.handle;
        let mut names = 0;
        let mut listed = || {
            loop {
                let some =
                    self.connection.ask_by(&session, async |session| session.sftp.readdir(&handle).await)?;
                let some = match some {
                    Err(StatusCode::Eof) => return Ok(()),
                    some => some.map_err(failed)?.files,
                };
                for file in some.iter().filter(|file| !matches!(&*file.filename, "." | "..")) {
                    names += 1;
                    if names > MOST_NAMES {
                        return Err(FolderError::Unfit {
                            path: self.path(""),
                            what: "has more than a million names, or its server never ends to list it",
                            todo: "have the server's owner clear it",
                        });
                    }
                    // A server that gives paths gives no names of this folder.
                    if file.filename.contains(['/', '\0']) || file.filename.len() > LONGEST_NAME {
                        continue;
                    }
                    let entry = entry(&file.attrs);
                    // What is no UTF-8 was made legible by the library, and is no name any more that the server knows.
                    let parts: Vec<&[u8]> = file.filename.split('\u{FFFD}').map(str::as_bytes).collect();
                    each(&parts.join(&0xFF), Some(entry))?;
                }
            }
        };
        let listed = listed();
        let _ = self.connection.ask_by(&session, async |session| session.sftp.close(&handle).await);
        listed
    }

    pub(crate) fn read(&self, name: &str) -> Result<Option<(RemoteFile, Entry)>, FolderError> {
        let Some(entry) = self.look(name)? else { return Ok(None) };
        if !entry.is_one_file() {
            // To open a link would follow it; a fifo would hold up the server.
            return Err(self.failed("opened", name, StatusCode::OpUnsupported));
        }
        let (session, within) = (self.connection.by()?, self.within(name));
        let opened = self.connection.ask_by(&session, async |session| {
            session.sftp.open(&within, OpenFlags::READ, FileAttributes::empty()).await
        })?;
        let handle = match opened {
            Ok(opened) => opened.handle,
            Err(StatusCode::NoSuchFile) => return Ok(None),
            Err(status) => return Err(self.failed("opened", name, status)),
        };
        let file = RemoteFile::new(self.connection.clone(), session, handle, entry.stamp.bytes);
        Ok(Some((file, entry)))
    }

    /// Whether it was made; it was not where something has the name.
    pub(crate) fn create_empty(&self, name: &str) -> Result<bool, FolderError> {
        let within = self.within(name);
        let made = self.ask(async |session| {
            let opened = session.sftp.open(&within, NEW, rights()).await?;
            session.sftp.close(opened.handle).await
        })?;
        match made {
            Ok(_) => Ok(true),
            Err(_) if self.look(name)?.is_some() => Ok(false),
            Err(status) => Err(self.failed("written", name, status)),
        }
    }

    pub(crate) fn remove(&self, name: &str) -> Result<bool, FolderError> {
        let within = self.within(name);
        match self.ask(async |session| session.sftp.remove(&within).await)? {
            Ok(_) => Ok(true),
            Err(StatusCode::NoSuchFile) => Ok(false),
            Err(status) => Err(self.failed("removed", name, status)),
        }
    }

    pub(crate) fn remove_empty(&self, name: &str) {
        let within = self.within(name);
        // Whoever wants it makes it again.
        let _ = self.ask(async |session| session.sftp.rmdir(&within).await);
    }

    pub(crate) fn rename(&self, name: &str, to: &Self, new: &str) -> Result<Renamed, FolderError> {
        let (old, target) = (self.within(name), to.within(new));
        let renamed = self.ask(async |session| match session.renames_over {
            true => rename_over(session, &old, &target).await,
            false => session.sftp.rename(&old, &target).await.map(drop),
        })?;
        self.renamed(name, to, new, renamed)
    }

    /// OpenSSH renames so by a hard link, which overwrites nothing, and takes the old name away; other servers say that they do not
    /// overwrite, and are not taken at their word.
    pub(crate) fn rename_new(&self, name: &str, to: &Self, new: &str) -> Result<Renamed, FolderError> {
        if to.look(new)?.is_some() {
            return Ok(Renamed::Occupied);
        }
        let (old, target) = (self.within(name), to.within(new));
        let renamed = self.ask(async |session| session.sftp.rename(&old, &target).await.map(drop))?;
        // Linux lets nobody link to a file of another user that he may not write to (`fs.protected_hardlinks`).
        if renamed == Err(StatusCode::PermissionDenied) && self.connection.by()?.renames_over {
            return self.rename_over_own(name, to, new);
        }
        self.renamed(name, to, new, renamed)
    }

    /// The new name is taken by an empty file, which only one can make, and that is renamed over.
    fn rename_over_own(&self, name: &str, to: &Self, new: &str) -> Result<Renamed, FolderError> {
        if !to.create_empty(new)? {
            return Ok(Renamed::Occupied);
        }
        let renamed = self.rename(name, to, new);
        if !matches!(renamed, Ok(Renamed::Done) | Err(FolderError::Away { .. })) {
            to.remove(new)?;
        }
        renamed
    }

    /// Servers say little of why they do not rename.
    fn renamed(
        &self,
        name: &str,
        to: &Self,
        new: &str,
        renamed: Result<(), StatusCode>,
    ) -> Result<Renamed, FolderError> {
        let Err(status) = renamed else { return Ok(Renamed::Done) };
        if self.look(name)?.is_none() {
            return Ok(Renamed::Gone);
        }
        match to.look(new)? {
            Some(_) => Ok(Renamed::Occupied),
            None => Err(self.failed("moved", name, status)),
        }
    }

    /// OpenSSH can be asked to sync a folder as if it were a file.
    pub(crate) fn sync(&self) -> Result<(), FolderError> {
        let session = self.connection.by()?;
        if !session.syncs {
            return Ok(());
        }
        // Servers that cannot, need not.
        let _ = self.connection.ask_by(&session, async |session| {
            let opened = session.sftp.open(&self.path, OpenFlags::READ, FileAttributes::empty()).await?;
            let synced = session.sftp.fsync(&*opened.handle).await;
            session.sftp.close(opened.handle).await?;
            synced
        })?;
        Ok(())
    }

    pub(crate) fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&Session) -> Result<T, SftpError>,
    ) -> Result<Result<T, StatusCode>, FolderError> {
        self.connection.ask(question)
    }

    pub(crate) fn full_path(&self, name: &str) -> String {
        self.within(name)
    }

    pub(crate) fn failed(&self, action: &'static str, name: &str, status: StatusCode) -> FolderError {
        FolderError::io(action, self.path(name), said(status))
    }
}

/// Others of the group may read what is written, as where it is of this machine.
pub(crate) fn rights() -> FileAttributes {
    FileAttributes { permissions: Some(0o640), ..FileAttributes::empty() }
}

async fn rename_over(session: &Session, old: &str, new: &str) -> Result<(), SftpError> {
    let mut both = Vec::new();
    for text in [old, new] {
        both.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        both.extend_from_slice(text.as_bytes());
    }
    match session.sftp.extended(RENAME_OVER, both).await? {
        Packet::Status(status) if status.status_code == StatusCode::Ok => Ok(()),
        Packet::Status(status) => Err(status.into()),
        _ => Err(SftpError::UnexpectedPacket),
    }
}

/// What has a name. A server tells times to the second, and neither which file it is nor how many names it has.
fn entry(attributes: &FileAttributes) -> Entry {
    let kind = match (attributes.permissions, attributes.size) {
        (Some(mode), Some(_)) => FileType::from_raw_mode(mode),
        (Some(mode), None) if !FileType::from_raw_mode(mode).is_file() => FileType::from_raw_mode(mode),
        _ => FileType::Unknown,
    };
    let stamp = Stamp {
        file: (0, 0),
        bytes: attributes.size.unwrap_or(0),
        modified: (attributes.mtime.unwrap_or(0).into(), 0),
        changed: (0, 0),
    };
    Entry { kind, links: 1, stamp }
}

/// A server's refusal, as an error of this machine's kind.
pub(crate) fn said(status: StatusCode) -> io::Error {
    let kind = match status {
        StatusCode::NoSuchFile => io::ErrorKind::NotFound,
        StatusCode::PermissionDenied => io::ErrorKind::PermissionDenied,
        StatusCode::OpUnsupported => io::ErrorKind::Unsupported,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, format!("the server says: {status}"))
}
