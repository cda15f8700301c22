//! Reading a request as a legacy service would: the envelope, what is in its body, and its texts by path.

use portolan_schema::{Name, SoapVersion};
use quick_xml::{
    NsReader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
    name::ResolveResult,
};

/// Deeper documents are refused.
const DEEPEST: usize = 100;
/// So are those of more elements.
const MOST_ELEMENTS: usize = 200_000;

/// A request that could be read.
#[derive(Debug)]
pub(crate) struct Request {
    /// The version of its envelope.
    pub(crate) version: SoapVersion,
    /// `soap:Header`.
    pub(crate) header: Option<Element>,
    /// The first element inside `soap:Body`.
    pub(crate) body: Option<Element>,
}

/// An element and all that it holds.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: Name,
    pub(crate) attributes: Vec<(Name, String)>,
    pub(crate) children: Vec<Element>,
    pub(crate) text: String,
}

/// Why a request was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misunderstood {
    #[error("the request is not well-formed XML")]
    Malformed,
    #[error("a DOCTYPE is not allowed in SOAP")]
    Doctype,
    #[error("the request is nested too deep, or has too many elements")]
    TooGreat,
    #[error("the request is no SOAP envelope")]
    NotSoap,
    #[error("the envelope is of a SOAP version that this service does not speak")]
    Version,
}

impl Request {
    pub(crate) fn read(text: &[u8]) -> Result<Self, Misunderstood> {
        let text = std::str::from_utf8(text).map_err(|_| Misunderstood::Malformed)?;
        let root = read_document(text.trim_start_matches('\u{feff}'))?;
        if root.name.local != "Envelope" {
            return Err(Misunderstood::NotSoap);
        }
        let version =
            [SoapVersion::V11, SoapVersion::V12].into_iter().find(|v| v.namespace() == root.name.namespace);
        let version = version.ok_or(Misunderstood::Version)?;
        let mut request = Self { version, header: None, body: None };
        let mut has_body = false;
        for part in root.children {
            match part.name.local.as_str() {
                "Header" => request.header = Some(part),
                "Body" => {
                    has_body = true;
                    request.body = part.children.into_iter().next();
                }
                _ => return Err(Misunderstood::NotSoap),
            }
        }
        if has_body { Ok(request) } else { Err(Misunderstood::NotSoap) }
    }

    /// The text at a path of local names, `PersonQuery/PersonCode` or only its end; attributes as `Person/@id`.
    pub(crate) fn text_at(&self, path: &str) -> Option<&str> {
        let path: Vec<&str> = path.split('/').collect();
        let mut above = Vec::new();
        [&self.body, &self.header].into_iter().flatten().find_map(|root| root.find(&path, &mut above))
    }
}

impl Element {
    fn find<'a>(&'a self, path: &[&str], above: &mut Vec<&'a str>) -> Option<&'a str> {
        above.push(&self.name.local);
        let found = self.find_here(path, above);
        above.pop();
        found
    }

    fn find_here<'a>(&'a self, path: &[&str], above: &mut Vec<&'a str>) -> Option<&'a str> {
        if above.ends_with(path) {
            return Some(self.text.trim());
        }
        if let Some((attribute, parents)) = path.split_last()
            && let Some(attribute) = attribute.strip_prefix('@')
            && above.ends_with(parents)
            && let Some((_, value)) = self.attributes.iter().find(|(name, _)| name.local == attribute)
        {
            return Some(value);
        }
        self.children.iter().find_map(|child| child.find(path, above))
    }
}

/// Whether a text is a series of elements that are closed and use no prefix of their surroundings.
pub(crate) fn is_well_formed(fragment: &str) -> bool {
    read_document(&format!("<x>{fragment}</x>")).is_ok()
}

fn read_document(text: &str) -> Result<Element, Misunderstood> {
    let mut reader = NsReader::from_str(text);
    // Above every element that is open stands a nameless one that holds the root.
    let mut open = vec![Element::default()];
    let mut elements = 0;
    loop {
        if elements > MOST_ELEMENTS || open.len() > DEEPEST {
            return Err(Misunderstood::TooGreat);
        }
        let (namespace, event) = reader.read_resolved_event().map_err(|_| Misunderstood::Malformed)?;
        match event {
            Event::Start(start) => {
                let element = begin(&namespace, &start)?;
                let element = Element { attributes: attributes(&reader, &start)?, ..element };
                elements += 1;
                open.push(element);
            }
            Event::Empty(start) => {
                let element = begin(&namespace, &start)?;
                let element = Element { attributes: attributes(&reader, &start)?, ..element };
                elements += 1;
                open.last_mut().ok_or(Misunderstood::Malformed)?.children.push(element);
            }
            Event::End(_) => {
                let closed = open.pop().ok_or(Misunderstood::Malformed)?;
                open.last_mut().ok_or(Misunderstood::Malformed)?.children.push(closed);
            }
            Event::Text(text) => push_text(&mut open, &text.xml_content(XmlVersion::default()))?,
            Event::CData(text) => push_text(&mut open, &text.xml_content(XmlVersion::default()))?,
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(c)) => push_text(&mut open, c.encode_utf8(&mut [0; 4]))?,
                Ok(None) => {
                    let name = reference.into_inner();
                    let text = resolve_predefined_entity(&name).ok_or(Misunderstood::Malformed)?;
                    push_text(&mut open, text)?;
                }
                Err(_) => return Err(Misunderstood::Malformed),
            },
            Event::DocType(_) => return Err(Misunderstood::Doctype),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    let mut top = open.pop().filter(|_| open.is_empty()).ok_or(Misunderstood::Malformed)?;
    match (top.children.pop(), top.children.is_empty(), top.text.trim().is_empty()) {
        (Some(root), true, true) => Ok(root),
        _ => Err(Misunderstood::Malformed),
    }
}

fn push_text(open: &mut [Element], text: &str) -> Result<(), Misunderstood> {
    open.last_mut().ok_or(Misunderstood::Malformed)?.text.push_str(text);
    Ok(())
}

fn begin(namespace: &ResolveResult<'_>, start: &BytesStart<'_>) -> Result<Element, Misunderstood> {
    let name = name(namespace, start.local_name().as_ref())?;
    Ok(Element { name, ..Element::default() })
}

fn name(namespace: &ResolveResult<'_>, local: &str) -> Result<Name, Misunderstood> {
    match namespace {
        ResolveResult::Bound(namespace) => Ok(Name::new(namespace.as_ref(), local)),
        ResolveResult::Unbound => Ok(Name::plain(local)),
        ResolveResult::Unknown(_) => Err(Misunderstood::Malformed),
    }
}

/// The attributes but for declarations of namespaces.
fn attributes(
    reader: &NsReader<&[u8]>,
    start: &BytesStart<'_>,
) -> Result<Vec<(Name, String)>, Misunderstood> {
    let mut found = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| Misunderstood::Malformed)?;
        if attribute.key.as_namespace_binding().is_none() {
            let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
            let value =
                attribute.normalized_value(XmlVersion::default()).map_err(|_| Misunderstood::Malformed)?;
            found.push((name(&namespace, local.as_ref())?, value.into_owned()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_texts_by_the_ends_of_their_paths() {
        let request = Request::read(
            b"<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'><e:Header><h>7</h></e:Header>\
              <e:Body><a xmlns='urn:a' k='v&amp;w'><b><c>1<!-- x -->&#50;<![CDATA[<3]]></c></b><c>last</c></a></e:Body></e:Envelope>",
        )
        .unwrap();
        for (path, expected) in [
            ("a/b/c", Some("12<3")),
            ("c", Some("12<3")),
            ("a/c", Some("last")),
            ("a/@k", Some("v&w")),
            ("h", Some("7")),
            ("b/a", None),
            ("", None),
        ] {
            assert_eq!(request.text_at(path), expected, "{path}");
        }
        assert_eq!(request.body.map(|body| body.name), Some(Name::new("urn:a", "a")));
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_causes_a_panic(text in "(<[a-z:/]{0,3}|>|/>|&[a-z#0-9]{0,4};?| xmlns(:a)?=['\"]|<!\\[CDATA\\[|]]>|.)*") {
            let _ = Request::read(text.as_bytes());
            let _ = super::super::pattern::matching(&text, 2, &mut super::super::random::Random::new(1));
        }
    }
}
