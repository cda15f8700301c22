//! What every `Delivery` has to hold, as a suite that each implementation runs; and two stores in memory, with a fuse that
//! cuts them off between any two steps. Feature `testing`.
#![allow(clippy::panic, reason = "a suite says by a panic what does not hold")]

mod cases;
mod fuse;
pub mod kill;
mod ledger;
pub mod messages;
mod store;
pub mod suspects;
mod transport;

pub use cases::SUITE;
pub use fuse::Fuse;
pub use ledger::{FakeDatabase, FakeLedger};
pub use transport::{FakeBroker, FakeTransport};

use std::sync::Arc;

use crate::{BoxFuture, Delivery, Event};

/// An implementation under test.
pub trait Subject: Send + Sync {
    /// A `Delivery` over what was durable before: at first, over nothing.
    fn open(&self) -> BoxFuture<'_, Arc<dyn Delivery>>;
    /// Ends it without farewell. What was not durable is gone, and the next [`Subject::open`] is another process.
    fn crash(&self, delivery: Arc<dyn Delivery>) -> BoxFuture<'_, ()>;
    /// What those who listen were told so far; `None` where this cannot be seen, or nobody can listen.
    fn announced(&self) -> Option<Vec<Event>> {
        None
    }
}

/// A case of the suite: it panics where the subject does not hold what it must.
pub struct Case {
    /// What must hold.
    pub name: &'static str,
    /// Shows it on a subject that holds nothing yet.
    pub run: for<'a> fn(&'a dyn Subject) -> BoxFuture<'a, ()>,
}
