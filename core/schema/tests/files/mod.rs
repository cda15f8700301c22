//! The WSDLs of the corpus, for the tests of this crate and of the formats.

use std::path::{Path, PathBuf};

/// Where they lie, and all of them in order; none where the corpus is not there, which is never copied into the repository.
pub(crate) fn wsdls() -> (PathBuf, Vec<PathBuf>) {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let root = std::env::var_os("PORTOLAN_CORPUS").map_or(default, PathBuf::from).join("soap");
    // As the readers name it in what they say.
    let root = root.canonicalize().unwrap_or(root);
    let mut files = Vec::new();
    gather(&root, &mut files);
    files.sort();
    (root, files)
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
