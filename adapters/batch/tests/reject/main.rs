//! Files of refused records: what was refused stands there as it was, what stood around it is made anew, and the whole is valid.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod ach;
mod any;
mod layouts;

use std::{collections::BTreeSet, sync::Arc};

use portolan_batch::reject::{self, RejectError, Rejected};
use portolan_diagnostics::{Severity, Sources};
use portolan_formats::records::{Next, Nowhere, RecordFile, RecordReader};
use portolan_schema::{Reading, ResolveError, Resolved, Resolver, layout};

/// The layout, and nothing else.
struct Only(String);

impl Resolver for Only {
    fn resolve(&self, location: &str, _: Option<&str>) -> Result<Resolved, ResolveError> {
        Ok(Resolved { name: location.to_owned(), bytes: self.0.clone().into_bytes() })
    }
}

fn compiled(text: &str) -> RecordFile {
    let (mut sources, resolver) = (Sources::default(), Only(text.to_owned()));
    let checked = layout::read("test.yaml", &mut Reading { resolver: &resolver, sources: &mut sources });
    let errors = checked.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    assert_eq!(errors.map(|found| found.message.as_str()).collect::<Vec<_>>(), Vec::<&str>::new());
    RecordFile::compile(Arc::new(checked.value.unwrap()))
}

/// What is wrong with a file: which record, counted among its kind's, and how.
fn errors(file: &RecordFile, bytes: &[u8]) -> Vec<(u64, String)> {
    let mut reader = RecordReader::new(file, bytes);
    let mut found = Vec::new();
    loop {
        let next = reader.next(&mut Nowhere);
        let wrong = reader.problems().filter(|problem| !problem.warning);
        found.extend(wrong.map(|problem| (problem.error.record, problem.error.kind.to_string())));
        if next == Next::End {
            return found;
        }
    }
}

/// The numbers of the records of a kind.
fn numbers(file: &RecordFile, kind: &str, bytes: &[u8]) -> Vec<u64> {
    let node = file.layout().find(kind).unwrap();
    let mut reader = RecordReader::new(file, bytes);
    let mut found = Vec::new();
    loop {
        match reader.next(&mut Nowhere) {
            Next::Record(info) if info.node == Some(node) => found.push(info.number),
            Next::End => return found,
            _ => {}
        }
    }
}

fn rejects(
    file: &RecordFile,
    each: &str,
    bytes: &[u8],
    refused: &[u64],
) -> Result<(Vec<u8>, Rejected), RejectError> {
    let refused: BTreeSet<u64> = refused.iter().copied().collect();
    let mut out = Vec::new();
    let each = file.layout().find(each).unwrap();
    let told = reject::write(file, each, bytes, &mut |number| refused.contains(&number), &mut out)?;
    Ok((out, told))
}

/// These of a file's records are refused, and this is the reject file.
#[track_caller]
fn check(file: &RecordFile, each: &str, text: &str, refused: &[u64], expected: &str) {
    let (out, _) = rejects(file, each, text.as_bytes(), refused).unwrap();
    assert_eq!(String::from_utf8_lossy(&out), expected);
    assert_eq!(errors(file, &out), [], "it is valid itself");
}
