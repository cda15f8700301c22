//! NACHA's ACH files. Those that its Operating Rules accept verify in all their totals; the others say what is wrong with them. What is
//! refused is decided by the rules, not by the names that upstream gave its files.

use portolan_formats::records::{Problem, RecordErrorKind};

use crate::{
    decoded::{Decoded, decode},
    files::Corpus,
    json::Json,
    report::Report,
};

/// Files that the rules refuse, with one finding that decides it.
const REFUSED: &[(&str, &str)] = &[
    // Batch 2 is of credits only (220), and debits an account.
    (
        "20180716-IAT-A17-A18.ach",
        "35 batch.control iat.debit: what the layout requires does not hold: `header.service_class != 220 || debit == 0`",
    ),
    // A control character (1A) in a name; so in the other four.
    (
        "Iat-invalidAddenda13.ach",
        "7 batch.iat_entry.originating_bank name: the value holds a character that its field does not allow",
    ),
    // Columns 55-58 of an ENR entry count its addenda, as in CTX; here a name begins there.
    (
        "ach-enr-read__enr-read.ach",
        "3 batch.entry ctx.addenda_count: the value is not written as its type demands",
    ),
    // A return addenda without its entry.
    (
        "adv-invalidBatchEntries.ach",
        "3: `batch.entry.return` cannot stand here: `batch.entry`, `batch.iat_entry`, `batch.adv_entry` or `batch.control` is expected",
    ),
    ("adv-noFileControl.ach", "6: the file ends without `file_control`"),
    // No file header, and its first batch has no control.
    ("bh-ed-ad-bh-ed-ad-ed-ad.ach", "4: `batch.control` is missing before it"),
    // A letter that is not of ASCII, and of two bytes, so that the record has 95.
    (
        "extended-ascii.ach",
        "15 batch.entry other.name: the value holds bytes that are no characters of its encoding",
    ),
    (
        "iat-invalidAddenda11.ach",
        "5 batch.iat_entry.originator name: the value holds a character that its field does not allow",
    ),
    (
        "iat-invalidAddenda14.ach",
        "8 batch.iat_entry.receiving_bank name: the value holds a character that its field does not allow",
    ),
    (
        "iat-invalidAddenda16.ach",
        "10 batch.iat_entry.receiver_place city_and_state: the value holds a character that its field does not allow",
    ),
    (
        "iat-invalidAddenda18.ach",
        "12 batch.iat_entry.correspondent name: the value holds a character that its field does not allow",
    ),
    // There is no return reason R96.
    (
        "iat-invalidAddenda99.ach",
        "11 batch.iat_entry.return reason: the value is not one of those that the layout lists",
    ),
    // Batch control says another ODFI and another batch than its header.
    (
        "iat-invalidBatchControl.ach",
        "11 batch.control originating_dfi: the value is not what it must be: 23138010 is computed",
    ),
    // There is no transaction code 90.
    (
        "iat-invalidEntryDetail.ach",
        "3 batch.iat_entry code: the value is not one of those that the layout lists",
    ),
    // Letters in an amount.
    ("invalid-two-micro-deposits.ach", "15 batch.entry amount: the value is not written as its type demands"),
    // Characters that are not of ASCII; and the file counts one entry too few.
    (
        "nonascii-utf8.ach",
        "3 batch.entry ctx.name: the value holds bytes that are no characters of its encoding",
    ),
    (
        "pos-invalidEntryDetail.ach",
        "3 batch.entry other.name: the value holds a character that its field does not allow",
    ),
    // The first eight digits of a trace number are the ODFI's.
    (
        "ppd-debit-customTraceNumber.ach",
        "3 batch.entry trace.odfi: what the layout requires does not hold: `odfi == header.originating_dfi`",
    ),
    // One line of 471 characters.
    ("ppd-debit-fixedLengthInvalid.ach", "1 file_header: it has 471 bytes, and its fields are 94"),
    // There is no return reason R97.
    (
        "return-PPD-custom-reason-code.ach",
        "4 batch.entry.return reason: the value is not one of those that the layout lists",
    ),
    ("return-no-batch-controls.ach", "4: `batch.control` is missing before it"),
    ("return-no-file-header-control.ach", "1: `file_header` is missing before it"),
    // Its file control is that of the larger file from which it was cut.
    ("shr-credit.ach", "32 file_control batches: the value is not what it must be: 1 is computed"),
    // The addenda's numbers stand two columns to the left; and the file says two blocks, and has one.
    ("txp-debit.ach", "4 batch.entry.addenda sequence: the value is not what it must be: 1 is computed"),
    // There is no change code C92.
    (
        "web-invalidNOCFile.ach",
        "4 batch.entry.change code: the value is not one of those that the layout lists",
    ),
];

/// The totals of the independent recount, and the fields that say them.
const TOTALS: &[(&str, &str, &str)] = &[
    ("batch count", "batch.control", "count"),
    ("batch hash", "batch.control", "hash"),
    ("batch debit", "batch.control", "debit"),
    ("batch credit", "batch.control", "credit"),
    ("file batch count", "file_control", "batches"),
    ("file entry count", "file_control", "entries"),
    ("file hash", "file_control", "hash"),
    ("file debit", "file_control", "debit"),
    ("file credit", "file_control", "credit"),
];

/// Where the recount and we differ.
const COUNTED_OTHERWISE: &[(&str, &str, &str)] = &[
    ("adv-invalidBatchEntries.ach", "batch debit", "the recount leaves the amounts of advices out"),
    ("adv-invalidBatchEntries.ach", "batch credit", "the recount leaves the amounts of advices out"),
    (
        "adv-invalidBatchEntries.ach",
        "file entry count",
        "by the rules a file's totals are those of its batch controls",
    ),
    (
        "adv-invalidBatchEntries.ach",
        "file hash",
        "by the rules a file's totals are those of its batch controls",
    ),
    (
        "invalid-two-micro-deposits.ach",
        "file debit",
        "by the rules a file's totals are those of its batch controls",
    ),
    ("iat-invalidEntryDetail.ach", "batch credit", "the recount takes the code 90 for a credit"),
];

pub(crate) fn run(corpus: &Corpus, report: &mut Report) {
    let layout = corpus.layout("nacha.yaml");
    let recount = corpus.text("ach/CONTROL-TOTALS.tsv");
    let mut seen = Vec::new();
    for path in corpus.folder("ach").into_iter().filter(|file| !file.ends_with(".tsv")) {
        let bytes = corpus.bytes(&path);
        let decoded = decode(&layout, &bytes);
        let name = path.rsplit('/').next().unwrap();
        match report.file(&path, &decoded, &bytes) {
            true => report.rewritten(&path, &layout, &bytes),
            false => {
                refused(name, &decoded, report);
                seen.push(name.to_owned());
            }
        }
        totals(name, &recount, &decoded, report);
    }
    for (name, _) in REFUSED.iter().filter(|(name, _)| !seen.iter().any(|seen| seen == name)) {
        report.mismatches.push(format!("ach/{name}: it is not refused"));
    }
}

/// The largest file: 200 batches of 500 entries, compressed.
pub(crate) fn run_large(corpus: &Corpus, report: &mut Report) {
    let path = "ach/large/PPD-200-batches-100000-entries.ach.gz";
    let bytes = corpus.bytes(path);
    let decoded = decode(&corpus.layout("nacha.yaml"), &bytes);
    report.file(path, &decoded, &bytes);
    let count = |record: &str| {
        Json::Bare(decoded.lines.iter().filter(|line| line.record == record).count().to_string())
    };
    let control = decoded.of("file_control").next().unwrap();
    report.value(&format!("{path}: batches"), control.get("batches").unwrap(), Some(&count("batch.control")));
    report.value(&format!("{path}: entries"), control.get("entries").unwrap(), Some(&count("batch.entry")));
}

/// A file that is refused says why.
fn refused(name: &str, decoded: &Decoded, report: &mut Report) {
    let found: Vec<String> = decoded.problems.iter().filter(|problem| !problem.warning).map(told).collect();
    match REFUSED.iter().find(|(known, _)| *known == name) {
        Some((_, reason)) if found.iter().any(|found| found == reason) => {
            report.refused.last_mut().unwrap().1 = (*reason).to_owned();
        }
        _ => report.mismatches.push(format!("ach/{name}: it is refused: {found:#?}")),
    }
}

/// `3 batch.entry amount: what is wrong`
fn told(problem: &Problem) -> String {
    let error = &problem.error;
    let mut text = error.record.to_string();
    for part in [&error.name, &error.field].into_iter().flatten() {
        text.push(' ');
        text.push_str(part);
    }
    format!("{text}: {}", error.kind)
}

/// Every total that the recount finds wrong is one that we find, and no other.
fn totals(name: &str, recount: &str, decoded: &Decoded, report: &mut Report) {
    let line = recount.lines().find(|line| line.split('\t').next() == Some(name)).unwrap_or("\t\t\t\tOK");
    let wrong: Vec<&str> = line.split('\t').nth(4).unwrap().split(';').collect();
    if wrong.contains(&"no file control") || wrong.contains(&"nonnumeric9") {
        // There is nothing to compare, which is among the reasons above.
        return;
    }
    let ours = |record: &str, field: &str| {
        decoded.problems.iter().any(|problem| {
            let named = problem.error.field.as_deref().and_then(|name| name.rsplit('.').next());
            matches!(problem.error.kind, RecordErrorKind::Verify { .. })
                && problem.error.name.as_deref() == Some(record)
                && named == Some(field)
        })
    };
    for (total, record, field) in TOTALS {
        if let Some((.., why)) =
            COUNTED_OTHERWISE.iter().find(|(of, counted, _)| *of == name && counted == total)
        {
            report.excepted.push(format!("ach/{name}, {total}: {why}"));
            continue;
        }
        let (theirs, ours) = (wrong.contains(total), ours(record, field));
        let said = |wrong: bool| Json::Text(if wrong { "wrong" } else { "right" }.to_owned());
        report.test(&format!("ach/{name}: {total}"), theirs == ours, &said(theirs), Some(&said(ours)));
    }
}
