//! An arena of elements with their namespaces in scope and their places in the file.

use std::{ops::Range, rc::Rc};

use portolan_diagnostics::{SourceId, Span};

use crate::Name;

/// An element of one [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ElementId(pub(crate) u32);

/// A file, parsed.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The file among the sources.
    pub(crate) source: SourceId,
    /// The file's name, by which its imports are relative.
    pub(crate) file: Rc<str>,
    pub(super) elements: Vec<Element>,
    pub(super) scopes: Vec<Scope>,
}

/// An element.
#[derive(Debug)]
pub(crate) struct Element {
    /// Its name.
    pub(crate) name: Name,
    /// Without namespace declarations.
    pub(crate) attributes: Vec<Attribute>,
    /// Child elements.
    pub(crate) children: Vec<ElementId>,
    /// Its own text, child elements left out.
    pub(crate) text: String,
    /// The start tag.
    pub(crate) tag: Range<usize>,
    /// The innermost namespace declaration in scope, 1 being the first; 0 for none.
    pub(super) scope: u32,
}

/// An attribute.
#[derive(Debug)]
pub(crate) struct Attribute {
    /// Its name.
    pub(crate) name: Name,
    /// Its value, normalized.
    pub(crate) value: String,
    /// The value, without quotes.
    pub(crate) place: Range<usize>,
}

/// A namespace declaration and the ones around it.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) outer: u32,
    pub(super) prefix: String,
    pub(super) uri: String,
}

/// A prefix that nothing declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unbound(pub(crate) String);

pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";

impl Tree {
    /// The root element; a tree always has one.
    pub(crate) const ROOT: ElementId = ElementId(0);

    /// An element of this tree.
    pub(crate) fn get(&self, id: ElementId) -> &Element {
        &self.elements[id.0 as usize]
    }

    /// The child elements in a namespace.
    pub(crate) fn children<'a>(
        &'a self,
        id: ElementId,
        namespace: &'a str,
    ) -> impl Iterator<Item = (ElementId, &'a Element)> {
        let children = self.get(id).children.iter();
        children.map(|c| (*c, self.get(*c))).filter(move |(_, c)| c.name.namespace == namespace)
    }

    /// The first child of a name.
    pub(crate) fn child(&self, id: ElementId, namespace: &str, local: &str) -> Option<ElementId> {
        let mut children = self.get(id).children.iter();
        children
            .find(|c| self.get(**c).name.local == local && self.get(**c).name.namespace == namespace)
            .copied()
    }

    /// The value of an attribute without a namespace.
    pub(crate) fn attribute(&self, id: ElementId, local: &str) -> Option<&str> {
        self.find(id, local).map(|a| a.value.as_str())
    }

    /// An attribute without a namespace.
    pub(crate) fn find(&self, id: ElementId, local: &str) -> Option<&Attribute> {
        self.get(id).attributes.iter().find(|a| a.name.local == local && a.name.namespace.is_empty())
    }

    /// Where an element begins.
    pub(crate) fn span(&self, id: ElementId) -> Span {
        Span::new(self.source, self.get(id).tag.clone())
    }

    /// Where an attribute's value stands, or its element where there is none.
    pub(crate) fn attribute_span(&self, id: ElementId, local: &str) -> Span {
        self.find(id, local).map_or_else(|| self.span(id), |a| Span::new(self.source, a.place.clone()))
    }

    /// What a prefix stands for at an element; the empty one is the default namespace.
    pub(crate) fn namespace(&self, at: ElementId, prefix: &str) -> Option<&str> {
        lookup(&self.scopes, self.get(at).scope, prefix)
    }

    /// A qualified name in an attribute's value. One without a prefix is in the default namespace.
    pub(crate) fn qualified(&self, at: ElementId, written: &str) -> Result<Name, Unbound> {
        let written = written.trim();
        let (prefix, local) = written.split_once(':').unwrap_or(("", written));
        match self.namespace(at, prefix) {
            Some(namespace) => Ok(Name::new(namespace, local)),
            None if prefix.is_empty() => Ok(Name::plain(local)),
            None => Err(Unbound(prefix.to_owned())),
        }
    }
}

pub(super) fn lookup<'a>(scopes: &'a [Scope], mut at: u32, prefix: &str) -> Option<&'a str> {
    if prefix == "xml" {
        return Some(XML);
    }
    while let Some(scope) = (at as usize).checked_sub(1).and_then(|i| scopes.get(i)) {
        if scope.prefix == prefix {
            return Some(&scope.uri);
        }
        at = scope.outer;
    }
    None
}
