//! Where files are put that are made of messages: written aside, read again, and given their name once.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    sync::Arc,
};

use parking_lot::Mutex;
use portolan_delivery::{FileContent, FileDrop, FileHash, Patch};

use crate::{
    FolderError, FolderOptions,
    dir::{Dir, Renamed},
    folder, name,
    sftp::aside_of,
    write::{ASIDE, not_written},
};

/// Files are put into a folder, of this machine or on an SFTP server, where a system picks them up.
#[derive(Debug)]
pub struct FolderDrop {
    options: FolderOptions,
    /// Opened when it is needed: the folder may not be there yet.
    dir: Mutex<Option<Arc<Dir>>>,
    /// What was sent to a server and has no name there yet: as it is here, by the name that it gets.
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

    fn fill(&self, dir: &Dir, name: &str, content: &mut FileContent<'_>) -> Result<(), FolderError> {
        let unwritten = |error| FolderError::content(dir.path(name), error);
        match dir {
            Dir::Here(local) => {
                let aside = ready(name);
                local.remove(&aside)?;
                let file = local.create(&aside)?;
                let file = file.ok_or_else(|| FolderError::Occupied { path: dir.path(&aside) })?;
                let file = written(file, content).map_err(unwritten)?;
                file.sync_all().map_err(unwritten)?;
                local.sync()
            }
            Dir::There(remote) => {
                let file = written(remote.connection.spooled()?, content).map_err(unwritten)?;
                remote.put(&file, name)?;
                self.sent.lock().insert(name.to_owned(), file);
                Ok(())
            }
        }
    }

    fn name(&self, dir: &Dir, name: &str, hash: FileHash) -> Result<(), FolderError> {
        let aside = match dir {
            Dir::Here(_) => ready(name),
            Dir::There(_) => aside_of(name, &hash.0),
        };
        match dir.rename_new(&aside, dir, name)? {
            Renamed::Done => dir.sync()?,
            // It was given its name before.
            Renamed::Gone => {
                if dir.look(name)?.is_none() {
                    tracing::warn!(file = name, folder = %dir.path("").display(),
                        "the file had its name before this was noted, and is not there any more: it was picked up, unless somebody has removed it");
                }
            }
            Renamed::Occupied => {
                let (Some((mut one, _)), Some((mut other, _))) = (dir.read(&aside)?, dir.read(name)?) else {
                    return Err(FolderError::Occupied { path: dir.path(name) });
                };
                let same = crate::write::same(&mut one, &mut other);
                if !same.map_err(|error| dir.failed("compared", name, error))? {
                    return Err(FolderError::Occupied { path: dir.path(name) });
                }
                dir.remove(&aside)?;
            }
        }
        self.sent.lock().remove(name);
        Ok(())
    }
}

impl FileDrop for FolderDrop {
    fn prepare(&self, name: &str, content: &mut FileContent<'_>) -> Result<(), String> {
        let filled =
            name::check(name).and_then(|()| self.dir()).and_then(|dir| self.fill(&dir, name, content));
        filled.map_err(|error| error.to_string())
    }

    fn prepared(&self, name: &str) -> Result<Box<dyn Read + Send>, String> {
        let failed = |error: FolderError| error.to_string();
        let dir = self.dir().map_err(failed)?;
        if let Dir::Here(local) = &*dir {
            let aside = ready(name);
            let (file, _) = local
                .read(&aside)
                .map_err(failed)?
                .ok_or_else(|| failed(FolderError::Gone { path: dir.path(&aside) }))?;
            return Ok(Box::new(file));
        }
        let sent = self.sent.lock();
        let file = sent.get(name).ok_or_else(|| format!("{name} was not sent"))?;
        let mut file = file.try_clone().map_err(|error| error.to_string())?;
        file.rewind().map_err(|error| error.to_string())?;
        Ok(Box::new(file))
    }

    fn publish(&self, name: &str, hash: FileHash) -> Result<(), String> {
        let named = name::check(name).and_then(|()| self.dir()).and_then(|dir| self.name(&dir, name, hash));
        named.map_err(|error| error.to_string())
    }
}

/// What a file is called in its folder until it has its name. No sweep takes it.
fn ready(name: &str) -> String {
    format!("{ASIDE}{name}.ready")
}

fn written(file: File, content: &mut FileContent<'_>) -> io::Result<File> {
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
        let end = self.0.stream_position()?;
        if at.saturating_add(bytes.len() as u64) > end {
            return Err(not_written());
        }
        self.0.seek(SeekFrom::Start(at))?;
        self.0.write_all(bytes)?;
        self.0.seek(SeekFrom::Start(end))?;
        Ok(())
    }
}
