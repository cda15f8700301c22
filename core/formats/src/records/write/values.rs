//! Lines of delimited values.

use super::*;

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
        for name in given.keys() {
            if form.parts.iter().all(|part| *part.name != **name) {
                return Err(Wrong::json(name, "the layout has no such field"));
            }
        }
        let file = self.file;
        let template = raw.map(|raw| self.template(raw));
        let said = template.as_deref().is_some_and(|template| self.says(node, form, template, given));
        let arena = Bump::new();
        let old =
            template.as_deref().and_then(|line| crate::records::delimited::unfold(line, delimited, &arena));
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
            if let (Some(listed), Value::Text(text)) = (&part.listed, value)
                && listed.iter().all(|known| **known != *text)
            {
                return Err(Wrong { field: name.to_owned(), kind: RecordErrorKind::NotListed });
            }
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
                    if part.exceeded(&written) {
                        return Err(wrong(ValueProblem::TooLong));
                    }
                    unchanged = false;
                }
            }
            if delimited.quote.is_none() && written.contains(&delimited.delimiter) {
                let message = "it holds the delimiter, and the layout has no quotes";
                return Err(Wrong::json(&part.name, message));
            }
            values.push(written);
        }
        unchanged &= template.is_some();
        if template.is_none() {
            tell_apart(file.structure.rule(node), &places, &mut values);
        }
        let line = |values: &[Vec<u8>]| {
            let mut line = Vec::new();
            crate::records::delimited::fold(values, delimited, &mut line);
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
                        let name = crate::records::read::name_of(form, &check.part);
                        codec
                            .write_variable(wanted, &mut written)
                            .and_then(|()| match part.exceeded(&written) {
                                true => Err(ValueProblem::TooLong),
                                false => Ok(()),
                            })
                            .map_err(|problem| Wrong { field: name, kind: problem.into() })?;
                        *value = written;
                        unchanged = false;
                    }
                }
                When::End(_) if !is_given => {
                    let message = "it is computed of what follows, and cannot be written over in a line of values: give it";
                    return Err(Wrong::json(&crate::records::read::name_of(form, &check.part), message));
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
                    let unfolded = crate::records::delimited::unfold(&line, delimited, &arena);
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
        crate::records::titles::write(self.file, out);
    }
}

/// Puts in by what a line of values is told from others, where nothing was given for that.
pub(super) fn tell_apart(
    rule: Option<&crate::records::rule::Rule>,
    places: &[Option<usize>],
    values: &mut [Vec<u8>],
) {
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
