//! Every WSDL of the corpus: read without a panic, and most of them without an error.

use std::path::{Path, PathBuf};

use portolan_diagnostics::{Rendered, Severity, Sources};
use portolan_schema::{Directory, Reading, describe, describe_json, wsdl};

/// The corpus, which is never copied into the repository.
fn corpus() -> PathBuf {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    std::env::var_os("PORTOLAN_CORPUS").map_or(default, PathBuf::from)
}

fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() {
            gather(&path, found);
        } else if path.extension().is_some_and(|e| e == "wsdl") {
            found.push(path);
        }
    }
}

#[test]
fn reads_the_wsdls_of_the_corpus() {
    let root = corpus().join("soap");
    let mut files = Vec::new();
    gather(&root, &mut files);
    files.sort();
    if files.is_empty() {
        println!("corpus not found, 211 cases not run");
        return;
    }
    // What a mapping would name under `schemas:`, because these WSDLs import it by URL.
    let xroad = root.join("x-road/wsdl/addons/wsdlvalidator/src/test/resources/xsd/xroad.xsd");
    let stand_in = ("http://x-road.eu/xsd/xroad.xsd".to_owned(), xroad.display().to_string());
    let resolver = Directory::new("").with_stand_ins([stand_in]);
    let (mut sound, mut operations) = (0, 0);
    for file in &files {
        let mut sources = Sources::default();
        let entry = file.display().to_string();
        let checked = wsdl::read(&entry, &mut Reading { resolver: &resolver, sources: &mut sources });
        if let Some(contract) = &checked.value {
            assert!(!describe(contract).is_empty());
            assert!(describe_json(contract).is_object());
        }
        operations +=
            checked.value.iter().flat_map(|c| &c.services).map(|s| s.operations.len()).sum::<usize>();
        match checked.diagnostics.iter().find(|d| d.severity == Severity::Error) {
            None => sound += 1,
            Some(first) => {
                let shown = Rendered::new(first, &sources);
                let line = shown.position.map_or(0, |p| p.line);
                println!(
                    "{}:{line}: {} {}",
                    file.strip_prefix(&root).unwrap_or(file).display(),
                    shown.code,
                    shown.message
                );
            }
        }
    }
    println!("{sound} of {} read without an error, {operations} operations", files.len());
    assert!(sound * 100 >= files.len() * 75, "{sound} of {}", files.len());
}
