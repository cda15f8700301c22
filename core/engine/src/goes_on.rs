//! Work that goes on when whoever waits for it goes away: a caller's deadline passes, a connection is cut.
//!
//! While somebody waits, the work is polled in place, which spares the common case a task and two wake-ups; dropped before
//! its end, it becomes a task of its own.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A future that outlives its waiter.
pub(crate) struct GoesOn<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
}

impl<T: Send + 'static> GoesOn<T> {
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self { work: Some(Box::pin(work)) }
    }
}

impl<T: Send + 'static> Future for GoesOn<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for GoesOn<T> {
    fn drop(&mut self) {
        // Without a runtime the process is ending; what was begun is then settled by the next start.
        if let (Some(work), Ok(runtime)) = (self.work.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::GoesOn;

    #[tokio::test]
    async fn dropped_work_is_finished() {
        let (begin, begun) = tokio::sync::oneshot::channel::<()>();
        let (finish, finished) = tokio::sync::oneshot::channel();
        let mut work = GoesOn::new(async move {
            let _ = begun.await;
            let _ = finish.send(7);
        });
        tokio::select! {
            biased;
            () = &mut work => panic!("it waits to begin"),
            () = std::future::ready(()) => {}
        }
        drop(work);
        begin.send(()).unwrap();
        assert_eq!(finished.await, Ok(7));
    }
}
