//! The fields of a record as rows: where each is, how long, what it is, and what else is said of it.

use super::{
    formula,
    usual::{Usual, absent, by_side, trimmed},
    words,
};
use crate::{
    EnumValue, FieldId, RecordId, TypeId,
    layout::{
        Binary, ByteOrder, Encoding, Extent, Fill, Filler, Fillers, FloatStandard, Form, Framing, Invalid,
        Item, ItemContent, Layout, NodeId, Overpunch, Shape, Sign, Start, Storage, Text, Times, Verify,
    },
};

/// Rows of one record at most.
const MAX_ROWS: usize = 5000;
/// Listed texts that are shown.
const SHOWN_VALUES: usize = 60;
/// How much is shown of what they mean, in bytes.
const SHOWN_DOCS: usize = 160;

/// A field, a group, or bytes without a name.
#[derive(Debug)]
pub(super) struct Row {
    /// How deep in groups it is.
    pub(super) depth: usize,
    /// Its own name; empty for fillers.
    pub(super) name: String,
    /// The names that lead to it in its record, `[]` behind lists; empty for fillers.
    pub(super) path: String,
    /// Where it begins.
    pub(super) place: Place,
    /// How long one occurrence is.
    pub(super) extent: Extent,
    /// How often it stands there.
    pub(super) times: Times,
    /// Its picture, or what would be one: `9(8)V99`, `yyMMdd`. Empty for groups.
    pub(super) picture: String,
    /// The kind of its value: `decimal`, `date`; `group`, `variant`, `filler`.
    pub(super) kind: String,
    /// What else is said of it, each in a few words.
    pub(super) notes: Vec<String>,
    /// What it is, in the words of the layout.
    pub(super) doc: Option<String>,
}

/// Where an item begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Always so many bytes after the record's beginning.
    At(u32),
    /// So many at the earliest: what stands before it varies.
    From(u32),
    /// So many bytes before the record's end.
    BeforeEnd(u32),
    /// The value of this number, from 1, of delimited ones.
    Value(u32),
    /// That of this number at the earliest.
    ValueFrom(u32),
}

impl Place {
    fn plus(self, bytes: u32) -> Self {
        match self {
            Self::At(at) => Self::At(at.saturating_add(bytes)),
            Self::From(at) => Self::From(at.saturating_add(bytes)),
            other => other,
        }
    }

    /// Bytes from the beginning, at the earliest.
    pub(super) fn offset(self) -> Option<u32> {
        match self {
            Self::At(at) | Self::From(at) => Some(at),
            Self::BeforeEnd(_) | Self::Value(_) | Self::ValueFrom(_) => None,
        }
    }
}

/// The rows of a record.
pub(super) fn rows(layout: &Layout, node: NodeId, shape: &Shape, usual: &Usual) -> Vec<Row> {
    let mut rows = Rows { layout, node, usual, rows: Vec::new() };
    rows.items(&shape.items, layout.node(node).record, Place::At(0), 0, "");
    let mut rows = rows.rows;
    if matches!(layout.file.framing, Framing::Delimited(_)) {
        for row in &mut rows {
            row.place = match row.place {
                Place::At(before) => Place::Value(before.saturating_add(1)),
                Place::From(before) => Place::ValueFrom(before.saturating_add(1)),
                other => other,
            };
        }
        return rows;
    }
    in_place(&mut rows);
    gaps(&mut rows, shape.length.0);
    rows
}

/// Moves fillers that stand behind everything to where their columns are: those for what a record is told by.
fn in_place(rows: &mut Vec<Row>) {
    let is_filler = |row: &Row| row.depth == 0 && row.kind == "filler";
    let first = rows.iter().rposition(|row| !is_filler(row)).map_or(0, |last| last + 1);
    for filler in rows.split_off(first) {
        let behind = rows.iter().position(|row| row.depth == 0 && row.place.offset() > filler.place.offset());
        let at = behind.unwrap_or(rows.len());
        rows.insert(at, filler);
    }
}

/// Adds rows for bytes that none has, where all have fixed places.
fn gaps(rows: &mut Vec<Row>, length: u32) {
    let mut taken = Vec::new();
    for row in rows.iter().filter(|row| row.depth == 0 || row.kind != "group") {
        let (Place::At(at), Extent::Bytes(bytes)) = (row.place, row.extent) else { return };
        let times = match row.times {
            Times::Once => 1,
            Times::Fixed(times) => times,
            Times::Counted { most, .. } => most,
        };
        // What a variant covers, its own fields say.
        if row.kind != "variant" {
            taken.push((at, at.saturating_add(bytes.saturating_mul(times))));
        }
    }
    taken.push((length, length));
    taken.sort_unstable();
    let mut end = 0u32;
    for (from, to) in taken {
        if from > end {
            let behind = rows.iter().position(|row| row.depth == 0 && row.place.offset() >= Some(from));
            let gap = Row {
                depth: 0,
                name: String::new(),
                path: String::new(),
                place: Place::At(end),
                extent: Extent::Bytes(from - end),
                times: Times::Once,
                picture: String::new(),
                kind: "filler".to_owned(),
                notes: vec!["of which the layout says nothing".to_owned()],
                doc: None,
            };
            rows.insert(behind.unwrap_or(rows.len()), gap);
        }
        end = end.max(to);
    }
}

/// How many of delimited values an item is at least and at most.
fn columns(item: &Item) -> (u32, Option<u32>) {
    let one = match &item.content {
        ItemContent::Group(_, items) => items.iter().map(columns).fold((0u32, Some(0u32)), |all, next| {
            let most = all.1.zip(next.1).map(|(all, next)| all.saturating_add(next));
            (all.0.saturating_add(next.0), most)
        }),
        _ => (1, Some(1)),
    };
    let (least, most) = times(item, one);
    (if item.when.is_some() { 0 } else { least }, most)
}

/// How many bytes all occurrences of an item take at least and at most; no most where it takes what is left.
fn measure(item: &Item) -> (u32, Option<u32>) {
    let one = match (&item.content, item.extent) {
        (_, Extent::Rest | Extent::Characters(_)) => (0, None),
        (_, Extent::Counted(most)) => (0, Some(most)),
        (ItemContent::Group(_, items), Extent::Bytes(most)) => {
            let varies = items.iter().any(|item| {
                let (least, most) = measure(item);
                Some(least) != most
            });
            let least = items.iter().map(|item| measure(item).0).fold(0, u32::saturating_add);
            (if varies { least.min(most) } else { most }, Some(most))
        }
        (_, Extent::Bytes(bytes)) => (bytes, Some(bytes)),
    };
    times(item, one)
}

/// The same of all occurrences of what is that of one.
fn times(item: &Item, one: (u32, Option<u32>)) -> (u32, Option<u32>) {
    match item.times {
        Times::Once => one,
        Times::Fixed(times) => (one.0.saturating_mul(times), one.1.map(|most| most.saturating_mul(times))),
        Times::Counted { most, room: true, .. } => {
            let all = one.1.map(|bytes| bytes.saturating_mul(most));
            (all.unwrap_or(0), all)
        }
        Times::Counted { least, most, .. } => {
            (one.0.saturating_mul(least), one.1.map(|bytes| bytes.saturating_mul(most)))
        }
    }
}

struct Rows<'l> {
    layout: &'l Layout,
    node: NodeId,
    usual: &'l Usual,
    rows: Vec<Row>,
}

impl Rows<'_> {
    fn items(&mut self, items: &[Item], record: RecordId, base: Place, depth: usize, path: &str) {
        let delimited = matches!(self.layout.file.framing, Framing::Delimited(_));
        let mut next = base;
        let mut begins: Vec<Place> = Vec::with_capacity(items.len());
        for item in items {
            if self.rows.len() >= MAX_ROWS {
                return;
            }
            let place = match item.start {
                _ if delimited => next,
                Start::At(offset) => base.plus(offset),
                Start::Next => next,
                Start::Like(other) => begins.get(other as usize).copied().unwrap_or(next),
                Start::FromEnd(bytes) => Place::BeforeEnd(bytes),
            };
            begins.push(place);
            let (least, most) = if delimited { columns(item) } else { measure(item) };
            if !matches!(item.start, Start::Like(_) | Start::FromEnd(_)) {
                next = place.plus(least);
                if let (true, Place::At(at)) = (Some(least) != most, next) {
                    next = Place::From(at);
                }
            }
            self.item(items, item, record, place, depth, path);
        }
    }

    fn item(
        &mut self,
        siblings: &[Item],
        item: &Item,
        record: RecordId,
        place: Place,
        depth: usize,
        path: &str,
    ) {
        let many = if matches!(item.times, Times::Once) { "" } else { "[]" };
        let own = match (path, &*item.name) {
            (_, "") => String::new(),
            ("", name) => format!("{name}{many}"),
            (path, name) => format!("{path}.{name}{many}"),
        };
        let mut notes = self.around(siblings, item);
        let (picture, kind) = match &item.content {
            ItemContent::Group(..) if item.variant || is_variant(item) => {
                (String::new(), "variant".to_owned())
            }
            ItemContent::Group(..) => (String::new(), "group".to_owned()),
            ItemContent::Filler(filler) => {
                notes.extend(filling(filler));
                (String::new(), "filler".to_owned())
            }
            ItemContent::Value(storage) => {
                self.value(item, storage, record, &mut notes);
                self.typed(item.field, record)
            }
        };
        let field = item.field.map(|field| self.layout.schema.field(record, field));
        if field.is_some_and(|field| field.redact) {
            notes.push("sensitive".to_owned());
        }
        self.rows.push(Row {
            depth,
            name: item.name.to_string(),
            path: own.clone(),
            place,
            extent: item.extent,
            times: item.times.clone(),
            picture,
            kind,
            notes,
            doc: field.and_then(|field| field.doc.clone()),
        });
        if let ItemContent::Group(record, items) = &item.content {
            self.items(items, *record, place, depth + 1, &own);
        }
    }

    fn typed(&self, field: Option<FieldId>, record: RecordId) -> (String, String) {
        let schema = &self.layout.schema;
        let Some(field) = field else { return (String::new(), "no value".to_owned()) };
        let TypeId::Scalar(id) = schema.field(record, field).ty else { return Default::default() };
        let scalar = schema.scalar(id);
        let picture = scalar.name.local.strip_prefix("PIC ").unwrap_or(&scalar.name.local);
        (picture.to_owned(), words::kind(schema, &scalar.kind))
    }

    /// How often it is there, when, and over what.
    fn around(&self, siblings: &[Item], item: &Item) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(item.title.as_ref().map(|title| format!("titled {title:?}")));
        match &item.times {
            Times::Once => {}
            Times::Fixed(times) => notes.push(format!("{times} times")),
            Times::Counted { least, most, by, words, room } => {
                let often = format!("{least} to {most} times");
                let mut text = match by.is_empty() {
                    true => often,
                    false => {
                        let by = crate::layout::Reference { record: self.node, item: by.clone() };
                        format!("{often}, by {}", formula::field(self.layout, self.node, &by))
                    }
                };
                if !words.is_empty() {
                    let words: Vec<String> =
                        words.iter().map(|(word, count)| format!("{word:?} is {count}")).collect();
                    text.push_str(&format!(" ({})", words.join(", ")));
                }
                if *room {
                    text.push_str(", with room for all");
                }
                notes.push(text);
            }
        }
        if let Start::Like(other) = item.start {
            let name = siblings.get(other as usize).map_or("", |item| &item.name);
            notes.push(format!("redefines {}", if name.is_empty() { "a filler" } else { name }));
        }
        if let Some(rule) = &item.when {
            notes.push(format!("if {}", formula::rule(self.layout, self.node, rule)));
        }
        notes
    }

    /// What is said of a value.
    fn value(&self, item: &Item, storage: &Storage, record: RecordId, notes: &mut Vec<String>) {
        if let Some(check) = &item.value {
            let warned = match check.verify {
                verify if verify == self.layout.file.verify => "",
                Verify::Warn => " (or a warning)",
                Verify::Refuse => " (or an error)",
            };
            notes.push(format!("= {}{warned}", formula::formula(self.layout, self.node, &check.formula)));
        }
        if let Some(require) = &item.require {
            notes.push(format!("requires {}", require.text));
        }
        let schema = &self.layout.schema;
        if let Some(field) = item.field
            && let TypeId::Scalar(id) = schema.field(record, field).ty
            && let Some(listed) = &schema.scalar(id).enumeration
        {
            // What each means is shown where it is not a table of its own.
            let docs = listed.values.iter().filter_map(|value| value.doc.as_ref()).map(String::len);
            let docs = docs.sum::<usize>() <= SHOWN_DOCS;
            let value = |value: &EnumValue| match &value.doc {
                Some(doc) if docs => format!("{} ({doc})", value.name),
                _ => value.name.clone(),
            };
            let shown: Vec<String> = listed.values.iter().take(SHOWN_VALUES).map(value).collect();
            let more = if listed.values.len() > SHOWN_VALUES { " | ..." } else { "" };
            notes.push(format!("one of {}{more}", shown.join(" | ")));
        }
        let usual = self.usual.absent.as_ref();
        let as_usual = match usual {
            Some((nulls, invalid)) => *nulls == storage.nulls && *invalid == storage.invalid,
            None => storage.nulls.is_empty() && storage.invalid == Invalid::Refuse,
        };
        if !as_usual && !self.usual.bare {
            notes.push(absent(&storage.nulls, storage.invalid).unwrap_or("never none".to_owned()));
        }
        notes.extend(item.default.as_ref().map(|default| format!("default {default:?}")));
        if !self.usual.bare {
            notes.extend(stored(&storage.form, self.layout.file.encoding, self.usual));
        }
    }
}

fn is_variant(item: &Item) -> bool {
    item.when.is_some() && item.start == Start::At(0) && matches!(item.content, ItemContent::Group(..))
}

fn filling(filler: &Filler) -> Vec<String> {
    let fill = match &filler.fill {
        Fillers::Blanks => None,
        Fillers::Zeros => Some("zeros".to_owned()),
        Fillers::Byte(byte) => Some(format!("bytes of {byte:02X}")),
        Fillers::Text(text) => Some(format!("{text:?}")),
    };
    let mut notes: Vec<String> = fill.into_iter().collect();
    if filler.exact {
        notes.push("nothing else".to_owned());
    }
    notes
}

/// What a picture does not say of how a value is stored, where it is not the usual.
fn stored(form: &Form, encoding: Encoding, usual: &Usual) -> Vec<String> {
    let mut notes = Vec::new();
    let mut order = |order: ByteOrder| {
        if order == ByteOrder::Little {
            notes.push("least significant byte first".to_owned());
        }
    };
    match form {
        Form::Text(text) => return text_notes(text, encoding, usual),
        Form::Zoned(zoned) => {
            match zoned.fill {
                Fill::Zero => {}
                Fill::Blank => notes.push("blanks before it".to_owned()),
                Fill::BlankAfter => notes.push("blanks behind it".to_owned()),
            }
            if zoned.sign == Sign::Minus {
                notes.push("`-` before the first digit".to_owned());
            }
            if let Sign::Overpunch(_, punch) = zoned.sign {
                notes.push(match punch {
                    Overpunch::Ebcdic => "sign in a zone".to_owned(),
                    Overpunch::Ascii => "sign in a digit, p to y minus".to_owned(),
                    Overpunch::Translated => "sign in a digit, {A to I plus, }J to R minus".to_owned(),
                });
            }
        }
        Form::Binary(Binary { order: first, .. }) => order(*first),
        Form::Float(float) => {
            order(float.order);
            notes.push(match float.standard {
                FloatStandard::Ieee => "IEEE 754".to_owned(),
                FloatStandard::Ibm => "IBM hexadecimal".to_owned(),
            });
        }
        Form::Moment(moment) => {
            let two = moment.parts.contains(&crate::layout::Part::ShortYear)
                && !moment.parts.contains(&crate::layout::Part::Century);
            if two {
                notes.push(format!("years {} to {}", moment.century, u32::from(moment.century) + 99));
            }
        }
        Form::Octets | Form::Packed(_) | Form::Edited(_) => {}
    }
    notes
}

fn text_notes(text: &Text, encoding: Encoding, usual: &Usual) -> Vec<String> {
    let mut notes = Vec::new();
    if text.encoding != encoding {
        notes.push(text.encoding.to_string());
    }
    if text.pad != ' ' {
        notes.push(format!("padded with {:?}", text.pad.to_string()));
    }
    if text.trim != usual.trim.unwrap_or(by_side(text.justified)) {
        notes.push(trimmed(text.trim));
    }
    if text.chars != usual.chars {
        notes.push(text.chars.as_ref().map_or("any characters".to_owned(), formula::class));
    }
    if text.transliterate {
        notes.push("transliterated".to_owned());
    }
    notes
}
