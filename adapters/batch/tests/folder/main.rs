//! Real folders with real files: what is taken and when, by whom, and what is left when something goes wrong.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod claim;
mod complete;
mod crash;
mod full;
mod jail;
mod leftover;
mod reclaim;
mod write;

use std::{collections::BTreeSet, fs, path::Path};

use portolan_batch::{Candidate, Claim, Complete, Folder, FolderOptions, Look, Pattern};
use portolan_delivery::Timestamp;
use tempfile::TempDir;

/// 2026-11-29T21:30:00Z.
const NOW: Timestamp = Timestamp(1_795_987_800_000_000);

fn drop_folder(complete: Complete) -> (TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = open(dir.path(), complete);
    (dir, folder)
}

fn open(path: &Path, complete: Complete) -> Folder {
    Folder::open(FolderOptions { complete, ..FolderOptions::new(path) }).unwrap()
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn look(folder: &mut Folder) -> Look {
    folder.look(&patterns(&["*"]), NOW).unwrap()
}

fn names(candidates: &[Candidate]) -> Vec<&str> {
    candidates.iter().map(|candidate| &*candidate.name).collect()
}

fn claim(folder: &mut Folder, name: &str) -> Claim {
    let found = look(folder).candidates;
    let candidate = found.iter().find(|candidate| &*candidate.name == name).expect("it is complete");
    folder.claim(candidate, "gw-1").unwrap().expect("nobody else takes it")
}

/// The files below a folder, hidden ones too.
fn files(folder: &Path) -> BTreeSet<String> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => walk(root, &entry.path(), found),
                false => {
                    let path = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                    found.insert(path);
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(folder, folder, &mut found);
    found
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}
