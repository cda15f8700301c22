//! A folder and those below it: opened, checked, and made.

use std::{
    collections::HashSet,
    path::{Component, Path},
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;

use crate::{
    Complete, FolderError, FolderOptions, Place,
    dir::Dir,
    local::Local,
    look::Watch,
    sftp::{Connection, Remote},
    write,
};

/// Where files are that gateways have taken: a folder for each.
const TAKING: &str = ".taking";
/// Others may not even list what is being taken.
const PRIVATE: u32 = 0o700;
/// Whoever is of the group may read what was set aside.
const SHARED: u32 = 0o750;

/// A folder that files are taken from, or put into.
#[derive(Debug)]
pub struct Folder {
    pub(crate) jail: Arc<Jail>,
    pub(crate) watch: Watch,
}

/// The folders, held by their descriptors, or by a connection.
#[derive(Debug)]
pub(crate) struct Jail {
    pub(crate) options: FolderOptions,
    pub(crate) folder: Dir,
    pub(crate) taking: Dir,
    archive: Dir,
    rejected: Dir,
    duplicate: Dir,
    receipts: Dir,
    /// Opened when something is put there.
    put: OnceLock<Dir>,
    /// Names in the folder that are ours.
    pub(crate) own: HashSet<String>,
    /// Held while files are taken, so that what is half taken is nobody's leftover.
    pub(crate) taken: Mutex<()>,
}

impl Folder {
    /// Opens the folder, and makes those below it. What writers left that died is taken away.
    ///
    /// # Errors
    /// It is no folder, or one that cannot be trusted, or cannot be written to.
    pub fn open(options: FolderOptions) -> Result<Self, FolderError> {
        if let Complete::DoneFile { suffix } = &options.complete {
            suffix_fits(suffix)?;
        }
        let folder = at(&options)?;
        let taking = folder.make(TAKING, PRIVATE)?;
        let own = own(&options);
        let place = |path: &Path, moved_to: bool| {
            let dir = match path.is_absolute() {
                true => folder.elsewhere(path)?,
                false => folder.make_below(path, SHARED)?,
            };
            let (same, movable) = folder.beside(&dir)?;
            let unfit = |what, todo| Err(FolderError::Unfit { path: dir.path(""), what, todo });
            if same {
                let todo = "give what is set aside, and the receipts, folders of their own";
                return unfit("is where files are dropped", todo);
            }
            if moved_to && !movable {
                let todo = "name one on the folder's: a file is moved whole or not at all only there";
                return unfit("is on another filesystem", todo);
            }
            // On a server it would take long to go through all that was set aside.
            if let Dir::Here(_) = dir {
                write::sweep(&dir)?;
            }
            Ok(dir)
        };
        let archive = place(&options.archive, true)?;
        let rejected = place(&options.rejected, true)?;
        let duplicate = place(&options.duplicate, true)?;
        let receipts = place(&options.receipts, false)?;
        write::sweep(&folder)?;
        let taken = Mutex::new(());
        let put = OnceLock::new();
        let jail = Jail { options, folder, taking, archive, rejected, duplicate, receipts, put, own, taken };
        Ok(Self { jail: Arc::new(jail), watch: Watch::default() })
    }

    /// What it was opened with.
    pub fn options(&self) -> &FolderOptions {
        &self.jail.options
    }
}

impl Jail {
    /// A place, which is still where it was opened: what is mounted over it has its own files.
    pub(crate) fn place(&self, place: Place) -> Result<&Dir, FolderError> {
        let dir = match place {
            Place::Folder => &self.folder,
            Place::Archive => &self.archive,
            Place::Rejected => &self.rejected,
            Place::Duplicate => &self.duplicate,
            Place::Receipts => &self.receipts,
            Place::Put => self.put()?,
        };
        match dir.is_there()? {
            true => Ok(dir),
            false => Err(FolderError::Replaced { path: dir.path("") }),
        }
    }

    fn put(&self) -> Result<&Dir, FolderError> {
        if let Some(put) = self.put.get() {
            return Ok(put);
        }
        let put = put_below(&self.folder, &self.options)?;
        if self.folder.beside(&put)?.0 {
            let (path, what) = (put.path(""), "is where files are dropped");
            let todo = "give what is put there for the system a folder of its own";
            return Err(FolderError::Unfit { path, what, todo });
        }
        if let Dir::Here(_) = put {
            write::sweep(&put)?;
        }
        Ok(self.put.get_or_init(|| put))
    }

    /// Where a gateway has what it takes.
    pub(crate) fn taken_by(&self, label: &str) -> Result<Dir, FolderError> {
        crate::name::check_label(label)?;
        self.taking.make(label, PRIVATE)
    }
}

/// Names in the folder that are ours.
pub(crate) fn own(options: &FolderOptions) -> HashSet<String> {
    let FolderOptions { archive, rejected, duplicate, receipts, put, .. } = options;
    [archive, rejected, duplicate, receipts, put]
        .into_iter()
        .filter_map(|path| below(options, path))
        .collect()
}

/// The folder.
pub(crate) fn at(options: &FolderOptions) -> Result<Dir, FolderError> {
    Ok(match &options.sftp {
        None => Dir::Here(Local::at(&options.path)?),
        Some(sftp) => Dir::There(Remote::at(Connection::new(sftp)?, &options.path)?),
    })
}

/// Where files are put that somebody picks up.
pub(crate) fn put(options: &FolderOptions) -> Result<Dir, FolderError> {
    put_below(&at(options)?, options)
}

fn put_below(folder: &Dir, options: &FolderOptions) -> Result<Dir, FolderError> {
    match options.put.is_absolute() {
        true => folder.elsewhere(&options.put),
        false => folder.make_below(&options.put, SHARED),
    }
}

/// The first name of what is below the folder, where it is.
fn below(options: &FolderOptions, path: &Path) -> Option<String> {
    let below = if path.is_absolute() { path.strip_prefix(&options.path).ok()? } else { path };
    let first = below.components().find(|part| matches!(part, Component::Normal(_)))?;
    first.as_os_str().to_str().map(str::to_owned)
}

fn suffix_fits(suffix: &str) -> Result<(), FolderError> {
    let why = match suffix {
        "" => Some("the suffix of done-files is empty"),
        suffix => crate::name::why_not(&format!("x{suffix}")),
    };
    why.map_or(Ok(()), |why| Err(FolderError::Name { name: suffix.escape_debug().to_string(), why }))
}
