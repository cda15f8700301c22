//! What layouts say of lists, counts, requirements and framings, each by a small file: read as lines of JSON, and written again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod lines;
mod totals;

use std::sync::Arc;

use portolan_diagnostics::{Severity, Sources};
use portolan_formats::records::{Decoder, RecordFile, RecordWriter};
use portolan_schema::{Reading, ResolveError, Resolved, Resolver, layout};

/// The layout, and nothing else.
struct Only(String);

impl Resolver for Only {
    fn resolve(&self, location: &str, _: Option<&str>) -> Result<Resolved, ResolveError> {
        Ok(Resolved { name: location.to_owned(), bytes: self.0.clone().into_bytes() })
    }
}

fn compiled(text: &str) -> Result<RecordFile, Vec<String>> {
    let mut sources = Sources::default();
    let resolver = Only(format!("layout: test\n{text}"));
    let checked = layout::read("test.yaml", &mut Reading { resolver: &resolver, sources: &mut sources });
    let errors = checked.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let errors: Vec<String> = errors.map(|found| found.message.clone()).collect();
    if errors.is_empty() { Ok(RecordFile::compile(Arc::new(checked.value.unwrap()))) } else { Err(errors) }
}

/// A file's lines and what is wrong with it.
fn decoded(file: &RecordFile, bytes: &[u8], keep: bool) -> (String, Vec<String>) {
    let mut decoder = Decoder::new(file, bytes, keep);
    let (mut text, mut problems) = (String::new(), Vec::new());
    while let Some((lines, found)) = decoder.next() {
        text.push_str(std::str::from_utf8(lines).unwrap());
        problems.extend(found.iter().map(|problem| problem.error.to_string()));
    }
    (text, problems)
}

/// A file reads as these lines, and what `decode` keeps of it is written as the same file again.
#[track_caller]
fn check(layout: &str, bytes: &[u8], lines: &str) {
    let file = compiled(layout).unwrap();
    assert_eq!(decoded(&file, bytes, false), (lines.to_owned(), Vec::new()));
    let (kept, _) = decoded(&file, bytes, true);
    assert_eq!(String::from_utf8_lossy(&written(&file, &kept)), String::from_utf8_lossy(bytes));
}

/// The same, and the lines alone make the file.
#[track_caller]
fn canonical(layout: &str, bytes: &[u8], lines: &str) {
    check(layout, bytes, lines);
    assert_eq!(
        String::from_utf8_lossy(&written(&compiled(layout).unwrap(), lines)),
        String::from_utf8_lossy(bytes)
    );
}

fn written(file: &RecordFile, lines: &str) -> Vec<u8> {
    let mut writer = RecordWriter::new(file);
    let mut out = Vec::new();
    for line in lines.lines() {
        writer.line(line, &mut out).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    writer.finish(&mut out).unwrap();
    for (at, patch) in writer.patches() {
        out[at as usize..at as usize + patch.len()].copy_from_slice(&patch);
    }
    out
}

#[track_caller]
fn refuses(layout: &str, bytes: &[u8], problems: &[&str]) {
    assert_eq!(decoded(&compiled(layout).unwrap(), bytes, false).1, problems);
}

const SEGMENTS: &str = "
file: { framing: lines }
records:
  account:
    occurs: 0..
    fields:
      number: 1-4
      owner: { occurs: 0..3, when: { 1: O }, fields: { tag: { length: 1 }, name: { length: 5 } } }
      limit: { occurs: 0..1, when: { 1: L }, fields: { tag: { length: 1 }, amount: { picture: 9(3) } } }
";

#[test]
fn lists_of_what_says_of_itself_that_it_is_one() {
    canonical(
        SEGMENTS,
        b"0001OAda  OBob  L500\n0002\n",
        concat!(
            r#"{"_record":"account","number":"0001","owner":[{"tag":"O","name":"Ada"},{"tag":"O","name":"Bob"}],"limit":[{"tag":"L","amount":500}]}"#,
            "\n",
            r#"{"_record":"account","number":"0002","owner":[],"limit":[]}"#,
            "\n",
        ),
    );
    // Blanks behind the last one fill the line up; anything else is told of.
    check(
        SEGMENTS,
        b"0001L500   \n",
        "{\"_record\":\"account\",\"number\":\"0001\",\"owner\":[],\"limit\":[{\"tag\":\"L\",\"amount\":500}]}\n",
    );
    refuses(
        SEGMENTS,
        b"0001L500X\n",
        &["record 1, `account`, at byte 8: it has 9 bytes, and its fields are 8"],
    );
}

#[test]
fn a_count_counts_what_is_in_the_same_item() {
    canonical(
        "
file: { framing: shaped }
records:
  order:
    occurs: 0..
    fields:
      lines: { picture: 9 }
      line:
        occurs: 0..9
        depending-on: lines
        fields: { marks: { picture: 9 }, mark: { length: 1, occurs: 0..9, depending-on: marks } }
",
        b"21A3BCD0",
        concat!(
            r#"{"_record":"order","lines":2,"line":[{"marks":1,"mark":["A"]},{"marks":3,"mark":["B","C","D"]}]}"#,
            "\n",
            r#"{"_record":"order","lines":0,"line":[]}"#,
            "\n",
        ),
    );
}

const ORDERS: &str = "
file: { framing: lines }
records:
  order:
    occurs: 0..
    when: { 1: O }
    fields:
      kind: 1
      total: { columns: 2-4, picture: 9(3), value: \"sum(line.amount, line.sign != '-')\" }
      lines: { columns: 5, picture: 9, value: count(line) }
      line: { occurs: 0..5, depending-on: lines, fields: { sign: { length: 1 }, amount: { picture: 9(2) } } }
  end:
    when: { 1: E }
    fields: { kind: 1, lines: { columns: 2-3, picture: 9(2), value: count(order.line) }, total: { columns: 4-6, picture: 9(3), value: sum(order.line.amount) } }
";

#[test]
fn sums_and_counts_go_over_the_items_of_lists() {
    canonical(
        ORDERS,
        b"O0302+10+20\nO0052+05-01\nE04036\n",
        concat!(
            r#"{"_record":"order","kind":"O","total":30,"lines":2,"line":[{"sign":"+","amount":10},{"sign":"+","amount":20}]}"#,
            "\n",
            r#"{"_record":"order","kind":"O","total":5,"lines":2,"line":[{"sign":"+","amount":5},{"sign":"-","amount":1}]}"#,
            "\n",
            r#"{"_record":"end","kind":"E","lines":4,"total":36}"#,
            "\n",
        ),
    );
    refuses(
        ORDERS,
        b"O0312+10+20\nE02031\n",
        &[
            "record 1, `order`, at byte 1, field `total`: the value is not what it must be: 30 is computed",
            "record 2, `end`, at byte 15, field `total`: the value is not what it must be: 30 is computed",
        ],
    );
}

#[test]
fn a_requirement_may_ask_for_the_record_before_and_says_what_it_requires() {
    let layout = "
file: { framing: lines }
records:
  entry: { occurs: 0.., fields: { number: { columns: 1-2, picture: 9(2), require: ordinal(entry) == 1 || previous(number) < number } } }
";
    canonical(
        layout,
        b"01\n05\n",
        "{\"_record\":\"entry\",\"number\":1}\n{\"_record\":\"entry\",\"number\":5}\n",
    );
    let reason = "what the layout requires does not hold: `ordinal(entry) == 1 || previous(number) < number`";
    refuses(layout, b"05\n05\n", &[&format!("record 2, `entry`, at byte 3, field `number`: {reason}")]);
    let counted = layout.replace("ordinal(entry) == 1 || previous(number) < number", "count(entry) < 3");
    assert_eq!(
        compiled(&counted).unwrap_err(),
        ["what is required is tested when the record is read, and counts and sums may not be known then"]
    );
}

#[test]
fn low_values_are_padding_and_for_no_value_where_a_layout_says_so() {
    let layout = "
file: { framing: fixed, record-length: 8 }
records:
  record: { occurs: 0.., fields: { name: 1-4, number: { columns: 5-8, usage: comp, type: integer } } }
";
    check(layout, b"AB\0\0\0\0\0\x05", "{\"_record\":\"record\",\"name\":\"AB\",\"number\":5}\n");
    check(layout, b"\0\0\0\0\0\0\0\0", "{\"_record\":\"record\",\"name\":\"\",\"number\":0}\n");
    // Of a binary number they are zero whatever the layout says of all fields.
    let none = format!("{layout}null: low-values\n");
    canonical(&none, b"\0\0\0\0\0\0\0\0", "{\"_record\":\"record\",\"number\":0}\n");
}

#[test]
fn texts_consist_of_what_the_layout_says_of_all() {
    let layout = "
file: { framing: lines }
chars: printable
records:
  record: { occurs: 0.., fields: { name: 1-3, any: { columns: 4, chars: \"[\\u0007]\" } } }
";
    check(layout, b"Ada\x07\n", "{\"_record\":\"record\",\"name\":\"Ada\",\"any\":\"\\u0007\"}\n");
    refuses(
        layout,
        b"A\x1Aa\x07\n",
        &[
            "record 1, `record`, at byte 0, field `name`: the value holds a character that its field does not allow",
        ],
    );
}

#[test]
fn a_wrapped_file_is_read_without_its_line_ends() {
    let layout = "
file: { framing: bdw, length: { width: 4, form: decimal }, inclusive: true, wrapped: true }
records:
  record: { occurs: 0.., fields: { name: 1-8, number: 9-10 9(2) } }
";
    let lines = "{\"_record\":\"record\",\"name\":\"ABCDEFGH\",\"number\":12}\n{\"_record\":\"record\",\"name\":\"IJKLMNOP\",\"number\":34}\n";
    check(layout, b"0018\n0014ABCD\r\nEFGH12\n00180014IJKLMNOP3\n4\n", lines);
    canonical(layout, b"00180014ABCDEFGH1200180014IJKLMNOP34", lines);
}

/// As the image views of an X9.37 cash letter are: a key, a signature and an image, each behind its length, in records behind theirs.
const IMAGES: &str = "
file: { framing: length-prefix, length: { width: 4 }, encoding: cp037 }
records:
  view:
    occurs: 0..
    when: { 1-2: \"52\" }
    fields:
      type: 1-2
      routing: { length: 9, picture: 9(9) }
      key_length: { length: 4, picture: 9(4) }
      key: { length: 9999, depending-on: key_length }
      signature_length: { length: 5, picture: 9(5) }
      signature: { length: 99999, type: bytes, depending-on: signature_length }
      image_length: { length: 7, picture: 9(7) }
      image: { length: 9000000, type: bytes, depending-on: image_length }
";

fn view(fields: &[&[u8]]) -> Vec<u8> {
    let record = fields.concat();
    [&u32::try_from(record.len()).unwrap().to_be_bytes(), record.as_slice()].concat()
}

/// Digits and capital letters A to I in EBCDIC.
fn ebcdic(text: &str) -> Vec<u8> {
    text.bytes().map(|byte| if byte.is_ascii_digit() { byte + 0xC0 } else { byte + 0x80 }).collect()
}

#[test]
fn a_field_says_how_long_a_text_or_bytes_are() {
    let file = [
        view(&[&ebcdic("520610005150003ABC00000"), &ebcdic("0000005"), &[0x4D, 0x4D, 0, 0x2A, 0xFF]]),
        view(&[&ebcdic("52061000515000000002"), &[1, 2], &ebcdic("0000000")]),
        // Blanks at its end are part of it.
        view(&[&ebcdic("520610005150002A"), &[0x40], &ebcdic("000000000000")]),
    ]
    .concat();
    canonical(
        IMAGES,
        &file,
        r#"{"_record":"view","type":"52","routing":61000515,"key_length":3,"key":"ABC","signature_length":0,"signature":"","image_length":5,"image":"4d4d002aff"}
{"_record":"view","type":"52","routing":61000515,"key_length":0,"key":"","signature_length":2,"signature":"0102","image_length":0,"image":""}
{"_record":"view","type":"52","routing":61000515,"key_length":2,"key":"A ","signature_length":0,"signature":"","image_length":0,"image":""}
"#,
    );
    // What is written says itself how long it is; a length that says otherwise is refused.
    let lines = r#"{"_record":"view","routing":61000515,"key":"ABC","signature":"","image":"4d4d002aff"}"#;
    assert_eq!(written(&compiled(IMAGES).unwrap(), lines), file[..4 + 35]);
    assert_eq!(
        unwritable(IMAGES, &[&lines.replace("\"key\"", "\"key_length\":9,\"key\"")]),
        "record 1, `view`, at byte 0, field `key`: it has 3, and `key_length` says otherwise: leave that out, it is written by itself"
    );
}

#[test]
fn a_length_that_goes_beyond_its_record_is_refused() {
    let file = view(&[&ebcdic("520610005150009ABC")]);
    let (text, problems) = decoded(&compiled(IMAGES).unwrap(), &file, false);
    let refused = "{\"_record\":\"_refused\",\"kind\":\"view\",\"number\":1,\"offset\":0}\n";
    assert_eq!((text.as_str(), problems.len()), (refused, 1), "{problems:?}");
    let small = IMAGES.replace("length: 9999,", "length: 2,");
    let file = view(&[&ebcdic("520610005150003ABC00000"), &ebcdic("0000000")]);
    assert!(!decoded(&compiled(&small).unwrap(), &file, false).1.is_empty());
    let mut out = Vec::new();
    let compiled_small = compiled(&small).unwrap();
    let mut writer = RecordWriter::new(&compiled_small);
    let line =
        r#"{"_record":"view","routing":1,"key_length":3,"key":"ABC","signature_length":0,"image_length":0}"#;
    assert!(writer.line(line, &mut out).is_err());
}

#[test]
fn what_has_digits_has_a_length_of_its_own() {
    let layout = IMAGES.replace("key: { length: 9999,", "key: { picture: 9(5),");
    assert_eq!(
        compiled(&layout).unwrap_err(),
        ["another field says how long a text or bytes are; this is zoned"]
    );
}

/// As the entries of norma 43 are: 1 is a debit, 2 a credit.
const ENTRIES: &str = "
file: { framing: lines }
records:
  entry:
    occurs: 0..
    when: { 1-2: \"22\" }
    fields:
      side: 3
      amount: { columns: 4-9, picture: 9(4)V99, sign-in: side, negative: [\"1\", D], positive: [\"2\", C], null: blanks }
      fee: { columns: 10-12, picture: 999, pad: blank, sign-in: fee_side, negative: D, positive: C }
      fee_side: 13
  total:
    when: { 1-2: \"33\" }
    fields:
      sum: { columns: 3-9, picture: S9(4)V99, sign: leading-separate, value: sum(entry.amount) }
";

#[test]
fn a_field_says_the_sign_of_another() {
    canonical(
        ENTRIES,
        b"222001000  7C\n221000250 10D\n222000001  0C\n33+000751\n",
        r#"{"_record":"entry","side":"2","amount":10.00,"fee":7,"fee_side":"C"}
{"_record":"entry","side":"1","amount":-2.50,"fee":-10,"fee_side":"D"}
{"_record":"entry","side":"2","amount":0.01,"fee":0,"fee_side":"C"}
{"_record":"total","sum":7.51}
"#,
    );
    // A debit of nothing, another word for the same, and no amount at all.
    check(
        ENTRIES,
        b"221000000  1D\n22D000100  1C\n22       999D\n33-000100\n",
        r#"{"_record":"entry","side":"1","amount":0.00,"fee":-1,"fee_side":"D"}
{"_record":"entry","side":"D","amount":-1.00,"fee":1,"fee_side":"C"}
{"_record":"entry","side":"","fee":-999,"fee_side":"D"}
{"_record":"total","sum":-1.00}
"#,
    );
    // The sign of the number is written where nobody says it; one that says otherwise is refused.
    let lines = r#"{"_record":"entry","amount":-2.50,"fee":-10}
{"_record":"entry","amount":1,"fee":0,"fee_side":"D"}
{"_record":"total"}"#;
    assert_eq!(
        unwritable(ENTRIES, &[r#"{"_record":"entry","side":"1","amount":1,"fee":0,"fee_side":"D"}"#]),
        "record 1, `entry`, at byte 0, field `amount`: `side` is given too, and says another sign: leave it out, it is written by itself"
    );
    assert_eq!(
        String::from_utf8(written(&compiled(ENTRIES).unwrap(), lines)).unwrap(),
        "221000250 10D\n222000100  0D\n33-000150\n"
    );
}

#[test]
fn a_sign_that_is_neither_is_refused() {
    refuses(
        ENTRIES,
        b"223001000  7C\n33+000000\n",
        &[
            "record 1, `entry`, at byte 3, field `amount`: the value has its sign in another field, and that has none of the texts that mean plus or minus",
        ],
    );
    let signed = ENTRIES.replace("picture: 9(4)V99, sign-in", "picture: S9(4)V99, sign-in");
    assert_eq!(
        compiled(&signed).unwrap_err(),
        ["a number of digits without a sign has its sign in another field"]
    );
    let alone = ENTRIES.replace("negative: D, positive: C", "negative: D");
    assert_eq!(compiled(&alone).unwrap_err(), ["`sign-in`, `negative` and `positive` belong together"]);
}

#[test]
fn records_of_many_counted_fields_are_walked_through_once() {
    let fields: String = (0..60)
        .map(|index| format!("      n{index}: {{ picture: 9 }}\n      l{index}: {{ length: 1, occurs: 0..9, depending-on: n{index} }}\n"))
        .collect();
    let layout = format!("records:\n  only:\n    occurs: 0..\n    fields:\n{fields}");
    let line: String = (0..60).map(|index| format!(",\"n{index}\":1,\"l{index}\":[\"x\"]")).collect();
    canonical(
        &layout,
        format!("{}\n", "1x".repeat(60)).as_bytes(),
        &format!("{{\"_record\":\"only\"{line}}}\n"),
    );
}

/// The error that a line is refused with.
fn unwritable(layout: &str, lines: &[&str]) -> String {
    let file = compiled(layout).unwrap();
    let mut writer = RecordWriter::new(&file);
    let mut out = Vec::new();
    let errors = lines.iter().filter_map(|line| writer.line(line, &mut out).err());
    errors.map(|error| error.to_string()).collect::<Vec<_>>().join("; ")
}

#[test]
fn blanks_are_no_binary_numbers() {
    let layout = "
file: { short-lines: pad }
records:
  record: { occurs: 0.., fields: { name: 1-4, number: { columns: 5-8, usage: comp, type: integer }, text: 9-10 } }
";
    check(
        layout,
        b"AB  \0\0\0\x05\n",
        "{\"_record\":\"record\",\"name\":\"AB\",\"number\":5,\"text\":\"\"}\n",
    );
    refuses(
        layout,
        b"AB  \0\0\0\n",
        &["record 1, `record`, at byte 0: it has 7 bytes, and its fields need 8"],
    );
}

#[test]
fn a_variant_without_columns_follows_what_stands_before_it() {
    let layout = "
records:
  row:
    occurs: 0..
    fields: { n: { picture: 9 }, l: { length: 1, occurs: 0..9, depending-on: n }, kind: { length: 1 } }
    variants:
      by: kind
      day: { is: D, fields: { day: { length: 8, date: yyyyMMdd } } }
      word: { is: W, fields: { word: { length: 3 } } }
";
    let lines = "{\"_record\":\"row\",\"n\":2,\"l\":[\"x\",\"y\"],\"kind\":\"D\",\"day\":{\"day\":\"2026-11-29\"}}\n\
                 {\"_record\":\"row\",\"n\":0,\"l\":[],\"kind\":\"W\",\"word\":{\"word\":\"abc\"}}\n";
    canonical(layout, b"2xyD20261129\n0Wabc\n", lines);
    let fixed = layout.replace(
        "n: { picture: 9 }, l: { length: 1, occurs: 0..9, depending-on: n }, ",
        "id: { length: 2 }, ",
    );
    let lines = "{\"_record\":\"row\",\"id\":\"ab\",\"kind\":\"W\",\"word\":{\"word\":\"abc\"}}\n";
    canonical(&fixed, b"abWabc\n", lines);
}

/// A field of the record stands in the place of the common one of its name, whichever of both gives columns.
#[test]
fn a_common_field_is_replaced() {
    let layout = "file: { framing: lines }
common: { kind: { length: 1 }, day-of: { length: 2 } }
records:
  head: { when: { 1: H }, fields: { b: { length: 2 }, day_of: { length: 2, picture: 9(2) } } }
  line: { when: { 1: L }, occurs: 0.., fields: { kind: { length: 1, values: [L] }, b: { length: 2 } } }
";
    canonical(
        layout,
        b"H01ab\nL01cd\n",
        "{\"_record\":\"head\",\"kind\":\"H\",\"day_of\":1,\"b\":\"ab\"}\n{\"_record\":\"line\",\"kind\":\"L\",\"day_of\":\"01\",\"b\":\"cd\"}\n",
    );
}

/// Of the first record there is none before: its number is taken as it is, and given where it is written.
#[test]
fn numbers_that_go_on() {
    let layout = "file: { framing: lines }
records:
  batch:
    occurs: 0..
    records:
      head: { when: { 1: H }, fields: { kind: 1 } }
      line: { when: { 1: L }, occurs: 0.., fields: { kind: 1, number: { columns: 2-3, picture: 9(2), value: previous(number) + 1 } } }
";
    let head = "{\"_record\":\"batch.head\",\"kind\":\"H\"}\n";
    let line = |number: u8| format!("{{\"_record\":\"batch.line\",\"kind\":\"L\",\"number\":{number}}}\n");
    let lines = [head, &line(5), &line(6), head, &line(1), &line(2)].concat();
    canonical(layout, b"H\nL05\nL06\nH\nL01\nL02\n", &lines);
    refuses(
        layout,
        b"H\nL05\nL07\n",
        &[
            "record 3, `batch.line`, at byte 7, field `number`: the value is not what it must be: 6 is computed",
        ],
    );
    let not_given = "{\"_record\":\"batch.line\"}\n";
    let file = compiled(layout).unwrap();
    assert_eq!(written(&file, &[head, &line(5), not_given].concat()), b"H\nL05\nL06\n");
    let mut writer = RecordWriter::new(&file);
    let mut out = Vec::new();
    writer.line(head, &mut out).unwrap();
    assert_eq!(
        writer.line(not_given.trim(), &mut out).unwrap_err().to_string(),
        "record 2, `batch.line`, at byte 2, field `number`: the value is missing, and its field has no bytes for that"
    );

    // With what is before the first one, the first one is verified and computed too.
    let seeded = layout.replace("previous(number) + 1", "\"previous(number, 0) + 1\"");
    let counted = [head, &line(1), &line(2), head, &line(1)].concat();
    canonical(&seeded, b"H\nL01\nL02\nH\nL01\n", &counted);
    let file = compiled(&seeded).unwrap();
    assert_eq!(written(&file, &[head, not_given, not_given].concat()), b"H\nL01\nL02\n");
    refuses(
        &seeded,
        b"H\nL05\nL06\n",
        &[
            "record 2, `batch.line`, at byte 3, field `number`: the value is not what it must be: 1 is computed",
        ],
    );
}

/// A record that counts records of its own kind is numbered: a lot of CNAB 240, whose segments have one number.
#[test]
fn running_numbers() {
    let layout = "file: { framing: lines }
records:
  lot:
    occurs: 0..
    records:
      head: { when: { 1: H }, fields: { kind: 1 } }
      p:
        when: { 1: P }
        occurs: 0..
        fields: { kind: 1, number: { columns: 2-3, picture: 9(2), value: \"count(p, p.q, p.r)\" }, own: { columns: 4, picture: 9, value: count(p) } }
        records:
          q: { when: { 1: Q }, fields: { kind: 1, number: { columns: 2-3, picture: 9(2), value: \"count(p, p.q, p.r)\" } } }
          r: { when: { 1: R }, occurs: 0..1, fields: { kind: 1, number: { columns: 2-3, picture: 9(2), value: \"count(p, p.q, p.r)\" } } }
      tail: { when: { 1: T }, fields: { kind: 1, lines: { columns: 2-3, picture: 9(2), value: \"count(p, p.q, p.r) + 2\" } } }
";
    let bytes = b"H\nP011\nQ02\nR03\nP042\nQ05\nT07\nH\nP011\nQ02\nT04\n";
    let file = compiled(layout).unwrap();
    let (lines, problems) = decoded(&file, bytes, false);
    assert_eq!(problems, Vec::<String>::new());
    canonical(layout, bytes, &lines);
    let bare: String = ["H", "p", "p.q", "p.r", "p", "p.q", "T", "H", "p", "p.q", "T"]
        .iter()
        .map(|name| match *name {
            "H" => "{\"_record\":\"lot.head\"}\n".to_owned(),
            "T" => "{\"_record\":\"lot.tail\"}\n".to_owned(),
            name => format!("{{\"_record\":\"lot.{name}\"}}\n"),
        })
        .collect();
    assert_eq!(String::from_utf8(written(&file, &bare)).unwrap(), String::from_utf8_lossy(bytes));
    refuses(
        layout,
        b"H\nP011\nQ01\nT04\n",
        &["record 3, `lot.p.q`, at byte 8, field `number`: the value is not what it must be: 2 is computed"],
    );
}

#[test]
fn a_list_may_not_be_shorter_than_the_layout_says() {
    let layout = "file: { short-lines: pad }\nrecords: { row: { occurs: 0.., fields: { n: { picture: 9 }, l: { length: 1, occurs: 2..9, depending-on: n } } } }";
    canonical(layout, b"2xy\n", "{\"_record\":\"row\",\"n\":2,\"l\":[\"x\",\"y\"]}\n");
    refuses(
        layout,
        b"1x\n",
        &["record 1, `row`, at byte 1, field `l`: the list has 1 items, and the layout has 2 at least"],
    );
}

#[test]
fn what_is_computed_is_summed() {
    let layout = "
file: { framing: lines }
records:
  line: { when: { 1: L }, occurs: 0.., fields: { k: 1, a: 2-4 9(3), b: 5-7 9(3), both: { columns: 8-11, picture: 9(4), value: a + b } } }
  tail: { when: { 1: T }, fields: { k: 1, all: { columns: 2-6, picture: 9(5), value: sum(line.both) }, check: { columns: 7, picture: 9, value: mod10(all) } } }
";
    let file = compiled(layout).unwrap();
    let lines = "{\"_record\":\"line\",\"a\":1,\"b\":2}\n{\"_record\":\"line\",\"a\":30,\"b\":40}\n{\"_record\":\"tail\"}\n";
    let made = written(&file, lines);
    assert_eq!(String::from_utf8_lossy(&made), "L0010020003\nL0300400070\nT000737\n");
    assert_eq!(decoded(&file, &made, false).1, Vec::<String>::new());
}

#[test]
fn a_segment_is_no_record() {
    let layout = "file: { framing: rdw }\nrecords: { row: { occurs: 0.., fields: { a: { length: 2 } } } }";
    canonical(layout, b"\0\x06\0\0ab", "{\"_record\":\"row\",\"a\":\"ab\"}\n");
    let why = "its descriptor word says that it is a segment of a record that spans several (VS, VBS), which is not read";
    refuses(layout, b"\0\x06\x01\0ab", &[&format!("record 1, at byte 0: {why}")]);
}

#[test]
fn line_ends_between_records_of_a_fixed_length_are_told_of() {
    let layout =
        "file: { framing: fixed, record-length: 4 }\nrecords: { row: { occurs: 0.., fields: { a: 1-4 } } }";
    let told = "record 2, `row`, at byte 4: it begins with a line end, which is taken for part of it: `line-ends-between: true` passes over line ends";
    refuses(layout, b"abcd\nabc", &[told]);
    refuses(layout, b"abcdabcd", &[]);
}

#[test]
fn a_length_within_a_record_is_written_by_itself() {
    let layout = "
file: { framing: length-field, length: { at: 2, width: 2, form: decimal } }
records: { row: { occurs: 0.., fields: { kind: 1, length: 2-3 99, text: 4- } } }
";
    let lines = "{\"_record\":\"row\",\"kind\":\"a\",\"length\":5,\"text\":\"xy\"}\n";
    canonical(layout, b"a05xy", lines);
    assert_eq!(written(&compiled(layout).unwrap(), r#"{"kind":"a","text":"xyz"}"#), b"a06xyz");
    assert!(unwritable(layout, &[r#"{"kind":"a","length":9,"text":"xy"}"#]).contains("another length"));
}
