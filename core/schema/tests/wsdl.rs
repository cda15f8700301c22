//! What the WSDL reader makes of small contracts.

#![allow(clippy::panic, reason = "the helpers of tests fail by it")]

use portolan_diagnostics::{Checked, Severity, Sources};
use portolan_schema::{
    Contract, Document, Memory, Operation, Protocol, Reading, SoapVersion, Wire, describe, read_file, wsdl,
};

fn read(files: &[(&str, &[u8])]) -> (Checked<Contract>, Sources) {
    let memory = files.iter().fold(Memory::new(""), |memory, (name, bytes)| memory.with(*name, *bytes));
    let mut sources = Sources::default();
    let checked = wsdl::read(files[0].0, &mut Reading { resolver: &memory, sources: &mut sources });
    (checked, sources)
}

#[track_caller]
fn contract(files: &[(&str, &str)]) -> Contract {
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let (checked, _) = read(&files);
    checked.into_result().unwrap_or_else(|found| panic!("{found:#?}")).0
}

/// A WSDL of one operation whose elements `In` and `Out` stand among the given schema components.
fn service(schema: &str) -> String {
    service_with(
        &format!("<xs:schema targetNamespace='urn:t' elementFormDefault='qualified'>{schema}</xs:schema>"),
        "",
    )
}

fn service_with(types: &str, faults: &str) -> String {
    format!(
        r#"<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:s12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t">
<w:types>{types}</w:types>
<w:message name="I"><w:part name="p" element="t:In"/></w:message>
<w:message name="O"><w:part name="p" element="t:Out"/></w:message>
<w:message name="F"><w:part name="p" element="t:Trouble"/></w:message>
<w:message name="H"><w:part name="h" element="t:Session"/></w:message>
<w:portType name="P"><w:operation name="Ask"><w:documentation>Asks.</w:documentation>
 <w:input message="t:I"/><w:output message="t:O"/>{faults}</w:operation></w:portType>
<w:binding name="B" type="t:P"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
 <w:operation name="Ask"><s:operation soapAction="urn:ask"/><w:input><s:body use="literal"/></w:input>
 <w:output><s:body use="literal"/></w:output></w:operation></w:binding>
<w:binding name="B12" type="t:P"><s12:binding transport="http://schemas.xmlsoap.org/soap/http"/>
 <w:operation name="Ask"><s12:operation soapAction="urn:ask"/><w:input>{header}<s12:body use="literal"/></w:input>
 <w:output><s12:body use="literal"/></w:output></w:operation></w:binding>
<w:service name="S"><w:port name="P11" binding="t:B"><s:address location="http://a/"/></w:port>
 <w:port name="P12" binding="t:B12"><s12:address location="http://b/"/></w:port></w:service>
</w:definitions>"#,
        header =
            if types.contains("Session") { "<s12:header message='t:H' part='h' use='literal'/>" } else { "" },
    )
}

fn operation<'a>(contract: &'a Contract, name: &str) -> &'a Operation {
    contract.operations(name).first().unwrap_or_else(|| panic!("no operation {name}")).1
}

/// Where a root leads, as names on the wire.
fn path(contract: &Contract, document: &Document, name: &str) -> String {
    let root =
        document.roots.iter().find(|r| r.name.join(".") == name).unwrap_or_else(|| panic!("no root {name}"));
    let steps = root.path.iter().map(|(record, field)| match &contract.schema.field(*record, *field).wire {
        Wire::Element(name) => name.local.as_str(),
        other => panic!("{other:?}"),
    });
    steps.collect::<Vec<_>>().join("/")
}

#[test]
fn both_versions_of_the_envelope() {
    let schema = "<xs:schema targetNamespace='urn:t'><xs:element name='In' type='xs:string'/><xs:element name='Out' type='xs:int'/>
        <xs:element name='Trouble'><xs:complexType><xs:sequence><xs:element name='code' type='xs:string'/></xs:sequence></xs:complexType></xs:element>
        <xs:element name='Session' type='xs:string'/></xs:schema>";
    let c = contract(&[("s.wsdl", &service_with(schema, "<w:fault name='f' message='t:F'/>"))]);
    let check = |operation: &str, version, address: &str, expected: &[(&str, &str)]| {
        let operation = self::operation(&c, operation);
        let Protocol::Soap(soap) = &operation.protocol else { panic!("not SOAP") };
        assert_eq!(
            (soap.version, soap.action.as_str(), soap.address.as_deref()),
            (version, "urn:ask", Some(address))
        );
        assert_eq!(operation.doc.as_deref(), Some("Asks."));
        assert_eq!(path(&c, &operation.input, "body"), "Body/In");
        let output = operation.output.as_ref().expect("output");
        for (root, steps) in expected {
            assert_eq!(path(&c, output, root), *steps);
        }
        let element = output.element.as_ref().expect("element");
        assert_eq!((element.namespace.as_str(), element.local.as_str()), (version.namespace(), "Envelope"));
    };
    check(
        "S/P11/Ask",
        SoapVersion::V11,
        "http://a/",
        &[
            ("header", "Header"),
            ("body", "Body/Out"),
            ("fault", "Body/Fault"),
            ("fault.code", "Body/Fault/faultcode"),
            ("fault.reason", "Body/Fault/faultstring"),
            ("fault.actor", "Body/Fault/faultactor"),
            ("fault.detail", "Body/Fault/detail/Trouble"),
        ],
    );
    check(
        "S/P12/Ask",
        SoapVersion::V12,
        "http://b/",
        &[
            ("fault.code", "Body/Fault/Code/Value"),
            ("fault.reason", "Body/Fault/Reason/Text"),
            ("fault.actor", "Body/Fault/Role"),
            ("fault.detail", "Body/Fault/Detail/Trouble"),
        ],
    );
    let headers = |name: &str| {
        let document = &operation(&c, name).input;
        let header = document.roots.iter().find(|r| r.name == ["header"]).expect("header").ty;
        let portolan_schema::TypeId::Record(id) = header else { panic!("no record") };
        c.schema.record(id).fields.iter().map(|f| f.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!((headers("S/P11/Ask"), headers("S/P12/Ask")), (vec![], vec!["Session".to_owned()]));
}

/// The tree that `describe` prints of `In`.
#[track_caller]
fn check(schema: &str, expected: &str) {
    let c = contract(&[("s.wsdl", &service(&format!("{schema}<xs:element name='Out' type='xs:int'/>")))]);
    let text = describe(&c);
    let tree =
        text.split("input body ").nth(1).and_then(|t| t.split("    output body ").next()).expect("input");
    let lines = |t: &str| t.trim().lines().map(|l| l.trim_end().to_owned()).collect::<Vec<_>>();
    let tree: Vec<_> = lines(tree).into_iter().skip(1).collect();
    let expected: Vec<_> =
        expected.lines().map(str::trim_end).filter(|l| !l.is_empty()).map(|l| format!("  {l}")).collect();
    assert_eq!(tree, expected, "\n{}\n", tree.join("\n"));
}

#[test]
fn simple_types() {
    check(
        "<xs:element name='In'><xs:complexType><xs:sequence>
            <xs:element name='a' type='t:Code' minOccurs='0' nillable='true' default='A'/>
            <xs:element name='b' type='t:Share' fixed='1.0'/>
            <xs:element name='c' type='t:Codes'/>
            <xs:element name='d' type='t:Mixed'/>
            <xs:element name='e-f' maxOccurs='unbounded'><xs:simpleType><xs:restriction base='t:Short'><xs:pattern value='[a-z]*'/></xs:restriction></xs:simpleType></xs:element>
            <xs:element name='g' type='xs:NMTOKENS' maxOccurs='3'><xs:annotation><xs:documentation> Some
              words. </xs:documentation></xs:annotation></xs:element>
         </xs:sequence></xs:complexType></xs:element>
         <xs:simpleType name='Code'><xs:restriction base='xs:token'><xs:enumeration value='A'/><xs:enumeration value='B'/></xs:restriction></xs:simpleType>
         <xs:simpleType name='Share'><xs:restriction base='xs:decimal'><xs:minInclusive value='0'/><xs:maxExclusive value='2'/><xs:totalDigits value='5'/><xs:fractionDigits value='2'/></xs:restriction></xs:simpleType>
         <xs:simpleType name='Codes'><xs:list itemType='t:Code'/></xs:simpleType>
         <xs:simpleType name='Mixed'><xs:union memberTypes='xs:int t:Code'><xs:simpleType><xs:restriction base='xs:date'/></xs:simpleType></xs:union></xs:simpleType>
         <xs:simpleType name='Short'><xs:restriction base='xs:string'><xs:length value='4'/></xs:restriction></xs:simpleType>",
        "
    a    Code (string)                         optional, nil  one of A | B, default `A`
    b    Share (decimal)                       required       >= 0, < 2, 5 digits, 2 after the point, always `1.0`
    c    Codes (list of Code (string))         required
    d    Mixed (int or Code (string) or date)  required
    e_f  e-f (string)                          list 1..       length 4, pattern [a-z]*
    g    NMTOKENS                              list 1..3      length 1..  # Some words.",
    );
}

#[test]
fn content_models() {
    check(
        "<xs:element name='In' type='t:Order'/>
         <xs:complexType name='Base' abstract='true'><xs:sequence><xs:element name='id' type='xs:long'/></xs:sequence><xs:attribute name='version' type='xs:int' use='required'/></xs:complexType>
         <xs:complexType name='Order'><xs:complexContent><xs:extension base='t:Base'><xs:sequence>
            <xs:choice><xs:element name='mail' type='xs:string'/><xs:sequence><xs:element name='phone' type='xs:string'/></xs:sequence></xs:choice>
            <xs:choice><xs:element name='x' type='xs:int'/><xs:sequence><xs:element name='y' type='xs:int'/><xs:element name='z' type='xs:int'/></xs:sequence></xs:choice>
            <xs:sequence minOccurs='0' maxOccurs='unbounded'><xs:element name='k' type='xs:string'/><xs:element name='v' type='xs:string'/></xs:sequence>
            <xs:group ref='t:Names'/>
            <xs:element name='parent' type='t:Order' minOccurs='0'/>
            <xs:element name='amount' type='t:Amount'/>
            <xs:any minOccurs='0' namespace='##other'/>
         </xs:sequence><xs:attributeGroup ref='t:Marks'/></xs:extension></xs:complexContent></xs:complexType>
         <xs:group name='Names'><xs:sequence><xs:element name='name' type='xs:string'/><xs:element ref='t:Note' minOccurs='0'/></xs:sequence></xs:group>
         <xs:attributeGroup name='Marks'><xs:attribute name='mark'/><xs:attribute ref='xml:lang'/></xs:attributeGroup>
         <xs:complexType name='Amount'><xs:simpleContent><xs:extension base='xs:decimal'><xs:attribute name='currency' type='xs:string' default='EUR'/></xs:extension></xs:simpleContent></xs:complexType>
         <xs:element name='Note' type='xs:string' abstract='true'/><xs:element name='Remark' substitutionGroup='t:Note'/><xs:element name='Hint' substitutionGroup='t:Note'/>",
        "
    version      int      required  attribute
    mark         string   optional  attribute
    lang         string   optional  attribute
    id           long     required
    mail         string   choice 1
    phone        string   choice 1
    x            int      optional
    y            int      optional
    z            int      optional
    k            string   list
    v            string   list
    name         string   required
    Remark       string   choice 2
    Hint         string   choice 2
    parent       Order    optional
      ...
    amount       Amount   required
      currency   string   optional  attribute, default `EUR`
      value      decimal  required
    (any other)",
    );
}

#[test]
fn restriction_says_its_content_anew() {
    check(
        "<xs:element name='In' type='t:Less'/>
         <xs:complexType name='More'><xs:all><xs:element name='a' type='xs:int'/><xs:element name='b' type='xs:int' minOccurs='0'/></xs:all><xs:attribute name='p'/><xs:attribute name='q'/><xs:anyAttribute/></xs:complexType>
         <xs:complexType name='Less'><xs:complexContent><xs:restriction base='t:More'><xs:all><xs:element name='a' type='xs:int'/></xs:all><xs:attribute name='p' use='prohibited'/></xs:restriction></xs:complexContent></xs:complexType>",
        "
    q  string  optional  attribute
    a  int     required",
    );
}

#[test]
fn namespaces_of_local_elements() {
    let schema = "<xs:schema targetNamespace='urn:t'><xs:import namespace='urn:u'/>
         <xs:element name='In'><xs:complexType><xs:sequence><xs:element name='plain' type='xs:int'/><xs:element name='formed' type='xs:int' form='qualified'/><xs:element xmlns:u='urn:u' ref='u:Far'/></xs:sequence>
           <xs:attribute name='q' form='qualified'/></xs:complexType></xs:element><xs:element name='Out'/></xs:schema>
         <xs:schema targetNamespace='urn:u' elementFormDefault='qualified'><xs:import namespace='urn:t'/><xs:element name='Far'/></xs:schema>";
    let c = contract(&[("s.wsdl", &service_with(schema, ""))]);
    let input = &operation(&c, "S/P11/Ask").input;
    let portolan_schema::TypeId::Record(id) = input.roots[0].ty else { panic!("no record") };
    let names = c.schema.record(id).fields.iter().map(|f| match &f.wire {
        Wire::Element(name) | Wire::Attribute(name) => name.to_string(),
        other => panic!("{other:?}"),
    });
    assert_eq!(names.collect::<Vec<_>>(), ["{urn:t}q", "plain", "{urn:t}formed", "{urn:u}Far"]);
}

#[test]
fn imports_of_every_kind() {
    let main = "<w:definitions xmlns:w='http://schemas.xmlsoap.org/wsdl/' xmlns:t='urn:t' targetNamespace='urn:x'><w:import namespace='urn:t' location='sub/part.wsdl'/></w:definitions>";
    let part = service_with(
        "<xs:schema targetNamespace='urn:t'><xs:include schemaLocation='types.xsd'/><xs:import namespace='urn:u' schemaLocation='../u.xsd'/></xs:schema>",
        "",
    );
    // No namespace of its own: it takes that of whoever includes it, and so do its references.
    let types = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns:u='urn:u'><xs:include schemaLocation='types.xsd'/><xs:import namespace='urn:u' schemaLocation='../u.xsd'/>
        <xs:element name='In' type='Inner'/><xs:element name='Out' type='u:Far'/><xs:complexType name='Inner'><xs:sequence><xs:element ref='Leaf'/></xs:sequence></xs:complexType><xs:element name='Leaf' type='xs:int'/></xs:schema>";
    let far = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:u' xmlns:u='urn:u' xmlns:t='urn:t'><xs:import namespace='urn:t' schemaLocation='sub/types.xsd'/>
        <xs:complexType name='Far'><xs:sequence><xs:element name='again' type='u:Far' minOccurs='0'/></xs:sequence></xs:complexType></xs:schema>";
    let c =
        contract(&[("main.wsdl", main), ("sub/part.wsdl", &part), ("sub/types.xsd", types), ("u.xsd", far)]);
    assert_eq!(c.files.len(), 4);
    assert_eq!(path(&c, &operation(&c, "S/P11/Ask").input, "body"), "Body/In");
    assert!(describe(&c).contains("Leaf  int  required"), "{}", describe(&c));
}

#[test]
fn files_in_other_encodings() {
    let text = service(
        "<xs:element name='In' type='xs:string'/><xs:element name='Out'><xs:complexType><xs:sequence><xs:element name='Größe' type='xs:int'/></xs:sequence></xs:complexType></xs:element>",
    );
    let latin: Vec<u8> =
        format!("<?xml version='1.0' encoding='ISO-8859-1'?>{text}").chars().map(|c| c as u8).collect();
    let wide: Vec<u8> =
        std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    for bytes in [latin, wide] {
        let (checked, _) = read(&[("s.wsdl", &bytes)]);
        let (contract, _) = checked.into_result().expect("contract");
        assert!(describe(&contract).contains("Größe  int"));
    }
}

#[test]
fn rpc_literal_and_encoded() {
    let wsdl = |style: &str| {
        format!(
        "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/' xmlns:s='http://schemas.xmlsoap.org/wsdl/soap/' xmlns:x='http://www.w3.org/2001/XMLSchema' xmlns:t='urn:t' targetNamespace='urn:t'>
        <message name='I'><part name='a' type='x:int'/><part name='b' type='x:string'/></message><message name='O'><part name='sum' type='x:int'/></message>
        <portType name='P'><operation name='Add'><input message='t:I'/><output message='t:O'/></operation><operation name='Tell'><input message='t:I'/></operation></portType>
        <binding name='B' type='t:P'><s:binding style='rpc' transport='http://schemas.xmlsoap.org/soap/http'/>
        <operation name='Add'><input><s:body {style}/></input><output><s:body {style}/></output></operation>
        <operation name='Tell'><input><s:body use='literal' namespace='urn:rpc'/></input></operation></binding></definitions>"
    )
    };
    let c = contract(&[("s.wsdl", &wsdl("use='literal' namespace='urn:rpc'"))]);
    let text = describe(&c);
    assert!(
        text.contains("input body {urn:rpc}Add: Add\n      a  int     required\n      b  string  required"),
        "{text}"
    );
    assert!(
        text.contains("output body {urn:rpc}AddResponse: AddResponse\n      sum  int  required"),
        "{text}"
    );
    assert!(operation(&c, "B/Tell").output.is_none());
    let Protocol::Soap(binding) = &operation(&c, "B/Tell").protocol else { panic!("SOAP") };
    let roots: Vec<_> =
        binding.one_way.as_ref().expect("one-way").roots.iter().map(|r| r.name.join(".")).collect();
    assert!(roots.contains(&"fault.code".to_owned()) && !roots.contains(&"body".to_owned()), "{roots:?}");
    let Protocol::Soap(binding) = &operation(&c, "B/Add").protocol else { panic!("SOAP") };
    assert!(binding.one_way.is_none());
    let text = describe(&contract(&[("s.wsdl", &wsdl("use='encoded' namespace='urn:rpc'"))]));
    let encoding =
        "encodingStyle  string  required  attribute, always `http://schemas.xmlsoap.org/soap/encoding/`";
    let part = "a              int     required  as {http://www.w3.org/2001/XMLSchema}int";
    assert!(
        text.contains(&format!("input body {{urn:rpc}}Add: Add\n      {encoding}\n      {part}")),
        "{text}"
    );
}

#[test]
fn rpc_parts_of_types_that_derive() {
    let wsdl = "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/' xmlns:s='http://schemas.xmlsoap.org/wsdl/soap/' xmlns:x='http://www.w3.org/2001/XMLSchema' xmlns:t='urn:t' targetNamespace='urn:t'>
        <types><x:schema targetNamespace='urn:t'><x:complexType name='Base'/><x:complexType name='More'><x:complexContent><x:extension base='t:Base'/></x:complexContent></x:complexType></x:schema></types>
        <message name='I'><part name='n' type='x:int'/><part name='a' type='t:Base'/></message>
        <portType name='P'><operation name='Tell'><input message='t:I'/></operation></portType>
        <binding name='B' type='t:P'><s:binding style='rpc' transport='http://schemas.xmlsoap.org/soap/http'/>
        <operation name='Tell'><input><s:body use='literal' namespace='urn:rpc'/></input></operation></binding></definitions>";
    let text = describe(&contract(&[("s.wsdl", wsdl)]));
    let expected = "Tell\n      n       int   required\n      a       Base  choice 1\n      a_More  More  choice 1  as {urn:t}More\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn encoded_arrays() {
    let array = |content: &str| {
        format!(
            "<xs:element name='In' type='t:A'/><xs:complexType name='A'><xs:complexContent><xs:restriction xmlns:e='http://schemas.xmlsoap.org/soap/encoding/' xmlns:w='http://schemas.xmlsoap.org/wsdl/' base='e:Array'>{content}</xs:restriction></xs:complexContent></xs:complexType>"
        )
    };
    check(&array("<xs:attribute ref='e:arrayType' w:arrayType='xs:int[]'/>"), "    item  int  list, nil");
    check(
        &array("<xs:sequence><xs:element name='n' type='e:string' maxOccurs='unbounded'/></xs:sequence>"),
        "    n  string  list, nil",
    );
    check(&array(""), "    item           any  list, nil\n      (any other)");
    let several = format!(
        "{}<xs:element name='Out'/>",
        array("<xs:attribute ref='e:arrayType' w:arrayType='xs:int[][]'/>")
    );
    found(
        &[("s.wsdl", &service(&several))],
        &["error xsd/unsupported 3:325 arrays of arrays, and arrays of several dimensions, are not read"],
    );
}

#[test]
fn types_that_derive_stand_in_fields_of_their_own() {
    check(
        "<xs:element name='In'><xs:complexType><xs:sequence><xs:element name='v' type='t:Vehicle'/><xs:element name='cars' type='t:Car' maxOccurs='unbounded'/></xs:sequence></xs:complexType></xs:element>
         <xs:complexType name='Vehicle' abstract='true'><xs:sequence><xs:element name='id' type='xs:int'/></xs:sequence></xs:complexType>
         <xs:complexType name='Car'><xs:complexContent><xs:extension base='t:Vehicle'/></xs:complexContent></xs:complexType>
         <xs:complexType name='Van'><xs:complexContent><xs:extension base='t:Car'><xs:attribute name='load'/></xs:extension></xs:complexContent></xs:complexType>",
        "
    v_Car     Car     choice 1  as {urn:t}Car
      id      int     required
    v_Van     Van     choice 1  as {urn:t}Van
      load    string  optional  attribute
      id      int     required
    cars      Car     list
      id      int     required
    cars_Van  Van     list      as {urn:t}Van
      load    string  optional  attribute
      id      int     required",
    );
}

#[test]
fn what_cannot_be_written_is_said() {
    let text = service(
        "\n<xs:element name='In'><xs:complexType><xs:sequence>\n<xs:sequence maxOccurs='9'><xs:element name='a'/><xs:element name='b'/></xs:sequence>\n<xs:any/></xs:sequence></xs:complexType></xs:element><xs:element name='Out'/>",
    );
    found(
        &[("s.wsdl", &text)],
        &[
            "note xsd/unsupported 5:1 a group of several elements repeats: they are read as lists, and written one list after the other",
            "note xsd/unsupported 6:1 an element that the contract does not name must stand here, and none can be written",
        ],
    );
    let text = service(
        "\n<xs:element name='In'><xs:complexType><xs:attribute name='a b'/></xs:complexType></xs:element><xs:element name='Out'/>",
    );
    found(
        &[("s.wsdl", &text)],
        &["error xsd/invalid 4:59 `a b` is not a name that an element or attribute can have"],
    );
}

/// All findings as `severity code line:column message`.
#[track_caller]
fn found(files: &[(&str, &str)], expected: &[&str]) {
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let (checked, sources) = read(&files);
    let lines = checked.diagnostics.iter().map(|d| {
        let place = d
            .labels
            .first()
            .and_then(|l| sources.position(l.span))
            .map_or_else(String::new, |p| format!("{}:{}", p.line, p.column));
        let weight = match d.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        format!("{weight} {} {place} {}", d.code, d.message)
    });
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines, expected, "\n{}\n", lines.join("\n"));
}

#[test]
fn findings_come_all_at_once() {
    found(
        &[("s.wsdl", &service("
<xs:element name='In'><xs:complexType><xs:sequence>
<xs:element name='a' type='t:Gone'/>
<xs:element name='b' type='xs:strin'/>
<xs:element ref='t:Outt'/>
<xs:element name='c' type='nope:X' minOccurs='many'/>
<xs:element name='d'><xs:simpleType><xs:restriction base='xs:string'><xs:maxLength value='-1'/></xs:restriction></xs:simpleType></xs:element>
</xs:sequence></xs:complexType></xs:element>
<xs:simpletype name='Gone'/>
<xs:element name='Out' type='t:In'/>"))],
        &[
            "error xsd/unresolved 6:28 XML Schema has no type `strin`",
            "warning xsd/unresolved 7:18 the element `{urn:t}Outt` is not declared",
            "warning xsd/unresolved 8:28 the type `nope:X` is not declared",
            "error xsd/invalid 8:47 `minOccurs` is not a number",
            "error xsd/invalid 9:91 `maxLength` has a value that it cannot have",
            "warning xsd/invalid 11:1 XML Schema has no `simpletype`; `simpleType` is meant, it seems",
            "error xsd/invalid 11:1 a simple type is a restriction, a list or a union",
            "warning xsd/invalid 12:30 `{urn:t}In` is an element, not a type; its type is taken",
        ],
    );
    found(
        &[("s.wsdl", "<a>\n<b></a>")],
        &[
            "error xml/syntax 2:4 the XML is not well-formed: ill-formed document: expected `</b>`, but `</a>` was found",
        ],
    );
    found(
        &[("s.wsdl", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>")],
        &["error xml/refused 1:1 a document type (DOCTYPE) is refused"],
    );
    found(
        &[("s.wsdl", "<d xmlns='http://www.w3.org/ns/wsdl'/>")],
        &["error wsdl/unsupported 1:1 WSDL 2.0 is not read"],
    );
    found(
        &[("s.wsdl", "<schema xmlns='http://www.w3.org/2001/XMLSchema'/>")],
        &["error wsdl/unsupported 1:1 a schema by itself says nothing of operations"],
    );
    found(&[("s.wsdl", "<d/>")], &["error wsdl/invalid 1:1 `d` is not the root of a WSDL"]);
}

#[test]
fn sins_are_understood_and_said() {
    let known = "<xs:element name='Out' type='xs:int'/>";
    let check = |schema: &str, expected: &[&str]| {
        found(&[("s.wsdl", &service_with(&format!("\n{schema}\n{known}</xs:schema>"), ""))], expected);
    };
    check(
        "<xs:schema targetNamespace='urn:t'><xs:element name='In' type='Kind'/><xs:simpleType name='Kind'><xs:restriction base='string'/></xs:simpleType>",
        &[
            "warning xsd/unresolved 4:64 `Kind` has no prefix; `{urn:t}Kind` is meant, it seems",
            "warning xsd/unresolved 4:120 `string` has no prefix; `{http://www.w3.org/2001/XMLSchema}string` is meant, it seems",
        ],
    );
    check(
        "<xs:schema targetNamespace='urn:t'><xs:element name='In' type='xsd:int'/>",
        &[
            "warning xsd/unresolved 4:64 the prefix `xsd` is not declared; `{http://www.w3.org/2001/XMLSchema}int` is meant, it seems",
        ],
    );
    check(
        "<xs:schema targetNamespace='urn:t'><xs:element name='In'><xs:complexType><xsd:attribute name='a'/></xs:complexType></xs:element>",
        &[
            "warning xml/syntax 4:74 the prefix `xsd` is not declared; `http://www.w3.org/2001/XMLSchema` is meant, it seems",
        ],
    );
    check(
        "<xs:schema targetNamespace='urn:t' xmlns:xs='http://www.w3.org/1999/XMLSchema'><xs:element name='In' type='xs:int'/>",
        &["warning xsd/invalid 4:46 a draft of XML Schema; it is read as the recommendation of 2001"],
    );
}

#[test]
fn what_is_not_declared_is_missing_where_it_stands() {
    let text = service(
        "\n<xs:element name='In'><xs:complexType><xs:sequence><xs:element name='a' type='xs:int'/><xs:element name='b' type='t:Gone' minOccurs='0'/></xs:sequence></xs:complexType></xs:element>",
    );
    let c = contract(&[("s.wsdl", &text)]);
    let described = describe(&c);
    for line in ["a  int                  required", "b  Gone (not declared)  optional"] {
        assert!(described.contains(line), "{described}");
    }
    assert!(described.contains("output body {urn:t}Out: Out (not declared)"), "{described}");
    found(
        &[("s.wsdl", &text)],
        &[
            "warning xsd/unresolved 4:115 the type `{urn:t}Gone` is not declared",
            "warning xsd/unresolved 6:47 the element `{urn:t}Out` is not declared",
        ],
    );
    // Headers and faults are none of the operation's needs; an answer may be anything.
    let text = service_with(
        "<xs:schema targetNamespace='urn:t'><xs:element name='In'/><xs:element name='Session'/></xs:schema>",
        "<w:fault name='f' message='t:Gone'/>",
    )
    .replace("message='t:H'", "message='t:Nowhere'")
    .replace("<w:output message=\"t:O\"/>", "<w:output message=\"t:Lost\"/>");
    found(
        &[("s.wsdl", &text)],
        &[
            "warning wsdl/invalid 9:45 the answer of `Ask` is not described: the message `t:Lost` is not declared",
            "warning wsdl/invalid 9:81 a fault is left out: the message `t:Gone` is not declared",
            "warning wsdl/invalid 14:93 a header is left out: the message `t:Nowhere` is not declared",
        ],
    );
}

#[test]
fn a_port_type_without_a_binding() {
    let wsdl = "<w:definitions xmlns:w='http://schemas.xmlsoap.org/wsdl/' xmlns:x='http://www.w3.org/2001/XMLSchema' xmlns:t='urn:t' targetNamespace='urn:t'>
        <w:types><x:schema targetNamespace='urn:t'><x:element name='In' type='x:int'/></x:schema></w:types>
        <w:message name='M'><w:part name='p' element='t:In'/></w:message><w:portType name='P'><w:operation name='Ask'><w:input message='t:M'/></w:operation></w:portType></w:definitions>";
    let c = contract(&[("s.wsdl", wsdl)]);
    assert_eq!(path(&c, &operation(&c, "P/Ask").input, "body"), "Body/In");
    let what = "warning wsdl/invalid 3:74 no binding says how this port type travels; it is read as document/literal over SOAP 1.1";
    found(&[("s.wsdl", wsdl)], &[what]);
    found(
        &[("s.wsdl", &wsdl.replace("input", "output"))],
        &[
            what,
            "error wsdl/unsupported 3:95 the operation `Ask` is left out: it has no input, and Portolan only asks",
        ],
    );
}

#[test]
fn several_parts_in_one_body() {
    let schema = "<xs:schema targetNamespace='urn:t'><xs:element name='In' type='xs:int'/><xs:element name='Out' type='xs:int'/></xs:schema>";
    let several = |text: &str, name: &str| {
        let part = format!("<w:message name=\"{name}\"><w:part name=\"q\" type=\"xs:string\"/>");
        text.replace(&format!("<w:message name=\"{name}\">"), &part)
    };
    let text = several(&several(&service_with(schema, ""), "I"), "O");
    let c = contract(&[("s.wsdl", &text)]);
    let described = describe(&c);
    assert!(
        described.contains("Body\n      q   string  required\n      In  int     required"),
        "{described}"
    );
    let output = operation(&c, "S/P11/Ask").output.as_ref().expect("output");
    assert_eq!((path(&c, output, "body"), path(&c, output, "fault")), ("Body".into(), "Body/Fault".into()));
}

#[test]
fn imports_that_are_not_there() {
    let with = |types: &str| {
        service_with(
            &format!(
                "<xs:schema targetNamespace='urn:t' xmlns:u='urn:u'>\n<xs:import namespace='urn:u' schemaLocation='http://u/u.xsd'/>\n{types}</xs:schema>"
            ),
            "",
        )
    };
    let missing = "`http://u/u.xsd` is on the network; name a local copy of it: under `schemas:` in a mapping, by `--schema URL=FILE` on the command line";
    let plain = "<xs:element name='In' type='xs:int'/><xs:element name='Out'/>";
    found(&[("s.wsdl", &with(plain))], &[&format!("warning xsd/not-local 4:46 {missing}")]);
    let needed = "<xs:element name='In' type='u:X'/><xs:element name='Out'/>";
    found(
        &[("s.wsdl", &with(needed))],
        &[
            // One cause, one finding, which says what needs it.
            &format!("error xsd/not-local 4:46 {missing}"),
        ],
    );
    let (checked, sources) = read(&[("s.wsdl", with(needed).as_bytes())]);
    let label = &checked.diagnostics[0].labels[1];
    let place = sources.position(label.span).map(|p| (p.line, p.column));
    assert_eq!((place, &*label.text), (Some((5, 29)), "needed here"));
}

#[test]
fn the_namespace_of_xml_is_built_in() {
    for location in ["http://www.w3.org/2001/xml.xsd", "xml.xsd"] {
        let schema = format!(
            "<xs:schema targetNamespace='urn:t'>\n<xs:import namespace='http://www.w3.org/XML/1998/namespace' schemaLocation='{location}'/>\n\
             <xs:element name='In' type='t:Note'/><xs:element name='Out'/>\
             <xs:complexType name='Note'><xs:simpleContent><xs:extension base='xs:string'><xs:attribute ref='xml:lang'/><xs:attribute ref='xml:id'/></xs:extension></xs:simpleContent></xs:complexType></xs:schema>"
        );
        found(&[("s.wsdl", &service_with(&schema, ""))], &[]);
    }
}

#[test]
fn file_kinds() {
    let memory = Memory::new("")
        .with("a.xsd", "<x/>")
        .with("a.proto", "syntax = \"proto3\";")
        .with("a.wsdl", service("").as_str());
    let check = |name: &str, expected: Option<&str>| {
        let mut sources = Sources::default();
        let checked = read_file(name, &[], &mut Reading { resolver: &memory, sources: &mut sources });
        assert_eq!(checked.diagnostics.first().map(|d| d.code.0), expected, "{name}");
    };
    check("a.xsd", Some("wsdl/unsupported"));
    check("a.proto", None);
    check("a.wsdl", Some("xsd/unresolved"));
    check("gone.wsdl", Some("file/unreadable"));
}
