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
    assert!(lines.is_empty());
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
    let alone = one("titles: false, trailing-delimiter: true", "      a: { length: 1 }\n");
    check(&alone, "1;\n;\n", &[r#"{"_record":"row","a":"1"}"#, r#"{"_record":"row","a":""}"#]);
}
