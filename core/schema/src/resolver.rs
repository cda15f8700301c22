//! Where imports come from. Readers ask; they never open a file themselves, and nothing is fetched from a network.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

/// Finds the files that other files name.
pub trait Resolver {
    /// The bytes of `location`, as `from` names it (`None`: as the user named it), with the name by which to remember it.
    ///
    /// `location` is a path relative to `from`, an import path, or a URL that the mapping's `schemas:` may have
    /// pointed at a local file.
    fn resolve(&self, location: &str, from: Option<&str>) -> Result<Resolved, ResolveError>;
}

/// A file that was found.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The name to show, and by which further imports are relative.
    pub name: String,
    /// The bytes as they are; encodings are the reader's matter.
    pub bytes: Vec<u8>,
}

/// Why a file was not found.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ResolveError {
    /// It is a URL and nothing local stands for it.
    #[error(
        "`{0}` is on the network; name a local copy of it: under `schemas:` in a mapping, by `--schema URL=FILE` on the command line"
    )]
    NotLocal(String),
    /// It is not there.
    #[error("`{0}` is not there")]
    NotFound(String),
    /// It leads out of the folder that holds the contract.
    #[error("`{0}` leads out of its folder")]
    Outside(String),
    /// It could not be read.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(String, String),
}

/// Files under a folder on disk, with local stand-ins for URLs.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    base: PathBuf,
    root: PathBuf,
    stand_ins: BTreeMap<String, String>,
}

impl Directory {
    /// Files as seen from `base`.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), ..Self::default() }
    }

    /// With files read under `root`, whose name no file's name has: the same tree has the same names anywhere.
    #[must_use]
    pub fn under(mut self, root: impl Into<PathBuf>) -> Self {
        self.root = root.into();
        self
    }

    /// With local files, relative to `base`, for URLs (or for any location).
    #[must_use]
    pub fn with_stand_ins(mut self, stand_ins: impl IntoIterator<Item = (String, String)>) -> Self {
        self.stand_ins.extend(stand_ins);
        self
    }
}

impl Resolver for Directory {
    fn resolve(&self, location: &str, from: Option<&str>) -> Result<Resolved, ResolveError> {
        let name = place(&self.base, &self.stand_ins, location, from)?;
        let shown = name.display().to_string();
        match std::fs::read(self.root.join(&name)) {
            Ok(bytes) => Ok(Resolved { name: shown, bytes }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(ResolveError::NotFound(shown)),
            Err(e) => Err(ResolveError::Unreadable(shown, e.kind().to_string())),
        }
    }
}

/// Files held in memory: bundles that were stored with a message, and tests. Names are what [`Directory`] with the
/// same base would have made of them.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    base: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
    stand_ins: BTreeMap<String, String>,
}

impl Memory {
    /// Files as seen from `base`; an empty one sees them by their plain names.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), ..Self::default() }
    }

    /// Adds a file by its whole name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(name.into(), bytes.into());
        self
    }

    /// With stand-ins for URLs, as [`Directory::with_stand_ins`].
    #[must_use]
    pub fn with_stand_ins(mut self, stand_ins: impl IntoIterator<Item = (String, String)>) -> Self {
        self.stand_ins.extend(stand_ins);
        self
    }
}

impl Resolver for Memory {
    fn resolve(&self, location: &str, from: Option<&str>) -> Result<Resolved, ResolveError> {
        let name = place(&self.base, &self.stand_ins, location, from)?.display().to_string();
        match self.files.get(&name) {
            Some(bytes) => Ok(Resolved { name, bytes: bytes.clone() }),
            None => Err(ResolveError::NotFound(name)),
        }
    }
}

/// Where a location leads: a stand-in's file, beside the file that names it, or under the base.
fn place(
    base: &Path,
    stand_ins: &BTreeMap<String, String>,
    location: &str,
    from: Option<&str>,
) -> Result<PathBuf, ResolveError> {
    match (stand_ins.get(location), from) {
        (Some(local), _) => Ok(clean(&base.join(local))),
        (None, _) if location.contains("://") => Err(ResolveError::NotLocal(location.to_owned())),
        (None, Some(from)) => Ok(clean(&Path::new(from).parent().unwrap_or(Path::new("")).join(location))),
        (None, None) => Ok(clean(&base.join(location))),
    }
}

/// Removes `.` and resolves `..` by name, as URLs do.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
