//! Every folder under `mappings/` and `tests/trial/` is a test by being there: nothing is found in it, and what each of its
//! samples says is what `portolan translate` makes of it.
//!
//! A sample is a folder with `request.json`, and beside it `request.xml`, `response.xml`, and `response.json` or
//! `failure.json` (the parts of the failure that matter). Without a `response.xml` the failure is the request's, or that of
//! `ticket.xml`: what a system that answers later says when it takes the request, of which `poll.xml` is made.
//! `metadata` holds what the caller sends beside the request, a `NAME=VALUE` in each line.
//!
//! Of a route whose messages gather into a file there is `file.jsonl`, the records of the file that the message would be alone in, `file`, the
//! same to the byte, and `answers`, a file that answers it, in the place of `response.xml`.
//!
//! Of a route that takes files a sample is a file of records (or `file` names one of the corpus), with `messages.jsonl` or `messages.xml`, what
//! its messages become, and `errors`, what is said of those that become nothing; `acknowledgement` is what whoever dropped it is told. What a gateway makes of it is `receipt.json`, of
//! which `examples.rs` is the test.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::harness::{binary, collapsed, repository};

#[path = "../trial/mod.rs"]
mod trial;

#[test]
fn every_worked_example_does_what_its_samples_say() {
    for mapping in folders(&repository().join("mappings")) {
        without_findings(&[&text(&mapping)]);
        samples(&mapping, &["--mappings", &text(&mapping)]);
    }
}

#[test]
fn every_route_of_the_trial_does_what_its_samples_say() {
    let Some(trial) = trial::routes() else { return };
    let configuration = text(&trial.path().join("portolan.yaml"));
    without_findings(&["--config", &configuration]);
    let mappings = folders(trial.path()).into_iter().filter(|folder| !folder.is_symlink());
    let tested = mappings.map(|mapping| samples(&mapping, &["--config", &configuration])).count();
    assert!(tested >= 10, "{tested} routes");
}

/// Sound mappings give no finding at all, not even a note.
fn without_findings(arguments: &[&str]) {
    let checked = portolan(&[&["check"], arguments].concat());
    let printed = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && printed.starts_with("no findings"), "{}", said(&checked));
}

/// Every sample of a mapping; `read_by` says how `translate` finds it.
fn samples(mapping: &Path, read_by: &[&str]) {
    let route = route(mapping);
    let cases = folders(&mapping.join("samples"));
    assert!(!cases.is_empty(), "{} has no samples", mapping.display());
    for case in &cases {
        sample(read_by, &route, case);
    }
    println!("{route}: {} samples", cases.len());
}

/// Which message it is, and when it came: what a file says of that is always the same.
const ALONE: [&str; 4] =
    ["--message-id", "019a3f2e-7c1b-7000-8000-000000000001", "--received", "2026-12-01T22:30:00Z"];

fn sample(read_by: &[&str], route: &str, case: &Path) {
    let name = case.display();
    let file = |file: &str| Some(case.join(file)).filter(|path| path.exists());
    let metadata = file("metadata").map(|path| fs::read_to_string(path).unwrap()).unwrap_or_default();
    let metadata: Vec<&str> = metadata.lines().flat_map(|line| ["--metadata", line]).collect();
    let translate =
        |arguments: &[&str]| portolan(&[&["translate", route], read_by, &metadata, arguments].concat());
    if let Some(records) = records(case) {
        let records = text(&records);
        if let Some(expected) = file("acknowledgement") {
            let when = ["--acknowledgement", ALONE[2], ALONE[3]];
            let out = translate(&[&["--file", &records], &when[..]].concat());
            let expected = fs::read_to_string(expected).unwrap();
            assert_eq!(String::from_utf8_lossy(&out.stdout), expected, "{name}: {}", said(&out));
        }
        return messages(case, &translate(&["--file", &records]));
    }
    let request = text(&file("request.json").unwrap_or_else(|| panic!("{name} has no request.json")));
    let response = file("response.xml").or_else(|| file("answers"));
    let out = translate(&[&["--request", &request], &ALONE[..]].concat());
    if let Some(expected) = file("file.jsonl") {
        assert!(out.status.success(), "{name}: {}", said(&out));
        let printed = String::from_utf8(out.stdout.clone()).unwrap();
        assert_eq!(lines(&printed), lines(&fs::read_to_string(expected).unwrap()), "{name}: the file");
    }
    if let Some(expected) = file("file") {
        let out = translate(&[&["--request", &request, "--raw"], &ALONE[..]].concat());
        assert!(out.status.success(), "{name}: {}", said(&out));
        assert!(out.stdout == fs::read(expected).unwrap(), "{name}: the bytes of the file");
    }
    if let Some(expected) = file("request.xml") {
        assert!(out.status.success(), "{name}: {}", said(&out));
        let printed = String::from_utf8(out.stdout.clone()).unwrap();
        assert_eq!(
            collapsed(&printed),
            collapsed(&fs::read_to_string(expected).unwrap()),
            "{name}: the request"
        );
    }
    let ticket = file("ticket.xml");
    let ticketed =
        ticket.as_ref().map(|ticket| translate(&["--ticket", &text(ticket), "--original", &request]));
    if let (Some(expected), Some(out)) = (file("poll.xml"), &ticketed) {
        assert!(out.status.success(), "{name}: {}", said(out));
        let (printed, expected) =
            (String::from_utf8_lossy(&out.stdout), fs::read_to_string(expected).unwrap());
        assert_eq!(collapsed(&printed), collapsed(&expected), "{name}: the question for the answer");
    }
    let out = ticketed.filter(|_| response.is_none()).unwrap_or(out);
    let (out, what) = match &response {
        Some(response) => (translate(&["--response", &text(response), "--original", &request]), "the reply"),
        None => (out, "the request"),
    };
    let printed: Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
    if let Some(expected) = file("failure.json") {
        assert_eq!(out.status.code(), Some(1), "{name}: {what}: {}", said(&out));
        let expected: Value = serde_json::from_slice(&fs::read(expected).unwrap()).unwrap();
        for (part, value) in expected.as_object().unwrap() {
            assert_eq!(printed["failure"][part], *value, "{name}: {part} of {printed}");
        }
    } else if response.is_some() {
        assert!(out.status.success(), "{name}: {}", said(&out));
        let expected =
            fs::read(file("response.json").unwrap_or_else(|| panic!("{name} expects nothing"))).unwrap();
        assert_eq!(printed, serde_json::from_slice::<Value>(&expected).unwrap(), "{name}: {what}");
    }
}

/// The file of records of a sample of a route that takes such; `None` of one that takes calls.
pub(crate) fn records(case: &Path) -> Option<PathBuf> {
    if case.join("request.json").exists() {
        return None;
    }
    if let Ok(named) = fs::read_to_string(case.join("file")) {
        let trial = case.ancestors().nth(3).unwrap();
        return Some(trial.join(".fixed-width").join(named.trim()));
    }
    let files = fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path());
    let said = |path: &PathBuf| {
        path.file_stem().is_some_and(|s| {
            ["messages", "receipt", "errors", "acknowledgement"].map(OsStr::new).contains(&s)
        })
    };
    let files: Vec<_> = files.filter(|path| !said(path)).collect();
    assert_eq!(files.len(), 1, "{} has one file of records: {files:?}", case.display());
    files.into_iter().next()
}

/// What the messages of a file became.
fn messages(case: &Path, out: &Output) {
    let name = case.display();
    let printed = String::from_utf8_lossy(&out.stdout);
    match fs::read_to_string(case.join("messages.jsonl")) {
        Ok(expected) => assert_eq!(lines(&printed), lines(&expected), "{name}: the messages"),
        Err(_) => {
            let expected = fs::read_to_string(case.join("messages.xml")).unwrap();
            assert_eq!(collapsed(&printed), collapsed(&expected), "{name}: the messages");
        }
    }
    let errors = fs::read_to_string(case.join("errors")).unwrap_or_default();
    assert_eq!(out.status.code(), Some(i32::from(!errors.is_empty())), "{name}: {}", said(out));
    let told = String::from_utf8_lossy(&out.stderr);
    for error in errors.lines() {
        assert!(told.contains(error), "{name}: {error}\n{told}");
    }
}

/// A value in each line.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The one route of a folder's mapping files.
fn route(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let yaml = files.filter(|path| path.extension().is_some_and(|e| e == "yaml"));
    let texts: Vec<_> = yaml.map(|path| fs::read_to_string(path).unwrap()).collect();
    let names: Vec<_> =
        texts.iter().flat_map(|t| t.lines()).filter_map(|line| line.strip_prefix("route: ")).collect();
    assert_eq!(names.len(), 1, "{} has one route", folder.display());
    names[0].to_owned()
}

pub(crate) fn folders(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut folders: Vec<_> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn portolan(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().unwrap()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
