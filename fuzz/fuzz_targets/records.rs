#![no_main]
//! Files of every framing, compressed or not: whatever the bytes, an end, no panic; what is read is written again, byte for byte.

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../../core/formats/tests/framings/mod.rs"]
mod framings;

static LAYOUTS: LazyLock<Vec<framings::Framed>> = LazyLock::new(framings::layouts);

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    framings::there_and_back(&LAYOUTS[usize::from(*which) % LAYOUTS.len()], bytes);
});
