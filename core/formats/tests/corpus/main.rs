//! Every file of records of the corpus, by the layouts under `tests/corpus`: every value with an expected result is that one, every file
//! that is not refused is written again byte for byte, and what is refused is refused for the reason that its rules give.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cobrix;
mod decoded;
mod files;
mod irs1220;
mod json;
mod report;

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
    for excepted in &report.excepted {
        println!("excepted: {excepted}");
    }
    let shown = report.mismatches.iter().take(400).cloned().collect::<Vec<_>>().join("\n");
    assert!(report.mismatches.is_empty(), "{} mismatches\n{shown}", report.mismatches.len());
}
