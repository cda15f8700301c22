//! Every folder under `mappings/` is a test by being there: it is sound, and what each of its samples says is what
//! `portolan translate` makes of it.
//!
//! A sample is a folder with `request.json`, and beside it `request.xml`, `response.xml`, and `response.json` or
//! `failure.json` (the parts of the failure that matter). Without a `response.xml` the failure is the request's.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::harness::{binary, collapsed, repository};

#[test]
fn every_worked_example_does_what_its_samples_say() {
    let mut samples = 0;
    for mapping in folders(&repository().join("mappings")) {
        let checked = portolan(&["check", &text(&mapping)]);
        assert!(checked.status.success(), "{}: {}", mapping.display(), said(&checked));
        let route = route(&mapping);
        let cases = folders(&mapping.join("samples"));
        assert!(!cases.is_empty(), "{} has no samples", mapping.display());
        for case in cases {
            sample(&mapping, &route, &case);
            samples += 1;
        }
    }
    println!("{samples} samples");
}

fn sample(mapping: &Path, route: &str, case: &Path) {
    let name = case.display();
    let file = |file: &str| Some(case.join(file)).filter(|path| path.exists());
    let translate = |arguments: &[&str]| {
        portolan(&[&["translate", route, "--mappings", &text(mapping)], arguments].concat())
    };
    let request = text(&file("request.json").unwrap_or_else(|| panic!("{name} has no request.json")));
    let response = file("response.xml");
    let out = translate(&["--request", &request]);
    if let Some(expected) = file("request.xml") {
        assert!(out.status.success(), "{name}: {}", said(&out));
        let printed = String::from_utf8(out.stdout.clone()).unwrap();
        assert_eq!(
            collapsed(&printed),
            collapsed(&fs::read_to_string(expected).unwrap()),
            "{name}: the request"
        );
    }
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

fn folders(parent: &Path) -> Vec<PathBuf> {
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
