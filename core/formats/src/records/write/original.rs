//! Records that are written as they stand in a file, among others than there: a file of those that were refused.

use super::*;

/// What of a record in its original bytes is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebuild {
    /// Nothing, whatever is wrong with it.
    Nothing,
    /// What it says of its place among the records before it: ordinals, running numbers and totals.
    Place,
    /// All that the layout computes, what it says of the records behind it too: for a header or a trailer.
    All,
}

/// What says the same stays as it is.
const STANDS: Option<&[u8]> = Some(&[]);

impl RecordWriter<'_> {
    /// Appends a record in its original bytes `piece`, with all that frames it there. It is counted as it will be when it is read; `node` is
    /// `None` where it is of no known kind. Lines of delimited values stay as they are whatever `rebuild` says.
    ///
    /// # Errors
    /// Something that is to be rebuilt cannot stand here, or cannot be computed.
    pub fn original(
        &mut self,
        node: Option<NodeId>,
        piece: &[u8],
        rebuild: Rebuild,
        out: &mut Vec<u8>,
    ) -> Result<(), Box<RecordError>> {
        let start = out.len();
        self.began = start;
        match self.try_original(node, piece, rebuild, out) {
            Ok(()) => {
                self.written += (out.len() - start) as u64;
                Ok(())
            }
            Err(wrong) => {
                out.truncate(start);
                Err(self.error((node, wrong)))
            }
        }
    }

    /// Appends a record that was made by itself, as [`RecordTarget`](crate::records::RecordTarget) makes them: without what frames it. All that
    /// the layout computes of it is computed, and what tells it from other records is written where nothing stands.
    ///
    /// # Errors
    /// It cannot stand here, would be read as another record, or something of it cannot be computed.
    pub fn made(&mut self, node: NodeId, record: &[u8], out: &mut Vec<u8>) -> Result<(), Box<RecordError>> {
        let start = out.len();
        self.began = start;
        match self.try_made(node, record, out) {
            Ok(()) => {
                self.written += (out.len() - start) as u64;
                Ok(())
            }
            Err(wrong) => {
                out.truncate(start);
                Err(self.error((Some(node), wrong)))
            }
        }
    }

    fn try_made(&mut self, node: NodeId, record: &[u8], out: &mut Vec<u8>) -> Result<(), Wrong> {
        let file = self.file;
        if !self.titled {
            self.titles(out);
            self.titled = true;
        }
        self.state.known.number += 1;
        self.state.known.records += 1;
        let placed = file.structure.write(&mut self.state.position, node, &mut self.moves);
        placed.map_err(|error| Wrong { field: String::new(), kind: error.into() })?;
        self.moved()?;
        self.arena.reset();
        let Some(form) = &file.forms[node.0 as usize] else { return Ok(()) };
        if form.delimited.is_some() {
            return self.put(record, None, false, out);
        }
        let mut making = std::mem::take(&mut self.making);
        making.clear();
        making.extend_from_slice(record);
        making.resize(making.len().max(form.least), file.blank);
        self.tell_apart(node, form, &mut making)?;
        self.recomputed(node, form, Rebuild::All, &mut making)?;
        self.is_told_apart(node, &making)?;
        self.put(&making, None, false, out)?;
        self.making = making;
        Ok(())
    }

    fn try_original(
        &mut self,
        node: Option<NodeId>,
        piece: &[u8],
        rebuild: Rebuild,
        out: &mut Vec<u8>,
    ) -> Result<(), Wrong> {
        let file = self.file;
        if !self.titled {
            self.titles(out);
            self.titled = true;
        }
        self.state.known.number += 1;
        self.state.known.records += 1;
        let mut record = self.template(piece);
        let reframed = matches!(file.layout.file.framing, Framing::Blocked(..));
        let placed = node.map(|node| {
            let placed = file.structure.write(&mut self.state.position, node, &mut self.moves);
            placed.map(|_| node)
        });
        let node = match placed {
            Some(Ok(node)) => node,
            Some(Err(error)) if rebuild == Rebuild::All => {
                return Err(Wrong { field: String::new(), kind: error.into() });
            }
            // Whoever reads it finds that, too.
            _ => return self.put(&record, Some(piece), !reframed, out),
        };
        self.moved()?;
        self.arena.reset();
        let Some(form) = &file.forms[node.0 as usize] else { return Ok(()) };
        let delimited = form.delimited.is_some();
        let before = record.clone();
        if file.layout.file.short == Short::Pad && !delimited && record.len() < form.least {
            record.resize(form.least, file.blank);
        }
        let padded = record.len();
        let counted = record.clone();
        let fixed = if delimited { Rebuild::Nothing } else { rebuild };
        self.recomputed(node, form, fixed, &mut record)?;
        // A total that is written over later needs its place in the file.
        let patched = fixed == Rebuild::All && padded > before.len();
        let same = record == counted && !patched;
        let record = if same { &before } else { &record };
        self.put(record, Some(piece), same && !reframed, out)
    }

    fn recomputed(
        &mut self,
        node: NodeId,
        form: &Form,
        rebuild: Rebuild,
        record: &mut [u8],
    ) -> Result<(), Wrong> {
        let file = self.file;
        let checks = file.totals.checks(node);
        if rebuild == Rebuild::All {
            // Others may count or sum it.
            for check in checks.iter().filter(|check| is_known(&file.totals, node, form, check)) {
                let _ = self.fill_in(node, form, &check.part, record, STANDS);
            }
        }
        if file.totals.feeds(node) {
            let mut totals = std::mem::take(&mut self.state.known.totals);
            // What has more digits than can be kept is told when it is read.
            file.totals.feed(node, &self.facts(node, record), &self.arena, &mut totals);
            self.state.known.totals = totals;
        }
        for check in checks {
            let wanted = match rebuild {
                Rebuild::Nothing => false,
                Rebuild::Place => check.verify == Verify::Refuse,
                Rebuild::All => true,
            };
            match check.when {
                When::Now if wanted => {
                    let filled = self.fill_in(node, form, &check.part, record, STANDS);
                    if let (Err(problem), Rebuild::All) = (filled, rebuild) {
                        let field = crate::records::read::name_of(form, &check.part);
                        return Err(Wrong { field, kind: problem.into() });
                    }
                }
                When::End(end) if rebuild == Rebuild::All => {
                    let pending = Pending {
                        node,
                        part: check.part.clone(),
                        record: record.to_vec(),
                        number: self.state.known.number,
                        offset: 0,
                        verify: check.verify,
                    };
                    self.state.pending.push((end, pending));
                }
                _ => {}
            }
        }
        if file.totals.kept[node.0 as usize] {
            self.state.known.before[node.0 as usize] = Some(record.to_vec());
        }
        Ok(())
    }
}
