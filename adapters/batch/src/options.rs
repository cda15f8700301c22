//! What is said of a folder: where it is, when a file in it is complete, and where files go from it.

use std::{path::PathBuf, time::Duration};

use crate::{Pattern, SftpOptions};

/// A folder that files are taken from, or put into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderOptions {
    /// The folder. It must be there; what is below it is made.
    pub path: PathBuf,
    /// The server that it is on, where it is not of this machine. A relative path begins then where the user is after the login.
    pub sftp: Option<Box<SftpOptions>>,
    /// When a file is complete.
    pub complete: Complete,
    /// Where files go that were taken. As the three after it: below the folder, or a path of its own, on the same filesystem.
    pub archive: PathBuf,
    /// Where files go that were refused, and reject files.
    pub rejected: PathBuf,
    /// Where files go whose content was taken before.
    pub duplicate: PathBuf,
    /// Where receipts and reports are written. A path of its own may be on another filesystem.
    pub receipts: PathBuf,
    /// Where files are put that are made here, and that somebody picks up. A path of its own may be anywhere.
    pub put: PathBuf,
    /// The most bytes of a file; a larger one stays where it is.
    pub max_bytes: u64,
    /// The most files that one look gives.
    pub max_files: usize,
}

impl FolderOptions {
    /// The defaults, for the folder at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            sftp: None,
            complete: Complete::Renamed,
            archive: "archive".into(),
            rejected: "rejected".into(),
            duplicate: "duplicate".into(),
            receipts: "receipts".into(),
            put: "out".into(),
            max_bytes: 16 << 30,
            max_files: 1000,
        }
    }
}

/// When a file is complete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Complete {
    /// It has its final name: none that begins with a dot, or ends in `.tmp`, `.part`, `.filepart` or `.writing`.
    #[default]
    Renamed,
    /// Another file of its name and this suffix is there (`claims.dat.done`), which is taken with it.
    DoneFile {
        /// With its dot.
        suffix: String,
    },
    /// A manifest lists it, and its SHA-256, and its size where that is listed, are what it says. A manifest goes to the archive
    /// after the last of its files.
    Manifest {
        /// The names of manifests.
        names: Pattern,
    },
    /// Neither its size nor its times have changed for so long. Names as for `Renamed`.
    Quiet(Duration),
}

impl Complete {
    /// Endings by which partners mark what they are still writing.
    const UNFINISHED: [&str; 4] = [".tmp", ".part", ".filepart", ".writing"];

    /// Whether the name alone says that it is no file to be taken: one that is still being written, or one that says of others that they are
    /// complete.
    pub(crate) fn is_none_to_take(&self, name: &str) -> bool {
        let manifest = matches!(self, Self::Manifest { names } if names.matches(name));
        manifest || self.is_unfinished(name) || self.done_with(name).is_some()
    }

    /// Whether the name alone says that the file is still being written.
    pub(crate) fn is_unfinished(&self, name: &str) -> bool {
        let by_name = matches!(self, Self::Renamed | Self::Quiet(_));
        let ends = |suffix: &&str| {
            let from = name.len().checked_sub(suffix.len());
            from.and_then(|from| name.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
        };
        by_name && Self::UNFINISHED.iter().any(ends)
    }

    /// The name of the done-file of a file.
    pub(crate) fn done_file(&self, name: &str) -> Option<String> {
        match self {
            Self::DoneFile { suffix } => Some(format!("{name}{suffix}")),
            _ => None,
        }
    }

    /// The file that a done-file is of.
    pub(crate) fn done_with<'n>(&self, name: &'n str) -> Option<&'n str> {
        match self {
            Self::DoneFile { suffix } => name.strip_suffix(suffix.as_str()).filter(|name| !name.is_empty()),
            _ => None,
        }
    }
}

/// Where a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The folder itself: where files are put that somebody else picks up.
    Folder,
    /// What was taken.
    Archive,
    /// What was refused.
    Rejected,
    /// What was taken before, under another name or the same.
    Duplicate,
    /// What became of it.
    Receipts,
    /// What the system is given.
    Put,
}
