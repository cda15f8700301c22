//! Metro 2: files in both formats and single segments, against the values that moov-io/metro2 reads.
//!
//! Its names are ours in camel case. It has segments that occur once as objects, where we have lists of one.

use crate::{
    decoded::{Decoded, decode, lengths},
    files::Corpus,
    json::{Json, same_number},
    report::{Report, same},
};

/// Files, their layouts, and whether there is an expected result.
const FILES: &[(&str, &str, bool)] = &[
    ("base_segment", "metro2-blocked", true),
    ("header_record", "metro2-blocked", false),
    ("j1_segment", "metro2-segments", false),
    ("k1_segment", "metro2-segments", false),
    ("k3_segment", "metro2-segments", false),
    ("l1_segment", "metro2-segments", false),
    ("unpacked_fixed_file", "metro2", true),
];

/// Upstream's names whose words are divided otherwise.
const RENAMED: &[(&str, &str)] = &[
    ("totalStatusCodeDF", "total_status_code_df"),
    ("totalStatusCodeDA", "total_status_code_da"),
    ("totalECOACodeZ", "total_ecoa_code_z"),
];

pub(crate) fn run(corpus: &Corpus, report: &mut Report) {
    for (name, layout, expected) in FILES {
        let path = format!("metro2/{name}.dat");
        let file = corpus.layout(&format!("{layout}.yaml"));
        let bytes = corpus.bytes(&path);
        let decoded = decode(&file, &bytes);
        // What fills records up beyond their fields is no value, and lengths count it.
        if *name != "unpacked_fixed_file" {
            report.rewritten(&path, &file, &bytes);
        }
        if !report.file(&path, &decoded, &bytes) || !expected {
            continue;
        }
        let expected = Json::parse(&corpus.text(&format!("metro2/{name}.json")));
        match expected.get("data") {
            Some(accounts) => {
                of_kind(&path, expected.get("header"), &decoded, "header", report);
                for (account, found) in accounts.items().iter().zip(decoded.of("account")) {
                    segments(&path, account, found, report);
                }
                of_kind(&path, expected.get("trailer"), &decoded, "trailer", report);
            }
            None => {
                let found = decoded.of("account").next().unwrap();
                segments(&path, &expected, found, report);
                framing(&path, &expected, lengths(&file, &bytes)[0], report);
            }
        }
    }
}

fn of_kind(path: &str, expected: Option<&Json>, decoded: &Decoded, kind: &str, report: &mut Report) {
    fields(&format!("{path}: {kind}"), expected.unwrap(), decoded.of(kind).next().unwrap(), report);
}

/// The lengths of a block and of a record, which frame it.
fn framing(path: &str, expected: &Json, length: usize, report: &mut Report) {
    for (name, around) in [("blockDescriptorWord", 8), ("recordDescriptorWord", 4)] {
        let found = Json::Bare((length + around).to_string());
        report.value(&format!("{path}: {name}"), expected.at(&format!("base.{name}")).unwrap(), Some(&found));
    }
}

fn segments(path: &str, expected: &Json, found: &Json, report: &mut Report) {
    for (name, expected) in expected.members() {
        let found = found.get(name);
        let place = format!("{path}: {name}");
        match (expected, found) {
            (Json::List(items), Some(Json::List(there))) => {
                assert_eq!(items.len(), there.len(), "{place}");
                items.iter().zip(there).for_each(|(item, found)| fields(&place, item, found, report));
            }
            (item, Some(Json::List(there))) => fields(&place, item, &there[0], report),
            (item, Some(found)) => fields(&place, item, found, report),
            (_, None) => report.value(&place, expected, None),
        }
    }
}

fn fields(place: &str, expected: &Json, found: &Json, report: &mut Report) {
    for (upstream, expected) in expected.members() {
        let place = format!("{place}.{upstream}");
        let renamed =
            RENAMED.iter().find(|(theirs, _)| theirs == upstream).map(|(_, ours)| (*ours).to_owned());
        let found = found.get(&renamed.unwrap_or_else(|| snake(upstream)));
        let blocked =
            matches!(upstream.as_str(), "blockDescriptorWord" | "recordDescriptorWord") && found.is_none();
        if blocked {
            continue;
        }
        if place.ends_with("unpacked_fixed_file.dat: header.recordDescriptorWord") {
            report.excepted.push(format!(
                "{}: the file says 0470, and its header has 470 bytes",
                place.replace(": ", " ")
            ));
            continue;
        }
        let fine = match (expected, found) {
            (Json::Text(time), Some(Json::Text(date))) if time.ends_with('Z') => {
                time == &format!("{date}T00:00:00Z") || time == &format!("{date}Z")
            }
            (Json::Bare(number), Some(Json::Text(digits))) => same_number(number, digits),
            _ => same(expected, found),
        };
        report.test(&place, fine, expected, found);
    }
}

/// `totalStatusCode05` is `total_status_code_05`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut before = 'a';
    for c in name.chars() {
        if c.is_ascii_uppercase()
            || c.is_ascii_digit() && !before.is_ascii_digit() && !before.is_ascii_uppercase()
        {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
        before = c;
    }
    out
}
