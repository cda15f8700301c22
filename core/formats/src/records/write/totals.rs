//! What a layout computes, while records are written; what is known too late is written over later.

use super::*;
use crate::records::totals::{Check, Totals};

impl RecordWriter<'_> {
    /// Writes what the layout computes.
    pub(super) fn computed(
        &mut self,
        node: NodeId,
        form: &Form,
        given: &BTreeMap<String, Given>,
        mut record: Vec<u8>,
        template: Option<&[u8]>,
    ) -> Result<Vec<u8>, Wrong> {
        let file = self.file;
        let wrong = |path: &[u32], problem: ValueProblem| Wrong {
            field: crate::records::read::name_of(form, path),
            kind: problem.into(),
        };
        // What is known already first: others may count or sum it.
        let totals = &file.totals;
        for check in totals.checks(node).iter().filter(|check| is_known(totals, node, form, check)) {
            if !(check.verify == Verify::Warn && is_given(form, &check.part, given)) {
                // What fails now fails below, where all it depends on is known.
                let _ = self.fill_in(node, form, &check.part, &mut record, template);
            }
        }
        if file.totals.feeds(node) {
            let mut totals = std::mem::take(&mut self.state.known.totals);
            let fine = file.totals.feed(node, &self.facts(node, &record), &self.arena, &mut totals);
            self.state.known.totals = totals;
            if !fine {
                return Err(Wrong { field: String::new(), kind: RecordErrorKind::Sum });
            }
        }
        for check in file.totals.checks(node) {
            // What was read with a warning stays as it was.
            let chosen =
                check.verify == Verify::Warn && template.is_some() && is_given(form, &check.part, given);
            match check.when {
                _ if chosen => {}
                When::Now => self
                    .fill_in(node, form, &check.part, &mut record, template)
                    .map_err(|p| wrong(&check.part, p))?,
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

    /// Writes a computed value into its record.
    pub(super) fn fill_in(
        &self,
        node: NodeId,
        form: &Form,
        path: &[u32],
        record: &mut [u8],
        template: Option<&[u8]>,
    ) -> Result<(), ValueProblem> {
        if let Some((range, bytes)) = self.compute(node, form, path, record, template)?
            && let Some(slot) = record.get_mut(range)
        {
            slot.copy_from_slice(&bytes);
        }
        Ok(())
    }

    /// The bytes of a computed value, and where they are; `None` where they are there already.
    pub(super) fn compute(
        &self,
        node: NodeId,
        form: &Form,
        path: &[u32],
        record: &[u8],
        template: Option<&[u8]>,
    ) -> Result<Option<Patch>, ValueProblem> {
        let arena = Bump::new();
        let facts = self.facts(node, record);
        let Some((part, range)) = crate::records::walk::find(form, path, &facts, &arena) else {
            return Ok(None);
        };
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

    pub(super) fn moved(&mut self) -> Result<(), Wrong> {
        let moves = std::mem::take(&mut self.moves);
        for step in &moves {
            match step {
                Move::Close(node) => self.settle(Some(*node))?,
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
        Ok(())
    }

    /// What waited for the end of a group: patches of what was written.
    pub(super) fn settle(&mut self, end: Option<NodeId>) -> Result<(), Wrong> {
        let (now, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.state.pending).into_iter().partition(|(until, _)| *until == end);
        self.state.pending = later;
        for (_, pending) in now {
            let Some(form) = &self.file.forms[pending.node.0 as usize] else { continue };
            let late = |why: &dyn std::fmt::Display| {
                let name = crate::records::read::name_of(form, &pending.part);
                let record = self.file.structure.name(pending.node);
                Wrong::json(
                    "",
                    format!(
                        "`{name}` of record {}, `{record}`, is computed of what follows it: {why}",
                        pending.number
                    ),
                )
            };
            if let Some(how) = &form.delimited {
                if !self.stands(form, how, &pending) {
                    return Err(late(&"what is given for it is another value"));
                }
                continue;
            }
            let patch = self.compute(pending.node, form, &pending.part, &pending.record, None);
            if let Some((range, bytes)) =
                patch.map_err(|problem| late(&format_args!("the value {problem}")))?
            {
                self.patches.push((pending.offset + range.start as u64, bytes));
            }
        }
        Ok(())
    }

    /// Whether a line of values says what is computed: it was given, since it cannot be written over.
    fn stands(&self, form: &Form, how: &portolan_schema::layout::Delimited, pending: &Pending) -> bool {
        let arena = Bump::new();
        let Some((record, columns)) = crate::records::delimited::unfold(&pending.record, how, &arena) else {
            return true;
        };
        let facts = Facts { columns: Some(columns), ..self.facts(pending.node, record) };
        let found = crate::records::walk::find(form, &pending.part, &facts, &arena);
        let Some((part, range)) = found else { return true };
        let (PartKind::Value(codec), Some((formula, _))) = (&part.kind, &part.value) else { return true };
        let bytes = facts.bytes(range).unwrap_or_default();
        let wanted = formula.value(&facts, &arena);
        codec.read(bytes, &arena).is_ok_and(|said| compare(said, wanted).is_some_and(|order| order.is_eq()))
    }
}

/// Whether a value is known before its record is counted: it asks for no total that counts or sums the record itself.
pub(super) fn is_known(totals: &Totals, node: NodeId, form: &Form, check: &Check) -> bool {
    let formula = form.at(&check.part).and_then(|part| part.value.as_ref());
    check.when == When::Now && formula.is_some_and(|(formula, _)| !totals.feeds_any(node, formula))
}

pub(super) fn is_given(form: &Form, path: &[u32], given: &BTreeMap<String, Given>) -> bool {
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
