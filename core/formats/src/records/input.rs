//! Compressed files, unpacked within limits while they are read.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use portolan_schema::layout::Compression;

/// How many bytes a file may become for each of its own.
const RATIO: u64 = 1000;
/// How many it may become anyway.
const FREE: u64 = 64 << 20;

/// What stands in a file, unpacked where it is compressed: RFC 1952, or a ZIP archive with one file in it.
///
/// # Errors
/// Where the archive cannot be read, or holds anything but one file.
pub fn open<'a>(input: impl Read + 'a, compression: Compression) -> io::Result<Box<dyn Read + 'a>> {
    let mut input = BufReader::with_capacity(64 << 10, input);
    let begins = input.fill_buf()?;
    let compression = match compression {
        Compression::Detect if begins.starts_with(&[0x1F, 0x8B, 8]) => Compression::Gzip,
        Compression::Detect if begins.starts_with(b"PK\x03\x04") => Compression::Zip,
        other => other,
    };
    match compression {
        Compression::None | Compression::Detect => Ok(Box::new(input)),
        Compression::Gzip => {
            let counted = Counted { input, read: 0 };
            Ok(Box::new(Limited {
                input: MultiGzDecoder::new(BufReader::new(counted)),
                given: 0,
                packed: gzip,
            }))
        }
        Compression::Zip => zip(input),
    }
}

fn gzip<R: Read>(decoder: &MultiGzDecoder<BufReader<Counted<R>>>) -> u64 {
    decoder.get_ref().get_ref().read
}

fn zip<'a>(input: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let input = Counted { input, read: 0 };
    let (state, sum) = (ArchiveState::Header, flate2::Crc::new());
    Ok(Box::new(Archive { input, inflate: None, state, sum, declared: None }))
}

/// Counts what is read.
struct Counted<R> {
    input: R,
    read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(out)?;
        self.read += read as u64;
        Ok(read)
    }
}

/// Refuses to become much more than what it is read from.
struct Limited<D> {
    input: D,
    given: u64,
    packed: fn(&D) -> u64,
}

impl<D: Read> Read for Limited<D> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(out).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => early(),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                io::Error::other(format!("its compressed data is damaged: {error}"))
            }
            _ => error,
        })?;
        self.given += read as u64;
        within(self.given, (self.packed)(&self.input))?;
        Ok(read)
    }
}

/// The file ends before what is in it does.
fn early() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the compressed file ends too early")
}

fn within(given: u64, packed: u64) -> io::Result<()> {
    if given > FREE.max(packed.saturating_mul(RATIO)) {
        return Err(io::Error::other(format!("it unpacks to more than {RATIO} times its size")));
    }
    Ok(())
}

/// The one file of a ZIP archive (APPNOTE.TXT 6.3.10, section 4.3), read from front to back.
struct Archive<R> {
    input: Counted<R>,
    inflate: Option<Box<Inflating>>,
    state: ArchiveState,
    /// Of what was given out.
    sum: flate2::Crc,
    /// What it must be, where it stands before the file.
    declared: Option<u32>,
}

enum ArchiveState {
    Header,
    Stored(u64),
    Deflated,
    Behind,
}

struct Inflating {
    inflate: flate2::Decompress,
    buffer: Vec<u8>,
    from: usize,
    given: u64,
}

impl<R: Read> Archive<R> {
    fn header(&mut self) -> io::Result<()> {
        let mut fixed = [0u8; 30];
        self.input.read_exact(&mut fixed).map_err(|_| early())?;
        let number = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let short = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        if number(0) != 0x0403_4B50 {
            return Err(io::Error::other("it is no ZIP archive"));
        }
        let (flags, method) = (short(6), short(8));
        let size = number(18);
        let mut names = vec![0; usize::from(short(26)) + usize::from(short(28))];
        self.input.read_exact(&mut names).map_err(|_| early())?;
        if flags & 1 != 0 {
            return Err(io::Error::other("the archive is encrypted"));
        }
        self.declared = (flags & 8 == 0).then(|| number(14));
        self.state = match method {
            0 if flags & 8 == 0 && size != u32::MAX => ArchiveState::Stored(u64::from(size)),
            8 => {
                self.inflate = Some(Box::new(Inflating {
                    inflate: flate2::Decompress::new(false),
                    buffer: Vec::new(),
                    from: 0,
                    given: 0,
                }));
                ArchiveState::Deflated
            }
            _ => {
                return Err(io::Error::other(
                    "the archive is compressed in a way that is not read: use deflate",
                ));
            }
        };
        Ok(())
    }

    /// What follows the file must be the archive's directory, and no other file.
    fn behind(&mut self, rest: Vec<u8>, described: bool) -> io::Result<()> {
        let mut rest = rest;
        let wanted = 24 + 4;
        let mut more = vec![0; wanted];
        let mut have = rest.len().min(wanted);
        more[..have].copy_from_slice(&rest[..have]);
        while have < wanted {
            match self.input.read(&mut more[have..])? {
                0 => break,
                read => have += read,
            }
        }
        rest.clear();
        let begins = |at: usize, sign: &[u8]| more.get(at..at + 4) == Some(sign);
        let directory = b"PK\x01\x02";
        // With or without a data descriptor, with or without its own sign, of 32 or 64 bits.
        let found =
            [0usize, 12, 16, 20, 24].into_iter().find(|at| (*at == 0 || described) && begins(*at, directory));
        let declared = match found {
            // Behind its sign, where it has one.
            Some(at @ (12 | 16 | 20 | 24)) => {
                let from = if at == 16 || at == 24 { 4 } else { 0 };
                more.get(from..from + 4)
                    .map(|bytes| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
            }
            _ => None,
        };
        let declared = declared.or(self.declared);
        match found.is_some() {
            true if declared.is_some_and(|declared| declared != self.sum.sum()) => {
                Err(io::Error::other("the archive's data is damaged: its checksum is another"))
            }
            true => Ok(()),
            false if have < wanted && have == 0 => Err(early()),
            false if [0usize, 12, 16, 20, 24].iter().any(|at| begins(*at, b"PK\x03\x04")) => {
                Err(io::Error::other("the archive holds more than one file"))
            }
            false => Err(io::Error::other("the archive ends without its directory")),
        }
    }
}

impl<R: Read> Read for Archive<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match &mut self.state {
                ArchiveState::Header => self.header()?,
                ArchiveState::Stored(0) => {
                    self.state = ArchiveState::Behind;
                    self.behind(Vec::new(), false)?;
                }
                ArchiveState::Stored(left) => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(out.len());
                    let read = self.input.read(&mut out[..most])?;
                    if read == 0 {
                        return Err(early());
                    }
                    *left -= read as u64;
                    self.sum.update(&out[..read]);
                    return Ok(read);
                }
                ArchiveState::Deflated => {
                    let Some(inflating) = &mut self.inflate else { return Ok(0) };
                    if inflating.from == inflating.buffer.len() {
                        inflating.buffer.resize(32 << 10, 0);
                        let read = self.input.read(&mut inflating.buffer)?;
                        inflating.buffer.truncate(read);
                        inflating.from = 0;
                    }
                    let (before_in, before_out) =
                        (inflating.inflate.total_in(), inflating.inflate.total_out());
                    let rest = inflating.buffer.get(inflating.from..).unwrap_or_default();
                    let empty = rest.is_empty();
                    let status = inflating
                        .inflate
                        .decompress(rest, out, flate2::FlushDecompress::None)
                        .map_err(|_| io::Error::other("the archive's data is damaged"))?;
                    inflating.from += (inflating.inflate.total_in() - before_in) as usize;
                    let given = (inflating.inflate.total_out() - before_out) as usize;
                    inflating.given += given as u64;
                    within(inflating.given, self.input.read)?;
                    self.sum.update(out.get(..given).unwrap_or_default());
                    if status == flate2::Status::StreamEnd {
                        let rest = inflating.buffer.get(inflating.from..).unwrap_or_default().to_vec();
                        self.state = ArchiveState::Behind;
                        self.behind(rest, true)?;
                    } else if empty && given == 0 {
                        return Err(early());
                    }
                    if given > 0 {
                        return Ok(given);
                    }
                }
                ArchiveState::Behind => return Ok(0),
            }
        }
    }
}
