//! A backlog is published in blocks, ahead of the room that there is for it: asking the ledger, publishing and noting it for
//! each claim of a few would cost more than their work. What was published ahead is received before more is.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::Timestamp;

/// Parcels of a block.
const BLOCK: usize = 256;
/// After so long in which claims received nothing, what was published ahead was received by others.
const IDLE: Duration = Duration::from_secs(1);

/// What is with the transport, as far as this process knows.
#[derive(Debug, Default)]
pub(super) struct Ahead(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    parcels: usize,
    /// Since when claims receive nothing.
    idle: Option<Timestamp>,
}

impl Ahead {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many to publish for a claim of so many; 0 while enough is with the transport.
    pub(super) fn wanted(&self, limit: usize, now: Timestamp) -> usize {
        let mut state = self.lock();
        // A clock that was put back holds up nothing.
        if state.idle.is_some_and(|since| now < since || now.since(since) >= IDLE) {
            *state = State::default();
        }
        let block = BLOCK.max(limit);
        if state.parcels > block / 2 { 0 } else { block - state.parcels }
    }

    /// So many of those that were wanted. If fewer, there were no more, or they could not be published: the next claim asks again.
    pub(super) fn published(&self, count: usize, wanted: usize) {
        let mut state = self.lock();
        state.parcels = if count < wanted { 0 } else { state.parcels + count };
    }

    /// So many by one claim.
    pub(super) fn received(&self, count: usize, now: Timestamp) {
        let mut state = self.lock();
        state.parcels = state.parcels.saturating_sub(count);
        match count {
            0 => drop(state.idle.get_or_insert(now)),
            _ => state.idle = None,
        }
    }
}
