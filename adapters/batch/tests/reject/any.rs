//! Any file, and any of its records: nothing panics, and what is wrong with a reject file is wrong with records that were refused.

use proptest::prelude::*;

use super::*;

const LAYOUT: &str = "
layout: it
file: { record-length: 12 }
records:
  head: { when: { 1: H }, fields: { items: { columns: 2-4, picture: 999, value: count(batch.item) }, text: 5-12 } }
  batch:
    occurs: 0..
    records:
      begin: { when: { 1: B }, fields: { number: { columns: 2-4, picture: 999, value: ordinal(batch) }, text: 5-12 } }
      item:
        when: { 1: I }
        occurs: 0..
        fields: { line: { columns: 2-4, picture: 999, value: count(item) }, amount: 5-8 9(4), check: { columns: 9, value: mod10(amount) }, text: 10-12 }
        records: { more: { when: { 1: M }, occurs: 0..2, fields: { text: 2-12 } } }
      end: { when: { 1: E }, fields: { items: { columns: 2-4, picture: 999, value: count(item) }, sum: { columns: 5-12, picture: 9(8), value: sum(item.amount) } } }
  tail: { when: { 1: T }, fields: { batches: { columns: 2-4, picture: 999, value: count(batch) }, sum: { columns: 5-12, picture: 9(8), value: sum(batch.end.sum) } } }
";

/// A file of batches, as its layout writes it.
fn made(file: &RecordFile, batches: &[Vec<(u16, u8)>]) -> Vec<u8> {
    let mut lines = vec![r#"{"_record":"head"}"#.to_owned()];
    for batch in batches {
        lines.push(r#"{"_record":"batch.begin"}"#.to_owned());
        for (amount, more) in batch {
            lines.push(format!(r#"{{"_record":"batch.item","amount":{}}}"#, amount % 10_000));
            lines.extend((0..more % 3).map(|n| format!(r#"{{"_record":"batch.item.more","text":"{n}"}}"#)));
        }
        lines.push(r#"{"_record":"batch.end"}"#.to_owned());
    }
    lines.push(r#"{"_record":"tail"}"#.to_owned());
    let mut writer = portolan_formats::records::RecordWriter::new(file);
    let mut bytes = Vec::new();
    for line in &lines {
        writer.line(line, &mut bytes).unwrap();
    }
    writer.finish(&mut bytes).unwrap();
    for (at, patch) in writer.patches() {
        portolan_batch::Patch::patch(&mut bytes, at, &patch).unwrap();
    }
    bytes
}

fn batches() -> impl Strategy<Value = Vec<Vec<(u16, u8)>>> {
    prop::collection::vec(prop::collection::vec(any::<(u16, u8)>(), 0..6), 1..5)
}

proptest! {
    #[test]
    fn of_a_valid_file_is_valid(batches in batches(), wanted in any::<u32>()) {
        let file = compiled(LAYOUT);
        let bytes = made(&file, &batches);
        prop_assert_eq!(errors(&file, &bytes), []);
        let all = numbers(&file, "batch.item", &bytes);
        let refused: Vec<u64> = all.iter().copied().filter(|number| wanted >> (number % 32) & 1 == 1).collect();
        let (out, told) = rejects(&file, "batch.item", &bytes, &refused).unwrap();
        prop_assert_eq!(told.messages, refused.len() as u64);
        if refused.is_empty() {
            prop_assert!(out.is_empty());
        } else {
            prop_assert_eq!(errors(&file, &out), [], "{}", String::from_utf8_lossy(&out));
            prop_assert_eq!(numbers(&file, "batch.item", &out).len(), refused.len());
        }
        if refused.len() == all.len() && batches.iter().all(|batch| !batch.is_empty()) {
            prop_assert_eq!(out, bytes);
        }
    }

    /// Amounts that are no numbers, check digits that are wrong: each in its own record, and nothing else is wrong.
    #[test]
    fn what_is_wrong_is_wrong_with_what_was_refused(batches in batches(), wanted in any::<u32>(), broken in any::<u32>()) {
        let file = compiled(LAYOUT);
        let mut bytes = made(&file, &batches);
        let all = numbers(&file, "batch.item", &bytes);
        let is_in = |set: u32, number: &u64| set >> (number % 32) & 1 == 1;
        for number in all.iter().filter(|number| is_in(broken, number)) {
            let at = (*number as usize - 1) * 13;
            match number % 2 {
                0 => bytes[at + 5] = b'x',
                _ => bytes[at + 8] = b'0' + (bytes[at + 8] - b'0' + 1) % 10,
            }
        }
        let refused: Vec<u64> = all.iter().copied().filter(|number| is_in(wanted | broken, number)).collect();
        prop_assume!(!refused.is_empty());
        let (out, _) = rejects(&file, "batch.item", &bytes, &refused).unwrap();
        let of_items: BTreeSet<u64> = numbers(&file, "batch.item", &out).into_iter().collect();
        let wrong: BTreeSet<u64> = errors(&file, &out).into_iter().map(|(record, _)| record).collect();
        prop_assert!(wrong.is_subset(&of_items), "{wrong:?}\n{}", String::from_utf8_lossy(&out));
        let count = all.iter().filter(|number| is_in(broken, number)).count();
        prop_assert_eq!(wrong.len(), count, "{}", String::from_utf8_lossy(&out));
    }

    #[test]
    fn nothing_makes_it_panic(batches in batches(), wanted in any::<u32>(), changes in prop::collection::vec(any::<(u16, u8)>(), 1..20)) {
        let file = compiled(LAYOUT);
        let mut bytes = made(&file, &batches);
        for (at, byte) in changes {
            let at = usize::from(at) % bytes.len();
            bytes[at] = if byte % 4 == 0 { byte } else { b"HBIMET\n0 "[usize::from(byte) % 9] };
        }
        let refused: Vec<u64> = (0..64).filter(|number| wanted >> (number % 32) & 1 == 1).collect();
        let _ = rejects(&file, "batch.item", &bytes, &refused);
        let _ = rejects(&file, "batch", &bytes, &refused);
    }
}
