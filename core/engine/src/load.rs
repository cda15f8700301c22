//! Where routes come from: files now, kept bundles for messages that began on an earlier version.

use std::collections::HashMap;

use bytes::Bytes;
use portolan_delivery::system::SystemPolicy;

use crate::route::Route;

/// A route with the bundle to keep for it.
pub struct Loaded {
    /// Ready to be served.
    pub route: Route,
    /// The content of its bundle.
    pub bundle: Bytes,
}

/// Makes routes.
pub trait Loader: Send + Sync + 'static {
    /// Every route of the configured files. All or nothing: one that is not sound refuses them all.
    fn load(&self) -> Result<Vec<Loaded>, LoadError>;

    /// How each system may be asked, as of the last load.
    fn systems(&self) -> HashMap<String, SystemPolicy>;

    /// A route from a kept bundle.
    fn open(&self, bundle: &[u8]) -> Result<Loaded, LoadError>;
}

/// Why routes cannot be served.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// Files are not sound.
    #[error("{text}")]
    Findings {
        /// The findings, rendered for people with the lines that they are about.
        text: String,
        /// Code, place and message of each, for a log: nothing of the files' own text.
        brief: String,
    },
    /// A kept bundle cannot be read.
    #[error("the kept bundle cannot be read: {0}")]
    Bundle(String),
}

impl LoadError {
    /// Findings without lines of the files.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::Findings { brief: text.clone(), text }
    }

    /// What a log may hold.
    pub fn brief(&self) -> &str {
        match self {
            Self::Findings { brief, .. } => brief,
            Self::Bundle(why) => why,
        }
    }
}
