//! A fuse: lets so many steps pass and then kills. A step is each side of each call to a store, since a call may die
//! before it took effect, or after, with its answer lost.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

/// Shared by all who can be killed together.
#[derive(Debug, Clone)]
pub struct Fuse {
    left: Arc<AtomicU64>,
    burnt: Arc<Notify>,
}

impl Fuse {
    /// Kills at this step, from 0.
    pub fn at(step: u64) -> Self {
        Self { left: Arc::new(AtomicU64::new(step)), burnt: Arc::new(Notify::new()) }
    }

    /// Never kills.
    pub fn never() -> Self {
        Self::at(u64::MAX)
    }

    /// Passes, or never returns: whoever is killed does nothing more.
    pub async fn step(&self) {
        let passed = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if passed.is_err() {
            self.burnt.notify_one();
            pending::<()>().await;
        }
    }

    /// Resolves once it has killed.
    pub async fn burnt(&self) {
        self.burnt.notified().await;
    }

    /// A call to a store, with a step on either side.
    pub async fn call<T>(&self, effect: impl FnOnce() -> T) -> T {
        self.step().await;
        let result = effect();
        self.step().await;
        result
    }
}
