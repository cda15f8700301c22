//! A backlog is published in blocks, ahead of the room that there is for it: asking the ledger, publishing and noting it for
//! each claim of a few would cost more than their work. Until half of a block was received, claims take what is with the
//! transport, and ask the ledger only when nothing comes.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Parcels of a block.
pub(super) const BLOCK: usize = 256;

/// How many parcels may be received before the ledger is to be asked again.
#[derive(Debug, Default)]
pub(super) struct Ahead(AtomicUsize);

impl Ahead {
    /// So many were due. Fewer than a block are all there were: whatever becomes due next is asked for by the next claim.
    pub(super) fn published(&self, due: usize) {
        self.0.store(if due < BLOCK { 0 } else { BLOCK / 2 }, Ordering::Relaxed);
    }

    /// So many were received.
    pub(super) fn received(&self, count: usize) {
        let less = |ahead: usize| Some(ahead.saturating_sub(count));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Whether enough is with the transport.
    pub(super) fn is_enough(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}
