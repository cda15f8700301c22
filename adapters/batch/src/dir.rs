//! What a folder can be asked, whether it is of this machine or on an SFTP server. Every name is a single one, and no link is
//! followed.

use std::{
    fs::File,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use portolan_delivery::Timestamp;
use rustix::fs::{FileType, Stat};

use crate::{
    FolderError,
    local::Local,
    sftp::{Remote, RemoteFile},
};

/// A folder.
#[derive(Debug)]
pub(crate) enum Dir {
    /// Of this machine.
    Here(Local),
    /// On an SFTP server.
    There(Remote),
}

/// Which file it is, and as it was when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) file: (u64, u64),
    pub(crate) bytes: u64,
    /// Seconds and nanoseconds.
    pub(crate) modified: (i64, u64),
    /// Its name, links and rights, too.
    pub(crate) changed: (i64, u64),
}

impl Stamp {
    /// Whether it is the same file with the same content, wherever it is.
    pub(crate) fn is_content_of(&self, other: &Self) -> bool {
        (self.file, self.bytes, self.modified) == (other.file, other.bytes, other.modified)
    }
}

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: FileType,
    pub(crate) links: u64,
    pub(crate) stamp: Stamp,
}

impl Entry {
    /// A file, and by this name only.
    pub(crate) fn is_one_file(&self) -> bool {
        self.kind == FileType::RegularFile && self.links == 1
    }
}

#[allow(clippy::unnecessary_cast, clippy::useless_conversion, reason = "the widths differ between machines")]
impl From<Stat> for Entry {
    fn from(stat: Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode),
            links: stat.st_nlink as u64,
            stamp: Stamp {
                file: (stat.st_dev as u64, stat.st_ino as u64),
                bytes: u64::try_from(stat.st_size).unwrap_or(0),
                modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u64),
                changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u64),
            },
        }
    }
}

/// How a rename ended that overwrites nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renamed {
    Done,
    /// Nothing has the old name.
    Gone,
    /// Something has the new name.
    Occupied,
}

/// A file that was opened.
#[derive(Debug)]
pub(crate) enum Content {
    Here(File),
    There(RemoteFile),
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Here(file) => file.read(buffer),
            Self::There(file) => file.read(buffer),
        }
    }
}

/// The same of either kind.
macro_rules! either {
    ($self:expr, $dir:ident => $does:expr) => {
        match $self {
            Dir::Here($dir) => $does,
            Dir::There($dir) => $does,
        }
    };
}

impl Dir {
    /// Another folder, by a path of its own, of this machine or on the same server.
    pub(crate) fn elsewhere(&self, path: &Path) -> Result<Self, FolderError> {
        match self {
            Self::Here(_) => Local::at(path).map(Self::Here),
            Self::There(dir) => dir.elsewhere(path).map(Self::There),
        }
    }

    /// The folder of that name within, made where it is not there.
    pub(crate) fn make(&self, name: &str, mode: u32) -> Result<Self, FolderError> {
        match self {
            Self::Here(dir) => dir.make(name, mode).map(Self::Here),
            Self::There(dir) => dir.make(name, mode).map(Self::There),
        }
    }

    /// The folder of that name within, where it is there.
    pub(crate) fn open(&self, name: &str) -> Result<Option<Self>, FolderError> {
        Ok(match self {
            Self::Here(dir) => dir.open(name)?.map(Self::Here),
            Self::There(dir) => dir.open(name)?.map(Self::There),
        })
    }

    /// Whether it is the same, and whether files can be moved from one to the other.
    pub(crate) fn beside(&self, other: &Self) -> Result<(bool, bool), FolderError> {
        match (self, other) {
            (Self::Here(one), Self::Here(other)) => {
                let (one, other) = (one.entry()?.stamp.file, other.entry()?.stamp.file);
                Ok((one == other, one.0 == other.0))
            }
            // Of a server's filesystems nothing is known before a move fails.
            (Self::There(one), Self::There(other)) => Ok((one.path("") == other.path(""), true)),
            _ => Ok((false, false)),
        }
    }

    /// Where something in it is, for errors.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        either!(self, dir => dir.path(name))
    }

    /// Whether its path still leads to it.
    pub(crate) fn is_there(&self) -> Result<bool, FolderError> {
        match self {
            Self::Here(dir) => dir.is_there(),
            // It is known by its path alone.
            Self::There(_) => Ok(true),
        }
    }

    /// What has a name, if anything.
    pub(crate) fn look(&self, name: &str) -> Result<Option<Entry>, FolderError> {
        either!(self, dir => dir.look(name))
    }

    /// Calls `each` with every name in it but `.` and `..`, in no order; and with what it is, where that is told with the names.
    pub(crate) fn names(
        &self,
        each: impl FnMut(&[u8], Option<Entry>) -> Result<(), FolderError>,
    ) -> Result<(), FolderError> {
        either!(self, dir => dir.names(each))
    }

    /// The file of that name, for reading. Whether it is a file is for the caller to see.
    pub(crate) fn read(&self, name: &str) -> Result<Option<(Content, Entry)>, FolderError> {
        Ok(match self {
            Self::Here(dir) => dir.read(name)?.map(|(file, entry)| (Content::Here(file), entry)),
            Self::There(dir) => dir.read(name)?.map(|(file, entry)| (Content::There(file), entry)),
        })
    }

    /// A new file without content, unless something has the name.
    pub(crate) fn create_empty(&self, name: &str) -> Result<(), FolderError> {
        match self {
            Self::Here(dir) => dir.create(name).map(drop),
            Self::There(dir) => dir.create_empty(name).map(drop),
        }
    }

    /// Takes a file away; whether it was there.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, FolderError> {
        either!(self, dir => dir.remove(name))
    }

    /// Takes a folder within away, if nothing is in it.
    pub(crate) fn remove_empty(&self, name: &str) {
        either!(self, dir => dir.remove_empty(name));
    }

    /// Renames, over whatever has the new name. Of several who move the same file, one succeeds.
    pub(crate) fn rename(&self, name: &str, to: &Self, new: &str) -> Result<Renamed, FolderError> {
        match (self, to) {
            (Self::Here(dir), Self::Here(to)) => dir.rename(name, to, new),
            (Self::There(dir), Self::There(to)) => dir.rename(name, to, new),
            _ => Err(self.apart(name)),
        }
    }

    /// Renames, and overwrites nothing, a file that nobody else moves.
    pub(crate) fn rename_new(&self, name: &str, to: &Self, new: &str) -> Result<Renamed, FolderError> {
        match (self, to) {
            (Self::Here(dir), Self::Here(to)) => dir.rename_new(name, to, new),
            (Self::There(dir), Self::There(to)) => dir.rename_new(name, to, new),
            _ => Err(self.apart(name)),
        }
    }

    /// Renames within, and overwrites nothing that is there before, a file that several may be about to name; that it has its old name
    /// and had the new one is never so, whenever one of them dies.
    pub(crate) fn rename_once(&self, name: &str, new: &str) -> Result<Renamed, FolderError> {
        match self {
            Self::Here(dir) => dir.rename_once(name, new),
            Self::There(dir) => dir.rename_new(name, dir, new),
        }
    }

    /// Makes what was renamed into it and out of it last.
    pub(crate) fn sync(&self) -> Result<(), FolderError> {
        either!(self, dir => dir.sync())
    }

    pub(crate) fn failed(
        &self,
        action: &'static str,
        name: &str,
        error: impl Into<io::Error>,
    ) -> FolderError {
        FolderError::io(action, self.path(name), error)
    }

    fn apart(&self, name: &str) -> FolderError {
        self.failed("moved", name, io::ErrorKind::CrossesDevices)
    }

    /// The same as [`Dir::make`], along a path below.
    pub(crate) fn make_below(&self, below: &Path, mode: u32) -> Result<Self, FolderError> {
        let mut found = None;
        for part in below.components() {
            let name = match part {
                Component::Normal(name) => name.to_str().ok_or("it is no UTF-8"),
                Component::CurDir => continue,
                _ => Err("it leads out of the folder"),
            };
            let name = name.and_then(|name| crate::name::why_not(name).map_or(Ok(name), Err));
            let name = name.map_err(|why| FolderError::Name {
                name: below.display().to_string().escape_debug().to_string(),
                why,
            })?;
            found = Some(found.as_ref().unwrap_or(self).make(name, mode)?);
        }
        found.ok_or_else(|| FolderError::Unfit {
            path: self.path("").join(below),
            what: "is where files are dropped",
            todo: "give what is set aside, and the receipts, folders of their own",
        })
    }
}

/// A file's time.
pub(crate) fn timestamp((seconds, nanos): (i64, u64)) -> Timestamp {
    let micros = i64::try_from(nanos / 1000).unwrap_or(0);
    Timestamp(seconds.saturating_mul(1_000_000).saturating_add(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_files() {
        assert_eq!(timestamp((1, 999_999_999)), Timestamp(1_999_999));
        assert_eq!(timestamp((i64::MIN, 0)), Timestamp(i64::MIN));
    }
}
