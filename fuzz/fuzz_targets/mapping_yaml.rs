#![no_main]
//! Mapping files: whatever the text, findings with a place and no panic.

use libfuzzer_sys::fuzz_target;
use portolan_diagnostics::{Sources, render};

fuzz_target!(|text: &str| {
    let mut sources = Sources::default();
    let source = sources.add("fuzz.yaml", text);
    let parsed = portolan_mapping::parse::parse(source, &sources);
    for finding in parsed.diagnostics.iter().take(4) {
        assert!(!finding.labels.is_empty(), "a finding without a place: {}", finding.message);
        render(finding, &sources, false);
    }
});
