//! From text to [`Tree`], within bounds: no document type, no deep nesting, no endless attributes.

use std::rc::Rc;

use portolan_diagnostics::{Code, Diagnostic, SourceId, Span};
use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use super::{
    tree::{Attribute, Element, ElementId, Scope, Tree, lookup},
    usual,
};
use crate::{Name, xsd::XSD};

const MAX_DEPTH: usize = 128;
const MAX_ATTRIBUTES: usize = 256;
const MAX_SCOPES_DEEP: usize = 512;
const MAX_ELEMENTS: usize = 500_000;

struct Parser<'a> {
    text: &'a str,
    source: SourceId,
    tree: Tree,
    open: Vec<ElementId>,
    /// How many declarations are in scope; a lookup walks them all.
    deep: Vec<usize>,
    /// Prefixes of which it was said that nothing declares them.
    undeclared: Vec<String>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

/// Parses a file. `None` where it is not well-formed or past a limit; prefixes that nothing declares are
/// warnings, because they mostly stand on what no reader looks at; what does matter is then missed where it is needed.
pub(crate) fn parse(
    text: &str,
    source: SourceId,
    file: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Tree> {
    let tree = Tree { source, file: Rc::from(file), elements: Vec::new(), scopes: Vec::new() };
    let mut parser = Parser {
        text,
        source,
        tree,
        open: Vec::new(),
        deep: Vec::new(),
        undeclared: Vec::new(),
        diagnostics,
    };
    let mut reader = Reader::from_str(text);
    match parser.run(&mut reader) {
        Ok(()) => Some(parser.tree),
        Err(found) => {
            diagnostics.push(found);
            None
        }
    }
}

impl Parser<'_> {
    fn run(&mut self, reader: &mut Reader<&[u8]>) -> Result<(), Diagnostic> {
        loop {
            let start = reader.buffer_position() as usize;
            let event = reader
                .read_event()
                .map_err(|error| self.broken(reader.error_position() as usize, &error.to_string()))?;
            let end = reader.buffer_position() as usize;
            match event {
                Event::Start(tag) => self.element(&tag, start..end)?,
                Event::Empty(tag) => {
                    self.element(&tag, start..end)?;
                    self.close();
                }
                Event::End(_) => self.close(),
                Event::Text(text) => self.text(&text.xml10_content(), start)?,
                Event::CData(text) => self.text(&text.xml10_content(), start)?,
                Event::GeneralRef(reference) => {
                    let replaced = match reference.resolve_char_ref() {
                        Ok(Some(c)) => c.to_string(),
                        Ok(None) => match quick_xml::escape::resolve_predefined_entity(&reference) {
                            Some(text) => text.to_owned(),
                            None => return Err(self.broken(start, "an entity that is not declared")),
                        },
                        Err(_) => return Err(self.broken(start, "a character reference that is not one")),
                    };
                    self.text(&replaced, start)?;
                }
                Event::DocType(_) => {
                    let found = Diagnostic::error(Code::XML_REFUSED, "a document type (DOCTYPE) is refused");
                    return Err(found
                        .at(self.span(start, end), "")
                        .help("remove it; contracts have no use for entities of their own"));
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        match (self.tree.elements.is_empty(), self.open.last()) {
            (true, _) => Err(self.broken(0, "there is no root element")),
            (false, Some(open)) => {
                let tag = self.tree.get(*open).tag.clone();
                Err(self.broken(tag.start, "the element is not closed"))
            }
            (false, None) => Ok(()),
        }
    }

    fn element(&mut self, tag: &BytesStart<'_>, place: std::ops::Range<usize>) -> Result<(), Diagnostic> {
        let refused = |what: String| Diagnostic::error(Code::XML_REFUSED, what);
        if self.open.len() >= MAX_DEPTH {
            return Err(refused(format!("elements stand more than {MAX_DEPTH} deep"))
                .at(self.span(place.start, place.end), ""));
        }
        if self.tree.elements.len() >= MAX_ELEMENTS {
            return Err(refused(format!("more than {MAX_ELEMENTS} elements"))
                .at(self.span(place.start, place.end), ""));
        }
        if self.open.is_empty() && !self.tree.elements.is_empty() {
            return Err(self.broken(place.start, "there is a second root element"));
        }
        let mut scope = self.open.last().map_or(0, |parent| self.tree.get(*parent).scope);
        let mut deep = self.deep.last().copied().unwrap_or(0);
        let mut written = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| self.broken(place.start, &error.to_string()))?;
            if written.len() >= MAX_ATTRIBUTES || deep >= MAX_SCOPES_DEEP {
                let found = refused(format!(
                    "an element has more than {MAX_ATTRIBUTES} attributes or too many namespaces"
                ));
                return Err(found.at(self.span(place.start, place.end), ""));
            }
            let at = self.offset(&attribute.value).unwrap_or(place.start);
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|error| self.broken(at, &error.to_string()))?.into_owned();
            let key = attribute.key.into_inner();
            let prefix = if key == "xmlns" { Some("") } else { key.strip_prefix("xmlns:") };
            if let Some(prefix) = prefix {
                let uri = if usual::is_draft(&value) { self.recommendation(at, &value) } else { value };
                self.tree.scopes.push(Scope { outer: scope, prefix: prefix.to_owned(), uri });
                scope = self.tree.scopes.len() as u32;
                deep += 1;
            } else {
                written.push((key, value, at..at + attribute.value.len()));
            }
        }
        let mut name = self.name(tag.name().into_inner(), scope, true, place.clone());
        if let Some(meant) = usual::capitals(&name.namespace, &name.local) {
            let what = format!("XML Schema has no `{}`; `{meant}` is meant, it seems", name.local);
            let found = Diagnostic::warning(Code::XSD_INVALID, what);
            self.diagnostics.push(found.at(self.span(place.start, place.end), ""));
            name.local = meant.to_owned();
        }
        let mut attributes = Vec::with_capacity(written.len());
        for (key, value, place) in written {
            attributes.push(Attribute { name: self.name(key, scope, false, place.clone()), value, place });
        }
        let id = ElementId(self.tree.elements.len() as u32);
        self.tree.elements.push(Element {
            name,
            attributes,
            children: Vec::new(),
            text: String::new(),
            tag: place,
            scope,
        });
        if let Some(parent) = self.open.last() {
            self.tree.elements[parent.0 as usize].children.push(id);
        }
        self.open.push(id);
        self.deep.push(deep);
        Ok(())
    }

    /// XML Schema itself for one of its drafts.
    fn recommendation(&mut self, at: usize, draft: &str) -> String {
        let what = "a draft of XML Schema; it is read as the recommendation of 2001";
        let place = self.span(at, at + draft.len());
        self.diagnostics.push(Diagnostic::warning(Code::XSD_INVALID, what).at(place, ""));
        XSD.to_owned()
    }

    fn close(&mut self) {
        self.open.pop();
        self.deep.pop();
    }

    fn text(&mut self, text: &str, at: usize) -> Result<(), Diagnostic> {
        match self.open.last() {
            Some(open) => self.tree.elements[open.0 as usize].text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(self.broken(at, "there is text outside the root element")),
        }
        Ok(())
    }

    fn name(&mut self, written: &str, scope: u32, element: bool, place: std::ops::Range<usize>) -> Name {
        let (prefix, local) = written.split_once(':').unwrap_or(("", written));
        if prefix.is_empty() && !element {
            return Name::plain(local);
        }
        match lookup(&self.tree.scopes, scope, prefix) {
            Some(namespace) => Name::new(namespace, local),
            None if prefix.is_empty() => Name::plain(local),
            None => {
                let meant = usual::namespace(prefix);
                if !self.undeclared.iter().any(|known| known == prefix) {
                    self.undeclared.push(prefix.to_owned());
                    let what = format!("the prefix `{prefix}` is not declared");
                    let what =
                        meant.map_or(what.clone(), |uri| format!("{what}; `{uri}` is meant, it seems"));
                    let found = Diagnostic::warning(Code::XML_SYNTAX, what);
                    let uri = meant.unwrap_or("...");
                    let help = format!("add xmlns:{prefix}=\"{uri}\" to this element or one around it");
                    self.diagnostics.push(found.at(Span::new(self.source, place), "").help(help));
                }
                let unknown = || format!("undeclared prefix {prefix}");
                Name::new(meant.map_or_else(unknown, str::to_owned), local)
            }
        }
    }

    /// Where a slice of the text stands in it.
    fn offset(&self, slice: &str) -> Option<usize> {
        let at = (slice.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        (at + slice.len() <= self.text.len()).then_some(at)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.source, start..end.min(self.text.len()))
    }

    fn broken(&self, at: usize, what: &str) -> Diagnostic {
        let message = format!("the XML is not well-formed: {what}");
        Diagnostic::error(Code::XML_SYNTAX, message).at(self.span(at, at + 1), "")
    }
}
