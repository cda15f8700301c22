//! What the options of a `.proto` say of its fields: `buf.validate` and `google.api.field_behavior`.

#![allow(clippy::panic, reason = "the helpers of tests fail by it")]

use portolan_diagnostics::{Checked, Sources};
use portolan_schema::{Contract, Field, FieldRules, Memory, Occurs, Reading, Scalar, TypeId, protobuf};

const HEAD: &str = r#"
syntax = "proto3";
package t;
import "buf/validate/validate.proto";
import "google/api/field_behavior.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/any.proto";
enum E { E_UNSPECIFIED = 0; ONE = 1; TWO = 2; }
message Inner { string x = 1 [(buf.validate.field).string.min_len = 1]; }
"#;

fn read(body: &str) -> Checked<Contract> {
    let memory = Memory::new("").with("t.proto", format!("{HEAD}\n{body}"));
    protobuf::read("t.proto", &[], &mut Reading { resolver: &memory, sources: &mut Sources::default() })
}

/// The one field of message `M`, with what is demanded of it.
#[track_caller]
fn field(declared: &str) -> (Contract, Field, FieldRules) {
    let checked = read(&format!("message M {{ {declared} }}"));
    let findings: Vec<_> = checked.diagnostics.iter().map(|d| d.message.clone()).collect();
    let contract = checked.value.unwrap_or_else(|| panic!("{findings:#?}"));
    assert!(findings.is_empty(), "{findings:#?}");
    let (id, record) = contract.schema.records().find(|(_, r)| r.name.local == "t.M").expect("M");
    let (field, declared) = record.fields_with_ids().next().expect("a field");
    let (declared, rules) = (declared.clone(), contract.schema.rules(id, field).cloned().unwrap_or_default());
    (contract, declared, rules)
}

fn scalar(contract: &Contract, field: &Field) -> Scalar {
    let TypeId::Scalar(id) = field.ty else { panic!("{} is a record", field.name) };
    contract.schema.scalar(id).clone()
}

#[test]
fn rules_become_facets_and_enumerations() {
    let names = |scalar: &Scalar| {
        let values = scalar.enumeration.as_ref().map(|e| e.values.iter().map(|v| v.name.clone()));
        values.map(|names| names.collect::<Vec<_>>().join(" ")).unwrap_or_default()
    };
    for (declared, lengths, bounds, listed) in [
        (
            "string f = 1 [(buf.validate.field).string = { min_len: 2, max_len: 5 }];",
            (Some(2), Some(5)),
            "",
            "",
        ),
        ("string f = 1 [(buf.validate.field).string.len = 3];", (Some(3), Some(3)), "", ""),
        ("bytes f = 1 [(buf.validate.field).bytes.max_len = 3];", (None, Some(3)), "", ""),
        (
            "repeated string f = 1 [(buf.validate.field).repeated.items.string.max_len = 3];",
            (None, Some(3)),
            "",
            "",
        ),
        (
            "google.protobuf.StringValue f = 1 [(buf.validate.field).string.max_len = 3];",
            (None, Some(3)),
            "",
            "",
        ),
        ("string f = 1 [(buf.validate.field).string = { in: ['a', 'b'] }];", (None, None), "", "a b"),
        ("string f = 1 [(buf.validate.field).string.const = 'a'];", (None, None), "", "a"),
        ("int32 f = 1 [(buf.validate.field).int32 = { gte: 1, lt: 10 }];", (None, None), ">=1 <10", ""),
        ("uint64 f = 1 [(buf.validate.field).uint64 = { gt: 1, lte: 10 }];", (None, None), ">1 <=10", ""),
        // Outside of what lies between: no facet says so.
        ("int32 f = 1 [(buf.validate.field).int32 = { gt: 10, lt: 1 }];", (None, None), "", ""),
        ("int64 f = 1 [(buf.validate.field).int64 = { in: [1, 2] }];", (None, None), "", "1 2"),
        ("double f = 1 [(buf.validate.field).double.lte = 1.5];", (None, None), "<=1.5", ""),
        ("E f = 1 [(buf.validate.field).enum = { in: [1] }];", (None, None), "", "ONE"),
        ("E f = 1 [(buf.validate.field).enum = { not_in: [0] }];", (None, None), "", "ONE TWO"),
        (
            "E f = 1 [(buf.validate.field) = { ignore: IGNORE_IF_ZERO_VALUE, enum: { const: 2 } }];",
            (None, None),
            "",
            "E_UNSPECIFIED TWO",
        ),
        (
            "E f = 1 [(buf.validate.field).enum.defined_only = true];",
            (None, None),
            "",
            "E_UNSPECIFIED ONE TWO",
        ),
        (
            "string f = 1 [(buf.validate.field) = { ignore: IGNORE_ALWAYS, string: { max_len: 3 } }];",
            (None, None),
            "",
            "",
        ),
    ] {
        let (contract, field, _) = field(declared);
        let scalar = scalar(&contract, &field);
        let facets = &scalar.facets;
        let limits = [
            (">=", &facets.min_inclusive),
            (">", &facets.min_exclusive),
            ("<=", &facets.max_inclusive),
            ("<", &facets.max_exclusive),
        ];
        let limits: Vec<String> =
            limits.iter().filter_map(|(sign, v)| Some(format!("{sign}{}", v.as_ref()?))).collect();
        assert_eq!((facets.min_length, facets.max_length), lengths, "{declared}");
        assert_eq!(limits.join(" "), bounds, "{declared}");
        assert_eq!(names(&scalar), listed, "{declared}");
    }
}

#[test]
fn what_must_be_set() {
    let occurs = |min, max| Occurs { min, max };
    for (declared, expected) in [
        ("string f = 1 [(buf.validate.field).required = true];", Occurs::ONCE),
        ("optional string f = 1 [(google.api.field_behavior) = REQUIRED];", Occurs::ONCE),
        ("string f = 1 [(google.api.field_behavior) = OPTIONAL];", Occurs::OPTIONAL),
        ("string f = 1 [(google.api.field_behavior) = IMMUTABLE];", Occurs::OPTIONAL),
        // Whether it is there depends on the way.
        (
            "string f = 1 [(google.api.field_behavior) = REQUIRED, (google.api.field_behavior) = INPUT_ONLY];",
            Occurs::OPTIONAL,
        ),
        ("repeated string f = 1 [(google.api.field_behavior) = REQUIRED];", occurs(1, None)),
        (
            "repeated string f = 1 [(buf.validate.field).repeated = { min_items: 2, max_items: 4 }];",
            occurs(2, Some(4)),
        ),
        ("repeated string f = 1 [(buf.validate.field).repeated.max_items = 1];", occurs(0, None)),
        (
            "repeated string f = 1 [(buf.validate.field) = { ignore: IGNORE_IF_ZERO_VALUE, repeated: { min_items: 2 } }];",
            occurs(0, None),
        ),
        ("map<string, Inner> f = 1 [(buf.validate.field).map.min_pairs = 1];", occurs(1, None)),
    ] {
        assert_eq!(field(declared).1.occurs, expected, "{declared}");
    }
    let (.., rules) = field("string f = 1 [(google.api.field_behavior) = OUTPUT_ONLY];");
    assert!(rules.behavior.output_only && !rules.behavior.input_only && !rules.required);
    let contract =
        read("message M { oneof o { option (buf.validate.oneof).required = true; string a = 1; } }");
    let contract = contract.value.expect("a contract");
    let record = contract.schema.records().find(|(_, r)| r.name.local == "t.M").expect("M").1;
    assert!(record.choices[0].required);
}

#[test]
fn what_is_not_enforced_is_named() {
    for (body, expected) in [
        ("message M { string f = 1 [(buf.validate.field).string.uri = true]; }", "string.uri"),
        ("message M { string f = 1 [(buf.validate.field).string.uri = false]; }", ""),
        ("message M { string f = 1 [(buf.validate.field).string.example = 'x']; }", ""),
        ("message M { string f = 1 [(buf.validate.field).string.pattern = '(']; }", "string.pattern"),
        ("message M { bytes f = 1 [(buf.validate.field).bytes.prefix = 'x']; }", "bytes.prefix"),
        ("message M { int32 f = 1 [(buf.validate.field).string.len = 1]; }", "string.len"),
        (
            "message M { google.protobuf.Timestamp f = 1 [(buf.validate.field).timestamp.lt_now = true]; }",
            "timestamp.lt_now",
        ),
        ("message M { google.protobuf.Any f = 1 [(buf.validate.field).any.in = 'x']; }", "any.in"),
        (
            "message M { int32 f = 1 [(buf.validate.field).cel = { id: 'a', expression: 'this > 1' }]; }",
            "cel",
        ),
        (
            "message M { option (buf.validate.message).cel = { id: 'a', expression: 'true' }; int32 f = 1; }",
            "cel of a message",
        ),
        (
            "extend buf.validate.Int32Rules { optional bool even = 1001; }
             message M { int32 f = 1 [(buf.validate.field).int32.(even) = true]; }",
            "(t.even)",
        ),
    ] {
        let checked = read(body);
        assert!(checked.value.is_some(), "{:?}", checked.diagnostics);
        let found: Vec<_> = checked.diagnostics.iter().map(|d| d.message.as_str()).collect();
        let expected = match expected {
            "" => Vec::new(),
            name => vec![format!("the rule `{name}` is not enforced")],
        };
        assert_eq!(found, expected, "{body}");
        assert!(checked.diagnostics.iter().all(|d| d.labels.len() == 1), "{body}");
    }
    // One note for a kind of rule, with all of its places.
    let checked = read(
        "message M {\n string a = 1 [(buf.validate.field).string.uri = true];\n string b = 2 [(buf.validate.field).string.uri = true];\n}",
    );
    assert_eq!(checked.diagnostics.iter().map(|d| d.labels.len()).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_contract_may_bring_its_own_copy() {
    let own = r#"
syntax = "proto2";
package buf.validate;
import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions { optional FieldConstraints field = 1159; }
message FieldConstraints { optional bool required = 25; optional bool skipped = 24; optional StringRules string = 14; }
message StringRules { optional uint64 max_len = 3; }
"#;
    let contract = r#"
syntax = "proto3";
package t;
import "buf/validate/validate.proto";
message M {
  string a = 1 [(buf.validate.field).string.max_len = 3];
  string b = 2 [(buf.validate.field) = { skipped: true, string: { max_len: 3 } }];
}
"#;
    let memory = Memory::new("").with("t.proto", contract).with("buf/validate/validate.proto", own);
    let checked =
        protobuf::read("t.proto", &[], &mut Reading { resolver: &memory, sources: &mut Sources::default() });
    let contract = checked.into_result().unwrap_or_else(|found| panic!("{found:#?}")).0;
    let record = contract.schema.records().find(|(_, r)| r.name.local == "t.M").expect("M").1;
    let lengths = record.fields.iter().map(|f| scalar(&contract, f).facets.max_length);
    assert_eq!(lengths.collect::<Vec<_>>(), [Some(3), None]);
}

#[test]
fn described() {
    let checked = read(
        r#"
service S { rpc Ask(M) returns (M); }
message M {
  string a = 1 [(buf.validate.field).string = { max_len: 9, prefix: 'x.', pattern: '^x' }];
  repeated int32 b = 2 [(buf.validate.field).repeated = { min_items: 1, unique: true, items: { int32: { not_in: [1, 2] } } }];
  string c = 3 [(google.api.field_behavior) = OUTPUT_ONLY];
}"#,
    );
    let text = portolan_schema::describe(&checked.value.expect("a contract"));
    for words in ["length ..9, begins with `x.`, pattern ^x", "not 1 | 2, no item twice", "output only"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}
