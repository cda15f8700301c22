//! Files of records, read: cut, told apart, verified, record by record in constant memory.

mod judge;

use std::{io::Read, ops::Range};

use bumpalo::Bump;
use portolan_schema::layout::{Framing, NodeId, UnknownRecords};

pub(super) use judge::name_of;

use super::{
    RecordError, RecordErrorKind, RecordFile, delimited,
    formula::Facts,
    frame::{BYTE_ORDER_MARK, Cut, FrameError, Framer},
    state::{Known, State},
    structure::Move,
    titles,
    values::{FieldProblem, Sink},
    window::Window,
};

/// What came next in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A record; what is wrong with it is among the problems.
    Record(RecordInfo),
    /// A record that could not be placed, or passed over because the layout says so.
    Unknown(RecordInfo),
    /// Bytes that are no record.
    Other,
    /// The end.
    End,
}

/// Which record it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordInfo {
    /// Its kind; `None` where that is not known.
    pub node: Option<NodeId>,
    /// Its number in the file, from 1.
    pub number: u64,
    /// Where it begins.
    pub offset: u64,
}

/// Something that is wrong, and how much it weighs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What, and where.
    pub error: RecordError,
    /// The layout says that this is to be reported, and no more.
    pub warning: bool,
}

/// Reads a file of records.
pub struct RecordReader<'f, R> {
    file: &'f RecordFile,
    window: Window<R>,
    ended: bool,
    framer: Framer,
    state: State,
    moves: Vec<Move>,
    problems: Vec<Problem>,
    found: Vec<FieldProblem>,
    arena: Bump,
    /// Values are left to whoever uses them.
    lightly: bool,
}

impl<'f, R: Read> RecordReader<'f, R> {
    /// Reads `input` as the layout says.
    pub fn new(file: &'f RecordFile, input: R) -> Self {
        Self {
            file,
            window: Window::new(input, file.layout.file.wrapped),
            ended: false,
            framer: file.framer(),
            state: State::new(file),
            moves: Vec::new(),
            problems: Vec::new(),
            found: Vec::new(),
            arena: Bump::new(),
            lightly: false,
        }
    }

    /// Without reading values that nothing in the layout asks for: whoever uses them finds out what is wrong with them. What a layout
    /// demands of records, lists and totals is tested all the same.
    #[must_use]
    pub fn lightly(mut self) -> Self {
        self.lightly = true;
        self
    }

    /// The bytes of the piece that came last, with all that frames it.
    pub fn piece(&self) -> &[u8] {
        self.window.piece()
    }

    /// The record's own bytes.
    pub fn record(&self) -> &[u8] {
        self.window.record()
    }

    /// The groups and the record that began with the record that came last, from the outside inwards.
    pub fn opened(&self) -> impl Iterator<Item = NodeId> {
        self.moves.iter().filter_map(|step| match step {
            Move::Open(node) => Some(*node),
            Move::Close(_) => None,
        })
    }

    /// What was found to be wrong since it was asked last.
    pub fn problems(&mut self) -> std::vec::Drain<'_, Problem> {
        self.problems.drain(..)
    }

    /// Whether anything was found that was not asked for yet.
    pub fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// How many records there were so far.
    pub fn count(&self) -> u64 {
        self.state.known.number
    }

    /// Reads on to the next piece, and gives its values to `sink` if it is a record.
    pub fn next<S: Sink>(&mut self, sink: &mut S) -> Next {
        if self.ended {
            return Next::End;
        }
        loop {
            match self.cut() {
                Ok(Cut::More) => {
                    if let Err(error) = self.window.fill() {
                        self.fail(RecordErrorKind::Input(error.to_string()));
                        return Next::End;
                    }
                }
                Ok(Cut::Skip(piece)) => {
                    let nothing = piece.start..piece.start;
                    self.window.take(piece, nothing);
                    return Next::Other;
                }
                Ok(Cut::Titles { data, whole }) => {
                    if let Err((kind, place)) = titles::check(self.file, &self.window.rest()[..data.end]) {
                        self.untitled(kind, place);
                        return Next::End;
                    }
                    let nothing = whole.start..whole.start;
                    self.window.take(whole, nothing);
                    return Next::Other;
                }
                Ok(Cut::Record { data, whole }) => {
                    self.window.take(whole, data);
                    let next = self.placed(sink);
                    self.marked();
                    return next;
                }
                Ok(Cut::End) => {
                    self.finish();
                    return Next::End;
                }
                Err(error) => {
                    self.fail(RecordErrorKind::Frame(error));
                    return Next::End;
                }
            }
        }
    }

    /// A line of titles that is not the layout's: what follows would be read under wrong names.
    fn untitled(&mut self, kind: RecordErrorKind, place: Range<usize>) {
        self.ended = true;
        let offset = self.window.rest_at() + place.start as u64;
        let raw = self.window.rest()[place].iter().take(128).copied().collect();
        let error = RecordError { kind, record: 1, offset, name: None, field: None, raw };
        self.problems.push(Problem { error, warning: false });
    }

    /// What is wrong with a first record that begins with a byte order mark is that mark; what follows would be told of in vain.
    fn marked(&mut self) {
        if !self.problems.is_empty() && self.is_mark(self.window.piece(), self.window.piece_at()) {
            self.ended = true;
            self.problems.clear();
            let kind = FrameError::ByteOrderMark.into();
            let (record, raw) = (self.state.known.number, BYTE_ORDER_MARK.to_vec());
            let error = RecordError { kind, record, offset: 0, name: None, field: None, raw };
            self.problems.push(Problem { error, warning: false });
        }
    }

    /// Whether the file begins with these bytes, and with a byte order mark.
    fn is_mark(&self, bytes: &[u8], at: u64) -> bool {
        at == 0 && bytes.starts_with(BYTE_ORDER_MARK) && !self.file.layout.file.encoding.is_ebcdic()
    }

    fn cut(&mut self) -> Result<Cut, FrameError> {
        let (file, state, arena) = (self.file, &mut self.state, &self.arena);
        let complete = self.window.is_complete();
        self.framer.next(self.window.rest(), complete, &mut |rest| file.shaped(state, rest, complete, arena))
    }

    /// Something after which nothing can be read.
    fn fail(&mut self, kind: RecordErrorKind) {
        self.ended = true;
        let offset = self.window.rest_at();
        let kind = match self.is_mark(self.window.rest(), offset) {
            true => FrameError::ByteOrderMark.into(),
            false => kind,
        };
        let raw = self.window.rest().iter().take(64).copied().collect();
        let record = self.state.known.number + 1;
        self.problems.push(Problem {
            error: RecordError { kind, record, offset, name: None, field: None, raw },
            warning: false,
        });
    }

    fn placed<S: Sink>(&mut self, sink: &mut S) -> Next {
        let file = self.file;
        if file.is_fill(self.window.record()) {
            return Next::Other;
        }
        let last = file.asks_for_last && self.window.is_last();
        self.state.known.number += 1;
        self.state.known.records += 1;
        let (head, tail) = file.layout.file.record_margins;
        self.window.trim(head as usize, tail as usize);
        let data = self.window.record();
        let offset = self.window.piece_at();
        self.arena.reset();
        let arena = &self.arena;
        let mut info = RecordInfo { node: None, number: self.state.known.number, offset };
        // A record that is too short for the columns that tell it apart is told apart by what it would be padded to.
        let (record, columns) = match &file.layout.file.framing {
            Framing::Delimited(delimited) => match delimited::unfold(data, delimited, arena) {
                Some((record, columns)) => (record, Some(columns)),
                None => (data, None),
            },
            _ => (file.padded(data, None, arena), None),
        };
        let facts = Facts { columns, ..file.facts(&self.state.known, record, last) };
        let place = file.structure.read(&mut self.state.position, &facts, arena, &mut self.moves);
        let node = match place {
            Ok(node) => node,
            Err(error) => {
                let unknown = matches!(error, super::Misplaced::Unexpected(_));
                if unknown && file.structure.unknown == UnknownRecords::Skip {
                    return Next::Unknown(info);
                }
                self.problems.push(Problem {
                    error: RecordError {
                        kind: RecordErrorKind::Misplaced(error),
                        record: info.number,
                        offset,
                        name: None,
                        field: None,
                        raw: data.iter().take(128).copied().collect(),
                    },
                    warning: false,
                });
                let node = file.structure.recover(&mut self.state.position, &facts, arena, &mut self.moves);
                // It may have belonged to any of them.
                self.state.known.totals.iter_mut().for_each(|total| total.partial = true);
                match node {
                    Some(node) => node,
                    None => return Next::Unknown(info),
                }
            }
        };
        info.node = Some(node);
        self.warn_of_line_ends(info);
        self.moved();
        self.values(node, info, last, sink);
        Next::Record(info)
    }

    /// The second record of a fixed length begins with a line end, and so may all.
    fn warn_of_line_ends(&mut self, info: RecordInfo) {
        let file = self.file;
        let fixed = matches!(file.layout.file.framing, Framing::Fixed { line_ends: false, .. });
        let begins = matches!(self.window.record(), [b'\r' | b'\n', ..]);
        let text =
            file.forms.iter().flatten().all(|form| form.solid == 0) && !file.layout.file.encoding.is_ebcdic();
        if info.number == 2 && fixed && begins && text {
            let error = RecordError {
                kind: RecordErrorKind::LineEnds,
                record: info.number,
                offset: info.offset,
                name: info.node.map(|node| file.structure.name(node).into()),
                field: None,
                raw: Vec::new(),
            };
            self.problems.push(Problem { error, warning: true });
        }
    }

    /// What has closed is settled, what has opened begins.
    fn moved(&mut self) {
        let moves = std::mem::take(&mut self.moves);
        for step in &moves {
            match step {
                Move::Close(node) => self.settle(Some(*node)),
                Move::Open(node) => {
                    let Known { totals, ordinals, before, .. } = &mut self.state.known;
                    self.file.totals.begin(*node, totals, ordinals, before);
                    if self.file.forms[node.0 as usize].is_none() && self.file.totals.feeds(*node) {
                        self.feed(*node, &[]);
                    }
                }
            }
        }
        self.moves = moves;
    }

    fn feed(&mut self, node: NodeId, data: &[u8]) -> bool {
        let mut totals = std::mem::take(&mut self.state.known.totals);
        let facts = Facts { node: Some(node), ..self.file.facts(&self.state.known, data, false) };
        let fine = self.file.totals.feed(node, &facts, &self.arena, &mut totals);
        self.state.known.totals = totals;
        fine
    }

    fn finish(&mut self) {
        self.ended = true;
        let ended = self.file.structure.end(&mut self.state.position, &mut self.moves);
        let moves = std::mem::take(&mut self.moves);
        for step in &moves {
            if let Move::Close(node) = step {
                self.settle(Some(*node));
            }
        }
        self.settle(None);
        if let Err(error) = ended {
            let offset = self.window.rest_at();
            let record = self.state.known.number + 1;
            self.problems.push(Problem {
                error: RecordError {
                    kind: RecordErrorKind::Misplaced(error),
                    record,
                    offset,
                    name: None,
                    field: None,
                    raw: Vec::new(),
                },
                warning: false,
            });
        }
    }
}
