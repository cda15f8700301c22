//! Files larger than memory: how much is needed does not grow with them. In a program of its own, which measures what it takes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod framings;

use std::io::Read;

use framings::compiled;
use portolan_formats::records::{Decoder, Next, Nowhere, RecordFile, RecordReader};

/// More than any of these files needs: what is read at a time, one record, the program itself.
const MEMORY: u64 = 64 << 20;

/// Records of 512 bytes, as a file has them that was made and never written: all zero bytes.
fn texts() -> RecordFile {
    let fields: Vec<String> = (0..16).map(|index| format!("f{index}: {{ length: 32 }}")).collect();
    let text = format!(
        "layout: it\nfile: {{ framing: fixed, record-length: 512 }}\nrecords: {{ record: {{ occurs: 0.., fields: {{ {} }} }} }}",
        fields.join(", ")
    );
    compiled(&text, "")
}

/// The most memory that the process had so far, in bytes; `None` where the system does not say.
fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
}

fn assert_little_memory() {
    if let Some(most) = most_memory() {
        assert!(most < MEMORY, "{} MiB", most >> 20);
        println!("{} MiB at most", most >> 20);
    }
}

fn read(input: impl Read, records: u64) {
    let file = texts();
    let mut reader = RecordReader::new(&file, input);
    while reader.next(&mut Nowhere) != Next::End {
        assert!(!reader.has_problems());
    }
    assert_eq!(reader.problems().count(), 0);
    assert_eq!(reader.count(), records);
}

#[test]
fn memory_does_not_grow_with_a_file() {
    let bytes = 64 << 20;
    read(std::io::repeat(0).take(bytes), bytes / 512);
    // As lines of JSON that would be encoded again.
    let file = texts();
    let bytes = 8 << 20;
    let mut decoder = Decoder::new(&file, std::io::repeat(0).take(bytes), true);
    let mut lines = 0;
    while let Some((line, problems)) = decoder.next() {
        assert!(problems.is_empty());
        lines += u64::from(!line.is_empty());
    }
    assert_eq!(lines, bytes / 512);
    // Lines that are all in error are as many errors, one after another.
    let file = compiled(
        "layout: it\nfile: { framing: lines }\nrecords: { record: { occurs: 0.., fields: { a: { length: 10 } } } }",
        "",
    );
    let mut decoder = Decoder::new(&file, std::io::repeat(b'\n').take(4 << 20).chain(&b"x"[..]), true);
    while let Some((_, problems)) = decoder.next() {
        assert!(problems.len() <= 1);
    }
    assert_little_memory();
}

/// Four gigabytes that take no room on the disk. `make soak`.
#[test]
#[ignore = "reads 4 GB"]
fn a_sparse_file_of_four_gigabytes() {
    let file = tempfile::tempfile().unwrap();
    let bytes = 4 << 30;
    file.set_len(bytes).unwrap();
    read(file, bytes / 512);
    assert_little_memory();
}

/// The same as one line: refused as soon as it is longer than any record.
#[test]
#[ignore = "reads 4 GB"]
fn a_sparse_file_without_lines() {
    let sparse = tempfile::tempfile().unwrap();
    sparse.set_len(4 << 30).unwrap();
    let file = compiled(
        "layout: it\nfile: { framing: lines }\nrecords: { record: { occurs: 0.., fields: { a: { length: 512 } } } }",
        "",
    );
    let mut decoder = Decoder::new(&file, sparse, true);
    let (_, problems) = decoder.next().unwrap();
    assert_eq!(
        problems[0].error.to_string(),
        "record 1, at byte 0: a record is longer than 16777216 bytes: is it framed otherwise?"
    );
    assert!(decoder.next().is_none());
    assert_little_memory();
}
