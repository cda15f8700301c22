//! Files of records, written from lines of JSON: the reverse of reading, byte for byte where a line kept what is unusual.
//!
//! A line that came with `_raw`, the record's bytes as they were read, is laid over them: what was not changed stays as it was, down
//! to fillers and odd signs. Without it the record is written as its layout would have it.

mod fields;
mod original;
mod raw;
mod totals;
mod values;

use std::collections::BTreeMap;

use base64::Engine;
use bumpalo::Bump;
use portolan_schema::layout::{Extent, Framing, NodeId, Short, Start, Times, Verify};

use super::{
    JsonLine, RecordError, RecordErrorKind, RecordFile,
    formula::{Facts, compare},
    frame::{Enframer, line_of},
    given::Given,
    part::{Form, Part, PartKind},
    sign::SignElsewhere,
    state::{Known, Pending, State},
    structure::Move,
    totals::When,
    values::Values,
    walk::Occurrence,
    wrap::Wraps,
};
use crate::{Unwritable, Value, ValueProblem};
use fields::same;
pub use original::Rebuild;
use totals::{is_given, is_known};

const BASE64: base64::engine::GeneralPurpose = base64::engine::general_purpose::STANDARD;

/// Writes a file of records.
pub struct RecordWriter<'f> {
    file: &'f RecordFile,
    state: State,
    frame: Enframer,
    moves: Vec<Move>,
    arena: Bump,
    /// Bytes written before this line, and where in what is written now it began.
    written: u64,
    began: usize,
    /// The last record is a line without an end: the last of the file it is from.
    open: bool,
    /// What was written before it was known: where, and what it is to be.
    patches: Vec<(u64, Vec<u8>)>,
    /// Where blocks begin was said by lines of their own.
    blocks_given: bool,
    /// The block that is written: where it begins, and what was said of its length.
    block: Option<(u64, Vec<u8>)>,
    /// The line of titles stands there, or something in its place.
    titled: bool,
    /// It is no file that is written, but one record.
    alone: bool,
    /// The record that is made now: its memory serves the next.
    making: Vec<u8>,
    /// How many records fill the last block; as many as are needed where nothing is said.
    fill: Option<u64>,
}

/// Bytes of a record, and where in it they are.
type Patch = (std::ops::Range<usize>, Vec<u8>);

/// Where in a record is written.
#[derive(Clone, Copy)]
struct Spot<'s> {
    node: NodeId,
    /// The occurrence of a list that it is in.
    within: Option<&'s Occurrence<'s>>,
    /// The group that it is in.
    around: Option<&'s Around<'s>>,
}

/// A group that is written, and what is given of it.
struct Around<'s> {
    parts: &'s [Part],
    given: &'s BTreeMap<String, Given>,
    outer: Option<&'s Around<'s>>,
}

impl<'s> Spot<'s> {
    /// What is given of some parts, if they are being written.
    fn given(&self, parts: &[Part]) -> Option<&'s BTreeMap<String, Given>> {
        let mut around = self.around;
        while let Some(group) = around {
            if std::ptr::eq(group.parts, parts) {
                return Some(group.given);
            }
            around = group.outer;
        }
        None
    }
}

/// What is wrong with a field that is to be written.
struct Wrong {
    field: String,
    kind: RecordErrorKind,
}

impl Wrong {
    fn json(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), kind: RecordErrorKind::Json(message.into()) }
    }
}

impl<'f> RecordWriter<'f> {
    /// Writes as the layout says.
    pub fn new(file: &'f RecordFile) -> Self {
        Self {
            file,
            state: State::new(file),
            frame: Enframer::new(&file.layout.file),
            moves: Vec::new(),
            arena: Bump::new(),
            written: 0,
            began: 0,
            open: false,
            patches: Vec::new(),
            blocks_given: false,
            block: None,
            titled: false,
            alone: false,
            making: Vec::new(),
            fill: None,
        }
    }

    /// What was written too early and is to be written over: where it is in the file, and its bytes.
    pub fn patches(&mut self) -> std::vec::Drain<'_, (u64, Vec<u8>)> {
        self.patches.drain(..)
    }

    /// Appends what a line says: a record, or bytes that are none.
    pub fn line(&mut self, line: &str, out: &mut Vec<u8>) -> Result<(), Box<RecordError>> {
        let start = out.len();
        self.began = start;
        let result = self.try_line(line, out);
        match result {
            Ok(()) => {
                self.written += (out.len() - start) as u64;
                Ok(())
            }
            Err(wrong) => {
                out.truncate(start);
                Err(self.error(wrong))
            }
        }
    }

    fn error(&self, wrong: (Option<NodeId>, Wrong)) -> Box<RecordError> {
        let (node, wrong) = wrong;
        Box::new(RecordError {
            kind: wrong.kind,
            record: self.state.known.number,
            offset: self.written,
            name: node.map(|node| self.file.structure.name(node).into()),
            field: (!wrong.field.is_empty()).then(|| wrong.field.as_str().into()),
            raw: Vec::new(),
        })
    }

    fn try_line(&mut self, line: &str, out: &mut Vec<u8>) -> Result<(), (Option<NodeId>, Wrong)> {
        let none = |message: &str| (None, Wrong::json("", message));
        let given = Given::parse(line).map_err(|message| (None, Wrong::json("", message)))?;
        let Given::Group(mut members) = given else { return Err(none("a line is a group: {...}")) };
        let raw = match members.remove("_raw") {
            None => None,
            Some(Given::Text(text)) => {
                Some(BASE64.decode(text).map_err(|_| none("`_raw` is not the base64 of a record's bytes"))?)
            }
            Some(_) => return Err(none("`_raw` is not the base64 of a record's bytes")),
        };
        let name = match members.remove("_record") {
            Some(Given::Text(name)) => name,
            Some(_) => return Err(none("`_record` is the name of a record")),
            None => self
                .only_record()
                .ok_or_else(|| none("nothing says which record it is: `_record` is missing"))?,
        };
        match name.as_str() {
            "_other" => {
                self.blocks_given = true;
                self.begin_block(raw.as_deref().unwrap_or_default());
                self.titled = true;
                out.extend_from_slice(&raw.unwrap_or_default());
                return Ok(());
            }
            "_refused" => return Err(none(REFUSED)),
            "_end" => {
                if let Some(Given::Bare(fill)) = members.remove("fill") {
                    self.fill = fill.parse().ok();
                }
                return Ok(());
            }
            _ => {}
        }
        let Some(node) =
            self.file.layout.find(&name).filter(|node| self.file.forms[node.0 as usize].is_some())
        else {
            return Err((None, Wrong::json("", format!("the layout has no record `{name}`"))));
        };
        if !self.titled {
            self.titles(out);
            self.titled = true;
        }
        self.record(node, &members, raw.as_deref(), out).map_err(|wrong| (Some(node), wrong))
    }

    /// The layout's record, where it has one only.
    fn only_record(&self) -> Option<String> {
        let mut records = self.file.layout.nodes().filter(|(_, node)| node.shape.is_some());
        match (records.next(), records.next()) {
            (Some((id, _)), None) => Some(self.file.layout.path(id)),
            _ => None,
        }
    }

    fn record(
        &mut self,
        node: NodeId,
        given: &BTreeMap<String, Given>,
        raw: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), Wrong> {
        let file = self.file;
        self.state.known.number += 1;
        self.state.known.records += 1;
        file.structure
            .write(&mut self.state.position, node, &mut self.moves)
            .map_err(|error| Wrong { field: String::new(), kind: error.into() })?;
        self.moved()?;
        self.arena.reset();
        let Some(form) = &file.forms[node.0 as usize] else { return Ok(()) };
        let mut template = raw.map(|raw| self.template(raw));
        if let Framing::Delimited(_) = &file.layout.file.framing {
            return self.delimited(node, form, given, raw, out);
        }
        let mut unchanged =
            template.as_deref().is_some_and(|template| self.says(node, form, template, given));
        // A Ctrl-Z at the end of a line belongs to it, unless the line was the file's last.
        if let (false, Some(raw), Framing::Lines { end, .. }) = (unchanged, raw, &file.layout.file.framing)
            && let line = line_of(raw, end)
            && line.ends_with(&[0x1A])
            && self.says(node, form, line, given)
        {
            template = Some(line.to_vec());
            unchanged = true;
        }
        let (mut record, template_record) = match &mut template {
            // What says the same is the same, whatever is unusual about it.
            Some(template) if unchanged => (template.clone(), Some(template.clone())),
            Some(template) => {
                if template.len() < form.least {
                    template.resize(form.least, file.blank);
                }
                // What stands behind its fields is passed over on reading, and kept as long as they stay what they are.
                let facts = self.facts(node, template);
                let end =
                    super::walk::each(&form.parts, 0, &facts, &self.arena, &mut |_, _| {}).max(form.least);
                let template = template.get(..end).unwrap_or(template).to_vec();
                (template.clone(), Some(template))
            }
            None => (vec![file.blank; form.least], None),
        };
        if !unchanged {
            let spot = Spot { node, within: None, around: None };
            let end = self.parts(spot, &form.parts, 0, given, &mut record, template_record.as_deref(), "")?;
            record.truncate(end.max(form.least));
            // Blanks behind its last field that fill a record up are kept.
            if let Some(rest) = template_record.as_ref().and_then(|template| template.get(record.len()..))
                && rest.iter().all(|byte| *byte == file.blank)
            {
                record.extend_from_slice(rest);
            }
            self.tell_apart(node, form, &mut record)?;
        }
        record = self.computed(node, form, given, record, template_record.as_deref())?;
        if !unchanged {
            self.is_told_apart(node, &record)?;
        }
        let same = template_record.as_ref() == Some(&record);
        if !same {
            self.length_stands(form, given, &record)?;
        }
        self.put(&record, raw, same, out)
    }

    /// Whether a record is as long as is said within it, where that was given.
    fn length_stands(
        &self,
        form: &Form,
        given: &BTreeMap<String, Given>,
        record: &[u8],
    ) -> Result<(), Wrong> {
        let Framing::LengthField { at, .. } = &self.file.layout.file.framing else { return Ok(()) };
        let at = at.saturating_sub(self.file.layout.file.record_margins.0);
        let said = form.parts.iter().find(|part| part.tells && part.start == Start::At(at));
        let Some(part) = said.filter(|part| given.get(&*part.name).is_some_and(|said| *said != Given::Null))
        else {
            return Ok(());
        };
        let said = self.with_margins(record, None);
        let mut counted = said.to_vec();
        match self.frame.length_field(&mut counted) {
            Ok(()) if counted != *said => {
                let message = "the record has another length: leave it out, it is written by itself";
                Err(Wrong::json(&part.name, message))
            }
            _ => Ok(()),
        }
    }

    /// Appends a record with what frames it; `same`: as it stands in `raw`.
    fn put(&mut self, record: &[u8], raw: Option<&[u8]>, same: bool, out: &mut Vec<u8>) -> Result<(), Wrong> {
        let file = self.file;
        self.end_line(out);
        let before = out.len();
        let offset = self.written + (before - self.began) as u64;
        let around = raw.and_then(|raw| self.around(raw));
        match raw {
            Some(raw) if same => out.extend_from_slice(raw),
            _ => {
                let mut whole = self.with_margins(record, raw);
                if self.frame.has_length_field() {
                    let framed = self.frame.length_field(whole.to_mut());
                    framed.map_err(|error| Wrong { field: String::new(), kind: error.into() })?;
                }
                let framed = match (&file.layout.file.framing, self.blocks_given) {
                    (Framing::Blocked(_, prefix), true) => {
                        let format = portolan_schema::layout::FileFormat {
                            framing: Framing::Prefixed(prefix.clone()),
                            ..file.layout.file.clone()
                        };
                        Enframer::new(&format).write(&whole, out)
                    }
                    _ => self.frame.write(&whole, out),
                };
                framed.map_err(|error| Wrong { field: String::new(), kind: error.into() })?;
                if let Some((head, end)) = around {
                    out.truncate(before + whole.len());
                    out.splice(before..before, head.iter().copied());
                    out.extend_from_slice(end);
                }
            }
        }
        self.open = self.is_open(&out[before..]);
        if self.state.pending.last().is_none_or(|(_, pending)| pending.number != self.state.known.number) {
            return Ok(());
        }
        // Where the record's own bytes are in what was written, for what is patched later.
        let frame = out.len() - before;
        let data = match file.layout.file.framing {
            // A block of its own, of which the record is the end.
            Framing::Blocked(..) if !self.blocks_given => {
                frame.saturating_sub(self.with_margins(record, raw).len())..frame
            }
            _ => self.file.within_frame(&out[before..]).unwrap_or(0..frame),
        };
        for (_, pending) in
            self.state.pending.iter_mut().rev().take_while(|(_, p)| p.number == self.state.known.number)
        {
            pending.offset = offset + data.start as u64 + u64::from(file.layout.file.record_margins.0);
        }
        Ok(())
    }

    /// Writes by what a record is told from others, where nothing was given for that.
    fn tell_apart(&self, node: NodeId, form: &Form, record: &mut [u8]) -> Result<(), Wrong> {
        let Some(rule) = self.file.structure.rule(node) else { return Ok(()) };
        let arena = Bump::new();
        for (from, bytes) in rule.columns() {
            if let Some(slot) = record.get_mut(from..from + bytes.len())
                && slot.iter().all(|byte| *byte == self.file.blank)
            {
                slot.copy_from_slice(bytes);
            }
        }
        for (place, text) in rule.texts().filter(|(place, _)| place.own) {
            let found = super::walk::find(form, &place.item, &self.facts(node, record), &arena);
            if let Some((Part { kind: PartKind::Value(codec), .. }, range)) = found
                && let Some(slot) = record.get_mut(range)
                && slot.iter().all(|byte| *byte == self.file.blank)
            {
                let name = super::read::name_of(form, &place.item);
                codec
                    .write(Value::Text(text), slot)
                    .map_err(|problem| Wrong { field: name, kind: problem.into() })?;
            }
        }
        Ok(())
    }

    /// Refuses what would be read as another record.
    fn is_told_apart(&self, node: NodeId, record: &[u8]) -> Result<(), Wrong> {
        let Some(rule) = self.file.structure.rule(node) else { return Ok(()) };
        let arena = Bump::new();
        // Whether it is the last is not known yet.
        if rule.asks_for_last() || rule.holds(&self.facts(node, record), &arena) {
            return Ok(());
        }
        Err(Wrong::json("", NOT_THIS_RECORD))
    }

    /// A record by itself, without what frames it: what it says of other records is left to whoever writes it into a file.
    pub(super) fn alone(
        file: &RecordFile,
        node: NodeId,
        given: &BTreeMap<String, Given>,
    ) -> Result<Vec<u8>, Unwritable> {
        let writer = RecordWriter { alone: true, ..RecordWriter::new(file) };
        let unwritable = |Wrong { field, kind }| {
            let name = file.structure.name(node);
            let field = if field.is_empty() { name.to_owned() } else { format!("{name}.{field}") };
            Unwritable { field, problem: kind.to_string() }
        };
        let Some(form) = &file.forms[node.0 as usize] else { return Ok(Vec::new()) };
        writer.by_itself(node, form, given).map_err(unwritable)
    }

    fn by_itself(
        &self,
        node: NodeId,
        form: &Form,
        given: &BTreeMap<String, Given>,
    ) -> Result<Vec<u8>, Wrong> {
        if let Some(how) = &form.delimited {
            return self.line_by_itself(node, form, how, given);
        }
        let mut record = vec![self.file.blank; form.least];
        let spot = Spot { node, within: None, around: None };
        let end = self.parts(spot, &form.parts, 0, given, &mut record, None, "")?;
        record.truncate(end.max(form.least));
        for check in self.file.totals.checks(node).iter().filter(|check| form.is_own(node, &check.part)) {
            let patch = self.compute(node, form, &check.part, &record, None);
            let wrong = |problem: ValueProblem| Wrong {
                field: super::read::name_of(form, &check.part),
                kind: problem.into(),
            };
            if let Some((range, bytes)) = patch.map_err(wrong)?
                && let Some(slot) = record.get_mut(range)
            {
                slot.copy_from_slice(&bytes);
            }
        }
        Ok(record)
    }

    fn facts<'a>(&'a self, node: NodeId, record: &'a [u8]) -> Facts<'a> {
        Facts { node: Some(node), ..self.file.facts(&self.state.known, record, false) }
    }

    /// The same within a list.
    fn facts_at<'a>(&'a self, spot: Spot<'a>, record: &'a [u8]) -> Facts<'a> {
        Facts { within: spot.within, ..self.facts(spot.node, record) }
    }

    /// Ends the file: what must be there was there, and the last block is filled up.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Box<RecordError>> {
        let ended = self.file.structure.end(&mut self.state.position, &mut self.moves);
        let moves = std::mem::take(&mut self.moves);
        let settled = moves.iter().try_for_each(|step| match step {
            Move::Close(node) => self.settle(Some(*node)),
            Move::Open(_) => Ok(()),
        });
        settled.and_then(|()| self.settle(None)).map_err(|wrong| self.error((None, wrong)))?;
        self.end_block();
        if let Err(error) = ended {
            return Err(self.error((None, Wrong { field: String::new(), kind: error.into() })));
        }
        if let (Some(block), Some(fill)) = (&self.file.layout.file.block, self.file.fill) {
            let records = u64::from(block.records.max(1));
            let missing = (records - self.state.known.records % records) % records;
            let longest = self.file.forms.iter().flatten().map(|form| form.least).max().unwrap_or(0);
            for _ in 0..self.fill.unwrap_or(missing).min(records * 1024) {
                let line = vec![fill; longest];
                let framed = self.frame.write(&line, out);
                framed.map_err(|e| self.error((None, Wrong { field: String::new(), kind: e.into() })))?;
            }
        }
        Ok(())
    }
}

const REFUSED: &str = "here stands what was refused when the file was read: correct it there, or take this line out, and the records within it";
const NOT_THIS_RECORD: &str = "it would not be read as this record: what tells it from others does not hold";

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
