//! Every file says why it exists, and none has grown two subjects.

/// Code lines beyond which a file has surely more than one subject.
const LONGEST: usize = 600;

#[test]
fn every_file_says_why_it_exists() {
    let bare: Vec<_> = super::rust_files()
        .into_iter()
        .filter(|path| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            !text.trim_start_matches("#![no_main]").trim_start().starts_with("//!")
        })
        .collect();
    assert!(bare.is_empty(), "these files have no module doc: {bare:#?}");
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<_> = super::rust_files()
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let code =
                text.lines().filter(|l| !l.trim().is_empty() && !l.trim_start().starts_with("//")).count();
            (code, path)
        })
        .filter(|(code, _)| *code > LONGEST)
        .collect();
    assert!(long.is_empty(), "these files have more than {LONGEST} lines of code: {long:#?}");
}

#[test]
fn no_crate_of_the_core_is_a_monolith() {
    let mut by_crate = std::collections::BTreeMap::<String, usize>::new();
    for path in super::rust_files() {
        let path = path.strip_prefix(super::root()).unwrap_or(&path).to_path_buf();
        let parts: Vec<_> = path.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
        let lines = std::fs::read_to_string(super::root().join(&path)).unwrap_or_default().lines().count();
        if let [group @ ("core" | "adapters"), name, "src", ..] =
            parts.iter().map(String::as_str).collect::<Vec<_>>()[..]
        {
            *by_crate.entry(format!("{group}/{name}")).or_default() += lines;
        }
    }
    let all: usize = by_crate.values().sum();
    for (name, lines) in by_crate {
        assert!(lines * 3 < all, "{name} holds {lines} of {all} lines: more than a third");
    }
}
