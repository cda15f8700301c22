//! Contracts that mean harm, or were cut: refused within bounds, never a panic.

use portolan_diagnostics::Sources;
use portolan_schema::{Memory, Reading, describe, describe_json, protobuf, wsdl};

fn read(bytes: &[u8]) -> Vec<String> {
    let memory = Memory::new("").with("s.wsdl", bytes);
    let mut sources = Sources::default();
    let checked = wsdl::read("s.wsdl", &mut Reading { resolver: &memory, sources: &mut sources });
    if let Some(contract) = &checked.value {
        assert!(describe(contract).len() < 20 << 20);
        describe_json(contract);
    }
    for found in &checked.diagnostics {
        portolan_diagnostics::render(found, &sources, false);
    }
    checked.diagnostics.into_iter().map(|d| d.message).collect()
}

fn service(schema: &str) -> String {
    format!(
        "<w:definitions xmlns:w='http://schemas.xmlsoap.org/wsdl/' xmlns:s='http://schemas.xmlsoap.org/wsdl/soap/'
 xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns:t='urn:t' targetNamespace='urn:t'>
<w:types><xs:schema targetNamespace='urn:t' elementFormDefault='qualified'>{schema}</xs:schema></w:types>
<w:message name='I'><w:part name='p' element='t:In'/></w:message><w:message name='O'><w:part name='p' element='t:In'/></w:message>
<w:portType name='P'><w:operation name='Ask'><w:input message='t:I'/><w:output message='t:O'/></w:operation></w:portType>
<w:binding name='B' type='t:P'><s:binding/><w:operation name='Ask'><w:input><s:body use='literal'/></w:input>
<w:output><s:body use='literal'/></w:output></w:operation></w:binding></w:definitions>"
    )
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let found = read(text.as_bytes());
    assert!(found.iter().any(|message| message.contains(expected)), "{found:#?}");
}

#[test]
fn what_grows_without_end_is_refused() {
    refused(&"<a>".repeat(100_000), "deep");
    let attributes: String = (0..10_000).map(|i| format!(" a{i}=''")).collect();
    refused(&format!("<a{attributes}/>"), "attributes");
    let namespaces: String = (0..10_000).map(|i| format!(" xmlns:a{i}='u'")).collect();
    refused(&format!("<a{namespaces}/>"), "namespaces");
    // Each group holds the next one twice: 2^40 elements out of forty lines.
    let groups: String = (0..40)
        .map(|i| format!("<xs:group name='g{i}'><xs:sequence><xs:group ref='t:g{0}'/><xs:group ref='t:g{0}'/></xs:sequence></xs:group>", i + 1))
        .collect();
    let last =
        "<xs:group name='g40'><xs:sequence><xs:element name='e' type='xs:int'/></xs:sequence></xs:group>";
    let holder = "<xs:element name='In'><xs:complexType><xs:group ref='t:g0'/></xs:complexType></xs:element>";
    refused(&service(&format!("{groups}{last}{holder}")), "unfolds");
    // The same by attribute groups, and by a union of unions.
    let groups: String = (0..40)
        .map(|i| format!("<xs:attributeGroup name='g{i}'><xs:attributeGroup ref='t:g{0}'/><xs:attributeGroup ref='t:g{0}'/></xs:attributeGroup>", i + 1))
        .collect();
    let last = "<xs:attributeGroup name='g40'><xs:attribute name='e'/></xs:attributeGroup>";
    let holder =
        "<xs:element name='In'><xs:complexType><xs:attributeGroup ref='t:g0'/></xs:complexType></xs:element>";
    refused(&service(&format!("{groups}{last}{holder}")), "unfolds");
    // A chain of extensions, each with all the fields of those before.
    let fields: String = (0..200).map(|i| format!("<xs:element name='f{i}' type='xs:int'/>")).collect();
    let chain: String = (1..1000)
        .map(|i| format!("<xs:complexType name='c{i}'><xs:complexContent><xs:extension base='t:c{}'/></xs:complexContent></xs:complexType>", i - 1))
        .collect();
    let first = format!("<xs:complexType name='c0'><xs:sequence>{fields}</xs:sequence></xs:complexType>");
    refused(&service(&format!("{first}{chain}<xs:element name='In' type='t:c999'/>")), "deep");
}

#[test]
fn what_defines_itself_is_refused() {
    for (schema, expected) in [
        (
            "<xs:element name='In' type='t:A'/><xs:complexType name='A'><xs:complexContent><xs:extension base='t:A'/></xs:complexContent></xs:complexType>",
            "itself",
        ),
        (
            "<xs:element name='In' type='t:A'/><xs:simpleType name='A'><xs:restriction base='t:A'/></xs:simpleType>",
            "itself",
        ),
        (
            "<xs:element name='In' type='t:A'/><xs:simpleType name='A'><xs:union memberTypes='t:A t:A'/></xs:simpleType>",
            "itself",
        ),
        (
            "<xs:element name='In' type='t:A'/><xs:complexType name='A'><xs:group ref='t:G'/></xs:complexType><xs:group name='G'><xs:sequence><xs:group ref='t:G'/></xs:sequence></xs:group>",
            "itself",
        ),
    ] {
        refused(&service(schema), expected);
    }
    // These are merely odd.
    read(service("<xs:element name='In' substitutionGroup='t:In'/>").as_bytes());
    read(
        service(
            "<xs:element name='In' substitutionGroup='t:B'/><xs:element name='B' substitutionGroup='t:In'/>",
        )
        .as_bytes(),
    );
}

#[test]
fn types_that_hold_each_other_in_every_way_are_printed_within_bounds() {
    let types: String = (0..30)
        .map(|i| {
            let fields: String =
                (0..30).map(|j| format!("<xs:element name='f{j}' type='t:c{j}'/>")).collect();
            format!("<xs:complexType name='c{i}'><xs:sequence>{fields}</xs:sequence></xs:complexType>")
        })
        .collect();
    assert!(read(service(&format!("{types}<xs:element name='In' type='t:c0'/>")).as_bytes()).is_empty());
}

#[test]
fn whatever_is_cut_or_changed_is_read_without_a_panic() {
    let text = service(
        "<xs:element name='In' type='t:A'/><xs:complexType name='A'><xs:complexContent><xs:extension base='t:B'><xs:choice maxOccurs='2'>
         <xs:element name='a' type='xs:int'/><xs:any/></xs:choice><xs:attribute ref='t:x'/></xs:extension></xs:complexContent></xs:complexType>
         <xs:complexType name='B'><xs:simpleContent><xs:extension base='xs:string'/></xs:simpleContent></xs:complexType><xs:attribute name='x'/>",
    );
    let bytes = text.as_bytes();
    let mut state = 42u32;
    let mut next = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for at in (0..bytes.len()).step_by(7) {
        read(&bytes[..at]);
    }
    for _ in 0..500 {
        let mut changed = bytes.to_vec();
        for _ in 0..1 + next(4) {
            let (at, from) = (next(changed.len()), next(bytes.len()));
            match next(3) {
                0 => changed[at] = b"<>&'\" =:/\x00\xFFabt"[next(14)],
                1 => drop(changed.drain(at..(at + next(40)).min(changed.len()))),
                _ => drop(changed.splice(at..at, bytes[from..(from + 60).min(bytes.len())].iter().copied())),
            }
        }
        read(&changed);
    }
}

#[test]
fn protobuf_likewise() {
    let text = "syntax = \"proto2\"; package p; import \"google/protobuf/any.proto\"; option java_package = \"x\";
        message M { required int32 a = 1 [default = 3, deprecated = true]; oneof o { string b = 2; M m = 3; } map<string, M> n = 4;
        repeated group G = 5 { optional E e = 1; } extensions 100 to max; } enum E { A = 0; B = 1; } extend M { optional int32 x = 100; }
        service S { rpc C(M) returns (stream M) { option deprecated = true; } }";
    let read = |bytes: &[u8]| {
        let memory = Memory::new("").with("e.proto", bytes);
        let mut sources = Sources::default();
        let checked =
            protobuf::read("e.proto", &[], &mut Reading { resolver: &memory, sources: &mut sources });
        for found in &checked.diagnostics {
            portolan_diagnostics::render(found, &sources, false);
        }
        checked.value.map(|contract| describe(&contract))
    };
    assert!(read(text.as_bytes()).is_some());
    for at in 0..text.len() {
        read(&text.as_bytes()[..at]);
        let mut changed = text.as_bytes().to_vec();
        changed[at] = b"{}[]<>;=\"\xFF0aA"[at % 13];
        read(&changed);
    }
}
