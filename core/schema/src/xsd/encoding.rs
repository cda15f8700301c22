//! SOAP's own encoding as far as types go: its names for the built-in types, and arrays
//! (SOAP 1.1, section 5; WSDL 1.1, section 2.2).

use portolan_diagnostics::{Code, Diagnostic, Span};

use super::{
    Compiler, Declared, XSD,
    set::{Kind, Place},
};
use crate::{
    Array, Content, Field, FieldId, Name, Occurs, Particle, Record, RecordId, ScalarId, TypeId, wsdl::WSDL,
};

const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/encoding/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-encoding";

/// Whether a namespace is that of SOAP's encoding, of either version.
pub(super) fn is_encoding(namespace: &str) -> bool {
    matches!(namespace, SOAP_11 | SOAP_12)
}

impl Compiler<'_> {
    /// A type of the encoding's own: a built-in one by another name, or anything.
    pub(super) fn encoded_type(&mut self, local: &str) -> TypeId {
        let builtin: Option<ScalarId> = match local {
            "base64" => self.builtin("base64Binary"),
            local => self.builtin(local),
        };
        builtin.map_or_else(|| TypeId::Record(self.any()), TypeId::Scalar)
    }

    /// Fills the record of an array: a list of items, whatever they are named. `body` is its restriction.
    pub(super) fn fill_array(&mut self, id: RecordId, body: Place, encoding: &str) {
        let set = self.set;
        let tree = set.tree(body);
        let group = ["sequence", "all"].iter().find_map(|group| tree.child(body.node, XSD, group));
        let item = group.and_then(|group| tree.child(group, XSD, "element"));
        let item = item.and_then(|node| self.element(Place { node, ..body }));
        let item = match (self.array_type(body), item) {
            (Some((name, ty)), item) => {
                let element = item.map_or_else(|| Name::plain("item"), |item| item.name);
                Some((name, Declared::new(element, ty)))
            }
            (None, Some(item)) => {
                let name = match item.ty {
                    TypeId::Record(id) => self.schema.record(id).name.clone(),
                    TypeId::Scalar(id) => self.schema.scalar(id).name.clone(),
                };
                Some((name, item))
            }
            (None, None) => None,
        };
        let any = self.any();
        let (name, item) = item.unwrap_or_else(|| {
            (Name::new(XSD, "anyType"), Declared::new(Name::plain("item"), TypeId::Record(any)))
        });
        let item = Field { nillable: true, ..item.field(Occurs::ANY) };
        let doc = self.doc(body);
        let record = self.schema.record_mut(id);
        *record = Record {
            name: record.name.clone(),
            fields: vec![item],
            content: Content::Ordered(Particle::Sequence(Occurs::ONCE, vec![Particle::Field(FieldId(0))])),
            array: Some(Array { encoding: encoding.to_owned(), item: name }),
            doc,
            ..Record::default()
        };
    }

    /// The type of the items, as `wsdl:arrayType="t:Item[]"` says it.
    fn array_type(&mut self, body: Place) -> Option<(Name, TypeId)> {
        let set = self.set;
        let tree = set.tree(body);
        let said = |(node, _)| {
            let attributes = &tree.get(node).attributes;
            attributes.iter().find(|a| a.name == Name::new(WSDL, "arrayType"))
        };
        let mut attributes = tree.children(body.node, XSD).filter(|(_, c)| c.name.local == "attribute");
        let attribute = attributes.find_map(said)?;
        let at = Span::new(tree.source, attribute.place.clone());
        let (written, size) = attribute.value.split_once('[').unwrap_or((&attribute.value, "]"));
        if size.contains('[') || size.contains(',') {
            let what = "arrays of arrays, and arrays of several dimensions, are not read";
            let found = Diagnostic::error(Code::XSD_UNSUPPORTED, what).at(at, "");
            self.report(found.help("leave out the operations that need them"));
        }
        let read = set.qualified(body, written);
        let name = self.meant(read, written, Kind::Type, &set.schema(body).target, at)?;
        let ty = self.type_named(&name, at);
        Some((name, ty))
    }
}
