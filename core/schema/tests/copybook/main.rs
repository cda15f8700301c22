//! What the copybook reader makes of small copybooks.

#![allow(clippy::panic, clippy::unwrap_used, reason = "the helpers of tests fail by it")]

mod copied;
mod wrong;

use portolan_diagnostics::{Checked, Rendered, Sources};
use portolan_schema::{
    Memory, Reading, Record, Schema, TypeId,
    copybook::{self, Copybook, CopybookOptions, FillerNames, OccursDepending, ReferenceFormat},
    layout::{Alignment, Dialect, Extent, Fillers, Invalid, Item, ItemContent, Shape, Start, Times},
};

fn read(files: &[(&str, &str)], options: &CopybookOptions) -> (Checked<Copybook>, Sources) {
    let memory = files.iter().fold(Memory::new(""), |memory, (name, text)| memory.with(*name, *text));
    let mut sources = Sources::default();
    let source = sources.add(files[0].0, files[0].1);
    let checked = copybook::read(source, &mut Reading { resolver: &memory, sources: &mut sources }, options);
    (checked, sources)
}

/// The items of the first record, a line each: name, place, length, how often, type.
#[track_caller]
fn listing(files: &[(&str, &str)], options: &CopybookOptions) -> String {
    let (schema, _, shape) = lowered(files, options);
    let mut out = String::new();
    list(&schema, &shape.items, 0, &mut out);
    out
}

#[track_caller]
fn lowered(files: &[(&str, &str)], options: &CopybookOptions) -> (Schema, Record, Shape) {
    let (checked, sources) = read(files, options);
    let shown: Vec<_> =
        checked.diagnostics.iter().map(|d| portolan_diagnostics::render(d, &sources, false)).collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
    let mut schema = Schema::default();
    let checked = checked.value.unwrap().lower(0, options, &mut schema);
    assert!(checked.diagnostics.is_empty(), "{:#?}", checked.diagnostics);
    let (record, shape) = checked.value.unwrap();
    let record = schema.record(record).clone();
    (schema, record, shape)
}

fn list(schema: &Schema, items: &[Item], depth: usize, out: &mut String) {
    for item in items {
        let start = match item.start {
            Start::At(at) => at.to_string(),
            Start::Next => "next".to_owned(),
            Start::Like(index) => format!("like {index}"),
            Start::FromEnd(back) => format!("-{back}"),
        };
        let Extent::Bytes(bytes) = item.extent else { panic!("{:?}", item.extent) };
        let times = match &item.times {
            Times::Once => String::new(),
            Times::Fixed(n) => format!(" x{n}"),
            Times::Counted { least, most, by, room, .. } => {
                format!(" x{least}..{most} by {by:?}{}", if *room { " room" } else { "" })
            }
        };
        let what = match &item.content {
            ItemContent::Value(storage) => portolan_schema::layout::scalar(storage, item.extent).name.local,
            ItemContent::Group(record, _) => schema.record(*record).name.local.clone(),
            ItemContent::Filler(_) => "filler".to_owned(),
        };
        let name = if item.name.is_empty() { "-" } else { &item.name };
        out.push_str(&format!("{}{name} @{start} +{bytes}{times} {what}\n", "  ".repeat(depth)));
        list(schema, item.items(), depth + 1, out);
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    check_with(text, &CopybookOptions::default(), expected);
}

#[track_caller]
fn check_with(text: &str, options: &CopybookOptions, expected: &str) {
    let lines =
        |text: &str| text.trim().lines().map(|line| format!("{}\n", line.trim_end())).collect::<String>();
    let dedent = |text: &str| {
        let indent =
            text.lines().filter(|l| !l.trim().is_empty()).map(|l| l.len() - l.trim_start().len()).min();
        text.lines().map(|l| format!("{}\n", l.get(indent.unwrap_or(0)..).unwrap_or(""))).collect::<String>()
    };
    assert_eq!(lines(&listing(&[("r.cpy", text)], options)), lines(&dedent(expected)));
}

#[test]
fn groups_lie_one_behind_the_other() {
    check(
        "
       01  CUSTOMER.
           05  CUSTOMER-ID      PIC 9(6).
           05  CUSTOMER-NAME.
               10  FIRST-NAME   PIC X(10).
               10  LAST-NAME    PIC X(20).
           05  FILLER           PIC X(4).
           05  BALANCE          PIC S9(7)V99 COMP-3.
           05  COMP-2-RATE      COMP-2.
           05                   PIC X.
",
        "
        customer_id @0 +6 PIC 9(6)
        customer_name @6 +30 CUSTOMER-NAME
          first_name @0 +10 PIC X(10)
          last_name @10 +20 PIC X(20)
        - @36 +4 filler
        balance @40 +5 PIC S9(7)V99 COMP-3
        comp_2_rate @45 +8 COMP-2
        - @53 +1 filler
        ",
    );
}

#[test]
fn free_form_is_found_out_and_case_is_kept_where_it_is_mixed() {
    check(
        "*> a copybook
01 Rec.
  05 personName pic x(10). *> who
  05 AMOUNT usage is computational-3 picture is s9(5)v99.
",
        "
        personName @0 +10 PIC X(10)
        amount @10 +4 PIC S9(5)V99 COMP-3
        ",
    );
    let fixed = CopybookOptions { format: Some(ReferenceFormat::Free), ..CopybookOptions::default() };
    check_with("       01 R. 05 A PIC X.", &fixed, "a @0 +1 PIC X");
    check(">>SOURCE FORMAT IS FREE\n       01 R.\n05 A PIC X.", "a @0 +1 PIC X");
}

#[test]
fn columns_outside_of_the_text_are_passed_over() {
    check(
        "000100 01  R.                                                           COPY0001
000200     05  A PIC X(3).                                                  05 B
000300*    05  C PIC X(3).
000400/    05  D PIC X(3).
000500D    05  E PIC X(3).
AB0600     05  F PIC X(4). *> 05 G PIC X.
000700
      $SET SOMETHING
       EJECT
       SKIP1.
       TITLE 'of nothing'.
\t05  H PIC X(5).
",
        "
        a @0 +3 PIC X(3)
        f @3 +4 PIC X(4)
        h @7 +5 PIC X(5)
        ",
    );
}

#[test]
fn names_may_be_what_words_are_elsewhere() {
    // Change marks in the sequence area; a literal that is part of a name, as IBM's compilers replace it.
    let text = "
02235A 01  R EXTERNAL.
1.006A     05  V PIC X.
           05  N PIC 9.
           05  COUNT PIC 9.
           05  SIGN PIC X.
           05  1ST-LINE PIC X.
           05  GROUP OCCURS 2 PIC G(2) USAGE DISPLAY-1.
               88  EMPTY VALUE '03'.
";
    check(
        text,
        "
        v @0 +1 PIC X
        n @1 +1 PIC 9
        count @2 +1 PIC 9
        sign @3 +1 PIC X
        _1st_line @4 +1 PIC X
        group @5 +4 x2 octets(4)
        ",
    );
    let r = "       COPY B REPLACING =='XXX'== BY ==CARD==.";
    let b = "       01  'XXX'-RECORD.\n           05  'XXX'-NUMBER PIC 9(16).";
    assert_eq!(
        listing(&[("r.cpy", r), ("b.cpy", b)], &CopybookOptions::default()),
        "card_number @0 +16 PIC 9(16)\n"
    );
}

#[test]
fn lines_continue_words_and_literals() {
    let text = "
       01  R.
           05  A-LONG-N
      * a comment between them
      -        AME PIC X(3).
           05  B PIC X(80) VALUE 'goes on to the margin
      -    'and behind it'.
           05  C PIC X.
";
    check(text, "a_long_name @0 +3 PIC X(3)\nb @3 +80 PIC X(80)\nc @83 +1 PIC X");
    let (_, _, shape) = lowered(&[("r.cpy", text)], &CopybookOptions::default());
    // The first line is filled up to column 72.
    assert_eq!(
        shape.items[1].default.as_deref(),
        Some("goes on to the margin                 and behind it")
    );
}

#[test]
fn lists_occur_always_so_often_or_as_a_count_says() {
    let text = "
       01  R.
           05  N PIC 9(2).
           05  A OCCURS 3 TIMES INDEXED BY I J PIC X(2).
           05  G OCCURS 1 TO 5 TIMES DEPENDING ON N
                 ASCENDING KEY IS K DESCENDING KEY L INDEXED BY X.
               10  K PIC 9(4) COMP.
               10  M PIC 9.
               10  L OCCURS 0 TO 2 DEPENDING ON M PIC X.
               10  O PIC X.
           05  P PIC X(3).
           05  Q.
               10  S PIC X.
               10  T PIC X.
";
    check(
        text,
        "
        n @0 +2 PIC 99
        a @2 +2 x3 PIC XX
        g @8 +6 x0..5 by [0] G
          k @0 +2 PIC 9(4) COMP
          m @2 +1 PIC 9
          l @3 +1 x0..2 by [2, 1] PIC X
          o @next +1 PIC X
        p @next +3 PIC X(3)
        q @next +2 Q
          s @0 +1 PIC X
          t @1 +1 PIC X
        ",
    );
    let (_, _, shape) = lowered(&[("r.cpy", text)], &CopybookOptions::default());
    assert_eq!(shape.length, (8 + 4 + 5, Some(8 + 30 + 5)));
    let maximum = CopybookOptions { occurs: OccursDepending::Maximum, ..CopybookOptions::default() };
    check_with(
        text,
        &maximum,
        "
        n @0 +2 PIC 99
        a @2 +2 x3 PIC XX
        g @8 +6 x0..5 by [0] room G
          k @0 +2 PIC 9(4) COMP
          m @2 +1 PIC 9
          l @3 +1 x0..2 by [2, 1] room PIC X
          o @5 +1 PIC X
        p @38 +3 PIC X(3)
        q @41 +2 Q
          s @0 +1 PIC X
          t @1 +1 PIC X
        ",
    );
}

#[test]
fn a_count_is_the_nearest_item_of_the_name_in_what_it_names() {
    check(
        "
       01  R.
           05  A.
               10  N PIC 9.
           05  B.
               10  N PIC 9.
               10  C OCCURS 0 TO 9 DEPENDING ON N PIC X.
               10  D OCCURS 0 TO 9 DEPENDING ON N OF A PIC X.
               10  E OCCURS 9 DEPENDING ON N IN B IN R PIC X.
",
        "
        a @0 +1 A
          n @0 +1 PIC 9
        b @1 +28 B
          n @0 +1 PIC 9
          c @1 +1 x0..9 by [1, 0] PIC X
          d @next +1 x0..9 by [0, 0] PIC X
          e @next +1 x0..9 by [1, 0] PIC X
        ",
    );
}

#[test]
fn items_redefine_others_and_need_not_have_a_value_then() {
    let text = "
       01  R.
           05  ID PIC X.
           05  DETAILS.
               10  NAME PIC X(10).
               10  AMOUNT PIC 9(4) COMP.
           05  CONTACT REDEFINES DETAILS.
               10  PHONE PIC X(15).
           05  RAW REDEFINES CONTACT PIC X(3).
           05  REST PIC X(2).
";
    check(
        text,
        "
        id @0 +1 PIC X
        details @1 +12 DETAILS
          name @0 +10 PIC X(10)
          amount @10 +2 PIC 9(4) COMP
        contact @like 1 +15 CONTACT
          phone @0 +15 PIC X(15)
        raw @like 2 +3 PIC X(3)
        rest @16 +2 PIC XX
        ",
    );
    let (schema, record, shape) = lowered(&[("r.cpy", text)], &CopybookOptions::default());
    assert_eq!(shape.length, (18, Some(18)));
    let least: Vec<_> = record.fields.iter().map(|field| (field.name.as_str(), field.occurs.min)).collect();
    assert_eq!(least, [("id", 1), ("details", 0), ("contact", 0), ("raw", 0), ("rest", 1)]);
    let TypeId::Record(details) = record.fields[1].ty else { panic!() };
    let least: Vec<_> = schema.record(details).fields.iter().map(|field| field.occurs.min).collect();
    assert_eq!(least, [1, 0], "text is always there, a number may be none");
    let ItemContent::Value(amount) = &shape.items[1].items()[1].content else { panic!() };
    assert_eq!(amount.invalid, Invalid::Null);
}

#[test]
fn usages_and_signs_of_groups_are_those_of_their_numbers() {
    check(
        "
       01  R.
           05  A USAGE COMP-3.
               10  B PIC 9(5).
               10  C PIC X(3).
               10  D PIC S9(4) BINARY.
           05  E SIGN IS LEADING SEPARATE CHARACTER.
               10  F PIC S9(3).
               10  G PIC 9(3).
               10  H PIC S9(3) SIGN TRAILING.
           05  I PIC 99V99 TRAILING SEPARATE.
",
        "
        a @0 +8 A
          b @0 +3 PIC 9(5) COMP-3
          c @3 +3 PIC X(3)
          d @6 +2 PIC S9(4) COMP
        e @8 +10 E
          f @0 +4 PIC S9(3) SIGN LEADING SEPARATE
          g @4 +3 PIC 9(3)
          h @7 +3 PIC S9(3)
        i @18 +5 PIC S99V99 SIGN TRAILING SEPARATE
        ",
    );
}

#[test]
fn synchronized_numbers_have_slack_before_them() {
    // The examples of IBM's reference, "SYNCHRONIZED clause", "Slack bytes within records" and "between records".
    let text = "
       01  R.
           05  B PIC X(5).
           05  C.
               10  D PIC XX.
               10  E COMP PIC S9(6) SYNC.
           05  N PIC XX.
           05  O.
               10  P COMP PIC S9(6) SYNC.
           05  A PIC X.
           05  T OCCURS 2.
               10  Q COMP-2 SYNC.
               10  Z PIC X.
           05  L PIC S9(18) COMP SYNCHRONIZED RIGHT.
";
    check(
        text,
        "
        b @0 +5 PIC X(5)
        c @5 +7 C
          d @0 +2 PIC XX
          - @2 +1 filler
          e @3 +4 PIC S9(6) COMP
        n @12 +2 PIC XX
        - @14 +2 filler
        o @16 +4 O
          p @0 +4 PIC S9(6) COMP
        a @20 +1 PIC X
        - @21 +3 filler
        t @24 +16 x2 T
          q @0 +8 COMP-2
          z @8 +1 PIC X
          - @9 +7 filler
        l @56 +8 PIC S9(18) COMP
        ",
    );
    let natural = Dialect { alignment: Alignment::Natural, ..Dialect::default() };
    check_with(
        "
       01  R.
           05  A PIC X(5).
           05  O.
               10  P COMP PIC S9(12) SYNC.
",
        &CopybookOptions { dialect: natural, ..CopybookOptions::default() },
        "
        a @0 +5 PIC X(5)
        o @5 +11 O
          - @0 +3 filler
          p @3 +8 PIC S9(12) COMP
        ",
    );
}

#[test]
fn level_66_renames_and_level_77_stands_alone() {
    check(
        "
       01  R.
           05  A.
               10  B PIC 9(3).
               10  C PIC X(3).
           05  D PIC S9(5) COMP-3.
       66  X RENAMES A.
       66  Y RENAMES C THRU D.
       66  Z RENAMES D.
       77  W PIC X.
",
        "
        a @0 +6 A
          b @0 +3 PIC 9(3)
          c @3 +3 PIC X(3)
        d @6 +3 PIC S9(5) COMP-3
        x @0 +6 PIC X(6)
        y @3 +6 PIC X(6)
        z @6 +3 PIC S9(5) COMP-3
        ",
    );
    let (checked, _) =
        read(&[("r.cpy", "       01 R PIC X.\n       77 W PIC X.\n")], &CopybookOptions::default());
    assert_eq!(checked.value.unwrap().records().collect::<Vec<_>>(), ["R", "W"]);
}

#[test]
fn conditions_name_values_and_comments_are_kept() {
    let (schema, record, _) = lowered(
        &[(
            "r.cpy",
            "
       01  R.
      * ---- Of the customer ----
           05  STATE PIC X(2).
               88  OPEN-STATE VALUE 'O'.
               88  CLOSED-STATE VALUES ARE 'C', 'D ' 'X' THRU 'Z'.
               88  DONE VALUE 'C' WHEN SET TO FALSE IS 'O'.
               88  EMPTY VALUE SPACES.
               88  LOW VALUE LOW-VALUES.
           05  AMOUNT PIC S9(3)V99 COMP-3. *> in euro
               88  NOTHING VALUE ZERO.
               88  SOME VALUES +01.50 -.5.
",
        )],
        &CopybookOptions::default(),
    );
    let docs: Vec<_> = record.fields.iter().map(|field| field.doc.as_deref()).collect();
    assert_eq!(docs, [Some("Of the customer"), Some("in euro")]);
    let values = |index: usize| {
        let TypeId::Scalar(id) = record.fields[index].ty else { panic!() };
        let enumeration = schema.scalar(id).enumeration.clone().unwrap();
        assert!(enumeration.open);
        let values = enumeration.values.into_iter().map(|v| (v.name, v.doc.unwrap()));
        values.collect::<Vec<_>>()
    };
    let pairs = |values: &[(&str, &str)]| -> Vec<(String, String)> {
        values.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    let state = [("O", "OPEN-STATE"), ("C", "CLOSED-STATE, DONE"), ("D", "CLOSED-STATE"), ("", "EMPTY")];
    assert_eq!(values(0), pairs(&state));
    assert_eq!(values(1), pairs(&[("0", "NOTHING"), ("1.5", "SOME"), ("-0.5", "SOME")]));
}

#[test]
fn values_are_written_where_nothing_is_given() {
    let (_, _, shape) = lowered(
        &[(
            "r.cpy",
            "
       01  R.
           05  A PIC X(4) VALUE 'it''s cut'.
           05  B PIC 9(3) VALUE ZEROES.
           05  C PIC S9(3)V9 COMP-3 VALUE -1.50.
           05  D PIC X(3) VALUE ALL 'ab'.
           05  E PIC X(3) VALUE SPACE.
           05  F PIC X(3) VALUE HIGH-VALUES.
           05  G PIC X(3) VALUE \"x\".
           05  FILLER PIC X(3) VALUE 'END'.
           05  FILLER PIC 9(3) VALUE 7.
           05  FILLER PIC X VALUE LOW-VALUE.
           05  FILLER PIC X VALUE X'1A'.
           05  FILLER PIC S9(3) COMP-3.
",
        )],
        &CopybookOptions::default(),
    );
    let defaults: Vec<_> = shape.items.iter().take(7).map(|item| item.default.as_deref()).collect();
    assert_eq!(defaults, [Some("it's"), Some("0"), Some("-1.5"), Some("aba"), Some(""), None, Some("x")]);
    let fillers = shape.items.iter().skip(7).map(|item| match &item.content {
        ItemContent::Filler(filler) => filler.fill.clone(),
        other => panic!("{other:?}"),
    });
    assert_eq!(
        fillers.collect::<Vec<_>>(),
        [
            Fillers::Text("END".into()),
            Fillers::Text("007".into()),
            Fillers::Byte(0),
            Fillers::Byte(0x1A),
            Fillers::Byte(0)
        ]
    );
}
