//! Tables in files, and tables asked by their values.

use portolan_diagnostics::{Rendered, Severity, Sources};
use portolan_schema::Memory;

use super::{MAPPING, WSDL, check, loaded};
use crate::load::{LoadedRoute, Standing, load};

const INLINE: &str = r#"reasons: { PURPOSE_BENEFIT: "01", PURPOSE_TAX: "02" }"#;

/// The example with its table in a file, and what is found, each with the file where it stands.
fn with_file(table: &str, csv: Option<&str>) -> (Vec<LoadedRoute>, Vec<String>) {
    assert!(MAPPING.contains(INLINE));
    let mapping = MAPPING.replace(INLINE, table);
    let mut files = Memory::default()
        .with("m.yaml", mapping)
        .with("registry.proto", include_str!("../examples/registry.proto"))
        .with("register.wsdl", WSDL);
    if let Some(csv) = csv {
        files = files.with("reasons.csv", csv);
    }
    let mut sources = Sources::default();
    let checked = load("m.yaml", &files, &mut sources, &Standing::default());
    let shown = checked.diagnostics.iter().filter(|d| d.severity != Severity::Note).map(|d| {
        let r = Rendered::new(d, &sources);
        let (line, column) = r.position.map_or((0, 0), |p| (p.line, p.column));
        let help: String = r.help.iter().map(|h| format!(" ({h})")).collect();
        format!("{}:{line}:{column} {} {}{help}", r.file.unwrap_or_default(), r.code, r.message)
    });
    let shown = shown.collect();
    (checked.value.unwrap_or_default(), shown)
}

#[test]
fn a_table_in_a_file_is_one_of_the_mapping() {
    let file = "reasons: { file: reasons.csv }";
    let csv = "code,reason\nPURPOSE_BENEFIT,01\n\"PURPOSE_TAX\",\"02\"\nUNHEARD_OF,99\n";
    let (routes, found) = with_file(file, Some(csv));
    assert_eq!(found, [] as [&str; 0]);
    // The mapping, two contracts and the table.
    assert_eq!(routes[0].files.len(), 4);
    let many = "n;code;r\n1;PURPOSE_BENEFIT;01\n2;PURPOSE_TAX;02\n";
    let (_, found) = with_file("reasons: { file: reasons.csv, key: code, value: r }", Some(many));
    assert_eq!(found, [] as [&str; 0]);

    let check = |table: &str, csv: Option<&str>, expected: &[&str]| {
        let (routes, found) = with_file(table, csv);
        assert_eq!(found, expected);
        assert!(routes.is_empty());
    };
    check(file, None, &["m.yaml:51:20 file/unreadable `reasons.csv` is not there"]);
    check(
        file,
        Some("code,reason\nPURPOSE_BENEFIT,01\n"),
        &[
            "m.yaml:26:13 map/uncovered table `reasons` has no row for PURPOSE_TAX (add the rows, or say what any other code becomes: `default: ...`)",
        ],
    );
    check(
        file,
        Some("code,reason\nPURPOSE_BENEFIT,01\nPURPOSE_TAX,02\nPURPOSE_TAX,03\n"),
        &["reasons.csv:4:1 table/invalid this key has a row already"],
    );
    check(
        file,
        Some(many),
        &[
            "m.yaml:51:20 table/invalid `reasons.csv` has 3 columns (say which: `key: ...` and `value: ...`, of n, code, r)",
        ],
    );
    check(
        "reasons: { file: reasons.csv, key: code, value: reasn }",
        Some(csv),
        &[
            "m.yaml:51:51 table/invalid `reasons.csv` has no column `reasn` (did you mean `reason`?) (its columns are code, reason)",
        ],
    );
    check(
        file,
        Some("code,reason\nPURPOSE_BENEFIT\nPURPOSE_TAX,02\n"),
        &["reasons.csv:2:1 table/invalid this line has 1 columns, and the header 2"],
    );
    check(
        file,
        Some("code,reason\nPURPOSE_BENEFIT,01,a\nPURPOSE_TAX,02\n"),
        &[
            "reasons.csv:2:1 table/invalid this line has 3 columns, and the header 2 (a value that holds the separator stands in quotes: \"Tallinn, linn\")",
        ],
    );
    check(
        file,
        Some("code,reason\n\"PURPOSE_BENEFIT,01\n"),
        &["reasons.csv:2:1 table/invalid this quote is never closed"],
    );
}

#[test]
fn tables_are_asked_by_their_values_too() {
    let asked = |statuses: &str, expression: &str| {
        let mapping =
            MAPPING.replace("statuses: { A: ACTIVE, E: EMIGRATED, D: DECEASED }", statuses).replace(
                "- { otherwise: \"lookup('statuses', Status)\" }",
                &format!("- {{ otherwise: \"{expression}\" }}"),
            );
        loaded(&mapping).1
    };
    let inverse = "lookup_key('statuses', Status)";
    assert_eq!(asked("statuses: { ACTIVE: A, EMIGRATED: E, DECEASED: D }", inverse), [] as [&str; 0]);
    for (statuses, expression, expected) in [
        (
            "statuses: { ACTIVE: A, EMIGRATED: E, DECEASED: E }",
            "lookup_key('statuses', Status)",
            "44:25 table/invalid [lookup_key('statuses', Status)] the table `statuses` has `E` in more rows than one: DECEASED, EMIGRATED (only a table whose values are all different leads back to its keys)",
        ),
        (
            "statuses: { ACTIVE: A, EMIGRATED: E }",
            "lookup_key('statuses', Status)",
            "44:25 map/uncovered [lookup_key('statuses', Status)] the table `statuses` has no row with D (add the rows)",
        ),
        (
            "statuses: { ACTIVE: A, EMIGRATED: E, DECESED: D }",
            "lookup_key('statuses', Status)",
            "52:40 map/never-fits [DECESED] this never fits `status`: `DECESED` is not one of its values: STATUS_UNSPECIFIED, ACTIVE, DECEASED, EMIGRATED (did you mean `DECEASED`?)",
        ),
        (
            "statuses: { ACTIVE: A, EMIGRATED: E, DECEASED: D }",
            "lookup_key('status', Status)",
            "44:36 map/unknown-table ['status'] there is no table `status` (did you mean `statuses`?)",
        ),
        (
            "statuses: { ACTIVE: A, EMIGRATED: E, DECEASED: D }",
            "lookup_key('statuses', BirthDate)",
            "44:48 map/type [BirthDate] the value of a row is text or a whole number, and this is a date",
        ),
        (
            "statuses: { ACTIVE: A, EMIGRATED: E, DECEASED: D }",
            "lookup_key(Status, 'statuses')",
            "44:36 expr/arguments [Status] `lookup_key` takes the name of a table in quotes, then the value (write lookup_key('table', value))",
        ),
    ] {
        assert_eq!(asked(statuses, expression).join("\n"), expected, "{statuses} {expression}");
    }
}

#[test]
fn a_row_that_is_asked_for_by_its_name_is_there() {
    let asked = |key: &str, expected: &[&str]| {
        let reason = format!("Reason: \"purpose == 'PURPOSE_TAX' ? lookup('reasons', '{key}') : '01'\"");
        check(("Reason: lookup('reasons', purpose)", &reason), expected);
    };
    asked("PURPOSE_TAX", &[]);
    asked(
        "PURPOSE_TAXES",
        &[
            "26:59 map/uncovered ['PURPOSE_TAXES'] table `reasons` has no row for PURPOSE_TAXES (did you mean `PURPOSE_TAX`?) (add the row, or say what any other code becomes: `default: ...`)",
        ],
    );
}
