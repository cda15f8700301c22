//! A file of the records that were refused, which is itself valid: as they stood in their file, between the headers and trailers
//! that stood around them, whose counts and totals are made anew. Corrected, it can be dropped again as it is.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Read},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use portolan_formats::records::{
    JsonLine, Next, Rebuild, RecordError, RecordErrorKind, RecordFile, RecordInfo, RecordReader, RecordWriter,
};
use portolan_schema::layout::{Framing, NodeId};

use crate::Patch;

/// What a reject file consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rejected {
    /// Messages that were refused, and records that could not be placed.
    pub messages: u64,
    /// Their records.
    pub records: u64,
    /// Headers and trailers around them.
    pub around: u64,
}

/// Why there is no reject file.
#[derive(Debug, thiserror::Error)]
pub enum RejectError {
    /// It cannot be written, or its file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What stands around the records cannot be made anew.
    #[error("what stands around the refused records cannot be written again: {0}; refuse the whole file")]
    Around(Box<RecordError>),
    /// The file cannot be read to its end.
    #[error("the file cannot be read again: {0}")]
    Unreadable(RecordErrorKind),
    /// Headers that are more than can be kept until it is known whether they are needed.
    #[error("more than {HELD} bytes of headers stand before the records; refuse the whole file")]
    Headers,
}

impl From<RejectError> for io::Error {
    fn from(error: RejectError) -> Self {
        match error {
            RejectError::Io(error) => error,
            other => Self::other(other),
        }
    }
}

/// The most bytes of headers that wait for the first refused record, and of what is no record before or behind all of them.
const HELD: usize = 4 << 20;

/// Reads the file again and writes those messages to `out` that were refused, by the number of the record `each` that they begin with; and
/// records that belong to none, by their own. In constant memory, and the same bytes each time. Nothing is written where nothing was refused.
///
/// A refused record keeps its bytes. Only what it said rightly of its place among others (an ordinal, a running number) is made anew. Records
/// that stand beside the messages and may be there any number of times are left out.
///
/// # Errors
/// The file cannot be read, the headers cannot be made anew, or `out` cannot be written.
pub fn write(
    file: &RecordFile,
    each: NodeId,
    input: impl Read,
    refused: &mut dyn FnMut(u64) -> bool,
    out: &mut dyn Patch,
) -> Result<Rejected, RejectError> {
    let mut reader = RecordReader::new(file, input);
    let mut rejects = Rejects::new(file, each, out);
    let mut line = JsonLine::default();
    loop {
        line.begin();
        let next = reader.next(&mut line);
        let (mut said_wrong, mut misplaced, mut ended) = (false, false, None);
        let number = reader.count();
        for problem in reader.problems().filter(|problem| !problem.warning) {
            let own = problem.error.record == number;
            said_wrong |= own && matches!(problem.error.kind, RecordErrorKind::Verify { .. });
            misplaced |= own && matches!(problem.error.kind, RecordErrorKind::Misplaced(_));
            if matches!(
                problem.error.kind,
                RecordErrorKind::Input(_) | RecordErrorKind::Frame(_) | RecordErrorKind::Title { .. }
            ) {
                ended = Some(problem.error.kind);
            }
        }
        match next {
            Next::Other => rejects.other(reader.piece(), reader.record().is_empty())?,
            Next::Unknown(info) => rejects.unplaced(None, info, reader.piece(), refused)?,
            Next::Record(info) if misplaced => rejects.unplaced(info.node, info, reader.piece(), refused)?,
            Next::Record(info) => {
                let opened: Vec<NodeId> = reader.opened().collect();
                let Some(node) = info.node else { continue };
                let record = Record { node, info, opened: &opened, piece: reader.piece(), said_wrong };
                rejects.record(&record, &mut line, refused)?;
            }
            Next::End => {
                if let Some(kind) = ended {
                    return Err(RejectError::Unreadable(kind));
                }
                return rejects.end();
            }
        }
    }
}

/// A record as it was read.
struct Record<'r> {
    node: NodeId,
    info: RecordInfo,
    opened: &'r [NodeId],
    piece: &'r [u8],
    /// Something that it says of other records is wrong.
    said_wrong: bool,
}

/// The file, or a group or record within which the messages are.
struct Level {
    node: Option<NodeId>,
    /// What stands before the first refused message within; `None` once that is written.
    headers: Option<Vec<Header>>,
    /// How often what stands beside the messages was there.
    times: HashMap<NodeId, u32>,
    /// What stands there now is kept.
    kept: bool,
}

/// A record that may be needed.
struct Header {
    node: NodeId,
    piece: Vec<u8>,
    line: Vec<u8>,
}

struct Rejects<'f, 'o> {
    file: &'f RecordFile,
    each: NodeId,
    /// What the messages are within.
    around: HashSet<NodeId>,
    writer: RecordWriter<'f>,
    out: &'o mut dyn Patch,
    buffer: Vec<u8>,
    levels: Vec<Level>,
    held: usize,
    /// What is no record, before the first of them and behind the last.
    before: Vec<u8>,
    behind: Vec<u8>,
    begun: bool,
    /// The message that is read now was refused.
    refused: bool,
    rejected: Rejected,
}

impl Level {
    fn new(node: Option<NodeId>) -> Self {
        Self { node, headers: Some(Vec::new()), times: HashMap::new(), kept: false }
    }
}

impl<'f, 'o> Rejects<'f, 'o> {
    fn new(file: &'f RecordFile, each: NodeId, out: &'o mut dyn Patch) -> Self {
        let around = chain(file, each).skip(1).collect();
        Self {
            file,
            each,
            around,
            writer: RecordWriter::new(file),
            out,
            buffer: Vec::new(),
            levels: vec![Level::new(None)],
            held: 0,
            before: Vec::new(),
            behind: Vec::new(),
            begun: false,
            refused: false,
            rejected: Rejected::default(),
        }
    }

    /// What is no record stands there again before all of them, as a line of titles, and behind them. Blocks are filled up anew.
    fn other(&mut self, piece: &[u8], blank: bool) -> Result<(), RejectError> {
        let format = &self.file.layout().file;
        let blocks = format.block.is_some() && !blank || matches!(format.framing, Framing::Blocked(..));
        let kept = if self.begun { &mut self.behind } else { &mut self.before };
        if blocks || (self.begun && kept.len() + piece.len() > HELD) {
            return Ok(());
        }
        if kept.len() + piece.len() > HELD {
            return Err(RejectError::Headers);
        }
        kept.extend_from_slice(piece);
        Ok(())
    }

    /// A record that cannot be where it is: it goes by itself.
    fn unplaced(
        &mut self,
        node: Option<NodeId>,
        info: RecordInfo,
        piece: &[u8],
        refused: &mut dyn FnMut(u64) -> bool,
    ) -> Result<(), RejectError> {
        self.begin();
        if refused(info.number) {
            self.headers()?;
            self.rejected.messages += 1;
            self.rejected.records += 1;
            self.original(node, piece, Rebuild::Nothing)?;
        }
        Ok(())
    }

    fn record(
        &mut self,
        record: &Record<'_>,
        line: &mut JsonLine,
        refused: &mut dyn FnMut(u64) -> bool,
    ) -> Result<(), RejectError> {
        self.begin();
        self.enter(record.opened);
        if chain(self.file, record.node).any(|node| node == self.each) {
            if record.node == self.each || record.opened.contains(&self.each) {
                self.refused = refused(record.info.number);
                self.rejected.messages += u64::from(self.refused);
            }
            if self.refused {
                self.headers()?;
                self.rejected.records += 1;
                let rebuild = if record.said_wrong { Rebuild::Nothing } else { Rebuild::Place };
                self.original(Some(record.node), record.piece, rebuild)?;
            }
            return Ok(());
        }
        self.refused = false;
        if !self.is_kept(record) {
            return Ok(());
        }
        let delimited = matches!(self.file.layout().file.framing, Framing::Delimited(_));
        let line =
            if delimited { whole(line, &self.file.layout().path(record.node), record.piece) } else { &[] };
        let level = self.levels.last_mut().and_then(|level| level.headers.as_mut());
        match level {
            Some(headers) => {
                self.held += record.piece.len() + line.len();
                if self.held > HELD {
                    return Err(RejectError::Headers);
                }
                let (piece, line) = (record.piece.to_vec(), line.to_vec());
                headers.push(Header { node: record.node, piece, line });
                Ok(())
            }
            None => {
                let header = Header { node: record.node, piece: record.piece.to_vec(), line: line.to_vec() };
                self.header(&header)
            }
        }
    }

    fn begin(&mut self) {
        self.begun = true;
        self.behind.clear();
    }

    /// What began with a record: what was open beside it has ended.
    fn enter(&mut self, opened: &[NodeId]) {
        let Some(first) = opened.first() else { return };
        let outside: Vec<NodeId> = chain(self.file, *first).skip(1).collect();
        while let Some(level) =
            self.levels.pop_if(|level| level.node.is_some_and(|node| !outside.contains(&node)))
        {
            let dropped = level.headers.into_iter().flatten();
            self.held -= dropped.map(|header| header.piece.len() + header.line.len()).sum::<usize>();
        }
        for node in opened.iter().filter(|node| self.around.contains(node)) {
            self.levels.push(Level::new(Some(*node)));
        }
    }

    /// Headers and trailers stand once, or as often as they must.
    fn is_kept(&mut self, record: &Record<'_>) -> bool {
        if self.around.contains(&record.node) {
            return true;
        }
        let layout = self.file.layout();
        let beside = record.opened.iter().find(|node| !self.around.contains(node));
        let Some(level) = self.levels.last_mut() else { return false };
        if let Some(beside) = beside
            && layout.node(*beside).parent == level.node
        {
            let times = level.times.entry(*beside).or_default();
            *times = times.saturating_add(1);
            let occurs = layout.node(*beside).occurs;
            level.kept = occurs.max == Some(1) || *times <= occurs.min;
        }
        level.kept
    }

    /// Writes what stands before the first refused message.
    fn headers(&mut self) -> Result<(), RejectError> {
        let before = std::mem::take(&mut self.before);
        self.as_it_is(&before)?;
        for index in 0..self.levels.len() {
            for header in self.levels[index].headers.take().unwrap_or_default() {
                self.held -= header.piece.len() + header.line.len();
                self.header(&header)?;
            }
        }
        Ok(())
    }

    fn header(&mut self, header: &Header) -> Result<(), RejectError> {
        self.rejected.around += 1;
        if header.line.is_empty() {
            return self.original(Some(header.node), &header.piece, Rebuild::All);
        }
        let line = String::from_utf8_lossy(&header.line);
        let written = self.writer.line(&line, &mut self.buffer);
        written.map_err(RejectError::Around)?;
        self.flush()
    }

    fn original(&mut self, node: Option<NodeId>, piece: &[u8], rebuild: Rebuild) -> Result<(), RejectError> {
        let written = self.writer.original(node, piece, rebuild, &mut self.buffer);
        written.map_err(RejectError::Around)?;
        self.flush()
    }

    fn as_it_is(&mut self, bytes: &[u8]) -> Result<(), RejectError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let line = format!("{{\"_record\":\"_other\",\"_raw\":\"{}\"}}", BASE64.encode(bytes));
        let written = self.writer.line(&line, &mut self.buffer);
        written.map_err(RejectError::Around)?;
        self.flush()
    }

    fn flush(&mut self) -> Result<(), RejectError> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        for (at, bytes) in self.writer.patches() {
            self.out.patch(at, &bytes)?;
        }
        Ok(())
    }

    fn end(mut self) -> Result<Rejected, RejectError> {
        if self.rejected.messages == 0 {
            return Ok(self.rejected);
        }
        let finished = self.writer.finish(&mut self.buffer);
        finished.map_err(RejectError::Around)?;
        self.flush()?;
        let behind = std::mem::take(&mut self.behind);
        self.as_it_is(&behind)?;
        Ok(self.rejected)
    }
}

/// From a node outwards, itself first.
fn chain(file: &RecordFile, node: NodeId) -> impl Iterator<Item = NodeId> {
    std::iter::successors(Some(node), |node| file.layout().node(*node).parent)
}

/// A record's line, with its bytes beside it: a line of values is not written over, but anew.
fn whole<'l>(line: &'l mut JsonLine, name: &str, piece: &[u8]) -> &'l [u8] {
    line.text("_record", name);
    line.text("_raw", &BASE64.encode(piece));
    line.end();
    &line.out
}
