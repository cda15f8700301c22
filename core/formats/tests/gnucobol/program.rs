//! The judge: a program that moves given values into a record and writes it, and one that reads records; both print what they hold.

use std::{fmt::Write as _, path::Path, process::Command};

use super::book::{Condition, Given, Kind, Place};

/// How a file is declared to GnuCOBOL.
pub(crate) struct Declared {
    pub(crate) organization: &'static str,
    /// What stands in its FD.
    pub(crate) clauses: &'static str,
    /// The file's records are texts of so many bytes, to and from which the described record is moved.
    pub(crate) bytes: Option<usize>,
    /// Options of the compiler.
    pub(crate) options: &'static [&'static str],
}

/// Whether the compiler is there.
pub(crate) fn is_there() -> bool {
    Command::new("cobc").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Compiles the program of a copybook that stands in `folder` as `book.cpy`.
pub(crate) fn compile(folder: &Path, declared: &Declared, places: &[Place]) {
    std::fs::write(folder.join("judge.cob"), source(declared, places)).unwrap();
    let compiled = Command::new("cobc")
        .args(["-x", "-free", "-o", "judge", "judge.cob"])
        .args(declared.options)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}

/// Has the program write rows of values; what it says that the records hold.
pub(crate) fn write(folder: &Path, places: &[Place], rows: &[Vec<Option<Given>>]) -> Vec<Vec<String>> {
    let mut lines = String::new();
    for row in rows {
        lines.push_str("row\n");
        for (place, given) in places.iter().zip(row) {
            match given {
                None => {}
                Some(Given::Units(units)) => {
                    let sign = if *units < 0 { '-' } else { '+' };
                    // Places before the point that a picture has no digits for are zeros.
                    let units = units.unsigned_abs() * 10u128.pow(zeros(place.kind));
                    let _ = writeln!(lines, "{sign}{units:038}");
                }
                Some(Given::Text(text)) => lines.push_str(&format!("{text}\n")),
                Some(Given::Bits(bits)) => {
                    let _ = writeln!(lines, "+{bits:038}");
                }
            }
        }
    }
    std::fs::write(folder.join("values.txt"), lines).unwrap();
    run(folder, "write", places)
}

/// Has the program read records; what it says that they hold.
pub(crate) fn read(folder: &Path, places: &[Place]) -> Vec<Vec<String>> {
    run(folder, "read", places)
}

fn run(folder: &Path, mode: &str, places: &[Place]) -> Vec<Vec<String>> {
    let output = Command::new(folder.join("judge")).arg(mode).current_dir(folder).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{mode}: {said} {}", String::from_utf8_lossy(&output.stderr));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in said.lines() {
        match line {
            "row" => rows.push(Vec::with_capacity(places.len())),
            line if line.starts_with("WRITE ") || line.starts_with("READ ") => panic!("{mode}: {line}"),
            line => rows.last_mut().unwrap().push(line.to_owned()),
        }
    }
    rows
}

/// Digits after the point of the number that shows an item.
pub(crate) fn scale(kind: Kind) -> u32 {
    match kind {
        Kind::Number { scale, .. } => scale.max(0) as u32,
        _ => 0,
    }
}

/// Places before the point that a picture has no digits for.
pub(crate) fn zeros(kind: Kind) -> u32 {
    match kind {
        Kind::Number { scale, .. } => (-scale).max(0) as u32,
        _ => 0,
    }
}

fn source(declared: &Declared, places: &[Place]) -> String {
    let mut scales: Vec<u32> = places.iter().map(|place| scale(place.kind)).chain([0]).collect();
    scales.sort_unstable();
    scales.dedup();
    let mut numbers = String::new();
    for scale in scales {
        let picture = match scale {
            0 => "S9(38)".to_owned(),
            38 => "SV9(38)".to_owned(),
            scale => format!("S9({})V9({scale})", 38 - scale),
        };
        let _ = writeln!(
            numbers,
            "01 K{scale} PIC {picture} SIGN IS LEADING SEPARATE CHARACTER.\n01 K{scale}-TEXT REDEFINES K{scale} PIC X(39)."
        );
    }
    let (mut fill, mut show) = (String::new(), String::new());
    for Place { reference, kind, conditions } in places {
        let conditions: Vec<String> = conditions
            .iter()
            .map(|(name, condition)| match condition {
                Condition::AtLeast(count) => format!("{name} >= {count}"),
                Condition::Is(code) => format!("{name} = \"{code}\""),
            })
            .collect();
        let number = format!("K{}", scale(*kind));
        let (moved, shown) = match kind {
            Kind::Number { .. } | Kind::Count(..) => (
                format!("MOVE GIVEN-FILE-LINE TO {number}-TEXT MOVE {number} TO {reference}"),
                format!("MOVE {reference} TO {number} DISPLAY {number}"),
            ),
            Kind::Text(_) | Kind::Right(_) | Kind::Inserted(_) | Kind::Code => {
                // A text that is moved to a justified item must be as long as it is.
                let moved = match kind {
                    Kind::Right(_) => format!(
                        "MOVE FUNCTION LENGTH(FUNCTION TRIM(GIVEN-FILE-LINE TRAILING)) TO N \
                         MOVE GIVEN-FILE-LINE(1:N) TO {reference}"
                    ),
                    _ => format!("MOVE GIVEN-FILE-LINE TO {reference}"),
                };
                (moved, format!("DISPLAY {reference} \"|\""))
            }
            Kind::Single => (
                format!("MOVE GIVEN-FILE-LINE TO K0-TEXT MOVE K0 TO BITS-4 MOVE FOUR TO {reference}"),
                format!("MOVE {reference} TO FOUR MOVE BITS-4 TO K0 DISPLAY K0 \" \" {reference}"),
            ),
            Kind::Double => (
                format!("MOVE GIVEN-FILE-LINE TO K0-TEXT MOVE K0 TO BITS-8 MOVE EIGHT TO {reference}"),
                format!("MOVE {reference} TO EIGHT MOVE BITS-8 TO K0 DISPLAY K0 \" \" {reference}"),
            ),
        };
        let (moved, shown) = (format!("    PERFORM GET-LINE {moved}"), format!("    {shown}"));
        match conditions.is_empty() {
            true => {
                let _ = writeln!(fill, "{moved}");
                let _ = writeln!(show, "{shown}");
            }
            false => {
                let conditions = conditions.join(" AND ");
                let _ = writeln!(fill, "    IF {conditions} {moved} END-IF");
                // Something stands in each place of what is printed.
                let _ = writeln!(show, "    IF {conditions} {shown} ELSE DISPLAY \"none\" END-IF");
            }
        }
    }
    let copy = "COPY \"book.cpy\".";
    let (described, stored, record) = match declared.bytes {
        None => (copy.to_owned(), String::new(), "THE-RECORD"),
        Some(bytes) => (format!("01 THE-TEXT PIC X({bytes})."), format!("{copy}\n"), "THE-TEXT"),
    };
    let (before, after) = match declared.bytes {
        None => ("CONTINUE", "CONTINUE"),
        Some(_) => ("MOVE THE-BYTES TO THE-TEXT", "MOVE THE-TEXT TO THE-BYTES"),
    };
    format!(
        "IDENTIFICATION DIVISION.
PROGRAM-ID. JUDGE.
ENVIRONMENT DIVISION.
INPUT-OUTPUT SECTION.
FILE-CONTROL.
    SELECT RECORDS-FILE ASSIGN TO \"records.dat\" ORGANIZATION {organization} FILE STATUS ST.
    SELECT GIVEN-FILE ASSIGN TO \"values.txt\" ORGANIZATION LINE SEQUENTIAL FILE STATUS ST.
DATA DIVISION.
FILE SECTION.
FD GIVEN-FILE.
01 GIVEN-FILE-LINE PIC X(200).
FD RECORDS-FILE {clauses}.
{described}
WORKING-STORAGE SECTION.
{stored}01 ST PIC XX.
01 ASKED PIC X(5).
01 DONE PIC 9 VALUE 0.
01 N PIC 9(4).
01 FOUR COMP-1.
01 BITS-4 REDEFINES FOUR USAGE BINARY-LONG UNSIGNED.
01 EIGHT COMP-2.
01 BITS-8 REDEFINES EIGHT USAGE BINARY-DOUBLE UNSIGNED.
{numbers}LINKAGE SECTION.
01 THE-BYTES PIC X({bytes}).
PROCEDURE DIVISION.
MAIN-PART.
    SET ADDRESS OF THE-BYTES TO ADDRESS OF THE-RECORD
    ACCEPT ASKED FROM COMMAND-LINE
    IF ASKED = \"write\"
        OPEN OUTPUT RECORDS-FILE OPEN INPUT GIVEN-FILE
        PERFORM GET-LINE
        PERFORM UNTIL DONE = 1
            PERFORM FILL-IN
            PERFORM SHOW
            {before}
            WRITE {record}
            IF ST NOT = \"00\" DISPLAY \"WRITE \" ST END-IF
            PERFORM GET-LINE
        END-PERFORM
        CLOSE RECORDS-FILE GIVEN-FILE
    ELSE
        OPEN INPUT RECORDS-FILE
        PERFORM GET-RECORD
        PERFORM UNTIL DONE = 1
            PERFORM SHOW
            PERFORM GET-RECORD
        END-PERFORM
        CLOSE RECORDS-FILE
    END-IF
    STOP RUN.
GET-LINE.
    READ GIVEN-FILE AT END MOVE 1 TO DONE END-READ.
GET-RECORD.
    READ RECORDS-FILE AT END MOVE 1 TO DONE END-READ
    {after}
    IF ST NOT = \"00\" AND ST NOT = \"04\" AND ST NOT = \"10\" DISPLAY \"READ \" ST END-IF.
FILL-IN.
{fill}    CONTINUE.
SHOW.
    DISPLAY \"row\"
{show}    CONTINUE.
",
        organization = declared.organization,
        clauses = declared.clauses,
        bytes = declared.bytes.unwrap_or(1),
    )
}
