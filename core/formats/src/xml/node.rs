//! What a selected record looks like to the reader: its elements by name, and by type where one name has several.

use super::{
    names::{NamespaceId, Namespaces, Table},
    qualified::Locals,
};
use crate::{
    Selection,
    reader::{Action, action},
    select::Node as SelectedNode,
};
use portolan_schema::{Field, Name, Schema, Wire};
use std::collections::HashMap;

const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// A selected record.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) elements: Table,
    /// For each of the elements.
    pub(super) actions: Vec<Entry>,
    pub(super) attributes: Vec<(NamespaceId, Box<str>, Entry)>,
    /// The text of the element itself, where it has simple content.
    pub(super) text: Option<Action>,
    pub(super) mixed: bool,
    pub(super) open: bool,
    /// Its elements by their local names alone, for a lenient reader.
    pub(super) locals: Option<Locals>,
    /// An encoded array: whatever its items are named, the first entry is theirs.
    pub(super) array: bool,
}

/// An element or an attribute.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Box<str>,
    pub(super) action: Action,
    /// What stands there instead where `xsi:type` says so.
    pub(super) types: Box<[Typed]>,
    /// It does not stand by itself: its type is abstract.
    pub(super) is_abstract: bool,
    /// Of several, the first counts: a SOAP 1.2 fault says its reason once in each language (part 1, section 5.4.2).
    pub(super) languages: bool,
}

/// An entry for a type.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) namespace: NamespaceId,
    pub(super) local: Box<str>,
    pub(super) entry: Entry,
}

impl Node {
    pub(super) fn compile(
        schema: &Schema,
        selection: &Selection,
        node: &SelectedNode,
        namespaces: &mut Namespaces,
    ) -> Self {
        let record = schema.record(node.record);
        let (mut attributes, mut text) = (Vec::new(), None);
        let mut elements: Vec<(&Name, Vec<(&Field, Entry)>)> = Vec::new();
        let mut known: HashMap<&Name, usize> = HashMap::new();
        for (id, field) in record.fields_with_ids() {
            let action = action(selection, &node.fields, id);
            let languages = matches!(&field.wire, Wire::Element(name) if *name.namespace == *SOAP_12)
                && (record.name.local.as_str(), field.name.as_str()) == ("Reason", "Text");
            let entry = Entry { languages, ..Entry::new(&field.name, action) };
            match &field.wire {
                Wire::Element(name) => {
                    let index = *known.entry(name).or_insert(elements.len());
                    match elements.get_mut(index) {
                        Some((_, same)) => same.push((field, entry)),
                        None => elements.push((name, vec![(field, entry)])),
                    }
                }
                Wire::Attribute(name) => {
                    let namespace = namespaces.intern(&name.namespace);
                    attributes.push((namespace, name.local.as_str().into(), entry));
                }
                Wire::Text => text = Some(action),
                Wire::Protobuf { .. } | Wire::Stored(_) | Wire::Part => {}
            }
        }
        // Where its elements would be, were they qualified.
        namespaces.intern(&record.name.namespace);
        let mut name = |n: &Name| (namespaces.intern(&n.namespace), n.local.as_str().into());
        Self {
            elements: Table::new(elements.iter().map(|(n, _)| name(n)).collect()),
            actions: elements.into_iter().map(|(name, same)| one_of(name, same, namespaces)).collect(),
            attributes,
            text,
            mixed: record.mixed,
            open: record.open,
            locals: None,
            array: record.array.is_some(),
        }
    }
}

impl Entry {
    fn new(name: &str, action: Action) -> Self {
        Self { name: name.into(), action, types: Box::default(), is_abstract: false, languages: false }
    }
}

/// The entry of an element from its fields: one, as a rule; several are told apart by the types that they say.
fn one_of(name: &Name, mut same: Vec<(&Field, Entry)>, namespaces: &mut Namespaces) -> Entry {
    let plain = same.iter().position(|(field, _)| field.xsi_type.is_none());
    let mut first = match (plain, same.len()) {
        (Some(plain), _) => same.remove(plain).1,
        (None, 1) => return same.remove(0).1,
        (None, _) => Entry { is_abstract: true, ..Entry::new(&name.local, Action::Skip) },
    };
    let typed = same.into_iter().filter_map(|(field, entry)| {
        let ty = field.xsi_type.as_ref()?;
        let namespace = namespaces.intern(&ty.namespace);
        Some(Typed { namespace, local: ty.local.as_str().into(), entry })
    });
    first.types = typed.collect();
    first
}
