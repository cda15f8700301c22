//! The XML scanner is our own; quick-xml says whether it may be trusted: what we read, quick-xml reads as the same
//! text, and so what quick-xml refuses, we refuse.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bumpalo::Bump;
use portolan_formats::{Captured, Reader, Rows, Selection, Slot, Unknown};
use portolan_schema::{
    Content, Document, Facets, Field, FieldId, Name, Occurs, Presence, Record, Scalar, ScalarKind, Schema,
    TypeId, Wire,
};
use proptest::prelude::*;
use quick_xml::{XmlVersion, events::Event, name::ResolveResult};

/// The texts of the elements `a` right below `r`, whatever else stands there.
fn ours(input: &str) -> Option<Vec<String>> {
    let mut schema = Schema::default();
    let text = Scalar {
        name: Name::plain("text"),
        kind: ScalarKind::String,
        facets: Facets::default(),
        enumeration: None,
    };
    let field = Field {
        name: "a".to_owned(),
        ty: TypeId::Scalar(schema.add_scalar(text)),
        occurs: Occurs { min: 0, max: None },
        presence: Presence::Explicit,
        nillable: false,
        default: None,
        fixed: None,
        choice: None,
        redact: false,
        xsi_type: None,
        wire: Wire::Element(Name::plain("a")),
        doc: None,
    };
    let record = Record {
        name: Name::plain("R"),
        fields: vec![field],
        open: true,
        mixed: true,
        content: Content::Unordered,
        ..Record::default()
    };
    let record = schema.add_record(record);
    let document = Document {
        record,
        element: Some(Name::plain("r")),
        roots: Vec::new(),
        encoded: false,
        excerpt: None,
    };
    let mut selection = Selection::new(&document, Unknown::Ignore);
    let selected = selection.field(&schema, Selection::ROOT, FieldId(0));
    let item = selected.item.unwrap();
    let (arena, mut captured) = (Bump::new(), Captured::default());
    Reader::compile(&schema, &document, &selection).read(input.as_bytes(), &arena, &mut captured).ok()?;
    let mut rows = Rows(vec![0; selection.widths().len()]);
    let mut texts = Vec::new();
    if let Slot::List { first, count, .. } = captured.get(rows.place(selected.slot)) {
        let mut row = first;
        for _ in 0..count {
            rows.enter(item.frame, row);
            let Slot::Text(text) = captured.get(rows.place(item.slot)) else {
                panic!("an item without text")
            };
            texts.push(text.to_owned());
            if let Slot::Next(next) = captured.get(row as usize) {
                row = next;
            }
        }
    }
    Some(texts)
}

/// The same by quick-xml, with every check that it has.
fn theirs(input: &str) -> Result<Vec<String>, String> {
    let mut reader = quick_xml::NsReader::from_str(input);
    reader.config_mut().check_comments = true;
    reader.config_mut().expand_empty_elements = true;
    let (mut depth, mut texts, mut wanted) = (0, Vec::new(), false);
    loop {
        let mut push = |more: &str| {
            if let (true, Some(text)) = (wanted, texts.last_mut()) {
                let text: &mut String = text;
                text.push_str(more);
            }
        };
        let (namespace, event) = reader.read_resolved_event().map_err(|e| e.to_string())?;
        match event {
            Event::Start(tag) => {
                for attribute in tag.attributes() {
                    attribute.map_err(|e| e.to_string())?;
                }
                depth += 1;
                let plain = namespace == ResolveResult::Unbound;
                if depth == 2 && plain && tag.local_name().as_ref() == "a" {
                    texts.push(String::new());
                    wanted = true;
                }
            }
            Event::End(_) => {
                wanted &= depth != 2;
                depth -= 1;
            }
            Event::Text(text) => push(&text.xml_content(XmlVersion::Implicit1_0)),
            Event::CData(text) => push(&text.xml_content(XmlVersion::Implicit1_0)),
            Event::GeneralRef(name) => {
                let name = name.xml_content(XmlVersion::Implicit1_0);
                let found = match name.strip_prefix('#') {
                    Some(number) => {
                        let parsed = match number.strip_prefix('x') {
                            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                            None => number.parse(),
                        };
                        parsed.ok().and_then(char::from_u32).map(String::from)
                    }
                    None => quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned),
                };
                push(&found.ok_or("a reference")?);
            }
            Event::Eof if depth == 0 => return Ok(texts),
            Event::Eof => return Err("an open element".to_owned()),
            _ => {}
        }
    }
}

const TEXTS: [&str; 14] = [
    "one",
    " ",
    "\r\n",
    "\r",
    "\u{e4}\u{fffd}",
    "]",
    "]]",
    ">",
    "&amp;",
    "&lt;",
    "&#65;",
    "&#x20AC;",
    "&quot;",
    "\t",
];
const AROUND: [&str; 6] =
    ["<!-- a - b -->", "<?pi x y?>", "<![CDATA[<a>&]] >]]>", "<![CDATA[]]>", "<a/>", "<b x='>'/>"];
const ATTRIBUTES: [&str; 7] =
    ["", " x='1'", " y = \"&lt;'\"", " x='' y=''", " xmlns:p='u'", " xml:lang='et'", " xmlns:p='u' p:x='1'"];
const NAMES: [&str; 4] = ["a", "b", "\u{f6}l", "a-1.x"];
const DAMAGE: [&str; 28] = [
    "<",
    ">",
    "&",
    "]]>",
    "--",
    "\"",
    "'",
    "/",
    "=",
    " ",
    ":",
    "\0",
    "\u{1}",
    "\u{fffe}",
    "<!",
    "<?",
    "?>",
    "&foo;",
    "&#0;",
    "&#xD800;",
    "&#x;",
    " x='1' x='2'",
    "<!DOCTYPE r>",
    "<?xml version='1.0'?>",
    "p:",
    "\u{d7}",
    "</a>",
    "<a>",
];

fn content() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => proptest::sample::select(&TEXTS[..]).prop_map(str::to_owned),
        1 => proptest::sample::select(&AROUND[..]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let tag = (proptest::sample::select(&NAMES[..]), proptest::sample::select(&ATTRIBUTES[..]));
        (tag, proptest::collection::vec(inner, 0..6)).prop_map(|((name, attributes), inner)| {
            format!("<{name}{attributes}>{}</{name}\n>", inner.concat())
        })
    })
}

fn document() -> impl Strategy<Value = String> {
    let heads =
        ["", "\u{feff}", "<?xml version=\"1.0\"?>", "<?xml version='1.1' encoding='x' standalone='no' ?>\n"];
    let head = proptest::sample::select(heads.to_vec());
    let attributes = proptest::sample::select(&ATTRIBUTES[..]);
    (head, attributes, proptest::collection::vec(content(), 0..6), "[ \n]?").prop_map(
        |(head, attributes, inner, tail)| format!("{head}<r{attributes}>{}</r>{tail}", inner.concat()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_what_quick_xml_reads(
        document in document(),
        damage in proptest::collection::vec(
            (any::<proptest::sample::Index>(), 0..3usize, proptest::sample::select(&DAMAGE[..])),
            0..3,
        ),
    ) {
        let mut input = document;
        for (place, taken, put) in damage {
            let mut characters: Vec<char> = input.chars().collect();
            let from = place.index(characters.len() + 1);
            let to = (from + taken).min(characters.len());
            characters.splice(from..to, put.chars());
            input = characters.into_iter().collect();
        }
        if let Some(read) = ours(&input) {
            prop_assert_eq!(Ok(read), theirs(&input), "{:?}", input);
        }
    }
}

#[test]
fn what_well_formed_documents_hold_is_read() {
    for (inner, expected) in [
        ("<a>x</a><b><a>no</a></b><a/>", vec!["x", ""]),
        ("<a>a]]&gt;b ]] > c</a>", vec!["a]]>b ]] > c"]),
        ("<a>\r\n&#13;<![CDATA[\r]]><!-- - --></a>", vec!["\n\r\n"]),
        ("<\u{f6}l p:x='1' xmlns:p='u' xmlns:q='v' q:x='2'/>", vec![]),
    ] {
        let input = format!("<?xml version='1.0' encoding='UTF-8'?><r>{inner}</r>");
        assert_eq!(ours(&input).unwrap_or_else(|| panic!("refused: {input}")), expected, "{input}");
    }
}

/// Where quick-xml looks less closely than XML demands.
#[test]
fn what_is_not_well_formed_is_refused() {
    for inner in [
        "a ]]> b",
        "<a x='1' x='2'/>",
        "<b xmlns:p='u' xmlns:q='u' p:x='1' q:x='2'/>",
        "<b><c xmlns:p='u' xmlns:q='u'><d p:x='1' q:x='2'/></c></b>",
        "<b><p:c/></b>",
        "<b p:x=''/>",
        "<b x='&foo;'/>",
        "<b x='a<b'/>",
        "<b xmlns:xmlns='u'/>",
        "<b xmlns:p=''/>",
        "<b xmlns:='u'/>",
        "<b><a:/></b>",
        "<b xmlns:p='u'><p:a:b/></b>",
        "<b x='1'y='2'/>",
        "<b\u{d7}/>",
        "<1b/>",
        "<b \u{b7}x='1'/>",
        "<b =''/>",
        "<b x/>",
        "<!-- a -- b -->",
        "<?xml version='1.0'?>",
        "<??>",
        "<?1?>",
        "\u{ffff}",
        "&#x1F;",
        "&nbsp;",
        "&",
    ] {
        assert_eq!(ours(&format!("<r>{inner}</r>")), None, "{inner}");
    }
    for input in [
        "<?xml?><r/>",
        "<?xml encoding='x'?><r/>",
        "<?xml version='2.0'?><r/>",
        "<r/><r/>",
        "&#32;<r/>",
        " <?xml version='1.0'?><r/>",
    ] {
        assert_eq!(ours(input), None, "{input}");
    }
}
