//! Names: namespaces as numbers, prefixes as declared where we stand, and the table of a record's elements.

/// A namespace by its number in one reader; 0 is none at all.
pub(super) type NamespaceId = u32;

/// No namespace.
pub(super) const NONE: NamespaceId = 0;
/// `http://www.w3.org/2001/XMLSchema-instance`.
pub(super) const XSI: NamespaceId = 1;
/// One that the contract does not name.
pub(super) const FOREIGN: NamespaceId = u32::MAX;

/// The namespaces of a contract's selected records.
#[derive(Debug)]
pub(super) struct Namespaces(Vec<Box<str>>);

impl Namespaces {
    pub(super) fn new() -> Self {
        Self(vec!["".into(), super::XSI.into()])
    }

    pub(super) fn intern(&mut self, namespace: &str) -> NamespaceId {
        match self.find(namespace) {
            FOREIGN => {
                self.0.push(namespace.into());
                (self.0.len() - 1) as NamespaceId
            }
            known => known,
        }
    }

    pub(super) fn find(&self, namespace: &str) -> NamespaceId {
        self.0.iter().position(|known| **known == *namespace).map_or(FOREIGN, |i| i as NamespaceId)
    }
}

/// The prefixes in force; touched only by elements that declare some.
#[derive(Debug, Default, Clone)]
pub(super) struct Prefixes<'a> {
    declared: Vec<Declared<'a>>,
    /// The prefix that was resolved last: siblings share it.
    last: Option<Declared<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct Declared<'a> {
    prefix: &'a str,
    namespace: Namespace<'a>,
}

/// A namespace as a document declares it: those that the contract does not name differ by their text alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Namespace<'a> {
    pub(super) id: NamespaceId,
    pub(super) uri: &'a str,
}

impl<'a> Prefixes<'a> {
    pub(super) fn declare(&mut self, prefix: &'a str, namespace: Namespace<'a>) {
        self.declared.push(Declared { prefix, namespace });
        self.last = None;
    }

    pub(super) fn depth(&self) -> usize {
        self.declared.len()
    }

    /// Whether a prefix was declared after there were so many.
    pub(super) fn is_declared_since(&self, depth: usize, prefix: &str) -> bool {
        self.declared.iter().skip(depth).any(|declared| declared.prefix == prefix)
    }

    pub(super) fn leave(&mut self, depth: usize) {
        if self.declared.len() > depth {
            self.declared.truncate(depth);
            self.last = None;
        }
    }

    /// The namespace of a prefix; the empty one is the default namespace. `None` where it is not declared.
    #[inline]
    pub(super) fn resolve(&mut self, prefix: &str) -> Option<Namespace<'a>> {
        if let Some(last) = self.last
            && last.prefix == prefix
        {
            return Some(last.namespace);
        }
        match self.declared.iter().rev().find(|declared| declared.prefix == prefix) {
            Some(found) => {
                self.last = Some(*found);
                Some(found.namespace)
            }
            None if prefix.is_empty() => Some(Namespace { id: NONE, uri: "" }),
            None => None,
        }
    }
}

/// Finds one of a record's names: by the order in which they are likely to come, then by hash.
#[derive(Debug)]
pub(super) struct Table {
    names: Vec<(NamespaceId, Box<str>)>,
    /// Index of a name plus one, by open addressing.
    places: Vec<u16>,
}

impl Table {
    pub(super) fn new(names: Vec<(NamespaceId, Box<str>)>) -> Self {
        let mut table = Self { places: vec![0; (names.len() * 2).next_power_of_two().max(2)], names };
        let mask = table.places.len() - 1;
        for (i, (namespace, local)) in table.names.iter().enumerate().take(usize::from(u16::MAX) - 1) {
            let mut place = hash(*namespace, local) & mask;
            while table.places[place] != 0 {
                place = (place + 1) & mask;
            }
            table.places[place] = (i + 1) as u16;
        }
        table
    }

    /// The index of a name. `likely` is tried first.
    #[inline]
    pub(super) fn find(&self, namespace: NamespaceId, local: &str, likely: usize) -> Option<usize> {
        if self.is(likely, namespace, local) {
            return Some(likely);
        }
        let mask = self.places.len() - 1;
        let mut place = hash(namespace, local) & mask;
        loop {
            match self.places.get(place).copied().unwrap_or(0) {
                0 => return None,
                index if self.is(usize::from(index) - 1, namespace, local) => {
                    return Some(usize::from(index) - 1);
                }
                _ => place = (place + 1) & mask,
            }
        }
    }

    /// The namespace of a name.
    pub(super) fn namespace(&self, index: usize) -> Option<NamespaceId> {
        self.names.get(index).map(|(namespace, _)| *namespace)
    }

    /// The local names, in order.
    pub(super) fn locals(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(_, local)| &**local)
    }

    #[inline]
    fn is(&self, index: usize, namespace: NamespaceId, local: &str) -> bool {
        self.names.get(index).is_some_and(|(n, l)| *n == namespace && **l == *local)
    }
}

fn hash(namespace: NamespaceId, local: &str) -> usize {
    let step = |h: u32, b: u8| (h ^ u32::from(b)).wrapping_mul(0x0100_0193);
    local.bytes().fold(0x811c_9dc5 ^ namespace, step) as usize
}
