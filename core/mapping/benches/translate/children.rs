//! A list of ten thousand children, both ways: the mapping as it would be written, and the loops that a team would write.

use portolan_diagnostics::Sources;
use portolan_mapping::{
    compile::CompiledRoute,
    load::{Standing, load},
};
use portolan_schema::Memory;
use quick_xml::{Reader, events::Event};

/// Children of a message.
pub const CHILDREN: usize = 10_000;

const PROTO: &str = r#"
syntax = "proto3";
package t;
service S { rpc Put(Family) returns (Family); }
message Family { repeated Child children = 1; }
message Child { string code = 1; string name = 2; int64 born = 3; }
"#;

const WSDL: &str = r#"<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t">
<w:types><xs:schema targetNamespace="urn:t" elementFormDefault="qualified">
 <xs:complexType name="Family"><xs:sequence>
  <xs:element name="Child" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>
   <xs:element name="Code" type="xs:string"/><xs:element name="Name" type="xs:string"/><xs:element name="Born" type="xs:int"/>
  </xs:sequence></xs:complexType></xs:element>
 </xs:sequence></xs:complexType>
 <xs:element name="Put" type="t:Family"/><xs:element name="PutResponse" type="t:Family"/>
</xs:schema></w:types>
<w:message name="I"><w:part name="p" element="t:Put"/></w:message>
<w:message name="O"><w:part name="p" element="t:PutResponse"/></w:message>
<w:portType name="P"><w:operation name="Put"><w:input message="t:I"/><w:output message="t:O"/></w:operation></w:portType>
<w:binding name="B" type="t:P"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
 <w:operation name="Put"><s:operation soapAction="urn:put"/><w:input><s:body use="literal"/></w:input>
 <w:output><s:body use="literal"/></w:output></w:operation></w:binding>
<w:service name="S"><w:port name="P11" binding="t:B"><s:address location="http://a/"/></w:port></w:service>
</w:definitions>"#;

const MAPPING: &str = r#"
route: t.put
source: { grpc: { proto: t.proto, method: t.S/Put } }
target: { soap: { system: legacy, wsdl: t.wsdl, operation: Put } }
delivery: { mode: request-reply, timeout: 5s }
request:
  body: { Child: { each: c in children, map: { Code: c.code, Name: c.name, Born: c.born } } }
response:
  from: body
  body: { children: { each: c in Child, map: { code: c.Code, name: c.Name, born: c.Born } } }
"#;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Family {
    #[prost(message, repeated, tag = "1")]
    pub children: Vec<Child>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Child {
    #[prost(string, tag = "1")]
    pub code: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(int64, tag = "3")]
    pub born: i64,
}

/// The mapping, compiled.
pub fn route() -> CompiledRoute {
    let files = Memory::default().with("m.yaml", MAPPING).with("t.proto", PROTO).with("t.wsdl", WSDL);
    let loaded = load("m.yaml", &files, &mut Sources::default(), &Standing::default());
    loaded.value.unwrap().remove(0).compile()
}

/// The message.
pub fn family() -> Family {
    let child =
        |n: usize| Child { code: format!("3800108{n:04}"), name: format!("Mari & Jüri {n}"), born: 1980 };
    Family { children: (0..CHILDREN).map(child).collect() }
}

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><n:"#;

/// By hand: the envelope with this element.
pub fn write(family: &Family, element: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(family.children.len() * 100);
    out.extend_from_slice(HEAD.as_bytes());
    out.extend_from_slice(element.as_bytes());
    out.extend_from_slice(b" xmlns:n=\"urn:t\">");
    let mut number = itoa::Buffer::new();
    for child in &family.children {
        out.extend_from_slice(b"<n:Child><n:Code>");
        super::hand_written::esc(&mut out, &child.code);
        out.extend_from_slice(b"</n:Code><n:Name>");
        super::hand_written::esc(&mut out, &child.name);
        out.extend_from_slice(b"</n:Name><n:Born>");
        out.extend_from_slice(number.format(child.born).as_bytes());
        out.extend_from_slice(b"</n:Born></n:Child>");
    }
    out.extend_from_slice(b"</n:");
    out.extend_from_slice(element.as_bytes());
    out.extend_from_slice(b"></e:Body></e:Envelope>");
    out
}

/// By hand: what stands in the envelope.
pub fn read(xml: &str) -> Family {
    let mut reader = Reader::from_str(xml);
    let (mut family, mut text) = (Family::default(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                text.clear();
                if start.local_name().as_ref() == "Child" {
                    family.children.push(Child::default());
                }
            }
            Event::Text(part) => text.push_str(&part),
            Event::GeneralRef(entity) => super::hand_written::ent(&mut text, &entity),
            Event::End(end) => {
                if let Some(child) = family.children.last_mut() {
                    match end.local_name().as_ref() {
                        "Code" => child.code = std::mem::take(&mut text),
                        "Name" => child.name = std::mem::take(&mut text),
                        "Born" => child.born = text.parse().unwrap(),
                        _ => {}
                    }
                }
            }
            Event::Eof => return family,
            _ => {}
        }
    }
}
