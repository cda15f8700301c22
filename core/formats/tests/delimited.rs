//! Delimited values: their titles, how long they may be, signs, and delimiters behind the last of a line.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod framings;

use framings::{compiled, decoded, encoded};

/// A layout of one kind of record.
fn one(file: &str, fields: &str) -> String {
    format!(
        "layout: it\nfile: {{ framing: delimited, delimiter: ';', {file} }}\nrecords:\n  row:\n    occurs: 0..\n    fields:\n{fields}"
    )
}

const RATES: &str = "
      currency: { length: 3 }
      valid_from: { length: 10, date: dd.MM.yyyy }
      rate: { length: 8, type: decimal, scale: 2, point: ',', title: Kurs }
";

/// A file reads as these lines, and `decode | encode` is the same file.
#[track_caller]
fn check(layout: &str, file: &str, lines: &[&str]) {
    let compiled = compiled(layout, "");
    let (kept, problems) = decoded(&compiled, file.as_bytes());
    assert!(problems.is_empty(), "{}", problems[0].error);
    let kept = String::from_utf8(kept).unwrap();
    let shown: Vec<&str> = kept.lines().filter(|line| !line.contains("\"_other\"")).collect();
    let shown: Vec<&str> =
        shown.iter().map(|line| line.split(",\"_raw\"").next().unwrap().trim_end_matches('}')).collect();
    let wanted: Vec<&str> = lines.iter().map(|line| line.trim_end_matches('}')).collect();
    assert_eq!(shown, wanted);
    assert_eq!(String::from_utf8(encoded(&compiled, kept.as_bytes()).unwrap()).unwrap(), file);
}

/// The errors of a file, and no record after those that are in `lines`.
#[track_caller]
fn refused(layout: &str, file: &str, errors: &[&str]) {
    let (_, problems) = decoded(&compiled(layout, ""), file.as_bytes());
    let shown: Vec<String> = problems.iter().map(|problem| problem.error.to_string()).collect();
    assert_eq!(shown, errors);
}

/// What lines make, without a file before.
#[track_caller]
fn written(layout: &str, lines: &str, file: &str) {
    let made = encoded(&compiled(layout, ""), lines.as_bytes());
    assert_eq!(String::from_utf8(made.unwrap()).unwrap(), file);
}

#[track_caller]
fn not_written(layout: &str, line: &str, error: &str) {
    let made = encoded(&compiled(layout, ""), line.as_bytes());
    assert!(made.as_ref().is_err_and(|found| found.contains(error)), "{made:?}");
}

const EURO: &str = r#"{"_record":"row","currency":"EUR","valid_from":"2025-11-29","rate":1.50}"#;

#[test]
fn titles_are_those_of_the_layout() {
    let rates = one("titles: true", RATES);
    check(&rates, "currency;valid_from;Kurs\nEUR;29.11.2025;1,50\n", &[EURO]);
    // However they are written.
    check(&rates, "Currency;\"VALID FROM\";kurs \nEUR;29.11.2025;1,50\n", &[EURO]);
    check(&rates, "CURRENCY;Valid-From;KURS\r\nEUR;29.11.2025;1,50\r\n", &[EURO]);
    written(&rates, EURO, "currency;valid_from;Kurs\nEUR;29.11.2025;1,50\n");
    let quoted =
        one("titles: true", "      a: { length: 1, title: 'A;B' }\n      _x: { length: 1, filler: true }\n");
    check(&quoted, "\"a;b\";anything\n1;\n", &[r#"{"_record":"row","a":"1"}"#]);
    written(&quoted, r#"{"a":"1"}"#, "\"A;B\";\n1;\n");
    let ebcdic =
        one("titles: true, encoding: cp037, delimiter: ',', quote: none", "      a: { length: 1 }\n");
    let file = compiled(&ebcdic.replace("delimiter: ';', ", ""), "");
    assert_eq!(encoded(&file, br#"{"a":"A"}"#).unwrap(), b"\x81\n\xC1\n");
}

#[test]
fn other_titles_are_refused() {
    let rates = one("titles: true", RATES);
    let file = |titles: &str| format!("{titles}\nEUR;29.11.2025;1,50\n");
    refused(
        &rates,
        &file("valid_from;currency;Kurs"),
        &["record 1, at byte 0: column 1 is titled `valid_from`, and in the layout it is `currency`"],
    );
    refused(
        &rates,
        &file("currency;valid_from;rate"),
        &["record 1, at byte 20: column 3 is titled `rate`, and in the layout it is `Kurs`"],
    );
    refused(
        &rates,
        &file("currency;valid_from"),
        &["record 1, at byte 19: column 3 is missing, which the layout has as `Kurs`"],
    );
    refused(
        &rates,
        &file("currency;valid_from;Kurs;note"),
        &["record 1, at byte 25: column 4 is titled `note`, and the layout has no such column"],
    );
    // A record where titles should be is no titles.
    refused(
        &rates,
        "EUR;29.11.2025;1,50\n",
        &["record 1, at byte 0: column 1 is titled `EUR`, and in the layout it is `currency`"],
    );
    // Nothing is read under wrong names.
    let (lines, _) = decoded(&compiled(&rates, ""), file("valid_from;currency;Kurs").as_bytes());
    assert_eq!(lines, b"{\"_record\":\"_refused\"}\n");
    // What short lines leave out need have no title.
    let short = one("titles: true, short-lines: 'null'", RATES);
    check(&short, "currency\nEUR\n", &[r#"{"_record":"row","currency":"EUR"}"#]);
}

#[test]
fn lines_before_titles_and_the_mark_of_utf_8() {
    let rates = one("titles: true, encoding: utf-8", RATES);
    check(&rates, "\u{FEFF}currency;valid_from;Kurs\nEUR;29.11.2025;1,50\n", &[EURO]);
    check(&rates, "\u{FEFF}\"currency\";valid_from;Kurs\nEUR;29.11.2025;1,50\n", &[EURO]);
    refused(
        &rates,
        "\u{FEFF}name;valid_from;Kurs\n",
        &["record 1, at byte 3: column 1 is titled `name`, and in the layout it is `currency`"],
    );
    let bare = one("titles: false, encoding: utf-8", RATES);
    check(&bare, "\u{FEFF}EUR;29.11.2025;1,50\n", &[EURO]);
    let headed = one("titles: true, header-lines: 1", RATES);
    check(&headed, "rates of today\ncurrency;valid_from;Kurs\nEUR;29.11.2025;1,50\n", &[EURO]);
    // Titles that come once more are no record; here they are passed over, and kept.
    let again =
        one("titles: true", RATES).replace("    occurs: 0..\n", "    occurs: 0..\n    when: { 1: EUR }\n");
    let again = again.replace("records:", "unknown: skip\nrecords:");
    let titles = "currency;valid_from;Kurs\n";
    check(&again, &format!("{titles}EUR;29.11.2025;1,50\n{titles}EUR;29.11.2025;1,50\n"), &[EURO, EURO]);
}

#[test]
fn a_value_is_no_longer_than_its_field() {
    let rates = one("titles: false", RATES);
    refused(
        &rates,
        "EURO;29.11.2025;1,50\nEUR;29.11.2025 ;\"1234567,50\"\n",
        &[
            "record 1, `row`, at byte 0, field `currency`: the value is too long",
            "record 2, `row`, at byte 25, field `valid_from`: the value is too long",
            "record 2, `row`, at byte 37, field `rate`: the value is too long",
        ],
    );
    not_written(&rates, &EURO.replace("EUR", "EURO"), "field `currency`: the value is too long");
    not_written(&rates, &EURO.replace("1.50", "123456.50"), "field `rate`: the value is too long");
    // The digits of a picture, and its point.
    let pictured =
        one("titles: false", "      a: { picture: 9(3)V99, point: '.' }\n      b: { picture: S9(3) }\n");
    check(&pictured, "123.45;12C\n", &[r#"{"_record":"row","a":123.45,"b":123}"#]);
    refused(
        &pictured,
        "0123.45;0123\n",
        &[
            "record 1, `row`, at byte 0, field `a`: the value is too long",
            "record 1, `row`, at byte 8, field `b`: the value is too long",
        ],
    );
    // Characters are counted where the layout counts them.
    let characters = one("titles: false, encoding: utf-8", "      a: { characters: 3 }\n");
    check(&characters, "äöü\n", &[r#"{"_record":"row","a":"äöü"}"#]);
    refused(&characters, "äöüß\n", &["record 1, `row`, at byte 0, field `a`: the value is too long"]);
    // What cannot be read is no value, where the layout says so.
    let lenient = one("titles: false", "      a: { length: 2, invalid: 'null' }\n      b: { length: 1 }\n");
    check(&lenient, "abc;d\n", &[r#"{"_record":"row","b":"d"}"#]);
    not_written(
        &one("titles: false", "      a: { length: 3, values: [EUR, USD] }\n"),
        r#"{"a":"GBP"}"#,
        "not one of those that the layout lists",
    );
}

#[test]
fn ordinary_numbers() {
    let numbers = one(
        "titles: false",
        "      a: { length: 10, type: decimal, scale: 2, signed: true }\n      b: { length: 10, type: integer, signed: true }\n      c: { length: 10, type: decimal, scale: 2, signed: true, point: ',' }\n",
    );
    let line = |a: &str, b: &str, c: &str| format!(r#"{{"_record":"row","a":{a},"b":{b},"c":{c}}}"#);
    for (file, a, b, c) in [
        ("-12.50;-7;-0,05\n", "-12.50", "-7", "-0.05"),
        ("12.50;1234;1234567,50\n", "12.50", "1234", "1234567.50"),
        ("0.00;0;0,00\n", "0.00", "0", "0.00"),
    ] {
        check(&numbers, file, &[&line(a, b, c)]);
        written(&numbers, &line(a, b, c), file);
    }
    written(&numbers, &line("-0.5", "7", "3"), "-0.50;7;3,00\n");
    // What is read besides, and kept.
    check(&numbers, "+12.5;+7;-007,50\n", &[&line("12.50", "7", "-7.50")]);
    for wrong in ["-;1;1", "1;-;1", "1;--1;1", "1,5;1;1", "1;1.5;1", "- 1;1;1", "1-;1;1", "1;;1"] {
        let (_, problems) = decoded(&compiled(&numbers, ""), format!("{wrong}\n").as_bytes());
        assert_eq!(problems.len(), 1, "{wrong}");
    }
    not_written(&numbers, &line("1", "12345678901", "1"), "field `b`");
    let unsigned = one("titles: false", "      a: { length: 10, type: decimal, scale: 2 }\n");
    check(&unsigned, "12.50\n", &[r#"{"_record":"row","a":12.50}"#]);
    refused(
        &unsigned,
        "-12.50\n",
        &["record 1, `row`, at byte 0, field `a`: the value is not written as its type demands"],
    );
}

#[test]
fn delimiters_behind_the_last_value() {
    let fields = "      a: { length: 1 }\n      b: { length: 1 }\n";
    let plain = one("titles: true", fields);
    refused(
        &plain,
        "a;b\n1;2;\n",
        &[
            "record 1, `row`, at byte 4: a delimiter stands behind its last value; where that is so in every line, `file:` says `trailing-delimiter: true`",
        ],
    );
    refused(
        &plain,
        "a;b;\n1;2;\n",
        &[
            "record 1, at byte 0: a delimiter stands behind its last value; where that is so in every line, `file:` says `trailing-delimiter: true`",
        ],
    );
    check(&plain, "a;b\n1;\n", &[r#"{"_record":"row","a":"1","b":""}"#]);
    let trailing = one("titles: true, trailing-delimiter: true", fields);
    let lines = [r#"{"_record":"row","a":"1","b":"2"}"#, r#"{"_record":"row","a":"1","b":""}"#];
    check(&trailing, "a;b;\n1;2;\n1;;\n", &lines);
    written(&trailing, &lines.join("\n"), "a;b;\n1;2;\n1;;\n");
    refused(
        &trailing,
        "a;b;\n1;2\n1;\n",
        &[
            "record 1, `row`, at byte 5: no delimiter stands behind its last value, and the layout has `trailing-delimiter: true`",
            "record 2, `row`, at byte 9: it has 1 values, and the layout has 2",
        ],
    );
    refused(
        &trailing,
        "a;b\n1;2;\n",
        &[
            "record 1, at byte 0: no delimiter stands behind its last value, and the layout has `trailing-delimiter: true`",
        ],
    );
    let alone = one("titles: false, trailing-delimiter: true", "      a: { length: 1 }\n");
    check(&alone, "1;\n;\n", &[r#"{"_record":"row","a":"1"}"#, r#"{"_record":"row","a":""}"#]);
}

const LISTS: &str = "
      id: { length: 4 }
      phone: { length: 8, occurs: 2 }
      home: { fields: { street: { length: 9 }, city: { length: 9, title: Town } } }
      count: { length: 2, type: integer }
      part: { occurs: 0..3, depending-on: count, fields: { name: { length: 5 }, sizes: { length: 2, type: integer, signed: true, occurs: 2 } } }
      last: { length: 4 }
";

#[test]
fn lists_and_groups_take_a_column_for_each_value() {
    let lists = one("titles: false", LISTS);
    let two = r#"{"_record":"row","id":"1","phone":["12",""],"home":{"street":"A 1","city":"B"},"count":2,"part":[{"name":"x","sizes":[1,-2]},{"name":"","sizes":[3,4]}],"last":"z"}"#;
    let none = r#"{"_record":"row","id":"2","phone":["",""],"home":{"street":"","city":""},"count":0,"part":[],"last":""}"#;
    let file = "1;12;;A 1;B;02;x;1;-2;;3;4;z\n2;;;;;00;;\n".replace(";00;;\n", ";00;\n");
    check(&lists, &file, &[two, none]);
    written(&lists, &format!("{two}\n{none}"), &file);
    // The count is written by the items.
    written(
        &lists,
        &two.replace("\"count\":2,", ""),
        file.lines().next().map(|line| format!("{line}\n")).unwrap().as_str(),
    );
    not_written(
        &lists,
        &two.replace("\"count\":2", "\"count\":0"),
        "`count` is given too, and says otherwise",
    );
    // A change leaves the rest of a line as it was.
    let compiled = compiled(&lists, "");
    let (kept, _) = decoded(&compiled, b"1;\"12\";;A 1;B;2;x;+1;-2;;3;4;z\n");
    let changed = String::from_utf8(kept).unwrap().replace(r#""last":"z""#, r#""last":"y""#);
    assert!(changed.contains("_raw"));
    assert_eq!(encoded(&compiled, changed.as_bytes()).unwrap(), b"1;12;;A 1;B;2;x;+1;-2;;3;4;y\n");
    not_written(
        &lists,
        &two.replace(r#"["12",""]"#, r#"["1","2","3"]"#),
        "it has 3 items, and the layout has 0 to 2",
    );
    not_written(&lists, &two.replace(r#""x""#, r#""xxxxxx""#), "field `part[0].name`: the value is too long");
    not_written(&lists, &two.replace("street", "road"), "field `home.road`: the layout has no such field");
}

#[test]
fn what_is_wrong_within_lists() {
    let lists = one("titles: false", LISTS);
    refused(
        &lists,
        "1;12;123456789;A;B;1;x;1;?;z\n1;;;;;2;x;1;2;z\n1;;;;;1;x;1;2;z;\n1;;;;;4;a;1;2;b;1;2;c;1;2;z\n",
        &[
            "record 1, `row`, at byte 5, field `phone[1]`: the value is too long",
            "record 1, `row`, at byte 25, field `part[0].sizes[1]`: the value is not written as its type demands",
            "record 2, `row`, at byte 29: it has 10 values, and the layout has 13",
            "record 3, `row`, at byte 45: it has 11 values, and the layout has 10",
            "record 4, `row`, at byte 68, field `part`: `count` says more than 3, the most that the layout has",
        ],
    );
}

#[test]
fn titles_of_lists() {
    let titled = one("titles: true", &LISTS.replace("0..3, depending-on: count", "1"));
    let file = "id;phone_1;phone_2;street;Town;count;name;sizes_1;sizes_2;last\n1;;;;;01;x;1;2;z\n";
    let line = r#"{"_record":"row","id":"1","phone":["",""],"home":{"street":"","city":""},"count":1,"part":{"name":"x","sizes":[1,2]},"last":"z"}"#;
    check(&titled, file, &[line]);
    written(&titled, line, file);
    check(&titled, &file.replace("phone_1", "Phone 1"), &[line]);
    refused(
        &titled,
        &file.replace("phone_2", "phone"),
        &["record 1, at byte 11: column 3 is titled `phone`, and in the layout it is `phone_2`"],
    );
}

#[test]
fn totals_and_conditions_over_lists() {
    let layout = "layout: it
file: { framing: delimited, titles: false }
records:
  row:
    when: { 1: R }
    occurs: 0..
    fields:
      kind: { length: 1 }
      amounts: { length: 9, type: decimal, scale: 2, signed: true, occurs: 3, null: blanks }
      total: { length: 9, type: decimal, scale: 2, signed: true, value: sum(amounts) }
      extra: { length: 1, when: 'total > 100' }
  tail: { when: { kind: T }, fields: { kind: { length: 1 }, lines: { length: 3, type: integer, value: count(row) }, total: { length: 9, type: decimal, scale: 2, signed: true, value: sum(row.total) } } }
";
    let rows = [
        r#"{"_record":"row","kind":"R","amounts":[1.00,-2.50,3.00],"total":1.50}"#,
        r#"{"_record":"row","kind":"R","amounts":[100.00,1.00,1.00],"total":102.00,"extra":"x"}"#,
        r#"{"_record":"tail","kind":"T","lines":2,"total":103.50}"#,
    ];
    let file = "R,1.00,-2.50,3.00,1.50\nR,100.00,1.00,1.00,102.00,x\nT,002,103.50\n";
    check(layout, file, &rows);
    let bare = "{\"_record\":\"row\",\"amounts\":[1,-2.5,3]}\n{\"_record\":\"row\",\"amounts\":[100,1,1],\"extra\":\"x\"}\n{\"_record\":\"tail\"}";
    written(layout, bare, file);
    refused(
        layout,
        &file.replace("3.00,1.50", "3.00,1.60").replace("103.50", "103.60"),
        &["record 1, `row`, at byte 18, field `total`: the value is not what it must be: 1.50 is computed"],
    );
    // A column for which the condition does not hold is one too many.
    refused(
        layout,
        &file.replace("1.50\n", "1.50,x\n"),
        &["record 1, `row`, at byte 0: it has 6 values, and the layout has 5"],
    );
}

#[test]
fn signs_in_another_column() {
    let layout = one(
        "titles: false",
        "      side: { length: 1 }\n      amount: { picture: 9(3)V99, sign-in: side, negative: D, positive: C }\n",
    );
    let line = r#"{"_record":"row","side":"D","amount":-12.50}"#;
    check(&layout, "D;01250\n", &[line]);
    written(&layout, line, "D;01250\n");
    written(&layout, &line.replace("\"side\":\"D\",", ""), "D;01250\n");
    not_written(&layout, &line.replace("\"D\"", "\"C\""), "`side` is given too, and says otherwise");
    written(&layout, r#"{"amount":12.5}"#, "C;01250\n");
}

#[test]
fn an_end_of_a_line_within_a_value() {
    let layout = one("titles: false, line-end: lf", "      a: { length: 3 }\n      b: { length: 3 }\n");
    check(&layout, "a;b\r\n", &[r#"{"_record":"row","a":"a","b":"b"}"#]);
    refused(
        &layout,
        "a;b\rc;d\n",
        &["record 1, `row`, at byte 0: it has a line end within, so that it would be read as two records"],
    );
}

#[test]
fn what_a_change_leaves_as_it_was() {
    let layout = one(
        "titles: false, long-lines: truncate",
        "      count: { length: 1, type: integer }\n      part: { length: 2, occurs: 0..3, depending-on: count }\n      _x: { length: 2, filler: true }\n      last: { length: 2 }\n",
    );
    let file = compiled(&layout, "");
    let (kept, problems) = decoded(&file, b"1;a;?;z;more;\"and more\"\n");
    assert!(problems.is_empty());
    let kept = String::from_utf8(kept).unwrap();
    let change = |from: &str, to: &str| {
        assert!(kept.contains(from), "{kept}");
        String::from_utf8(encoded(&file, kept.replace(from, to).as_bytes()).unwrap()).unwrap()
    };
    assert_eq!(change("\"last\":\"z\"", "\"last\":\"y\""), "1;a;?;y;more;and more\n");
    // Where a list has more items, what stood in their columns is not taken for a filler.
    assert_eq!(change("1,\"part\":[\"a\"]", "2,\"part\":[\"a\",\"b\"]"), "2;a;b;;z;more;and more\n");
}

#[test]
fn quotes_are_around_all_of_a_value() {
    let layout = one("titles: false", "      a: { length: 9 }\n      b: { length: 9 }\n");
    check(&layout, "\" a \";b \n", &[r#"{"_record":"row","a":" a ","b":"b "}"#]);
    check(&layout, "pipe;\"say \"\"x\"\"\"\n", &[r#"{"_record":"row","a":"pipe","b":"say \"x\""}"#]);
    for line in ["\"M\"x;b\n", "a;\"1\" \n", "\"1\"\"2\"3;b\n"] {
        let why =
            "record 1, `row`, at byte 0: something stands between a closing quote and the next delimiter";
        refused(&layout, line, &[why]);
    }
}
