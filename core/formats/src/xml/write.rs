//! Values into XML: tags are made when the plan is compiled, with every namespace declared once at the root.

use super::{
    XSI,
    characters::{escape, escape_utf8},
};
use crate::{Unwritable, Value, ValueProblem, Word, Writer, lexical::Form};
use portolan_schema::{Document, Field, FieldId, Name, RecordId, Schema, TypeId, Wire};
use std::fmt::Write as _;

const SOAP_12_ENCODING: &str = "http://www.w3.org/2003/05/soap-encoding";

/// Writes XML.
#[derive(Debug)]
pub struct XmlWriter {
    root: Name,
    /// The namespaces that are used, with their prefixes.
    prefixes: Vec<(String, String)>,
    open: Box<[u8]>,
    close: Box<[u8]>,
}

/// A field to be written.
#[derive(Debug)]
pub struct XmlField {
    /// `<p:Name>`, `<p:Name` where attributes follow, ` name="` for an attribute, nothing for text.
    open: Box<[u8]>,
    /// `</p:Name>`, `"`, or nothing.
    close: Box<[u8]>,
    /// `<p:Name xsi:nil="true"/>`, where the contract allows it.
    nil: Option<Box<[u8]>>,
    form: Option<Form>,
    plain: bool,
    attribute: bool,
}

impl XmlWriter {
    /// A qualified name, with a prefix that the root will declare.
    fn qualified(&mut self, name: &Name) -> String {
        if name.namespace.is_empty() {
            return name.local.clone();
        }
        let known = self.prefixes.iter().find(|(namespace, _)| *namespace == name.namespace);
        let prefix = match known {
            Some((_, prefix)) => prefix.clone(),
            None => {
                let prefix = match name.namespace.as_str() {
                    XSI => "xsi".to_owned(),
                    "http://www.w3.org/XML/1998/namespace" => "xml".to_owned(),
                    "http://schemas.xmlsoap.org/soap/envelope/" => "soapenv".to_owned(),
                    "http://www.w3.org/2003/05/soap-envelope" => "env".to_owned(),
                    _ => format!("n{}", self.prefixes.len()),
                };
                self.prefixes.push((name.namespace.clone(), prefix.clone()));
                prefix
            }
        };
        format!("{prefix}:{}", name.local)
    }

    /// What an element says of its type: `xsi:type`, and the types of an array's items.
    fn type_said(&mut self, schema: &Schema, field: &Field) -> String {
        let mut said = String::new();
        if let Some(ty) = &field.xsi_type {
            let attribute = self.qualified(&Name::new(XSI, "type"));
            let _ = write!(said, " {attribute}=\"{}\"", self.qualified(ty));
        }
        if let TypeId::Record(id) = field.ty
            && let Some(array) = &schema.record(id).array
        {
            let item = self.qualified(&array.item);
            let mut attribute = |local: &str| self.qualified(&Name::new(&*array.encoding, local));
            // The number of items may be left out (SOAP 1.1, section 5.4.2), or must be (SOAP 1.2 part 2, section 3.1.6).
            let _ = match array.encoding.as_str() {
                SOAP_12_ENCODING => {
                    write!(said, " {}=\"{item}\" {}=\"*\"", attribute("itemType"), attribute("arraySize"))
                }
                _ => write!(said, " {}=\"{item}[]\"", attribute("arrayType")),
            };
        }
        said
    }
}

impl Writer for XmlWriter {
    type Field = XmlField;

    fn new(_: &Schema, document: &Document) -> Self {
        let root = document.element.clone().unwrap_or_default();
        let mut writer = Self { root, prefixes: Vec::new(), open: Box::default(), close: Box::default() };
        let root = writer.root.clone();
        writer.qualified(&root);
        writer
    }

    fn field(&mut self, schema: &Schema, record: RecordId, field: FieldId, attributes: bool) -> XmlField {
        let declared = schema.field(record, field);
        let form = match declared.ty {
            TypeId::Scalar(id) => Some(Form::compile(schema, id)),
            TypeId::Record(_) => None,
        };
        let plain = form.as_ref().is_some_and(Form::is_plain_text);
        let bytes = |text: String| text.into_bytes().into_boxed_slice();
        let (open, close, nil, attribute) = match &declared.wire {
            Wire::Element(name) => {
                let tag = self.qualified(name);
                let ty = self.type_said(schema, declared);
                let nil = declared.nillable.then(|| {
                    let nil = self.qualified(&Name::new(XSI, "nil"));
                    bytes(format!("<{tag}{ty} {nil}=\"true\"/>"))
                });
                let end = if attributes { "" } else { ">" };
                (bytes(format!("<{tag}{ty}{end}")), bytes(format!("</{tag}>")), nil, false)
            }
            Wire::Attribute(name) => {
                (bytes(format!(" {}=\"", self.qualified(name))), bytes("\"".to_owned()), None, true)
            }
            Wire::Text | Wire::Protobuf { .. } | Wire::Stored(_) | Wire::Part => {
                (Box::default(), Box::default(), None, false)
            }
        };
        XmlField { open, close, nil, form, plain, attribute }
    }

    fn seal(&mut self, attributes: bool) {
        let root = self.root.clone();
        let tag = self.qualified(&root);
        let mut open = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><{tag}");
        for (namespace, prefix) in self.prefixes.iter().filter(|(_, prefix)| prefix != "xml") {
            let mut escaped = Vec::new();
            // A namespace is a URI of the contract; what XML cannot carry it could not have been read with.
            let _ = escape(namespace, true, &mut escaped);
            let _ = write!(open, " xmlns:{prefix}=\"{}\"", String::from_utf8_lossy(&escaped));
        }
        if !attributes {
            open.push('>');
        }
        self.open = open.into_bytes().into();
        self.close = format!("</{tag}>").into_bytes().into();
    }

    fn is_attribute(field: &XmlField) -> bool {
        field.attribute
    }

    fn open(&self, out: &mut Vec<u8>) -> usize {
        out.extend_from_slice(&self.open);
        0
    }

    fn open_end(&self, out: &mut Vec<u8>) {
        out.push(b'>');
    }

    fn close(&self, _: usize, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        out.extend_from_slice(&self.close);
        Ok(())
    }

    #[inline]
    fn scalar(field: &XmlField, value: Value<'_>, _: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        out.extend_from_slice(&field.open);
        match (value, &field.form) {
            (Value::Text(text), _) if field.plain => escape(text, field.attribute, out)?,
            (Value::Text(text), Some(form)) if form.is_text() => {
                form.test_text(text)?;
                escape(text, field.attribute, out)?;
            }
            (Value::Text(_), Some(form)) => {
                // Tested as it is, then escaped.
                let start = out.len();
                form.write(value, out)?;
                let text = out.split_off(start);
                escape(std::str::from_utf8(&text).map_err(|_| ValueProblem::Utf8)?, field.attribute, out)?;
            }
            // No other value has a character that needs escaping.
            (value, Some(form)) => form.write(value, out)?,
            (_, None) => return Err(ValueProblem::WrongKind),
        }
        out.extend_from_slice(&field.close);
        Ok(())
    }

    #[inline]
    fn compact(field: &XmlField, value: Word, at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        let start = out.len();
        out.extend_from_slice(&field.open);
        match &field.form {
            Some(form) if form.write_compact(value.open(), out)? => {
                out.extend_from_slice(&field.close);
                Ok(())
            }
            _ => {
                out.truncate(start);
                Self::scalar(field, value.open().value()?, at, out)
            }
        }
    }

    #[inline]
    fn text(field: &XmlField, text: &str, at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        if !field.plain {
            return Self::scalar(field, Value::Text(text), at, out);
        }
        out.reserve(field.open.len() + text.len() + field.close.len());
        out.extend_from_slice(&field.open);
        escape(text, field.attribute, out)?;
        out.extend_from_slice(&field.close);
        Ok(())
    }

    #[inline]
    fn utf8(field: &XmlField, bytes: &[u8], at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        if !field.plain {
            let text = std::str::from_utf8(bytes).map_err(|_| ValueProblem::Utf8)?;
            return Self::scalar(field, Value::Text(text), at, out);
        }
        out.reserve(field.open.len() + bytes.len() + field.close.len());
        out.extend_from_slice(&field.open);
        escape_utf8(bytes, field.attribute, out)?;
        out.extend_from_slice(&field.close);
        Ok(())
    }

    fn nil(field: &XmlField, _: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        out.extend_from_slice(field.nil.as_deref().ok_or(ValueProblem::Nil)?);
        Ok(())
    }

    #[inline]
    fn begin(field: &XmlField, _: usize, out: &mut Vec<u8>) -> usize {
        out.extend_from_slice(&field.open);
        out.len()
    }

    fn begin_end(_: &XmlField, out: &mut Vec<u8>) {
        out.push(b'>');
    }

    #[inline]
    fn end(field: &XmlField, _: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&field.close);
    }

    fn list(_: &XmlField, _: usize, out: &mut Vec<u8>) -> usize {
        out.len()
    }

    fn item(field: &XmlField, value: Value<'_>, at: usize, out: &mut Vec<u8>) -> Result<(), ValueProblem> {
        Self::scalar(field, value, at, out)
    }

    fn list_end(_: &XmlField, _: usize, _: &mut Vec<u8>) {}
}
