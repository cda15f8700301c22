//! One cause, one finding, in the right place, with the right advice: `broken.md` changes the example of the language (or
//! one of its contracts) in one place each, and shows the finding as a person reads it.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p portolan-mapping --test broken` writes the findings anew, for review.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use portolan_diagnostics::{Diagnostic, Severity, Sources, cured, render};
use portolan_mapping::load::{Standing, load};
use portolan_schema::Memory;

const CASES: &str = include_str!("broken.md");

/// The example: its files by name.
const FILES: &[(&str, &str)] = &[
    ("registry.yaml", include_str!("../src/check/examples/registry.yaml")),
    ("registry.proto", include_str!("../src/check/examples/registry.proto")),
    ("register.wsdl", include_str!("../src/check/examples/register.wsdl")),
    ("bank-days.yaml", include_str!("calendars/federal-reserve.yaml")),
];

/// A case of `broken.md`.
struct Case<'a> {
    title: &'a str,
    file: &'a str,
    old: String,
    new: String,
    shown: &'a str,
}

#[test]
fn one_cause_is_one_finding() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let (mut wrong, mut anew) = (Vec::new(), CASES.to_owned());
    for case in &cases {
        let (findings, sources) = check(&changed(case));
        let found: Vec<_> = findings.iter().filter(|d| d.severity > Severity::Note).collect();
        let shown: String = found.iter().map(|d| shown(d, &sources)).collect();
        anew = anew.replacen(&block(case, case.shown), &block(case, &shown), 1);
        if found.len() != 1 || shown != case.shown {
            wrong.push(format!(
                "{}: {} findings\n{shown}\nexpected:\n{}",
                case.title,
                found.len(),
                case.shown
            ));
        }
        let placed = found.iter().filter_map(|d| sources.get(d.labels.first()?.span.source));
        if !placed.map(|f| &*f.name).eq([case.file]) && case.file == "registry.yaml" {
            wrong.push(format!("{}: not found in the file that was changed", case.title));
        }
    }
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broken.md"), anew).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_cure_takes_its_finding_away_and_changes_nothing_else() {
    let mut cures = 0;
    for case in &cases() {
        let mut files = changed(case);
        let (findings, sources) = check(&files);
        for edit in findings.iter().filter_map(|finding| finding.edit.as_ref()) {
            let place =
                edit.place(&sources).unwrap_or_else(|| panic!("{}: {edit:?} fits nothing", case.title));
            let before = sources.get(edit.span.source).unwrap();
            let (text, done) = cured(&findings, edit.span.source, &sources).unwrap();
            assert_eq!(done.len(), 1, "{}", case.title);
            let expected =
                format!("{}{}{}", &before.text[..place.start], edit.new, &before.text[place.end..]);
            assert_eq!(text, expected, "{}", case.title);
            let file = files.iter_mut().find(|(name, _)| *name == &*before.name).unwrap();
            file.1 = text;
            let (after, sources) = check(&files);
            let left: String =
                after.iter().filter(|d| d.severity > Severity::Note).map(|d| shown(d, &sources)).collect();
            assert!(left.is_empty(), "{}: cured, and then\n{left}", case.title);
            cures += 1;
        }
    }
    assert!(cures >= 20, "{cures} cures");
}

/// The finding as a person reads it, and what `--fix` would do.
fn shown(finding: &Diagnostic, sources: &Sources) -> String {
    let cure = finding.edit.as_ref().map(|edit| format!("cure: {} becomes {}\n", edit.old, edit.new));
    format!("{}\n{}", render(finding, sources, false), cure.unwrap_or_default())
}

/// What `broken.md` says of a case after its title.
fn block(case: &Case<'_>, shown: &str) -> String {
    let lines = |sign: &str, text: &str| -> String { text.lines().map(|l| format!("{sign}{l}\n")).collect() };
    format!(
        "## {}\n```diff {}\n{}{}```\n```text\n{shown}```\n",
        case.title,
        case.file,
        lines("-", &case.old),
        lines("+", &case.new)
    )
}

fn cases() -> Vec<Case<'static>> {
    let sections = CASES.split("\n## ").skip(1);
    let case = |section: &'static str| {
        let (title, rest) = section.split_once("\n```diff ").unwrap();
        let (file, rest) = rest.split_once('\n').unwrap();
        let (diff, rest) = rest.split_once("```\n```text\n").unwrap();
        let (shown, _) = rest.split_once("```\n").unwrap();
        let side = |sign: char| -> String {
            diff.split_inclusive('\n').filter_map(|line| line.strip_prefix(sign)).collect()
        };
        Case { title, file, old: side('-'), new: side('+'), shown }
    };
    sections.map(case).collect()
}

/// The files of the example with the change of a case.
fn changed(case: &Case<'_>) -> Vec<(&'static str, String)> {
    let change = |(name, text): &(&'static str, &str)| {
        if *name != case.file {
            return (*name, (*text).to_owned());
        }
        assert_eq!(text.matches(&case.old).count(), 1, "{}: the example has once:\n{}", case.title, case.old);
        (*name, text.replace(&case.old, &case.new))
    };
    FILES.iter().map(change).collect()
}

fn check(files: &[(&str, String)]) -> (Vec<Diagnostic>, Sources) {
    let memory =
        files.iter().fold(Memory::default(), |memory, (name, text)| memory.with(*name, text.as_str()));
    let mut sources = Sources::default();
    let checked = load("registry.yaml", &memory, &mut sources, &Standing::default());
    (checked.diagnostics, sources)
}
