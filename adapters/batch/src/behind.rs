//! A large file is made safe on the disk while it is written: little is left to wait for at its end, and whoever else writes to that disk does
//! not wait behind all of it at once.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    sync::mpsc::{SyncSender, TrySendError, sync_channel},
    thread::{Builder, JoinHandle},
};

use portolan_delivery::Patch;

use crate::write::write_over;

/// So many bytes are written before the disk is asked to keep them.
const EVERY: u64 = 16 << 20;

/// A file that is written.
pub(crate) struct Behind {
    out: BufWriter<File>,
    /// Since the disk was asked last.
    bytes: u64,
    disk: Option<Disk>,
}

/// A thread that waits for the disk.
struct Disk {
    ask: SyncSender<()>,
    asked: JoinHandle<io::Result<()>>,
}

impl Behind {
    pub(crate) fn new(file: File) -> Self {
        Self { out: BufWriter::with_capacity(64 << 10, file), bytes: 0, disk: None }
    }

    /// Has the disk keep what is written so far, unless it is at that already.
    fn ask(&mut self) -> io::Result<()> {
        let disk = match &mut self.disk {
            Some(disk) => disk,
            none => none.insert(Disk::of(self.out.get_ref().try_clone()?)?),
        };
        match disk.ask.try_send(()) {
            Ok(()) => self.bytes = 0,
            Err(TrySendError::Full(())) => {}
            // It has failed, and says why.
            Err(TrySendError::Disconnected(())) => self.waited()?,
        }
        Ok(())
    }

    /// What the disk said. An error that it has told once it does not tell again.
    fn waited(&mut self) -> io::Result<()> {
        let Some(Disk { ask, asked }) = self.disk.take() else { return Ok(()) };
        drop(ask);
        asked.join().unwrap_or_else(|_| Err(io::Error::other("waiting for the disk was interrupted")))
    }

    /// The whole of it, safe on the disk.
    pub(crate) fn safe(mut self) -> io::Result<()> {
        self.out.flush()?;
        self.waited()?;
        self.out.get_ref().sync_all()
    }
}

impl Disk {
    fn of(file: File) -> io::Result<Self> {
        let (ask, asked) = sync_channel(1);
        let waits = move || asked.iter().try_for_each(|()| file.sync_data());
        Ok(Self { ask, asked: Builder::new().name("disk".to_owned()).spawn(waits)? })
    }
}

impl Write for Behind {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        if self.bytes >= EVERY {
            self.ask()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Patch for Behind {
    fn patch(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        write_over(&mut self.out, at, bytes)
    }
}
