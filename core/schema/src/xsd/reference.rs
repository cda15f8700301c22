//! What a reference leads to: as it is written, as it is widely meant, or nowhere.

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    Compiler, XSD, builtin,
    compiler::Needed,
    encoding::is_encoding,
    set::{Kind, Place},
};
use crate::{Content, Name, Occurs, Particle, Record, RecordId, TypeId, xml::Unbound};

const ATTACHMENTS: &str = "http://ws-i.org/profiles/basic/1.1/xsd";
/// Prefixes that everybody knows: whoever forgot to declare one meant XML Schema.
const USUAL_PREFIXES: [&str; 3] = ["xs", "xsd", "s"];

impl Compiler<'_> {
    /// The type of a qualified name.
    pub(crate) fn type_named(&mut self, name: &Name, at: Span) -> TypeId {
        if name.namespace == XSD {
            return match (name.local.as_str(), self.builtin(&name.local)) {
                ("anyType", _) => TypeId::Record(self.any()),
                (_, Some(id)) => TypeId::Scalar(id),
                (wrong, None) => {
                    let found =
                        Diagnostic::error(Code::XSD_UNRESOLVED, format!("XML Schema has no type `{wrong}`"));
                    self.report(found.at(at, "").did_you_mean(wrong, builtin::NAMES.iter().copied()));
                    TypeId::Record(self.any())
                }
            };
        }
        if is_encoding(&name.namespace) {
            return self.encoded_type(&name.local);
        }
        if let Some(place) = self.set.find(Kind::Type, name) {
            return self.type_at(place, name);
        }
        // A reference to an attachment, "cid:...", of a schema that every toolkit brings along (WS-I AP 1.0, 4.4).
        if name.namespace == ATTACHMENTS && name.local == "swaRef" {
            return TypeId::Scalar(self.builtin("anyURI").unwrap_or_else(|| self.string()));
        }
        if let Some(element) = self.set.find(Kind::Element, name)
            && self.busy.insert(element)
        {
            self.report(element_for_type(name, at));
            let ty = self.element_type(element, name);
            self.busy.remove(&element);
            return ty;
        }
        TypeId::Record(self.missing(Kind::Type, name, at))
    }

    /// A qualified name in an attribute, where it is there and leads somewhere, or may.
    pub(super) fn qualified(&mut self, at: Place, attribute: &str, kind: Kind) -> Option<Name> {
        let set = self.set;
        let tree = set.tree(at);
        let written = tree.attribute(at.node, attribute)?;
        let span = tree.attribute_span(at.node, attribute);
        self.meant(set.qualified(at, written), written, kind, &set.schema(at).target, span)
    }

    /// The component that an attribute refers to, or a finding.
    pub(super) fn referred(&mut self, at: Place, attribute: &str, kind: Kind) -> Option<(Place, Name)> {
        let name = self.qualified(at, attribute, kind)?;
        match self.set.find(kind, &name) {
            Some(place) => Some((place, name)),
            None => {
                self.unresolved(kind, &name, self.set.tree(at).attribute_span(at.node, attribute));
                None
            }
        }
    }

    /// The name that was read, or where it leads nowhere and says no namespace, the one that must be meant: in the
    /// namespace at hand, the only one of its kind, or XML Schema's own.
    pub(crate) fn meant(
        &mut self,
        read: Result<Name, Unbound>,
        written: &str,
        kind: Kind,
        target: &str,
        at: Span,
    ) -> Option<Name> {
        let written = written.trim();
        let (prefix, local) = written.split_once(':').unwrap_or(("", written));
        match &read {
            Ok(name) if self.is_known(kind, name) || !prefix.is_empty() => return read.ok(),
            _ => {}
        }
        let own = Name::new(target, local);
        let schemas_own = Name::new(XSD, local);
        let is_usual = prefix.is_empty() || USUAL_PREFIXES.contains(&prefix);
        let meant = if is_usual && !prefix.is_empty() && self.is_known(kind, &schemas_own) {
            Some(schemas_own)
        } else if self.is_known(kind, &own) {
            Some(own)
        } else if let [only] = self.set.elsewhere(kind, local).as_slice() {
            Some(Name::new(*only, local))
        } else {
            Some(schemas_own).filter(|name| is_usual && self.is_known(kind, name))
        };
        let why = match &read {
            Ok(_) => format!("`{local}` has no prefix"),
            Err(Unbound(prefix)) => format!("the prefix `{prefix}` is not declared"),
        };
        match (meant, read) {
            (Some(meant), _) => {
                let what = format!("{why}; `{meant}` is meant, it seems");
                self.report(Diagnostic::warning(Code::XSD_UNRESOLVED, what).at(at, ""));
                Some(meant)
            }
            (None, Ok(name)) => Some(name),
            // Not to be found either, by a name that nothing declares.
            (None, Err(_)) => Some(Name::plain(written)),
        }
    }

    fn is_known(&self, kind: Kind, name: &Name) -> bool {
        let is_builtin = || name.local == "anyType" || builtin::NAMES.contains(&name.local.as_str());
        self.set.find(kind, name).is_some() || (kind == Kind::Type && name.namespace == XSD && is_builtin())
    }

    /// Stands for what is declared nowhere, which is said: nothing can be mapped to or from it, the rest stands.
    pub(super) fn missing(&mut self, kind: Kind, name: &Name, at: Span) -> RecordId {
        self.needed(name, at);
        // Of a schema that could not be read, that is the finding.
        if !self.set.is_missing(&name.namespace) {
            self.tolerate(self.not_declared(kind, name, at));
        }
        if let Some(known) = self.missing.get(name) {
            return *known;
        }
        let id = self.schema.add_record(Record {
            name: name.clone(),
            content: Content::Ordered(Particle::Sequence(Occurs::ONCE, vec![Particle::Any(Occurs::ANY)])),
            open: true,
            mixed: true,
            is_missing: true,
            ..Record::default()
        });
        self.missing.insert(name.clone(), id);
        id
    }

    /// Says that a name is not declared, without which what refers to it makes no sense.
    pub(super) fn unresolved(&mut self, kind: Kind, name: &Name, at: Span) {
        self.needed(name, at).badly = true;
        match self.set.is_missing(&name.namespace) {
            true => self.errors += 1,
            false => self.report(self.not_declared(kind, name, at)),
        }
    }

    /// Remembers what was asked for.
    fn needed(&mut self, name: &Name, at: Span) -> &mut Needed {
        let needed = self.needed.entry(name.namespace.clone()).or_default();
        needed.places.push(at);
        needed
    }

    /// That a name is not declared, and where it might be.
    fn not_declared(&self, kind: Kind, name: &Name, at: Span) -> Diagnostic {
        let what = format!("the {} `{name}` is not declared", kind.word());
        let found = Diagnostic::error(Code::XSD_UNRESOLVED, what).at(at, "");
        if let Some((prefix, _)) = name.local.split_once(':') {
            let help = format!("its prefix is not declared: add xmlns:{prefix}=\"...\"");
            return found.help(help);
        }
        match self.set.elsewhere(kind, &name.local).first() {
            Some(namespace) => found.help(format!("there is one in the namespace `{namespace}`")),
            None => found.did_you_mean(&name.local, self.set.names(kind, &name.namespace)),
        }
    }
}

/// That a reference to a type names an element, which is understood.
pub(super) fn element_for_type(name: &Name, at: Span) -> Diagnostic {
    let what = format!("`{name}` is an element, not a type; its type is taken");
    Diagnostic::warning(Code::XSD_INVALID, what).at(at, "")
}
