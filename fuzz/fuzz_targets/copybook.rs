#![no_main]
//! COBOL copybooks: whatever the text, findings with a place, no panic, and an end.

use libfuzzer_sys::fuzz_target;
use portolan_diagnostics::{Sources, render};
use portolan_schema::{
    Memory, Reading, Schema,
    copybook::{self, CopybookOptions},
};

fuzz_target!(|text: &str| {
    let resolver = Memory::default().with("fuzz.cpy", text).with("other.cpy", "       05 OTHER PIC X.\n");
    let mut sources = Sources::default();
    let source = sources.add("fuzz.cpy", text);
    let options = CopybookOptions::default();
    let mut reading = Reading { resolver: &resolver, sources: &mut sources };
    let read = copybook::read(source, &mut reading, &options);
    let mut found = read.diagnostics;
    if let Some(copybook) = read.value {
        for record in 0..copybook.records().count() {
            found.extend(copybook.lower(record, &options, &mut Schema::default()).diagnostics);
        }
    }
    for finding in found.iter().take(4) {
        assert!(!finding.labels.is_empty(), "a finding without a place: {}", finding.message);
        render(finding, &sources, false);
    }
});
