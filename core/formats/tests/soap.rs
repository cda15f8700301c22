//! What SOAP services send that plain schemas do not have: types that say themselves, arrays, references.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bumpalo::Bump;
use portolan_diagnostics::Sources;
use portolan_formats::{
    Captured, NodeId, Reader, Rows, Selected, Selection, Slot, Unknown, Writer, xml::XmlWriter,
};
use portolan_schema::{Contract, Document, FieldId, Memory, Reading, Schema, TypeId, wsdl};

/// A WSDL of one RPC operation, `Ask`, whose part `p` has the type `t:In`.
fn service(style: &str, types: &str) -> Contract {
    let text = format!(
        "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/' xmlns:w='http://schemas.xmlsoap.org/wsdl/' xmlns:s='http://schemas.xmlsoap.org/wsdl/soap/'
 xmlns:e='http://schemas.xmlsoap.org/soap/encoding/' xmlns:x='http://www.w3.org/2001/XMLSchema' xmlns:t='urn:t' targetNamespace='urn:t'>
<types><x:schema targetNamespace='urn:t'>{types}</x:schema></types>
<message name='M'><part name='p' type='t:In'/></message>
<portType name='P'><operation name='Ask'><input message='t:M'/><output message='t:M'/></operation></portType>
<binding name='B' type='t:P'><s:binding style='rpc' transport='http://schemas.xmlsoap.org/soap/http'/>
<operation name='Ask'><input><s:body {style} namespace='urn:t'/></input><output><s:body {style} namespace='urn:t'/></output></operation></binding></definitions>"
    );
    let memory = Memory::new("").with("s.wsdl", text);
    let mut sources = Sources::default();
    let checked = wsdl::read("s.wsdl", &mut Reading { resolver: &memory, sources: &mut sources });
    assert!(checked.diagnostics.is_empty(), "{:#?}", checked.diagnostics);
    checked.value.unwrap()
}

const LITERAL: &str = "use='literal'";
const ENCODED: &str = "use='encoded' encodingStyle='http://schemas.xmlsoap.org/soap/encoding/'";

const VEHICLES: &str = "<x:complexType name='In'><x:sequence><x:element name='v' type='t:Vehicle' maxOccurs='unbounded'/></x:sequence></x:complexType>
<x:complexType name='Vehicle' abstract='true'><x:sequence><x:element name='id' type='x:int'/></x:sequence></x:complexType>
<x:complexType name='Car'><x:complexContent><x:extension base='t:Vehicle'><x:sequence><x:element name='doors' type='x:int'/></x:sequence></x:extension></x:complexContent></x:complexType>
<x:complexType name='Van'><x:complexContent><x:extension base='t:Car'><x:sequence><x:element name='load' type='x:int'/></x:sequence></x:extension></x:complexContent></x:complexType>";

const NUMBERS: &str = "<x:complexType name='In'><x:sequence><x:element name='numbers' type='t:Numbers'/><x:element name='name' type='x:string'/></x:sequence></x:complexType>
<x:complexType name='Numbers'><x:complexContent><x:restriction base='e:Array'><x:attribute ref='e:arrayType' w:arrayType='x:int[]'/></x:restriction></x:complexContent></x:complexType>";

/// Everything of a document, as deep as the tests go.
struct All(Vec<(String, Selected, All)>);

fn all(selection: &mut Selection, schema: &Schema, at: NodeId, depth: u32) -> All {
    let record = selection.node_at(at).record;
    let fields = 0..if depth == 0 { 0 } else { schema.record(record).fields.len() as u32 };
    let fields = fields.map(|field| {
        let selected = selection.field(schema, at, FieldId(field));
        let node = selected.node.or(selected.item.and_then(|item| item.node));
        let inside = node.map_or(All(Vec::new()), |node| all(selection, schema, node, depth - 1));
        (schema.field(record, FieldId(field)).name.clone(), selected, inside)
    });
    All(fields.collect())
}

fn leaves(all: &All, captured: &Captured<'_>, rows: &mut Rows, within: &str, out: &mut Vec<String>) {
    for (name, selected, inside) in &all.0 {
        let mut one = |slot: Slot<'_>, rows: &mut Rows| match slot {
            Slot::Text(text) => out.push(format!("{within}{name}={text}")),
            Slot::Nil => out.push(format!("{within}{name}=nil")),
            Slot::Present => leaves(inside, captured, rows, &format!("{within}{name}."), out),
            _ => {}
        };
        match (captured.get(rows.place(selected.slot)), selected.item) {
            (Slot::List { first, count, .. }, Some(item)) => {
                let mut row = first;
                for _ in 0..count {
                    rows.enter(item.frame, row);
                    one(captured.get(rows.place(item.slot)), rows);
                    if let Slot::Next(next) = captured.get(row as usize) {
                        row = next;
                    }
                }
            }
            (slot, _) => one(slot, rows),
        }
    }
}

/// The leaves of a reply, given what stands in its body.
fn read(contract: &Contract, body: &str) -> Result<String, String> {
    read_by(contract, body, |reader| reader).map(|(leaves, _)| leaves)
}

/// The same by a lenient reader, with what it took for something else.
fn leniently(contract: &Contract, body: &str) -> Result<(String, Option<String>), String> {
    read_by(contract, body, Reader::lenient)
}

fn read_by(
    contract: &Contract,
    body: &str,
    how: impl FnOnce(Reader) -> Reader,
) -> Result<(String, Option<String>), String> {
    let document: &Document = contract.services[0].operations[0].output.as_ref().unwrap();
    let mut selection = Selection::new(document, Unknown::Refuse);
    let wanted = all(&mut selection, &contract.schema, Selection::ROOT, 8);
    let message = format!(
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:i='http://www.w3.org/2001/XMLSchema-instance' xmlns:x='http://www.w3.org/2001/XMLSchema'
 xmlns:e='http://schemas.xmlsoap.org/soap/encoding/' xmlns:t='urn:t'><s:Body>{body}</s:Body></s:Envelope>"
    );
    let (arena, mut captured) = (Bump::new(), Captured::default());
    let reader = how(Reader::compile(&contract.schema, document, &selection));
    reader
        .read(message.as_bytes(), &arena, &mut captured)
        .map_err(|e| format!("{} {}", e.path.join("."), e.kind))?;
    let (mut rows, mut out) = (Rows(vec![0; selection.widths().len()]), Vec::new());
    leaves(&wanted, &captured, &mut rows, "", &mut out);
    let taken = reader.taken().map(str::to_owned);
    Ok((out.join(" ").replace("Body.AskResponse.", ""), taken))
}

#[test]
fn the_type_that_is_said_is_read() {
    let contract = service(LITERAL, VEHICLES);
    let reply =
        |vehicles: &str| read(&contract, &format!("<t:AskResponse><p>{vehicles}</p></t:AskResponse>"));
    let van = "<v i:type='t:Van'><id>1</id><doors>4</doors><load>9</load></v>";
    let car = "<v xmlns:o='urn:t' i:type=' o:Car '><id>2</id><doors>2</doors></v>";
    assert_eq!(
        reply(&format!("{van}{car}{van}")).unwrap(),
        "p.v_Car.id=2 p.v_Car.doors=2 p.v_Van.id=1 p.v_Van.doors=4 p.v_Van.load=9 p.v_Van.id=1 p.v_Van.doors=4 p.v_Van.load=9"
    );
    let is_abstract = "its type is abstract, and xsi:type names none that the contract has for it";
    for vehicle in
        ["<v><id>1</id></v>", "<v i:type='t:Vehicle'><id>1</id></v>", "<v i:type='Car'><id>1</id></v>"]
    {
        assert_eq!(reply(vehicle).unwrap_err(), format!("Body.AskResponse.p.v {is_abstract}"));
    }
    let unknown = "Body.AskResponse.p.v.load this element is not in the contract";
    assert_eq!(reply("<v i:type='t:Car'><id>1</id><load>1</load></v>").unwrap_err(), unknown);
}

/// A lenient reader takes what is qualified otherwise than the contract says, where only one thing can be meant.
#[test]
fn elements_are_qualified_as_systems_please() {
    const TYPES: &str = "<x:element name='Q'><x:complexType><x:sequence><x:element name='id' type='x:int' form='qualified'/></x:sequence></x:complexType></x:element>
<x:complexType name='In'><x:sequence><x:element name='a' type='x:string' minOccurs='0'/><x:element name='b' type='x:string' form='qualified' minOccurs='0'/>
<x:element name='c' type='x:string' minOccurs='0'/><x:element name='c' type='x:string' form='qualified' minOccurs='0'/></x:sequence></x:complexType>";
    let contract = service(LITERAL, TYPES);
    let read = |inside: &str| {
        let body = format!("<t:AskResponse>{inside}</t:AskResponse>");
        let (strict, lenient) = (read(&contract, &body), leniently(&contract, &body));
        if let Ok(strict) = &strict {
            assert_eq!(
                lenient.as_ref(),
                Ok(&(strict.clone(), None)),
                "what the contract says is read as ever"
            );
        }
        lenient.map(|(leaves, taken)| format!("{leaves} ({})", taken.unwrap_or_default()))
    };
    assert_eq!(read("<p><a>1</a><t:b>2</t:b></p>").unwrap(), "p.a=1 p.b=2 ()");
    assert_eq!(read("<p><t:a>1</t:a><b>2</b></p>").unwrap(), "p.a=1 p.b=2 (a)");
    assert_eq!(read("<t:p><t:a>1</t:a></t:p>").unwrap(), "p.a=1 (p)");
    let unknown = |inside: &str| read(inside).unwrap_err();
    let refused = "this element is not in the contract";
    assert_eq!(unknown("<p><o:a xmlns:o='urn:other'>1</o:a></p>"), format!("Body.AskResponse.p.a {refused}"));
    assert_eq!(unknown("<p><o:b xmlns:o='urn:other'>1</o:b></p>"), format!("Body.AskResponse.p.b {refused}"));
    assert_eq!(unknown("<p><s:a>1</s:a></p>"), format!("Body.AskResponse.p.a {refused}"), "SOAP's own");
    assert_eq!(unknown("<p><d>1</d></p>"), format!("Body.AskResponse.p.d {refused}"));
    // Both ways at once are one element twice.
    assert_eq!(unknown("<p><a>1</a><t:a>2</t:a></p>"), "Body.AskResponse.p.a it stands there more than once");
    let outside = leniently(&contract, "<AskResponse><p/></AskResponse>").unwrap();
    assert_eq!(outside.1.as_deref(), Some("AskResponse"), "the wrapper too");
}

/// The start tag of a field of the part's record.
fn tag(contract: &Contract, path: &[&str]) -> String {
    let document = &contract.services[0].operations[0].input;
    let mut writer = XmlWriter::new(&contract.schema, document);
    let (mut record, mut written) = (document.record, Vec::new());
    for name in path {
        let (field, declared) =
            contract.schema.record(record).find(name).unwrap_or_else(|| panic!("no {name}"));
        let compiled = writer.field(&contract.schema, record, field, false);
        written.clear();
        XmlWriter::begin(&compiled, 0, &mut written);
        if let TypeId::Record(inner) = declared.ty {
            record = inner;
        }
    }
    String::from_utf8(written).unwrap()
}

#[test]
fn the_type_of_what_is_written_is_said() {
    let contract = service(LITERAL, VEHICLES);
    assert_eq!(tag(&contract, &["Body", "Ask", "p", "v_Van"]), "<v xsi:type=\"n1:Van\">");
    assert_eq!(tag(&contract, &["Body", "Ask", "p"]), "<p>");
    let contract = service(ENCODED, NUMBERS);
    assert_eq!(tag(&contract, &["Body", "Ask", "p"]), "<p xsi:type=\"n1:In\">");
    assert_eq!(tag(&contract, &["Body", "Ask", "p", "numbers"]), "<numbers n4:arrayType=\"n3:int[]\">");
}

#[test]
fn encoded_replies_are_read() {
    let contract = service(ENCODED, NUMBERS);
    let plain = "<t:AskResponse s:encodingStyle='http://schemas.xmlsoap.org/soap/encoding/'><p i:type='t:In'>
 <numbers i:type='e:Array' e:arrayType='x:int[2]'><i i:type='x:int'>1</i><other>2</other></numbers><name i:type='x:string'>a</name></p></t:AskResponse>";
    assert_eq!(read(&contract, plain).unwrap(), "p.numbers.item=1 p.numbers.item=2 p.name=a");
    let referred = "<t:AskResponse><p href='#p'/></t:AskResponse>
 <multiRef id='n' xmlns:y='urn:t'><i href='#one'/><i>2</i><i i:nil='true'/></multiRef><multiRef id='one'>1</multiRef>
 <multiRef id='p' e:root='0'><name href=' #name '/><numbers href='#n'/></multiRef><multiRef id='name'>a &amp; b</multiRef>";
    let read_back = "p.numbers.item=1 p.numbers.item=2 p.numbers.item=nil p.name=a & b";
    assert_eq!(read(&contract, referred).unwrap(), read_back);
    for (body, expected) in [
        (
            "<t:AskResponse><p href='#gone'/></t:AskResponse>",
            "it refers to an element that is not in the document",
        ),
        (
            "<t:AskResponse><p href='#p'>x</p></t:AskResponse><m id='p'/>",
            "there is content where none may stand",
        ),
        ("<t:AskResponse><p href='#p'/></t:AskResponse><m id='p' href='#p'/>", "it is nested too deeply"),
    ] {
        let refused = read(&contract, body).unwrap_err();
        assert!(refused.ends_with(expected), "{refused}");
    }
    // Without the encoding `href` is an attribute like any other.
    let literal = read(&service(LITERAL, NUMBERS), "<t:AskResponse><p href='#p'/></t:AskResponse>");
    assert_eq!(literal.unwrap_err(), "Body.AskResponse.p.href this attribute is not in the contract");
}

#[test]
fn references_do_not_unfold_without_end() {
    let tree = "<x:complexType name='In'><x:sequence><x:element name='a' type='t:In' minOccurs='0'/><x:element name='b' type='t:In' minOccurs='0'/></x:sequence></x:complexType>";
    let contract = service(ENCODED, tree);
    let levels: String =
        (0..60).map(|i| format!("<m id='r{i}'><a href='#r{0}'/><b href='#r{0}'/></m>", i + 1)).collect();
    let body = format!("<t:AskResponse><p href='#r0'/></t:AskResponse>{levels}<m id='r60'/>");
    let refused = {
        let document = contract.services[0].operations[0].output.as_ref().unwrap();
        let mut selection = Selection::new(document, Unknown::Refuse);
        // Twice selected at each level: what a mapping could do at most.
        all(&mut selection, &contract.schema, Selection::ROOT, 14);
        let message = format!(
            "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:t='urn:t'><s:Body>{body}</s:Body></s:Envelope>"
        );
        let reader = Reader::compile(&contract.schema, document, &selection);
        reader
            .read(message.as_bytes(), &Bump::new(), &mut Captured::default())
            .map_err(|e| e.kind.to_string())
    };
    assert_eq!(refused, Err("it is too large".to_owned()));
}
