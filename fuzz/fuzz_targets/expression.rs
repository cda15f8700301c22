#![no_main]
//! Expressions in the leaves of a mapping.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = portolan_mapping::expression::parse(text);
});
