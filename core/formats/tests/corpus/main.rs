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
mod mutated;
mod report;
mod statements;

use files::Corpus;
use report::Report;

/// What upstream expects and cannot be, which is printed with its reasons.
const EXCEPTED: usize = 34;

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
    println!("{}", report.told());
    report.succeed();
    assert_eq!(report.files, 110);
    assert_eq!(report.excepted.len(), EXCEPTED, "{:#?}", report.excepted);
}

#[test]
fn a_large_file_is_read_and_written_again() {
    let Some(corpus) = Corpus::find() else { return };
    let mut report = Report::default();
    ach::run_large(&corpus, &mut report);
    println!("{}", report.told());
    report.succeed();
    assert!(report.refused.is_empty(), "{:#?}", report.refused);
}
