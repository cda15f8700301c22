//! A folder of this machine, held by its descriptor. Every name is a single one, and no link is followed: whatever others rename or link
//! meanwhile, nothing outside is reached.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{self, AtFlags, CWD, Mode, OFlags, RenameFlags},
    io::Errno,
};

use crate::{
    FolderError,
    dir::{Entry, Renamed},
};

/// A folder, and where it is, for errors.
#[derive(Debug)]
pub(crate) struct Local {
    fd: File,
    path: PathBuf,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Local {
    /// The folder at a path, whose last name must be no link.
    pub(crate) fn at(path: &Path) -> Result<Self, FolderError> {
        // A slash at its end would follow a link.
        let path: PathBuf = path.components().collect();
        let opened = fs::openat(CWD, &path, FOLDER, Mode::empty());
        Self::fit(opened, path)
    }

    /// The folder of that name within, made where it is not there.
    pub(crate) fn make(&self, name: &str, mode: u32) -> Result<Self, FolderError> {
        let path = self.path.join(name);
        match fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(FolderError::io("made", path, error)),
        }
        Self::fit(fs::openat(&self.fd, name, FOLDER, Mode::empty()), path)
    }

    /// The folder of that name within, where it is there.
    pub(crate) fn open(&self, name: &str) -> Result<Option<Self>, FolderError> {
        match fs::openat(&self.fd, name, FOLDER, Mode::empty()) {
            Err(Errno::NOENT) => Ok(None),
            opened => Self::fit(opened, self.path.join(name)).map(Some),
        }
    }

    fn fit(opened: Result<std::os::fd::OwnedFd, Errno>, path: PathBuf) -> Result<Self, FolderError> {
        let unfit = |path, what, todo| Err(FolderError::Unfit { path, what, todo });
        let fd = match opened {
            Ok(fd) => File::from(fd),
            // Linux says NOTDIR of a link, too, when it is asked for a folder.
            Err(Errno::LOOP | Errno::NOTDIR) if path.is_symlink() => {
                return unfit(path, "is a symbolic link", "name the folder that it leads to");
            }
            Err(Errno::NOTDIR) => return unfit(path, "is no folder", "name a folder"),
            Err(error) => return Err(FolderError::io("opened", path, error)),
        };
        let stat = fs::fstat(&fd).map_err(|error| FolderError::io("looked at", &path, error))?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        if mode.contains(Mode::WOTH) && !mode.contains(Mode::SVTX) {
            let todo =
                "take that away with `chmod o-w`, or let nobody but a file's owner remove it with `chmod +t`";
            return unfit(path, "may be written by every user of this machine", todo);
        }
        Ok(Self { fd, path })
    }

    /// Where something in it is, for errors.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.path.clone() } else { self.path.join(name) }
    }

    /// What it is itself.
    pub(crate) fn entry(&self) -> Result<Entry, FolderError> {
        Ok(fs::fstat(&self.fd).map_err(|error| self.failed("looked at", "", error))?.into())
    }

    /// Whether its path still leads to it.
    pub(crate) fn is_there(&self) -> Result<bool, FolderError> {
        match fs::statat(CWD, &self.path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Entry::from(stat).stamp.file == self.entry()?.stamp.file),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(error) => Err(self.failed("looked at", "", error)),
        }
    }

    /// What has a name, if anything.
    pub(crate) fn look(&self, name: &str) -> Result<Option<Entry>, FolderError> {
        match fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.failed("looked at", name, error)),
        }
    }

    /// See [`crate::dir::Dir::names`].
    pub(crate) fn names(
        &self,
        mut each: impl FnMut(&[u8], Option<Entry>) -> Result<(), FolderError>,
    ) -> Result<(), FolderError> {
        let failed = |error| self.failed("listed", "", error);
        for entry in fs::Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                each(name, None)?;
            }
        }
        Ok(())
    }

    /// The file of that name, for reading. A fifo does not block; whether it is a file is for the caller to see.
    pub(crate) fn read(&self, name: &str) -> Result<Option<(File, Entry)>, FolderError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(self.failed("opened", name, error)),
        };
        let entry = fs::fstat(&file).map_err(|error| self.failed("looked at", name, error))?.into();
        Ok(Some((file, entry)))
    }

    /// A new file; `None` where something has the name.
    pub(crate) fn create(&self, name: &str) -> Result<Option<File>, FolderError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match fs::openat(&self.fd, name, flags, Mode::from_raw_mode(0o640)) {
            Ok(fd) => Ok(Some(fd.into())),
            Err(Errno::EXIST) => Ok(None),
            Err(error) => Err(self.failed("written", name, error)),
        }
    }

    /// Takes a file away; whether it was there.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, FolderError> {
        match fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(self.failed("removed", name, error)),
        }
    }

    /// Takes a folder within away, if nothing is in it.
    pub(crate) fn remove_empty(&self, name: &str) {
        // Whoever wants it makes it again.
        let _ = fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR);
    }

    /// Renames, over whatever has the new name. Of several who move the same file, one succeeds.
    pub(crate) fn rename(&self, name: &str, to: &Self, new: &str) -> Result<Renamed, FolderError> {
        self.renamed(name, fs::renameat(&self.fd, name, &to.fd, new))
    }

    /// Renames, and overwrites nothing, a file that nobody else moves.
    pub(crate) fn rename_new(&self, name: &str, to: &Self, new: &str) -> Result<Renamed, FolderError> {
        match fs::renameat_with(&self.fd, name, &to.fd, new, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.link_new(name, to, new),
            result => self.renamed(name, result),
        }
    }

    /// The same within, by one step in any case. Where the filesystem cannot overwrite nothing, it is looked before: two links, as
    /// [`Self::link_new`] makes them, would let a file be named once more that was picked up in between.
    pub(crate) fn rename_once(&self, name: &str, new: &str) -> Result<Renamed, FolderError> {
        match fs::renameat_with(&self.fd, name, &self.fd, new, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => match self.look(new)? {
                Some(_) => Ok(Renamed::Occupied),
                None => self.rename(name, self, new),
            },
            result => self.renamed(name, result),
        }
    }

    /// The same where the filesystem cannot rename so, as NFS: the new name is another link first, which overwrites nothing either.
    pub(crate) fn link_new(&self, name: &str, to: &Self, new: &str) -> Result<Renamed, FolderError> {
        match fs::linkat(&self.fd, name, &to.fd, new, AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(Renamed::Gone),
            // A process that died here has left both.
            Err(Errno::EXIST)
                if let (Some(old), Some(new)) = (self.look(name)?, to.look(new)?)
                    && old.stamp.file == new.stamp.file => {}
            Err(Errno::EXIST) => return Ok(Renamed::Occupied),
            Err(error) => return Err(self.failed("moved", name, error)),
        }
        // Where it is gone already, as a repeated request over the network may say, it has its new name all the same.
        self.remove(name)?;
        Ok(Renamed::Done)
    }

    fn renamed(&self, name: &str, result: Result<(), Errno>) -> Result<Renamed, FolderError> {
        match result {
            Ok(()) => Ok(Renamed::Done),
            Err(Errno::NOENT) => Ok(Renamed::Gone),
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::ISDIR) => Ok(Renamed::Occupied),
            Err(error) => Err(self.failed("moved", name, error)),
        }
    }

    /// Makes what was renamed into it and out of it last.
    pub(crate) fn sync(&self) -> Result<(), FolderError> {
        match fs::fsync(&self.fd) {
            // Filesystems that cannot, need not.
            Ok(()) | Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(()),
            Err(error) => Err(self.failed("made safe on the disk", "", error)),
        }
    }

    pub(crate) fn failed(
        &self,
        action: &'static str,
        name: &str,
        error: impl Into<io::Error>,
    ) -> FolderError {
        FolderError::io(action, self.path(name), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways to rename without overwriting.
    #[test]
    fn nothing_is_overwritten() {
        for way in [Local::rename_new, Local::link_new] {
            let temp = tempfile::tempdir().unwrap();
            let dir = Local::at(temp.path()).unwrap();
            let to = dir.make("to", 0o700).unwrap();
            let at = |name: &str| temp.path().join(name);
            std::fs::write(at("a"), "a").unwrap();
            std::fs::write(at("to/b"), "b").unwrap();
            assert_eq!(way(&dir, "a", &to, "b").unwrap(), Renamed::Occupied);
            assert_eq!(way(&dir, "a", &to, "a").unwrap(), Renamed::Done);
            assert_eq!(way(&dir, "a", &to, "a").unwrap(), Renamed::Gone);
            assert_eq!(std::fs::read_to_string(at("to/b")).unwrap(), "b");
            assert_eq!(to.look("a").unwrap().unwrap().links, 1);
            // A process that died between the link and the removal.
            std::fs::hard_link(at("to/b"), at("b")).unwrap();
            assert_eq!(dir.link_new("b", &to, "b").unwrap(), Renamed::Done);
            assert!(dir.look("b").unwrap().is_none() && to.look("b").unwrap().unwrap().links == 1);
        }
    }
}
