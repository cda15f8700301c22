//! The fields of a record, from what is given of them to their bytes.

use super::*;

impl RecordWriter<'_> {
    /// Writes the parts of a group into a record; the byte after the last.
    #[allow(clippy::too_many_arguments, reason = "they are what writing a group needs")]
    pub(super) fn parts(
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
        let around = Around { parts, given, outer: spot.around };
        let spot = Spot { around: Some(&around), ..spot };
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
            let asked = part.when.as_ref().filter(|rule| !self.alone || rule.is_own(spot.node));
            if asked.is_some_and(|rule| !rule.holds(&self.facts_at(spot, record), &arena)) {
                let message = "it is given, and the condition under which it is there does not hold";
                return Err(Wrong::json(&joined(path, &part.name), message));
            }
        }
        if template.is_none() {
            self.lacks_alternative(parts, given, path)?;
        }
        for (part, begin) in parts.iter().zip(&begins) {
            let shared = part.shared && part.times == Times::Once;
            if let Some(value) = given.get(&*part.name).filter(|_| shared) {
                self.agrees(spot, part, *begin, value, record, &joined(path, &part.name))?;
            }
        }
        for part in parts {
            if let (Some(sign), Some(value)) = (&part.sign, given.get(&*part.name)) {
                self.sign(spot, sign, value, record, &joined(path, &part.name))?;
            }
        }
        Ok(end)
    }

    /// Of several groups or fields for the same bytes one must be given, unless blanks may stand there; and of variants the one that is meant.
    fn lacks_alternative(
        &self,
        parts: &[Part],
        given: &BTreeMap<String, Given>,
        path: &str,
    ) -> Result<(), Wrong> {
        let is_given = |part: &Part| given.get(&*part.name).is_some_and(|given| *given != Given::Null);
        let mut variants = parts.iter().filter(|part| part.variant).peekable();
        if variants.peek().is_some() && !variants.any(is_given) {
            return Err(Wrong { field: path.to_owned(), kind: RecordErrorKind::NoVariant });
        }
        for (index, first) in parts.iter().enumerate().filter(|(_, part)| part.shared) {
            let others = parts.iter().filter(|part| part.start == Start::Like(index as u32));
            let all: Vec<&Part> = std::iter::once(first).chain(others).collect();
            let blank = |part: &&Part| part.times != Times::Once || may_be_blank(part, self.file.blank);
            if all.len() < 2 || all.iter().any(|part| is_given(part)) || all.iter().any(blank) {
                continue;
            }
            let names: Vec<String> = all.iter().map(|part| format!("`{}`", part.name)).collect();
            let message = format!("one of {} is needed, which have the same bytes", names.join(", "));
            return Err(Wrong::json(path, message));
        }
        Ok(())
    }

    /// Of several fields for the same bytes the last is written; what was given for the others must be the same.
    fn agrees(
        &self,
        spot: Spot<'_>,
        part: &Part,
        at: usize,
        given: &Given,
        record: &[u8],
        name: &str,
    ) -> Result<(), Wrong> {
        match (&part.kind, given, part.extent) {
            (PartKind::Value(codec), Given::Bare(text) | Given::Text(text), Extent::Bytes(bytes)) => {
                let arena = Bump::new();
                let Some(bytes) = record.get(at..at + bytes as usize) else { return Ok(()) };
                let facts = self.facts_at(spot, record);
                let octets = if part.octets { hex(text) } else { None };
                let value = octets.as_deref().map_or(Value::Text(text), Value::Bytes);
                let mut fresh = vec![0; bytes.len()];
                match part.read(bytes, &facts, &arena) {
                    _ if part.sign.is_none() && codec.write(value, &mut fresh).is_ok() && fresh == bytes => {
                        Ok(())
                    }
                    Ok(there) if same(part, there, value, &arena) => Ok(()),
                    _ => {
                        let message = "another field has the same bytes, and what is given for it says otherwise; \
                                       leave one of the two out";
                        Err(Wrong::json(name, message))
                    }
                }
            }
            (PartKind::Group(parts), Given::Group(members), _) => {
                for part in parts.iter().filter(|part| part.times == Times::Once) {
                    let Start::At(offset) = part.start else { continue };
                    if let Some(value) = members.get(&*part.name) {
                        let name = joined(name, &part.name);
                        self.agrees(spot, part, at + offset as usize, value, record, &name)?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The sign of a number that was written, in the field that says it.
    fn sign(
        &self,
        spot: Spot<'_>,
        sign: &SignElsewhere,
        given: &Given,
        record: &mut [u8],
        name: &str,
    ) -> Result<(), Wrong> {
        let (Given::Text(number) | Given::Bare(number)) = given else { return Ok(()) };
        let arena = Bump::new();
        let said = sign.said(&self.facts_at(spot, record), &arena);
        let zero = crate::Decimal::parse(number).is_some_and(|number| number.mantissa == 0);
        let negative = number.starts_with('-');
        if said == Some(negative) || zero && said.is_some() {
            return Ok(());
        }
        let Some(form) = &self.file.forms[spot.node.0 as usize] else { return Ok(()) };
        if self.is_given(spot, form, &sign.item) {
            let other = crate::records::read::name_of(form, &sign.item);
            let message = format!(
                "`{other}` is given too, and says another sign: leave it out, it is written by itself"
            );
            return Err(Wrong::json(name, message));
        }
        let found = crate::records::walk::find(form, &sign.item, &self.facts_at(spot, record), &arena);
        let Some((part, range)) = found else { return Ok(()) };
        let PartKind::Value(codec) = &part.kind else { return Ok(()) };
        let Some(slot) = record.get_mut(range) else { return Ok(()) };
        codec
            .write(Value::Text(sign.text(negative && !zero)), slot)
            .map_err(|problem| Wrong { field: name.to_owned(), kind: problem.into() })
    }

    /// Whether a value is given for an item of the record, in the same occurrences of what is around it.
    fn is_given(&self, spot: Spot<'_>, form: &Form, item: &[u32]) -> bool {
        let Some((last, around)) = item.split_last() else { return false };
        let mut parts = form.parts.as_slice();
        let mut given = spot.given(parts);
        for index in around {
            let Some(part) = parts.get(*index as usize) else { return false };
            parts = part.parts();
            given = spot.given(parts).or_else(|| match given?.get(&*part.name)? {
                Given::Group(members) => Some(members),
                _ => None,
            });
        }
        let name = parts.get(*last as usize).map(|part| &*part.name);
        given.zip(name).and_then(|(given, name)| given.get(name)).is_some_and(|given| *given != Given::Null)
    }

    pub(super) fn extend(&self, record: &mut Vec<u8>, length: usize) {
        if record.len() < length {
            record.resize(length, self.file.blank);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "they are what writing a part needs")]
    pub(super) fn occurrences(
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
                    true => crate::records::walk::said(part, &self.facts_at(spot, record), &self.arena),
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
    pub(super) fn count(
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
        let place = crate::records::formula::Place {
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
        if self.is_given(spot, form, by) {
            let other = crate::records::read::name_of(form, by);
            let message = format!(
                "it has {count}, and `{other}` says otherwise: leave that out, it is written by itself"
            );
            return Err(Wrong::json(name, message));
        }
        let found = crate::records::walk::find(form, by, &self.facts_at(spot, record), &arena);
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
    pub(super) fn once(
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
                    Extent::Characters(_) | Extent::Counted(_) | Extent::Rest => {
                        let mut written = Vec::new();
                        match part.extent {
                            Extent::Characters(count) => codec.write_characters(value, count, &mut written),
                            _ => codec.write_variable(value, &mut written),
                        }
                        .map_err(wrong)?;
                        self.extend(record, at);
                        // What stands there is replaced, what stands behind it moves.
                        let rest = record.get(at..).unwrap_or_default();
                        let taken = match part.extent {
                            Extent::Characters(count) => {
                                crate::records::walk::characters(rest, count as usize)
                            }
                            Extent::Counted(_) if template.is_none() => 0,
                            Extent::Counted(_) => {
                                let facts = self.facts_at(spot, record);
                                crate::records::walk::measured(part, &facts, &arena).min(rest.len())
                            }
                            _ => rest.len().saturating_sub(crate::records::walk::behind(siblings)),
                        };
                        let stays = template.is_some()
                            && rest.get(..taken).is_some_and(|old| {
                                codec.read(old, &arena).is_ok_and(|old| same(part, old, value, &arena))
                            });
                        if stays {
                            return Ok(at + taken);
                        }
                        let length = written.len();
                        record.splice(at..at + taken, written);
                        if let Extent::Counted(most) = part.extent {
                            if length > most as usize {
                                return Err(wrong(ValueProblem::TooLong));
                            }
                            let by = part.measured.as_deref().unwrap_or_default();
                            self.count(spot, by, &[], length, record, name)?;
                        }
                        return Ok(at + length);
                    }
                };
                let end = at + bytes;
                let before = record.len();
                self.extend(record, end);
                // What is computed need not be given, nor what is said by what it is said of.
                if (part.value.is_some() || part.tells) && value == Value::Absent {
                    return Ok(end);
                }
                let Some(slot) = record.get(at..end) else { return Ok(end) };
                // What stands there already as it should be stays as it is.
                let facts = self.facts_at(spot, record);
                let old = part.read(slot, &facts, &arena);
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
                match &part.sign {
                    None => codec.write(value, &mut fresh),
                    Some(sign) => sign.write(codec, value, &mut fresh).map(|_| ()),
                }
                .map_err(wrong)?;
                if let Some(slot) = record.get_mut(at..end) {
                    slot.copy_from_slice(&fresh);
                }
                Ok(end)
            }
        }
    }
}

/// Whether a part can be read where blanks stand.
fn may_be_blank(part: &Part, blank: u8) -> bool {
    match (&part.kind, part.extent) {
        (PartKind::Filler { .. }, _) => true,
        (PartKind::Group(parts), _) => parts.iter().all(|part| may_be_blank(part, blank)),
        (PartKind::Value(codec), Extent::Bytes(bytes)) => {
            let blanks = vec![blank; bytes as usize];
            codec.takes_blanks(&blanks) && codec.read(&blanks, &Bump::new()).is_ok()
        }
        (PartKind::Value(_), _) => true,
    }
}

/// Whether writing a value would give what is read already.
pub(super) fn same(part: &Part, old: Value<'_>, new: Value<'_>, arena: &Bump) -> bool {
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
        }
        Value::Date(_) | Value::Time(_) | Value::DateTime(_) => {
            let mut lexical = Vec::new();
            crate::lexical::write_any(old, &mut lexical).is_ok() && lexical == text.as_bytes()
        }
        _ => false,
    }
}

pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
