//! What readers refuse, and how they say it; and what they take although it is written unusually.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bumpalo::Bump;
use portolan_formats::{Captured, ReadErrorKind as Kind, Reader, Selection, Slot, Unknown};
use portolan_schema::{
    Choice, ChoiceId, Document, Facets, Field, FieldId, Name, Occurs, Presence, ProtoKind, Record, Scalar,
    ScalarKind, Schema, TypeId, Wire,
};

/// `Root` with a text, a list of texts, an attribute, and itself again.
fn contract(xml: bool) -> (Schema, Document) {
    let mut schema = Schema::default();
    let id = schema.add_record(Record { name: Name::plain("Root"), ..Record::default() });
    let text = Scalar {
        name: Name::plain("string"),
        kind: ScalarKind::String,
        facets: Facets::default(),
        enumeration: None,
    };
    let text = TypeId::Scalar(schema.add_scalar(text));
    let field = |name: &str, number, ty, occurs, kind, choice: Option<u32>| Field {
        name: name.to_owned(),
        ty,
        occurs,
        presence: Presence::Explicit,
        nillable: true,
        default: None,
        fixed: None,
        choice: choice.map(ChoiceId),
        redact: false,
        xsi_type: None,
        wire: match (xml, name) {
            (true, "kind") => Wire::Attribute(Name::plain("kind")),
            (true, _) => Wire::Element(Name::new("urn:r", name)),
            (false, _) => Wire::Protobuf { number, kind, packed: false, map: false },
        },
        doc: None,
    };
    let record = schema.record_mut(id);
    record.choices = vec![Choice { name: "either".into(), required: false }];
    record.fields = vec![
        field("kind", 1, text, Occurs::OPTIONAL, ProtoKind::String, None),
        field("one", 2, text, Occurs::OPTIONAL, ProtoKind::String, Some(0)),
        field("many", 3, text, Occurs::ANY, ProtoKind::String, None),
        field("inner", 4, TypeId::Record(id), Occurs::OPTIONAL, ProtoKind::Message, Some(0)),
    ];
    (
        schema,
        Document {
            record: id,
            element: xml.then(|| Name::new("urn:r", "Root")),
            roots: Vec::new(),
            encoded: false,
            excerpt: None,
        },
    )
}

/// Reads; gives the slot of `one`, or the error with its path.
fn read(xml: bool, unknown: Unknown, input: &[u8]) -> Result<Option<String>, (Kind, String)> {
    let (schema, document) = contract(xml);
    let mut selection = Selection::new(&document, unknown);
    let (mut at, mut one) = (Selection::ROOT, None);
    for _ in 0..200 {
        for field in 0..4 {
            let selected = selection.field(&schema, at, FieldId(field));
            match (field, selected.node) {
                (1, _) => one = one.or(Some(selected.slot)),
                (3, Some(node)) => at = node,
                _ => {}
            }
        }
    }
    let (arena, mut captured) = (Bump::new(), Captured::default());
    let reader = Reader::compile(&schema, &document, &selection);
    reader.read(input, &arena, &mut captured).map_err(|e| (e.kind, e.path.join(".")))?;
    Ok(match captured.get(usize::from(one.unwrap().index)) {
        Slot::Text(text) => Some(text.to_owned()),
        Slot::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Slot::Nil => Some("nil".to_owned()),
        _ => None,
    })
}

fn root(content: &str) -> String {
    format!(
        "<r:Root xmlns:r='urn:r' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>{content}</r:Root>"
    )
}

#[test]
fn xml_that_is_taken() {
    let taken = |document: &str, expected: Option<&str>| {
        let found = read(true, Unknown::Refuse, document.as_bytes());
        assert_eq!(found, Ok(expected.map(str::to_owned)), "{document}");
    };
    for (content, expected) in [
        ("<r:one>a&amp;b&#x41;&#66;</r:one>", Some("a&bAB")),
        ("<r:one>a<!-- no -->b<![CDATA[<c>]]></r:one>", Some("ab<c>")),
        ("<r:one>a\r\nb\rc&#13;</r:one>", Some("a\nb\nc\r")),
        ("<r:one/>", Some("")),
        ("<r:one xsi:nil='true'/>", Some("nil")),
        ("<r:one xsi:type='r:string'>x</r:one >", Some("x")),
        ("<r:many>1</r:many><r:one>x</r:one><r:many>2</r:many>", Some("x")),
        ("<one xmlns='urn:r'>x</one>", Some("x")),
        ("<x:one xmlns:x=\"urn:r\">a &gt; 'b'</x:one>", Some("a > 'b'")),
        ("<?target data?>\n  <r:inner kind='a > b'/>", None),
    ] {
        taken(&root(content), expected);
    }
    taken(
        &format!("\u{FEFF}<?xml version='1.0'?>\n<!-- c -->{}\n<?p?>\n", root("<r:one>x</r:one>")),
        Some("x"),
    );
}

#[test]
fn xml_that_is_refused() {
    let refused = |document: &str, kind, path: &str| {
        let found = read(true, Unknown::Refuse, document.as_bytes());
        assert_eq!(found, Err((kind, path.to_owned())), "{}", &document[..document.len().min(300)]);
    };
    let attributes: String = (0..300).map(|i| format!(" a{i}=''")).collect();
    for (content, kind, path) in [
        ("<r:two/>", Kind::UnknownElement, "two"),
        ("<r:très/>", Kind::UnknownElement, ""),
        ("<r:inner><two/></r:inner>", Kind::UnknownElement, "inner.two"),
        ("<q:one/>", Kind::Prefix, ""),
        ("<r:one>1</r:one><r:one>2</r:one>", Kind::Duplicated, "one"),
        ("<r:one><r:one/></r:one>", Kind::UnexpectedContent, "one"),
        ("<r:one xsi:nil='1'>x</r:one>", Kind::UnexpectedContent, "one"),
        ("text", Kind::UnexpectedText, ""),
        ("<r:one>&nbsp;</r:one>", Kind::Entity, "one"),
        ("<r:one>&#0;</r:one>", Kind::IllegalCharacter, "one"),
        ("<r:one>\u{1}</r:one>", Kind::IllegalCharacter, ""),
        ("<r:one>\u{FFFE}</r:one>", Kind::IllegalCharacter, ""),
        ("<r:one>a & b</r:one>", Kind::NotWellFormed, "one"),
        ("<r:one></r:inner>", Kind::NotWellFormed, "one"),
        ("<r:inner kind='a' kind='b'/>", Kind::NotWellFormed, "inner"),
        ("<r:inner kind='a'other=''/>", Kind::NotWellFormed, ""),
        ("<r:inner kind=a/>", Kind::NotWellFormed, ""),
        ("<r:inner sort='a'/>", Kind::UnknownAttribute, "inner.sort"),
        ("<1/>", Kind::NotWellFormed, ""),
        ("<!-- a -- b -->", Kind::NotWellFormed, ""),
        ("<?xml version='1.0'?>", Kind::NotWellFormed, ""),
    ] {
        refused(&root(content), kind, path);
    }
    refused(&root(&format!("<r:inner{attributes}/>")).replace(" a", " xml:a"), Kind::TooManyAttributes, "");
    refused(&format!("<!DOCTYPE Root [<!ENTITY a 'b'>]>{}", root("")), Kind::Doctype, "");
    refused(&format!("{}<r:Root/>", root("")), Kind::Trailing, "");
    refused(&format!("{} x", root("")), Kind::Trailing, "");
    refused("<Root xmlns='urn:other'/>", Kind::Root, "");
    refused("", Kind::Truncated, "");
    refused("<r:Root xmlns:r='urn:r'>", Kind::Truncated, "");
    let deep = format!("{}{}", "<r:inner>".repeat(10_000), "</r:inner>".repeat(10_000));
    assert_eq!(read(true, Unknown::Refuse, root(&deep).as_bytes()).unwrap_err().0, Kind::TooDeep);
    let deep = deep.replace("r:inner", "other");
    assert_eq!(read(true, Unknown::Ignore, root(&deep).as_bytes()).unwrap_err().0, Kind::TooDeep);
    assert_eq!(read(true, Unknown::Refuse, b"<a>\xff</a>").unwrap_err().0, Kind::Utf8);
}

#[test]
fn protobuf_that_is_taken_and_refused() {
    for (input, expected) in [
        (&b"\x12\x01a\x12\x01b"[..], Ok(Some("b".to_owned()))),
        // The other member of the oneof comes later.
        (b"\x12\x01a\x22\x00", Ok(None)),
        (b"\x22\x03\x12\x01a\x12\x01b", Ok(Some("b".to_owned()))),
        (b"\x2a\x00", Err((Kind::UnknownField(5), "5".to_owned()))),
        (b"\x22\x02\x2a\x00", Err((Kind::UnknownField(5), "inner.5".to_owned()))),
        (b"\x12\x05a", Err((Kind::Truncated, "one".to_owned()))),
        (b"\x12", Err((Kind::Truncated, "one".to_owned()))),
        (b"\x10\x01", Err((Kind::WireType, "one".to_owned()))),
        (b"\x00", Err((Kind::Malformed, String::new()))),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", Err((Kind::Malformed, String::new()))),
        (b"\x14", Err((Kind::Malformed, String::new()))),
    ] {
        assert_eq!(read(false, Unknown::Refuse, input), expected, "{input:x?}");
    }
    assert_eq!(read(false, Unknown::Ignore, b"\x2b\x30\x01\x2c\x12\x01a"), Ok(Some("a".to_owned())));
    let mut deep = Vec::new();
    for _ in 0..150 {
        let mut outer = vec![0x22];
        let (low, high) = ((deep.len() & 0x7f) as u8 | 0x80, (deep.len() >> 7) as u8);
        outer.extend([low, high]);
        outer.extend(&deep);
        deep = outer;
    }
    assert_eq!(read(false, Unknown::Refuse, &deep).unwrap_err().0, Kind::TooDeep);
    let groups = [0x2b].repeat(100_000);
    assert_eq!(read(false, Unknown::Ignore, &groups).unwrap_err().0, Kind::TooDeep);
}
