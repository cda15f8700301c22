//! What the other side showed of itself: for `portolan doctor`, and for words about an error.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::CommonState;

/// Certificate and intermediates of the other side, in DER.
pub fn certificates(connection: &CommonState) -> Vec<Vec<u8>> {
    let shown = connection.peer_certificates().unwrap_or_default();
    shown.iter().map(|certificate| certificate.to_vec()).collect()
}

/// What a server showed when it was last connected. Clones are of one server.
#[derive(Debug, Clone, Default)]
pub struct Shown(Arc<Mutex<Vec<Vec<u8>>>>);

impl Shown {
    /// It is connected anew, with TLS or without.
    pub fn clear(&self) {
        self.0.lock().clear();
    }

    /// The handshake is done.
    pub fn note(&self, connection: &CommonState) {
        *self.0.lock() = certificates(connection);
    }

    /// As [`certificates`]; none without TLS.
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        self.0.lock().clone()
    }
}
