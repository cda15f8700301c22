//! What names mean at a place of a mapping: roots, the records that `from:` opens, the items that `each:` names. A
//! path that resolves is wanted of its document, and gets its slots there.

use std::sync::Arc;

use portolan_diagnostics::{Code, Diagnostic};
use portolan_formats::{FrameId, NodeId, Selection, SlotRef, Unknown, select::Item};
use portolan_schema::{Document, FieldId, Presence, RecordId, ScalarId, Schema, TypeId, Wire};

use super::context::{Contextual, context};
use super::types::Type;
use crate::{
    expression::{Leaf, Segment},
    ir::{ContextField, Given, Local, Side, SourceSlot},
};

/// A document that paths lead into.
pub(super) struct Source<'a> {
    pub(super) schema: &'a Schema,
    pub(super) document: &'a Document,
    pub(super) selection: Selection,
}

impl<'a> Source<'a> {
    pub(super) fn new(schema: &'a Schema, document: &'a Document, unknown: Unknown) -> Self {
        Self { schema, document, selection: Selection::new(document, unknown) }
    }

    /// Wants the fields that lead to a root; its node (where it is a record) and its slot (where it is not the document).
    pub(super) fn root(&mut self, path: &[(RecordId, FieldId)]) -> (Option<NodeId>, Option<SlotRef>) {
        let mut at = (Some(Selection::ROOT), None);
        for (_, field) in path {
            let Some(node) = at.0 else { return (None, None) };
            let selected = self.selection.field(self.schema, node, *field);
            at = (selected.node, Some(selected.slot));
        }
        at
    }
}

/// Where paths may begin besides the roots.
#[derive(Debug, Clone)]
pub(super) enum Opened {
    /// The record of a `from:`; its fields stand bare.
    Record(Place),
    /// The item of an `each:`.
    Item(String, Place),
    /// A `from:` or `each:` that leads nowhere, which was reported: any name may be of it.
    Lost,
}

/// What a path leads to.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// As written in messages, from the root.
    pub(super) path: String,
    /// The document.
    pub(super) side: Side,
    /// What is there.
    pub(super) what: What,
    /// What on the way may be absent or nil.
    pub(super) optional: Vec<Given>,
    /// Absence cannot be told from the default value.
    pub(super) implicit: bool,
    /// Slots of this frame are looked at by that one.
    pub(super) alias: Option<(FrameId, FrameId)>,
}

/// See [`Place`].
#[derive(Debug, Clone)]
pub(super) enum What {
    Record {
        node: NodeId,
        record: RecordId,
        slot: Option<SourceSlot>,
    },
    List {
        slot: SourceSlot,
        item: Item,
        ty: TypeId,
        record: RecordId,
        field: FieldId,
    },
    Scalar {
        slot: SourceSlot,
        record: RecordId,
        field: FieldId,
        scalar: ScalarId,
    },
    Context(ContextField),
    Metadata(Arc<str>),
    /// What a step of a list makes of an item.
    Local(Local, Type),
    /// Items of which a key is equal: `list.group(x, key)`.
    Group(Box<Group>),
    /// The items of such a group.
    Members(Box<Group>),
}

/// See [`What::Group`].
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// Where the key is kept while the group is looked at.
    pub(super) key: Local,
    /// What it is.
    pub(super) ty: Type,
    /// Where the items are kept.
    pub(super) members: Local,
    /// An item, as the list had it.
    pub(super) item: Place,
    /// What is known to be there where there is an item.
    pub(super) settled: Vec<Given>,
}

impl Group {
    /// What a name is within it.
    fn part(&self, name: &str) -> Option<What> {
        match name {
            "key" => Some(What::Local(self.key, self.ty.clone())),
            "items" => Some(What::Members(Box::new(self.clone()))),
            _ => None,
        }
    }
}

impl Place {
    /// What to call it in messages.
    pub(super) fn describe(&self) -> &'static str {
        match self.what {
            What::Record { .. } => "a record",
            What::Group(_) => "a group",
            What::List { .. } | What::Members(_) => "a list",
            _ => "a single value",
        }
    }

    /// The frame of the list whose item it is, whatever it is looked at by.
    fn frame(&self) -> Option<(Side, FrameId)> {
        let slot = match &self.what {
            What::Record { slot: Some(slot), .. } | What::Scalar { slot, .. } => slot.slot,
            _ => return None,
        };
        Some((self.side, self.alias.map_or(slot.frame, |(of, _)| of)))
    }
}

/// Everything that names can mean.
pub(super) struct Scope<'a> {
    pub(super) message: Source<'a>,
    pub(super) original: Option<Source<'a>>,
    /// Innermost last.
    pub(super) opened: Vec<Opened>,
    /// What is known to be there.
    pub(super) settled: Vec<Given>,
    /// The names of metadata that were asked for; `None` where there is no metadata.
    pub(super) metadata: Option<Vec<Arc<str>>>,
    /// Whether it was asked who sent the message, with which metadata or id of theirs.
    pub(super) asks_for_sender: bool,
    /// What is known of the message besides its content.
    pub(super) context: &'static Contextual,
    /// What the original is may not be there, or not be readable.
    pub(super) is_original_partial: bool,
}

impl<'a> Scope<'a> {
    fn source(&mut self, side: Side) -> Option<&mut Source<'a>> {
        match side {
            Side::Message => Some(&mut self.message),
            Side::Original => self.original.as_mut(),
        }
    }

    /// The ways in which items of lists are looked at, of the document that has most of them.
    pub(super) fn frames(&self) -> usize {
        let of = |source: &Source<'_>| source.selection.widths().len();
        of(&self.message).max(self.original.as_ref().map_or(0, of))
    }

    pub(super) fn schema(&self, side: Side) -> &'a Schema {
        match (side, &self.original) {
            (Side::Original, Some(original)) => original.schema,
            _ => self.message.schema,
        }
    }

    /// What a path means here, or the finding that says why it means nothing; `None` where another
    /// finding said so.
    pub(super) fn resolve(&mut self, path: &[Segment], leaf: &Leaf) -> Result<Place, Option<Diagnostic>> {
        let (start, rest) = self.begin(path, leaf)?;
        self.walk(start, rest, leaf).map_err(Some)
    }

    fn begin<'p>(
        &mut self,
        path: &'p [Segment],
        leaf: &Leaf,
    ) -> Result<(Place, &'p [Segment]), Option<Diagnostic>> {
        let Some((first, rest)) = path.split_first() else { return Err(Some(unknown("", leaf, &(0..0)))) };
        let item = self.opened.iter().rev().find_map(|o| match o {
            Opened::Item(name, place) if *name == first.name => Some(place.clone()),
            _ => None,
        });
        if let Some(mut place) = item {
            // The list has a path of its own, and what an expression made has only the name that it is given.
            if matches!(place.what, What::Group(_)) {
                place.path.clone_from(&first.name);
            }
            return Ok((place, rest));
        }
        match first.name.as_str() {
            "context" => {
                let found = context(path, leaf, self.context).map_err(Some)?;
                self.asks_for_sender |=
                    matches!(found.0.what, What::Context(ContextField::Caller | ContextField::RequestId));
                return Ok(found);
            }
            "metadata" if self.metadata.is_some() => return self.header_of_call(path, leaf).map_err(Some),
            "original" if self.original.is_some() => {
                let rest = match rest.first() {
                    Some(s) if s.name == "body" => &rest[1..],
                    _ => rest,
                };
                let mut name = vec!["original".to_owned()];
                let (root, rest) = match self.record_of_original(rest) {
                    Some((root, named)) => {
                        name.extend(root.iter().take(named).cloned());
                        (root, &rest[named..])
                    }
                    None => (vec!["body".to_owned()], rest),
                };
                let place = self.root(Side::Original, &root, name);
                return place.map(|p| (p, rest)).ok_or_else(|| {
                    Some(match rest.first() {
                        Some(wanted) if self.is_original_partial => self.not_once(wanted, leaf),
                        _ => unknown(&first.name, leaf, &first.place),
                    })
                });
            }
            _ => {}
        }
        let roots = self.message.document.roots.iter();
        let matches =
            |name: &[String]| name.len() <= path.len() && name.iter().zip(path).all(|(n, s)| *n == s.name);
        let longest = roots.map(|r| r.name.clone()).filter(|n| matches(n)).max_by_key(Vec::len);
        if let Some(name) = longest
            && let Some(place) = self.root(Side::Message, &name, name.clone())
        {
            return Ok((place, &path[name.len()..]));
        }
        let opened = self.opened.iter().rev().find_map(|o| match o {
            Opened::Record(place) => match place.what {
                What::Record { record, .. } => {
                    self.schema(place.side).record(record).find(&first.name).map(|_| place.clone())
                }
                _ => None,
            },
            Opened::Item(..) | Opened::Lost => None,
        });
        match opened {
            Some(place) => Ok((place, path)),
            None if self.opened.iter().any(|o| matches!(o, Opened::Lost)) => Err(None),
            None => Err(Some(self.nothing(first, leaf))),
        }
    }

    /// Where the request is a message of a file: which of its records a path begins with, and how much of the path names it. That of the
    /// message itself stands bare.
    fn record_of_original(&self, path: &[Segment]) -> Option<(Vec<String>, usize)> {
        let document = self.original.as_ref()?.document;
        let excerpt = document.excerpt.as_ref()?;
        let named = |name: &[String]| {
            name.len() <= path.len() && name.iter().zip(path).all(|(name, segment)| *name == segment.name)
        };
        let longest =
            document.roots.iter().filter(|root| named(&root.name)).max_by_key(|root| root.name.len());
        Some(match longest {
            Some(root) => (root.name.clone(), root.name.len()),
            None => (vec![excerpt.layout.node(excerpt.each).name.clone()], 0),
        })
    }

    /// A record or a field of a file is asked for of which there may be many.
    fn not_once(&self, wanted: &Segment, leaf: &Leaf) -> Diagnostic {
        let roots = self.original.iter().flat_map(|original| &original.document.roots);
        let names: Vec<String> = roots.map(|root| root.name.join(".")).collect();
        let message = format!("nothing that stands in the file once is named `{}`", wanted.name);
        let finding = Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(leaf.place(&wanted.place), "");
        let finding = finding.did_you_mean(&wanted.name, names.iter().map(String::as_str));
        finding.help(match names.as_slice() {
            [] => "no record does: what is known of the file begins with `file.`".to_owned(),
            names => format!("these records do: {}", names.join(", ")),
        })
    }

    /// No name is known like this one.
    fn nothing(&self, first: &Segment, leaf: &Leaf) -> Diagnostic {
        let mut names: Vec<String> = Vec::new();
        for opened in self.opened.iter().rev() {
            match opened {
                Opened::Item(name, _) => names.push(name.clone()),
                Opened::Record(Place { side, what: What::Record { record, .. }, .. }) => {
                    names.extend(self.schema(*side).record(*record).fields.iter().map(|f| f.name.clone()));
                }
                Opened::Record(_) | Opened::Lost => {}
            }
        }
        names.extend(self.message.document.roots.iter().filter_map(|r| r.name.first().cloned()));
        names.push("context".into());
        let finding = unknown(&first.name, leaf, &first.place);
        if self.opened.iter().any(|o| matches!(o, Opened::Record(_))) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            return near_or_all(finding, &first.name, &names);
        }
        if self.body_has(&first.name) {
            let meant = format!("body.{}", first.name);
            let finding = finding.help(format!("did you mean `{meant}`?"));
            return finding.edit(leaf.place(&first.place), &first.name, meant);
        }
        let finding = finding.did_you_mean(&first.name, names.iter().map(String::as_str));
        if first.name == "body" {
            let place = "the answer has no body that is known, as of a one-way operation: fill it from `original`, `context` and constants";
            return finding.help(place);
        }
        finding.help("paths begin at a root, as `body.` does, or where `from:` says")
    }

    /// Whether the message's body has a field of this name.
    fn body_has(&self, name: &str) -> bool {
        let body = self.message.document.roots.iter().find(|root| root.name == ["body"]);
        match body.map(|root| root.ty) {
            Some(TypeId::Record(record)) => self.message.schema.record(record).find(name).is_some(),
            _ => false,
        }
    }

    /// The place of a root.
    pub(super) fn root(&mut self, side: Side, name: &[String], shown: Vec<String>) -> Option<Place> {
        let source = self.source(side)?;
        let root = source.document.roots.iter().find(|r| r.name == name)?;
        let (node, slot) = source.root(&root.path);
        let slot = slot.map(|slot| SourceSlot { side, slot });
        let what = match (root.ty, node, root.path.last(), slot) {
            (TypeId::Record(record), Some(node), _, slot) => What::Record { node, record, slot },
            (TypeId::Scalar(scalar), _, Some((record, field)), Some(slot)) => {
                What::Scalar { slot, record: *record, field: *field, scalar }
            }
            _ => return None,
        };
        // A part of a fault may be missing; a body and a header are there, or nothing would be read of them.
        let optional = match (name.len(), slot) {
            (2.., Some(slot)) => vec![Given::Slot(slot)],
            (_, Some(slot)) if side == Side::Original && self.is_original_partial => vec![Given::Slot(slot)],
            _ => Vec::new(),
        };
        Some(Place { path: shown.join("."), side, what, optional, implicit: false, alias: None })
    }

    /// `metadata.accept_language`: a header of the caller, hyphens as underscores.
    fn header_of_call<'p>(
        &mut self,
        path: &'p [Segment],
        leaf: &Leaf,
    ) -> Result<(Place, &'p [Segment]), Diagnostic> {
        let [root, name] = path else {
            let finding = Diagnostic::error(Code::MAP_UNKNOWN_PATH, "metadata is reached by one name")
                .at(leaf.span, "");
            return Err(finding.help("write `metadata.request_id` for the header `request-id`"));
        };
        let header: Arc<str> = name.name.replace('_', "-").to_ascii_lowercase().into();
        self.asks_for_sender = true;
        if let Some(asked) = &mut self.metadata
            && !asked.contains(&header)
        {
            asked.push(header.clone());
        }
        let path_text = format!("{}.{}", root.name, name.name);
        let place = Place {
            path: path_text,
            side: Side::Message,
            optional: vec![Given::Metadata(header.clone())],
            what: What::Metadata(header),
            implicit: false,
            alias: None,
        };
        Ok((place, &path[2..]))
    }

    /// Follows the fields of a path.
    fn walk(&mut self, start: Place, rest: &[Segment], leaf: &Leaf) -> Result<Place, Diagnostic> {
        let mut place = start;
        for segment in rest {
            let (node, record) = match &place.what {
                What::Record { node, record, .. } => (*node, *record),
                What::Group(group) => {
                    let Some(what) = group.part(&segment.name) else {
                        let message = format!("a group has no `{}`", segment.name);
                        let finding = Diagnostic::error(Code::MAP_UNKNOWN_PATH, message);
                        let finding = finding.at(leaf.place(&segment.place), "");
                        return Err(near_or_all(finding, &segment.name, &["key", "items"]));
                    };
                    place = Place { path: format!("{}.{}", place.path, segment.name), what, ..place };
                    continue;
                }
                What::List { .. } | What::Members(_) => {
                    let message = format!("`{}` is a list, and a path leads into one record", place.path);
                    let finding =
                        Diagnostic::error(Code::MAP_CARDINALITY, message).at(leaf.place(&segment.place), "");
                    return Err(
                        finding.help(format!("name its items: {{ each: item in {}, map: ... }}", place.path))
                    );
                }
                _ => {
                    let message =
                        format!("`{}` is a single value and has no field `{}`", place.path, segment.name);
                    let finding =
                        Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(leaf.place(&segment.place), "");
                    return Err(finding.help("end the path before it; parts of a value are for functions"));
                }
            };
            let schema = self.schema(place.side);
            let declared = schema.record(record);
            if declared.is_missing {
                let message =
                    format!("`{}` is not declared in the contract: nothing in it is known", place.path);
                let finding = Diagnostic::error(Code::MAP_UNKNOWN_PATH, message);
                return Err(finding.at(leaf.place(&segment.place), ""));
            }
            let Some((field, _)) = declared.find(&segment.name) else {
                let message = format!("`{}` has no field `{}`", place.path, segment.name);
                let finding =
                    Diagnostic::error(Code::MAP_UNKNOWN_PATH, message).at(leaf.place(&segment.place), "");
                let names: Vec<&str> = declared.fields.iter().map(|f| f.name.as_str()).collect();
                return Err(near_or_all(finding, &segment.name, &names));
            };
            if declared.fields.iter().filter(|f| f.name == segment.name).count() > 1 {
                let message =
                    format!("`{}` is both an element and an attribute of `{}`", segment.name, place.path);
                return Err(
                    Diagnostic::error(Code::MAP_AMBIGUOUS, message).at(leaf.place(&segment.place), "")
                );
            }
            place = self.step(place, node, record, field)?;
        }
        Ok(place)
    }

    /// One field further.
    fn step(
        &mut self,
        from: Place,
        node: NodeId,
        record: RecordId,
        field: FieldId,
    ) -> Result<Place, Diagnostic> {
        let (side, schema) = (from.side, self.schema(from.side));
        let declared = schema.field(record, field);
        let source = match side {
            Side::Original => self.original.as_mut().unwrap_or(&mut self.message),
            Side::Message => &mut self.message,
        };
        let selected = source.selection.field(schema, node, field);
        let alias = from.alias;
        let slot = SourceSlot { side, slot: by(alias, selected.slot) };
        let mut optional = from.optional;
        let implicit = declared.presence == Presence::Implicit && !declared.occurs.is_list();
        let maybe = declared.occurs.min == 0 || declared.nillable || declared.choice.is_some();
        if maybe && !implicit && !declared.occurs.is_list() {
            optional.push(Given::Slot(slot));
        }
        let what = match (selected.item, selected.node, declared.ty) {
            (Some(item), _, ty) => What::List { slot, item, ty, record, field },
            (None, Some(node), TypeId::Record(record)) => What::Record { node, record, slot: Some(slot) },
            (None, _, TypeId::Scalar(scalar)) => What::Scalar { slot, record, field, scalar },
            (None, None, TypeId::Record(record)) => What::Record { node, record, slot: Some(slot) },
        };
        Ok(Place { path: format!("{}.{}", from.path, declared.name), side, what, optional, implicit, alias })
    }

    /// An item of a list, and the frame by which it is looked at: another one than the list's where an item of the same
    /// list is being looked at already.
    pub(super) fn item(&mut self, list: &Place) -> Option<(Place, FrameId)> {
        let What::List { item, ty, record, field, .. } = &list.what else { return None };
        let taken = |opened: &Opened| match opened {
            Opened::Item(_, place) => place.frame() == Some((list.side, item.frame)),
            _ => false,
        };
        let alias = match self.opened.iter().any(taken) {
            true => self.source(list.side).map(|source| (item.frame, source.selection.alias())),
            false => None,
        };
        let slot = SourceSlot { side: list.side, slot: by(alias, item.slot) };
        let what = match (ty, item.node) {
            (TypeId::Record(record), Some(node)) => What::Record { node, record: *record, slot: Some(slot) },
            (TypeId::Scalar(scalar), _) => {
                What::Scalar { slot, record: *record, field: *field, scalar: *scalar }
            }
            _ => return None,
        };
        let (path, side) = (list.path.clone(), list.side);
        let place = Place { path, side, what, optional: Vec::new(), implicit: false, alias };
        Some((place, slot.slot.frame))
    }

    /// An item of a list as another expression looks at it, which must not disturb the first one: by a frame of its own.
    pub(super) fn again(&mut self, item: &Place) -> Option<(Place, SlotRef)> {
        let (side, of) = item.frame()?;
        let by = self.source(side)?.selection.alias();
        let moved = |slot: SourceSlot| SourceSlot { slot: SlotRef { frame: by, ..slot.slot }, ..slot };
        let (what, slot) = match &item.what {
            What::Record { node, record, slot: Some(slot) } => {
                let slot = moved(*slot);
                (What::Record { node: *node, record: *record, slot: Some(slot) }, slot)
            }
            What::Scalar { slot, record, field, scalar } => {
                let slot = moved(*slot);
                (What::Scalar { slot, record: *record, field: *field, scalar: *scalar }, slot)
            }
            _ => return None,
        };
        Some((Place { what, alias: Some((of, by)), ..item.clone() }, slot.slot))
    }

    /// Whether something on the way may be absent here.
    pub(super) fn maybe_absent(&self, place: &Place) -> bool {
        place.optional.iter().any(|given| !self.settled.contains(given))
    }

    /// The text of an element that has attributes, by the field that holds it.
    pub(super) fn text_of(&self, place: &Place) -> Option<String> {
        let What::Record { record, .. } = &place.what else { return None };
        let fields = &self.schema(place.side).record(*record).fields;
        fields.iter().find(|f| f.wire == Wire::Text).map(|f| format!("{}.{}", place.path, f.name))
    }

    /// The field of a record that has the record's own name.
    pub(super) fn namesake(&self, place: &Place) -> Option<String> {
        let What::Record { record, .. } = &place.what else { return None };
        let name = place.path.rsplit('.').next()?;
        let fields = &self.schema(place.side).record(*record).fields;
        fields.iter().any(|field| field.name == name).then(|| format!("{}.{name}", place.path))
    }
}

/// A slot as an alias reaches it.
fn by(alias: Option<(FrameId, FrameId)>, slot: SlotRef) -> SlotRef {
    match alias {
        Some((of, by)) if slot.frame == of => SlotRef { frame: by, ..slot },
        _ => slot,
    }
}

/// What is near to a name that is not there; else all that there is, if that is not too much.
pub(super) fn near_or_all(finding: Diagnostic, wrong: &str, names: &[&str]) -> Diagnostic {
    let finding = finding.did_you_mean(wrong, names.iter().copied());
    match names.len() {
        1 if finding.help.is_empty() => finding.help(format!("there is {}", names.join(""))),
        2..=12 if finding.help.is_empty() => finding.help(format!("there are {}", names.join(", "))),
        _ => finding,
    }
}

fn unknown(name: &str, leaf: &Leaf, place: &std::ops::Range<usize>) -> Diagnostic {
    Diagnostic::error(Code::MAP_UNKNOWN_PATH, format!("nothing here is named `{name}`"))
        .at(leaf.place(place), "")
}
