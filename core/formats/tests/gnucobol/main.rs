//! GnuCOBOL as the judge of values: a program that it compiles writes files of every usage that it has, and prints what they hold;
//! Portolan reads the same from them. Then Portolan writes, and the program reads.
//!
//! `tests/install` installs it. Without it nothing is compared, and the tests say so. `NATIONAL` is left out: GnuCOBOL 3 calls its own
//! "unfinished", and stores neither UTF-16 nor one byte a character.

#![allow(clippy::panic, clippy::unwrap_used, reason = "the helpers of tests fail by it")]

mod book;
mod program;

use std::{collections::BTreeMap, sync::Arc};

use book::{
    Entry, Given, Kind, Place, Random, Times, group, list, places, row, signed, unsigned, value, whole,
};
use portolan_diagnostics::{Sources, render};
use portolan_formats::records::{Decoder, RecordFile, RecordWriter};
use portolan_schema::{Memory, Reading, layout};
use program::Declared;
use serde_json::value::RawValue;

/// Rows of each file.
const ROWS: usize = 400;

/// Every usage of elementary items, alone and in lists, aligned or not.
fn usages() -> Vec<Entry> {
    vec![
        value("DISPLAY-U", "PIC 9(5)", unsigned(5, 0)),
        value("DISPLAY-S", "PIC S9(5)", signed(5, 0)),
        value("DISPLAY-V", "PIC S9(7)V9(2)", signed(9, 2)),
        value("DISPLAY-ONE", "PIC S9", signed(1, 0)),
        value("LEADING-S", "PIC S9(4) SIGN IS LEADING", signed(4, 0)),
        value("TRAILING-S", "PIC S9(4)V9 SIGN IS TRAILING", signed(5, 1)),
        value("LEADING-SEP", "PIC S9(4)V9(3) SIGN LEADING SEPARATE", signed(7, 3)),
        value("TRAILING-SEP", "PIC S9(6) SIGN TRAILING SEPARATE CHARACTER", signed(6, 0)),
        value("DISPLAY-38", "PIC S9(38)", signed(38, 0)),
        value("DISPLAY-38-V", "PIC 9(18)V9(20)", unsigned(38, 20)),
        value("ALL-FRACTION", "PIC SV9(9)", signed(9, 9)),
        value("COMP-2-DIGITS", "PIC S99 COMP", signed(2, 0)),
        value("COMP-4-DIGITS", "PIC S9(4) COMP", signed(4, 0)),
        value("COMP-4-U", "PIC 9(4) USAGE COMPUTATIONAL", unsigned(4, 0)),
        value("COMP-9-DIGITS", "PIC S9(7)V99 BINARY", signed(9, 2)),
        value("COMP-18-DIGITS", "PIC S9(16)V99 COMP-4", signed(18, 2)),
        value("COMP-18-U", "PIC 9(18) BINARY", unsigned(18, 0)),
        value("COMP3-ODD", "PIC S9(7)V99 COMP-3", signed(9, 2)),
        value("COMP3-EVEN", "PIC S9(4) COMP-3", signed(4, 0)),
        value("COMP3-U", "PIC 9(6) COMP-3", unsigned(6, 0)),
        value("COMP3-1", "PIC S9 COMP-3", signed(1, 0)),
        value("PACKED-38", "PIC S9(18)V9(20) PACKED-DECIMAL", signed(38, 20)),
        value("COMP5-2", "PIC S9(4) COMP-5", whole(2, true)),
        value("COMP5-4", "PIC S9(9) COMP-5", whole(4, true)),
        value("COMP5-8", "PIC S9(18) COMP-5", whole(8, true)),
        value("COMP5-2-U", "PIC 9(4) COMP-5", whole(2, false)),
        value("COMP5-8-U", "PIC 9(18) COMP-5", whole(8, false)),
        value(
            "COMP5-V",
            "PIC S9(5)V99 COMP-5",
            Kind::Number { least: -(1 << 31), most: (1 << 31) - 1, scale: 2 },
        ),
        value("COMP6-ODD", "PIC 9(5) COMP-6", unsigned(5, 0)),
        value("COMP6-EVEN", "PIC 9(4)V99 COMP-6", unsigned(6, 2)),
        value("COMPX-2", "PIC 9(2) COMP-X", whole(1, false)),
        value("COMPX-5", "PIC 9(5) COMP-X", whole(3, false)),
        value("COMPX-9", "PIC 9(9) COMP-X", whole(4, false)),
        value("COMPX-S", "PIC S9(5) COMP-X", whole(3, true)),
        value("COMPX-TEXT", "PIC X(3) COMP-X", whole(3, false)),
        value("CHAR-S", "BINARY-CHAR", whole(1, true)),
        value("CHAR-U", "BINARY-CHAR UNSIGNED", whole(1, false)),
        value("SHORT-S", "BINARY-SHORT SIGNED", whole(2, true)),
        value("SHORT-U", "USAGE IS BINARY-SHORT UNSIGNED", whole(2, false)),
        value("LONG-S", "BINARY-LONG", whole(4, true)),
        value("LONG-U", "BINARY-LONG UNSIGNED", whole(4, false)),
        value("DOUBLE-S", "BINARY-DOUBLE", whole(8, true)),
        value("DOUBLE-U", "BINARY-DOUBLE UNSIGNED", whole(8, false)),
        value("SINGLE-FLOAT", "COMP-1", Kind::Single),
        value("DOUBLE-FLOAT", "COMP-2", Kind::Double),
        value("SHORT-FLOAT", "FLOAT-SHORT", Kind::Single),
        value("LONG-FLOAT", "FLOAT-LONG", Kind::Double),
        value("AN-INDEX", "USAGE INDEX", whole(4, true)),
        value("SOME-TEXT", "PIC X(20)", Kind::Text(20)),
        value("ONE-LETTER", "PIC X", Kind::Text(1)),
        value("RIGHT-TEXT", "PIC X(12) JUSTIFIED RIGHT", Kind::Right(12)),
        value("SLASHED", "PIC XXX/XX", Kind::Inserted(5)),
        // With a `V` GnuCOBOL 3.1 counts it as a byte.
        value("BLANK-ZERO", "PIC 9(6) BLANK WHEN ZERO", unsigned(6, 0)),
        value("SCALED-UP", "PIC 9(3)P(2)", unsigned(3, -2)),
        // Packed it is right in the file, and GnuCOBOL 3.1 shows no digits of it.
        value("SCALED-UP-S", "PIC S9(4)P(3) COMP", signed(4, -3)),
        value("SCALED-DOWN", "PIC VP(2)9(3)", unsigned(3, 5)),
        value("SCALED-DOWN-S", "PIC SVP(3)9(4) COMP", signed(4, 7)),
        // Without zeros that are inserted, which GnuCOBOL takes for digits of the number.
        value("EDITED-MINUS", "PIC ZZ,ZZ9.99-", signed(7, 2)),
        value("EDITED-CREDIT", "PIC $$,$$9.99CR", signed(6, 2)),
        value("EDITED-DEBIT", "PIC Z(5)9.9DB", signed(7, 1)),
        value("EDITED-PLUS", "PIC +9(6).9(2)", signed(8, 2)),
        value("EDITED-FLOAT-P", "PIC ++,+++.99", signed(6, 2)),
        value("EDITED-FLOAT-M", "PIC --,---,--9", signed(7, 0)),
        value("EDITED-STARS", "PIC ***,**9.99", unsigned(8, 2)),
        value("EDITED-PLAIN", "PIC 9(4).99", unsigned(6, 2)),
        value("EDITED-ALL-Z", "PIC Z(6)", unsigned(6, 0)),
        value("EDITED-DATE", "PIC 99/99/9999", unsigned(8, 0)),
        value("EDITED-BLANKS", "PIC 9B99B9(3)", unsigned(6, 0)),
        value("EDITED-BZ", "PIC ZZ9.99 BLANK WHEN ZERO", unsigned(5, 2)),
        value("SYNC-COMP", "PIC S9(9) COMP SYNC", signed(9, 0)),
        value("BEFORE-SLACK", "PIC X", Kind::Text(1)),
        value("SYNC-8", "PIC S9(18) COMP-5 SYNCHRONIZED", whole(8, true)),
        value("BEFORE-SLACK-2", "PIC X(3)", Kind::Text(3)),
        value("SYNC-FLOAT", "COMP-2 SYNC", Kind::Double),
        list("AMOUNTS", "PIC S9(5)V99 COMP-3", signed(7, 2), Times::Fixed(3)),
        group(
            "ITS-ROWS",
            "",
            Times::Fixed(2),
            vec![
                value("QUANTITY", "PIC S9(4) COMP", signed(4, 0)),
                list("PRICES", "PIC 9(3)V99", unsigned(5, 2), Times::Fixed(2)),
                value("NOTE", "PIC X(7)", Kind::Text(7)),
            ],
        ),
    ]
}

#[test]
fn fixed_records_of_every_usage() {
    compare("usages", &usages(), &SEQUENTIAL, "framing: fixed", "dialect: { compiler: gnucobol }", ONE_KIND);
}

/// What can be a line: digits, signs and texts.
#[test]
fn lines() {
    let entries = vec![
        value("THE-NUMBER", "PIC 9(6)", unsigned(6, 0)),
        value("AMOUNT", "PIC S9(7)V99", signed(9, 2)),
        value("BALANCE", "PIC -(7)9.99", signed(9, 2)),
        value("NAME", "PIC X(20)", Kind::Text(20)),
        list("RATES", "PIC S9V999 SIGN LEADING SEPARATE", signed(4, 3), Times::Fixed(3)),
        value("REMARK", "PIC X(30)", Kind::Text(30)),
    ];
    let declared = Declared { organization: "LINE SEQUENTIAL", ..SEQUENTIAL };
    let file = "framing: lines, line-end: lf, short-lines: pad";
    compare("lines", &entries, &declared, file, "dialect: { compiler: gnucobol }", ONE_KIND);
}

/// Records of two kinds over the same bytes, as long as their lists are.
fn segments() -> Vec<Entry> {
    vec![
        value("KIND-CODE", "PIC X", Kind::Code),
        value("HOW-MANY", "PIC 9(2)", Kind::Count(0, 5)),
        group(
            "BODY-A",
            "",
            Times::Once,
            vec![
                value("A-AMOUNT", "PIC S9(5)V99 COMP-3", signed(7, 2)),
                value("A-RATE", "COMP-2", Kind::Double),
            ],
        ),
        group("BODY-B", "REDEFINES BODY-A", Times::Once, vec![value("B-NAME", "PIC X(12)", Kind::Text(12))]),
        group(
            "PARTS",
            "",
            Times::Counted("HOW-MANY", 5),
            vec![
                value("PART-ID", "PIC X(3)", Kind::Text(3)),
                value("PART-SUM", "PIC S9(4) COMP-3", signed(4, 0)),
            ],
        ),
    ]
}

#[test]
fn records_of_varying_length() {
    let declared = Declared { clauses: "RECORDING MODE IS V", options: &["-fcomplex-odo"], ..SEQUENTIAL };
    compare(
        "segments",
        &segments(),
        &declared,
        "framing: rdw, inclusive: false",
        "dialect: { compiler: gnucobol }",
        TWO_KINDS,
    );
}

/// A list of varying length with something behind it, which moves up or does not. Without a redefinition, whose bytes GnuCOBOL 3.1
/// adds to the length of a record that moves up.
#[test]
fn what_follows_a_list() {
    let entries = [
        value("HOW-MANY", "PIC S9(4) COMP", Kind::Count(0, 5)),
        group(
            "PARTS",
            "",
            Times::Counted("HOW-MANY", 5),
            vec![
                value("PART-ID", "PIC X(3)", Kind::Text(3)),
                list("PART-SUMS", "PIC S9(4) COMP-3", signed(4, 0), Times::Fixed(2)),
            ],
        ),
        value("LAST-SUM", "PIC S9(7) COMP-3", signed(7, 0)),
        value("LAST-NAME", "PIC X(5)", Kind::Text(5)),
    ];
    let declared = Declared { clauses: "RECORDING MODE IS V", options: &["-fodoslide"], ..SEQUENTIAL };
    let dialect = "dialect: { compiler: gnucobol, odo: real }";
    compare("lists that end", &entries, &declared, "framing: rdw, inclusive: false", dialect, ONE_KIND);
    // Where nothing moves up, GnuCOBOL 3.1 leaves what stands before the list out of a record's length: so the record is a text.
    let declared = Declared { bytes: Some(56), options: &["-fcomplex-odo"], ..SEQUENTIAL };
    let dialect = "dialect: { compiler: gnucobol, odo: maximum }";
    compare("lists with room", &entries, &declared, "framing: fixed", dialect, ONE_KIND);
}

const SEQUENTIAL: Declared = Declared { organization: "SEQUENTIAL", clauses: "", bytes: None, options: &[] };
const ONE_KIND: &str = "records: { record: { occurs: 0.., copybook: book } }";
const TWO_KINDS: &str = "order: any
records:
  a: { occurs: 0.., copybook: book, when: { kind_code: A }, redefines: { body_a: body_a } }
  b: { occurs: 0.., copybook: book, when: { kind_code: B }, redefines: { body_a: body_b } }";

/// Both ways through a file of rows.
fn compare(name: &str, entries: &[Entry], declared: &Declared, file: &str, dialect: &str, records: &str) {
    if !program::is_there() {
        println!("cobc is not there, {ROWS} records of `{name}` not compared: run tests/install");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let copybook = book::written(entries);
    std::fs::write(folder.join("book.cpy"), &copybook).unwrap();
    let layout = format!(
        "layout: judge\nfile: {{ {file}, encoding: ascii }}\n{dialect}\ntrim: none\ncopybooks: {{ book: book.cpy }}\n{records}\n"
    );
    let file = compiled(&layout, &copybook);
    let places = places(entries);
    program::compile(folder, declared, &places);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let rows: Vec<_> = (0..ROWS).map(|index| row(&places, index, &mut random)).collect();

    // What the program writes is read as what it says.
    let said = program::write(folder, &places, &rows);
    assert_eq!(said.len(), rows.len(), "{:?}", said.last());
    let theirs = std::fs::read(folder.join("records.dat")).unwrap();
    let read = decoded(&file, &theirs);
    assert_eq!(read.len(), said.len());
    let mut compared = 0;
    for ((line, said), number) in read.iter().zip(&said).zip(1..) {
        let found = flattened(entries, line);
        assert_eq!(found.len(), places.len());
        for ((place, found), said) in places.iter().zip(&found).zip(said) {
            let shown = shown(place, found.as_ref());
            assert!(
                same(place, &shown, said),
                "{name}, row {number}, {}: {shown:?}, and GnuCOBOL has {said:?}",
                place.reference
            );
            compared += 1;
        }
    }

    // What Portolan writes of the values is what the program wrote, and is read by it as the values that were given.
    let mut ours = Vec::new();
    let mut writer = RecordWriter::new(&file);
    for (row, number) in rows.iter().zip(1..) {
        let line = json(entries, &mut row.iter(), records == TWO_KINDS);
        writer.line(&line, &mut ours).unwrap_or_else(|error| panic!("{name}, row {number}: {error}\n{line}"));
    }
    writer.finish(&mut ours).unwrap();
    if declared.organization == "LINE SEQUENTIAL" {
        // GnuCOBOL leaves out the blanks at the end of a line.
        let lines = |bytes: &[u8]| -> Vec<String> {
            String::from_utf8(bytes.to_vec())
                .unwrap()
                .lines()
                .map(|line| line.trim_end().to_owned())
                .collect()
        };
        assert_eq!(lines(&ours), lines(&theirs), "{name}");
    } else if declared.bytes.is_none() {
        // (Room that is not taken holds what it held in the record before.)
        assert!(ours == theirs, "{name}: {}", first_difference(&ours, &theirs, &rows));
    }
    std::fs::write(folder.join("records.dat"), &ours).unwrap();
    let again = program::read(folder, &places);
    assert_eq!(again.len(), rows.len());
    for ((said, row), number) in again.iter().zip(&rows).zip(1..) {
        for ((place, said), given) in places.iter().zip(said).zip(row) {
            let shown = shown(place, given.as_ref());
            assert!(
                same(place, &shown, said),
                "{name}, row {number}, {}: {shown:?} was written, and GnuCOBOL has {said:?}",
                place.reference
            );
        }
    }
    println!("{name}: {compared} values of {} records are GnuCOBOL's, both ways", rows.len());
}

fn compiled(layout: &str, copybook: &str) -> RecordFile {
    let resolver =
        Memory::new("").with("judge.yaml", layout.as_bytes()).with("book.cpy", copybook.as_bytes());
    let mut sources = Sources::default();
    let read = layout::read("judge.yaml", &mut Reading { resolver: &resolver, sources: &mut sources });
    let shown: Vec<_> = read.diagnostics.iter().map(|found| render(found, &sources, false)).collect();
    assert!(shown.is_empty(), "{}\n{copybook}", shown.join("\n"));
    RecordFile::compile(Arc::new(read.value.unwrap()))
}

/// Lines of JSON, values only.
fn decoded(file: &RecordFile, bytes: &[u8]) -> Vec<String> {
    let mut decoder = Decoder::new(file, bytes, false);
    let mut lines = Vec::new();
    while let Some((line, problems)) = decoder.next() {
        assert!(problems.is_empty(), "{}", problems[0].error);
        if !line.is_empty() {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
        }
    }
    lines
}

fn name_of(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

/// The values of a line in the order of places.
fn flattened(entries: &[Entry], line: &str) -> Vec<Option<Given>> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(line).unwrap();
    let mut out = Vec::new();
    for entry in entries {
        let (name, times) = match entry {
            Entry::Value { name, times, .. } | Entry::Group { name, times, .. } => (name, *times),
        };
        let found = members.get(&name_of(name)).map(|found| found.get());
        let (most, items) = match times {
            Times::Once => (1, found.into_iter().collect()),
            Times::Fixed(most) | Times::Counted(_, most) => {
                let items: Vec<&RawValue> = serde_json::from_str(found.unwrap_or("[]")).unwrap();
                (most, items.into_iter().map(RawValue::get).collect::<Vec<_>>())
            }
        };
        for index in 0..most {
            let found = items.get(index).copied();
            match entry {
                Entry::Group { entries, .. } => out.extend(flattened(entries, found.unwrap_or("{}"))),
                Entry::Value { kind, .. } => out.push(found.map(|found| given(*kind, found))),
            }
        }
    }
    out
}

/// A value of a line.
fn given(kind: Kind, found: &str) -> Given {
    match kind {
        Kind::Number { scale, .. } => Given::Units(units(found, scale)),
        Kind::Count(..) => Given::Units(units(found, 0)),
        Kind::Single => Given::Bits(u64::from(found.parse::<f32>().unwrap().to_bits())),
        Kind::Double => Given::Bits(found.parse::<f64>().unwrap().to_bits()),
        _ => Given::Text(serde_json::from_str(found).unwrap()),
    }
}

/// Units of the last place of a number with so many digits after the point.
fn units(text: &str, scale: i32) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().unwrap();
    let places = scale - fraction.len() as i32;
    match u32::try_from(places) {
        Ok(places) => digits * 10i128.pow(places),
        Err(_) => {
            let power = 10i128.pow(places.unsigned_abs());
            assert_eq!(digits % power, 0, "{text} has more digits than its picture");
            digits / power
        }
    }
}

/// A value as the program prints it.
fn shown(place: &Place, given: Option<&Given>) -> String {
    match (place.kind, given) {
        (_, None) => "none".to_owned(),
        (kind, Some(Given::Units(units))) => {
            let sign = if *units < 0 { '-' } else { '+' };
            format!("{sign}{:038}", units.unsigned_abs() * 10u128.pow(program::zeros(kind)))
        }
        (Kind::Text(length), Some(Given::Text(text))) => format!("{text:length$}|"),
        (Kind::Right(length), Some(Given::Text(text))) => format!("{text:>length$}|"),
        (Kind::Inserted(_), Some(Given::Text(text))) if !text.contains('/') => {
            format!("{}/{}|", &text[..3], &text[3..])
        }
        (_, Some(Given::Text(text))) => format!("{text}|"),
        (_, Some(Given::Bits(bits))) => format!("+{bits:038}"),
    }
}

/// Whether the program printed the same. Numbers stand there with a point; floating-point numbers as their bits, then rounded.
fn same(place: &Place, shown: &str, said: &str) -> bool {
    match place.kind {
        Kind::Number { .. } | Kind::Count(..) => {
            let said = said.replace('.', "");
            // GnuCOBOL 3.1 writes DB, and does not read it: its bytes are compared.
            if place.reference == "EDITED-DEBIT" {
                return said[1..] == shown[1..];
            }
            said == shown
                || said.trim_start_matches(['+', '-']).bytes().all(|b| b == b'0') && said[1..] == shown[1..]
        }
        Kind::Single | Kind::Double => {
            let (bits, number) = said.split_once(' ').unwrap_or((said, ""));
            let double = matches!(place.kind, Kind::Double);
            let close = match (shown.parse::<u64>(), number.trim().parse::<f64>()) {
                (Ok(bits), Ok(number)) => {
                    let exact =
                        if double { f64::from_bits(bits) } else { f64::from(f32::from_bits(bits as u32)) };
                    (number - exact).abs() <= exact.abs() * if double { 1e-14 } else { 1e-6 }
                }
                _ => shown == "none",
            };
            bits == shown && close
        }
        _ => shown == said,
    }
}

/// The line of JSON of a row.
fn json(entries: &[Entry], given: &mut std::slice::Iter<'_, Option<Given>>, kinds: bool) -> String {
    let values = values(entries, given);
    // Which kind of record it is stands in the code.
    let kind = match values.contains("\"kind_code\":\"B\"") {
        _ if !kinds => "record",
        true => "b",
        false => "a",
    };
    format!("{{\"_record\":\"{kind}\",{values}}}")
}

fn values(entries: &[Entry], given: &mut std::slice::Iter<'_, Option<Given>>) -> String {
    let mut members = Vec::new();
    for entry in entries {
        let (name, times) = match entry {
            Entry::Value { name, times, .. } | Entry::Group { name, times, .. } => (name, *times),
        };
        let most = match times {
            Times::Once => 1,
            Times::Fixed(most) | Times::Counted(_, most) => most,
        };
        let mut items = Vec::new();
        for _ in 0..most {
            match entry {
                Entry::Group { entries, .. } => {
                    let values = values(entries, given);
                    if !values.is_empty() {
                        items.push(format!("{{{values}}}"));
                    }
                }
                Entry::Value { kind, .. } => {
                    items.extend(given.next().unwrap().as_ref().map(|given| written(*kind, given)))
                }
            }
        }
        let name = name_of(name);
        match (times, items.as_slice()) {
            (Times::Once, [one]) => members.push(format!("\"{name}\":{one}")),
            (_, []) => {}
            (_, items) => members.push(format!("\"{name}\":[{}]", items.join(","))),
        }
    }
    members.join(",")
}

/// A value in JSON.
fn written(kind: Kind, given: &Given) -> String {
    match (kind, given) {
        (_, Given::Units(units)) => {
            let sign = if *units < 0 { "-" } else { "" };
            let (scale, zeros) = (program::scale(kind) as usize, program::zeros(kind));
            let digits = (units.unsigned_abs() * 10u128.pow(zeros)).to_string();
            let digits = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
        }
        (Kind::Single, Given::Bits(bits)) => format!("{:?}", f32::from_bits(*bits as u32)),
        (_, Given::Bits(bits)) => format!("{:?}", f64::from_bits(*bits)),
        (Kind::Inserted(_), Given::Text(text)) => format!("\"{}/{}\"", &text[..3], &text[3..]),
        (_, Given::Text(text)) => serde_json::Value::from(text.as_str()).to_string(),
    }
}

fn first_difference(ours: &[u8], theirs: &[u8], rows: &[Vec<Option<Given>>]) -> String {
    let at = ours.iter().zip(theirs).position(|(a, b)| a != b).unwrap_or(ours.len().min(theirs.len()));
    let around = |bytes: &[u8]| bytes[at.saturating_sub(8)..(at + 8).min(bytes.len())].to_vec();
    let record = theirs.len() / rows.len().max(1);
    format!(
        "at byte {at} ({} of records of {record}) {:02x?}, and GnuCOBOL has {:02x?}; {} and {} bytes",
        at % record.max(1),
        around(ours),
        around(theirs),
        ours.len(),
        theirs.len()
    )
}
