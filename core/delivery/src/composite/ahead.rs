//! A backlog is published in blocks, ahead of the room that there is for it: asking the ledger, publishing and noting it for
//! each claim of a few would cost more than their work. What was published ahead is received before more is.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::Timestamp;

/// Parcels of a block.
const BLOCK: usize = 256;
/// After so long without any, what was published ahead was received by others.
const IDLE: Duration = Duration::from_secs(1);

/// What is with the transport, as far as this process knows.
#[derive(Debug, Default)]
pub(super) struct Ahead(Mutex<State>);

#[derive(Debug)]
struct State {
    parcels: usize,
    /// When the last ones were published or received.
    at: Timestamp,
}

impl Default for State {
    fn default() -> Self {
        Self { parcels: 0, at: Timestamp(0) }
    }
}

impl Ahead {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many to publish for a claim of so many; 0 while enough is with the transport.
    pub(super) fn wanted(&self, limit: usize, now: Timestamp) -> usize {
        let mut state = self.lock();
        // A clock that was put back holds up nothing.
        if now < state.at || now.since(state.at) >= IDLE {
            state.parcels = 0;
        }
        let block = BLOCK.max(limit);
        if state.parcels > block / 2 { 0 } else { block - state.parcels }
    }

    /// So many of those that were wanted. If fewer, there were no more, or they could not be published: the next claim asks again.
    pub(super) fn published(&self, count: usize, wanted: usize, now: Timestamp) {
        let mut state = self.lock();
        state.parcels = if count < wanted { 0 } else { state.parcels + count };
        state.at = now;
    }

    pub(super) fn received(&self, count: usize, now: Timestamp) {
        let mut state = self.lock();
        state.parcels = state.parcels.saturating_sub(count);
        state.at = state.at.max(now);
    }
}
