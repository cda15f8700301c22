//! The command line as a user meets it: whole commands with what they print and their exit codes.
//!
//! What a command must print stands in `snapshots/`; `UPDATE_SNAPSHOTS=1 cargo test --test cli` writes it anew, for review.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod batch;
mod check;
mod contracts;
mod demo;
mod doctor;
mod help;
mod layouts;
mod queue;
mod serve;
mod snapshot;
mod translate;

use std::path::{Path, PathBuf};

/// The repository.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A new folder with these files.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let path = folder.path().to_owned();
    (folder, path)
}
