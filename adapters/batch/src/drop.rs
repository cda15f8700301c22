//! Where files are put that are made of messages: written aside, read again, and given their name once.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufWriter, Read, Seek, Write},
    sync::Arc,
};

use parking_lot::Mutex;
use portolan_delivery::{FileContent, FileDrop, Patch};
use sha2::{Digest, Sha256};

use crate::{
    FolderError, FolderOptions,
    behind::Behind,
    dir::{Dir, Renamed},
    folder, name,
    write::{ASIDE, write_over},
};

/// Files are put into a folder, of this machine or on an SFTP server, where a system picks them up.
#[derive(Debug)]
pub struct FolderDrop {
    options: FolderOptions,
    /// Opened when it is needed: the folder may not be there yet.
    dir: Mutex<Option<Arc<Dir>>>,
    /// What was sent to a server and has no name there yet: as it is here, by what it is called aside.
    sent: Mutex<HashMap<String, File>>,
}

impl FolderDrop {
    /// Files are put where the options say ([`FolderOptions::put`]).
    pub fn new(options: FolderOptions) -> Self {
        Self { options, dir: Mutex::default(), sent: Mutex::default() }
    }

    fn dir(&self) -> Result<Arc<Dir>, FolderError> {
        let mut opened = self.dir.lock();
        if let Some(dir) = opened.as_ref()
            && dir.is_there()?
        {
            return Ok(dir.clone());
        }
        let dir = Arc::new(folder::put(&self.options)?);
        *opened = Some(dir.clone());
        Ok(dir)
    }

    fn fill(
        &self,
        dir: &Dir,
        name: &str,
        aside: &str,
        content: &mut FileContent<'_>,
    ) -> Result<(), FolderError> {
        let unwritten = |error| FolderError::content(dir.path(name), error);
        match dir {
            Dir::Here(local) => {
                let file = local.create(aside)?;
                let file = file.ok_or_else(|| FolderError::Occupied { path: dir.path(aside) })?;
                let mut out = Behind::new(file);
                let filled = content(&mut out).and_then(|()| out.safe());
                if let Err(error) = filled {
                    // Whatever else is wrong, it is of no use.
                    let _ = local.remove(aside);
                    return Err(unwritten(error));
                }
                local.sync()
            }
            Dir::There(remote) => {
                let file = spooled(remote.connection.spooled()?, content).map_err(unwritten)?;
                remote.put_as(&file, name, |_| aside.to_owned())?;
                self.sent.lock().insert(aside.to_owned(), file);
                Ok(())
            }
        }
    }

    fn name(&self, dir: &Dir, name: &str, aside: &str) -> Result<(), FolderError> {
        match dir.rename_once(aside, name)? {
            Renamed::Done => dir.sync()?,
            // It was given its name before.
            Renamed::Gone => {
                if dir.look(name)?.is_none() {
                    tracing::warn!(file = name, folder = %dir.path("").display(),
                        "the file had its name before this was noted, and is not there any more: it was picked up, unless somebody has removed it");
                }
            }
            Renamed::Occupied => {
                // Where it is not aside any more, another one has given it its name.
                if let Some((mut one, _)) = dir.read(aside)? {
                    let occupied = || FolderError::Occupied { path: dir.path(name) };
                    let (mut other, _) = dir.read(name)?.ok_or_else(occupied)?;
                    let same = crate::write::same(&mut one, &mut other);
                    if !same.map_err(|error| dir.failed("compared", name, error))? {
                        return Err(occupied());
                    }
                    dir.remove(aside)?;
                }
            }
        }
        self.clear(dir, name)
    }

    /// What gateways left that died over it, or were slower: since one is ready, none of the others becomes it.
    fn clear(&self, dir: &Dir, name: &str) -> Result<(), FolderError> {
        let begins = begin_of(name);
        self.sent.lock().retain(|aside, _| !aside.starts_with(&begins));
        let mut left = Vec::new();
        dir.names(|name, _| {
            let name = std::str::from_utf8(name).unwrap_or_default();
            if name.starts_with(&begins) && name.ends_with(READY) {
                left.push(name.to_owned());
            }
            Ok(())
        })?;
        left.iter().try_for_each(|aside| dir.remove(aside).map(drop))
    }
}

impl FileDrop for FolderDrop {
    fn prepare(&self, name: &str, content: &mut FileContent<'_>) -> Result<Arc<str>, String> {
        let aside = format!("{}{}{READY}", begin_of(name), uuid::Uuid::now_v7().simple());
        let filled = name::check(name)
            .and_then(|()| self.dir())
            .and_then(|dir| self.fill(&dir, name, &aside, content));
        filled.map(|()| aside.into()).map_err(|error| error.to_string())
    }

    fn prepared(&self, aside: &str) -> Result<Box<dyn Read + Send>, String> {
        let failed = |error: FolderError| error.to_string();
        let dir = self.dir().map_err(failed)?;
        if let Dir::Here(local) = &*dir {
            let (file, _) = local
                .read(aside)
                .map_err(failed)?
                .ok_or_else(|| failed(FolderError::Gone { path: dir.path(aside) }))?;
            return Ok(Box::new(file));
        }
        let sent = self.sent.lock();
        let file = sent.get(aside).ok_or_else(|| format!("{aside} was not sent"))?;
        let mut file = file.try_clone().map_err(|error| error.to_string())?;
        file.rewind().map_err(|error| error.to_string())?;
        Ok(Box::new(file))
    }

    fn discard(&self, aside: &str) {
        self.sent.lock().remove(aside);
        if let Ok(dir) = self.dir() {
            let _ = dir.remove(aside);
        }
    }

    fn publish(&self, name: &str, aside: &str) -> Result<(), String> {
        if !aside.starts_with(&begin_of(name)) || !aside.ends_with(READY) {
            return Err(format!("{aside:?} is not where {name} was put aside"));
        }
        let named = name::check(name).and_then(|()| self.dir()).and_then(|dir| self.name(&dir, name, aside));
        named.map_err(|error| error.to_string())
    }
}

/// How what is aside ends. No sweep takes it.
const READY: &str = ".ready";

/// How everything begins that is aside for a name: as long for every name.
fn begin_of(name: &str) -> String {
    let hash = Sha256::digest(name);
    let short: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{ASIDE}{short}-")
}

/// Written here before it is sent.
fn spooled(file: File, content: &mut FileContent<'_>) -> io::Result<File> {
    let mut out = Buffered(BufWriter::with_capacity(64 << 10, file));
    content(&mut out)?;
    out.0.flush()?;
    out.0.into_inner().map_err(io::IntoInnerError::into_error)
}

struct Buffered(BufWriter<File>);

impl Write for Buffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Patch for Buffered {
    fn patch(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        write_over(&mut self.0, at, bytes)
    }
}
