//! All schemas of a contract, and where each of their global components stands.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use portolan_diagnostics::{Code, Diagnostic, Severity, Span};

use super::{Files, Found, XSD, compiler::Needed};
use crate::{
    Name, Reading,
    xml::{self, ElementId, Tree, Unbound},
};

/// A component of a schema: which schema, and its element there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) schema: u32,
    pub(crate) node: ElementId,
}

/// One `xs:schema` element.
pub(crate) struct SchemaElement {
    pub(crate) tree: Rc<Tree>,
    /// The namespace of what it declares: its own, or that of the schema that includes it.
    pub(crate) target: String,
    /// It has no namespace of its own and took its includer's, and so do its unprefixed references.
    pub(crate) chameleon: bool,
    pub(crate) elements_qualified: bool,
    pub(crate) attributes_qualified: bool,
}

/// The kinds of global component, each with names of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Element,
    Attribute,
    Type,
    Group,
    AttributeGroup,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Element => "element",
            Self::Attribute => "attribute",
            Self::Type => "type",
            Self::Group => "group",
            Self::AttributeGroup => "attribute group",
        }
    }
}

/// The schemas of a contract.
#[derive(Default)]
pub(crate) struct SchemaSet {
    schemas: Vec<SchemaElement>,
    components: HashMap<(Kind, Name), Place>,
    /// The elements that may stand in another's place.
    substitutes: HashMap<Name, Vec<Name>>,
    /// The complex types that name another one as their base.
    derived: HashMap<Name, Vec<Name>>,
    loaded: HashSet<(usize, ElementId, String)>,
    missing: Vec<Missing>,
    /// The namespaces of schemas that are no XML, which was reported.
    broken: HashSet<String>,
}

/// An import that could not be read: an error only if something of its namespace is needed.
struct Missing {
    namespace: String,
    found: Diagnostic,
    /// It says where its schema is; if not, the schema may well be elsewhere in the contract.
    stated: bool,
}

impl SchemaSet {
    /// Adds a schema and all that it imports and includes.
    pub(crate) fn load(
        &mut self,
        tree: &Rc<Tree>,
        root: ElementId,
        files: &mut Files,
        reading: &mut Reading<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let mut waiting = vec![(tree.clone(), root, None::<String>)];
        while let Some((tree, root, includer)) = waiting.pop() {
            let own = tree.attribute(root, "targetNamespace").unwrap_or_default().to_owned();
            let chameleon = own.is_empty() && includer.as_deref().is_some_and(|t| !t.is_empty());
            let target = if chameleon { includer.unwrap_or_default() } else { own };
            if !self.loaded.insert((Rc::as_ptr(&tree) as usize, root, target.clone())) {
                continue;
            }
            self.add(&tree, root, &target, chameleon, diagnostics);
            for (node, child) in tree.children(root, XSD) {
                let include = matches!(child.name.local.as_str(), "include" | "redefine" | "override");
                if !include && child.name.local != "import" {
                    continue;
                }
                let namespace = tree.attribute(node, "namespace").unwrap_or_default().to_owned();
                // Without a location the namespace itself may have a local stand-in.
                let stated = tree.attribute(node, "schemaLocation");
                let Some(location) = stated.or(Some(namespace.as_str()).filter(|n| !n.is_empty())) else {
                    continue;
                };
                let at =
                    tree.attribute_span(node, if stated.is_some() { "schemaLocation" } else { "namespace" });
                let about = if include { target.clone() } else { namespace.clone() };
                match files.open(location, Some(&tree.file), Some(at), reading, diagnostics) {
                    Ok(Some(imported)) if imported.get(Tree::ROOT).name == Name::new(XSD, "schema") => {
                        waiting.push((imported, Tree::ROOT, include.then(|| target.clone())));
                    }
                    Ok(Some(_)) => {
                        let found =
                            Diagnostic::error(Code::XSD_INVALID, format!("`{location}` is not a schema"));
                        self.missing.push(Missing {
                            namespace: about,
                            found: found.at(at, "named here"),
                            stated: true,
                        });
                    }
                    Ok(None) => {
                        self.broken.insert(about);
                    }
                    // What xml:lang and its kin are, every reader of schemas knows.
                    Err(_) if !include && namespace == xml::XML => {}
                    Err(found) if stated.is_some() => {
                        self.missing.push(Missing { namespace: about, found, stated: true });
                    }
                    Err(_) => {
                        let what =
                            format!("the namespace `{location}` is imported without saying from where");
                        let found = Diagnostic::error(Code::XSD_NOT_LOCAL, what).at(at, "");
                        let found = found.help(format!(
                            "name a local copy of its schema, as `{location}`: under `schemas:` in a mapping, by `--schema URL=FILE` on the command line"
                        ));
                        self.missing.push(Missing { namespace: about, found, stated: false });
                    }
                }
            }
        }
    }

    fn add(
        &mut self,
        tree: &Rc<Tree>,
        root: ElementId,
        target: &str,
        chameleon: bool,
        found: &mut Vec<Diagnostic>,
    ) {
        let index = self.schemas.len() as u32;
        let qualified = |attribute: &str| tree.attribute(root, attribute).map(str::trim) == Some("qualified");
        self.schemas.push(SchemaElement {
            tree: tree.clone(),
            target: target.to_owned(),
            chameleon,
            elements_qualified: qualified("elementFormDefault"),
            attributes_qualified: qualified("attributeFormDefault"),
        });
        let redefined: Vec<_> = tree
            .children(root, XSD)
            .filter(|(_, c)| matches!(c.name.local.as_str(), "redefine" | "override"))
            .collect();
        for (node, _) in redefined {
            for (inner, _) in tree.children(node, XSD).filter(|(_, c)| c.name.local != "annotation") {
                let what = "redefined components are not read; the original is used";
                found.push(Diagnostic::warning(Code::XSD_UNSUPPORTED, what).at(tree.span(inner), ""));
            }
        }
        for (node, _) in tree.children(root, XSD) {
            let kind = match tree.get(node).name.local.as_str() {
                "element" => Kind::Element,
                "attribute" => Kind::Attribute,
                "simpleType" | "complexType" => Kind::Type,
                "group" => Kind::Group,
                "attributeGroup" => Kind::AttributeGroup,
                "annotation" | "import" | "include" | "redefine" | "override" | "notation"
                | "defaultOpenContent" => continue,
                unknown => {
                    let what = format!("XML Schema has no `{unknown}` here; it is passed over");
                    let finding = Diagnostic::warning(Code::XSD_INVALID, what).at(tree.span(node), "");
                    found.push(finding.did_you_mean(
                        unknown,
                        ["element", "simpleType", "complexType", "attribute", "group"],
                    ));
                    continue;
                }
            };
            let Some(local) = tree.attribute(node, "name") else {
                let what = format!("a global {} has no name", kind.word());
                found.push(Diagnostic::error(Code::XSD_INVALID, what).at(tree.span(node), ""));
                continue;
            };
            let name = Name::new(target, local.trim());
            let place = Place { schema: index, node };
            // Real contracts bring the same schema by several roads; the first one counts.
            self.components.entry((kind, name.clone())).or_insert(place);
            if let (Kind::Type, Some(base)) = (kind, self.base(place))
                && base != name
            {
                self.derived.entry(base).or_default().push(name.clone());
            }
            if let (Kind::Element, Some(head)) = (kind, tree.attribute(node, "substitutionGroup"))
                && let Ok(head) = self.qualified(place, head)
            {
                self.substitutes.entry(head).or_default().push(name);
            }
        }
    }

    /// The schema of a component.
    pub(crate) fn schema(&self, place: Place) -> &SchemaElement {
        &self.schemas[place.schema as usize]
    }

    /// The tree of a component.
    pub(crate) fn tree(&self, place: Place) -> &Tree {
        &self.schemas[place.schema as usize].tree
    }

    /// A global component.
    pub(crate) fn find(&self, kind: Kind, name: &Name) -> Option<Place> {
        self.components.get(&(kind, name.clone())).copied()
    }

    /// The names of a kind of component in a namespace, for "did you mean".
    pub(crate) fn names<'a>(&'a self, kind: Kind, namespace: &'a str) -> impl Iterator<Item = &'a str> {
        let keys = self.components.keys().filter(move |(k, name)| *k == kind && name.namespace == namespace);
        keys.map(|(_, name)| name.local.as_str())
    }

    /// The namespaces that declare a local name.
    pub(crate) fn elsewhere(&self, kind: Kind, local: &str) -> Vec<&str> {
        let keys = self.components.keys().filter(|(k, name)| *k == kind && name.local == local);
        let mut namespaces: Vec<_> = keys.map(|(_, name)| name.namespace.as_str()).collect();
        namespaces.sort_unstable();
        namespaces
    }

    /// The elements that may stand in the place of another.
    pub(crate) fn substitutes(&self, head: &Name) -> &[Name] {
        self.substitutes.get(head).map_or(&[], Vec::as_slice)
    }

    /// The complex types that derive from another in one step.
    pub(crate) fn derived(&self, base: &Name) -> &[Name] {
        self.derived.get(base).map_or(&[], Vec::as_slice)
    }

    /// The base that a complex type names.
    fn base(&self, place: Place) -> Option<Name> {
        let tree = self.tree(place);
        let content =
            ["complexContent", "simpleContent"].iter().find_map(|c| tree.child(place.node, XSD, c))?;
        let body = ["extension", "restriction"].iter().find_map(|b| tree.child(content, XSD, b))?;
        self.qualified(place, tree.attribute(body, "base")?).ok()
    }

    /// A qualified name in an attribute's value, as seen from a component.
    pub(crate) fn qualified(&self, at: Place, written: &str) -> Result<Name, Unbound> {
        let schema = self.schema(at);
        let mut name = schema.tree.qualified(at.node, written)?;
        if schema.chameleon && name.namespace.is_empty() {
            name.namespace.clone_from(&schema.target);
        }
        Ok(name)
    }

    /// Whether an import of this namespace failed, which is found wanting itself.
    pub(crate) fn is_missing(&self, namespace: &str) -> bool {
        self.broken.contains(namespace) || self.missing.iter().any(|m| m.namespace == namespace)
    }

    /// The imports that failed: as tolerable as what is needed of their namespace, or else worth a warning.
    pub(crate) fn missing(self, needed: &HashMap<String, Needed>) -> Vec<Found> {
        /// Enough to see that there are many.
        const PLACES: usize = 10;
        let weigh = |Missing { namespace, found: mut finding, stated }: Missing| {
            if let Some(needed) = needed.get(&namespace) {
                let places = needed.places.iter().take(PLACES);
                finding = places.fold(finding, |finding, place| finding.at(*place, "needed here"));
                return Some(Found { finding, tolerable: !needed.badly });
            }
            finding.severity = Severity::Warning;
            stated.then_some(Found { finding, tolerable: true })
        };
        self.missing.into_iter().filter_map(weigh).collect()
    }

    /// Where a component stands.
    pub(crate) fn span(&self, place: Place) -> Span {
        self.tree(place).span(place.node)
    }
}
