//! Keeps the house in order: the direction of dependencies, module docs, file sizes, and generated reference pages that
//! have not drifted from the code. `make reference` writes the pages anew.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod dependencies;
mod findings;
mod layouts;
mod reference;
mod schema;
mod sources;

use std::path::{Path, PathBuf};

/// The project's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of the project, without what is built or fetched.
fn rust_files() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for path in entries.flatten().map(|e| e.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | "node_modules") && !name.starts_with('.') {
                    walk(&path, found);
                }
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found.sort();
    found
}
