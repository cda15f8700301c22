//! Judging one record: its values, what the layout requires of it, and what it must say of others.

use std::ops::Range;

use bumpalo::Bump;
use portolan_schema::layout::{Framing, Long, NodeId, Short, Verify};

use super::{Problem, Read, RecordInfo, RecordReader};
use crate::{
    Decimal, Value, lexical,
    records::{
        RecordError, RecordErrorKind, RecordFile, delimited,
        formula::{Facts, compare},
        part::{Form, Part, PartKind},
        state::{Known, Pending},
        totals::When,
        values::{FieldProblem, Sink, Values},
        walk,
    },
};

impl<R: Read> RecordReader<'_, R> {
    pub(super) fn values<S: Sink>(&mut self, node: NodeId, info: RecordInfo, last: bool, sink: &mut S) {
        let file = self.file;
        let Some(form) = &file.forms[node.0 as usize] else { return };
        let data = self.window.record();
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
            let needed = match file.layout.file.short {
                Short::Refuse => form.least,
                Short::Pad => form.solid,
                Short::Null => 0,
            };
            if record.len() < needed {
                let kind = RecordErrorKind::Short { found: record.len(), needed };
                self.found.push(FieldProblem { field: String::new(), at: 0, length: record.len(), kind });
            } else if file.layout.file.short == Short::Pad {
                record = file.padded(record, Some(form.least), arena);
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
        let begin = self.window.record_at();
        let name = file.structure.name(node);
        let record = self.window.record();
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
                offset: self.window.record_at(),
                verify: check.verify,
            };
            if self.lightly && !file.demands[node.0 as usize] {
                self.found.extend(self.unreadable(&pending, last));
            }
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
    pub(super) fn settle(&mut self, end: Option<NodeId>) {
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

    /// That a value cannot be read which is to be tested, where nobody else has read it.
    fn unreadable(&self, pending: &Pending, last: bool) -> Option<FieldProblem> {
        let arena = Bump::new();
        let tested = Tested::find(self.file, &self.state.known, (pending, last), &arena)?;
        let PartKind::Value(codec) = &tested.part.kind else { return None };
        let problem = codec.read(tested.facts.bytes(tested.range.clone())?, &arena).err()?;
        let (field, range) = (name_of(tested.form, &pending.part), tested.place(pending));
        Some(FieldProblem { field, at: range.start, length: range.len(), kind: problem.into() })
    }

    fn test(&mut self, pending: &Pending, last: bool) {
        let file = self.file;
        let arena = Bump::new();
        let Some(tested) = Tested::find(file, &self.state.known, (pending, last), &arena) else { return };
        let (PartKind::Value(codec), Some((formula, _))) = (&tested.part.kind, &tested.part.value) else {
            return;
        };
        let facts = &tested.facts;
        let bytes = facts.bytes(tested.range.clone()).unwrap_or_default();
        // What cannot be read has been told of already.
        let Ok(found) = codec.read(bytes, &arena) else { return };
        let wanted = formula.value(facts, &arena);
        let same = match (found, wanted) {
            (Value::Absent, Value::Absent) => true,
            _ => compare(found, wanted).is_some_and(|ordering| ordering.is_eq()),
        };
        if same {
            return;
        }
        let partial = formula.is_partial(facts);
        let computed = match wanted {
            Value::Absent => "it cannot be computed".to_owned(),
            Value::Decimal(number) => {
                format!("{} is computed", written(Value::Decimal(scaled(number, found))))
            }
            wanted => format!("{} is computed", written(wanted)),
        };
        let field: String = name_of(tested.form, &pending.part);
        let range = tested.place(pending);
        self.problems.push(Problem {
            error: RecordError {
                kind: RecordErrorKind::Verify { computed, partial },
                record: pending.number,
                offset: pending.offset + range.start as u64,
                name: Some(file.structure.name(pending.node).into()),
                field: Some(field.into()),
                raw: pending.record.get(range).unwrap_or(bytes).to_vec(),
            },
            warning: pending.verify == Verify::Warn,
        });
    }
}

/// A value that is to be tested, in its record.
struct Tested<'f> {
    form: &'f Form,
    facts: Facts<'f>,
    part: &'f Part,
    /// Where it stands in what `facts` are of.
    range: Range<usize>,
}

impl<'f> Tested<'f> {
    fn find(
        file: &'f RecordFile,
        known: &'f Known,
        (pending, last): (&'f Pending, bool),
        arena: &'f Bump,
    ) -> Option<Self> {
        let form = file.forms[pending.node.0 as usize].as_ref()?;
        let unfolded = form.delimited.as_ref().and_then(|how| delimited::unfold(&pending.record, how, arena));
        let (record, columns) = match unfolded {
            Some((record, columns)) => (record, Some(columns)),
            None => (pending.record.as_slice(), None),
        };
        let facts = file.facts(known, record, last);
        let facts = Facts { node: Some(pending.node), number: pending.number, columns, ..facts };
        let (part, range) = walk::find(form, &pending.part, &facts, arena)?;
        Some(Self { form, facts, part, range })
    }

    /// Where it stands in its record as that came.
    fn place(&self, pending: &Pending) -> Range<usize> {
        match &self.form.delimited {
            Some(how) => delimited::place(&pending.record, how, self.range.start),
            None => self.range.clone(),
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
pub(in crate::records) fn name_of(form: &Form, path: &[u32]) -> String {
    let mut names = Vec::new();
    for depth in 1..=path.len() {
        if let Some(part) = form.at(&path[..depth]) {
            names.push(part.name.to_string());
        }
    }
    names.join(".")
}
