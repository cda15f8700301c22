//! Places at a system: how many calls are under way at once, and how many wait for a place.

use std::time::Duration;

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// The places of one system.
#[derive(Debug)]
pub struct Places {
    calls: Semaphore,
    /// For those who wait, so that a system that hangs does not gather the whole world's calls in memory.
    waiting: Semaphore,
}

impl Places {
    /// For so many calls at once, and so many that wait.
    pub fn new(calls: usize, waiting: usize) -> Self {
        let places = |number: usize| Semaphore::new(number.min(Semaphore::MAX_PERMITS));
        Self { calls: places(calls), waiting: places(waiting) }
    }

    /// A place, waited for at most so long; `None` where none came free, or too many wait already.
    pub async fn take(&self, limit: Duration) -> Option<SemaphorePermit<'_>> {
        if let Ok(place) = self.calls.try_acquire() {
            return Some(place);
        }
        let _waiting = self.waiting.try_acquire().ok()?;
        timeout(limit, self.calls.acquire()).await.ok()?.ok()
    }
}
