//! Routes whose queue took no parcel: nobody waits for them again, until one attempt on the side has succeeded.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

#[derive(Default)]
pub(crate) struct Shut(Mutex<HashMap<Arc<str>, State>>);

struct State {
    /// When to try again; none while somebody does.
    again: Option<Instant>,
    why: String,
}

/// What to do with a parcel.
pub(crate) enum Way {
    Open,
    /// Nothing, for this reason.
    Shut(String),
    /// To try whether it is open again, and to have nobody wait for that.
    Try(String),
}

impl Shut {
    pub(crate) fn way(&self, route: &str, now: Instant) -> Way {
        let mut all = self.0.lock();
        let Some(state) = all.get_mut(route) else { return Way::Open };
        let why = state.why.clone();
        match state.again {
            Some(again) if again <= now => {
                state.again = None;
                Way::Try(why)
            }
            _ => Way::Shut(why),
        }
    }

    pub(crate) fn why(&self, route: &str) -> Option<String> {
        self.0.lock().get(route).map(|state| state.why.clone())
    }

    /// Whether it was open before.
    pub(crate) fn shut(&self, route: &Arc<str>, again: Instant, why: String) -> bool {
        self.0.lock().insert(route.clone(), State { again: Some(again), why }).is_none()
    }

    /// After a try that says nothing.
    pub(crate) fn try_again(&self, route: &str, after: Duration) {
        if let Some(state) = self.0.lock().get_mut(route) {
            state.again = state.again.or_else(|| Some(Instant::now() + after));
        }
    }

    /// Whether it was shut before.
    pub(crate) fn open(&self, route: &str) -> bool {
        self.0.lock().remove(route).is_some()
    }
}
