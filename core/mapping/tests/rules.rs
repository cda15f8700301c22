//! What a `.proto` demands by its options is demanded of requests before anything is sent, and of what is said to the caller.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use portolan_diagnostics::Sources;
use portolan_mapping::{
    compile::CompiledRoute,
    load::{Standing, load},
    run::{Context, Environment, ReplyOutcome, Scratch},
};
use portolan_schema::Memory;
use prost_reflect::{DescriptorPool, DynamicMessage, prost::Message as _};

const WSDL: &str = r#"<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t">
<w:types><xs:schema targetNamespace="urn:t" elementFormDefault="qualified">
 <xs:element name="In"><xs:complexType><xs:sequence><xs:element name="A" type="xs:string" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
 <xs:element name="Out"><xs:complexType><xs:sequence>
  <xs:element name="B" type="xs:string" minOccurs="0"/><xs:element name="N" type="xs:int" minOccurs="0"/>
  <xs:element name="L" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
 </xs:sequence></xs:complexType></xs:element>
</xs:schema></w:types>
<w:message name="I"><w:part name="p" element="t:In"/></w:message>
<w:message name="O"><w:part name="p" element="t:Out"/></w:message>
<w:portType name="P"><w:operation name="Ask"><w:input message="t:I"/><w:output message="t:O"/></w:operation></w:portType>
<w:binding name="B" type="t:P"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
 <w:operation name="Ask"><s:operation soapAction="urn:ask"/><w:input><s:body use="literal"/></w:input><w:output><s:body use="literal"/></w:output></w:operation></w:binding>
<w:service name="S"><w:port name="P11" binding="t:B"><s:address location="http://a/"/></w:port></w:service>
</w:definitions>"#;

const PROTO: &str = r#"
syntax = "proto3";
package t;
import "buf/validate/validate.proto";
import "google/api/field_behavior.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
service S { rpc Ask(In) returns (Out); }
enum E { E_UNSPECIFIED = 0; ONE = 1; TWO = 2; }
message Inner { string x = 1 [(buf.validate.field).string.min_len = 1]; Inner more = 2; }
message In { string a = 1; @request }
message Out { @reply }
"#;

const MAPPING: &str = r#"
route: t.ask
source: { grpc: { proto: t.proto, method: t.S/Ask } }
target: { soap: { system: legacy, wsdl: t.wsdl, operation: Ask } }
delivery: { mode: request-reply, timeout: 5s }
request:
  body: { A: a }
response:
  from: body
  body: { REPLY }
"#;

struct Loaded {
    route: Option<CompiledRoute>,
    pool: Option<DescriptorPool>,
    findings: Vec<String>,
}

fn loaded(request: &str, reply: &str, rules: &str) -> Loaded {
    let proto = PROTO.replace("@request", request).replace("@reply", reply);
    let proto = proto.as_str();
    let mapping = MAPPING.replace("REPLY", rules);
    let files = Memory::default().with("m.yaml", mapping).with("t.proto", proto).with("t.wsdl", WSDL);
    let checked = load("m.yaml", &files, &mut Sources::default(), &Standing::default());
    let findings = checked.diagnostics.iter().map(|d| format!("{}: {}", d.code, d.message)).collect();
    let routes = checked.value.unwrap_or_default();
    let route = routes.first();
    let pool = route.and_then(|r| DescriptorPool::decode(r.source.descriptor_set.as_deref()?).ok());
    Loaded { route: route.map(|r| r.compile()), pool, findings }
}

fn environment(original: Option<&[u8]>) -> Environment<'_> {
    let context = Context {
        message_id: "m",
        route: "r",
        caller: None,
        received: jiff::Timestamp::UNIX_EPOCH,
        attempt: 1,
        request_id: None,
        sequence: None,
    };
    Environment { context, metadata: &[], original }
}

/// What is said of a request, in protobuf's text format; empty where it is taken.
#[track_caller]
fn asked(declared: &str, message: &str) -> String {
    let loaded = loaded(declared, "string b = 1;", "b: B");
    let (Some(route), Some(pool)) = (loaded.route, loaded.pool) else { panic!("{:#?}", loaded.findings) };
    let descriptor = pool.get_message_by_name("t.In").unwrap();
    let message = DynamicMessage::parse_text_format(descriptor, message).unwrap().encode_to_vec();
    let mut out = Vec::new();
    let outcome = route.request.run(&message, &environment(None), &mut Scratch::default(), &mut out);
    match outcome {
        Ok(()) => String::new(),
        Err(error) => {
            assert!(out.is_empty());
            assert_eq!(error.source_path().is_some(), error.to_string().starts_with('`'), "{error}");
            error.to_string()
        }
    }
}

#[test]
fn each_rule_of_a_value() {
    for (field, rule, taken, refused, why) in [
        ("string", "string.min_len = 2", "'äö'", "'ä'", "is too short"),
        ("string", "string.max_len = 2", "'äö'", "'äöü'", "is too long"),
        ("string", "string.len = 2", "'äö'", "'äöü'", "is too long"),
        ("string", "string.min_bytes = 3", "'äö'", "'ä'", "is too short"),
        ("string", "string.max_bytes = 3", "'ä'", "'äö'", "is too long"),
        ("string", "string.len_bytes = 2", "'ä'", "'a'", "is too short"),
        ("string", "string.pattern = '^[0-9]+$'", "'12'", "'1x'", "does not match the pattern of its type"),
        ("string", "string.pattern = '[0-9]'", "'x1y'", "'xy'", "does not match the pattern of its type"),
        ("string", "string.prefix = 'x.'", "'x.1'", "'xy'", "does not match the pattern of its type"),
        ("string", "string.suffix = '.x'", "'1.x'", "'yx'", "does not match the pattern of its type"),
        ("string", "string.contains = '.'", "'a.b'", "'ab'", "does not match the pattern of its type"),
        ("string", "string.not_contains = '.'", "'ab'", "'a.b'", "does not match the pattern of its type"),
        ("string", "string.const = 'a'", "'a'", "'b'", "is not one of the values that its type lists"),
        (
            "string",
            "string = { in: ['a', 'b'] }",
            "'b'",
            "'c'",
            "is not one of the values that its type lists",
        ),
        (
            "string",
            "string = { not_in: ['a', 'b'] }",
            "'c'",
            "'a'",
            "is one of those that its contract forbids",
        ),
        ("string", "string.email = true", "'a@b.ee'", "'a.b.ee'", "does not match the pattern of its type"),
        (
            "string",
            "string.uuid = true",
            "'123e4567-e89b-12d3-a456-426614174000'",
            "'123e4567'",
            "does not match the pattern of its type",
        ),
        (
            "string",
            "string.ipv4 = true",
            "'10.0.0.255'",
            "'10.0.0.256'",
            "does not match the pattern of its type",
        ),
        ("bytes", "bytes.min_len = 2", "'ab'", "'a'", "is too short"),
        ("bytes", "bytes.max_len = 2", "'ab'", "'abc'", "is too long"),
        ("bytes", "bytes.len = 2", "'ab'", "'abc'", "is too long"),
        ("bytes", "bytes.ipv4 = true", "'abcd'", "'abc'", "is too short"),
        ("int32", "int32 = { gt: 1, lte: 3 }", "3", "1", "is outside the bounds of its type"),
        ("sint64", "sint64 = { gte: -1, lt: 3 }", "-1", "3", "is outside the bounds of its type"),
        ("int32", "int32 = { gt: 10, lt: 1 }", "0", "5", "is outside the bounds of its type"),
        (
            "uint64",
            "uint64.const = 18446744073709551615",
            "18446744073709551615",
            "1",
            "is not one of the values that its type lists",
        ),
        ("fixed32", "fixed32 = { in: [1, 2] }", "2", "3", "is not one of the values that its type lists"),
        ("int64", "int64 = { not_in: [1, 2] }", "3", "2", "is one of those that its contract forbids"),
        ("double", "double.lt = 0.5", "0.25", "0.5", "is outside the bounds of its type"),
        ("double", "double.gt = 0.5", "1", "nan", "is outside the bounds of its type"),
        ("float", "float.finite = true", "1.5", "inf", "is outside the bounds of its type"),
        ("float", "float.const = 0.1", "0.1", "0.2", "is not one of the values that its type lists"),
        ("bool", "bool.const = true", "true", "false", "is not one of the values that its type lists"),
        ("E", "enum = { in: [1] }", "ONE", "TWO", "is not one of the values that its type lists"),
        ("E", "enum = { not_in: [0] }", "TWO", "E_UNSPECIFIED", "is one of those that its contract forbids"),
        ("E", "enum.const = 2", "TWO", "ONE", "is not one of the values that its type lists"),
        ("E", "enum.defined_only = true", "TWO", "7", "is not one of the values that its type lists"),
        (
            "google.protobuf.StringValue",
            "string.max_len = 1",
            "{ value: 'a' }",
            "{ value: 'ab' }",
            "is too long",
        ),
        (
            "google.protobuf.Int32Value",
            "int32.gt = 1",
            "{ value: 2 }",
            "{ value: 1 }",
            "is outside the bounds of its type",
        ),
        (
            "google.protobuf.Timestamp",
            "timestamp.lt = { seconds: 100 }",
            "{ seconds: 99 nanos: 5 }",
            "{ seconds: 100 }",
            "is outside the bounds of its type",
        ),
        (
            "google.protobuf.Duration",
            "duration.gte = { seconds: 1 nanos: 500000000 }",
            "{ seconds: 2 }",
            "{ seconds: 1 }",
            "is outside the bounds of its type",
        ),
    ] {
        let declared = format!("{field} f = 2 [(buf.validate.field).{rule}];");
        assert_eq!(asked(&declared, &format!("f: {taken}")), "", "{declared} {taken}");
        assert_eq!(asked(&declared, &format!("f: {refused}")), format!("`f`: the value {why}"), "{declared}");
    }
}

#[test]
fn what_must_be_set() {
    let missing = "`f`: it is required and not set";
    for (declared, message, expected) in [
        ("string f = 2 [(buf.validate.field).required = true];", "", missing),
        ("string f = 2 [(buf.validate.field).required = true];", "f: 'x'", ""),
        ("int32 f = 2 [(google.api.field_behavior) = REQUIRED];", "f: 0", missing),
        ("optional int32 f = 2 [(google.api.field_behavior) = REQUIRED];", "f: 0", ""),
        ("optional int32 f = 2 [(google.api.field_behavior) = REQUIRED];", "", missing),
        ("Inner f = 2 [(google.api.field_behavior) = REQUIRED];", "", missing),
        ("repeated string f = 2 [(google.api.field_behavior) = REQUIRED];", "", missing),
        // Callers do not fill it.
        (
            "string f = 2 [(google.api.field_behavior) = REQUIRED, (google.api.field_behavior) = OUTPUT_ONLY];",
            "",
            "",
        ),
        // Zero without presence is tested; what has presence only where it is set.
        ("string f = 2 [(buf.validate.field).string.min_len = 1];", "", "`f`: the value is too short"),
        ("optional string f = 2 [(buf.validate.field).string.min_len = 1];", "", ""),
        (
            "optional string f = 2 [(buf.validate.field).string.min_len = 1];",
            "f: ''",
            "`f`: the value is too short",
        ),
        (
            "string f = 2 [(buf.validate.field) = { ignore: IGNORE_IF_ZERO_VALUE, string: { min_len: 2 } }];",
            "",
            "",
        ),
        ("string f = 2 [(buf.validate.field) = { ignore: IGNORE_ALWAYS, required: true }];", "", ""),
        ("Inner f = 2 [(buf.validate.field).ignore = IGNORE_ALWAYS];", "f: {}", ""),
        ("oneof o { string f = 2 [(buf.validate.field).string.min_len = 1]; string g = 3; }", "g: 'x'", ""),
        (
            "oneof o { option (buf.validate.oneof).required = true; string f = 2; string g = 3; }",
            "",
            "one of `f`, `g` must be set",
        ),
        ("oneof o { option (buf.validate.oneof).required = true; string f = 2; string g = 3; }", "g: ''", ""),
        (
            "option (buf.validate.message).oneof = { fields: ['f', 'g'], required: true }; string f = 2; string g = 3;",
            "",
            "one of `f`, `g` must be set",
        ),
        (
            "option (buf.validate.message).oneof = { fields: ['f', 'g'] }; string f = 2; string g = 3;",
            "f: 'x' g: 'y'",
            "no more than one of `f`, `g` may be set",
        ),
    ] {
        assert_eq!(asked(declared, message), expected, "{declared} {message}");
    }
}

#[test]
fn lists_maps_and_what_lies_below() {
    for (declared, message, expected) in [
        (
            "repeated string f = 2 [(buf.validate.field).repeated.min_items = 2];",
            "f: 'a'",
            "`f`: there are fewer than 2 items",
        ),
        (
            "repeated int32 f = 2 [(buf.validate.field).repeated.max_items = 1];",
            "f: [1, 2]",
            "`f`: there are more than 1 items",
        ),
        (
            "repeated int32 f = 2 [(buf.validate.field).repeated.unique = true];",
            "f: [1, 2, 1]",
            "`f`: an item stands there more than once",
        ),
        ("repeated string f = 2 [(buf.validate.field).repeated.unique = true];", "f: ['a', 'b']", ""),
        (
            "repeated string f = 2 [(buf.validate.field).repeated.items.string.max_len = 1];",
            "f: ['a', 'bc']",
            "`f[1]`: the value is too long",
        ),
        (
            "repeated int32 f = 2 [(buf.validate.field).repeated.items.int32.gt = 0];",
            "f: [1, 0]",
            "`f[1]`: the value is outside the bounds of its type",
        ),
        (
            "repeated Inner f = 2;",
            "f: [{ x: 'a' }, { x: 'a' more: {} }]",
            "`f[1].more.x`: the value is too short",
        ),
        ("Inner f = 2;", "f: { x: 'a' }", ""),
        ("Inner f = 2;", "", ""),
        ("map<string, Inner> f = 2;", "f: { key: 'k' value: {} }", "`f.value.x`: the value is too short"),
        (
            "map<string, int32> f = 2 [(buf.validate.field).map.keys.string.max_len = 1];",
            "f: { key: 'kk' value: 1 }",
            "`f.key`: the value is too long",
        ),
        (
            "map<string, int32> f = 2 [(buf.validate.field).map.values.int32.gt = 1];",
            "f: { key: 'k' value: 1 }",
            "`f.value`: the value is outside the bounds of its type",
        ),
        (
            "map<string, int32> f = 2 [(buf.validate.field).map.max_pairs = 1];",
            "f: { key: 'k' value: 1 } f: { key: 'l' value: 1 }",
            "`f`: there are more than 1 items",
        ),
    ] {
        assert_eq!(asked(declared, message), expected, "{declared} {message}");
    }
}

/// What is said of a reply of the system; empty where the caller gets it.
#[track_caller]
fn answered(declared: &str, rules: &str, reply: &str) -> String {
    let loaded = loaded("", declared, rules);
    let Some(route) = loaded.route else { panic!("{:#?}", loaded.findings) };
    let input = format!(
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns='urn:t'><s:Body><Out>{reply}</Out></s:Body></s:Envelope>"
    );
    let mut out = Vec::new();
    match route.reply.run(input.as_bytes(), &environment(Some(&[])), &mut Scratch::default(), &mut out) {
        Ok(ReplyOutcome::Written) => String::new(),
        Ok(other) => panic!("{other:?}"),
        Err(error) => {
            assert!(out.is_empty());
            error.to_string()
        }
    }
}

#[test]
fn what_is_said_to_the_caller_keeps_the_rules() {
    let broken = |what: &str| format!("what was written breaks a rule of its contract: {what}");
    let short = "string b = 1 [(buf.validate.field).string = { min_len: 1, max_len: 2 }];";
    assert_eq!(answered(short, "b: B", "<B>ab</B>"), "");
    assert_eq!(answered(short, "b: B", "<B>abc</B>"), broken("`b`: the value is too long"));
    assert_eq!(answered(short, "b: B", ""), broken("`b`: the value is too short"));
    let listed = "repeated string b = 1 [(buf.validate.field).repeated.unique = true];";
    assert_eq!(answered(listed, "b: L", "<L>a</L><L>b</L>"), "");
    assert_eq!(
        answered(listed, "b: L", "<L>a</L><L>a</L>"),
        broken("`b`: an item stands there more than once")
    );
    let required = "string b = 1 [(buf.validate.field).required = true];";
    let defaulted = "b: \"default(B, '')\"";
    assert_eq!(answered(required, defaulted, "<B>a</B>"), "");
    assert_eq!(answered(required, defaulted, ""), broken("`b`: it is required and not set"));
}

#[test]
fn check_knows_the_rules() {
    let findings = |request: &str, reply: &str, rules: &str| loaded(request, reply, rules).findings;
    let unused = "map/source-unused: nothing reads these fields of the request: f";
    let ones = |found: Vec<String>| found.into_iter().filter(|f| !f.contains("of `Out`")).collect::<Vec<_>>();
    assert_eq!(
        ones(findings("string f = 2;", "string b = 1;", "b: B")),
        [unused, "map/source-unused: nothing reads these fields of `body`: N, L"]
    );
    let rest = "map/source-unused: nothing reads these fields of `body`: N, L";
    assert_eq!(
        ones(findings("string f = 2 [(google.api.field_behavior) = OUTPUT_ONLY];", "string b = 1;", "b: B")),
        [rest]
    );
    assert_eq!(
        ones(findings("", "string b = 1; string c = 2 [(google.api.field_behavior) = INPUT_ONLY];", "b: B")),
        [rest]
    );
    for (reply, rules, expected) in [
        (
            "string b = 1; string c = 2 [(google.api.field_behavior) = REQUIRED];",
            "b: B",
            "map/required-unmapped: `body` needs `c`",
        ),
        (
            "string b = 1 [(buf.validate.field).string.max_len = 2];",
            "b: { const: abc }",
            "map/never-fits: this never fits `b`: `abc` has 3 characters, and at most 2 fit",
        ),
        (
            "string b = 1 [(buf.validate.field).string = { in: ['x', 'y'] }];",
            "b: { const: z }",
            "map/never-fits: this never fits `b`: `z` is not one of its values: x, y",
        ),
        (
            "E b = 1 [(buf.validate.field).enum = { in: [1] }];",
            "b: { const: TWO }",
            "map/never-fits: this never fits `b`: `TWO` is not one of its values: ONE",
        ),
        (
            "int32 b = 1 [(buf.validate.field).int32.gt = 3];",
            "b: { const: 3 }",
            "map/never-fits: this never fits `b`: 3 lies outside the bounds that the contract gives",
        ),
    ] {
        let found = findings("", reply, rules);
        assert!(found.iter().any(|f| f == expected), "{found:#?}");
    }
}

/// As [`asked`], of bytes that no honest writer makes.
#[track_caller]
fn asked_of(declared: &str, message: &[u8]) -> String {
    let route = loaded(declared, "string b = 1;", "b: B").route.expect("a route");
    let mut out = Vec::new();
    let run = route.request.run(message, &environment(None), &mut Scratch::default(), &mut out);
    run.map_or_else(|error| error.to_string(), |()| String::new())
}

#[test]
fn what_comes_twice() {
    // The parts of a message are one message; of anything else the last one counts.
    let inner = "Inner f = 2 [(buf.validate.field).required = true];";
    assert_eq!(asked_of(inner, b"\x12\x00\x12\x03\x0a\x01x"), "");
    assert_eq!(asked_of(inner, b"\x12\x00\x12\x00"), "`f.x`: the value is too short");
    let short = "string f = 2 [(buf.validate.field).string.max_len = 1];";
    assert_eq!(asked_of(short, b"\x12\x02ab\x12\x01a"), "");
    assert_eq!(asked_of(short, b"\x12\x01a\x12\x02ab"), "`f`: the value is too long");
    let one = "oneof o { Inner f = 2; string g = 3 [(buf.validate.field).string.max_len = 1]; }";
    assert_eq!(asked_of(one, b"\x12\x00\x1a\x01a"), "");
    assert_eq!(asked_of(one, b"\x1a\x02ab\x12\x00"), "`f.x`: the value is too short");
    assert_eq!(asked_of(one, b"\x12\x03\x0a\x01x\x1a\x01a\x12\x00"), "`f.x`: the value is too short");
    // Packed or one by one.
    let numbers = "repeated int32 f = 2 [(buf.validate.field).repeated = { max_items: 2, items: { int32: { lt: 9 } } }];";
    assert_eq!(asked_of(numbers, b"\x12\x01\x01\x10\x02"), "");
    assert_eq!(
        asked_of(numbers, b"\x12\x01\x01\x10\x09"),
        "`f[1]`: the value is outside the bounds of its type"
    );
    assert_eq!(asked_of(numbers, b"\x12\x03\x01\x02\x03"), "`f`: there are more than 2 items");
    // A wrapper in parts.
    let wrapped = "google.protobuf.StringValue f = 2 [(buf.validate.field).string.min_len = 1];";
    assert_eq!(asked_of(wrapped, b"\x12\x00\x12\x03\x0a\x01x"), "");
}

#[test]
fn hostile_messages_end_in_an_error() {
    let declared = "Inner f = 2; repeated Inner l = 3; map<string, Inner> m = 4; \
                    oneof o { option (buf.validate.oneof).required = true; string x = 5; Inner y = 6; } \
                    repeated int32 n = 7 [(buf.validate.field).repeated = { unique: true, items: { int32: { gt: 1 } } }]; \
                    google.protobuf.Timestamp t = 8 [(buf.validate.field).timestamp.gt = { seconds: 1 }];";
    let route = loaded(declared, "string b = 1;", "b: B").route.expect("a route");
    let run = |message: &[u8]| {
        let mut out = Vec::new();
        let run = route.request.run(message, &environment(None), &mut Scratch::default(), &mut out);
        run.map_err(|error| error.to_string())
    };
    // Deeper than any message: `Inner.more` within itself.
    let mut deep = Vec::new();
    for _ in 0..1000 {
        let mut outer = vec![0x0a, 1, b'x', 0x12];
        let mut length = deep.len();
        while length >= 0x80 {
            outer.push(length as u8 | 0x80);
            length >>= 7;
        }
        outer.push(length as u8);
        outer.append(&mut deep);
        deep = outer;
    }
    assert_eq!(run(&deep).unwrap_err().split_once(": ").unwrap().1, "it is nested too deeply");
    let mut runner = proptest::test_runner::TestRunner::default();
    let tags =
        [0x12, 0x1a, 0x22, 0x2a, 0x32, 0x3a, 0x38, 0x42, 0x0a, 0x13, 0x14, 0x00, 0x01, 0x02, 0x7f, 0xff];
    let bytes = proptest::collection::vec(proptest::sample::select(tags.to_vec()), 0..48);
    let outcome = runner.run(&bytes, |bytes| {
        // Whatever it says, it says it.
        let _ = run(&bytes);
        Ok(())
    });
    outcome.unwrap();
}
