//! NACHA's ACH files. Those that its rules accept verify in all their totals, and the others say what is wrong with them.

use crate::{
    decoded::{Decoded, decode},
    files::Corpus,
    json::Json,
    report::Report,
};

pub(crate) fn run(corpus: &Corpus, report: &mut Report) {
    let layout = corpus.layout("nacha.yaml");
    let mut files = corpus.folder("ach");
    files.retain(|file| !file.ends_with(".tsv"));
    files.extend(corpus.folder("ach/large"));
    for path in files {
        let bytes = corpus.bytes(&path);
        let decoded = decode(&layout, &bytes);
        if report.file(&path, &decoded, &bytes) {
            continue;
        }
        for problem in decoded.problems.iter().filter(|p| !p.warning) {
            println!("  {path}: {}", problem.error);
        }
    }
    let _ = |d: &Decoded, j: &Json| (d.lines.len(), j.plain().len());
}
