//! A record as it was read, beside what is given of it now: what says the same stays as it was.

use std::borrow::Cow;

use portolan_schema::layout::LineEnd;

use super::*;
use crate::records::frame::ending;

impl RecordWriter<'_> {
    /// Whether a record's own bytes say what is given.
    pub(super) fn says(
        &self,
        node: NodeId,
        form: &Form,
        record: &[u8],
        given: &BTreeMap<String, Given>,
    ) -> bool {
        let arena = Bump::new();
        let layout = &self.file.layout;
        let (record, columns) = match &layout.file.framing {
            Framing::Delimited(delimited) => {
                match crate::records::delimited::unfold(record, delimited, &arena) {
                    Some((record, columns)) => (record, Some(columns)),
                    None => return false,
                }
            }
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

    /// What stood before a line's own bytes and behind them, which it keeps whatever becomes of it.
    pub(super) fn around<'r>(&self, raw: &'r [u8]) -> Option<(&'r [u8], &'r [u8])> {
        let file = &self.file.layout.file;
        let lines =
            matches!(file.framing, Framing::Lines { .. } | Framing::Delimited(_) | Framing::Fixed { .. });
        let data = self.file.within_frame(raw).filter(|_| lines && !file.wrapped)?;
        let (before, behind) = (raw.get(..data.start)?, raw.get(data.end..)?);
        (!behind.is_empty()).then_some((before, behind))
    }

    /// Whether a line was written without its end.
    pub(super) fn is_open(&self, line: &[u8]) -> bool {
        match self.line_end() {
            Some(LineEnd::Any) => !line.ends_with(b"\n") && !line.ends_with(b"\r"),
            Some(end) => !line.ends_with(ending(end)),
            None => false,
        }
    }

    /// Ends the line before, where it was the last of the file it is from.
    pub(super) fn end_line(&mut self, out: &mut Vec<u8>) {
        if let (true, Some(end)) = (self.open, self.line_end()) {
            out.extend_from_slice(ending(end));
        }
        self.open = false;
    }

    /// Notes the descriptor of a block that is about to be written.
    pub(super) fn begin_block(&mut self, raw: &[u8]) {
        self.end_block();
        // Line ends that belong to nothing would be counted.
        if let Framing::Blocked(block, _) = &self.file.layout.file.framing
            && !self.file.layout.file.wrapped
            && raw.len() == block.bytes as usize
        {
            self.block = Some((self.written, raw.to_vec()));
        }
    }

    /// The block has ended: where it is not as long as its descriptor says, that is written over.
    pub(super) fn end_block(&mut self) {
        let (Some((begun, said)), Framing::Blocked(block, _)) =
            (self.block.take(), &self.file.layout.file.framing)
        else {
            return;
        };
        let length = self.written.saturating_sub(begun + said.len() as u64) as usize;
        let mut descriptor = Vec::new();
        let place = block.at as usize..(block.at + block.width) as usize;
        if self.frame.prefix(block, length, &mut descriptor).is_ok()
            && descriptor.get(place.clone()) != said.get(place.clone())
            && let Some(length) = descriptor.get(place)
        {
            self.patches.push((begun + u64::from(block.at), length.to_vec()));
        }
    }

    fn line_end(&self) -> Option<&LineEnd> {
        match &self.file.layout.file.framing {
            Framing::Lines { end, .. } => Some(end),
            Framing::Delimited(delimited) => Some(&delimited.end),
            _ => None,
        }
    }

    /// A record's own bytes, as they were read.
    pub(super) fn template(&self, raw: &[u8]) -> Vec<u8> {
        let unwrapped = self.file.layout.file.wrapped.then(|| Wraps::without(raw));
        let raw = unwrapped.as_deref().unwrap_or(raw);
        let data = self.file.within_frame(raw).unwrap_or(0..raw.len());
        let bytes = raw.get(data).unwrap_or(raw);
        let (head, tail) = self.file.layout.file.record_margins;
        let end = bytes.len().saturating_sub(tail as usize);
        bytes.get((head as usize).min(end)..end).unwrap_or_default().to_vec()
    }

    /// A record with what stands before its first field and behind its last: what stood there, or blanks.
    pub(super) fn with_margins<'r>(&self, record: &'r [u8], raw: Option<&[u8]>) -> Cow<'r, [u8]> {
        let (head, tail) = self.file.layout.file.record_margins;
        if (head, tail) == (0, 0) {
            return Cow::Borrowed(record);
        }
        let (head, tail) = (head as usize, tail as usize);
        let before = raw.and_then(|raw| raw.get(self.file.within_frame(raw)?)).unwrap_or_default();
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
        Cow::Owned(whole)
    }
}
