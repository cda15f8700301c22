//! Files that were wrapped for printing or mail: line ends stand anywhere, also within records, and belong to none. They are taken out of
//! what is read, and remembered, so that each piece of the file can be given back as it stood there.

use std::collections::VecDeque;

/// The line ends that were taken out.
#[derive(Debug, Default)]
pub(super) struct Wraps {
    /// Before which byte of what is left each stood, in order, and which it was.
    ends: VecDeque<(u64, u8)>,
    /// How many were given back already.
    passed: u64,
    /// The last piece as it stood there.
    piece: Vec<u8>,
}

impl Wraps {
    /// Takes line ends out of bytes that begin at an offset of what is left.
    pub(super) fn take(&mut self, bytes: &mut Vec<u8>, from: usize, offset: u64) {
        let mut kept = from;
        for at in from..bytes.len() {
            let Some(byte) = bytes.get(at).copied() else { break };
            match byte {
                b'\r' | b'\n' => self.ends.push_back((offset + (kept - from) as u64, byte)),
                _ => {
                    if let Some(place) = bytes.get_mut(kept) {
                        *place = byte;
                    }
                    kept += 1;
                }
            }
        }
        bytes.truncate(kept);
    }

    /// Puts back what stood before and within a piece that begins at an offset; at the end of the file (`last`) also what stood behind it.
    pub(super) fn put_back(&mut self, piece: &[u8], offset: u64, last: bool) {
        self.piece.clear();
        for (index, byte) in piece.iter().enumerate() {
            self.until(offset + index as u64);
            self.piece.push(*byte);
        }
        if last {
            self.until(u64::MAX);
        }
    }

    fn until(&mut self, place: u64) {
        while let Some((_, byte)) = self.ends.pop_front_if(|(at, _)| *at <= place) {
            self.passed += 1;
            self.piece.push(byte);
        }
    }

    /// The last piece as it stood there.
    pub(super) fn piece(&self) -> &[u8] {
        &self.piece
    }

    /// How many line ends stood before what comes next.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// Without its line ends.
    pub(super) fn without(bytes: &[u8]) -> Vec<u8> {
        bytes.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect()
    }
}
