//! `records:` nodes of a layout.

use portolan_diagnostics::{Code, Diagnostic};
use portolan_syntax::{
    keys::{Keys, entries, leaf, text},
    yaml::{Entry, Node as Yaml, NodeKind},
};

use super::{
    Builder, Spans, Waiting,
    field::{Place, is_name},
    words,
};
use crate::{
    Occurs, Reading, RecordId, TypeId, Wire,
    copybook::{self, Copybook, CopybookOptions, FillerNames},
    layout::{
        Extent, FileFormat, Form, Framing, Invalid, Item, ItemContent, Node, NodeId, Shape, Start,
        grammar::{COPYBOOK, RECORD},
    },
};

/// Whether a record is declared by a copybook.
pub(super) fn has_copybook(record: &Entry) -> bool {
    match &record.value.kind {
        NodeKind::Mapping(entries) => entries.iter().any(|entry| entry.key == "copybook"),
        _ => false,
    }
}

impl<'a> Builder<'a> {
    /// The copybooks that records are declared by.
    pub(super) fn read_copybooks(&mut self, declared: &'a Entry, reading: &mut Reading<'_>) {
        let Some(all) = entries(&declared.value, "`copybooks`", self.findings) else { return };
        for entry in all {
            let mut options = self.options.clone();
            let files = match &entry.value.kind {
                NodeKind::Mapping(_) => {
                    let Some(mut keys) = Keys::of(&entry.value, &COPYBOOK, self.findings) else { continue };
                    let files = keys.take("files");
                    if files.is_none() {
                        let message = "a copybook has no `files`";
                        let finding = Diagnostic::error(Code::YAML_MISSING_KEY, message);
                        self.findings.push(finding.at(entry.key_span, "").help("add `files: NAME.cpy`"));
                    }
                    self.copybook_options(&mut keys, &mut options);
                    keys.done(self.findings);
                    match files {
                        Some(files) => &files.value,
                        None => continue,
                    }
                }
                _ => &entry.value,
            };
            let files: Vec<&Yaml> = match &files.kind {
                NodeKind::Sequence(items) => items.iter().collect(),
                _ => vec![files],
            };
            let mut read = Vec::new();
            for node in files {
                let Some(scalar) = node.scalar() else { continue };
                let from = reading.sources.get(node.span.source).map(|source| source.name.to_string());
                let Some(from) = from else { continue };
                let copybook = copybook::load(&scalar.text, Some((&from, node.span)), reading, &options);
                self.findings.extend(copybook.diagnostics);
                read.extend(copybook.value);
            }
            if !read.is_empty() {
                self.copybooks.insert(entry.key.clone(), (read, options));
            }
        }
    }

    fn copybook_options(&mut self, keys: &mut Keys<'a>, options: &mut CopybookOptions) {
        const FILLERS: &[(&str, FillerNames)] = &[
            ("none", FillerNames::None),
            ("numbered", FillerNames::Numbered),
            ("after-previous", FillerNames::AfterPrevious),
        ];
        if let Some(names) = keys.take("fillers").and_then(|e| words::word(e, FILLERS, self.findings)) {
            options.value_fillers = names;
        }
        if let Some(names) = keys.take("group-fillers").and_then(|e| words::word(e, FILLERS, self.findings)) {
            options.group_fillers = names;
        }
        let texts = |entry: &Entry| match &entry.value.kind {
            NodeKind::Sequence(items) => {
                items.iter().filter_map(|item| item.scalar()).map(|scalar| scalar.text.clone()).collect()
            }
            _ => entry.value.scalar().map(|scalar| scalar.text.clone()).into_iter().collect::<Vec<_>>(),
        };
        if let Some(entry) = keys.take("group-texts") {
            options.group_texts = texts(entry);
        }
        if let Some(entry) = keys.take("folders") {
            options.folders = texts(entry);
        }
        if let Some(all) =
            keys.take("replacing").and_then(|e| entries(&e.value, "`replacing`", self.findings))
        {
            let one = |entry: &Entry| Some((entry.key.clone(), entry.value.scalar()?.text.clone()));
            options.replacing = all.iter().filter_map(one).collect();
        }
        if let Some(lists) = keys.take("counts").and_then(|e| entries(&e.value, "`counts`", self.findings)) {
            for list in lists {
                let Some(counts) = entries(&list.value, "`counts`", self.findings) else { continue };
                let counts = counts.iter().filter_map(|count| {
                    words::whole(count, 0, 65_536, self.findings)
                        .map(|number| (count.key.clone(), number as u32))
                });
                let counts = counts.collect();
                options.count_words.insert(list.key.clone(), counts);
            }
        }
    }

    /// Records or groups, children of `parent`.
    pub(super) fn records(
        &mut self,
        declared: &'a [Entry],
        parent: Option<NodeId>,
        record: RecordId,
        depth: usize,
    ) -> Vec<NodeId> {
        if depth == 0 {
            if let Some(entry) = declared.first() {
                self.invalid(entry.key_span, "records nest too deep");
            }
            return Vec::new();
        }
        declared.iter().filter_map(|entry| self.record(entry, parent, record, depth)).collect()
    }

    fn record(
        &mut self,
        entry: &'a Entry,
        parent: Option<NodeId>,
        around: RecordId,
        depth: usize,
    ) -> Option<NodeId> {
        let name = entry.key.replace('-', "_");
        if !is_name(&name) {
            self.invalid(entry.key_span, format!("`{}` is no name for a record", entry.key));
            return None;
        }
        let mut keys = Keys::of(&entry.value, &RECORD, self.findings)?;
        let doc = keys.take("doc").and_then(|e| text(e, self.findings)).map(|t| t.value);
        let record = self.add_record(&name, doc.clone());
        let occurs = keys.take("occurs").and_then(|e| self.occurs_of(e)).unwrap_or(Occurs::ONCE);
        let field = self.add(around, &name, TypeId::Record(record), occurs, Wire::Part, doc, false);
        let order =
            keys.take("order").and_then(|e| words::word(e, words::ORDER, self.findings)).unwrap_or_default();
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Node {
            name,
            parent,
            record,
            field,
            occurs,
            when: None,
            shape: None,
            require: Vec::new(),
            children: Vec::new(),
            order,
        });
        self.spans.push(Spans::new(entry.key_span));
        if let Some(when) = keys.take("when") {
            self.pend(id, &[], Waiting::When(&when.value));
        }
        if let Some(require) = keys.take("require") {
            self.requires(id, require);
        }
        let (record, shape) = self.fields_of(id, record, &mut keys, depth);
        self.nodes[id.0 as usize].record = record;
        self.schema.record_mut(around).fields[field.0 as usize].ty = TypeId::Record(record);
        let children = keys.take("records");
        keys.done(self.findings);
        if shape.is_none() && children.is_none() {
            self.invalid(entry.key_span, "a record has `fields`, a `copybook`, or `records` within");
        }
        if let Some(children) = children.and_then(|e| entries(&e.value, "`records`", self.findings)) {
            let children = self.records(children, Some(id), record, depth - 1);
            self.nodes[id.0 as usize].children = children;
        }
        self.nodes[id.0 as usize].shape = shape;
        Some(id)
    }

    fn requires(&mut self, id: NodeId, entry: &'a Entry) {
        let leaves: Vec<_> = match &entry.value.kind {
            NodeKind::Sequence(items) => items
                .iter()
                .filter_map(|node| {
                    node.scalar().map(|s| portolan_syntax::expression::Leaf::new(s, node.span))
                })
                .collect(),
            _ => leaf(entry, self.findings).into_iter().collect(),
        };
        for leaf in leaves {
            self.pend(id, &[], Waiting::Require(leaf));
        }
    }

    /// The shape of a record, where it has bytes of its own.
    fn fields_of(
        &mut self,
        node: NodeId,
        record: RecordId,
        keys: &mut Keys<'a>,
        depth: usize,
    ) -> (RecordId, Option<Shape>) {
        let fields = keys.take("fields");
        let variants = keys.take("variants");
        let copybook = keys.take("copybook").and_then(|e| text(e, self.findings));
        let of = keys.take("of").and_then(|e| text(e, self.findings));
        let redefines = keys.take("redefines");
        if fields.is_none() && variants.is_none() && copybook.is_none() {
            return (record, None);
        }
        let mut items = Vec::new();
        let mut record = record;
        let mut path = Vec::new();
        if let Some(named) = copybook {
            let found = self.laid_by_copybook(&named.value, named.span, of.map(|of| of.value));
            let Some((made, shape)) = found else { return (record, Some(Shape::default())) };
            record = made;
            items = shape.items;
            if let Some(redefines) = redefines {
                self.choose(&mut items, redefines);
            }
            self.with_the_layouts_defaults(record, &mut items);
        }
        let place = Place { node, record, base: Some(0), first: 0, depth };
        let own = fields.and_then(|e| entries(&e.value, "`fields`", self.findings)).unwrap_or_default();
        let named = |among: &'a [Entry], name: &Entry| {
            among.iter().find(|entry| entry.key.replace('-', "_") == name.key.replace('-', "_"))
        };
        // A field of the record stands in the place of the common one of its name.
        let common = self.common;
        let inherited = common.iter().map(|entry| named(own, entry).unwrap_or(entry));
        let further = own.iter().filter(|entry| named(common, entry).is_none());
        self.fields(place, &mut path, inherited.chain(further), &mut items);
        if let Some(variants) = variants {
            self.variants(place, &mut path, &variants.value, &mut items);
        }
        (record, Some(Shape { items, length: (0, None) }))
    }

    fn laid_by_copybook(
        &mut self,
        name: &str,
        span: portolan_diagnostics::Span,
        of: Option<String>,
    ) -> Option<(RecordId, Shape)> {
        let Some((copybooks, options)) = self.copybooks.get(name) else {
            let known: Vec<&str> = self.copybooks.keys().map(String::as_str).collect();
            let finding = Diagnostic::error(Code::LAYOUT_INVALID, format!("there is no copybook `{name}`"));
            self.findings.push(
                finding.at(span, "").did_you_mean(name, known).help("name its file under `copybooks:`"),
            );
            return None;
        };
        let mut parts = Vec::new();
        for copybook in copybooks {
            let index = match &of {
                None => Some(0),
                Some(of) => copybook.find(of),
            };
            let Some(index) = index else {
                let known: Vec<&str> = copybook.records().collect();
                let of = of.as_deref().unwrap_or_default();
                let finding =
                    Diagnostic::error(Code::LAYOUT_INVALID, format!("the copybook has no record `{of}`"));
                self.findings.push(finding.at(span, "").did_you_mean(of, known));
                return None;
            };
            parts.push((copybook, index));
        }
        let lowered = match parts.as_slice() {
            [(copybook, index)] => copybook.lower(*index, options, &mut self.schema),
            parts => Copybook::lower_merged(parts, name, options, &mut self.schema),
        };
        self.findings.extend(lowered.diagnostics);
        lowered.value
    }

    /// Gives the values of a copybook what the layout says of all values.
    fn with_the_layouts_defaults(&mut self, record: RecordId, items: &mut [Item]) {
        for item in items {
            match &mut item.content {
                ItemContent::Value(storage) => {
                    storage.nulls = self.defaults.nulls_of(&storage.form);
                    if self.defaults.invalid == Invalid::Null {
                        storage.invalid = Invalid::Null;
                    }
                    if let Form::Text(text) = &mut storage.form {
                        text.trim = self.defaults.trim.unwrap_or(text.trim);
                        text.chars.clone_from(&self.defaults.chars);
                    }
                    let Some(field) = item.field else { continue };
                    let field = &mut self.schema.record_mut(record).fields[field.0 as usize];
                    field.wire = Wire::Stored(Box::new(storage.clone()));
                    if !(storage.nulls.is_empty() && storage.invalid == Invalid::Refuse) {
                        field.occurs.min = 0;
                    }
                }
                ItemContent::Group(record, items) => {
                    let record = *record;
                    self.with_the_layouts_defaults(record, items);
                }
                ItemContent::Filler(_) => {}
            }
        }
    }

    /// Of items that redefine one another, the chosen one stays.
    fn choose(&mut self, items: &mut [Item], redefines: &Entry) {
        let Some(chosen) = entries(&redefines.value, "`redefines`", self.findings) else { return };
        for entry in chosen {
            let Some(wanted) = text(entry, self.findings) else { continue };
            let (first, wanted_name) = (language(&entry.key), language(&wanted.value));
            if !choose(items, &first, &wanted_name) {
                let message = format!("`{}` and `{}` do not share their bytes", entry.key, wanted.value);
                self.invalid(wanted.span, message);
            }
        }
    }
}

/// How many bytes a record of these items has at least and at most; as many as the file's records where they have one length. What is
/// there only sometimes is known once conditions are.
pub(super) fn length(file: &FileFormat, items: &[Item]) -> (u32, Option<u32>) {
    let (least, longest) = measure(items);
    let framed = match &file.framing {
        Framing::Fixed { length, .. } => *length,
        Framing::Lines { length: Some(length), .. } => *length,
        _ => return (least, longest),
    };
    let (head, tail) = file.record_margins;
    let framed = framed.saturating_sub(head.saturating_add(tail));
    (least.max(framed), longest.map(|most| most.max(framed)))
}

/// How many bytes items take at least and at most.
fn measure(items: &[Item]) -> (u32, Option<u32>) {
    let (mut least, mut longest) = (0u32, Some(0u32));
    // The shortest of its variants.
    let mut variant: Option<u32> = None;
    // Where the next item begins, as above.
    let (mut low, mut high) = (0u32, Some(0u32));
    let mut begins: Vec<(u32, Option<u32>)> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let (start_low, start_high) = match item.start {
            Start::At(offset) => (offset, Some(offset)),
            Start::Next => (low, high),
            Start::Like(other) => begins.get(other as usize).copied().unwrap_or((low, high)),
            Start::FromEnd(bytes) => {
                least = least.max(bytes);
                begins.push((0, Some(0)));
                continue;
            }
        };
        begins.push((start_low, start_high));
        let (one_low, one_high) = match (&item.extent, item.items()) {
            (Extent::Bytes(length), []) => (*length, Some(*length)),
            (Extent::Bytes(length), inner) => {
                let (inner_low, inner_high) = measure(inner);
                let varies = inner_low < *length && varies(inner);
                (if varies { inner_low } else { *length }, inner_high.map(|high| high.max(*length)))
            }
            (Extent::Characters(count), _) => (*count, count.checked_mul(4)),
            (Extent::Counted(most), _) => (0, Some(*most)),
            (Extent::Rest, _) => (0, None),
        };
        let (times_low, times_high) = match &item.times {
            super::super::Times::Once => (1, 1),
            super::super::Times::Fixed(times) => (*times, *times),
            super::super::Times::Counted { most, room: true, .. } => (*most, *most),
            super::super::Times::Counted { least, most, .. } => (*least, *most),
        };
        let end_low = start_low.saturating_add(one_low.saturating_mul(times_low));
        let end_high =
            start_high.zip(one_high).and_then(|(s, one)| s.checked_add(one.checked_mul(times_high)?));
        let optional = item.when.is_some();
        let overlaid = items.iter().any(|other| other.start == Start::Like(index as u32));
        if item.redefines() {
            // What shares the bytes of another may be longer than it.
            low = low.max(end_low);
            high = high.zip(end_high).map(|(high, end)| high.max(end));
        } else if item.variant && item.start == Start::Next {
            // The next one begins where this one does.
            (low, high) = (start_low, start_high);
        } else if optional && !overlaid && item.start == Start::Next {
            // Where it is not there, what follows moves up.
            (low, high) = (start_low, end_high);
        } else {
            (low, high) = (end_low, end_high);
        }
        match item.when.is_some() {
            false => least = least.max(end_low),
            // One of them must be there.
            true if item.variant => variant = Some(variant.map_or(end_low, |known| known.min(end_low))),
            true => {}
        }
        longest = longest.zip(end_high).map(|(most, end)| most.max(end));
    }
    (least.max(variant.unwrap_or(0)), longest)
}

fn varies(items: &[Item]) -> bool {
    items.iter().any(|item| {
        matches!(item.times, super::super::Times::Counted { room: false, .. }) || varies(item.items())
    })
}

/// Keeps `wanted` of the items that share the bytes of `first`, wherever they are.
fn choose(items: &mut [Item], first: &str, wanted: &str) -> bool {
    let base = items.iter().position(|item| &*item.name == first);
    let Some(base) = base else {
        return items.iter_mut().any(|item| match &mut item.content {
            ItemContent::Group(_, inner) => choose(inner, first, wanted),
            _ => false,
        });
    };
    let shares = |index: usize, item: &Item| index == base || item.start == Start::Like(base as u32);
    let Some(kept) = items.iter().enumerate().position(|(i, item)| shares(i, item) && &*item.name == wanted)
    else {
        return false;
    };
    for (index, item) in items.iter_mut().enumerate() {
        if index != kept && (index == base || item.start == Start::Like(base as u32)) {
            // It stays in its place, so that the others keep their indexes, and is never there.
            item.when = Some(crate::layout::Rule::default());
        }
    }
    if let Some(kept) = items.get_mut(kept) {
        strict(kept);
    }
    true
}

/// What is known to be there can be read, or is wrong; but what shares its bytes with others of which nothing is said.
fn strict(item: &mut Item) {
    match &mut item.content {
        ItemContent::Value(storage) => storage.invalid = Invalid::Refuse,
        ItemContent::Group(_, items) => {
            let shared: Vec<bool> = (0..items.len())
                .map(|index| {
                    let like = Start::Like(index as u32);
                    items[index].redefines() || items.iter().any(|other| other.start == like)
                })
                .collect();
            items.iter_mut().zip(shared).filter(|(_, shared)| !shared).for_each(|(item, _)| strict(item));
        }
        ItemContent::Filler(_) => {}
    }
}

fn language(name: &str) -> String {
    let name = name.replace('-', "_");
    if name.chars().any(char::is_lowercase) { name } else { name.to_lowercase() }
}
