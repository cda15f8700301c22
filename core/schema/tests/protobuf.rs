//! What the `.proto` reader makes of small contracts.

#![allow(clippy::panic, reason = "the helpers of tests fail by it")]

use portolan_diagnostics::{Checked, Sources};
use portolan_schema::{
    Contract, Field, Memory, Occurs, Presence, ProtoKind, Protocol, Reading, ScalarKind, TypeId, Wire,
    protobuf,
};

fn read(files: &[(&str, &str)], import_paths: &[&str]) -> (Checked<Contract>, Sources) {
    let mut memory = Memory::new("");
    for (name, text) in files {
        memory = memory.with(*name, *text);
    }
    let mut sources = Sources::default();
    let import_paths: Vec<String> = import_paths.iter().map(|p| (*p).to_owned()).collect();
    let checked =
        protobuf::read(files[0].0, &import_paths, &mut Reading { resolver: &memory, sources: &mut sources });
    (checked, sources)
}

#[track_caller]
fn contract(files: &[(&str, &str)], import_paths: &[&str]) -> Contract {
    let (checked, _) = read(files, import_paths);
    checked.into_result().unwrap_or_else(|found| panic!("{found:#?}")).0
}

#[track_caller]
fn field<'a>(contract: &'a Contract, record: &str, field: &str) -> &'a Field {
    let record = contract.schema.records().find(|(_, r)| r.name.local == record).expect(record).1;
    record.find(field).expect(field).1
}

const PROTO3: &str = r#"
syntax = "proto3";
package t.v1;
import "google/type/date.proto";
import "google/type/money.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/longrunning/operations.proto";
import "portolan/v1/operation.proto";
// A person.
message Person {
  // Eleven digits.
  string national_id = 1 [debug_redact = true];
  optional int32 age = 2;
  google.type.Date born = 3;
  google.type.Money wage = 4;
  google.protobuf.Timestamp seen = 5;
  google.protobuf.StringValue nick = 6;
  repeated sint64 numbers = 7;
  map<string, Person> friends = 8;
  oneof contact { string mail = 9; Phone phone = 10; }
  Status status = 11;
  Person parent = 12;
  message Phone { string number = 1; }
}
enum Status { STATUS_UNSPECIFIED = 0; ALIVE = 1; }
service Register {
  // Finds one.
  rpc Get(Person) returns (Person);
  rpc File(Person) returns (google.longrunning.Operation) {
    option (google.longrunning.operation_info) = { response_type: "Person" metadata_type: "portolan.v1.OperationMetadata" };
  }
}
"#;

#[test]
fn proto3() {
    let c = contract(&[("a/b/t.proto", PROTO3)], &[]);
    let scalar = |f: &Field| match f.ty {
        TypeId::Scalar(id) => c.schema.scalar(id).clone(),
        TypeId::Record(_) => panic!("{} is a record", f.name),
    };
    let kind = |f: &Field| match f.wire {
        Wire::Protobuf { kind, .. } => kind,
        _ => panic!("not protobuf"),
    };
    let person = |name: &str| field(&c, "t.v1.Person", name);
    let id = person("national_id");
    assert_eq!(
        (id.presence, id.occurs, id.redact, id.doc.as_deref()),
        (Presence::Implicit, Occurs::OPTIONAL, true, Some("Eleven digits."))
    );
    assert_eq!(person("age").presence, Presence::Explicit);
    assert!(!person("age").redact && person("age").choice.is_none());
    assert_eq!((scalar(person("born")).kind, kind(person("born"))), (ScalarKind::Date, ProtoKind::Date));
    assert!(matches!(person("wage").ty, TypeId::Record(_)));
    assert_eq!(scalar(person("seen")).kind, ScalarKind::DateTime);
    assert_eq!(
        (scalar(person("nick")).kind, kind(person("nick"))),
        (ScalarKind::String, ProtoKind::StringValue)
    );
    assert!(matches!(person("numbers").wire, Wire::Protobuf { packed: true, number: 7, .. }));
    assert!(matches!(person("friends").wire, Wire::Protobuf { map: true, .. }));
    assert_eq!(field(&c, "t.v1.Person.FriendsEntry", "key").name, "key");
    assert_eq!((person("mail").choice, person("phone").choice.is_some()), (person("phone").choice, true));
    let status = scalar(person("status")).enumeration.expect("values");
    assert_eq!(
        (status.open, status.values[1].name.as_str(), status.values[1].number),
        (true, "ALIVE", Some(1))
    );
    assert_eq!(person("parent").ty, c.operations("Get")[0].1.output.as_ref().expect("output").roots[0].ty);

    let (service, file) = c.operations("t.v1.Register/File")[0];
    assert_eq!(service.operations[0].doc.as_deref(), Some("Finds one."));
    let Protocol::Grpc { path, long_running: Some(info), .. } = &file.protocol else {
        panic!("{:?}", file.protocol)
    };
    assert_eq!((path.as_str(), info.response_type.as_str()), ("/t.v1.Register/File", "t.v1.Person"));
    assert_eq!(info.metadata_type, "portolan.v1.OperationMetadata");
    assert!(info.response.is_some());
    assert!(c.descriptor_set.is_some_and(|set| !set.is_empty()));
}

#[test]
fn proto2() {
    let text = r#"
        syntax = "proto2";
        message Old {
          required string id = 1;
          optional Kind kind = 2 [default = SECOND];
          repeated int32 loose = 3;
          optional group Part = 4 { optional bool set = 1; }
          extensions 100 to 199;
        }
        enum Kind { FIRST = 1; SECOND = 2; }
    "#;
    let c = contract(&[("old.proto", text)], &[]);
    assert_eq!(field(&c, "Old", "id").occurs, Occurs::ONCE);
    assert_eq!(field(&c, "Old", "kind").default.as_deref(), Some("SECOND"));
    assert!(matches!(field(&c, "Old", "loose").wire, Wire::Protobuf { packed: false, .. }));
    assert!(matches!(field(&c, "Old", "part").wire, Wire::Protobuf { kind: ProtoKind::Group, .. }));
    assert!(c.schema.records().any(|(_, r)| r.name.local == "Old" && r.open));
}

#[test]
fn imports_beside_the_entry_and_under_import_paths() {
    let entry = "syntax = \"proto3\";\nimport \"near.proto\";\nimport \"x/far.proto\";\nmessage M { Near n = 1; x.Far f = 2; }";
    let near = "syntax = \"proto3\"; import \"x/far.proto\"; message Near { x.Far f = 1; }";
    let far = "syntax = \"proto3\"; package x; message Far {}";
    let c = contract(&[("m/entry.proto", entry), ("m/near.proto", near), ("lib/x/far.proto", far)], &["lib"]);
    assert_eq!(c.files.len(), 3);
}

#[test]
fn findings() {
    let check = |text: &str, expected: &[(&str, usize, usize, &str)]| {
        let (checked, sources) = read(&[("e.proto", text)], &["lib"]);
        let found: Vec<_> = checked
            .diagnostics
            .iter()
            .map(|d| {
                let place = d
                    .labels
                    .first()
                    .and_then(|l| sources.position(l.span))
                    .map_or((0, 0), |p| (p.line, p.column));
                (d.code.0, place.0, place.1, d.message.as_str())
            })
            .collect();
        assert_eq!(found, expected);
        assert!(checked.value.is_none());
    };
    check(
        "syntax = \"proto3\";\nimport \"gone.proto\";\nimport \"lost/too.proto\";\n",
        &[
            ("file/unreadable", 2, 8, "the import `gone.proto` is not there"),
            ("file/unreadable", 3, 8, "the import `lost/too.proto` is not there"),
        ],
    );
    check(
        "syntax = \"proto3\";\nmessage M {\n  Gone a = 1;\n  Lost b = 2;\n  Gone c = 3;\n}\n",
        &[
            ("proto/invalid", 3, 3, "name 'Gone' is not defined"),
            ("proto/invalid", 4, 3, "name 'Lost' is not defined"),
        ],
    );
    let (checked, _) = read(&[("e.proto", "syntax = \"proto3\";\nmessage {\n")], &[]);
    assert_eq!(checked.diagnostics[0].code.0, "proto/invalid");
    for hostile in [
        "message M {".repeat(10_000),
        format!("option (x) = {}", "{ a: ".repeat(50_000)),
        "\u{feff}".to_owned(),
    ] {
        let (checked, _) = read(&[("e.proto", &hostile)], &[]);
        assert!(checked.value.is_none() || checked.diagnostics.is_empty());
    }
}
