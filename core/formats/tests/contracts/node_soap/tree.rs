//! A document as quick-xml reads it, to be compared in meaning: names with their namespaces, whatever the prefixes are.

use std::collections::BTreeMap;

use quick_xml::{
    XmlVersion,
    events::{BytesStart, Event},
    name::ResolveResult,
    reader::NsReader,
};

/// An element.
#[derive(Debug, Default)]
pub(super) struct Tree {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
    children: Vec<Tree>,
}

impl Tree {
    /// The first difference, by its path.
    pub(super) fn differs(&self, other: &Tree) -> Option<String> {
        let at = |what: String| Some(format!("{}: {what}", self.name));
        if self.name != other.name {
            return at(format!("theirs is {}", other.name));
        }
        if self.attributes != other.attributes {
            return at(format!("attributes {:?}, theirs {:?}", self.attributes, other.attributes));
        }
        if self.text.trim() != other.text.trim() {
            return at(format!("the text `{}`, theirs `{}`", self.text, other.text));
        }
        let names = |tree: &Tree| tree.children.iter().map(|c| c.name.clone()).collect::<Vec<_>>().join(" ");
        if self.children.len() != other.children.len() {
            return at(format!("it holds `{}`, theirs `{}`", names(self), names(other)));
        }
        self.children.iter().zip(&other.children).find_map(|(ours, theirs)| ours.differs(theirs))
    }
}

/// The envelope; an empty header says nothing.
pub(super) fn read(text: &str) -> Result<Tree, String> {
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open = vec![Tree::default()];
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match event {
            Event::Start(tag) => open.push(start(&reader, &tag)?),
            Event::End(_) => {
                let done = open.pop().ok_or("an end without a start")?;
                let parent = open.last_mut().ok_or("an end without a start")?;
                let bare = done.children.is_empty() && done.text.trim().is_empty();
                if !(bare && done.name.ends_with("envelope/}Header")) {
                    parent.children.push(done);
                }
            }
            Event::Text(text) => push(&mut open, &text.xml_content(XmlVersion::Implicit1_0)),
            Event::CData(text) => push(&mut open, &text.xml_content(XmlVersion::Implicit1_0)),
            Event::GeneralRef(name) => {
                let name = name.xml_content(XmlVersion::Implicit1_0);
                push(&mut open, quick_xml::escape::resolve_predefined_entity(&name).unwrap_or("?"));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    open.pop().and_then(|mut document| document.children.pop()).ok_or_else(|| "no element".to_owned())
}

fn push(open: &mut [Tree], text: &str) {
    if let Some(tree) = open.last_mut() {
        tree.text.push_str(text);
    }
}

fn start(reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) -> Result<Tree, String> {
    let named = |namespace: ResolveResult<'_>, local: &str| match namespace {
        ResolveResult::Bound(namespace) => Ok(format!("{{{}}}{local}", namespace.as_ref())),
        ResolveResult::Unbound => Ok(local.to_owned()),
        ResolveResult::Unknown(prefix) => Err(format!("the prefix {prefix:?} is not declared")),
    };
    let (namespace, local) = reader.resolver().resolve_element(tag.name());
    let mut tree = Tree { name: named(namespace, local.as_ref())?, ..Tree::default() };
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attribute.key.as_namespace_binding().is_none() {
            let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|e| e.to_string())?;
            tree.attributes.insert(named(namespace, local.as_ref())?, value.into_owned());
        }
    }
    Ok(tree)
}
