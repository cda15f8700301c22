//! Routes that take files: what is checked of them, and what their messages become.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use portolan_diagnostics::{Sources, render};
use portolan_formats::records::Messages;
use portolan_mapping::{
    load::{Standing, load_all},
    run::{Context, Environment, Scratch},
};
use portolan_schema::Memory;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

const LAYOUT: &str = r#"
layout: wages
file: { framing: lines, record-length: 30 }
records:
  submitter:
    when: { 1-2: RA }
    fields: { kind: 1-2, name: 3-12 }
  employer:
    when: { 1-2: RE }
    occurs: 1..
    fields:
      kind: 1-2
      ein: 3-11
      year: 12-15 9(4)
    records:
      employee:
        when: { 1-2: RW }
        occurs: 0..
        fields:
          kind: 1-2
          ssn: { columns: 3-11, sensitive: true }
          wages: 12-20 9(7)V99
          paid: { columns: 21-28, date: yyyyMMdd, null: zeros }
          state: { columns: 29-30, values: [EE, LV, LT] }
        records:
          note:
            when: { 1-2: RN }
            occurs: 0..
            fields: { kind: 1-2, text: 3-30 }
      total:
        when: { 1-2: RT }
        fields:
          kind: 1-2
          count: { columns: 3-9, picture: 9(7), value: count(employee) }
"#;

const PROTO: &str = r#"
syntax = "proto3";
package civic.wages.v1;
import "google/type/date.proto";
import "google/type/decimal.proto";
service Ledger {
  rpc Record(Wage) returns (Recorded);
  rpc Watch(Wage) returns (stream Recorded);
}
message Recorded {}
message Wage {
  string ssn = 1;
  google.type.Decimal wages = 2;
  google.type.Date paid = 3;
  string state = 4;
  string employer = 5;
  string submitter = 6;
  int32 year = 7;
  repeated string notes = 8;
  double rate = 9;
}
"#;

const MAPPING: &str = r#"
route: wages.report
source: { batch: { system: employers, layout: wages.yaml, each: employer.employee } }
target: { grpc: { system: ledger, proto: wages.proto, method: civic.wages.v1.Ledger/Record } }
skip: [ { when: "wages == 0.00", reason: nothing paid } ]
request:
  body:
    ssn: ssn
    wages: employee.wages
    paid: paid
    rate: { absent: true }
    state: state
    employer: employer.ein
    submitter: submitter.name
    year: employer.year
    notes: note.map(n, n.text)
  ignore: [ kind, note.kind ]
"#;

const FILE: &str = "\
RAPortalen                    
REA12345678202600000000000000 
RW38001085700012345620260131EE
RN first note                 
RN second                     
RW48001085700000000020260131EE
RW49002100200000100000000000LV
RT0000003                     
REB87654321202500000000000000 
RW50003030300099999920251231LT
RT0000001                     
";

fn files(layout: &str, mapping: &str) -> Memory {
    Memory::default().with("wages.yaml", layout).with("wages.proto", PROTO).with("m.yaml", mapping)
}

/// What `check` says of a mapping in which one text is another, as it is printed.
fn findings(old: &str, new: &str) -> String {
    assert!(MAPPING.contains(old) || LAYOUT.contains(old), "{old}");
    let mut sources = Sources::default();
    let files = files(&LAYOUT.replace(old, new), &MAPPING.replace(old, new));
    let loaded = load_all("m.yaml", &files, &mut sources, &Standing::default());
    loaded.diagnostics.iter().map(|finding| render(finding, &sources, false)).collect()
}

fn environment() -> Environment<'static> {
    Environment {
        context: Context {
            message_id: "m",
            route: "route",
            caller: None,
            received: jiff::Timestamp::UNIX_EPOCH,
            attempt: 1,
            request_id: None,
            sequence: None,
        },
        metadata: &[],
        original: None,
    }
}

/// What a route from a file to a file makes of each message, or why not.
fn copied(files: &Memory, file: &[u8]) -> Vec<String> {
    let mut sources = Sources::default();
    let loaded = load_all("m.yaml", files, &mut sources, &Standing::default());
    let shown: String = loaded.diagnostics.iter().map(|d| render(d, &sources, false)).collect();
    assert!(!shown.contains("error["), "{shown}");
    let compiled =
        loaded.value.unwrap().batches.first().unwrap_or_else(|| panic!("{shown}")).compile().unwrap();
    let mut messages = Messages::new(&compiled.file, &compiled.excerpt, file);
    let mut rows = Vec::new();
    while let Some((message, _)) = messages.next() {
        let (message, mut out) = (message.to_vec(), Vec::new());
        rows.push(match compiled.request.run(&message, &environment(), &mut Scratch::default(), &mut out) {
            Ok(()) => out.escape_ascii().to_string(),
            Err(error) => error.to_string(),
        });
    }
    rows
}

/// The messages of a file as JSON, and what is said of those that become nothing.
fn translated(layout: &str, mapping: &str, file: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut sources = Sources::default();
    let loaded = load_all("m.yaml", &files(layout, mapping), &mut sources, &Standing::default());
    let shown: String = loaded.diagnostics.iter().map(|d| render(d, &sources, false)).collect();
    let batches = loaded.value.map(|loaded| loaded.batches).unwrap_or_default();
    let batch = batches.first().unwrap_or_else(|| panic!("{shown}"));
    let compiled = batch.compile().unwrap();
    let contract = match &batch.target {
        portolan_mapping::check::TargetContract::Services(contract) => contract.clone(),
        portolan_mapping::check::TargetContract::Layout(_) => panic!("a layout"),
    };
    let pool = DescriptorPool::decode(contract.descriptor_set.as_deref().unwrap()).unwrap();
    let descriptor = pool.get_message_by_name("civic.wages.v1.Wage").unwrap();
    let environment = environment();
    let mut messages = Messages::new(&compiled.file, &compiled.excerpt, file);
    let (mut made, mut told) = (Vec::new(), Vec::new());
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());
    while let Some((message, info)) = messages.next() {
        let message = message.to_vec();
        if info.failed {
            continue;
        }
        out.clear();
        match compiled.request.run(&message, &environment, &mut scratch, &mut out) {
            Ok(()) => {
                let message = DynamicMessage::decode(descriptor.clone(), &*out).unwrap();
                let options = SerializeOptions::new().use_proto_field_name(true);
                let mut json = serde_json::Serializer::new(Vec::new());
                message.serialize_with_options(&mut json, &options).unwrap();
                made.push(String::from_utf8(json.into_inner()).unwrap());
            }
            Err(error) => told.push(format!("record {}: {error}", info.number)),
        }
    }
    told.extend(messages.problems().map(|problem| problem.error.to_string()));
    (made, told)
}

#[test]
fn every_record_is_a_message_with_what_stands_around_it_and_within_it() {
    let (made, told) = translated(LAYOUT, MAPPING, FILE.as_bytes());
    assert_eq!(
        made,
        [
            r#"{"ssn":"380010857","wages":{"value":"1234.56"},"paid":{"year":2026,"month":1,"day":31},"state":"EE","employer":"A12345678","submitter":"Portalen","year":2026,"notes":[" first note"," second"]}"#,
            r#"{"ssn":"490021002","wages":{"value":"10.00"},"state":"LV","employer":"A12345678","submitter":"Portalen","year":2026}"#,
            r#"{"ssn":"500030303","wages":{"value":"9999.99"},"paid":{"year":2025,"month":12,"day":31},"state":"LT","employer":"B87654321","submitter":"Portalen","year":2025}"#,
        ]
    );
    assert_eq!(told, ["record 6: the message is left out: nothing paid"]);
}

#[test]
fn what_is_wrong_with_one_record_does_not_stop_the_others() {
    let bad = FILE.replace("000123456", "00012E456").replace("RT0000001", "RT0000002");
    let (made, told) = translated(LAYOUT, MAPPING, bad.as_bytes());
    assert_eq!(made.len(), 2);
    assert_eq!(
        told,
        [
            "record 3: `employee.wages`: the value is not written as its type demands",
            "record 6: the message is left out: nothing paid",
            "record 11, `employer.total`, at byte 312, field `count`: the value is not what it must be: 1 is computed",
        ]
    );
    let unknown = FILE.replace("20251231LT", "20251231XX");
    let (made, told) = translated(LAYOUT, MAPPING, unknown.as_bytes());
    assert_eq!((made.len(), told.len()), (2, 2), "{told:?}");
    assert!(told[1].contains("not one of the values that its type lists"), "{told:?}");
}

#[test]
fn a_route_that_takes_files_is_checked_against_both_sides() {
    let check = |old: &str, new: &str, expected: &[&str]| {
        let shown = findings(old, new);
        for part in expected {
            assert!(shown.contains(part), "{old} -> {new}: no `{part}` in\n{shown}");
        }
    };
    assert_eq!(findings("wages.report", "wages.report"), "");
    check(
        "employer.employee }",
        "employer.employe }",
        &["the layout has no record `employer.employe`", "did you mean `employer.employee`?"],
    );
    check("ssn: ssn", "ssn: sn", &["error[map/unknown-path]", "did you mean `ssn`?"]);
    check(
        "Ledger/Record",
        "Ledger/Rekord",
        &["the contract has no method `civic.wages.v1.Ledger/Rekord`", "did you mean"],
    );
    check("Ledger/Record", "Ledger/Watch", &["streams"]);
    // A record and a field of it have one name.
    check("employee", "state", &["`state` is a record", "its field of that name is `state.state`"]);
    check("layout: wages.yaml", "layout: wage.yaml", &["`wage.yaml` is not there", "named here"]);
    check("    state: state\n", "", &["warning[map/source-unused]", "state"]);
    // By what a record is told from others is nothing to map.
    assert_eq!(findings("  ignore: [ kind, note.kind ]\n", ""), "");
    check("wages == 0.00", "wages == 'x'", &["error[map/type]"]);
    check("submitter: submitter.name", "submitter: total.count", &["error[map/unknown-path]"]);
    check("each: employer.employee", "every: employer.employee", &["has no `each`", "has no key `every`"]);
    check("reason: nothing paid", "why: nothing paid", &["has no `reason`"]);
    // What is wrong with the layout is told where the layout says it.
    check("12-20 9(7)V99", "12-20 9(7)V999", &["error[layout/length]", "wages.yaml"]);
    check("year: 12-15 9(4)", "year: 11-14 9(4)", &["error[layout/overlap]"]);
    // A field that may be without a value is not computed with.
    check("paid: paid", "paid: \"paid < date('2026-01-01') ? paid : paid\"", &["error[map/maybe-absent]"]);
    check(
        "target: { grpc:",
        "target: { soap: { system: x }, grpc:",
        &["`target` is one of `grpc`, `soap` and `batch`"],
    );
}

#[test]
fn a_record_becomes_a_record_of_another_file() {
    let mapping = r#"
route: wages.copy
source: { batch: { system: employers, layout: wages.yaml, each: employer.employee } }
target: { batch: { system: archive, layout: archive.yaml, record: row } }
request:
  body: { id: ssn, amount: wages, day: paid, notes: { each: n in note, map: { text: n.text } } }
  ignore: [ employee.*, note.* ]
"#;
    let archive = r#"
layout: archive
file: { framing: fixed, record-length: 40, encoding: cp037 }
records:
  row:
    occurs: 0..
    fields:
      id: 1-9
      check: { columns: 10, picture: 9, value: mod10(id) }
      amount: { columns: 11-16, picture: S9(9)V99, usage: comp-3 }
      day: { columns: 17-24, date: ddMMyyyy, null: zeros }
    records:
      notes: { occurs: 0.., when: { 40: N }, fields: { text: 1-28, mark: { columns: 40, value: { const: "N" } } } }
"#;
    let files = files(LAYOUT, mapping).with("archive.yaml", archive);
    let mut sources = Sources::default();
    let loaded = load_all("m.yaml", &files, &mut sources, &Standing::default());
    let shown: String = loaded.diagnostics.iter().map(|d| render(d, &sources, false)).collect();
    let compiled =
        loaded.value.unwrap().batches.first().unwrap_or_else(|| panic!("{shown}")).compile().unwrap();
    let environment = environment();
    let mut messages = Messages::new(&compiled.file, &compiled.excerpt, FILE.as_bytes());
    let message = messages.next().unwrap().0.to_vec();
    let mut out = Vec::new();
    compiled.request.run(&message, &environment, &mut Scratch::default(), &mut out).unwrap();
    let hex: String = out.iter().map(|byte| format!("{byte:02x}")).collect();
    let blanks = |count: usize| "40".repeat(count);
    let row =
        format!("{}{}{}{}{}", "f3f8f0f0f1f0f8f5f7", "f7", "00000123456c", "f3f1f0f1f2f0f2f6", blanks(16));
    let note = |text: &str, length: usize| format!("{text}{}d5", blanks(39 - length));
    let expected = [
        format!("000000000028{row}"),
        format!("000100000028{}", note("40868999a2a3409596a385", 11)),
        format!("000100000028{}", note("40a28583969584", 7)),
    ];
    assert_eq!(hex, expected.concat());
}

#[test]
fn an_amount_whose_sign_is_beside_it_is_mapped_from_and_to() {
    let mapping = r#"
route: entries.copy
source: { batch: { system: bank, layout: entries.yaml, each: entry } }
target: { batch: { system: archive, layout: archive.yaml, record: row } }
request: { body: { amount: amount, text: text } , ignore: [ side, length ] }
"#;
    let entries = r#"
layout: entries
file: { framing: lines }
records:
  entry:
    occurs: 0..
    fields:
      side: 1
      amount: { columns: 2-7, picture: 9(4)V99, sign-in: side, negative: D, positive: C }
      length: 8 9
      text: { length: 9, depending-on: length }
"#;
    let archive = r#"
layout: archive
file: { framing: fixed, record-length: 12, encoding: cp037 }
records:
  row:
    occurs: 0..
    fields:
      amount: { columns: 1-7, picture: 9(5)V99, sign-in: debit, negative: "1", positive: "2" }
      debit: 8 9
      text: 9-12
"#;
    let files =
        Memory::default().with("m.yaml", mapping).with("entries.yaml", entries).with("archive.yaml", archive);
    let mut sources = Sources::default();
    let loaded = load_all("m.yaml", &files, &mut sources, &Standing::default());
    let shown: String = loaded.diagnostics.iter().map(|d| render(d, &sources, false)).collect();
    // A text may be longer than its target, which is found out for each.
    assert!(!shown.contains("error["), "{shown}");
    let compiled =
        loaded.value.unwrap().batches.first().unwrap_or_else(|| panic!("{shown}")).compile().unwrap();
    let environment = environment();
    let file = b"D0012503abc\nC0000010\nX0000010\n";
    let mut messages = Messages::new(&compiled.file, &compiled.excerpt, file.as_slice());
    let mut rows = Vec::new();
    while let Some((message, _)) = messages.next() {
        let (message, mut out) = (message.to_vec(), Vec::new());
        rows.push(match compiled.request.run(&message, &environment, &mut Scratch::default(), &mut out) {
            Ok(()) => out[6..].iter().map(|byte| format!("{byte:02x}")).collect(),
            Err(error) => error.to_string(),
        });
    }
    assert_eq!(
        rows,
        [
            "f0f0f0f1f2f5f0f181828340",
            "f0f0f0f0f0f0f1f240404040",
            "`entry.amount` to `body.amount`: the value is not written as its type demands",
        ]
    );
}

#[test]
fn a_record_whose_fields_have_no_fixed_places_is_written_like_any_other() {
    let mapping = r#"
route: wages.copy
source: { batch: { system: employers, layout: wages.yaml, each: employer.employee } }
target: { batch: { system: archive, layout: archive.yaml, record: row } }
request:
  body:
    id: ssn
    notes: { each: n in note, map: { text: n.text } }
    amount: wages
    region: { cases: [ { when: "state == 'EE'", const: H }, { otherwise: { const: A } } ] }
    home: { cases: [ { when: "state == 'EE'", map: { day: paid } }, { otherwise: { absent: true } } ] }
    abroad: { cases: [ { when: "state != 'EE'", map: { country: state } }, { otherwise: { absent: true } } ] }
    line: { each: n in note, map: { text: n.text } }
  ignore: [ employee.*, note.* ]
"#;
    let archive = r#"
layout: archive
records:
  row:
    occurs: 0..
    fields:
      id: { length: 9 }
      count: { picture: 9, usage: comp }
      notes: { occurs: 0..9, depending-on: count, fields: { text: { length: 11, pad: "." } } }
      amount: { picture: 9(5)V99 }
      check: { picture: 9, value: mod10(id) }
      region: { length: 1 }
    variants:
      by: region
      home: { is: H, fields: { day: { length: 8, date: ddMMyyyy, null: zeros } } }
      abroad: { is: A, fields: { country: { length: 3 } } }
    records:
      line: { occurs: 0.., when: { 1: "+" }, fields: { plus: 1, length: { picture: 99 }, text: { length: 40, depending-on: length } } }
"#;
    let files = files(LAYOUT, mapping).with("archive.yaml", archive);
    assert_eq!(
        copied(&files, FILE.as_bytes()),
        [
            r"\x00\x00\x00\x00\x002380010857\x00\x02 first note second....01234567H31012026\x00\x01\x00\x00\x00\x0e+11 first note\x00\x01\x00\x00\x00\n+07 second",
            r"\x00\x00\x00\x00\x00\x1c480010857\x00\x0000000005H31012026",
            r"\x00\x00\x00\x00\x00\x17490021002\x00\x0000010004ALV ",
            r"\x00\x00\x00\x00\x00\x17500030303\x00\x0009999991ALT ",
        ]
    );
    // What its field cannot hold is found out when the record is complete.
    let short = files.with("archive.yaml", archive.replace("length: 11", "length: 6"));
    assert_eq!(copied(&short, FILE.as_bytes())[0], "`row.notes[0].text`: the value is too long");
}

const DELIMITED: &str = r#"
layout: wages
file: { framing: delimited, delimiter: ";" }
records:
  employee:
    occurs: 0..
    fields:
      ssn: { length: 9, title: Number }
      wages: { length: 10, type: decimal, scale: 2, signed: true }
      paid: { length: 10, date: dd.MM.yyyy, null: blanks }
      name: { fields: { first: { length: 5 }, last: { length: 5 } } }
      count: { length: 1, type: integer }
      note: { length: 8, occurs: 0..3, depending-on: count }
      state: { length: 2 }
"#;

#[test]
fn delimited_values_are_messages() {
    let mapping = r#"
route: wages.report
source: { batch: { system: employers, layout: wages.yaml, each: employee } }
target: { grpc: { system: ledger, proto: wages.proto, method: civic.wages.v1.Ledger/Record } }
request:
  body: { ssn: ssn, wages: wages, paid: paid, employer: name.last, notes: note, state: state }
  ignore: [ count, name.first ]
"#;
    let titles = "Number;wages;paid;first;last;count;note_1;note_2;note_3;state\n";
    let check = |titles: &str, rows: &str, made: &[&str], told: &[&str]| {
        let file = format!("{titles}{rows}");
        let (found, problems) = translated(DELIMITED, mapping, file.as_bytes());
        assert_eq!(found, made);
        assert_eq!(problems, told);
    };
    check(
        titles,
        "1;-12.50;31.01.2026;A;B;2;x;y;EE\n2;7.00;;;\"C;D\";0;LV\n",
        &[
            r#"{"ssn":"1","wages":{"value":"-12.50"},"paid":{"year":2026,"month":1,"day":31},"state":"EE","employer":"B","notes":["x","y"]}"#,
            r#"{"ssn":"2","wages":{"value":"7.00"},"state":"LV","employer":"C;D"}"#,
        ],
        &[],
    );
    // A value that is too long is that of no message, and a column too many of no record.
    check(
        titles,
        "1234567890;1.00;;;;0;EE\n2;1.00;;;;1;EE\n",
        &[],
        &[
            "record 1, `employee`, at byte 62, field `ssn`: the value is too long",
            "record 2, `employee`, at byte 86: it has 7 values, and the layout has 8",
        ],
    );
    // Where nothing in the layout demands that values are read, the mapping finds it out.
    let layout = DELIMITED.replace("0..3, depending-on: count", "1, null: blanks");
    let rows = "Number;wages;paid;first;last;count;note;state\n1234567890;1;;;;0;;EE\n";
    let notes = mapping.replace("notes: note, ", "").replace("[ count", "[ note, count");
    let (_, problems) = translated(&layout, &notes, rows.as_bytes());
    assert_eq!(
        problems,
        ["record 1: the document is refused at `ssn`: it is longer than its field may be (near byte 6)"]
    );
    check(
        &titles.replace("first;last", "last;first"),
        "1;1.00;;;;0;EE\n",
        &[],
        &["record 1, at byte 18: column 4 is titled `last`, and in the layout it is `first`"],
    );
}

#[test]
fn delimited_values_are_a_target() {
    let mapping = r#"
route: wages.copy
source: { batch: { system: employers, layout: wages.yaml, each: employer.employee } }
target: { batch: { system: archive, layout: archive.yaml, record: employee } }
request:
  body:
    ssn: ssn
    wages: wages
    paid: paid
    name: { map: { first: { const: "A;B" }, last: { const: C } } }
    note: { each: n in note, value: "n.text.substring(0, 5)" }
    state: state
  ignore: [ employee.* ]
"#;
    let files = files(LAYOUT, mapping).with("archive.yaml", DELIMITED);
    assert_eq!(
        copied(&files, FILE.as_bytes()),
        [
            r#"\x00\x00\x00\x00\x005380010857;1234.56;31.01.2026;\"A;B\";C;2; firs; seco;EE"#,
            r#"\x00\x00\x00\x00\x00&480010857;0.00;31.01.2026;\"A;B\";C;0;EE"#,
            r#"\x00\x00\x00\x00\x00\x1d490021002;10.00;;\"A;B\";C;0;LV"#,
            r#"\x00\x00\x00\x00\x00)500030303;9999.99;31.12.2025;\"A;B\";C;0;LT"#,
        ]
    );
}

#[test]
fn a_group_is_a_message() {
    let layout = r#"
layout: wages
records:
  lot:
    occurs: 1..
    records:
      head: { when: { 1: H }, fields: { kind: 1, id: 2-5 } }
      part:
        occurs: 0..
        records:
          open: { when: { 1: O }, fields: { kind: 1, name: 2-5 } }
          line: { when: { 1: L }, occurs: 0.., fields: { kind: 1, text: 2-5 } }
      foot: { when: { 1: F }, occurs: 0..1, fields: { kind: 1, rate: 2-6 9(2)V999 } }
"#;
    let mapping = r#"
route: wages.report
source: { batch: { system: employers, layout: wages.yaml, each: lot } }
target: { grpc: { system: ledger, proto: wages.proto, method: civic.wages.v1.Ledger/Record } }
request:
  body:
    ssn: head.id
    rate: foot.rate
    notes: { each: p in part, value: p.open.name }
  ignore: [ head.*, part.*, foot.* ]
"#;
    let (made, told) = translated(layout, mapping, b"H0001\nOabc \nLx   \nLy   \nOdef \nF12345\nH0002\n");
    assert_eq!(told, [""; 0]);
    assert_eq!(made, [r#"{"ssn":"0001","notes":["abc","def"],"rate":12.345}"#, r#"{"ssn":"0002"}"#]);
}
