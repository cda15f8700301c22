//! Files that are taken: by one gateway only, and found again whatever happens to it.
//!
//! A file that a gateway takes is renamed into `.taking/LABEL/`. A done-file goes there before its file, and is gone before that goes
//! on, so that none is ever left over for a file of the same name that is still being written.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt as _,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use portolan_delivery::Timestamp;

use crate::{
    Candidate, Folder, FolderError, Place,
    dir::{Content, Dir, Entry, Renamed, Stamp},
    folder::Jail,
    identity, name,
    sftp::{Fetched, Remote},
};

/// What a file is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Of its content.
    pub sha256: [u8; 32],
    /// How long it is.
    pub bytes: u64,
}

/// A file that was taken. Dropping it leaves it taken.
#[derive(Debug)]
pub struct Claim {
    jail: Arc<Jail>,
    label: Box<str>,
    name: Box<str>,
    /// What a manifest says that it is.
    expected: Option<[u8; 32]>,
    /// As it was when it was first read.
    noted: OnceLock<Stamp>,
    /// It was set aside as refused before it was taken.
    reclaimed: bool,
    /// What was fetched from a server, to be read from here.
    fetched: Mutex<Option<Arc<Fetched>>>,
}

/// A file that a gateway took which is not alive any more.
#[derive(Debug)]
pub struct Orphan {
    jail: Arc<Jail>,
    label: Box<str>,
    name: Box<str>,
}

impl Folder {
    /// Takes a file, for the gateway of that label. `None` where another was first, where the file has changed since it was looked at, and
    /// as long as this gateway has one of the same name.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn claim(&self, candidate: &Candidate, label: &str) -> Result<Option<Claim>, FolderError> {
        let jail = &self.jail;
        let mine = jail.taken_by(label)?;
        let name: &str = &candidate.name;
        let _taking = jail.taken.lock();
        if mine.look(name)?.is_some() {
            return Ok(None);
        }
        let done = jail.options.complete.done_file(name);
        if let Some(done) = &done
            && jail.folder.rename(done, &mine, done)? != Renamed::Done
        {
            return Ok(None);
        }
        let taken = jail.folder.rename(name, &mine, name)?;
        let same = taken == Renamed::Done
            && mine
                .look(name)?
                .is_some_and(|entry| entry.is_one_file() && entry.stamp.is_content_of(&candidate.stamp));
        if !same {
            // Whatever is there now is looked at anew.
            put_back(jail, &mine, name, done.as_deref(), taken == Renamed::Done)?;
            return Ok(None);
        }
        Ok(Some(Claim { expected: candidate.expected, ..Claim::new(jail, label, name) }))
    }

    /// What an earlier run with this label has left, in the order of names. To be asked before this one takes anything.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn claims(&self, label: &str) -> Result<Vec<Claim>, FolderError> {
        let mine = self.jail.taken_by(label)?;
        let names = left_in(&self.jail, &mine)?;
        Ok(names.iter().map(|name| Claim::new(&self.jail, label, name)).collect())
    }

    /// The labels of those that have taken files, or had.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn labels(&self) -> Result<Vec<String>, FolderError> {
        let mut labels = Vec::new();
        self.jail.taking.names(|label, _| {
            let label = std::str::from_utf8(label).unwrap_or_default();
            if name::check_label(label).is_ok() {
                labels.push(label.to_owned());
            }
            Ok(())
        })?;
        labels.sort();
        Ok(labels)
    }

    /// What gateways have left that are not alive, by their labels. Whoever wants one takes it over. `alive` has to be sure: a gateway that was
    /// taken for dead finds its files [`FolderError::Gone`], and the done-file back that it was about to take.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn orphans(&self, alive: &dyn Fn(&str) -> bool) -> Result<Vec<Orphan>, FolderError> {
        let jail = &self.jail;
        let mut labels = self.labels()?;
        labels.retain(|label| !alive(label));
        let mut orphans = Vec::new();
        for label in labels {
            let Some(dir) = jail.taking.open(&label)? else { continue };
            let names = left_in(jail, &dir)?;
            if names.is_empty() {
                jail.taking.remove_empty(&label);
            }
            let orphan = |name: &String| Orphan {
                jail: jail.clone(),
                label: (&*label).into(),
                name: (&**name).into(),
            };
            orphans.extend(names.iter().map(orphan));
        }
        Ok(orphans)
    }
}

impl Orphan {
    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which gateway had it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Takes it over, for the gateway of that label. `None` where another was first, and as long as this gateway has one of the same name.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn take_over(self, label: &str) -> Result<Option<Claim>, FolderError> {
        let mine = self.jail.taken_by(label)?;
        let Some(theirs) = self.jail.taking.open(&self.label)? else { return Ok(None) };
        let _taking = self.jail.taken.lock();
        if mine.look(&self.name)?.is_some() {
            return Ok(None);
        }
        if let Some(done) = self.jail.options.complete.done_file(&self.name) {
            theirs.remove(&done)?;
        }
        match theirs.rename(&self.name, &mine, &self.name)? {
            Renamed::Done => Ok(Some(Claim::new(&self.jail, label, &self.name))),
            Renamed::Gone | Renamed::Occupied => Ok(None),
        }
    }
}

impl Claim {
    pub(crate) fn new(jail: &Arc<Jail>, label: &str, name: &str) -> Self {
        let (label, name) = (label.into(), name.into());
        let (noted, fetched) = (OnceLock::new(), Mutex::default());
        Self { jail: jail.clone(), label, name, expected: None, noted, reclaimed: false, fetched }
    }

    /// It was set aside as refused before.
    pub(crate) fn reclaimed(self) -> Self {
        Self { reclaimed: true, ..self }
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads the file through, in constant memory. One that is on a server is fetched.
    ///
    /// # Errors
    /// It cannot be read, it was changed meanwhile, or it is not what its manifest says.
    pub fn identify(&self) -> Result<Identity, FolderError> {
        let (sha256, bytes) = match &self.dir()? {
            Dir::There(dir) => {
                let fetched = self.fetched(dir)?;
                (Some(fetched.sha256), fetched.bytes)
            }
            dir => {
                let (mut file, Stamp { bytes, .. }) = self.opened(dir)?;
                let sha256 = identity::sha256(&mut file, bytes);
                let sha256 = sha256.map_err(|error| FolderError::io("read", self.path(), error))?;
                self.verify_unchanged()?;
                (sha256, bytes)
            }
        };
        let sha256 = sha256.filter(|found| self.expected.is_none_or(|expected| expected == *found));
        sha256.map(|sha256| Identity { sha256, bytes }).ok_or_else(|| self.changed())
    }

    /// Opens the file for reading. Its end is an error if it was changed since it was first read; one that was on a server is read
    /// as it was fetched.
    ///
    /// # Errors
    /// It is gone, was changed, or cannot be read.
    pub fn open(&self) -> Result<Reading, FolderError> {
        // What was fetched is here, also where the server is away.
        if let Some(fetched) = &*self.fetched.lock() {
            return Ok(Reading(Bytes::Fetched(fetched.clone(), 0)));
        }
        Ok(Reading(match &self.dir()? {
            Dir::There(dir) => Bytes::Fetched(self.fetched(dir)?, 0),
            dir => {
                let (file, stamp) = self.opened(dir)?;
                Bytes::File(file, stamp)
            }
        }))
    }

    /// The file of this machine.
    fn opened(&self, dir: &Dir) -> Result<(File, Stamp), FolderError> {
        match dir.read(&self.name)? {
            Some((Content::Here(file), entry)) => Ok((file, self.noted(&entry)?)),
            _ => Err(self.gone()),
        }
    }

    /// The file from a server, fetched once.
    fn fetched(&self, dir: &Remote) -> Result<Arc<Fetched>, FolderError> {
        let mut kept = self.fetched.lock();
        if let Some(fetched) = &*kept {
            return Ok(fetched.clone());
        }
        let fetched = dir.fetch(&self.name, |entry| self.noted(entry))?.ok_or_else(|| self.gone())?;
        self.verify_unchanged()?;
        Ok(kept.insert(Arc::new(fetched)).clone())
    }

    /// What it was when it was first read, which it is still.
    fn noted(&self, entry: &Entry) -> Result<Stamp, FolderError> {
        let stamp = *self.noted.get_or_init(|| entry.stamp);
        if !entry.is_one_file() || entry.stamp != stamp {
            return Err(self.changed());
        }
        Ok(stamp)
    }

    /// That the file is what it was when it was first read.
    ///
    /// # Errors
    /// It is not, or is gone.
    pub fn verify_unchanged(&self) -> Result<(), FolderError> {
        let Some(entry) = self.dir()?.look(&self.name)? else { return Err(self.gone()) };
        match self.noted.get() {
            Some(stamp) if !entry.is_one_file() || entry.stamp != *stamp => Err(self.changed()),
            _ => Ok(()),
        }
    }

    /// Puts it back where it was, for whoever takes it next: where files are dropped, or among those that were refused.
    ///
    /// # Errors
    /// As of [`Claim::release`] and [`Claim::move_to`].
    pub fn put_back(&self, now: Timestamp) -> Result<(), FolderError> {
        match self.reclaimed {
            true => self.move_to(Place::Rejected, now).map(drop),
            false => self.release(),
        }
    }

    /// Puts it where files are dropped, for whoever takes it next.
    ///
    /// # Errors
    /// Another file of this name was dropped meanwhile ([`FolderError::Occupied`]): it stays taken.
    pub fn release(&self) -> Result<(), FolderError> {
        let _taking = self.jail.taken.lock();
        let mine = self.dir()?;
        let done = self.jail.options.complete.done_file(&self.name);
        if let Some(done) = &done {
            // There already, as a rule.
            mine.create_empty(done)?;
        }
        match put_back(&self.jail, &mine, &self.name, done.as_deref(), true)? {
            Renamed::Done => Ok(()),
            Renamed::Gone => Err(self.gone()),
            Renamed::Occupied => Err(FolderError::Occupied { path: self.jail.folder.path(&self.name) }),
        }
    }

    /// Moves it to its place, under its name or, where that is taken, one that begins with it. The name it has then; it is safe on the disk.
    ///
    /// # Errors
    /// It is gone, or cannot be moved.
    pub fn move_to(&self, place: Place, now: Timestamp) -> Result<String, FolderError> {
        let mine = self.dir()?;
        let to = self.jail.place(place)?;
        if let Some(done) = self.jail.options.complete.done_file(&self.name) {
            mine.remove(&done)?;
        }
        let moved = move_aside(&mine, &self.name, to, (&self.name, now))?.ok_or_else(|| self.gone())?;
        to.sync()?;
        mine.sync()?;
        Ok(moved)
    }

    fn dir(&self) -> Result<Dir, FolderError> {
        self.jail.taking.open(&self.label)?.ok_or_else(|| self.gone())
    }

    fn path(&self) -> std::path::PathBuf {
        self.jail.taking.path(&self.label).join(&*self.name)
    }

    fn gone(&self) -> FolderError {
        FolderError::Gone { path: self.path() }
    }

    fn changed(&self) -> FolderError {
        FolderError::Changed { path: self.path() }
    }
}

/// Moves a file to a place where nothing is overwritten, under the wished name or one that begins with it; `None` where it is gone.
pub(crate) fn move_aside(
    from: &Dir,
    name: &str,
    to: &Dir,
    (wished, now): (&str, Timestamp),
) -> Result<Option<String>, FolderError> {
    for free in name::free_names(wished, now) {
        match from.rename_new(name, to, &free)? {
            Renamed::Done => return Ok(Some(free.into_owned())),
            Renamed::Gone => return Ok(None),
            Renamed::Occupied => {}
        }
    }
    Err(FolderError::Occupied { path: to.path(wished) })
}

/// Puts back what was taken, the done-file last.
fn put_back(
    jail: &Jail,
    mine: &Dir,
    name: &str,
    done: Option<&str>,
    taken: bool,
) -> Result<Renamed, FolderError> {
    let back = match taken {
        true => mine.rename_new(name, &jail.folder, name)?,
        false => Renamed::Gone,
    };
    if let (Some(done), true) = (done, back != Renamed::Occupied) {
        restore(jail, mine, done)?;
    }
    Ok(back)
}

/// Puts a done-file back, unless there is another by now.
fn restore(jail: &Jail, mine: &Dir, done: &str) -> Result<(), FolderError> {
    if mine.rename_new(done, &jail.folder, done)? == Renamed::Occupied {
        mine.remove(done)?;
    }
    Ok(())
}

/// The names of the files that were taken. A done-file without its file is of a gateway that died while it took both, or put them back.
fn left_in(jail: &Jail, dir: &Dir) -> Result<Vec<String>, FolderError> {
    let _taking = jail.taken.lock();
    let mut names = Vec::new();
    dir.names(|name, _| {
        names.extend(std::str::from_utf8(name).ok().map(str::to_owned));
        Ok(())
    })?;
    names.sort();
    let mut left = Vec::with_capacity(names.len());
    for name in &names {
        match jail.options.complete.done_with(name) {
            Some(of) if names.binary_search_by(|name| name.as_str().cmp(of)).is_ok() => {}
            Some(_) => restore(jail, dir, name)?,
            None if dir.look(name)?.is_some_and(|entry| entry.is_one_file()) => left.push(name.clone()),
            None => {
                tracing::warn!(path = %dir.path(name).display(), "what was taken is no file any more: it is left where it is")
            }
        }
    }
    Ok(left)
}

/// A file that is being read.
#[derive(Debug)]
pub struct Reading(Bytes);

#[derive(Debug)]
enum Bytes {
    File(File, Stamp),
    /// Nobody else has this one. With how far it was read.
    Fetched(Arc<Fetched>, u64),
}

impl Reading {
    /// How long it is.
    pub fn length(&self) -> u64 {
        match &self.0 {
            Bytes::File(_, stamp) => stamp.bytes,
            Bytes::Fetched(fetched, _) => fetched.bytes,
        }
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (file, stamp) = match &mut self.0 {
            Bytes::File(file, stamp) => (file, stamp),
            Bytes::Fetched(fetched, at) => {
                let read = fetched.file.read_at(buffer, *at)?;
                *at += read as u64;
                return Ok(read);
            }
        };
        let read = file.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            let entry = Entry::from(rustix::fs::fstat(&*file)?);
            if entry.stamp != *stamp {
                return Err(io::Error::other("the file was changed while it was read"));
            }
        }
        Ok(read)
    }
}
