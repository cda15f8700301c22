//! The pages of `docs/errors`: the wrong example of each gives the one finding that the page shows, the right one none.
//!
//! An example is a folder: the shop of `docs/errors/example`, with the page's own blocks in the place of its files. The
//! word after a block's language says for which example it is (`wrong`, `right` or `both`), the next one its file; without
//! one it is a fragment of `price.yaml`, whose keys replace those of the same names. Layouts and copybooks of a page, which
//! no route of the shop names, are checked by themselves.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use portolan_diagnostics::{CATALOG, Entry};

/// The mapping that fragments are of.
const MAPPING: &str = "price.yaml";

#[test]
fn wrong_examples_give_their_finding_and_right_ones_none() {
    let mut wrong = Vec::new();
    for entry in CATALOG {
        let (findings, shown) = check(entry, "wrong");
        if findings != [entry.code.0] {
            wrong.push(format!("{}: the wrong example gives {findings:?}\n{shown}", entry.code));
        }
        let (findings, shown) = check(entry, "right");
        if !findings.is_empty() {
            wrong.push(format!("{}: the right example gives {findings:?}\n{shown}", entry.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_is_of_a_code_and_has_its_title() {
    let folder = super::root().join("docs/errors");
    let mut pages = Vec::new();
    for subject in std::fs::read_dir(&folder).unwrap().flatten().filter(|e| e.path().is_dir()) {
        let subject = subject.file_name().to_string_lossy().into_owned();
        for page in std::fs::read_dir(folder.join(&subject)).unwrap().flatten() {
            let name = page.file_name().to_string_lossy().into_owned();
            pages.extend(name.strip_suffix(".md").map(|name| format!("{subject}/{name}")));
        }
    }
    let mut codes: Vec<_> = CATALOG.iter().map(|entry| entry.code.0.to_owned()).collect();
    pages.sort();
    codes.sort();
    assert_eq!(pages, codes);
    for entry in CATALOG {
        let title = format!("# {}: {}", entry.code, entry.title);
        assert_eq!(entry.page.lines().next(), Some(&*title), "the title of docs/errors/{}.md", entry.code);
    }
}

/// Every page with the finding that its wrong example gives now.
pub(super) fn pages() -> Vec<(PathBuf, String)> {
    let page = |entry: &Entry| {
        let path = PathBuf::from(format!("docs/errors/{}.md", entry.code));
        (path, with_finding(entry.page, &check(entry, "wrong").1))
    };
    CATALOG.iter().map(page).collect()
}

/// The page with another finding.
fn with_finding(page: &str, finding: &str) -> String {
    const OPEN: &str = "```text finding\n";
    let Some((before, rest)) = page.split_once(OPEN) else { return page.to_owned() };
    let after = rest.find("```").map_or("", |end| &rest[end..]);
    format!("{before}{OPEN}{finding}{after}")
}

/// Runs `portolan check` in the folder of an example: the codes of its findings, and how they look.
fn check(entry: &Entry, example: &str) -> (Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files(entry.page, example) {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let alone: Vec<String> = blocks(entry.page)
        .into_iter()
        .filter_map(|(info, text)| match info.split_whitespace().collect::<Vec<_>>()[..] {
            [language, role, file] if role == example || role == "both" => {
                (language == "cobol" || text.starts_with("layout:")).then(|| file.to_owned())
            }
            _ => None,
        })
        .collect();
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
        let output =
            command.args(words).args(&alone).current_dir(folder.path()).output().expect("portolan runs");
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr)
    };
    let found: serde_json::Value = serde_json::from_str(&run(&["check", "--format", "json"])).unwrap();
    // What makes the configuration unreadable stands in an error.
    let found = found.pointer("/error/findings").unwrap_or(&found);
    let codes = found.as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap().to_owned());
    let text = run(&["check"]);
    // The summary follows the findings and is none.
    let shown: String = text.split_inclusive("\n\n").filter(|part| part.contains(" --> ")).collect();
    (codes.collect(), format!("{}\n", shown.trim_end()))
}

/// The files of an example.
fn files(page: &str, example: &str) -> BTreeMap<String, String> {
    let folder = super::root().join("docs/errors/example");
    let mut files: BTreeMap<String, String> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|e| {
            let text = std::fs::read_to_string(e.path()).unwrap();
            (e.file_name().to_string_lossy().into_owned(), text)
        })
        .collect();
    for (info, text) in blocks(page) {
        let words: Vec<&str> = info.split_whitespace().collect();
        match words.as_slice() {
            [_, role, file] if *role == example || *role == "both" => {
                files.insert((*file).to_owned(), text.to_owned());
            }
            [_, role] if *role == example || *role == "both" => {
                let whole = completed(text, &files[MAPPING]);
                files.insert(MAPPING.to_owned(), whole);
            }
            _ => {}
        }
    }
    files
}

/// The fenced blocks of a page, each with what follows its opening fence.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let mut parts = page.split("```");
    let mut found = Vec::new();
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        found.extend(block.split_once('\n'));
    }
    found
}

/// A fragment of a mapping with the keys of the whole one that it does not have. It stands first, so that its lines keep
/// their numbers.
fn completed(fragment: &str, whole: &str) -> String {
    let key = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let is_key = |line: &&str| !line.starts_with([' ', '#', '-']);
    let given: Vec<_> = fragment.lines().filter(is_key).map(key).collect();
    let mut text = fragment.to_owned();
    let mut kept = true;
    for line in whole.split_inclusive('\n') {
        if is_key(&line) {
            kept = !given.contains(&key(line));
        }
        if kept {
            text.push_str(line);
        }
    }
    text
}
