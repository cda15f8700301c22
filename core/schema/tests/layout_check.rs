//! What is found to be wrong with layouts before any file is read, each with the place that is at fault.

#![allow(clippy::panic, clippy::unwrap_used, reason = "the helpers of tests fail by it")]

use portolan_diagnostics::{Severity, Sources};
use portolan_schema::{Memory, Reading, layout};

/// Reads a layout of these records and holds what is found against `expected`: code, the text at fault, and part of the message.
#[track_caller]
fn check(records: &str, expected: &[(&str, &str, &str)]) {
    check_in("file: { record-length: 20, encoding: ascii }", records, expected);
}

#[track_caller]
fn check_in(file: &str, records: &str, expected: &[(&str, &str, &str)]) {
    let text = format!("layout: l\n{file}\nrecords:\n{records}");
    let files = Memory::default().with("l.yaml", text.as_str());
    let mut sources = Sources::default();
    let read = layout::read("l.yaml", &mut Reading { resolver: &files, sources: &mut sources });
    let found: Vec<(&str, &str, &str)> = read
        .diagnostics
        .iter()
        .filter(|finding| finding.severity != Severity::Note)
        .map(|finding| {
            let span = finding.labels.first().unwrap().span;
            (finding.code.0, &text[span.start as usize..span.end as usize], finding.message.as_str())
        })
        .collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for ((code, place, message), (wanted, at, part)) in found.iter().zip(expected) {
        assert!(code == wanted && place == at && message.contains(part), "{found:#?}");
    }
}

#[test]
fn places() {
    check("  r: { fields: { a: 1-10, b: 8-20 } }", &[("layout/overlap", "b", "share columns 8-10")]);
    check("  r: { fields: { a: 1-10, b: { redefines: a, length: 10 } } }", &[]);
    check(
        "  r: { fields: { a: 1-10, b: 11-21 } }",
        &[("layout/length", "b", "column 21, and a record has 20 bytes")],
    );
    check("  r: { fields: { a: 1-10 9(9) } }", &[("layout/length", "9(9)", "takes 9 bytes")]);
    check(
        "  r: { fields: { a: { columns: 1-4, date: yyMMdd } } }",
        &[("layout/length", "yyMMdd", "has 6 characters")],
    );
    check("  r: { fields: { a: 1-10 9(x) } }", &[("layout/invalid", "(x)", "is no picture")]);
    check("  r: { fields: { a: 4-2 } }", &[("layout/invalid", "4-2", "are no columns")]);
    check("  r: { fields: { a-b: 1-2, a_b: 3-4 } }", &[("layout/invalid", "a_b", "two things named `a_b`")]);
    let group = "  r: { fields: { g: { columns: 1-4, fields: { a: 1-2, b: 3-6 } } } }";
    check(group, &[("layout/length", "g", "need 6 bytes")]);
}

#[test]
fn records_that_cannot_be_told_apart() {
    let two = |a: &str, b: &str| {
        format!(
            "  a: {{ when: {a}, occurs: 0.., fields: {{ x: 1-20 }} }}\n  b: {{ when: {b}, fields: {{ x: 1-20 }} }}\n"
        )
    };
    let sound = |a: &str, b: &str| check(&two(a, b), &[]);
    sound("{ 1: A }", "{ 1: B }");
    sound("{ 1-2: AA }", "{ 2-3: BA }");
    sound("{ 1-3: A12 }", "{ 2: alphabetic }");
    sound("{ 1: digits }", "{ 1: blank }");
    sound("{ 1: A }", "{ 1: { not: [A, B] } }");
    sound("{ 1-2: 10..20 }", "{ 1-2: 21..30 }");
    sound("{ 1: { matches: \"[A-C]\" } }", "{ 1: D }");
    sound("{ if: x == 'A' }", "{ if: x == 'B' }");
    sound("{ length: 10..19 }", "{ length: 20 }");
    let both =
        |a: &str, b: &str, at: &str| check(&two(a, b), &[("layout/ambiguous", at, "`a` and `b` at once")]);
    both("{ 1: A }", "{ 1: A, 2-3: digits }", "1: A, 2-3: digits");
    both("{ 1: A }", "{ 2: B }", "2: B");
    both("{ 1-3: A12 }", "{ 2: digits }", "2: digits");
    // What is anything takes what comes behind it; the other way round the order decides.
    let any = "  a: { occurs: 0.., fields: { x: 1-20 } }\n  b: { when: { 1: B }, fields: { x: 1-20 } }\n";
    check(any, &[("layout/ambiguous", "a", "nothing tells `a` from `b`")]);
    check("  a: { when: { 1: A }, occurs: 0.., fields: { x: 1-20 } }\n  b: { fields: { x: 1-20 } }\n", &[]);
    check("  a: { fields: { x: 1-20 } }\n  b: { occurs: 0.., fields: { x: 1-20 } }\n", &[]);
    // A record within is tried before the one that it is in begins anew.
    let within = "  a: { when: { 1: A }, occurs: 0.., fields: { x: 1-20 }, records: { n: { when: { 1-2: AB }, occurs: 0.., fields: { x: 1-20 } } } }\n";
    check(within, &[("layout/ambiguous", "1: A", "`a.n` and `a` at once")]);
    let variants = "  a: { fields: { c: 1-2 }, variants: { by: c, v: { is: [AA, BB], fields: { x: 3-20 } }, w: { is: BB, fields: { y: 3-20 } } } }";
    check(variants, &[("layout/ambiguous", "BB", "both the variant `v` and `w`")]);
}

#[test]
fn what_can_never_hold() {
    let when =
        |test: &str| format!("  a: {{ when: {{ {test} }}, fields: {{ c: 1-2, n: 3-5 9(3), x: 6-20 }} }}");
    check(&when("1-2: ABC"), &[("layout/never", "ABC", "it has 3 characters")]);
    check(&when("1-2: [AB, C]"), &[("layout/never", "C", "it has 1 character")]);
    check(&when("1-2: 20..10"), &[("layout/never", "20..10", "nothing is within")]);
    check(&when("c: ABC"), &[("layout/never", "ABC", "the field 2")]);
    check(&when("c: \"A \""), &[("layout/never", "\"A \"", "no padding")]);
    check(&when("n: AB"), &[("layout/never", "AB", "it is no number")]);
    check(&when("x1: A"), &[("layout/unknown-name", "x1", "there is no `x1`")]);
    check(&when("1- 2: A"), &[("layout/invalid", "1- 2", "are no columns")]);
    let field = |field: &str| format!("  a: {{ fields: {{ n: {{ columns: 1-3, {field} }}, x: 4-20 }} }}");
    check(&field("value: { const: ABCD }"), &[("layout/never", "{ const: ABCD }", "4 characters")]);
    check(&field("picture: 9(3), value: { const: X }"), &[("layout/never", "{ const: X }", "no number")]);
    check(&field("picture: 9(3), default: \"-1\""), &[("layout/never", "\"-1\"", "negative")]);
    check(&field("picture: 9V99, default: \"0.5\""), &[]);
    check(&field("values: [AB, ABCD]"), &[("layout/never", "[AB, ABCD", "`ABCD`")]);
    check(&field("chars: digits, values: [A]"), &[("layout/never", "[A", "none of the characters")]);
    let total = |picture: &str, value: &str| {
        format!(
            "  a: {{ when: {{ 1: A }}, occurs: 0.., fields: {{ k: 1, n: 2-9 9(6)V99, x: 10-20 }} }}\n  t: {{ when: {{ 1: T }}, fields: {{ k: 1, s: {{ columns: 2-9, picture: {picture}, value: {value} }}, x: 10-20 }} }}"
        )
    };
    check(&total("9(6)V99", "sum(a.n)"), &[]);
    check(&total("9(4)V9(4)", "sum(a.n)"), &[("layout/never", "sum(a.n)", "4 digits before the point")]);
    check(&total("9(8)", "sum(a.n)"), &[("layout/never", "sum(a.n)", "0 digits after the point")]);
    check(&total("9(4)V9(4)", "sum(a.n) % 10000"), &[]);
    check(&total("9(8)", "count(a)"), &[]);
    check(&total("9(8)", "sum(a.m)"), &[("layout/unknown-name", "a.m", "`a` has no `m`")]);
    let list = "  a: { fields: { n: 1 9, l: { length: 1, occurs: 0..12, depending-on: n } } }";
    check_in("file: { framing: shaped }", list, &[("layout/never", "0..12", "`n` counts to 9")]);
}

/// A layout that a program made is checked in reasonable time, and is not told of itself without end.
#[test]
fn large_layouts() {
    let records: String = (0..4000)
        .map(|n| format!("  r{n}: {{ when: {{ 1: A }}, occurs: 0.., fields: {{ x: 1-20 }} }}\n"))
        .collect();
    let text = format!("layout: l\nfile: {{ record-length: 20 }}\nrecords:\n{records}");
    let files = Memory::default().with("l.yaml", text.as_str());
    let mut sources = Sources::default();
    let read = layout::read("l.yaml", &mut Reading { resolver: &files, sources: &mut sources });
    assert!((1..100).contains(&read.diagnostics.len()));
    let fields: String = (0..20_000).map(|n| format!("f{n}: 1-2, ")).collect();
    let text = format!("layout: l\nrecords: {{ r: {{ fields: {{ {fields} }} }} }}\n");
    let files = Memory::default().with("l.yaml", text.as_str());
    let read = layout::read("l.yaml", &mut Reading { resolver: &files, sources: &mut sources });
    assert!((1..100).contains(&read.diagnostics.len()));
}

#[test]
fn delimited_values_have_no_places() {
    let delimited = |fields: &str, expected: &[(&str, &str, &str)]| {
        check_in(
            "file: { framing: delimited }",
            &format!("  r: {{ occurs: 0.., fields: {{ {fields} }} }}"),
            expected,
        );
    };
    delimited("a: { length: 3, title: First }, b: { length: 9, type: decimal, scale: 2, signed: true }", &[]);
    delimited("a: 1-3", &[("layout/invalid", "1-3", "have no columns")]);
    delimited("a: { columns: 1-3 }", &[("layout/invalid", "1-3", "have no columns")]);
    delimited("a: { length: 3, occurs: 2 }, g: { fields: { b: { length: 3 } } }", &[]);
    delimited("a: { length: 3, from-end: 3 }", &[("layout/invalid", "a", "counts from the end")]);
    delimited(
        "a: { length: 3 }, b: { length: 3, redefines: a }",
        &[("layout/invalid", "b", "shares its bytes")],
    );
    delimited(
        "n: { length: 1, type: integer }, a: { length: 3, depending-on: n }",
        &[("layout/invalid", "a", "has its length in another")],
    );
}

#[test]
fn totals_before_what_they_count() {
    let file = "file: { framing: delimited, titles: false }";
    let records = |head: &str, tail: &str| {
        format!(
            "  head: {{ when: {{ 1: H }}, fields: {{ k: {{ length: 1 }}, n: {{ picture: 9(3), value: {head} }} }} }}
  row: {{ when: {{ 1: R }}, occurs: 0..2, fields: {{ k: {{ length: 1 }}, n: {{ picture: 9(3) }} }} }}
  tail: {{ when: {{ 1: T }}, fields: {{ k: {{ length: 1 }}, n: {{ picture: 9(9), value: {tail} }} }} }}"
        )
    };
    let later = |value: &str| {
        check_in(file, &records(value, "count(row)"), &[("layout/never", value, "of what follows")])
    };
    later("count(row)");
    later("sum(row.n) % 10");
    later("file.records");
    check_in(file, &records("ordinal(head)", "sum(row.n) + file.records"), &[]);
    // In other framings they are written over once they are known.
    let lines =
        records("count(row)", "count(row)").replace("n: { picture: 9(3)", "n: { columns: 2-4, picture: 9(3)");
    check_in("file: { framing: lines }", &lines, &[]);
}
