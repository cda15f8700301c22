//! What a reader has of a file at a time: enough for the record that is looked at, whatever the size of the file.

use std::{io::Read, ops::Range};

use super::{frame::MAX_RECORD, wrap::Wraps};

/// How much of a file is read at a time.
const CHUNK: usize = 256 << 10;
/// How much must follow the current record to see that it is not the last one.
const AHEAD: usize = 4096;

/// Part of a file, with the piece of it that came last.
pub(super) struct Window<R> {
    input: R,
    bytes: Vec<u8>,
    /// How much of it is filled.
    filled: usize,
    /// Where the next piece begins, and the last one began and ended, and the record in it.
    from: usize,
    piece: Range<usize>,
    data: Range<usize>,
    /// Where in the file it begins.
    offset: u64,
    complete: bool,
    /// Why no more can be read, once what was read before is used up.
    broken: Option<std::io::Error>,
    /// So many bytes at the end of the file are blanks and line ends, once that is known.
    blank_end: Option<usize>,
    /// Line ends that were taken out, where the layout says that they belong to nothing.
    wraps: Option<Wraps>,
}

impl<R: Read> Window<R> {
    /// Before the first byte. `wrapped`: line ends belong to nothing.
    pub(super) fn new(input: R, wrapped: bool) -> Self {
        Self {
            input,
            bytes: Vec::new(),
            filled: 0,
            from: 0,
            piece: 0..0,
            data: 0..0,
            offset: 0,
            complete: false,
            broken: None,
            blank_end: None,
            wraps: wrapped.then(Wraps::default),
        }
    }

    /// What was read and not taken yet.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.from..self.filled]
    }

    /// Nothing follows what was read.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Takes the next piece from the rest, and the record in it.
    pub(super) fn take(&mut self, piece: Range<usize>, record: Range<usize>) {
        let from = self.from;
        self.piece = from + piece.start..from + piece.end;
        self.data = from + record.start..from + record.end;
        self.from = self.piece.end;
        if let Some(wraps) = &mut self.wraps {
            let last = self.complete && self.piece.end == self.bytes.len();
            wraps.put_back(&self.bytes[self.piece.clone()], self.offset + self.piece.start as u64, last);
        }
    }

    /// The piece that came last, as it stands in the file.
    pub(super) fn piece(&self) -> &[u8] {
        match &self.wraps {
            Some(wraps) => wraps.piece(),
            None => &self.bytes[self.piece.clone()],
        }
    }

    /// The record in it.
    pub(super) fn record(&self) -> &[u8] {
        &self.bytes[self.data.clone()]
    }

    /// Takes margins off the record.
    pub(super) fn trim(&mut self, head: usize, tail: usize) {
        let length = self.data.len();
        let begin = head.min(length);
        let end = length.saturating_sub(tail).max(begin);
        self.data = self.data.start + begin..self.data.start + end;
    }

    /// Where in the file the piece begins, the record in it, and what follows.
    pub(super) fn piece_at(&self) -> u64 {
        self.stands(self.piece.start)
    }

    pub(super) fn record_at(&self) -> u64 {
        self.stands(self.data.start)
    }

    pub(super) fn rest_at(&self) -> u64 {
        self.offset + self.from as u64
    }

    /// Where in the file a byte stands; in a file with line ends anywhere, where it would stand about.
    fn stands(&self, at: usize) -> u64 {
        self.offset + at as u64 + self.wraps.as_ref().map_or(0, Wraps::passed)
    }

    /// Reads more of the file.
    pub(super) fn fill(&mut self) -> std::io::Result<()> {
        if self.from > 0 {
            self.bytes.copy_within(self.from..self.filled, 0);
            self.filled -= self.from;
            self.offset += self.from as u64;
            self.from = 0;
        }
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        // What one record needs is known to be little; a window that keeps growing is that of a file that is framed otherwise.
        let wanted = self.filled + CHUNK.max(self.filled.min(MAX_RECORD));
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted, 0);
        }
        let before = self.filled;
        let read = self.read(before);
        if let Some(wraps) = &mut self.wraps {
            self.bytes.truncate(self.filled);
            wraps.take(&mut self.bytes, before, self.offset + before as u64);
            self.filled = self.bytes.len();
        }
        read
    }

    fn read(&mut self, before: usize) -> std::io::Result<()> {
        loop {
            match self.input.read(&mut self.bytes[self.filled..]) {
                Ok(0) => {
                    self.complete = true;
                    return Ok(());
                }
                Ok(bytes) => {
                    self.filled += bytes;
                    if self.filled == self.bytes.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if self.filled > before => {
                    self.broken = Some(error);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether nothing but blanks and line ends follows the piece: only asked where a layout does.
    pub(super) fn is_last(&mut self) -> bool {
        while !self.complete && self.filled - self.from < AHEAD {
            // The current piece stays where it is.
            let (from, piece, data) = (self.from, self.piece.clone(), self.data.clone());
            let moved = piece.start;
            self.from = moved;
            let filled = self.fill();
            self.from = from - moved;
            self.piece = 0..piece.end - moved;
            self.data = data.start - moved..data.end - moved;
            if let Err(error) = filled {
                self.broken = Some(error);
                return true;
            }
        }
        let bytes = &self.bytes[..self.filled];
        let blank = |byte: &&u8| matches!(byte, b'\r' | b'\n' | 0x1A | b' ');
        let blanks = || bytes.iter().rev().take_while(blank).count();
        self.complete && self.filled - self.from <= *self.blank_end.get_or_insert_with(blanks)
    }
}
