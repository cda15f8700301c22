//! What is wrong with a copybook, each in its place.

use super::*;

/// The findings of reading and laying, each as `line:column code: message`.
fn findings(files: &[(&str, &str)]) -> Vec<String> {
    let options = CopybookOptions::default();
    let (checked, sources) = read(files, &options);
    let mut found = checked.diagnostics;
    if let Some(copybook) = checked.value {
        for record in 0..copybook.records().count() {
            found.extend(copybook.lower(record, &options, &mut Schema::default()).diagnostics);
        }
    }
    let shown = found.iter().map(|found| {
        let rendered = Rendered::new(found, &sources);
        let at = rendered.position.map_or(String::new(), |p| format!("{}:{} ", p.line, p.column));
        let help = rendered.help.iter().map(|help| format!(" ({help})")).collect::<String>();
        format!("{at}{}: {}{help}", found.code, found.message)
    });
    shown.collect()
}

#[track_caller]
fn wrong(text: &str, expected: &[&str]) {
    assert_eq!(findings(&[("r.cpy", text)]), expected, "{text}");
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    wrong(
        "       01  R.
           05  A PIC 9(.
           05  B PCI X.
           05  C PIC X REDEFINES D.
           05  E OCCURS 1 TO 3 PIC X.
           05  F PIC X(3) COMP-3.
           05  G.
           05  H OCCURS 0 TO 3 DEPENDING ON NN PIC X.
           05  I PIC X(2)
           05  J USAGE COMP-7.
           99  K PIC X.
           WHAT IS THIS.
",
        &[
            "2:23 copybook/picture: `9(`: the parenthesis is not closed",
            "3:18 copybook/syntax: no clause begins with `PCI` (did you mean `PIC`?)",
            "5:18 copybook/invalid: nothing says how often it occurs (OCCURS n TO m is followed by DEPENDING ON the item that says it)",
            "9:22 copybook/syntax: a period is missing after this",
            "10:24 copybook/syntax: there is no usage `COMP-7` (did you mean `COMP`?)",
            "11:12 copybook/syntax: there is no level 99 (levels are 01 to 49, 66 (RENAMES), 77, 78 (constants) and 88 (conditions))",
            "12:12 copybook/syntax: an entry begins with a level number",
            "4:34 copybook/unresolved: `D` is not an item before this one in the same group",
            "3:12 copybook/invalid: `B` has neither a picture nor items",
            "6:22 copybook/picture: `F`: `X(3)` does not go with the usage COMP-3",
            "7:12 copybook/invalid: `G` has neither a picture nor items",
            "8:45 copybook/unresolved: `NN` is not an item of this record before the one that it counts",
            "10:12 copybook/invalid: `J` has neither a picture nor items",
        ],
    );
}

#[test]
fn what_cannot_be_read_says_why() {
    wrong(
        "",
        &[
            "1:1 copybook/syntax: it describes no data (a copybook has entries such as `05 AMOUNT PIC S9(7)V99 COMP-3.`)",
        ],
    );
    wrong(
        "       01 R.\n           05 :TAG:-A PIC X.",
        &[
            "2:15 copybook/syntax: `:TAG:-A` is no name: `:` stands in it (a program that copies this says by REPLACING what stands for it)",
        ],
    );
    wrong(
        "       01 R.\n           05 A OBJECT REFERENCE.",
        &[
            "2:17 copybook/unsupported: `OBJECT` is not read: such an item has no place of its own in a record",
            "2:12 copybook/invalid: `A` has neither a picture nor items",
        ],
    );
    wrong(
        "       01 R.\n           05 A PIC X OCCURS 5.\n       66 B RENAMES A.\n       66 C RENAMES D.",
        &[
            "3:11 copybook/invalid: `B` renames what occurs more than once, or whose place varies",
            "4:21 copybook/unresolved: `D` is not an item of this record",
        ],
    );
    wrong(
        "       01 R.\n           05 A PIC X(200000000) OCCURS 200000000.",
        &["2:12 copybook/refused: the record is longer than 2147483647 bytes"],
    );
    wrong(
        "       01 R.\n       COPY GONE.\n       05 A PIC X.",
        &[
            "2:8 file/unreadable: the copybook `GONE` is not there (it is looked for beside the file that copies it, without an ending and as `.cpy`, `.cob`, `.cbl` and `.copy`)",
        ],
    );
    wrong("       COPY r.\n       01 R PIC X.", &["1:8 copybook/refused: `r.cpy` copies itself"]);
    let twice = |next: &str| format!("       COPY {next}.\n       COPY {next}.\n       COPY {next}.\n");
    let files: Vec<(String, String)> =
        (0..14).map(|n| (format!("f{n}.cpy"), twice(&format!("f{}", n + 1)))).collect();
    let mut files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("f14.cpy", "       01 R PIC X.\n"));
    assert!(findings(&files).iter().any(|found| found.contains("copybook/refused: more than 1024 copies")));
}
