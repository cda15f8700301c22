//! Lines of JSON that say what was refused, what is wrong, or two things at once.

use super::*;

const DELIVERIES: &str = "
file: { record-length: 6 }
common: { kind: 1 }
verify: VERIFY
records:
  head: { when: { 1: H }, fields: { orders: { columns: 2-3, picture: 9(2), value: count(order) }, rest: { columns: 4-6, filler: true } } }
  order:
    when: { 1: O }
    occurs: 0..
    fields: { number: 2-4 9(3), rest: { columns: 5-6, filler: true } }
    records: { line: { when: { 1: L }, occurs: 0.., fields: { amount: 2-6 9(5) } } }
  tail: { when: { 1: T }, fields: { orders: { columns: 2-3, picture: 9(2), value: count(order) }, rest: { columns: 4-6, filler: true } } }
";

#[test]
fn what_belongs_to_a_refused_record_is_not_taken_for_part_of_another() {
    let layout = DELIVERIES.replace("VERIFY", "refuse");
    let file = compiled(&layout).unwrap();
    let (lines, problems) = decoded(&file, b"H02   \nO001  \nL00001\nO0x2  \nL00002\nT02   \n", true);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let refused = r#"{"_record":"_refused","kind":"order","number":4,"offset":21,"_raw":"TzB4MiAgCg=="}"#;
    assert_eq!(lines.lines().nth(3), Some(refused));
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(
        unwritable(&layout, &lines[..4]),
        "record 3, at byte 21: here stands what was refused when the file was read: correct it there, or take this line out, and the records within it"
    );
    // A wrong total before what it counts is found out when its line is long printed.
    let (lines, problems) = decoded(&file, b"H03   \nO001  \nT01   \n", true);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(lines.lines().last(), Some(r#"{"_record":"_refused"}"#));
}

#[test]
fn totals_that_are_only_warned_of_are_computed_unless_they_were_read() {
    let layout = DELIVERIES.replace("VERIFY", "warn");
    let file = compiled(&layout).unwrap();
    let bytes = b"H03   \nO001  \nT02   \n";
    let (lines, problems) = decoded(&file, bytes, true);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(written(&file, &lines), bytes);
    let given = r#"{"_record":"head","kind":"H","orders":9}
{"_record":"order","kind":"O","number":1}
{"_record":"tail","kind":"T","orders":9}"#;
    assert_eq!(String::from_utf8_lossy(&written(&file, given)), "H01   \nO001  \nT01   \n");
}

#[test]
fn a_line_keeps_its_end_whatever_becomes_of_it() {
    let layout = "records: { only: { occurs: 0.., fields: { a: { columns: 1-2, picture: 99 } } } }";
    let file = compiled(layout).unwrap();
    let (lines, _) = decoded(&file, b"01\r\n02\n03\r04", true);
    let changed =
        lines.replace("\"a\":1", "\"a\":11").replace("\"a\":3", "\"a\":13").replace("\"a\":2", "\"a\":12");
    assert_eq!(String::from_utf8_lossy(&written(&file, &changed)), "11\r\n12\n13\r04");
    // The last one had none; what follows begins a line all the same.
    let more = format!("{lines}{{\"a\":5}}\n");
    assert_eq!(String::from_utf8_lossy(&written(&file, &more)), "01\r\n02\n03\r04\n05\n");
    let layout = "file: { framing: delimited, titles: false }\nrecords: { only: { occurs: 0.., fields: { a: { length: 2 }, b: { length: 2 } } } }";
    let file = compiled(layout).unwrap();
    let (lines, _) = decoded(&file, b"x,y\r\nz,u", true);
    let changed = format!("{}{{\"a\":\"v\",\"b\":\"w\"}}\n", lines.replace("\"x\"", "\"xx\""));
    assert_eq!(String::from_utf8_lossy(&written(&file, &changed)), "xx,y\r\nz,u\nv,w\n");
}

#[test]
fn what_says_two_things_is_written_as_neither() {
    let counted = "records: { only: { fields: { n: { picture: 9 }, l: { length: 1, occurs: 0..9, depending-on: n } } } }";
    canonical(counted, b"2xy\n", "{\"_record\":\"only\",\"n\":2,\"l\":[\"x\",\"y\"]}\n");
    assert_eq!(String::from_utf8_lossy(&written(&compiled(counted).unwrap(), r#"{"l":["x"]}"#)), "1x\n");
    let two = "record 1, `only`, at byte 0, field `l`: it has 2, and `n` says otherwise: leave that out, it is written by itself";
    assert_eq!(unwritable(counted, &[r#"{"n":1,"l":["x","y"]}"#]), two);
    assert_eq!(
        unwritable(counted, &[r#"{"n":1,"n":2,"l":["x"]}"#]),
        "record 0, at byte 0: `n` stands there twice"
    );
    let signed = "records: { only: { fields: { side: { length: 1 }, a: { picture: 99, sign-in: side, negative: D, positive: C } } } }";
    canonical(signed, b"D05\n", "{\"_record\":\"only\",\"side\":\"D\",\"a\":-5}\n");
    assert_eq!(
        unwritable(signed, &[r#"{"side":"C","a":-5}"#]),
        "record 1, `only`, at byte 0, field `a`: `side` is given too, and says another sign: leave it out, it is written by itself"
    );
}

#[test]
fn the_descriptor_of_a_block_that_changed_is_written_over() {
    let layout = "
file: { framing: bdw }
records: { row: { occurs: 0.., fields: { n: { picture: 9 }, l: { length: 1, occurs: 0..9, depending-on: n } } } }
";
    let file = compiled(layout).unwrap();
    let bytes = b"\0\x11\0\0\0\x07\0\x002ab\0\x06\0\x001c\0\x0A\0\0\0\x06\0\x001d";
    let (lines, problems) = decoded(&file, bytes, true);
    assert_eq!(problems, [""; 0]);
    assert_eq!(written(&file, &lines), bytes);
    let changed = lines.replace(r#""n":1,"l":["c"]"#, r#""l":["c","x","y"]"#);
    assert_eq!(
        written(&file, &changed),
        b"\0\x13\0\0\0\x07\0\x002ab\0\x08\0\x003cxy\0\x0A\0\0\0\x06\0\x001d"
    );
    let less: String =
        lines.lines().filter(|line| !line.contains("[\"d\"]")).map(|line| format!("{line}\n")).collect();
    assert_eq!(written(&file, &less), b"\0\x11\0\0\0\x07\0\x002ab\0\x06\0\x001c\0\x04\0\0");
}

#[test]
fn a_total_before_what_it_sums_must_fit() {
    let layout = "
common: { kind: 1 }
records:
  head: { when: { 1: H }, fields: { total: { columns: 2-3, picture: 99, value: sum(row.amount) } } }
  row: { when: { 1: R }, occurs: 0.., fields: { amount: 2-3 99 } }
";
    let file = compiled(layout).unwrap();
    let mut writer = RecordWriter::new(&file);
    let mut out = Vec::new();
    for line in
        [r#"{"_record":"head"}"#, r#"{"_record":"row","amount":60}"#, r#"{"_record":"row","amount":60}"#]
    {
        writer.line(line, &mut out).unwrap();
    }
    assert!(writer.finish(&mut out).unwrap_err().to_string().ends_with(
        "`total` of record 1, `head`, is computed of what follows it: the value has more digits than its type"
    ));
    let delimited = layout.replacen("\ncommon", "\nfile: { framing: delimited, titles: false }\ncommon", 1);
    let delimited = delimited
        .replace("kind: 1", "kind: { length: 1 }")
        .replace("columns: 2-3", "length: 2")
        .replace("2-3 99", "{ length: 2, type: integer }");
    let file = compiled(&delimited).unwrap();
    for (total, fine) in [(60, true), (61, false)] {
        let mut writer = RecordWriter::new(&file);
        writer.line(&format!(r#"{{"_record":"head","kind":"H","total":{total}}}"#), &mut out).unwrap();
        writer.line(r#"{"_record":"row","kind":"R","amount":60}"#, &mut out).unwrap();
        assert_eq!(writer.finish(&mut out).is_ok(), fine);
    }
}

#[test]
fn what_cannot_be_blank_is_needed() {
    let layout = "
records:
  row:
    occurs: 0..
    fields:
      kind: 1
      a: { columns: 2-4, fields: { n: { columns: 2-4, picture: S9(5), usage: comp-3 } } }
      b: { redefines: a, fields: { m: { length: 3, picture: 9(3) } } }
      t: { columns: 5-7 }
      u: { redefines: t, picture: 9(3) }
";
    assert_eq!(
        unwritable(layout, &[r#"{"kind":"x","t":"abc"}"#]),
        "record 1, `row`, at byte 0: one of `a`, `b` is needed, which have the same bytes"
    );
    assert_eq!(unwritable(layout, &[r#"{"kind":"x","b":{"m":12}}"#]), "");
    let variants = "
records:
  row:
    occurs: 0..
    fields: { kind: 1 }
    variants:
      by: kind
      a: { is: A, fields: { n: 2-4 9(3) } }
      b: { is: B, fields: { m: 2-4 } }
";
    assert_eq!(
        unwritable(variants, &[r#"{"kind":"A"}"#]),
        "record 1, `row`, at byte 0: none of its variants is the one"
    );
    let characters = "
file: { encoding: utf-8 }
records: { row: { fields: { name: { characters: 3 }, rest: { length: 1 } } } }
";
    canonical(characters, "äöx1\n".as_bytes(), "{\"_record\":\"row\",\"name\":\"äöx\",\"rest\":\"1\"}\n");
    assert_eq!(
        unwritable(characters, &[r#"{"name":"äöüx","rest":"1"}"#]),
        "record 1, `row`, at byte 0, field `name`: the value is too long"
    );
    let zone = "records: { row: { fields: { at: { length: 12, datetime: yyyyMMddHHmm } } } }";
    assert_eq!(
        unwritable(zone, &[r#"{"at":"2026-11-29T12:00:00+05:00"}"#]),
        "record 1, `row`, at byte 0, field `at`: the value would lose something in the target's type"
    );
}
