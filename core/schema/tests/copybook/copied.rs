//! Copybooks made of others, and what stands around them.

use super::*;

#[test]
fn copybooks_copy_others_and_replace_words() {
    let r = "
       01  R.
           COPY NAMES REPLACING ==:TAG:== BY ==CUST== 'x' BY 'y'.
           COPY 'sub/amount.cpy'
               REPLACING LEADING ==OLD-== BY ==NEW-==
                         TRAILING ==-X== BY ====
                         ==PIC 9(4)== BY ==PIC S9(7)V99 COMP-3==.
           REPLACE ==LEN== BY ==12==.
           05  TEXT-A PIC X(LEN).
           REPLACE OFF.
       ++INCLUDE LAST
           EXEC SQL INCLUDE MORE END-EXEC.
";
    let names = "           05  :TAG:-NAME PIC X(8) VALUE 'x'.\n           05 PRE-:TAG: PIC X.\n";
    let amount = "           05  OLD-AMOUNT PIC 9(4).\n           05 B-X PIC X.\n           COPY DEEPER.\n";
    let files = [
        ("r.cpy", r),
        ("names.cpy", names),
        ("sub/amount.cpy", amount),
        ("sub/DEEPER.cbl", "           05  OLD-DEEP PIC X."),
        ("LAST", "           05 LAST-ONE PIC X."),
        ("MORE.cob", "           05 MORE-OF-IT PIC X."),
    ];
    let expected = "cust_name @0 +8 PIC X(8)
pre_cust @8 +1 PIC X
new_amount @9 +5 PIC S9(7)V99 COMP-3
b @14 +1 PIC X
new_deep @15 +1 PIC X
text_a @16 +12 PIC X(12)
last_one @28 +1 PIC X
more_of_it @29 +1 PIC X
";
    assert_eq!(listing(&files, &CopybookOptions::default()), expected);
    let options = CopybookOptions {
        replacing: vec![(":TAG:".to_owned(), "SHOP".to_owned())],
        folders: vec!["library".to_owned()],
        ..CopybookOptions::default()
    };
    let files = [
        ("r.cpy", "       01 R.\n       COPY B IN C.\n       05 :TAG:-A PIC X."),
        ("library/B.cpy", "       05 B PIC X."),
    ];
    assert_eq!(listing(&files, &options), "b @0 +1 PIC X\nshop_a @1 +1 PIC X\n");
}

#[test]
fn constants_are_numbers_of_pictures_and_lists() {
    check(
        "
       78  WIDTH VALUE 12.
       01  TIMES-OF CONSTANT AS 3.
       01  R.
           05  A PIC X(WIDTH).
           05  B OCCURS TIMES-OF PIC 9(width)V99.
",
        "
        a @0 +12 PIC X(12)
        b @12 +14 x3 PIC 9(12)V99
        ",
    );
}

#[test]
fn the_rest_of_a_program_is_passed_over() {
    check(
        "
       IDENTIFICATION DIVISION.
       PROGRAM-ID. P.
       AUTHOR. O'BRIEN.
       ENVIRONMENT DIVISION.
       CONFIGURATION SECTION.
       SPECIAL-NAMES.
           DECIMAL-POINT IS COMMA.
       INPUT-OUTPUT SECTION.
       FILE-CONTROL.
           SELECT F ASSIGN TO 'f.dat' ORGANIZATION IS SEQUENTIAL.
       DATA DIVISION.
       FILE SECTION.
       FD  F RECORD CONTAINS 80 CHARACTERS.
       01  R.
           05  A PIC ZZ9,99.
       WORKING-STORAGE SECTION.
       77  W PIC X.
       PROCEDURE DIVISION.
           STOP RUN.
",
        "a @0 +6 PIC ZZ9,99",
    );
    // What is to be copied below a level 01.
    check("           05  A PIC X.\n           05  B PIC X.\n", "a @0 +1 PIC X\nb @1 +1 PIC X");
}

#[test]
fn items_without_a_name_may_have_one() {
    let text = "
       01  R.
           05  FILLER PIC X.
           05  A PIC X(3).
           05  FILLER REDEFINES A.
               10  B PIC X.
               10  FILLER PIC X(2).
           05  C.
               10  FILLER PIC X(2).
           05  A PIC X.
";
    let of = |value_fillers, group_fillers| CopybookOptions {
        value_fillers,
        group_fillers,
        ..CopybookOptions::default()
    };
    let fields = |options: &CopybookOptions| {
        let (_, record, _) = lowered(&[("r.cpy", text)], options);
        record.fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(fields(&of(FillerNames::None, FillerNames::None)), ["a", "a_2"]);
    assert_eq!(fields(&of(FillerNames::None, FillerNames::Numbered)), ["a", "filler_1", "a_2"]);
    assert_eq!(fields(&of(FillerNames::Numbered, FillerNames::None)), ["filler_p1", "a", "c", "a_2"]);
    assert_eq!(
        fields(&of(FillerNames::AfterPrevious, FillerNames::AfterPrevious)),
        ["filler_after_r", "a", "filler_after_a", "c", "a_2"]
    );
}

#[test]
fn records_are_merged_and_groups_are_text_as_well() {
    let options = CopybookOptions { group_texts: vec!["NAME".to_owned()], ..CopybookOptions::default() };
    let (a, _) = read(
        &[("a.cpy", "       01 A.\n       05 NAME.\n       10 F PIC X(2).\n       10 G PIC 9.\n")],
        &options,
    );
    let (b, _) = read(&[("b.cpy", "       01 B.\n       05 X PIC X(5).\n")], &options);
    let mut schema = Schema::default();
    let parts = [(&a.value.unwrap(), 0), (&b.value.unwrap(), 0)];
    let (_, shape) = Copybook::lower_merged(&parts, "both", &options, &mut schema).into_result().unwrap().0;
    let mut out = String::new();
    list(&schema, &shape.items, 0, &mut out);
    assert_eq!(
        out,
        "a @0 +3 A
  name @0 +3 NAME
    f @0 +2 PIC XX
    g @2 +1 PIC 9
  name_nt @like 0 +3 PIC X(3)
b @like 0 +5 B
  x @0 +5 PIC X(5)
"
    );
    assert_eq!(shape.length, (5, Some(5)));
}
