//! What is told of broken files: which record, where in the file, which field, which bytes, and what is wrong with them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod framings;

use framings::{compiled, decoded, encoded};
use portolan_formats::records::{FrameError, Next, Nowhere, RecordErrorKind, RecordReader};

/// A layout of one kind of record.
fn one(file: &str, fields: &str) -> String {
    format!("layout: it\nfile: {{ {file} }}\nrecords:\n  record:\n    occurs: 0..\n    fields:\n{fields}")
}

/// The errors of a file by `layout`, each as `record @offset field "raw": what`.
fn check(layout: &str, bytes: &[u8], expected: &[&str]) {
    let file = compiled(layout, "");
    let (_, problems) = decoded(&file, bytes);
    let shown: Vec<String> = problems
        .iter()
        .map(|problem| {
            let error = &problem.error;
            let place = match (&error.name, &error.field) {
                (Some(name), Some(field)) => format!(" {name}.{field}"),
                (Some(name), None) => format!(" {name}"),
                _ => String::new(),
            };
            let warning = if problem.warning { "warning: " } else { "" };
            let raw = error.raw.escape_ascii();
            format!("{warning}{} @{}{place} \"{raw}\": {}", error.record, error.offset, error.kind)
        })
        .collect();
    assert_eq!(shown, expected, "{}", bytes.escape_ascii());
}

const AMOUNTS: &str = "      id: { length: 2, picture: 9(2) }\n      name: { length: 3 }\n      amount: { picture: S9(3), usage: comp-3 }\n";

#[test]
fn values() {
    let fixed = one("framing: fixed, record-length: 7", AMOUNTS);
    check(&fixed, b"01ABC\x12\x3C02DEF\x12\x3D", &[]);
    // Letters where digits must be, in the second record.
    check(
        &fixed,
        b"01ABC\x12\x3CX2DEF\x12\x3D",
        &[r#"2 @7 record.id "X2": the value is not written as its type demands"#],
    );
    // A nibble that is no sign, and one that is no digit.
    check(
        &fixed,
        b"01ABC\x12\x3002DEF\x1A\x3C",
        &[
            r#"1 @5 record.amount "\x120": the value is not written as its type demands"#,
            r#"2 @12 record.amount "\x1a<": the value is not written as its type demands"#,
        ],
    );
    // Two fields of one record.
    check(
        &fixed,
        b"..ABC\xFF\xFF",
        &[
            r#"1 @0 record.id "..": the value is not written as its type demands"#,
            r#"1 @5 record.amount "\xff\xff": the value is not written as its type demands"#,
        ],
    );
}

/// Who reads no values that nothing asks for reads those that are to be tested.
#[test]
fn totals_that_cannot_be_read() {
    let records = "records:
  order: { when: { 1: O }, occurs: 0.., fields: { number: 2-6 9(5) } }
  total: { when: { 1: T }, fields: { count: { columns: 2-6, picture: 9(5), value: count(order) } } }
  foot: { when: { 1: F }, occurs: 0..1, fields: { count: { columns: 2-6, picture: 9(5), value: count(total) } } }
";
    let fixed = format!("layout: it\nfile: {{ framing: lines }}\n{records}");
    let delimited = "layout: it
file: { framing: delimited, delimiter: ';', titles: false }
records:
  order: { when: { kind: O }, occurs: 0.., fields: { kind: { length: 1 }, number: { length: 5 } } }
  total: { when: { kind: T }, fields: { kind: { length: 1 }, count: { length: 5, type: integer, value: count(order) } } }
";
    for (layout, text, offset) in [
        (fixed.as_str(), "O00001\nT0000x\n", 8),
        (fixed.as_str(), "O00001\nT00001\nF    1\n", 15),
        (delimited, "O;1\nT;x\n", 6),
    ] {
        let file = compiled(layout, "");
        for lightly in [false, true] {
            let reader = RecordReader::new(&file, text.as_bytes());
            let mut reader = if lightly { reader.lightly() } else { reader };
            let mut told = Vec::new();
            loop {
                let next = reader.next(&mut Nowhere);
                told.extend(reader.problems().map(|problem| (problem.error.offset, problem.error.kind)));
                if matches!(next, Next::End) {
                    break;
                }
            }
            assert!(
                matches!(told[..], [(at, RecordErrorKind::Value(_))] if at == offset),
                "{text}, {lightly}: {told:?}"
            );
        }
    }
}

#[test]
fn texts_dates_and_lists() {
    let layout = one(
        "framing: lines, line-end: lf",
        "      code: { length: 2, values: [AA, BB] }\n      name: { length: 3, chars: alphabetic }\n      due: { length: 6, date: yyMMdd }\n",
    );
    check(&layout, b"AAxyz251129\nBBabc240229\n", &[]);
    check(
        &layout,
        b"AAxyz251129\nCCabc240229\nAAx1z251129\nAAxyz230229\n",
        &[
            r#"2 @12 record.code "CC": the value is not one of those that the layout lists"#,
            r#"3 @26 record.name "x1z": the value holds a character that its field does not allow"#,
            r#"4 @41 record.due "230229": the value is a day that does not exist"#,
        ],
    );
    let times = one("framing: fixed, record-length: 4", "      at: { length: 4, time: HHmm }\n");
    check(
        &times,
        b"2359236012:3",
        &[
            r#"2 @4 record.at "2360": the value is a time of day that does not exist"#,
            r#"3 @8 record.at "12:3": the value is not written as its type demands"#,
        ],
    );
    let utf8 = one("framing: fixed, record-length: 4, encoding: utf-8", "      name: { length: 4 }\n");
    check(&utf8, b"abcda\xFFcd", &[r#"2 @4 record.name "a\xffcd": the value is not valid UTF-8"#]);
    let listed = one(
        "framing: rdw, inclusive: false",
        "      many: { picture: 9(1) }\n      parts: { occurs: 0..3, depending-on: many, fields: { n: { picture: 9(2) } } }\n",
    );
    check(&listed, b"\0\x05\0\x002\x30\x31\x30\x32", &[]);
    check(
        &listed,
        b"\0\x05\0\x002010X",
        &[r#"1 @7 record.parts[1].n "0X": the value is not written as its type demands"#],
    );
    check(
        &listed,
        b"\0\x07\0\x009010203",
        &[r#"1 @4 record.parts "9": `many` says more than 3, the most that the layout has"#],
    );
    // A count that promises more than the record holds.
    check(
        &listed,
        b"\0\x03\0\x00201",
        &[r#"1 @7 record.parts[1].n "": it has 3 bytes, and its fields need 5"#],
    );
}

#[test]
fn lengths() {
    let lines = one("framing: lines, line-end: lf", "      a: { length: 2 }\n      b: { length: 3 }\n");
    check(
        &lines,
        b"12345\n123\n12345   \n123456\n",
        &[
            r#"2 @6 record "123": it has 3 bytes, and its fields need 5"#,
            r#"4 @24 record "6": it has 6 bytes, and its fields are 5"#,
        ],
    );
    let delimited =
        one("framing: delimited, titles: false", "      a: { length: 2 }\n      b: { length: 3 }\n");
    check(
        &delimited,
        b"1,2\n1,2,3\n1\n",
        &[
            r#"2 @4 record "1,2,3": it has 3 values, and the layout has 2"#,
            r#"3 @10 record "1": it has 1 values, and the layout has 2"#,
        ],
    );
    let padded = one(
        "framing: lines, line-end: lf, short-lines: pad",
        "      a: { length: 2 }\n      b: { length: 3, picture: 9(3) }\n",
    );
    // The field would begin where the line has ended.
    check(&padded, b"12345\n1\n", &[r#"2 @7 record.b "": the value is not written as its type demands"#]);
}

/// In a line of values everything is where it is in the file, whatever quotes stand around it; totals hold as anywhere.
#[test]
fn delimited() {
    let layout = "layout: it
file: { framing: delimited, titles: false, line-end: lf }
records:
  head: { when: { kind: H }, fields: { day: { length: 5 }, kind: { length: 1 }, lines: { picture: 9(3), value: count(line) } } }
  line: { when: { 2: L }, occurs: 0.., fields: { name: { length: 5 }, kind: { length: 1 }, amount: { picture: 9(5)V99, point: \".\" }, day: { length: 5, value: head.day } } }
  tail: { when: { kind: T }, fields: { name: { length: 5 }, kind: { length: 1 }, total: { picture: 9(5)V99, point: \".\", value: sum(line.amount) } } }
";
    let good = "mon,H,002\n\"a,\"\"b\",L,00001.50,mon\nc,L,00020.25,mon\n,T,00021.75\n";
    check(layout, good.as_bytes(), &[]);
    check(
        layout,
        good.replace("21.75", "21.76").replace(",002", ",003").as_bytes(),
        &[
            r#"4 @53 tail.total "00021.76": the value is not what it must be: 21.75 is computed"#,
            r#"1 @6 head.lines "003": the value is not what it must be: 2 is computed"#,
        ],
    );
    check(
        layout,
        good.replace("20.25,mon", "20.25,\"tue\"").as_bytes(),
        &[r#"3 @46 line.day "\"tue\"": the value is not what it must be: mon is computed"#],
    );
    check(
        layout,
        good.replace("00001.50", "x").as_bytes(),
        &[
            r#"2 @20 line.amount "x": the value is not written as its type demands"#,
            r#"4 @46 tail.total "00021.75": the value is not what it must be: 20.25 is computed, of what could be read"#,
        ],
    );
    let file = compiled(layout, "");
    let lines = r#"{"_record":"head","day":"mon","lines":2}
{"_record":"line","name":"a,\"b","amount":1.5}
{"_record":"line","name":"c","amount":20.25}
{"_record":"tail"}"#;
    let written = String::from_utf8(encoded(&file, lines.as_bytes()).unwrap()).unwrap();
    check(layout, written.as_bytes(), &[]);
    assert_eq!(written, "mon,H,002\n\"a,\"\"b\",L,1.50,mon\nc,L,20.25,mon\n,T,21.75\n");
    let error = encoded(&file, br#"{"_record":"head","day":"mon"}"#).unwrap_err();
    assert!(error.contains("field `lines`: it is computed of what follows"), "{error}");
}

#[test]
fn conditions() {
    let layout = "layout: it
file: { framing: lines, line-end: lf }
records:
  head: { when: { 1: H }, fields: { _t: { length: 1, filler: true }, f: { length: 2, filler: \"--\", exact: true } } }
  line:
    when: { 1: L }
    occurs: 1..2
    require: \"from <= to\"
    fields:
      _t: { length: 1, filler: true }
      from: { picture: 9 }
      to: { picture: 9, require: \"to < 9\" }
  kinds:
    when: { 1: K }
    occurs: 0..
    fields: { _t: { length: 1, filler: true }, code: { length: 1 } }
    variants:
      by: code
      a: { is: [A], fields: { n: { columns: 3, picture: 9 } } }
      b: { is: [B], fields: { t: { columns: 3 } } }
  tail: { when: { 1: T }, fields: { _t: { length: 1, filler: true }, lines: { picture: 9(2), value: count(line) } } }
";
    check(layout, b"H--\nL12\nKA1\nKBx\nT01\n", &[]);
    check(layout, b"H-x\nL12\nT01\n", &[r#"1 @1 head "-x": these bytes must be fillers, and are others"#]);
    check(
        layout,
        b"H--\nL21\nT01\n",
        &[r#"2 @4 line "L21": what the layout requires does not hold: `from <= to`"#],
    );
    check(
        layout,
        b"H--\nL19\nT01\n",
        &[r#"2 @6 line.to "9": what the layout requires does not hold: `to < 9`"#],
    );
    check(layout, b"H--\nL12\nKC1\nT01\n", &[r#"3 @8 kinds "": none of its variants is the one"#]);
    check(
        layout,
        b"H--\nL12\nKAx\nT01\n",
        &[r#"3 @10 kinds.a.n "x": the value is not written as its type demands"#],
    );
    check(
        layout,
        b"H--\nL12\nT07\n",
        &[r#"3 @9 tail.lines "07": the value is not what it must be: 1 is computed"#],
    );
}

#[test]
fn order() {
    let layout = "layout: it
file: { framing: lines, line-end: lf }
records:
  head: { when: { 1: H }, fields: { t: { length: 1 } } }
  line: { when: { 1: L }, occurs: 1..2, fields: { t: { length: 1 } } }
  tail: { when: { 1: T }, fields: { t: { length: 1 } } }
";
    check(layout, b"H\nL\nT\n", &[]);
    check(
        layout,
        b"H\nX\nL\nT\n",
        &[r#"2 @2 "X": it is none of the records that may stand here: `line` is expected"#],
    );
    check(layout, b"L\nT\n", &[r#"1 @0 "L": `head` is missing before it"#]);
    check(layout, b"T\n", &[r#"1 @0 "T": `head`, `line` are missing before it"#]);
    check(
        layout,
        b"H\nL\nL\nL\nT\n",
        &[r#"4 @6 "L": `line` may stand here at most 2 times: `tail` is expected"#],
    );
    check(layout, b"H\nH\nL\nT\n", &[r#"2 @2 "H": `head` may stand here at most once: `line` is expected"#]);
    check(layout, b"H\nL\nT\nL\n", &[r#"4 @6 "L": `line` cannot stand here: nothing may follow"#]);
    check(layout, b"H\nL\n", &[r#"3 @4 "": the file ends without `tail`"#]);
    check(layout, b"", &[r#"1 @0 "": the file ends without `head`"#]);
}

/// What is missing in a group is told of once: where the record stands before which it had to be.
#[test]
fn groups() {
    let layout = "layout: it
file: { framing: lines, line-end: lf }
records:
  batch:
    occurs: 0..2
    records:
      head: { when: { 1: H }, fields: { t: { length: 1 } } }
      line: { when: { 1: L }, occurs: 0.., fields: { t: { length: 1 }, amount: { picture: 9 } }, records: { note: { when: { 1: N }, occurs: 0..1, fields: { t: { length: 1 } } } } }
      tail: { when: { 1: T }, fields: { t: { length: 1 }, lines: { picture: 9, value: count(line) } } }
";
    check(layout, b"H\nL1\nT1\nH\nT0\n", &[]);
    // A batch begins anew, whatever is missing in the one before.
    check(layout, b"H\nL1\nH\nL1\nT1\n", &[r#"3 @5 "H": `batch.tail` is missing before it"#]);
    check(layout, b"L1\nT1\n", &[r#"1 @0 "L1": `batch.line` cannot stand here: `batch.head` is expected"#]);
    check(
        layout,
        b"H\nL1\nN\nN\nT1\n",
        &[
            r#"4 @7 "N": `batch.line.note` may stand here at most once: `batch.line` or `batch.tail` is expected"#,
        ],
    );
    check(
        layout,
        b"H\nT0\nH\nT0\nH\nT0\n",
        &[r#"5 @10 "H": `batch` may stand here at most 2 times: nothing may follow"#],
    );
}

/// A total of which something could not be read says so: it is a consequence.
#[test]
fn totals_of_what_could_be_read() {
    let layout = "layout: it
file: { framing: lines, line-end: lf }
records:
  line: { when: { 1: L }, occurs: 0.., fields: { t: { length: 1 }, amount: { picture: 9(2) } } }
  item: { when: { 1: I }, occurs: 0.., fields: { t: { length: 1 }, prices: { occurs: 2, fields: { price: { picture: 9 } } } } }
  tail: { when: { 1: T }, fields: { t: { length: 1 }, lines: { picture: 9, value: count(line) }, total: { picture: 9(3), value: sum(line.amount) }, prices: { picture: 9(2), value: sum(item.prices.price) } } }
";
    check(layout, b"L10\nL20\nI12\nT203003\n", &[]);
    check(
        layout,
        b"L10\nL2x\nI1x\nT303005\n",
        &[
            r#"2 @5 line.amount "2x": the value is not written as its type demands"#,
            r#"3 @10 item.prices[1].price "x": the value is not written as its type demands"#,
            r#"4 @13 tail.lines "3": the value is not what it must be: 2 is computed"#,
            r#"4 @14 tail.total "030": the value is not what it must be: 10 is computed, of what could be read"#,
            r#"4 @17 tail.prices "05": the value is not what it must be: 1 is computed, of what could be read"#,
        ],
    );
    check(
        layout,
        b"L10\n?20\nT203000\n",
        &[
            r#"2 @4 "?20": it is none of the records that may stand here: `line`, `item` or `tail` is expected"#,
            r#"3 @9 tail.lines "2": the value is not what it must be: 1 is computed, of what could be read"#,
            r#"3 @10 tail.total "030": the value is not what it must be: 10 is computed, of what could be read"#,
        ],
    );
}

/// What is wrong is the mark, not the record behind it.
#[test]
fn a_byte_order_mark() {
    let mark =
        r#"1 @0 "\xef\xbb\xbf": the file begins with a byte order mark, of which the layout says nothing"#;
    let fields = "      a: { length: 1, values: [A] }\n      b: { picture: 9(2) }\n";
    let file = b"\xEF\xBB\xBFA12\nA13\n";
    check(&one("framing: lines", fields), file, &[mark]);
    check(&one("framing: lines, header-bytes: 3", fields), file, &[]);
    // Nor is the record missing that could not be told.
    let told = "layout: it\nfile: { framing: lines }\nrecords:\n  head: { when: { 1: A }, fields: { a: 1-3 } }\n  tail: { when: { 1: B }, fields: { a: 1-3 } }\n";
    check(told, b"\xEF\xBB\xBFA12\nB13\n", &[mark]);
    check(&one("framing: fixed, record-length: 3", fields), b"\xEF\xBB\xBFA12", &[mark]);
    let prefixed = one("framing: length-prefix, length: { width: 2, form: decimal }", fields);
    let error = RecordErrorKind::Frame(FrameError::ByteOrderMark);
    let (_, problems) = decoded(&compiled(&prefixed, ""), b"\xEF\xBB\xBF03A12");
    assert_eq!(problems.iter().map(|p| &p.error.kind).collect::<Vec<_>>(), [&error]);
    // It is the text's where nothing is wrong with it.
    let text = one("framing: fixed, record-length: 4, encoding: utf-8", "      a: { length: 4 }\n");
    check(&text, b"\xEF\xBB\xBFA", &[]);
}

#[test]
fn blank_lines() {
    let fields = "      a: { length: 1, values: [A] }\n      b: { picture: 9(2) }\n";
    let file = b"A12\n\n   \nA13\n";
    check(
        &one("framing: lines", fields),
        file,
        &[
            r#"2 @4 record "": it has 0 bytes, and its fields need 3"#,
            r#"3 @5 record.a " ": the value is not one of those that the layout lists"#,
            r#"3 @6 record.b "  ": the value is not written as its type demands"#,
        ],
    );
    check(&one("framing: lines, blank-lines: skip", fields), file, &[]);
}

#[test]
fn warnings() {
    let layout = "layout: it
verify: warn
file: { framing: lines, line-end: lf }
records:
  line: { when: { 1: L }, occurs: 0.., fields: { t: { length: 1 }, amount: { picture: 9(2) } } }
  tail: { when: { 1: T }, fields: { t: { length: 1 }, total: { picture: 9(3), value: sum(line.amount) } } }
";
    check(layout, b"L10\nL20\nT030\n", &[]);
    check(
        layout,
        b"L10\nL20\nT031\n",
        &[r#"warning: 3 @9 tail.total "031": the value is not what it must be: 30 is computed"#],
    );
}

/// A file that ends within a record, by each framing: the record's number, and where it begins.
#[test]
fn the_end() {
    let fields = "      a: { length: 4 }\n";
    for (file, bytes, expected) in [
        (
            "framing: fixed, record-length: 4",
            &b"abcdab"[..],
            r#"2 @4 "ab": the file ends within a record: 2 more bytes are missing"#,
        ),
        (
            "framing: shaped",
            b"abcdabc",
            r#"2 @4 "abc": the file ends within a record: 1 more bytes are missing"#,
        ),
        (
            "framing: rdw, inclusive: false",
            b"\0\x04\0\0abcd\0\x04\0\0ab",
            r#"2 @8 "\x00\x04\x00\x00ab": the file ends within a record: 2 more bytes are missing"#,
        ),
        (
            "framing: rdw, inclusive: false",
            b"\0\x04\0\0abcd\0\x04",
            r#"2 @8 "\x00\x04": the file ends within a record: 2 more bytes are missing"#,
        ),
        (
            "framing: bdw, inclusive: false",
            b"\0\x14\0\0\0\x04\0\0abcd",
            r#"2 @12 "": the file ends within a record: 8 more bytes are missing"#,
        ),
        (
            "framing: bdw, inclusive: false",
            b"\0\x0c\0\0\0\x04\0\0ab",
            r#"1 @4 "\x00\x04\x00\x00ab": the file ends within a record: 2 more bytes are missing"#,
        ),
        (
            "framing: bdw, inclusive: false",
            b"\0\x0c\0\0\0\x04\0\0abcd\0",
            r#"2 @12 "\x00": the file ends within a record: 3 more bytes are missing"#,
        ),
        (
            "framing: length-prefix, length: { width: 2 }",
            b"\0\x04abcd\0\x04abc",
            r#"2 @6 "\x00\x04abc": the file ends within a record: 1 more bytes are missing"#,
        ),
        (
            "framing: length-prefix, length: { width: 3, form: decimal }",
            b"004abcd00",
            r#"2 @7 "00": the file ends within a record: 1 more bytes are missing"#,
        ),
        (
            "framing: length-field, length: { width: 2, form: decimal }",
            b"04cd04c",
            r#"2 @4 "04c": the file ends within a record: 1 more bytes are missing"#,
        ),
        (
            "framing: fixed, record-length: 4, header-bytes: 9",
            b"abcd",
            r#"1 @4 "": the file ends within a record: 5 more bytes are missing"#,
        ),
        (
            "framing: fixed, record-length: 4, trailer-bytes: 3",
            b"abcdef",
            r#"1 @0 "abcdef": the file ends within a record: 1 more bytes are missing"#,
        ),
        ("framing: delimited, titles: false", b"a\n\"b\nc", r#"2 @2 "\"b\nc": a quoted value does not end"#),
    ] {
        check(&one(file, fields), bytes, &[expected]);
    }
    // A last line without its end is a line; a line that is cut off is too short.
    check(&one("framing: lines", fields), b"abcd\nabcd", &[]);
    check(
        &one("framing: lines", fields),
        b"abcd\nab",
        &[r#"2 @5 record "ab": it has 2 bytes, and its fields need 4"#],
    );
}

/// Lengths that cannot be.
#[test]
fn framings_that_are_others() {
    let fields = "      a: { length: 4 }\n";
    for (file, bytes, expected) in [
        (
            "framing: rdw, inclusive: true",
            &b"\0\x08\0\0abcd\0\x02\0\0"[..],
            r#"2 @8 "\x00\x02\x00\x00": a length says 2 bytes, which cannot be"#,
        ),
        (
            "framing: length-prefix, length: { width: 4 }",
            b"\x7f\0\0\0abcd",
            r#"1 @0 "\x7f\x00\x00\x00abcd": a record is longer than 16777216 bytes: is it framed otherwise?"#,
        ),
        (
            "framing: length-prefix, length: { width: 3, form: decimal }",
            b"004abcd0x4abcd",
            r#"2 @7 "0x4abcd": a length is not written in digits"#,
        ),
        (
            "framing: length-field, length: { width: 2, form: decimal }",
            b"04cd01cd",
            r#"2 @4 "01cd": a length says 1 bytes, which cannot be"#,
        ),
        (
            "framing: bdw, inclusive: false",
            b"\0\x08\0\0\0\x08\0\0abcdabcd",
            r#"1 @4 "\x00\x08\x00\x00abcdabcd": a record reaches beyond its block"#,
        ),
    ] {
        check(&one(file, fields), bytes, &[expected]);
    }
    let kinds = "layout: it\nfile: { framing: shaped }\nrecords:\n  a: { when: { 1: A }, occurs: 0.., fields: { a: { length: 3 } } }\n";
    check(
        kinds,
        b"Axx?xx",
        &[
            r#"2 @3 "?xx": no record of the layout begins like this here, so that nothing says how long it is"#,
        ],
    );
}

/// Errors name no values.
#[test]
fn lines_of_json() {
    let file = compiled(&one("framing: fixed, record-length: 7", AMOUNTS), "");
    let good = r#"{"id":1,"name":"ABC","amount":123}"#;
    assert_eq!(encoded(&file, good.as_bytes()).unwrap(), b"01ABC\x12\x3C");
    for (line, expected) in [
        (r#"{"id":1"#, "record 0, at byte 0: it is no JSON: column 7"),
        (r#"[1]"#, "record 0, at byte 0: a line is a group: {...}"),
        (r#"{"_record":"other"}"#, "record 0, at byte 0: the layout has no record `other`"),
        (r#"{"_raw":"*"}"#, "record 0, at byte 0: `_raw` is not the base64 of a record's bytes"),
        (r#"{"idd":1}"#, "record 1, `record`, at byte 0, field `idd`: the layout has no such field here"),
        (r#"{"id":{"a":1}}"#, "record 1, `record`, at byte 0, field `id`: it is a group, not a value"),
        (
            r#"{"id":100,"name":"A","amount":1}"#,
            "record 1, `record`, at byte 0, field `id`: the value has more digits than its type",
        ),
        (
            r#"{"id":1,"name":"ABCD","amount":1}"#,
            "record 1, `record`, at byte 0, field `name`: the value is too long",
        ),
        (
            r#"{"id":1,"name":"A","amount":"x"}"#,
            "record 1, `record`, at byte 0, field `amount`: the value is not written as its type demands",
        ),
        (
            r#"{"id":1,"name":"A","amount":1.5}"#,
            "record 1, `record`, at byte 0, field `amount`: the value would lose something in the target's type",
        ),
        (
            r#"{"id":1,"name":"A"}"#,
            "record 1, `record`, at byte 0, field `amount`: the value is missing, and its field has no bytes for that",
        ),
    ] {
        let error = encoded(&file, line.as_bytes()).unwrap_err();
        assert_eq!(error.strip_suffix(&format!(": {line}")).unwrap_or(&error), expected);
    }
}
