//! From entries to the physical model: where each item begins, how long it is, and what a mapping sees of it.
//!
//! IBM Enterprise COBOL for z/OS Language Reference, "REDEFINES clause", "OCCURS clause" (DEPENDING ON: the record has its real
//! length), "SYNCHRONIZED clause" (slack bytes), "RENAMES clause".

use std::collections::BTreeSet;

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    CopybookOptions, OccursDepending,
    known::Register,
    names::{FillerNames, Taken, written},
    syntax::{Described, Item as Entry, Occurs as Repeated, Renames},
    values,
};
use crate::{
    Content, Field, FieldId, Name, Occurs, Presence, Record, RecordId, Schema, TypeId, Wire,
    layout::{
        Alignment, Clauses, Extent, Filler, Fillers, Form, Invalid, Item, ItemContent, Shape, Side, Start,
        Storage, Text, Times, Usage, scalar, storage,
    },
};

/// No record is longer.
const MAX_RECORD: u64 = 0x7FFF_FFFF;

/// What groups hand down.
#[derive(Debug, Clone, Copy, Default)]
struct Inherited {
    usage: Option<Usage>,
    sign: Option<(Side, bool)>,
    synchronized: bool,
    /// Its bytes are those of another item as well: what is in them need not be what this one says.
    overlaid: bool,
    /// It occurs more than once, or its place varies.
    moves: bool,
}

/// What was laid of a group.
#[derive(Default)]
struct Laid {
    items: Vec<Item>,
    fields: Vec<Field>,
    taken: Taken,
    /// Bytes at least, and at most.
    least: u64,
    most: u64,
    /// Whether both are the same, and every item in it lies at its place.
    fixed: bool,
    /// At which multiple it begins.
    aligned: u32,
    /// What the item before is called.
    previous: String,
}

/// Lays the records of copybooks.
pub(super) struct Lowering<'a> {
    options: &'a CopybookOptions,
    schema: &'a mut Schema,
    pub(super) diagnostics: Vec<Diagnostic>,
    known: Register,
    fillers: u32,
    filler_groups: u32,
    refused: bool,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(options: &'a CopybookOptions, schema: &'a mut Schema) -> Self {
        let known = Register::default();
        Self { options, schema, diagnostics: Vec::new(), known, fillers: 0, filler_groups: 0, refused: false }
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

    fn add_record(&mut self, name: &str, doc: Option<String>, fields: Vec<Field>) -> RecordId {
        let name = Name::plain(name);
        self.schema.add_record(Record { name, fields, content: Content::Unordered, doc, ..Record::default() })
    }

    fn report(&mut self, code: Code, message: impl Into<String>, at: Span) {
        self.diagnostics.push(Diagnostic::error(code, message).at(at, ""));
    }

    /// A length that no record goes past.
    fn bounded(&mut self, length: u64, at: Span) -> u64 {
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
            let names = before.iter().filter_map(|other| other.name.as_ref().map(|name| name.text.as_str()));
            let found = Diagnostic::error(
                Code::COPYBOOK_UNRESOLVED,
                format!("`{}` is not an item before this one in the same group", name.text),
            );
            self.diagnostics.push(found.at(name.span, "").did_you_mean(&name.text, names));
        }
        found
    }

    /// Adds the slack bytes before a synchronized item.
    fn slack(&mut self, laid: &mut Laid, entry: &Entry, inherited: Inherited, base: u64) {
        let multiple = match self.options.dialect.alignment {
            Alignment::Words => self.leading(entry, inherited),
            Alignment::Natural if entry.children.is_empty() => self.leading(entry, inherited),
            Alignment::Natural => 1,
        };
        let over = (base + laid.most) % u64::from(multiple.max(1));
        if over > 0 {
            self.pad(laid, u64::from(multiple) - over);
        }
    }

    /// Adds bytes that nothing names.
    fn pad(&mut self, laid: &mut Laid, bytes: u64) {
        let start = if laid.fixed { Start::At(laid.most as u32) } else { Start::Next };
        let content = ItemContent::Filler(Filler { fill: Fillers::Byte(0), exact: false });
        laid.items.push(made("", None, start, bytes, Times::Once, content));
        laid.least += bytes;
        laid.most += bytes;
    }

    /// The multiple at which the first value of an entry begins.
    fn leading(&self, entry: &Entry, inherited: Inherited) -> u32 {
        let handed = handed_down(entry, inherited);
        match entry.children.iter().find(|child| child.redefines.is_none()) {
            Some(first) => self.leading(first, handed),
            None if handed.synchronized => self.alignment(entry, handed),
            None => 1,
        }
    }

    fn alignment(&self, entry: &Entry, handed: Inherited) -> u32 {
        match self.stored(entry, handed) {
            Ok((_, Extent::Bytes(bytes))) => self.options.dialect.aligned(usage(entry, handed), bytes),
            _ => 1,
        }
    }

    /// How a value is stored.
    fn stored(&self, entry: &Entry, handed: Inherited) -> Result<(Storage, Extent), String> {
        let picture = entry.picture.as_ref().map(|(picture, _)| picture);
        let signed = picture.is_some_and(|picture| picture.signed);
        let clauses = Clauses {
            // A group's SIGN is one of the numbers in it that have a sign.
            sign: entry.sign.or(handed.sign.filter(|_| signed)),
            justified_right: entry.justified,
            blank_when_zero: entry.blank_when_zero,
        };
        storage(picture, usage(entry, handed), &clauses, &self.options.dialect)
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
        item.default = part.default.filter(|_| field.is_some());
        laid.items.push(item);
        if is_group && self.options.group_texts.iter().any(|wanted| Some(wanted.as_str()) == name_of(entry)) {
            self.group_text(laid, index, part.most, times, occurs);
        }
    }

    /// How often an entry occurs.
    fn times(&mut self, occurs: &Repeated, entry: &Entry, path: &[u32]) -> (Times, u32, u32) {
        let (least, most) = (occurs.least, occurs.most);
        let Some(first) = occurs.depending.first() else { return (Times::Fixed(most), most, most) };
        let words = self.options.count_words.iter().find(|(name, _)| Some(name.as_str()) == name_of(entry));
        let words =
            words.map(|(_, words)| words.iter().map(|(word, n)| (word.as_str().into(), *n)).collect());
        let room = self.options.occurs == OccursDepending::Maximum;
        match self.known.find(&occurs.depending, path) {
            Some(known) if !known.is_group => {
                let by = known.path.clone();
                (Times::Counted { least, most, by, words: words.unwrap_or_default(), room }, least, most)
            }
            Some(_) => {
                let what = format!("`{}` is a group, and counts nothing", first.text);
                self.report(Code::COPYBOOK_INVALID, what, first.span);
                (Times::Fixed(most), most, most)
            }
            None => {
                let found = Diagnostic::error(
                    Code::COPYBOOK_UNRESOLVED,
                    format!("`{}` is not an item of this record before the one that it counts", first.text),
                );
                let found = found.at(first.span, "").did_you_mean(&first.text, self.known.names());
                self.diagnostics.push(found);
                (Times::Fixed(most), most, most)
            }
        }
    }

    /// An elementary item.
    fn value(&mut self, entry: &Entry, handed: Inherited) -> Part {
        let found = self.stored(entry, handed);
        let (mut storage, bytes) = match found {
            Ok((storage, Extent::Bytes(bytes))) => (storage, bytes),
            Ok((storage, _)) => (storage, 0),
            Err(what) => {
                let bare = entry.picture.is_none() && entry.usage.is_none();
                let (code, what) = match bare {
                    true => (
                        Code::COPYBOOK_INVALID,
                        format!("`{}` has neither a picture nor items", entry.shown()),
                    ),
                    false => (Code::COPYBOOK_PICTURE, format!("`{}`: {what}", entry.shown())),
                };
                let at = entry.picture.as_ref().map_or(entry.span, |(_, at)| *at);
                self.report(code, what, at);
                return Part::nothing();
            }
        };
        if handed.overlaid {
            storage.invalid = Invalid::Null;
        }
        let extent = Extent::Bytes(bytes);
        let length = match &storage.form {
            Form::Text(Text { encoding: crate::layout::Encoding::Utf16(_), .. }) => bytes / 2,
            _ => bytes,
        };
        let mut seen = scalar(&storage, extent);
        seen.enumeration = values::enumeration(&entry.conditions, &storage, length);
        let aligned =
            if handed.synchronized { self.options.dialect.aligned(usage(entry, handed), bytes) } else { 1 };
        Part {
            ty: Some(TypeId::Scalar(self.schema.add_scalar(seen))),
            filler: values::filler(entry.value.as_ref(), &storage, length),
            default: entry
                .value
                .as_ref()
                .and_then(|value| values::lexical(value, &storage, length))
                .map(Into::into),
            content: ItemContent::Value(storage),
            least: u64::from(bytes),
            most: u64::from(bytes),
            fixed: true,
            aligned,
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
                    FillerNames::AfterPrevious => Some(format!("FILLER_AFTER_{}", laid.previous)),
                };
                if let Some(name) = &name {
                    laid.previous.clone_from(name);
                }
                name.as_deref().map(written)
            }
        };
        name.map(|name| laid.taken.distinct(name))
    }

    /// The text of a group, beside what is in it.
    fn group_text(&mut self, laid: &mut Laid, index: u32, bytes: u64, times: Times, occurs: Occurs) {
        let Some(name) = laid.items.get(index as usize).map(|item| item.name.to_string()) else { return };
        let name = laid.taken.distinct(format!("{name}_nt"));
        let (content, ty) = self.text(bytes);
        let wire = Wire::Stored(Box::new(content.clone()));
        let field = FieldId(laid.fields.len() as u32);
        laid.fields.push(field_of(&name, ty, Occurs { min: 0, ..occurs }, wire, None));
        laid.items.push(made(
            &name,
            Some(field),
            Start::Like(index),
            bytes,
            times,
            ItemContent::Value(content),
        ));
    }

    /// So many bytes as text.
    fn text(&mut self, bytes: u64) -> (Storage, TypeId) {
        let dialect = &self.options.dialect;
        let form = Form::Text(Text {
            encoding: dialect.encoding,
            pad: ' ',
            justified: Side::Left,
            trim: dialect.trim,
            transliterate: false,
            chars: None,
        });
        let storage = Storage { form, nulls: Vec::new(), invalid: Invalid::Null };
        let ty = TypeId::Scalar(self.schema.add_scalar(scalar(&storage, Extent::Bytes(bytes as u32))));
        (storage, ty)
    }

    /// Level 66: the bytes of one item, or of all from one to another, under another name. What is renamed as a group is text.
    fn renames(&mut self, laid: &mut Laid, renames: &Renames) {
        let mut find = |named: &super::syntax::Named| {
            let known = self.known.find(std::slice::from_ref(named), &[]).cloned();
            if known.is_none() {
                let what = format!("`{}` is not an item of this record", named.text);
                let found = Diagnostic::error(Code::COPYBOOK_UNRESOLVED, what).at(named.span, "");
                self.diagnostics.push(found.did_you_mean(&named.text, self.known.names()));
            }
            known
        };
        let from = find(&renames.from);
        let through = match &renames.through {
            Some(through) => find(through),
            None => from.clone(),
        };
        let (Some(from), Some(through)) = (from, through) else { return };
        if !from.is_fixed || !through.is_fixed {
            let what =
                format!("`{}` renames what occurs more than once, or whose place varies", renames.name.text);
            return self.report(Code::COPYBOOK_INVALID, what, renames.name.span);
        }
        let end = through.offset + through.length;
        let Some(bytes) = end.checked_sub(from.offset).filter(|bytes| *bytes > 0) else {
            let what = format!("`{}` ends before it begins", renames.name.text);
            return self.report(Code::COPYBOOK_INVALID, what, renames.name.span);
        };
        let single = renames.through.is_none() && !from.is_group;
        let shape = Shape { items: std::mem::take(&mut laid.items), length: (0, None) };
        let same = shape.at(&from.path).filter(|_| single).and_then(|item| match &item.content {
            ItemContent::Value(storage) => Some(storage.clone()),
            _ => None,
        });
        laid.items = shape.items;
        let (storage, ty) = match same {
            Some(storage) => {
                let storage = Storage { invalid: Invalid::Null, ..storage };
                let seen = scalar(&storage, Extent::Bytes(bytes as u32));
                (storage, TypeId::Scalar(self.schema.add_scalar(seen)))
            }
            None => self.text(bytes),
        };
        let name = laid.taken.distinct(written(&renames.name.text));
        let doc = match &renames.through {
            Some(through) => format!("renames {} through {}", renames.from.text, through.text),
            None => format!("renames {}", renames.from.text),
        };
        let wire = Wire::Stored(Box::new(storage.clone()));
        let field = FieldId(laid.fields.len() as u32);
        laid.fields.push(field_of(&name, ty, Occurs::OPTIONAL, wire, Some(doc)));
        let start = Start::At(from.offset as u32);
        laid.items.push(made(&name, Some(field), start, bytes, Times::Once, ItemContent::Value(storage)));
    }
}

/// Where an item is laid.
struct Place<'a> {
    start: Start,
    /// From the beginning of the record, all that varies at its most.
    offset: u64,
    /// The index at each level of what it is in.
    path: &'a [u32],
    /// It is one of several over the same bytes.
    over: bool,
}

/// Where the items of a group are laid.
struct Within<'a> {
    /// From the beginning of the record.
    offset: u64,
    /// The index at each level of the group.
    path: &'a [u32],
    /// What it is called.
    previous: String,
}

/// What an entry is, once.
struct Part {
    content: ItemContent,
    /// `None` where nothing in it has a name.
    ty: Option<TypeId>,
    /// What it is where it has no name.
    filler: Filler,
    default: Option<Box<str>>,
    least: u64,
    most: u64,
    fixed: bool,
    aligned: u32,
}

impl Part {
    /// What cannot be laid.
    fn nothing() -> Self {
        let filler = Filler { fill: Fillers::Blanks, exact: false };
        Self {
            content: ItemContent::Filler(filler.clone()),
            ty: None,
            filler,
            default: None,
            least: 0,
            most: 0,
            fixed: true,
            aligned: 1,
        }
    }
}

fn name_of(entry: &Entry) -> Option<&str> {
    entry.name.as_ref().map(|name| name.text.as_str())
}

/// What an entry hands down to those within it, or is itself.
fn handed_down(entry: &Entry, inherited: Inherited) -> Inherited {
    Inherited {
        usage: entry.usage.map(|(usage, _)| usage).or(inherited.usage),
        sign: entry.sign.or(inherited.sign),
        synchronized: entry.synchronized || inherited.synchronized,
        ..inherited
    }
}

/// The usage of a value: a group's is one of the numbers in it, unless it goes with what the picture says.
fn usage(entry: &Entry, handed: Inherited) -> Usage {
    match (&entry.usage, handed.usage) {
        (Some((own, _)), _) => *own,
        (None, Some(given)) => {
            let number = entry
                .picture
                .as_ref()
                .is_none_or(|(picture, _)| picture.category == crate::layout::Category::Numeric);
            if number { given } else { Usage::Display }
        }
        (None, None) => Usage::Display,
    }
}

fn occurs(times: &Times, least: u32, most: u32) -> Occurs {
    match times {
        Times::Once => Occurs::ONCE,
        Times::Fixed(_) | Times::Counted { .. } => Occurs { min: least, max: Some(most) },
    }
}

fn field_of(name: &str, ty: TypeId, occurs: Occurs, wire: Wire, doc: Option<String>) -> Field {
    Field {
        name: name.to_owned(),
        ty,
        occurs,
        presence: Presence::Explicit,
        nillable: false,
        default: None,
        fixed: None,
        choice: None,
        redact: false,
        xsi_type: None,
        wire,
        doc,
    }
}

fn made(
    name: &str,
    field: Option<FieldId>,
    start: Start,
    bytes: u64,
    times: Times,
    content: ItemContent,
) -> Item {
    Item {
        name: name.into(),
        field,
        start,
        extent: Extent::Bytes(bytes as u32),
        times,
        content,
        when: None,
        value: None,
        require: None,
        default: None,
    }
}
