//! What can go wrong with a folder and its files: what, where, and what to do. Nothing of a file's content is in any text.

use std::{io, path::PathBuf};

use rustix::io::Errno;

/// What went wrong with a folder or a file in it.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A path that cannot be a folder of this kind.
    #[error("{} {what}; {todo}", path.display())]
    Unfit {
        /// Which.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// What to do.
        todo: &'static str,
    },
    /// Another folder is at the path than the one that was opened: something was mounted over it, unmounted, or put in its place.
    #[error(
        "{} is not the folder any more that was opened there: something was mounted, unmounted or put in its place; nothing is taken until it is opened again",
        path.display()
    )]
    Replaced {
        /// Which.
        path: PathBuf,
    },
    /// A name that no file can have here.
    #[error("`{name}` cannot be a name here: {why}")]
    Name {
        /// Which, as it may be shown.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// A file that was taken is not there any more.
    #[error(
        "{} is gone: another gateway has taken it over, or somebody has removed it; look there what has become of it",
        path.display()
    )]
    Gone {
        /// Which.
        path: PathBuf,
    },
    /// A file has changed since it was identified.
    #[error(
        "{} was changed while it was read; whoever writes it has to write it under another name, and to rename it when it is complete",
        path.display()
    )]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// There is a file of that name already, and it is not to be touched.
    #[error("{} is there already; take one of the two away, or give it another name", path.display())]
    Occupied {
        /// Which.
        path: PathBuf,
    },
    /// A file that is written again with the same name has another content.
    #[error(
        "{} is there already, and its content is another than what is to be written; find out who wrote it, and move it away",
        path.display()
    )]
    Differs {
        /// Which.
        path: PathBuf,
    },
    /// A server is not to be reached, or was not any more.
    #[error("{said}; {todo}")]
    Away {
        /// What happened.
        said: String,
        /// What to do.
        todo: &'static str,
    },
    /// A server is not the one that it should be, or does not let this gateway in.
    #[error("{said}; {todo}")]
    Denied {
        /// What happened.
        said: String,
        /// What to do.
        todo: String,
    },
    /// There is no room.
    #[error("there is no room to write {}: {source}; make room (archive, receipts), or raise the quota or limit; it is written anew then", path.display())]
    Full {
        /// What was to be written.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What was to be written in it could not be made.
    #[error("{} was not written: {source}", path.display())]
    Content {
        /// What was to be written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system refuses.
    #[error("{} cannot be {action}: {source}; {}", path.display(), todo(source))]
    Io {
        /// What was to be done with it.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl FolderError {
    /// What the system says of what was tried.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        // What a file of a server was read for knows only errors of this kind.
        let (path, source) = match source.into().downcast() {
            Ok(error) => return error,
            Err(source) => (path.into(), source),
        };
        match source.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Self::Full { path, source },
            _ if source.kind() == io::ErrorKind::StorageFull => Self::Full { path, source },
            _ => Self::Io { action, path, source },
        }
    }

    /// What became of a file's content while it was written.
    pub(crate) fn content(path: PathBuf, source: io::Error) -> Self {
        match source.raw_os_error() {
            None if source.kind() != io::ErrorKind::StorageFull => Self::Content { path, source },
            _ => Self::io("written", path, source),
        }
    }

    /// Whether the same may succeed later, without anybody correcting a configuration or a file.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Io { .. } | Self::Replaced { .. } | Self::Away { .. })
    }

    /// Something that could not be found out is not so, but where nothing could be.
    pub(crate) fn if_away(self) -> Result<bool, Self> {
        match self {
            Self::Away { .. } => Err(self),
            _ => Ok(false),
        }
    }

    /// What happened, and what to do.
    pub(crate) fn parts(&self) -> (String, String) {
        match self {
            Self::Away { said, todo } => (said.clone(), (*todo).to_owned()),
            Self::Denied { said, todo } => (said.clone(), todo.clone()),
            _ => {
                let text = self.to_string();
                let (said, todo) = text.rsplit_once("; ").unwrap_or((&text, ""));
                (said.to_owned(), todo.to_owned())
            }
        }
    }
}

fn todo(source: &io::Error) -> &'static str {
    match source.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::ACCESS | Errno::PERM) => "let the user that Portolan runs as read and write the folder",
        Some(Errno::ROFS) => "mount it for writing",
        Some(Errno::NOENT) => "make it, or mount what it is in",
        Some(Errno::XDEV) => "it has to be on the same filesystem, and in the same mount, as the folder",
        Some(Errno::STALE | Errno::NOTCONN | Errno::IO) => "see whether the disk or the mount is well",
        Some(Errno::MFILE | Errno::NFILE) => "raise the number of files that a process may open",
        None => match source.kind() {
            io::ErrorKind::PermissionDenied => {
                "have the server's owner let the user of the login read and write the folder"
            }
            io::ErrorKind::NotFound => "have the server's owner make it, or correct the path",
            _ => "ask the server's owner what its log says of it",
        },
        _ => "see what the system's log says of it",
    }
}
