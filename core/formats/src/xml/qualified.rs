//! Elements that stand in another namespace than the contract says: qualified where they should not be, or the other way round.
//!
//! Systems get `elementFormDefault` wrong often, and their own clients never notice. A reader that is told to be lenient takes
//! such an element for the one that is meant, where nothing else can be: decision 0021.

use std::{collections::HashMap, sync::OnceLock};

use super::{
    names::{FOREIGN, NONE, NamespaceId, Table, XSI},
    node::Node,
    read::XmlReader,
};

/// What a lenient reader took for another element, the first time.
#[derive(Debug, Default)]
pub(super) struct Leniency {
    first: OnceLock<Box<str>>,
}

/// The elements of a record by their local names; `None` where two have the same.
pub(super) type Locals = HashMap<Box<str>, Option<usize>>;

impl XmlReader {
    /// Takes an element whose local name only one element of the record has for that one, if it is in no namespace where it
    /// should be in one, or in a namespace of the contract where it should be in none.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        for node in self.nodes.iter_mut().filter(|node| !node.open && !node.array) {
            node.locals = Some(locals(&node.elements));
        }
        self.leniency = Some(Leniency::default());
        self
    }

    /// The first element that was taken for another, by its local name.
    pub fn taken(&self) -> Option<&str> {
        self.leniency.as_ref()?.first.get().map(|name| &**name)
    }

    /// The element that is meant by one that the record does not have.
    #[cold]
    pub(super) fn meant(&self, node: &Node, namespace: NamespaceId, local: &str) -> Option<usize> {
        let index = (*node.locals.as_ref()?.get(local)?)?;
        let declared = node.elements.namespace(index)?;
        let of_contract = |id: NamespaceId| {
            !matches!(id, NONE | XSI | FOREIGN) && id != self.xml && !self.soap.contains(&id)
        };
        let meant = match (declared, namespace) {
            (NONE, written) => of_contract(written),
            (declared, NONE) => of_contract(declared),
            _ => false,
        };
        if !meant {
            return None;
        }
        let _ = self.leniency.as_ref()?.first.set(local.into());
        Some(index)
    }
}

fn locals(elements: &Table) -> Locals {
    let mut locals = Locals::new();
    for (index, local) in elements.locals().enumerate() {
        locals.entry(local.into()).and_modify(|known| *known = None).or_insert(Some(index));
    }
    locals
}
