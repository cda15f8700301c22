//! From entries to the physical model: where each item begins, how long it is, and what a mapping sees of it.
//!
//! IBM Enterprise COBOL for z/OS Language Reference, "REDEFINES clause", "OCCURS clause" (DEPENDING ON: the record has its real
//! length), "SYNCHRONIZED clause" (slack bytes), "RENAMES clause".

use std::collections::BTreeSet;

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    CopybookOptions, OccursDepending,
    known::Register,
    laid::{Inherited, Laid, Part, Place, Within, field_of, handed_down, made, name_of, occurs},
    names::{FillerNames, written},
    syntax::{Described, Item as Entry, Named, Occurs as Repeated},
};
use crate::{
    Content, Field, FieldId, Name, Occurs, Record, RecordId, Schema, TypeId, Wire,
    layout::{Filler, Fillers, Form, ItemContent, Shape, Start, Storage, Times},
};

/// No record is longer.
const MAX_RECORD: u64 = 0x7FFF_FFFF;

/// Findings with a suggestion, and names that are compared for each.
const MAX_SUGGESTED: usize = 20;
const MAX_COMPARED: usize = 1000;

/// Names that are made of others grow no longer.
const MAX_NAME: usize = 200;

/// Lays the records of copybooks.
pub(super) struct Lowering<'a> {
    pub(super) options: &'a CopybookOptions,
    pub(super) schema: &'a mut Schema,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) known: Register,
    suggested: usize,
    fillers: u32,
    filler_groups: u32,
    refused: bool,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(options: &'a CopybookOptions, schema: &'a mut Schema) -> Self {
        let known = Register::default();
        Self {
            options,
            schema,
            diagnostics: Vec::new(),
            known,
            suggested: 0,
            fillers: 0,
            filler_groups: 0,
            refused: false,
        }
    }

    /// Lays an entry of level 1 as a record of its own.
    pub(super) fn record(&mut self, described: &Described) -> (RecordId, Shape) {
        let entry = &described.item;
        let inherited = Inherited::default();
        let mut laid = match entry.children.as_slice() {
            // A record that is one value.
            [] => self.group(std::slice::from_ref(entry), entry.shown(), inherited, 0, &[]),
            children => {
                self.known.enter(name_of(entry));
                self.group(children, entry.shown(), handed_down(entry, inherited), 0, &[])
            }
        };
        for renames in &described.renames {
            self.renames(&mut laid, renames);
        }
        let doc = if entry.children.is_empty() { None } else { entry.doc.clone() };
        self.finish(entry.shown(), doc, laid)
    }

    /// Lays several as groups of one record, each over the bytes of the first.
    pub(super) fn merged(&mut self, name: &str, entries: &[&Entry]) -> (RecordId, Shape) {
        let mut laid = Laid { fixed: true, aligned: 1, ..Laid::default() };
        let inherited = Inherited { overlaid: entries.len() > 1, ..Inherited::default() };
        for entry in entries {
            let (least, most) = (laid.least, laid.most);
            let start = if laid.items.is_empty() { Start::At(0) } else { Start::Like(0) };
            (laid.least, laid.most) = (0, 0);
            let over = entries.len() > 1;
            self.item(&mut laid, entry, inherited, Place { start, offset: 0, path: &[], over });
            (laid.least, laid.most) = (least.max(laid.least), most.max(laid.most));
        }
        self.finish(name, None, laid)
    }

    fn finish(&mut self, name: &str, doc: Option<String>, laid: Laid) -> (RecordId, Shape) {
        let length = (laid.least as u32, Some(laid.most as u32));
        let record = self.add_record(name, doc, laid.fields);
        (record, Shape { items: laid.items, length })
    }

    pub(super) fn add_record(&mut self, name: &str, doc: Option<String>, fields: Vec<Field>) -> RecordId {
        let name = Name::plain(name);
        self.schema.add_record(Record { name, fields, content: Content::Unordered, doc, ..Record::default() })
    }

    pub(super) fn report(&mut self, code: Code, message: impl Into<String>, at: Span) {
        self.diagnostics.push(Diagnostic::error(code, message).at(at, ""));
    }

    /// Reports a name that nothing has, with the one that was probably meant.
    pub(super) fn unresolved<'n>(
        &mut self,
        name: &Named,
        what: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        let message = format!("`{}` is not {what}", name.text);
        let found = Diagnostic::error(Code::COPYBOOK_UNRESOLVED, message).at(name.span, "");
        self.suggested += 1;
        // Comparing all names with all is for people, who do not read so many findings.
        self.diagnostics.push(match self.suggested {
            ..=MAX_SUGGESTED => found.did_you_mean(&name.text, known.into_iter().take(MAX_COMPARED)),
            _ => found,
        });
    }

    /// A length that no record goes past.
    pub(super) fn bounded(&mut self, length: u64, at: Span) -> u64 {
        if length > MAX_RECORD && !self.refused {
            self.refused = true;
            self.report(Code::COPYBOOK_REFUSED, format!("the record is longer than {MAX_RECORD} bytes"), at);
        }
        length.min(MAX_RECORD)
    }

    /// Lays the entries of a group that begins at an offset in the record.
    fn group(
        &mut self,
        entries: &[Entry],
        name: &str,
        inherited: Inherited,
        base: u64,
        path: &[u32],
    ) -> Laid {
        let mut laid = Laid { fixed: true, aligned: 1, previous: name.to_owned(), ..Laid::default() };
        // The index among `laid.items` of each entry, and where it begins in the group.
        let mut places: Vec<(u32, u64, u64)> = Vec::new();
        let targets: Vec<Option<usize>> =
            (0..entries.len()).map(|index| self.redefined(entries, index)).collect();
        let overlaid: BTreeSet<usize> = targets.iter().copied().flatten().collect();
        for (index, entry) in entries.iter().enumerate() {
            let target = targets.get(index).copied().flatten();
            let over = target.is_some() || overlaid.contains(&index);
            let inherited = Inherited { overlaid: inherited.overlaid || over, ..inherited };
            let (start, offset, least) = match target.and_then(|target| places.get(target).copied()) {
                Some((item, offset, least)) => (Start::Like(item), offset, least),
                None => {
                    self.slack(&mut laid, entry, inherited, base);
                    let start = if laid.fixed { Start::At(laid.most as u32) } else { Start::Next };
                    (start, laid.most, laid.least)
                }
            };
            let before = (laid.least, laid.most);
            places.push((laid.items.len() as u32, offset, least));
            (laid.least, laid.most) = (least, offset);
            self.item(&mut laid, entry, inherited, Place { start, offset: base + offset, path, over });
            laid.least = laid.least.max(before.0);
            laid.most = self.bounded(laid.most.max(before.1), entry.span);
        }
        laid
    }

    /// The entry whose bytes an entry redefines, by its index. One that redefines another's redefinition has the bytes of both.
    fn redefined(&mut self, entries: &[Entry], index: usize) -> Option<usize> {
        let entry = entries.get(index)?;
        let name = entry.redefines.as_ref()?;
        // A record redefines another one: they are alternatives in any case.
        if matches!(entry.level, 1 | 77) {
            return None;
        }
        let called =
            |other: &Entry| other.name.as_ref().is_some_and(|n| n.text.eq_ignore_ascii_case(&name.text));
        let before = entries.get(..index)?;
        let found = before.iter().rposition(called);
        if found.is_none() {
            let names = before.iter().filter_map(name_of);
            self.unresolved(name, "an item before this one in the same group", names);
        }
        found
    }

    /// Lays one entry behind what `laid` has.
    fn item(&mut self, laid: &mut Laid, entry: &Entry, inherited: Inherited, place: Place<'_>) {
        let index = laid.items.len() as u32;
        let path: Vec<u32> = place.path.iter().copied().chain([index]).collect();
        let handed = handed_down(entry, inherited);
        let (times, least, most) = match &entry.occurs {
            Some(occurs) => self.times(occurs, entry, &path),
            None => (Times::Once, 1, 1),
        };
        let name = entry.name.as_ref().map(|name| name.text.as_str());
        let is_group = !entry.children.is_empty();
        let known = self.known.add(name, path.clone(), place.offset, is_group);
        let called = self.called(laid, entry);
        let moves = inherited.moves || !laid.fixed || entry.occurs.is_some();
        let part = match entry.children.as_slice() {
            [] => self.value(entry, handed),
            children => {
                if let Some((_, at)) = &entry.picture {
                    let what = format!("`{}` has a picture, and items within it", entry.shown());
                    self.report(Code::COPYBOOK_INVALID, what, *at);
                }
                let handed = Inherited { moves, overlaid: inherited.overlaid, ..handed };
                let previous = laid.previous.clone();
                self.within(entry, children, handed, Within { offset: place.offset, path: &path, previous })
            }
        };
        let total = part.most.saturating_mul(u64::from(most));
        let total = self.bounded(laid.most.saturating_add(total), entry.span).saturating_sub(laid.most);
        self.known.measure(known, total, !moves && part.fixed);
        let room = !matches!(times, Times::Counted { room: false, .. });
        laid.fixed &= part.fixed && room;
        laid.aligned = laid.aligned.max(part.aligned);
        laid.least += part.least.saturating_mul(u64::from(if room { most } else { least })).min(MAX_RECORD);
        laid.most += total;
        let occurs = occurs(&times, least, most);
        let mut content = part.content;
        let mut field = None;
        if let (Some(name), Some(ty)) = (&called, part.ty) {
            let wire = match &content {
                ItemContent::Value(storage) => Wire::Stored(Box::new(storage.clone())),
                _ => Wire::Part,
            };
            let text =
                matches!(&content, ItemContent::Value(Storage { form: Form::Text(_) | Form::Octets, .. }));
            // What shares its bytes need not be given, and what is no text need not be there.
            let optional = place.over || inherited.overlaid && !text && !is_group;
            field = Some(FieldId(laid.fields.len() as u32));
            let min = if optional { 0 } else { occurs.min };
            laid.fields.push(field_of(name, ty, Occurs { min, ..occurs }, wire, entry.doc.clone()));
        } else if part.fixed && (part.ty.is_none() || !is_group) {
            content = ItemContent::Filler(part.filler);
        }
        let name = if field.is_some() { called.as_deref().unwrap_or_default() } else { "" };
        let mut item = made(name, field, place.start, part.most, times.clone(), content);
        // Of several over the same bytes none is written unless it is given.
        item.default = part.default.filter(|_| field.is_some() && !place.over);
        laid.items.push(item);
        if is_group && self.has_text(entry) {
            self.group_text(laid, index, part.most, times, occurs);
        }
    }

    /// Whether a group's text is a field as well.
    fn has_text(&self, entry: &Entry) -> bool {
        let name = name_of(entry).map(written);
        self.options.group_texts.iter().any(|wanted| Some(written(wanted)) == name)
    }

    /// How often an entry occurs.
    fn times(&mut self, occurs: &Repeated, entry: &Entry, path: &[u32]) -> (Times, u32, u32) {
        let (least, most) = (occurs.least, occurs.most);
        let Some(first) = occurs.depending.first() else {
            // A list of one is a value.
            return (if most == 1 { Times::Once } else { Times::Fixed(most) }, most, most);
        };
        let called = |name: &str| {
            let wanted = written(name);
            name_of(entry).into_iter().chain([first.text.as_str()]).any(|known| written(known) == wanted)
        };
        let words = self.options.count_words.iter().find(|(name, _)| called(name));
        let words =
            words.map(|(_, words)| words.iter().map(|(word, n)| (word.as_str().into(), *n)).collect());
        let room = self.options.occurs == OccursDepending::Maximum;
        match self.known.find(&occurs.depending, path) {
            Some(known) if !known.is_group => {
                let by = known.path.clone();
                // Of a table of one to so many, files have none all the same.
                (Times::Counted { least: 0, most, by, words: words.unwrap_or_default(), room }, least, most)
            }
            Some(_) => {
                let what = format!("`{}` is a group, and counts nothing", first.text);
                self.report(Code::COPYBOOK_INVALID, what, first.span);
                (Times::Fixed(most), most, most)
            }
            None => {
                let known = std::mem::take(&mut self.known);
                self.unresolved(first, "an item of this record before the one that it counts", known.names());
                self.known = known;
                (Times::Fixed(most), most, most)
            }
        }
    }

    /// A group.
    fn within(&mut self, entry: &Entry, children: &[Entry], handed: Inherited, place: Within<'_>) -> Part {
        self.known.enter(name_of(entry));
        let mut laid = self.group(children, &place.previous, handed, place.offset, place.path);
        self.known.leave();
        // Every occurrence begins as aligned as the first.
        let over = laid.most % u64::from(laid.aligned.max(1));
        if entry.occurs.is_some() && over > 0 {
            let bytes = u64::from(laid.aligned) - over;
            self.pad(&mut laid, bytes);
        }
        let named = !laid.fields.is_empty();
        let record = self.add_record(entry.shown(), entry.doc.clone(), laid.fields);
        Part {
            content: ItemContent::Group(record, laid.items),
            ty: named.then_some(TypeId::Record(record)),
            filler: Filler { fill: Fillers::Blanks, exact: false },
            default: None,
            least: laid.least,
            most: laid.most,
            fixed: laid.fixed,
            aligned: laid.aligned,
        }
    }

    /// What an entry is called, if it has a value.
    fn called(&mut self, laid: &mut Laid, entry: &Entry) -> Option<String> {
        let is_group = !entry.children.is_empty();
        let name = match &entry.name {
            Some(name) => {
                laid.previous.clone_from(&name.text);
                Some(written(&name.text))
            }
            None => {
                let (names, count, letter) = match is_group {
                    true => (self.options.group_fillers, &mut self.filler_groups, ""),
                    false => (self.options.value_fillers, &mut self.fillers, "P"),
                };
                *count += 1;
                let name = match names {
                    FillerNames::None => None,
                    FillerNames::Numbered => Some(format!("FILLER_{letter}{count}")),
                    FillerNames::AfterPrevious if laid.previous.len() < MAX_NAME => {
                        Some(format!("FILLER_AFTER_{}", laid.previous))
                    }
                    FillerNames::AfterPrevious => Some(format!("FILLER_{letter}{count}")),
                };
                if let Some(name) = &name {
                    laid.previous.clone_from(name);
                }
                name.as_deref().map(written)
            }
        };
        name.map(|name| laid.taken.distinct(name))
    }
}
