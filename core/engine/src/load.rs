//! Where routes come from: files now, kept bundles for messages that began on an earlier version.

use bytes::Bytes;

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

    /// A route from a kept bundle.
    fn open(&self, bundle: &[u8]) -> Result<Loaded, LoadError>;
}

/// Why routes cannot be served.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// Findings, rendered for people.
    #[error("{0}")]
    Findings(String),
    /// A kept bundle cannot be read.
    #[error("the kept bundle cannot be read: {0}")]
    Bundle(String),
}
