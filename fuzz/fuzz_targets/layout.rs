#![no_main]
//! Layout files: whatever the text, findings with a place, no panic, and an end; what is sound decodes whatever bytes follow it.

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use portolan_diagnostics::{Severity, Sources, render};
use portolan_formats::records::{Decoder, RecordFile, RecordWriter};
use portolan_schema::{Memory, Reading, layout};

const BASE: &str = "layout: base\nfile: { framing: fixed }\nrecords: { record: { occurs: 0.., fields: { a: { length: 2 } } } }\n";
const COPYBOOK: &str = "       01 R.\n          05 A PIC X(2).\n          05 N PIC 9.\n          05 L OCCURS 0 TO 3 DEPENDING ON N PIC S9(3) COMP-3.\n";

/// How many pieces of a file are looked at.
const PIECES: usize = 50;

fuzz_target!(|bytes: &[u8]| {
    // The layout, then a NUL, then the bytes of a file.
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, data) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let resolver = Memory::new("").with("it.yaml", text).with("base.yaml", BASE.as_bytes()).with("book.cpy", COPYBOOK.as_bytes());
    let mut sources = Sources::default();
    let read = layout::read("it.yaml", &mut Reading { resolver: &resolver, sources: &mut sources });
    for finding in read.diagnostics.iter().take(4) {
        render(finding, &sources, false);
    }
    let Some(layout) = read.value else { return };
    if read.diagnostics.iter().any(|found| found.severity == Severity::Error) {
        return;
    }
    // A record of megabytes takes its time, whatever is in it.
    if layout.nodes.iter().filter_map(|node| node.shape.as_ref()).any(|shape| shape.length.0 > 1 << 16) {
        return;
    }
    let file = RecordFile::compile(Arc::new(layout));
    let mut decoder = Decoder::new(&file, data, true);
    let mut writer = RecordWriter::new(&file);
    let mut out = Vec::new();
    for _ in 0..PIECES {
        let Some((lines, _)) = decoder.next() else { break };
        for line in String::from_utf8_lossy(lines).lines() {
            let _ = writer.line(line, &mut out);
        }
    }
    let _ = writer.finish(&mut out);
});
