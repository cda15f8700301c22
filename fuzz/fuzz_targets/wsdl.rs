#![no_main]
//! WSDL files: any bytes, in any encoding.

use libfuzzer_sys::fuzz_target;
use portolan_diagnostics::Sources;
use portolan_schema::{Memory, Reading};

fuzz_target!(|bytes: &[u8]| {
    let resolver = Memory::default().with("fuzz.wsdl", bytes);
    let mut sources = Sources::default();
    let mut reading = Reading { resolver: &resolver, sources: &mut sources };
    let _ = portolan_schema::wsdl::read("fuzz.wsdl", &mut reading);
});
