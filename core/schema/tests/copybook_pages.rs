//! The pages of `docs/errors/copybook`: the wrong copybook of each gives the one finding that the page shows, the right one none.

#![allow(clippy::panic, clippy::unwrap_used, reason = "the helpers of tests fail by it")]

use portolan_diagnostics::{CATALOG, Entry, Sources, render};
use portolan_schema::{
    Memory, Reading, Schema,
    copybook::{self, CopybookOptions},
};

#[test]
fn wrong_copybooks_give_their_finding_and_right_ones_none() {
    let pages: Vec<&Entry> = CATALOG.iter().filter(|entry| entry.code.0.starts_with("copybook/")).collect();
    assert_eq!(pages.len(), 6);
    let mut drifted = Vec::new();
    for page in pages {
        let (codes, shown) = findings(block(page.page, "cobol wrong order.cpy"));
        assert_eq!(codes, [page.code.0], "{shown}");
        if shown.trim_end() != block(page.page, "text finding").trim_end() {
            drifted.push(format!("{}:\n{shown}", page.code));
        }
        let (codes, shown) = findings(block(page.page, "cobol right order.cpy"));
        assert!(codes.is_empty(), "{}: {shown}", page.code);
    }
    assert!(drifted.is_empty(), "{}", drifted.join("\n"));
}

/// The fenced block of a page with this behind its fence.
fn block<'a>(page: &'a str, info: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("```{info}\n")).unwrap_or_else(|| panic!("no block `{info}`"));
    rest.split_once("```").map_or(rest, |(block, _)| block)
}

fn findings(text: &str) -> (Vec<&'static str>, String) {
    let mut sources = Sources::default();
    let source = sources.add("order.cpy", text);
    let options = CopybookOptions::default();
    let mut reading = Reading { resolver: &Memory::default(), sources: &mut sources };
    let read = copybook::read(source, &mut reading, &options);
    let mut found = read.diagnostics;
    found.extend(read.value.unwrap().lower(0, &options, &mut Schema::default()).diagnostics);
    let shown: String = found.iter().map(|found| render(found, &sources, false)).collect();
    (found.iter().map(|found| found.code.0).collect(), shown)
}
