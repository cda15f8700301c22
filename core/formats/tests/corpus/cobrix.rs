//! Cobrix's own tests: copybooks as they are, and every record that it expects. Names are COBOL's, in small letters.

use portolan_formats::Decimal;

use crate::{
    decoded::{Decoded, decode, lengths},
    files::Corpus,
    json::{Json, same_float},
    report::{Report, same},
};

/// One of its tests.
struct Case {
    layout: &'static str,
    data: &'static str,
    expected: &'static str,
    /// Every row is a group of this name.
    root: Option<&'static str>,
    /// Only records whose field is this are expected.
    only: Option<(&'static str, &'static str)>,
    /// Upstream wrote 0 where there is no value.
    zero_for_null: bool,
}

const fn case(layout: &'static str, data: &'static str, expected: &'static str) -> Case {
    Case { layout, data, expected, root: None, only: None, zero_for_null: false }
}

const SIGNATURE: Option<(&str, &str)> = Some(("signature", "S9276511"));

const CASES: &[Case] = &[
    case("test1", "test1_data/example.bin", "test1_expected/test1.txt"),
    case("test1a", "test1_data/example.bin", "test1a_expected/test1a.txt"),
    case("test1", "test1_data/example.bin", "test1b_expected/test1b.txt"),
    Case { only: SIGNATURE, ..case("test3", TEST_3, "test3_expected/test3.txt") },
    Case { only: SIGNATURE, ..case("test3", TEST_3, "test3_expected/test3_trim_both.txt") },
    Case { only: SIGNATURE, ..case("test3-trim-left", TEST_3, "test3_expected/test3_trim_left.txt") },
    Case { only: SIGNATURE, ..case("test3-trim-right", TEST_3, "test3_expected/test3_trim_right.txt") },
    Case { only: SIGNATURE, ..case("test3-trim-none", TEST_3, "test3_expected/test3_trim_none.txt") },
    case("test4", "test4_data/COMP.DETAILS.SEP30.DATA.dat", "test4_expected/test4.txt"),
    case("test4a", "test4a_data/COMP.DETAILS.SEP30.DATA.dat", "test4_expected/test4a.txt"),
    Case {
        zero_for_null: true,
        ..case("test6", "test6_data/INTEGR.TYPES.NOV28.DATA.rec1-50.dat", "test6_expected/test6.rec1-50.txt")
    },
    case("test7", TEST_7, "test7_expected/test7.txt"),
    case("test7a", TEST_7, "test7_expected/test7a.txt"),
    case("test7b", TEST_7, "test7_expected/test7b.txt"),
    case("test7c", TEST_7, "test7_expected/test7c.txt"),
    case("test7d", TEST_7, "test7_expected/test7d.txt"),
    Case { root: Some("RECORD"), ..case("test10", "test10_data/data.dat", "test10_expected/test10.txt") },
    case("test12", "test12_data/data.dat", "test12_expected/test12.txt"),
    Case {
        only: SIGNATURE,
        ..case("test13a", "test13a_data/TRAN2.JUN24.DATA.dat", "test13_expected/test13a.txt")
    },
    case("test14", "test14_data/COMP.DETAILS.JUL02.DATA.dat", "test14_expected/test14.txt"),
    case("test19", "test19_display_num/data.dat", "test19_display_num_expected/test19.txt"),
    Case { root: Some("RECORD"), ..case("test21", "test21_data/data.dat", "test21_expected/test21.txt") },
];

const TEST_3: &str = "test3_data/TRAN2.AUG31.DATA.dat";
const TEST_7: &str = "test7_data/TEST.FILLERS.DEC07.DATA.dat";

pub(crate) fn run(corpus: &Corpus, report: &mut Report) {
    let mut seen: Vec<&str> = Vec::new();
    for case in CASES {
        let file = corpus.layout(&format!("cobrix-{}.yaml", case.layout));
        let bytes = corpus.bytes(&format!("cobrix/{}", case.data));
        let decoded = decode(&file, &bytes);
        let name = format!("cobrix/{}", case.data);
        report.file(&name, &decoded, &bytes);
        // A file is counted once, however many layouts read it.
        report.files -= usize::from(seen.contains(&case.data));
        seen.push(case.data);
        let lengths = lengths(&file, &bytes);
        let rows = rows(&corpus.text(&format!("cobrix/{}", case.expected)));
        let mut records = records(&decoded, case);
        // Upstream put its rows into an order.
        records.sort_by_cached_key(|record| {
            let of = |name: &str| record.values.get(name).map_or("", Json::plain).to_owned();
            let amount = Decimal::parse(&of("amount"))
                .and_then(|amount| amount.rescale(2))
                .map(|amount| amount.mantissa);
            match case.layout {
                "test7" | "test7a" | "test7b" | "test7c" | "test7d" => (String::new(), amount),
                "test13a" => (of("company_id"), amount),
                _ => (String::new(), None),
            }
        });
        assert!(records.len() >= rows.len(), "{name}: {} records, {} rows", records.len(), rows.len());
        for (index, (row, record)) in rows.iter().zip(&records).enumerate() {
            let row = case.root.map_or(row, |root| row.get(root).unwrap());
            let mut compared = Compared { report, case, place: format!("{} row {index}", case.expected) };
            compared.generated(row, record, &lengths);
            compared.group(row, record.values, &mut String::new());
        }
    }
}

/// One object a line, or a list of them.
fn rows(text: &str) -> Vec<Json> {
    match text.trim_start().starts_with('[') {
        true => Json::parse(text).items().to_vec(),
        false => text.lines().filter(|line| !line.trim().is_empty()).map(Json::parse).collect(),
    }
}

/// A record with what Cobrix counts.
struct Counted<'d> {
    values: &'d Json,
    /// Which record of the file it is, from 0.
    number: usize,
    /// Which the last record at the top was, and how many there were within it since.
    top: usize,
    within: usize,
}

fn records<'d>(decoded: &'d Decoded, case: &Case) -> Vec<Counted<'d>> {
    let (mut top, mut within) = (0, 0);
    let counted = decoded.lines.iter().enumerate().map(|(number, line)| {
        match line.record.contains('.') {
            true => within += 1,
            false => (top, within) = (number, 0),
        }
        Counted { values: line.values(), number, top, within }
    });
    let wanted = |record: &Counted<'_>| {
        case.only.is_none_or(|(field, value)| {
            record.values.get(field).map(Json::plain).map(str::trim) == Some(value)
        })
    };
    counted.filter(wanted).collect()
}

struct Compared<'r> {
    report: &'r mut Report,
    case: &'r Case,
    place: String,
}

impl Compared<'_> {
    /// What Cobrix adds to each record.
    fn generated(&mut self, row: &Json, record: &Counted<'_>, lengths: &[usize]) {
        let known = [
            ("File_Id", "0".to_owned()),
            ("Record_Id", record.number.to_string()),
            ("Record_Byte_Length", lengths[record.number].to_string()),
            ("Seg_Id0", format!("A_0_{}", record.top)),
            ("Seg_Id1", format!("A_0_{}_L1_{}", record.top, record.within)),
        ];
        for (name, found) in known {
            let Some(expected) = row.get(name) else { continue };
            let found = Json::Text(found);
            self.report.test(
                &format!("{}: {name}", self.place),
                expected.plain() == found.plain(),
                expected,
                Some(&found),
            );
        }
    }

    fn group(&mut self, expected: &Json, found: &Json, path: &mut String) {
        for (name, value) in expected.members() {
            if matches!(name.as_str(), "File_Id" | "Record_Id" | "Record_Byte_Length" | "Seg_Id0" | "Seg_Id1")
            {
                continue;
            }
            let before = path.len();
            path.push_str(&format!(".{name}"));
            self.value(value, found.get(&name.to_lowercase()), path);
            path.truncate(before);
        }
        // Null fields are not written by Spark.
        for (name, value) in found.members().iter().filter(|(name, _)| !name.starts_with('_')) {
            let told = expected.members().iter().any(|(known, _)| known.to_lowercase() == *name);
            if name == "taxpayer_num"
                && value.plain().parse().is_ok_and(|number: i64| number > i64::from(i32::MAX))
            {
                let reason = "a number beyond 2^31 in 4 bytes, which Cobrix does not read";
                self.report.excepted.push(format!("{}{path}.{name}: {reason}", self.place));
            } else if !told && *value != Json::Null {
                self.report.test(&format!("{}{path}.{name}", self.place), false, &Json::Null, Some(value));
            }
        }
    }

    fn value(&mut self, expected: &Json, found: Option<&Json>, path: &mut String) {
        let empty = Json::Group(Vec::new());
        match expected {
            Json::Group(_) => self.group(expected, found.unwrap_or(&empty), path),
            Json::List(items) => {
                let there = found.map_or(&[][..], Json::items);
                self.report.test(
                    &format!("{}{path}", self.place),
                    there.len() == items.len(),
                    &Json::Bare(items.len().to_string()),
                    Some(&Json::Bare(there.len().to_string())),
                );
                for (index, (item, found)) in items.iter().zip(there).enumerate() {
                    let before = path.len();
                    path.push_str(&format!("[{index}]"));
                    self.value(item, Some(found), path);
                    path.truncate(before);
                }
            }
            _ => {
                let place = format!("{}{path}", self.place);
                if expected.plain().contains('\u{FFFD}') {
                    let reason = "bytes that are no ASCII, where another field describes them, are U+FFFD for Cobrix and no value for us";
                    self.report.excepted.push(format!("{place}: {reason}"));
                    return;
                }
                if expected.plain() == "0.00" && found.is_none() && path == ".WS_AMOUNT_FRACTION" {
                    let reason = "blanks, which Cobrix reads as no integer, as we do, but as the decimal 0";
                    self.report.excepted.push(format!("{place}: {reason}"));
                    return;
                }
                let fine = same(expected, found.map(|found| as_cobrix(found, self.case)).as_ref())
                    || path.ends_with("FLOAT_01") && self.float(expected, found)
                    || path.ends_with("DOUBLE_01") && self.float(expected, found)
                    || self.case.zero_for_null
                        && found.is_none()
                        && expected.plain().trim_matches(['0', '.']).is_empty();
                self.report.test(&place, fine, expected, found);
            }
        }
    }

    fn float(&self, expected: &Json, found: Option<&Json>) -> bool {
        found.is_some_and(|found| same_float(expected.plain(), found.plain()))
    }
}

/// Cobrix's code page `common` reads what not every EBCDIC has as blanks, and ASCII it reads without control characters. Such bytes
/// stand where another field describes them, and where a text is filled up with low values.
fn as_cobrix(value: &Json, case: &Case) -> Json {
    let Json::Text(text) = value else { return value.clone() };
    let strange = |c: char| c.is_control() || !c.is_ascii();
    let text = match case.layout {
        "test4" | "test4a" => text.replace(char::is_control, ""),
        _ => text.replace(strange, " "),
    };
    Json::Text(match case.layout {
        "test3-trim-none" | "test3-trim-left" => text,
        _ => text.trim().to_owned(),
    })
}
