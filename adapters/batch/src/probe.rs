//! Whether a folder can be used, as `portolan doctor` asks.

use rustix::fs::FileType;

use crate::{
    FolderError, FolderOptions, Pattern,
    dir::{Dir, Entry},
    folder,
};

/// Why a folder cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{said}")]
pub struct ProbeError {
    /// What was found.
    pub said: String,
    /// What to do.
    pub todo: String,
}

impl From<FolderError> for ProbeError {
    fn from(error: FolderError) -> Self {
        let (said, todo) = error.parts();
        Self { said, todo }
    }
}

/// Files that lie in a folder and are taken by nobody: no pattern is of their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strangers {
    /// The first of them, by their names as they may be shown.
    pub names: Vec<String>,
    /// How many there are.
    pub count: u64,
}

/// Opens a folder, writes an empty file into it, and takes that away: nobody takes a name such as it has. Where patterns are given, those
/// of all that is taken from there, it is looked what else lies there. Blocks.
///
/// # Errors
/// It is not there, cannot be reached, or cannot be written to.
pub fn probe(options: &FolderOptions, patterns: &[Pattern]) -> Result<Strangers, ProbeError> {
    const NAME: &str = ".portolan-probe.writing";
    let folder = folder::at(options)?;
    match &folder {
        Dir::Here(local) => drop(local.create(NAME)?),
        Dir::There(remote) => drop(remote.create_empty(NAME)?),
    }
    folder.remove(NAME)?;
    match patterns {
        [] => Ok(Strangers::default()),
        patterns => Ok(strangers(&folder, options, patterns)?),
    }
}

fn strangers(folder: &Dir, options: &FolderOptions, patterns: &[Pattern]) -> Result<Strangers, FolderError> {
    const SHOWN: usize = 3;
    let (own, mut strangers) = (folder::own(options), Strangers::default());
    folder.names(|bytes, told| {
        let name = std::str::from_utf8(bytes).unwrap_or_default();
        let taken = patterns.iter().any(|pattern| pattern.matches(name));
        if name.is_empty()
            || name.starts_with('.')
            || own.contains(name)
            || options.complete.is_none_to_take(name)
            || taken
        {
            return Ok(());
        }
        let is_file = |entry: Entry| entry.kind == FileType::RegularFile;
        if told.map_or_else(|| folder.look(name), |entry| Ok(Some(entry)))?.is_some_and(is_file) {
            strangers.count += 1;
            strangers.names.push(name.escape_debug().to_string());
            strangers.names.sort();
            strangers.names.truncate(SHOWN);
        }
        Ok(())
    })?;
    Ok(strangers)
}
