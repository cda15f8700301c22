//! The routes of the trial beside their contracts, which nobody here wrote: those lie in the corpus, which is never copied
//! into the repository. So a temporary folder holds a copy of the routes and a link `corpus` to the contracts.

use std::{fs, path::Path};

/// A folder with the routes of the trial; `None`, said aloud, where the corpus is not there.
pub(crate) fn routes() -> Option<tempfile::TempDir> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus =
        std::env::var_os("PORTOLAN_CORPUS").map_or_else(|| repository.join("../shared/corpus"), Into::into);
    let contracts = corpus.join("soap");
    if !contracts.is_dir() {
        println!("corpus not found, the routes of the trial not tested");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(contracts.canonicalize().unwrap(), folder.path().join("corpus")).unwrap();
    copy(&repository.join("tests/trial"), folder.path());
    let files = corpus.join("fixed-width").canonicalize().unwrap();
    std::os::unix::fs::symlink(files, folder.path().join(".fixed-width")).unwrap();
    for route in fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
        // Layouts that a route shares with the test of the corpus.
        for layout in fs::read_to_string(route.join("layouts")).unwrap_or_default().lines() {
            fs::copy(repository.join("tests/corpus").join(layout), route.join(layout)).unwrap();
        }
    }
    Some(folder)
}

/// Folders and files, without links.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
