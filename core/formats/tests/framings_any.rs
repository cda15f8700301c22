//! Files of every framing, with any bytes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod framings;

use std::sync::LazyLock;

use framings::{Framed, layouts, there_and_back};
use proptest::prelude::*;

static LAYOUTS: LazyLock<Vec<Framed>> = LazyLock::new(layouts);

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
}
