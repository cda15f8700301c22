//! Lines of delimited values.

use std::collections::BTreeSet;

use portolan_schema::layout::Delimited;

use super::*;
use crate::records::{
    delimited::{fold, unfold},
    part::Fill,
};

/// A line while its values are written.
struct Line<'l> {
    form: &'l Form,
    /// The line that it was: what says the same stays.
    old: Option<Facts<'l>>,
    /// Its values stand where they are written now: no list before them has more items, or fewer.
    aligned: bool,
    /// That says all that is given.
    said: bool,
    quoted: bool,
    delimiter: u8,
    cells: Cells,
}

/// Values of a line.
struct Cells {
    values: Vec<Vec<u8>>,
    /// Which of the values a part is; of a list in its last item.
    places: BTreeMap<Vec<u32>, usize>,
    /// The places whose values were given.
    given: BTreeSet<usize>,
    unchanged: bool,
}

impl<'l> Line<'l> {
    /// One of which nothing is written yet.
    fn new(form: &'l Form, how: &Delimited) -> Self {
        Self {
            form,
            old: None,
            aligned: true,
            said: false,
            quoted: how.quote.is_some(),
            delimiter: how.delimiter,
            cells: Cells {
                values: Vec::with_capacity(form.parts.len()),
                places: BTreeMap::new(),
                given: BTreeSet::new(),
                unchanged: true,
            },
        }
    }

    /// What stood where the next value is written.
    fn before(&self) -> Option<&'l [u8]> {
        let at = self.cells.values.len();
        self.old.filter(|_| self.aligned).and_then(|old| old.bytes(at..at + 1))
    }

    /// The value of a part that is there already.
    fn read<'a>(&'a self, path: &[u32], arena: &'a Bump) -> Option<Value<'a>> {
        let PartKind::Value(codec) = &self.form.at(path)?.kind else { return None };
        codec.read(self.cells.values.get(*self.cells.places.get(path)?)?, arena).ok()
    }

    /// Writes what a part says of another; one that was given says otherwise.
    fn put(&mut self, path: &[u32], value: Value<'_>, name: &str) -> Result<(), Wrong> {
        let Some(at) = self.cells.places.get(path).copied() else { return Ok(()) };
        if self.cells.given.contains(&at) {
            let other = crate::records::read::name_of(self.form, path);
            let message =
                format!("`{other}` is given too, and says otherwise: leave it out, it is written by itself");
            return Err(Wrong::json(name, message));
        }
        let Some(place) = self.cells.values.get_mut(at) else { return Ok(()) };
        let Some(part) = self.form.at(path) else { return Ok(()) };
        *place =
            written(part, value).map_err(|problem| Wrong { field: name.to_owned(), kind: problem.into() })?;
        self.cells.unchanged = false;
        Ok(())
    }
}

/// A value as it stands between delimiters.
fn written(part: &Part, value: Value<'_>) -> Result<Vec<u8>, ValueProblem> {
    let PartKind::Value(codec) = &part.kind else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    match &part.sign {
        None => codec.write_variable(value, &mut out)?,
        Some(sign) => sign.append(codec, value, &mut out)?,
    }
    if part.exceeded(&out) { Err(ValueProblem::TooLong) } else { Ok(out) }
}

impl RecordWriter<'_> {
    /// Writes delimited values.
    pub(super) fn delimited(
        &mut self,
        node: NodeId,
        form: &Form,
        given: &BTreeMap<String, Given>,
        raw: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), Wrong> {
        let Framing::Delimited(delimited) = &self.file.layout.file.framing else { return Ok(()) };
        let file = self.file;
        let template = raw.map(|raw| self.template(raw));
        let arena = Bump::new();
        let mut filled = Line {
            old: template.as_deref().and_then(|line| {
                let (record, columns) = unfold(line, delimited, &arena)?;
                Some(Facts { columns: Some(columns), ..self.facts(node, record) })
            }),
            said: template.as_deref().is_some_and(|template| self.says(node, form, template, given)),
            ..Line::new(form, delimited)
        };
        self.cells(&mut filled, &form.parts, &mut Vec::new(), given, "")?;
        if let Some(old) = &filled.old {
            // What stands behind its last field is passed over on reading, and kept.
            let end = crate::records::walk::each(&form.parts, 0, old, &arena, &mut |_, _| {});
            let beyond = (end..old.end()).filter_map(|at| old.bytes(at..at + 1)).map(<[u8]>::to_vec);
            filled.cells.values.extend(beyond);
        }
        let mut cells = filled.cells;
        if template.is_none() {
            tell_apart(file.structure.rule(node), &cells.places, &mut cells.values);
        }
        let line = |values: &[Vec<u8>]| {
            let mut line = Vec::new();
            fold(values, delimited, &mut line);
            line
        };
        // What is known already first: others may count or sum it.
        let totals = &file.totals;
        for check in totals.checks(node).iter().filter(|check| is_known(totals, node, form, check)) {
            if !(check.verify == Verify::Warn && template.is_some() && is_given(form, &check.part, given)) {
                // What fails now fails below, where all it depends on is known.
                let _ = self.fill_in_line(node, form, &mut cells, &check.part, &line);
            }
        }
        if file.totals.feeds(node) {
            let mut totals = std::mem::take(&mut self.state.known.totals);
            let written = line(&cells.values);
            let fine = file.totals.feed(node, &self.facts(node, &written), &self.arena, &mut totals);
            self.state.known.totals = totals;
            if !fine {
                return Err(Wrong { field: String::new(), kind: RecordErrorKind::Sum });
            }
        }
        for check in file.totals.checks(node) {
            let is_given = is_given(form, &check.part, given);
            let name = || crate::records::read::name_of(form, &check.part);
            match check.when {
                // What was read with a warning stays as it was.
                _ if check.verify == Verify::Warn && template.is_some() && is_given => {}
                When::Now => self
                    .fill_in_line(node, form, &mut cells, &check.part, &line)
                    .map_err(|problem| Wrong { field: name(), kind: problem.into() })?,
                When::End(_) if !is_given => {
                    let message = "it is computed of what follows, and cannot be written over in a line of values: give it";
                    return Err(Wrong::json(&name(), message));
                }
                When::End(end) => {
                    let pending = Pending {
                        node,
                        part: check.part.clone(),
                        record: line(&cells.values),
                        number: self.state.known.number,
                        offset: 0,
                        verify: check.verify,
                    };
                    self.state.pending.push((end, pending));
                }
            }
        }
        let Cells { values, unchanged, .. } = cells;
        let unchanged = unchanged && template.is_some();
        if file.totals.kept[node.0 as usize] {
            self.state.known.before[node.0 as usize] = Some(line(&values));
        }
        self.end_line(out);
        let before = out.len();
        match raw.filter(|_| unchanged) {
            Some(raw) => out.extend_from_slice(raw),
            None => {
                let line = line(&values);
                if let Some(rule) = file.structure.rule(node)
                    && !rule.asks_for_last()
                {
                    let arena = Bump::new();
                    let unfolded = unfold(&line, delimited, &arena);
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
                if let Some((head, end)) = raw.and_then(|raw| self.around(raw)) {
                    out.truncate(before + line.len());
                    out.splice(before..before, head.iter().copied());
                    out.extend_from_slice(end);
                }
            }
        }
        self.open = self.is_open(&out[before..]);
        Ok(())
    }

    /// A line by itself: what it says of others is left to whoever writes it into a file.
    pub(super) fn line_by_itself(
        &self,
        node: NodeId,
        form: &Form,
        how: &Delimited,
        given: &BTreeMap<String, Given>,
    ) -> Result<Vec<u8>, Wrong> {
        let mut filled = Line::new(form, how);
        self.cells(&mut filled, &form.parts, &mut Vec::new(), given, "")?;
        let mut cells = filled.cells;
        let line = |values: &[Vec<u8>]| {
            let mut line = Vec::new();
            fold(values, how, &mut line);
            line
        };
        for check in self.file.totals.checks(node).iter().filter(|check| form.is_own(node, &check.part)) {
            let name = || crate::records::read::name_of(form, &check.part);
            self.fill_in_line(node, form, &mut cells, &check.part, &line)
                .map_err(|problem| Wrong { field: name(), kind: problem.into() })?;
        }
        Ok(line(&cells.values))
    }

    /// Writes a computed value into its line.
    fn fill_in_line(
        &self,
        node: NodeId,
        form: &Form,
        cells: &mut Cells,
        path: &[u32],
        line: &dyn Fn(&[Vec<u8>]) -> Vec<u8>,
    ) -> Result<(), ValueProblem> {
        let (Some(part), Some(place)) = (form.at(path), cells.places.get(path).copied()) else {
            return Ok(());
        };
        let (PartKind::Value(codec), Some((formula, _))) = (&part.kind, &part.value) else { return Ok(()) };
        let arena = Bump::new();
        let whole = line(&cells.values);
        let wanted = formula.value(&self.facts(node, &whole), &arena);
        let Some(value) = cells.values.get_mut(place) else { return Ok(()) };
        let stands = codec.read(value, &arena).is_ok_and(|old| match (old, wanted) {
            (Value::Absent, Value::Absent) => true,
            _ => compare(old, wanted).is_some_and(|ordering| ordering.is_eq()),
        });
        if !stands {
            *value = written(
                part,
                match wanted {
                    Value::Decimal(number) => Value::Decimal(number.normalized()),
                    wanted => wanted,
                },
            )?;
            cells.unchanged = false;
        }
        Ok(())
    }

    /// The values of a group.
    fn cells(
        &self,
        line: &mut Line<'_>,
        parts: &[Part],
        path: &mut Vec<u32>,
        given: &BTreeMap<String, Given>,
        name: &str,
    ) -> Result<(), Wrong> {
        for key in given.keys() {
            if parts.iter().all(|part| *part.name != **key) {
                return Err(Wrong::json(&joined(name, key), "the layout has no such field"));
            }
        }
        for (index, part) in (0..).zip(parts) {
            let value = given.get(&*part.name).filter(|_| !part.name.is_empty());
            if let (Some(rule), Some(old), Times::Once) = (&part.when, &line.old, &part.times) {
                line.aligned &= rule.holds(old, &Bump::new()) == value.is_some();
            }
            if part.when.is_some() && value.is_none() {
                continue;
            }
            path.push(index);
            self.items(line, part, path, value, &joined(name, &part.name))?;
            path.pop();
        }
        for part in parts {
            let (Some(sign), Some(Given::Bare(number) | Given::Text(number))) =
                (&part.sign, given.get(&*part.name))
            else {
                continue;
            };
            let zero = crate::Decimal::parse(number).is_some_and(|number| number.mantissa == 0);
            let negative = number.starts_with('-');
            let said = sign.is_negative(line.read(&sign.item, &Bump::new()));
            if said != Some(negative) && !(zero && said.is_some()) {
                line.put(&sign.item, Value::Text(sign.text(negative && !zero)), &joined(name, &part.name))?;
            }
        }
        Ok(())
    }

    /// A part as often as it stands there.
    fn items(
        &self,
        line: &mut Line<'_>,
        part: &Part,
        path: &mut Vec<u32>,
        given: Option<&Given>,
        name: &str,
    ) -> Result<(), Wrong> {
        let items = match (&part.times, given) {
            (Times::Once, _) => return self.cell(line, part, path, given, name),
            (_, None | Some(Given::Null)) => &[],
            (_, Some(Given::List(items))) => items.as_slice(),
            (_, Some(other)) => {
                return Err(Wrong::json(name, format!("it is {}, not a list", other.describe())));
            }
        };
        let (least, most, room) = match &part.times {
            Times::Once => (1, 1, 1),
            Times::Fixed(times) => (0, *times as usize, *times as usize),
            Times::Counted { least, most, room, .. } => {
                (*least as usize, *most as usize, if *room { *most as usize } else { items.len() })
            }
        };
        if items.len() > most || items.len() < least {
            let message = format!("it has {} items, and the layout has {least} to {most}", items.len());
            return Err(Wrong::json(name, message));
        }
        for index in 0..room {
            self.cell(line, part, path, items.get(index), &format!("{name}[{index}]"))?;
        }
        let Times::Counted { by, words, .. } = &part.times else { return Ok(()) };
        let count = items.len();
        if let Some(old) = &line.old {
            line.aligned &= !by.is_empty() && crate::records::walk::said(part, old, &Bump::new()) == count;
        }
        let said = match line.read(by, &Bump::new()) {
            Some(Value::Integer(said)) => usize::try_from(said).ok(),
            Some(Value::Text(text)) => match words.iter().find(|(word, _)| **word == *text) {
                Some((_, said)) => Some(*said as usize),
                None => text.trim().parse().ok(),
            },
            _ => None,
        };
        if by.is_empty() || said == Some(count) {
            return Ok(());
        }
        let word = words.iter().find(|(_, said)| *said as usize == count);
        line.put(by, word.map_or(Value::Integer(count as i128), |(word, _)| Value::Text(word)), name)
    }

    /// One value, or the values of one group.
    fn cell(
        &self,
        line: &mut Line<'_>,
        part: &Part,
        path: &mut Vec<u32>,
        given: Option<&Given>,
        name: &str,
    ) -> Result<(), Wrong> {
        let octets;
        let value = match (&part.kind, given) {
            (PartKind::Group(parts), None | Some(Given::Null)) => {
                return self.cells(line, parts, path, &BTreeMap::new(), name);
            }
            (PartKind::Group(parts), Some(Given::Group(members))) => {
                return self.cells(line, parts, path, members, name);
            }
            (PartKind::Group(_), Some(other)) => {
                return Err(Wrong::json(name, format!("it is {}, not a group", other.describe())));
            }
            (PartKind::Filler { fill, .. }, _) => {
                let filled = match fill {
                    Fill::Text(text, _) => text.clone(),
                    Fill::Byte(byte) if *byte == self.file.blank => Vec::new(),
                    Fill::Byte(byte) => match part.longest {
                        Some(Extent::Bytes(length)) => vec![*byte; length as usize],
                        _ => vec![*byte],
                    },
                };
                let value = line.before().map_or(filled, <[u8]>::to_vec);
                line.cells.values.push(value);
                return Ok(());
            }
            (PartKind::Value(_), None | Some(Given::Null)) => {
                part.default.as_deref().map_or(Value::Absent, Value::Text)
            }
            (PartKind::Value(_), Some(Given::Text(text))) if part.octets => {
                octets = fields::hex(text).ok_or_else(|| Wrong::json(name, "it is not hexadecimal"))?;
                Value::Bytes(&octets)
            }
            (PartKind::Value(_), Some(Given::Bare(text) | Given::Text(text))) => Value::Text(text),
            (PartKind::Value(_), Some(other)) => {
                return Err(Wrong::json(name, format!("it is {}, not a value", other.describe())));
            }
        };
        if let (Some(listed), Value::Text(text)) = (&part.listed, value)
            && listed.iter().all(|known| **known != *text)
        {
            return Err(Wrong { field: name.to_owned(), kind: RecordErrorKind::NotListed });
        }
        let arena = Bump::new();
        let same = |before, old: &Facts<'_>| {
            part.read(before, old, &arena).is_ok_and(|old| same(part, old, value, &arena))
        };
        let fresh = match (line.before(), &line.old) {
            (before, _) if line.said => before.unwrap_or_default().to_vec(),
            // A line that was too short for it stays as it was where nothing is to be in it.
            (None, Some(_)) if value == Value::Absent => Vec::new(),
            (Some(before), Some(old)) if same(before, old) => before.to_vec(),
            // What is computed need not be given, nor what is said by what it is said of.
            (before, _) if part.tells && value == Value::Absent => before.unwrap_or_default().to_vec(),
            _ if part.value.is_some() && value == Value::Absent => {
                line.cells.unchanged = false;
                Vec::new()
            }
            _ => {
                line.cells.unchanged = false;
                written(part, value)
                    .map_err(|problem| Wrong { field: name.to_owned(), kind: problem.into() })?
            }
        };
        if !line.quoted && fresh.contains(&line.delimiter) {
            let message = "it holds the delimiter, and the layout has no quotes";
            return Err(Wrong::json(name, message));
        }
        let at = line.cells.values.len();
        line.cells.places.insert(path.clone(), at);
        if value != Value::Absent {
            line.cells.given.insert(at);
        }
        line.cells.values.push(fresh);
        Ok(())
    }

    /// How a line of titles is written before delimited records.
    pub fn titles(&self, out: &mut Vec<u8>) {
        crate::records::titles::write(self.file, out);
    }
}

/// Puts in by what a line of values is told from others, where nothing was given for that.
fn tell_apart(
    rule: Option<&crate::records::rule::Rule>,
    places: &BTreeMap<Vec<u32>, usize>,
    values: &mut [Vec<u8>],
) {
    let Some(rule) = rule else { return };
    let columns = rule.columns().map(|(column, bytes)| (Some(column), bytes));
    let fields = rule
        .texts()
        .filter(|(place, _)| place.own)
        .map(|(place, text)| (places.get(place.item.as_ref()).copied(), text.as_bytes()));
    for (place, bytes) in columns.chain(fields) {
        if let Some(value) = place.and_then(|place| values.get_mut(place)).filter(|value| value.is_empty()) {
            *value = bytes.to_vec();
        }
    }
}
