//! What is advised, by what stands in a file.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use portolan_diagnostics::{Sources, render};
use portolan_formats::records::{Decoder, Problem, RecordFile};
use portolan_schema::{Memory, Reading, layout};

/// The problems of a file, each with what is advised.
fn problems(layout: &str, bytes: &[u8]) -> Vec<(Problem, Option<&'static str>)> {
    let resolver = Memory::new("").with("it.yaml", layout.as_bytes());
    let mut sources = Sources::default();
    let read = layout::read("it.yaml", &mut Reading { resolver: &resolver, sources: &mut sources });
    let wrong: Vec<_> = read.diagnostics.iter().map(|found| render(found, &sources, false)).collect();
    let layout = Arc::new(read.value.unwrap_or_else(|| unreachable!("{}", wrong.join("\n"))));
    let file = RecordFile::compile(Arc::clone(&layout));
    let mut decoder = Decoder::new(&file, bytes, false);
    let told = super::super::Problems::new("it", &layout);
    let mut all = Vec::new();
    while let Some((_, problems)) = decoder.next() {
        let advised =
            |problem: &Problem| super::of(problem, told.item(&problem.error).map(|(item, _)| item), &layout);
        all.extend(problems.iter().map(|problem| (problem.clone(), advised(problem))));
    }
    all
}

/// What is advised for the first problem of a file.
#[track_caller]
fn check(layout: &str, bytes: &[u8], expected: &str) {
    let all = problems(layout, bytes);
    let (problem, advice) = all.iter().find(|(problem, _)| !problem.warning).or(all.first()).unwrap();
    assert!(advice.unwrap_or_default().contains(expected), "{advice:?}: {}", problem.error);
    assert_eq!(advice.is_none(), expected.is_empty(), "{advice:?}");
}

/// A layout of one kind of record with one field.
fn one(file: &str, field: &str) -> String {
    format!(
        "layout: it\nfile: {{ {file} }}\nrecords:\n  it: {{ occurs: 0.., fields: {{ a: {{ {field} }} }} }}\n"
    )
}

/// A layout of two kinds of record.
fn two(file: &str) -> String {
    format!(
        "layout: it\nfile: {{ {file} }}\nrecords:\n  head: {{ when: {{ 1: H }}, fields: {{ a: 1, b: 2-4 }} }}\n  line: {{ when: {{ 1: L }}, occurs: 0..2, fields: {{ a: 1, b: 2-4 }} }}\n"
    )
}

#[test]
fn files_that_are_framed_otherwise() {
    let lines = two("framing: lines");
    check(&lines, b"\xEF\xBB\xBFHabc\n", "`header-bytes: 3`");
    check(&lines, b"Habc\n\nLabc\n", "`blank-lines: skip`");
    check(&lines, b"Habc\n    \nLabc\n", "`blank-lines: skip`");
    check(&one("framing: lines", "length: 3, picture: 9(3)"), b"123\n\n123\n", "`blank-lines: skip`");
    check(&lines, b"Habc\nXabc\n", "`unknown: skip`");
    check(&lines, b"Habc\nLa\n", "`short-lines: pad`");
    let fixed = two("framing: fixed, record-length: 4");
    check(&fixed, b"Habc\nLabc\n", "`line-ends-between: true`");
    check(&fixed, b"Habc\r\nLabc\r\n", "`line-ends-between: true`");
    check(
        &one("framing: fixed, record-length: 3", "picture: 9(3)"),
        b"12\n34\n",
        "`line-ends-between: true`",
    );
    check(&one("framing: fixed, record-length: 3", "picture: 9(3)"), b"12X", "`null:`");
    // Texts may hold anything, until the file ends within one.
    check(&one("framing: fixed, record-length: 3", "length: 3"), b"abc\ndef\n", "`line-ends-between: true`");
    check(&one("framing: fixed, record-length: 4", "picture: 9(7), usage: comp-3"), b"1234", "no `usage`");
    // A line end may be a digit and a sign of a packed number.
    check(&one("framing: fixed, record-length: 2", "picture: 9(3), usage: comp-3"), b"\x0A\x0D", "`null:`");
}

#[test]
fn files_that_are_encoded_otherwise() {
    let text = one("framing: lines", "length: 6");
    check(&text, "Mülle\n".as_bytes(), "`encoding: utf-8`");
    check(&text, b"M\xFCller\n", "`encoding: iso-8859-1`");
    check(&text, b"\xC8\x85\x93\x93\x96\x40\n", "`encoding: cp037`");
    check(&one("framing: lines, encoding: utf-8", "length: 6"), b"M\xFCller\n", "`encoding: iso-8859-1`");
    // A text of UTF-8 that is none of those listed is one.
    check(
        &one("framing: lines, encoding: utf-8", "length: 6, values: [A]"),
        "Mülle\n".as_bytes(),
        "`values`",
    );
    check(&one("framing: lines", "length: 1"), b"\xFC\n", "another encoding?");
    check(&two("framing: fixed, record-length: 4"), b"\xC8\x81\x82\x83", "`encoding: cp037`");
    check(
        &one("framing: fixed, record-length: 4", "picture: 9(4)"),
        b"\xF0\xF0\xF1\xF2",
        "`encoding: cp037`",
    );
    check(&two("framing: fixed, record-length: 4, encoding: cp037"), b"Habc", "`encoding: ascii`");
}

#[test]
fn numbers() {
    let number = |field: &str, bytes: &[u8], expected: &str| {
        check(&one("framing: fixed, record-length: 4", field), bytes, expected);
    };
    number("picture: 9(4)", b"  12", "`pad: blank`");
    number("picture: 9(4)", b"    ", "`null: blanks`");
    number("picture: 9(4)", b"\0\0\0\0", "`null: low-values`");
    number("picture: 9(4)", b"1X34", "`null:`");
    number("picture: 9(4)", b"012C", "an `S` in the picture");
    number("picture: 9(4)", b"-012", "`sign: leading-separate`");
    number("picture: 9(4)", b" -12", "`sign: leading-separate`");
    number("picture: S9(4)", b"012-", "`sign: trailing-separate`");
    number("picture: S9(4)", b"012s", "`overpunch: ascii`");
    number("picture: S9(4), overpunch: ascii", b"012L", "`overpunch: translated`");
    number("picture: S9(4)", b"A123", "`sign: leading`");
    number("picture: 9(2)V99", b"1.25", "`point:`");
    number("picture: S9(3), sign: leading-separate", b"0123", "`sign: none`");
    number("picture: S9(3), sign: leading-separate", b"012-", "`sign: trailing-separate`");
    number("picture: S9(3), sign: trailing-separate", b"-012", "`sign: leading-separate`");
    number("picture: S9(3), sign: trailing-separate", b"012K", "`sign: trailing`");
    let ebcdic = "framing: fixed, record-length: 4, encoding: cp037";
    check(&one(ebcdic, "picture: 9(4)"), b"\x40\x40\xF1\xF2", "`pad: blank`");
    check(&one(ebcdic, "picture: 9(4)"), b"\xF0\xF0\xF1\xD2", "an `S` in the picture");
    check(&one(ebcdic, "picture: 9(4)"), b"\x60\xF0\xF1\xF2", "`sign: leading-separate`");
}

#[test]
fn dates() {
    let date = |bytes: &[u8], expected: &str| {
        check(&one("framing: fixed, record-length: 8", "length: 8, date: yyyyMMdd"), bytes, expected);
    };
    date(b"20250229", "the order that the layout says");
    date(b"20251329", "the order that the layout says");
    date(b"00000000", "`null: zeros`");
    date(b"99999999", "`null: nines`");
    date(b"        ", "`null: blanks`");
    date(b"2025-1-1", "`null:`");
}

#[test]
fn lists_and_records() {
    let list = one(
        "framing: lines",
        "occurs: 0..3, depending-on: n, fields: { p: { picture: 9(2) } } }, z: { length: 1",
    );
    let list = list.replace("a: {", "n: { picture: 9 }, a: {");
    check(&list, b"20102  Z\n", "`room: true`");
    check(&list, b"20102Z1\n", "`long-lines: truncate`");
    check(&list, b"4010203Z\n", "`occurs`");
    let records = two("framing: lines");
    check(&records, b"Habc\nLabc\nLabc\nLabc\n", "`occurs` says");
    check(&records, b"Labc\n", "`occurs: 0..1`");
    check(&records, b"Habc\nHabc\n", "`occurs` says");
    check(&records, b"", "`occurs: 0..1`");
}

#[test]
fn a_warning_is_given_no_advice() {
    let layout = "layout: it\nverify: warn\nfile: { framing: lines }\nrecords:\n  line: { when: { 1: L }, occurs: 0.., fields: { a: 1 } }\n  tail: { when: { 1: T }, fields: { t: 1, n: 2 9, z: { columns: 3, picture: 9 } } }\n";
    check(&layout.replace("n: 2 9", "n: { columns: 2, picture: 9, value: count(line) }"), b"L\nT20\n", "");
    let refused = layout.replace("verify: warn\n", "");
    let refused = refused.replace("n: 2 9", "n: { columns: 2, picture: 9, value: count(line) }");
    check(&refused, b"L\nT20\n", "`verify: warn`");
}

#[test]
fn a_consequence() {
    let layout = "layout: it\nfile: { framing: lines }\nrecords:\n  line: { when: { 1: L }, occurs: 0.., fields: { a: 1 } }\n  tail: { when: { 1: T }, fields: { t: 1, n: { columns: 2, picture: 9, value: count(line) } } }\n";
    check(layout, b"X\nL\nT2\n", "`unknown: skip`");
    let last = |bytes: &[u8]| problems(layout, bytes).last().map(|(_, advice)| *advice);
    assert_eq!(
        last(b"X\nL\nT2\n"),
        Some(Some("it is a consequence, where what could not be read belongs to it: see to that first"))
    );
}
