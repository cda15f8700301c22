//! How many calls are served at a time. More are refused at once: a queue in front of the queue would only hide that
//! the gateway is overloaded.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The calls that are being served.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    served: Arc<AtomicUsize>,
    limit: usize,
}

/// One call that is being served, until it is dropped.
#[derive(Debug)]
pub(crate) struct Admitted(Arc<AtomicUsize>);

impl Admission {
    pub(crate) fn new(limit: usize) -> Self {
        Self { served: Arc::default(), limit }
    }

    /// Admits one more call, unless there are too many.
    pub(crate) fn admit(&self) -> Option<Admitted> {
        let before = self.served.fetch_add(1, Ordering::Relaxed);
        let admitted = Admitted(Arc::clone(&self.served));
        (before < self.limit).then_some(admitted)
    }

    /// How many are being served.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_limit() {
        let admission = Admission::new(2);
        let first = admission.admit();
        let second = admission.admit();
        assert!(first.is_some() && second.is_some());
        assert!(admission.admit().is_none());
        assert_eq!(admission.served(), 2);
        drop(first);
        assert!(admission.admit().is_some());
        assert_eq!(admission.served(), 1);
    }
}
