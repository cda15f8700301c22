//! Files of every framing, with any bytes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod framings;

use std::{io::Write, sync::LazyLock};

use flate2::write::GzEncoder;
use framings::{Framed, decoded, encoded, layouts, there_and_back};
use portolan_schema::layout::Compression;
use proptest::prelude::*;

static LAYOUTS: LazyLock<Vec<Framed>> = LazyLock::new(layouts);

/// A file of each, as it is written.
static FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    LAYOUTS
        .iter()
        .map(|framed| {
            let mut file = encoded(&framed.file, framed.sample.as_bytes()).unwrap();
            let (head, tail) = framed.file.layout().file.margins;
            file.splice(0..0, vec![b'H'; head as usize]);
            file.splice(0..0, b"titles\n".repeat(framed.file.layout().file.header_lines as usize));
            file.extend(vec![b'T'; tail as usize]);
            file
        })
        .collect()
});

#[test]
fn each_framing_is_written_and_read() {
    for (framed, bytes) in LAYOUTS.iter().zip(FILES.iter()) {
        let (lines, problems) = decoded(&framed.file, bytes);
        let text = String::from_utf8(lines.clone()).unwrap();
        assert!(problems.is_empty(), "{}: {}\n{text}", framed.name, problems[0].error);
        let records = text.lines().filter(|line| !line.contains("\"_record\":\"_")).count();
        assert_eq!(records, framed.sample.lines().count(), "{}: {text}", framed.name);
        // What was written by the layout is as the layout would have it.
        assert!(!text.lines().any(|line| line.contains("_raw") && !line.contains("_other")), "{}: {text}", framed.name);
        there_and_back(framed, bytes);
    }
}

/// The fuzz target `records` begins with these files: which layout, then the file.
#[test]
#[ignore = "writes fuzz/seeds/records"]
fn regenerate_seeds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/records");
    std::fs::create_dir_all(folder).unwrap();
    for (index, (framed, bytes)) in LAYOUTS.iter().zip(FILES.iter()).enumerate() {
        let packed = match framed.file.layout().file.compression {
            Compression::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            _ => bytes.clone(),
        };
        let seed = [&[index as u8], packed.as_slice()].concat();
        std::fs::write(format!("{folder}/{}", framed.name.replace(' ', "-")), seed).unwrap();
    }
}

/// A change of a file: where, what is done, and a byte.
type Change = (prop::sample::Index, u8, u8);

fn changed(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, what, byte) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match what {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, *byte),
            2 => {
                bytes.remove(at);
            }
            3 => {
                let copy = bytes[at..].to_vec();
                bytes.extend(copy);
            }
            4 => bytes[at] = b" 09\n\r,\"\x1a\x00\x40\xF0"[usize::from(*byte) % 11],
            _ => bytes[at] = *byte,
        }
    }
    bytes
}

/// Bytes such as files have them: digits, signs, blanks, lengths and line ends, of both alphabets.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => "[0-9]{1,8}".prop_map(String::into_bytes),
        2 => "[A-Z ]{1,8}".prop_map(String::into_bytes),
        1 => prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("~~"), Just("#"), Just(","), Just("\""), Just("'"), Just("9999")]
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop_oneof![Just(vec![0, 7, 0, 0]), Just(vec![0, 30, 0, 0]), Just(vec![30, 0, 0, 0]), Just(vec![0x1A]), Just(vec![0xF0, 0xF1, 0x40])],
        1 => prop::collection::vec(any::<u8>(), 1..6),
        1 => prop::collection::vec(0xF0u8..=0xF9, 1..6),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: std::env::var("CASES").ok().and_then(|c| c.parse().ok()).unwrap_or(4000), ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_written_again(which: prop::sample::Index, bytes in bytes()) {
        there_and_back(which.get(&LAYOUTS), &bytes);
    }

    #[test]
    fn what_is_changed_is_written_as_it_is_read(
        which: prop::sample::Index,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8, any::<u8>()), 0..4),
    ) {
        let index = which.index(LAYOUTS.len());
        there_and_back(&LAYOUTS[index], &changed(&FILES[index], &changes));
    }
}
