//! A panic is a defect of this program, and must cost one message, not the queue: it is caught where a message is worked
//! on, so that what the message holds, its claim and its place among those at work, is given back.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

/// The work panicked; the panic's own text is on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Runs work to its end, or to its panic. What it has shared is only locks that are not held across an await, and the
/// memory of translations, which begins anew with each.
pub(crate) async fn guarded<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut work = pin!(work);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}
