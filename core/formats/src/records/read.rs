//! Files of records, read: cut, told apart, verified, record by record in constant memory.

use std::{io::Read, ops::Range};

use bumpalo::Bump;
use portolan_schema::layout::{Framing, Long, NodeId, Short, UnknownRecords, Verify};

use super::{
    RecordError, RecordErrorKind, RecordFile, delimited,
    formula::{Facts, compare},
    frame::{Cut, Framer, MAX_RECORD},
    part::PartKind,
    state::{Known, Pending, State},
    structure::Move,
    titles,
    totals::When,
    values::{FieldProblem, Sink, Values},
    wrap::Wraps,
};
use crate::{Decimal, Value, lexical};

/// How much of a file is read at a time.
const CHUNK: usize = 256 << 10;

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
    input: R,
    window: Vec<u8>,
    /// How much of the window is filled.
    filled: usize,
    /// Where in the window the next piece begins, and the last one began and ended.
    from: usize,
    piece: Range<usize>,
    data: Range<usize>,
    /// Where in the file the window begins.
    offset: u64,
    complete: bool,
    ended: bool,
    /// Why no more can be read, once what was read before is used up.
    broken: Option<std::io::Error>,
    /// So many bytes at the end of the file are blanks and line ends, once that is known.
    blank_end: Option<usize>,
    framer: Framer,
    state: State,
    moves: Vec<Move>,
    problems: Vec<Problem>,
    found: Vec<FieldProblem>,
    arena: Bump,
    /// Values are left to whoever uses them.
    lightly: bool,
    /// Line ends that were taken out, where the layout says that they belong to nothing.
    wraps: Option<Wraps>,
}

impl<'f, R: Read> RecordReader<'f, R> {
    /// Reads `input` as the layout says.
    pub fn new(file: &'f RecordFile, input: R) -> Self {
        Self {
            file,
            input,
            window: Vec::new(),
            filled: 0,
            from: 0,
            piece: 0..0,
            data: 0..0,
            offset: 0,
            complete: false,
            ended: false,
            broken: None,
            blank_end: None,
            framer: file.framer(),
            state: State::new(file),
            moves: Vec::new(),
            problems: Vec::new(),
            found: Vec::new(),
            arena: Bump::new(),
            lightly: false,
            wraps: file.layout.file.wrapped.then(Wraps::default),
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
        match &self.wraps {
            Some(wraps) => wraps.piece(),
            None => &self.window[self.piece.clone()],
        }
    }

    /// The record's own bytes.
    pub fn record(&self) -> &[u8] {
        &self.window[self.data.clone()]
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
                    if let Err(error) = self.fill() {
                        self.fail(RecordErrorKind::Input(error.to_string()));
                        return Next::End;
                    }
                }
                Ok(Cut::Skip(range)) => {
                    self.piece = self.from + range.start..self.from + range.end;
                    self.data = self.piece.start..self.piece.start;
                    self.from = self.piece.end;
                    self.put_back();
                    return Next::Other;
                }
                Ok(Cut::Titles { data, whole }) => {
                    self.piece = self.from + whole.start..self.from + whole.end;
                    self.data = self.piece.start..self.piece.start;
                    if let Err((kind, place)) =
                        titles::check(self.file, &self.window[self.from..self.from + data.end])
                    {
                        self.untitled(kind, place);
                        return Next::End;
                    }
                    self.from = self.piece.end;
                    return Next::Other;
                }
                Ok(Cut::Record { data, whole }) => {
                    self.piece = self.from + whole.start..self.from + whole.end;
                    self.data = self.from + data.start..self.from + data.end;
                    self.from = self.piece.end;
                    self.put_back();
                    return self.placed(sink);
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

    /// Puts line ends back that were taken out of the last piece.
    fn put_back(&mut self) {
        if let Some(wraps) = &mut self.wraps {
            let last = self.complete && self.piece.end == self.window.len();
            wraps.put_back(&self.window[self.piece.clone()], self.offset + self.piece.start as u64, last);
        }
    }

    /// Where in the file a byte of the window stands; in a file with line ends anywhere, where it would stand about.
    fn stands(&self, at: usize) -> u64 {
        self.offset + at as u64 + self.wraps.as_ref().map_or(0, Wraps::passed)
    }

    fn cut(&mut self) -> Result<Cut, super::FrameError> {
        let (file, state, arena) = (self.file, &mut self.state, &self.arena);
        let window = &self.window[self.from..self.filled];
        let complete = self.complete;
        self.framer.next(window, complete, &mut |rest| file.shaped(state, rest, complete, arena))
    }

    /// Something after which nothing can be read.
    fn fail(&mut self, kind: RecordErrorKind) {
        self.ended = true;
        let offset = self.offset + self.from as u64;
        let raw = self.window[self.from..self.filled].iter().take(64).copied().collect();
        let record = self.state.known.number + 1;
        self.problems.push(Problem {
            error: RecordError { kind, record, offset, name: None, field: None, raw },
            warning: false,
        });
    }

    /// A line of titles that is not the layout's: what follows would be read under wrong names.
    fn untitled(&mut self, kind: RecordErrorKind, place: Range<usize>) {
        self.ended = true;
        let place = self.from + place.start..self.from + place.end;
        let raw = self.window[place.clone()].iter().take(128).copied().collect();
        let offset = self.stands(place.start);
        let error = RecordError { kind, record: 1, offset, name: None, field: None, raw };
        self.problems.push(Problem { error, warning: false });
    }

    /// Reads more of the file.
    fn fill(&mut self) -> std::io::Result<()> {
        if self.from > 0 {
            self.window.copy_within(self.from..self.filled, 0);
            self.filled -= self.from;
            self.offset += self.from as u64;
            self.from = 0;
        }
        // What one record needs is known to be little; a window that keeps growing is that of a file that is framed otherwise.
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        let wanted = self.filled + CHUNK.max(self.filled.min(MAX_RECORD));
        if self.window.len() < wanted {
            self.window.resize(wanted, 0);
        }
        let before = self.filled;
        let read = loop {
            match self.input.read(&mut self.window[self.filled..]) {
                Ok(0) => {
                    self.complete = true;
                    break Ok(());
                }
                Ok(bytes) => {
                    self.filled += bytes;
                    if self.filled == self.window.len() {
                        break Ok(());
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if self.filled > before => {
                    self.broken = Some(error);
                    break Ok(());
                }
                Err(error) => break Err(error),
            }
        };
        if let Some(wraps) = &mut self.wraps {
            self.window.truncate(self.filled);
            wraps.take(&mut self.window, before, self.offset + before as u64);
            self.filled = self.window.len();
        }
        read
    }

    /// Whether the current record is the last one: only asked where a layout does.
    fn is_last(&mut self) -> bool {
        loop {
            if !self.complete && self.filled - self.from < 4096 {
                // The current piece stays where it is.
                let (from, piece, data) = (self.from, self.piece.clone(), self.data.clone());
                self.from = piece.start;
                let moved = self.from;
                if let Err(error) = self.fill() {
                    self.broken = Some(error);
                    return true;
                }
                self.from = from - moved;
                self.piece = piece.start - moved..piece.end - moved;
                self.data = data.start - moved..data.end - moved;
                continue;
            }
            let blank = |byte: &&u8| matches!(byte, b'\r' | b'\n' | 0x1A | b' ');
            let rest = &self.window[self.from..self.filled];
            let window = &self.window[..self.filled];
            return self.complete
                && rest.len()
                    <= *self.blank_end.get_or_insert_with(|| window.iter().rev().take_while(blank).count());
        }
    }

    fn placed<S: Sink>(&mut self, sink: &mut S) -> Next {
        let file = self.file;
        if file.is_fill(&self.window[self.data.clone()]) {
            return Next::Other;
        }
        let last = file.asks_for_last && self.is_last();
        self.state.known.number += 1;
        self.state.known.records += 1;
        let (head, tail) = file.layout.file.record_margins;
        let data = &self.window[self.data.clone()];
        let begin = (head as usize).min(data.len());
        let end = data.len().saturating_sub(tail as usize).max(begin);
        self.data = self.data.start + begin..self.data.start + end;
        let data = &self.window[self.data.clone()];
        let offset = self.stands(self.piece.start);
        self.arena.reset();
        let arena = &self.arena;
        let mut info = RecordInfo { node: None, number: self.state.known.number, offset };
        let place = {
            let facts = file.facts(&self.state.known, data, last);
            // A record that is too short for the columns that tell it apart is told apart by what it would be padded to.
            let facts = match &file.layout.file.framing {
                Framing::Delimited(delimited) => match delimited::unfold(data, delimited, arena) {
                    Some((record, columns)) => Facts { record, columns: Some(columns), ..facts },
                    None => facts,
                },
                _ => Facts { record: file.padded(data, None, arena), ..facts },
            };
            file.structure.read(&mut self.state.position, &facts, arena, &mut self.moves)
        };
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
                let padded = file.padded(data, None, arena);
                let facts = file.facts(&self.state.known, padded, last);
                match file.structure.recover(&mut self.state.position, &facts, arena, &mut self.moves) {
                    Some(node) => node,
                    None => return Next::Unknown(info),
                }
            }
        };
        info.node = Some(node);
        self.moved();
        self.values(node, info, last, sink);
        Next::Record(info)
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

    fn values<S: Sink>(&mut self, node: NodeId, info: RecordInfo, last: bool, sink: &mut S) {
        let file = self.file;
        let Some(form) = &file.forms[node.0 as usize] else { return };
        let data = &self.window[self.data.clone()];
        let arena = &self.arena;
        let unfolded = form.delimited.as_ref().map(|how| (how, delimited::unfold(data, how, arena)));
        let (mut record, columns) = match unfolded {
            Some((_, Some((record, columns)))) => (record, Some(columns)),
            _ => (data, None),
        };
        let strict = !matches!(file.layout.file.framing, Framing::Shaped);
        if let Some((how, unfolded)) = &unfolded {
            let found = delimited::columns(how, form, file, data, unfolded.map(|(_, columns)| columns.len()));
            let problem = |kind| FieldProblem { field: String::new(), at: 0, length: data.len(), kind };
            self.found.extend(found.map(problem));
        } else {
            if record.len() < form.least && file.layout.file.short == Short::Pad {
                record = file.padded(record, Some(form.least), arena);
            } else if record.len() < form.least && file.layout.file.short == Short::Refuse {
                let kind = RecordErrorKind::Short { found: record.len(), needed: form.least };
                self.found.push(FieldProblem { field: String::new(), at: 0, length: record.len(), kind });
            }
            if let Some(most) = form.most
                && record.len() > most
                && strict
            {
                let (within, beyond) = record.split_at(most);
                let blanks = file.fills_up() && beyond.iter().all(|byte| *byte == file.blank);
                if !blanks && file.layout.file.long == Long::Refuse {
                    let kind = RecordErrorKind::Long { found: record.len(), most };
                    self.found.push(FieldProblem {
                        field: String::new(),
                        at: most,
                        length: beyond.len(),
                        kind,
                    });
                }
                record = within;
            }
        }
        // What a record that is too long says is read all the same: it may tell why.
        let readable = self.found.iter().all(|found| matches!(found.kind, RecordErrorKind::Long { .. }));
        let told = self.found.len();
        if readable && (!self.lightly || file.demands[node.0 as usize]) {
            let facts = file.facts(&self.state.known, record, last);
            let facts = Facts { node: Some(node), columns, ..facts };
            let mut values = Values {
                facts,
                arena,
                short: file.layout.file.short,
                sink,
                problems: &mut self.found,
                path: String::new(),
            };
            let end = values.parts(&form.parts, 0);
            let end = if columns.is_some() { end } else { end.max(form.least) };
            // What stands behind the last field of a record whose length varies.
            if let Some(beyond) = record.get(end..)
                && columns.is_none()
                && strict
                && file.layout.file.long == Long::Refuse
                && told == 0
                && !beyond.iter().all(|byte| *byte == file.blank && file.fills_up())
            {
                let kind = RecordErrorKind::Long { found: record.len(), most: end };
                self.found.push(FieldProblem { field: String::new(), at: end, length: beyond.len(), kind });
            }
            if let Some(kind) = columns
                .and_then(|columns| delimited::miscounted(file, columns.len(), end, end))
                .filter(|_| told == 0)
            {
                self.found.push(FieldProblem { field: String::new(), at: 0, length: data.len(), kind });
            }
            let requires = &file.requires[node.0 as usize];
            for (_, text) in requires.iter().filter(|(require, _)| !require.holds(&facts, arena)) {
                let kind = RecordErrorKind::Require(text.clone());
                self.found.push(FieldProblem { field: String::new(), at: 0, length: record.len(), kind });
            }
        }
        if let (Some(delimited), Some(_)) = (&form.delimited, columns) {
            // Where in the line the values stand that were taken out of it.
            let of_value = |found: &&mut FieldProblem| {
                !found.field.is_empty() || matches!(found.kind, RecordErrorKind::Filler)
            };
            for found in self.found.iter_mut().filter(of_value) {
                let place = delimited::place(data, delimited, found.at);
                (found.at, found.length) = (place.start, place.end - place.start);
            }
        }
        if file.totals.feeds(node)
            || !file.totals.checks(node).is_empty()
            || file.totals.kept[node.0 as usize]
        {
            // Of a line of values all of it is kept.
            let record = if columns.is_some() { data.to_vec() } else { record.to_vec() };
            self.verify(node, info, record, last);
        }
        let begin = self.stands(self.data.start);
        let name = file.structure.name(node);
        let record = &self.window[self.data.clone()];
        for found in self.found.drain(..) {
            let whole = found.field.is_empty();
            let raw = record.get(found.at..(found.at + found.length).min(record.len())).unwrap_or_default();
            self.problems.push(Problem {
                error: RecordError {
                    kind: found.kind,
                    record: info.number,
                    // Of what a record was padded with, none is in the file.
                    offset: begin + found.at.min(record.len()) as u64,
                    name: Some(name.into()),
                    field: (!whole).then(|| found.field.as_str().into()),
                    raw: raw.iter().take(128).copied().collect(),
                },
                warning: false,
            });
        }
    }

    /// What a record must say by what came before is tested now; what comes after, later.
    fn verify(&mut self, node: NodeId, info: RecordInfo, record: Vec<u8>, last: bool) {
        let file = self.file;
        if file.totals.feeds(node) && !self.feed(node, &record) {
            self.found.push(FieldProblem {
                field: String::new(),
                at: 0,
                length: 0,
                kind: RecordErrorKind::Sum,
            });
        }
        for check in file.totals.checks(node) {
            let pending = Pending {
                node,
                part: check.part.clone(),
                record: record.clone(),
                number: info.number,
                offset: self.stands(self.data.start),
                verify: check.verify,
            };
            match check.when {
                When::Now => self.test(&pending, last),
                When::End(end) => self.state.pending.push((end, pending)),
            }
        }
        if file.totals.kept[node.0 as usize] {
            self.state.known.before[node.0 as usize] = Some(record);
        }
    }

    /// What waited for the end of a group, or of the file.
    fn settle(&mut self, end: Option<NodeId>) {
        if self.state.pending.iter().all(|(until, _)| *until != end) {
            return;
        }
        let (now, later) =
            std::mem::take(&mut self.state.pending).into_iter().partition(|(until, _)| *until == end);
        self.state.pending = later;
        let now: Vec<(Option<NodeId>, Pending)> = now;
        for (_, pending) in now {
            self.test(&pending, false);
        }
    }

    fn test(&mut self, pending: &Pending, last: bool) {
        let file = self.file;
        let arena = Bump::new();
        let Some(form) = &file.forms[pending.node.0 as usize] else { return };
        let unfolded =
            form.delimited.as_ref().and_then(|how| delimited::unfold(&pending.record, how, &arena));
        let (record, columns) = match unfolded {
            Some((record, columns)) => (record, Some(columns)),
            None => (pending.record.as_slice(), None),
        };
        let facts = file.facts(&self.state.known, record, last);
        let facts = Facts { node: Some(pending.node), number: pending.number, columns, ..facts };
        let Some((part, range)) = super::walk::find(form, &pending.part, &facts, &arena) else { return };
        let (PartKind::Value(codec), Some((formula, _))) = (&part.kind, &part.value) else { return };
        let bytes = facts.bytes(range.clone()).unwrap_or_default();
        // What cannot be read has been told of already.
        let Ok(found) = codec.read(bytes, &arena) else { return };
        let wanted = formula.value(&facts, &arena);
        let same = match (found, wanted) {
            (Value::Absent, Value::Absent) => true,
            _ => compare(found, wanted).is_some_and(|ordering| ordering.is_eq()),
        };
        if same {
            return;
        }
        let wanted = match wanted {
            Value::Absent => "it cannot be computed".to_owned(),
            Value::Decimal(number) => {
                format!("{} is computed", written(Value::Decimal(scaled(number, found))))
            }
            wanted => format!("{} is computed", written(wanted)),
        };
        let field: String = name_of(form, &pending.part);
        let range = match &form.delimited {
            Some(how) => delimited::place(&pending.record, how, range.start),
            None => range,
        };
        self.problems.push(Problem {
            error: RecordError {
                kind: RecordErrorKind::Verify(wanted),
                record: pending.number,
                offset: pending.offset + range.start as u64,
                name: Some(file.structure.name(pending.node).into()),
                field: Some(field.into()),
                raw: pending.record.get(range).unwrap_or(bytes).to_vec(),
            },
            warning: pending.verify == Verify::Warn,
        });
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
            let offset = self.offset + self.from as u64;
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

/// A number with as many digits after the point as the one it is compared with.
fn scaled(number: Decimal, beside: Value<'_>) -> Decimal {
    let scale = match beside {
        Value::Decimal(beside) => beside.scale,
        _ => 0,
    };
    number.rescale(scale).unwrap_or(number)
}

fn written(value: Value<'_>) -> String {
    let mut out = Vec::new();
    match lexical::write_any(value, &mut out) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => "another".to_owned(),
    }
}

/// The names that lead to a part.
pub(super) fn name_of(form: &super::part::Form, path: &[u32]) -> String {
    let mut names = Vec::new();
    for depth in 1..=path.len() {
        if let Some(part) = form.at(&path[..depth]) {
            names.push(part.name.to_string());
        }
    }
    names.join(".")
}
