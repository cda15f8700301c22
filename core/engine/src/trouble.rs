//! Work that is done again and again and fails while broker or database are away: the log tells of it once, and when it is
//! done again.

use std::time::Instant;

use portolan_delivery::{DeliveryError, Outage};

/// Of one kind of work.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// What cannot be done: `messages cannot be claimed`.
    what: &'static str,
    outage: Outage,
}

impl Trouble {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, outage: Outage::default() }
    }

    /// What came of it this time.
    pub(crate) fn tell<T>(&self, result: &Result<T, DeliveryError>) {
        let now = Instant::now();
        match result {
            // While one thing is away its reason may take turns.
            Err(error) if self.outage.is_news("", now) => tracing::error!(%error, "{}", self.what),
            Err(error) => tracing::debug!(%error, "{}", self.what),
            Ok(_) => {
                if let Some(lasted) = self.outage.is_over(now) {
                    tracing::info!(after_s = lasted.as_secs(), "over: {}", self.what);
                }
            }
        }
    }
}
