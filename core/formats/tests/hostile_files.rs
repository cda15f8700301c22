//! Files that mean harm, or were damaged on their way: refused with a clear message, or read within bounds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod framings;

use std::io::{Read, Write};

use flate2::{Compress, Compression as Level, Crc, FlushCompress, write::GzEncoder};
use framings::{compiled, decoded, encoded, layouts};
use portolan_diagnostics::{Sources, render};
use portolan_formats::records::{Decoder, Messages, RecordFile, RecordWriter, input};
use portolan_schema::{
    Memory, Reading,
    layout::{self, Compression, Excerpt},
};

const LINES: &[u8] = b"first\nsecond\nthird\n";

fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut input = input::open(bytes, Compression::Detect).map_err(|error| error.to_string())?;
    // So much that a bomb is seen, and no more than memory has.
    let read = input.by_ref().take(200 << 20).read_to_end(&mut out);
    read.map(|_| out).map_err(|error| error.to_string())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A file of a ZIP archive: what stands before it in the archive (APPNOTE.TXT 6.3.10, section 4.3.7).
struct Entry {
    flags: u16,
    method: u16,
    packed: Vec<u8>,
    size: u32,
    sum: u32,
}

impl Entry {
    fn deflated(bytes: &[u8]) -> Self {
        let mut packed = Vec::with_capacity(bytes.len() + 1024);
        Compress::new(Level::best(), false).compress_vec(bytes, &mut packed, FlushCompress::Finish).unwrap();
        Self { flags: 0, method: 8, packed, size: bytes.len() as u32, sum: sum(bytes) }
    }

    fn stored(bytes: &[u8]) -> Self {
        Self { flags: 0, method: 0, packed: bytes.to_vec(), size: bytes.len() as u32, sum: sum(bytes) }
    }

    /// The same with sizes and checksum behind the file.
    fn described(self) -> Self {
        Self { flags: 8, ..self }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let known = self.flags & 8 == 0;
        let number = |known: bool, number: u32| if known { number } else { 0 };
        out.extend_from_slice(b"PK\x03\x04\x14\0");
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&self.method.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        for number in
            [number(known, self.sum), number(known, self.packed.len() as u32), number(known, self.size)]
        {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(b"\x05\0\0\0a.txt");
        out.extend_from_slice(&self.packed);
        if !known {
            out.extend_from_slice(b"PK\x07\x08");
            for number in [self.sum, self.packed.len() as u32, self.size] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
    }
}

fn sum(bytes: &[u8]) -> u32 {
    let mut sum = Crc::new();
    sum.update(bytes);
    sum.sum()
}

fn zip(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        entry.write(&mut out);
    }
    // The directory is known by its first bytes; what it says is not needed.
    out.extend_from_slice(b"PK\x01\x02");
    out.extend_from_slice(&[0; 80]);
    out
}

#[test]
fn compressed_files_are_read() {
    assert_eq!(unpacked(LINES).unwrap(), LINES);
    assert_eq!(unpacked(&gzip(LINES)).unwrap(), LINES);
    assert_eq!(unpacked(&zip(&[Entry::deflated(LINES)])).unwrap(), LINES);
    assert_eq!(unpacked(&zip(&[Entry::stored(LINES)])).unwrap(), LINES);
    assert_eq!(unpacked(&zip(&[Entry::deflated(LINES).described()])).unwrap(), LINES);
    // Several members are one file (RFC 1952, section 2.2).
    assert_eq!(unpacked(&[gzip(b"first\n"), gzip(b"second\nthird\n")].concat()).unwrap(), LINES);
}

#[test]
fn archives_that_are_refused() {
    let check = |bytes: &[u8], expected: &str| assert_eq!(unpacked(bytes).unwrap_err(), expected);
    let packed = gzip(LINES);
    for end in [packed.len() - 1, packed.len() - 8, 20, 12] {
        check(&packed[..end], "the compressed file ends too early");
    }
    let mut damaged = packed.clone();
    let last = damaged.len() - 6;
    damaged[last] ^= 1;
    check(&damaged, "its compressed data is damaged: corrupt gzip stream does not have a matching checksum");
    check(
        &[packed, b"the rest of the file".to_vec()].concat(),
        "its compressed data is damaged: invalid gzip header",
    );

    let whole = zip(&[Entry::deflated(LINES)]);
    for end in [20, 33, 36, 45] {
        check(&whole[..end], "the compressed file ends too early");
    }
    let entry = Entry::deflated(LINES);
    let mut file = Vec::new();
    entry.write(&mut file);
    check(&file, "the compressed file ends too early");
    check(&[file, vec![0; 50]].concat(), "the archive ends without its directory");
    check(&zip(&[Entry::stored(LINES), Entry::stored(LINES)]), "the archive holds more than one file");
    check(
        &zip(&[Entry::deflated(LINES).described(), Entry::deflated(LINES)]),
        "the archive holds more than one file",
    );
    check(&zip(&[Entry { flags: 1, ..Entry::deflated(LINES) }]), "the archive is encrypted");
    check(
        &zip(&[Entry { method: 14, ..Entry::deflated(LINES) }]),
        "the archive is compressed in a way that is not read: use deflate",
    );
    for entry in [Entry::deflated(LINES), Entry::stored(LINES), Entry::deflated(LINES).described()] {
        let wrong = Entry { sum: entry.sum ^ 1, ..entry };
        check(&zip(&[wrong]), "the archive's data is damaged: its checksum is another");
    }
    let damaged = Entry { packed: vec![0xFF; 20], ..Entry::deflated(LINES) };
    check(&zip(&[damaged]), "the archive's data is damaged");
}

#[test]
fn bombs() {
    let expected = "it unpacks to more than 1000 times its size";
    let zeros = vec![0; 4 << 20];
    let bomb = gzip(&zeros).repeat(30);
    assert_eq!(unpacked(&bomb).unwrap_err(), expected);
    // A piece of a stream that ends at a byte may stand there as often as one likes.
    let mut stream = Compress::new(Level::best(), false);
    let mut first = Vec::with_capacity(1 << 20);
    stream.compress_vec(&zeros, &mut first, FlushCompress::Full).unwrap();
    let bomb = zip(&[Entry { packed: first.repeat(30), ..Entry::deflated(LINES) }]);
    assert_eq!(unpacked(&bomb).unwrap_err(), expected);
}

/// However long it is, no more is kept of what is wrong with it than somebody reads.
#[test]
fn what_is_no_file_of_the_layout_is_read_no_further_than_is_needed() {
    let layout = "layout: it
records:
  order:
    when: { 1: O }
    occurs: 0..
    fields: { number: 2-6 9(5) }
    records:
      note: { when: { 1: N }, occurs: 0.., fields: { number: 2-6 9(5) } }";
    let file = compiled(layout, "");
    let layout = file.layout().clone();
    let (_, document) = Excerpt::of(&layout, layout.find("order").unwrap());
    let excerpt = document.excerpt.unwrap();
    let read = |text: &str, patience: Option<usize>| {
        let messages = Messages::new(&file, &excerpt, text.as_bytes());
        let mut messages = match patience {
            Some(errors) => messages.giving_up_after(errors),
            None => messages,
        };
        let (mut sound, mut failed, mut problems) = (0, 0, 0);
        loop {
            let next = messages.next().map(|(_, info)| info);
            problems += messages.problems().count();
            match next {
                Some(info) if info.failed => failed += 1,
                Some(_) => sound += 1,
                None => return (sound, failed, problems, messages.count()),
            }
        }
    };
    let junk = "Junk..\n".repeat(100_000);
    assert_eq!(read(&junk, Some(1000)), (0, 0, 1000, 1000));
    let (_, _, kept, count) = read(&junk, None);
    assert_eq!((kept, count), (10_000, 100_000));
    // What is wrong with one message says nothing of the others.
    let notes = format!("O00001\n{}O00002\n", "N00001too long\n".repeat(5000));
    assert_eq!(read(&notes, Some(1000)), (1, 1, 5000, 5002));
    let between = format!("{}O00001\n", "Junk..\n".repeat(600)).repeat(3);
    assert_eq!(read(&between, Some(1000)), (3, 0, 1800, 1803));
}

/// What was read before a file broke off is given; the error says where the next record begins.
#[test]
fn a_compressed_file_that_ends_within_a_record() {
    let file = compiled(
        "layout: it\nfile: { framing: lines }\nrecords: { record: { occurs: 0.., fields: { a: { length: 6 } } } }",
        "",
    );
    // Stored blocks, so that all that is there can be read.
    let mut encoder = GzEncoder::new(Vec::new(), Level::none());
    encoder.write_all(b"000001\n000002\n000003\n000004\n").unwrap();
    let packed = encoder.finish().unwrap();
    let input = input::open(&packed[..packed.len() - 18], Compression::Detect).unwrap();
    let mut decoder = Decoder::new(&file, input, false);
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    while let Some((line, problems)) = decoder.next() {
        lines.extend_from_slice(line);
        errors.extend(problems.iter().map(|problem| problem.error.to_string()));
    }
    assert_eq!(
        String::from_utf8(lines).unwrap(),
        "{\"_record\":\"record\",\"a\":\"000001\"}\n{\"_record\":\"record\",\"a\":\"000002\"}\n{\"_record\":\"_refused\"}\n"
    );
    assert_eq!(errors, ["record 3, at byte 14: the file cannot be read: the compressed file ends too early"]);
}

/// The same bytes over and over, by every framing: time and memory are as the file is long.
#[test]
fn monotonous_files() {
    for framed in layouts() {
        for byte in [0, b'\n', b'\r', b' ', b'0', b'9', b'"', b'\'', b'~', 0x1A, 0x40, 0xF0, 0xFF] {
            for length in [300, 60_000] {
                let bytes = vec![byte; length];
                let mut decoder = Decoder::new(&framed.file, bytes.as_slice(), false);
                while let Some((line, _)) = decoder.next() {
                    assert!(line.len() < 7 * length + 1000);
                }
            }
        }
    }
}

/// An open quote, and lines without an end.
#[test]
fn what_never_ends() {
    let lines = compiled(
        "layout: it\nfile: { framing: lines, line-end: lf }\nrecords: { r: { occurs: 0.., fields: { a: { length: 1 } } } }",
        "",
    );
    let quoted = compiled(
        "layout: it\nfile: { framing: delimited, titles: false }\nrecords: { r: { occurs: 0.., fields: { a: { length: 1 } } } }",
        "",
    );
    let shaped = compiled(
        "layout: it\nfile: { framing: shaped }\nrecords: { r: { occurs: 0.., when: { 1: A }, fields: { a: { length: 1 } } } }",
        "",
    );
    let too_long = "record 1, at byte 0: a record is longer than 16777216 bytes: is it framed otherwise?";
    let no_kind = "record 1, at byte 0: no record of the layout begins like this here, so that nothing says how long it is";
    let check = |file: &RecordFile, first: &[u8], then: u8, expected: &str| {
        let mut read = 0;
        let rest = Endless { byte: then, read: &mut read };
        let mut decoder = Decoder::new(file, first.chain(rest), true);
        let (_, problems) = decoder.next().unwrap();
        assert_eq!(problems[0].error.to_string(), expected);
        assert!(decoder.next().is_none());
        // No more is looked at than a record may be long, by one reading more.
        assert!(read <= 40 << 20, "{read}");
    };
    check(&lines, b"", b'x', too_long);
    check(&lines, b"", 0x1A, too_long);
    check(&quoted, b"\"", b'x', too_long);
    check(&quoted, b"\"", b'\n', too_long);
    check(&shaped, b"", b'B', no_kind);
}

/// A file that goes on for ever.
struct Endless<'r> {
    byte: u8,
    read: &'r mut u64,
}

impl Read for Endless<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        out.fill(self.byte);
        *self.read += out.len() as u64;
        Ok(out.len())
    }
}

/// Counts that promise more than there is, or than there may be.
#[test]
fn counts() {
    let layout = "layout: it\nfile: { framing: rdw, inclusive: false }\nrecords: { r: { occurs: 0.., fields: { n: { picture: 9(4), usage: comp-5 }, items: { occurs: 0..65535, depending-on: n, fields: { a: { length: 100 } } } } } }";
    let file = compiled(layout, "");
    let (_, problems) = decoded(&file, b"\0\x02\0\0\xFF\xFF");
    assert!(
        problems[0]
            .error
            .to_string()
            .starts_with("record 1, `r`, at byte 6, field `items[0].a`: it has 2 bytes"),
        "{}",
        problems[0].error
    );
    let file = compiled(&layout.replace("65535", "20"), "");
    let (_, problems) = decoded(&file, b"\0\x02\0\0\xFF\xFF");
    assert_eq!(
        problems[0].error.to_string(),
        "record 1, `r`, at byte 4, field `items`: `n` says more than 20, the most that the layout has"
    );
}

/// Lines of JSON that nest without an end, or name millions of things.
#[test]
fn hostile_lines() {
    let file = compiled(
        "layout: it\nfile: { framing: shaped }\nrecords: { r: { occurs: 0.., fields: { a: { length: 3 } } } }",
        "",
    );
    for line in [
        "[".repeat(1_000_000),
        format!("{{\"a\":{}", "[".repeat(1_000_000)),
        format!("{{\"a\":{}{}}}", "{\"a\":".repeat(100_000), "1".to_owned() + &"}".repeat(100_000)),
        format!("{{\"a\":{}}}", "9".repeat(1_000_000)),
        format!("{{\"a\":\"{}\"}}", "9".repeat(1_000_000)),
        format!("{{{}}}", (0..100_000).map(|n| format!("\"a{n}\":1")).collect::<Vec<_>>().join(",")),
        String::new(),
        "null".to_owned(),
        "{\"_record\":\"_end\",\"fill\":99999999999999999999}{".to_owned(),
    ] {
        let mut out = Vec::new();
        let error = RecordWriter::new(&file).line(&line, &mut out).unwrap_err().to_string();
        assert!(error.len() < 200 && out.is_empty(), "{error}");
    }
}

#[test]
fn utf_16() {
    let record =
        "records: { r: { occurs: 0.., fields: { a: { length: 6 }, n: { length: 4, encoding: ascii } } } }";
    for (encoding, bytes) in
        [("utf-16le", &b"\x41\x00\xdf\x00\x20\x00abcd"[..]), ("utf-16be", b"\x00\x41\x00\xdf\x00\x20abcd")]
    {
        let file = compiled(
            &format!(
                "layout: it\nfile: {{ framing: fixed, record-length: 10, encoding: {encoding} }}\n{record}"
            ),
            "",
        );
        let (lines, problems) = decoded(&file, bytes);
        assert!(problems.is_empty());
        assert_eq!(
            String::from_utf8(lines.clone()).unwrap(),
            "{\"_record\":\"r\",\"a\":\"Aß\",\"n\":\"abcd\"}\n"
        );
        assert_eq!(encoded(&file, &lines).unwrap(), bytes);
        // Half of a surrogate pair is no character.
        let mut broken = bytes.to_vec();
        broken[if encoding == "utf-16le" { 1 } else { 0 }] = 0xD8;
        assert_eq!(
            decoded(&file, &broken).1[0].error.to_string(),
            "record 1, `r`, at byte 0, field `a`: the value holds bytes that are no characters of its encoding"
        );
    }
    let text = format!("layout: it\nfile: {{ framing: lines, encoding: utf-16le }}\n{record}");
    let resolver = Memory::new("").with("it.yaml", text.as_bytes());
    let mut sources = Sources::default();
    let read = layout::read("it.yaml", &mut Reading { resolver: &resolver, sources: &mut sources });
    let shown = render(&read.diagnostics[0], &sources, false);
    assert!(shown.contains("lines are not found in UTF-16"), "{shown}");
}

/// Layouts that nest deeper than anyone's.
#[test]
fn deep_layouts() {
    for depth in [30, 5_000] {
        let mut fields = "{ length: 1 }".to_owned();
        for _ in 0..depth {
            fields = format!("{{ fields: {{ a: {fields} }} }}");
        }
        let text = format!("layout: it\nrecords: {{ r: {{ fields: {{ a: {fields} }} }} }}");
        let resolver = Memory::new("").with("it.yaml", text.as_bytes());
        let mut sources = Sources::default();
        let read = layout::read("it.yaml", &mut Reading { resolver: &resolver, sources: &mut sources });
        assert!(!read.diagnostics.is_empty());
    }
}
