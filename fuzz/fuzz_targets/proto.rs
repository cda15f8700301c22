#![no_main]
//! `.proto` files.

use libfuzzer_sys::fuzz_target;
use portolan_diagnostics::Sources;
use portolan_schema::{Memory, Reading};

fuzz_target!(|text: &str| {
    let resolver = Memory::default().with("fuzz.proto", text);
    let mut sources = Sources::default();
    let mut reading = Reading { resolver: &resolver, sources: &mut sources };
    let _ = portolan_schema::protobuf::read("fuzz.proto", &[], &mut reading);
});
