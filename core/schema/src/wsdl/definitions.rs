//! Gathers the messages, port types, bindings and services of a WSDL and of those which it imports.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::WSDL;
use crate::{
    Name, Reading,
    xml::{ElementId, Tree},
    xsd::{Compiler, Files, SchemaSet, XSD},
};

/// An element of one of the WSDLs.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) tree: Rc<Tree>,
    pub(super) node: ElementId,
    /// The namespace of what its WSDL declares.
    pub(super) target: Rc<str>,
}

impl Site {
    /// Another element of the same file.
    pub(super) fn at(&self, node: ElementId) -> Self {
        Self { node, ..self.clone() }
    }

    pub(super) fn attribute(&self, local: &str) -> Option<&str> {
        self.tree.attribute(self.node, local)
    }

    pub(super) fn span(&self) -> Span {
        self.tree.span(self.node)
    }

    pub(super) fn attribute_span(&self, local: &str) -> Span {
        self.tree.attribute_span(self.node, local)
    }

    /// Its children of WSDL's own namespace.
    pub(super) fn children(&self, local: &str) -> Vec<Self> {
        self.tree
            .children(self.node, WSDL)
            .filter(|(_, c)| c.name.local == local)
            .map(|(node, _)| self.at(node))
            .collect()
    }

    /// The words of `wsdl:documentation`.
    pub(super) fn doc(&self) -> Option<String> {
        let doc = self.tree.child(self.node, WSDL, "documentation")?;
        let text = self.tree.get(doc).text.split_whitespace().collect::<Vec<_>>().join(" ");
        (!text.is_empty()).then_some(text)
    }
}

/// The kinds of named component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Message,
    PortType,
    Binding,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::PortType => "port type",
            Self::Binding => "binding",
        }
    }
}

/// All that the WSDLs declare.
#[derive(Default)]
pub(super) struct Definitions {
    components: HashMap<(Kind, Name), Site>,
    /// In the order of the files.
    pub(super) port_types: Vec<Site>,
    /// In the order of the files.
    pub(super) bindings: Vec<Site>,
    /// In the order of the files.
    pub(super) services: Vec<Site>,
}

/// Reads a WSDL and those which it imports; their schemas go into `set`.
pub(super) fn load(
    root: &Rc<Tree>,
    set: &mut SchemaSet,
    files: &mut Files,
    reading: &mut Reading<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Definitions {
    let mut definitions = Definitions::default();
    let mut seen = HashSet::new();
    let mut waiting = vec![root.clone()];
    while let Some(tree) = waiting.pop() {
        if !seen.insert(Rc::as_ptr(&tree) as usize) {
            continue;
        }
        let target: Rc<str> =
            Rc::from(tree.attribute(Tree::ROOT, "targetNamespace").unwrap_or_default().trim());
        for (node, child) in tree.children(Tree::ROOT, WSDL) {
            let site = Site { tree: tree.clone(), node, target: target.clone() };
            match child.name.local.as_str() {
                "types" => {
                    for (schema, _) in tree.children(node, XSD).filter(|(_, c)| c.name.local == "schema") {
                        set.load(&tree, schema, files, reading, diagnostics);
                    }
                }
                "import" => {
                    let Some(location) = site.attribute("location") else { continue };
                    let at = Some(site.attribute_span("location"));
                    match files.open(location, Some(&tree.file), at, reading, diagnostics) {
                        Ok(Some(imported)) => match &imported.get(Tree::ROOT).name {
                            name if *name == Name::new(WSDL, "definitions") => waiting.push(imported),
                            name if *name == Name::new(XSD, "schema") => {
                                set.load(&imported, Tree::ROOT, files, reading, diagnostics);
                            }
                            _ => {
                                let what = format!("`{location}` is neither a WSDL nor a schema");
                                diagnostics
                                    .push(Diagnostic::error(Code::WSDL_INVALID, what).at(site.span(), ""));
                            }
                        },
                        Ok(None) => {}
                        Err(found) => diagnostics.push(found),
                    }
                }
                "message" => definitions.add(Kind::Message, site, diagnostics),
                "portType" => {
                    definitions.port_types.push(site.clone());
                    definitions.add(Kind::PortType, site, diagnostics);
                }
                "binding" => {
                    definitions.bindings.push(site.clone());
                    definitions.add(Kind::Binding, site, diagnostics);
                }
                "service" => definitions.services.push(site),
                _ => {}
            }
        }
    }
    definitions
}

impl Definitions {
    /// Whether nothing in them could be asked, however it travels.
    pub(super) fn are_partial(&self) -> bool {
        self.port_types.is_empty() && self.bindings.is_empty() && self.services.is_empty()
    }

    fn add(&mut self, kind: Kind, site: Site, diagnostics: &mut Vec<Diagnostic>) {
        match site.attribute("name") {
            Some(name) => {
                let name = Name::new(&*site.target, name.trim());
                self.components.entry((kind, name)).or_insert(site);
            }
            None => {
                let what = format!("a {} has no name", kind.word());
                diagnostics.push(Diagnostic::error(Code::WSDL_INVALID, what).at(site.span(), ""));
            }
        }
    }

    /// The component that an attribute refers to, or a finding.
    pub(super) fn referred(
        &self,
        from: &Site,
        attribute: &str,
        kind: Kind,
        compiler: &mut Compiler<'_>,
    ) -> Result<Site, Diagnostic> {
        let Some(written) = from.attribute(attribute) else {
            let what = format!("there is no `{attribute}` here");
            return Err(Diagnostic::error(Code::WSDL_INVALID, what).at(from.span(), ""));
        };
        let at = from.attribute_span(attribute);
        let name = from.tree.qualified(from.node, written).ok();
        // Names without a prefix are widely meant in the WSDL's own namespace, whatever the default one is.
        let local = written.trim().rsplit(':').next().unwrap_or_default();
        let own = Name::new(&*from.target, local);
        let found = name.and_then(|name| self.components.get(&(kind, name)));
        if let Some(found) = found.or_else(|| self.components.get(&(kind, own))) {
            return Ok(found.clone());
        }
        let word = kind.word();
        let mut elsewhere = self.components.iter().filter(|((k, name), _)| *k == kind && name.local == local);
        if let (Some(((_, name), site)), None) = (elsewhere.next(), elsewhere.next()) {
            let what =
                format!("the {word} `{}` is not declared; `{name}` is meant, it seems", written.trim());
            compiler.report(Diagnostic::warning(Code::WSDL_INVALID, what).at(at, ""));
            return Ok(site.clone());
        }
        let known = self.components.keys().filter(|(k, _)| *k == kind).map(|(_, name)| name.local.as_str());
        let what = format!("the {word} `{}` is not declared", written.trim());
        Err(Diagnostic::error(Code::WSDL_INVALID, what).at(at, "").did_you_mean(local, known))
    }
}
