//! Files that are written: aside, whole and safe on the disk before they have their name; or not at all.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use portolan_delivery::{Patch, Timestamp};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use crate::{
    Folder, FolderError, Place,
    dir::{Dir, Renamed, timestamp},
    name,
};

/// How names begin under which files are written aside. Nobody takes a name that begins with a dot.
pub(crate) const ASIDE: &str = ".portolan-";

/// Whether a file was written, or was there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It was not there.
    New,
    /// It was there, with the same content.
    Same,
}

/// A file that is being written, and has no name yet. What goes to a server is of this machine until it is sent.
#[derive(Debug)]
pub struct Aside<'d> {
    dir: &'d Dir,
    /// Empty, where it was not sent yet.
    name: String,
    file: BufWriter<File>,
    /// It has its name, or is gone.
    ended: bool,
}

impl Folder {
    /// Writes a file whose name may be another where another content has this one, and returns its name. It is there, whole and safe on the
    /// disk, or nothing is. What was written before is not written again: one that died in between may be repeated.
    ///
    /// # Errors
    /// It cannot be written, as when the disk is full, or `content` fails.
    pub fn write(
        &self,
        place: Place,
        name: &str,
        now: Timestamp,
        content: impl FnOnce(&mut Aside<'_>) -> io::Result<()>,
    ) -> Result<String, FolderError> {
        name::check(name)?;
        let mut aside = Aside::filled(self.jail.place(place)?, name, content)?;
        for free in name::free_names(name, now) {
            // What cannot be compared is another.
            if aside.named(&free)? || aside.is_there_as(&free).or_else(FolderError::if_away)? {
                return Ok(free.into_owned());
            }
        }
        Err(FolderError::Occupied { path: aside.dir.path(name) })
    }

    /// Writes a file that has the same content whenever it is written: where it is there already, nothing is done.
    ///
    /// # Errors
    /// It cannot be written, or another content has its name.
    pub fn write_same(
        &self,
        place: Place,
        name: &str,
        content: impl FnOnce(&mut Aside<'_>) -> io::Result<()>,
    ) -> Result<Written, FolderError> {
        name::check(name)?;
        let mut aside = Aside::filled(self.jail.place(place)?, name, content)?;
        if aside.named(name)? {
            return Ok(Written::New);
        }
        match aside.is_there_as(name)? {
            true => Ok(Written::Same),
            false => Err(FolderError::Differs { path: aside.dir.path(name) }),
        }
    }
}

impl Write for Aside<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Patch for Aside<'_> {
    fn patch(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        write_over(&mut self.file, at, bytes)
    }
}

/// Writes over what was written before, and goes on at the end.
pub(crate) fn write_over(file: &mut BufWriter<File>, at: u64, bytes: &[u8]) -> io::Result<()> {
    let end = file.stream_position()?;
    if at.saturating_add(bytes.len() as u64) > end {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it was not written yet"));
    }
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(end))?;
    Ok(())
}

impl<'d> Aside<'d> {
    fn filled(
        dir: &'d Dir,
        name: &str,
        content: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> Result<Self, FolderError> {
        let mut aside = Self::new(dir)?;
        let written = content(&mut aside).and_then(|()| aside.file.flush());
        let safe = written.and_then(|()| match dir {
            Dir::Here(_) => aside.file.get_ref().sync_all(),
            Dir::There(_) => Ok(()),
        });
        safe.map_err(|error| FolderError::content(dir.path(name), error))?;
        Ok(aside)
    }

    fn new(dir: &'d Dir) -> Result<Self, FolderError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let begun =
            |name, file| Self { dir, name, file: BufWriter::with_capacity(64 << 10, file), ended: false };
        let local = match dir {
            Dir::Here(local) => local,
            Dir::There(remote) => return Ok(begun(String::new(), remote.connection.spooled()?)),
        };
        loop {
            let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("{ASIDE}{}-{counter}.writing", std::process::id());
            // Of another gateway, on another machine or in another container.
            let Some(file) = local.create(&name)? else { continue };
            let aside = begun(name, file);
            // Unlocked, a sweep takes it for what somebody left who died.
            match flock(aside.file.get_ref(), FlockOperation::NonBlockingLockExclusive) {
                Ok(()) | Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK | Errno::INVAL) => {}
                Err(Errno::WOULDBLOCK) => continue,
                Err(error) => return Err(dir.failed("locked", &aside.name, error)),
            }
            if dir.look(&aside.name)?.is_some() {
                return Ok(aside);
            }
        }
    }

    /// Gives it its name; `false` where something has that.
    fn named(&mut self, name: &str) -> Result<bool, FolderError> {
        if let (Dir::There(remote), "") = (self.dir, &*self.name) {
            // What is there already need not be sent to find that out.
            if remote.look(name)?.is_some() {
                return Ok(false);
            }
            self.name = remote.put(self.file.get_ref(), name)?;
        }
        match self.dir.rename_new(&self.name, self.dir, name)? {
            Renamed::Done => {
                self.ended = true;
                self.dir.sync()?;
                Ok(true)
            }
            Renamed::Gone => Err(FolderError::Gone { path: self.dir.path(&self.name) }),
            Renamed::Occupied => Ok(false),
        }
    }

    /// Whether what has a name is the same, as where it was written before.
    fn is_there_as(&mut self, name: &str) -> Result<bool, FolderError> {
        let Some((mut other, entry)) = self.dir.read(name)? else { return Ok(false) };
        let failed = |error| self.dir.failed("compared", name, error);
        let bytes = self.file.get_ref().metadata().map_err(failed)?.len();
        if !entry.is_one_file() || entry.stamp.bytes != bytes {
            return Ok(false);
        }
        let same = self.file.rewind().and_then(|()| same(&mut self.file.get_ref(), &mut other));
        let same = same.map_err(failed)?;
        if same {
            // Whoever wrote it may have died before it was safe.
            self.dir.sync()?;
        }
        Ok(same)
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        // What cannot be removed now, the next start sweeps. What was sent may be gone on with.
        if let (false, Dir::Here(dir)) = (self.ended, self.dir) {
            let _ = dir.remove(&self.name);
        }
    }
}

pub(crate) fn same(one: &mut impl Read, other: &mut impl Read) -> io::Result<bool> {
    let (mut left, mut right) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let read = read_full(one, &mut left)?;
        if read != read_full(other, &mut right)? || left[..read] != right[..read] {
            return Ok(false);
        }
        if read == 0 {
            return Ok(true);
        }
    }
}

fn read_full(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What writers on a server leave that died, and that nobody has gone on with for so long, is taken away.
const FORGOTTEN: Duration = Duration::from_secs(7 * 24 * 3600);

/// Takes away what writers left that died: what is not locked or, on a server that locks nothing, what is old.
pub(crate) fn sweep(dir: &Dir) -> Result<(), FolderError> {
    let mut left = Vec::new();
    dir.names(|name, entry| {
        let name = std::str::from_utf8(name).unwrap_or_default();
        if name.starts_with(ASIDE) && name.ends_with(".writing") {
            left.push((name.to_owned(), entry));
        }
        Ok(())
    })?;
    for (name, entry) in left {
        let forgotten = match (dir, entry) {
            (Dir::Here(local), _) => match local.read(&name)? {
                Some((file, entry)) => {
                    entry.is_one_file() && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
                }
                None => false,
            },
            (Dir::There(_), Some(entry)) => {
                entry.is_one_file() && Timestamp::now().since(timestamp(entry.stamp.modified)) > FORGOTTEN
            }
            (Dir::There(_), None) => false,
        };
        if forgotten {
            dir.remove(&name)?;
        }
    }
    Ok(())
}
