//! Mappings onto types that derive from one another, and onto SOAP encoding: what is written says its type, what is
//! read is told apart by it; what the contract does not declare is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use portolan_diagnostics::{Severity, Sources};
use portolan_mapping::{
    compile::CompiledRoute,
    load::{Standing, load},
    run::{Context, Environment, ReplyOutcome, Scratch},
};
use portolan_schema::Memory;
use prost::Message;

const PROTO: &str = r#"
syntax = "proto3";
package t;
service S { rpc Ask(In) returns (Out); }
message In { string plate = 1; optional int32 load = 2; }
message Out { repeated Vehicle vehicles = 1; repeated int32 years = 2; }
message Vehicle { string plate = 1; int32 load = 2; }
"#;

fn wsdl(using: &str) -> String {
    wsdl_with(using, "")
}

fn wsdl_with(using: &str, more: &str) -> String {
    format!(
        r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t">
<types><xs:schema targetNamespace="urn:t">
 <xs:complexType name="Question"><xs:sequence><xs:element name="vehicle" type="t:Vehicle"/>{more}</xs:sequence></xs:complexType>
 <xs:complexType name="Answer"><xs:sequence><xs:element name="vehicle" type="t:Vehicle" minOccurs="0" maxOccurs="unbounded"/><xs:element name="years" type="t:Years" minOccurs="0"/></xs:sequence></xs:complexType>
 <xs:complexType name="Vehicle" abstract="true"><xs:sequence><xs:element name="plate" type="xs:string"/></xs:sequence></xs:complexType>
 <xs:complexType name="Car"><xs:complexContent><xs:extension base="t:Vehicle"/></xs:complexContent></xs:complexType>
 <xs:complexType name="Van"><xs:complexContent><xs:extension base="t:Vehicle"><xs:sequence><xs:element name="load" type="xs:int"/></xs:sequence><xs:attribute name="axles" type="xs:int"/></xs:extension></xs:complexContent></xs:complexType>
 <xs:complexType name="Years"><xs:complexContent><xs:restriction base="e:Array"><xs:attribute ref="e:arrayType" w:arrayType="xs:int[]"/></xs:restriction></xs:complexContent></xs:complexType>
</xs:schema></types>
<message name="I"><part name="q" type="t:Question"/></message><message name="O"><part name="a" type="t:Answer"/></message>
<portType name="P"><operation name="Ask"><input message="t:I"/><output message="t:O"/></operation></portType>
<binding name="B" type="t:P"><s:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>
<operation name="Ask"><input><s:body {using} namespace="urn:t"/></input><output><s:body {using} namespace="urn:t"/></output></operation></binding></definitions>"#
    )
}

const ENCODED: &str = r#"use="encoded" encodingStyle="http://schemas.xmlsoap.org/soap/encoding/""#;

const MAPPING: &str = r#"
route: t.ask
source: { grpc: { proto: t.proto, method: t.S/Ask } }
target: { soap: { system: legacy, wsdl: t.wsdl, operation: Ask } }
delivery: { mode: request-reply, timeout: 5s }
request:
  body:
    q:
      vehicle_Car: { cases: [ { when: "!has(load)", map: { plate: plate } }, { otherwise: { absent: true } } ] }
      vehicle_Van: { cases: [ { when: has(load), map: { axles: { const: "2" }, plate: plate, load: load } }, { otherwise: { absent: true } } ] }
response:
  from: body.a
  body:
    vehicles: { each: v in vehicle_Van, map: { plate: v.plate, load: v.load } }
    years: years.item
  ignore: [ body.a.vehicle_Car, body.a.vehicle_Van.axles ]
"#;

#[derive(Clone, PartialEq, prost::Message)]
struct In {
    #[prost(string, tag = "1")]
    plate: String,
    #[prost(int32, optional, tag = "2")]
    load: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Out {
    #[prost(message, repeated, tag = "1")]
    vehicles: Vec<Vehicle>,
    #[prost(int32, repeated, tag = "2")]
    years: Vec<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Vehicle {
    #[prost(string, tag = "1")]
    plate: String,
    #[prost(int32, tag = "2")]
    load: i32,
}

/// The findings of a mapping.
fn findings(wsdl: &str, mapping: &str) -> Vec<String> {
    let files = Memory::default().with("m.yaml", mapping).with("t.proto", PROTO).with("t.wsdl", wsdl);
    let checked = load("m.yaml", &files, &mut Sources::default(), &Standing::default());
    let found = checked.diagnostics.into_iter().filter(|d| d.severity != Severity::Note);
    found.map(|d| d.message).collect()
}

fn route() -> CompiledRoute {
    let files =
        Memory::default().with("m.yaml", MAPPING).with("t.proto", PROTO).with("t.wsdl", wsdl(ENCODED));
    let checked = load("m.yaml", &files, &mut Sources::default(), &Standing::default());
    checked.value.unwrap().first().unwrap().compile()
}

fn environment(original: Option<&[u8]>) -> Environment<'_> {
    let received = jiff::Timestamp::UNIX_EPOCH;
    let context = Context {
        message_id: "m",
        route: "r",
        caller: None,
        received,
        attempt: 1,
        request_id: None,
        sequence: None,
    };
    Environment { context, metadata: &[], original }
}

#[test]
fn the_type_is_said() {
    assert_eq!(findings(&wsdl(ENCODED), MAPPING), [] as [&str; 0]);
    let plan = route().request;
    let check = |message: &In, expected: &str| {
        let mut out = Vec::new();
        plan.run(&message.encode_to_vec(), &environment(None), &mut Scratch::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (_, inner) = text.split_once("<q ").unwrap();
        assert_eq!(inner.split_once("</q>").unwrap().0, expected);
        let encoding = r#"<n2:Ask soapenv:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">"#;
        assert!(text.contains(encoding), "{text}");
    };
    check(
        &In { plate: "A1".to_owned(), load: None },
        r#"xsi:type="n2:Question"><vehicle xsi:type="n2:Car"><plate>A1</plate></vehicle>"#,
    );
    check(
        &In { plate: "A1".to_owned(), load: Some(7) },
        r#"xsi:type="n2:Question"><vehicle xsi:type="n2:Van" axles="2"><plate>A1</plate><load>7</load></vehicle>"#,
    );
}

#[test]
fn the_type_is_read() {
    let body = r##"<t:AskResponse xmlns:t="urn:t"><a href="#a"/></t:AskResponse><multiRef id="a">
<vehicle i:type="o:Car" xmlns:o="urn:t"><plate>C</plate></vehicle><vehicle href="#v"/><years i:type="e:Array" e:arrayType="x:int[2]"><i>1</i><i>2</i></years></multiRef>
<multiRef id="v" i:type="o:Van" xmlns:o="urn:t"><plate>V</plate><load>7</load></multiRef>"##;
    let reply = format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" xmlns:x="http://www.w3.org/2001/XMLSchema"><s:Body>{body}</s:Body></s:Envelope>"#
    );
    let mut out = Vec::new();
    let original = In::default().encode_to_vec();
    let outcome =
        route().reply.run(reply.as_bytes(), &environment(Some(&original)), &mut Scratch::default(), &mut out);
    assert!(matches!(outcome, Ok(ReplyOutcome::Written)), "{outcome:?}");
    let van = Vehicle { plate: "V".to_owned(), load: 7 };
    assert_eq!(Out::decode(&*out).unwrap(), Out { vehicles: vec![van], years: vec![1, 2] });
}

#[test]
fn what_is_not_declared_is_not_mapped() {
    let fill = |rule: &str| MAPPING.replace("    q:\n", &format!("    q:\n      {rule}\n"));
    let odd = r#"<xs:element name="odd" type="t:Odd" minOccurs="0"/>"#;
    let undeclared = "the type `{urn:t}Odd` is not declared";
    assert_eq!(
        findings(&wsdl_with(ENCODED, odd), &fill("odd: { x: plate }")),
        [undeclared, "what `odd` holds is not declared in the contract"]
    );
    assert_eq!(findings(&wsdl_with(ENCODED, odd), MAPPING), [undeclared]);
}
