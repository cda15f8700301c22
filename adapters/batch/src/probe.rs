//! Whether a folder can be used, as `portolan doctor` asks.

use crate::{
    FolderError, FolderOptions,
    local::Local,
    sftp::{Connection, Remote},
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

/// Opens a folder, writes an empty file into it, and takes that away: nobody takes a name such as it has. Blocks.
///
/// # Errors
/// It is not there, cannot be reached, or cannot be written to.
pub fn probe(options: &FolderOptions) -> Result<(), ProbeError> {
    const NAME: &str = ".portolan-probe.writing";
    match &options.sftp {
        None => {
            let folder = Local::at(&options.path)?;
            folder.create(NAME)?;
            folder.remove(NAME)?;
        }
        Some(sftp) => {
            let folder = Remote::at(Connection::new(sftp)?, &options.path)?;
            folder.create_empty(NAME)?;
            folder.remove(NAME)?;
        }
    }
    Ok(())
}
