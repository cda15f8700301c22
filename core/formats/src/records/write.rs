//! Files of records, written from lines of JSON: the reverse of reading, byte for byte where a line kept what is unusual.
//!
//! A line that came with `_raw`, the record's bytes as they were read, is laid over them: what was not changed stays as it was, down
//! to fillers and odd signs. Without it the record is written as its layout would have it.

use std::collections::BTreeMap;

use base64::Engine;
use bumpalo::Bump;
use portolan_schema::layout::{Extent, Framing, NodeId, Short, Start, Times, Verify};

use super::{
    JsonLine, RecordError, RecordErrorKind, RecordFile,
    formula::{Facts, compare},
    frame::{Cut, Enframer, Framer, Shape, ending, line_of},
    given::Given,
    part::{Form, Part, PartKind},
    state::{Known, Pending, State},
    structure::Move,
    totals::When,
    values::Values,
    walk::Occurrence,
    wrap::Wraps,
};
use crate::{Value, ValueProblem};

const BASE64: base64::engine::GeneralPurpose = base64::engine::general_purpose::STANDARD;

/// Writes a file of records.
pub struct RecordWriter<'f> {
    file: &'f RecordFile,
    state: State,
    frame: Enframer,
    moves: Vec<Move>,
    arena: Bump,
    /// Bytes written so far.
    written: u64,
    /// What was written before it was known: where, and what it is to be.
    patches: Vec<(u64, Vec<u8>)>,
    /// Where blocks begin was said by lines of their own.
    blocks_given: bool,
    /// The line of titles stands there, or something in its place.
    titled: bool,
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
            patches: Vec::new(),
            blocks_given: false,
            titled: false,
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
                self.titled = true;
                out.extend_from_slice(&raw.unwrap_or_default());
                return Ok(());
            }
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
        self.moved();
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
            let spot = Spot { node, within: None };
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
        let offset = self.written;
        let before = out.len();
        match (raw, &template_record) {
            (Some(raw), Some(template)) if *template == record => out.extend_from_slice(raw),
            _ => {
                let mut whole = self.with_margins(&record, raw);
                let framed = self.frame.length_field(&mut whole);
                framed.map_err(|error| Wrong { field: String::new(), kind: error.into() })?;
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
            }
        }
        // Where the record's own bytes are in what was written, for what is patched later.
        let frame = out.len() - before;
        let data = self.data_of(&out[before..]).unwrap_or(0..frame);
        for (_, pending) in
            self.state.pending.iter_mut().rev().take_while(|(_, p)| p.number == self.state.known.number)
        {
            pending.offset = offset + data.start as u64 + u64::from(file.layout.file.record_margins.0);
        }
        Ok(())
    }

    /// Writes by what a record is told from others, where nothing was given for that; what would be read as another is refused.
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
                codec.write(Value::Text(text), slot).map_err(|problem| Wrong { field: name, kind: problem.into() })?;
            }
        }
        // Whether it is the last is not known yet.
        if rule.asks_for_last() || rule.holds(&self.facts(node, record), &arena) {
            return Ok(());
        }
        Err(Wrong::json("", NOT_THIS_RECORD))
    }

    /// Whether a record's own bytes say what is given.
    fn says(&self, node: NodeId, form: &Form, record: &[u8], given: &BTreeMap<String, Given>) -> bool {
        let arena = Bump::new();
        let layout = &self.file.layout;
        let (record, columns) = match &layout.file.framing {
            Framing::Delimited(delimited) => match super::delimited::unfold(record, delimited, &arena) {
                Some((record, columns)) => (record, Some(columns)),
                None => return false,
            },
            _ if layout.file.short == Short::Pad => {
                (self.file.padded(record, Some(form.least), &arena), None)
            }
            _ => (record, None),
        };
        let record =
            form.most.filter(|_| columns.is_none()).and_then(|most| record.get(..most)).unwrap_or(record);
        let (mut line, mut problems) = (JsonLine::default(), Vec::new());
        line.begin();
        let facts = Facts { columns, ..self.facts(node, record) };
        let (short, sink) = (layout.file.short, &mut line);
        let mut values =
            Values { facts, arena: &arena, short, sink, problems: &mut problems, path: String::new() };
        values.parts(&form.parts, 0);
        line.end();
        let text = std::str::from_utf8(&line.out).unwrap_or_default();
        problems.is_empty()
            && Given::parse(text).is_ok_and(|said| matches!(said, Given::Group(said) if said == *given))
    }

    /// Where within a framed record its own bytes are.
    fn data_of(&self, framed: &[u8]) -> Option<std::ops::Range<usize>> {
        let framing = match &self.file.layout.file.framing {
            Framing::Blocked(_, prefix) => Framing::Prefixed(prefix.clone()),
            Framing::Shaped | Framing::LengthField { .. } => return Some(0..framed.len()),
            Framing::Delimited(delimited) => {
                Framing::Delimited(portolan_schema::layout::Delimited { titles: false, ..delimited.clone() })
            }
            other => other.clone(),
        };
        let format = portolan_schema::layout::FileFormat {
            framing,
            margins: (0, 0),
            comments: Vec::new(),
            header_lines: 0,
            ..self.file.layout.file.clone()
        };
        let mut framer = Framer::new(&format, Vec::new());
        match framer.next(framed, true, &mut |_| Shape::Unknown) {
            Ok(Cut::Record { data, .. }) => Some(data),
            // An empty line that was a record.
            Ok(Cut::Skip(_)) => Some(0..0),
            _ => None,
        }
    }

    /// A record's own bytes, as they were read.
    fn template(&self, raw: &[u8]) -> Vec<u8> {
        let unwrapped = self.file.layout.file.wrapped.then(|| Wraps::without(raw));
        let raw = unwrapped.as_deref().unwrap_or(raw);
        let data = self.data_of(raw).unwrap_or(0..raw.len());
        let bytes = raw.get(data).unwrap_or(raw);
        let (head, tail) = self.file.layout.file.record_margins;
        let end = bytes.len().saturating_sub(tail as usize);
        bytes.get((head as usize).min(end)..end).unwrap_or_default().to_vec()
    }

    /// A record with what stands before its first field and behind its last: what stood there, or blanks.
    fn with_margins(&self, record: &[u8], raw: Option<&[u8]>) -> Vec<u8> {
        let (head, tail) = self.file.layout.file.record_margins;
        let (head, tail) = (head as usize, tail as usize);
        let before = raw.and_then(|raw| raw.get(self.data_of(raw)?)).unwrap_or_default();
        let behind =
            before.len().checked_sub(tail).and_then(|from| before.get(from..)).filter(|_| raw.is_some());
        let mut whole = before
            .get(..head)
            .filter(|_| raw.is_some())
            .map_or_else(|| vec![self.file.blank; head], <[u8]>::to_vec);
        whole.extend_from_slice(record);
        match behind {
            Some(behind) => whole.extend_from_slice(behind),
            None => whole.resize(whole.len() + tail, self.file.blank),
        }
        whole
    }

    fn facts<'a>(&'a self, node: NodeId, record: &'a [u8]) -> Facts<'a> {
        Facts { node: Some(node), ..self.file.facts(&self.state.known, record, false) }
    }

    /// The same within a list.
    fn facts_at<'a>(&'a self, spot: Spot<'a>, record: &'a [u8]) -> Facts<'a> {
        Facts { within: spot.within, ..self.facts(spot.node, record) }
    }

    /// Writes the parts of a group into a record; the byte after the last.
    #[allow(clippy::too_many_arguments, reason = "they are what writing a group needs")]
    fn parts(
        &self,
        spot: Spot<'_>,
        parts: &[Part],
        base: usize,
        given: &BTreeMap<String, Given>,
        record: &mut Vec<u8>,
        template: Option<&[u8]>,
        path: &str,
    ) -> Result<usize, Wrong> {
        for name in given.keys() {
            if parts.iter().all(|part| *part.name != **name) {
                return Err(Wrong::json(&joined(path, name), "the layout has no such field here"));
            }
        }
        let mut begins: Vec<usize> = Vec::with_capacity(parts.len());
        let (mut next, mut end) = (base, base);
        for part in parts {
            let start = match part.start {
                Start::At(offset) => base + offset as usize,
                Start::Next => next,
                Start::Like(other) => begins.get(other as usize).copied().unwrap_or(next),
                Start::FromEnd(bytes) => {
                    let length = record.len().max(end + bytes as usize);
                    self.extend(record, length);
                    length - bytes as usize
                }
            };
            begins.push(start);
            if part.overlaid {
                next = next.max(start + part.room());
            }
            let value = given.get(&*part.name).filter(|_| !part.name.is_empty());
            if part.when.is_some() && value.is_none() {
                continue;
            }
            let name = joined(path, &part.name);
            let after = self.occurrences(spot, parts, part, start, value, record, template, &name)?;
            if part.overlaid {
                next = next.max(after);
            } else if !matches!(part.start, Start::Like(_) | Start::FromEnd(_)) {
                next = after;
            }
            end = end.max(after);
        }
        let conditional = |part: &&Part| part.when.is_some() && !matches!(part.times, Times::Counted { .. });
        for part in parts.iter().filter(conditional).filter(|part| given.contains_key(&*part.name)) {
            let arena = Bump::new();
            if part.when.as_ref().is_some_and(|rule| !rule.holds(&self.facts_at(spot, record), &arena)) {
                let message = "it is given, and the condition under which it is there does not hold";
                return Err(Wrong::json(&joined(path, &part.name), message));
            }
        }
        Ok(end)
    }

    fn extend(&self, record: &mut Vec<u8>, length: usize) {
        if record.len() < length {
            record.resize(length, self.file.blank);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "they are what writing a part needs")]
    fn occurrences(
        &self,
        spot: Spot<'_>,
        siblings: &[Part],
        part: &Part,
        start: usize,
        given: Option<&Given>,
        record: &mut Vec<u8>,
        template: Option<&[u8]>,
        name: &str,
    ) -> Result<usize, Wrong> {
        if part.times == Times::Once {
            return self.once(spot, siblings, part, start, given, record, template, name);
        }
        let empty = Vec::new();
        let items = match given {
            None | Some(Given::Null) => &empty,
            Some(Given::List(items)) => items,
            Some(other) => return Err(Wrong::json(name, format!("it is {}, not a list", other.describe()))),
        };
        // What has no name has no items: it is there as often as its count says.
        let nameless = part.name.is_empty();
        let (least, most, room) = match &part.times {
            Times::Once => (1, 1, 1),
            Times::Fixed(times) => (0, *times as usize, *times as usize),
            Times::Counted { least, most, room, by, .. } => {
                let there = match nameless && !by.is_empty() {
                    true => super::walk::said(part, &self.facts_at(spot, record), &self.arena),
                    false => items.len(),
                };
                (*least as usize, *most as usize, if *room { *most as usize } else { there })
            }
        };
        if !nameless && (items.len() > most || items.len() < least) {
            let message = format!("it has {} items, and the layout has {least} to {most}", items.len());
            return Err(Wrong::json(name, message));
        }
        let mut at = start;
        for index in 0..room {
            let item = items.get(index);
            // Room that no item takes is blank, or what it was.
            if item.is_none() && !nameless && !matches!(part.times, Times::Fixed(_)) {
                let Extent::Bytes(bytes) = part.extent else { break };
                self.extend(record, at + bytes as usize);
                at += bytes as usize;
                continue;
            }
            let name = format!("{name}[{index}]");
            let occurrence = Occurrence { part, base: at, outer: spot.within };
            let within = Spot { within: Some(&occurrence), ..spot };
            at = self.once(within, siblings, part, at, item, record, template, &name)?;
        }
        if let Times::Counted { by, words, .. } = &part.times
            && !by.is_empty()
            && !nameless
        {
            self.count(spot, by, words, items.len(), record, name)?;
        }
        Ok(at)
    }

    /// The count of a list that was written: it must say as many.
    fn count(
        &self,
        spot: Spot<'_>,
        by: &[u32],
        words: &[(Box<str>, u32)],
        count: usize,
        record: &mut [u8],
        name: &str,
    ) -> Result<(), Wrong> {
        let Some(form) = &self.file.forms[spot.node.0 as usize] else { return Ok(()) };
        let arena = Bump::new();
        let place = super::formula::Place {
            record: spot.node,
            item: by.into(),
            own: true,
            previous: false,
            listed: false,
        };
        let said = match place.value(&self.facts_at(spot, record), &arena) {
            Some(Value::Integer(said)) => usize::try_from(said).ok(),
            Some(Value::Text(text)) => match words.iter().find(|(word, _)| **word == *text) {
                Some((_, said)) => Some(*said as usize),
                None => text.trim().parse().ok(),
            },
            _ => None,
        };
        if said == Some(count) {
            return Ok(());
        }
        let found = super::walk::find(form, by, &self.facts_at(spot, record), &arena);
        let Some((part, range)) = found else { return Ok(()) };
        let PartKind::Value(codec) = &part.kind else { return Ok(()) };
        let word = words.iter().find(|(_, said)| *said as usize == count).map(|(word, _)| word);
        let value = match word {
            Some(word) => Value::Text(word),
            None => Value::Integer(count as i128),
        };
        let Some(slot) = record.get_mut(range) else { return Ok(()) };
        codec.write(value, slot).map_err(|problem| Wrong { field: name.to_owned(), kind: problem.into() })
    }

    #[allow(clippy::too_many_arguments, reason = "they are what writing a part needs")]
    fn once(
        &self,
        spot: Spot<'_>,
        siblings: &[Part],
        part: &Part,
        at: usize,
        given: Option<&Given>,
        record: &mut Vec<u8>,
        template: Option<&[u8]>,
        name: &str,
    ) -> Result<usize, Wrong> {
        match &part.kind {
            PartKind::Filler { fill, .. } => {
                let Extent::Bytes(bytes) = part.extent else { return Ok(at) };
                let end = at + bytes as usize;
                self.extend(record, end);
                // Over the bytes of another there is nothing to write.
                let own = !matches!(part.start, Start::Like(_));
                if own
                    && template.is_none_or(|template| template.len() < end)
                    && let Some(slot) = record.get_mut(at..end)
                {
                    fill.write(slot);
                }
                Ok(end)
            }
            PartKind::Group(parts) => {
                let empty = BTreeMap::new();
                let members = match given {
                    None | Some(Given::Null) => &empty,
                    Some(Given::Group(members)) => members,
                    Some(other) => {
                        return Err(Wrong::json(name, format!("it is {}, not a group", other.describe())));
                    }
                };
                // A redefinition of which nothing is given leaves the bytes to the others; a group without a name is a filler.
                if (part.shared || part.name.is_empty() && !part.varies) && members.is_empty() {
                    return Ok(match part.extent {
                        Extent::Bytes(bytes) => {
                            self.extend(record, at + bytes as usize);
                            at + bytes as usize
                        }
                        _ => at,
                    });
                }
                let end = self.parts(spot, parts, at, members, record, template, name)?;
                Ok(match (part.extent, part.varies) {
                    (Extent::Bytes(bytes), false) => {
                        self.extend(record, at + bytes as usize);
                        at + bytes as usize
                    }
                    _ => end,
                })
            }
            PartKind::Value(codec) => {
                let arena = Bump::new();
                let octets;
                let value = match given {
                    None | Some(Given::Null) => match &part.default {
                        Some(default) if template.is_none() => Value::Text(default),
                        _ => Value::Absent,
                    },
                    Some(Given::Bare(text)) => Value::Text(text),
                    Some(Given::Text(text)) if part.octets => {
                        octets = hex(text).ok_or_else(|| Wrong::json(name, "it is not hexadecimal"))?;
                        Value::Bytes(&octets)
                    }
                    Some(Given::Text(text)) => Value::Text(text),
                    Some(other) => {
                        return Err(Wrong::json(name, format!("it is {}, not a value", other.describe())));
                    }
                };
                if let (Some(listed), Value::Text(text)) = (&part.listed, value)
                    && listed.iter().all(|known| **known != *text)
                {
                    return Err(Wrong { field: name.to_owned(), kind: RecordErrorKind::NotListed });
                }
                let wrong = |problem: ValueProblem| Wrong { field: name.to_owned(), kind: problem.into() };
                let bytes = match part.extent {
                    Extent::Bytes(bytes) => bytes as usize,
                    Extent::Characters(_) | Extent::Rest => {
                        let mut written = Vec::new();
                        codec.write_variable(value, &mut written).map_err(wrong)?;
                        if let Extent::Characters(count) = part.extent {
                            let text = String::from_utf8_lossy(&written).chars().count();
                            written.resize(
                                written.len() + (count as usize).saturating_sub(text),
                                self.file.blank,
                            );
                        }
                        self.extend(record, at);
                        // What stands there is replaced, what stands behind it moves.
                        let rest = record.get(at..).unwrap_or_default();
                        let taken = match part.extent {
                            Extent::Characters(count) => super::walk::characters(rest, count as usize),
                            _ => rest.len().saturating_sub(super::walk::behind(siblings)),
                        };
                        let stays = template.is_some()
                            && rest.get(..taken).is_some_and(|old| {
                                codec.read(old, &arena).is_ok_and(|old| same(part, old, value, &arena))
                            });
                        if stays {
                            return Ok(at + taken);
                        }
                        let end = at + written.len();
                        record.splice(at..at + taken, written);
                        return Ok(end);
                    }
                };
                let end = at + bytes;
                let before = record.len();
                self.extend(record, end);
                // What is computed need not be given.
                if part.value.is_some() && value == Value::Absent {
                    return Ok(end);
                }
                let Some(slot) = record.get_mut(at..end) else { return Ok(end) };
                // What stands there already as it should be stays as it is.
                let old = codec.read(slot, &arena);
                let there =
                    template.is_some_and(|template| template.len() >= end) || part.shared && before >= end;
                let unchanged = match old {
                    Ok(old) => same(part, old, value, &arena),
                    // Unreadable and absent are the same where several share the bytes.
                    Err(_) => value == Value::Absent,
                };
                if there && unchanged || part.shared && value == Value::Absent {
                    return Ok(end);
                }
                let mut fresh = vec![0; bytes];
                codec.write(value, &mut fresh).map_err(wrong)?;
                if let Some(slot) = record.get_mut(at..end) {
                    slot.copy_from_slice(&fresh);
                }
                Ok(end)
            }
        }
    }

    /// Writes what the layout computes.
    fn computed(
        &mut self,
        node: NodeId,
        form: &Form,
        given: &BTreeMap<String, Given>,
        mut record: Vec<u8>,
        template: Option<&[u8]>,
    ) -> Result<Vec<u8>, Wrong> {
        let file = self.file;
        let wrong = |path: &[u32], problem: ValueProblem| Wrong {
            field: super::read::name_of(form, path),
            kind: problem.into(),
        };
        // What does not depend on other records first: a check digit may be of a field that is computed.
        if file.totals.feeds(node) {
            let mut totals = std::mem::take(&mut self.state.known.totals);
            let fine = file.totals.feed(node, &self.facts(node, &record), &self.arena, &mut totals);
            self.state.known.totals = totals;
            if !fine {
                return Err(Wrong { field: String::new(), kind: RecordErrorKind::Sum });
            }
        }
        for check in file.totals.checks(node) {
            let chosen = check.verify == Verify::Warn && is_given(form, &check.part, given);
            match check.when {
                _ if chosen => {}
                When::Now => {
                    let bytes = self
                        .compute(node, form, &check.part, &record, template)
                        .map_err(|p| wrong(&check.part, p))?;
                    if let Some((range, bytes)) = bytes
                        && let Some(slot) = record.get_mut(range)
                    {
                        slot.copy_from_slice(&bytes);
                    }
                }
                When::End(end) => {
                    let pending = Pending {
                        node,
                        part: check.part.clone(),
                        record: record.clone(),
                        number: self.state.known.number,
                        offset: 0,
                        verify: check.verify,
                    };
                    self.state.pending.push((end, pending));
                }
            }
        }
        if file.totals.kept[node.0 as usize] {
            self.state.known.before[node.0 as usize] = Some(record.clone());
        }
        Ok(record)
    }

    /// The bytes of a computed value, and where they are; `None` where they are there already.
    fn compute(
        &self,
        node: NodeId,
        form: &Form,
        path: &[u32],
        record: &[u8],
        template: Option<&[u8]>,
    ) -> Result<Option<Patch>, ValueProblem> {
        let arena = Bump::new();
        let facts = self.facts(node, record);
        let Some((part, range)) = super::walk::find(form, path, &facts, &arena) else { return Ok(None) };
        let (PartKind::Value(codec), Some((formula, _))) = (&part.kind, &part.value) else { return Ok(None) };
        let wanted = formula.value(&facts, &arena);
        let Some(slot) = record.get(range.clone()) else { return Ok(None) };
        let stands = codec.read(slot, &arena).is_ok_and(|old| match (old, wanted) {
            (Value::Absent, Value::Absent) => true,
            _ => compare(old, wanted).is_some_and(|ordering| ordering.is_eq()),
        });
        if stands && (template.is_some() || wanted != Value::Absent) {
            return Ok(None);
        }
        let mut bytes = vec![0; range.len()];
        let wanted = match wanted {
            Value::Decimal(number) => Value::Decimal(number.normalized()),
            wanted => wanted,
        };
        codec.write(wanted, &mut bytes)?;
        Ok(Some((range, bytes)))
    }

    fn moved(&mut self) {
        let moves = std::mem::take(&mut self.moves);
        for step in &moves {
            match step {
                Move::Close(node) => self.settle(Some(*node)),
                Move::Open(node) => {
                    let Known { totals, ordinals, before, .. } = &mut self.state.known;
                    self.file.totals.begin(*node, totals, ordinals, before);
                    if self.file.forms[node.0 as usize].is_none() && self.file.totals.feeds(*node) {
                        let mut totals = std::mem::take(&mut self.state.known.totals);
                        let facts = self.facts(*node, &[]);
                        self.file.totals.feed(*node, &facts, &self.arena, &mut totals);
                        self.state.known.totals = totals;
                    }
                }
            }
        }
        self.moves = moves;
    }

    /// What waited for the end of a group: patches of what was written.
    fn settle(&mut self, end: Option<NodeId>) {
        let (now, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.state.pending).into_iter().partition(|(until, _)| *until == end);
        self.state.pending = later;
        for (_, pending) in now {
            let Some(form) = &self.file.forms[pending.node.0 as usize] else { continue };
            if let Ok(Some((range, bytes))) =
                self.compute(pending.node, form, &pending.part, &pending.record, None)
            {
                self.patches.push((pending.offset + range.start as u64, bytes));
            }
        }
    }

    /// Ends the file: what must be there was there, and the last block is filled up.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Box<RecordError>> {
        let ended = self.file.structure.end(&mut self.state.position, &mut self.moves);
        let moves = std::mem::take(&mut self.moves);
        for step in &moves {
            if let Move::Close(node) = step {
                self.settle(Some(*node));
            }
        }
        self.settle(None);
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

    /// Writes delimited values.
    fn delimited(
        &mut self,
        node: NodeId,
        form: &Form,
        given: &BTreeMap<String, Given>,
        raw: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), Wrong> {
        let Framing::Delimited(delimited) = &self.file.layout.file.framing else { return Ok(()) };
        for name in given.keys() {
            if form.parts.iter().all(|part| *part.name != **name) {
                return Err(Wrong::json(name, "the layout has no such field"));
            }
        }
        let file = self.file;
        let template = raw.map(|raw| self.template(raw));
        let said = template.as_deref().is_some_and(|template| self.says(node, form, template, given));
        let arena = Bump::new();
        let old = template.as_deref().and_then(|line| super::delimited::unfold(line, delimited, &arena));
        let mut values: Vec<Vec<u8>> = Vec::with_capacity(form.parts.len());
        // Which of the values each part is.
        let mut places = Vec::with_capacity(form.parts.len());
        let mut unchanged = true;
        for part in &form.parts {
            let value = given.get(&*part.name);
            let there = part.when.is_none() || value.is_some();
            places.push(there.then_some(values.len()));
            if !there {
                continue;
            }
            let before = old.and_then(|(bytes, columns)| bytes.get(columns.get(values.len())?.clone()));
            let name: &str = &part.name;
            let wrong = |problem: ValueProblem| Wrong { field: name.to_owned(), kind: problem.into() };
            let PartKind::Value(codec) = &part.kind else {
                values.push(before.unwrap_or_default().to_vec());
                continue;
            };
            let value = match value {
                None | Some(Given::Null) => part.default.as_deref().map_or(Value::Absent, Value::Text),
                Some(Given::Bare(text) | Given::Text(text)) => Value::Text(text),
                Some(other) => {
                    return Err(Wrong::json(name, format!("it is {}, not a value", other.describe())));
                }
            };
            let mut written = Vec::new();
            match before {
                _ if said => written = before.unwrap_or_default().to_vec(),
                // A line that was too short for it stays as it was where nothing is to be in it.
                None if old.is_some() && value == Value::Absent => {}
                Some(before)
                    if codec.read(before, &arena).is_ok_and(|old| same(part, old, value, &arena)) =>
                {
                    written = before.to_vec();
                }
                // What is computed need not be given.
                _ if part.value.is_some() && value == Value::Absent => unchanged = false,
                _ => {
                    codec.write_variable(value, &mut written).map_err(wrong)?;
                    unchanged = false;
                }
            }
            values.push(written);
        }
        unchanged &= template.is_some();
        if template.is_none() {
            tell_apart(file.structure.rule(node), &places, &mut values);
        }
        let line = |values: &[Vec<u8>]| {
            let mut line = Vec::new();
            super::delimited::fold(values, delimited, &mut line);
            line
        };
        if file.totals.feeds(node) {
            let mut totals = std::mem::take(&mut self.state.known.totals);
            let fine = file.totals.feed(node, &self.facts(node, &line(&values)), &self.arena, &mut totals);
            self.state.known.totals = totals;
            if !fine {
                return Err(Wrong { field: String::new(), kind: RecordErrorKind::Sum });
            }
        }
        for check in file.totals.checks(node) {
            let Some(part) = form.at(&check.part) else { continue };
            let place = check.part.first().and_then(|index| places.get(*index as usize).copied().flatten());
            let Some(place) = place else { continue };
            let is_given = is_given(form, &check.part, given);
            let chosen = check.verify == Verify::Warn && is_given;
            let (PartKind::Value(codec), Some((formula, _))) = (&part.kind, &part.value) else { continue };
            match check.when {
                _ if chosen => {}
                When::Now => {
                    let arena = Bump::new();
                    let line = line(&values);
                    let wanted = formula.value(&self.facts(node, &line), &arena);
                    let Some(value) = values.get_mut(place) else { continue };
                    let stands = codec.read(value, &arena).is_ok_and(|old| match (old, wanted) {
                        (Value::Absent, Value::Absent) => true,
                        _ => compare(old, wanted).is_some_and(|ordering| ordering.is_eq()),
                    });
                    if !stands {
                        let mut written = Vec::new();
                        let wanted = match wanted {
                            Value::Decimal(number) => Value::Decimal(number.normalized()),
                            wanted => wanted,
                        };
                        let name = super::read::name_of(form, &check.part);
                        codec
                            .write_variable(wanted, &mut written)
                            .map_err(|problem| Wrong { field: name, kind: problem.into() })?;
                        *value = written;
                        unchanged = false;
                    }
                }
                When::End(_) if !is_given => {
                    let message = "it is computed of what follows, and cannot be written over in a line of values: give it";
                    return Err(Wrong::json(&super::read::name_of(form, &check.part), message));
                }
                When::End(_) => {}
            }
        }
        if file.totals.kept[node.0 as usize] {
            self.state.known.before[node.0 as usize] = Some(line(&values));
        }
        match raw.filter(|_| unchanged) {
            Some(raw) => out.extend_from_slice(raw),
            None => {
                let line = line(&values);
                if let Some(rule) = file.structure.rule(node)
                    && !rule.asks_for_last()
                {
                    let arena = Bump::new();
                    let unfolded = super::delimited::unfold(&line, delimited, &arena);
                    let holds = unfolded.is_some_and(|(record, columns)| {
                        rule.holds(&Facts { columns: Some(columns), ..self.facts(node, record) }, &arena)
                    });
                    if !holds {
                        return Err(Wrong::json("", NOT_THIS_RECORD));
                    }
                }
                self.frame
                    .write(&line, out)
                    .map_err(|error| Wrong { field: String::new(), kind: error.into() })?;
            }
        }
        Ok(())
    }

    /// How a line of titles is written before delimited records.
    pub fn titles(&self, out: &mut Vec<u8>) {
        let Framing::Delimited(delimited) = &self.file.layout.file.framing else { return };
        let form = self.file.forms.iter().flatten().next();
        if let (true, Some(form)) = (delimited.titles, form) {
            let names: Vec<&[u8]> = form.parts.iter().map(|part| part.name.as_bytes()).collect();
            out.extend_from_slice(&names.join(&delimited.delimiter));
            out.extend_from_slice(ending(&delimited.end));
        }
    }
}

const NOT_THIS_RECORD: &str = "it would not be read as this record: what tells it from others does not hold";

/// Puts in by what a line of values is told from others, where nothing was given for that.
fn tell_apart(rule: Option<&super::rule::Rule>, places: &[Option<usize>], values: &mut [Vec<u8>]) {
    let Some(rule) = rule else { return };
    let columns = rule.columns().map(|(column, bytes)| (Some(column), bytes));
    let fields = rule.texts().filter(|(place, _)| place.own).map(|(place, text)| {
        let part = place.item.first().and_then(|index| places.get(*index as usize).copied().flatten());
        (part, text.as_bytes())
    });
    for (place, bytes) in columns.chain(fields) {
        if let Some(value) = place.and_then(|place| values.get_mut(place)).filter(|value| value.is_empty()) {
            *value = bytes.to_vec();
        }
    }
}

fn is_given(form: &Form, path: &[u32], given: &BTreeMap<String, Given>) -> bool {
    let mut members = given;
    for depth in 1..=path.len() {
        let Some(part) = form.at(&path[..depth]) else { return false };
        match members.get(&*part.name) {
            Some(Given::Group(inner)) => members = inner,
            Some(Given::Null) | None => return false,
            Some(_) => return true,
        }
    }
    false
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Whether writing a value would give what is read already.
fn same(part: &Part, old: Value<'_>, new: Value<'_>, arena: &Bump) -> bool {
    if old == new {
        return true;
    }
    if old == Value::Absent || new == Value::Absent {
        return false;
    }
    let (Value::Text(text), PartKind::Value(codec)) = (new, &part.kind) else { return false };
    let mut written = Vec::new();
    if codec.write_variable(new, &mut written).is_ok()
        && let Ok(again) = codec.read(&written, arena)
        && again == old
    {
        return true;
    }
    match old {
        Value::Integer(_) | Value::Decimal(_) => crate::Decimal::parse(text).is_some_and(|number| {
            compare(Value::Decimal(number), old).is_some_and(|ordering| ordering.is_eq())
        }),
        Value::Double(old) => {
            text.parse::<f64>().is_ok_and(|new| new == old || part.single && new as f32 == old as f32)
        },
        Value::Date(_) | Value::Time(_) | Value::DateTime(_) => {
            let mut lexical = Vec::new();
            crate::lexical::write_any(old, &mut lexical).is_ok() && lexical == text.as_bytes()
        }
        _ => false,
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
