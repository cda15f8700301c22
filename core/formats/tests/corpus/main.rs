//! Every file of records of the corpus, by the layouts under `tests/corpus`: every value with an expected result is that one, every file
//! that is not refused is written again byte for byte, and what is refused is refused for the reason that its rules give.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod ach;
mod cnab400;
mod cobrix;
mod decoded;
mod files;
mod irs1220;
mod json;
mod metro2;
mod report;
mod statements;

use std::collections::BTreeMap;

use files::Corpus;
use report::Report;

#[test]
fn every_file_is_read_and_written_again() {
    let Some(corpus) = Corpus::find() else {
        println!("corpus not found, 110 files not run");
        return;
    };
    let mut report = Report::default();
    cobrix::run(&corpus, &mut report);
    irs1220::run(&corpus, &mut report);
    cnab400::run(&corpus, &mut report);
    metro2::run(&corpus, &mut report);
    statements::run(&corpus, &mut report);
    ach::run(&corpus, &mut report);
    println!(
        "{} files, {} values compared, {} mismatches, {} refused, {} canonical",
        report.files,
        report.values,
        report.mismatches.len(),
        report.refused.len(),
        report.canonical.len()
    );
    for (file, reason) in &report.refused {
        println!("refused: {file}: {reason}");
    }
    let mut excepted: BTreeMap<&str, usize> = BTreeMap::new();
    for (reason, _) in report.excepted.iter().map(|excepted| (excepted.rsplit(": ").next().unwrap_or(excepted), ())) {
        *excepted.entry(reason).or_default() += 1;
    }
    for (reason, times) in excepted {
        println!("excepted {times} times: {reason}");
    }
    let shown = report.mismatches.iter().take(400).cloned().collect::<Vec<_>>().join("\n");
    assert!(report.mismatches.is_empty(), "{} mismatches\n{shown}", report.mismatches.len());
}
