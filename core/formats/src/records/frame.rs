//! Cutting bytes into records: by lines, by fixed lengths, by lengths that are written before or within a record.
//!
//! A framer sees a window of the file and says what the next record in it is, or that it needs more. It keeps nothing but
//! where in a block it is, so that a file of any size is cut in the memory of its longest record.

use std::ops::Range;

use memchr::{memchr, memchr2, memmem};
use portolan_schema::layout::{ByteOrder, Encoding, FileFormat, Framing, LengthForm, LineEnd, Prefix};

/// How long a record may be, in bytes.
pub const MAX_RECORD: usize = 16 << 20;

/// U+FEFF in UTF-8, with which some editors begin a file.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What comes next in a window.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A record: its own bytes, within all that belong to it.
    Record { data: Range<usize>, whole: Range<usize> },
    /// Bytes that are no record.
    Skip(Range<usize>),
    /// The line that names the columns.
    Titles { data: Range<usize>, whole: Range<usize> },
    /// The window is too small.
    More,
    /// Nothing comes any more.
    End,
}

/// Why bytes cannot be cut into records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The file ends within a record.
    #[error("the file ends within a record: {missing} more bytes are missing")]
    Truncated {
        /// How many bytes would have followed.
        missing: usize,
    },
    /// A length that cannot be.
    #[error("a length says {0} bytes, which cannot be")]
    Length(i64),
    /// A length that is not written in digits.
    #[error("a length is not written in digits")]
    NotDigits,
    /// Bytes of an editor before the first record.
    #[error("the file begins with a byte order mark, of which the layout says nothing")]
    ByteOrderMark,
    /// Longer than any record may be.
    #[error("a record is longer than {MAX_RECORD} bytes: is it framed otherwise?")]
    TooLong,
    /// A record of a block reaches beyond it.
    #[error("a record reaches beyond its block")]
    BeyondBlock,
    /// Bytes that are no record of any kind, where only the kind says how long a record is.
    #[error("no record of the layout begins like this here, so that nothing says how long it is")]
    NoKind,
    /// A line that is to be written has what ends it within.
    #[error("it has a line end within, so that it would be read as two records")]
    LineEnd,
    /// A descriptor word of part of a record (`VS`, `VBS`).
    #[error(
        "its descriptor word says that it is a segment of a record that spans several (VS, VBS), which is not read"
    )]
    Segment,
    /// Text behind a quoted value.
    #[error("something stands between a closing quote and the next delimiter")]
    BehindQuote,
    /// A quote that is not closed.
    #[error("a quoted value does not end")]
    OpenQuote,
}

/// How long a record is that begins a window, where only its kind says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// So many bytes.
    Bytes(usize),
    /// So many are needed to tell.
    Needs(usize),
    /// It is no record of any kind.
    Unknown,
}

/// Cuts one file.
#[derive(Debug, Clone)]
pub(super) struct Framer {
    framing: Framing,
    ebcdic: bool,
    comments: Vec<Vec<u8>>,
    skip_blank: bool,
    /// Lines at the beginning that are none.
    header_lines: u32,
    /// The last of them names the columns.
    titles: bool,
    /// A mark of UTF-8 may stand before everything.
    mark: bool,
    /// Bytes of the file's head that are still to be passed over.
    head: u64,
    /// Bytes of its end that belong to no record.
    tail: usize,
    /// Bytes that are left of the current block.
    block: usize,
    /// So many bytes behind the last piece are known to be line ends, so that they are looked at once.
    blank: usize,
}

impl Framer {
    /// For a file of a format. `shaped`: how long a record is whose framing leaves that to its kind.
    pub(super) fn new(file: &FileFormat, comments: Vec<Vec<u8>>) -> Self {
        let titles = matches!(&file.framing, Framing::Delimited(delimited) if delimited.titles);
        Self {
            framing: file.framing.clone(),
            ebcdic: file.encoding.is_ebcdic(),
            comments,
            skip_blank: file.blank_lines,
            header_lines: file.header_lines + u32::from(titles),
            titles,
            mark: false,
            head: file.margins.0,
            tail: usize::try_from(file.margins.1).unwrap_or(usize::MAX),
            block: 0,
            blank: 0,
        }
    }

    /// Beginning with a whole file of UTF-8, before which its mark may stand.
    pub(super) fn marked(self, file: &FileFormat) -> Self {
        let unicode = matches!(file.encoding, Encoding::Ascii | Encoding::Utf8);
        let mark = unicode && file.margins.0 == 0 && matches!(file.framing, Framing::Delimited(_));
        Self { mark, ..self }
    }

    /// What comes next in a window. `complete`: the window reaches to the end of the file. `shaped` gives the length of a record
    /// that begins there, where only its kind says it.
    pub(super) fn next(
        &mut self,
        window: &[u8],
        complete: bool,
        shaped: &mut dyn FnMut(&[u8]) -> Shape,
    ) -> Result<Cut, FrameError> {
        if self.mark {
            if !complete && window.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(window) {
                return Ok(Cut::More);
            }
            self.mark = false;
            if window.starts_with(BYTE_ORDER_MARK) {
                return Ok(Cut::Skip(0..BYTE_ORDER_MARK.len()));
            }
        }
        if self.head > 0 {
            let head = usize::try_from(self.head).unwrap_or(usize::MAX);
            let skipped = head.min(window.len());
            if skipped == 0 {
                return if complete { Err(FrameError::Truncated { missing: head }) } else { Ok(Cut::More) };
            }
            self.head -= skipped as u64;
            return Ok(Cut::Skip(0..skipped));
        }
        let Some(usable) = window.len().checked_sub(self.tail) else {
            let missing = self.tail - window.len();
            return if complete { Err(FrameError::Truncated { missing }) } else { Ok(Cut::More) };
        };
        let (window, all) = (&window[..usable], window);
        if window.is_empty() {
            return match complete {
                true if self.block > 0 => Err(FrameError::Truncated { missing: self.block }),
                true => Ok(self.rest(all)),
                false => Ok(Cut::More),
            };
        }
        match &self.framing {
            Framing::Lines { end, .. } => {
                let end = end.clone();
                self.line(window, complete, &end)
            }
            Framing::Delimited(delimited) => {
                let (quote, escape) = (delimited.quote, delimited.escape);
                let end = delimited.end.clone();
                self.delimited(window, complete, &end, quote, escape)
            }
            Framing::Fixed { length, line_ends } => {
                let (length, line_ends) = (*length as usize, *line_ends);
                if line_ends {
                    let blanks = window.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
                    if blanks > 0 {
                        return Ok(Cut::Skip(0..blanks));
                    }
                }
                exactly(window, complete, 0, length)
            }
            Framing::Prefixed(prefix) => {
                let prefix = prefix.clone();
                prefixed(window, complete, &prefix, self.ebcdic)
            }
            Framing::Blocked(block, record) => {
                let (block, record) = (block.clone(), record.clone());
                self.blocked(window, complete, &block, &record)
            }
            Framing::LengthField { at, width, form, adjust } => {
                let (at, width) = (*at as usize, *width as usize);
                let Some(bytes) = window.get(at..at + width) else {
                    return short(window, complete, at + width);
                };
                let said = number(bytes, *form, self.ebcdic)?;
                let length = usize::try_from(said.saturating_add(i64::from(*adjust))).ok();
                let length = length.filter(|length| *length >= at + width);
                let Some(length) = length else { return Err(FrameError::Length(said)) };
                if length > MAX_RECORD {
                    return Err(FrameError::TooLong);
                }
                exactly(window, complete, 0, length)
            }
            Framing::Shaped => match shaped(window) {
                Shape::Bytes(length) if length > 0 => exactly(window, complete, 0, length),
                Shape::Bytes(_) => Err(FrameError::Length(0)),
                Shape::Needs(bytes) => short(window, complete, bytes.max(window.len() + 1)),
                Shape::Unknown => Err(FrameError::NoKind),
            },
        }
    }

    /// What stands behind the last record.
    fn rest(&mut self, window: &[u8]) -> Cut {
        self.tail = 0;
        match window.is_empty() {
            true => Cut::End,
            false => Cut::Skip(0..window.len()),
        }
    }

    fn line(&mut self, window: &[u8], complete: bool, end: &LineEnd) -> Result<Cut, FrameError> {
        // Ctrl-Z ends a text file of DOS, where nothing but its kind follows.
        if window[0] == 0x1A && window.iter().all(|byte| *byte == 0x1A) {
            return match complete {
                true => Ok(Cut::Skip(0..window.len())),
                false if window.len() > MAX_RECORD => Err(FrameError::TooLong),
                false => Ok(Cut::More),
            };
        }
        let Some((data, whole)) = line_end(window, complete, end) else {
            if window.len() > MAX_RECORD {
                return Err(FrameError::TooLong);
            }
            return Ok(Cut::More);
        };
        if data > MAX_RECORD {
            return Err(FrameError::TooLong);
        }
        if self.header_lines > 0 {
            return Ok(self.header_line(data, whole));
        }
        let line = &window[..data];
        let blank = if self.ebcdic { 0x40 } else { b' ' };
        if self.skip_blank && line.iter().all(|byte| *byte == blank) {
            return Ok(Cut::Skip(0..whole));
        }
        let empty = line.is_empty();
        if empty && let Some(cut) = self.empty_line(window, whole, complete) {
            return Ok(cut);
        }
        if !empty && self.comments.iter().any(|comment| line.starts_with(comment)) {
            return Ok(Cut::Skip(0..whole));
        }
        let data = match complete && whole == window.len() {
            // A Ctrl-Z behind the last line.
            true => data - line.iter().rev().take_while(|byte| **byte == 0x1A).count(),
            false => data,
        };
        Ok(Cut::Record { data: 0..data, whole: 0..whole })
    }

    /// A line at the beginning: the last one may name the columns.
    fn header_line(&mut self, data: usize, whole: usize) -> Cut {
        self.header_lines -= 1;
        match self.titles && self.header_lines == 0 {
            true => Cut::Titles { data: 0..data, whole: 0..whole },
            false => Cut::Skip(0..whole),
        }
    }

    /// What an empty line is that is no record: passed over by itself, or with all that follows it to the file's end.
    fn empty_line(&mut self, window: &[u8], whole: usize, complete: bool) -> Option<Cut> {
        if self.skip_blank {
            return Some(Cut::Skip(0..whole));
        }
        let rest = window.get(whole..).unwrap_or_default();
        let known = self.blank.saturating_sub(whole).min(rest.len());
        let more = rest[known..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n' | 0x1A)).count();
        self.blank = known + more;
        match (self.blank == rest.len(), complete) {
            (true, true) => Some(Cut::Skip(0..window.len())),
            (true, false) if window.len() <= MAX_RECORD => Some(Cut::More),
            _ => None,
        }
    }

    fn delimited(
        &mut self,
        window: &[u8],
        complete: bool,
        end: &LineEnd,
        quote: Option<u8>,
        escape: Option<u8>,
    ) -> Result<Cut, FrameError> {
        let Some(quote) = quote else { return self.line(window, complete, end) };
        // A line end within quotes is none.
        let mut from = 0;
        let (mut quoted, mut escaped) = (false, false);
        let mut see = |bytes: &[u8], quoted: &mut bool| {
            for byte in bytes {
                match (escaped, Some(*byte) == escape, *byte == quote) {
                    (true, ..) => escaped = false,
                    (false, true, _) => escaped = true,
                    (false, false, true) => *quoted = !*quoted,
                    _ => {}
                }
            }
        };
        loop {
            let Some((data, whole)) = line_end(&window[from..], complete, end) else {
                return match window.len() > MAX_RECORD {
                    true => Err(FrameError::TooLong),
                    false => Ok(Cut::More),
                };
            };
            let (data, whole) = (from + data, from + whole);
            see(&window[from..data], &mut quoted);
            if !quoted {
                let line = &window[..data];
                if self.header_lines > 0 {
                    return Ok(self.header_line(data, whole));
                }
                if line.is_empty()
                    && let Some(cut) = self.empty_line(window, whole, complete)
                {
                    return Ok(cut);
                }
                if self.comments.iter().any(|c| !line.is_empty() && line.starts_with(c)) {
                    return Ok(Cut::Skip(0..whole));
                }
                return Ok(Cut::Record { data: 0..data, whole: 0..whole });
            }
            if whole >= window.len() {
                return match complete {
                    true => Err(FrameError::OpenQuote),
                    false if window.len() > MAX_RECORD => Err(FrameError::TooLong),
                    false => Ok(Cut::More),
                };
            }
            see(&window[data..whole], &mut quoted);
            from = whole;
        }
    }

    fn blocked(
        &mut self,
        window: &[u8],
        complete: bool,
        block: &Prefix,
        record: &Prefix,
    ) -> Result<Cut, FrameError> {
        let mut before = 0;
        while self.block == 0 {
            let head = block.bytes as usize;
            let rest = window.get(before..).unwrap_or_default();
            if rest.is_empty() {
                return if before > 0 { Ok(Cut::Skip(0..before)) } else { Ok(Cut::End) };
            }
            let Some(length) = length_of(rest, block, self.ebcdic)? else {
                return short(window, complete, before + head);
            };
            before += head;
            self.block = length;
            if length == 0 {
                return Ok(Cut::Skip(0..before));
            }
            if before > 0 {
                // The block's own length is passed over by itself, so that the record's offset is its own.
                return Ok(Cut::Skip(0..before));
            }
        }
        let cut = prefixed(window, complete, record, self.ebcdic)?;
        if let Cut::Record { whole, .. } = &cut {
            self.block = self.block.checked_sub(whole.end).ok_or(FrameError::BeyondBlock)?;
        }
        Ok(cut)
    }
}

/// The end of the line at the beginning of a window: where its bytes end, and where the next one begins.
fn line_end(window: &[u8], complete: bool, end: &LineEnd) -> Option<(usize, usize)> {
    let found = match end {
        LineEnd::Lf => memchr(b'\n', window).map(|at| (at, at + 1)),
        LineEnd::Cr => memchr(b'\r', window).map(|at| (at, at + 1)),
        LineEnd::CrLf => memmem::find(window, b"\r\n").map(|at| (at, at + 2)),
        LineEnd::Bytes(bytes) => memmem::find(window, bytes).map(|at| (at, at + bytes.len())),
        LineEnd::Any => match memchr2(b'\n', b'\r', window) {
            Some(at) if window[at] == b'\n' => Some((at, at + 1)),
            Some(at) => match window.get(at + 1) {
                Some(b'\n') => Some((at, at + 2)),
                Some(_) => Some((at, at + 1)),
                // A CR at the window's end: an LF may follow.
                None if complete => Some((at, at + 1)),
                None => return None,
            },
            None => None,
        },
    };
    found.or(complete.then_some((window.len(), window.len())))
}

/// A line without its end.
pub(super) fn line_of<'a>(line: &'a [u8], end: &LineEnd) -> &'a [u8] {
    line_end(line, true, end).and_then(|(data, _)| line.get(..data)).unwrap_or(line)
}

/// A record of so many bytes, `from` bytes into the window.
fn exactly(window: &[u8], complete: bool, from: usize, length: usize) -> Result<Cut, FrameError> {
    let end = from.saturating_add(length);
    match window.len() >= end {
        true => Ok(Cut::Record { data: from..end, whole: 0..end }),
        false => short(window, complete, end),
    }
}

fn short(window: &[u8], complete: bool, needed: usize) -> Result<Cut, FrameError> {
    match complete {
        true if window.is_empty() => Ok(Cut::End),
        true => Err(FrameError::Truncated { missing: needed.saturating_sub(window.len()) }),
        false if needed > MAX_RECORD + 4096 => Err(FrameError::TooLong),
        false => Ok(Cut::More),
    }
}

fn prefixed(window: &[u8], complete: bool, prefix: &Prefix, ebcdic: bool) -> Result<Cut, FrameError> {
    match length_of(window, prefix, ebcdic)? {
        Some(length) => exactly(window, complete, prefix.bytes as usize, length),
        None => short(window, complete, prefix.bytes as usize),
    }
}

/// The length that a prefix says; `None` where the window ends within it.
fn length_of(window: &[u8], prefix: &Prefix, ebcdic: bool) -> Result<Option<usize>, FrameError> {
    let (at, width) = (prefix.at as usize, prefix.width as usize);
    if window.len() < prefix.bytes as usize {
        return Ok(None);
    }
    let Some(bytes) = window.get(at..at + width) else { return Ok(None) };
    let within = |index: &usize| (at..at + width).contains(index);
    if prefix.zeros
        && (0..prefix.bytes as usize).any(|index| !within(&index) && window.get(index) != Some(&0))
    {
        return Err(FrameError::Segment);
    }
    let said = number(bytes, prefix.form, ebcdic)?;
    let length = said.saturating_add(i64::from(prefix.adjust));
    match usize::try_from(length) {
        Ok(length) if length <= MAX_RECORD => Ok(Some(length)),
        Ok(_) => Err(FrameError::TooLong),
        Err(_) => Err(FrameError::Length(said)),
    }
}

/// A length as it is written.
fn number(bytes: &[u8], form: LengthForm, ebcdic: bool) -> Result<i64, FrameError> {
    match form {
        LengthForm::Binary(order) => {
            let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
            let number = match order {
                ByteOrder::Big => bytes.iter().fold(0, add),
                ByteOrder::Little => bytes.iter().rev().fold(0, add),
            };
            i64::try_from(number).map_err(|_| FrameError::TooLong)
        }
        LengthForm::Decimal => {
            let zero = if ebcdic { 0xF0u8 } else { b'0' };
            bytes.iter().try_fold(0i64, |number, byte| match byte.wrapping_sub(zero) {
                digit @ 0..=9 => Ok(number * 10 + i64::from(digit)),
                _ => Err(FrameError::NotDigits),
            })
        }
    }
}

/// Writes what stands before and after a record; the reverse of [`Framer`].
#[derive(Debug, Clone)]
pub(super) struct Enframer {
    framing: Framing,
    ebcdic: bool,
}

impl Enframer {
    pub(super) fn new(file: &FileFormat) -> Self {
        Self { framing: file.framing.clone(), ebcdic: file.encoding.is_ebcdic() }
    }

    /// Appends a record with what frames it.
    pub(super) fn write(&self, record: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        match &self.framing {
            Framing::Fixed { .. } | Framing::Shaped | Framing::LengthField { .. } => {
                out.extend_from_slice(record)
            }
            Framing::Lines { end, .. } => {
                if ends_within(record, end) {
                    return Err(FrameError::LineEnd);
                }
                out.extend_from_slice(record);
                out.extend_from_slice(ending(end));
            }
            Framing::Delimited(delimited) => {
                // Within quotes it is part of a value.
                if delimited.quote.is_none() && ends_within(record, &delimited.end) {
                    return Err(FrameError::LineEnd);
                }
                out.extend_from_slice(record);
                out.extend_from_slice(ending(&delimited.end));
            }
            Framing::Prefixed(prefix) => {
                self.prefix(prefix, record.len(), out)?;
                out.extend_from_slice(record);
            }
            // A block for each record: blocks are for those who read tapes.
            Framing::Blocked(block, prefix) => {
                self.prefix(block, record.len() + prefix.bytes as usize, out)?;
                self.prefix(prefix, record.len(), out)?;
                out.extend_from_slice(record);
            }
        }
        Ok(())
    }

    /// Whether a field of each record says its length.
    pub(super) fn has_length_field(&self) -> bool {
        matches!(self.framing, Framing::LengthField { .. })
    }

    /// Puts the record's length into it, where a field of it says it.
    pub(super) fn length_field(&self, record: &mut [u8]) -> Result<(), FrameError> {
        let Framing::LengthField { at, width, form, adjust } = &self.framing else { return Ok(()) };
        let length = record.len() as i64 - i64::from(*adjust);
        let Some(place) = record.get_mut(*at as usize..(*at + *width) as usize) else {
            return Err(FrameError::Length(length));
        };
        write_number(length, *form, self.ebcdic, place)
    }

    pub(super) fn prefix(&self, prefix: &Prefix, length: usize, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let start = out.len();
        out.resize(start + prefix.bytes as usize, 0);
        let place = start + prefix.at as usize..start + (prefix.at + prefix.width) as usize;
        let said = length as i64 - i64::from(prefix.adjust);
        match out.get_mut(place) {
            Some(place) => write_number(said, prefix.form, self.ebcdic, place),
            None => Err(FrameError::Length(said)),
        }
    }
}

/// Whether a line would be read as more than one.
fn ends_within(line: &[u8], end: &LineEnd) -> bool {
    match end {
        LineEnd::Any => memchr::memchr2(b'\n', b'\r', line).is_some(),
        end => {
            let end = ending(end);
            !end.is_empty() && memchr::memmem::find(line, end).is_some()
        }
    }
}

/// What ends a line when it is written.
pub(super) fn ending(end: &LineEnd) -> &[u8] {
    match end {
        LineEnd::Lf | LineEnd::Any => b"\n",
        LineEnd::CrLf => b"\r\n",
        LineEnd::Cr => b"\r",
        LineEnd::Bytes(bytes) => bytes,
    }
}

fn write_number(number: i64, form: LengthForm, ebcdic: bool, place: &mut [u8]) -> Result<(), FrameError> {
    let mut left = u64::try_from(number).map_err(|_| FrameError::Length(number))?;
    let (base, zero) = match form {
        LengthForm::Binary(_) => (256, 0),
        LengthForm::Decimal => (10, if ebcdic { 0xF0 } else { b'0' }),
    };
    let mut write = |byte: &mut u8| {
        *byte = zero + (left % base) as u8;
        left /= base;
    };
    match form {
        LengthForm::Binary(ByteOrder::Little) => place.iter_mut().for_each(&mut write),
        _ => place.iter_mut().rev().for_each(&mut write),
    }
    if left > 0 { Err(FrameError::Length(number)) } else { Ok(()) }
}
