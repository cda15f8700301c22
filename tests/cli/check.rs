//! `portolan check`: everything that is wrong at once.

use crate::{folder, repository, snapshot};

const PROTO: &str = r#"syntax = "proto3";
package shop.v1;
service Shop { rpc Price(PriceRequest) returns (PriceReply); }
message PriceRequest { string article = 1; string currency = 2; }
message PriceReply { string amount = 1; }
"#;

const WSDL: &str = r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:shop" targetNamespace="urn:shop">
  <types>
    <x:schema targetNamespace="urn:shop" elementFormDefault="qualified">
      <x:element name="PriceQuery"><x:complexType><x:sequence>
        <x:element name="ArticleNumber" type="x:string"/>
        <x:element name="CurrencyCode" type="x:string"/>
      </x:sequence></x:complexType></x:element>
      <x:element name="PriceAnswer"><x:complexType><x:sequence>
        <x:element name="Amount" type="x:string"/>
      </x:sequence></x:complexType></x:element>
    </x:schema>
  </types>
  <message name="in"><part name="p" element="t:PriceQuery"/></message>
  <message name="out"><part name="p" element="t:PriceAnswer"/></message>
  <portType name="Shop"><operation name="Price"><input message="t:in"/><output message="t:out"/></operation></portType>
  <binding name="Shop" type="t:Shop">
    <s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Price"><s:operation soapAction=""/>
      <input><s:body use="literal"/></input><output><s:body use="literal"/></output></operation>
  </binding>
  <service name="Shop"><port name="Shop" binding="t:Shop"><s:address location="http://localhost/"/></port></service>
</definitions>
"#;

/// A mapping of the shop with this request body.
fn mapping(body: &str) -> String {
    format!(
        "route: shop.price
source: {{ grpc: {{ proto: shop.proto, method: shop.v1.Shop/Price }} }}
target: {{ soap: {{ system: shop, wsdl: shop.wsdl, operation: Price }} }}
request:
  body:
{body}response:
  body:
    amount: body.Amount
"
    )
}

const BROKEN: &str = "    ArticelNumber: article
    CurrencyCode: curency.upper(
";

#[test]
fn a_broken_mapping_is_told_what_is_wrong() {
    let mapping = mapping(BROKEN);
    let (_kept, folder) =
        folder(&[("m/shop.proto", PROTO), ("m/shop.wsdl", WSDL), ("m/price.yaml", &mapping)]);
    snapshot::check("check-broken", &folder, &["check", "m"]);
    snapshot::check("check-broken-json", &folder, &["check", "m", "--format", "json"]);
}

#[test]
fn mappings_are_held_against_each_other_and_the_configuration() {
    let mapping = mapping("    ArticleNumber: article\n    CurrencyCode: currency\n");
    let config =
        "routes: [ m ]\nsystems:\n  shopp: { soap: { endpoint: \"http://127.0.0.1:1/\" } }\nretain: 3d\n";
    let (_kept, folder) = folder(&[
        ("m/shop.proto", PROTO),
        ("m/shop.wsdl", WSDL),
        ("m/price.yaml", &mapping),
        ("m/again.yaml", &mapping),
        ("m/rival.yaml", &mapping.replace("route: shop.price", "route: shop.rival")),
        ("etc/portolan.yaml", &config.replace("[ m ]", "[ ../m ]")),
    ]);
    snapshot::check("check-sound", &folder, &["check", "m/price.yaml"]);
    snapshot::check("check-across", &folder, &["check", "--config", "etc/portolan.yaml"]);
    snapshot::check("serve-unsound", &folder, &["serve", "--config", "etc/portolan.yaml"]);
}

#[test]
fn a_route_asks_its_system_as_that_speaks() {
    let config =
        "routes: [ m/price.yaml ]\nsystems:\n  shop: { grpc: { address: \"http://127.0.0.1:1\" } }\n";
    let mapping = mapping("    ArticleNumber: article\n    CurrencyCode: currency\n");
    let (_kept, folder) = folder(&[
        ("m/shop.proto", PROTO),
        ("m/shop.wsdl", WSDL),
        ("m/price.yaml", &mapping),
        ("portolan.yaml", config),
    ]);
    snapshot::check("check-other-protocol", &folder, &["check", "--config", "portolan.yaml"]);
}

#[test]
fn what_is_opened_to_strangers_is_fit_for_them() {
    let mapping = mapping("    ArticleNumber: article\n    CurrencyCode: currency\n");
    let mapping = mapping.replace("request:\n", "delivery: { mode: direct }\nrequest:\n");
    let config = "routes: [ m ]
queue: { url: \"amqps://shop@rabbit.example/shop\", ingress: [ shop.price, shop.prise ], events: [ shop.price ] }
ledger: \"sqlite:ledger.db\"
systems: { shop: { soap: { endpoint: \"http://127.0.0.1:1/\" } } }
";
    let (_kept, folder) = folder(&[
        ("m/shop.proto", PROTO),
        ("m/shop.wsdl", WSDL),
        ("m/price.yaml", &mapping),
        ("portolan.yaml", config),
    ]);
    snapshot::check("check-strangers", &folder, &["check"]);
}

#[test]
fn what_has_one_cure_is_cured() {
    let broken = mapping("    ArticelNumber: article # the number\n    CurrencyCode: { const: 01 }\n")
        .replace("amount: body.Amount", "amount: body.Amonut");
    let (_kept, folder) =
        folder(&[("m/shop.proto", PROTO), ("m/shop.wsdl", WSDL), ("m/price.yaml", &broken)]);
    snapshot::check("check-curable-json", &folder, &["check", "m", "--format", "json"]);
    snapshot::check("check-fix", &folder, &["check", "m", "--fix"]);
    let text = std::fs::read_to_string(folder.join("m/price.yaml")).unwrap();
    let cured = broken.replace("ArticelNumber", "ArticleNumber").replace("01", "\"01\"");
    assert_eq!(text, cured.replace("Amonut", "Amount"));
    let files = std::fs::read_dir(folder.join("m")).unwrap().count();
    assert_eq!(files, 3, "nothing is left beside the files");
    // What was cured once is sound, and a second run changes nothing.
    snapshot::check("check-fix-again", &folder, &["check", "m", "--fix"]);
}

#[test]
fn findings_are_explained() {
    let (_kept, folder) = folder(&[]);
    snapshot::check("explain", &folder, &["explain"]);
    snapshot::check("explain-code", &folder, &["explain", "map/unknown-table"]);
    snapshot::check("explain-near", &folder, &["explain", "unknown-paht"]);
    snapshot::check("explain-unknown", &folder, &["explain", "E0308"]);
}

#[test]
fn the_examples_are_sound() {
    snapshot::check("check-examples", repository(), &["check", "mappings"]);
}

#[test]
fn no_file_is_passed_over() {
    let sound = mapping("    ArticleNumber: article\n    CurrencyCode: currency\n");
    let (_kept, folder) = folder(&[
        ("m/shop.proto", PROTO),
        ("m/shop.wsdl", WSDL),
        ("m/price.yaml", &sound),
        ("m/answers.yaml", "- operation: Price\n  fault: { code: Server, reason: busy }\n"),
        ("m/portolan.yaml", "routes: [ . ]\n"),
        ("m/comment.yaml", "# to be written\n"),
        ("m/other.yaml", "services: {}\n"),
        ("m/unread.yaml", "a: [\n"),
        (
            "portolan.yaml",
            "routes: [ m, ./m ]\nsystems: { shop: { soap: { endpoint: \"http://127.0.0.1:1/\" } } }\n",
        ),
    ]);
    snapshot::check("check-files", &folder, &["check"]);
}

/// The secrets are not there, and nothing else is missing.
#[test]
fn the_deployment_of_several_gateways_is_sound() {
    let text = std::fs::read_to_string(repository().join("deployments/compose/portolan.yaml")).unwrap();
    let mappings = repository().join("mappings");
    let text = text.replace("/run/secrets/", "").replace("mappings", mappings.to_str().unwrap());
    let (_kept, folder) = folder(&[("portolan.yaml", &text), ("rabbit", "x"), ("ledger", "y")]);
    snapshot::check("check-several-gateways", &folder, &["check", "--config", "portolan.yaml"]);
}
