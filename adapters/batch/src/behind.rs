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
    disk: Waiting,
}

/// Whether somebody waits for the disk.
enum Waiting {
    /// Nobody does yet, or can: it is asked at the end.
    No,
    Disk(Disk),
    /// It has failed, and does not say so twice.
    Failed,
}

/// A thread that waits for the disk.
struct Disk {
    ask: SyncSender<()>,
    asked: JoinHandle<io::Result<()>>,
}

impl Behind {
    pub(crate) fn new(file: File) -> Self {
        Self { out: BufWriter::with_capacity(64 << 10, file), bytes: 0, disk: Waiting::No }
    }

    /// Has the disk keep what is written so far, unless it is at that already.
    fn ask(&mut self) -> io::Result<()> {
        if let Waiting::No = self.disk {
            let disk = self.out.get_ref().try_clone().and_then(Disk::of);
            self.disk = disk.map_or(Waiting::No, Waiting::Disk);
        }
        match &self.disk {
            Waiting::Disk(disk) => match disk.ask.try_send(()) {
                Ok(()) => self.bytes = 0,
                Err(TrySendError::Full(())) => {}
                // It says why.
                Err(TrySendError::Disconnected(())) => return self.waited(),
            },
            Waiting::No => self.bytes = 0,
            Waiting::Failed => return self.waited(),
        }
        Ok(())
    }

    /// What the disk said. An error that it has told once it does not tell again.
    fn waited(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.disk, Waiting::Failed) {
            Waiting::No => {}
            Waiting::Disk(Disk { ask, asked }) => {
                drop(ask);
                let interrupted = |_| Err(io::Error::other("waiting for the disk was interrupted"));
                asked.join().unwrap_or_else(interrupted)?;
            }
            Waiting::Failed => return Err(io::Error::other("the disk has failed before")),
        }
        self.disk = Waiting::No;
        Ok(())
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
        if self.bytes >= EVERY {
            self.ask()?;
        }
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
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
