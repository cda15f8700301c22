//! Reading files that a person named: bounded, and with reasons that a person understands.

use std::{fs::File, io::Read, path::Path};

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// There is none.
    #[error("it is not there")]
    NotThere,
    /// It is a folder.
    #[error("it is a folder")]
    Folder,
    /// It is larger than anything that belongs here.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
    /// It holds something else.
    #[error("it is not text in UTF-8")]
    NotText,
    /// The system's reason.
    #[error("{0}")]
    Other(std::io::ErrorKind),
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::NotThere,
            std::io::ErrorKind::IsADirectory => Self::Folder,
            kind => Self::Other(kind),
        }
    }
}

/// The whole file.
pub(crate) fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge(limit));
    }
    Ok(bytes)
}

/// The whole file as text.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, ReadError> {
    String::from_utf8(read_bytes(path, limit)?).map_err(|_| ReadError::NotText)
}
