//! A file of records as lines of JSON, of which [`super::RecordWriter`] makes the same file again.
//!
//! What the layout would write otherwise than it stands in the file is kept beside it: a record's bytes as `_raw`, bytes that are no
//! record as lines of their own. Whether it would is found out by writing it.

use std::io::Read;

use base64::Engine;

use super::{JsonLine, Next, Problem, RecordFile, RecordInfo, RecordReader, RecordWriter};

const BASE64: base64::engine::GeneralPurpose = base64::engine::general_purpose::STANDARD;

/// Decodes a file.
pub struct Decoder<'f, R> {
    file: &'f RecordFile,
    reader: RecordReader<'f, R>,
    /// Writes what is read, to see what it would look like.
    shadow: Option<RecordWriter<'f>>,
    line: JsonLine,
    written: Vec<u8>,
    /// Records that fill a block, which are not told of where they are as they should be.
    fill: Vec<u8>,
    /// Something else stood among them.
    filled: bool,
    titles: Vec<u8>,
    /// They stand there, and no record after them yet, before which they would be written.
    titled: bool,
    problems: Vec<Problem>,
    /// Which record the line is of, where it is one.
    node: Option<portolan_schema::layout::NodeId>,
    ended: bool,
}

impl<'f, R: Read> Decoder<'f, R> {
    /// Decodes `input`. `keep`: so that it can be encoded again byte for byte; without it, lines are only what they say.
    pub fn new(file: &'f RecordFile, input: R, keep: bool) -> Self {
        let shadow = keep.then(|| RecordWriter::new(file));
        let mut titles = Vec::new();
        if let Some(shadow) = &shadow {
            shadow.titles(&mut titles);
        }
        Self {
            file,
            reader: RecordReader::new(file, input),
            shadow,
            line: JsonLine::default(),
            written: Vec::new(),
            fill: Vec::new(),
            filled: false,
            titles,
            titled: false,
            problems: Vec::new(),
            node: None,
            ended: false,
        }
    }

    /// The next piece: lines of JSON (mostly one) with what is wrong. A record with an error is a line that says so, `_refused`, so that
    /// nobody takes what belongs to it for part of another. `None` at the end.
    #[allow(clippy::should_implement_trait, reason = "it lends")]
    pub fn next(&mut self) -> Option<(&[u8], &[Problem])> {
        if self.ended {
            return None;
        }
        self.problems.clear();
        self.node = None;
        self.line.out.clear();
        self.line.begin();
        // The name comes first, and is known last.
        let start = self.line.out.len();
        let next = self.reader.next(&mut self.line);
        self.problems.extend(self.reader.problems());
        // An error may be of a record before, of which more is known now.
        let wrong = |number: u64| {
            let errors = self.problems.iter().filter(|problem| !problem.warning);
            errors.map(|problem| problem.error.record == number).max()
        };
        match next {
            Next::Record(info) => {
                self.node = info.node;
                match wrong(info.number) {
                    Some(true) => self.refused(Some(info)),
                    Some(false) => {
                        self.record(info.node, start);
                        let line = std::mem::take(&mut self.line.out);
                        self.refused(None);
                        self.line.out.extend(line);
                    }
                    None => self.record(info.node, start),
                }
            }
            Next::Unknown(info) if wrong(info.number).is_some() => self.refused(Some(info)),
            Next::Unknown(_) => self.other(),
            Next::Other => {
                let data = self.reader.record();
                match !data.is_empty() && self.file.is_fill(data) {
                    true => {
                        self.line.out.clear();
                        self.fill.extend_from_slice(self.reader.piece());
                    }
                    false => self.other(),
                }
            }
            Next::End => {
                self.ended = true;
                let refused = self.problems.iter().any(|problem| !problem.warning);
                self.line.out.clear();
                self.end();
                if refused {
                    let line = std::mem::take(&mut self.line.out);
                    self.refused(None);
                    self.line.out.splice(0..0, line);
                }
            }
        }
        Some((&self.line.out, &self.problems))
    }

    /// How many records there were so far.
    pub fn count(&self) -> u64 {
        self.reader.count()
    }

    /// Which record the last line is of.
    pub fn node(&self) -> Option<portolan_schema::layout::NodeId> {
        self.node
    }

    /// In place of a record that was refused; of none where the error is of what was printed already, or of the file.
    fn refused(&mut self, info: Option<RecordInfo>) {
        self.line.begin();
        self.line.text("_record", "_refused");
        if let Some(info) = info {
            if let Some(node) = info.node {
                self.line.text("kind", self.file.structure.name(node));
            }
            self.line.number("number", info.number);
            self.line.number("offset", info.offset);
            if self.shadow.is_some() {
                self.line.text("_raw", &BASE64.encode(self.reader.piece()));
            }
        }
        self.line.end();
    }

    fn record(&mut self, node: Option<portolan_schema::layout::NodeId>, start: usize) {
        self.titled = false;
        let name = node.map(|node| self.file.structure.name(node)).unwrap_or_default();
        self.line.put_first(start, format!("\"_record\":\"{name}\""));
        let Some(shadow) = &mut self.shadow else { return self.line.end() };
        self.line.out.push(b'}');
        self.written.clear();
        let text = std::str::from_utf8(&self.line.out).unwrap_or_default();
        let same = shadow.line(text, &mut self.written).is_ok() && {
            let written =
                self.written.strip_prefix(self.titles.as_slice()).filter(|_| !self.titles.is_empty());
            written.unwrap_or(&self.written) == self.reader.piece()
        };
        // A total that may be wrong is known to be right or wrong when the record is long past.
        let same = same && !node.is_some_and(|node| self.file.totals.may_be_wrong(node));
        self.line.out.pop();
        if !same {
            let raw = BASE64.encode(self.reader.piece());
            self.line.text("_raw", &raw);
        }
        self.line.end();
        // They are written before the first record, and nowhere else.
        self.titles.clear();
        self.flush_fill();
    }

    /// Records that fill a block, before something that is none.
    fn flush_fill(&mut self) {
        if self.fill.is_empty() {
            return;
        }
        self.filled = true;
        let line = other(&std::mem::take(&mut self.fill));
        self.line.out.splice(0..0, line);
    }

    fn other(&mut self) {
        self.line.out.clear();
        let piece = self.reader.piece();
        let Some(shadow) = &mut self.shadow else { return };
        if piece == self.titles && !self.titles.is_empty() && !self.titled {
            self.titled = true;
            return;
        }
        let mut line = if std::mem::take(&mut self.titled) { other(&self.titles) } else { Vec::new() };
        line.extend(other(piece));
        // Behind a line like this one they are not written by themselves.
        self.titles.clear();
        let text = std::str::from_utf8(&line).unwrap_or_default();
        // It says nothing that could be wrong.
        for line in text.lines() {
            let _ = shadow.line(line, &mut Vec::new());
        }
        self.line.out = line;
        self.flush_fill();
    }

    fn end(&mut self) {
        let Some(shadow) = &mut self.shadow else { return };
        if self.titled {
            self.line.out = other(&self.titles);
        }
        let mut canonical = Vec::new();
        // What is missing at the end has been told of by the reader.
        let fine = shadow.finish(&mut canonical).is_ok();
        if fine && !self.filled && canonical == self.fill {
            return;
        }
        self.flush_fill();
        if self.file.fill.is_some() {
            self.line.out.extend_from_slice(b"{\"_record\":\"_end\",\"fill\":0}\n");
        }
    }
}

fn other(bytes: &[u8]) -> Vec<u8> {
    format!("{{\"_record\":\"_other\",\"_raw\":\"{}\"}}\n", BASE64.encode(bytes)).into_bytes()
}
