//! Totals that nobody gives: each is computed before whatever counts or sums it.

use super::*;

/// The lines have no totals, and these are written.
#[track_caller]
fn computes(layout: &str, lines: &str, bytes: &[u8]) {
    let file = compiled(layout).unwrap();
    assert_eq!(String::from_utf8_lossy(&written(&file, lines)), String::from_utf8_lossy(bytes));
    assert_eq!(decoded(&file, bytes, false).1, Vec::<String>::new());
}

#[test]
fn sums_of_sums() {
    computes(
        "
file: { framing: lines }
records:
  batch:
    occurs: 1..
    records:
      item: { when: { 1: I }, occurs: 0.., fields: { tag: 1, number: { columns: 2, picture: 9, value: count(item) }, amount: 3-4 9(2) } }
      control: { when: { 1: C }, fields: { tag: 1, items: { columns: 2, picture: 9, value: count(item) }, sum: { columns: 3-5, picture: 9(3), value: sum(item.amount) } } }
  end: { when: { 1: E }, fields: { tag: 1, items: { columns: 2, picture: 9, value: sum(batch.control.items) }, sum: { columns: 3-5, picture: 9(3), value: sum(batch.control.sum) } } }
",
        r#"{"_record":"batch.item","amount":70}
{"_record":"batch.item","amount":50}
{"_record":"batch.control"}
{"_record":"batch.item","amount":3}
{"_record":"batch.control"}
{"_record":"end"}"#,
        b"I170\nI250\nC2120\nI103\nC1003\nE3123\n",
    );
}

#[test]
fn a_count_before_what_it_counts_in_a_block() {
    let file = compiled(
        "
file: { framing: bdw }
records:
  head: { when: { 1: H }, fields: { tag: 1, items: { columns: 2-3, picture: 99, value: count(item) } } }
  item: { when: { 1: I }, occurs: 0.., fields: { tag: 1, text: 2-4 } }
",
    );
    let file = file.unwrap();
    let bytes = written(&file, "{\"_record\":\"head\"}\n{\"_record\":\"item\",\"text\":\"ABC\"}");
    assert_eq!(bytes, b"\0\x0b\0\0\0\x07\0\0H01\0\x0c\0\0\0\x08\0\0IABC");
    assert_eq!(decoded(&file, &bytes, false).1, Vec::<String>::new());
}
