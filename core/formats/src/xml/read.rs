//! XML into slots: one pass over the scanner's tokens, elements found in a small table, nothing allocated for them.

use super::{
    characters::all_legal,
    names::{NONE, Namespace, NamespaceId, Namespaces, Prefixes, XSI},
    node::{Entry, Node},
    qualified::Leniency,
    references::References,
    scan::{Scanner, Tag, Token},
    text::{Pieces, attribute_value, check, is_blank},
};
use crate::{Captured, ReadError, ReadErrorKind, Selection, Slot, Unknown, reader::Action};
use bumpalo::Bump;
use portolan_schema::{Name, Schema};

/// How deep elements may be nested.
pub const MAX_DEPTH: u32 = 128;

/// What the prefix `xml` always stands for.
const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespaces of SOAP's envelopes, then those of its encodings.
const SOAP: [&str; 4] = [
    "http://schemas.xmlsoap.org/soap/envelope/",
    "http://www.w3.org/2003/05/soap-envelope",
    "http://schemas.xmlsoap.org/soap/encoding/",
    "http://www.w3.org/2003/05/soap-encoding",
];
/// What declarations are in.
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// How many attributes an element may have.
pub const MAX_ATTRIBUTES: usize = 256;

/// Reads XML as one selection wants it.
#[derive(Debug)]
pub struct XmlReader {
    root: (NamespaceId, Box<str>),
    namespaces: Namespaces,
    /// The namespace of the prefix that needs no declaration.
    pub(super) xml: NamespaceId,
    /// Those whose attributes may stand on any element: of the envelope, and of its encoding.
    pub(super) soap: Vec<NamespaceId>,
    encoded: bool,
    pub(super) nodes: Vec<Node>,
    /// Where it may take elements for others that are meant.
    pub(super) leniency: Option<Leniency>,
    width: u16,
    refuse_unknown: bool,
}

/// What an element's attributes say of it.
#[derive(Default)]
struct Marks {
    nil: bool,
}

pub(super) struct Reading<'r, 'a> {
    pub(super) tokens: Scanner<'a>,
    pub(super) arena: &'a Bump,
    captured: &'r mut Captured<'a>,
    pub(super) prefixes: Prefixes<'a>,
    /// Those of the element that began last, declarations aside.
    pub(super) attributes: bumpalo::collections::Vec<'a, Attribute<'a>>,
    pub(super) references: References<'a>,
}

/// An attribute as it is written.
#[derive(Clone, Copy)]
pub(super) struct Attribute<'a> {
    pub(super) prefix: &'a str,
    pub(super) local: &'a str,
    pub(super) value: &'a str,
}

impl<'a> Reading<'_, 'a> {
    #[cold]
    pub(super) fn error(&self, kind: ReadErrorKind) -> ReadError {
        ReadError::new(kind, self.tokens.at())
    }

    #[inline]
    pub(super) fn next(&mut self) -> Result<Token<'a>, ReadError> {
        match self.tokens.next() {
            Ok(token) => Ok(token),
            Err(kind) => Err(self.error(kind)),
        }
    }

    #[inline]
    pub(super) fn settle<T>(&self, result: Result<T, ReadErrorKind>) -> Result<T, ReadError> {
        result.map_err(|kind| self.error(kind))
    }
}

impl XmlReader {
    /// Compiles a selection of an XML document with a root element.
    pub fn compile(schema: &Schema, root: &Name, encoded: bool, selection: &Selection) -> Self {
        let mut namespaces = Namespaces::new();
        let root = (namespaces.intern(&root.namespace), root.local.as_str().into());
        let nodes = selection.nodes().map(|n| Node::compile(schema, selection, n, &mut namespaces)).collect();
        let xml = namespaces.intern(XML_NAMESPACE);
        let soap = SOAP.iter().map(|namespace| namespaces.intern(namespace)).collect();
        let width = selection.widths().first().copied().unwrap_or(0);
        let refuse_unknown = selection.unknown() == Unknown::Refuse;
        Self { root, namespaces, nodes, leniency: None, xml, soap, encoded, width, refuse_unknown }
    }

    /// Reads a whole document.
    pub fn read<'a>(
        &self,
        input: &'a [u8],
        arena: &'a Bump,
        captured: &mut Captured<'a>,
    ) -> Result<(), ReadError> {
        captured.reset(self.width);
        let input =
            std::str::from_utf8(input).map_err(|e| ReadError::new(ReadErrorKind::Utf8, e.valid_up_to()))?;
        if !all_legal(input) {
            return Err(ReadError::new(ReadErrorKind::IllegalCharacter, 0));
        }
        let tokens = Scanner::new(input);
        let attributes = bumpalo::collections::Vec::new_in(arena);
        let (prefixes, references) = (Prefixes::default(), References::default());
        let mut reading = Reading { tokens, arena, captured, prefixes, attributes, references };
        let start = self.prolog(&mut reading)?;
        let (namespace, local) = self.resolve(&mut reading, start)?;
        if namespace != self.root.0 || local != &*self.root.1 {
            return Err(reading.error(ReadErrorKind::Root));
        }
        let Some(node) = self.nodes.first() else { return Ok(()) };
        self.attributes(&mut reading, Some((node, 0)))?;
        self.content(&mut reading, node, 0, MAX_DEPTH)?;
        self.epilog(&mut reading)
    }

    fn prolog<'a>(&self, reading: &mut Reading<'_, 'a>) -> Result<Tag<'a>, ReadError> {
        loop {
            match reading.next()? {
                Token::Start(tag) => {
                    self.declare(reading, tag)?;
                    return Ok(tag);
                }
                Token::Text(text) if reading.settle(is_blank(text))? => {}
                Token::Eof => return Err(reading.error(ReadErrorKind::Truncated)),
                _ => return Err(reading.error(ReadErrorKind::NotWellFormed)),
            }
        }
    }

    fn epilog(&self, reading: &mut Reading<'_, '_>) -> Result<(), ReadError> {
        loop {
            match reading.next()? {
                Token::Eof => return Ok(()),
                Token::Text(text) if reading.settle(is_blank(text))? => {}
                _ => return Err(reading.error(ReadErrorKind::Trailing)),
            }
        }
    }

    /// The content of a record, up to its end.
    fn content(
        &self,
        reading: &mut Reading<'_, '_>,
        node: &Node,
        row: usize,
        depth: u32,
    ) -> Result<(), ReadError> {
        let mut likely = 0;
        let mut pieces = node.text.map(|_| Pieces::new(reading.arena));
        loop {
            match reading.next()? {
                Token::Start(tag) => {
                    let scope = reading.prefixes.depth();
                    if !tag.attributes.is_empty() {
                        self.declare(reading, tag)?;
                    }
                    let (namespace, local) = self.resolve(reading, tag)?;
                    let known = node.elements.find(namespace, local, likely);
                    let known = known.or_else(|| self.meant(node, namespace, local));
                    match known.or(if node.array { Some(0) } else { None }) {
                        Some(index) => {
                            likely = index + 1;
                            let entry = &node.actions[index];
                            self.element(reading, tag, entry, row, depth)
                                .map_err(|e| e.inside(&entry.name))?;
                        }
                        None if node.open || !self.refuse_unknown => self.skip(reading, tag, depth)?,
                        None => return Err(reading.error(ReadErrorKind::UnknownElement).naming(local)),
                    }
                    reading.prefixes.leave(scope);
                }
                Token::End => break,
                Token::Text(text) => match &mut pieces {
                    Some(pieces) => {
                        let added = pieces.text(text);
                        reading.settle(added)?;
                    }
                    None if reading.settle(is_blank(text))? || node.mixed => {}
                    None => return Err(reading.error(ReadErrorKind::UnexpectedText)),
                },
                Token::CData(text) => match &mut pieces {
                    Some(pieces) => pieces.cdata(text),
                    None if node.mixed || text.trim_ascii().is_empty() => {}
                    None => return Err(reading.error(ReadErrorKind::UnexpectedText)),
                },
                Token::Eof => return Err(reading.error(ReadErrorKind::Truncated)),
            }
        }
        if let (Some(pieces), Some(Action::Scalar { slot })) = (pieces, node.text) {
            reading.captured.set(row + usize::from(slot), Slot::Text(pieces.finish()));
        }
        Ok(())
    }

    /// An element that the contract names.
    #[inline]
    pub(super) fn element<'a>(
        &self,
        reading: &mut Reading<'_, 'a>,
        tag: Tag<'a>,
        entry: &Entry,
        row: usize,
        depth: u32,
    ) -> Result<(), ReadError> {
        if self.encoded
            && let Some(id) = self.refers(reading, tag)?
        {
            return self.follow(reading, id, entry, row, depth);
        }
        let entry = if entry.types.is_empty() { entry } else { self.typed(reading, tag, entry)? };
        let (place, inner, node) = match entry.action {
            Action::Skip => return self.skip(reading, tag, depth),
            Action::Scalar { slot } => (row + usize::from(slot), row, None),
            Action::Record { slot, node } => (row + usize::from(slot), row, Some(node)),
            Action::Item { list, width, item, node } => {
                let inner = reading.captured.push_item(row + usize::from(list), width);
                (inner + usize::from(item), inner, node)
            }
        };
        if reading.captured.get(place) != Slot::Absent {
            if entry.languages {
                return self.skip(reading, tag, depth);
            }
            return Err(reading.error(ReadErrorKind::Duplicated));
        }
        let node = node.and_then(|n| self.nodes.get(n as usize));
        let marks = if tag.attributes.is_empty() {
            Marks::default()
        } else {
            self.attributes(reading, node.map(|n| (n, inner)))?
        };
        if marks.nil {
            reading.captured.set(place, Slot::Nil);
            return if text(reading)?.bytes().all(|b| b.is_ascii_whitespace()) {
                Ok(())
            } else {
                Err(reading.error(ReadErrorKind::UnexpectedContent))
            };
        }
        let slot = match node {
            None => Slot::Text(text(reading)?),
            Some(node) => {
                let depth = depth.checked_sub(1).ok_or_else(|| reading.error(ReadErrorKind::TooDeep))?;
                self.content(reading, node, inner, depth)?;
                Slot::Present
            }
        };
        reading.captured.set(place, slot);
        Ok(())
    }

    /// The entry for the type that an element says it has; its own where it says none, or one of no consequence.
    fn typed<'e>(
        &self,
        reading: &mut Reading<'_, '_>,
        tag: Tag<'_>,
        entry: &'e Entry,
    ) -> Result<&'e Entry, ReadError> {
        let said = if tag.attributes.is_empty() { None } else { self.xsi_type(reading)? };
        let find = |(namespace, local): (NamespaceId, &str)| {
            entry.types.iter().find(|t| t.namespace == namespace && *t.local == *local).map(|t| &t.entry)
        };
        match said.and_then(find) {
            Some(typed) => Ok(typed),
            None if entry.is_abstract => Err(reading.error(ReadErrorKind::AbstractType)),
            None => Ok(entry),
        }
    }

    /// The value of `xsi:type` of the element that was taken apart last.
    fn xsi_type<'a>(
        &self,
        reading: &mut Reading<'_, 'a>,
    ) -> Result<Option<(NamespaceId, &'a str)>, ReadError> {
        for i in 0..reading.attributes.len() {
            let attribute = reading.attributes[i];
            let is_type = attribute.local == "type" && !attribute.prefix.is_empty();
            if !is_type || reading.prefixes.resolve(attribute.prefix).is_none_or(|n| n.id != XSI) {
                continue;
            }
            let value = reading.settle(attribute_value(attribute.value, reading.arena))?;
            let (prefix, local) = reading.settle(split(value.trim_ascii()))?;
            let namespace = reading.prefixes.resolve(prefix);
            return Ok(Some((namespace.ok_or_else(|| reading.error(ReadErrorKind::Prefix))?.id, local)));
        }
        Ok(None)
    }

    /// Takes an element's attributes apart, and puts its namespace declarations in force.
    pub(super) fn declare<'a>(&self, reading: &mut Reading<'_, 'a>, tag: Tag<'a>) -> Result<(), ReadError> {
        let scope = reading.prefixes.depth();
        reading.attributes.clear();
        for (i, attribute) in tag.attributes().enumerate() {
            if i >= MAX_ATTRIBUTES {
                return Err(reading.error(ReadErrorKind::TooManyAttributes));
            }
            let (name, value) = reading.settle(attribute)?;
            let (prefix, local) = reading.settle(split(name))?;
            let declared = match (prefix, local) {
                ("", "xmlns") => "",
                ("xmlns", local) => local,
                _ => {
                    reading.attributes.push(Attribute { prefix, local, value });
                    continue;
                }
            };
            let uri = reading.settle(attribute_value(value, reading.arena))?;
            // Namespaces in XML 1.0, sections 2.2 and 3: no prefix is taken back, and two are not to be declared.
            let reserved = matches!(declared, "xml" | "xmlns") || matches!(uri, XML_NAMESPACE | XMLNS);
            let xml = declared == "xml" && uri == XML_NAMESPACE;
            if (uri.is_empty() && !declared.is_empty()) || (reserved && !xml) {
                return Err(reading.error(ReadErrorKind::Prefix));
            }
            if reading.prefixes.is_declared_since(scope, declared) {
                return Err(reading.error(ReadErrorKind::NotWellFormed));
            }
            reading.prefixes.declare(declared, Namespace { id: self.namespaces.find(uri), uri });
        }
        Ok(())
    }

    /// An element's namespace and local name.
    #[inline]
    fn resolve<'a>(
        &self,
        reading: &mut Reading<'_, 'a>,
        tag: Tag<'a>,
    ) -> Result<(NamespaceId, &'a str), ReadError> {
        let (prefix, local) = reading.settle(split(tag.name))?;
        match reading.prefixes.resolve(prefix) {
            Some(namespace) => Ok((namespace.id, local)),
            None => Err(reading.error(ReadErrorKind::Prefix)),
        }
    }

    /// An element's attributes: captured where selected, refused where unknown.
    fn attributes<'a>(
        &self,
        reading: &mut Reading<'_, 'a>,
        node: Option<(&Node, usize)>,
    ) -> Result<Marks, ReadError> {
        let (mut marks, mut stranger) = (Marks::default(), None);
        let arena = reading.arena;
        let read = self.each_attribute(reading, |captured, namespace, Attribute { local, value, .. }| {
            let value = attribute_value(value, arena)?;
            if namespace == XSI {
                marks.nil |= local == "nil" && matches!(value.trim(), "true" | "1");
                return Ok(());
            }
            let known = node.and_then(|(node, row)| {
                let found = node.attributes.iter().find(|(n, l, _)| *n == namespace && **l == *local);
                found.map(|(_, _, entry)| (entry, row))
            });
            match known {
                Some((entry, row)) => {
                    if let Action::Scalar { slot } = entry.action {
                        captured.set(row + usize::from(slot), Slot::Text(value));
                    }
                    Ok(())
                }
                // xml:lang and its kin may stand anywhere, and so may soap:encodingStyle.
                None if namespace == self.xml || self.soap.contains(&namespace) => Ok(()),
                None if self.encoded && namespace == NONE && local == "id" => Ok(()),
                None if !self.refuse_unknown || node.is_some_and(|(node, _)| node.open) => Ok(()),
                None => {
                    stranger = Some(local);
                    Err(ReadErrorKind::UnknownAttribute)
                }
            }
        });
        read.map_err(|error| stranger.into_iter().fold(error, ReadError::naming))?;
        Ok(marks)
    }

    /// Every attribute of the element that was taken apart last, declarations aside; none may stand there twice.
    fn each_attribute<'a>(
        &self,
        reading: &mut Reading<'_, 'a>,
        mut take: impl FnMut(&mut Captured<'a>, NamespaceId, Attribute<'a>) -> Result<(), ReadErrorKind>,
    ) -> Result<(), ReadError> {
        let mut seen = bumpalo::collections::Vec::new_in(reading.arena);
        for i in 0..reading.attributes.len() {
            let attribute = reading.attributes[i];
            let namespace = match attribute.prefix {
                "" => Namespace { id: NONE, uri: "" },
                "xml" => Namespace { id: self.xml, uri: XML_NAMESPACE },
                prefix => {
                    reading.prefixes.resolve(prefix).ok_or_else(|| reading.error(ReadErrorKind::Prefix))?
                }
            };
            if reading.attributes.len() > 1 {
                let name = (attribute.local, namespace.uri);
                if seen.contains(&name) {
                    return Err(reading.error(ReadErrorKind::NotWellFormed));
                }
                seen.push(name);
            }
            let taken = take(reading.captured, namespace.id, attribute);
            reading.settle(taken)?;
        }
        Ok(())
    }

    /// Passes over an element, with all that is in it; it is held to be well-formed all the same.
    fn skip<'a>(&self, reading: &mut Reading<'_, 'a>, tag: Tag<'a>, depth: u32) -> Result<(), ReadError> {
        if !tag.attributes.is_empty() {
            self.each_attribute(reading, |_, _, attribute| check(attribute.value))?;
        }
        let mut scopes = bumpalo::collections::Vec::new_in(reading.arena);
        scopes.push(reading.prefixes.depth());
        while let Some(scope) = scopes.last().copied() {
            match reading.next()? {
                Token::Start(tag) => {
                    if scopes.len() >= depth as usize {
                        return Err(reading.error(ReadErrorKind::TooDeep));
                    }
                    scopes.push(reading.prefixes.depth());
                    if !tag.attributes.is_empty() {
                        self.declare(reading, tag)?;
                        self.each_attribute(reading, |_, _, attribute| check(attribute.value))?;
                    }
                    self.resolve(reading, tag)?;
                }
                Token::End => {
                    reading.prefixes.leave(scope);
                    scopes.pop();
                }
                Token::Text(text) => reading.settle(check(text))?,
                Token::CData(_) => {}
                Token::Eof => return Err(reading.error(ReadErrorKind::Truncated)),
            }
        }
        Ok(())
    }
}

/// `prefix:local`, with one colon at most and neither part empty (Namespaces in XML 1.0, section 4).
#[inline]
fn split(name: &str) -> Result<(&str, &str), ReadErrorKind> {
    let Some(colon) = name.bytes().position(|b| b == b':') else { return Ok(("", name)) };
    let (prefix, local) = (&name[..colon], &name[colon + 1..]);
    if prefix.is_empty() || local.is_empty() || local.bytes().any(|b| b == b':') {
        return Err(ReadErrorKind::NotWellFormed);
    }
    Ok((prefix, local))
}

/// The text of an element that holds nothing else, up to its end.
#[inline]
pub(super) fn text<'a>(reading: &mut Reading<'_, 'a>) -> Result<&'a str, ReadError> {
    let mut pieces = Pieces::new(reading.arena);
    loop {
        match reading.next()? {
            Token::End => return Ok(pieces.finish()),
            Token::Text(text) => {
                let added = pieces.text(text);
                reading.settle(added)?;
            }
            Token::CData(text) => pieces.cdata(text),
            Token::Start(_) => return Err(reading.error(ReadErrorKind::UnexpectedContent)),
            Token::Eof => return Err(reading.error(ReadErrorKind::Truncated)),
        }
    }
}
