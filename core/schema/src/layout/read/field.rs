//! `fields:` items of a shape, and the fields of the schema that they are.

use portolan_diagnostics::{Code, Diagnostic, Span};
use portolan_syntax::{
    expression::Leaf,
    keys::{Keys, entries, leaf, text},
    yaml::{Entry, Node, NodeKind, Scalar},
};

use super::{
    Builder, MAX_DEPTH, Waiting,
    columns::{Columns, WRONG},
    storage, words,
};
use crate::{
    FieldId, Occurs, Presence, RecordId, TypeId, Wire,
    layout::{
        Extent, Filler, Fillers, Item, ItemContent, NodeId, Start, Storage, Times,
        grammar::{FIELD, VARIANT},
        scalar,
    },
};

/// Where fields are declared.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The record's node.
    pub(super) node: NodeId,
    /// The record of the schema that their fields are of.
    pub(super) record: RecordId,
    /// The column, from 0, where the group begins in which they are; `None` where that varies.
    pub(super) base: Option<u32>,
    /// Where in the group its first field begins that says no columns.
    pub(super) first: u32,
    /// How deep fields may still nest.
    pub(super) depth: usize,
}

/// How far the fields of a group have come.
struct Cursor {
    /// The byte after the last field, counted in the group; `None` where that varies.
    next: Option<u32>,
    /// The furthest byte that any of them reaches.
    end: Option<u32>,
}

impl<'a> Builder<'a> {
    /// Items of a group, added to `items`; gives how many bytes they are, where that is known.
    pub(super) fn fields(
        &mut self,
        place: Place,
        path: &mut Vec<u32>,
        declared: impl IntoIterator<Item = &'a Entry>,
        items: &mut Vec<Item>,
    ) -> Option<u32> {
        let mut declared = declared.into_iter();
        if place.depth == 0 {
            if let Some(entry) = declared.next() {
                self.invalid(entry.key_span, format!("fields nest deeper than {MAX_DEPTH} levels"));
            }
            return None;
        }
        let start = items.iter().map(end_of).try_fold(0, |most, end| Some(most.max(end?)));
        let next = match items.last() {
            None => Some(place.first),
            Some(last) => end_of(last),
        };
        let mut cursor = Cursor { next, end: start };
        for entry in declared {
            path.push(items.len() as u32);
            if let Some(item) = self.field(place, path, entry, items, &mut cursor) {
                self.remember(place.node, path, entry);
                items.push(item);
            }
            path.pop();
        }
        cursor.end
    }

    fn remember(&mut self, node: NodeId, path: &[u32], entry: &Entry) {
        let keys = match &entry.value.kind {
            NodeKind::Mapping(keys) => keys.as_slice(),
            _ => &[],
        };
        if let Some(spans) = self.spans.get_mut(node.0 as usize) {
            spans.remember(path, entry.key_span, keys);
        }
    }

    fn field(
        &mut self,
        place: Place,
        path: &mut Vec<u32>,
        entry: &'a Entry,
        before: &[Item],
        cursor: &mut Cursor,
    ) -> Option<Item> {
        let name = entry.key.replace('-', "_");
        if !is_name(&name) {
            self.invalid(entry.key_span, format!("`{}` is no name for a field", entry.key))
                .help
                .push("a name begins with a letter, and has letters, digits, `_` and `-`".to_owned());
            return None;
        }
        if let NodeKind::Scalar(scalar) = &entry.value.kind {
            // The short form: `4-13`, or `30-39 9(8)V99`.
            let (columns, picture) = short(scalar, entry.value.span);
            let Some(columns) = Columns::parse(columns) else {
                let message = format!("`{columns}` are no columns: {WRONG}");
                self.invalid(entry.value.span, message).help.push(
                    "a field is written `name: 4-13`, `name: 30-39 9(8)V99`, or as a group of keys"
                        .to_owned(),
                );
                return None;
            };
            let declared = storage::Declared {
                columns: Some(columns),
                picture: picture.as_ref(),
                span: entry.value.span,
            };
            let (storage, extent) = self.storage(&declared, None)?;
            let start = self.start(place, Some((columns, entry.value.span)), None, cursor)?;
            let occurs = presence(&storage);
            let field = self.add_value(place.record, &name, &storage, extent, occurs, None, false, None);
            return Some(self.finish(
                cursor,
                start,
                item(&name, Some(field), start, extent, ItemContent::Value(storage)),
            ));
        }
        let mut keys = Keys::of(&entry.value, &FIELD, self.findings)?;
        let item = self.declared(place, path, entry, &name, &mut keys, before, cursor);
        keys.done(self.findings);
        item
    }

    #[allow(clippy::too_many_arguments, reason = "they are what one field is declared by")]
    fn declared(
        &mut self,
        place: Place,
        path: &mut Vec<u32>,
        entry: &'a Entry,
        name: &str,
        keys: &mut Keys<'a>,
        before: &[Item],
        cursor: &mut Cursor,
    ) -> Option<Item> {
        let doc = keys.take("doc").and_then(|e| text(e, self.findings)).map(|t| t.value);
        let title = keys.take("title").and_then(|e| text(e, self.findings)).map(|t| t.value.into_boxed_str());
        let columns = keys.take("columns").and_then(|e| {
            let written = text(e, self.findings)?;
            let columns = Columns::parse(&written.value);
            if columns.is_none() {
                self.invalid(written.span, format!("`{}` are no columns: {WRONG}", written.value));
            }
            Some((columns?, written.span))
        });
        let from_end = keys.take("from-end").and_then(|e| words::length(e, self.findings));
        let redefines = keys.take("redefines").and_then(|e| text(e, self.findings));
        let when = keys.take("when");
        let (times, measured) = self.times(place, path, when.is_some(), keys);
        let start = match &redefines {
            Some(other) => {
                let other_name = other.value.replace('-', "_");
                match before.iter().position(|item| *item.name == *other_name) {
                    Some(index) => Start::Like(index as u32),
                    None => {
                        let message = format!("`{}` is no field before it in the same group", other.value);
                        self.invalid(other.span, message);
                        return None;
                    }
                }
            }
            None => self.start(place, columns, from_end, cursor)?,
        };
        let filler = keys.take("filler");
        let exact = words::flag(keys.take("exact"), self.findings);
        let fields = keys.take("fields");
        let variants = keys.take("variants");
        let default =
            keys.take("default").and_then(|e| text(e, self.findings)).map(|t| t.value.into_boxed_str());
        let sensitive = words::flag(keys.take("sensitive"), self.findings);
        let verify = keys.take("verify").and_then(|e| words::word(e, words::VERIFY, self.findings));
        if let Some(when) = when {
            self.pend(place.node, path, Waiting::When(&when.value));
        }
        let value = keys.take("value");
        if let Some(value) = value {
            self.pend(place.node, path, Waiting::Value(value, verify.unwrap_or(self.file.verify)));
        }
        if let Some(require) = keys.take("require").and_then(|e| leaf(e, self.findings)) {
            self.pend(place.node, path, Waiting::Require(require));
        }
        let columns_only = columns.map(|(columns, _)| columns);
        if let Some(by) =
            measured.as_ref().filter(|_| fields.is_some() || variants.is_some() || filler.is_some())
        {
            self.invalid(by.span, "of a field alone another says how long it is: a text, or bytes")
                .help
                .push(
                    "a list that depends on a count says how many there are at most: `occurs: 0..20`"
                        .to_owned(),
                );
        }
        let mut made = if fields.is_some() || variants.is_some() {
            let record = self.add_record(name, doc.clone());
            let base = match start {
                Start::At(offset) => place.base.map(|base| base + offset),
                _ => None,
            };
            let inner = Place { record, base, first: 0, depth: place.depth - 1, ..place };
            let mut items = Vec::new();
            let mut length = Some(0);
            if let Some(fields) = fields.and_then(|e| entries(&e.value, "`fields`", self.findings)) {
                length = self.fields(inner, path, fields, &mut items);
            }
            if let Some(variants) = variants {
                let varied = self.variants(inner, path, &variants.value, &mut items);
                length = length.zip(varied).map(|(own, varied)| own.max(varied));
            }
            let declared = keys.take("length").and_then(|e| words::length(e, self.findings));
            let declared = declared.or(columns_only.and_then(Columns::length));
            if let (Some(declared), Some(length)) = (declared, length)
                && length > declared
            {
                let message = format!("its fields need {}, and it has {declared}", words::bytes(length));
                self.findings.push(Diagnostic::error(Code::LAYOUT_LENGTH, message).at(entry.key_span, ""));
            }
            let extent = match declared.or(length) {
                Some(length) => Extent::Bytes(length),
                None => Extent::Bytes(items.iter().map(|item| most(item).unwrap_or(0)).sum()),
            };
            let occurs = occurs(&times, when.is_some(), Occurs::ONCE);
            let field =
                self.add(place.record, name, TypeId::Record(record), occurs, Wire::Part, doc, sensitive);
            item(name, Some(field), start, extent, ItemContent::Group(record, items))
        } else if let Some(filler) = filler.and_then(|e| self.filler(e)) {
            let declared = storage::Declared::at(entry.key_span, columns_only);
            let extent = self.extent(&declared, keys)?;
            item("", None, start, extent, ItemContent::Filler(Filler { fill: filler, exact }))
        } else {
            let declared = storage::Declared::at(entry.key_span, columns_only);
            let (mut storage, mut extent) = self.storage(&declared, Some(keys))?;
            if let Some(by) = measured {
                extent = self.measured(&by, &mut storage, extent, entry)?;
                self.pend(place.node, path, Waiting::Measured(by));
            }
            let mut wire = storage.clone();
            if let Some((by, negative, positive)) = self.sign_elsewhere(keys) {
                match storage.with_sign_before() {
                    Some(signed) => {
                        wire = signed;
                        self.pend(place.node, path, Waiting::Signed { by, negative, positive });
                    }
                    None => {
                        let message = "a number of digits without a sign has its sign in another field";
                        self.invalid(by.span, message)
                            .help
                            .push("write its picture without `S`, and no `sign:`".to_owned());
                    }
                }
            }
            let values = keys.take("values").map(|e| storage::values(e, self.findings));
            let occurs = occurs(&times, when.is_some(), presence(&storage));
            let field =
                self.add_value(place.record, name, &wire, extent, occurs, doc, sensitive, values.as_deref());
            item(name, Some(field), start, extent, ItemContent::Value(storage))
        };
        made.times = times;
        made.default = default;
        made.title = title;
        Some(self.finish(cursor, start, made))
    }

    /// Notes how far an item reaches.
    fn finish(&mut self, cursor: &mut Cursor, start: Start, item: Item) -> Item {
        let length = most_if_fixed(&item);
        let end = match start {
            Start::At(offset) => length.map(|length| offset + length),
            Start::Next => cursor.next.zip(length).map(|(next, length)| next + length),
            Start::Like(_) => return item,
            Start::FromEnd(_) => return item,
        };
        cursor.next = end;
        cursor.end = cursor.end.zip(end).map(|(most, end)| most.max(end));
        item
    }

    /// Where an item begins within its group.
    fn start(
        &mut self,
        place: Place,
        columns: Option<(Columns, Span)>,
        from_end: Option<u32>,
        cursor: &Cursor,
    ) -> Option<Start> {
        if let (true, Some((_, span))) = (self.delimited(), columns) {
            self.invalid(span, "delimited values stand in the order of their fields, and have no columns")
                .help
                .push("give its `length`, the most that the value may have".to_owned());
        }
        let columns = columns.filter(|_| !self.delimited());
        if let Some(from_end) = from_end {
            return Some(Start::FromEnd(from_end));
        }
        let Some((columns, span)) = columns else {
            return Some(match cursor.next {
                Some(next) => Start::At(next),
                None => Start::Next,
            });
        };
        match place.base {
            Some(base) if columns.from >= base => Some(Start::At(columns.from - base)),
            Some(base) => {
                let message = format!("the group that it is in begins at column {}", base + 1);
                self.invalid(span, message);
                None
            }
            None => {
                let message = "where its group begins varies, so that it has no columns of its own";
                self.invalid(span, message)
                    .help
                    .push("give its `length`; it follows the field before".to_owned());
                None
            }
        }
    }

    /// `filler:`; `false` is none.
    fn filler(&mut self, entry: &Entry) -> Option<Fillers> {
        let scalar = entry.value.scalar()?;
        Some(match (scalar.plain, scalar.text.as_str()) {
            (true, "false") => return None,
            (true, "true" | "blanks" | "blank") => Fillers::Blanks,
            (true, "zeros") => Fillers::Zeros,
            (true, text) if text.starts_with("hex:") => {
                let byte = text.get(4..).filter(|hex| hex.len() == 2);
                let Some(byte) = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) else {
                    self.invalid(entry.value.span, "a byte is written `hex:00`");
                    return None;
                };
                Fillers::Byte(byte)
            }
            (_, text) => Fillers::Text(text.into()),
        })
    }

    /// `variants:` groups for the same bytes, each where its condition holds.
    pub(super) fn variants(
        &mut self,
        place: Place,
        path: &mut Vec<u32>,
        declared: &'a Node,
        items: &mut Vec<Item>,
    ) -> Option<u32> {
        let all = entries(declared, "`variants`", self.findings)?;
        let by = all.iter().find(|entry| entry.key == "by").and_then(|entry| leaf(entry, self.findings));
        const OTHERWISE: &[(&str, bool)] = &[("refuse", true), ("ignore", false)];
        let otherwise = all.iter().find(|entry| entry.key == "otherwise");
        let must = otherwise.and_then(|entry| words::word(entry, OTHERWISE, self.findings)).unwrap_or(true);
        let mut most = Some(0);
        // Columns are those of the record; fields without them follow what stands before the variants.
        let before = items.last().map_or(Some(place.first), end_of);
        let (start, base, first) = match before {
            Some(first) => (Start::At(0), place.base, first),
            None => (Start::Next, None, 0),
        };
        for entry in all.iter().filter(|entry| !matches!(entry.key.as_str(), "by" | "otherwise")) {
            let name = entry.key.replace('-', "_");
            let Some(mut keys) = Keys::of(&entry.value, &VARIANT, self.findings) else { continue };
            let doc = keys.take("doc").and_then(|e| text(e, self.findings)).map(|t| t.value);
            path.push(items.len() as u32);
            self.variant_rule(place.node, path, entry, by.as_ref(), &mut keys);
            let fields = keys.require("fields", self.findings);
            let fields =
                fields.and_then(|e| entries(&e.value, "`fields`", self.findings)).unwrap_or_default();
            keys.done(self.findings);
            let record = self.add_record(&name, doc.clone());
            let mut inner = Vec::new();
            let within = Place { record, base, first, depth: place.depth - 1, ..place };
            let length = self.fields(within, path, fields, &mut inner);
            self.remember(place.node, path, entry);
            path.pop();
            most = most.zip(length).map(|(most, length)| most.max(length));
            let field = self.add(
                place.record,
                &name,
                TypeId::Record(record),
                Occurs::OPTIONAL,
                Wire::Part,
                doc,
                false,
            );
            let extent = Extent::Bytes(length.unwrap_or(0));
            let made = item(&name, Some(field), start, extent, ItemContent::Group(record, inner));
            items.push(Item { variant: must, ..made });
        }
        most
    }

    fn variant_rule(
        &mut self,
        node: NodeId,
        path: &[u32],
        entry: &'a Entry,
        by: Option<&Leaf>,
        keys: &mut Keys<'a>,
    ) {
        let is = keys.take("is");
        let when = keys.take("when");
        match (is, by, when) {
            (Some(is), Some(by), _) => {
                let one = |node: &Node| Some((node.scalar()?.text.as_str().into(), node.span));
                let texts: Vec<(Box<str>, Span)> = match &is.value.kind {
                    NodeKind::Sequence(items) => items.iter().filter_map(one).collect(),
                    _ => one(&is.value).into_iter().collect(),
                };
                self.pend(node, path, Waiting::Variant { by: by.clone(), is: texts });
            }
            (Some(is), None, _) => {
                self.invalid(is.key_span, "`is` needs `by:` beside the variants, which names the field");
            }
            (None, _, Some(when)) => self.pend(node, path, Waiting::When(&when.value)),
            (None, _, None) => {
                self.invalid(entry.key_span, "nothing says when this variant is the one")
                    .help
                    .push("write `is: [CODE]` with `by:` beside the variants, or `when:`".to_owned());
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "they are what a field of a schema is made of")]
    fn add_value(
        &mut self,
        record: RecordId,
        name: &str,
        storage: &Storage,
        extent: Extent,
        occurs: Occurs,
        doc: Option<String>,
        sensitive: bool,
        values: Option<&[(String, Option<String>)]>,
    ) -> FieldId {
        let mut made = scalar(storage, extent);
        if let Some(values) = values {
            let one = |(value, doc): &(String, Option<String>)| crate::EnumValue {
                name: value.clone(),
                number: None,
                doc: doc.clone(),
            };
            made.enumeration =
                Some(crate::Enumeration { values: values.iter().map(one).collect(), open: false });
        }
        let id = self.schema.add_scalar(made);
        self.add(
            record,
            name,
            TypeId::Scalar(id),
            occurs,
            Wire::Stored(Box::new(storage.clone())),
            doc,
            sensitive,
        )
    }

    /// A field of a record of the schema.
    #[allow(clippy::too_many_arguments, reason = "they are what a field of a schema is made of")]
    pub(super) fn add(
        &mut self,
        record: RecordId,
        name: &str,
        ty: TypeId,
        occurs: Occurs,
        wire: Wire,
        doc: Option<String>,
        redact: bool,
    ) -> FieldId {
        let fields = &mut self.schema.record_mut(record).fields;
        fields.push(crate::Field {
            name: name.to_owned(),
            ty,
            occurs,
            presence: Presence::Explicit,
            nillable: false,
            default: None,
            fixed: None,
            choice: None,
            redact,
            xsi_type: None,
            wire,
            doc,
        });
        FieldId((fields.len() - 1) as u32)
    }
}

/// The columns and the picture of the short form: `30-39 9(8)V99`.
fn short(scalar: &Scalar, span: Span) -> (&str, Option<Leaf>) {
    let Some((columns, rest)) = scalar.text.split_once(' ') else { return (&scalar.text, None) };
    let picture = rest.trim();
    let skipped = scalar.text.len() - rest.trim_start().len();
    let mut leaf = Leaf::new(scalar, span);
    leaf.text = picture.into();
    leaf.verbatim = leaf.verbatim.map(|start| start.saturating_add(skipped as u32));
    leaf.span = leaf.place(&(0..picture.len()));
    (columns, Some(leaf))
}

fn item(name: &str, field: Option<FieldId>, start: Start, extent: Extent, content: ItemContent) -> Item {
    Item {
        name: name.into(),
        title: None,
        field,
        start,
        extent,
        times: Times::Once,
        content,
        when: None,
        measured: None,
        sign: None,
        variant: false,
        value: None,
        require: None,
        default: None,
    }
}

/// Whether a field may be without a value.
fn presence(storage: &Storage) -> Occurs {
    match storage.nulls.is_empty() && storage.invalid == crate::layout::Invalid::Refuse {
        true => Occurs::ONCE,
        false => Occurs::OPTIONAL,
    }
}

fn occurs(times: &Times, conditional: bool, once: Occurs) -> Occurs {
    match times {
        Times::Once if conditional => Occurs::OPTIONAL,
        Times::Once => once,
        Times::Fixed(times) => Occurs { min: *times, max: Some(*times) },
        Times::Counted { least, most, .. } => Occurs { min: *least, max: Some(*most) },
    }
}

/// How many bytes all occurrences of an item take at most.
pub(super) fn most(item: &Item) -> Option<u32> {
    let once = match item.extent {
        Extent::Bytes(length) => length,
        Extent::Characters(_) | Extent::Counted(_) | Extent::Rest => return None,
    };
    let times = match item.times {
        Times::Once => 1,
        Times::Fixed(times) => times,
        Times::Counted { most, .. } => most,
    };
    once.checked_mul(times)
}

/// The same where it is always so many.
fn most_if_fixed(item: &Item) -> Option<u32> {
    let varies = matches!(item.times, Times::Counted { room: false, .. })
        || item.items().iter().any(|inner| most_if_fixed(inner).is_none());
    if varies { None } else { most(item) }
}

/// The byte after an item, where it is known.
fn end_of(item: &Item) -> Option<u32> {
    match item.start {
        Start::At(offset) => most_if_fixed(item).map(|length| offset + length),
        Start::Like(_) | Start::FromEnd(_) => Some(0),
        Start::Next => None,
    }
}

/// Whether mappings can reach it by this name.
pub(super) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && characters.all(|c| c.is_alphanumeric() || c == '_')
}
